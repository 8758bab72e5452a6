"""The engine, and a stack per test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.engine.toolchain import Engine, find_or_build
from sandbox.environment import GOOGLE_ENDPOINTS, GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.google.app import create_app
from sandbox.live_server import LiveServer
from tests.engine.stack import ProgramStack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The real engine, built if it must be."""
    return find_or_build(lambda text: print(text, flush=True))  # noqa: T201 - minutes: somebody is waiting


@pytest.fixture
def program(tmp_path: Path, engine: Engine) -> ProgramStack:
    """A program's folder and its stack."""
    return ProgramStack(tmp_path, engine, {})


@pytest.fixture(scope="module")
def google() -> Iterator[str]:
    """A Google of our own; its base URL."""
    with LiveServer(create_app()) as server:
        yield server.url


@pytest.fixture
def google_program(tmp_path: Path, engine: Engine, google: str) -> ProgramStack:
    """A program's folder and its stack, pointed at our Google."""
    return ProgramStack(tmp_path, engine, google_environment(google))


def google_environment(url: str) -> dict[str, str]:
    """Return the variables with which the gcp plugin talks to a server of ours."""
    addresses = {name: url + path for name, path in GOOGLE_ENDPOINTS.items()}
    return {**addresses, "GOOGLE_OAUTH_ACCESS_TOKEN": GOOGLE_TOKEN, "GOOGLE_PROJECT": GOOGLE_PROJECT}
