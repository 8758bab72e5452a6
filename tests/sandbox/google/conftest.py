"""The Google sandbox under test, fresh for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.google.app import create_app
from sandbox.serve import LiveServer
from tests.sandbox.google.client import Google

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def google() -> Iterator[Google]:
    """A fresh Google with the default switches and nothing enabled."""
    with LiveServer(create_app()) as server:
        client = Google(server.url)
        yield client
        client.http.close()
