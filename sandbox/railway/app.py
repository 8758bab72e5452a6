"""The Railway sandbox as one ASGI app: the GraphQL API, the admin routes and the public edge on one port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from sandbox.faults import RequestMonitor
from sandbox.local_only import LocalOnly
from sandbox.railway.admin import Admin
from sandbox.railway.backend import SimulatedBackend
from sandbox.railway.edge import Edge
from sandbox.railway.endpoint import Endpoint, describe
from sandbox.railway.faults import RESPONSES
from sandbox.railway.github import GitHub
from sandbox.railway.limits import Limits
from sandbox.railway.resolvers import FIELDS
from sandbox.railway.schema import build
from sandbox.railway.store import load
from sandbox.request_holds import RequestHolds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from graphql import GraphQLSchema

    from sandbox.railway.backend import Backend
    from sandbox.railway.running.runner import RailwayRunner

PATH = "/graphql/v2"


class RailwayMonitor(RequestMonitor):
    """The shared counters, and two for Railway: deployments started, mutations that overlapped."""

    endpoint: Endpoint
    deployments_before: int = 0
    overlaps_before: int = 0

    def reset(self) -> None:
        super().reset()
        self.deployments_before = self.endpoint.store.deployments_started
        self.overlaps_before = self.endpoint.overlaps

    def extra_counters(self) -> dict[str, int]:
        """Return the additional counters of `GET /admin/counters`."""
        return {
            "deployments": self.endpoint.store.deployments_started - self.deployments_before,
            "overlaps": self.endpoint.overlaps - self.overlaps_before,
        }


@cache
def executable_schema() -> GraphQLSchema:
    """Return the schema with its resolvers. It holds no state, so all apps of a process share it."""
    return build(FIELDS)


def create_app(
    state_file: Path | None = None, backend: Backend | None = None, runner: RailwayRunner | None = None
) -> Starlette:
    """Create a Railway server.

    Args:
        state_file: the file in which the state is saved after every change; None keeps it in memory.
        backend: responds for running deployments behind public domains; None for the simulated backend.
        runner: runs deployments as processes, which respond; None to simulate them.

    Raises:
        ValueError: `state_file` is not a state file of this sandbox.
    """
    store = load(state_file)
    if runner is not None:
        runner.attach(store, state_file)
        backend = runner.backend
    else:
        for row in store.deployments.values():
            row.runs = False  # the clock decides again
    limits = Limits(store)
    endpoint = Endpoint(store, executable_schema(), limits, state_file)
    holds = RequestHolds(endpoint, describe)
    monitor = RailwayMonitor(holds, describe, RESPONSES)
    monitor.endpoint = endpoint
    github = GitHub(store)

    def reset_all() -> None:
        store.reset()
        github.results.clear()
        limits.reset()
        holds.reset()
        monitor.faults.clear()
        monitor.reset()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        if runner is not None:
            await runner.open()
        yield
        if runner is not None:
            await runner.close()
        store.save(state_file)

    return Starlette(
        routes=[
            Route(PATH, monitor, methods=["POST"]),
            *monitor.routes(monitor.extra_counters),
            *holds.routes(),
            *Admin(store, state_file, reset_all).routes(),
            *github.routes(),
            *(runner.routes() if runner is not None else []),
        ],
        middleware=[
            Middleware(LocalOnly, other_hosts=True),
            Middleware(Edge, store=store, backend=backend or SimulatedBackend(store)),
        ],
        lifespan=lifespan,
    )
