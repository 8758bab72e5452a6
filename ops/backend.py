"""The backend as its users reach it. It changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

PAUSE_SECONDS = 2
TIMEOUT_SECONDS = 15


def health(url: str, path: str, wait_seconds: float, environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether GET `url + path` answers 200 within the wait, and what it answered last.

    `RAILWAY_EDGE_URL`, when set, takes the requests for Railway's domains instead, with the domain as Host.
    """
    edge = environ.get("RAILWAY_EDGE_URL")
    address = (edge.rstrip("/") if edge else url) + path
    headers = {"Host": urlsplit(url).netloc} if edge else {}
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            answer = requests.get(address, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)
            found = f"{answer.status_code} {answer.reason}"
            healthy = answer.status_code == requests.codes.ok
        except requests.RequestException as lost:
            found, healthy = f"no answer ({type(lost).__name__})", False
        if healthy or time.monotonic() >= deadline:
            return healthy, found
        time.sleep(PAUSE_SECONDS)
