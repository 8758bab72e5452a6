"""HTTP targets of Cloud Scheduler and Cloud Tasks: a request to a function, with an identity token.

A target that is no function of the sandbox gets no request: nothing leaves this machine.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from sandbox.google.running import revisions
from sandbox.google.running.edge import Call, Reply
from sandbox.google.running.events import bearer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.google.cloud import Cloud
    from sandbox.google.running.edge import Edge, Headers
    from sandbox.google.store import Json

NO_FUNCTION = 404


async def send(cloud: Cloud, edge: Edge, target: Json, url: str, added: Mapping[str, str]) -> Reply:
    """Send the request of a target; return the response, or status 404 if no function has the address.

    Args:
        target: `httpMethod`, `headers`, `body` (base64) and `oidcToken`, as in both APIs.
        url: its address.
        added: headers that the product sets.
    """
    parts = urlsplit(url)
    found = revisions.by_host(cloud, parts.hostname or "", parts.path)
    if found is None:
        return Reply(status=NO_FUNCTION, body=f"{url} is no function of the sandbox".encode())
    revision, path = found
    body = base64.b64decode(target.get("body", ""))
    given = {name.lower(): value for name, value in cast("dict[str, str]", target.get("headers", {})).items()}
    if body:
        given.setdefault("content-type", "application/octet-stream")
    given |= {name.lower(): value for name, value in added.items()}
    given |= {"host": parts.hostname or "", "content-length": str(len(body))}
    headers: Headers = [(name.encode(), value.encode()) for name, value in given.items()]
    oidc = cast("Json | None", target.get("oidcToken"))
    if oidc:
        headers = [pair for pair in headers if pair[0] != b"authorization"]
        headers += bearer(cloud, oidc.get("serviceAccountEmail", ""), oidc.get("audience") or url)
    query = f"?{parts.query}" if parts.query else ""
    call = Call(
        method=target.get("httpMethod", "POST"),
        path=path + query,
        url=url,
        headers=headers,
        body=body,
        internal=True,
    )
    return await edge.call(revision, call)
