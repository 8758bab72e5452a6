"""Runs the deployments of the Railway sandbox as processes.

A loop compares the state with the processes: whatever changed a deployment (a mutation, a push, the admin
routes, a restart of the sandbox), it is seen here. The loop and the lives run on the event loop of the
Railway server, so nothing else touches the state meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.railway import deploys
from sandbox.railway.edge import route
from sandbox.railway.records import Deployment
from sandbox.railway.running.addresses import Addresses
from sandbox.railway.running.container import find_programs
from sandbox.railway.running.life import Life
from sandbox.railway.running.making import TICK
from sandbox.railway.running.proxy import ProcessBackend, http_client
from sandbox.railway.running.volumes import VolumeFolders
from sandbox.railway.running.world import World
from sandbox.running import Started

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.requests import Request

    from sandbox.railway.running.container import Programs
    from sandbox.railway.running.sources import Sources
    from sandbox.railway.store import Store

STOP_SECONDS = 20.0
_STATES = {"SUCCESS": "running", "CRASHED": "crashed", "SLEEPING": "sleeping"}


class RailwayRunner:
    """Runs what is deployed.

    Args:
        folder: where copies, volumes and logs are kept; created.
        sources: where the repositories are on this machine.
        variables: variables of every process, which win over the service's own.
        defaults: variables of a service that does not set them.
        programs: bubblewrap and Node; None for what this machine has.
    """

    def __init__(
        self,
        folder: Path,
        sources: Sources,
        variables: Mapping[str, str],
        defaults: Mapping[str, str],
        programs: Programs | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._sources = sources
        self._variables = dict(variables)
        self._defaults = dict(defaults)
        self._programs = programs or find_programs()
        self._client = http_client()
        self._lives: dict[str, Life] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._world: World | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reconciling: asyncio.Task[None] | None = None
        self.backend = ProcessBackend(self._lives, self._client)
        self._addresses = Addresses(folder / "addresses.json", self._port_behind)

    def attach(self, store: Store, state_file: Path | None) -> None:
        """Take the deployments of a state over: those that are running get processes, as new ones do."""
        (self.folder / "logs").mkdir(exist_ok=True, mode=0o700)
        store.runs = True
        store.logs.folder = self.folder / "logs"
        volumes = VolumeFolders(self.folder / "volumes")
        store.contents = volumes
        for row in store.deployments.values():
            if row.status in deploys.RUNNING and row.outcome == "success":
                row.runs = True
        self._world = World(
            store=store,
            save=lambda: store.save(state_file),
            copies=self.folder / "copies",
            sources=self._sources,
            volumes=volumes,
            programs=self._programs,
            http=self._client,
            variables=self._variables,
            defaults=self._defaults,
            lives=self._lives,
        )

    @property
    def world(self) -> World:
        """The state and the places, once attached."""
        assert self._world is not None
        return self._world

    async def open(self) -> None:
        """Start; called on the event loop of the server."""
        self._loop = asyncio.get_running_loop()
        self._reconciling = asyncio.create_task(self._reconcile_for_ever())

    async def close(self) -> None:
        """End all processes; their deployments stay as they are in the state. Later calls do nothing."""
        if self.world.closing:
            return
        self.world.closing = True
        if self._reconciling is not None:
            self._reconciling.cancel()
            await asyncio.gather(self._reconciling, return_exceptions=True)
            self._reconciling = None
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=STOP_SECONDS)
        await self._addresses.close()
        await self._client.aclose()

    def start(self) -> None:
        """Nothing to do: it starts with the server of the Railway sandbox."""

    def stop(self) -> None:
        """End all processes. Called from another thread than the server's."""
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self.close(), self._loop).result()

    def status(self) -> list[Started]:
        """Return what runs."""
        world = self.world
        rows: list[Started] = []
        for row in list(world.store.deployments.values()):
            if not row.runs or row.status not in (*deploys.IN_FLIGHT, *_STATES) or not world.exists(row):
                continue
            life = self._lives.get(row.id)
            rows.append(
                Started(
                    what=f"service {world.store.services[row.service_id].name}",
                    state=_STATES.get(row.status, row.status.lower()),
                    pid=life.pid if life else None,
                    address=next(
                        (found for host in self._hosts(row) if (found := self._addresses.url(host))), ""
                    ),
                )
            )
        return rows

    def address_of(self, domain: str) -> str | None:
        """Return the address on this machine that answers for a public domain."""
        return self._addresses.url(domain)

    def routes(self) -> list[Route]:
        """The admin routes of running services."""
        return [
            Route("/admin/run", lambda _: JSONResponse(self._run_state()), methods=["GET"]),
            Route("/admin/run/{id}/execute", self._execute, methods=["POST"]),
        ]

    def _run_state(self) -> dict[str, object]:
        return {
            "addresses": {host: self._addresses.url(host) for host in self._domains()},
            "processes": {
                key: {"pid": life.pid, "port": life.port} for key, life in self._lives.items() if life.pid
            },
        }

    async def _execute(self, request: Request) -> JSONResponse:
        """Run a cron service now, as the dashboard can; not while it runs."""
        life = self._lives.get(request.path_params["id"])
        if life is None or not life.is_cron or life.deployment.status != "SUCCESS":
            return JSONResponse({"error": "not a running deployment of a cron service"}, 404)
        is_idle = life.pid is None
        life.execution_wanted = is_idle
        return JSONResponse({"started": is_idle})

    async def _reconcile_for_ever(self) -> None:
        while True:
            try:
                self._reconcile()
                await self._addresses.set_domains(self._domains())
            except Exception:  # noqa: BLE001 - a defect here must not end all services unseen
                traceback.print_exc(file=sys.stderr)
            await asyncio.sleep(TICK)

    def _reconcile(self) -> None:
        world = self.world
        for key, task in list(self._tasks.items()):
            if task.done():
                self._ended(key, task)
        for row in list(world.store.deployments.values()):
            if not row.runs or row.id in self._lives:
                continue
            if row.status == "REMOVING":
                world.set_status(row, "REMOVED")
            elif row.status in (*deploys.IN_FLIGHT, *deploys.RUNNING) and world.exists(row):
                self._lives[row.id] = life = Life(world, row)
                self._tasks[row.id] = asyncio.create_task(life.run())

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        life = self._lives.pop(key)
        del self._tasks[key]
        error = task.exception()
        if error is not None:
            traceback.print_exception(error, file=sys.stderr)
            self.world.log(life.deployment, "build", "error", f"the sandbox failed: {error!r}")
            self.world.set_status(life.deployment, "FAILED")

    def _domains(self) -> set[str]:
        """The domains of services that exist and have been deployed."""
        store = self.world.store
        deployed = {(row.service_id, row.environment_id) for row in store.deployments.values() if row.runs}
        return {
            row.domain
            for row in store.domains.values()
            if row.deleted_at is None and (row.service_id, row.environment_id) in deployed
        }

    def _hosts(self, deployment: Deployment) -> list[str]:
        return [
            row.domain
            for row in self.world.store.domains.values()
            if (row.service_id, row.environment_id) == (deployment.service_id, deployment.environment_id)
        ]

    def _port_behind(self, domain: str) -> int | None:
        found = route(self.world.store, domain)
        life = self._lives.get(found.id) if isinstance(found, Deployment) else None
        return life.port if life else None
