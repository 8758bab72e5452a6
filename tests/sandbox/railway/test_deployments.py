"""Deployments: their statuses, what they copy, their logs."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from graphql import GraphQLEnumType, build_schema

from sandbox.railway.admin import REPLICA_STATUSES
from sandbox.railway.schema import SDL
from sandbox.railway.store import REPO
from tests.sandbox.railway.client import KEY, SESSIONS, Railway, Stack, nodes

pytestmark = pytest.mark.sandbox

OTHER_COMMIT = "c0ffee" + "0" * 34


@pytest.fixture
def slow(railway: Railway, stack: Stack) -> Stack:
    """A healthy service whose deployment steps take 10 s each."""
    stack.healthy()
    railway.switch(deploy_step_seconds=10)
    return stack


def walk(railway: Railway, stack: Stack, deployment: str, steps: int) -> list[str]:
    """Return the status at the start and after each step."""
    seen = [stack.status(deployment)]
    for _ in range(steps):
        railway.wait(10)
        seen.append(stack.status(deployment))
    return seen


def outcome(railway: Railway, stack: Stack, name: str) -> tuple[str, list[str]]:
    """Return a deployment with this outcome, and its statuses."""
    railway.switch(deploy_outcome=name)
    made = stack.deploy()
    return made, walk(railway, stack, made, 6)


def events(railway: Railway, deployment: str) -> dict[str, Any]:
    return {row["step"]: row for row in nodes(railway.ok("DeploymentEvents", id=deployment))}


def commit(railway: Railway, deployment: str) -> str:
    return railway.ok("Everything", id=deployment)["meta"]["commitHash"]


def test_a_deployment_goes_through_its_statuses(railway: Railway, slow: Stack) -> None:
    made = slow.deploy()
    assert walk(railway, slow, made, 4) == ["QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS"]
    found = railway.ok("DeploymentPoll", id=made)
    assert (found["deploymentStopped"], [row["status"] for row in found["instances"]]) == (False, ["RUNNING"])
    assert [row["id"] for row in slow.instance()["activeDeployments"]] == [made]
    assert {
        "SNAPSHOT_CODE",
        "BUILD_IMAGE",
        "PUBLISH_IMAGE",
        "CREATE_CONTAINER",
        "MIGRATE_VOLUMES",
        "HEALTHCHECK",
    } == {*events(railway, made)}
    assert all(row["completedAt"] and not row["payload"]["error"] for row in events(railway, made).values())


def test_by_default_a_deployment_finishes_within_a_second(railway: Railway, stack: Stack) -> None:
    assert railway.get("switches")["deploy_step_seconds"] * 4 < 1
    stack.healthy()
    assert stack.status(stack.deployed()) == "SUCCESS"


def test_failed_at_the_build(railway: Railway, slow: Stack) -> None:
    made, seen = outcome(railway, slow, "failed_build")
    assert seen[:4] == ["QUEUED", "INITIALIZING", "BUILDING", "FAILED"]
    assert set(seen[4:]) == {"FAILED"}
    assert events(railway, made)["BUILD_IMAGE"]["payload"]["error"] == "Failed to build an image"
    assert "PUBLISH_IMAGE" not in events(railway, made)
    logs = [row["message"] for row in railway.ok("BuildLogs", id=made, limit=100)]
    assert any("Failed to build" in line for line in logs)
    assert slow.logs(made) == []


def test_failed_at_the_health_check(railway: Railway, slow: Stack) -> None:
    made, seen = outcome(railway, slow, "failed_healthcheck")
    assert seen[3:5] == ["DEPLOYING", "FAILED"]
    step = events(railway, made)["HEALTHCHECK"]["payload"]
    assert step["error"] == "Healthcheck failed"
    assert step["attempt"] == step["maxAttempts"]
    assert "/health 503" in slow.logs(made)
    assert railway.ok("DeploymentPoll", id=made)["deploymentStopped"] is True


def test_crashed_after_success(railway: Railway, slow: Stack) -> None:
    made, seen = outcome(railway, slow, "crashed")
    assert seen[4:6] == ["SUCCESS", "CRASHED"]
    assert slow.logs(made)[-1] == "Error: process exited with code 1"
    railway.ok("DeploymentRestart", id=made)
    assert slow.status(made) == "SUCCESS"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("success", ["QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS", "SUCCESS", "SUCCESS"]),
        ("skipped", ["QUEUED"] + ["SKIPPED"] * 6),
        ("removed", ["QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING"] + ["REMOVED"] * 3),
        ("needs_approval", ["NEEDS_APPROVAL"] * 7),
        ("waiting", ["WAITING"] * 7),
        ("never_ends", ["QUEUED", "INITIALIZING", "BUILDING"] + ["DEPLOYING"] * 4),
        ("sleeping", ["QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS", "SLEEPING", "SLEEPING"]),
    ],
)
def test_other_outcomes(railway: Railway, slow: Stack, name: str, expected: list[str]) -> None:
    assert outcome(railway, slow, name)[1] == expected


def test_an_approved_deployment_continues(railway: Railway, slow: Stack) -> None:
    made, _ = outcome(railway, slow, "needs_approval")
    railway.ok("DeploymentApprove", id=made)
    assert walk(railway, slow, made, 4)[-1] == "SUCCESS"
    assert "does not need approval" in railway.fails("DeploymentApprove", id=made)


def test_outcomes_of_the_next_deployments_are_used_once(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    railway.switch(deploy_outcomes_next=["failed_build", "skipped"])
    assert [stack.status(stack.deployed()) for _ in range(3)] == ["FAILED", "SKIPPED", "SUCCESS"]


def test_a_newer_deployment_removes_the_running_one(stack: Stack) -> None:
    stack.healthy()
    first, second = stack.deployed(), stack.deployed()
    assert (stack.status(first), stack.status(second)) == ("REMOVED", "SUCCESS")


def test_a_newer_deployment_removes_an_unfinished_one_or_not(railway: Railway, slow: Stack) -> None:
    first = slow.deploy()
    second = slow.deploy()
    assert (slow.status(first), slow.status(second)) == ("REMOVED", "QUEUED")
    railway.switch(newer_removes_in_flight=False)
    third = slow.deploy()
    assert (slow.status(second), slow.status(third)) == ("QUEUED", "QUEUED")
    railway.wait(100)
    assert (slow.status(second), slow.status(third)) == ("REMOVED", "SUCCESS")


def test_a_failed_deployment_leaves_the_running_one(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    first = stack.deployed()
    railway.switch(deploy_outcome="failed_build")
    assert stack.status(stack.deployed()) == "FAILED"
    assert stack.status(first) == "SUCCESS"
    assert [row["id"] for row in stack.instance()["activeDeployments"]] == [first]


def test_a_deployment_cannot_be_redeployed_while_it_is_built(railway: Railway, stack: Stack) -> None:
    """Reported from Railway's live API."""
    stack.healthy()
    railway.switch(deploy_step_seconds=10)
    message = railway.fails("DeploymentRedeploy", id=stack.deploy())
    assert message == "Cannot redeploy yet, please wait for the original deployment to finish building"


def test_every_start_is_counted_whoever_started_it(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    finished = stack.deployed()
    railway.ok("Redeploy", **stack.place)
    railway.ok("DeployLatest", **stack.place)
    railway.ok("TriggersDeploy", input={"projectId": stack.project, **stack.ids})
    railway.ok("DeploymentRedeploy", id=finished)
    stack.variables({"A": "1"}, skipDeploys=False)
    railway.post("repos", repo=REPO, branch="main", sha=OTHER_COMMIT)
    assert railway.deployments == 7
    railway.post("counters/reset")
    assert railway.deployments == 0


def test_deploy_v2_takes_the_commit_already_associated_and_latest_commit_the_head(
    railway: Railway, stack: Stack
) -> None:
    stack.healthy()
    first = commit(railway, stack.deployed())
    railway.switch(autodeploy_on_push=False)
    railway.post("repos", repo=REPO, branch="main", sha=OTHER_COMMIT)
    assert commit(railway, stack.deployed()) == first
    railway.ok("DeployLatest", **stack.place)
    assert stack.instance()["latestDeployment"]["meta"]["commitHash"] == OTHER_COMMIT
    named = railway.ok("Deploy", **stack.place, sha="d" * 40)
    assert commit(railway, named) == "d" * 40


def test_deploy_v2_of_a_service_that_never_deployed_works_or_not(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    railway.switch(deploy_v2_never_deployed="not_found")
    assert railway.fails("Deploy", **stack.place) == "Deployment not found"
    railway.switch(deploy_v2_never_deployed="works")
    assert stack.status(stack.deployed()) == "SUCCESS"
    railway.switch(deploy_v2_never_deployed="not_found")
    stack.deploy()


def test_a_push_deploys_the_services_of_the_branch_unless_switched_off(
    railway: Railway, stack: Stack
) -> None:
    stack.healthy()
    railway.post("repos", repo=REPO, branch="staging", sha=OTHER_COMMIT)
    assert railway.deployments == 0
    railway.post("repos", repo=REPO, branch="main", sha=OTHER_COMMIT)
    assert railway.deployments == 1
    railway.post("repos", repo=REPO, branch="main", sha=OTHER_COMMIT)
    assert railway.deployments == 1
    railway.switch(autodeploy_on_push=False)
    railway.post("repos", repo=REPO, branch="main", sha="a" * 40)
    assert railway.deployments == 1


def test_a_push_outside_the_watched_files_is_skipped(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    stack.settings(watchPatterns=["/backend/**"], healthcheckPath="/health")
    for files, status in ((["docs/a.md"], "SKIPPED"), (["docs/a.md", "backend/src/a.js"], "SUCCESS")):
        made = railway.post("repos", repo=REPO, branch="main", changed=files)["deployments"]
        railway.wait()
        assert [stack.status(key) for key in made] == [status]


def test_a_push_waits_for_checks_if_the_trigger_requires_them(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    trigger = nodes(stack.read()["environment"]["deploymentTriggers"])[0]["id"]
    for suites, status in ((True, "WAITING"), (False, "SUCCESS")):
        railway.ok("TriggerUpdate", id=trigger, input={"checkSuites": suites})
        (made,) = railway.post("repos", repo=REPO, branch="main", checks="pending")["deployments"]
        railway.wait()
        assert stack.status(made) == status


def test_a_replaced_deployment_is_removing_before_it_is_removed(railway: Railway, slow: Stack) -> None:
    first = slow.deploy()
    railway.wait(40)
    slow.deploy()
    assert walk(railway, slow, first, 5)[3:] == ["SUCCESS", "REMOVING", "REMOVED"]


def test_a_request_wakes_a_sleeping_deployment(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    domain = stack.domain()
    railway.switch(deploy_outcome="sleeping")
    made = stack.deployed()
    assert stack.status(made) == "SLEEPING"
    assert railway.visit(domain).status_code == 200
    assert stack.status(made) == "SUCCESS"


def test_a_missing_branch_fails_at_the_snapshot(railway: Railway, stack: Stack) -> None:
    stack.connect("feature")
    made = stack.deployed()
    assert stack.status(made) == "FAILED"
    assert events(railway, made)["SNAPSHOT_CODE"]["payload"]["error"]


def test_a_service_without_a_source_cannot_deploy(railway: Railway, stack: Stack) -> None:
    assert "no source" in railway.fails("Deploy", **stack.place)
    assert railway.fails("Redeploy", **stack.place) == "Deployment not found"


def test_a_deployment_copies_variables_and_settings_at_its_start(railway: Railway, slow: Stack) -> None:
    made = slow.deploy()
    slow.variables({"SESSIONS_PATH": "/elsewhere"})
    slow.settings(healthcheckPath="/other")
    railway.wait(100)
    assert slow.status(made) == "SUCCESS"
    assert "sessions dir exists/writable: true" in slow.logs(made)
    assert "/health 200" in slow.logs(made)


def test_logs_of_a_healthy_backend_have_the_expected_lines(stack: Stack) -> None:
    stack.healthy()
    logs = stack.logs(stack.deployed())
    for line in ("sessions dir exists/writable: true", "Firebase initialized", "/health 200"):
        assert line in logs


@pytest.mark.parametrize("path", ["/elsewhere", "/app/sessions/", ""])
def test_sessions_are_not_writable_outside_the_volume(railway: Railway, stack: Stack, path: str) -> None:
    stack.healthy()
    stack.variables({"SESSIONS_PATH": path})
    made = stack.deployed()
    assert "sessions dir exists/writable: false" in stack.logs(made)
    assert stack.status(made) == "FAILED"
    assert "HEALTHCHECK" in events(railway, made)


def test_sessions_are_not_writable_without_a_volume(stack: Stack) -> None:
    stack.variables({"SESSIONS_PATH": SESSIONS, "FIREBASE_SERVICE_ACCOUNT_JSON": KEY})
    stack.settings(healthcheckPath="/health")
    stack.connect()
    assert "sessions dir exists/writable: false" in stack.logs(stack.deployed())


@pytest.mark.parametrize(
    "key",
    [
        "",
        "{",
        "[]",
        json.dumps({**json.loads(KEY), "type": "authorized_user"}),
        *(
            json.dumps({**json.loads(KEY), name: ""})
            for name in ("project_id", "client_email", "private_key")
        ),
    ],
)
def test_firebase_needs_a_whole_service_account(stack: Stack, key: str) -> None:
    stack.healthy()
    stack.variables({"FIREBASE_SERVICE_ACCOUNT_JSON": key})
    made = stack.deployed()
    assert "Firebase initialized" not in stack.logs(made)
    assert any(line.startswith("Firebase failed: FIREBASE_SERVICE_ACCOUNT_JSON") for line in stack.logs(made))
    assert stack.status(made) == "FAILED"


def test_logs_do_not_contain_the_service_account_key(stack: Stack) -> None:
    stack.healthy()
    stack.variables({"FIREBASE_SERVICE_ACCOUNT_JSON": KEY.replace('"k"', '"PRIVATE"')})
    made = stack.deployed()
    assert "PRIVATE" not in "".join(stack.logs(made))


def test_the_health_check_uses_the_path_of_the_backend(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    stack.settings(healthcheckPath="/ready")
    assert stack.status(stack.deployed()) == "SUCCESS"
    railway.switch(backend_routes=["/health"])
    assert stack.status(stack.deployed()) == "FAILED"


def test_a_service_that_is_not_the_crm_needs_neither_sessions_nor_firebase(
    railway: Railway, stack: Stack
) -> None:
    stack.settings(healthcheckPath="/health")
    stack.connect()
    assert stack.status(stack.deployed()) == "FAILED"
    railway.switch(backend_is_crm=False)
    made = stack.deployed()
    assert stack.status(made) == "SUCCESS"
    assert not any("sessions" in line or "Firebase" in line for line in stack.logs(made))


def test_without_a_health_check_an_unhealthy_backend_is_a_success(stack: Stack) -> None:
    stack.connect()
    assert stack.status(stack.deployed()) == "SUCCESS"


def test_another_service_than_the_crm_is_healthy_without_its_variables(
    railway: Railway, stack: Stack
) -> None:
    stack.connect()
    stack.settings(healthcheckPath="/health")
    assert stack.status(stack.deployed()) == "FAILED"
    railway.switch(backend_is_crm=False)
    made = stack.deployed()
    assert stack.status(made) == "SUCCESS"
    assert not [line for line in stack.logs(made) if "Firebase" in line or "sessions" in line]


def test_logs_return_one_more_than_the_limit(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    made = stack.deployed()
    everything = railway.ok("DeployLogs", id=made)
    assert len(everything) > 3
    assert railway.ok("DeployLogs", id=made, limit=2) == everything[-3:]
    assert "limit" in railway.fails("DeployLogs", id=made, limit=5001)
    query = """query ($id: String!, $f: String, $s: DateTime) {
      deploymentLogs(deploymentId: $id, filter: $f, startDate: $s) {
        message tags { deploymentId } attributes { key value }
      }
    }"""
    found = railway.send(query, {"id": made, "f": "Firebase"}).json()["data"]["deploymentLogs"]
    assert [row["message"] for row in found] == ["Firebase initialized"]
    assert (
        railway.send(query, {"id": made, "s": "2100-01-01T00:00:00Z"}).json()["data"]["deploymentLogs"] == []
    )
    assert railway.send(query, {"id": made, "s": "soon"}).json()["errors"]


def test_cancel_ends_an_unfinished_deployment(railway: Railway, slow: Stack) -> None:
    made = slow.deploy()
    railway.ok("DeploymentCancel", id=made)
    assert slow.status(made) == "REMOVED"
    assert "cannot be cancelled" in railway.fails("DeploymentCancel", id=made)


def test_rollback_takes_image_and_variables_of_an_earlier_deployment(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    first = stack.deployed()
    assert railway.ok("Everything", id=first)["canRollback"] is False
    stack.variables({"SESSIONS_PATH": "/elsewhere"})
    stack.settings(healthcheckPath="")
    second = stack.deployed()
    assert "sessions dir exists/writable: false" in stack.logs(second)
    railway.ok("DeploymentRollback", id=first)
    railway.wait()
    newest = stack.instance()["latestDeployment"]["id"]
    assert newest not in (first, second)
    assert "sessions dir exists/writable: true" in stack.logs(newest)
    assert railway.ok("Everything", id=newest)["meta"]["reason"] == "rollback"
    railway.switch(rollback_reason="redeploy")
    assert railway.ok("Everything", id=newest)["meta"]["reason"] == "redeploy"


def test_stop_and_remove_end_a_running_deployment(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    for name in ("DeploymentStop", "DeploymentRemove"):
        made = stack.deployed()
        railway.ok(name, id=made)
        assert stack.status(made) == "REMOVED"
        assert stack.instance()["activeDeployments"] == []


def test_deployments_are_listed_newest_first_by_status(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    first, second = stack.deployed(), stack.deployed()
    where = {"projectId": stack.project, **stack.ids}
    assert [row["id"] for row in nodes(railway.ok("Deployments", input=where))] == [second, first]
    live = railway.ok("Deployments", input={**where, "status": {"in": ["SUCCESS"]}})
    assert [row["id"] for row in nodes(live)] == [second]
    dead = railway.ok("Deployments", input={**where, "status": {"notIn": ["SUCCESS"]}})
    assert [row["id"] for row in nodes(dead)] == [first]


def test_meta_names_repo_branch_and_commit(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    domain = stack.domain()
    found = railway.ok("Everything", id=stack.deployed())
    assert (found["meta"]["repo"], found["meta"]["branch"], len(found["meta"]["commitHash"])) == (
        REPO,
        "main",
        40,
    )
    assert found["staticUrl"] == domain
    assert found["service"]["name"] == "backend"


def test_a_restart_logs_the_start_again(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    made = stack.deployed()
    once = stack.logs(made)
    railway.ok("DeploymentRestart", id=made)
    assert stack.logs(made).count("Firebase initialized") == 2
    assert stack.logs(made)[: len(once)] == once
    assert stack.status(made) == "SUCCESS"


def test_a_crash_loop_logs_each_start_at_its_time(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    made = stack.deployed()
    railway.wait(3600)
    railway.post(f"deployments/{made}", restarted=[60, 1200, 600])
    rows = [r for r in railway.ok("DeployLogs", id=made) if r["message"] == "Firebase initialized"]
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    assert [round((after - before).total_seconds()) for before, after in pairwise(times[1:])] == [600, 540]
    railway.post(f"deployments/{made}", restarted=[])
    assert stack.logs(made).count("Firebase initialized") == 1


def test_the_replicas_of_a_deployment_can_be_set(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    made = stack.deployed()

    def states() -> list[str]:
        return [one["status"] for one in railway.ok("DeploymentPoll", id=made)["instances"]]

    schema = build_schema(SDL.read_text(encoding="utf-8")).type_map["DeploymentInstanceStatus"]
    assert isinstance(schema, GraphQLEnumType)
    assert {*schema.values} == REPLICA_STATUSES
    railway.post(f"deployments/{made}", replicas=["RUNNING", "RESTARTING"])
    assert (states(), stack.status(made)) == (["RUNNING", "RESTARTING"], "SUCCESS")
    railway.post(f"deployments/{made}", replicas=[])
    assert states() == ["RUNNING"]
    answer = railway.http.post(
        f"{railway.url}/admin/deployments/{made}", json={"replicas": ["UP"]}, timeout=30
    )
    assert (answer.status_code, "RESTARTING" in answer.json()["error"]) == (400, True)
