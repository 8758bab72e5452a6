"""The engine, and a stack per test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.engine.toolchain import Engine, find_or_build
from sandbox.environment import GOOGLE_ENDPOINTS, GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.google.app import create_app
from sandbox.local_server import LocalServer
from tests.engine.stack import ProgramStack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The real engine, built if necessary."""
    return find_or_build(lambda text: print(text, flush=True))  # noqa: T201 - a build takes minutes


@pytest.fixture
def program(tmp_path: Path, engine: Engine) -> ProgramStack:
    """A program's folder and its stack."""
    return ProgramStack(tmp_path, engine, {})


@pytest.fixture(scope="module")
def google() -> Iterator[str]:
    """A local Google server; its base URL."""
    with LocalServer(create_app()) as server:
        yield server.url


@pytest.fixture
def google_program(tmp_path: Path, engine: Engine, google: str) -> ProgramStack:
    """A program's folder and its stack, which uses the local Google server."""
    return ProgramStack(tmp_path, engine, google_environment(google))


def google_environment(url: str) -> dict[str, str]:
    """Return the variables with which the gcp plugin uses a local Google server."""
    addresses = {name: url + path for name, path in GOOGLE_ENDPOINTS.items()}
    return {**addresses, "GOOGLE_OAUTH_ACCESS_TOKEN": GOOGLE_TOKEN, "GOOGLE_PROJECT": GOOGLE_PROJECT}
