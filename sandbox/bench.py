"""`make bench`: the requests and deployments of the program on the sandbox, one `name value` per line.

Durations are given as ratios to an empty program with the same number of resources or to another tool,
measured alternately in the same run; those of the critical path are computed. If a step fails, no figures are
printed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import preview_ratio, stack_state
from sandbox.critical_path import Graph
from sandbox.preview_ratio import require_success
from sandbox.supervisor import STACK, Sandbox
from user_errors import add_fix

if TYPE_CHECKING:
    from sandbox.supervisor import Running

ROUNDS = 5


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
    from sandbox import (
        adopt_bench,
        change_bench,
        firebase_tools,
        growth_bench,
        index_bench,
        peer_bench,
        scale_bench,
    )

    benches = [
        index_bench.measure,
        scale_bench.measure,
        growth_bench.measure,
        adopt_bench.measure,
        change_bench.measure,
    ]
    if firebase_tools.is_installed():
        benches.append(peer_bench.measure)
    else:
        missing = add_fix("firebase-tools is not installed: no comparison with it.", firebase_tools.FIX, "")
        print(missing, file=sys.stderr)  # noqa: T201
    for measure in benches:
        for name, value in measure():
            print(name, value, flush=True)  # noqa: T201
    return 0


def _measure(sandbox: Sandbox, running: Running, folder: Path) -> list[tuple[str, str]]:
    sandbox.ensure_stack()
    figures: list[tuple[str, str]] = []

    stack_state.reset_counts(running)
    require_success(sandbox.pulumi("up", "--yes", "--skip-preview", "--stack", STACK), "the first up")
    railway, google = stack_state.counts(running.railway_url), stack_state.counts(running.google_url)
    resources = stack_state.count_declared(sandbox, STACK)
    graph = Graph(stack_state.exported(sandbox, STACK))
    figures += [
        ("critical_path_seconds", f"{graph.critical_path()[-1].ends:.0f}"),
        ("functions_begin_seconds", f"{graph.begins(stack_state.FUNCTION_TYPE)[-1]:.0f}"),
        ("resources", str(resources)),
        ("railway_requests_create", str(railway.requests - railway.polls)),
        ("railway_polls_create", str(railway.polls)),
        ("railway_deployments_create", str(railway.deployments)),
        ("google_requests_create", str(google.requests)),
    ]

    stack_state.reset_counts(running)
    require_success(sandbox.pulumi("up", "--yes", "--skip-preview", "--stack", STACK), "the no-op up")
    figures += [
        ("railway_requests_noop", str(stack_state.counts(running.railway_url).requests)),
        ("railway_deployments_noop", str(stack_state.counts(running.railway_url).deployments)),
    ]

    stack_state.reset_counts(running)
    refresh = ("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", STACK)
    require_success(sandbox.pulumi(*refresh), "the no-op refresh")
    figures += [
        ("railway_requests_refresh", str(stack_state.counts(running.railway_url).requests)),
        ("google_requests_refresh", str(stack_state.counts(running.google_url).requests)),
    ]

    previews = preview_ratio.measure(sandbox, folder, resources, ROUNDS)
    figures += [
        ("noop_preview_seconds", f"{statistics.median(previews.program):.2f}"),
        ("empty_preview_seconds", f"{statistics.median(previews.empty):.2f}"),
        ("noop_preview_ratio", previews.ratio()),
    ]
    return figures
