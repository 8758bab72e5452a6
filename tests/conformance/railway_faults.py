"""The fault matrix: every request of an operation, with every way in which it can fail, and what must
hold after.

A case is an engine operation, one of its requests, and a failure. After at most one more `up`, what is live
must be what is declared, exactly one of everything, the volume the first one, with at most one deployment for
each `up`, and nothing touched that is not ours. A case whose request never comes is a failure: it showed
nothing.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import grpc

from sandbox.faults import Fault, RequestInfo, RequestMonitor
from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from sandbox.railway.edge import LOOPBACK, host_of
from sandbox.request_holds import HoldRule, RequestHolds
from tests.conformance.dynamic_process import DynamicProcess
from tests.conformance.railway_changes import CHANGED, FIRST
from tests.conformance.railway_outcome import matches, one_of_each
from tests.conformance.railway_second_service import Neighbours
from tests.conformance.railway_world import Declared, Engine, World, assert_silent
from tests.conformance.refusing_server import Gate
from tests.conformance.warm_processes import WarmProcesses

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

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
LASTING = ("http_504_after", "reset_before", "refuse")
"""These also for longer than our patience: the `up` fails, and the next one repairs."""

_DELAYS = ("instance_delay_seconds", "volume_delay_seconds", "resize_seconds", "backup_seconds")
SHORT_DELAY = 0.1
"""Seconds of each delay: usually long enough that every wait asks twice."""
LONG_DELAY = 1.0
"""Seconds of each delay where every wait must ask twice, also on a busy machine. The provider's waits for an
instance and a size take 2.4 s at this scale."""

HEALTH = "BackendHealth"
"""The request to the backend's own public domain."""

_WAIT_FOR_INSTANCE = ("InstancePoll", "InstancePoll")
_DEPLOY = ("DeployLatest", "LatestDeploymentPoll", "DeploymentPoll", "DeploymentPoll", "LogsPoll", HEALTH)
CREATE = (
    "ProjectsFind",
    "ProjectCreate",
    "VariablesWrite",
    "ServiceCreate",
    *_WAIT_FOR_INSTANCE,
    "VolumeCreate",
    "VolumePoll",
    "VolumePoll",
    "VolumeRename",
    "BackupScheduleUpdate",
    "VariablesWrite",
    "ServiceInstanceUpdate",
    "SnapshotRead",
    "TriggerCreate",
    "ServiceLimitsUpdate",
    "DomainCreate",
    "CustomDomainCreate",
    "SnapshotRead",
    "TcpProxiesRead",
    "TcpProxyCreate",
    "SnapshotRead",
    *_DEPLOY,
)
CHANGE = (
    "ProjectRead",
    "ProjectUpdate",
    "ProjectRead",
    "EnvironmentRename",
    "SnapshotRead",
    "VariablesWrite",
    "ServiceUpdate",
    "SnapshotRead",
    "BackupsPoll",
    "BackupCreate",
    "WorkflowPoll",
    "WorkflowPoll",
    "BackupsPoll",
    "VolumeRename",
    "VolumeMount",
    "ConfigPatch",
    "VolumePoll",
    "VolumePoll",
    "BackupScheduleUpdate",
    "SnapshotRead",
    "VariablesWrite",
    "ServiceInstanceUpdate",
    "SnapshotRead",
    "TriggerUpdate",
    "ServiceLimitsUpdate",
    "DomainUpdate",
    "CustomDomainUpdate",
    "TcpProxyDelete",
    "SnapshotRead",
    "TcpProxiesRead",
    "TcpProxyCreate",
    "SnapshotRead",
    *_DEPLOY,
)
REFRESH = ("SnapshotRead", "BackupSchedulesRead", "LimitsRead", "TcpProxiesRead")
"""Every request of each operation, in order. A wait asks as often as it must: its first two requests are
here, where it always has two."""

Operation = Literal["create", "change", "refresh"]
OPERATIONS: dict[Operation, tuple[str, ...]] = {"create": CREATE, "change": CHANGE, "refresh": REFRESH}


@dataclass(frozen=True)
class Case:
    """One failure. `nth`: which request of that name; `lasting`: that one and all that follow."""

    operation: Operation
    request: str
    nth: int
    kind: str
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.operation}-{self.request}{self.nth}-{self.kind}" + ("-lasting" if self.lasting else "")

    @property
    def before(self) -> str | None:
        """The request before this one; None: it is the first."""
        names = OPERATIONS[self.operation]
        place = [index for index, name in enumerate(names) if name == self.request][self.nth - 1]
        return names[place - 1] if place else None

    @property
    def nth_before(self) -> int:
        """Which request of its name that one is."""
        names = OPERATIONS[self.operation]
        place = [index for index, name in enumerate(names) if name == self.request][self.nth - 1]
        return names[:place].count(names[place - 1])


def matrix() -> Iterator[Case]:
    """Every case."""
    for operation, requests in OPERATIONS.items():
        seen: dict[str, int] = {}
        for request in requests:
            nth = seen[request] = seen.get(request, 0) + 1
            for kind in (*KINDS, *KILLS):
                yield Case(operation, request, nth, kind)
            for kind in LASTING:
                yield Case(operation, request, nth, kind, lasting=True)


class NeverCameError(AssertionError):
    """The request that should fail was never sent."""


class Lab:
    """Worlds for cases: each starts from the same first `up`, or from nothing.

    Args:
        warm: where provider processes are forked; None: they are started as the engine starts them.
    """

    def __init__(self, warm: WarmProcesses | None = None) -> None:
        self._warm = warm

    def __enter__(self) -> Lab:
        self._folder = tempfile.TemporaryDirectory(prefix="faults-")
        self._number = 0
        self._empty, self._up = (Path(self._folder.name) / name for name in ("empty.json", "up.json"))
        self.sequences: dict[Operation, list[str]] = {}
        engine = Engine()
        with self._serving(self._empty) as bench:
            self.foreign = Neighbours.elsewhere(bench.world)
        shutil.copy(self._empty, self._up)
        with self._serving(self._up, LONG_DELAY) as bench:
            with bench.world.operation() as process:
                engine.up(process, FIRST)
            self.sequences["create"] = bench.requests()
            self.beside = Neighbours.beside(bench.world, engine)
        self._engine = engine
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    @contextmanager
    def bench(self, operation: Operation, delay: float = SHORT_DELAY) -> Generator[tuple[Bench, Engine]]:
        """A world as it is before an operation.

        Args:
            operation: the operation.
            delay: seconds until Railway has what was created, and the new size of a volume.
        """
        self._number += 1
        file = Path(self._folder.name) / f"{self._number}.json"
        shutil.copy(self._empty if operation == "create" else self._up, file)
        with self._serving(file, delay) as bench:
            bench.world.reset()
            yield bench, Engine() if operation == "create" else copy.deepcopy(self._engine)

    @contextmanager
    def _serving(self, file: Path, delay: float = SHORT_DELAY) -> Generator[Bench]:
        bench = Bench(file, self._warm)
        with bench.server as server:
            bench.world = World(server.url, self._warm)
            bench.world.admin("repos", {"repo": "example/other", "branch": "staging", "sha": "a" * 40})
            bench.world.admin("switches", dict.fromkeys(_DELAYS, delay))
            yield bench


class Bench:
    """One world, whose public domains can fail too.

    Args:
        file: its state.
        warm: where its provider processes are forked.
    """

    world: World

    def __init__(self, file: Path, warm: WarmProcesses | None) -> None:
        app = create_app(file)
        self.holds = RequestHolds(app, _described)
        self.edge = RequestMonitor(self.holds, _described)

        async def route(scope: Scope, receive: Receive, send: Send) -> None:
            public = scope["type"] == "http" and host_of(scope) not in LOOPBACK
            await (self.edge if public else app)(scope, receive, send)

        self.server = LocalServer(route)

    def requests(self) -> list[str]:
        """What was sent since the reset, in order; of a wait's requests in a row the first two."""
        api = [row["operation"] for row in self.world.admin("requests") if row["actor"] != "manual"]
        api += [row["operation"] for row in self.edge.records if row["operation"] == HEALTH]
        return [
            name
            for index, name in enumerate(api)
            if not name.endswith("Poll") or index < 2 or not name == api[index - 1] == api[index - 2]
        ]

    def plan(self, case: Case) -> None:
        """Let it fail."""
        times = 50 if case.lasting else 1
        if case.kind in KILLS:
            when = case.kind.removeprefix("kill_")
            if case.request == HEALTH:
                self.holds.rules.append(HoldRule(operation=HEALTH, nth=case.nth, when=when))
            else:
                self.world.admin("hold", {"operation": case.request, "nth": case.nth, "when": when})
        elif case.request == HEALTH:
            kind = "http_500" if case.kind in ("creation_throttle", "internal_error") else case.kind
            self.edge.faults.append(Fault(operation=HEALTH, kind=kind, nth=case.nth, times=times))
        else:
            self.world.fault(case.request, case.kind, nth=case.nth, times=times)

    def held(self) -> bool:
        """Whether a request is held."""
        return bool(self.holds.held) or "operation" in self.world.admin("held?timeout=0.05")

    def came(self, case: Case) -> bool:
        """Whether the request was sent."""
        if case.request == HEALTH:
            return any(row["operation"] == HEALTH for row in self.edge.records)
        return self.world.admin("counters")["operations"].get(case.request, 0) >= case.nth

    def heal(self) -> None:
        """No more failures."""
        self.world.no_faults()
        self.world.admin("release", {})
        self.edge.faults.clear()
        self.holds.reset()


def _described(scope: Scope, body: bytes) -> RequestInfo:
    del scope, body
    return RequestInfo(operation=HEALTH)


def run(lab: Lab, case: Case, delay: float = SHORT_DELAY) -> None:
    """Let it fail, then repair it, then look.

    Args:
        lab: where it starts.
        case: what fails.
        delay: as for `Lab.bench`.

    Raises:
        AssertionError: something is lost, doubled, touched or different.
        NeverCameError: nothing failed, because the request was not sent.
    """
    wanted = CHANGED if case.operation == "change" else FIRST
    with lab.bench(case.operation, delay) as (bench, engine):
        world = bench.world
        volumes = {row["id"] for row in world.rows("volumes")} - lab.foreign.ids
        failed = _attempt(bench, engine, wanted, case)
        operations, deployments = world.counts()
        deployments -= operations.get("Rollback", 0)  # asked for in the changed declaration
        assert deployments <= 1, f"{deployments} deployments in the up that failed"
        if case.lasting and case.kind != "http_504_after":  # there the effect is seen by looking
            assert failed, "it failed for good, and nobody said so"
        bench.heal()
        beside = lab.beside if case.operation != "create" else Neighbours.beside_if_any(world)
        world.reset()
        if failed or case.operation == "refresh":
            with world.operation() as process:
                engine.up(process, wanted)
            assert world.counts()[1] <= 1, "more than one deployment in the up that repaired"
        ours = one_of_each(world, engine, {*lab.foreign.ids, *beside.ids})
        assert not volumes - beside.ids or ours in volumes, "the volume is not the first one"
        matches(world, engine, wanted)
        lab.foreign.untouched(world)
        beside.untouched(world)
        with world.operation() as process:
            drift = engine.refresh(process)
            assert drift == {}, f"drift after the repair: {drift}"
            assert engine.up(process, wanted) == []
        assert world.overlaps() == 0, "changes of one environment overlapped"


def run_until_it_came(lab: Lab, case: Case) -> None:
    """Run a case; again, with longer waits, if a wait was over before its request, at most twice."""
    for delay in (SHORT_DELAY, SHORT_DELAY):
        try:
            run(lab, case, delay)
        except NeverCameError:
            continue
        return
    run(lab, case, LONG_DELAY)


def _attempt(bench: Bench, engine: Engine, wanted: Declared, case: Case) -> bool:
    """The operation under the fault; returns whether it failed."""
    if case.kind == "refuse":
        return _refused(bench, engine, wanted, case)
    timeout = {"RAILWAY_TIMEOUT_SECONDS": "0.5"} if case.kind == "hang" else {}
    bench.plan(case)
    killed = threading.Event()
    with bench.world.operation(config=None, **timeout) as process:
        done = threading.Event()
        killer = threading.Thread(target=_kill_when_held, args=(bench, process, done, killed))
        if case.kind in KILLS:
            killer.start()
        try:
            failed = _operate(process, engine, wanted, case)
        finally:
            done.set()
            if case.kind in KILLS:
                killer.join()
    if not (killed.is_set() if case.kind in KILLS else bench.came(case)):
        raise NeverCameError(f"{case.request} number {case.nth} was not sent")
    return failed


def _operate(process: DynamicProcess, engine: Engine, wanted: Declared, case: Case) -> bool:
    try:
        if case.operation == "refresh":
            engine.refresh(process)
        else:
            engine.up(process, wanted)
    except grpc.RpcError as error:
        assert_silent(str(error))
        return True
    return False


def _refused(bench: Bench, engine: Engine, wanted: Declared, case: Case) -> bool:
    """The way is shut after the answer before this request: for a moment, or for good.

    Where the first request is the one, for good only: no answer comes before it.
    """
    seen: dict[str, int] = {}

    def after(name: str) -> bool:
        name = name or HEALTH
        seen[name] = seen.get(name, 0) + 1
        return name == case.before and seen[name] == case.nth_before

    lasting, shut = case.lasting or case.before is None, case.before is None
    with Gate(bench.world.url, after, lasting=lasting, shut=shut) as gate:
        ways = {"RAILWAY_API_URL": f"{gate.url}/graphql/v2", "RAILWAY_EDGE_URL": gate.url}
        with bench.world.operation(config=None, **ways) as process:
            failed = _operate(process, engine, wanted, case)
        if gate.shuts != 1:
            raise NeverCameError(f"{case.before} number {case.nth_before} was not sent")
    return failed


def _kill_when_held(
    bench: Bench, process: DynamicProcess, done: threading.Event, killed: threading.Event
) -> None:
    while not done.is_set():
        if bench.held():
            process.kill()
            killed.set()
            return
        time.sleep(0.01)
