"""A request that takes long says what it waits for, after 5 seconds: Google unreachable, Railway busy.

Before, an unreachable Google was 97 seconds of silence. The waits of the gcp plugin itself stay silent: it
has no setting for that.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
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


@pytest.fixture
def slow_server() -> Iterator[str]:
    """A server that responds with 503, each time after 0.4 seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            time.sleep(0.4)
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
    slow_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.1)
    monkeypatch.setattr(transport, "PATIENCE_SECONDS", 0.5)
    with pytest.raises(GoogleError):
        ask_google(slow_server)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "google: waiting for 'compile firestore.rules' for 0 s: no response yet"
    assert "HTTP 503; the request is repeated" in lines[-1]
    assert TOKEN not in "".join(lines)


def test_a_google_that_is_not_reachable_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.2)
    monkeypatch.setattr(transport, "PATIENCE_SECONDS", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]  # closed again: nothing listens there
    with pytest.raises(GoogleError):
        ask_google(f"http://127.0.0.1:{port}")
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert "NewConnectionError; the request is repeated" in lines[-1]


def test_a_google_that_never_responds_is_named(
    silent_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", (1, 0.3))
    monkeypatch.setattr(transport, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(GoogleError):
        ask_google(silent_server)
    assert "google: waiting for 'compile firestore.rules'" in capsys.readouterr().err


def test_a_railway_that_fails_is_named_with_the_reason(
    slow_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = RailwayClient(Access(url=slow_server, token=TOKEN, kind="bearer"), Clock(0.01))
    query = Document(name="Look", text="query Look { me { id } }", kind="query")
    with pytest.raises(RequestError):
        client.execute(query, {})
    lines = [line for line in capsys.readouterr().err.splitlines() if "waiting for 'Look'" in line]
    assert lines[0] == "railway: waiting for 'Look' for 0 s: no response yet"
    assert lines[-1].endswith("the request is repeated")
    assert TOKEN not in "".join(lines)


def test_an_object_that_does_not_appear_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WaitTimeoutError):
        wait_for(Clock(0.01), "the service api", lambda: None, seconds=30)
    assert "railway: waiting for 'the service api' for 0 s: not on Railway yet" in capsys.readouterr().err


def test_what_is_quick_says_nothing() -> None:
    lines: list[str] = []
    with SlowRequest("google", "read a release", lines.append):
        pass
    time.sleep(0.15)
    assert lines == []


def test_it_stops_when_the_request_ends() -> None:
    lines: list[str] = []
    with SlowRequest("google", "read a release", lines.append):
        time.sleep(0.3)
    time.sleep(0.05)
    count = len(lines)
    time.sleep(0.3)
    assert 1 <= count == len(lines)
