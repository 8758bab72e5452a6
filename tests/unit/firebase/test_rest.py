"""The client for Google: where it sends the token, what it retries, what its errors say."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from google.oauth2.credentials import Credentials

from firebase import transport
from firebase.errors import GoogleError
from firebase.rest import GoogleApi

pytestmark = pytest.mark.unit

TOKEN = "-".join(["a", "made", "up", "token"])
VARIABLE = "GOOGLE_FIREBASERULES_CUSTOM_ENDPOINT"


Answer = tuple[int, str, dict[str, str]]  # status, body, headers
Seen = tuple[str, str, dict[str, str]]  # method, path, headers with names in lower case


@dataclass
class Server:
    """Sends the responses of `script` in order and records the requests."""

    url: str = ""
    script: list[Answer] = field(default_factory=list[Answer])
    seen: list[Seen] = field(default_factory=list[Seen])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received = {name.lower(): value for name, value in self.headers.items()}
            made.seen.append((self.command, self.path, received))
            status, body, headers = made.script.pop(0)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """No log."""

    running = HTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{running.server_port}"
    Thread(target=running.serve_forever, daemon=True).start()
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0)
    yield made
    running.shutdown()
    running.server_close()


def get(server: Server, *, repeatable: bool = True, **environ: str) -> dict[str, Any]:
    variables = {VARIABLE: f"{server.url}/v1/", **(environ or {"GOOGLE_OAUTH_ACCESS_TOKEN": TOKEN})}
    return GoogleApi(variables).call(
        "GET", "firebaserules", "projects/p", operation="read p", repeatable=repeatable
    )


def error_body(status: str, message: str = "no", *details: dict[str, Any]) -> str:
    return json.dumps({"error": {"status": status, "message": message, "details": list(details)}})


def test_the_endpoint_is_the_one_of_the_gcp_plugin() -> None:
    assert GoogleApi({}).base("firebaserules") == "https://firebaserules.googleapis.com/v1/"
    assert (
        GoogleApi({VARIABLE: "https://proxy.example/v1"}).base("firebaserules") == "https://proxy.example/v1/"
    )


@pytest.mark.parametrize("address", ["http://example.com/v1/", "ftp://127.0.0.2/", "example.com"])
def test_an_endpoint_on_another_machine_must_be_https(address: str) -> None:
    with pytest.raises(GoogleError, match=VARIABLE):
        GoogleApi({VARIABLE: address}).base("firebaserules")


def test_no_http_client_is_loaded_before_the_first_request() -> None:
    script = (
        "import sys; from firebase.rest import GoogleApi; import components.rules, checkout.rules_compiler;"
        "GoogleApi().base('firebaserules');"
        "print([name for name in ('requests', 'urllib3', 'google.auth', 'tenacity') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_request_has_the_token_and_the_response_is_returned(server: Server) -> None:
    server.script = [(200, '{"name": "p"}', {})]
    assert get(server) == {"name": "p"}
    method, path, headers = server.seen[0]
    assert (method, path, headers["authorization"]) == ("GET", "/v1/projects/p", f"Bearer {TOKEN}")


def test_netrc_does_not_replace_the_token(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.script = [(200, "{}", {})]
    get(server)
    assert server.seen[0][2]["authorization"] == f"Bearer {TOKEN}"


def test_a_personal_login_sends_its_quota_project_and_renews_its_token_after_a_401(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Login(Credentials):
        def refresh(self, request: object) -> None:
            self.token = "renewed"

    monkeypatch.setattr(transport, "_credentials", lambda _: Login("old", quota_project_id="payer"))
    server.script = [(401, error_body("UNAUTHENTICATED"), {}), (200, "{}", {})]
    get(server, repeatable=False, HOME="/nonexistent")
    assert [(headers["authorization"], headers["x-goog-user-project"]) for _, _, headers in server.seen] == [
        ("Bearer old", "payer"),
        ("Bearer renewed", "payer"),
    ]


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.script = [(302, "", {"Location": f"{server.url}/elsewhere"})]
    with pytest.raises(GoogleError):
        get(server)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_errors_are_retried(server: Server, status: int) -> None:
    server.script = [(status, "busy", {}), (status, "busy", {}), (200, "{}", {})]
    assert get(server) == {}
    assert len(server.seen) == 3


BROKEN_OFF: Answer = (200, '{"na', {"Content-Length": "14"})
HTML: Answer = (200, "<html>", {})


@pytest.mark.parametrize("answer", [BROKEN_OFF, HTML], ids=["broken off", "html"])
def test_an_unreadable_body_is_requested_again(server: Server, answer: Answer) -> None:
    server.script = [answer, (200, '{"name": "p"}', {})]
    assert get(server) == {"name": "p"}


@pytest.mark.parametrize(
    "answer",
    [(429, "busy", {}), (503, "busy", {"Retry-After": "0"}), BROKEN_OFF, HTML],
    ids=["429", "503", "broken off", "html"],
)
def test_a_call_that_is_not_repeatable_is_sent_once(server: Server, answer: Answer) -> None:
    server.script = [answer, (200, "{}", {})]
    with pytest.raises(GoogleError):
        get(server, repeatable=False)
    assert len(server.seen) == 1


def test_retrying_ends_with_the_last_error(server: Server) -> None:
    """By number of attempts here: without pauses they end first."""
    server.script = [(503, error_body("UNAVAILABLE", "busy"), {})] * 100
    with pytest.raises(GoogleError) as raised:
        get(server)
    assert (raised.value.status, raised.value.reason) == (503, "UNAVAILABLE")
    assert len(server.seen) == 11


def test_retrying_ends_when_the_patience_is_over(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PATIENCE_SECONDS", 0.5)
    server.script = [(503, error_body("UNAVAILABLE"), {"Retry-After": "1"})] * 100
    with pytest.raises(GoogleError):
        get(server)
    assert len(server.seen) == 2  # by number of attempts there would be 11


def test_retry_after_is_obeyed_up_to_a_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    server.script = [
        (503, "", {"Retry-After": "7"}),
        (429, "", {"Retry-After": "3600"}),
        (503, "", {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}),
        (200, "{}", {}),
    ]
    get(server)
    assert [seconds for seconds in slept if seconds] == [7, 60, 60]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_other_errors_are_not_retried(server: Server, status: int) -> None:
    server.script = [(status, error_body("REASON", "because"), {})]
    with pytest.raises(GoogleError) as raised:
        get(server)
    assert (raised.value.status, raised.value.reason) == (status, "REASON")
    assert raised.value.what == f"Google rejected 'read p': because ({status} REASON)."
    assert TOKEN not in str(raised.value)


def test_a_disabled_api_is_not_a_missing_permission(server: Server) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    server.script = [(403, error_body("PERMISSION_DENIED", "off", info), {})]
    with pytest.raises(GoogleError) as raised:
        get(server)
    assert raised.value.reason == "SERVICE_DISABLED"
    assert "enable the API" in raised.value.fix


@pytest.mark.parametrize(
    ("message", "consumer"),
    [
        ("The firebaserules.googleapis.com API requires a quota project, which is not set by default.", "p"),
        ("Firebase Rules API has not been used in project 764086051850 before or it is disabled.", ""),
        ("off", "projects/32555940559"),
    ],
)
def test_a_missing_quota_project_is_not_a_disabled_api(server: Server, message: str, consumer: str) -> None:
    """Google answers with SERVICE_DISABLED, for the project of gcloud itself."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED",
        "metadata": {"consumer": consumer},
    }  # fmt: skip
    server.script = [(403, error_body("PERMISSION_DENIED", message, info), {})]
    with pytest.raises(GoogleError) as raised:
        get(server)
    assert raised.value.reason == transport.NO_QUOTA_PROJECT
    assert raised.value.fix.startswith("gcloud auth application-default set-quota-project p\n")


@pytest.mark.parametrize("given", ["no-such-key.json", '{"private_key": "made-up-key"}'])
def test_unusable_credentials_are_not_shown_and_the_fix_is_a_login(server: Server, given: str) -> None:
    with pytest.raises(GoogleError) as raised:
        get(server, GOOGLE_CREDENTIALS=given)
    assert "gcloud auth application-default login" in raised.value.fix
    assert "made-up-key" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert server.seen == []


def test_another_client_gets_the_same_credentials() -> None:
    """Firestore's client does not send through this transport."""
    found = transport.credentials_of({"GOOGLE_OAUTH_ACCESS_TOKEN": f" {TOKEN}\n"})
    assert found.token == TOKEN
    with pytest.raises(GoogleError, match="contains a character that no token has"):
        transport.credentials_of({"GOOGLE_OAUTH_ACCESS_TOKEN": "two words"})
