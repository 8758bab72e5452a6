"""The example running on a sandbox, `python -m sandbox up --run`, and its stack applied."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sandbox.__main__ import EXAMPLE
from sandbox.running import RunOptions
from sandbox.supervisor import Sandbox
from tests.e2e.stack import Stack
from tests.sandbox.crm_parts import BACKEND, FUNCTIONS, installed

RUN = RunOptions(app=EXAMPLE)


@contextmanager
def running_example(folder: Path) -> Generator[Sandbox]:
    """A sandbox that runs the example, within the block.

    Args:
        folder: of its state; its last part is the sandbox's name.
    """
    for part in (BACKEND, FUNCTIONS):
        installed(part)
    made = Sandbox(folder)
    made.start(attached=True, run=RUN)
    try:
        yield made
    finally:
        made.stop()


def applied(sandbox: Sandbox, folder: Path) -> Stack:
    """The stack on it after `pulumi up`.

    Args:
        folder: where the copy of its settings goes.
    """
    made = Stack(sandbox, folder)
    made.up()
    return made
