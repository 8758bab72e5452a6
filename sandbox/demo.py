"""The life of a stack on the sandbox, shown as a person would want to read it: `make sandbox`.

preview, up, a second preview without changes, five edits by hand, the drift named property by property,
the up that heals it, a clean preview, and what all of it cost.

Refuses to go on after a step that did not do what it says: the show then ends with that step's exit code.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.rule import Rule
from rich.table import Table

from sandbox import stack_state
from sandbox.supervisor import STACK, Running, Sandbox, SandboxError

NO_CHANGES_EXPECTED = 7  # Pulumi's exit code when --expect-no-changes is violated (its cmd/exit_codes.go)
# What a terminal would have overwritten: steps under way, and resources found as they were.
PASSING = re.compile(
    r" (creating|updating|deleting|refreshing) \(\S+\)(?!.*(error|warning))"
    r"| refresh \(\S+\) *$|^ {4}\S+:\S+ \S+ *(running)? *$"
)
DRIFT = ("preview", "--refresh", "--run-program", "--expect-no-changes", "--diff")


@dataclass
class Step:
    """One command of the show, what it cost."""

    title: str
    seconds: float
    railway: stack_state.Counts
    google: stack_state.Counts


@dataclass
class Life:
    """The show itself.

    Args:
        sandbox: a sandbox that is up and whose stack is empty.
        console: where it is shown.
    """

    sandbox: Sandbox
    console: Console
    steps: list[Step] = field(default_factory=list[Step])

    def run(self) -> int:
        """Show it all; returns an exit code, 0 when every step did what it should."""
        start = time.monotonic()
        self.sandbox.ensure_stack(STACK)
        self._pulumi("What production will become", "preview", "--suppress-outputs")
        self._pulumi("Make it so", "up", "--yes", "--skip-preview")
        self._pulumi("Nothing is left to do", "preview", "--expect-no-changes", "--suppress-outputs")
        self._pulumi(
            "Read the live sides once more", "refresh", "--yes", "--skip-preview", "--expect-no-changes"
        )
        self._edit_by_hand()
        self._pulumi("What drifted, property by property", *DRIFT, expect=NO_CHANGES_EXPECTED)
        self._pulumi("Heal it", "up", "--yes", "--skip-preview", "--refresh", "--run-program")
        self._pulumi("Clean again, live sides included", *DRIFT)
        self._table(time.monotonic() - start)
        return 0

    def _pulumi(self, title: str, *arguments: str, expect: int = 0) -> None:
        self.console.print(Rule(f"[bold]{title}[/]", align="left"))
        self.console.print(f"$ pulumi {' '.join(arguments)} -s {STACK}", style="dim", highlight=False)
        running = self._running()
        stack_state.reset_counts(running)
        start = time.monotonic()
        if self.console.is_terminal:
            done = self.sandbox.pulumi(*arguments, "--stack", STACK, capture=False)
        else:
            done = self.sandbox.pulumi(
                *arguments, "--stack", STACK, "--color", "never", "--suppress-progress", "--non-interactive"
            )
            lines = done.stdout.splitlines()
            self.console.out("\n".join(line for line in lines if not PASSING.search(line)))
        seconds = time.monotonic() - start
        self.steps.append(
            Step(
                title,
                seconds,
                stack_state.counts(running.railway_url),
                stack_state.counts(running.google_url),
            )
        )
        if done.returncode != expect:
            raise SandboxError(
                f"`pulumi {' '.join(arguments)}` ended with exit code {done.returncode}, expected {expect}"
            )
        self.console.print(f"exit code {done.returncode}, {seconds:.1f} s", style="dim")

    def _edit_by_hand(self) -> None:
        self.console.print(Rule("[bold]A colleague edits five things by hand[/]", align="left"))
        for drift in stack_state.example_edits(self._running(), stack_state.resources(self.sandbox, STACK)):
            drift.apply()
            self.console.print(f"  • {drift.description}", highlight=False)

    def _running(self) -> Running:
        running = self.sandbox.running()
        if running is None:
            raise SandboxError(f"the sandbox ended; see {self.sandbox.root}/sandbox.log")
        return running

    def _table(self, seconds: float) -> None:
        self.console.print(Rule("[bold]What it cost[/]", align="left"))
        costs = Table(box=None, pad_edge=False)
        costs.add_column("requests to:", no_wrap=True)
        for heading in ("Railway", "polls", "Google", "deploys", "seconds"):
            costs.add_column(heading, justify="right")
        for step in self.steps:
            costs.add_row(
                step.title,
                str(step.railway.requests),
                str(step.railway.polls),
                str(step.google.requests),
                str(step.railway.deployments),
                f"{step.seconds:.1f}",
            )
        self.console.print(costs)
        first = self.steps[1].railway
        operations = Table(title="\nRailway requests of the first up, by operation", box=None, pad_edge=False)
        operations.title_justify = "left"
        operations.add_column("operation")
        operations.add_column("requests", justify="right")
        for name, count in sorted(first.operations.items()):
            operations.add_row(name, str(count))
        self.console.print(operations)
        found = stack_state.resources(self.sandbox, STACK)
        self.console.print(f"\n{len(found)} resources, {seconds:.1f} s in all.", highlight=False)
        self.console.print(
            'The sandbox stays up. Use it: [bold]eval "$(python -m sandbox env)"[/], then plain '
            f"[bold]pulumi preview -s {STACK}[/]. End it: [bold]python -m sandbox down[/].",
            highlight=False,
        )


def show(sandbox: Sandbox) -> int:
    """Start a fresh sandbox in this folder and show a stack's life on it; returns the exit code.

    The state of an earlier one is kept in `<folder>.previous`.
    """
    console = Console(soft_wrap=True, highlight=False)
    if sandbox.stop():
        console.print(f"the sandbox `{sandbox.name}` was up: stopped", style="dim")
    kept = sandbox.move_state_aside()
    if kept:
        console.print(f"starting from nothing; the earlier state is kept in {kept.name}", style="dim")
    start = time.monotonic()
    running = sandbox.start()
    console.print(
        f"sandbox up in {time.monotonic() - start:.1f} s: Railway {running.railway_url}, "
        f"Google {running.google_url}, Firestore {running.firestore_host}",
        style="dim",
    )
    sys.stdout.flush()
    return Life(sandbox, console).run()
