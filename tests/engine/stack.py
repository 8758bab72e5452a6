"""A small program and its stack, run by the real engine from a local folder without network access."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sandbox.engine.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.engine.toolchain import Engine

# The real language host runs a program without a virtualenv by the first python3 on PATH, which has no SDK.
PROJECT = f"""\
name: small
runtime:
  name: python
  options:
    virtualenv: {json.dumps(sys.prefix)}
"""
NO_CHANGES_EXPECTED = 7  # the engine's exit code if --expect-no-changes finds changes


@dataclass(frozen=True, kw_only=True)
class Ran:
    """The result of a command."""

    code: int
    text: str


class ProgramStack:
    """A folder with a program, a stack `dev` and the environment variables of both.

    Args:
        folder: an empty folder.
        engine: the engine.
        environ: additional environment variables.
    """

    def __init__(self, folder: Path, engine: Engine, environ: Mapping[str, str]) -> None:
        self.folder = folder / "program"
        self.folder.mkdir(parents=True)
        self.environ = {**os.environ, **lay_out(folder / "engine", engine), **environ}
        self.write("Pulumi.yaml", PROJECT)
        self._initialised = False

    def write(self, name: str, text: str) -> None:
        """Write a file of the program."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def run(self, *arguments: str, code: int | None = 0) -> Ran:
        """Run `pulumi`; fail unless its exit code is `code` (None: any)."""
        if not self._initialised:
            self._initialised = True
            self.run("stack", "init", "dev")
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert code is None or done.returncode == code, done.stdout
        return Ran(code=done.returncode, text=done.stdout)

    def up(self, code: int | None = 0) -> Ran:
        """Run `up` without a preview."""
        return self.run("up", "--yes", "--skip-preview", code=code)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        return cast(
            "dict[str, Any]", json.loads(self.run("stack", "output", "--json", "--show-secrets").text)
        )

    def resources(self, *options: str) -> list[dict[str, Any]]:
        """Return the resources of the stack's state."""
        state = json.loads(self.run("stack", "export", *options).text)
        return cast("list[dict[str, Any]]", state["deployment"].get("resources", []))
