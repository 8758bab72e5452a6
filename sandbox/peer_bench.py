"""The program compared with firebase-tools: a first deployment, and one without changes (`make bench`).

Both deploy the same app (28 functions, 22 indexes), each to a new sandbox, in turn, `ROUNDS` times. The
figures are medians of the ratios, below 1 where the program is faster. Neither finds results of an earlier
round in a cache, because the code differs in a comment.

firebase-tools deploys no backend, so Railway is left out of our first `up`: the time during which nothing but
Railway resources was unfinished, by the engine's events, is subtracted. The rest is to the program's
disadvantage: firebase-tools finds enabled APIs and existing secrets, creates no service accounts, and waits
for no index and no health check.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from sandbox import firebase_tools, generated_app
from sandbox.preview_ratio import require_success
from sandbox.supervisor import STACK, Sandbox, SandboxError

ROUNDS = 3
FUNCTIONS = 28
INDEXES = 22
RAILWAY = "pulumi-python:dynamic/railway:"
# They are unfinished as long as their children are.
GROUPS = ("whatsapp-crm:components:", "pulumi:pulumi:Stack")


def measure() -> Iterator[tuple[str, str]]:
    """Yield the figures.

    Raises:
        SandboxError: a deployment failed, or firebase-tools is not installed.
    """
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="peer-bench-") as folder:
            app = generated_app.write(Path(folder) / "app", functions=FUNCTIONS, indexes=INDEXES)
            generated_app.change_code(app, uuid.uuid4().hex)
            both = [(ours, _ours), (theirs, _theirs)]
            for figures, deploy in both if number % 2 == 0 else reversed(both):
                figures.append(deploy(Path(folder), app))
    pairs = list(zip(ours, theirs, strict=True))
    yield "first_up_seconds_without_railway", f"{statistics.median(one[0] for one in ours):.1f}"
    yield "first_deploy_seconds_firebase_tools", f"{statistics.median(one[0] for one in theirs):.1f}"
    yield "first_up_vs_firebase_tools", f"{statistics.median(a[0] / b[0] for a, b in pairs):.2f}"
    yield "noop_preview_vs_firebase_tools", f"{statistics.median(a[1] / b[1] for a, b in pairs):.2f}"


def _ours(folder: Path, app: generated_app.App) -> tuple[float, float]:
    """Return the seconds of a first `up` without Railway, and of a preview without changes."""
    sandbox = Sandbox(folder / "ours")
    sandbox.start(attached=True)
    stack = ("--stack", STACK, "--config-file", str(app.settings))
    try:
        sandbox.ensure_stack()
        start = time.monotonic()
        with sandbox.start_pulumi("up", "--yes", "--skip-preview", "--json", *stack) as process:
            lines = [(time.monotonic(), line) for line in process.stdout or ()]
        first = time.monotonic() - start
        output = "".join(line for _, line in lines)
        if process.returncode != 0:
            raise SandboxError(f"the first up of {FUNCTIONS} functions failed:\n{output}")
        first -= seconds_of_railway((at, json.loads(line)) for at, line in lines if line.startswith("{"))
        start = time.monotonic()
        done = sandbox.pulumi("preview", "--expect-no-changes", *stack)
        noop = time.monotonic() - start
        require_success(done, "the preview without changes")
    finally:
        sandbox.stop()
    return first, noop


def _theirs(folder: Path, app: generated_app.App) -> tuple[float, float]:
    """Return the seconds of a first deployment by firebase-tools, and of one without changes."""
    sandbox = Sandbox(folder / "theirs")
    running = sandbox.start(attached=True)
    home = folder / "home"
    home.mkdir()
    try:
        firebase_tools.prepare_project(running.google_url, generated_app.SECRETS)
        seconds: list[float] = []
        for _ in range(2):
            start = time.monotonic()
            firebase_tools.deploy(running.google_url, app.folder, home)
            seconds.append(time.monotonic() - start)
    finally:
        sandbox.stop()
    return seconds[0], seconds[1]


def seconds_of_railway(events: Iterable[tuple[float, dict[str, Any]]]) -> float:
    """Return the time during which only Railway resources were unfinished.

    Args:
        events: the engine's events, each with the second at which it was read.
    """
    unfinished: set[str] = set()
    total = since = 0.0
    for at, event in events:
        if unfinished and all(RAILWAY in urn for urn in unfinished):
            total += at - since
        since = at
        begun, ended = _urn(event, "resourcePreEvent"), _urn(event, "resOutputsEvent", "resOpFailedEvent")
        unfinished |= {begun} if begun else set()
        unfinished -= {ended} if ended else set()
    return total


def _urn(event: dict[str, Any], *names: str) -> str | None:
    """Return the resource of an event of one of these kinds; None for components."""
    for name in names:
        metadata = cast("dict[str, Any]", (event.get(name) or {}).get("metadata") or {})
        if metadata and not str(metadata["type"]).startswith(GROUPS):
            return str(metadata["urn"])
    return None
