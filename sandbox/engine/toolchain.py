"""Find the Pulumi CLI, or build it from Go modules; build actionlint.

An installed CLI is used if it is a complete distribution (with its Python language host) of a supported
version. Otherwise the version in `go.mod` is built once into the toolchain folder. `SANDBOX_ENGINE=built`
ignores an installed one: the tests of the stand-ins set it.

No binaries are downloaded: a build from modules is verified against `go.sum`. Go itself is not installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from sandbox.engine.starting import toolchain_folder
from user_errors import add_fix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MINIMUM = (3, 272, 0)  # the SDK's version: an older CLI does not understand all of its messages
MAXIMUM = (4, 0, 0)
REQUIRED_PULUMI_VERSION = ">=3.272.0 <4.0.0"  # as `requiredPulumiVersion` in Pulumi.yaml
ENGINE_VARIABLE, BUILT = "SANDBOX_ENGINE", "built"
STAND_IN_MARK = "# stand-in of the sandbox"

_HERE = Path(__file__).parent
_ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint"
_ACTIONLINT_VERSION = "v1.7.12"
_PULUMI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_SYMBOL = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
GO_MINIMUM = (1, 21)  # since 1.21, Go downloads the toolchain that go.mod requires


class ToolchainError(Exception):
    """The engine can neither be found nor built. The message has the fix."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Pulumi CLI. `built`: it is the bare binary, and needs stand-ins for the rest of a distribution."""

    pulumi: Path
    version: str
    built: bool


def pinned_version() -> str:
    """Return the engine version in go.mod, such as `v3.274.1`."""
    found = re.search(
        r"^\s*github\.com/pulumi/pulumi/pkg/v3 (v\S+)", (_HERE / "go.mod").read_text("utf-8"), re.MULTILINE
    )
    if found is None:
        message = f"{_HERE / 'go.mod'} does not name github.com/pulumi/pulumi/pkg/v3"
        raise ToolchainError(message)
    return found[1]


def find_or_build(progress: Callable[[str], None] = lambda _text: None) -> Engine:
    """Return the installed engine if it can be used, else the one built here (built now if necessary).

    With `SANDBOX_ENGINE=built`, the installed one is not used.

    Args:
        progress: called with a message before anything that takes minutes.

    Raises:
        ToolchainError: no usable CLI, and Go is missing, too old, or fails.
    """
    installed = None
    if os.environ.get(ENGINE_VARIABLE) != BUILT:
        installed = _find_installed(os.environ.get("PATH", ""))
    return installed or _find_or_build(progress)


def actionlint(progress: Callable[[str], None] = lambda _text: None) -> Path:
    """Return actionlint at its pinned version, built if necessary.

    Raises:
        ToolchainError: Go is missing, too old, or fails.
    """
    target = toolchain_folder() / "bin" / "actionlint"
    with _lock():
        if _first_line([target, "-version"]) != _ACTIONLINT_VERSION:
            progress(f"Installing actionlint {_ACTIONLINT_VERSION} from Go modules.")
            part = toolchain_folder() / "part"
            environ = {"GOBIN": str(part), "CGO_ENABLED": "0"}
            _go(["install", "-trimpath", "-ldflags=-s -w", f"{_ACTIONLINT}@{_ACTIONLINT_VERSION}"], environ)
            (part / "actionlint").replace(target)
    return target


def _find_installed(path: str) -> Engine | None:
    for folder in path.split(os.pathsep):
        pulumi = Path(folder, "pulumi")
        if not (pulumi.is_file() and os.access(pulumi, os.X_OK) and _is_distribution(pulumi)):
            continue
        version = _version(pulumi) or ""
        if MINIMUM <= _numbers(version) < MAXIMUM:
            return Engine(pulumi=pulumi, version=version, built=False)
    return None


def _is_distribution(pulumi: Path) -> bool:
    """Return whether the binary is part of a distribution, and has none of our stand-ins beside it."""
    host = pulumi.resolve().parent / "pulumi-language-python"
    if not host.is_file():
        return False
    with host.open("rb") as file:
        return STAND_IN_MARK.encode() not in file.read(200)


def _find_or_build(progress: Callable[[str], None]) -> Engine:
    version = pinned_version()
    target = toolchain_folder() / "bin" / "pulumi"
    with _lock():
        if _version(target) != version:
            progress(
                f"Building the Pulumi CLI {version} from Go modules, once; about 4 minutes on 2 cores "
                f"({target})."
            )
            part = toolchain_folder() / "part" / "pulumi"
            flags = f"-s -w -X {_VERSION_SYMBOL}={version}"
            _go(
                ["build", "-C", str(_HERE), "-trimpath", "-ldflags", flags, "-o", str(part), _PULUMI],
                {"CGO_ENABLED": "0"},
            )
            part.replace(target)
    return Engine(pulumi=target, version=version, built=True)


def _lock() -> FileLock:
    folder = toolchain_folder()
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "part").mkdir(exist_ok=True)
    return FileLock(folder / ".lock")


def _go(arguments: list[str], environ: Mapping[str, str]) -> None:
    go = shutil.which("go")
    fix = (
        f"install the Pulumi CLI {REQUIRED_PULUMI_VERSION} (https://www.pulumi.com/docs/install), "
        f"or Go {'.'.join(map(str, GO_MINIMUM))} or later (https://go.dev/dl)"
    )
    if go is None:
        raise ToolchainError(
            add_fix("there is no suitable Pulumi CLI on PATH, and no Go to build one.", fix, "")
        )
    found = _first_line([Path(go), "env", "GOVERSION"]) or "an unknown version"
    if _numbers(found)[:2] < GO_MINIMUM:
        raise ToolchainError(add_fix(f"{go} is {found}, which is too old to build the Pulumi CLI.", fix, ""))
    done = subprocess.run(
        [go, *arguments], env={**os.environ, **environ}, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-15:])
        message = f"go {arguments[0]} failed with exit code {done.returncode}:\n{tail}"
        raise ToolchainError(add_fix(message, fix, ""))


def _version(pulumi: Path) -> str | None:
    """Return the version of a CLI, or None. It is asked once: an answer takes 0.16 s of CPU time."""
    if not pulumi.is_file():
        return None
    found = pulumi.stat()
    return _version_of(pulumi, found.st_ino, found.st_size, found.st_mtime_ns)


@cache
def _version_of(pulumi: Path, *_file: int) -> str | None:
    return _first_line([pulumi, "version"])


def _first_line(command: list[Path | str]) -> str | None:
    """Return the first line that a tool prints; None if it is missing or fails."""
    if not Path(command[0]).is_file():
        return None
    environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    done = subprocess.run(
        [str(part) for part in command], env=environ, text=True, capture_output=True, check=False
    )
    lines = done.stdout.splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def main() -> int:
    """Find or build both tools and print where they are; return the exit code."""

    def show(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    try:
        engine = find_or_build(show)
        linter = actionlint(show)
    except ToolchainError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    origin = (
        "built from Go modules, with stand-in plugins" if engine.built else "installed, with its own plugins"
    )
    show(f"pulumi {engine.version}  {engine.pulumi}  ({origin})")
    show(f"actionlint {_ACTIONLINT_VERSION}  {linter}")
    return 0
