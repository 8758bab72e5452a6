"""One GraphQL request at a time: sending, understanding the answer, and repeating what is safe to repeat.

Refuses to repeat a write that may have happened, unless its second sending changes nothing more
(`Document.repeatable`): whoever makes something looks for it first, and looks again after an
`AmbiguousError`. Refuses to show a request's variables, the token, or the body of an answer: only
Railway's own error message is shown, with every value that we sent taken out of it.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast

import requests
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception

from railway.clock import Clock, format_duration, log_progress
from railway.errors import (
    AmbiguousError,
    RateLimitedError,
    RequestError,
    ServerFaultError,
    ThrottledError,
    UnreachableError,
)
from railway.graphql import responses
from railway.graphql.credentials import Access
from railway.graphql.documents import Document

SOURCE = "pulumi-whatsapp-crm"
"""Sent as `?source=`: Railway's edge counts addresses without a query string far more strictly."""

MAX_WAIT = responses.LONGEST_WAIT

FEW = 0.1
"""The part of an hour's requests from which on we say how few are left."""

_MOMENT = 5.0

THROTTLE_WAIT = 32.0
"""Railway allows one project, environment or volume per 30 seconds."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Args:
        data: the `data` of the answer.
        not_before: no effect of this request is older than this, by the server's clock; None if it did
            not say.
    """

    data: Mapping[str, Any]
    not_before: datetime | None


@dataclass(frozen=True)
class Budget:
    """What is left of the token's hour, as far as the last answer said.

    Args:
        limit: requests in an hour.
        remaining: requests left.
        resets_at: when there are new ones, epoch seconds by our own clock.
    """

    limit: int | None = None
    remaining: int | None = None
    resets_at: float | None = None


class _Token(AuthBase):
    """Sets the header itself; with an auth object `requests` does not look into ~/.netrc for another."""

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
        clock: how to wait.
    """

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access = access
        self.clock = clock
        self._local = threading.local()
        self._budget = Budget()
        self._telling = threading.Lock()
        self._said_few = 0.0
        self._said_short = False
        joiner = "&" if "?" in access.url else "?"
        self._url = f"{access.url}{joiner}source={SOURCE}"

    @property
    def budget(self) -> Budget:
        """What is left of the hour's requests."""
        return self._budget

    def execute(
        self, document: Document, variables: Mapping[str, object], *, deadline: float = 300.0
    ) -> Answer:
        """Send one operation and return its data, repeating it while that is safe and useful.

        Args:
            document: what to send.
            variables: its variables; never shown.
            deadline: seconds after which no repetition starts.

        Raises:
            RequestError: one of its subclasses, when the last try failed.
        """
        end = self.clock.deadline(deadline)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return pause(error, state.attempt_number) if isinstance(error, RequestError) else 0.0

        def again(error: BaseException) -> bool:
            return (
                isinstance(error, RequestError)
                and not end.passed
                and (document.kind == "query" or document.repeatable or nothing_happened(error))
                and repeatable(error)
            )

        def told(state: RetryCallState) -> None:
            seconds = state.next_action.sleep if state.next_action else 0.0
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, RequestError):
                self._tell(document.name, error, seconds)

        def enough(state: RetryCallState) -> bool:
            # Many of us may be turned away in the same second, and only some of them come through in the
            # next: the deadline ends that, not the number of tries.
            error = state.outcome.exception() if state.outcome else None
            return state.attempt_number >= 5 and not isinstance(error, RateLimitedError)

        attempts = Retrying(
            retry=retry_if_exception(again),
            wait=wait,
            stop=enough,
            sleep=self.clock.sleep,
            before_sleep=told,
            reraise=True,
        )
        return attempts(self._once, document, variables)

    def _once(self, document: Document, variables: Mapping[str, object]) -> Answer:
        self._respect_budget(document.name)
        sent = time.monotonic()
        response = self._post(document, variables)
        elapsed = time.monotonic() - sent
        self._note_budget(response)
        data = responses.data_of(
            document.name,
            responses.Raw(response.status_code, response.headers, response.text),
            variables=variables,
            token=self._access.token,
            kind=self._access.kind,
        )
        return Answer(data, _not_before(response.headers.get("Date"), elapsed))

    def _post(self, document: Document, variables: Mapping[str, object]) -> requests.Response:
        body = json.dumps(
            {"query": document.text, "operationName": document.name, "variables": dict(variables)},
            default=_plain,
        )
        try:
            return self._session.post(
                self._url,
                data=body.encode(),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                auth=_Token(self._access),
                timeout=(10.0, self._access.timeout),
                allow_redirects=False,
            )
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError):
            failure: RequestError = UnreachableError(
                document.name,
                "no connection to Railway",
                fix="check the network and run `pulumi up` again",
            )
        except requests.exceptions.SSLError as error:
            failure = _tls_failure(document.name, error)
        except requests.exceptions.ConnectionError as error:
            failure = _connection_failure(document.name, error)
        except requests.exceptions.Timeout:
            failure = AmbiguousError(
                document.name,
                f"no answer within {format_duration(self._access.timeout)}",
                fix="run `pulumi up` again; it looks at what is there first",
            )
        except requests.exceptions.RequestException as error:
            failure = AmbiguousError(
                document.name,
                f"the answer broke off ({type(error).__name__})",
                fix="run `pulumi up` again; it looks at what is there first",
            )
        raise failure from None

    @property
    def _session(self) -> requests.Session:
        session = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            self._local.session = session
        return cast("requests.Session", session)

    def _respect_budget(self, operation: str) -> None:
        budget = self._budget
        if budget.remaining is None or budget.remaining > 0 or budget.resets_at is None:
            return
        left = budget.resets_at - time.time()
        if left <= 0:
            return
        if left > MAX_WAIT:
            raise responses.out_of_budget(operation, left)
        self._tell_wait(f"{operation}: no request of this token is left for now", left + 1)
        self.clock.sleep(left + 1)

    def _note_budget(self, response: requests.Response) -> None:
        remaining = _whole(response.headers.get("X-RateLimit-Remaining"))
        if remaining is None:
            return
        limit = _whole(response.headers.get("X-RateLimit-Limit"))
        now = responses.seconds_of_date(response.headers.get("Date"))
        left = responses.seconds_until(response.headers.get("X-RateLimit-Reset"), now=now)
        self._budget = Budget(limit, remaining, None if left is None else time.time() + left)
        # A limit of a second or a minute is met by waiting; nobody needs to hear of it before.
        if limit and left is not None and left > MAX_WAIT and remaining <= limit * FEW:
            self._tell_few(remaining, limit, left)

    def _tell_few(self, remaining: int, limit: int, left: float) -> None:
        """Say it once in an hour."""
        resets_at = time.time() + left
        with self._telling:
            if resets_at <= self._said_few + MAX_WAIT:
                return
            self._said_few = resets_at
        log_progress(
            f"{remaining} of this token's {limit} requests of the hour are left; Railway gives new ones in "
            f"{format_duration(left)}, at {responses.instant(left)}"
        )

    def _tell(self, operation: str, error: RequestError, seconds: float) -> None:
        """Say why we wait and how long; a moment is told only where many of them may come."""
        if seconds >= _MOMENT or isinstance(error, RateLimitedError):
            self._tell_wait(f"{operation}: {error.traced_reason}", seconds)

    def _tell_wait(self, why: str, seconds: float) -> None:
        if seconds >= _MOMENT:
            end = responses.instant(seconds * self.clock.scale)
            log_progress(f"{why}; waiting {format_duration(seconds)}, until {end}")
            return
        with self._telling:
            if self._said_short:
                return
            self._said_short = True
        log_progress(
            f"{why}; waiting {format_duration(seconds)} (further waits as short as this are not told)"
        )


def nothing_happened(error: RequestError) -> bool:
    """Whether the error proves that the request had no effect."""
    return isinstance(error, UnreachableError | RateLimitedError | ThrottledError)


def repeatable(error: RequestError) -> bool:
    """Whether the same request may well succeed when it is sent again."""
    if isinstance(error, RateLimitedError) and error.retry_after is not None:
        return error.retry_after <= MAX_WAIT
    return nothing_happened(error) or isinstance(error, AmbiguousError | ServerFaultError)


def pause(error: RequestError, attempt: int) -> float:
    """Seconds to wait before the next try."""
    if isinstance(error, ThrottledError):
        return THROTTLE_WAIT
    if isinstance(error, RateLimitedError):
        # Never at once, also where Railway says 0: the same answer would come again and again.
        asked = error.retry_after
        return min(MAX_WAIT, 15.0 * 2 ** (attempt - 1)) if asked is None else max(1.0, asked)
    return min(30.0, 2.0 ** (attempt - 1))


def _tls_failure(operation: str, error: requests.exceptions.SSLError) -> RequestError:
    """A certificate is looked at before anything is sent; any other trouble may come with the answer."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if any(isinstance(part, ssl.SSLCertVerificationError) for part in (reason, *getattr(reason, "args", ()))):
        return UnreachableError(
            operation,
            "the certificate that answered in Railway's place is not trusted on this machine",
            fix="behind a company's proxy set REQUESTS_CA_BUNDLE to a file with its authority; then "
            "run `pulumi up` again",
        )
    return AmbiguousError(
        operation,
        "the connection broke before the answer (TLS)",
        fix="run `pulumi up` again; it looks at what is there first",
    )


def _connection_failure(operation: str, error: requests.exceptions.ConnectionError) -> RequestError:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    if type(reason).__name__ in {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}:
        return UnreachableError(
            operation, "no connection to Railway", fix="check the network and run `pulumi up` again"
        )
    return AmbiguousError(
        operation,
        "the connection broke before the answer",
        fix="run `pulumi up` again; it looks at what is there first",
    )


def _not_before(date: str | None, elapsed: float) -> datetime | None:
    """The earliest instant, by the server's clock, at which the request can have had an effect.

    The header has whole seconds and comes from Railway's edge, not from its database: a second of slack
    for each.
    """
    if date is None:
        return None
    try:
        answered = parsedate_to_datetime(date)
    except ValueError:
        return None
    return answered.astimezone(UTC) - timedelta(seconds=elapsed + 1.0)


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and value.strip().isdecimal() else None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent")
