"""docs/security.md: each test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.unit


def test_each_test_that_the_page_names_exists() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`((?:tests/)?[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 30
    missing = [
        (file, test)
        for file, test in named
        if not (path := ROOT / (file if "/" in file else f"tests/security/{file}")).is_file()
        or (test and f"def {test}(" not in path.read_text())
    ]
    assert not missing
