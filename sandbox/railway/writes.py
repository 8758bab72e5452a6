"""Changes that more than one operation makes: variables, triggers, the end of a service or an environment.

Refuses to decide about deployments: its callers know what was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import deploys, problems, volume_rules
from sandbox.railway import records as r
from sandbox.railway.rendering import authored
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.railway.context import Call


def put_variables(
    call: Call,
    environment_id: str,
    service_id: str | None,
    values: Mapping[str, str | None],
    *,
    replace: bool = False,
) -> bool:
    """Set variables (None deletes) and, with `replace`, remove the others; True where something changed."""
    store, now = call.store, call.now
    present = {row.name: row for row in authored(store, environment_id, service_id)}
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
            row = r.Variable(
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


def check_source(call: Call, full_name: str) -> r.Repo:
    """A repository that Railway's GitHub app can see.

    Raises:
        GraphQLError: it cannot.
    """
    found = deploys.repo(call.store, full_name)
    if found is None:
        raise problems.bad_input(f"Repository {full_name} not found or not accessible")
    return found


def put_trigger(
    call: Call, instance: r.Instance, repository: str, branch: str, *, check_suites: bool = False
) -> r.Trigger:
    """The instance's trigger, made or changed: there is at most one for a service and environment."""
    check_source(call, repository)
    trigger = deploys.trigger_of(call.store, instance)
    if trigger is None:
        trigger = r.Trigger(
            id=new_id(),
            project_id=call.store.environments[instance.environment_id].project_id,
            environment_id=instance.environment_id,
            service_id=instance.service_id,
            provider="github",
            repository=repository,
            branch=branch,
            check_suites=check_suites,
            visible_at=0,
        )
        call.store.triggers[trigger.id] = trigger
    trigger.repository, trigger.branch, trigger.check_suites = repository, branch, check_suites
    trigger.visible_at = call.now + call.switches.trigger_delay_seconds
    return trigger


def remove_service(call: Call, service_id: str, environment_id: str | None) -> None:
    """End a service in one environment or in all; its volumes stay, detached."""
    store, now = call.store, call.now
    for instance in call.instances_of(service_id):
        if environment_id not in (None, instance.environment_id):
            continue
        place = (service_id, instance.environment_id)
        instance.deleted_at = now
        for deployment in deploys.of_instance(store, *place):
            if deployment.status in (*deploys.IN_FLIGHT, *deploys.RUNNING, "CRASHED"):
                deploys.move(deployment, "REMOVED", now)
        for domain in store.domains.values():
            if (domain.service_id, domain.environment_id) == place:
                domain.deleted_at = domain.deleted_at or now
        for proxy in store.tcp_proxies.values():
            if (proxy.service_id, proxy.environment_id) == place:
                proxy.deleted_at = proxy.deleted_at or now
        for volume in store.volume_instances.values():
            if (volume.service_id, volume.environment_id) == place:
                volume.service_id = None
        for trigger in [t for t in store.triggers.values() if (t.service_id, t.environment_id) == place]:
            del store.triggers[trigger.id]
        for row in authored(store, instance.environment_id, service_id):
            del store.variables[row.id]
    if not call.instances_of(service_id):
        store.services[service_id].deleted_at = now


def end_environment(call: Call, found: r.Environment) -> None:
    """End all that is in an environment, and it; its volumes can be restored for as long as any other."""
    for instance in [row for row in call.store.instances.values() if row.environment_id == found.id]:
        if instance.deleted_at is None:
            remove_service(call, instance.service_id, found.id)
    for volume in call.store.volume_instances.values():
        if volume.environment_id == found.id and not volume.is_pending_deletion:
            volume_rules.soft_delete(call, volume)
    found.deleted_at = call.now
