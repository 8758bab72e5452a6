"""The guard against deleted functions, with the real engine: it compares with the state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.stack import ProgramStack

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, pathlib
import pulumi
from components.deletion_guard import DeletionGuard, DeletionGuardArgs

given = json.loads(pathlib.Path("given.json").read_text())
DeletionGuard("deletion", DeletionGuardArgs(**given), pulumi.ResourceOptions())
"""
NAMES = [f"f{number}" for number in range(10)]
LIMIT = "functions, a third or more"
UNCHANGED = "but the source still contains its name"


class Stack:
    """A stack with functions. `mentioned` are written into the source."""

    def __init__(self, program: ProgramStack) -> None:
        self.program = program
        program.environ["PYTHONPATH"] = str(ROOT)
        program.write("__main__.py", PROGRAM)

    def give(
        self,
        functions: list[str],
        mentioned: list[str],
        production: bool = False,
        allowed: bool = False,
        unmanaged: dict[str, list[str]] | None = None,
    ) -> None:
        sources = [{"folder": "app/functions", "compiled": ["app/functions/lib"]}]
        given: dict[str, object] = {
            "functions": functions,
            "sources": sources,
            "production": production,
            "allowed": allowed,
        }
        given["unmanaged"] = unmanaged or {}
        self.program.write("given.json", json.dumps(given))
        self.program.write(
            "app/functions/src/index.ts", "".join(f"export const {name};\n" for name in mentioned)
        )
        self.program.write("app/functions/lib/index.js", "".join(f"exports.{name};\n" for name in functions))

    def preview(self, code: int = 0) -> str:
        return self.program.run("preview", code=code).text


@pytest.fixture
def stack(program: ProgramStack) -> Stack:
    return Stack(program)


def test_functions_that_vanish_are_an_error_in_the_preview(stack: Stack) -> None:
    stack.give(NAMES, NAMES)
    stack.program.up()
    stack.program.run("preview", "--expect-no-changes")

    stack.give(NAMES[:7], NAMES)
    stack.preview()  # less than a third

    stack.give(NAMES[:6], NAMES)
    text = stack.preview(code=1)
    assert f"4 of 10 {LIMIT}: f6, f7, f8, f9." in text
    assert "pulumi config set whatsapp-crm:allowFunctionDeletion true" in text
    assert "Traceback" not in text

    stack.give(NAMES[:6], NAMES, allowed=True)
    stack.program.up()
    stack.give(NAMES[:5], NAMES)
    stack.preview()  # one of six
    stack.give([], [])
    assert f"6 of 6 {LIMIT}" in stack.preview(code=1)


def test_in_production_each_function_is_removed_from_the_source_first(stack: Stack) -> None:
    stack.give(NAMES, NAMES, production=True)
    stack.program.up()

    stack.give(NAMES[:9], NAMES, production=True)
    text = stack.preview(code=1)
    assert f"pulumi up would delete 1 of 10 functions, {UNCHANGED}: f9." in text

    stack.give(NAMES[:9], NAMES[:9], production=True)
    stack.program.run("preview", "--expect-no-changes")  # the guard itself is never a change
    stack.program.up()
    stack.give(NAMES[:8], NAMES[:9], production=True)
    assert f"pulumi up would delete 1 of 9 functions, {UNCHANGED}: f8." in stack.preview(code=1)


def test_a_function_that_the_source_never_mentioned_is_not_known_to_be_removed(stack: Stack) -> None:
    """Its name is computed."""
    stack.give(NAMES, NAMES[:9], production=True)
    stack.program.up()
    stack.give(NAMES[:9], NAMES[:9], production=True)
    assert f"{UNCHANGED}: f9." in stack.preview(code=1)


def test_a_refresh_keeps_what_is_recorded(stack: Stack) -> None:
    stack.give(NAMES, NAMES)
    stack.program.up()
    stack.program.run("refresh", "--yes", "--skip-preview")
    stack.give(NAMES[:3], NAMES)
    assert LIMIT in stack.preview(code=1)
    stack.program.run("destroy", "--yes", "--skip-preview")
    assert stack.program.resources() == []


def test_a_function_that_is_to_be_left_as_it_is_must_leave_the_state_first(stack: Stack) -> None:
    """Else `pulumi up` would delete it, also if the config allows deletions."""
    stack.give(NAMES, NAMES)
    stack.program.up()
    (guard,) = (one["urn"] for one in stack.program.resources() if one["type"].endswith(":DeletionGuard"))
    left = {"f9": [f"pulumi state delete --yes '{guard}'"], "never": ["pulumi state delete --yes other"]}
    stack.give(NAMES[:9], NAMES, allowed=True, unmanaged=left)
    text = stack.preview(code=1)
    assert "f9: to be left as it is (whatsapp-crm:unmanagedFunctions), but this stack has deployed it" in text
    assert "fix: remove it from the state, which changes nothing on Google:" in text
    assert left["f9"][0] in text
    assert "other" not in text
    stack.program.run("state", "delete", "--yes", guard)
    stack.program.up()
    stack.program.run("preview", "--expect-no-changes")
