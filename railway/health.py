"""The health check of a deployed service through its public domain.

A service is healthy if it answers with status 200, as for Railway's own health check; redirects are not
followed. The body of an answer is never shown: it may contain anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from railway.clock import Deadline


@dataclass(frozen=True)
class Health:
    """Result of a health check.

    Args:
        healthy: whether the answer had status 200.
        answer: status and reason, such as "503 Service Unavailable", or why there was no answer.
    """

    healthy: bool
    answer: str


def wait_until_healthy(
    domain: str,
    path: str,
    *,
    deadline: Deadline,
    edge_url: str | None = None,
    timeout: float = 10.0,
    gives_up: Callable[[], bool] = lambda: False,
) -> Health:
    """Send GET requests until the service is healthy, and return the last result.

    Args:
        domain: the public host name.
        path: the path, with its slash.
        deadline: when to stop.
        edge_url: where requests are sent instead of https://<domain>, with the domain as Host; for a local
            server, whose domains do not resolve.
        timeout: seconds for one request.
        gives_up: called after each failed request; True ends the wait.
    """
    address = f"{edge_url.rstrip('/') if edge_url else f'https://{domain}'}{path}"
    headers = {"Host": domain} if edge_url else {}
    last = Health(healthy=False, answer="")

    def attempt() -> Health | None:
        nonlocal last
        last = _check(address, headers, timeout)
        return last if last.healthy or gives_up() else None

    return deadline.poll(attempt, every=5.0) or last


def _check(address: str, headers: Mapping[str, str], timeout: float) -> Health:
    try:
        answer = requests.get(address, headers=headers, timeout=timeout, allow_redirects=False)
    except requests.exceptions.Timeout:
        return Health(healthy=False, answer=f"no answer within {timeout:.0f} s")
    except requests.exceptions.SSLError:
        return Health(healthy=False, answer="no certificate for the domain yet")
    except requests.exceptions.RequestException:
        return Health(healthy=False, answer="no connection")
    found = f"{answer.status_code} {answer.reason}".strip()
    return Health(healthy=answer.status_code == requests.codes.ok, answer=found)
