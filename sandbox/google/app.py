"""The Google sandbox as one ASGI app.

Nothing runs in the background: operations that are due are finished when the next request arrives. Only where
functions run (`sandbox.google.running`) are there processes and work under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from sandbox.faults import CannedResponse, RequestMonitor
from sandbox.google import admin
from sandbox.google.cloud import Cloud
from sandbox.google.dispatch import Dispatcher, describe
from sandbox.google.errors import ApiError
from sandbox.google.hooks import rules
from sandbox.local_only import LocalOnly
from sandbox.request_holds import RequestHolds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from sandbox.google.running.runner import FunctionsRunner

JSON = "application/json"


def _canned_response(
    error: ApiError, *, headers: dict[str, str] | None = None, after_effect: bool = False
) -> CannedResponse:
    return CannedResponse(
        status=error.code,
        body=json.dumps(error.body()),
        content_type=JSON,
        headers=headers or {},
        after_effect=after_effect,
    )


_UNAVAILABLE = ApiError("UNAVAILABLE", "The service is currently unavailable.")

RESPONSES = {
    "http_500": _canned_response(ApiError("INTERNAL", "Internal error encountered.")),
    "rate_429": _canned_response(
        ApiError(
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'.",
            details=[{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}],
        ),
        headers={"Retry-After": "1"},
    ),
    "http_503_before": _canned_response(_UNAVAILABLE),
    "http_503_after": _canned_response(_UNAVAILABLE, after_effect=True),
    "unauthenticated": _canned_response(
        ApiError("UNAUTHENTICATED", "Request had invalid authentication credentials.")
    ),
    "permission_denied": _canned_response(
        ApiError("PERMISSION_DENIED", "The caller does not have permission")
    ),
}
"""Injected faults for which Google has its own error format."""


def create_app(
    state_file: Path | None = None,
    firestore_emulator: str | None = None,
    functions: FunctionsRunner | None = None,
) -> Starlette:
    """Create a server for Google's APIs, each below its mount: `/firestore/v1/…`, `/storage/v1/…`, …

    Args:
        state_file: the file in which the state is saved after every change; `<state_file>.secrets` beside it
            (mode 0600) holds the payloads of secrets, which must survive a restart. None keeps everything in
            memory.
        firestore_emulator: host:port of a Firestore emulator: it compiles rules, and released rules are
            loaded into it. Without one, only the syntax of rules is checked (brackets, `service` block).
        functions: runs the deployed functions; None: they are only kept.
    """
    cloud = Cloud(state_file, firestore_emulator)
    if functions is not None:
        functions.attach(cloud)
        cloud.functions = functions

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await rules.load_released_rules(cloud)
        if functions is not None:
            functions.served_in(asyncio.get_running_loop())
        yield

    dispatcher = Dispatcher(cloud)
    holds = RequestHolds(dispatcher, describe)
    watched = RequestMonitor(holds, describe, RESPONSES)
    # Before the routes: only this machine's own names have admin routes.
    front = [] if functions is None else [Middleware(functions.front)]
    return Starlette(
        routes=[*watched.routes(), *holds.routes(), *admin.routes(cloud), Mount("/", app=watched)],
        middleware=[Middleware(LocalOnly, other_hosts=functions is not None), *front],
        lifespan=lifespan,
    )
