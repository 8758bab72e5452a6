"""The HTTP requests of the acceptance tests, to a server in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ops.acceptance import user as user_module
from ops.acceptance.app import SignedInApp, encoded
from ops.acceptance.loopback import Loopback
from ops.acceptance.model import CannotTellError, Failed
from ops.acceptance.requests_to import Site
from ops.acceptance.user import IdentityToolkit, SignInError, User
from ops.acceptance.world import Account

pytestmark = pytest.mark.unit

Answers = Callable[[str, str, Any], tuple[int, object]]


class Server:
    """Answers with `answers(method, path, body)` and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: Answers = lambda method, path, body: (200, {})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"null")
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                status, answer = outer.answers(self.command, self.path, body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = respond  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.host = self.url.removeprefix("http://")
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Server()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


def app(server: Server) -> SignedInApp:
    functions = {"send": Site("https://r-p.cloudfunctions.net/send", server.url)}
    user = User("x@example.com", lambda: {"idToken": "ID", "localId": "u1"})
    database = "projects/p/databases/(default)"
    return SignedInApp(
        user=user, function=functions.get, documents=Site(f"{server.url}/v1"), database=database
    )


def test_a_function_is_called_by_its_host_with_the_users_token(server: Server) -> None:
    server.answers = lambda *_: (202, {"messageId": "M1"})
    answer = app(server).post("send", {"text": "ă"})
    assert (answer.status, answer.ok, answer.body) == (202, True, {"messageId": "M1"})
    method, path, headers, body = server.requests[0]
    assert (method, path, body) == ("POST", "/send", {"text": "ă"})
    assert headers["Host"] == "r-p.cloudfunctions.net"
    assert headers["Authorization"] == "Bearer ID"
    app(server).post("send", {}, signed_in=False)
    assert "Authorization" not in server.requests[1][2]


def test_a_callable_function_has_its_own_form(server: Server) -> None:
    server.answers = lambda *_: (200, {"result": {"answer": "42"}})
    assert app(server).call("send", {"q": 1}).body == {"answer": "42"}
    assert server.requests[0][3] == {"data": {"q": 1}}
    server.answers = lambda *_: (403, {"error": {"message": "no member", "status": "PERMISSION_DENIED"}})
    answer = app(server).call("send", {})
    assert (answer.ok, answer.message) == (False, "no member")


def test_a_page_is_an_error_with_its_text(server: Server) -> None:
    server.answers = lambda *_: (502, b"<html>\x1b[31mBad Gateway</html>")
    assert app(server).post("send", {}).message == "<html>Bad Gateway</html>"


def test_an_unknown_function_is_named(server: Server) -> None:
    with pytest.raises(CannotTellError, match="no function ask"):
        app(server).call("ask", {})


def test_an_event_is_created_once_with_the_servers_time(server: Server) -> None:
    answer = app(server).create("evenimente/e1", {"amount": 1.5, "isTest": True}, "createdAt")
    assert answer.ok
    _, path, headers, body = server.requests[0]
    assert path == "/v1/projects/p/databases/(default)/documents:commit"
    assert headers["Authorization"] == "Bearer ID"
    (write,) = body["writes"]
    assert write["currentDocument"] == {"exists": False}
    assert write["update"]["fields"] == {"amount": {"doubleValue": 1.5}, "isTest": {"booleanValue": True}}
    assert write["updateTransforms"] == [{"fieldPath": "createdAt", "setToServerValue": "REQUEST_TIME"}]


@pytest.mark.parametrize(("name", "sent"), [("ABORTED", 3), ("ALREADY_EXISTS", 1)])
def test_a_write_is_repeated_while_a_transaction_is_in_its_way(server: Server, name: str, sent: int) -> None:
    error = {"error": {"code": 409, "status": name, "message": "Transaction lock timeout."}}
    server.answers = lambda *_: (409, error) if len(server.requests) < 3 else (200, {})
    waiting = replace(app(server), contention_waits=(0.0, 0.0))
    answer = waiting.create("evenimente/e1", {"amount": 1.5}, "createdAt")
    assert (answer.status, len(server.requests)) == ((200, 3) if sent == 3 else (409, 1))


def test_a_write_is_not_repeated_for_ever(server: Server) -> None:
    server.answers = lambda *_: (
        409,
        {"error": {"status": "ABORTED", "message": "Transaction lock timeout."}},
    )
    waiting = replace(app(server), contention_waits=(0.0, 0.0))
    answer = waiting.create("evenimente/e1", {"amount": 1.5}, "createdAt")
    assert (answer.status, answer.message) == (409, "Transaction lock timeout.")
    assert len(server.requests) == 3


def test_values_of_documents() -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    assert encoded({"a": [1, None, "x", True], "t": at}) == {
        "mapValue": {
            "fields": {
                "a": {
                    "arrayValue": {
                        "values": [
                            {"integerValue": "1"},
                            {"nullValue": None},
                            {"stringValue": "x"},
                            {"booleanValue": True},
                        ]
                    }
                },
                "t": {"timestampValue": "2026-11-30T00:00:00+00:00"},
            }
        }
    }
    with pytest.raises(TypeError):
        encoded(object())


def test_no_connection_and_no_answer_are_not_the_same(server: Server) -> None:
    release = threading.Event()
    server.answers = lambda *_: (200, {"late": release.wait(5)})
    with pytest.raises(Failed, match="did not answer within"):
        Site(server.url).send("GET", "/slow", timeout=0.1)
    release.set()
    with pytest.raises(CannotTellError, match=r"no connection to 127\.0\.0\.1:1"):
        Site("http://127.0.0.1:1").send("GET")


def toolkit(server: Server) -> IdentityToolkit:
    return IdentityToolkit("key", server.host, "prod")


def test_a_sign_in_with_a_password(server: Server) -> None:
    server.answers = lambda *_: (200, {"idToken": "T", "localId": "u"})
    assert toolkit(server).by_password("x@example.com", "p")["idToken"] == "T"
    _, path, _, body = server.requests[0]
    assert path == "/identitytoolkit.googleapis.com/v1/accounts:signInWithPassword?key=key"
    assert body == {"email": "x@example.com", "password": "p", "returnSecureToken": True}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("INVALID_LOGIN_CREDENTIALS", "the password is wrong, or there is no user"),
        ("USER_DISABLED", "the user is disabled"),
        ("TOO_MANY_ATTEMPTS_TRY_LATER : Access was disabled", "too many attempts"),
        ("API key not valid. Please pass a valid API key.", "FIREBASE_API_KEY"),
        ("SOMETHING_NEW", "SOMETHING_NEW"),
    ],
)
def test_a_refused_sign_in_says_why_and_not_the_password(server: Server, message: str, said: str) -> None:
    server.answers = lambda *_: (400, {"error": {"message": message}})
    with pytest.raises(SignInError) as refused:
        toolkit(server).by_password("x@example.com", "hunter2")
    assert said in str(refused.value)
    assert "fix:" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_an_emulators_user_is_made_once(server: Server) -> None:
    made: list[str] = []

    def answers(method: str, path: str, body: Any) -> tuple[int, object]:
        if "signUp" in path and made:
            return 400, {"error": {"message": "EMAIL_EXISTS"}}
        made.append(path)
        return 200, {"idToken": "T", "localId": "u"}

    server.answers = answers
    assert toolkit(server).sign_up("x@example.com", "p")["localId"] == "u"
    assert toolkit(server).sign_up("x@example.com", "p")["localId"] == "u"
    assert "signInWithPassword" in made[1]


def test_a_token_is_renewed_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, signed_in = [0.0], list[str]()

    def sign_in() -> dict[str, str]:
        signed_in.append("again")
        return {"idToken": f"T{len(signed_in)}", "localId": "u"}

    monkeypatch.setattr(user_module.time, "monotonic", lambda: clock[0])
    user = User("x@example.com", sign_in)
    assert (user.token(), user.uid, user.token()) == ("T1", "u", "T1")
    clock[0] = 50 * 60
    assert user.token() == "T2"
    assert "T2" not in repr(user)


class Backend:
    """The routes of the loopback transport; `connects_at` requests for an account until it is connected."""

    def __init__(self, connects_at: int = 1) -> None:
        self.connects_at = connects_at
        self.paired: list[str] = []
        self.asked = 0
        self.sent = [{"messageId": "M1", "text": "Bună"}]
        self.done: list[tuple[str, Any]] = []

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, object]:
        if method == "POST" and path == "/admin/accounts":
            self.paired.append(body["accountId"])
            return 201, {"status": "pairing"}
        if path.startswith("/admin/accounts/"):
            name = path.rpartition("/")[2]
            if name not in self.paired:
                return 404, {"error": {"message": "no such account"}}
            self.asked += 1
            status = "connected" if self.asked >= self.connects_at else "pairing"
            return 200, {"status": status, "phone": "+40700000001"}
        if path.endswith("/sent"):
            return 200, {"sent": self.sent}
        self.done.append((path, body))
        return 200, {}


def loopback(server: Server) -> Loopback:
    return Loopback(Site("https://b.up.railway.app", server.url), "ADMIN", "+40799000001", 0.3)


def test_two_accounts_are_paired_once(server: Server) -> None:
    server.answers = backend = Backend(connects_at=3)
    first, second = loopback(server).accounts()
    assert [one.id for one in (first, second)] == ["acceptance-1", "acceptance-2"]
    loopback(server).accounts()
    assert backend.paired == ["acceptance-1", "acceptance-2"]
    assert {headers["Authorization"] for _, _, headers, _ in server.requests} == {"Bearer ADMIN"}
    assert {headers["Host"] for _, _, headers, _ in server.requests} == {"b.up.railway.app"}


def test_an_account_that_does_not_connect(server: Server) -> None:
    server.answers = Backend(connects_at=10**6)
    with pytest.raises(CannotTellError, match="acceptance-1 is not connected"):
        loopback(server).accounts()


def test_the_client_writes_and_reads(server: Server) -> None:
    server.answers = backend = Backend()
    account = Account(id="sales", phone="")
    action = loopback(server).write(account, "Bună")
    assert action.exact
    assert backend.done == [
        ("/admin/simulate/sales/receive", {"from": "+40799000001", "text": "Bună", "name": "Ana Test"})
    ]
    loopback(server).read(account, "M1", "Bună")
    assert backend.done[1] == ("/admin/simulate/sales/read", {"messageId": "M1"})


def test_a_message_that_the_client_did_not_get(server: Server) -> None:
    server.answers = Backend()
    account = Account(id="sales", phone="")
    with pytest.raises(Failed, match="the client did not get it"):
        loopback(server).read(account, "M2", "Bună")
    with pytest.raises(Failed, match='the client got "Bună"'):
        loopback(server).read(account, "M1", "Altceva")
