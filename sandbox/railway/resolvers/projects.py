"""Projects: created, listed, updated, deleted at once or after 48 hours.

A project token may only read its own project. Source: Railway's schema (projectCreate, projectScheduleDelete)
and docs, integrations/api.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.railway import errors, records
from sandbox.railway.connections import page
from sandbox.railway.store import new_id
from sandbox.railway.throttle import check_creation_throttle
from sandbox.railway.writes import delete_environment

if TYPE_CHECKING:
    from sandbox.railway.context import Context

TEMPORARY_SECONDS = 24 * 3600
GRACE_SECONDS = 48 * 3600


def project(_: None, context: Context, id: str) -> records.Project:
    return context.project(id, include_deleted=context.switches.deleted_response == "deleted_at")


def projects(
    _: None,
    context: Context,
    workspace_id: str | None = None,
    include_deleted: bool | None = None,
    order_by: str | None = None,
    user_id: str | None = None,
    **paging: Any,
) -> dict[str, Any]:
    """Return the projects of a workspace; without one, an account token gets an empty list."""
    del user_id
    context.reject_project_token()
    requested = workspace_id or context.caller.workspace_id
    if requested is not None and not context.can_access_workspace(requested):
        raise errors.not_authorized()
    rows = [
        row
        for row in context.store.projects.values()
        if requested is not None
        and row.workspace_id == requested
        and (include_deleted or row.deleted_at is None)
    ]
    if order_by == "NAME_ASC":
        rows.sort(key=lambda row: row.name)
    elif order_by == "UPDATED_AT_DESC":
        rows.sort(key=lambda row: row.updated_at, reverse=True)
    else:
        rows.sort(key=lambda row: row.created_at, reverse=True)
    return page(rows, context.switches.page_limit, **paging)


def project_create(_: None, context: Context, input: dict[str, Any]) -> records.Project:
    """Create a project with its first environment; without a workspace it expires in 24 hours."""
    context.reject_project_token()
    workspace_id = input.get("workspace_id") or context.caller.workspace_id
    if workspace_id is not None and not context.can_access_workspace(workspace_id):
        raise errors.not_authorized()
    if workspace_id is not None and workspace_id not in context.store.workspaces:
        raise context.missing_error("Workspace")
    if input.get("repo"):
        raise errors.bad_input(
            "The sandbox cannot create a project from a repository: create a service instead"
        )
    check_creation_throttle(context, "projects", workspace_id)
    now = context.now
    created = records.Project(
        id=new_id(),
        name=input.get("name") or f"project-{secrets.token_hex(3)}",
        created_at=now,
        updated_at=now,
        workspace_id=workspace_id,
        description=input.get("description"),
        is_public=bool(input.get("is_public")),
        pr_deploys=bool(input.get("pr_deploys")),
        expired_at=None if workspace_id else now + TEMPORARY_SECONDS,
    )
    context.store.projects[created.id] = created
    environment = records.Environment(
        id=new_id(),
        project_id=created.id,
        name=input.get("default_environment_name") or "production",
        created_at=now,
        updated_at=now,
    )
    context.store.environments[environment.id] = environment
    return created


def project_update(_: None, context: Context, id: str, input: dict[str, Any]) -> records.Project:
    context.reject_project_token()
    found = context.project(id)
    for name, value in input.items():
        if value is not None or name == "tracing_sample_rate":  # null resets this one to Railway's default
            setattr(found, name, value)
    found.updated_at = context.now
    return found


def delete_project(context: Context, found: records.Project) -> None:
    """Delete a project and everything in it."""
    found.deleted_at, found.delete_due = context.now, None
    for environment in context.store.environments.values():
        if environment.project_id == found.id and environment.deleted_at is None:
            delete_environment(context, environment)


def project_delete(_: None, context: Context, id: str) -> bool:
    context.reject_project_token()
    delete_project(context, context.project(id))
    return True


def project_schedule_delete(_: None, context: Context, id: str) -> bool:
    """Schedule the deletion in 48 hours; the project has deletedAt from now on."""
    context.reject_project_token()
    found = context.project(id)
    found.delete_due, found.deleted_at = context.now + GRACE_SECONDS, context.now
    return True


def project_schedule_delete_cancel(_: None, context: Context, id: str) -> bool:
    context.reject_project_token()
    found = context.project(id, include_deleted=True)
    if found.delete_due is None or found.delete_due <= context.now:
        raise context.missing_error("Project")
    found.delete_due, found.deleted_at = None, None
    return True


def visible_environments(source: records.Project, context: Context) -> list[records.Environment]:
    """Return a project's environments, oldest first; a project token sees its own only."""
    return [
        row
        for row in context.listed(context.store.environments.values())
        if row.project_id == source.id
        and (context.caller.kind != "project" or row.id == context.caller.environment_id)
    ]


def project_environments(
    source: records.Project,
    context: Context,
    is_ephemeral: bool | None = None,
    sort: str | None = None,
    **paging: Any,
) -> dict[str, Any]:
    rows = [
        row
        for row in visible_environments(source, context)
        if is_ephemeral is None or row.is_ephemeral == is_ephemeral
    ]
    if sort == "desc":
        rows.reverse()
    return page(rows, context.switches.page_limit, **paging)


def project_services(source: records.Project, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [row for row in context.listed(context.store.services.values()) if row.project_id == source.id]
    return page(rows, context.switches.page_limit, **paging)


def project_volumes(source: records.Project, context: Context, **paging: Any) -> dict[str, Any]:
    """Return all volumes, including those whose deletion is pending."""
    rows = [
        row
        for row in context.store.volumes.values()
        if row.project_id == source.id and row.deleted_at is None
    ]
    return page(rows, context.switches.page_limit, **paging)


def primary_environment(source: records.Project, context: Context) -> str | None:
    """Return the oldest environment that is not ephemeral."""
    for row in context.store.environments.values():
        if row.project_id == source.id and not row.is_ephemeral and row.deleted_at is None:
            return row.id
    return None


def is_temporary(source: records.Project, _: Context) -> bool:
    return source.expired_at is not None


def project_workspace(source: records.Project, context: Context) -> records.Workspace | None:
    return context.store.workspaces[source.workspace_id] if source.workspace_id else None


def subscription(_source: records.Project, context: Context) -> str:
    return context.switches.plan


FIELDS = {
    "Query.project": project,
    "Query.projects": projects,
    "Mutation.projectCreate": project_create,
    "Mutation.projectUpdate": project_update,
    "Mutation.projectDelete": project_delete,
    "Mutation.projectScheduleDelete": project_schedule_delete,
    "Mutation.projectScheduleDeleteCancel": project_schedule_delete_cancel,
    "Project.environments": project_environments,
    "Project.services": project_services,
    "Project.volumes": project_volumes,
    "Project.primaryEnvironmentId": primary_environment,
    "Project.isTempProject": is_temporary,
    "Project.workspace": project_workspace,
    "Project.subscriptionType": subscription,
}
