"""The real engine, killed with its plugins at every request boundary of an `up` or a refresh; then one more
`up`.

A kill leaves the lock of the backend behind, as it does with every Pulumi program: `pulumi cancel` takes it
away, as Pulumi's message says. A kill in the middle of Pulumi's writing can leave half of the file of
attributes beside a state file: it is removed, and counted. A creation that was under way stays
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from sandbox.engine import layout, toolchain
from sandbox.live_server import LiveServer
from sandbox.railway.app import create_app
from sandbox.supervisor import PROJECT, UNSET_VARIABLES
from tests.conformance.railway_neighbours import Neighbours
from tests.conformance.railway_world import ACCOUNT, World, assert_silent

PROGRAM = Path(__file__).parent / "railway_program"
STACK = "kill"
OURS = {
    "projects": "project",
    "environments": "environment",
    "services": "service",
    "volumes": "volume",
    "triggers": None,
    "service_domains": "domain",
    "custom_domains": "custom_domain",
    "tcp_proxies": "tcp_proxy",
}
"""What there is one of, and its name in the state; a trigger is part of the settings there."""
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
            world.run("stack", "init", STACK)
        shutil.copytree(empty, up)
        with self._world(up) as world:
            world.world.reset()
            world.up("create")
            self.counts["create"] = world.requests()
            world.world.reset()
            world.run("refresh", "--yes", "--stack", STACK)
            self.counts["refresh"] = world.requests()
            self.beside = Neighbours.beside_if_any(world.world)
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
            killed = world.killed(kill)
            assert world.world.counts()[1] <= 1, "more than one deployment in the up that was killed"
            world.world.admin("resume", {})
            if killed:
                self.torn += world.mend_state()
                world.run("cancel", "--yes", STACK)
            world.world.reset()
            world.up(kill.operation)
            assert world.world.counts()[1] <= 1, "more than one deployment in the up that repaired"
            beside = self.beside if kill.operation != "create" else Neighbours()
            world.verify((self.foreign, beside), before, kill.operation)
        shutil.rmtree(folder)
        return killed

    def _world(self, folder: Path) -> EngineWorld:
        return EngineWorld(folder)


class EngineWorld:
    """A sandbox and an engine on it, kept in one folder.

    Args:
        folder: the sandbox's state and the engine's.
    """

    world: World

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._server = LiveServer(create_app(folder / "railway.json"))

    def __enter__(self) -> EngineWorld:
        self.world = World(self._server.start().url)
        self.world.admin("switches", {"deploy_step_seconds": 0.01})
        engine = layout.lay_out(self._folder / "engine", toolchain.find_or_build(print))
        inherited = {k: v for k, v in os.environ.items() if k not in UNSET_VARIABLES}
        self._environ = {
            **inherited,
            **engine,
            **self.world.environ(),
            "PATH": engine["PATH"],
            "PYTHONPATH": str(PROJECT),
            "ACCOUNT": ACCOUNT,
        }
        del self._environ["PULUMI_PROJECT"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def requests(self) -> int:
        """How many were sent since the reset."""
        return self.world.admin("counters")["requests"]

    def run(self, *arguments: str, changed: bool = False) -> str:
        """Run the CLI; returns what it printed.

        Raises:
            AssertionError: it failed, or printed a secret.
        """
        done = subprocess.run(
            self._command(*arguments),
            cwd=PROGRAM,
            env=self._environment(changed),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        if "--show-secrets" not in arguments:
            assert_silent(done.stdout)
        return done.stdout

    def up(self, operation: Operation) -> None:
        """Apply."""
        self.run("up", "--yes", "--skip-preview", "--stack", STACK, changed=operation == "change")

    def killed(self, kill: Kill) -> bool:
        """Run it, and kill the engine with all that it started at the boundary; returns whether it came
        there."""
        self.world.admin("pause", {"operation": "*", "nth": kill.nth, "when": kill.when})
        arguments = ("refresh", "--yes") if kill.operation == "refresh" else ("up", "--yes", "--skip-preview")
        process = subprocess.Popen(
            self._command(*arguments, "--stack", STACK),
            cwd=PROGRAM,
            env=self._environment(kill.operation == "change"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        held = False
        while process.poll() is None and not held:
            held = "operation" in self.world.admin("paused?timeout=0.2")
        _kill_tree(process.pid)
        process.wait()
        return held

    def mend_state(self) -> int:
        """Remove what the kill left half written beside a state file; returns how many of these there were.

        The folder backend writes a state itself in one step, but not the file of attributes next to it, which
        may be absent but not broken ("failed to load checkpoint: EOF").
        """
        torn = 0
        for file in (self._folder / "engine" / "state").rglob("*.attrs"):
            try:
                json.loads(file.read_text())
            except ValueError:
                file.unlink()
                torn += 1
        return torn

    def verify(self, others: Sequence[Neighbours], volumes: set[str], operation: Operation) -> None:
        """What is live is what is declared, once, and the state says so; what is not ours is untouched.

        Raises:
            AssertionError: it is not.
        """
        for one in others:
            one.untouched(self.world)
        foreign = {id_ for one in others for id_ in one.ids}
        ids: dict[str, str] = {}
        for kind in OURS:
            table = "domains" if kind.endswith("_domains") else kind
            rows = [row for row in self.world.rows(table) if row["id"] not in foreign]
            if table == "domains":
                rows = [row for row in rows if row["custom"] is kind.startswith("custom")]
            assert len(rows) == 1, f"{len(rows)} {kind}"
            ids[kind] = rows[0]["id"]
        if operation != "create":
            assert ids["volumes"] in volumes, "the volume is not the first one"
        state: Mapping[str, Any] = json.loads(self.run("stack", "export", "--show-secrets", "--stack", STACK))
        deployment = state["deployment"]
        assert all(one["type"] == "creating" for one in deployment.get("pending_operations", ()))
        recorded = {row["urn"].rpartition("::")[2]: row for row in deployment["resources"]}
        for kind, name in OURS.items():
            assert name is None or recorded[name]["id"] == ids[kind], f"the state has another {name}"
        declared = recorded["variables"]["outputs"]["variables"]
        plain = json.loads(declared["plaintext"])
        live = {
            row["name"]: row["value"]
            for row in self.world.rows("variables")
            if row["service_id"] == ids["services"]
        }
        assert plain == live, "the state's variables are not the live ones"
        changed = operation == "change"
        self.run("refresh", "--yes", "--clear-pending-creates", "--stack", STACK, changed=changed)
        state = json.loads(self.run("stack", "export", "--stack", STACK))
        assert not state["deployment"].get("pending_operations")
        self.run(
            "preview", "--refresh", "--run-program", "--expect-no-changes", "--stack", STACK, changed=changed
        )

    def _environment(self, changed: bool) -> dict[str, str]:
        return {**self._environ, "CHANGED": "1" if changed else "0"}

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--non-interactive", "--color", "never"]


def _kill_tree(pid: int) -> None:
    """The engine and every process below it, stopped first so that none starts another meanwhile."""
    found = [pid]
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    for one in found:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
