"""The engine, and a stack per test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.engine.toolchain import Engine, find_or_build
from sandbox.environment import GOOGLE_ENDPOINTS, GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.google.app import create_app
from sandbox.local_server import LocalServer
from tests.engine.recorded import Sent, readable, sent
from tests.engine.stack import ProgramStack

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_TYPES = Path(__file__).parent / "programs" / "all_types.py"


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


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The lifecycle of a stack with every type: the requests and the engine's output of each phase.

    `state` has the resources after the creation and after a refresh, `exported` the last state as it is kept.
    """

    requests: dict[str, list[Sent]]
    output: dict[str, str]
    state: dict[str, dict[str, Any]]
    exported: str


@pytest.fixture(scope="session")
def phases(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Phases:
    """A stack with every type is created, refreshed, updated and destroyed."""
    commands = {
        "create": ["up", "--yes", "--skip-preview"],
        "check": ["preview", "--refresh", "--expect-no-changes"],
        "refresh": ["refresh", "--yes", "--skip-preview", "--expect-no-changes"],
        "update": ["up", "--yes", "--skip-preview"],
        "destroy": ["destroy", "--yes", "--skip-preview"],
    }
    found: dict[str, list[Sent]] = {}
    output: dict[str, str] = {}
    state: dict[str, dict[str, Any]] = {}
    exported = ""
    with LocalServer(create_app()) as google:
        stack = ProgramStack(tmp_path_factory.mktemp("lifecycle"), engine, google_environment(google.url))
        shutil.copy(ALL_TYPES, stack.folder / "__main__.py")
        stack.write("source.zip", "not looked into")
        for phase, command in commands.items():
            if phase == "update":
                stack.run("config", "set", "v", "2")
            requests.post(f"{google.url}/admin/counters/reset", timeout=60).raise_for_status()
            output[phase] = stack.run(*command).text
            entries = requests.get(f"{google.url}/admin/requests", timeout=60).json()
            found[phase] = [sent(entry) for entry in entries]
            if phase in {"create", "refresh"}:
                state[phase] = readable(stack.resources("--show-secrets"))
            if phase == "update":
                exported = stack.run("stack", "export").text
    return Phases(requests=found, output=output, state=state, exported=exported)
