"""The sandbox's HTTPS proxy: nothing for Google leaves the machine, everything else does as before."""

from __future__ import annotations

import base64
import socket
from urllib.parse import urlsplit

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sandbox.local_server import LocalServer
from sandbox.proxy import RefusingProxy, is_refused
from tests.counting_proxy import CountingProxy

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize(
    "url",
    [
        "https://openidconnect.googleapis.com/v1/userinfo",
        "https://compute.googleapis.com/compute/v1/projects/p/regions",
        "https://Firestore.GoogleAPIs.com/v1",
    ],
)
def test_a_request_to_google_ends_at_the_proxy(url: str) -> None:
    with CountingProxy() as outside, RefusingProxy(upstream=outside.url) as proxy:
        with pytest.raises(requests.exceptions.ProxyError, match="403"):
            requests.get(url, proxies={"https": proxy.url}, timeout=10)
        assert outside.asked == []


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("googleapis.com", True),
        ("a.b.googleapis.com", True),
        ("notgoogleapis.com", False),
        ("googleapis.com.example", False),
    ],
)
def test_only_hosts_of_googles_apis_are_refused(host: str, refused: bool) -> None:
    assert is_refused(host) == refused


def test_other_hosts_are_asked_through_the_machines_own_proxy_with_its_login() -> None:
    with CountingProxy() as outside, RefusingProxy(upstream=outside.url.replace("//", "//me:pw@")) as proxy:
        with pytest.raises(requests.exceptions.ProxyError, match="403"):
            requests.get("https://example.com/", proxies={"https": proxy.url}, timeout=10)
        assert outside.asked == ["example.com:443"]
        assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:pw').decode()}" in outside.headers[0]


def test_other_hosts_are_asked_directly_without_a_proxy_of_the_machine() -> None:
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("reached"))])
    with (
        LocalServer(app) as server,
        RefusingProxy() as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), 10) as line,
    ):
        line.sendall(f"CONNECT {urlsplit(server.url).netloc} HTTP/1.1\r\n\r\n".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := line.recv(1000):
            answer += chunk
    assert answer.endswith(b"reached")
