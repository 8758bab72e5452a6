"""The sandbox under test: one server, the initial state for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from tests.sandbox.railway.client import Railway, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a running sandbox."""
    with LocalServer(create_app()) as running:
        yield running.url


@pytest.fixture
def railway(server: str) -> Iterator[Railway]:
    """A new Railway with the default switches."""
    with Railway(server) as client:
        client.post("reset")
        yield client


@pytest.fixture
def stack(railway: Railway) -> Stack:
    """A project with a service that has no source yet."""
    return Stack(railway)
