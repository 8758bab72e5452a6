"""Hold a request before or after its effect, so that a test can kill the client exactly there.

Refuses to time anything: a held request waits until it is told to go on or its client is gone. A client that
dies while it is held "before" has had no effect, and needs no `resume`.
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
    """Hold the `nth` call of `operation` ("*": of any) before or after its effect."""

    operation: str
    nth: int
    when: str
    seen: int = 0

    def matches(self, operation: str) -> bool:
        """Count one call and say whether it is the one."""
        if self.operation not in ("*", operation):
            return False
        self.seen += 1
        return self.seen == self.nth


@dataclass(kw_only=True)
class Held:
    """A request that waits."""

    operation: str
    when: str
    released: asyncio.Event = field(default_factory=asyncio.Event)


class RequestHolds:
    """ASGI wrapper around the API that holds planned requests.

    Args:
        app: the API.
        describe: names a request, as for the counters.
    """

    def __init__(self, app: ASGIApp, describe: Describe) -> None:
        self.app = app
        self.describe = describe
        self.rules: list[HoldRule] = []
        self.held: list[Held] = []
        self.any_held = asyncio.Event()

    def reset(self) -> int:
        """Forget the plans and let the held requests go on; how many those were."""
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
        hits = [plan for plan in list(self.rules) if plan.matches(operation)]
        for plan in hits:
            self.rules.remove(plan)
        if any(plan.when == "before" for plan in hits) and not await self.wait_held(
            operation, "before", receive
        ):
            return
        if not any(plan.when == "after" for plan in hits):
            await self.app(scope, replay(body, receive), send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, replay(body, receive), keep)
        if await self.wait_held(operation, "after", receive):
            for message in messages:
                await send(message)

    async def wait_held(self, operation: str, when: str, receive: Receive) -> bool:
        """Wait; True to go on, False when the client has gone."""
        held = Held(operation=operation, when=when)
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
        """The admin routes."""

        async def plan(request: Request) -> Response:
            wish = await request.json()
            created = HoldRule(
                operation=str(wish.get("operation", "*")),
                nth=int(wish.get("nth", 1)),
                when=wish.get("when", "before"),
            )
            if created.when not in ("before", "after") or created.nth < 1:
                return JSONResponse({"error": "when is before or after; nth counts from 1"}, 400)
            self.rules.append(created)
            return JSONResponse({"plans": len(self.rules)})

        async def paused(request: Request) -> Response:
            seconds = float(request.query_params.get("timeout", LONGEST_WAIT_SECONDS))
            try:
                async with asyncio.timeout(seconds):
                    # A held request may be gone again by the time this one wakes.
                    while not self.held:
                        await self.any_held.wait()
            except TimeoutError:
                return JSONResponse({"error": f"no request was held within {seconds:g} s"}, 408)
            first = self.held[0]
            return JSONResponse({"operation": first.operation, "when": first.when, "held": len(self.held)})

        async def resume(_: Request) -> Response:
            return JSONResponse({"resumed": self.reset()})

        return [
            Route("/admin/pause", plan, methods=["POST"]),
            Route("/admin/paused", paused, methods=["GET"]),
            Route("/admin/resume", resume, methods=["POST"]),
        ]


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)
