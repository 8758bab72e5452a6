"""Environments: created empty or from another, renamed, deleted, and everything read through them.

An instance is visible only after a delay, as reported from the live API. Source: Railway's schema
(EnvironmentCreateInput).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.railway import config_document, deploys, errors, records
from sandbox.railway.connections import page
from sandbox.railway.store import new_id
from sandbox.railway.throttle import check_creation_throttle
from sandbox.railway.writes import delete_environment

if TYPE_CHECKING:
    from sandbox.railway.context import Context


def environment(_: None, context: Context, id: str, project_id: str | None = None) -> records.Environment:
    found = context.environment(id, include_deleted=context.switches.deleted_response == "deleted_at")
    if project_id is not None and found.project_id != project_id:
        raise context.missing_error("Environment")
    return found


def environments(
    _: None, context: Context, project_id: str, is_ephemeral: bool | None = None, **paging: Any
) -> dict[str, Any]:
    context.project(project_id)
    rows = [
        row
        for row in context.listed(context.store.environments.values())
        if row.project_id == project_id
        and (is_ephemeral is None or row.is_ephemeral == is_ephemeral)
        and (context.caller.kind != "project" or row.id == context.caller.environment_id)
    ]
    return page(rows, context.switches.page_limit, **paging)


def environment_create(_: None, context: Context, input: dict[str, Any]) -> records.Environment:
    """Create an environment; with a source, the response comes before the copied instances are visible."""
    context.reject_project_token()
    project = context.project(input["project_id"])
    if context.caller.kind == "workspace" and not context.switches.workspace_token_creates_environments:
        raise errors.not_authorized()
    source_id = input.get("source_environment_id")
    source = context.environment(source_id) if source_id else None
    for row in context.store.environments.values():
        if (row.project_id, row.name, row.deleted_at) == (project.id, input["name"], None):
            raise errors.bad_input(f"An environment named {input['name']} already exists in this project")
    check_creation_throttle(context, "environments", project.workspace_id)
    now = context.now
    created = records.Environment(
        id=new_id(),
        project_id=project.id,
        name=input["name"],
        created_at=now,
        updated_at=now,
        is_ephemeral=bool(input.get("ephemeral")),
        source_environment_id=source_id,
    )
    context.store.environments[created.id] = created
    if source is not None:
        copy_environment(context, source, created, deploy=not input.get("skip_initial_deploys"))
    return created


def copy_environment(
    context: Context, source: records.Environment, created: records.Environment, *, deploy: bool
) -> None:
    """Copy the services, volumes (empty), triggers and variables of another environment."""
    store, now = context.store, context.now
    for row in [v for v in store.variables.values() if v.environment_id == source.id]:
        variable = replace(row, id=new_id(), environment_id=created.id)
        store.variables[variable.id] = variable
    for row in [
        v for v in store.volume_instances.values() if v.environment_id == source.id and not v.deleted_at
    ]:
        delay = context.switches.volume_delay_seconds
        twin = replace(
            row, id=new_id(), environment_id=created.id, files={}, created_at=now, visible_at=now + delay,
            ready_at=now + 2 * delay, backup_schedules=[],
        )  # fmt: skip
        store.volume_instances[twin.id] = twin
    for row in [t for t in store.triggers.values() if t.environment_id == source.id]:
        trigger = replace(row, id=new_id(), environment_id=created.id)
        store.triggers[trigger.id] = trigger
    for row in [i for i in store.instances.values() if i.environment_id == source.id and not i.deleted_at]:
        instance = replace(
            row, id=new_id(), environment_id=created.id, created_at=now, updated_at=now,
            visible_at=now + context.switches.instance_delay_seconds,
        )  # fmt: skip
        store.instances[instance.id] = instance
        if deploy and (instance.source_image or deploys.source_head(store, instance)[0]):
            deploys.start(store, instance, "deploy")


def environment_rename(_: None, context: Context, id: str, input: dict[str, Any]) -> records.Environment:
    context.reject_project_token()
    found = context.environment(id)
    found.name, found.updated_at = input["name"], context.now
    return found


def environment_delete(_: None, context: Context, id: str) -> bool:
    context.reject_project_token()
    delete_environment(context, context.environment(id))
    return True


def can_access(_source: records.Environment, _: Context) -> bool:
    return True


def source_environment(source: records.Environment, context: Context) -> records.Environment | None:
    key = source.source_environment_id
    return context.store.environments.get(key) if key else None


def unmerged_changes(source: records.Environment, context: Context) -> int | None:
    """Return the number of staged changes; 0 or null for none."""
    count = sum(
        config_document.count_values(row.patch)
        for row in context.store.patches.values()
        if row.environment_id == source.id and row.staged
    )
    return None if count == 0 and context.switches.unmerged_none_is_null else count


def config_etag(source: records.Environment, context: Context) -> str:
    return config_document.etag(context.store, source)


def config(
    source: records.Environment, context: Context, decrypt_variables: bool | None = None
) -> dict[str, Any]:
    decrypt = bool(decrypt_variables)
    if decrypt:
        context.reject_viewer()
    if decrypt and context.caller.kind != "account":
        if context.switches.scoped_decrypt == "refused":
            raise errors.not_authorized()
        decrypt = context.switches.scoped_decrypt == "allowed"
    return config_document.render(context.store, source, decrypt=decrypt)


def service_instances(source: records.Environment, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [
        row
        for row in context.listed(context.store.instances.values())
        if row.environment_id == source.id and row.visible_at <= context.now
    ]
    return page(rows, context.switches.page_limit, **paging)


def volume_instances(source: records.Environment, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [
        row
        for row in context.store.volume_instances.values()
        if row.environment_id == source.id
        and row.visible_at <= context.now
        and context.store.volumes[row.volume_id].deleted_at is None
    ]
    return page(rows, context.switches.page_limit, **paging)


def triggers(source: records.Environment, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [
        row
        for row in context.store.triggers.values()
        if row.environment_id == source.id and row.visible_at <= context.now
    ]
    return page(rows, context.switches.page_limit, **paging)


def environment_deployments(source: records.Environment, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [row for row in context.store.deployments.values() if row.environment_id == source.id]
    return page(rows[::-1], context.switches.page_limit, **paging)


def environment_variables(source: records.Environment, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [row for row in context.store.variables.values() if row.environment_id == source.id]
    return page(rows, context.switches.page_limit, **paging)


FIELDS = {
    "Query.environment": environment,
    "Query.environments": environments,
    "Mutation.environmentCreate": environment_create,
    "Mutation.environmentRename": environment_rename,
    "Mutation.environmentDelete": environment_delete,
    "Environment.canAccess": can_access,
    "Environment.sourceEnvironment": source_environment,
    "Environment.unmergedChangesCount": unmerged_changes,
    "Environment.configEtag": config_etag,
    "Environment.config": config,
    "Environment.serviceInstances": service_instances,
    "Environment.volumeInstances": volume_instances,
    "Environment.deploymentTriggers": triggers,
    "Environment.deployments": environment_deployments,
    "Environment.variables": environment_variables,
}
