"""The environment's config document: read, patched, staged."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.railway.store import REPO
from tests.sandbox.railway.client import SESSIONS, WORKSPACE, Railway, Stack, nodes

pytestmark = pytest.mark.sandbox

PLAIN = "query ($e: String!) { environment(id: $e) { config } }"


def config(railway: Railway, stack: Stack) -> dict[str, Any]:
    return railway.ok("EnvConfig", id=stack.environment)["config"]


def patch(railway: Railway, stack: Stack, document: dict[str, Any]) -> str:
    return railway.ok("PatchCommit", e=stack.environment, patch=document, m="test")


def for_service(stack: Stack, part: dict[str, Any]) -> dict[str, Any]:
    return {"services": {stack.service: part}}


def test_config_masks_values_unless_decrypted(railway: Railway, stack: Stack) -> None:
    stack.variables({"A": "secret"})
    answer = railway.send(PLAIN, {"e": stack.environment}).json()
    masked = answer["data"]["environment"]["config"]["services"][stack.service]["variables"]["A"]
    assert masked == {"value": "*****"}
    assert config(railway, stack)["services"][stack.service]["variables"]["A"] == {"value": "secret"}


@pytest.mark.parametrize(("answer", "expected"), [("allowed", "secret"), ("masked", "*****")])
def test_scoped_tokens_may_decrypt_or_get_masks(
    railway: Railway, stack: Stack, answer: str, expected: str
) -> None:
    stack.variables({"A": "secret"})
    railway.switch(scoped_decrypt=answer)
    seen = config(railway.with_headers(WORKSPACE), stack)["services"][stack.service]["variables"]["A"][
        "value"
    ]
    assert seen == expected


def test_decryption_can_be_denied_to_scoped_tokens(railway: Railway, stack: Stack) -> None:
    railway.switch(scoped_decrypt="refused")
    assert railway.with_headers(WORKSPACE).fails("EnvConfig", id=stack.environment) == "Not Authorized"
    config(railway, stack)


def test_config_adds_alerts_and_omits_the_default_restart_policy(railway: Railway, stack: Stack) -> None:
    volume = stack.volume()
    seen = config(railway, stack)
    assert seen["volumes"][volume]["alerts"]
    assert seen["volumes"][volume]["allowOnlineResize"] is True
    assert "restartPolicyType" not in seen["services"][stack.service]["deploy"]
    assert seen["services"][stack.service]["volumeMounts"] == {volume: {"mountPath": SESSIONS}}
    stack.settings(restartPolicyType="NEVER")
    assert config(railway, stack)["services"][stack.service]["deploy"]["restartPolicyType"] == "NEVER"
    assert stack.instance()["restartPolicyType"] == "NEVER"


def test_a_patch_merges_deeply_and_null_deletes(railway: Railway, stack: Stack) -> None:
    stack.variables({"A": "1", "B": "2"})
    stack.settings(startCommand="run", buildCommand="build", region="us-west2")
    patch(
        railway,
        stack,
        for_service(
            stack,
            {
                "variables": {"A": None, "C": {"value": "3"}},
                "deploy": {"startCommand": None, "healthcheckPath": "/health"},
            },
        ),
    )
    part = config(railway, stack)["services"][stack.service]
    assert part["variables"] == {"B": {"value": "2"}, "C": {"value": "3"}}
    instance = stack.instance()
    assert (instance["startCommand"], instance["healthcheckPath"], instance["buildCommand"]) == (
        None,
        "/health",
        "build",
    )


def test_a_patch_deploys_only_the_services_it_changes(railway: Railway, stack: Stack) -> None:
    stack.connect()
    image = {"image": "redis"}
    where = {"projectId": stack.project, "environmentId": stack.environment}
    other = railway.ok("ServiceCreate", input={**where, "name": "redis", "source": image})["id"]
    railway.wait()
    stack.deployed()
    before = railway.deployments
    patch(
        railway,
        stack,
        {
            "services": {
                stack.service: {"variables": {"A": {"value": "1"}}},
                other: {"deploy": {"numReplicas": 1}},
            }
        },
    )
    assert railway.deployments == before + 1
    assert railway.ok("ServiceInstance", s=other, e=stack.environment)["latestDeployment"] is not None


def test_an_equal_patch_does_nothing(railway: Railway, stack: Stack) -> None:
    stack.connect()
    stack.variables({"A": "1"})
    stack.deployed()
    etag = railway.ok("EnvConfig", id=stack.environment)["configEtag"]
    patch(railway, stack, for_service(stack, {"variables": {"A": {"value": "1"}}}))
    patch(railway, stack, {})
    assert railway.deployments == 1
    assert railway.ok("EnvConfig", id=stack.environment)["configEtag"] == etag


def test_config_etag_changes_with_every_edit(railway: Railway, stack: Stack) -> None:
    etags = {railway.ok("EnvConfig", id=stack.environment)["configEtag"]}
    stack.variables({"A": "1"})
    etags.add(railway.ok("EnvConfig", id=stack.environment)["configEtag"])
    stack.settings(startCommand="run")
    etags.add(railway.ok("EnvConfig", id=stack.environment)["configEtag"])
    assert len(etags) == 3


@pytest.mark.parametrize("answer", ["patch_id", "workflow_id", "empty"])
def test_the_string_that_a_commit_returns(railway: Railway, stack: Stack, answer: str) -> None:
    railway.switch(patch_commit_returns=answer, patch_seconds=30)
    text = patch(railway, stack, for_service(stack, {"deploy": {"startCommand": "run"}}))
    newest = nodes(railway.ok("Patches", e=stack.environment))[0]
    assert (newest["status"], newest["message"], newest["appliedAt"]) == ("APPLYING", "test", None)
    if answer == "patch_id":
        assert railway.ok("Patch", id=text)["id"] == newest["id"]
    elif answer == "workflow_id":
        assert railway.ok("Workflow", id=text)["status"] == "Running"
        railway.wait(30)
        assert railway.ok("Workflow", id=text) == {"status": "Complete", "error": None}
    else:
        assert text == ""
    railway.wait(30)
    assert railway.ok("Patch", id=newest["id"])["status"] == "COMMITTED"
    assert railway.ok("Workflow", id="nobody")["status"] == "NotFound"


def test_staged_changes_count_and_commit_together(railway: Railway, stack: Stack) -> None:
    stack.connect()
    stack.deployed()
    env = {"e": stack.environment}
    assert railway.ok("EnvConfig", id=stack.environment)["unmergedChangesCount"] == 0
    railway.ok("Stage", **env, i=for_service(stack, {"variables": {"A": {"value": "1"}}}), merge=True)
    railway.ok("Stage", **env, i=for_service(stack, {"deploy": {"startCommand": "run"}}), merge=True)
    assert railway.ok("EnvConfig", id=stack.environment)["unmergedChangesCount"] == 2
    assert railway.ok("Staged", **env)["status"] == "STAGED"
    assert stack.instance()["startCommand"] is None
    railway.ok("CommitStaged", **env, m="all", skip=True)
    assert stack.instance()["startCommand"] == "run"
    assert config(railway, stack)["services"][stack.service]["variables"] == {"A": {"value": "1"}}
    assert railway.deployments == 1
    assert railway.ok("EnvConfig", id=stack.environment)["unmergedChangesCount"] == 0
    assert "No staged changes" in railway.fails("CommitStaged", **env)


def test_staging_without_merge_replaces_and_commit_deploys(railway: Railway, stack: Stack) -> None:
    stack.connect()
    stack.deployed()
    env = {"e": stack.environment}
    railway.ok("Stage", **env, i=for_service(stack, {"deploy": {"startCommand": "one"}}))
    railway.ok("Stage", **env, i=for_service(stack, {"deploy": {"startCommand": None, "buildCommand": None}}))
    railway.ok("Stage", **env, i=for_service(stack, {"build": {"buildCommand": "two"}}))
    railway.ok("CommitStaged", **env)
    assert (stack.instance()["startCommand"], stack.instance()["buildCommand"]) == (None, "two")
    assert railway.deployments == 2


def test_the_count_of_staged_changes_is_null_if_the_switch_is_set(railway: Railway, stack: Stack) -> None:
    railway.switch(unmerged_none_is_null=True)
    assert railway.ok("EnvConfig", id=stack.environment)["unmergedChangesCount"] is None


@pytest.mark.parametrize(
    "part",
    [
        {"deploy": {"startComand": "x"}},
        {"deploys": {}},
        {"source": {"ref": "x"}},
    ],
)
def test_an_unknown_key_is_rejected(railway: Railway, stack: Stack, part: dict[str, Any]) -> None:
    message = railway.fails("PatchCommit", e=stack.environment, patch=for_service(stack, part))
    assert message.startswith("Unrecognized key")
    assert (
        railway.fails("PatchCommit", e=stack.environment, patch={"services": {"x": {}}})
        == "Service not found"
    )
    assert (
        railway.fails("PatchCommit", e=stack.environment, patch={"volumes": {"x": {}}}) == "Volume not found"
    )


def test_a_rejected_patch_changes_nothing(railway: Railway, stack: Stack) -> None:
    volume = stack.volume()
    document = {**for_service(stack, {"deploy": {"startCommand": "run"}}), "volumes": {volume: {"sizeMB": 1}}}
    railway.fails("PatchCommit", e=stack.environment, patch=document)
    assert stack.instance()["startCommand"] is None


def test_a_patch_writes_source_mounts_limits_and_shared_variables(railway: Railway, stack: Stack) -> None:
    volume = railway.ok(
        "VolumeCreate",
        input={"projectId": stack.project, "mountPath": "/x", "environmentId": stack.environment},
    )["id"]
    railway.wait()
    limit = {"containers": {"cpu": 1}}
    document = for_service(
        stack,
        {
            "source": {"repo": REPO, "branch": "staging", "rootDirectory": "/backend"},
            "volumeMounts": {volume: {"mountPath": SESSIONS}},
            "deploy": {"limitOverride": limit, "multiRegionConfig": {"us-west2": {"numReplicas": 1}}},
        },
    )
    patch(
        railway,
        stack,
        {**document, "sharedVariables": {"TEAM": {"value": "crm"}}, "privateNetworkDisabled": False},
    )
    railway.wait()
    seen = stack.read()["environment"]
    assert nodes(seen["volumeInstances"])[0]["serviceId"] == stack.service
    assert [(t["repository"], t["branch"]) for t in nodes(seen["deploymentTriggers"])] == [(REPO, "staging")]
    assert stack.instance()["rootDirectory"] == "/backend"
    assert railway.ok("Limits_", **stack.place)["serviceInstanceLimitOverride"] == limit
    assert seen["config"]["sharedVariables"] == {"TEAM": {"value": "crm"}}
    assert seen["config"]["privateNetworkDisabled"] is False
    patch(railway, stack, for_service(stack, {"deploy": {"multiRegionConfig": {"us-west2": None}}}))
    assert stack.instance()["region"] is None


def test_a_patch_deletes_a_service_and_a_volume(railway: Railway, stack: Stack) -> None:
    volume = stack.volume()
    patch(
        railway, stack, {"volumes": {volume: {"isDeleted": True}}, **for_service(stack, {"isDeleted": True})}
    )
    seen = stack.read()["environment"]
    assert nodes(seen["serviceInstances"]) == []
    assert nodes(seen["volumeInstances"])[0]["isPendingDeletion"] is True


def test_a_change_set_ignores_domains_and_checks_the_etag(railway: Railway, stack: Stack) -> None:
    env = {"e": stack.environment}
    part = {
        "deploy": {"startCommand": "run"},
        "networking": {"serviceDomains": {"x.up.railway.app": {"port": 80}}},
    }
    preview = railway.ok("PreviewCS", **env, i=for_service(stack, part))
    assert preview["effects"] == [f"services.{stack.service}.deploy.startCommand"]
    etag = railway.ok("EnvConfig", id=stack.environment)["configEtag"]
    made = railway.ok("ApplyCS", **env, i=for_service(stack, part), etag=etag)
    assert stack.instance()["startCommand"] == "run"
    domains = railway.ok("Domains", p=stack.project, **stack.place)
    assert domains == {"serviceDomains": [], "customDomains": []}
    assert railway.ok("ApplyStatus", **env, id=made["id"])["changes"] == made["changes"]
    assert "baseConfigEtag" in railway.fails("ApplyCS", **env, i=for_service(stack, part), etag=etag)
