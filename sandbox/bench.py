"""`make bench`: the requests and deployments of the program on the sandbox, one `name value` per line.

Durations are given only as a ratio to an empty program with the same number of resources, measured
alternately in the same run. If a step fails, no figures are printed.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import stack_state
from sandbox.supervisor import PROJECT, STACK, Sandbox, SandboxError

if TYPE_CHECKING:
    import subprocess

    from sandbox.supervisor import Running

ROUNDS = 5
EMPTY_PROGRAM = Path(__file__).parent / "empty_program"


def run() -> int:
    """Measure on a new sandbox, which is stopped afterwards; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sandbox = Sandbox(Path(folder) / "bench")
        running = sandbox.start(attached=True)
        try:
            for name, value in _measure(sandbox, running, Path(folder)):
                print(name, value, flush=True)  # noqa: T201 - output of the command
        finally:
            sandbox.stop()
    # Imported here because it loads the SDK, which no other command of the sandbox needs.
    from sandbox import index_bench, scale_bench

    for figures in (index_bench.measure(), scale_bench.measure()):
        for name, value in figures:
            print(name, value, flush=True)  # noqa: T201
    return 0


def _require_success(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode != 0:
        raise SandboxError(f"{what} failed with exit code {done.returncode}:\n{done.stdout}")


def _measure(sandbox: Sandbox, running: Running, folder: Path) -> list[tuple[str, str]]:
    sandbox.ensure_stack()
    figures: list[tuple[str, str]] = []

    stack_state.reset_counts(running)
    _require_success(sandbox.pulumi("up", "--yes", "--skip-preview", "--stack", STACK), "the first up")
    railway, google = stack_state.counts(running.railway_url), stack_state.counts(running.google_url)
    resources = stack_state.count_declared(sandbox, STACK)
    figures += [
        ("resources", str(resources)),
        ("railway_requests_create", str(railway.requests - railway.polls)),
        ("railway_polls_create", str(railway.polls)),
        ("railway_deployments_create", str(railway.deployments)),
        ("google_requests_create", str(google.requests)),
    ]

    stack_state.reset_counts(running)
    _require_success(sandbox.pulumi("up", "--yes", "--skip-preview", "--stack", STACK), "the no-op up")
    figures += [
        ("railway_requests_noop", str(stack_state.counts(running.railway_url).requests)),
        ("railway_deployments_noop", str(stack_state.counts(running.railway_url).deployments)),
    ]

    stack_state.reset_counts(running)
    refresh = ("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", STACK)
    _require_success(sandbox.pulumi(*refresh), "the no-op refresh")
    figures += [
        ("railway_requests_refresh", str(stack_state.counts(running.railway_url).requests)),
        ("google_requests_refresh", str(stack_state.counts(running.google_url).requests)),
    ]

    program, empty_seconds = _compare_previews(sandbox, folder, resources)
    figures += [
        ("noop_preview_seconds", f"{statistics.median(program):.2f}"),
        ("empty_preview_seconds", f"{statistics.median(empty_seconds):.2f}"),
        (
            "noop_preview_ratio",
            f"{statistics.median(a / b for a, b in zip(program, empty_seconds, strict=True)):.2f}",
        ),
    ]
    return figures


def _compare_previews(sandbox: Sandbox, folder: Path, resources: int) -> tuple[list[float], list[float]]:
    """Return the seconds of the no-op previews of our program and of the empty one, `ROUNDS` times each."""
    program = folder / "empty"
    shutil.copytree(EMPTY_PROGRAM, program)
    size = {"TRIVIAL_RESOURCES": str(resources)}
    sandbox.ensure_stack("empty", cwd=program)
    up = sandbox.pulumi(
        "up", "--yes", "--skip-preview", "--stack", "empty", extra_environment=size, cwd=program
    )
    _require_success(up, "the empty program's up")
    program_seconds: list[float] = []
    empty_seconds: list[float] = []
    for _ in range(ROUNDS + 1):
        program_seconds.append(_timed(sandbox, STACK, PROJECT, {}))
        empty_seconds.append(_timed(sandbox, "empty", program, size))
    return program_seconds[1:], empty_seconds[1:]  # the first ones only fill the caches


def _timed(sandbox: Sandbox, stack: str, cwd: Path, extra: dict[str, str]) -> float:
    start = time.monotonic()
    done = sandbox.pulumi(
        "preview", "--expect-no-changes", "--stack", stack, extra_environment=extra, cwd=cwd
    )
    seconds = time.monotonic() - start
    _require_success(done, f"the no-op preview of the stack `{stack}`")
    return seconds
