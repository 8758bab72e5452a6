"""The health check of a deployed service through its public domain.

A service is healthy if it returns status 200, as for Railway's own health check; redirects are not
followed. The body of a response is never shown: it may contain anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from railway.clock import Deadline
from user_errors import printable

_SHOWN = 100


@dataclass(frozen=True)
class Health:
    """Result of a health check.

    Args:
        healthy: whether the response had status 200.
        outcome: status and reason, such as "503 Service Unavailable", or why there was no response.
    """

    healthy: bool
    outcome: str


def wait_until_healthy(
    domain: str,
    path: str,
    *,
    deadline: Deadline,
    edge_url: str | None = None,
    timeout: float = 10.0,
    stop: Callable[[], bool] = lambda: False,
) -> Health:
    """Send GET requests until the service is healthy, and return the last result.

    Args:
        domain: the public host name.
        path: the path, with its slash.
        deadline: when to stop.
        edge_url: where requests are sent instead of https://<domain>, with the domain as Host; for a local
            server, whose domains do not resolve.
        timeout: seconds for one request.
        stop: called after each failed request; True ends the wait.
    """
    address = f"{edge_url.rstrip('/') if edge_url else f'https://{domain}'}{path}"
    headers = {"Host": domain} if edge_url else {}
    last = Health(healthy=False, outcome="")

    def attempt() -> Health | None:
        nonlocal last
        last = _check(address, headers, timeout)
        return last if last.healthy or stop() else None

    return deadline.poll(attempt, every=5.0) or last


def _check(address: str, headers: Mapping[str, str], timeout: float) -> Health:
    try:
        # With any `auth`, requests does not read a login for the domain from ~/.netrc.
        response = requests.get(
            address, headers=headers, timeout=timeout, allow_redirects=False, auth=lambda request: request
        )
    except requests.exceptions.Timeout:
        return Health(healthy=False, outcome=f"no response within {timeout:.0f} s")
    except requests.exceptions.SSLError:
        return Health(healthy=False, outcome="no certificate for the domain yet")
    except (
        requests.exceptions.RequestException,
        ValueError,
    ):  # ValueError: the address of a proxy is invalid
        return Health(healthy=False, outcome="no connection")
    found = printable(f"{response.status_code} {response.reason}").strip()[:_SHOWN]
    return Health(healthy=response.status_code == requests.codes.ok, outcome=found)
