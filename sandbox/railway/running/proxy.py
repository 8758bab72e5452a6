"""Passes requests of the edge on to the process of a deployment, both bodies as they come."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import httpx
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from sandbox.local_server import HOST
from sandbox.railway.edge_errors import edge_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from sandbox.railway import records
    from sandbox.railway.running.life import Life

# Of one connection only: RFC 9110, 7.6.1.
_OF_CONNECTION = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)
_CONNECT_SECONDS = 5.0
_SILENT_SECONDS = 300.0
"""Railway's edge ends a request after 15 minutes; here a silence of five minutes does."""


def http_client() -> httpx.AsyncClient:
    """A client for processes of this machine: no proxy of the environment, no limit of connections."""
    return httpx.AsyncClient(
        trust_env=False,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        timeout=httpx.Timeout(_SILENT_SECONDS, connect=_CONNECT_SECONDS),
    )


class ProcessBackend:
    """Responds with what the process of a deployment responds.

    Args:
        lives: the life of each deployment.
        client: sends the requests.
    """

    def __init__(self, lives: Mapping[str, Life], client: httpx.AsyncClient) -> None:
        self._lives = lives
        self._client = client

    async def respond(self, deployment: records.Deployment, request: Request) -> Response:
        life = self._lives.get(deployment.id)
        if life is None or life.port is None:
            return edge_error(502, "Application failed to respond")
        query = f"?{request.url.query}" if request.url.query else ""
        path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1")
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        outgoing = self._client.build_request(
            request.method,
            f"http://{HOST}:{life.port}{path}{query}",
            headers=_sent_on(request),
            content=request.stream() if has_body else None,
        )
        try:
            answer = await self._client.send(outgoing, stream=True)
        except httpx.HTTPError:
            return edge_error(502, "Application failed to respond")
        response = StreamingResponse(
            answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        response.raw_headers = [
            (name, value)
            for name, value in answer.headers.raw
            if name.decode("latin-1").lower() not in _OF_CONNECTION
        ]
        return response


def _sent_on(request: Request) -> list[tuple[str, str]]:
    """The headers of a request as the process gets them, with those that the edge adds."""
    kept = [(name, value) for name, value in request.headers.items() if name.lower() not in _OF_CONNECTION]
    client = request.client.host if request.client else HOST
    return [
        *kept,
        ("X-Forwarded-For", client),
        ("X-Real-IP", client),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", request.headers.get("host", "")),
        ("X-Railway-Edge", "sandbox"),
        ("X-Railway-Request-Id", secrets.token_urlsafe(16)),
    ]
