"""One request from the wire to a handler and back: token, route, enablement, validation, errors.

Refuses to answer what no document describes (404 in HTML, as Google's front end does) and what no handler
implements (501).
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.faults import RequestInfo, json_body
from sandbox.google import discovery, generic
from sandbox.google.enablement import check_enabled
from sandbox.google.errors import ApiError, error_info
from sandbox.google.hooks import HANDLERS, RAW
from sandbox.google.hooks.uploads import RawRequest, first_query
from sandbox.google.masks import select
from sandbox.google.request import Call
from sandbox.google.validation import check_body, check_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from sandbox.google.cloud import Cloud
    from sandbox.google.discovery import Api, Method
    from sandbox.google.request import Handler
    from sandbox.google.store import Json

SECRET_QUERY = ("access_token", "oauth_token", "key")
PRIVATE_BODIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "secretmanager.projects.secrets.addVersion": (("payload", "data"),),
    "secretmanager.projects.locations.secrets.addVersion": (("payload", "data"),),
}
"""Fields of request bodies that are secrets: never recorded, never logged."""


def raw_path(scope: Scope) -> str:
    """The path as sent, percent-encoded, without the leading slash."""
    raw = cast("bytes", scope.get("raw_path") or scope["path"].encode())
    return raw.decode("ascii").partition("?")[0].lstrip("/")


def route(http: str, path: str) -> tuple[Api, Method, dict[str, str]] | None:
    """The API, method and path parameters of a request; None when there are none."""
    mount, _, below = path.partition("/")
    version = below.partition("/")[0]
    if not discovery.serves(mount, version):
        return None
    api = discovery.load(mount, version)
    hit = api.match(http, path if api.whole else below)
    return None if hit is None else (api, *hit)


def describe(scope: Scope, body: bytes) -> RequestInfo:
    """A request's name ("GET firestore.projects.databases.get") and its body without secrets."""
    http, path = cast("str", scope["method"]), raw_path(scope)
    hit = route(http, path)
    raw = RAW.get(path.partition("/")[0])
    method = hit[1].id if hit else (raw.operation if raw else "unknown")
    query = [
        f"{name}={'(secret)' if name in SECRET_QUERY else value}"
        for name, value in parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
    ]
    shown = scope["path"] + ("?" + "&".join(query) if query else "")
    return RequestInfo(operation=f"{http} {method}", body=_public(method, json_body(body)), path=shown)


def _public(method: str, body: Any) -> Any:
    for path in PRIVATE_BODIES.get(method, ()):
        node = body
        for part in path[:-1]:
            node = cast("Json", node).get(part) if isinstance(node, dict) else None
        if isinstance(node, dict) and path[-1] in node:
            node[path[-1]] = "(secret)"
    return body


class Dispatcher:
    """The ASGI app behind the counters and faults."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body = cast("bytes", message.get("body", b""))
        try:
            self.cloud.operations.finish_due()
            response = await self._answer(scope, body)
        except ApiError as error:
            headers = {"Retry-After": "1"} if error.code == 429 else None
            response = JSONResponse(error.body(), error.code, headers)
        self.cloud.commit()
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, body: bytes) -> Response:
        headers = Headers(scope=scope)
        http, path = cast("str", scope["method"]), raw_path(scope)
        base_url = f"{scope['scheme']}://{headers.get('host', '127.0.0.1')}"
        raw = RAW.get(path.partition("/")[0])
        if raw is None or raw.needs_token:
            check_token(headers)
        if raw is not None:
            query = first_query(scope["query_string"].decode())
            return await raw.handle(
                RawRequest(
                    cloud=self.cloud,
                    http=http,
                    path=path,
                    query=query,
                    headers=headers,
                    body=body,
                    base_url=base_url,
                )
            )
        hit = route(http, path)
        if hit is None:
            return HTMLResponse(
                f"<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n{http} /{path}\n", 404
            )
        api, method, params = hit
        call = Call(
            cloud=self.cloud,
            api=api,
            method=method,
            params={name: self.cloud.canonical(value) for name, value in params.items()},
            raw=body,
            headers=headers,
            base_url=base_url,
        )
        call.project = project_of(call)
        check_enabled(call)
        pairs = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        call.query = check_query(api, method, pairs)
        call.body = check_body(api, method, parse_json(body))
        result = find_handler(call)(call)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, Response):
            return result
        fields = cast("str", call.query.get("fields") or call.query.get("$fields") or "")
        return JSONResponse(select(result, fields) if fields else result)


def find_handler(call: Call) -> Handler:
    """A hook for exactly this version, a hook for the method, or the generic handler."""
    own: Callable[..., Any] | None = HANDLERS.get(f"{call.api.product.version}/{call.method.id}")
    return own or HANDLERS.get(call.method.id) or generic.handler(call)


def parse_json(body: bytes) -> Any:
    """A body's JSON; None when it is empty.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise ApiError("INVALID_ARGUMENT", f"Invalid JSON payload received. {error}") from None


def check_token(headers: Headers) -> None:
    """Any bearer token but "expired" will do.

    Raises:
        ApiError: UNAUTHENTICATED.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token and token != "expired":  # noqa: S105  a sandbox token, not a secret
        return
    raise ApiError(
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        details=[
            error_info("ACCESS_TOKEN_EXPIRED" if token else "CREDENTIALS_MISSING", "googleapis.com", {})
        ],
    )


def project_of(call: Call) -> str:
    """The id of the project that a call is about; "" when the request does not say."""
    api = call.api.product.api
    if api == "cloudresourcemanager":
        key = call.params.get("projectId") or call.params.get("resource") or ""
        return cast("str", call.cloud.project(key)["projectId"]) if key and "/" not in key else ""
    if api == "storage":
        bucket = call.store.get("storage/buckets", call.params.get("bucket", ""))
        return cast("str", bucket["project"]) if bucket else ""
    if api == "compute":
        return cast("str", call.cloud.project(call.params["project"])["projectId"])
    parts = call.name.split("/")
    return parts[1] if parts[0] == "projects" and len(parts) > 1 and parts[1] != "-" else ""
