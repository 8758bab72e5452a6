"""What protects a sandbox server from web pages that the developer has open in a browser.

A page of another site can send requests to a port of this machine. It cannot set the token of an API without
a preflight request, which no route answers. The rest is refused here:

- a Host that is no loopback name: after DNS rebinding, the browser sends the attacker's name, and would show
  the page every response;
- an admin route from another site (`Origin`, `Sec-Fetch-Site`), or with a body that is not JSON: a form can
  send such a request without a preflight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
ADMIN = "/admin/"
_OWN_SITES = ("same-origin", "none")


def host_of(scope: Scope) -> str:
    """Return the Host of a request, without its port."""
    host = Headers(scope=scope).get("host", "").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


class LocalOnly:
    """ASGI middleware.

    Args:
        app: the server.
        other_hosts: whether the server itself handles requests for other hosts, as Railway's edge does; such
            a host has no admin routes.
    """

    def __init__(self, app: ASGIApp, *, other_hosts: bool = False) -> None:
        self.app = app
        self.other_hosts = other_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self.app(scope, receive, send)
            return
        status, message = refusal
        await JSONResponse({"error": message}, status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if host_of(scope) not in LOOPBACK:
            if self.other_hosts:
                return None
            return 421, "this server only serves 127.0.0.1 and localhost"
        if not scope["path"].startswith(ADMIN):
            return None
        headers = Headers(scope=scope)
        if (
            not _is_own_origin(headers.get("origin"))
            or headers.get("sec-fetch-site", "none") not in _OWN_SITES
        ):
            return 403, "admin routes refuse requests of web pages"
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and (has_body or kind):
            return 415, "admin routes take application/json"
        return None


def _is_own_origin(origin: str | None) -> bool:
    """Whether a request comes from no page, or from one of a loopback server."""
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
