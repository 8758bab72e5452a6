"""The program Node of this machine, never one of the checkout."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from checkout import isolation, programs
from settings.files import is_dir

_SECONDS = 30
_INSTALL = "install Node.js 22"


class NodeError(Exception):
    """There is no usable Node. `what` is a sentence, `fix` completes "fix:"."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


@dataclass(frozen=True, kw_only=True)
class Node:
    """The program itself, and the version that it prints, such as `v22.11.0`."""

    program: str
    version: str


def find(folder: Path, app_dir: Path) -> Node:
    """The first Node on PATH.

    Args:
        folder: the codebase, in which it is asked for its version.
        app_dir: the app, whose folders do not count.

    Raises:
        NodeError: there is none, it does not respond, or it is a program of the app.
    """
    checkout = isolation.checkout_of(folder, app_dir)
    path = programs.search_path(os.environ, checkout)
    found = programs.find("node", path, checkout)
    if found is None:
        raise NodeError("node was not found on PATH. Folders inside the app are ignored.", _INSTALL)
    try:
        program, version = _program(found, path, folder)
    except subprocess.TimeoutExpired:
        what = f"{found} did not print its version within {_SECONDS} seconds."
        raise NodeError(what, f"{found} --version  # must print it; if not, install Node.js 22") from None
    if Path(program).is_relative_to(checkout):
        what = f"{found} starts {program}, a program of the app, which is not run."
        raise NodeError(what, "install Node.js 22, first on PATH")
    return Node(program=program, version=version)


def with_npm(folder: Path, app_dir: Path) -> list[Path]:
    """Node and what is installed beside it, such as npm, for the view of a command; empty without Node.

    The programs of the system can be seen anyway.
    """
    try:
        node = Path(find(folder, app_dir).program)
    except NodeError:
        return []  # a command may do without
    beside = [node.parent] if is_dir(node.parent.parent / "include/node") else []
    return [node, *beside]


def _program(found: str, path: str, folder: Path) -> tuple[str, str]:
    """The program itself and its version: PATH may name a script of a version manager."""
    program = os.path.realpath(found)
    environment = {"PATH": path} | {name: os.environ[name] for name in ("HOME",) if name in os.environ}

    def run(*arguments: str) -> str:
        line = [program if program.endswith("/node") else found, *arguments]
        ran = subprocess.run(
            line,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_SECONDS,
        )
        return ran.stdout.strip()

    if program.endswith("/node"):
        with Path(program).open("rb") as file:
            is_script = file.read(2) == b"#!"
        if not is_script:
            return program, run("--version")
    version, _, program = run("-p", "process.version + '\\n' + process.execPath").partition("\n")
    return program or found, version
