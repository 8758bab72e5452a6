"""What a client sees under every answer of every switch that stands for something nobody has proven.

One probe a switch: a switch without one, an answer without one, and a probe that cannot tell the answers
apart fail.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import pytest

from sandbox.railway.store import REPO
from sandbox.railway.switches import QUESTION_OF, QUESTIONS, UNVERIFIED, Switches
from tests.sandbox.railway.client import WORKSPACE, Railway, Stack, nodes

pytestmark = pytest.mark.sandbox

NOBODY = "00000000-0000-4000-8000-000000000000"
PROVEN = {
    "plan": "what a workspace may have is documented",
    "deploy_outcome": "how a deployment ends, not what Railway does",
    "strict_repos": "which repositories there are",
    "autodeploy_on_push": "documented",
    "newer_removes_in_flight": "REMOVED means superseded",
}
"""Switches between words, or on and off, that stand for no guess."""

Look = Callable[[Railway, Stack], object]


@dataclass(frozen=True)
class Probe:
    """look: what a client does and then sees. sees: that, by answer."""

    look: Look
    sees: dict[Any, object]


def _volume(stack: Stack) -> dict[str, Any]:
    (found,) = nodes(stack.read()["environment"]["volumeInstances"])
    return found


def _resized(size: int) -> Look:
    """What a patch to that size is answered, and the size, and the newest patch's error, after it."""

    def look(railway: Railway, stack: Stack) -> object:
        patch = {"volumes": {stack.volume(): {"sizeMB": size}}}
        body = railway.reply("PatchCommit", e=stack.environment, patch=patch).json()
        railway.wait()
        patches = nodes(railway.ok("Patches", e=stack.environment))
        return (
            body["errors"][0]["message"] if "errors" in body else None,
            _volume(stack)["sizeMB"],
            patches[0]["lastAppliedError"] if patches else None,
        )

    return look


def _source(railway: Railway, stack: Stack) -> object:
    stack.settings(source={"repo": REPO})
    railway.wait()
    return len(nodes(stack.read()["environment"]["deploymentTriggers"])), railway.deployments


def _trigger(railway: Railway, stack: Stack) -> object:
    trigger = stack.connect()
    made = railway.deployments
    railway.ok("TriggerUpdate", id=trigger, input={"branch": "staging"})
    source = stack.instance()["source"]
    return made, railway.deployments - made, source and source["repo"]


def _decrypted(railway: Railway, stack: Stack) -> object:
    stack.variables({"A": "secret"})
    body = railway.with_headers(WORKSPACE).reply("EnvConfig", id=stack.environment).json()
    if "errors" in body:
        return body["errors"][0]["message"]
    return body["data"]["environment"]["config"]["services"][stack.service]["variables"]["A"]["value"]


def _bad_variables(railway: Railway, stack: Stack) -> object:
    answer = railway.reply("ServiceInstanceUpdate", **stack.ids, input={"builder": "DOCKERFILE"})
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


def _trace(railway: Railway, _: Stack) -> object:
    error = railway.error("Project", id=NOBODY)
    return "traceId" in error, "traceId" in error["extensions"]


def _deleted(railway: Railway, stack: Stack) -> object:
    railway.ok("ProjectDelete", id=stack.project)
    asked = {"Project": stack.project, "Environment": stack.environment}
    seen: list[object] = []
    for name, id_ in asked.items():
        body = railway.reply(name, id=id_).json()
        row = body["data"] and body["data"][name.lower()]
        seen.append(row["deletedAt"] is not None if row else body["errors"][0]["message"])
    return seen


def _listed(railway: Railway, stack: Stack) -> object:
    railway.ok("DomainDelete", id=railway.ok("DomainCreate", input=stack.ids)["id"])
    (instance,) = nodes(stack.read()["environment"]["serviceInstances"])
    domains = instance["domains"]["serviceDomains"]
    railway.ok("ServiceDelete", id=stack.service, environmentId=stack.environment)
    services = nodes(stack.read()["project"]["services"])
    return [row["deletedAt"] is not None for row in (*domains, *services)]


def _volume_deleted(railway: Railway, stack: Stack) -> object:
    railway.ok("VolumeDelete", volumeId=stack.volume())
    row = _volume(stack)
    return row["isPendingDeletion"], row["state"], row["deletedAt"] is not None


def _volume_moved(named: bool) -> Look:
    """The service after a move, and how many deployments it made. named: the move names the service."""

    def look(railway: Railway, stack: Stack) -> object:
        stack.connect()
        volume = stack.volume()
        stack.deployed()
        before = railway.deployments
        wish = {"mountPath": "/data"} | ({"serviceId": stack.service} if named else {})
        railway.ok("VolumeInstanceUpdate", volumeId=volume, environmentId=stack.environment, input=wish)
        return _volume(stack)["serviceId"] == stack.service, railway.deployments - before

    return look


def _root_fields(railway: Railway, _: Stack) -> object:
    def left(document: str) -> int:
        return int(railway.send(document).headers["X-RateLimit-Remaining"])

    one = "apiToken { workspaces { id } }"
    return left(f"query {{ a: {one} }}") - left(f"query {{ a: {one} b: {one} }}")


def _committed(railway: Railway, stack: Stack) -> object:
    patch = {"services": {stack.service: {"deploy": {"startCommand": "run"}}}}
    text = railway.ok("PatchCommit", e=stack.environment, patch=patch)
    railway.wait()
    newest = nodes(railway.ok("Patches", e=stack.environment))[0]
    return text == newest["id"], bool(text) and railway.ok("Workflow", id=text)["status"]


def _variable_deployments(railway: Railway, stack: Stack) -> object:
    stack.connect()
    counts: list[int] = []
    for value in ("1", "2"):
        before = railway.deployments
        stack.variables({"A": value}, skipDeploys=False)
        counts.append(railway.deployments - before)
        if value == "1":
            stack.deployed()
    return counts


def _rolled_back(railway: Railway, stack: Stack) -> object:
    stack.healthy()
    first = stack.deployed()
    stack.variables({"A": "1"})
    stack.deployed()
    railway.ok("DeploymentRollback", id=first)
    return stack.instance()["latestDeployment"]["meta"]["reason"]


def _target_port(railway: Railway, stack: Stack) -> object:
    stack.variables({"PORT": "8080"})
    body = railway.reply("DomainCreate", input={**stack.ids, "targetPort": 8080}).json()
    return (
        body["errors"][0]["message"]
        if "errors" in body
        else body["data"]["serviceDomainCreate"]["targetPort"]
    )


def _environment_made(railway: Railway, stack: Stack) -> object:
    wish = {"projectId": stack.project, "name": "one"}
    body = railway.with_headers(WORKSPACE).reply("EnvironmentCreate", input=wish).json()
    return body["errors"][0]["message"] if "errors" in body else body["data"]["environmentCreate"]["name"]


def _config_file(railway: Railway, stack: Stack) -> object:
    wish = {"railwayConfigFile": "railway.json"}
    refused = "errors" in railway.reply("ServiceInstanceUpdate", **stack.ids, input=wish).json()
    return refused, stack.instance()["railwayConfigFile"]


def _overlap(railway: Railway, stack: Stack) -> object:
    railway.switch(mutation_seconds=0.5)
    wish = {"projectId": stack.project, **stack.ids, "variables": {"A": "1"}, "skipDeploys": True}
    with ThreadPoolExecutor() as pool:
        asked = [
            pool.submit(railway.with_headers(railway.headers).reply, "VarsUpsert", input=wish) for _ in "ab"
        ]
        return ["errors" in answer.result().json() for answer in asked]


def _port_taken_away(railway: Railway, stack: Stack) -> object:
    """Of a domain of Railway's, and of one of one's own."""
    made = railway.ok("DomainCreate", input={**stack.ids, "targetPort": 8080})
    wish = {**stack.ids, "serviceDomainId": made["id"], "domain": made["domain"], "targetPort": None}
    railway.ok("DomainUpdate", input=wish)
    own = {**stack.ids, "projectId": stack.project, "domain": "crm.example.com", "targetPort": 8080}
    custom = railway.ok("CustomCreate", input=own)["id"]
    railway.ok("CustomUpdate", id=custom, e=stack.environment, port=None)
    found = railway.ok("Domains", p=stack.project, **stack.place)
    return [one["targetPort"] for one in (*found["serviceDomains"], *found["customDomains"])]


def _credentials_blanked(railway: Railway, stack: Stack) -> object:
    stack.settings(registryCredentials={"username": "crm", "password": "secret"})
    stack.settings(registryCredentials={"username": "", "password": ""})
    config = railway.ok("EnvConfig", id=stack.environment)["config"]
    return config["services"][stack.service]["deploy"].get("registryCredentials")


def _beside(railway: Railway, stack: Stack) -> tuple[str, dict[str, str]]:
    """Another environment that is no fork, and a service that is in both."""
    place = {"projectId": stack.project, "environmentId": stack.environment}
    other = railway.ok("EnvironmentCreate", input={"projectId": stack.project, "name": "staging"})["id"]
    made = railway.ok("ServiceCreate", input={**place, "name": "worker"})["id"]
    railway.wait()
    return made, {"s": made, "e": other}


def _settings_reach(railway: Railway, stack: Stack) -> object:
    worker, beside = _beside(railway, stack)
    wish = {"serviceId": worker, "environmentId": stack.environment, "input": {"startCommand": "run"}}
    railway.ok("ServiceInstanceUpdate", **wish)
    return railway.ok("ServiceInstance", **beside)["startCommand"]


def _delete_reach(railway: Railway, stack: Stack) -> object:
    worker, beside = _beside(railway, stack)
    railway.ok("ServiceDelete", id=worker, environmentId=stack.environment)
    body = railway.reply("ServiceInstance", **beside).json()
    return body["errors"][0]["message"] if "errors" in body else "there"


PLEASE = "Failed to create service domain, please try again"
PROBES: dict[str, Probe] = {
    "bad_variables_status": Probe(
        _bad_variables, {400: (400, "BAD_USER_INPUT"), 200: (200, "BAD_USER_INPUT")}
    ),
    "trace_id_position": Probe(_trace, {"error": (True, False), "extensions": (False, True)}),
    "deleted_answer": Probe(
        _deleted, {"error": ["Project not found", "Project not found"], "deleted_at": [True, True]}
    ),
    "deleted_listed": Probe(_listed, {False: [], True: [True, True]}),
    "missing_answer": Probe(
        lambda railway, _: railway.fails("Service", id=NOBODY),
        {"not_found": "Service not found", "not_authorized": "Not Authorized"},
    ),
    "volume_delete_style": Probe(
        _volume_deleted, {"pending": (True, "DELETING", False), "deleted_at": (True, "DELETING", True)}
    ),
    "size_patch": Probe(_resized(60_000), {"applies": (None, 60_000, None), "ignored": (None, 50_000, None)}),
    "source_update_creates_trigger": Probe(_source, {False: (0, 0), True: (1, 0)}),
    "source_update_deploys": Probe(_source, {False: (0, 0), True: (0, 1)}),
    "trigger_create_deploys": Probe(_trigger, {False: (0, 0, REPO), True: (1, 0, REPO)}),
    "trigger_update_deploys": Probe(_trigger, {False: (0, 0, REPO), True: (0, 1, REPO)}),
    "trigger_sets_source": Probe(_trigger, {True: (0, 0, REPO), False: (0, 0, None)}),
    "scoped_decrypt": Probe(
        _decrypted, {"allowed": "secret", "refused": "Not Authorized", "masked": "*****"}
    ),
    "shrink_answer": Probe(
        _resized(40_000),
        {
            "refused": ("Volume size cannot be decreased", 50_000, None),
            "async": (None, 50_000, "Volume size cannot be decreased"),
        },
    ),
    "shrink_message": Probe(
        _resized(40_000),
        {
            "Volume size cannot be decreased": ("Volume size cannot be decreased", 50_000, None),
            "Volumes can only grow": ("Volumes can only grow", 50_000, None),
        },
    ),
    "volume_update_without_service_detaches": Probe(
        _volume_moved(named=False), {True: (False, 0), False: (True, 0)}
    ),
    "volume_update_deploys": Probe(_volume_moved(named=True), {False: (True, 0), True: (True, 1)}),
    "root_fields_count_as_one": Probe(_root_fields, {True: 1, False: 2}),
    "patch_commit_returns": Probe(
        _committed,
        {"patch_id": (True, "NotFound"), "workflow_id": (False, "Complete"), "empty": (False, False)},
    ),
    "railway_variables_in_unrendered": Probe(
        lambda railway, stack: "RAILWAY_SERVICE_NAME" in railway.ok("Vars", p=stack.project, **stack.place),
        {True: True, False: False},
    ),
    "deploy_v2_never_deployed": Probe(
        lambda railway, stack: (stack.connect(), "errors" in railway.reply("Deploy", **stack.place).json())[
            1
        ],
        {"works": False, "not_found": True},
    ),
    "rollback_reason": Probe(_rolled_back, {"rollback": "rollback", "redeploy": "redeploy"}),
    "variable_upsert_deploys": Probe(_variable_deployments, {True: [1, 1], False: [0, 0]}),
    "variable_deploys_never_deployed": Probe(_variable_deployments, {True: [1, 1], False: [0, 1]}),
    "target_port_with_port_refused": Probe(_target_port, {False: 8080, True: PLEASE}),
    "workspace_token_creates_environments": Probe(_environment_made, {True: "one", False: "Not Authorized"}),
    "railway_config_file_allowed": Probe(_config_file, {False: (True, None), True: (False, "railway.json")}),
    "unmerged_none_is_null": Probe(
        lambda railway, stack: railway.ok("EnvConfig", id=stack.environment)["unmergedChangesCount"],
        {False: 0, True: None},
    ),
    "null_port_clears": Probe(_port_taken_away, {True: [None, None], False: [8080, 8080]}),
    "blank_credentials_clear": Probe(
        _credentials_blanked, {True: None, False: {"username": "*****", "password": "*****"}}
    ),
    "settings_reach": Probe(_settings_reach, {"no_forks": "run", "named": None}),
    "service_delete_reach": Probe(_delete_reach, {"no_forks": "Service not found", "named": "there"}),
    "overlap_fails_all": Probe(_overlap, {False: [False, False], True: [True, True]}),
}


@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name, answers in UNVERIFIED.items() for answer in answers]
)
def test_every_answer_that_nobody_has_proven_can_be_seen(
    railway: Railway, stack: Stack, name: str, answer: object
) -> None:
    railway.switch(**{name: answer})
    probe = PROBES[name]
    assert probe.look(railway, stack) == probe.sees[answer]


@pytest.mark.parametrize("name", UNVERIFIED)
def test_a_probe_tells_every_answer_from_the_others(name: str) -> None:
    sees = PROBES[name].sees
    assert [*sees] == [*UNVERIFIED[name]]
    assert getattr(Switches(), name) == UNVERIFIED[name][0]
    assert len({repr(seen) for seen in sees.values()}) == len(sees) > 1


def test_every_open_question_has_a_switch() -> None:
    assert {*QUESTION_OF.values()} - {""} == {*QUESTIONS}


def test_a_new_switch_says_whether_its_answer_is_proven() -> None:
    words = {item.name for item in fields(Switches) if item.type in ("bool", "str")}
    assert words - {*UNVERIFIED} == {*PROVEN}
    assert {*PROBES} == {*UNVERIFIED}
