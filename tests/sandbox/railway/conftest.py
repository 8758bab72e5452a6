"""The sandbox under test, fresh for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.railway.app import create_app
from sandbox.serve import LiveServer
from tests.sandbox.railway.client import Railway, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def railway() -> Iterator[Railway]:
    """A fresh Railway with the default switches."""
    with LiveServer(create_app()) as server:
        client = Railway(server.url)
        yield client
        client.http.close()


@pytest.fixture
def stack(railway: Railway) -> Stack:
    """A project with a service that has no source yet."""
    return Stack(railway)
