"""`python -m ops verify`: every declared thing has a line, and every line that fails says what to do."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from components.verification_spec import Spec
from firebase.errors import GoogleError, JsonObject
from firebase.release import text_digest
from firebase.rest import GoogleApi
from ops import report, verify
from ops.report import Line

pytestmark = pytest.mark.unit

PROJECT = Path(__file__).parents[3]
RULESET = "projects/p/rulesets/one"
INDEX = "projects/p/databases/(default)/collectionGroups/threads/indexes/CIC1"
RULES = {"firestore.rules": "rules_version = '2';"}

HEALTHY: dict[str, JsonObject] = {
    "projects/p/locations/r/functions": {
        "functions": [
            {
                "name": "projects/p/locations/r/functions/send",
                "state": "ACTIVE",
                "buildConfig": {
                    "environmentVariables": {"SOURCE_ARCHIVE": "one.zip"},
                    # Google's own copy of the archive.
                    "source": {"storageSource": {"bucket": "gcf-v2-sources-1-r", "object": "send/f.zip"}},
                },
            }
        ]
    },
    "projects/p/databases/(default)/collectionGroups/-/indexes": {
        "indexes": [{"name": INDEX, "state": "READY"}]
    },
    "projects/p/releases/cloud.firestore": {"rulesetName": RULESET},
    RULESET: {"source": {"files": [{"name": name, "content": text} for name, text in RULES.items()]}},
    "projects/p/secrets/GROQ_API_KEY/versions/2": {"state": "ENABLED"},
}


class Google(GoogleApi):
    """Answers from a table, with changes."""

    def __init__(self, changes: Mapping[str, JsonObject | GoogleError] | None = None) -> None:
        super().__init__(environ={})
        self.answers: dict[str, JsonObject | GoogleError] = {**HEALTHY, **(changes or {})}

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        assert method == "GET", f"verification must change nothing, but sent {method} {product} {path} {rest}"
        answer = self.answers[path]
        if isinstance(answer, GoogleError):
            raise answer
        return answer


class _Backend(BaseHTTPRequestHandler):
    status = 200
    hosts: list[str]

    def do_GET(self) -> None:
        type(self).hosts.append(str(self.headers["Host"]))
        self.send_response(type(self).status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


Edge = Callable[[int], tuple[dict[str, str], list[str]]]


@pytest.fixture
def edge() -> Any:
    """`edge(status)`: an edge that answers so; gives the environment, and the hosts it was asked for."""
    running: list[HTTPServer] = []

    def answering(status: int) -> tuple[dict[str, str], list[str]]:
        hosts: list[str] = []
        handler = type("Backend", (_Backend,), {"status": status, "hosts": hosts})
        server = HTTPServer(("127.0.0.1", 0), handler)
        Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return {"RAILWAY_EDGE_URL": f"http://127.0.0.1:{server.server_port}"}, hosts

    yield answering
    for server in running:
        server.shutdown()
        server.server_close()


SPEC = Spec(
    project="p",
    database="(default)",
    functions=({"id": "send", "region": "r", "source": "one.zip", "digest": "d"},),
    release="cloud.firestore",
    rules_digest=text_digest(RULES),
    health_path="/health",
    wait_seconds=0,
    backend_url="https://backend.up.railway.app",
    indexes={"threads": INDEX},
    secrets={"GROQ_API_KEY": "2"},
    ruleset=RULESET,
)


def failures(lines: list[Line]) -> dict[str, tuple[str, str]]:
    return {line.thing: (line.found, line.fix) for line in lines if line.fix is not None}


def test_a_healthy_stack_has_a_line_for_everything_and_no_failure(edge: Edge) -> None:
    environ, hosts = edge(200)
    lines = verify.check(SPEC, Google(), environ)
    assert failures(lines) == {}
    assert [line.thing for line in lines] == [
        "function r/send",
        "index threads",
        "rules cloud.firestore",
        "secret GROQ_API_KEY",
        "backend https://backend.up.railway.app/health",
    ]
    assert hosts == ["backend.up.railway.app"]


FUNCTIONS = "projects/p/locations/r/functions"
INDEXES = "projects/p/databases/(default)/collectionGroups/-/indexes"
RELEASE = "projects/p/releases/cloud.firestore"
GONE = GoogleError("read", 404, "NOT_FOUND", "not found", "See the message.")
DENIED = GoogleError("list", 403, "PERMISSION_DENIED", "denied", "Grant the missing permission.")


def index(state: str) -> JsonObject:
    return {"indexes": [{"name": INDEX, "state": state}]}


def function(**changes: Any) -> JsonObject:
    found = HEALTHY[FUNCTIONS]["functions"][0]
    return {"functions": [{**found, **changes}]}


@pytest.mark.parametrize(
    ("path", "answer", "thing", "found", "fix"),
    [
        (FUNCTIONS, {}, "function r/send", "not there", "pulumi up"),
        (
            FUNCTIONS,
            function(state="FAILED", stateMessages=[{"message": "the container did not start"}]),
            "function r/send",
            "FAILED the container did not start",
            "pulumi up",
        ),
        (
            FUNCTIONS,
            function(buildConfig={"environmentVariables": {"SOURCE_ARCHIVE": "other.zip"}}),
            "function r/send",
            "runs other.zip, not one.zip",
            "pulumi up --refresh",
        ),
        (FUNCTIONS, function(buildConfig={}), "function r/send", "what another tool built, not one", "up"),
        (FUNCTIONS, DENIED, "functions", "could not be checked", "Grant"),
        (INDEXES, index("CREATING"), "index threads", "CREATING", "again"),
        (INDEXES, index("NEEDS_REPAIR"), "index threads", "NEEDS_", "--refresh"),
        (INDEXES, {}, "index threads", "not there", "pulumi up --refresh"),
        (RELEASE, GONE, "rules cloud.firestore", "without rules", "pulumi up --refresh"),
        (RELEASE, {"rulesetName": "another"}, "rules cloud.firestore", "points at", "--refresh"),
        (RELEASE, DENIED, "rules", "could not be checked", "Grant"),
        (RULESET, {"source": {"files": []}}, "rules cloud.firestore", "is not the declared one", "--refresh"),
        (
            "projects/p/secrets/GROQ_API_KEY/versions/2",
            {"state": "DISABLED"},
            "secret GROQ_API_KEY",
            "version 2 DISABLED",
            "Enable",
        ),
    ],
)  # fmt: skip
def test_what_is_not_as_declared_fails_with_what_to_do(
    edge: Edge, path: str, answer: JsonObject | GoogleError, thing: str, found: str, fix: str
) -> None:
    environ, _ = edge(200)
    failed = failures(verify.check(SPEC, Google({path: answer}), environ))
    assert set(failed) == {thing}
    assert found in failed[thing][0]
    assert fix in failed[thing][1]


def test_an_unhealthy_backend_fails(edge: Edge) -> None:
    environ, _ = edge(503)
    failed = failures(verify.check(SPEC, Google(), environ))
    assert [found for found, _ in failed.values()] == ["503 Service Unavailable"]


def test_a_backend_that_does_not_answer_fails() -> None:
    failed = failures(verify.check(SPEC, Google(), {"RAILWAY_EDGE_URL": "http://127.0.0.1:9"}))
    assert [found for found, _ in failed.values()] == ["no connection"]


def test_every_page_of_a_list_is_read(edge: Edge) -> None:
    class Paged(Google):
        def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
            if path == INDEXES:
                if "pageToken" in rest["params"]:
                    return HEALTHY[INDEXES]
                return {"indexes": [{"name": "another", "state": "READY"}], "nextPageToken": "more"}
            return super().call(method, product, path, **rest)

    assert failures(verify.check(SPEC, Paged(), edge(200)[0])) == {}


def test_a_stack_without_rules_indexes_and_functions_is_only_its_backend(edge: Edge) -> None:
    bare = dataclasses.replace(SPEC, functions=(), indexes={}, secrets={}, release=None, ruleset=None)
    assert len(verify.check(bare, Google(), edge(200)[0])) == 1


def test_a_report_in_a_log_is_plain_and_ends_with_the_failures() -> None:
    out = io.StringIO()
    report.show(
        "Title", [Line(thing="a", found="broken", fix="Mend it."), Line(thing="bb", found="fine")], out
    )
    assert out.getvalue() == (
        "Title\n  ok    bb  fine\n  FAIL  a   broken\n        fix: Mend it.\n2 checked, 1 failed\n"
    )


def test_a_report_on_a_terminal_is_a_table_that_says_the_same() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    report.show("Title", [Line(thing="[a]", found="broken", fix="Mend it.")], out)
    for said in ("Title", "FAIL", "[a]", "broken", "Mend it."):
        assert said in out.getvalue()


def run(stdin: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops", "verify"],
        cwd=PROJECT,
        env=environ,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


DECLARED = json.dumps(
    {
        "project": "p",
        "database": "(default)",
        "release": None,
        "rules_digest": None,
        "health_path": "/health",
        "wait_seconds": 0,
    }
)
ANSWERED = {
    "VERIFY_BACKEND": json.dumps({"url": "https://backend.up.railway.app", "deployment": "d"}),
    "VERIFY_INDEXES": "{}",
    "VERIFY_SECRETS": "{}",
}


@pytest.mark.parametrize(
    ("status", "code", "said"), [(200, 0, "1 checked, 0 failed"), (500, 1, "1 checked, 1 failed")]
)
def test_the_exit_code_says_whether_all_is_well(edge: Edge, status: int, code: int, said: str) -> None:
    done = run(DECLARED, **ANSWERED, **edge(status)[0])
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr


@pytest.mark.parametrize("stdin", ["", "not json", "{}", "[]"])
def test_what_the_program_did_not_write_is_refused_without_a_traceback(stdin: str) -> None:
    done = run(stdin, **ANSWERED)
    assert done.returncode == 2
    assert "expected what the program writes" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_variable_is_named() -> None:
    assert "VERIFY_BACKEND" in run(DECLARED).stderr
