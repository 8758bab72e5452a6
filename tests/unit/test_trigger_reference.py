"""The table of triggers in the docs: generated from the code, and complete."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from checkout import trigger_reference
from checkout.trigger_kinds import ALL

pytestmark = pytest.mark.unit

LISTING = """
const v2 = require("firebase-functions/v2");
const names = Object.values(v2).flatMap((module) => Object.keys(Object(module)));
const starts = names.filter((name) => /^(on|before|after)[A-Z]/.test(name));
const triggers = starts.filter((name) => !/(Operation|Type)$/.test(name));
console.log(JSON.stringify(triggers));
"""


def test_the_page_is_current() -> None:
    """When this fails: python -m checkout.trigger_reference."""
    page = trigger_reference.PAGE.read_text(encoding="utf-8")
    assert trigger_reference.table() in page
    assert trigger_reference.written(page) == page


def test_every_trigger_of_the_sdk_has_one_row(node_modules: Path) -> None:
    run = subprocess.run(
        ["node", "-e", LISTING], cwd=node_modules.parent, capture_output=True, text=True, check=True
    )
    of_the_sdk = {*json.loads(run.stdout), "onGraphRequest"}  # which needs another package to be loaded
    assert "onDocumentWritten" in of_the_sdk
    assert sorted(function for kind in ALL for function in kind.functions) == sorted(of_the_sdk)
