"""A sandbox that runs the example as the program deploys it, and `python -m ops accept` on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from ops import __main__ as main
from ops.acceptance import progress
from sandbox.__main__ import EXAMPLE
from sandbox.running import RunOptions
from sandbox.supervisor import STACK, Running, Sandbox
from tests.e2e.stack import Stack
from tests.sandbox.crm_parts import BACKEND, FUNCTIONS, installed


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox that runs the example."""
    installed(BACKEND)
    installed(FUNCTIONS)
    made = Sandbox(tmp_path_factory.mktemp("sandbox") / "acceptance")
    made.start(attached=True, run=RunOptions(app=EXAMPLE))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def stack(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack on it, applied."""
    made = Stack(sandbox, tmp_path_factory.mktemp("settings"))
    made.up()
    return made


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """The command on the stack, with the variables of `python -m sandbox env`."""

    sandbox: Sandbox
    running: Running
    folder: Path

    def run(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run the command; returns its exit code and report."""
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        code = main.main(["accept", "--stack", STACK, "--report", f"json:{report}", *arguments])
        return code, json.loads(report.read_text(encoding="utf-8"))

    def document(self, path: str) -> dict[str, Any] | None:
        """The fields of a document, in the form of the REST API."""
        url = f"http://{self.running.firestore_host}/v1/projects/crm-sandbox/databases/(default)/documents/{path}"
        found = requests.get(url, headers={"Authorization": "Bearer owner"}, timeout=30)
        return found.json().get("fields", {}) if found.status_code == 200 else None


@pytest.fixture
def acceptance(sandbox: Sandbox, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Acceptance:
    """The command; its record is in a folder of the test."""
    for name, value in sandbox.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(progress, "FOLDER", tmp_path / ".acceptance")
    return Acceptance(sandbox=sandbox, running=stack.running, folder=tmp_path)
