"""A stack on the real engine, from the first preview to its destruction.

The steps run once for the whole file; the tests check their output and counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from sandbox import manual_edits, stack_state
from sandbox.supervisor import STACK, Sandbox
from tests import bad_settings
from tests.e2e.stack import DRIFT, Stack, Steps

pytestmark = pytest.mark.e2e

NODE_MODULES = bad_settings.EXAMPLE_APP / "functions/node_modules"
SEVEN = {f"SETTING_{n}": str(n) for n in range(5)}


@dataclass
class Lifecycle(Steps):
    """The steps, the manual edits, and the resources before them and at the end."""

    drifts: list[manual_edits.Edit] = field(default_factory=list[manual_edits.Edit])
    before: list[stack_state.Resource] = field(default_factory=list[stack_state.Resource])
    after: list[stack_state.Resource] = field(default_factory=list[stack_state.Resource])


@pytest.fixture(scope="module")
def lifecycle(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Lifecycle:
    """Run all steps on one stack, in order."""
    seen = Lifecycle(stack)
    step = seen.step
    seen.done["verify before the first up"] = stack.verify()
    step("preview", "preview")
    step("up", "up", "--yes", "--skip-preview")
    assert seen.done["up"].returncode == 0, seen.done["up"].stdout
    step("second preview", "preview", "--expect-no-changes")
    step("no-op up", "up", "--yes", "--skip-preview", "--expect-no-changes")
    step("refresh", "refresh", "--yes", "--skip-preview", "--expect-no-changes")
    seen.before = stack_state.resources(sandbox, STACK)
    seen.drifts = stack_state.example_edits(stack.running, seen.before)
    for drift in seen.drifts:
        drift.apply()
    step("drift", *DRIFT)
    step("heal", "up", "--yes", "--skip-preview", "--refresh", "--run-program")
    step("clean", *DRIFT)

    def change(config: dict[str, Any]) -> None:
        config["whatsapp-crm:branch"] = "staging"
        config["whatsapp-crm:backfillCount"] = 7
        config["whatsapp-crm:backfillThreads"] = 3
        config["whatsapp-crm:backendVariables"] = SEVEN

    stack.edit(change)
    step("seven variables and the branch", "up", "--yes", "--skip-preview")
    step("preview after it", *DRIFT)
    app = bad_settings.copy_app(tmp_path_factory.mktemp("unbuilt") / "crm", NODE_MODULES)
    index = app / "functions/index.js"
    index.write_text(index.read_text().replace("\nconst assistant =", "\nreturn;\nconst assistant ="))
    stack.edit(lambda config: config.update({"whatsapp-crm:appDir": str(app)}))
    step("preview without most functions", "preview")
    step("up without most functions", "up", "--yes", "--skip-preview")
    stack.edit(lambda config: config.update({"whatsapp-crm:appDir": "./examples/crm"}))
    step("destroy", "destroy", "--yes", "--skip-preview")
    seen.after = stack_state.resources(sandbox, STACK)
    return seen


def ok(lifecycle: Lifecycle, step: str) -> None:
    """The step ended well."""
    assert lifecycle.done[step].returncode == 0, lifecycle.done[step].stdout


def test_the_preview_shows_the_resources_and_changes_nothing(lifecycle: Lifecycle) -> None:
    ok(lifecycle, "preview")
    for kind in (
        "railway:Volume",
        "firebase:RulesRelease",
        "gcp:cloudfunctionsv2:Function",
        "gcp:firestore:Index",
    ):
        assert kind in lifecycle.done["preview"].stdout
    assert lifecycle.railway["preview"].operations == {"ProjectsFind": 1}
    assert not [
        o
        for o in lifecycle.google["preview"].operations
        if not o.startswith("GET") and not o.endswith(".test")
    ]


def test_the_first_up_needs_14_railway_requests_or_fewer(lifecycle: Lifecycle) -> None:
    """And four reads of the lines of the runbook at its end: snapshot, instances, variables, used size."""
    counts = lifecycle.railway["up"]
    assert counts.requests - counts.polls <= 14 + 4, counts.operations


def test_an_up_ends_with_the_lines_of_the_runbook_that_need_no_person(lifecycle: Lifecycle) -> None:
    said = lifecycle.done["up"].stdout
    assert "readiness: C3 fail: there is no backup of the volume" in said
    assert "lines were checked, not ready: C3, D4; all of them: .venv/bin/python -m ops readiness" in said


def test_the_first_up_deploys_once(lifecycle: Lifecycle) -> None:
    assert lifecycle.railway["up"].deployments == 1


def test_the_second_preview_has_no_changes(lifecycle: Lifecycle) -> None:
    ok(lifecycle, "second preview")


def test_an_up_without_changes_deploys_nothing(lifecycle: Lifecycle) -> None:
    ok(lifecycle, "no-op up")
    assert lifecycle.railway["no-op up"].deployments == 0


def test_a_refresh_without_changes_is_one_railway_request(lifecycle: Lifecycle) -> None:
    ok(lifecycle, "refresh")
    assert lifecycle.railway["refresh"].operations == {"SnapshotRead": 1}


def test_drift_has_its_own_exit_code(lifecycle: Lifecycle) -> None:
    assert lifecycle.done["drift"].returncode == 7, lifecycle.done["drift"].stdout


@pytest.mark.parametrize(
    "named",
    [
        "audit-whatsapp-30",
        "DEBUG",
        "roles/run.invoker",
        "1Gi",
        "ruleset_name",
    ],
)
def test_each_drift_is_named_with_its_property(lifecycle: Lifecycle, named: str) -> None:
    assert named in lifecycle.done["drift"].stdout


def test_the_drift_report_shows_no_value_of_a_variable(lifecycle: Lifecycle) -> None:
    assert "baileys:*" not in lifecycle.done["drift"].stdout


def test_up_heals_the_drift_and_the_next_report_is_clean(lifecycle: Lifecycle) -> None:
    ok(lifecycle, "heal")
    ok(lifecycle, "clean")


def test_healing_a_variable_and_the_branch_deploys_once(lifecycle: Lifecycle) -> None:
    assert lifecycle.railway["heal"].deployments == 1


def test_seven_variables_and_the_branch_are_one_deployment(lifecycle: Lifecycle) -> None:
    ok(lifecycle, "seven variables and the branch")
    assert lifecycle.railway["seven variables and the branch"].deployments == 1
    ok(lifecycle, "preview after it")


def test_functions_that_vanish_stop_the_preview_and_the_up(lifecycle: Lifecycle) -> None:
    for step in ("preview without most functions", "up without most functions"):
        assert lifecycle.done[step].returncode != 0
        assert (
            "pulumi up would delete 6 of 9 functions, a third or more: aggregateClientStats, "
            "askAboutClient, extractEventFromThread, processFollowUps, processOutboxNow, setMember."
        ) in lifecycle.done[step].stdout
        assert "pulumi config set whatsapp-crm:allowFunctionDeletion true" in lifecycle.done[step].stdout
        assert not [o for o in lifecycle.google[step].operations if o.startswith("DELETE")]


def test_the_deployed_stack_is_verified_from_its_state(stack: Stack, lifecycle: Lifecycle) -> None:
    before = lifecycle.done["verify before the first up"]
    assert (before.returncode, "no `pulumi up` of the stack" in before.stderr) == (2, True), before.stderr
    done = stack.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    functions = [r for r in lifecycle.after if r.type == stack_state.FUNCTION_TYPE]
    assert done.stdout.count("ok    function ") == len(functions) > 0
    assert done.stdout.endswith(" checked, 0 failed\n")


def test_destroy_is_refused_for_the_volume_and_nothing_is_deleted(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["destroy"]
    assert done.returncode != 0
    assert "railway:Volume" in done.stdout
    assert "protected" in done.stdout
    assert "pulumi state unprotect" in done.stdout
    kept = {r.urn for r in lifecycle.after}
    assert {r.urn for r in lifecycle.before} <= kept
    assert not [o for o in lifecycle.railway["destroy"].operations if "Delete" in o]
    assert not [o for o in lifecycle.google["destroy"].operations if o.startswith("DELETE")]


def test_the_volume_is_the_same_after_all_steps(lifecycle: Lifecycle) -> None:
    def volume(found: list[stack_state.Resource]) -> str:
        return stack_state.first_of_type(found, stack_state.RAILWAY_TYPE + "Volume").id

    assert volume(lifecycle.before) == volume(lifecycle.after)


def test_both_clouds_are_what_the_program_declares(stack: Stack, lifecycle: Lifecycle) -> None:
    dashboard = stack_state.dashboard(stack.running, lifecycle.after)
    ids = {"p": dashboard.project_id, "e": dashboard.environment_id, "s": dashboard.service_id}
    variables = cast(
        "dict[str, str]",
        dashboard.call(
            "query Vars($p: String!, $e: String!, $s: String)"
            " { variables(projectId: $p, environmentId: $e, serviceId: $s, unrendered: true) }",
            ids,
        )["variables"],
    )
    assert variables["SESSIONS_PATH"] == "/app/sessions"
    assert variables["WHATSAPP_BACKFILL_COUNT"] == "7"
    assert SEVEN.items() <= variables.items()
    assert "DEBUG" not in variables
