"""Hold a request before or after its effect, so that a test can kill the client at that moment.

A held request waits until it is released or its client disconnects; nothing depends on timing. A client that
is killed while its request is held "before" has had no effect, and its request needs no release.

Admin routes: POST `/admin/hold` adds a rule, GET `/admin/held` waits until a request is held, POST
`/admin/release` removes all rules and releases the held requests.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import ACTOR_HEADER, MANUAL, read_body, replay

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sandbox.faults import Describe

LONGEST_WAIT_SECONDS = 120


@dataclass(kw_only=True)
class HoldRule:
    """Hold the `nth` call of `operation` ("*": any) before or after its effect."""

    operation: str
    nth: int
    when: str
    seen: int = 0

    def matches(self, operation: str) -> bool:
        """Count one call and return whether this rule holds it."""
        if self.operation not in ("*", operation):
            return False
        self.seen += 1
        return self.seen == self.nth


@dataclass(kw_only=True)
class Held:
    """A held request. `client_port`: the TCP port of the process that sent it."""

    operation: str
    when: str
    client_port: int
    released: asyncio.Event = field(default_factory=asyncio.Event)


class RequestHolds:
    """ASGI wrapper around the API that holds requests by rule.

    Args:
        app: the API.
        describe: returns a request's name, as for the counters.
    """

    def __init__(self, app: ASGIApp, describe: Describe) -> None:
        self.app = app
        self.describe = describe
        self.rules: list[HoldRule] = []
        self.held: list[Held] = []
        self.any_held = asyncio.Event()

    def reset(self) -> int:
        """Remove the rules and release the held requests; return how many there were."""
        self.rules.clear()
        for held in self.held:
            held.released.set()
        return len(self.held)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.rules or Headers(scope=scope).get(ACTOR_HEADER) == MANUAL:
            await self.app(scope, receive, send)
            return
        body = await read_body(receive)
        operation = self.describe(scope, body).operation
        hits = [rule for rule in list(self.rules) if rule.matches(operation)]
        for rule in hits:
            self.rules.remove(rule)
        port = int((scope.get("client") or ("", 0))[1])
        if any(rule.when == "before" for rule in hits) and not await self.wait_held(
            Held(operation=operation, when="before", client_port=port), receive
        ):
            return
        if not any(rule.when == "after" for rule in hits):
            await self.app(scope, replay(body, receive), send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, replay(body, receive), keep)
        if await self.wait_held(Held(operation=operation, when="after", client_port=port), receive):
            for message in messages:
                await send(message)

    async def wait_held(self, held: Held, receive: Receive) -> bool:
        """Wait; return True to continue, False if the client has disconnected."""
        self.held.append(held)
        self.any_held.set()
        waiting = asyncio.ensure_future(held.released.wait())
        leaving = asyncio.ensure_future(_wait_for_disconnect(receive))
        await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        going_on = not leaving.done()
        waiting.cancel()
        leaving.cancel()
        if held in self.held:
            self.held.remove(held)
        if not self.held:
            self.any_held.clear()
        return going_on

    def routes(self) -> list[Route]:
        """Return the admin routes."""

        async def hold(request: Request) -> Response:
            body = await request.json()
            rule = HoldRule(
                operation=str(body.get("operation", "*")),
                nth=int(body.get("nth", 1)),
                when=body.get("when", "before"),
            )
            if rule.when not in ("before", "after") or rule.nth < 1:
                return JSONResponse({"error": "when must be before or after; nth starts at 1"}, 400)
            self.rules.append(rule)
            return JSONResponse({"rules": len(self.rules)})

        async def wait_for_held(request: Request) -> Response:
            seconds = float(request.query_params.get("timeout", LONGEST_WAIT_SECONDS))
            try:
                async with asyncio.timeout(seconds):
                    # A held request may have been released before this task runs.
                    while not self.held:
                        await self.any_held.wait()
            except TimeoutError:
                return JSONResponse({"error": f"no request was held within {seconds:g} s"}, 408)
            first = self.held[0]
            return JSONResponse(
                {
                    "operation": first.operation,
                    "when": first.when,
                    "held": len(self.held),
                    "client_port": first.client_port,
                }
            )

        async def release(_: Request) -> Response:
            return JSONResponse({"released": self.reset()})

        return [
            Route("/admin/hold", hold, methods=["POST"]),
            Route("/admin/held", wait_for_held, methods=["GET"]),
            Route("/admin/release", release, methods=["POST"]),
        ]


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)
