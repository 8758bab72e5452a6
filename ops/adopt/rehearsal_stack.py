"""The stack of a rehearsal: the program in a folder of its own, with the config of the user's stack.

The user's stack is only read. Its secrets are decrypted by the Pulumi CLI, go to the CLI by stdin, and are
encrypted with the passphrase of the rehearsal. Tokens and addresses of the real clouds are left out.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from ops import stack, stack_file
from ops.adopt.stack_config import StackFile
from settings.keys import NAMESPACE
from settings.parsing import mapping, sequence
from user_errors import printable

PROGRAM = (
    "Pulumi.yaml",
    "__main__.py",
    "user_errors.py",
    "progress.py",
    "checkout",
    "components",
    "firebase",
    "ops",
    "railway",
    "settings",
)
"""What `pulumi` and `python -m ops` need of the project's folder."""

CACHE = ".cache"
"""What was found in the app's code: it need not be loaded again."""

APP = f"{NAMESPACE}:appDir"
_LEFT_OUT = ("gcp:", "railway:")
"""Namespaces of credentials and addresses: the sandbox's come from the environment."""

_ENCRYPTED = "secure"
_PLACEHOLDER = "not-set-yet"
INTERRUPT_SECONDS = 20.0


@dataclass(frozen=True)
class Secret:
    """A secret value of a stack's config, and its path as `pulumi config set --path` takes it."""

    path: str
    value: str


def config_of(name: str) -> tuple[dict[str, object], list[Secret]]:
    """The config of a stack: its file with placeholders for secrets, and the secrets.

    Args:
        name: the stack.

    Raises:
        StackError: there is no such stack, or its secrets cannot be decrypted.
    """
    entries = stack.config_entries(name)
    file = StackFile(name).config
    config: dict[str, object] = {}
    found: list[Secret] = []
    for key, entry in entries.items():
        if key.startswith(_LEFT_OUT):
            continue
        plain = entry.get("objectValue", entry.get("value"))
        if key in file:
            config[key] = _without_secrets(key, file[key], plain, found)
        elif entry.get("secret"):  # of the environment that the file names
            config[key] = _PLACEHOLDER
            found.append(Secret(key, str(entry.get("value", ""))))
        else:
            config[key] = plain
    app = config.get(APP)
    if isinstance(app, str):
        config[APP] = str((stack.PROJECT / app).resolve())
    return config, found


def _without_secrets(path: str, value: object, plain: object, found: list[Secret]) -> object:
    """A value of the file with placeholders; `found` gets the secrets from its decrypted form."""
    fields, items = mapping(value), sequence(value)
    if fields is not None and list(fields) == [_ENCRYPTED]:
        found.append(Secret(path, plain if isinstance(plain, str) else json.dumps(plain)))
        return _PLACEHOLDER
    if fields is not None:
        known = mapping(plain) or {}
        return {
            name: _without_secrets(f"{path}[{json.dumps(name)}]", part, known.get(name), found)
            for name, part in fields.items()
        }
    if items is not None:
        plains = [*(sequence(plain) or ()), *[None] * len(items)]
        return [
            _without_secrets(f"{path}[{number}]", part, plains[number], found)
            for number, part in enumerate(items)
        ]
    return value


class Scratch:
    """The program in a folder of its own, and commands in it.

    Args:
        folder: where the program goes; it must not exist.
        environ: the environment of all commands.
        name: the stack.

    Raises:
        OSError: the program could not be copied.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], name: str) -> None:
        self.folder = folder
        self.name = name.rpartition("/")[2]
        folder.mkdir(mode=0o700)
        temporary = folder / ".tmp"  # plugins leave files behind
        temporary.mkdir()
        self._environ = {**environ, "TMPDIR": str(temporary)}
        for one in PROGRAM:
            _copy(stack.PROJECT / one, folder / one)
        if (stack.PROJECT / CACHE).is_dir():
            _copy(stack.PROJECT / CACHE, folder / CACHE)
        virtual = stack.PROJECT / ".venv"
        if virtual.exists():
            (folder / ".venv").symlink_to(virtual.resolve())

    def prepare(self, config: Mapping[str, object], secrets: Iterable[Secret]) -> str:
        """Create the stack with a config; "" if it worked, else what Pulumi printed."""
        file = self.folder / stack_file.name_of(self.name)
        file.write_text(yaml.safe_dump({"config": dict(config)}, allow_unicode=True))
        file.chmod(0o600)
        done = self.run("pulumi", "stack", "init", self.name, "--no-select", "--non-interactive")
        for one in secrets:
            if done.returncode == 0:
                options = ("--stack", self.name, "--path", "--secret", "--non-interactive")
                # The CLI removes one line feed at the end.
                done = self.run("pulumi", "config", "set", *options, one.path, stdin=f"{one.value}\n")
        return "" if done.returncode == 0 else done.stdout

    def ops(self, *arguments: str, show: Callable[[str], None] | None = None) -> Done:
        """Run `python -m ops` with the interpreter of this process."""
        return self.run(sys.executable, "-m", "ops", *arguments, show=show)

    def run(self, *command: str, stdin: str = "", show: Callable[[str], None] | None = None) -> Done:
        """Run a command to its end.

        It is interrupted, with everything that it started, when this process is: in a session of its own, it
        does not get the terminal's Ctrl-C as well.

        Args:
            command: the command line.
            stdin: what the command reads.
            show: called with each line of its output.
        """
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        lines: list[str] = []
        try:
            for line in _conversation(process, stdin):
                lines.append(line)
                if show is not None:
                    show(line)
            process.wait()
        finally:
            _end_session(process)
            if process.stdout is not None:
                process.stdout.close()
        return Done(process.returncode, "".join(f"{line}\n" for line in lines))


@dataclass(frozen=True)
class Done:
    """The exit code of a command, and what it printed on both of its outputs."""

    returncode: int
    stdout: str


def _conversation(process: subprocess.Popen[str], stdin: str) -> Iterator[str]:
    """Write to a process, and yield the lines that it prints."""
    writer = threading.Thread(target=_send, args=(process, stdin), daemon=True)
    writer.start()
    assert process.stdout is not None
    for line in process.stdout:
        yield printable(line.rstrip("\n"))
    writer.join()


def _send(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    with suppress(OSError), process.stdin:  # it ended without reading
        process.stdin.write(text)


def _end_session(process: subprocess.Popen[str]) -> None:
    """End everything in the session of a process: first by an interrupt, which the Pulumi CLI handles."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(INTERRUPT_SECONDS)
    # The engine puts its plugins into process groups of their own, but into the same session.
    deadline = time.monotonic() + INTERRUPT_SECONDS
    while (left := session_members(process.pid)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.poll()
        time.sleep(0.05)
    process.wait()


def session_members(session: int) -> list[int]:
    """The processes of a session, without those that have ended and wait for their parent."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=False)
    found: list[int] = []
    for line in listed.stdout.splitlines():
        number, _, status = line.strip().partition(" ")
        if not number.isdigit() or status.strip().startswith("Z"):
            continue
        with suppress(OSError):
            if os.getsid(int(number)) == session:
                found.append(int(number))
    return found


def environment(unset: Sequence[str], variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process, without real accounts and addresses, and with the sandbox's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in unset and not (name.startswith("GOOGLE_") and name.endswith("_CUSTOM_ENDPOINT"))
    }
    return {**kept, **variables}


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def summary(output: str) -> list[str]:
    """What an `up` printed below its table: the diagnostics, and how many resources it changed."""
    lines = output.splitlines()
    kept: list[str] = []
    inside = False
    for line in lines:
        if line.startswith(("Diagnostics:", "Resources:")):
            inside = True
        elif line.startswith("Outputs:"):
            inside = False
        if inside:
            kept.append(line)
    return kept
