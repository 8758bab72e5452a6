"""Sources of a service: repositories, connections, deployment triggers, autodeploy.

There is at most one trigger per service and environment. Source: Railway's schema (DeploymentTrigger,
ServiceConnectInput); Railway docs, deployments/github-autodeploys.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from sandbox.railway import deploys, errors, records
from sandbox.railway.connections import page
from sandbox.railway.writes import check_source, put_trigger

if TYPE_CHECKING:
    from sandbox.railway.context import Context


def github_repo(_: None, context: Context, full_repo_name: str) -> dict[str, Any]:
    context.require_token()
    found = check_source(context, full_repo_name)
    return {
        "id": zlib.crc32(found.id.encode()) & 0x7FFFFFFF,
        "full_name": found.id,
        "name": found.id.partition("/")[2],
        "description": None,
        "default_branch": found.default_branch,
        "is_private": found.is_private,
    }


def github_branches(_: None, context: Context, owner: str, repo: str) -> list[dict[str, str]]:
    context.require_token()
    return [{"name": name} for name in check_source(context, f"{owner}/{repo}").branches]


def service_connect(_: None, context: Context, id: str, input: dict[str, Any]) -> records.Service:
    """Connect a service to a repository or an image in every environment; this deploys."""
    context.reject_project_token()
    found = context.service(id)
    if bool(input.get("repo")) == bool(input.get("image")):
        raise errors.bad_input("Either repo or image is needed")
    repository = check_source(context, input["repo"]) if input.get("repo") else None
    for instance in context.instances_of(id):
        instance.source_repo, instance.source_image = input.get("repo"), input.get("image")
        instance.updated_at = context.now
        if repository is not None:
            put_trigger(context, instance, repository.id, input.get("branch") or repository.default_branch)
        deploys.start(context.store, instance, "deploy")
    return found


def service_disconnect(_: None, context: Context, id: str) -> records.Service:
    context.reject_project_token()
    found = context.service(id)
    for instance in context.instances_of(id):
        instance.source_repo = instance.source_image = None
        trigger = deploys.trigger_of(context.store, instance)
        if trigger is not None:
            del context.store.triggers[trigger.id]
    return found


def trigger_create(_: None, context: Context, input: dict[str, Any]) -> records.Trigger:
    """Create the trigger of a service and environment."""
    instance = context.instance(input["service_id"], input["environment_id"])
    if input["provider"] != "github":
        raise errors.bad_input(f"Unknown provider {input['provider']}")
    if deploys.trigger_of(context.store, instance) is not None:
        raise errors.bad_input("A deployment trigger already exists for this service and environment")
    created = put_trigger(
        context, instance, input["repository"], input["branch"], check_suites=bool(input.get("check_suites"))
    )
    created.root_directory = input.get("root_directory")
    if context.switches.trigger_sets_source:
        instance.source_repo, instance.source_image = created.repository, None
    if context.switches.trigger_create_deploys:
        deploys.start(context.store, instance, "deploy")
    return created


def trigger_update(_: None, context: Context, id: str, input: dict[str, Any]) -> records.Trigger:
    found = context.trigger(id)
    instance = context.instance(found.service_id, found.environment_id)
    suites = input.get("check_suites")
    put_trigger(
        context,
        instance,
        input.get("repository") or found.repository,
        input.get("branch") or found.branch,
        check_suites=found.check_suites if suites is None else suites,
    )
    if input.get("root_directory") is not None:
        found.root_directory = input["root_directory"] or None
    if context.switches.trigger_sets_source:
        instance.source_repo = found.repository
    if context.switches.trigger_update_deploys:
        deploys.start(context.store, instance, "deploy")
    return found


def trigger_delete(_: None, context: Context, id: str) -> bool:
    found = context.trigger(id)
    del context.store.triggers[found.id]
    return True


def triggers(
    _: None, context: Context, project_id: str, environment_id: str, service_id: str, **paging: Any
) -> dict[str, Any]:
    context.project(project_id)
    context.environment(environment_id)
    rows = [
        row
        for row in context.store.triggers.values()
        if (row.environment_id, row.service_id) == (environment_id, service_id)
        and row.visible_at <= context.now
    ]
    return page(rows, context.switches.page_limit, **paging)


def auto_deploy_update(_: None, context: Context, input: dict[str, Any]) -> dict[str, bool]:
    instance = context.instance(input["service_id"], input["environment_id"])
    instance.auto_deploy = input["enabled"]
    return {"enabled": instance.auto_deploy}


def auto_deploy_status(
    _: None, context: Context, project_id: str, environment_id: str, service_id: str
) -> dict[str, Any]:
    context.project(project_id)
    instance = context.instance(service_id, environment_id)
    connected = deploys.trigger_of(context.store, instance) is not None
    return {
        "enabled": instance.auto_deploy and connected,
        "can_enable": connected,
        "reason": None if connected else "No repository is connected",
    }


def no_override(_source: records.Trigger, _: Context) -> None:
    return None


def valid_check_suites(_source: records.Trigger, _: Context) -> int:
    return 0


FIELDS = {
    "Query.githubRepo": github_repo,
    "Query.githubRepoBranches": github_branches,
    "Query.deploymentTriggers": triggers,
    "Query.serviceInstanceAutoDeployStatus": auto_deploy_status,
    "Mutation.serviceConnect": service_connect,
    "Mutation.serviceDisconnect": service_disconnect,
    "Mutation.deploymentTriggerCreate": trigger_create,
    "Mutation.deploymentTriggerUpdate": trigger_update,
    "Mutation.deploymentTriggerDelete": trigger_delete,
    "Mutation.serviceInstanceAutoDeployUpdate": auto_deploy_update,
    "DeploymentTrigger.baseEnvironmentOverrideId": no_override,
    "DeploymentTrigger.validCheckSuites": valid_check_suites,
}
