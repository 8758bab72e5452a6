"""The Google sandbox as one ASGI app.

Refuses to keep time by itself: what takes time is settled when the next request comes.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.faults import CannedResponse, RequestMonitor
from sandbox.google import admin
from sandbox.google.cloud import Cloud
from sandbox.google.dispatch import Dispatcher, describe
from sandbox.google.errors import ApiError
from sandbox.google.hooks import rules

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

JSON = "application/json"


def _canned_response(error: ApiError, *, headers: dict[str, str] | None = None) -> CannedResponse:
    return CannedResponse(
        status=error.code, body=json.dumps(error.body()), content_type=JSON, headers=headers or {}
    )


ANSWERS = {
    "http_500": _canned_response(ApiError("INTERNAL", "Internal error encountered.")),
    "rate_429": _canned_response(
        ApiError(
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'.",
            details=[{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}],
        ),
        headers={"Retry-After": "1"},
    ),
}
"""The faults that have a shape of Google's own."""


def create_app(state_file: Path | None = None, firestore_emulator: str | None = None) -> Starlette:
    """Google's APIs, each below its mount: `/firestore/v1/…`, `/cloudfunctions/v2beta/…`, `/storage/v1/…`, …

    Args:
        state_file: where the state is kept after every change; `<state_file>.secrets` beside it (mode 0600)
            holds the payloads of secrets, which a restart must still give out. None keeps everything in
            memory.
        firestore_emulator: host:port of a Firestore emulator: it compiles rules, and released ones are
            loaded into it. None only looks at the rules' braces.
    """
    cloud = Cloud(state_file, firestore_emulator)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await rules.load_released_rules(cloud)
        yield

    dispatcher = Dispatcher(cloud)
    watched = RequestMonitor(dispatcher, describe, ANSWERS)
    return Starlette(
        routes=[*watched.routes(), *admin.routes(cloud), Mount("/", app=watched)],
        lifespan=lifespan,
    )
