"""Ask the deployed backend itself whether it is well, through its public domain.

Exactly 200 is well, as for Railway's own health check. Refuses to follow redirects, and to show what the
backend
answered: it may hold anything.
"""

from __future__ import annotations

import requests


def status_of(domain: str, path: str, edge_url: str | None, timeout: float) -> str:
    """The HTTP status of a GET, or in a few words why there was none.

    Args:
        domain: the public host name.
        path: the path, with its slash.
        edge_url: where the domain is reached instead of https://<domain>; the sandbox's names resolve
            nowhere.
        timeout: seconds.
    """
    base = f"https://{domain}" if edge_url is None else edge_url.rstrip("/")
    headers = {} if edge_url is None else {"Host": domain}
    try:
        answer = requests.get(f"{base}{path}", headers=headers, timeout=timeout, allow_redirects=False)
    except requests.exceptions.Timeout:
        return f"no answer within {timeout:.0f} s"
    except requests.exceptions.SSLError:
        return "no certificate for the domain yet"
    except requests.exceptions.RequestException:
        return "no connection"
    return str(answer.status_code)
