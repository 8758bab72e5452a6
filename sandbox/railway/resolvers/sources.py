"""Where a service's code comes from: repositories, connections, deployment triggers, autodeploy.

Refuses a second trigger for one service and environment. Source: Railway's schema (DeploymentTrigger,
ServiceConnectInput); Railway docs, deployments/github-autodeploys.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from sandbox.railway import deploys, problems
from sandbox.railway import records as r
from sandbox.railway.connections import page
from sandbox.railway.writes import check_source, put_trigger

if TYPE_CHECKING:
    from sandbox.railway.context import Call


def github_repo(_: None, call: Call, full_repo_name: str) -> dict[str, Any]:
    call.known()
    found = check_source(call, full_repo_name)
    return {
        "id": zlib.crc32(found.id.encode()) & 0x7FFFFFFF,
        "full_name": found.id,
        "name": found.id.partition("/")[2],
        "description": None,
        "default_branch": found.default_branch,
        "is_private": found.is_private,
    }


def github_branches(_: None, call: Call, owner: str, repo: str) -> list[dict[str, str]]:
    call.known()
    return [{"name": name} for name in check_source(call, f"{owner}/{repo}").branches]


def service_connect(_: None, call: Call, id: str, input: dict[str, Any]) -> r.Service:
    """Connect a service to a repository or an image in every environment; this deploys."""
    call.wide()
    found = call.service(id)
    if bool(input.get("repo")) == bool(input.get("image")):
        raise problems.bad_input("Either repo or image is needed")
    repository = check_source(call, input["repo"]) if input.get("repo") else None
    for instance in call.instances_of(id):
        instance.source_repo, instance.source_image = input.get("repo"), input.get("image")
        instance.updated_at = call.now
        if repository is not None:
            put_trigger(call, instance, repository.id, input.get("branch") or repository.default_branch)
        deploys.start(call.store, instance, "deploy")
    return found


def service_disconnect(_: None, call: Call, id: str) -> r.Service:
    call.wide()
    found = call.service(id)
    for instance in call.instances_of(id):
        instance.source_repo = instance.source_image = None
        trigger = deploys.trigger_of(call.store, instance)
        if trigger is not None:
            del call.store.triggers[trigger.id]
    return found


def trigger_create(_: None, call: Call, input: dict[str, Any]) -> r.Trigger:
    """The branch that deploys a service: at most one for a service and environment."""
    instance = call.instance(input["service_id"], input["environment_id"])
    if input["provider"] != "github":
        raise problems.bad_input(f"Unknown provider {input['provider']}")
    if deploys.trigger_of(call.store, instance) is not None:
        raise problems.bad_input("A deployment trigger already exists for this service and environment")
    made = put_trigger(
        call, instance, input["repository"], input["branch"], check_suites=bool(input.get("check_suites"))
    )
    made.root_directory = input.get("root_directory")
    if call.switches.trigger_sets_source:
        instance.source_repo, instance.source_image = made.repository, None
    if call.switches.trigger_create_deploys:
        deploys.start(call.store, instance, "deploy")
    return made


def trigger_update(_: None, call: Call, id: str, input: dict[str, Any]) -> r.Trigger:
    found = call.trigger(id)
    instance = call.instance(found.service_id, found.environment_id)
    suites = input.get("check_suites")
    put_trigger(
        call,
        instance,
        input.get("repository") or found.repository,
        input.get("branch") or found.branch,
        check_suites=found.check_suites if suites is None else suites,
    )
    if input.get("root_directory") is not None:
        found.root_directory = input["root_directory"] or None
    if call.switches.trigger_sets_source:
        instance.source_repo = found.repository
    if call.switches.trigger_update_deploys:
        deploys.start(call.store, instance, "deploy")
    return found


def trigger_delete(_: None, call: Call, id: str) -> bool:
    found = call.trigger(id)
    del call.store.triggers[found.id]
    return True


def triggers(
    _: None, call: Call, project_id: str, environment_id: str, service_id: str, **paging: Any
) -> dict[str, Any]:
    call.project(project_id)
    call.environment(environment_id)
    rows = [
        row
        for row in call.store.triggers.values()
        if (row.environment_id, row.service_id) == (environment_id, service_id) and row.visible_at <= call.now
    ]
    return page(rows, call.switches.page_limit, **paging)


def auto_deploy_update(_: None, call: Call, input: dict[str, Any]) -> dict[str, bool]:
    instance = call.instance(input["service_id"], input["environment_id"])
    instance.auto_deploy = input["enabled"]
    return {"enabled": instance.auto_deploy}


def auto_deploy_status(
    _: None, call: Call, project_id: str, environment_id: str, service_id: str
) -> dict[str, Any]:
    call.project(project_id)
    instance = call.instance(service_id, environment_id)
    connected = deploys.trigger_of(call.store, instance) is not None
    return {
        "enabled": instance.auto_deploy and connected,
        "can_enable": connected,
        "reason": None if connected else "No repository is connected",
    }


def no_override(_source: r.Trigger, _: Call) -> None:
    return None


def valid_check_suites(_source: r.Trigger, _: Call) -> int:
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
