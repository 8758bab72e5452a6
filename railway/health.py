"""The health check of a deployed service through its public domain.

A service is healthy if it answers with status 200, as for Railway's own health check; redirects are not
followed. The body of an answer is never shown: it may contain anything.
"""

from __future__ import annotations

from collections.abc import Callable
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


def check(domain: str, path: str, *, edge_url: str | None, timeout: float) -> Health:
    """Send one GET request.

    Args:
        domain: the public host name.
        path: the path, with its slash.
        edge_url: where the request is sent instead of https://<domain>, with the domain as Host; for a local
            server, whose domains do not resolve.
        timeout: seconds.
    """
    base = edge_url.rstrip("/") if edge_url else f"https://{domain}"
    headers = {"Host": domain} if edge_url else {}
    try:
        answer = requests.get(f"{base}{path}", headers=headers, timeout=timeout, allow_redirects=False)
    except requests.exceptions.Timeout:
        return Health(healthy=False, answer=f"no answer within {timeout:.0f} s")
    except requests.exceptions.SSLError:
        return Health(healthy=False, answer="no certificate for the domain yet")
    except requests.exceptions.RequestException:
        return Health(healthy=False, answer="no connection")
    found = f"{answer.status_code} {answer.reason}".strip()
    return Health(healthy=answer.status_code == requests.codes.ok, answer=found)


def wait_until_healthy(
    domain: str,
    path: str,
    *,
    deadline: Deadline,
    edge_url: str | None = None,
    timeout: float = 10.0,
    gives_up: Callable[[], bool] = lambda: False,
) -> Health:
    """Check until the service is healthy, and return the last result.

    Args:
        domain: see `check`, as for `path`, `edge_url` and `timeout`.
        path: see `check`.
        deadline: when to stop.
        edge_url: see `check`.
        timeout: see `check`.
        gives_up: called after each failed check; True ends the wait.
    """
    last = Health(healthy=False, answer="")

    def attempt() -> Health | None:
        nonlocal last
        last = check(domain, path, edge_url=edge_url, timeout=timeout)
        return last if last.healthy or gives_up() else None

    return deadline.poll(attempt, every=5.0) or last
