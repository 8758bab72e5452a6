"""Railway's errors: their texts and their JSON form.

Codes are the documented ones: GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED, BAD_USER_INPUT and
INTERNAL_SERVER_ERROR; the errors "not found" and "too quickly" have the last one.
"""

from __future__ import annotations

import secrets
from typing import Any

from graphql import GraphQLError

INTERNAL = "INTERNAL_SERVER_ERROR"
BAD_INPUT = "BAD_USER_INPUT"
NOT_AUTHORIZED = "Not Authorized"
PLEASE_TRY_AGAIN = "Failed to create service domain, please try again"


class ProxyResponse(Exception):  # noqa: N818 - a response, not an error of the sandbox
    """The response of a proxy in front of Railway: a status and a text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def graphql_error(message: str, code: str = INTERNAL) -> GraphQLError:
    """Return an error to raise from a resolver."""
    return GraphQLError(message, extensions={"code": code})


def bad_input(message: str) -> GraphQLError:
    """Return the error for an input that Railway's validation rejects."""
    return graphql_error(message, BAD_INPUT)


def not_found(kind: str) -> GraphQLError:
    """Return the error "Project not found", "ServiceInstance not found", ..."""
    return graphql_error(f"{kind} not found")


def not_authorized() -> GraphQLError:
    """Return the error for an invalid token, for an object of others, and possibly for a deleted object."""
    return graphql_error(NOT_AUTHORIZED)


def to_json(error: GraphQLError, code: str, trace_position: str) -> dict[str, Any]:
    """Return one entry of `errors`.

    Args:
        error: the error from graphql-core.
        code: the code if the error has none.
        trace_position: "error" or "extensions": where traceId is placed.
    """
    entry: dict[str, Any] = {"message": error.message}
    if error.locations:
        entry["locations"] = [
            {"line": position.line, "column": position.column} for position in error.locations
        ]
    if error.path:
        entry["path"] = list(error.path)
    extensions = {"code": code, **(error.extensions or {})}
    entry["extensions"] = extensions
    trace = secrets.token_hex(8)
    if trace_position == "extensions":
        extensions["traceId"] = trace
    else:
        entry["traceId"] = trace
    return entry
