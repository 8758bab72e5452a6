"""Volumes: created without a name or a size, attached, renamed, marked for deletion.

Rejects a second volume on a service and a name that is in use, as Railway does. Source: Railway's schema
(VolumeCreateInput, VolumeInstanceUpdateInput); Railway docs, volumes/reference.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.railway import deploys, errors, records, settings, volume_rules
from sandbox.railway.connections import page
from sandbox.railway.resolvers import backups
from sandbox.railway.store import new_id
from sandbox.railway.throttle import check_creation_throttle

if TYPE_CHECKING:
    from sandbox.railway.context import Context


def check_mount_path(path: str) -> None:
    """Reject a mount path that is not absolute.

    Raises:
        GraphQLError: it does not start with /.
    """
    if not path.startswith("/"):
        raise errors.bad_input("Mount path must start with /")


def check_free(context: Context, service_id: str, environment_id: str, own: str = "") -> None:
    """Reject a second volume on a service, and a volume on several replicas.

    Raises:
        GraphQLError: the service cannot have the volume.
    """
    attached = settings.attached_volume(context.store, service_id, environment_id)
    if attached is not None and attached.id != own:
        raise errors.bad_input("Service already has a volume attached in this environment")
    for instance in context.instances_of(service_id):
        if instance.environment_id == environment_id and instance.num_replicas > 1:
            raise errors.bad_input("Services with more than one replica cannot have a volume")


def volume_create(_: None, context: Context, input: dict[str, Any]) -> records.Volume:
    """Create a volume of the plan's default size, named by Railway; its instances appear later.

    `environmentId` missing: in every environment. null: in none.
    """
    if input.get("region") == "":
        # Reported from the live API: an empty region runs into the proxy's time limit.
        raise errors.ProxyResponse(504, "error code: 504")
    project = context.project(input["project_id"])
    check_mount_path(input["mount_path"])
    settings.check_region(input.get("region"))
    if "environment_id" in input:
        environment_ids = (
            [] if input["environment_id"] is None else [context.environment(input["environment_id"]).id]
        )
    else:
        if context.caller.kind == "project":
            raise errors.not_authorized()
        environment_ids = [
            row.id
            for row in context.store.environments.values()
            if row.project_id == project.id and row.deleted_at is None
        ]
    service_id = input.get("service_id")
    if service_id is not None:
        context.service(service_id)
        for each_id in environment_ids:
            check_free(context, service_id, each_id)
    rows = [
        row
        for row in context.store.volumes.values()
        if (row.project_id, row.deleted_at) == (project.id, None)
    ]
    limit = volume_rules.PER_PROJECT[context.switches.plan]
    if len(rows) >= limit:
        raise errors.bad_input(
            f"The {context.switches.plan} plan allows at most {limit} volumes in a project"
        )
    check_creation_throttle(context, "volumes", project.workspace_id)
    now, delay = context.now, context.switches.volume_delay_seconds
    created = records.Volume(
        id=new_id(), project_id=project.id, name=f"volume-{secrets.token_hex(4)}", created_at=now
    )
    context.store.volumes[created.id] = created
    for each_id in environment_ids:
        row = records.VolumeInstance(
            id=new_id(),
            volume_id=created.id,
            environment_id=each_id,
            service_id=service_id,
            mount_path=input["mount_path"],
            size_mb=volume_rules.DEFAULT_SIZE_MB[context.switches.plan],
            created_at=now,
            visible_at=now + delay,
            ready_at=now + 2 * delay,
            region=input.get("region") or "us-west2",
        )
        context.store.volume_instances[row.id] = row
        deploy_after_attach(context, row)
    return created


def deploy_after_attach(context: Context, row: records.VolumeInstance) -> None:
    """Deploy the service of a volume that was attached or moved, if `volume_update_deploys` is set."""
    if context.switches.volume_update_deploys and row.service_id is not None:
        for instance in context.instances_of(row.service_id):
            if instance.environment_id == row.environment_id:
                deploys.redeploy_after_change(context.store, instance)


def volume_update(_: None, context: Context, volume_id: str, input: dict[str, Any]) -> records.Volume:
    """Rename a volume; a name stays in use while its volume's deletion is pending."""
    found = context.volume(volume_id)
    name = input.get("name")
    if name:
        for row in context.store.volumes.values():
            if (row.project_id, row.name, row.deleted_at) == (
                found.project_id,
                name,
                None,
            ) and row is not found:
                raise errors.bad_input("Volume name already exists")
        found.name = name
    return found


def volume_instance_update(
    _: None, context: Context, volume_id: str, input: dict[str, Any], environment_id: str | None = None
) -> bool:
    """Move, attach or detach a volume; without an environment, in all of them."""
    context.volume(volume_id)
    if environment_id is not None:
        context.environment(environment_id)
    elif context.caller.kind == "project":
        raise errors.not_authorized()
    rows = [
        row
        for row in context.store.volume_instances.values()
        if row.volume_id == volume_id
        and environment_id in (None, row.environment_id)
        and row.visible_at <= context.now
        and row.deleted_at is None
    ]
    if not rows:
        raise errors.not_found("VolumeInstance")
    if input.get("mount_path") is not None:
        check_mount_path(input["mount_path"])
    service_id = input.get("service_id")
    if service_id is not None:
        context.service(service_id)
        for row in rows:
            check_free(context, service_id, row.environment_id, own=row.id)
    for row in rows:
        before = (row.mount_path, row.service_id)
        if input.get("mount_path") is not None:
            row.mount_path = input["mount_path"]
        if service_id is not None:
            row.service_id = service_id
        elif "service_id" in input or context.switches.volume_update_without_service_detaches:
            row.service_id = None
        if input.get("state") is not None:
            row.state = None if input["state"] == "READY" else input["state"]
        if before != (row.mount_path, row.service_id):
            deploy_after_attach(context, row)
    return True


def volume_delete(_: None, context: Context, volume_id: str) -> bool:
    """Mark a volume for deletion: it can be restored for 48 hours and keeps its name until then."""
    context.volume(volume_id)
    rows = [row for row in context.store.volume_instances.values() if row.volume_id == volume_id]
    for row in rows:
        volume_rules.mark_for_deletion(context, row)
    if not rows:
        context.store.volumes[volume_id].deleted_at = context.now
    return True


def volume_instance(_: None, context: Context, id: str) -> records.VolumeInstance:
    return context.volume_instance(id)


def volume_project(source: records.Volume, context: Context) -> records.Project:
    return context.project(source.project_id)


def volume_instances(source: records.Volume, context: Context, **paging: Any) -> dict[str, Any]:
    """Return the visible instances: none right after the creation."""
    rows = [
        row
        for row in context.store.volume_instances.values()
        if row.volume_id == source.id
        and row.visible_at <= context.now
        and (context.caller.kind != "project" or row.environment_id == context.caller.environment_id)
    ]
    return page(rows, context.switches.page_limit, **paging)


def instance_volume(source: records.VolumeInstance, context: Context) -> records.Volume:
    return context.store.volumes[source.volume_id]


def instance_service(source: records.VolumeInstance, context: Context) -> records.Service:
    return context.service(source.service_id or "")


def instance_environment(source: records.VolumeInstance, context: Context) -> records.Environment:
    return context.environment(source.environment_id)


def instance_state(source: records.VolumeInstance, context: Context) -> str:
    return volume_rules.state_now(source, context.now)


def instance_size(source: records.VolumeInstance, context: Context) -> int:
    return volume_rules.size_now(source, context.now)


def instance_used(source: records.VolumeInstance, context: Context) -> float:
    return backups.used_mb(context.store, source)


def external_id(source: records.VolumeInstance, _: Context) -> str:
    return f"vol_{source.id.replace('-', '')[:16]}"


FIELDS = {
    "Query.volumeInstance": volume_instance,
    "Mutation.volumeCreate": volume_create,
    "Mutation.volumeUpdate": volume_update,
    "Mutation.volumeInstanceUpdate": volume_instance_update,
    "Mutation.volumeDelete": volume_delete,
    "Volume.project": volume_project,
    "Volume.volumeInstances": volume_instances,
    "VolumeInstance.volume": instance_volume,
    "VolumeInstance.service": instance_service,
    "VolumeInstance.environment": instance_environment,
    "VolumeInstance.state": instance_state,
    "VolumeInstance.sizeMB": instance_size,
    "VolumeInstance.currentSizeMB": instance_used,
    "VolumeInstance.externalId": external_id,
}
