"""The path of a request to its handler: token, route, enablement, validation, errors.

A path that no document describes gets 404 in HTML, as from Google's front end; a method without a handler
gets 501.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.environment import GOOGLE_VIEWER_TOKEN
from sandbox.faults import RequestInfo, json_body
from sandbox.google import discovery, generic
from sandbox.google.enablement import check_enabled
from sandbox.google.errors import ApiError, error_info
from sandbox.google.hooks import HANDLERS, RAW
from sandbox.google.hooks.uploads import RawRequest, first_query
from sandbox.google.masks import select_fields
from sandbox.google.request import ApiRequest
from sandbox.google.validation import check_body, check_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from sandbox.google.cloud import Cloud
    from sandbox.google.discovery import Api, Method
    from sandbox.google.request import Handler
    from sandbox.google.store import Json

VIEWER_POSTS = ("test", "testIamPermissions", "list")
VIEWER_LACKS = ("access", "getIamPolicy")
"""Methods that change nothing, and those that read what roles/viewer does not show."""
SECRET_QUERY = ("access_token", "oauth_token", "key")
SECRET_FIELDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "secretmanager.projects.secrets.addVersion": (("payload", "data"),),
    "secretmanager.projects.locations.secrets.addVersion": (("payload", "data"),),
}
"""Fields of request bodies that are secret: they are not recorded."""


def raw_path(scope: Scope) -> str:
    """Return the path as sent, percent-encoded, without the leading slash."""
    raw = cast("bytes", scope.get("raw_path") or scope["path"].encode())
    return raw.decode("ascii").partition("?")[0].lstrip("/")


def route(http: str, path: str) -> tuple[Api, Method, dict[str, str]] | None:
    """Return API, method and path parameters of a request; None if no API has it."""
    mount, _, below = path.partition("/")
    version = below.partition("/")[0]
    if not discovery.is_mounted(mount, version):
        return None
    api = discovery.load(mount, version)
    match = api.match(http, path if api.full_path else below)
    return None if match is None else (api, *match)


def describe(scope: Scope, body: bytes) -> RequestInfo:
    """Return a request's name ("GET firestore.projects.databases.get") and its body without secrets."""
    http, path = cast("str", scope["method"]), raw_path(scope)
    match = route(http, path)
    raw = RAW.get(path.partition("/")[0])
    method = match[1].id if match else (raw.operation if raw else "unknown")
    query = [
        f"{name}={'(secret)' if name in SECRET_QUERY else value}"
        for name, value in parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
    ]
    shown = scope["path"] + ("?" + "&".join(query) if query else "")
    return RequestInfo(
        operation=f"{http} {method}", body=_without_secrets(method, json_body(body)), path=shown
    )


def _without_secrets(method: str, body: Any) -> Any:
    for path in SECRET_FIELDS.get(method, ()):
        node = body
        for part in path[:-1]:
            node = cast("Json", node).get(part) if isinstance(node, dict) else None
        if isinstance(node, dict) and path[-1] in node:
            node[path[-1]] = "(secret)"
    return body


class Dispatcher:
    """The ASGI app behind the request monitor."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body = cast("bytes", message.get("body", b""))
        try:
            self.cloud.operations.finish_due()
            response = await self._handle(scope, body)
        except ApiError as error:
            headers = {"Retry-After": "1"} if error.code == 429 else None
            response = JSONResponse(error.body(), error.code, headers)
        self.cloud.commit()
        await response(scope, receive, send)

    async def _handle(self, scope: Scope, body: bytes) -> Response:
        headers = Headers(scope=scope)
        http, path = cast("str", scope["method"]), raw_path(scope)
        base_url = f"{scope['scheme']}://{headers.get('host', '127.0.0.1')}"
        raw = RAW.get(path.partition("/")[0])
        if raw is None or raw.needs_token:
            check_token(headers)
        if is_viewer(headers) and not viewer_may(http, path):
            raise ApiError("PERMISSION_DENIED", "The caller does not have permission")
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
        match = route(http, path)
        if match is None:
            return HTMLResponse(
                f"<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n{http} /{path}\n", 404
            )
        api, method, params = match
        request = ApiRequest(
            cloud=self.cloud,
            api=api,
            method=method,
            params={name: self.cloud.canonical(value) for name, value in params.items()},
            raw=body,
            headers=headers,
            base_url=base_url,
        )
        request.project = project_of(request)
        check_enabled(request)
        pairs = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        request.query = check_query(api, method, pairs)
        request.body = check_body(api, method, parse_json(body))
        result = find_handler(request)(request)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, Response):
            return result
        fields = cast("str", request.query.get("fields") or request.query.get("$fields") or "")
        return JSONResponse(select_fields(result, fields) if fields else result)


def find_handler(request: ApiRequest) -> Handler:
    """Return the hook for this version, else the hook for the method, else the generic handler."""
    own: Callable[..., Any] | None = HANDLERS.get(f"{request.api.product.version}/{request.method.id}")
    return own or HANDLERS.get(request.method.id) or generic.generic_handler(request)


def parse_json(body: bytes) -> Any:
    """Parse a body; None if it is empty.

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
    """Require a bearer token; every token is valid except "expired".

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


def is_viewer(headers: Headers) -> bool:
    """Return whether the caller is the account with the role Viewer."""
    return headers.get("authorization", "").partition(" ")[2] == GOOGLE_VIEWER_TOKEN


def viewer_may(http: str, path: str) -> bool:
    """Return whether roles/viewer allows a request: reading, but neither secrets nor IAM policies.

    Of some products the role may contain `getIamPolicy`; Google's reference lists no permissions of basic
    roles, so the sandbox denies all of them.
    """
    match = route(http, path)
    name = match[1].id.rpartition(".")[2] if match else ""
    return name in VIEWER_POSTS if http == "POST" else http == "GET" and name not in VIEWER_LACKS


def project_of(request: ApiRequest) -> str:
    """Return the id of the project that a request concerns; "" if the request does not name one."""
    api = request.api.product.api
    if api == "cloudresourcemanager":
        key = request.params.get("projectId") or request.params.get("resource") or ""
        return cast("str", request.cloud.project(key)["projectId"]) if key and "/" not in key else ""
    if api == "storage":
        bucket = request.store.get("storage/buckets", request.params.get("bucket", ""))
        return cast("str", bucket["project"]) if bucket else ""
    if api == "compute":
        return cast("str", request.cloud.project(request.params["project"])["projectId"])
    parts = request.name.split("/")
    return parts[1] if parts[0] == "projects" and len(parts) > 1 and parts[1] != "-" else ""
