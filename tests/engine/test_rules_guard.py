"""The guard of the rules release, with the real engine: it compares with the state."""

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
from components.rules_guard import RulesGuard, RulesGuardArgs

given = json.loads(pathlib.Path("given.json").read_text())
RulesGuard("guard", RulesGuardArgs(project="my-crm", **given), pulumi.ResourceOptions())
"""
RULESETS = ["projects/my-crm/rulesets/one", "projects/my-crm/rulesets/two"]


class Stack:
    """A stack with the guard."""

    def __init__(self, program: ProgramStack) -> None:
        self.program = program
        program.environ["PYTHONPATH"] = str(ROOT)
        program.write("__main__.py", PROGRAM)

    def give(
        self, ruleset: str | None, *, storage: dict[str, str] | None = None, allowed: bool = False
    ) -> None:
        releases = {} if ruleset is None else {"cloud.firestore": ruleset}
        given = {"releases": releases | (storage or {}), "allowed": allowed}
        self.program.write("given.json", json.dumps(given))

    def preview(self, code: int = 0) -> str:
        return self.program.run("preview", "--expect-no-changes", code=code).text


@pytest.fixture
def stack(program: ProgramStack) -> Stack:
    return Stack(program)


def test_rules_that_leave_the_program_are_an_error_that_names_what_stays_in_effect(stack: Stack) -> None:
    stack.give(RULESETS[0])
    stack.program.up()
    stack.preview()
    stack.give(RULESETS[1])
    stack.preview()  # the guard itself is never a change
    stack.program.up()

    stack.give(None)
    text = stack.preview(code=1)
    assert f"the release cloud.firestore of my-crm stays live with {RULESETS[1]}" in text
    assert "fix: name the rules in firebase.json again" in text
    assert "pulumi config set whatsapp-crm:allowRulesRemoval true" in text
    assert "Traceback" not in text
    stack.give(RULESETS[1])
    stack.preview()

    stack.give(None, allowed=True)
    stack.program.up()
    stack.give(None)
    stack.preview()


def test_an_app_that_never_had_rules_is_not_refused(stack: Stack) -> None:
    stack.give(None)
    stack.program.up()
    stack.preview()
    stack.program.run("refresh", "--yes", "--skip-preview")
    stack.give(RULESETS[0])
    stack.program.up()
    stack.program.run("refresh", "--yes", "--skip-preview")
    stack.give(None)
    assert "stays live" in stack.preview(code=1)
    stack.program.run("destroy", "--yes", "--skip-preview")
    assert stack.program.resources() == []


def test_a_bucket_whose_rules_leave_is_an_error_of_its_own(stack: Stack) -> None:
    buckets = {f"firebase.storage/{name}": f"projects/my-crm/rulesets/{name}" for name in ("one", "two")}
    stack.give(RULESETS[0], storage=buckets)
    stack.program.up()
    stack.give(RULESETS[0], storage={"firebase.storage/one": RULESETS[1]})
    text = stack.preview(code=1)
    assert "the release firebase.storage/two of my-crm stays live with projects/my-crm/rulesets/two" in text
    assert "(key `rules` of `storage`)" in text
    assert "firebase.storage/one" not in text
    stack.give(None)
    text = stack.preview(code=1)
    assert "cloud.firestore" in text
    assert "firebase.storage/one" in text


def test_what_an_earlier_version_recorded_is_still_compared(stack: Stack) -> None:
    stack.give(RULESETS[0])
    stack.program.up()
    state = json.loads(stack.program.run("stack", "export").text)
    for row in state["deployment"]["resources"]:
        if row["type"].endswith("RulesGuard"):
            for part in ("inputs", "outputs"):
                row.get(part, {}).pop("releases", None)
            row["inputs"] |= {"release": "cloud.firestore", "ruleset": RULESETS[0]}
    stack.program.write("earlier.json", json.dumps(state))
    stack.program.run("stack", "import", "--file", "earlier.json")
    stack.give(RULESETS[1])
    stack.preview()
    stack.give(None)
    assert f"the release cloud.firestore of my-crm stays live with {RULESETS[0]}" in stack.preview(code=1)
