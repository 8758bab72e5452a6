"""A stack under test on a sandbox of its own, with a settings file that tests may edit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox import stack_state
from sandbox.supervisor import PROJECT, STACK, Running, Sandbox

SETTINGS = PROJECT / f"Pulumi.{STACK}.yaml"
DRIFT = ("preview", "--refresh", "--run-program", "--expect-no-changes", "--diff")

Done = subprocess.CompletedProcess[str]


class Stack:
    """The sandbox's stack, run from a copy of its settings so that the repository's file stays as it is.

    Args:
        sandbox: a running sandbox.
        folder: where the copy of the settings goes.
    """

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.settings = folder / f"Pulumi.{STACK}.yaml"
        self.settings.write_text(SETTINGS.read_text())
        self.said: list[str] = []
        sandbox.ensure_stack(STACK)

    @property
    def running(self) -> Running:
        """Where the sandbox answers."""
        running = self.sandbox.running()
        assert running is not None
        return running

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the settings: `change` gets the `config` mapping of the file."""
        document = cast("dict[str, Any]", yaml.safe_load(self.settings.read_text()))
        change(document["config"])
        self.settings.write_text(yaml.safe_dump(document))

    def pulumi(self, *arguments: str, **extra: str) -> Done:
        """Run the CLI on the stack; its output is kept for the search for secrets."""
        done = self.sandbox.pulumi(
            *arguments,
            "--stack",
            STACK,
            "--config-file",
            str(self.settings),
            "--non-interactive",
            "--color",
            "never",
            extra_environment=extra,
        )
        self.said.append(done.stdout)
        assert "Traceback (most recent call last)" not in done.stdout, done.stdout
        return done

    def up(self, *arguments: str) -> Done:
        """Apply; fails the test unless Pulumi succeeds."""
        done = self.pulumi("up", "--yes", "--skip-preview", *arguments)
        assert done.returncode == 0, done.stdout
        return done

    def verify(self) -> Done:
        """Run `python -m ops verify --stack`, as a user does with the exports of `python -m sandbox env`."""
        return subprocess.run(
            [sys.executable, "-m", "ops", "verify", "--stack", STACK],
            cwd=PROJECT,
            env={**os.environ, **self.sandbox.variables()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def counted(self, run: Callable[[], Done]) -> tuple[Done, stack_state.Counts, stack_state.Counts]:
        """Run something; returns its output and what Railway and Google counted meanwhile."""
        stack_state.reset_counts(self.running)
        done = run()
        return done, stack_state.counts(self.running.railway_url), stack_state.counts(self.running.google_url)


@dataclass
class Steps:
    """The steps of a test file on one stack, by name: the output of each, and what both clouds counted."""

    stack: Stack
    done: dict[str, Done] = field(default_factory=dict[str, Done])
    railway: dict[str, stack_state.Counts] = field(default_factory=dict[str, stack_state.Counts])
    google: dict[str, stack_state.Counts] = field(default_factory=dict[str, stack_state.Counts])

    def step(self, name: str, *arguments: str, **extra: str) -> Done:
        """Run a command of the Pulumi CLI as a step; it may fail."""
        done, self.railway[name], self.google[name] = self.stack.counted(
            lambda: self.stack.pulumi(*arguments, **extra)
        )
        self.done[name] = done
        return done
