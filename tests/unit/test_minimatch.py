"""`functions.ignore` against the answers of minimatch itself.

minimatch_answers.json was made with minimatch 3.1.5 of npm: `minimatch("/srv/app/functions/" + file, pattern,
{matchBase: true, dot: true})` for each file and pattern.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checkout.minimatch import Ignored, PatternError, compile_pattern

pytestmark = pytest.mark.unit

_ANSWERS = json.loads(Path(__file__).with_name("minimatch_answers.json").read_text(encoding="utf-8"))
FILES: list[str] = _ANSWERS["files"]
MATCHES: dict[str, list[str]] = _ANSWERS["matches"]


@pytest.mark.parametrize("pattern", MATCHES)
def test_a_pattern_matches_what_minimatch_matches(pattern: str) -> None:
    ignored = Ignored([pattern], "functions")
    assert [name for name in FILES if ignored.by(name) is not None] == MATCHES[pattern]


@pytest.mark.parametrize("folder", [".", "functions", "packages/crm/functions", "./functions"])
def test_the_folders_above_the_app_have_no_effect(folder: str) -> None:
    """minimatch compares the whole path, so `/*/*` would depend on where the checkout is."""
    for pattern in ("/*", "/*/*", "/*/functions/index.js", "?", "[!a]"):
        assert Ignored([pattern], folder).by("index.js") is None
    assert Ignored(["**/index.js"], folder).by("index.js") == "**/index.js"


def test_a_pattern_that_can_match_nothing_is_known() -> None:
    patterns = [
        "docs/**",
        "src/",
        "./x",
        "/keys",
        "{a,b}/c",
        "{a,b/c}",
        "**/docs/**",
        "*.md",
        "!a/b",
        "#a/b",
        "",
    ]
    assert Ignored(patterns, "functions").without_effect == ("docs/**", "src/", "./x", "/keys", "{a,b}/c")


def test_braces_that_stand_for_too_many_patterns_are_an_error() -> None:
    with pytest.raises(PatternError, match="more than 10000 patterns"):
        compile_pattern("{1..100000}")
