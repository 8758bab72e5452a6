"""The health check of a starting deployment: GET until the answer is exactly 200.

Source: docs.railway.com, deployments/healthchecks: the host is healthcheck.railway.app, the time-out 300 s by
default, and after the deployment nothing is checked any more.
"""

from __future__ import annotations

import httpx

from sandbox.local_server import HOST

CHECK_HOST = "healthcheck.railway.app"
DEFAULT_SECONDS = 300.0
_REQUEST_SECONDS = 10.0
OK = 200
UNAVAILABLE = "service unavailable"


async def probe(client: httpx.AsyncClient, port: int | None, path: str) -> str | None:
    """Check once; return what is wrong, or None. There is no port while there is no process."""
    if port is None:
        return UNAVAILABLE
    url = f"http://{HOST}:{port}/{path.lstrip('/')}"
    try:
        async with client.stream(
            "GET", url, headers={"Host": CHECK_HOST}, timeout=_REQUEST_SECONDS
        ) as response:
            return None if response.status_code == OK else f"status {response.status_code}"
    except httpx.HTTPError:
        return UNAVAILABLE
