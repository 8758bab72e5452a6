"""Every config key that a message names can be set: a mend that Pulumi refuses is worse than none."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from settings.keys import KEYS, NAMESPACE

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("settings", "checkout", "components", "railway", "firebase", "ops")
    for path in (ROOT / folder).rglob("*.py")
)


def texts(path: Path) -> str:
    """All texts of a file, joined: neighbouring literals are one already; what is computed is left blank."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.append("".join(_part(part) for part in node.values))
    return "\n".join(found)


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name):
        return f"{NAMESPACE}" if node.value.id == "NAMESPACE" else "<>"
    return "<>"


def named() -> dict[str, set[str]]:
    """Key -> the files that name it."""
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        for key in re.findall(rf"{NAMESPACE}:([a-z][A-Za-z]*)", texts(path)):
            found.setdefault(key, set()).add(path.relative_to(ROOT).as_posix())
    return found


def test_every_key_that_a_message_names_exists() -> None:
    keys = named()
    assert len(keys) > 15
    # `components` is the module of the components' type tokens.
    assert {key: files for key, files in keys.items() if key not in KEYS} == {
        "components": keys["components"]
    }


def test_the_keys_that_save_or_give_up_a_volume_are_among_them() -> None:
    assert {"allowNewVolume", "volumeSizeGb", "railwayProjectId"} <= set(named())
