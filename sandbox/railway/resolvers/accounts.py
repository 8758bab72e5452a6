"""The caller, its workspaces, and project tokens.

A project token is returned only once, when it is created, as at Railway.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.railway import errors, records
from sandbox.railway.connections import page
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from sandbox.railway.context import Context


def visible_workspaces(context: Context) -> list[records.Workspace]:
    """Return the workspaces of an account, or the one of a workspace token."""
    return [row for row in context.store.workspaces.values() if context.can_access_workspace(row.id)]


def me(_: None, context: Context) -> dict[str, Any]:
    context.require_token()
    if context.caller.kind != "account":
        raise errors.not_authorized()
    return {
        "id": context.caller.token_id,
        "name": "Sandbox",
        "email": "owner@example.com",
        "username": "sandbox",
        "is_verified": True,
        "has2_fa": False,
        "created_at": context.store.tokens[context.caller.token_id].created_at,
        "workspaces": visible_workspaces(context),
    }


def api_token(_: None, context: Context) -> dict[str, Any]:
    context.reject_project_token()
    return {"workspaces": visible_workspaces(context)}


def workspace(_: None, context: Context, workspace_id: str) -> records.Workspace:
    context.reject_project_token()
    found = context.store.workspaces.get(workspace_id)
    if found is None:
        raise context.missing_error("Workspace")
    if not context.can_access_workspace(workspace_id):
        raise errors.not_authorized()
    return found


def workspace_projects(source: records.Workspace, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [row for row in context.listed(context.store.projects.values()) if row.workspace_id == source.id]
    return page(rows, context.switches.page_limit, **paging)


def workspace_updated(source: records.Workspace, _: Context) -> float:
    return source.created_at


def preferred_region(_source: records.Workspace, _: Context) -> None:
    return None


def project_token(_: None, context: Context) -> records.Token:
    """Return the caller's own project token; other kinds of tokens get an error."""
    if context.caller.kind != "project":
        raise errors.graphql_error("Project Token not found")
    return context.store.tokens[context.caller.token_id]


def project_tokens(_: None, context: Context, project_id: str, **paging: Any) -> dict[str, Any]:
    context.reject_project_token()
    context.project(project_id)
    rows = [row for row in context.store.tokens.values() if row.project_id == project_id]
    return page(rows, context.switches.page_limit, **paging)


def token_display(source: records.Token, _: Context) -> str:
    return f"{source.token[:4]}-****"


def token_project(source: records.Token, context: Context) -> records.Project:
    return context.project(source.project_id or "")


def token_environment(source: records.Token, context: Context) -> records.Environment:
    return context.environment(source.environment_id or "")


def project_token_create(_: None, context: Context, input: dict[str, Any]) -> str:
    context.reject_project_token()
    environment = context.environment(input["environment_id"])
    if environment.project_id != input["project_id"]:
        raise context.missing_error("Environment")
    token = records.Token(
        id=new_id(),
        token=secrets.token_hex(18),
        kind="project",
        name=input["name"],
        created_at=context.now,
        project_id=environment.project_id,
        environment_id=environment.id,
    )
    context.store.tokens[token.id] = token
    return token.token


def project_token_delete(_: None, context: Context, id: str) -> bool:
    context.reject_project_token()
    found = context.store.tokens.get(id)
    if found is None or found.project_id is None:
        raise context.missing_error("ProjectToken")
    context.project(found.project_id)
    del context.store.tokens[id]
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
