"""Railway's own error responses that can be injected, in addition to those of any HTTP API
(`sandbox.faults`)."""

from __future__ import annotations

import json

from sandbox.faults import CannedResponse
from sandbox.railway.throttle import throttle_message


def _error(message: str) -> str:
    entry = {
        "message": message,
        "extensions": {"code": "INTERNAL_SERVER_ERROR"},
        "traceId": "5a4d0b0c5a4d0b0c",
    }
    return json.dumps({"data": None, "errors": [entry]})


RESPONSES: dict[str, CannedResponse] = {
    "busy": CannedResponse(
        status=200, body=_error("operation is already in progress"), content_type="application/json"
    ),
    "creation_throttle": CannedResponse(
        status=200, body=_error(throttle_message("environments", 30)), content_type="application/json"
    ),
    "environment_throttle": CannedResponse(
        status=200,
        body=_error("Only one environment can be created per user every 30s"),
        content_type="application/json",
    ),
    "internal_error": CannedResponse(
        status=200, body=_error("Problem processing request"), content_type="application/json"
    ),
    "no_repository": CannedResponse(
        status=200, body=_error("GitHub repo not found or no access to it"), content_type="application/json"
    ),
    "not_authorized": CannedResponse(
        status=200, body=_error("Not Authorized"), content_type="application/json"
    ),
}
