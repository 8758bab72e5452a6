"""The real engine on the program in examples/railway, killed with its plugins at every request boundary of an
`up` or a refresh; then one more `up`.

A kill leaves the lock of the backend behind, as it does with every Pulumi program: `pulumi cancel` takes it
away, as Pulumi's message says. A kill in the middle of Pulumi's writing can leave half of the file of
attributes next to a state file: it is removed, and counted. A creation that was under way stays
noted as pending until a refresh is told to forget it. Refuses to end a process that the killed `up` did not
start.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from tests.conformance.railway_second_service import Neighbours
from tests.e2e.railway_example import CONFIG, ExampleWorld

STACK = "kill"
CHANGED_FILE = "changed.yaml"
CHANGED = {
    "apiName": "web",
    "backups[0]": "WEEKLY",
    "branch": "staging",
    "cpus": "2",
    "databaseName": "db",
    "databasePort": "5433",
    "environment": "live",
    "logLevel": "debug",
    "port": "8081",
    "projectName": "shop-two",
    "subdomain": "shop-api",
    "volumeSizeMb": "60000",
}
"""A config in which every resource of the example differs."""
OURS: dict[str, tuple[str, tuple[str, ...]]] = {
    "projects": ("Project", ("shop",)),
    "environments": ("Environment", ("environment",)),
    "services": ("Service", ("api", "postgres")),
    "volumes": ("Volume", ("data",)),
    "triggers": ("", ("api",)),
    "service_domains": ("ServiceDomain", ("api",)),
    "custom_domains": ("CustomDomain", ("api",)),
    "tcp_proxies": ("TcpProxy", ("postgres",)),
}
"""What there is, with types and names in the state; a trigger is part of the settings there."""
Operation = Literal["create", "change", "refresh"]


@dataclass(frozen=True)
class Kill:
    """Where: before or after the effect of the nth request of an operation."""

    operation: Operation
    nth: int
    when: str

    def __str__(self) -> str:
        return f"engine-{self.operation}-request{self.nth}-kill_{self.when}"


class EngineLab:
    """A stack that is up on a sandbox, copied for each kill."""

    def __enter__(self) -> EngineLab:
        self._folder = tempfile.TemporaryDirectory(prefix="kills-")
        self._root = Path(self._folder.name)
        self._number = 0
        self.torn = 0
        self.counts: dict[Operation, int] = {}
        up, empty = self._root / "up", self._root / "empty"
        with self._world(empty) as world:
            self.foreign = Neighbours.elsewhere(world.world)
            world.init()
            world.configure(CONFIG | CHANGED, "another-4711-token", file=CHANGED_FILE)
        shutil.copytree(empty, up)
        with self._world(up) as world:
            world.world.reset()
            world.up("create")
            self.counts["create"] = world.requests()
            world.world.reset()
            world.run("refresh", "--yes", *_config("refresh"))
            self.counts["refresh"] = world.requests()
            self.beside = Neighbours.beside_if_any(world.world, "shop")
        copied = self._root / "count"
        shutil.copytree(up, copied)
        with self._world(copied) as world:
            world.world.reset()
            world.up("change")
            self.counts["change"] = world.requests()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def kills(self) -> Iterator[Kill]:
        """Every boundary."""
        for operation, count in self.counts.items():
            for nth in range(1, count + 1):
                yield Kill(operation, nth, "before")
            yield Kill(operation, count, "after")

    def run(self, kill: Kill) -> bool:
        """Kill it there, run one `up`, look; returns whether it was killed (waits ask more or less often, so
        that the last requests need not come).

        Raises:
            AssertionError: something is lost, doubled, touched or different.
        """
        self._number += 1
        folder = self._root / str(self._number)
        shutil.copytree(self._root / ("empty" if kill.operation == "create" else "up"), folder)
        with self._world(folder) as world:
            before = {row["id"] for row in world.world.rows("volumes")}
            world.world.reset()
            with world.one_deployment_each():
                killed = world.killed(kill)
            world.world.admin("release", {})
            if killed:
                self.torn += remove_torn_files(folder / "engine" / "state")
                world.run("cancel", "--yes", STACK)
            world.world.reset()
            world.up(kill.operation)
            beside = self.beside if kill.operation != "create" else Neighbours()
            world.verify((self.foreign, beside), before, kill.operation)
        shutil.rmtree(folder)
        return killed

    def _world(self, folder: Path) -> EngineWorld:
        return EngineWorld(folder)


class EngineWorld(ExampleWorld):
    """The example with an engine that can be killed.

    Args:
        folder: where all of it is kept.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, STACK)

    def __enter__(self) -> EngineWorld:
        super().__enter__()
        return self

    def requests(self) -> int:
        """How many were sent since the reset."""
        return self.world.admin("counters")["requests"]

    def up(self, operation: Operation) -> None:
        """Apply, with at most one deployment of each service.

        Raises:
            AssertionError: it failed, or deployed a service twice.
        """
        with self.one_deployment_each():
            self.run("up", "--yes", "--skip-preview", *_config(operation))

    @contextmanager
    def one_deployment_each(self) -> Generator[None]:
        """At most one new deployment of each service.

        Raises:
            AssertionError: a service has more.
        """
        before = {row["id"] for row in self.world.rows("deployments")}
        yield
        new = [row["service_id"] for row in self.world.rows("deployments") if row["id"] not in before]
        assert len(new) == len(set(new)), "two deployments of one service"

    def killed(self, kill: Kill) -> bool:
        """Start the operation, and kill the engine with all its processes at the boundary; returns whether it
        was reached."""
        self.world.admin("hold", {"operation": "*", "nth": kill.nth, "when": kill.when})
        arguments = ("refresh", "--yes") if kill.operation == "refresh" else ("up", "--yes", "--skip-preview")
        process = subprocess.Popen(
            self.command(*arguments, *_config(kill.operation)),
            cwd=self.program,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        held = False
        while process.poll() is None and not held:
            held = "operation" in self.world.admin("held?timeout=0.2")
        kill_tree(process.pid)
        process.wait()
        return held

    def verify(self, others: Sequence[Neighbours], volumes: set[str], operation: Operation) -> None:
        """What is live is what is declared, once, and is in the state; what is not ours is untouched.

        Raises:
            AssertionError: it is not.
        """
        for one in others:
            one.untouched(self.world)
        foreign = {id_ for one in others for id_ in one.ids}
        ids: dict[str, set[str]] = {}
        for kind, (_, names) in OURS.items():
            table = "domains" if kind.endswith("_domains") else kind
            rows = [row for row in self.world.rows(table) if row["id"] not in foreign]
            if table == "domains":
                rows = [row for row in rows if row["custom"] is kind.startswith("custom")]
            assert len(rows) == len(names), f"{len(rows)} {kind}"
            ids[kind] = {row["id"] for row in rows}
        if operation != "create":
            assert ids["volumes"] <= volumes, "the volume is not the first one"
        state: Mapping[str, Any] = json.loads(self.run("stack", "export", "--show-secrets", "--stack", STACK))
        deployment = state["deployment"]
        assert all(one["type"] == "creating" for one in deployment.get("pending_operations", ()))
        recorded = {row["urn"].rpartition(":dynamic/railway:")[2]: row for row in deployment["resources"]}
        for kind, (resource, names) in OURS.items():
            found = {recorded[f"{resource}::{name}"]["id"] for name in names if resource}
            assert not resource or found == ids[kind], f"the state has another {kind}"
        for name in OURS["services"][1]:
            secret = recorded[f"Variables::{name}"]["outputs"]["variables"]["plaintext"]
            live = {
                row["name"]: row["value"]
                for row in self.world.rows("variables")
                if row["service_id"] == recorded[f"Service::{name}"]["id"]
            }
            assert json.loads(secret) == live, "the state's variables are not the live ones"
        self.run("refresh", "--yes", "--clear-pending-creates", *_config(operation))
        state = json.loads(self.run("stack", "export", "--stack", STACK))
        assert not state["deployment"].get("pending_operations")
        self.run("preview", "--refresh", "--run-program", "--expect-no-changes", *_config(operation))


def _config(operation: Operation) -> tuple[str, ...]:
    """The stack, and the config under which the operation runs."""
    return ("--stack", STACK, *(("--config-file", CHANGED_FILE) if operation == "change" else ()))


def remove_torn_files(folder: Path) -> int:
    """Remove the half-written files next to a state file; returns how many there were.

    The folder backend writes a state itself in one step, but not the file of attributes next to it, which
    may be absent but not broken ("failed to load checkpoint: EOF").
    """
    torn = 0
    for file in folder.rglob("*.attrs"):
        try:
            json.loads(file.read_text())
        except ValueError:
            file.unlink()
            torn += 1
    return torn


def kill_tree(pid: int) -> None:
    """The engine and every process below it, stopped first so that none starts another meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    for one in [pid, *_below(pid)]:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def kill_sender(pid: int, client_port: int) -> None:
    """Kill the process below the engine that sent a request: a plugin, or the program.

    Args:
        pid: the engine.
        client_port: the TCP port from which the request came.

    Raises:
        AssertionError: no process below the engine has that connection.
    """
    inodes = {
        f"socket:[{fields[9]}]"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if int((fields := line.split())[1].rpartition(":")[2], 16) == client_port
    }
    senders = [one for one in _below(pid) if inodes & set(_open_files(one))]
    assert senders, f"no process below {pid} has a connection from port {client_port}"
    for one in senders:
        os.kill(one, signal.SIGKILL)


def _open_files(pid: int) -> Iterator[str]:
    for file in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            yield str(file.readlink())


def _below(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    return found[1:]
