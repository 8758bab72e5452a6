"""Who is calling, and the tokens and workspaces they see.

Refuses to show a project token again after it was made: Railway shows it once.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.railway import problems
from sandbox.railway import records as r
from sandbox.railway.connections import page
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from sandbox.railway.context import Call


def visible_workspaces(call: Call) -> list[r.Workspace]:
    """The workspaces of an account, or the one of a workspace token."""
    return [row for row in call.store.workspaces.values() if call.may_see_workspace(row.id)]


def me(_: None, call: Call) -> dict[str, Any]:
    call.known()
    if call.caller.kind != "account":
        raise problems.not_authorized()
    return {
        "id": call.caller.token_id,
        "name": "Sandbox",
        "email": "owner@example.com",
        "username": "sandbox",
        "is_verified": True,
        "has2_fa": False,
        "created_at": call.store.tokens[call.caller.token_id].created_at,
        "workspaces": visible_workspaces(call),
    }


def api_token(_: None, call: Call) -> dict[str, Any]:
    call.wide()
    return {"workspaces": visible_workspaces(call)}


def workspace(_: None, call: Call, workspace_id: str) -> r.Workspace:
    call.wide()
    found = call.store.workspaces.get(workspace_id)
    if found is None:
        raise call.missing("Workspace")
    if not call.may_see_workspace(workspace_id):
        raise problems.not_authorized()
    return found


def workspace_projects(source: r.Workspace, call: Call, **paging: Any) -> dict[str, Any]:
    rows = [row for row in call.listed(call.store.projects.values()) if row.workspace_id == source.id]
    return page(rows, call.switches.page_limit, **paging)


def workspace_updated(source: r.Workspace, _: Call) -> float:
    return source.created_at


def preferred_region(_source: r.Workspace, _: Call) -> None:
    return None


def project_token(_: None, call: Call) -> r.Token:
    """The caller's own project token; other tokens have none."""
    if call.caller.kind != "project":
        raise problems.refusal("Project Token not found")
    return call.store.tokens[call.caller.token_id]


def project_tokens(_: None, call: Call, project_id: str, **paging: Any) -> dict[str, Any]:
    call.wide()
    call.project(project_id)
    rows = [row for row in call.store.tokens.values() if row.project_id == project_id]
    return page(rows, call.switches.page_limit, **paging)


def token_display(source: r.Token, _: Call) -> str:
    return f"{source.token[:4]}-****"


def token_project(source: r.Token, call: Call) -> r.Project:
    return call.project(source.project_id or "")


def token_environment(source: r.Token, call: Call) -> r.Environment:
    return call.environment(source.environment_id or "")


def project_token_create(_: None, call: Call, input: dict[str, Any]) -> str:
    call.wide()
    environment = call.environment(input["environment_id"])
    if environment.project_id != input["project_id"]:
        raise call.missing("Environment")
    token = r.Token(
        id=new_id(),
        token=secrets.token_hex(18),
        kind="project",
        name=input["name"],
        created_at=call.now,
        project_id=environment.project_id,
        environment_id=environment.id,
    )
    call.store.tokens[token.id] = token
    return token.token


def project_token_delete(_: None, call: Call, id: str) -> bool:
    call.wide()
    found = call.store.tokens.get(id)
    if found is None or found.project_id is None:
        raise call.missing("ProjectToken")
    call.project(found.project_id)
    del call.store.tokens[id]
    return True


FIELDS = {
    "Query.me": me,
    "Query.apiToken": api_token,
    "Query.workspace": workspace,
    "Query.projectToken": project_token,
    "Query.projectTokens": project_tokens,
    "Mutation.projectTokenCreate": project_token_create,
    "Mutation.projectTokenDelete": project_token_delete,
    "Workspace.projects": workspace_projects,
    "Workspace.updatedAt": workspace_updated,
    "Workspace.preferredRegion": preferred_region,
    "ProjectToken.displayToken": token_display,
    "ProjectToken.project": token_project,
    "ProjectToken.environment": token_environment,
}
