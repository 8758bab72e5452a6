"""The Google sandbox under test: one server for the session, an empty state for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.google.app import create_app
from sandbox.local_server import LocalServer
from tests.sandbox.google.client import Google

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send


class Stage:
    """An ASGI app that passes every request to the app of the current test."""

    def __init__(self) -> None:
        self.app = create_app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, str]]:
    """The stage and its address."""
    stage = Stage()
    with LocalServer(stage) as server:
        yield stage, server.url


@pytest.fixture
def google(stage: tuple[Stage, str]) -> Iterator[Google]:
    """A new Google with the default switches and no API enabled but that of its Firestore database."""
    stage[0].app = create_app()
    client = Google(stage[1])
    yield client
    client.http.close()
