"""A sandbox for each file of end-to-end tests; it ends with the tests, also when they are killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.supervisor import Sandbox
from tests.e2e.stack import Stack


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox with nothing in it."""
    made = Sandbox(tmp_path_factory.mktemp("sandbox") / "e2e")
    made.start(attached=True)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The empty stack on it."""
    folder: Path = tmp_path_factory.mktemp("settings")
    return Stack(sandbox, folder)
