"""The fault matrix: every request of an operation, with every way in which it can fail, and what must
hold after.

A case is an engine operation, the name of one of its requests, and a failure. After at most one more
`up`, what is live must be what is declared, exactly one of everything, with at most one deployment for
each `up`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import grpc

from tests.conformance.dynamic_process import DynamicProcess
from tests.conformance.railway_world import VARIABLES, Declared, Engine, World, assert_silent

KINDS = (
    "refuse",
    "reset_before",
    "reset_after",
    "http_500",
    "http_502_before",
    "http_502_after",
    "http_504_before",
    "http_504_after",
    "rate_429",
    "edge_1015",
    "creation_throttle",
    "not_json",
    "internal_error",
    "hang",
)
KILLS = ("kill_before", "kill_after")

CREATE = (
    "ProjectsFind",
    "ProjectCreate",
    "ServiceCreate",
    "InstancePoll",
    "VolumeCreate",
    "VolumePoll",
    "VolumeRename",
    "VariablesWrite",
    "ServiceInstanceUpdate",
    "StackRead",
    "TriggerCreate",
    "DomainCreate",
    "DeployLatest",
    "LatestDeploymentPoll",
    "DeploymentPoll",
    "LogsPoll",
)
CHANGE = (
    "StackRead",
    "ServiceUpdate",
    "VolumeRename",
    "VolumeMount",
    "ConfigPatch",
    "VolumePoll",
    "VariablesWrite",
    "ServiceInstanceUpdate",
    "TriggerUpdate",
    "DomainUpdate",
    "DeployLatest",
    "LatestDeploymentPoll",
    "DeploymentPoll",
    "LogsPoll",
)

Operation = Literal["create", "change", "refresh"]


@dataclass(frozen=True)
class Case:
    """One failure. `nth` and `times`: from which request of that name on, and how many of them."""

    operation: Operation
    request: str
    kind: str
    times: int = 1

    def __str__(self) -> str:
        return f"{self.operation}-{self.request}-{self.kind}" + ("-lasting" if self.times > 1 else "")


def matrix() -> Iterator[Case]:
    """Every case."""
    parts: tuple[tuple[Operation, tuple[str, ...]], ...] = (
        ("create", CREATE),
        ("change", CHANGE),
        ("refresh", ("StackRead",)),
    )
    for operation, requests in parts:
        for request in requests:
            for kind in (*KINDS, *KILLS):
                yield Case(operation, request, kind)
            # One that lasts longer than our patience: the `up` fails, and the next one repairs.
            yield Case(operation, request, "http_504_after", times=50)
            yield Case(operation, request, "reset_before", times=50)


def changed() -> Declared:
    """A declaration in which every resource differs from the first one."""
    variables = dict(VARIABLES) | {"SESSIONS_PATH": "/app/sessions2", "ADMIN_TOKEN": "another-admin-token"}
    del variables["LINK"]
    return Declared(
        service_name="backend-two",
        volume_name="sessions-two",
        mount_path="/app/sessions2",
        size_mb=60000,
        variables=variables,
        branch="staging",
        subdomain="crm-backend",
        settings={"overlap_seconds": 5, "start_command": "node server.js"},
    )


def run(world: World, case: Case) -> None:
    """Let it fail, then repair it, then look.

    Raises:
        AssertionError: something is lost, doubled or different.
    """
    engine, first = Engine(), Declared()
    wanted = changed() if case.operation == "change" else first
    if case.operation != "create":
        with world.operation() as process:
            engine.up(process, first)
    volumes = {row["id"] for row in world.rows("volumes")}
    world.reset()
    failed = _attempt(world, engine, wanted, case)
    _, deployments = world.counts()
    assert deployments <= 1, f"{deployments} deployments in the up that failed"
    world.no_faults()
    world.reset()
    if failed or case.operation == "refresh":
        with world.operation() as process:
            engine.up(process, wanted)
        assert world.counts()[1] <= 1, "more than one deployment in the up that repaired"
    if volumes:
        assert {row["id"] for row in world.rows("volumes")} == volumes, "the volume is not the first one"
    verify(world, engine, wanted)


def _attempt(world: World, engine: Engine, wanted: Declared, case: Case) -> bool:
    """The operation under the fault; returns whether it failed."""
    timeout = {"RAILWAY_TIMEOUT_SECONDS": "0.5"} if case.kind == "hang" else {}
    killing = case.kind in KILLS
    if killing:
        world.admin("pause", {"operation": case.request, "when": case.kind.removeprefix("kill_")})
    else:
        world.fault(case.request, case.kind, times=case.times)
    with world.operation(config=None, **timeout) as process:
        done = threading.Event()
        killer = threading.Thread(target=_kill_when_held, args=(world, process, done))
        if killing:
            killer.start()
        try:
            if case.operation == "refresh":
                engine.refresh(process)
            else:
                engine.up(process, wanted)
        except grpc.RpcError as error:
            assert_silent(str(error))
            return True
        finally:
            done.set()
            if killing:
                killer.join()
                world.admin("resume", {})
    return False


def _kill_when_held(world: World, process: DynamicProcess, done: threading.Event) -> None:
    while not done.is_set():
        held = world.admin("paused?timeout=0.2")
        if "operation" in held:
            process.kill()
            return


def verify(world: World, engine: Engine, wanted: Declared) -> None:
    """What is live is what is declared, once.

    Raises:
        AssertionError: it is not.
    """
    for table in ("projects", "services", "volumes", "triggers", "domains"):
        rows = world.rows(table)
        assert len(rows) == 1, f"{len(rows)} {table}"
    assert engine.id("project") == world.rows("projects")[0]["id"]
    assert engine.id("service") == world.rows("services")[0]["id"]
    assert engine.id("volume") == world.rows("volumes")[0]["id"]
    assert engine.id("domain") == world.rows("domains")[0]["id"]
    assert world.rows("services")[0]["name"] == wanted.service_name
    assert world.rows("triggers")[0]["branch"] == wanted.branch
    place = {
        "p": engine.id("project"),
        "e": engine.id("environment"),
        "s": engine.id("service"),
    }
    live = world.hand(
        "query($p: String!, $e: String!, $s: String!)"
        " { variables(projectId: $p, environmentId: $e, serviceId: $s, unrendered: true) }",
        **place,
    )["variables"]
    assert {n: v for n, v in live.items() if not n.startswith("RAILWAY_")} == dict(wanted.variables)
    with world.operation() as process:
        drift = engine.refresh(process)
        assert drift == {}, f"drift after the repair: {sorted(drift)}"
        assert engine.up(process, wanted) == []
