"""Previews of the program, in turn with previews of an empty program that has as many resources."""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.supervisor import PROJECT, STACK, Sandbox, SandboxError

if TYPE_CHECKING:
    import subprocess

EMPTY_PROGRAM = Path(__file__).parent / "empty_program"
# With a file backend the engine serializes the whole state after each resource that changed, in previews too:
# three quarters of the time at 900 resources. An `up` that is killed then loses its state, so this is for the
# preparation of measurements only.
NO_CHECKPOINTS = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}


@dataclass(frozen=True)
class Previews:
    """The seconds of the previews of both programs, in turn."""

    program: list[float]
    empty: list[float]

    def ratio(self) -> str:
        """Return the median of the ratios of each pair."""
        return f"{statistics.median(a / b for a, b in zip(self.program, self.empty, strict=True)):.2f}"


def measure(sandbox: Sandbox, folder: Path, resources: int, rounds: int, *options: str) -> Previews:
    """Measure previews without changes of the sandbox's stack and of the empty program.

    Args:
        sandbox: a running sandbox, to which the program is deployed.
        folder: an empty folder; the empty program is copied there.
        resources: how many resources the empty program has.
        rounds: how many pairs. One more is run first, which only fills the caches.
        options: further options of `pulumi preview` for the program.

    Raises:
        SandboxError: a preview failed, or shows changes.
    """
    program = folder / "empty"
    shutil.copytree(EMPTY_PROGRAM, program)
    size = {"TRIVIAL_RESOURCES": str(resources)}
    sandbox.ensure_stack("empty", cwd=program)
    arguments = ("up", "--yes", "--skip-preview", "--stack", "empty")
    up = sandbox.pulumi(*arguments, extra_environment=size | NO_CHECKPOINTS, cwd=program)
    require_success(up, "the empty program's up")
    previews = Previews([], [])
    for _ in range(rounds + 1):
        previews.program.append(_timed(sandbox, STACK, PROJECT, {}, *options))
        previews.empty.append(_timed(sandbox, "empty", program, size))
    return Previews(previews.program[1:], previews.empty[1:])


def _timed(sandbox: Sandbox, stack: str, cwd: Path, extra: dict[str, str], *options: str) -> float:
    arguments = ("preview", "--expect-no-changes", "--stack", stack, *options)
    start = time.monotonic()
    done = sandbox.pulumi(*arguments, extra_environment=extra, cwd=cwd)
    seconds = time.monotonic() - start
    require_success(done, f"the no-op preview of the stack `{stack}`")
    return seconds


def require_success(done: subprocess.CompletedProcess[str], what: str) -> None:
    """Raise an error with the output of a command that failed.

    Raises:
        SandboxError: it failed.
    """
    if done.returncode != 0:
        raise SandboxError(f"{what} failed with exit code {done.returncode}:\n{done.stdout}")
