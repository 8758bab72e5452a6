"""One HTTP request to Google, and which of its failures pass by themselves.

Apart from `firebase.rest` because loading an HTTP client costs a preview in which nothing is asked a quarter
of a second. It refuses to follow a redirect with a token in hand; messages name the operation and the next
step, never a header or a body that was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import requests
import requests.auth
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from firebase.errors import GoogleError, JsonObject

CONNECT_SECONDS = 10
READ_SECONDS = 60
LONGEST_RETRY_AFTER = 60
PASSING_STATUS = (429, 500, 502, 503, 504)
_backoff = wait_exponential(multiplier=0.5, max=16)


class _PassingError(Exception):
    """The answer is of the kind that goes away. Never leaves this module."""

    def __init__(self, error: GoogleError, retry_after: float) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after


class _Bearer(requests.auth.AuthBase):
    # As an auth object, not a header: requests lets a ~/.netrc entry of the host override a mere header.
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self._token}"
        return r


class Transport:
    """The connection and its repeating.

    Args:
        token: gives the bearer token and, for a person's own login, the project that pays for the call.
        patience_seconds: how long passing failures of one call may last before they are reported.
    """

    def __init__(self, token: Callable[[], tuple[str, str | None]], patience_seconds: float) -> None:
        self._token = token
        self._patience = patience_seconds
        self._session = requests.Session()

    def call(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        body: JsonObject | None,
        params: Mapping[str, str] | None,
        repeatable: bool,
    ) -> JsonObject:
        """See `firebase.rest.GoogleApi.call`."""
        if not repeatable:
            try:
                return self._once(method, url, operation, body, params)
            except _PassingError as passing:
                raise passing.error from None
        retrying = Retrying(
            retry=retry_if_exception_type(_PassingError),
            wait=_wait,
            stop=stop_after_delay(self._patience),
            reraise=True,
        )
        try:
            return retrying(self._once, method, url, operation, body, params)
        except _PassingError as passing:
            raise passing.error from None

    def _once(
        self, method: str, url: str, operation: str, body: JsonObject | None, params: Mapping[str, str] | None
    ) -> JsonObject:
        token, quota_project = self._token()
        headers = {"x-goog-user-project": quota_project} if quota_project else {}
        try:
            answer = self._session.request(
                method,
                url,
                json=body,
                params=params,
                headers=headers,
                auth=_Bearer(token),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as lost:
            # Only the class name: the text of a requests exception can carry the whole address.
            error = GoogleError(
                operation,
                None,
                "",
                f"no answer ({type(lost).__name__})",
                "Check the network, then run it again.",
            )
            raise _PassingError(error, 0) from None
        parsed = _parse(answer)
        if answer.ok and answer.status_code < 300 and parsed is not None:
            return parsed
        error = _error(operation, answer.status_code, parsed)
        if answer.status_code in PASSING_STATUS or (answer.ok and parsed is None):
            raise _PassingError(error, _retry_after(answer))
        raise error


def _wait(state: RetryCallState) -> float:
    waited = _backoff(state)
    failure = state.outcome.exception() if state.outcome else None
    return max(waited, failure.retry_after) if isinstance(failure, _PassingError) else waited


def _retry_after(answer: requests.Response) -> float:
    try:
        return min(float(answer.headers.get("Retry-After", "0")), LONGEST_RETRY_AFTER)
    except ValueError:
        return 0  # the HTTP-date form: our own backoff will do


def _parse(answer: requests.Response) -> JsonObject | None:
    """The body as an object; {} for an empty one; None when it is something else, as proxies send."""
    if not answer.content:
        return {}
    try:
        parsed: object = answer.json()
    except requests.exceptions.JSONDecodeError:
        return None
    return cast("JsonObject", parsed) if isinstance(parsed, dict) else None


def _error(operation: str, status: int, parsed: JsonObject | None) -> GoogleError:
    if parsed is None:
        return GoogleError(
            operation,
            status,
            "",
            "the answer is not JSON",
            "Something between here and Google answered; try again.",
        )
    error = parsed.get("error")
    body = cast("JsonObject", error) if isinstance(error, dict) else {}
    reason = str(body.get("status", ""))
    for detail in cast("list[JsonObject]", body.get("details") or []):
        if str(detail.get("@type", "")).endswith("ErrorInfo"):
            reason = str(detail.get("reason", reason))
    return GoogleError(
        operation, status, reason, str(body.get("message") or "refused"), _mend(status, reason)
    )


def _mend(status: int, reason: str) -> str:
    if reason == "SERVICE_DISABLED":
        return "Enable the API named above, or let the first `pulumi up` do it."
    if status == 401:
        return "Renew the credentials: `gcloud auth application-default login`, or GOOGLE_OAUTH_ACCESS_TOKEN."
    if status == 403:
        return "Grant the missing permission to the account that runs Pulumi."
    if status in PASSING_STATUS:
        return "It did not pass in time; run it again later."
    return "See the message."
