"""How long a first `up` waits for index builds, as a multiple of the longest one (`make bench`).

22 composite indexes and 3 field overrides, each of which takes `BUILD_SECONDS` on the sandbox, as on Google
side by side. If the `up` fails, no figure is printed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from sandbox import generated_app, stack_state
from sandbox.preview_ratio import require_success
from sandbox.supervisor import STACK, Sandbox, SandboxError

BUILD_SECONDS = 20
INDEXES = 22
OVERRIDES = 3
SUBMISSIONS = ("gcp:firestore/index:Index", "gcp:firestore/field:Field")
WAIT = "pulumi-python:dynamic/firebase:IndexBuilds"


def measure() -> Iterator[tuple[str, str]]:
    """Yield the figures.

    Raises:
        SandboxError: the `up` failed.
    """
    with tempfile.TemporaryDirectory(prefix="index-bench-") as folder:
        app = generated_app.write(Path(folder) / "app", indexes=INDEXES, overrides=OVERRIDES)
        sandbox = Sandbox(Path(folder) / "indexes")
        running = sandbox.start(attached=True)
        try:
            sandbox.ensure_stack()
            switches = {"index_build_seconds": float(BUILD_SECONDS)}
            stack_state.post_admin(running.google_url, "/admin/switches", switches)
            stack = ("--stack", STACK, "--config-file", str(app.settings))
            done = sandbox.pulumi("up", "--yes", "--skip-preview", "--json", *stack)
            require_success(done, f"the up with {INDEXES} indexes")
        finally:
            sandbox.stop()
    seconds = _index_phase(done.stdout)
    yield "index_phase_seconds", str(seconds)
    yield "index_wall_ratio", f"{seconds / BUILD_SECONDS:.2f}"


def _index_phase(output: str) -> int:
    """Return the seconds from the first submission to the end of the wait, from the engine's events."""
    start: int | None = None
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        before = cast("dict[str, Any]", (event.get("resourcePreEvent") or {}).get("metadata") or {})
        after = cast("dict[str, Any]", (event.get("resOutputsEvent") or {}).get("metadata") or {})
        if start is None and before.get("type") in SUBMISSIONS:
            start = int(event["timestamp"])
        if start is not None and after.get("type") == WAIT:
            return int(event["timestamp"]) - start
    raise SandboxError("the events of the up have no index builds")
