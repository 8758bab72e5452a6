"""A request that takes long says what it waits for, after 5 seconds: Google unreachable, Railway busy.

Before, an unreachable Google was 97 seconds of silence. The waits of the gcp plugin itself stay silent: it
has no setting for that.
"""

from __future__ import annotations

import io
import json
import re
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

import progress
from firebase import transport
from firebase.errors import GoogleError
from firebase.rest import GoogleApi
from progress import SlowRequest
from railway.clock import Clock
from railway.graphql.client import RailwayClient
from railway.graphql.credentials import Access
from railway.graphql.documents import Document
from railway.graphql.errors import RequestError, WaitTimeoutError
from railway.waiting import wait_for

pytestmark = pytest.mark.unit

TOKEN = "token-4711"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.05)
    monkeypatch.setattr(progress, "REPEATED_SECONDS", 0.1)


class Log(io.StringIO):
    """Standard error. What is slow waits for a line here, so that no test depends on the machine's speed."""

    @property
    def lines(self) -> list[str]:
        return self.getvalue().splitlines()

    def wait_for_more(self) -> None:
        count, end = len(self.lines), time.monotonic() + 30
        while len(self.lines) <= count:
            assert time.monotonic() < end, "no line in 30 seconds"
            time.sleep(0.01)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=made))  # pytest replaces `sys.stderr` itself
    return made


@pytest.fixture
def slow_server(log: Log) -> Iterator[str]:
    """A server that responds with 503, each time after a line was logged."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            log.wait_for_more()
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = json.dumps({"error": {"status": "UNAVAILABLE"}}).encode()
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815  (the name that http.server looks for)

        def log_message(self, format: str, *args: Any) -> None:
            """No log."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that accepts a connection and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def ask_google(url: str) -> None:
    environ = {"GOOGLE_FIREBASERULES_CUSTOM_ENDPOINT": f"{url}/v1/", "GOOGLE_OAUTH_ACCESS_TOKEN": TOKEN}
    api = GoogleApi(environ)
    api.call("GET", "firebaserules", "projects/p:test", operation="compile firestore.rules", repeatable=True)


def test_a_google_that_fails_is_named_with_the_reason(
    slow_server: str, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.1)
    monkeypatch.setattr(transport, "PATIENCE_SECONDS", 1)
    with pytest.raises(GoogleError):
        ask_google(slow_server)
    assert re.fullmatch(
        r"google: waiting for 'compile firestore\.rules' for \d+ s: no response yet", log.lines[0]
    )
    assert "HTTP 503; the request is repeated" in log.lines[-1]
    assert TOKEN not in log.getvalue()


def test_a_google_that_is_not_reachable_is_named(monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.4)
    monkeypatch.setattr(transport, "PATIENCE_SECONDS", 1)
    with socket.socket() as reserved:  # nothing listens there
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(GoogleError):
            ask_google(f"http://127.0.0.1:{reserved.getsockname()[1]}")
    assert "NewConnectionError; the request is repeated" in log.lines[-1]


def test_a_google_that_never_responds_is_named(
    silent_server: str, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", (30, 1))
    monkeypatch.setattr(transport, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(GoogleError):
        ask_google(silent_server)
    assert "google: waiting for 'compile firestore.rules'" in log.lines[0]


def test_a_railway_that_fails_is_named_with_the_reason(slow_server: str, log: Log) -> None:
    client = RailwayClient(Access(url=slow_server, token=TOKEN, kind="bearer"), Clock(0.05))
    query = Document(name="Look", text="query Look { me { id } }", kind="query")
    with pytest.raises(RequestError):
        client.execute(query, {})
    lines = [line for line in log.lines if "waiting for 'Look'" in line]
    assert re.fullmatch(r"railway: waiting for 'Look' for \d+ s: no response yet", lines[0])
    assert lines[-1].endswith("the request is repeated")
    assert TOKEN not in log.getvalue()


def test_an_object_that_does_not_appear_is_named(log: Log) -> None:
    def find() -> None:
        if not log.lines:
            log.wait_for_more()

    with pytest.raises(WaitTimeoutError):
        wait_for(Clock(0.01), "the service api", find, seconds=30)
    assert re.match(r"railway: waiting for 'the service api' for \d+ s: not on Railway yet", log.lines[0])


def test_what_is_quick_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 60)
    lines: list[str] = []
    with SlowRequest("google", "read a release", lines.append) as waiting:
        pass
    waiting._thread.join(30)
    assert not waiting._thread.is_alive()
    assert lines == []


def test_it_stops_when_the_request_ends(log: Log) -> None:
    with SlowRequest("google", "read a release") as waiting:
        log.wait_for_more()
    waiting._thread.join(30)
    assert not waiting._thread.is_alive()
