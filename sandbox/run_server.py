"""The server that `--run` adds: Firebase Auth's stand-in, and what runs now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox import memory
from sandbox.environment import GOOGLE_PROJECT
from sandbox.identity import Identity
from sandbox.local_only import LocalOnly

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from sandbox.running import Runners

RUNNING = "/admin/running"


class RunServer:
    """Its app.

    Args:
        root: the folder of the sandbox's state.
    """

    def __init__(self, root: Path) -> None:
        self._identity = Identity(GOOGLE_PROJECT, root / "users.json")
        self.runners: Runners | None = None

    def app(self) -> Starlette:
        """Return the ASGI app."""
        return Starlette(
            routes=[Route(RUNNING, self._running, methods=["GET"]), *self._identity.routes()],
            middleware=[Middleware(LocalOnly)],
        )

    def _running(self, _: Request) -> JSONResponse:
        """{"programs", "memory"}: what runs, with the memory in bytes, and that of the whole sandbox."""
        programs: list[dict[str, Any]] = [
            {**one.as_dict(), "memory": memory.used(one.pid) if one.pid else 0}
            for one in (self.runners.status() if self.runners else ())
        ]
        return JSONResponse({"programs": programs, "memory": memory.used(os.getpid())})
