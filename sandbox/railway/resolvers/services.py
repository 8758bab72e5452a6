"""Services and their instances: created, renamed, configured, limited, deleted.

A change of settings does not deploy. Source: Railway's schema (ServiceCreateInput,
ServiceInstanceUpdateInput), Railway docs, services.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.railway import deploys, errors, records, settings
from sandbox.railway.connections import page
from sandbox.railway.rendering import host_label
from sandbox.railway.resolvers.domains import domains_of
from sandbox.railway.store import new_id
from sandbox.railway.writes import check_source, put_trigger, put_variables, remove_service

if TYPE_CHECKING:
    from sandbox.railway.context import Context

LONGEST_NAME = 32
GIGABYTE = 1_000_000_000


def service(_: None, context: Context, id: str) -> records.Service:
    """Return a service by id; project tokens are not authorised."""
    context.reject_project_token()
    return context.service(id)


def service_instance(_: None, context: Context, service_id: str, environment_id: str) -> records.Instance:
    return context.instance(service_id, environment_id)


def check_name(context: Context, project_id: str, name: str, own: str = "") -> None:
    """Reject a name that is too long or already used.

    Raises:
        GraphQLError: too long, or used.
    """
    if len(name) > LONGEST_NAME:
        raise errors.bad_input(f"Service name must be at most {LONGEST_NAME} characters")
    for row in context.store.services.values():
        if (row.project_id, row.name, row.deleted_at) == (project_id, name, None) and row.id != own:
            raise errors.bad_input(f"A service named {name} already exists in this project")


def affected_environments(context: Context, project_id: str, environment_id: str | None) -> list[str]:
    """Return the environments that a write to a service applies to: one fork, or all that are not forks."""
    if environment_id is not None:
        named = context.environment(environment_id)
        if named.project_id != project_id:
            raise context.missing_error("Environment")
        if named.source_environment_id is not None:
            return [environment_id]
    elif context.caller.kind == "project":
        raise errors.not_authorized()
    return [
        row.id
        for row in context.store.environments.values()
        if row.project_id == project_id and row.deleted_at is None and row.source_environment_id is None
    ]


def service_create(_: None, context: Context, input: dict[str, Any]) -> records.Service:
    """Create a service and its instances; with a source it is deployed at once."""
    project = context.project(input["project_id"])
    environment_ids = affected_environments(context, project.id, input.get("environment_id"))
    name = input.get("name") or f"service-{secrets.token_hex(3)}"
    check_name(context, project.id, name)
    source: dict[str, Any] = input.get("source") or {}
    repository = check_source(context, source["repo"]) if source.get("repo") else None
    now = context.now
    created = records.Service(
        id=new_id(), project_id=project.id, name=name, created_at=now, updated_at=now, icon=input.get("icon")
    )
    context.store.services[created.id] = created
    for each_id in environment_ids:
        instance = settings.new_instance(context.store, created.id, each_id)
        instance.source_repo, instance.source_image = source.get("repo"), source.get("image")
        instance.registry_credentials = input.get("registry_credentials")
        put_variables(context, each_id, created.id, input.get("variables") or {})
        if repository is not None:
            put_trigger(context, instance, repository.id, input.get("branch") or repository.default_branch)
        if repository is not None or instance.source_image:
            deploys.start(context.store, instance, "deploy")
    return created


def service_update(_: None, context: Context, id: str, input: dict[str, Any]) -> records.Service:
    found = context.service(id)
    if input.get("name"):
        check_name(context, found.project_id, input["name"], own=id)
        found.name = input["name"]
    if input.get("icon") is not None:
        found.icon = input["icon"] or None
    if input.get("auto_instrumentation_enabled") is not None:
        found.auto_instrumentation_enabled = input["auto_instrumentation_enabled"]
    if "tracing_enabled" in input:  # null is a value: the service uses its project's setting
        found.tracing_enabled = input["tracing_enabled"]
    found.updated_at = context.now
    return found


def service_delete(_: None, context: Context, id: str, environment_id: str | None = None) -> bool:
    found = context.service(id)
    environment_ids = affected_environments(context, found.project_id, environment_id)
    if environment_id is not None and context.switches.service_delete_scope == "named":
        environment_ids = [environment_id]
    for each_id in environment_ids:
        remove_service(context, id, each_id)
    if environment_id is None:
        remove_service(context, id, None)
    return True


def service_instance_update(
    _: None, context: Context, service_id: str, input: dict[str, Any], environment_id: str | None = None
) -> bool:
    """Change settings at once, without deploying; without an environment, in all of them.

    A named environment that is not a fork stands for all that are not (Railway's schema).
    """
    if environment_id is None:
        context.service(service_id)
        if context.caller.kind == "project":
            raise errors.not_authorized()
        chosen = [row for row in context.instances_of(service_id) if row.visible_at <= context.now]
        if not chosen:
            raise errors.not_found("ServiceInstance")
    else:
        chosen = [context.instance(service_id, environment_id)]
        if context.switches.settings_update_scope == "no_forks":
            chosen += other_instances(context, chosen[0])
    changes = settings.parse_update(context, input)
    repository = check_source(context, changes["source_repo"]) if changes.get("source_repo") else None
    for instance in chosen:
        settings.check_changes(context.store, instance, changes)
    for instance in chosen:
        settings.apply(context.store, instance, changes)
        if repository is not None:
            trigger = deploys.trigger_of(context.store, instance)
            if trigger is None and context.switches.source_update_creates_trigger:
                put_trigger(context, instance, repository.id, repository.default_branch)
            if context.switches.source_update_deploys:
                deploys.start(context.store, instance, "deploy")
    return True


def other_instances(context: Context, named: records.Instance) -> list[records.Instance]:
    """Return the other instances of the service that a change of one applies to: none for a fork."""
    environment_ids = affected_environments(
        context, context.service(named.service_id).project_id, named.environment_id
    )
    return [
        row
        for row in context.instances_of(named.service_id)
        if row.environment_id in environment_ids and row is not named and row.visible_at <= context.now
    ]


def limits_update(_: None, context: Context, input: dict[str, Any]) -> bool:
    instance = context.instance(input["service_id"], input["environment_id"])
    override: dict[str, Any] = {}
    if input.get("v_cpus") is not None:
        override["cpu"] = input["v_cpus"]
    if input.get("memory_gb") is not None:
        override["memoryBytes"] = round(input["memory_gb"] * GIGABYTE)
    if any(value <= 0 for value in override.values()):
        raise errors.bad_input("Limits must be positive")
    instance.limit_override = {"containers": override} if override else None
    instance.updated_at = context.now
    return True


def limits(_: None, context: Context, service_id: str, environment_id: str) -> dict[str, Any]:
    """Return the effective limits: the plan's, with the override on top."""
    override = (context.instance(service_id, environment_id).limit_override or {}).get("containers", {})
    return {"containers": {"cpu": 32, "memoryBytes": 32 * GIGABYTE, **override}}


def limit_override(_: None, context: Context, service_id: str, environment_id: str) -> dict[str, Any] | None:
    return context.instance(service_id, environment_id).limit_override


def regions(_: None, context: Context, project_id: str | None = None) -> list[dict[str, Any]]:
    context.require_token()
    if project_id is not None:
        context.project(project_id)
    return [
        {
            "id": name,
            "name": name,
            "region": where,
            "country": country,
            "location": location,
            "workspace_id": None,
        }
        for name, (where, country, location) in settings.REGIONS.items()
    ]


def service_project(source: records.Service, context: Context) -> records.Project:
    return context.project(source.project_id)


def service_instances(source: records.Service, context: Context, **paging: Any) -> dict[str, Any]:
    context.reject_project_token()
    rows = [row for row in context.instances_of(source.id) if row.visible_at <= context.now]
    return page(rows, context.switches.page_limit, **paging)


def service_deployments(source: records.Service, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [row for row in context.store.deployments.values() if row.service_id == source.id]
    return page(rows[::-1], context.switches.page_limit, **paging)


def repo_triggers(source: records.Service, context: Context, **paging: Any) -> dict[str, Any]:
    rows = [
        row
        for row in context.store.triggers.values()
        if row.service_id == source.id and row.visible_at <= context.now
    ]
    return page(rows, context.switches.page_limit, **paging)


def instance_service(source: records.Instance, context: Context) -> records.Service:
    return context.service(source.service_id)


def instance_name(source: records.Instance, context: Context) -> str:
    return context.store.services[source.service_id].name


def instance_source(source: records.Instance, _: Context) -> dict[str, Any] | None:
    if source.source_repo is None and source.source_image is None:
        return None
    return {"repo": source.source_repo, "image": source.source_image}


def instance_domains(source: records.Instance, context: Context) -> dict[str, Any]:
    return domains_of(context, source.service_id, source.environment_id)


def latest_deployment(source: records.Instance, context: Context) -> records.Deployment | None:
    return deploys.latest(context.store, source)


def active_deployments(source: records.Instance, context: Context) -> list[records.Deployment]:
    return deploys.active(context.store, source.service_id, source.environment_id)


def upstream_url(source: records.Instance, context: Context) -> str:
    return f"http://{host_label(context.store.services[source.service_id].name)}.railway.internal"


def always_null(_source: records.Instance, _: Context) -> None:
    return None


def is_updatable(_source: records.Instance, _: Context) -> bool:
    return False


FIELDS = {
    "Query.service": service,
    "Query.serviceInstance": service_instance,
    "Query.serviceInstanceLimits": limits,
    "Query.serviceInstanceLimitOverride": limit_override,
    "Query.regions": regions,
    "Mutation.serviceCreate": service_create,
    "Mutation.serviceUpdate": service_update,
    "Mutation.serviceDelete": service_delete,
    "Mutation.serviceInstanceUpdate": service_instance_update,
    "Mutation.serviceInstanceLimitsUpdate": limits_update,
    "Service.project": service_project,
    "Service.serviceInstances": service_instances,
    "Service.deployments": service_deployments,
    "Service.repoTriggers": repo_triggers,
    "ServiceInstance.service": instance_service,
    "ServiceInstance.serviceName": instance_name,
    "ServiceInstance.source": instance_source,
    "ServiceInstance.domains": instance_domains,
    "ServiceInstance.latestDeployment": latest_deployment,
    "ServiceInstance.activeDeployments": active_deployments,
    "ServiceInstance.upstreamUrl": upstream_url,
    "ServiceInstance.nextCronRunAt": always_null,
    "ServiceInstance.isUpdatable": is_updatable,
}
