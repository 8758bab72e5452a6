"""Interprets Railway's responses: data, or an error of the right type. Pure.

Railway returns errors of execution with HTTP 200, and of validation with 400. "Not found" and "too quickly"
have the code INTERNAL_SERVER_ERROR, so the message decides. A proxy responds in text, and Railway's edge with
"error code: 1015". Data together with errors is an error, and "Not Authorized" never means "deleted".
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from railway.clock import format_duration
from railway.graphql.credentials import TokenKind
from railway.graphql.errors import (
    REPORT,
    AmbiguousError,
    BusyError,
    NotAuthorizedError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    RequestError,
    ServerFaultError,
    ThrottledError,
)
from railway.graphql.token_advice import token_advice
from railway.redact import redact, strings_in

RUN_AGAIN = "run `pulumi up` again; it first reads what already exists"
CONTINUES = "it continues where this one stopped"
CORRECT = "correct the property that Railway names; if it is right, give Railway's support the trace id"
REFRESH = (
    "run `pulumi up --refresh --run-program`, which detects what was deleted on Railway; if the object "
    "exists, give Railway's support the trace id"
)
_SHOWN = 300

MAX_WAIT = 120.0
"""Seconds; a request that must wait longer, for the requests of the next hour, fails instead."""


@dataclass(frozen=True)
class HttpResponse:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: str


def data_of(
    operation: str, response: HttpResponse, *, variables: Mapping[str, object], token: str, kind: TokenKind
) -> Mapping[str, Any]:
    """The data of a response.

    Args:
        operation: the name of the operation, for messages.
        response: the response.
        variables: the sent variables, which are removed from Railway's message.
        token: the sent token, which is removed as well.
        kind: the kind of the token, for the fix.

    Raises:
        RequestError: one of its subclasses.
    """
    if response.status == 429:
        raise _too_many(operation, response)
    document = _document(response.body)
    errors = document.get("errors") if document is not None else None
    if response.status >= 500:
        trace = _trace_of_body(response.body)
        raise AmbiguousError(operation, f"HTTP {response.status}", trace_id=trace, fix=RUN_AGAIN)
    if document is None:
        if response.status in (401, 403):
            raise _unauthorized(operation, "Not Authorized", "", (), kind)
        if response.status == 400:
            raise RejectedError(operation, "HTTP 400", fix=REPORT)
        raise AmbiguousError(operation, f"the response (HTTP {response.status}) is not JSON", fix=RUN_AGAIN)
    if isinstance(errors, list) and errors:
        secrets = [token, *_sent_secrets(variables)]
        raise error_of(operation, cast("list[object]", errors)[0], secrets=secrets, kind=kind)
    data = document.get("data")
    if not isinstance(data, dict):
        raise AmbiguousError(operation, "the response has neither data nor errors", fix=RUN_AGAIN)
    return cast("dict[str, Any]", data)


_UNAUTHORIZED = re.compile(
    r"not authorized|unauthori[sz]ed|forbidden|token not found|invalid token", re.IGNORECASE
)
_TWO_FACTOR = re.compile(r"two.factor", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|`[^`]*`|(?<!\w)'[^']*'(?!\w)")
"""A name in a message: it decides nothing."""
_PLAN = re.compile(r"\bplan\b|upgrade", re.IGNORECASE)
_PERIOD = r"(\d+ ?)?(s|secs?|seconds?|m|mins?|minutes?)\b"
_THROTTLED = re.compile(
    rf"too (quickly|fast|many)|slow down|rate limit|(per|every|each|within) {_PERIOD}"
    rf"|(in|wait|for) \d+ ?{_PERIOD}",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"in progress|please wait|wait (for|until)\b.*\b(finish|complete|end)|try again (later|in a)"
    r"|cannot (be )?redeploy|while\b.*\b(building|deploying|running|being|in progress)"
    r"|\b(still|currently) (building|deploying|being|running)|\bis (being|building|deploying)\b",
    re.IGNORECASE,
)
_NOT_FOUND = re.compile(r"not found|does not exist|has been deleted|no longer exists", re.IGNORECASE)
_ECHO = re.compile(r"got invalid value.*", re.IGNORECASE | re.DOTALL)
_REJECTED = re.compile(
    r"already (exists|taken|in use|has|attached)|invalid|must |cannot|can't|not allowed|only "
    r"|limit|exceed|maximum"
    r"|upgrade|unsupported|not available|required|not support",
    re.IGNORECASE,
)
_INPUT_CODES = {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}


def error_of(operation: str, error: object, *, secrets: Sequence[str], kind: TokenKind) -> RequestError:
    """The typed form of one GraphQL error."""
    entry = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    extensions = cast("dict[str, Any]", entry.get("extensions") or {})
    message = str(entry.get("message") or "an error without a message")
    code, trace = str(extensions.get("code") or ""), _trace(entry)
    path = tuple(str(part) for part in cast("Sequence[object]", entry.get("path") or ()))
    # GraphQL servers repeat the value that they reject, which may be a secret.
    message = _ECHO.sub("got a value of the wrong type", message)
    shown = redact(message, [("hidden", secret) for secret in secrets])[:_SHOWN]
    if _UNAUTHORIZED.search(message) and not _TWO_FACTOR.search(message):
        return _unauthorized(operation, shown, trace, path, kind)
    error_type, fix = _classified(message, code)
    return error_type(operation, shown, trace_id=trace, path=path, fix=fix)


def _classified(message: str, code: str) -> tuple[type[RequestError], str]:
    """The type of an error, and its fix."""
    if _TWO_FACTOR.search(message):
        fix = "the workspace requires two-factor authentication: use the token of a member who has enabled it"
        return NotAuthorizedError, fix
    message = _QUOTED.sub("", message)
    if _PLAN.search(message) and "rate limit" not in message.lower():
        return RejectedError, CORRECT
    if _THROTTLED.search(message):
        return ThrottledError, "wait a minute, then run `pulumi up` again"
    if _BUSY.search(message):
        return BusyError, f"wait until Railway has finished, then {RUN_AGAIN}"
    if code in _INPUT_CODES:
        return RejectedError, CORRECT
    if _NOT_FOUND.search(message):
        return NotFoundError, REFRESH
    if _REJECTED.search(message):
        return RejectedError, CORRECT
    return ServerFaultError, f"{RUN_AGAIN}; if the error persists, give Railway's support the trace id"


_SECRET_KEYS = {"variables", "patch"}


def _sent_secrets(sent: object) -> Iterable[str]:
    """Every sent string below a key that can hold secrets; names and ids make a message useful."""
    if isinstance(sent, Mapping):
        for key, part in cast("Mapping[str, object]", sent).items():
            yield from strings_in(part) if key in _SECRET_KEYS else _sent_secrets(part)


def _unauthorized(
    operation: str, message: str, trace: str, path: tuple[str, ...], kind: TokenKind
) -> NotAuthorizedError:
    advice = token_advice(operation, message, kind)
    return NotAuthorizedError(operation, message, trace_id=trace, path=path, fix=advice)


def _too_many(operation: str, response: HttpResponse) -> RateLimitedError:
    headers = {name.lower(): value for name, value in response.headers.items()}
    now = seconds_of_date(headers.get("date"))
    wait = seconds_until(headers.get("retry-after"), now=now)
    if "1015" in response.body:
        return _edge_refuses(operation, wait)
    trace = _trace_of_body(response.body)
    if wait is None:
        wait = seconds_until(headers.get("x-ratelimit-reset"), now=now)
    if wait is not None and wait > MAX_WAIT:
        return out_of_budget(operation, wait, trace_id=trace)
    return RateLimitedError(
        operation,
        "too many requests in a short time",
        retry_after=wait,
        trace_id=trace,
        fix=f"wait a minute, then run `pulumi up` again; {CONTINUES}",
    )


def _edge_refuses(operation: str, wait: float | None) -> RateLimitedError:
    what, when = "Railway's edge rejects requests from this network (error 1015)", "in some minutes"
    if wait is not None and wait > MAX_WAIT:
        what, when = f"{what} for {format_duration(wait)}, until {instant(wait)}", f"after {instant(wait)}"
    return RateLimitedError(
        operation,
        what,
        retry_after=wait,
        fix=f"run `pulumi up` again {when}; {CONTINUES}. If the error persists, ask Railway's support to "
        "remove the limit",
    )


def out_of_budget(operation: str, seconds: float, *, trace_id: str = "") -> RateLimitedError:
    """The error when the token has no requests left and new ones come too late to wait for.

    Args:
        operation: the name of the operation, for messages.
        seconds: until there are new ones.
        trace_id: Railway's trace id.
    """
    return RateLimitedError(
        operation,
        f"this token has no requests left; Railway allows new ones in {format_duration(seconds)}, at "
        f"{instant(seconds)}",
        retry_after=seconds,
        trace_id=trace_id,
        fix=f"run `pulumi up` again after {instant(seconds)}; {CONTINUES}",
    )


def instant(seconds: float) -> str:
    """The time that many seconds from now in UTC, rounded up to a second."""
    at = datetime.fromtimestamp(math.ceil(time.time() + seconds), UTC)
    return at.strftime("%H:%M:%S UTC" if at.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M:%S UTC")


def seconds_of_date(value: str | None) -> float | None:
    """A `Date` header in epoch seconds: the server's clock, to which its other times relate."""
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None


def seconds_until(value: str | None, *, now: float | None = None) -> float | None:
    """Seconds from now to the time in a header, which may be a number of seconds or a time in several
    formats.

    Args:
        value: the header.
        now: the server's clock in epoch seconds, because the local one may be wrong; None if unknown.
    """
    now = time.time() if now is None else now
    if value is None or not value.strip():
        return None
    try:
        number = float(value)
    except ValueError:
        number = None
    if number is not None:
        if number > 1e12:
            number /= 1000
        return max(0.0, number - now) if number > 1e9 else max(0.0, number)
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


def _document(body: str) -> dict[str, Any] | None:
    try:
        document: object = json.loads(body)
    except ValueError:
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def _trace_of_body(body: str) -> str:
    document = _document(body)
    errors = document.get("errors") if document is not None else None
    return _trace(cast("list[object]", errors)[0]) if isinstance(errors, list) and errors else ""


def _trace(error: object) -> str:
    if not isinstance(error, dict):
        return ""
    entry = cast("dict[str, Any]", error)
    extensions = cast("dict[str, Any]", entry.get("extensions") or {})
    return str(entry.get("traceId") or extensions.get("traceId") or "")
