"""The HTTP client: sends one GraphQL operation, interprets the response, and repeats what is safe to repeat.

A mutation that may have had an effect is repeated only if a repetition changes nothing more
(`Document.repeatable`); the caller looks for the object after an `AmbiguousError`. No message contains the
variables of a request, the token or the body of a response: only Railway's error message is shown, with every
sent value removed from it.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import requests
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying

from railway.clock import Clock, format_duration, log_progress
from railway.graphql import responses
from railway.graphql.credentials import Access
from railway.graphql.documents import Document
from railway.graphql.errors import (
    AmbiguousError,
    BusyError,
    RateLimitedError,
    RequestError,
    ServerFaultError,
    ThrottledError,
    UnreachableError,
)

SOURCE = "pulumi-railway"
"""Sent as `?source=`: Railway's edge limits addresses without a query string more strictly."""

LOW_BUDGET = 0.1
"""The fraction of the hourly requests below which the rest is logged."""

_LOGGED_WAIT = 5.0
_ATTEMPTS = 5

_BUSY_SECONDS = 1200.0
"""For how long a request is repeated while Railway is busy with an earlier one, such as a build."""
THROTTLE_WAIT = 32.0
"""Railway allows the creation of one project, environment or volume per 30 seconds."""

_CONNECT_FIX = "check the network and run `pulumi up` again"
_PROXY_FIX = (
    "correct or unset HTTPS_PROXY, HTTP_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE, then run `pulumi up` again"
)


@dataclass(frozen=True)
class OperationResult:
    """The result of an operation.

    Args:
        data: its `data`.
        not_before: no effect of the operation is earlier than this, by the server's clock; None if the
            response had no date.
    """

    data: Mapping[str, Any]
    not_before: datetime | None


@dataclass(frozen=True)
class Budget:
    """The token's requests of the hour, as of the last response.

    Args:
        remaining: requests that are left.
        resets_at: when there are new ones, in epoch seconds of the local clock.
    """

    remaining: int | None = None
    resets_at: float | None = None


class _Token(AuthBase):
    """Sets the header. With an auth object, `requests` does not read another token from ~/.netrc."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._access.kind == "bearer":
            r.headers["Authorization"] = f"Bearer {self._access.token}"
        else:
            r.headers["Project-Access-Token"] = self._access.token
        return r


class RailwayClient:
    """Sends documents. Safe to share between threads.

    Args:
        access: address and token.
        clock: the clock to wait with.
    """

    def __init__(self, access: Access, clock: Clock) -> None:
        self.access = access
        self.clock = clock
        self._local = threading.local()
        self._budget = Budget()
        self._logging = threading.Lock()
        self._budget_logged_until = 0.0
        self._short_wait_logged = False
        joiner = "&" if "?" in access.url else "?"
        self._url = f"{access.url}{joiner}source={SOURCE}"

    def execute(
        self, document: Document, variables: Mapping[str, object], *, deadline: float = 300.0
    ) -> OperationResult:
        """Send an operation, and repeat it while that is safe and can succeed.

        Args:
            document: the operation.
            variables: its variables; never shown.
            deadline: seconds after which it is not repeated.

        Raises:
            RequestError: the error of the last attempt.
        """
        end = self.clock.deadline(deadline)
        busy_end = self.clock.deadline(max(deadline, _BUSY_SECONDS))

        def should_retry(state: RetryCallState) -> bool:
            error = _error_of(state)
            # Of many rate-limited requests only some succeed in the next second, and a build takes minutes:
            # for them the deadline is the limit, and not the number of attempts.
            unlimited = isinstance(error, RateLimitedError | BusyError)
            return (
                error is not None
                and (unlimited or state.attempt_number < _ATTEMPTS)
                and not (busy_end if isinstance(error, BusyError) else end).passed
                and (document.kind == "query" or document.repeatable or had_no_effect(error))
                and can_succeed_later(error)
            )

        attempts = Retrying(
            retry=should_retry,
            wait=retry_pause,
            sleep=self.clock.sleep,
            before_sleep=lambda state: self._log_retry(document.name, state),
        )
        return attempts(self._send, document, variables)

    def _send(self, document: Document, variables: Mapping[str, object]) -> OperationResult:
        self._wait_for_budget(document.name)
        sent = time.monotonic()
        response = self._post(document, variables)
        elapsed = time.monotonic() - sent
        self._update_budget(response)
        data = responses.data_of(
            document.name,
            responses.HttpResponse(response.status_code, response.headers, response.text),
            variables=variables,
            token=self.access.token,
            kind=self.access.kind,
        )
        return OperationResult(data, _not_before(response.headers.get("Date"), elapsed))

    def _post(self, document: Document, variables: Mapping[str, object]) -> requests.Response:
        body = json.dumps(
            {"query": document.text, "operationName": document.name, "variables": dict(variables)},
            default=_as_dict,
        )
        try:
            return self._session.post(
                self._url,
                data=body.encode(),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                auth=_Token(self.access),
                timeout=(10.0, self.access.timeout),
                allow_redirects=False,
            )
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError):
            failure: RequestError = UnreachableError(
                document.name, "no connection to Railway", fix=_CONNECT_FIX
            )
        except requests.exceptions.InvalidURL:
            failure = UnreachableError(document.name, "the address of the proxy is invalid", fix=_PROXY_FIX)
        except requests.exceptions.SSLError as error:
            failure = _tls_failure(document.name, error)
        except requests.exceptions.ConnectionError as error:
            failure = _connection_failure(document.name, error)
        except requests.exceptions.Timeout:
            waited = format_duration(self.access.timeout)
            failure = AmbiguousError(document.name, f"no response within {waited}", fix=responses.RUN_AGAIN)
        except requests.exceptions.RequestException as error:
            reason = f"the connection broke during the response ({type(error).__name__})"
            failure = AmbiguousError(document.name, reason, fix=responses.RUN_AGAIN)
        except (ValueError, OSError) as error:
            # An invalid address of a proxy, which may hold a password, or a certificate file.
            reason = f"the request could not be sent ({type(error).__name__})"
            failure = AmbiguousError(document.name, reason, fix=_PROXY_FIX)
        raise failure from None

    @property
    def _session(self) -> requests.Session:
        session = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            self._local.session = session
        return cast("requests.Session", session)

    def _wait_for_budget(self, operation: str) -> None:
        budget = self._budget
        if budget.remaining is None or budget.remaining > 0 or budget.resets_at is None:
            return
        left = budget.resets_at - time.time()
        if left <= 0:
            return
        if left > responses.MAX_WAIT:
            raise responses.out_of_budget(operation, left)
        self._log_wait(f"{operation}: this token has no requests left", left + 1)
        self.clock.sleep(left + 1)

    def _update_budget(self, response: requests.Response) -> None:
        remaining = _whole(response.headers.get("X-RateLimit-Remaining"))
        if remaining is None:
            return
        limit = _whole(response.headers.get("X-RateLimit-Limit"))
        now = responses.seconds_of_date(response.headers.get("Date"))
        left = responses.seconds_until(response.headers.get("X-RateLimit-Reset"), now=now)
        self._budget = Budget(remaining, None if left is None else time.time() + left)
        # A limit per second or minute only causes short waits, and is not logged before.
        if limit and left is not None and left > responses.MAX_WAIT and remaining <= limit * LOW_BUDGET:
            self._log_low_budget(remaining, limit, left)

    def _log_low_budget(self, remaining: int, limit: int, left: float) -> None:
        """Logged once per hour."""
        resets_at = time.time() + left
        with self._logging:
            if resets_at <= self._budget_logged_until + responses.MAX_WAIT:
                return
            self._budget_logged_until = resets_at
        log_progress(
            f"{remaining} of this token's {limit} requests per hour are left; Railway allows new ones in "
            f"{format_duration(left)}, at {responses.instant(left)}"
        )

    def _log_retry(self, operation: str, state: RetryCallState) -> None:
        """Log a wait; a short one only if many of them may follow."""
        error, seconds = _error_of(state), state.next_action.sleep if state.next_action else 0.0
        if error is not None and (seconds >= _LOGGED_WAIT or isinstance(error, RateLimitedError)):
            self._log_wait(f"{operation}: {error.traced_reason}", seconds)

    def _log_wait(self, why: str, seconds: float) -> None:
        if seconds >= _LOGGED_WAIT:
            end = responses.instant(seconds * self.clock.scale)
            log_progress(f"{why}; waiting {format_duration(seconds)}, until {end}")
            return
        with self._logging:
            if self._short_wait_logged:
                return
            self._short_wait_logged = True
        log_progress(f"{why}; waiting {format_duration(seconds)} (more waits of this length are not logged)")


def had_no_effect(error: RequestError) -> bool:
    """Whether the error proves that the request had no effect."""
    return isinstance(error, UnreachableError | RateLimitedError | ThrottledError | BusyError)


def can_succeed_later(error: RequestError) -> bool:
    """Whether the same request can succeed when it is repeated."""
    if isinstance(error, RateLimitedError) and error.retry_after is not None:
        return error.retry_after <= responses.MAX_WAIT
    return had_no_effect(error) or isinstance(error, AmbiguousError | ServerFaultError)


def retry_pause(state: RetryCallState) -> float:
    """Seconds to wait before the next attempt."""
    error, attempt = _error_of(state), state.attempt_number
    if isinstance(error, ThrottledError):
        return THROTTLE_WAIT
    if isinstance(error, RateLimitedError):
        # At least a second, also where Railway returns 0: the next response would be the same.
        pause = error.retry_after
        return min(responses.MAX_WAIT, 15.0 * 2 ** (attempt - 1)) if pause is None else max(1.0, pause)
    return min(30.0, 2.0 ** (attempt - 1))


def _error_of(state: RetryCallState) -> RequestError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, RequestError) else None


def _tls_failure(operation: str, error: requests.exceptions.SSLError) -> RequestError:
    """A certificate is verified before anything is sent; other TLS errors may come with the response."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if any(isinstance(part, ssl.SSLCertVerificationError) for part in (reason, *getattr(reason, "args", ()))):
        return UnreachableError(
            operation,
            "the certificate of the server is not trusted on this machine",
            fix="behind a company's proxy, set REQUESTS_CA_BUNDLE to a file with its certificate "
            "authority; then run `pulumi up` again",
        )
    return AmbiguousError(
        operation, "the connection broke before the response (TLS)", fix=responses.RUN_AGAIN
    )


def _connection_failure(operation: str, error: requests.exceptions.ConnectionError) -> RequestError:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    if type(reason).__name__ in {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}:
        return UnreachableError(operation, "no connection to Railway", fix=_CONNECT_FIX)
    return AmbiguousError(operation, "the connection broke before the response", fix=responses.RUN_AGAIN)


def _not_before(date: str | None, elapsed: float) -> datetime | None:
    """The earliest time, by the server's clock, at which the request can have had an effect.

    The header has whole seconds, and is written by Railway's edge and not by its database: a second of
    tolerance for each.
    """
    received = responses.seconds_of_date(date)
    return None if received is None else datetime.fromtimestamp(received - elapsed - 1.0, UTC)


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and value.strip().isdecimal() else None


def _as_dict(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent")
