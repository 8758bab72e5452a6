"""The stack on which `ops adopt` runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import stack
from ops.adopt import record, run
from tests.unit.ops.adopt_engine import ANSWERS, Engine
from tests.unit.ops.google_project import Project


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    """The engine, a Google project with what it declares, and a folder for the record."""
    made = Engine()
    monkeypatch.setattr(stack, "pulumi", made)
    monkeypatch.setattr(stack, "PROJECT", tmp_path)
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  whatsapp-crm:healthPath: /health\n")
    monkeypatch.setattr(record, "FOLDER", tmp_path / ".adopt")
    monkeypatch.setattr(run, "CountedApi", lambda: Project(ANSWERS))
    yield made
    assert not any(path.exists() for path in made.paths), "an import file may contain secrets"
