"""A preview without changes of 300 functions and 200 indexes (`make bench`).

The figure is the ratio to an empty program with as many resources, measured in turn.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from sandbox import generated_app, preview_ratio, stack_state
from sandbox.preview_ratio import NO_CHECKPOINTS, require_success
from sandbox.supervisor import STACK, Sandbox

FUNCTIONS = 300
INDEXES = 200
ROUNDS = 3


def measure() -> Iterator[tuple[str, str]]:
    """Yield the figures.

    Raises:
        SandboxError: a step failed.
    """
    with tempfile.TemporaryDirectory(prefix="growth-bench-") as folder:
        app = generated_app.write(Path(folder) / "app", functions=FUNCTIONS, indexes=INDEXES)
        sandbox = Sandbox(Path(folder) / "growth")
        sandbox.start(attached=True)
        try:
            sandbox.ensure_stack()
            options = ("--config-file", str(app.settings))
            arguments = ("up", "--yes", "--skip-preview", "--stack", STACK, *options)
            up = sandbox.pulumi(*arguments, extra_environment=NO_CHECKPOINTS)
            require_success(up, f"the up of {FUNCTIONS} functions")
            resources = stack_state.count_declared(sandbox, STACK)
            previews = preview_ratio.measure(sandbox, Path(folder), resources, ROUNDS, *options)
        finally:
            sandbox.stop()
    yield "growth_resources", str(resources)
    yield "growth_noop_preview_ratio", previews.ratio()
