"""Requests to other hosts than the sandbox's own: functions, Google's APIs, the metadata server.

The functions' own requests to these hosts arrive here too: `functions_host/edges.js` sends them, with the
host that the code asked for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse

from sandbox.faults import read_body
from sandbox.google.discovery import PRODUCTS
from sandbox.google.running import metadata, revisions
from sandbox.google.running.edge import Call
from sandbox.local_only import LOOPBACK, host_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sandbox.google.cloud import Cloud
    from sandbox.google.running.edge import Edge

APIS = ".googleapis.com"
MAX_BODY = 32 * 2**20  # bytes of a request (Cloud Run quotas)


class Front:
    """ASGI middleware before the APIs.

    Args:
        app: the APIs.
        cloud: what is deployed.
        edge: passes the requests on to functions.
    """

    def __init__(self, app: ASGIApp, cloud: Cloud, edge: Edge) -> None:
        self._app = app
        self._cloud = cloud
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = host_of(scope) if scope["type"] == "http" else ""
        if not host or host in LOOPBACK:
            await self._app(scope, receive, send)
        elif host in metadata.HOSTS:
            query = cast("bytes", scope["query_string"]).decode()
            answer = metadata.respond(self._cloud, scope["path"], query, Headers(scope=scope))
            self._cloud.commit()
            await answer(scope, receive, send)
        elif host.endswith(APIS):
            await self._api(host, scope, receive, send)
        else:
            await self._function(host, scope, receive, send)

    async def _api(self, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        mounts = [mount for (mount, _), product in PRODUCTS.items() if product.host == host]
        if not mounts:
            text = f"the sandbox does not serve {host}"
            await JSONResponse({"error": {"code": 404, "message": text}}, 404)(scope, receive, send)
            return
        # The older APIs have their name in the path already.
        prefix = "" if scope["path"].startswith(f"/{mounts[0]}/") else f"/{mounts[0]}"
        raw = cast("bytes", scope.get("raw_path") or scope["path"].encode())
        moved = {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + raw}
        await self._app(moved, receive, send)

    async def _function(self, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        found = revisions.by_host(self._cloud, host, cast("bytes", scope["raw_path"]).decode("latin-1"))
        if found is None:
            await HTMLResponse("<h1>Error: Page not found</h1>\n", 404)(scope, receive, send)
            return
        revision, path = found
        query = cast("bytes", scope["query_string"]).decode("latin-1")
        suffix = f"?{query}" if query else ""
        body = await read_body(receive)
        if len(body) > MAX_BODY:
            await HTMLResponse("<h1>Error: Request Entity Too Large</h1>\n", 413)(scope, receive, send)
            return
        call = Call(
            method=scope["method"],
            path=path + suffix,
            url=f"https://{host}{scope['path']}{suffix}",
            headers=list(cast("list[tuple[bytes, bytes]]", scope["headers"])),
            body=body,
        )

        async def begin(status: int, headers: list[tuple[bytes, bytes]]) -> None:
            start: Message = {"type": "http.response.start", "status": status, "headers": headers}
            await send(start)

        async def chunk(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        passing = asyncio.create_task(self._edge.pass_on(revision, call, begin, chunk))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((passing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                passing.result()
                await send({"type": "http.response.body", "body": b""})
        finally:
            for task in (passing, leaving):
                task.cancel()
            await asyncio.gather(passing, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
