"""Projects: made, found, changed, deleted now or in 48 hours.

Refuses project tokens in all but reading their own project. Source: Railway's schema (projectCreate,
projectScheduleDelete) and docs, integrations/api.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.railway import problems
from sandbox.railway import records as r
from sandbox.railway.connections import page
from sandbox.railway.store import new_id
from sandbox.railway.throttle import creation_slot
from sandbox.railway.writes import end_environment

if TYPE_CHECKING:
    from sandbox.railway.context import Call

TEMPORARY_SECONDS = 24 * 3600
GRACE_SECONDS = 48 * 3600


def project(_: None, call: Call, id: str) -> r.Project:
    return call.project(id, even_deleted=call.switches.deleted_answer == "deleted_at")


def projects(
    _: None,
    call: Call,
    workspace_id: str | None = None,
    include_deleted: bool | None = None,
    order_by: str | None = None,
    user_id: str | None = None,
    **paging: Any,
) -> dict[str, Any]:
    """The projects of a workspace; without one, an account token gets an empty list."""
    del user_id
    call.wide()
    wanted = workspace_id or call.caller.workspace_id
    if wanted is not None and not call.may_see_workspace(wanted):
        raise problems.not_authorized()
    rows = [
        row
        for row in call.store.projects.values()
        if wanted is not None and row.workspace_id == wanted and (include_deleted or row.deleted_at is None)
    ]
    if order_by == "NAME_ASC":
        rows.sort(key=lambda row: row.name)
    elif order_by == "UPDATED_AT_DESC":
        rows.sort(key=lambda row: row.updated_at, reverse=True)
    else:
        rows.sort(key=lambda row: row.created_at, reverse=True)
    return page(rows, call.switches.page_limit, **paging)


def project_create(_: None, call: Call, input: dict[str, Any]) -> r.Project:
    """A project with its first environment; without a workspace it is temporary and expires in 24 hours."""
    call.wide()
    workspace_id = input.get("workspace_id") or call.caller.workspace_id
    if workspace_id is not None and not call.may_see_workspace(workspace_id):
        raise problems.not_authorized()
    if workspace_id is not None and workspace_id not in call.store.workspaces:
        raise call.missing("Workspace")
    if input.get("repo"):
        raise problems.bad_input("This sandbox makes no project from a repository: create a service instead")
    creation_slot(call, "projects", workspace_id)
    now = call.now
    made = r.Project(
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
    call.store.projects[made.id] = made
    environment = r.Environment(
        id=new_id(),
        project_id=made.id,
        name=input.get("default_environment_name") or "production",
        created_at=now,
        updated_at=now,
    )
    call.store.environments[environment.id] = environment
    return made


def project_update(_: None, call: Call, id: str, input: dict[str, Any]) -> r.Project:
    call.wide()
    found = call.project(id)
    for name, value in input.items():
        if value is not None or name == "tracing_sample_rate":  # there null resets to Railway's own rate
            setattr(found, name, value)
    found.updated_at = call.now
    return found


def end_project(call: Call, found: r.Project) -> None:
    """Delete a project and all that was in it."""
    found.deleted_at, found.delete_due = call.now, None
    for environment in call.store.environments.values():
        if environment.project_id == found.id and environment.deleted_at is None:
            end_environment(call, environment)


def project_delete(_: None, call: Call, id: str) -> bool:
    call.wide()
    end_project(call, call.project(id))
    return True


def project_schedule_delete(_: None, call: Call, id: str) -> bool:
    """48 hours of grace, in which the project is already marked."""
    call.wide()
    found = call.project(id)
    found.delete_due, found.deleted_at = call.now + GRACE_SECONDS, call.now
    return True


def project_schedule_delete_cancel(_: None, call: Call, id: str) -> bool:
    call.wide()
    found = call.project(id, even_deleted=True)
    if found.delete_due is None or found.delete_due <= call.now:
        raise call.missing("Project")
    found.delete_due, found.deleted_at = None, None
    return True


def own_environments(source: r.Project, call: Call) -> list[r.Environment]:
    """A project's environments, the oldest first; a project token sees its own only."""
    return [
        row
        for row in call.listed(call.store.environments.values())
        if row.project_id == source.id
        and (call.caller.kind != "project" or row.id == call.caller.environment_id)
    ]


def project_environments(
    source: r.Project, call: Call, is_ephemeral: bool | None = None, sort: str | None = None, **paging: Any
) -> dict[str, Any]:
    rows = [
        row
        for row in own_environments(source, call)
        if is_ephemeral is None or row.is_ephemeral == is_ephemeral
    ]
    if sort == "desc":
        rows.reverse()
    return page(rows, call.switches.page_limit, **paging)


def project_services(source: r.Project, call: Call, **paging: Any) -> dict[str, Any]:
    rows = [row for row in call.listed(call.store.services.values()) if row.project_id == source.id]
    return page(rows, call.switches.page_limit, **paging)


def project_volumes(source: r.Project, call: Call, **paging: Any) -> dict[str, Any]:
    """All volumes, those pending deletion too."""
    rows = [
        row for row in call.store.volumes.values() if row.project_id == source.id and row.deleted_at is None
    ]
    return page(rows, call.switches.page_limit, **paging)


def primary_environment(source: r.Project, call: Call) -> str | None:
    """The oldest environment that is not ephemeral."""
    for row in call.store.environments.values():
        if row.project_id == source.id and not row.is_ephemeral and row.deleted_at is None:
            return row.id
    return None


def is_temporary(source: r.Project, _: Call) -> bool:
    return source.expired_at is not None


def project_workspace(source: r.Project, call: Call) -> r.Workspace | None:
    return call.store.workspaces[source.workspace_id] if source.workspace_id else None


def subscription(_source: r.Project, call: Call) -> str:
    return call.switches.plan


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
