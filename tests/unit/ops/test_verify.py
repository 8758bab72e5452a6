"""`python -m ops verify`: one line per declared object, a fix for each failed one, and the exit codes."""

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

from components.verification_spec import Declared, Function, Spec
from firebase.errors import GoogleError, JsonObject
from firebase.release import text_digest
from firebase.rest import GoogleApi
from ops import check_results, verify
from ops.__main__ import main
from ops.check_results import CheckResult
from tests.unit.test_never_delete import rules

pytestmark = pytest.mark.unit

PROJECT = Path(__file__).parents[3]
RULESET = "projects/p/rulesets/one"
INDEX = "projects/p/databases/(default)/collectionGroups/threads/indexes/CIC1"
RULES = {"firestore.rules": rules("match /threads/{t} { allow delete: if false; }")}
OPEN_RULES = rules("match /{document=**} { allow read, write: if request.auth != null; }")

HEALTHY: dict[str, JsonObject] = {
    "projects/p/locations/r/functions": {
        "functions": [
            {
                "name": "projects/p/locations/r/functions/send",
                "state": "ACTIVE",
                "buildConfig": {
                    "environmentVariables": {"SOURCE_ARCHIVE": "one.zip"},
                    # Google's copy of the archive.
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
    "projects/p/rulesets/another": {"source": {"files": []}},
    "projects/p/secrets/GROQ_API_KEY/versions/2": {"state": "ENABLED"},
}


class Google(GoogleApi):
    """Responds from a table."""

    def __init__(self, changes: Mapping[str, JsonObject | GoogleError] | None = None) -> None:
        super().__init__(environ={})
        self.answers: dict[str, JsonObject | GoogleError] = {**HEALTHY, **(changes or {})}

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        if (method, path.rpartition(":")[2]) == ("POST", "test"):  # evaluates, changes nothing
            return self.evaluated(path, rest["body"]["testSuite"]["testCases"])
        assert method == "GET", f"verification must change nothing, but sent {method} {product} {path} {rest}"
        answer = self.answers[path]
        if isinstance(answer, GoogleError):
            raise answer
        return answer

    def evaluated(self, path: str, cases: list[JsonObject]) -> JsonObject:
        """Every attempt is denied."""
        assert path.startswith("projects/p/rulesets/")
        return {"testResults": [{"state": "SUCCESS"} for _ in cases]}


class _Backend(BaseHTTPRequestHandler):
    status = 200
    hosts: list[str]

    def do_GET(self) -> None:
        type(self).hosts.append(str(self.headers["Host"]))
        self.send_response(type(self).status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """No log."""


Edge = Callable[[int], tuple[dict[str, str], list[str]]]


@pytest.fixture
def edge() -> Any:
    """`edge(status)`: a server with this status; returns the environment and the requested hosts."""
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
    stack="prod",
    project="p",
    database="(default)",
    functions=(Function(id="send", region="r", source="one.zip", digest="d"),),
    release="cloud.firestore",
    rules_digest=text_digest(RULES),
    never_delete=("clients", "threads", "**/messages"),
    allow_client_deletes={},
    health_path="/health",
    wait_seconds=0,
    backend_url="https://backend.up.railway.app",
    deployment="deployment-1",
    indexes={"threads": INDEX},
    secrets={"GROQ_API_KEY": "2"},
    ruleset=RULESET,
)


UP = "pulumi up -s prod"
REFRESH = "pulumi up -s prod --refresh --run-program"


def failures(lines: list[CheckResult]) -> dict[str, tuple[str, str]]:
    return {line.thing: (line.found, line.fix) for line in lines if line.fix is not None}


def test_a_healthy_stack_has_one_line_per_object_and_no_failure(edge: Edge) -> None:
    environ, hosts = edge(200)
    lines = verify.check(SPEC, Google(), environ)
    assert failures(lines) == {}
    assert [line.thing for line in lines] == [
        "function r/send",
        "index threads",
        "rules cloud.firestore",
        "rules: deletes denied (text)",
        "rules: deletes denied (test requests)",
        "secret GROQ_API_KEY",
        "backend https://backend.up.railway.app/health",
    ]
    assert hosts == ["backend.up.railway.app"]


FUNCTIONS = "projects/p/locations/r/functions"
INDEXES = "projects/p/databases/(default)/collectionGroups/-/indexes"
RELEASE = "projects/p/releases/cloud.firestore"
ANOTHER = "projects/p/rulesets/another"
SECRET = "projects/p/secrets/GROQ_API_KEY/versions/2"
GONE = GoogleError("not found", "check it", status=404, reason="NOT_FOUND")
DENIED = GoogleError("denied", "grant it", status=403, reason="PERMISSION_DENIED")


def index(state: str) -> JsonObject:
    return {"indexes": [{"name": INDEX, "state": state}]}


def function(**changes: Any) -> JsonObject:
    found = HEALTHY[FUNCTIONS]["functions"][0]
    return {"functions": [{**found, **changes}]}


@pytest.mark.parametrize(
    ("path", "answer", "thing", "found", "fix"),
    [
        (FUNCTIONS, {}, "function r/send", "does not exist", REFRESH),
        (FUNCTIONS, function(state="FAILED", stateMessages=[{"message": "no start"}]), "function r/send",
         "FAILED no start", UP),
        (FUNCTIONS, function(buildConfig={"environmentVariables": {"SOURCE_ARCHIVE": "two.zip"}}),
         "function r/send", "two.zip", REFRESH),
        (FUNCTIONS, function(buildConfig={}), "function r/send", "deployed by another tool", REFRESH),
        (FUNCTIONS, DENIED, "functions", DENIED.what, DENIED.fix),
        (INDEXES, index("CREATING"), "index threads", "CREATING", "wait"),
        (INDEXES, index("NEEDS_REPAIR"), "index threads", "NEEDS_REPAIR", REFRESH),
        (INDEXES, {}, "index threads", "does not exist", REFRESH),
        (RELEASE, GONE, "rules cloud.firestore", "no release", REFRESH),
        (RELEASE, {"rulesetName": ANOTHER}, "rules cloud.firestore", f"ruleset {ANOTHER}", REFRESH),
        (RELEASE, DENIED, "rules", DENIED.what, DENIED.fix),
        (RULESET, {"source": {"files": []}}, "rules cloud.firestore", "not the declared", REFRESH),
        (SECRET, {"state": "DISABLED"}, "secret GROQ_API_KEY", "version 2 DISABLED", "versions enable 2"),
        (SECRET, {"state": "DESTROYED"}, "secret GROQ_API_KEY", "version 2 DESTROYED", REFRESH),
    ],
)  # fmt: skip
def test_each_difference_is_one_failed_line_with_a_fix(
    edge: Edge, path: str, answer: JsonObject | GoogleError, thing: str, found: str, fix: str
) -> None:
    environ, _ = edge(200)
    failed = failures(verify.check(SPEC, Google({path: answer}), environ))
    assert set(failed) == {thing}
    assert found in failed[thing][0]
    assert fix in failed[thing][1]


def live(text: str, name: str = RULESET) -> dict[str, JsonObject | GoogleError]:
    """Answers with a ruleset of this text in effect."""
    source: JsonObject = {"source": {"files": [{"name": "live.rules", "content": text}]}}
    return {RELEASE: {"rulesetName": name}, name: source}


def test_open_rules_that_somebody_released_fail_with_their_block(edge: Edge) -> None:
    failed = failures(verify.check(SPEC, Google(live(OPEN_RULES, ANOTHER)), edge(200)[0]))
    assert [*failed] == ["rules cloud.firestore", "rules: deletes denied (text)"]
    found, fix = failed["rules: deletes denied (text)"]
    assert f"{ANOTHER} at live.rules:4: allow read, write on match /databases/{{d}}/documents/" in found
    assert "request.auth != null" in found
    assert fix == REFRESH


def test_a_live_text_that_cannot_be_read_is_a_failure(edge: Edge) -> None:
    failed = failures(verify.check(SPEC, Google(live("permit everything")), edge(200)[0]))
    assert "cannot be proven" in failed["rules: deletes denied (text)"][0]


def test_declared_rules_that_are_open_name_their_edit(edge: Edge) -> None:
    """The stack was deployed with a smaller `neverDelete`."""
    digest = text_digest({"live.rules": OPEN_RULES})
    spec = dataclasses.replace(SPEC, rules_digest=digest)
    failed = failures(verify.check(spec, Google(live(OPEN_RULES)), edge(200)[0]))
    assert [*failed] == ["rules: deletes denied (text)"]
    assert failed["rules: deletes denied (text)"][1].startswith(
        "Split write, which includes delete: `allow read"
    )
    assert failed["rules: deletes denied (text)"][1].endswith(
        ", in live.rules, line 4, then run:\npulumi up -s prod"
    )


class Allowing(Google):
    """Owners may delete what is not in `threads`; the last results are missing if `short`."""

    short = False

    def evaluated(self, path: str, cases: list[JsonObject]) -> JsonObject:
        owner = [
            (case["request"]["auth"] or {}).get("uid") == "x" and "/threads/" not in case["request"]["path"]
            for case in cases
        ]
        states = [{"state": "FAILURE" if one else "SUCCESS"} for one in owner]
        return {"testResults": states[: 1 if self.short else None]}


def test_an_attempt_that_is_not_denied_fails(edge: Edge) -> None:
    failed = failures(verify.check(SPEC, Allowing(), edge(200)[0]))
    assert [*failed] == ["rules: deletes denied (test requests)"]
    found, fix = failed["rules: deletes denied (test requests)"]
    assert "16 on 4 documents: 3 not denied, such as clients/x by owner (no looked-up documents)" in found
    assert "allow delete: if false" in fix


def test_an_attempt_without_a_result_is_no_evidence(edge: Edge) -> None:
    google = Allowing()
    google.short = True
    assert (
        "15 not denied"
        in failures(verify.check(SPEC, google, edge(200)[0]))["rules: deletes denied (test requests)"][0]
    )


@pytest.mark.parametrize(("reason", "failed"), [("UNIMPLEMENTED", []), ("PERMISSION_DENIED", ["rules"])])
def test_attempts_that_cannot_be_made(edge: Edge, reason: str, failed: list[str]) -> None:
    class Unable(Google):
        def evaluated(self, path: str, cases: list[JsonObject]) -> JsonObject:
            raise GoogleError("no tests", "grant it", status=501, reason=reason)

    lines = verify.check(SPEC, Unable(), edge(200)[0])
    assert [*failures(lines)] == failed
    assert "rules: deletes denied (text)" in [line.thing for line in lines]


def test_exceptions_are_shown_with_their_reason_and_nothing_protected_is_no_check(edge: Edge) -> None:
    spec = dataclasses.replace(SPEC, allow_client_deletes={"clients": "they may leave"})
    shown = {line.thing: line.found for line in verify.check(spec, Google(), edge(200)[0])}
    assert shown["rules: deletes denied (text)"] == (
        "clients, threads, **/messages; except clients: they may leave"
    )
    assert shown["rules: deletes denied (test requests)"] == "12 on 3 documents: all denied"
    bare = dataclasses.replace(SPEC, never_delete=())
    assert not [
        line for line in verify.check(bare, Google(), edge(200)[0]) if line.thing.startswith("rules:")
    ]


def test_an_unhealthy_backend_fails(edge: Edge) -> None:
    environ, _ = edge(503)
    failed = failures(verify.check(SPEC, Google(), environ))
    assert [found for found, _ in failed.values()] == ["503 Service Unavailable"]


def test_an_unreachable_backend_fails() -> None:
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


def test_a_stack_without_rules_indexes_and_functions_has_one_line(edge: Edge) -> None:
    bare = dataclasses.replace(SPEC, functions=(), indexes={}, secrets={}, release=None, ruleset=None)
    assert len(verify.check(bare, Google(), edge(200)[0])) == 1


def test_a_report_in_a_log_is_text_and_ends_with_the_failures() -> None:
    out = io.StringIO()
    check_results.show(
        "Title",
        [CheckResult(thing="a", found="broken", fix="Repair it."), CheckResult(thing="bb", found="fine")],
        out,
    )
    assert out.getvalue() == (
        "Title\n  ok    bb  fine\n  FAIL  a   broken\n        fix: Repair it.\n2 checked, 1 failed\n"
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_report_on_a_terminal_is_a_table_with_the_same_content() -> None:
    out = Terminal()
    check_results.show("Title", [CheckResult(thing="[a]", found="broken", fix="Repair it.")], out)
    for message in ("Title", "FAIL", "[a]", "broken", "Repair it."):
        assert message in out.getvalue()


def run(stdin: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops", "verify", *arguments],
        cwd=PROJECT,
        env=environ,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


BARE = Declared(
    stack="prod",
    project="p",
    database="(default)",
    release=None,
    rules_digest=None,
    never_delete=("threads",),
    allow_client_deletes={},
    health_path="/health",
    wait_seconds=0,
    functions=(),
).to_lines()
VARIABLES = {
    "VERIFY_BACKEND_URL": '"https://backend.up.railway.app"',
    "VERIFY_DEPLOYMENT": '"deployment-1"',
    "VERIFY_INDEXES": "{}",
    "VERIFY_SECRETS": "{}",
    "VERIFY_RULESET": "null",
}


@pytest.mark.parametrize(
    ("status", "code", "message"), [(200, 0, "1 checked, 0 failed"), (500, 1, "1 checked, 1 failed")]
)
def test_the_exit_code_is_1_if_a_check_failed(edge: Edge, status: int, code: int, message: str) -> None:
    done = run(BARE, **VARIABLES, **edge(status)[0])
    assert (done.returncode, message in done.stdout) == (code, True), done.stdout + done.stderr


@pytest.mark.parametrize("stdin", ["", "not json", "{}", "[]"])
def test_invalid_input_is_exit_code_2_without_a_traceback(stdin: str) -> None:
    done = run(stdin, **VARIABLES)
    assert done.returncode == 2
    assert "the verification input is invalid" in done.stderr
    assert "fix: .venv/bin/python -m ops verify --stack <stack>" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_variable_is_named() -> None:
    assert "VERIFY_BACKEND_URL is missing" in run(BARE).stderr


Cli = Callable[..., dict[str, str]]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """`cli(state)`, `cli(error=...)`: a `pulumi` that exports this state or fails so; returns the PATH."""

    def installed(*resources: JsonObject, error: str = "") -> dict[str, str]:
        (tmp_path / "state.json").write_text(json.dumps({"deployment": {"resources": resources}}))
        (tmp_path / "error").write_text(error)
        script = f"#!/bin/sh\n/bin/cat {tmp_path}/error >&2; test -s {tmp_path}/error && exit 255\n"
        (tmp_path / "pulumi").write_text(f"{script}/bin/cat {tmp_path}/state.json\n")
        (tmp_path / "pulumi").chmod(0o755)
        return {"PATH": str(tmp_path)}

    return installed


COMMAND: JsonObject = {
    "type": "command:local:Command",
    "inputs": {"stdin": BARE, "environment": VARIABLES},
}


def test_a_stack_is_verified_from_its_state(edge: Edge, cli: Cli) -> None:
    replaced = {**COMMAND, "delete": True, "inputs": {"stdin": "", "environment": VARIABLES}}
    done = run(
        "", "--stack", "prod", **cli({"type": "pulumi:pulumi:Stack"}, replaced, COMMAND), **edge(200)[0]
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 checked, 0 failed" in done.stdout


@pytest.mark.parametrize(
    ("resources", "error", "message", "fix"),
    [
        ([], "", "no `pulumi up` of the stack prod has succeeded yet", "pulumi up --stack prod"),
        (
            [{**COMMAND, "inputs": {"stdin": "x", "environment": VARIABLES}}],
            "",
            "another version",
            "pulumi up",
        ),
        ([], "error: no stack named 'prod' found", "there is no stack prod", "pulumi stack ls"),
        ([], "error: PULUMI_ACCESS_TOKEN must be set", "PULUMI_ACCESS_TOKEN must be set", "pulumi login"),
    ],
)
def test_a_stack_that_cannot_be_read_is_exit_code_2_with_a_fix(
    cli: Cli, resources: list[JsonObject], error: str, message: str, fix: str
) -> None:
    done = run("", "--stack", "prod", **cli(*resources, error=error))
    assert done.returncode == 2
    assert message in done.stderr
    assert fix in done.stderr.partition("fix: ")[2]
    assert "Traceback" not in done.stderr
    assert "sandbox env" not in done.stderr


@pytest.mark.parametrize("stack", ["sandbox", "local"])
def test_a_stack_of_the_sandbox_may_need_the_sandbox_s_environment(cli: Cli, stack: str) -> None:
    done = run("", "--stack", stack, **cli(error=f"error: no stack named '{stack}' found"))
    assert done.stderr.endswith(
        '  fix: use a stack that pulumi stack ls lists\n  or:  eval "$(.venv/bin/python -m sandbox env)"\n'
    )


def test_without_pulumi_the_error_names_the_sandboxs_command() -> None:
    done = run("", "--stack", "prod", PATH="")
    assert done.returncode == 2
    assert "pulumi is not on PATH" in done.stderr
    assert 'eval "$(.venv/bin/python -m sandbox env)"' in done.stderr


def test_nothing_is_read_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who gives no stack gets an error and not a command that waits."""
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert main(["verify"]) == 2
