"""A stack whose app has rules and nothing else, so that its steps are short and about the backend, and what
Railway has of it.

Refuses nothing: it is for tests that read Railway's side through the sandbox's own controls.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox import stack_state
from sandbox.supervisor import PROJECT
from tests.e2e.stack import Stack

RULES = PROJECT / "examples" / "crm" / "firestore.rules"
PREFIX = "whatsapp-crm:"


def make_app(folder: Path) -> Path:
    """An app of rules only, with a folder for the backend's code; returns where it is."""
    (folder / "backend").mkdir(parents=True)
    (folder / "firebase.json").write_text('{"firestore": {"rules": "firestore.rules"}}\n')
    (folder / "firestore.rules").write_text(RULES.read_text())
    return folder


def put(stack: Stack, **settings: object) -> None:
    """Set keys of the stack's config as a person does; None takes a key out."""

    def change(config: dict[str, Any]) -> None:
        for key, value in settings.items():
            if value is None:
                config.pop(PREFIX + key, None)
            else:
                config[PREFIX + key] = value

    stack.edit(change)


def tables(stack: Stack) -> dict[str, Any]:
    """All that Railway has, table by table."""
    return json.loads(stack_state.get_admin(stack.running.railway_url, "/admin/state"))


def rows(stack: Stack, table: str) -> list[dict[str, Any]]:
    """The rows of a table that are not deleted, the oldest first."""
    found = tables(stack)[table]
    return [row for row in found.values() if not row.get("deleted_at")]


def one(stack: Stack, table: str) -> dict[str, Any]:
    """The only row of a table.

    Raises:
        AssertionError: there is none, or there are several.
    """
    found = rows(stack, table)
    assert len(found) == 1, f"{len(found)} {table}"
    return found[0]
