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
from sandbox.supervisor import STACK, Running, Sandbox
from tests.e2e.readiness_program import Program
from tests.e2e.running_example import applied, running_example
from tests.e2e.stack import Stack


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox that runs the example."""
    with running_example(tmp_path_factory.mktemp("sandbox") / "acceptance") as made:
        yield made


@pytest.fixture(scope="session")
def stack(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack on it, applied."""
    return applied(sandbox, tmp_path_factory.mktemp("settings"))


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
def program(sandbox: Sandbox, stack: Stack, tmp_path: Path) -> Program:
    """The program that deployed the stack, in a folder of the test, with Flutter beside it."""
    assert stack.running
    made = Program(tmp_path / "crm", sandbox)
    made.install_flutter()
    return made


@pytest.fixture
def acceptance(sandbox: Sandbox, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Acceptance:
    """The command; its record is in a folder of the test."""
    for name, value in sandbox.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(progress, "FOLDER", tmp_path / ".acceptance")
    return Acceptance(sandbox=sandbox, running=stack.running, folder=tmp_path)
