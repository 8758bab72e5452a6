"""Rules that let clients delete are an error of the preview, of the verification if they were released in the
console, and rules that leave the program are an error that names what stays in effect."""

from __future__ import annotations

import json

import pytest

from sandbox import manual_edits, stack_state
from sandbox.supervisor import STACK, Sandbox
from tests.e2e.backend_only import make_app, put
from tests.e2e.stack import Stack, Steps

pytestmark = pytest.mark.e2e

CLOSED = "allow delete: if false;"
OPEN = "allow delete: if isMember();"


@pytest.fixture(scope="module")
def lifecycle(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    """Run all steps on one stack, in order."""
    seen = Steps(stack)
    step = seen.step
    app = make_app(tmp_path_factory.mktemp("app") / "crm")
    put(stack, appDir=str(app))

    rules = app / "firestore.rules"
    proven = rules.read_text()
    rules.write_text(proven.replace(CLOSED, OPEN, 1))
    step("open", "preview")
    step("open, up", "up", "--yes", "--skip-preview")
    rules.write_text(proven)
    step("up", "up", "--yes", "--skip-preview")
    assert seen.done["up"].returncode == 0, seen.done["up"].stdout
    seen.done["verified"] = stack.verify()

    release = stack_state.first_of_type(stack_state.resources(sandbox, STACK), stack_state.RELEASE_TYPE)
    console = manual_edits.Console(stack.running, release.inputs["project"], "")
    console.release_rules(manual_edits.OPEN_RULES)
    seen.done["released in the console"] = stack.verify()
    step("reset", "up", "--yes", "--skip-preview", "--refresh", "--run-program")
    seen.done["verified again"] = stack.verify()

    firebase = app / "firebase.json"
    named = firebase.read_text()
    firebase.write_text(json.dumps({"firestore": {}}))
    step("removed", "preview")
    step("removed, up", "up", "--yes", "--skip-preview")
    put(stack, allowRulesRemoval="true")
    step("removed on purpose", "up", "--yes", "--skip-preview")
    put(stack, allowRulesRemoval=None)
    step("without rules", "preview", "--expect-no-changes")
    firebase.write_text(named)
    step("named again", "up", "--yes", "--skip-preview")
    seen.done["verified at the end"] = stack.verify()
    return seen


@pytest.mark.parametrize("step", ["open", "open, up"])
def test_open_rules_are_an_error_before_anything_is_changed(lifecycle: Steps, step: str) -> None:
    done = lifecycle.done[step]
    assert done.returncode != 0
    assert "grants delete with the condition isMember(). It covers, for example, clients/x" in done.stdout
    assert "fix: Write `allow delete: if false`, in firestore.rules, line 55." in done.stdout
    assert not [one for one in lifecycle.google[step].operations if not one.startswith("GET")]


@pytest.mark.parametrize("step", ["reset", "removed on purpose", "without rules", "named again"])
def test_allowed_steps_succeed(lifecycle: Steps, step: str) -> None:
    assert lifecycle.done[step].returncode == 0, lifecycle.done[step].stdout


@pytest.mark.parametrize("step", ["verified", "verified again", "verified at the end"])
def test_the_verification_shows_the_proof_and_the_attempts(lifecycle: Steps, step: str) -> None:
    done = lifecycle.done[step]
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules: deletes denied (text)" in done.stdout
    assert "48 on 4 documents: all denied" in done.stdout


def test_open_rules_released_in_the_console_fail_the_verification(lifecycle: Steps) -> None:
    done = lifecycle.done["released in the console"]
    assert done.returncode == 1, done.stdout + done.stderr
    assert "firestore.rules:4: allow read, write on match /databases/{database}/documents/{document=**}" in (
        done.stdout
    )
    assert "grants delete with the condition request.auth != null" in done.stdout
    assert "not denied, such as clients/x by signed in" in done.stdout
    assert done.stdout.count(f"fix: pulumi up -s {STACK} --refresh --run-program") == 3


@pytest.mark.parametrize("step", ["removed", "removed, up"])
def test_rules_that_leave_the_program_are_an_error_that_names_what_stays_in_effect(
    lifecycle: Steps, step: str
) -> None:
    done = lifecycle.done[step]
    assert done.returncode != 0
    assert "the release cloud.firestore of crm-sandbox stays live with projects/crm-sandbox/rulesets/" in (
        done.stdout
    )
    assert "pulumi config set whatsapp-crm:allowRulesRemoval true" in done.stdout


def test_rules_that_may_leave_stay_in_effect_with_a_warning(lifecycle: Steps) -> None:
    assert "allowRulesRemoval: is true" in lifecycle.done["removed on purpose"].stdout
    assert not [one for one in lifecycle.google["removed on purpose"].operations if one.startswith("DELETE")]
