"""The HTTP connection to Google: `AuthorizedSession` of google-auth with `Retry` of urllib3.

`AuthorizedSession` sends the token and the quota project of the credentials. After a 401, which Google sends
before a request takes effect, it renews the token and sends the request again. `Retry` repeats temporary
failures and obeys Retry-After. What they do not do is done here:

- Redirects are not followed: requests sends the token along if the host stays the same.
- ~/.netrc is not read: requests replaces the Authorization header by an entry for the host.
- `Retry` is configured per connection pool. Requests that must not be repeated have their own session.
- `Retry` only counts attempts. `_Retry` also stops `PATIENCE_SECONDS` after the first failure.
- `Retry` says nothing. After 5 seconds, a line says what is waited for, and why.
- `Retry` does not read bodies. A body that breaks off or is not JSON (a proxy's page) is requested again by
  `Transport.call`.

Do not import this module before a request is sent; see `firebase.rest`.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import google.auth.exceptions
import google.oauth2.credentials
import requests
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from firebase.errors import GoogleError, JsonObject
from progress import SlowRequest
from user_errors import OR

TIMEOUT: Any = (10, 60)  # seconds to connect and to read; google-auth declares int and takes both
PATIENCE_SECONDS = 90.0
BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF = 16
LONGEST_RETRY_AFTER = 60
BODY_ATTEMPTS = 3
NO_QUOTA_PROJECT = "NO_QUOTA_PROJECT"
"""The reason of an error of personal credentials without a quota project; Google's is SERVICE_DISABLED."""
# The projects of gcloud's two OAuth clients: Google uses their quota if no other project is named.
_PROJECTS_OF_GCLOUD = ("764086051850", "32555940559")
_QUOTA = re.compile(rf"requires a quota project|\b(?:{'|'.join(_PROJECTS_OF_GCLOUD)})\b")
RETRIED_STATUS = (429, 500, 502, 503, 504)
_LOGIN = f"gcloud auth application-default login\n{OR}set GOOGLE_OAUTH_ACCESS_TOKEN or GOOGLE_CREDENTIALS"


_PROJECT = re.compile(r"/projects/([a-z0-9-]+)")
_this_thread = threading.local()  # `.waiting`: the request that is being sent


class _Retry(Retry):
    deadline = math.inf

    def increment(self, *args: Any, **kwargs: Any) -> _Retry:
        response, error = kwargs.get("response"), kwargs.get("error")
        waiting = getattr(_this_thread, "waiting", None)
        if isinstance(waiting, SlowRequest):
            failure = f"HTTP {response.status}" if response is not None else type(error).__name__
            waiting.reason = f"{failure}; the request is repeated for up to {PATIENCE_SECONDS:.0f} s"
        return cast("_Retry", super().increment(*args, **kwargs))

    def new(self, **changes: Any) -> _Retry:
        made = super().new(**changes)
        made.deadline = min(self.deadline, time.monotonic() + PATIENCE_SECONDS)
        return made

    def is_exhausted(self) -> bool:
        return time.monotonic() >= self.deadline or super().is_exhausted()


class Transport:
    """Sends requests with the credentials that the environment variables name."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        token = _given_token(environ)
        credentials = google.oauth2.credentials.Credentials(token) if token else _credentials(environ)
        retry = _Retry(
            allowed_methods=None,
            status_forcelist=RETRIED_STATUS,
            backoff_factor=BACKOFF_SECONDS / 2,
            backoff_max=LONGEST_BACKOFF,
            retry_after_max=LONGEST_RETRY_AFTER,
            raise_on_status=False,
        )
        # A given token cannot be renewed.
        self._repeating = _session(credentials, retry, renew=not token)
        self._once = _session(credentials, Retry(0, read=False), renew=not token)

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
        with SlowRequest("google", operation) as waiting:
            _this_thread.waiting = waiting
            return self._call(
                method, url, operation=operation, body=body, params=params, repeatable=repeatable
            )

    def _call(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        body: JsonObject | None,
        params: Mapping[str, str] | None,
        repeatable: bool,
    ) -> JsonObject:
        session = self._repeating if repeatable else self._once
        attempts = BODY_ATTEMPTS if repeatable else 1
        for attempt in range(attempts):
            time.sleep(BACKOFF_SECONDS * attempt)
            try:
                response = session.request(
                    method, url, json=body, params=params, timeout=TIMEOUT, allow_redirects=False
                )
            except google.auth.exceptions.GoogleAuthError as refused:
                raise _no_credentials(refused) from None
            except requests.exceptions.ChunkedEncodingError:
                continue
            except (requests.RequestException, ValueError, OSError) as lost:
                # Only the class name: the text of the exception can contain the whole address, or that of a
                # proxy with its password.
                raise _no_response(operation, type(lost).__name__) from None
            parsed = _parse(response)
            if response.status_code >= 300:
                raise _error(operation, response.status_code, parsed, url)
            if parsed is not None:
                return parsed
        raise _no_response(operation, "the body is incomplete or not JSON")


def _session(credentials: Credentials, retry: Retry, *, renew: bool) -> AuthorizedSession:
    session = AuthorizedSession(credentials, refresh_status_codes=(401,) if renew else ())
    session.auth = lambda request: request  # with any `auth`, requests does not read ~/.netrc
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def credentials_of(environ: Mapping[str, str]) -> Credentials:
    """The credentials that the environment variables name, for another client of Google.

    Raises:
        GoogleError: there are none that can be used.
    """
    token = _given_token(environ)
    return google.oauth2.credentials.Credentials(token) if token else _credentials(environ)


def _given_token(environ: Mapping[str, str]) -> str:
    """The access token in the environment, "" if there is none."""
    token = environ.get("GOOGLE_OAUTH_ACCESS_TOKEN", "").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        # Else the exception of the HTTP library contains the token.
        what = "GOOGLE_OAUTH_ACCESS_TOKEN contains a character that no token has"
        raise GoogleError(what, 'export GOOGLE_OAUTH_ACCESS_TOKEN="$(gcloud auth print-access-token)"')
    return token


def _credentials(environ: Mapping[str, str]) -> Credentials:
    """GOOGLE_CREDENTIALS (the JSON of a key, or its path) as pulumi-gcp reads it, else the default ones."""
    from firebase_admin import credentials

    given = environ.get("GOOGLE_CREDENTIALS", "").strip()
    try:
        if given:
            key = json.loads(given) if given.startswith("{") else _key_file(given)
            found = credentials.Certificate(key)
        else:
            found = credentials.ApplicationDefault()
        return cast("Credentials", found.get_credential())
    except (google.auth.exceptions.GoogleAuthError, ValueError, OSError, RecursionError) as refused:
        raise _no_credentials(refused) from None


def _key_file(path: str) -> str:
    """The path, if a read of it ends: one of a FIFO or a device may not."""
    if not Path(path).is_file():
        raise FileNotFoundError(path)
    return path


def _no_credentials(refused: Exception) -> GoogleError:
    return GoogleError(f"no usable Google credentials ({type(refused).__name__})", _LOGIN)


def _no_response(operation: str, why: str) -> GoogleError:
    what = f"Google did not respond to '{operation}' ({why})"
    return GoogleError(what, "check the network and the proxy, then run the command again")


def _parse(response: requests.Response) -> JsonObject | None:
    """The body as an object, {} if it is empty, None if it is something else."""
    if not response.content:
        return {}
    try:
        parsed: object = response.json()
    except requests.exceptions.JSONDecodeError:
        return None
    return cast("JsonObject", parsed) if isinstance(parsed, dict) else None


def _error(operation: str, status: int, parsed: JsonObject | None, url: str) -> GoogleError:
    error = (parsed or {}).get("error")
    body = cast("JsonObject", error) if isinstance(error, dict) else {}
    reason = str(body.get("status", ""))
    message = str(body.get("message") or "the response is not one of Google's")
    named = message
    for detail in cast("list[JsonObject]", body.get("details") or []):
        if str(detail.get("@type", "")).endswith("ErrorInfo"):
            reason = str(detail.get("reason", reason))
            named += f" {detail.get('metadata')}"
    if status == 403 and _QUOTA.search(named):
        reason = NO_QUOTA_PROJECT
        named_project = _PROJECT.search(url)
        project = named_project[1] if named_project else "<project id>"
        fix = (
            f"gcloud auth application-default set-quota-project {project}\n"
            "If GOOGLE_OAUTH_ACCESS_TOKEN is set, first run the following, because that token has no quota "
            "project:\n"
            "unset GOOGLE_OAUTH_ACCESS_TOKEN && gcloud auth application-default login"
        )
    elif reason == "SERVICE_DISABLED":
        fix = "enable the API named above, or run `pulumi up`, which enables it"
    elif status == 401:
        fix = _LOGIN
    elif status == 403:
        fix = "grant the account that runs Pulumi the role with this permission: docs/ci.md lists the roles"
    elif status == 404:
        fix = "check the project id; if the object was deleted, run `pulumi up --refresh --run-program`"
    elif status == 409:
        fix = (
            "if the object exists and is not in the state:\n"
            ".venv/bin/python -m ops adopt --stack <stack>\n"
            "If another process changes it, run the command again."
        )
    elif status in RETRIED_STATUS:
        fix = "run the command again in a few minutes"
    else:
        fix = (
            "correct the field that Google's message names (often the project id or the region), then run "
            "pulumi up again"
        )
    return GoogleError(f"Google rejected '{operation}': {message}", fix, status=status, reason=reason)
