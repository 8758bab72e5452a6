"""Google's error format, and the errors that all products share.

`details` contains only reasons that the real APIs return; explanations of the sandbox are in the message.
"""

from __future__ import annotations

from typing import Any

CODES: dict[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}
"""HTTP status by google.rpc.Code (google/rpc/code.proto)."""

RPC_CODES: dict[str, int] = {
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "OUT_OF_RANGE": 11,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "UNAUTHENTICATED": 16,
}
"""The same codes as numbers, as in a long-running operation's `error.code`."""


class ApiError(Exception):
    """An error response.

    Args:
        status: the name of the google.rpc.Code.
        message: Google's error text.
        details: google.rpc detail objects, each with its `@type`.
        reason: `errors[].reason` of the older APIs (Cloud Storage); None leaves `errors` out.
        code: the HTTP status, if it is not the usual one of `status`.
    """

    def __init__(
        self,
        status: str,
        message: str,
        *,
        details: list[dict[str, Any]] | None = None,
        reason: str | None = None,
        code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details or []
        self.reason = reason
        self.code = code or CODES[status]

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.reason is not None:
            error["errors"] = [{"message": self.message, "domain": "global", "reason": self.reason}]
            return {"error": error}
        error["status"] = self.status
        if self.details:
            error["details"] = self.details
        return {"error": error}

    def as_status(self) -> dict[str, Any]:
        """Return the error as a google.rpc.Status, the form in an operation."""
        status: dict[str, Any] = {"code": RPC_CODES[self.status], "message": self.message}
        if self.details:
            status["details"] = self.details
        return status


def invalid(message: str, field: str | None = None) -> ApiError:
    """Return 400 INVALID_ARGUMENT; with `field`, a BadRequest detail names it."""
    if field is None:
        return ApiError("INVALID_ARGUMENT", message)
    violation = {"field": field, "description": message} if field else {"description": message}
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    return ApiError("INVALID_ARGUMENT", message, details=[detail])


def not_found(name: str) -> ApiError:
    """Return 404 with the text that most products use."""
    return ApiError("NOT_FOUND", f"Resource '{name}' was not found")


def already_exists(name: str) -> ApiError:
    """Return 409 with the text that most products use."""
    return ApiError("ALREADY_EXISTS", f"Resource '{name}' already exists")


def error_info(reason: str, domain: str, metadata: dict[str, str]) -> dict[str, Any]:
    """Return a google.rpc.ErrorInfo detail."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": metadata,
    }
