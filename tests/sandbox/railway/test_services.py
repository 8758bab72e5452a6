"""Services, their instances and settings."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.railway.store import REPO, WORKSPACE_ID
from tests.sandbox.railway.client import Railway, Stack, nodes

pytestmark = pytest.mark.sandbox

EVERY_SETTING: dict[str, Any] = {
    "autoInstrumentationEnabled": True,
    "buildCommand": "npm run build",
    "builder": "NIXPACKS",
    "cronSchedule": "0 3 * * *",
    "dockerfilePath": "Dockerfile.prod",
    "drainingSeconds": 5,
    "healthcheckPath": "/health",
    "healthcheckTimeout": 120,
    "ipv6EgressEnabled": True,
    "nixpacksPlan": {"phases": {}},
    "numReplicas": 1,
    "overlapSeconds": 7,
    "preDeployCommand": ["npm run migrate"],
    "region": "europe-west4-drams3a",
    "restartPolicyMaxRetries": 3,
    "restartPolicyType": "ALWAYS",
    "rootDirectory": "/backend",
    "sleepApplication": True,
    "startCommand": "node server.js",
    "tracingEnabled": True,
    "watchPatterns": ["backend/**"],
}


def environment(railway: Railway, stack: Stack, name: str, **more: Any) -> str:
    return railway.ok("EnvironmentCreate", input={"projectId": stack.project, "name": name, **more})["id"]


def test_service_create_creates_instances_in_all_environments_that_are_not_forks(
    railway: Railway, stack: Stack
) -> None:
    other = environment(railway, stack, "staging")
    fork = environment(railway, stack, "pr-1", sourceEnvironmentId=stack.environment)
    made = railway.ok(
        "ServiceCreate",
        input={"projectId": stack.project, "environmentId": stack.environment, "name": "worker"},
    )
    railway.wait()
    for place in (stack.environment, other):
        railway.ok("ServiceInstance", s=made["id"], e=place)
    assert railway.fails("ServiceInstance", s=made["id"], e=fork) == "ServiceInstance not found"


def test_service_create_in_a_fork_stays_in_it(railway: Railway, stack: Stack) -> None:
    fork = environment(railway, stack, "pr-1", sourceEnvironmentId=stack.environment)
    made = railway.ok(
        "ServiceCreate", input={"projectId": stack.project, "environmentId": fork, "name": "worker"}
    )
    railway.wait()
    railway.ok("ServiceInstance", s=made["id"], e=fork)
    assert railway.fails("ServiceInstance", s=made["id"], e=stack.environment) == "ServiceInstance not found"


def test_an_instance_becomes_visible_late(railway: Railway, stack: Stack) -> None:
    railway.switch(instance_delay_seconds=30)
    made = railway.ok(
        "ServiceCreate",
        input={"projectId": stack.project, "environmentId": stack.environment, "name": "worker"},
    )
    place = {"serviceId": made["id"], "environmentId": stack.environment}
    assert [row["id"] for row in nodes(railway.ok("Project", id=stack.project)["services"])] == [
        stack.service,
        made["id"],
    ]
    assert railway.fails("ServiceInstance", s=made["id"], e=stack.environment) == "ServiceInstance not found"
    assert railway.fails("DomainCreate", input=place) == "ServiceInstance not found"
    assert railway.fails("ServiceInstanceUpdate", **place, input={}) == "ServiceInstance not found"
    seen = [row["serviceId"] for row in nodes(stack.read()["environment"]["serviceInstances"])]
    assert seen == [stack.service]
    railway.wait(30)
    railway.ok("DomainCreate", input=place)


@pytest.mark.parametrize("source", [{"image": "postgres:17"}, {"repo": REPO}], ids=("image", "repository"))
def test_a_service_with_a_source_deploys_at_once(
    railway: Railway, stack: Stack, source: dict[str, str]
) -> None:
    made = railway.ok(
        "ServiceCreate",
        input={
            "projectId": stack.project,
            "environmentId": stack.environment,
            "name": "db",
            "source": source,
            "variables": {"POSTGRES_PASSWORD": "secret"},
        },
    )
    railway.wait()
    assert railway.deployments == 1
    instance = railway.ok("ServiceInstance", s=made["id"], e=stack.environment)
    assert instance["source"] == {"repo": None, "image": None} | source
    assert instance["latestDeployment"]["status"] == "SUCCESS"


def test_a_service_without_a_source_has_no_deployment(railway: Railway, stack: Stack) -> None:
    assert stack.instance()["latestDeployment"] is None
    assert stack.instance()["source"] is None
    assert railway.deployments == 0


def test_settings_apply_at_once_and_do_not_deploy(railway: Railway, stack: Stack) -> None:
    """With a service that runs: one without a source could not be deployed."""
    stack.connect()
    stack.deployed()
    stack.settings(**EVERY_SETTING)
    instance = stack.instance()
    assert {name: instance[name] for name in EVERY_SETTING} == EVERY_SETTING
    railway.wait()
    assert railway.deployments == 1


def test_omitted_num_replicas_falls_back_to_one(stack: Stack) -> None:
    stack.settings(numReplicas=3)
    assert stack.instance()["numReplicas"] == 3
    stack.settings(healthcheckPath="/health")
    assert stack.instance()["numReplicas"] == 1


def test_null_changes_nothing_and_an_empty_string_clears(stack: Stack) -> None:
    stack.settings(startCommand="node server.js", healthcheckPath="/health")
    stack.settings(startCommand=None, healthcheckPath=None)
    assert (stack.instance()["startCommand"], stack.instance()["healthcheckPath"]) == (
        "node server.js",
        "/health",
    )
    stack.settings(startCommand="")
    assert stack.instance()["startCommand"] is None


@pytest.mark.parametrize(
    "input_", [{"numReplicas": 0}, {"multiRegionConfig": {"us-west2": {"numReplicas": 0}}}]
)
def test_zero_replicas_are_rejected(railway: Railway, stack: Stack, input_: dict[str, Any]) -> None:
    assert "at least 1" in railway.fails("ServiceInstanceUpdate", **stack.ids, input=input_)


def test_regions_come_with_their_replicas(railway: Railway, stack: Stack) -> None:
    stack.settings(
        multiRegionConfig={"us-west2": {"numReplicas": 2}, "europe-west4-drams3a": {"numReplicas": 1}}
    )
    assert stack.instance()["numReplicas"] == 3
    config = railway.ok("EnvConfig", id=stack.environment)["config"]["services"][stack.service]
    assert config["deploy"]["multiRegionConfig"]["us-west2"] == {"numReplicas": 2}
    assert "Invalid region" in railway.fails("ServiceInstanceUpdate", **stack.ids, input={"region": "moon"})
    assert len(railway.ok("Regions", projectId=stack.project)) == 4


def test_replicas_with_a_volume_or_a_cron_are_rejected(railway: Railway, stack: Stack) -> None:
    input_ = {"numReplicas": 2, "cronSchedule": "* * * * *"}
    assert "Cron" in railway.fails("ServiceInstanceUpdate", **stack.ids, input=input_)
    stack.volume()
    assert "volume" in railway.fails("ServiceInstanceUpdate", **stack.ids, input={"numReplicas": 2})


def test_a_setting_can_be_accepted_and_ignored(railway: Railway, stack: Stack) -> None:
    railway.switch(settings_ignored=["start_command"])
    stack.settings(startCommand="run", buildCommand="build")
    assert (stack.instance()["startCommand"], stack.instance()["buildCommand"]) == (None, "build")


def test_plan_limits_replicas(railway: Railway, stack: Stack) -> None:
    assert "42" in railway.fails("ServiceInstanceUpdate", **stack.ids, input={"numReplicas": 43})
    railway.switch(plan="hobby")
    assert "6" in railway.fails("ServiceInstanceUpdate", **stack.ids, input={"numReplicas": 7})


def test_a_config_file_is_rejected_unless_the_switch_allows_it(railway: Railway, stack: Stack) -> None:
    input_ = {"railwayConfigFile": "railway.json"}
    assert "not supported" in railway.fails("ServiceInstanceUpdate", **stack.ids, input=input_)
    railway.switch(railway_config_file_allowed=True)
    stack.settings(**input_)
    assert stack.instance()["railwayConfigFile"] == "railway.json"


def test_settings_without_an_environment_apply_to_all(railway: Railway, stack: Stack) -> None:
    other = environment(railway, stack, "staging")
    made = railway.ok("ServiceCreate", input={"projectId": stack.project, "name": "worker"})["id"]
    railway.wait()
    railway.send(
        'mutation ($s: String!) { serviceInstanceUpdate(serviceId: $s, input: {startCommand: "run"}) }',
        {"s": made},
    )
    for place in (stack.environment, other):
        assert railway.ok("ServiceInstance", s=made, e=place)["startCommand"] == "run"


def test_a_write_to_a_service_stays_where_it_is_named_if_the_switches_are_set(
    railway: Railway, stack: Stack
) -> None:
    railway.switch(settings_update_scope="named", service_delete_scope="named")
    place = {"projectId": stack.project, "environmentId": environment(railway, stack, "staging")}
    worker = railway.ok("ServiceCreate", input={**place, "name": "worker"})["id"]
    railway.wait()
    named = {"serviceId": worker, "environmentId": stack.environment}
    railway.ok("ServiceInstanceUpdate", **named, input={"startCommand": "run"})
    railway.ok("ServiceDelete", id=worker, environmentId=stack.environment)
    assert railway.ok("ServiceInstance", s=worker, e=place["environmentId"])["startCommand"] is None
    railway.ok("ServiceDelete", id=worker, environmentId=place["environmentId"])
    assert railway.fails("Service", id=worker) == "Service not found"


def test_a_write_to_a_service_in_a_fork_stays_in_it(railway: Railway, stack: Stack) -> None:
    fork = environment(railway, stack, "pr-1", sourceEnvironmentId=stack.environment)
    railway.wait()
    in_fork = {"serviceId": stack.service, "environmentId": fork}
    railway.ok("ServiceInstanceUpdate", **in_fork, input={"startCommand": "fork"})
    assert stack.instance()["startCommand"] is None
    stack.settings(startCommand="ours")
    assert railway.ok("ServiceInstance", s=stack.service, e=fork)["startCommand"] == "fork"
    railway.ok("ServiceDelete", id=stack.service, environmentId=fork)
    assert stack.instance()["startCommand"] == "ours"


def test_a_source_in_the_settings_creates_neither_trigger_nor_deployment(
    railway: Railway, stack: Stack
) -> None:
    stack.settings(source={"repo": REPO})
    railway.wait()
    assert stack.instance()["source"]["repo"] == REPO
    assert nodes(stack.read()["environment"]["deploymentTriggers"]) == []
    assert railway.deployments == 0


def test_a_source_in_the_settings_creates_trigger_and_deployment_if_the_switches_are_set(
    railway: Railway, stack: Stack
) -> None:
    railway.switch(source_update_creates_trigger=True, source_update_deploys=True)
    stack.settings(source={"repo": REPO})
    railway.wait()
    assert [row["branch"] for row in nodes(stack.read()["environment"]["deploymentTriggers"])] == ["main"]
    assert railway.deployments == 1


def test_names_are_short_and_unique(railway: Railway, stack: Stack) -> None:
    place = {"projectId": stack.project, "environmentId": stack.environment}
    assert "32" in railway.fails("ServiceCreate", input={**place, "name": "x" * 33})
    assert "already exists" in railway.fails("ServiceCreate", input={**place, "name": "backend"})
    other = railway.ok("ServiceCreate", input={**place, "name": "other"})["id"]
    assert "already exists" in railway.fails("ServiceUpdate", id=other, input={"name": "backend"})
    assert railway.ok("ServiceUpdate", id=other, input={"name": "third", "icon": "i"})["name"] == "third"


def test_service_delete_leaves_the_volume_detached(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    volume = nodes(stack.read()["environment"]["volumeInstances"])[0]["volumeId"]
    railway.post(f"volumes/{volume}/files", **{"/app/sessions/a.json": "kept"})
    domain = stack.domain()
    stack.deployed()
    assert railway.visit(domain).status_code == 200
    railway.ok("ServiceDelete", id=stack.service)
    seen = stack.read()
    assert nodes(seen["project"]["services"]) == []
    assert nodes(seen["environment"]["serviceInstances"]) == []
    row = nodes(seen["environment"]["volumeInstances"])[0]
    assert (row["volumeId"], row["serviceId"], row["isPendingDeletion"]) == (volume, None, False)
    assert railway.get(f"volumes/{volume}/files") == {stack.environment: {"/app/sessions/a.json": "kept"}}
    assert railway.visit(domain).status_code == 404
    assert railway.fails("ServiceUpdate", id=stack.service, input={"name": "x"}) == "Service not found"


def test_deleted_services_stay_listed_if_the_switch_is_set(railway: Railway, stack: Stack) -> None:
    railway.switch(deleted_listed=True)
    railway.ok("ServiceDelete", id=stack.service, environmentId=stack.environment)
    rows = nodes(stack.read()["project"]["services"])
    assert [row["id"] for row in rows] == [stack.service]
    assert rows[0]["deletedAt"] is not None


def test_limits_are_set_and_read(railway: Railway, stack: Stack) -> None:
    before = railway.ok("Limits_", **stack.place)
    assert before["serviceInstanceLimitOverride"] is None
    assert railway.ok("Limits", input={**stack.ids, "memoryGB": 2, "vCPUs": 1.5}) is True
    after = railway.ok("Limits_", **stack.place)
    assert after["serviceInstanceLimitOverride"] == {"containers": {"cpu": 1.5, "memoryBytes": 2_000_000_000}}
    assert after["serviceInstanceLimits"] == after["serviceInstanceLimitOverride"]
    assert "positive" in railway.fails("Limits", input={**stack.ids, "memoryGB": 0})


def test_triggers_are_one_per_service_and_environment_and_appear_late(railway: Railway, stack: Stack) -> None:
    railway.switch(trigger_delay_seconds=30)
    input_ = {"repository": REPO, "provider": "github", "projectId": stack.project, **stack.ids}
    made = railway.ok("TriggerCreate", input={**input_, "branch": "main"})
    where = {"p": stack.project, **stack.place}
    assert nodes(railway.ok("Triggers", **where)) == []
    railway.wait(30)
    assert [row["branch"] for row in nodes(railway.ok("Triggers", **where))] == ["main"]
    assert "already exists" in railway.fails("TriggerCreate", input={**input_, "branch": "main"})
    railway.ok("TriggerUpdate", id=made["id"], input={"branch": "staging", "checkSuites": True})
    railway.wait(30)
    row = nodes(railway.ok("Triggers", **where))[0]
    assert (row["branch"], row["checkSuites"], row["provider"]) == ("staging", True, "github")
    railway.ok("TriggerDelete", id=made["id"])
    assert nodes(railway.ok("Triggers", **where)) == []
    assert railway.deployments == 0


def test_triggers_deploy_if_the_switches_are_set(railway: Railway, stack: Stack) -> None:
    railway.switch(trigger_create_deploys=True, trigger_update_deploys=True)
    trigger = stack.connect()
    assert railway.deployments == 1
    railway.ok("TriggerUpdate", id=trigger, input={"branch": "staging"})
    assert railway.deployments == 2


@pytest.mark.parametrize(("answer", "source"), [(True, {"repo": REPO, "image": None}), (False, None)])
def test_a_trigger_sets_the_source_or_not(railway: Railway, stack: Stack, answer: bool, source: Any) -> None:
    railway.switch(trigger_sets_source=answer)
    trigger = stack.connect()
    railway.ok("TriggerUpdate", id=trigger, input={"branch": "staging"})
    assert stack.instance()["source"] == source
    assert stack.status(stack.deployed()) == "SUCCESS"


def test_service_connect_deploys_everywhere(railway: Railway, stack: Stack) -> None:
    railway.ok("ServiceConnect", id=stack.service, input={"repo": REPO, "branch": "staging"})
    railway.wait()
    assert railway.deployments == 1
    assert nodes(stack.read()["environment"]["deploymentTriggers"])[0]["branch"] == "staging"
    railway.ok("ServiceDisconnect", id=stack.service)
    assert stack.instance()["source"] is None
    assert nodes(stack.read()["environment"]["deploymentTriggers"]) == []


def test_autodeploy_is_switched_off_and_on(railway: Railway, stack: Stack) -> None:
    where = {"p": stack.project, **stack.place}
    assert railway.ok("AutoDeployStatus", **where)["canEnable"] is False
    stack.connect()
    assert railway.ok("AutoDeployStatus", **where) == {"enabled": True, "canEnable": True, "reason": None}
    railway.ok("AutoDeploy", input={"projectId": stack.project, **stack.ids, "enabled": False})
    railway.post("repos", repo=REPO, branch="main", sha="f" * 40)
    assert railway.deployments == 0


def test_repositories_are_found_unless_strict(railway: Railway) -> None:
    found = railway.ok("GithubRepoAccess", r=REPO)
    assert (found["fullName"], found["defaultBranch"]) == (REPO, "main")
    names = [row["name"] for row in railway.ok("Branches", o="example", r="whatsapp-crm")]
    assert names == ["main", "audit-whatsapp-30", "staging"]
    assert railway.ok("GithubRepoAccess", r="somebody/else")["defaultBranch"] == "main"
    railway.switch(strict_repos=True)
    assert "not found" in railway.fails("GithubRepoAccess", r="third/party")


def test_a_project_without_a_workspace_is_temporary(railway: Railway) -> None:
    made = railway.ok("ProjectCreate", input={"name": "loose"})
    seen = railway.ok("Project", id=made["id"])
    assert seen["isTempProject"] is True
    assert seen["expiredAt"] is not None
    assert seen["workspaceId"] is None
    kept = railway.ok("ProjectCreate", input={"name": "kept", "workspaceId": WORKSPACE_ID})
    assert railway.ok("Project", id=kept["id"])["isTempProject"] is False
    railway.wait(25 * 3600)
    assert railway.fails("Project", id=made["id"]) == "Project not found"
    railway.ok("Project", id=kept["id"])


def test_projects_without_a_workspace_argument_is_empty(railway: Railway, stack: Stack) -> None:
    assert railway.ok("Projects")["edges"] == []
    assert [row["id"] for row in nodes(railway.ok("Projects", w=WORKSPACE_ID))] == [stack.project]


def test_lists_come_in_pages(railway: Railway) -> None:
    made = {
        railway.ok("ProjectCreate", input={"name": f"p{i}", "workspaceId": WORKSPACE_ID})["id"]
        for i in range(3)
    }
    first = railway.ok("Projects", w=WORKSPACE_ID, first=2)
    assert first["pageInfo"]["hasNextPage"] is True
    second = railway.ok("Projects", w=WORKSPACE_ID, first=2, after=first["pageInfo"]["endCursor"])
    assert second["pageInfo"]["hasNextPage"] is False
    assert {row["id"] for row in nodes(first) + nodes(second)} == made
    railway.switch(page_limit=1)
    capped = railway.ok("Projects", w=WORKSPACE_ID, first=50)
    assert (len(capped["edges"]), capped["pageInfo"]["hasNextPage"]) == (1, True)
    assert "cursor" in railway.fails("Projects", w=WORKSPACE_ID, after="nobody")


def test_tracing_of_a_project_and_the_override_of_a_service_are_kept(railway: Railway, stack: Stack) -> None:
    project = f'{{ project(id: "{stack.project}") {{ tracingEnabled tracingSampleRate }} }}'
    service = f'{{ service(id: "{stack.service}") {{ tracingEnabled autoInstrumentationEnabled }} }}'

    def asked(document: str) -> dict[str, Any]:
        (found,) = railway.send(document, {}).json()["data"].values()
        return found

    railway.ok("ProjectUpdate", id=stack.project, input={"tracingEnabled": True, "tracingSampleRate": 0.5})
    assert asked(project) == {"tracingEnabled": True, "tracingSampleRate": 0.5}
    railway.ok("ProjectUpdate", id=stack.project, input={"tracingSampleRate": None})
    assert asked(project) == {"tracingEnabled": True, "tracingSampleRate": None}
    for override in (True, False, None):
        railway.ok(
            "ServiceUpdate",
            id=stack.service,
            input={"tracingEnabled": override, "autoInstrumentationEnabled": True},
        )
        assert asked(service) == {"tracingEnabled": override, "autoInstrumentationEnabled": True}
