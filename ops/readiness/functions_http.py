"""A GET of a function's public address, without a login: does the function itself answer, and how fast?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from user_errors import printable

EDGE_VARIABLE = "GOOGLE_EDGE_URL"
"""Where requests to functions are sent instead of their own address, with their name as Host: for a local
server, whose domains do not resolve."""

TIMEOUT_SECONDS = 60.0
_FRONT = (403, 404, 421)
"""Answers before the function: the caller is not an invoker, there is no such service, or no such host."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request.

    Args:
        status: the HTTP status; None without a response.
        outcome: status and reason, or why there was no response.
        seconds: until the response was complete.
    """

    status: int | None
    outcome: str
    seconds: float

    @property
    def answered(self) -> bool:
        """Whether the function itself answered, and did not fail."""
        return self.status is not None and self.status < 500 and self.status not in _FRONT


def get(address: str, environ: Mapping[str, str]) -> Call:
    """Send one GET. A function that only takes POST answers 405, one that needs a login 401."""
    edge, host = environ.get(EDGE_VARIABLE), urlsplit(address).netloc
    url = f"{edge.rstrip('/')}{urlsplit(address).path or '/'}" if edge else address
    started = time.monotonic()
    try:
        # With any `auth`, requests does not read a login for the host from ~/.netrc.
        response = requests.get(
            url,
            headers={"Host": host} if edge else {},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
            auth=lambda request: request,
        )
    except requests.exceptions.RequestException as error:
        seconds = time.monotonic() - started
        return Call(status=None, outcome=f"no response ({type(error).__name__})", seconds=seconds)
    outcome = printable(f"{response.status_code} {response.reason or ''}").strip()
    return Call(status=response.status_code, outcome=outcome, seconds=time.monotonic() - started)
