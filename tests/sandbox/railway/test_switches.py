"""The observable result of every value of every switch for unverified behaviour.

There is one probe per switch. A switch without a probe, a value without a result, and a probe with equal
results for two values fail.
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
VERIFIED = {
    "plan": "the limits of a plan are documented",
    "backup_error": "the outcome of a backup, not Railway's behaviour",
    "deploy_outcome": "the outcome of a deployment, not Railway's behaviour",
    "strict_repos": "the repositories that exist",
    "autodeploy_on_push": "documented",
    "newer_removes_in_flight": "REMOVED means superseded",
    "backend_is_crm": "the service's own behaviour, not Railway's",
}
"""String and boolean switches that do not stand for unverified behaviour."""

Look = Callable[[Railway, Stack], object]


@dataclass(frozen=True)
class Probe:
    """look: acts as a client and returns what it observes. sees: the expected observation by value."""

    look: Look
    sees: dict[Any, object]


def _volume(stack: Stack) -> dict[str, Any]:
    (found,) = nodes(stack.read()["environment"]["volumeInstances"])
    return found


def _resized(size: int) -> Look:
    """Return the response to a patch of the size, the size, and the newest patch's error."""

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
    """Return the service after a move and the number of deployments. named: the move names the service."""

    def look(railway: Railway, stack: Stack) -> object:
        stack.connect()
        volume = stack.volume()
        stack.deployed()
        before = railway.deployments
        input_ = {"mountPath": "/data"} | ({"serviceId": stack.service} if named else {})
        railway.ok("VolumeInstanceUpdate", volumeId=volume, environmentId=stack.environment, input=input_)
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
    input_ = {"projectId": stack.project, "name": "one"}
    body = railway.with_headers(WORKSPACE).reply("EnvironmentCreate", input=input_).json()
    return body["errors"][0]["message"] if "errors" in body else body["data"]["environmentCreate"]["name"]


def _config_file(railway: Railway, stack: Stack) -> object:
    input_ = {"railwayConfigFile": "railway.json"}
    rejected = "errors" in railway.reply("ServiceInstanceUpdate", **stack.ids, input=input_).json()
    return rejected, stack.instance()["railwayConfigFile"]


def _overlap(railway: Railway, stack: Stack) -> object:
    railway.switch(mutation_seconds=4)  # the other one begins meanwhile, also on a busy machine
    input_ = {"projectId": stack.project, **stack.ids, "variables": {"A": "1"}, "skipDeploys": True}
    with ThreadPoolExecutor() as pool:
        asked = [
            pool.submit(railway.with_headers(railway.headers).reply, "VarsUpsert", input=input_) for _ in "ab"
        ]
        return ["errors" in answer.result().json() for answer in asked]


def _backup_workflow(railway: Railway, stack: Stack) -> object:
    """Whether the response names a workflow."""
    stack.volume()
    (row,) = railway.get("state")["volume_instances"].values()
    return railway.ok("BackupCreate", id=row["id"])["workflowId"] is not None


def _port_removed(railway: Railway, stack: Stack) -> object:
    """Return the ports of a Railway domain and of a custom domain."""
    made = railway.ok("DomainCreate", input={**stack.ids, "targetPort": 8080})
    input_ = {**stack.ids, "serviceDomainId": made["id"], "domain": made["domain"], "targetPort": None}
    railway.ok("DomainUpdate", input=input_)
    own = {**stack.ids, "projectId": stack.project, "domain": "crm.example.com", "targetPort": 8080}
    custom = railway.ok("CustomCreate", input=own)["id"]
    railway.ok("CustomUpdate", id=custom, e=stack.environment, port=None)
    found = railway.ok("Domains", p=stack.project, **stack.place)
    return [one["targetPort"] for one in (*found["serviceDomains"], *found["customDomains"])]


def _beside(railway: Railway, stack: Stack) -> tuple[str, dict[str, str]]:
    """Create another environment that is not a fork, and a service in both."""
    place = {"projectId": stack.project, "environmentId": stack.environment}
    other = railway.ok("EnvironmentCreate", input={"projectId": stack.project, "name": "staging"})["id"]
    made = railway.ok("ServiceCreate", input={**place, "name": "worker"})["id"]
    railway.wait()
    return made, {"s": made, "e": other}


def _settings_update_scope(railway: Railway, stack: Stack) -> object:
    worker, beside = _beside(railway, stack)
    input_ = {"serviceId": worker, "environmentId": stack.environment, "input": {"startCommand": "run"}}
    railway.ok("ServiceInstanceUpdate", **input_)
    return railway.ok("ServiceInstance", **beside)["startCommand"]


def _delete_scope(railway: Railway, stack: Stack) -> object:
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
    "deleted_response": Probe(
        _deleted, {"error": ["Project not found", "Project not found"], "deleted_at": [True, True]}
    ),
    "deleted_listed": Probe(_listed, {False: [], True: [True, True]}),
    "missing_response": Probe(
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
    "shrink_response": Probe(
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
    "null_port_clears": Probe(_port_removed, {True: [None, None], False: [8080, 8080]}),
    "settings_update_scope": Probe(_settings_update_scope, {"no_forks": "run", "named": None}),
    "service_delete_scope": Probe(_delete_scope, {"no_forks": "Service not found", "named": "there"}),
    "overlap_fails_all": Probe(_overlap, {False: [False, False], True: [True, True]}),
    "backup_workflow_id": Probe(_backup_workflow, {"id": True, "null": False}),
}


@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name, answers in UNVERIFIED.items() for answer in answers]
)
def test_every_value_of_an_unverified_switch_is_observable(
    railway: Railway, stack: Stack, name: str, answer: object
) -> None:
    railway.switch(**{name: answer})
    probe = PROBES[name]
    assert probe.look(railway, stack) == probe.sees[answer]


@pytest.mark.parametrize("name", UNVERIFIED)
def test_every_value_of_a_switch_has_a_different_observable_result(name: str) -> None:
    sees = PROBES[name].sees
    assert [*sees] == [*UNVERIFIED[name]]
    assert getattr(Switches(), name) == UNVERIFIED[name][0]
    assert len({repr(seen) for seen in sees.values()}) == len(sees) > 1


def test_every_open_question_has_a_switch() -> None:
    assert {*QUESTION_OF.values()} - {""} == {*QUESTIONS}


def test_every_switch_is_classified_as_verified_or_not() -> None:
    words = {item.name for item in fields(Switches) if item.type in ("bool", "str")}
    assert words - {*UNVERIFIED} == {*VERIFIED}
    assert {*PROBES} == {*UNVERIFIED}
