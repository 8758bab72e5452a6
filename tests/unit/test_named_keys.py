"""Every config key that a message names exists: a fix that Pulumi rejects is worse than none."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings.keys import NAMESPACE
from settings.model import KEYS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("settings", "checkout", "components", "railway", "firebase", "ops")
    for path in (ROOT / folder).rglob("*.py")
)
# Functions and methods of settings/ whose first string is a key.
TAKES_A_KEY = {"set_command", "remove_command", "explicit", "add", "warn", "is_secret", "shown"}


def strings(node: ast.AST) -> Iterator[str]:
    """All strings below a node; what is computed is left blank."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.JoinedStr):
            yield "".join(_part(value) for value in part.values)


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    is_namespace = isinstance(node, ast.FormattedValue) and ast.unparse(node.value) == "NAMESPACE"
    return NAMESPACE if is_namespace else "<>"


def handed_over(node: ast.AST) -> Iterator[str]:
    """The keys that are arguments of a function that takes one."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and call.args:
            function = ast.unparse(call.func).rpartition(".")[2]
            first = call.args[0]
            if function in TAKES_A_KEY and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def named() -> dict[str, set[str]]:
    """Key -> the files that name it."""
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        name = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_text())
        keys = re.findall(rf"{NAMESPACE}:([a-z][A-Za-z]*)", "\n".join(strings(tree)))
        if name.startswith("settings/"):
            keys += handed_over(tree)
        for key in keys:
            found.setdefault(key, set()).add(name)
    return found


def test_every_key_that_a_message_names_exists() -> None:
    keys = named()
    assert len(keys) > 20
    # `components` is the module of the components' type tokens.
    assert {key: files for key, files in keys.items() if key not in KEYS} == {
        "components": keys["components"]
    }


def test_the_keys_that_save_or_give_up_a_volume_are_among_them() -> None:
    assert {"allowNewVolume", "volumeSizeGb", "railwayProjectId"} <= set(named())
