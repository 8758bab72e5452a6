"""A Google sandbox and a provider process that finds it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox.environment import endpoints
from sandbox.google.app import create_app
from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app as create_railway
from tests.conformance.dynamic_process import DynamicProcess
from tests.conformance.railway_world import World
from tests.conformance.warm_processes import WarmProcesses


@pytest.fixture
def google() -> Iterator[str]:
    """The address of an empty Google sandbox."""
    with LocalServer(create_app()) as server:
        yield server.url


@pytest.fixture
def google_environ(google: str) -> dict[str, str]:
    """The environment of a process that uses it."""
    return {**os.environ, **endpoints("http://127.0.0.1:9", google, "127.0.0.1:9", "http://127.0.0.1:9")}


@pytest.fixture
def google_process(google_environ: dict[str, str]) -> Iterator[DynamicProcess]:
    """A provider process on it."""
    with DynamicProcess(google_environ) as process:
        yield process


@pytest.fixture
def railway(request: pytest.FixtureRequest) -> Iterator[World]:
    """An empty Railway sandbox. Its provider processes are forks, unless the test is marked `cold_starts`."""
    cold = request.node.get_closest_marker("cold_starts") is not None
    warm: WarmProcesses | None = None if cold else request.getfixturevalue("warm")
    with LocalServer(create_railway()) as server:
        yield World(server.url, warm)


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmProcesses]:
    """Starts provider processes in a moment each."""
    with WarmProcesses() as warm:
        yield warm
