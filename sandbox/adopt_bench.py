"""The report of an adoption of 28 functions and 22 indexes that firebase-tools deployed (`make bench`).

The time is given as a ratio to a preview of the same stack, measured in turn: the report begins with one. If
a step fails, no figure is printed.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox import generated_app, stack_state
from sandbox.direct_deployment import Project
from sandbox.preview_ratio import require_success
from sandbox.supervisor import PROJECT, Sandbox, SandboxError

FUNCTIONS = 28
INDEXES = 22
ROUNDS = 3
STACK = "dev-adopt-bench"
"""Its file has to be in the project's folder; git ignores this name."""


def measure() -> Iterator[tuple[str, str]]:
    """Yield the figures.

    Raises:
        SandboxError: a step failed.
    """
    settings = PROJECT / f"Pulumi.{STACK}.yaml"
    with tempfile.TemporaryDirectory(prefix="adopt-bench-") as folder:
        app = generated_app.write(Path(folder) / "app", functions=FUNCTIONS, indexes=INDEXES, every_kind=True)
        sandbox = Sandbox(Path(folder) / "adopt")
        running = sandbox.start(attached=True)
        try:
            shutil.copy(app.settings, settings)
            sandbox.ensure_stack(STACK)
            Project(running.google_url).deploy(app)
            pairs = [_round(sandbox) for _ in range(ROUNDS)]
            counts = stack_state.counts(running.google_url).operations
            railway = stack_state.counts(running.railway_url).requests
        finally:
            sandbox.stop()
            settings.unlink(missing_ok=True)
    # Each list of this project fits on one page.
    lists = [count for name, count in counts.items() if name.endswith(".list")]
    if not lists:
        raise SandboxError("the report of the adoption read no list")
    yield "adopt_google_requests", str(sum(counts.values()))
    yield "adopt_railway_requests", str(railway)
    yield "adopt_requests_per_page_of_a_list", f"{sum(lists) / len(lists):.2f}"
    policies = (count for name, count in counts.items() if name.endswith(".getIamPolicy"))
    yield "adopt_policy_requests", str(sum(policies))
    yield "adopt_report_seconds", f"{statistics.median(report for _, report in pairs):.1f}"
    yield "adopt_report_vs_preview", f"{statistics.median(b / a for a, b in pairs):.2f}"


def _round(sandbox: Sandbox) -> tuple[float, float]:
    """Return the seconds of a preview and of the report; only the report is counted."""
    start = time.monotonic()
    require_success(sandbox.pulumi("preview", "--stack", STACK), "the preview before the adoption")
    preview = time.monotonic() - start
    running = sandbox.running()
    if running is not None:
        stack_state.reset_counts(running)
    start = time.monotonic()
    require_success(sandbox.ops("adopt", "--stack", STACK), "the report of the adoption")
    return preview, time.monotonic() - start
