"""The client against a scripted server: what is sent, and what is repeated."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from railway.graphql.client import RailwayClient
from railway.graphql.credentials import Access
from railway.graphql.documents import Document
from railway.graphql.errors import (
    AmbiguousError,
    RateLimitedError,
    RequestError,
    ServerFaultError,
    ThrottledError,
    UnreachableError,
)
from tests.unit.railway.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit

QUERY = Document(name="Look", text="query Look { me { id } }", kind="query")
CREATE = Document(name="Make", text="mutation Make { make }", kind="mutation")
SET = Document(name="Set", text="mutation Set { set }", kind="mutation", repeatable=True)
TOKEN = "token-4711"

FAULT = {
    "errors": [{"message": "Problem processing request", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]
}
THROTTLE = {"errors": [{"message": "You are creating volumes too quickly. 1 volume per 30 seconds."}]}
DONE = {"data": {"ok": True}}

Answer = tuple[int, object, dict[str, str]] | None
"""Status, body, headers; None ends the connection without an answer."""


@dataclass
class Script:
    """The answers of the server, in order, then DONE; and what it received."""

    answers: list[Answer] = field(default_factory=list[Answer])
    got: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    paths: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    url: str = ""


@pytest.fixture
def script() -> Iterator[Script]:
    """A server."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            script.got.append(json.loads(body))
            script.paths.append(self.path)
            script.headers.append(dict(self.headers.items()))
            answer = script.answers.pop(0) if script.answers else (200, DONE, {})
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            status, content, headers = answer
            text = content if isinstance(content, str) else json.dumps(content)
            if "Date" in headers:
                self.send_response_only(status)
            else:
                self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}/graphql/v2"
    yield script
    server.shutdown()
    server.server_close()
    thread.join()


def client(script: Script, kind: Any = "bearer") -> tuple[RailwayClient, VirtualClock]:
    """A client that does not wait."""
    clock = VirtualClock()
    return RailwayClient(Access(url=script.url, token=TOKEN, kind=kind, timeout=5), clock), clock


@pytest.mark.parametrize(
    "answer",
    [None, (502, "error code: 502", {}), (504, "error code: 504", {}), (200, "<html>", {}), (200, FAULT, {})],
)
@pytest.mark.parametrize("document", [QUERY, SET], ids=["query", "repeatable"])
def test_reads_and_repeatable_writes_are_repeated(script: Script, document: Document, answer: Answer) -> None:
    """After every error that can be temporary."""
    script.answers = [answer, answer]
    made, _ = client(script)
    assert made.execute(document, {}).data == {"ok": True}
    assert len(script.got) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, AmbiguousError),
        ((502, "error code: 502", {}), AmbiguousError),
        ((504, "error code: 504", {}), AmbiguousError),
        ((200, "<html>", {}), AmbiguousError),
        ((200, FAULT, {}), ServerFaultError),
    ],
)
def test_a_creation_that_may_have_had_an_effect_is_not_repeated(
    script: Script, answer: Answer, error: type[RequestError]
) -> None:
    """A repetition could create a second object; the caller looks for the first."""
    script.answers = [answer]
    made, _ = client(script)
    with pytest.raises(error):
        made.execute(CREATE, {})
    assert len(script.got) == 1


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        ((429, "Too Many Requests", {"Retry-After": "7"}), 7.0),
        ((429, "error code: 1015", {}), 15.0),
        ((200, THROTTLE, {}), 32.0),
    ],
)
def test_a_creation_that_had_no_effect_is_repeated_after_the_wait(
    script: Script, answer: Answer, wait: float
) -> None:
    """These answers prove that there was no effect."""
    script.answers = [answer]
    made, clock = client(script)
    assert made.execute(CREATE, {}).data == {"ok": True}
    assert clock.waited == [wait]


def test_a_wait_of_half_an_hour_is_an_error(script: Script) -> None:
    """With the time at which there are new requests."""
    script.answers = [(429, "Too Many Requests", {"Retry-After": "1800"})]
    made, clock = client(script)
    with pytest.raises(RateLimitedError, match=r"allows new ones in 30 min, at .* UTC"):
        made.execute(QUERY, {})
    assert clock.waited == []


def test_no_request_is_sent_without_budget(script: Script) -> None:
    """The last answer had no requests left."""
    script.answers = [(200, DONE, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800"})]
    made, clock = client(script)
    made.execute(QUERY, {})
    with pytest.raises(RateLimitedError, match="no requests left"):
        made.execute(QUERY, {})
    assert len(script.got) == 1
    script.answers = []
    near, clock = client(script)
    script.answers = [(200, DONE, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"})]
    near.execute(QUERY, {})
    near.execute(QUERY, {})
    assert len(clock.waited) == 1
    assert 15 < clock.waited[0] <= 21


def test_a_low_budget_is_logged_once(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    """With times of the server's clock: the local one may be wrong."""
    date = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Reset": str(int(date.timestamp()) + 1800)}
    script.answers = [
        (200, DONE, {**headers, "X-RateLimit-Remaining": left, "Date": format_datetime(date)})
        for left in ("11", "10", "9")
    ]
    made, clock = client(script)
    made.execute(QUERY, {})
    assert made._budget.remaining == 11
    assert made._budget.resets_at is not None
    assert 1795 < made._budget.resets_at - time.time() <= 1801
    assert capsys.readouterr().err == ""
    made.execute(QUERY, {})
    said = capsys.readouterr().err
    assert said.startswith(
        "railway: 10 of this token's 100 requests per hour are left; Railway allows new ones in 30 min, at "
    )
    made.execute(QUERY, {})
    assert capsys.readouterr().err == ""
    assert made._budget.remaining == 9
    assert clock.waited == []


def test_a_budget_of_seconds_is_not_logged_as_low(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    """There are new requests in a moment."""
    script.answers = [
        (200, DONE, {"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1"})
    ]
    made, _ = client(script)
    made.execute(QUERY, {})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((429, "error code: 1015", {}), "error 1015); waiting 15 s, until "),
        ((200, THROTTLE, {}), "creating volumes too quickly. 1 volume per 30 seconds.; waiting 32 s, until "),
        (
            (429, "Too Many", {"Retry-After": "90"}),
            "too many requests in a short time; waiting 1 min 30 s, until",
        ),
    ],
)
def test_a_wait_is_logged_with_its_reason_and_its_end(
    script: Script, capsys: pytest.CaptureFixture[str], answer: Answer, words: str
) -> None:
    """Otherwise the `up` seems to hang."""
    script.answers = [answer]
    made, _ = client(script)
    made.execute(CREATE, {})
    said = capsys.readouterr().err
    assert said.startswith("railway: Make: ")
    assert words in said
    assert said.rstrip().endswith(" UTC")


def test_rate_limited_requests_are_repeated_until_the_deadline(script: Script) -> None:
    """The number of attempts is not limited; the pause is at least a second, whatever Railway returns."""
    script.answers = [
        (429, "Too Many Requests", {"Retry-After": wait}) for wait in ("1", "0", "1", "1", "1", "1", "1")
    ]
    made, clock = client(script)
    assert made.execute(CREATE, {}).data == {"ok": True}
    assert clock.waited == [1.0] * 7


@pytest.mark.parametrize(
    "message",
    [
        "Cannot redeploy yet, please wait for the original deployment to finish building",
        "operation is already in progress",
    ],
)
def test_a_request_is_repeated_while_railway_is_busy(script: Script, message: str) -> None:
    """A build takes minutes; also a request that is not repeatable, because it had no effect."""
    script.answers = [(200, {"errors": [{"message": message}]}, {})] * 20
    made, clock = client(script)
    assert made.execute(CREATE, {}).data == DONE["data"]
    assert 300 < sum(clock.waited) < 1200


def test_other_errors_end_after_five_attempts(script: Script) -> None:
    script.answers = [(504, "error code: 504", {})] * 9
    made, clock = client(script)
    with pytest.raises(AmbiguousError):
        made.execute(QUERY, {})
    assert len(script.got) == 5
    assert clock.waited == [1.0, 2.0, 4.0, 8.0]
    script.answers = [(200, THROTTLE, {})] * 9
    with pytest.raises(ThrottledError):
        made.execute(CREATE, {})


def test_a_failed_connection_is_repeated() -> None:
    """It cannot have had an effect."""
    clock = VirtualClock()
    made = RailwayClient(Access(url="http://127.0.0.1:9/graphql/v2", token=TOKEN, kind="bearer"), clock)
    with pytest.raises(UnreachableError) as caught:
        made.execute(CREATE, {"input": {"variables": {"A": "the-secret"}}})
    assert len(clock.waited) == 4
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [("bearer", "Authorization", f"Bearer {TOKEN}"), ("project", "Project-Access-Token", TOKEN)],
)
def test_the_token_is_sent_in_its_header(script: Script, kind: str, header: str, value: str) -> None:
    """And the source in the address: without a query string the edge limits more strictly."""
    made, _ = client(script, kind)
    made.execute(QUERY, {"a": 1})
    assert script.headers[0][header] == value
    assert script.paths == ["/graphql/v2?source=pulumi-railway"]
    assert script.got == [{"query": QUERY.text, "operationName": "Look", "variables": {"a": 1}}]


def test_the_earliest_time_of_an_effect_is_the_servers_time(script: Script) -> None:
    """With a second of tolerance: the header has whole seconds."""
    made, _ = client(script)
    before = time.time()
    answer = made.execute(QUERY, {})
    assert answer.not_before is not None
    assert before - 4 < answer.not_before.timestamp() <= time.time()
