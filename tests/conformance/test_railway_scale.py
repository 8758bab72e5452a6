"""A refresh is one request until a page of Railway's is full, and then one for each page."""

from __future__ import annotations

import pytest

from sandbox import scale_bench
from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app

pytestmark = pytest.mark.conformance


@pytest.mark.parametrize(
    ("services", "variables", "requests"), [(1, 100, 1), (100, 1, 1), (101, 1, 2), (201, 1, 3)]
)
def test_requests_grow_with_pages_only(services: int, variables: int, requests: int) -> None:
    """Whatever the number of resources: three for each service here."""
    with LocalServer(create_app()) as server:
        assert scale_bench.refresh(server.url, services, variables).requests == requests
