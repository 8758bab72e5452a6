"""The program in examples/railway on a Railway sandbox and an engine of its own, kept in one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from sandbox.engine import layout, toolchain
from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from sandbox.supervisor import PROJECT, UNSET_VARIABLES
from tests.conformance.railway_world import ADMIN_TOKEN, WORKSPACE, World, assert_silent

EXAMPLE = PROJECT / "examples" / "railway"
CONFIG = {"workspaceId": WORKSPACE, "domain": "shop.example.com"}
PASSWORD = ADMIN_TOKEN
"""A secret for which the output of every command is searched."""


class ExampleWorld:
    """The sandbox, a copy of the program, and the engine with its state.

    Args:
        folder: where they are kept; created if it does not exist.
        stack: the name of the stack.
    """

    world: World

    def __init__(self, folder: Path, stack: str) -> None:
        self.folder = folder
        self.stack = stack
        self.program = folder / "program"
        if not self.program.exists():
            shutil.copytree(EXAMPLE, self.program)
        self._server = LocalServer(create_app(folder / "railway.json"))

    def __enter__(self) -> ExampleWorld:
        self.world = World(self._server.start().url)
        self.world.admin("switches", {"deploy_step_seconds": 0.01, "backend_is_crm": False})
        engine = layout.lay_out(self.folder / "engine", toolchain.find_or_build(print))
        inherited = {name: value for name, value in os.environ.items() if name not in UNSET_VARIABLES}
        self.environ = {
            **inherited,
            **engine,
            **self.world.environ(),
            "PATH": engine["PATH"],
            "PYTHONPATH": str(PROJECT),
        }
        del self.environ["PULUMI_PROJECT"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def init(self) -> None:
        """Create the stack with `CONFIG`, and two branches of the API's repository."""
        for branch in ("main", "staging"):
            self.world.admin("repos", {"repo": "example/shop-api", "branch": branch, "sha": "a" * 40})
        self.run("stack", "init", self.stack)
        self.configure(CONFIG, PASSWORD)

    def configure(self, config: Mapping[str, str], password: str, *, file: str = "") -> None:
        """Set keys of the stack's config.

        Args:
            config: key -> value; keys may be paths.
            password: the database's password.
            file: a config file to write instead of the stack's; it starts as a copy of that one.
        """
        where: tuple[str, ...] = ("--stack", self.stack)
        if file:
            shutil.copy(self.program / f"Pulumi.{self.stack}.yaml", self.program / file)
            where = (*where, "--config-file", file)
        plain = [part for key, value in config.items() for part in ("--plaintext", f"{key}={value}")]
        self.run("config", "set-all", "--path", *plain, "--secret", f"databasePassword={password}", *where)

    def command(self, *arguments: str) -> list[str]:
        """The command line of the CLI."""
        return ["pulumi", *arguments, "--non-interactive", "--color", "never"]

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI.

        Raises:
            AssertionError: it printed a secret.
        """
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.program,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if "--show-secrets" not in arguments:
            assert_silent(done.stdout)
        return done

    def run(self, *arguments: str) -> str:
        """Run the CLI; returns its output.

        Raises:
            AssertionError: it failed, or printed a secret.
        """
        done = self.call(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout
