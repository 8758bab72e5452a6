"""`make sandbox`: a stack from the first preview to the repair of drift, on a new sandbox.

Each step runs one Pulumi command and prints its output; the last table lists the requests of each step. The
demo ends with exit code 1 at the first step whose exit code is not the expected one.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.rule import Rule
from rich.table import Table

from ops.readiness.command import NOT_READY, READY
from ops.refresh_noise import without_noise
from sandbox import stack_state
from sandbox.supervisor import STACK, Running, Sandbox, SandboxError

if TYPE_CHECKING:
    from pathlib import Path

# Pulumi's exit code when --expect-no-changes finds changes. Source: cmd/exit_codes.go in Pulumi's repository.
CHANGES_FOUND = 7
# Lines that a terminal overwrites: resources in progress, resources without changes, and messages that the
# diagnostics at the end repeat.
PROGRESS_LINE = re.compile(
    r" (creating|updating|deleting|refreshing) \(\S+\)(?!.*(error|warning))"
    r"| refresh \(\S+\) *$|^ {4}\S+:\S+ \S+ *(running\b.*|\d+ messages?)? *$"
)
DRIFT_DETECTION = ("preview", "--refresh", "--run-program", "--expect-no-changes", "--diff")


@dataclass
class Step:
    """One command of the demo with its duration and the requests that it caused."""

    title: str
    seconds: float
    railway: stack_state.Counts
    google: stack_state.Counts


@dataclass
class Demo:
    """The demo on a running sandbox whose state is empty.

    Args:
        sandbox: the sandbox.
        console: the console to print to.
        stack: the stack, which exists and has no resources yet.
    """

    sandbox: Sandbox
    console: Console
    stack: str
    steps: list[Step] = field(default_factory=list[Step])

    def run(self) -> int:
        """Run all steps; return the exit code 0.

        Raises:
            SandboxError: a step's exit code is not the expected one.
        """
        start = time.monotonic()
        self._pulumi("First preview", "preview", "--suppress-outputs")
        self._pulumi("First update", "up", "--yes", "--skip-preview")
        self._pulumi("Second preview: no changes", "preview", "--expect-no-changes", "--suppress-outputs")
        self._pulumi("Refresh: no changes", "refresh", "--yes", "--skip-preview", "--expect-no-changes")
        self._edit_outside_pulumi()
        self._pulumi("Drift detection", *DRIFT_DETECTION, expected_code=CHANGES_FOUND)
        self._pulumi("Update: drift reverted", "up", "--yes", "--skip-preview", "--refresh", "--run-program")
        self._pulumi("Drift detection: no drift", *DRIFT_DETECTION)
        self._check_readiness()
        self._print_requests(time.monotonic() - start)
        return 0

    def _heading(self, title: str) -> None:
        self.console.print()
        self.console.print(Rule(f"[bold]{title}[/]", align="left"))

    def _pulumi(self, title: str, *arguments: str, expected_code: int = 0) -> None:
        self._heading(title)
        self.console.print(f"$ pulumi {' '.join(arguments)} -s {self.stack}", style="dim", highlight=False)
        running = self._running()
        stack_state.reset_counts(running)
        start = time.monotonic()
        # The report of drift is printed when it is complete: blocks are left out of it.
        if self.console.is_terminal and arguments != DRIFT_DETECTION:
            done = self.sandbox.pulumi(*arguments, "--stack", self.stack, capture=False)
        else:
            done = self.sandbox.pulumi(
                *arguments,
                "--stack",
                self.stack,
                "--color",
                "always" if self.console.is_terminal else "never",
                "--suppress-progress",
                "--non-interactive",
            )
            lines = without_noise(done.stdout.splitlines())
            self.console.out("\n".join(line for line in lines if not PROGRESS_LINE.search(line)))
        seconds = time.monotonic() - start
        self.steps.append(
            Step(
                title,
                seconds,
                stack_state.counts(running.railway_url),
                stack_state.counts(running.google_url),
            )
        )
        if done.returncode != expected_code:
            raise SandboxError(
                f"`pulumi {' '.join(arguments)} -s {self.stack}` ended with exit code {done.returncode}, "
                f"expected {expected_code}. The output above has the reason.\n"
                "fix: correct the reason, then run the same command again"
            )
        meaning = ", as expected: differences were found" if expected_code == CHANGES_FOUND else ""
        self.console.print(f"exit code {done.returncode}{meaning}; {seconds:.1f} s", style="dim")

    def _check_readiness(self) -> None:
        """Some lines are not ready: nobody ran the acceptance tests, and the app's code does not run."""
        self._heading("Readiness: every line of the runbook")
        arguments = ("readiness", "--stack", self.stack, "--report", f"html:{self._report}")
        self.console.print(f"$ .venv/bin/python -m ops {' '.join(arguments)}", style="dim", highlight=False)
        done = self.sandbox.ops(*arguments)
        if done.returncode not in (READY, NOT_READY):
            self.console.out(done.stdout)
            raise SandboxError(
                f"`python -m ops readiness --stack {self.stack}` ended with exit code {done.returncode}. The "
                "output above has the reason.\nfix: correct the reason, then run the same command again"
            )
        self.console.print(done.stdout.rstrip().rpartition("\n")[2], highlight=False, markup=False)

    @property
    def _report(self) -> Path:
        return self.sandbox.root / "readiness.html"

    def _edit_outside_pulumi(self) -> None:
        self._heading("Changes made outside Pulumi, as in the dashboards of Railway and Google")
        resources = stack_state.resources(self.sandbox, self.stack)
        for edit in stack_state.example_edits(self._running(), resources):
            edit.apply()
            self.console.print(f"  • {edit.description}", highlight=False)

    def _running(self) -> Running:
        running = self.sandbox.running()
        if running is None:
            raise SandboxError(
                f"the sandbox `{self.sandbox.name}` ended during the demo.\n"
                f"fix: correct what {self.sandbox.log} reports, then run the same command again"
            )
        return running

    def _print_requests(self, seconds: float) -> None:
        self._heading("Requests and duration of each step")
        costs = Table(box=None, pad_edge=False)
        costs.add_column("step", no_wrap=True, vertical="bottom")
        for heading in (
            "Railway\nrequests",
            "of these\npolls",
            "Google\nrequests",
            "Railway\ndeployments",
            "\nseconds",
        ):
            costs.add_column(heading, justify="right", no_wrap=True)
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
        operations = Table(title="\nRailway requests of the first update", box=None, pad_edge=False)
        operations.title_justify = "left"
        operations.add_column("operation")
        operations.add_column("requests", justify="right")
        for name, count in sorted(self.steps[1].railway.operations.items()):
            operations.add_row(name, str(count))
        self.console.print(operations)
        self.console.print(f"\nTotal: {seconds:.1f} s. The sandbox is still running.", highlight=False)
        self.console.print(
            f'  use it:  [bold]eval "$({self.sandbox.command("env")})"[/]\n'
            f"           [bold]pulumi preview -s {self.stack}[/]\n"
            f"  stop it: [bold]{self.sandbox.command('down')}[/]\n"
            f"  what is not ready, and why: {self._report}",
            highlight=False,
        )


def show(sandbox: Sandbox, app: Path | None) -> int:
    """Start the sandbox with an empty state and run the demo; return the exit code.

    The earlier state is kept in `<folder>.previous`.

    Args:
        sandbox: the sandbox; stopped first if it is running.
        app: the app's folder; None for the example.

    Raises:
        SandboxError: the sandbox does not start, or a step fails.
    """
    if app is not None:
        sandbox.check_app(app)
    console = Console(soft_wrap=True, highlight=False)
    if sandbox.stop():
        console.print(f"stopped the running sandbox `{sandbox.name}`", style="dim")
    previous = sandbox.move_state_aside()
    if previous:
        console.print(f"starting with an empty state; the earlier state is in {previous}", style="dim")
    start = time.monotonic()
    running = sandbox.start()
    console.print(
        f"sandbox started in {time.monotonic() - start:.1f} s: Railway {running.railway_url}, "
        f"Google {running.google_url}, Firestore {running.firestore_host}",
        style="dim",
    )
    sys.stdout.flush()
    if app is None:
        sandbox.ensure_stack(STACK)
        return Demo(sandbox, console, STACK).run()
    return Demo(sandbox, console, sandbox.ensure_app_stack(app)).run()
