"""Railway's public edge: routes a request whose Host is a domain to that service's running deployment.

Unknown hosts get Railway's own 404. The edge and the API share one port: loopback hosts are the API, all
other hosts are the edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from sandbox.local_only import LOOPBACK, host_of
from sandbox.railway import deploys
from sandbox.railway.edge_errors import edge_error
from sandbox.railway.tick import apply_due_changes

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sandbox.railway import records
    from sandbox.railway.backend import Backend
    from sandbox.railway.store import Store


class Edge:
    """ASGI middleware that handles requests for public domains and passes on the others.

    Args:
        app: the API and the admin routes.
        store: the state.
        backend: responds for running deployments.
    """

    def __init__(self, app: ASGIApp, store: Store, backend: Backend) -> None:
        self.app = app
        self.store = store
        self.backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or host_of(scope) in LOOPBACK:
            await self.app(scope, receive, send)
            return
        response = await self.handle(host_of(scope), Request(scope, receive))
        await response(scope, receive, send)

    async def handle(self, host: str, request: Request) -> Response:
        """Return the response of the deployment behind a host name."""
        found = route(self.store, host)
        if isinstance(found, Response):
            return found
        return await self.backend.respond(found, request)


def route(store: Store, host: str) -> records.Deployment | Response:
    """Return the running deployment behind a host name, or the edge's own response if there is none."""
    apply_due_changes(store)
    domain = find_domain(store, host)
    if domain is None:
        return edge_error(404, "Application not found")
    running = deploys.active(store, domain.service_id, domain.environment_id)
    if not running:
        rows = deploys.list_deployments(store, domain.service_id, domain.environment_id)
        if any(row.status == "CRASHED" for row in rows):
            return edge_error(502, "Application failed to respond")
        return edge_error(404, "Application not found")
    deployment = running[0]
    listens = deployment.variables.get("PORT")
    if domain.target_port is not None and listens is not None and listens != str(domain.target_port):
        return edge_error(502, "Application failed to respond")
    if deployment.status == "SLEEPING":
        deploys.set_status(deployment, "SUCCESS", store.now())
    return deployment


def find_domain(store: Store, host: str) -> records.Domain | None:
    """Return the domain of a host name, once it is active."""
    for row in store.domains.values():
        if (
            row.domain == host
            and row.deleted_at is None
            and row.active_at <= store.now()
            and (row.dns_propagated or not row.custom)
        ):
            return row
    return None
