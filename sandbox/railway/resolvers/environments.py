"""Environments: made (empty or from another), renamed, deleted, and everything read through them.

Refuses to show an instance before it has landed: a program that reads too early must notice. Source:
Railway's schema (EnvironmentCreateInput); the late instances as reported from the live API.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.railway import config_document, deploys, problems
from sandbox.railway import records as r
from sandbox.railway.connections import page
from sandbox.railway.store import new_id
from sandbox.railway.throttle import creation_slot
from sandbox.railway.writes import end_environment

if TYPE_CHECKING:
    from sandbox.railway.context import Call


def environment(_: None, call: Call, id: str, project_id: str | None = None) -> r.Environment:
    found = call.environment(id, even_deleted=call.switches.deleted_answer == "deleted_at")
    if project_id is not None and found.project_id != project_id:
        raise call.missing("Environment")
    return found


def environments(
    _: None, call: Call, project_id: str, is_ephemeral: bool | None = None, **paging: Any
) -> dict[str, Any]:
    call.project(project_id)
    rows = [
        row
        for row in call.listed(call.store.environments.values())
        if row.project_id == project_id
        and (is_ephemeral is None or row.is_ephemeral == is_ephemeral)
        and (call.caller.kind != "project" or row.id == call.caller.environment_id)
    ]
    return page(rows, call.switches.page_limit, **paging)


def environment_create(_: None, call: Call, input: dict[str, Any]) -> r.Environment:
    """An environment; with a source it is answered before the copied instances can be seen."""
    call.wide()
    project = call.project(input["project_id"])
    if call.caller.kind == "workspace" and not call.switches.workspace_token_creates_environments:
        raise problems.not_authorized()
    source_id = input.get("source_environment_id")
    source = call.environment(source_id) if source_id else None
    for row in call.store.environments.values():
        if (row.project_id, row.name, row.deleted_at) == (project.id, input["name"], None):
            raise problems.bad_input(f"An environment named {input['name']} already exists in this project")
    creation_slot(call, "environments", project.workspace_id)
    now = call.now
    made = r.Environment(
        id=new_id(),
        project_id=project.id,
        name=input["name"],
        created_at=now,
        updated_at=now,
        is_ephemeral=bool(input.get("ephemeral")),
        source_environment_id=source_id,
    )
    call.store.environments[made.id] = made
    if source is not None:
        copy(call, source, made, deploy=not input.get("skip_initial_deploys"))
    return made


def copy(call: Call, source: r.Environment, made: r.Environment, *, deploy: bool) -> None:
    """Give a new environment the services, volumes (empty), triggers and variables of another."""
    store, now = call.store, call.now
    for row in [v for v in store.variables.values() if v.environment_id == source.id]:
        variable = replace(row, id=new_id(), environment_id=made.id)
        store.variables[variable.id] = variable
    for row in [
        v for v in store.volume_instances.values() if v.environment_id == source.id and not v.deleted_at
    ]:
        delay = call.switches.volume_delay_seconds
        twin = replace(
            row, id=new_id(), environment_id=made.id, files={}, created_at=now, visible_at=now + delay,
            ready_at=now + 2 * delay, backup_schedules=[],
        )  # fmt: skip
        store.volume_instances[twin.id] = twin
    for row in [t for t in store.triggers.values() if t.environment_id == source.id]:
        trigger = replace(row, id=new_id(), environment_id=made.id)
        store.triggers[trigger.id] = trigger
    for row in [i for i in store.instances.values() if i.environment_id == source.id and not i.deleted_at]:
        instance = replace(
            row, id=new_id(), environment_id=made.id, created_at=now, updated_at=now,
            visible_at=now + call.switches.instance_delay_seconds,
        )  # fmt: skip
        store.instances[instance.id] = instance
        if deploy and (instance.source_image or deploys.head(store, instance)[0]):
            deploys.start(store, instance, "deploy")


def environment_rename(_: None, call: Call, id: str, input: dict[str, Any]) -> r.Environment:
    call.wide()
    found = call.environment(id)
    found.name, found.updated_at = input["name"], call.now
    return found


def environment_delete(_: None, call: Call, id: str) -> bool:
    call.wide()
    end_environment(call, call.environment(id))
    return True


def can_access(_source: r.Environment, _: Call) -> bool:
    return True


def source_environment(source: r.Environment, call: Call) -> r.Environment | None:
    key = source.source_environment_id
    return call.store.environments.get(key) if key else None


def unmerged_changes(source: r.Environment, call: Call) -> int | None:
    """How many staged changes nobody has committed: 0 or null for none."""
    count = sum(
        config_document.leaves(row.patch)
        for row in call.store.patches.values()
        if row.environment_id == source.id and row.staged
    )
    return None if count == 0 and call.switches.unmerged_none_is_null else count


def config_etag(source: r.Environment, call: Call) -> str:
    return config_document.etag(call.store, source)


def config(source: r.Environment, call: Call, decrypt_variables: bool | None = None) -> dict[str, Any]:
    decrypt = bool(decrypt_variables)
    if decrypt and call.caller.kind != "account":
        if call.switches.scoped_decrypt == "refused":
            raise problems.not_authorized()
        decrypt = call.switches.scoped_decrypt == "allowed"
    return config_document.render(call.store, source, decrypt=decrypt)


def service_instances(source: r.Environment, call: Call, **paging: Any) -> dict[str, Any]:
    rows = [
        row
        for row in call.listed(call.store.instances.values())
        if row.environment_id == source.id and row.visible_at <= call.now
    ]
    return page(rows, call.switches.page_limit, **paging)


def volume_instances(source: r.Environment, call: Call, **paging: Any) -> dict[str, Any]:
    rows = [
        row
        for row in call.store.volume_instances.values()
        if row.environment_id == source.id
        and row.visible_at <= call.now
        and call.store.volumes[row.volume_id].deleted_at is None
    ]
    return page(rows, call.switches.page_limit, **paging)


def triggers(source: r.Environment, call: Call, **paging: Any) -> dict[str, Any]:
    rows = [
        row
        for row in call.store.triggers.values()
        if row.environment_id == source.id and row.visible_at <= call.now
    ]
    return page(rows, call.switches.page_limit, **paging)


def environment_deployments(source: r.Environment, call: Call, **paging: Any) -> dict[str, Any]:
    rows = [row for row in call.store.deployments.values() if row.environment_id == source.id]
    return page(rows[::-1], call.switches.page_limit, **paging)


def environment_variables(source: r.Environment, call: Call, **paging: Any) -> dict[str, Any]:
    rows = [row for row in call.store.variables.values() if row.environment_id == source.id]
    return page(rows, call.switches.page_limit, **paging)


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
