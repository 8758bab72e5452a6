"""The life of one deployment: made, started, checked, restarted, stopped.

The statuses are Railway's: QUEUED, INITIALIZING, BUILDING, DEPLOYING, then SUCCESS or FAILED; later CRASHED,
or REMOVING and REMOVED. Sources: docs.railway.com, deployments/reference (statuses, exit code 0),
deployments/restart-policy, deployments/deployment-teardown, volumes/reference (one deployment at a time).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from sandbox.local_server import HOST
from sandbox.processes import Process
from sandbox.railway import deploys
from sandbox.railway.process_logs import BUILD, DEPLOY
from sandbox.railway.running import health
from sandbox.railway.running.container import Mount
from sandbox.railway.running.making import TICK, Made, Maker, StepError
from sandbox.railway.running.process_variables import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.railway import records
    from sandbox.railway.running.world import World

LONGEST_BACKOFF = 5.0
LASTING_SECONDS = 60.0
"""A process that ran so long was not in a crash loop: its restarts are counted from 0 again."""
CLOSING_SECONDS = 5.0
"""What a process gets to end when the sandbox ends."""
_LONGEST_CHECK = 1.0
_SEVERITIES = {"debug": "debug", "info": "info", "warn": "warn", "warning": "warn", "error": "error"}
_LATER_STEPS = {"BUILD_IMAGE": "Failed to build an image", "SNAPSHOT_CODE": "Failed to snapshot code"}


class GoneError(Exception):
    """The deployment is not wanted any more, or the sandbox ends."""


class Life:
    """One deployment and its process.

    Args:
        world: the state and the places.
        deployment: the deployment.
    """

    def __init__(self, world: World, deployment: records.Deployment) -> None:
        self.deployment = deployment
        self.port: int | None = None
        self.has_ended = False
        self.gives_way_to: object | None = None  # a newer deployment that has the volume
        self.execution_wanted = False  # of a cron service
        self._world = world
        self._maker = Maker(world, deployment, self._check)
        self._made: Made | None = None
        self._process: Process | None = None
        self._started_at = 0.0
        self._attempts = 0
        self._restarts_done = deployment.restarts
        self._locks: list[int] = []
        self._replaces_at: float | None = None

    @property
    def is_cron(self) -> bool:
        """Whether the service runs on a schedule only."""
        return bool(self.deployment.settings.get("cronSchedule"))

    @property
    def pid(self) -> int | None:
        """The process id of the running process's keeper."""
        return self._process.pid if self._process else None

    async def run(self) -> None:
        """Live, until the deployment is gone, has failed or has crashed."""
        try:
            if self.deployment.status in deploys.RUNNING:
                self._made = await self._maker.again()
                self._restarts_done = self.deployment.restarts
                if not self.is_cron:
                    await self._start()
            else:
                await self._release()
            await self._supervise()
        except GoneError:
            pass
        except StepError as error:
            self._failed(error)
        except OSError as error:
            self._failed(StepError("CREATE_CONTAINER", str(error)))
        finally:
            await self._stop()
            for older in self._world.siblings(self.deployment):
                if older.gives_way_to is self:
                    older.gives_way_to = None
            if self.deployment.status == "REMOVING":
                self._world.set_status(self.deployment, "REMOVED")
            self.has_ended = True

    def _check(self) -> None:
        is_wanted = self.deployment.status in (*deploys.IN_FLIGHT, *deploys.RUNNING)
        if self._world.closing or not is_wanted or not self._world.exists(self.deployment):
            raise GoneError

    async def _wait(self, seconds: float = TICK) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, TICK))
            self._check()

    async def _release(self) -> None:
        """Make it, start it, and wait until it is healthy."""
        while self.deployment.status in deploys.HELD.values():
            await self._wait()
        step = self._world.store.switches.deploy_step_seconds
        for status in ("INITIALIZING", "BUILDING"):
            await self._wait(step)
            self._world.set_status(self.deployment, status)
        self._made = await self._maker.make()
        self._world.set_status(self.deployment, "DEPLOYING")
        if self._made.plan.pre_deploy is not None:
            variables = self._maker.variables(None)
            await self._maker.run(
                "PRE_DEPLOY_COMMAND", self._made.plan.pre_deploy, self._made.container, variables
            )
        if not self.is_cron:
            await self._start()
            await self._become_healthy()
        self._world.set_status(self.deployment, "SUCCESS")
        overlap = seconds_of(self.deployment, "overlapSeconds", "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS", 0)
        self._replaces_at = self._world.store.now() + (0 if self.deployment.mounts else overlap)
        self._replace_older()

    def _replace_older(self) -> None:
        now = self._world.store.now()
        if self._replaces_at is not None and self._replaces_at <= now:
            self._replaces_at = None
            deploys.remove_older(self._world.store, self.deployment, now)
            self._world.save()

    async def _start(self) -> None:
        """Start the process, as the only one on its volume."""
        mounted = self._world.mounted(self.deployment)
        await self._occupy(mounted.values())
        assert self._made is not None
        self.port = _free_port()
        mounts = tuple(
            Mount(path=path, folder=self._world.volumes.folder(row)) for path, row in mounted.items()
        )
        container = replace(self._made.container, mounts=mounts)
        command = container.command(self._made.plan.start, self._maker.variables(self.port))
        for mount in mounts:
            where = "" if command.is_wrapped else f" ({mount.folder}: bubblewrap does not work here)"
            self._log("info", f"Mounting volume on: {mount.path}{where}")
        self._log("info", "Starting Container")
        self.deployment.replica_status = None
        self._process = Process(
            command.line,
            command.folder,
            command.environment,
            self._on_line,
            is_wrapped=command.is_wrapped,
            kept_open=self._locks,
        )
        self._unlock()  # the process has them
        self._started_at = time.monotonic()

    async def _occupy(self, rows: Iterable[records.VolumeInstance]) -> None:
        """Wait until no other process has one of the volumes. The older deployments stop for it."""
        for row in rows:
            while (lock := self._world.volumes.lock(row)) is None:
                for older in self._world.siblings(self.deployment):
                    if older.deployment.created_at <= self.deployment.created_at:
                        older.gives_way_to = older.gives_way_to or self
                await self._wait()
            self._locks.append(lock)

    def _unlock(self) -> None:
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()

    async def _become_healthy(self) -> None:
        path: str | None = self.deployment.settings.get("healthcheckPath")
        if not path:
            return
        seconds = seconds_of(
            self.deployment,
            "healthcheckTimeout",
            "RAILWAY_HEALTHCHECK_TIMEOUT_SEC",
            health.DEFAULT_SECONDS,
        )
        self._world.log(self.deployment, BUILD, "info", f"Starting Healthcheck at {path}")
        until, pause, seen, attempt = time.monotonic() + seconds, TICK, "", 0
        while True:
            if (code := self._exit_code()) is not None and not await self._start_again(code):
                raise StepError("HEALTHCHECK", f"the process exited with code {code}")
            attempt += 1
            problem = await health.probe(self._world.http, self.port, path)
            self._check()
            if problem is None:
                self._world.log(self.deployment, BUILD, "info", "Healthcheck succeeded!")
                return
            if problem != seen:  # not every attempt of five minutes
                self._world.log(
                    self.deployment, BUILD, "info", f"Attempt #{attempt} failed with {problem}. Retrying"
                )
                seen = problem
            if time.monotonic() >= until:
                if problem == health.UNAVAILABLE:
                    problem += "; does the program listen on the port in its variable PORT?"
                raise StepError(
                    "HEALTHCHECK", f"1/1 replicas never became healthy within {seconds:g} s: {problem}"
                )
            await self._wait(min(pause, max(until - time.monotonic(), TICK)))
            pause = min(pause * 1.5, _LONGEST_CHECK)

    async def _supervise(self) -> None:
        """Keep the process running as the restart policy says."""
        while True:
            await self._wait()
            self._replace_older()
            if self.gives_way_to is not None:
                await self._give_way()
            if self.deployment.restarts != self._restarts_done:
                self._restarts_done, self._attempts = self.deployment.restarts, 0
                await self._stop()
                await self._start()
            if self.is_cron and self.execution_wanted and self._process is None:
                await self._start()
            self.execution_wanted = False
            code = self._exit_code()
            if code is None:
                continue
            if self.is_cron:
                self.deployment.replica_status = "EXITED" if code == 0 else "CRASHED"
                self._world.save()
            elif not await self._start_again(code):
                if code != 0:
                    self._world.set_status(self.deployment, "CRASHED")
                    return
                self.deployment.replica_status = "EXITED"
                self._world.save()

    async def _give_way(self) -> None:
        """Leave the volume to a newer deployment; come back if that fails."""
        has_work = not self.is_cron and self.deployment.replica_status != "EXITED"
        await self._stop()
        while self._is_giving_way():
            await self._wait()
        if has_work:
            await self._start()

    def _is_giving_way(self) -> bool:
        return self.gives_way_to is not None

    def _exit_code(self) -> int | None:
        """The exit code of a process that has ended; None while there is none, or it runs."""
        code = self._process.exit_code if self._process else None
        if code is not None:
            self._process, self.port = None, None
            self._log("info" if code == 0 else "error", f"the process exited with code {code}")
        return code

    async def _start_again(self, code: int) -> bool:
        """Start the process again after it has ended, if the restart policy says so, after a wait."""
        policy = self.deployment.settings.get("restartPolicyType") or "ON_FAILURE"
        most = self.deployment.settings.get("restartPolicyMaxRetries")
        if time.monotonic() - self._started_at > LASTING_SECONDS:
            self._attempts = 0
        is_left = policy == "ALWAYS" or (code != 0 and self._attempts < int(10 if most is None else most))
        if policy == "NEVER" or not is_left:
            return False
        backoff = self._world.store.switches.restart_backoff_seconds * 2**self._attempts
        self._attempts = min(self._attempts + 1, 1_000)
        await self._wait(min(backoff, LONGEST_BACKOFF))
        if not self._is_giving_way():
            await self._start()
        return True

    async def _stop(self) -> None:
        """Stop the process: SIGTERM, the time to drain, SIGKILL."""
        self._unlock()
        process, self._process, self.port = self._process, None, None
        if process is None:
            return
        seconds = CLOSING_SECONDS
        if not self._world.closing:
            seconds = seconds_of(self.deployment, "drainingSeconds", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", 0)
        process.terminate()
        until = time.monotonic() + seconds
        while process.exit_code is None and time.monotonic() < until:
            await asyncio.sleep(TICK)
        process.kill()
        while process.exit_code is None:
            await asyncio.sleep(TICK)

    def _failed(self, error: StepError) -> None:
        if self.deployment.status not in (*deploys.IN_FLIGHT, *deploys.RUNNING):
            return  # removed meanwhile
        self.deployment.failing_step, self.deployment.failure = error.step, str(error)
        title = _LATER_STEPS.get(error.step, "Deployment failed")
        self._world.log(self.deployment, BUILD, "error", f"{title}: {error}")
        running = self.deployment.status in deploys.RUNNING
        self._world.set_status(self.deployment, "CRASHED" if running else "FAILED")

    def _on_line(self, stream: str, text: str) -> None:
        severity, message = "info" if stream == "stdout" else "error", text
        if text.startswith("{"):
            # Structured logs: docs.railway.com, observability/logs.
            with contextlib.suppress(ValueError):
                entry: Any = json.loads(text)
                found = cast("dict[str, Any]", entry).get("message")
                if isinstance(found, str):
                    level = str(cast("dict[str, Any]", entry).get("level", severity)).lower()
                    severity, message = _SEVERITIES.get(level, severity), found
        self._log(severity, message)

    def _log(self, severity: str, text: str) -> None:
        self._world.log(self.deployment, DEPLOY, severity, text)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]
