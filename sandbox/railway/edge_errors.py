"""Responses of Railway's edge itself."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.responses import Response


def edge_error(status: int, message: str) -> Response:
    """Return a response of the edge itself."""
    body = {"status": "error", "code": status, "message": message, "request_id": secrets.token_urlsafe(16)}
    return JSONResponse(body, status, {"X-Railway-Fallback": "true", "Server": "railway-edge"})
