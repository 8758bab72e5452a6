"""State changes that several operations share: variables, triggers, deletion of a service or an environment.

They start no deployments: that is decided by the callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import deploys, errors, records, volume_rules
from sandbox.railway.rendering import user_variables
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.railway.context import Context


def put_variables(
    context: Context,
    environment_id: str,
    service_id: str | None,
    values: Mapping[str, str | None],
    *,
    replace: bool = False,
) -> bool:
    """Set variables (None deletes) and, with `replace`, delete all others; return whether one changed."""
    store, now = context.store, context.now
    present = {row.name: row for row in user_variables(store, environment_id, service_id)}
    changed = False
    for name in list(present):
        if (replace and name not in values) or (name in values and values[name] is None):
            del store.variables[present.pop(name).id]
            changed = True
    for name, value in values.items():
        if value is None:
            continue
        row = present.get(name)
        if row is None:
            row = records.Variable(
                id=new_id(),
                environment_id=environment_id,
                service_id=service_id,
                name=name,
                value=value,
                created_at=now,
                updated_at=now,
            )
            store.variables[row.id] = row
            changed = True
        elif row.value != value:
            row.value, row.updated_at = value, now
            changed = True
    return changed


def check_source(context: Context, full_name: str) -> records.Repo:
    """Return a repository that Railway's GitHub app has access to.

    Raises:
        GraphQLError: it has no access.
    """
    found = deploys.find_repo(context.store, full_name)
    if found is None:
        raise errors.bad_input(f"Repository {full_name} not found or not accessible")
    return found


def put_trigger(
    context: Context, instance: records.Instance, repository: str, branch: str, *, check_suites: bool = False
) -> records.Trigger:
    """Create or update the instance's trigger: there is at most one per service and environment."""
    check_source(context, repository)
    trigger = deploys.trigger_of(context.store, instance)
    if trigger is None:
        trigger = records.Trigger(
            id=new_id(),
            project_id=context.store.environments[instance.environment_id].project_id,
            environment_id=instance.environment_id,
            service_id=instance.service_id,
            provider="github",
            repository=repository,
            branch=branch,
            check_suites=check_suites,
            visible_at=0,
        )
        context.store.triggers[trigger.id] = trigger
    trigger.repository, trigger.branch, trigger.check_suites = repository, branch, check_suites
    trigger.visible_at = context.now + context.switches.trigger_delay_seconds
    return trigger


def remove_service(context: Context, service_id: str, environment_id: str | None) -> None:
    """Delete a service in one environment or in all; its volumes stay, detached."""
    store, now = context.store, context.now
    for instance in context.instances_of(service_id):
        if environment_id not in (None, instance.environment_id):
            continue
        instance_key = (service_id, instance.environment_id)
        instance.deleted_at = now
        for deployment in deploys.list_deployments(store, *instance_key):
            if deployment.status in (*deploys.IN_FLIGHT, *deploys.RUNNING, "CRASHED"):
                deploys.set_status(deployment, "REMOVED", now)
        for domain in store.domains.values():
            if (domain.service_id, domain.environment_id) == instance_key:
                domain.deleted_at = domain.deleted_at or now
        for proxy in store.tcp_proxies.values():
            if (proxy.service_id, proxy.environment_id) == instance_key:
                proxy.deleted_at = proxy.deleted_at or now
        for volume in store.volume_instances.values():
            if (volume.service_id, volume.environment_id) == instance_key:
                volume.service_id = None
        for trigger in [
            t for t in store.triggers.values() if (t.service_id, t.environment_id) == instance_key
        ]:
            del store.triggers[trigger.id]
        for row in user_variables(store, instance.environment_id, service_id):
            del store.variables[row.id]
    if not context.instances_of(service_id):
        store.services[service_id].deleted_at = now


def delete_environment(context: Context, found: records.Environment) -> None:
    """Delete an environment and everything in it; its volumes can be restored for 48 hours."""
    for instance in [row for row in context.store.instances.values() if row.environment_id == found.id]:
        if instance.deleted_at is None:
            remove_service(context, instance.service_id, found.id)
    for volume in context.store.volume_instances.values():
        if volume.environment_id == found.id and not volume.is_pending_deletion:
            volume_rules.mark_for_deletion(context, volume)
    found.deleted_at = context.now
