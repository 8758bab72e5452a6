"""Railway's errors: their HTTP status, their texts, and which caller gets which."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.railway.store import WORKSPACE_ID
from tests.sandbox.railway.client import WORKSPACE, Railway, Stack, nodes

pytestmark = pytest.mark.sandbox

NOBODY = "00000000-0000-4000-8000-000000000000"


def project_token(railway: Railway, stack: Stack) -> Railway:
    """The sandbox with a token of the stack's only environment."""
    input_ = {"projectId": stack.project, "environmentId": stack.environment, "name": "ci"}
    return railway.with_headers({"Project-Access-Token": railway.ok("ProjectTokenCreate", input=input_)})


def test_an_execution_error_is_200_with_null_data_code_and_trace_id(railway: Railway) -> None:
    answer = railway.reply("Project", id=NOBODY)
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] is None
    (error,) = body["errors"]
    assert error["message"] == "Project not found"
    assert error["path"] == ["project"]
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR"}
    assert error["traceId"]


def test_the_trace_id_may_be_in_extensions(railway: Railway) -> None:
    railway.switch(trace_id_position="extensions")
    error = railway.error("Project", id=NOBODY)
    assert error["extensions"]["traceId"]
    assert "traceId" not in error
    railway.switch(trace_id_position="error")
    assert "traceId" not in railway.error("Project", id=NOBODY)["extensions"]


def test_one_failing_root_nulls_all_data(railway: Railway, stack: Stack) -> None:
    body = railway.reply("SnapshotRead", projectId=stack.project, environmentId=NOBODY).json()
    assert body["data"] is None
    assert [error["message"] for error in body["errors"]] == ["Environment not found"]


def test_a_syntax_error_is_400(railway: Railway) -> None:
    answer = railway.send("query {")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b'{"query": 5}'])
def test_a_body_that_is_not_graphql_is_400(railway: Railway, body: bytes) -> None:
    answer = railway.http.post(
        f"{railway.url}/graphql/v2?x=1", data=body, headers=railway.headers, timeout=30
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"] == "Problem processing request"


@pytest.mark.parametrize("status", [400, 200])
def test_variables_of_a_wrong_type_are_bad_user_input(railway: Railway, stack: Stack, status: int) -> None:
    railway.switch(bad_variables_status=status)
    answer = railway.reply("ServiceInstanceUpdate", **stack.ids, input={"builder": "DOCKERFILE"})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_an_unknown_id_is_not_found_or_not_authorized(railway: Railway, stack: Stack) -> None:
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("Project", {"id": NOBODY}, "Project"),
        ("Environment", {"id": NOBODY}, "Environment"),
        ("Service", {"id": NOBODY}, "Service"),
        ("VolumeInstance", {"id": NOBODY}, "VolumeInstance"),
        ("DeploymentPoll", {"id": NOBODY}, "Deployment"),
        ("TriggerDelete", {"id": NOBODY}, "DeploymentTrigger"),
        ("VolumeDelete", {"volumeId": NOBODY}, "Volume"),
        ("DomainDelete", {"id": NOBODY}, "ServiceDomain"),
        ("Patch", {"id": NOBODY}, "EnvironmentPatch"),
        ("VarDelete", {"input": {"projectId": stack.project, **stack.ids, "name": "A"}}, "Variable"),
    ]
    for name, variables, kind in asked:
        assert railway.fails(name, **variables) == f"{kind} not found"
    railway.switch(missing_response="not_authorized")
    for name, variables, _ in asked:
        assert railway.fails(name, **variables) == "Not Authorized"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic sandbox-account-token"}],
)
def test_an_unknown_token_is_not_authorized(railway: Railway, stack: Stack, headers: dict[str, str]) -> None:
    stranger = railway.with_headers(headers or {"X-Nothing": "1"})
    assert stranger.fails("Me") == "Not Authorized"
    assert stranger.fails("Project", id=stack.project) == "Not Authorized"
    assert stranger.fails("ProjectCreate", input={"name": "x"}) == "Not Authorized"
    assert stranger.reply("Me").status_code == 200


def test_an_account_token_can_do_everything(railway: Railway, stack: Stack) -> None:
    me = railway.ok("Me")
    assert [row["id"] for row in me["workspaces"]] == [WORKSPACE_ID]
    assert railway.ok("WhoAmIToken") == {"workspaces": [{"id": WORKSPACE_ID, "name": "Sandbox"}]}
    assert railway.fails("WhoAmIProjectToken") == "Project Token not found"
    assert [row["id"] for row in nodes(me["workspaces"][0]["projects"])] == [stack.project]


def test_a_workspace_token_has_no_access_to_me_and_other_workspaces(railway: Railway, stack: Stack) -> None:
    scoped = railway.with_headers(WORKSPACE)
    assert scoped.fails("Me") == "Not Authorized"
    assert scoped.ok("WhoAmIToken")["workspaces"] == [{"id": WORKSPACE_ID, "name": "Sandbox"}]
    scoped.ok("Project", id=stack.project)
    other = railway.post("workspaces", name="Elsewhere")["id"]
    foreign = railway.ok("ProjectCreate", input={"name": "theirs", "workspaceId": other})["id"]
    assert scoped.fails("Project", id=foreign) == "Not Authorized"
    assert scoped.fails("Projects", w=other) == "Not Authorized"
    assert scoped.fails("ProjectCreate", input={"name": "x", "workspaceId": other}) == "Not Authorized"
    own = scoped.ok("ProjectCreate", input={"name": "mine"})
    assert own["workspaceId"] == WORKSPACE_ID


def test_a_project_token_reaches_its_environment_only(railway: Railway, stack: Stack) -> None:
    other = railway.ok("EnvironmentCreate", input={"projectId": stack.project, "name": "staging"})["id"]
    scoped = project_token(railway, stack)
    assert scoped.ok("WhoAmIProjectToken")["environmentId"] == stack.environment
    seen = scoped.ok("SnapshotRead", projectId=stack.project, environmentId=stack.environment)
    assert [row["id"] for row in nodes(seen["project"]["environments"])] == [stack.environment]
    scoped.ok("VarsUpsert", input={"projectId": stack.project, **stack.ids, "variables": {"A": "1"}})
    scoped.ok("ServiceInstanceUpdate", **stack.ids, input={"startCommand": "run"})
    rejected: list[tuple[str, dict[str, Any]]] = [
        ("ProjectCreate", {"input": {"name": "x", "workspaceId": WORKSPACE_ID}}),
        ("ProjectUpdate", {"id": stack.project, "input": {"name": "x"}}),
        ("EnvironmentCreate", {"input": {"projectId": stack.project, "name": "x"}}),
        ("Service", {"id": stack.service}),
        ("Environment", {"id": other}),
        ("Me", {}),
        ("WhoAmIToken", {}),
        ("VolumeCreate", {"input": {"projectId": stack.project, "mountPath": "/x"}}),
        ("ServiceCreate", {"input": {"projectId": stack.project, "name": "x"}}),
    ]
    for name, variables in rejected:
        assert scoped.fails(name, **variables) == "Not Authorized"
    # The root field alone: another part of the document above is denied to such a token, too.
    alone = scoped.send("query($id: String!) { service(id: $id) { id } }", {"id": stack.service}).json()
    assert [error["message"] for error in alone["errors"]] == ["Not Authorized"]


def test_an_unknown_project_token_has_its_own_error(railway: Railway, stack: Stack) -> None:
    for value in ("nobody", "sandbox-account-token"):
        scoped = railway.with_headers({"Project-Access-Token": value})
        assert scoped.fails("Project", id=stack.project) == "Project Token not found"


def test_a_project_token_is_not_valid_as_a_bearer_token(railway: Railway, stack: Stack) -> None:
    scoped = project_token(railway, stack)
    bearer = railway.with_headers({"Authorization": f"Bearer {scoped.headers['Project-Access-Token']}"})
    assert bearer.fails("Project", id=stack.project) == "Not Authorized"


def test_project_tokens_are_listed_and_deleted(railway: Railway, stack: Stack) -> None:
    scoped = project_token(railway, stack)
    (row,) = nodes(railway.ok("ProjectTokens", p=stack.project))
    assert row["environment"]["id"] == stack.environment
    assert scoped.headers["Project-Access-Token"] not in row["displayToken"]
    railway.ok("ProjectTokenDelete", id=row["id"])
    assert scoped.fails("WhoAmIProjectToken") == "Project Token not found"


def test_a_viewer_changes_nothing_and_sees_no_variables(railway: Railway, stack: Stack) -> None:
    railway.post("tokens", kind="account", token="viewer", viewer=True)
    viewer = railway.with_headers({"Authorization": "Bearer viewer"})
    viewer.ok("Project", id=stack.project)
    place = {"projectId": stack.project, **stack.ids}
    assert viewer.fails("VarsUpsert", input={**place, "variables": {"A": "1"}}) == "Not Authorized"
    assert viewer.fails("ServiceInstanceUpdate", **stack.ids, input={"startCommand": "x"}) == "Not Authorized"
    place = {"projectId": stack.project, "environmentId": stack.environment}
    assert viewer.fails("SnapshotRead", **place) == "Not Authorized"
    shared = "query($p: String!, $e: String!) { variables(projectId: $p, environmentId: $e) }"
    answer = viewer.send(shared, {"p": stack.project, "e": stack.environment}).json()
    assert [error["message"] for error in answer["errors"]] == ["Not Authorized"]


def test_the_admin_route_adds_and_revokes_tokens(railway: Railway, stack: Stack) -> None:
    railway.post("tokens", kind="workspace", token="mine", workspace_id=WORKSPACE_ID)
    mine = railway.with_headers({"Authorization": "Bearer mine"})
    mine.ok("Project", id=stack.project)
    railway.post("tokens", token="mine", revoke=True)
    assert mine.fails("Project", id=stack.project) == "Not Authorized"
