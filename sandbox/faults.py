"""What both sandbox servers do around every request: count it, record it, and inject faults.

This module is independent of both APIs: a server describes its requests (`describe`) and its own error
responses (`responses`). Requests with the header `X-Sandbox-Actor: manual` are edits made outside the
program: they are not counted and get no faults, so a test can change state without affecting its own figures.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ACTOR_HEADER = "x-sandbox-actor"
MANUAL = "manual"
RECORDS_KEPT = 20_000


@dataclass(frozen=True, kw_only=True)
class CannedResponse:
    """The response of an injected fault. `after_effect`: the request is processed first."""

    status: int
    body: str
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    after_effect: bool = False


CONNECTION_FAULTS: dict[str, bool] = {"refuse": False, "reset_before": False, "reset_after": True}
"""Faults that close the connection without a response; True: the request is processed first."""

HANG = "hang"

RESPONSES: dict[str, CannedResponse] = {
    "http_500": CannedResponse(status=500, body="Internal Server Error"),
    "http_502_before": CannedResponse(status=502, body="error code: 502"),
    "http_502_after": CannedResponse(status=502, body="error code: 502", after_effect=True),
    "http_504_before": CannedResponse(status=504, body="error code: 504"),
    "http_504_after": CannedResponse(status=504, body="error code: 504", after_effect=True),
    "rate_429": CannedResponse(
        status=429,
        body="Too Many Requests",
        headers={
            "Retry-After": "1",
            "X-RateLimit-Limit": "1000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "1",
        },
    ),
    "edge_1015": CannedResponse(status=429, body="error code: 1015"),
    "not_json": CannedResponse(
        status=200, body="<html><body>upstream maintenance</body></html>", content_type="text/html"
    ),
}
"""Errors that any HTTP API can return; a server adds its own or replaces these."""


@dataclass(kw_only=True)
class Fault:
    """A planned fault: calls `nth` to `nth + times - 1` of `operation` ("*" = any) get `kind`.

    With `path`, only calls whose path contains that text count.
    """

    operation: str
    kind: str
    nth: int = 1
    times: int = 1
    path: str = ""
    seen: int = 0

    def matches(self, operation: str, path: str) -> bool:
        """Count one call of `operation` and return whether this fault applies to it."""
        if self.operation not in ("*", operation) or self.path not in path:
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass(frozen=True, kw_only=True)
class RequestInfo:
    """A request's operation name, and its body and path in the form in which they may be recorded."""

    operation: str
    body: Any = None
    path: str | None = None


Describe = Callable[["Scope", bytes], RequestInfo]


class RequestMonitor:
    """ASGI middleware around a sandbox server: counters, records, faults.

    Args:
        app: the server.
        describe: returns a request's operation name and its body for the record.
        responses: error responses in the server's own format, by fault kind; they replace or extend
            `RESPONSES`.
    """

    def __init__(
        self, app: ASGIApp, describe: Describe, responses: Mapping[str, CannedResponse] | None = None
    ) -> None:
        self.app = app
        self.describe = describe
        self.responses: dict[str, CannedResponse] = {**RESPONSES, **(responses or {})}
        self.faults: list[Fault] = []
        self.counters: Counter[str] = Counter()
        self.records: deque[dict[str, Any]] = deque(maxlen=RECORDS_KEPT)

    @property
    def fault_kinds(self) -> list[str]:
        """The fault kinds that this server supports."""
        return sorted([*CONNECTION_FAULTS, HANG, *self.responses])

    def reset(self) -> None:
        """Clear the counters and records."""
        self.counters.clear()
        self.records.clear()

    def next_fault(self, operation: str, path: str) -> str | None:
        """Count the call in every planned fault; return the kind of the first that applies to it."""
        hits = [fault.kind for fault in self.faults if fault.matches(operation, path)]
        return hits[0] if hits else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/admin/"):
            await self.app(scope, receive, send)
            return
        body = await read_body(receive)
        described = self.describe(scope, body)
        actor = Headers(scope=scope).get(ACTOR_HEADER, "program")
        record: dict[str, Any] = {
            "method": scope["method"],
            "path": described.path or scope["path"],
            "operation": described.operation,
            "status": 0,
            "actor": actor,
        }
        if described.body is not None:
            record["body"] = described.body
        self.records.append(record)
        kind = None
        if actor != MANUAL:
            self.counters[described.operation] += 1
            kind = self.next_fault(described.operation, scope["path"])

        async def record_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                record["status"] = message["status"]
            await send(message)

        if kind is None:
            await self.app(scope, replay(body, receive), record_status)
        elif kind in CONNECTION_FAULTS:
            if CONNECTION_FAULTS[kind]:
                await self.app(scope, replay(body, receive), discard)
            await drop_connection(receive)
        elif kind == HANG:
            await wait_for_disconnect(receive)
        else:
            response = self.responses[kind]
            if response.after_effect:
                await self.app(scope, replay(body, receive), discard)
            reply = Response(response.body, response.status, dict(response.headers), response.content_type)
            await reply(scope, receive, record_status)

    def routes(self, extra_counters: Callable[[], Mapping[str, Any]] = dict) -> list[Route]:
        """Return the admin routes that both servers share.

        Args:
            extra_counters: returns further counters for `GET /admin/counters`.
        """

        async def counters(_: Request) -> Response:
            return JSONResponse(
                {
                    "operations": dict(sorted(self.counters.items())),
                    "requests": sum(self.counters.values()),
                    **extra_counters(),
                }
            )

        async def reset(_: Request) -> Response:
            self.reset()
            return JSONResponse({})

        async def requests(_: Request) -> Response:
            return JSONResponse(list(self.records))

        async def add_fault(request: Request) -> Response:
            try:
                self.faults.append(self.parse_fault(await request.json()))
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, 400)
            return JSONResponse({"faults": len(self.faults)})

        async def clear_faults(_: Request) -> Response:
            self.faults.clear()
            return JSONResponse({})

        return [
            Route("/admin/counters", counters, methods=["GET"]),
            Route("/admin/counters/reset", reset, methods=["POST"]),
            Route("/admin/requests", requests, methods=["GET"]),
            Route("/admin/faults", add_fault, methods=["POST"]),
            Route("/admin/faults", clear_faults, methods=["DELETE"]),
        ]

    def parse_fault(self, body: dict[str, Any]) -> Fault:
        """Return a fault from its JSON form.

        Raises:
            ValueError: unknown kind, or nth/times is below 1.
            TypeError: a key is missing or unknown.
        """
        fault = Fault(**body)
        if fault.kind not in self.fault_kinds:
            raise ValueError(f"unknown fault kind {fault.kind!r}; known kinds: {', '.join(self.fault_kinds)}")
        if fault.nth < 1 or fault.times < 1:
            raise ValueError("nth and times must be at least 1")
        return fault


async def read_body(receive: Receive) -> bytes:
    """Return the whole body of a request; b"" if the client disconnected first."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields a body that has been read already, then what follows."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def discard(message: Message) -> None:
    """A `send` that discards the response."""
    del message


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)


async def drop_connection(receive: Receive) -> None:
    """Abort the TCP connection of a request.

    ASGI has no message for it: `receive` is a bound method of uvicorn's request cycle, which has the
    transport.

    Raises:
        RuntimeError: the server is not uvicorn.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("only connections of uvicorn can be aborted")
    transport.abort()
    await wait_for_disconnect(receive)


def json_body(body: bytes) -> Any:
    """Return the body as JSON, or None if it is not JSON."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
