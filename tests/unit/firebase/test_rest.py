"""The client for Google: where it sends a token, what it repeats, what it says when it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from firebase import transport
from firebase.errors import GoogleError
from firebase.rest import PRODUCTS, GoogleApi

pytestmark = pytest.mark.unit

TOKEN = "-".join(["a", "made", "up", "token"])
VARIABLE = PRODUCTS["firebaserules"].variable


Answer = tuple[int, str, dict[str, str]]  # status, body, headers
Seen = tuple[str, str, dict[str, str]]  # method, path, headers


@dataclass
class Server:
    """Answers with what is next in `script`, and remembers what came."""

    url: str = ""
    script: list[Answer] = field(default_factory=list[Answer])
    seen: list[Seen] = field(default_factory=list[Seen])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.seen.append((self.command, self.path, dict(self.headers)))
            status, body, headers = made.script.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    running = HTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{running.server_port}"
    Thread(target=running.serve_forever, daemon=True).start()
    monkeypatch.setattr(transport, "_wait", lambda _: 0)
    yield made
    running.shutdown()
    running.server_close()


def api(server: Server, patience: float = 5) -> GoogleApi:
    return GoogleApi({VARIABLE: f"{server.url}/v1/", "GOOGLE_OAUTH_ACCESS_TOKEN": TOKEN}, patience)


def get(server: Server, *, repeatable: bool = True, patience: float = 5) -> dict[str, Any]:
    return api(server, patience).call(
        "GET", "firebaserules", "projects/p", operation="read p", repeatable=repeatable
    )


def refusal(status: str, message: str = "no", *details: dict[str, str]) -> str:
    return json.dumps({"error": {"status": status, "message": message, "details": list(details)}})


def test_the_endpoint_is_the_one_of_the_gcp_plugin() -> None:
    assert GoogleApi({}).base("firebaserules") == "https://firebaserules.googleapis.com/v1/"
    assert (
        GoogleApi({VARIABLE: "https://proxy.example/v1"}).base("firebaserules") == "https://proxy.example/v1/"
    )


@pytest.mark.parametrize("address", ["http://example.com/v1/", "ftp://127.0.0.2/", "example.com"])
def test_a_token_is_never_sent_in_the_clear_to_another_machine(address: str) -> None:
    with pytest.raises(GoogleError, match=VARIABLE):
        GoogleApi({VARIABLE: address}).base("firebaserules")


def test_the_token_goes_along_and_the_answer_comes_back(server: Server) -> None:
    server.script = [(200, '{"name": "p"}', {})]
    assert get(server) == {"name": "p"}
    method, path, headers = server.seen[0]
    assert (method, path, headers["Authorization"]) == ("GET", "/v1/projects/p", f"Bearer {TOKEN}")


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.script = [(302, "", {"Location": f"{server.url}/elsewhere"})]
    with pytest.raises(GoogleError):
        get(server)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_repeated_when_that_is_safe(server: Server, status: int) -> None:
    server.script = [(status, "busy", {}), (status, "busy", {}), (200, "{}", {})]
    assert get(server) == {}
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_is_not_repeated_when_nobody_says_that_it_is_safe(server: Server, status: int) -> None:
    server.script = [(status, "busy", {}), (200, "{}", {})]
    with pytest.raises(GoogleError) as raised:
        get(server, repeatable=False)
    assert (raised.value.status, len(server.seen)) == (status, 1)


def test_what_does_not_pass_is_reported_in_the_end(server: Server) -> None:
    server.script = [(503, refusal("UNAVAILABLE", "busy"), {})] * 1000
    with pytest.raises(GoogleError) as raised:
        get(server, patience=0.2)
    assert (raised.value.status, raised.value.reason) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_is_not_repeated(server: Server, status: int) -> None:
    server.script = [(status, refusal("REASON", "because"), {})]
    with pytest.raises(GoogleError) as raised:
        get(server)
    assert (raised.value.status, raised.value.reason) == (status, "REASON")
    assert "read p" in str(raised.value)
    assert "because" in str(raised.value)
    assert TOKEN not in str(raised.value)


def test_an_api_that_is_off_is_told_apart_from_a_missing_right(server: Server) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    server.script = [(403, refusal("PERMISSION_DENIED", "off", info), {})]
    with pytest.raises(GoogleError) as raised:
        get(server)
    assert raised.value.reason == "SERVICE_DISABLED"
    assert "Enable the API" in raised.value.fix


def test_a_page_of_html_is_not_an_answer(server: Server) -> None:
    server.script = [(200, "<html>", {}), (200, '{"name": "p"}', {})]
    assert get(server) == {"name": "p"}


def test_a_retry_after_is_honoured_up_to_a_minute() -> None:
    import requests

    def answer(value: str) -> requests.Response:
        made = requests.Response()
        made.headers["Retry-After"] = value
        return made

    assert transport._retry_after(answer("7")) == 7
    assert transport._retry_after(answer("3600")) == 60
    assert transport._retry_after(answer("Wed, 21 Oct 2026 07:28:00 GMT")) == 0


def test_without_credentials_the_error_says_how_to_get_some(server: Server, tmp_path: Any) -> None:
    environ = {VARIABLE: f"{server.url}/v1/", "GOOGLE_CREDENTIALS": str(tmp_path / "no-such-key.json")}
    with pytest.raises(GoogleError, match="gcloud auth application-default login"):
        GoogleApi(environ).call("GET", "firebaserules", "projects/p", operation="read p", repeatable=True)
    assert server.seen == []


def test_a_key_that_is_not_one_is_refused_without_showing_it(server: Server) -> None:
    environ = {VARIABLE: f"{server.url}/v1/", "GOOGLE_CREDENTIALS": '{"private_key": "made-up-key"}'}
    with pytest.raises(GoogleError) as raised:
        GoogleApi(environ).call("GET", "firebaserules", "projects/p", operation="read p", repeatable=True)
    assert "made-up-key" not in str(raised.value)
    assert raised.value.__suppress_context__
