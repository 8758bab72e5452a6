"""Projects and environments: creation, changes, deletion."""

from __future__ import annotations

import pytest

from sandbox.railway.store import WORKSPACE_ID
from tests.sandbox.railway.client import SESSIONS, WORKSPACE, Railway, Stack, nodes

pytestmark = pytest.mark.sandbox


def test_project_create_creates_the_first_environment(railway: Railway) -> None:
    made = railway.ok(
        "ProjectCreate", input={"name": "crm", "workspaceId": WORKSPACE_ID, "defaultEnvironmentName": "prod"}
    )
    assert [(row["id"], row["name"]) for row in nodes(made["environments"])] == [
        (made["primaryEnvironmentId"], "prod")
    ]


def test_project_update_changes_name_and_description(railway: Railway, stack: Stack) -> None:
    input_ = {"name": "renamed", "description": "marker"}
    assert railway.ok("ProjectUpdate", id=stack.project, input=input_) == {"id": stack.project, **input_}


def test_an_environment_from_another_is_returned_before_its_instances(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    railway.switch(instance_delay_seconds=30, volume_delay_seconds=30)
    input_ = {"projectId": stack.project, "name": "staging", "sourceEnvironmentId": stack.environment}
    made = railway.ok("EnvironmentCreate", input={**input_, "skipInitialDeploys": True})
    read = {"projectId": stack.project, "environmentId": made["id"]}
    assert nodes(railway.ok("SnapshotRead", **read)["environment"]["serviceInstances"]) == []
    railway.wait(60)
    seen = railway.ok("SnapshotRead", **read)["environment"]
    assert [row["serviceId"] for row in nodes(seen["serviceInstances"])] == [stack.service]
    assert [row["mountPath"] for row in nodes(seen["volumeInstances"])] == [SESSIONS]
    assert seen["config"]["services"][stack.service]["variables"]["SESSIONS_PATH"]["value"] == SESSIONS
    assert railway.deployments == 0
    assert railway.ok("Environment", id=made["id"])["sourceEnvironment"]["id"] == stack.environment


def test_an_environment_from_another_deploys_unless_skipped(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    input_ = {"projectId": stack.project, "name": "staging", "sourceEnvironmentId": stack.environment}
    railway.ok("EnvironmentCreate", input=input_)
    assert railway.deployments == 1


def test_environment_names_are_unique_and_change(railway: Railway, stack: Stack) -> None:
    input_ = {"projectId": stack.project, "name": "production"}
    assert "already exists" in railway.fails("EnvironmentCreate", input=input_)
    assert railway.ok("EnvironmentRename", id=stack.environment, input={"name": "live"})["name"] == "live"
    assert [row["name"] for row in nodes(railway.ok("Environments", p=stack.project))] == ["live"]


def test_a_deleted_project_is_an_error(railway: Railway, stack: Stack) -> None:
    railway.ok("ProjectDelete", id=stack.project)
    assert railway.fails("Project", id=stack.project) == "Project not found"
    assert (
        railway.reply("SnapshotRead", projectId=stack.project, environmentId=stack.environment).json()["data"]
        is None
    )
    assert nodes(railway.ok("Projects", w=WORKSPACE_ID)) == []


def test_a_deleted_project_has_deleted_at_if_the_switch_is_set(railway: Railway, stack: Stack) -> None:
    railway.switch(deleted_response="deleted_at")
    railway.ok("ProjectDelete", id=stack.project)
    assert railway.ok("Project", id=stack.project)["deletedAt"] is not None
    assert railway.ok("Environment", id=stack.environment)["deletedAt"] is not None


def test_a_scheduled_delete_can_be_cancelled_for_48_hours(railway: Railway, stack: Stack) -> None:
    railway.ok("ProjectScheduleDelete", id=stack.project)
    assert railway.fails("Project", id=stack.project) == "Project not found"
    railway.ok("ProjectScheduleDeleteCancel", id=stack.project)
    railway.ok("Project", id=stack.project)
    railway.ok("ProjectScheduleDelete", id=stack.project)
    railway.wait(49 * 3600)
    assert railway.fails("ProjectScheduleDeleteCancel", id=stack.project) == "Project not found"


def test_a_deleted_environment_is_an_error_or_has_deleted_at(railway: Railway, stack: Stack) -> None:
    other = railway.ok("EnvironmentCreate", input={"projectId": stack.project, "name": "staging"})["id"]
    railway.ok("EnvironmentDelete", id=other)
    assert railway.fails("Environment", id=other) == "Environment not found"
    assert [row["id"] for row in nodes(railway.ok("Environments", p=stack.project))] == [stack.environment]
    railway.switch(deleted_response="deleted_at")
    assert railway.ok("Environment", id=other)["deletedAt"] is not None


def test_workspace_tokens_may_create_environments_or_not(railway: Railway, stack: Stack) -> None:
    scoped = railway.with_headers(WORKSPACE)
    scoped.ok("EnvironmentCreate", input={"projectId": stack.project, "name": "one"})
    railway.switch(workspace_token_creates_environments=False)
    assert (
        scoped.fails("EnvironmentCreate", input={"projectId": stack.project, "name": "two"})
        == "Not Authorized"
    )


@pytest.mark.parametrize("what", ["ProjectDelete", "EnvironmentDelete"])
def test_deleting_an_environment_deletes_its_contents_and_marks_its_volume(
    railway: Railway, stack: Stack, what: str
) -> None:
    volume, domain = stack.volume(), stack.domain()
    railway.ok(what, id=stack.project if what == "ProjectDelete" else stack.environment)
    assert railway.ok("DomainAvail", d=domain)["available"] is True
    (row,) = railway.get("state")["volume_instances"].values()
    assert (row["volume_id"], row["is_pending_deletion"], row["deleted_at"]) == (volume, True, None)
    assert railway.visit(domain).status_code == 404
