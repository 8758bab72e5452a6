"""`ops readiness`: each line of the runbook broken in turn makes exactly that line the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkout.flutter.results import Finding as AppFinding
from checkout.flutter.results import LineResult
from firebase.errors import GoogleError
from firebase.release import text_digest
from ops import access
from ops.acceptance.model import Verdict as Accepted
from ops.github import GitHubError
from ops.readiness import declared, flutter
from ops.readiness.lines import IDS, LINES
from ops.readiness.model import Verdict
from railway.graphql.models import DeploymentView, InstanceView
from tests import recorded_acceptance
from tests.unit.ops import readiness_world as world_of
from tests.unit.ops.readiness_edges import Edge, serving
from tests.unit.ops.readiness_world import DEPLOYED, NOW, World
from tests.unit.test_never_delete import rules

pytestmark = pytest.mark.unit


@pytest.fixture
def backend() -> Iterator[Edge]:
    with serving(200) as edge:
        yield edge


@pytest.fixture
def functions() -> Iterator[Edge]:
    """A proxy answers 401 to a request without a login."""
    with serving(401) as edge:
        yield edge


@pytest.fixture
def world(tmp_path: Path, backend: Edge, functions: Edge, monkeypatch: pytest.MonkeyPatch) -> World:
    """Everything is ready; the acceptance is recorded."""
    edges = {"RAILWAY_EDGE_URL": backend.url, "GOOGLE_EDGE_URL": functions.url}
    made = World(folder=tmp_path, edges=edges)
    made.accept()
    monkeypatch.setattr(flutter, "check_app", made.check_app)
    monkeypatch.setattr(flutter, "find_app", lambda *_: (tmp_path, ""))
    return made


def test_a_good_environment_is_ready_and_every_line_was_checked(
    world: World, backend: Edge, functions: Edge
) -> None:
    report = world.report()
    assert {
        one.line.id: one.finding.found for one in report.outcomes if one.verdict is not Verdict.PASS
    } == {}
    assert report.ready
    assert [one.line.id for one in report.outcomes] == list(IDS)
    assert report.summary == "41 of the runbook's 41 lines were checked: ready for 30 accounts"
    assert {host for _, host, _ in functions.asked} == {"proxysend-abc.a.run.app"}
    assert backend.asked == [("GET", "backend.up.railway.app", "/health")]


def test_each_line_that_passes_has_evidence_but_the_last(world: World) -> None:
    without = [one.line.id for one in world.outcomes() if not one.finding.evidence]
    assert without == ["G5"]


def test_a_cloud_is_asked_each_question_once(world: World) -> None:
    world.report()
    asked = [path for path, _ in world.asked[0].asked if not path.endswith((":test", ":access"))]
    twice = {path for path in asked if asked.count(path) > 1}
    # The list of indexes serves B2 and G1, which look at it differently.
    assert twice <= {world_of.INDEXES, f"{world_of.URL_SECRET}/versions"}
    assert world.railway.asked <= 9


def test_no_value_of_a_variable_is_in_a_report(world: World) -> None:
    assert "not-shown-anywhere" not in str(world.outcomes())


Break = Callable[[World], object]
OPEN = rules("match /{document=**} { allow read, write: if request.auth != null; }")


def put(path: str, answer: Any) -> Break:
    """Google answers otherwise."""
    return lambda world: world.google.update({path: answer})


def set_railway(**values: Any) -> Break:
    """Railway answers otherwise."""
    return lambda world: [setattr(world.railway, name, value) for name, value in values.items()]


def set_hub(**values: Any) -> Break:
    """GitHub answers otherwise."""
    return lambda world: [setattr(world.github, name, value) for name, value in values.items()]


def app(line: str) -> Break:
    """The app has one thing to correct."""
    found = AppFinding(file="lib/a.dart", line=12, what="It writes to outbox.", fix="Call sendViaProxy().")
    return lambda world: world.app.update({line: LineResult(id=line, findings=[found])})


def other_text(text: str) -> Break:
    """Other rules are released."""
    return put(world_of.RULESET, {"source": {"files": [{"name": "firestore.rules", "content": text}]}})


def declared_open(world: World) -> None:
    """Rules that allow deletes are declared and released."""
    other_text(OPEN)(world)
    world.state = world_of.state(rules_digest=text_digest({"firestore.rules": OPEN}))
    world.accept()  # of these rules: otherwise section F is a reason too


def bind(secret: str, *members: str) -> Break:
    return put(f"{secret}:getIamPolicy", {"bindings": [{"role": world_of.READER, "members": list(members)}]})


def other_service(world: World) -> None:
    """A second service of the same repository runs."""
    node = {"source": {"repo": "company/backend"}}
    running = (DeploymentView("x", "SUCCESS", DEPLOYED),)
    world.railway.others.append(InstanceView("other", node, None, running, (), ()))


def error_entry(**resource: Any) -> dict[str, Any]:
    labels = {"service_name": "ask", **resource}
    return {
        "entries": [
            {
                "timestamp": "2026-11-30T09:00:00Z",
                "severity": "ERROR",
                "resource": {"type": "cloud_run_revision", "labels": labels},
                "jsonPayload": {"message": "AI provider: 500\nat line 2"},
            }
        ]
    }


def grant(role: str) -> dict[str, Any]:
    return {
        "bindings": [
            {"role": "roles/datastore.user", "members": [world_of.MEMBER]},
            {"role": role, "members": [world_of.MEMBER]},
        ]
    }


def variable(name: str, value: str) -> Break:
    return lambda world: world.railway.variables_set.update({name: value})


def reads(name: str, *secrets: tuple[str, str]) -> Break:
    """The second function reads other versions of secrets."""
    return lambda world: world.function(1, serviceConfig=world_of.function(name, *secrets)["serviceConfig"])


def edge(cloud: str, name: str) -> Break:
    """The requests to a cloud's addresses get another answer."""
    return lambda world: world.edges.update({f"{cloud}_EDGE_URL": world.edges[name]})


def starts(count: int) -> Break:
    lines = [(NOW - timedelta(minutes=n), line) for n in range(count, 0, -1) for line in world_of.LOG]
    return set_railway(log=lines)


UNMADE = {"name": "other", "state": "CREATING"}
READY = {"name": world_of.INDEX, "state": "READY"}

BREAKS: list[tuple[str, str, Break, str]] = [
    ("A1", "main is ahead", set_hub(main=world_of.HEAD_BEFORE), "2 commits ahead"),
    ("A1", "a commit that is not in main", set_hub(main="c" * 40, relation=("diverged", 1)), "not in main"),
    ("A2", "a feature branch", set_railway(branch="audit-30"), "from audit-30, not from main"),
    ("A3", "two are configured", set_railway(replicas=2), "2 instances are configured"),
    ("A3", "two run", set_railway(states=["RUNNING", "RUNNING"]), "2 instances"),
    ("A4", "a check failed", set_hub(results={"lint": "failure", "checks": "success"}), "lint: failure"),
    ("A4", "no check ran", set_hub(results={}), "no check"),
    ("B1", "a function is missing",
     put(world_of.FUNCTIONS, {"functions": [world_of.function("proxySend", ("RAILWAY_WHATSAPP_URL", "1"))]}),
     "function europe-west1/ask"),
    ("B1", "an index is missing", put(world_of.INDEXES, {}), "index threads"),
    ("B1", "a job is missing", put(world_of.JOBS, {}), "scheduler job"),
    ("B1", "the rules are not released", put(world_of.RELEASE, world_of.NOT_FOUND), "rules cloud.firestore"),
    ("B2", "an index is broken", put(world_of.INDEXES, {"indexes": [{**READY, "state": "NEEDS_REPAIR"}]}),
     "threads: NEEDS_REPAIR"),
    ("B2", "an index is being built", put(world_of.INDEXES, {"indexes": [{**READY, "state": "CREATING"}]}),
     "threads: CREATING"),
    ("B3", "a function failed", lambda world: world.function(1, state="FAILED"), "FAILED"),
    ("B3", "another source", lambda world: world.function(1, buildConfig={}), "another tool"),
    ("B4", "other rules", other_text(rules("match /notes/{n} { allow read: if true; }")), "not the declared"),
    ("B5", "somebody opened the rules",
     other_text(OPEN), "allow read, write"),
    ("B5", "open rules are declared", declared_open, "allow read, write"),
    ("B5", "an attempt is not denied", lambda world: setattr(world, "allowed_deletes", 1), "1 not denied"),
    ("B6", "disabled", put(f"{world_of.KEY_SECRET}/versions/2", {"state": "DISABLED"}), "DISABLED"),
    ("B6", "missing", put(f"{world_of.KEY_SECRET}/versions/2", world_of.NOT_FOUND), "is missing"),
    ("B6", "not pinned", reads("ask", ("GROQ_API_KEY", "latest")), "not pinned"),
    ("B7", "one reader too many", bind(world_of.KEY_SECRET, world_of.MEMBER, "user:eve@example.com"), "eve"),
    ("B7", "one reader too few", bind(world_of.URL_SECRET), "was removed"),
    ("B8", "another address", put(f"{world_of.URL_SECRET}/versions/1:access",
                                  {"payload": {"data": "aHR0cHM6Ly9vbGQuZXhhbXBsZQ=="}}), "in proxySend"),
    ("B9", "an unknown key", put(f"{world_of.ACCOUNT}/keys", {"keys": [{"name": "keys/k"}]}), "key k"),
    ("B9", "a role in the project", put(f"{world_of.P}:getIamPolicy", grant("roles/editor")), "roles/editor"),
    ("C1", "another path", set_railway(mount_path="/data"), "mounted at /data"),
    ("C1", "too small", set_railway(size_mb=5_000), "5000 MB, not 50000"),
    ("C1", "no volume", set_railway(volume_is_gone=True), "no volume"),
    ("C1", "another SESSIONS_PATH", variable("SESSIONS_PATH", "/tmp/x"), "SESSIONS_PATH is another path"),
    ("C2", "full", set_railway(used_mb=40_001), "80.0 %"),
    ("C3", "no backup", set_railway(backups_made=[]), "no backup"),
    ("C3", "an old backup", set_railway(backups_made=[timedelta(hours=49)]), "2 days old"),
    ("C4", "a variable is empty", variable("WHATSAPP_BACKFILL_COUNT", ""), "WHATSAPP_BACKFILL_COUNT"),
    ("C4", "a secret variable is empty", variable("ADMIN_TOKEN", ""), "ADMIN_TOKEN"),
    ("C5", "the newest failed", set_railway(statuses=["FAILED", "SUCCESS"]), "BUILD_IMAGE"),
    ("C5", "it crashed", set_railway(statuses=["CRASHED", "REMOVED"]), "CRASHED"),
    ("C5", "one is under way", set_railway(statuses=["BUILDING", "SUCCESS"]), "BUILDING"),
    ("D1", "not writable", set_railway(log=[(DEPLOYED, world_of.LOG[1])]), world_of.LOG[0]),
    ("D2", "no Firebase", set_railway(log=[(DEPLOYED, world_of.LOG[0])]), world_of.LOG[1]),
    ("D3", "unhealthy", edge("RAILWAY", "UNHEALTHY"), "503"),
    ("D4", "a proxy fails", edge("GOOGLE", "UNHEALTHY"), "503"),
    ("D4", "a proxy is private", edge("GOOGLE", "PRIVATE"), "403"),
    ("D5", "errors", put("entries:list", error_entry()), "ask: 1, the newest: AI provider: 500"),
    ("D6", "the domain is gone", set_railway(domains=[]), "does not lead to the backend"),
    ("D6", "not verified", set_railway(custom={"crm.example.com": False}), "not verified"),
    *((f"E{n}", "a finding", app(f"E{n}"), "lib/a.dart:12: It writes") for n in range(1, 8)),
    *((f"F{n}", "it failed", lambda world, n=n: world.accept({f"F{n}": Accepted.FAIL}), "it failed at")
      for n in range(1, 6)),
    ("G1", "an index that nobody declared", put(world_of.INDEXES, {"indexes": [READY, UNMADE]}), "other"),
    ("G2", "a second service", other_service, "other: x"),
    ("G2", "two deployments", set_railway(statuses=["SUCCESS", "SUCCESS"]), "2 deployments run"),
    ("G3", "a secret that is not declared", reads("ask", ("GROQ_API_KEY", "2"), ("EXTRA", "9")),
     "EXTRA version 9 (ask)"),
    ("G4", "a crash loop", starts(4), "started 4 times"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def failing_edges(world: World) -> Iterator[None]:
    with serving(503) as unhealthy, serving(403) as private:
        world.edges.update(UNHEALTHY=unhealthy.url, PRIVATE=private.url)
        yield


@pytest.mark.parametrize(
    ("line", "break_", "found"),
    [pytest.param(line, change, found, id=f"{line} {name}") for line, name, change, found in BREAKS],
)
def test_a_broken_line_is_exactly_the_reason(world: World, line: str, break_: Break, found: str) -> None:
    break_(world)
    report = world.report()
    assert not report.ready
    assert report.reasons == [line], {
        one.line.id: one.finding.found for one in report.outcomes if one.finding.fix
    }
    assert "G5" in report.followers
    assert report.conclusion.startswith(f"not ready: {line} (")
    (outcome,) = [one for one in report.outcomes if one.line.id == line]
    assert found in outcome.finding.found
    assert outcome.finding.fix
    assert outcome.finding.verdict is Verdict.FAIL


def test_every_line_but_the_last_is_broken_above() -> None:
    assert {line for line, *_ in BREAKS} == set(IDS) - {"G5"}


def test_a_function_that_is_deployed_is_waited_for(world: World) -> None:
    world.function(1, state="DEPLOYING")
    (outcome,) = world.outcomes("B3")
    assert outcome.finding.waiting


def test_errors_before_the_deployment_of_a_function_are_not_counted(world: World) -> None:
    entry = error_entry()
    entry["entries"][0]["timestamp"] = "2026-11-30T07:00:00Z"
    put("entries:list", entry)(world)
    assert world.report("D5").ready
    put("entries:list", error_entry(service_name="another-service"))(world)
    assert world.report("D5").ready


def test_the_log_is_asked_for_errors_since_the_first_deployment(world: World) -> None:
    world.report("D5")
    (body,) = [body for path, body in world.asked[0].asked if path == "entries:list"]
    assert body is not None
    assert body["resourceNames"] == ["projects/p"]
    assert body["filter"] == (
        'resource.type="cloud_run_revision" severity>=ERROR timestamp>="2026-11-30T08:00:00Z"'
    )


def test_an_acceptance_of_what_a_later_up_replaced_does_not_count(world: World) -> None:
    spec = declared.of_state("prod", world.state).spec
    other = replace(spec.functions[0], source="before.zip")
    changes: dict[str, dict[str, Any]] = {
        "backend": {"deployment": "d9"},
        "functions": {"functions": (other, *spec.functions[1:])},
        "rules": {"ruleset": "projects/p/rulesets/before"},
        "indexes": {"indexes": {}},
        "secrets": {"secrets": {**spec.secrets, "ADMIN_EMAILS": "9"}},
    }
    for part, change in changes.items():
        recorded_acceptance.record(world.folder, replace(spec, **change), NOW)
        report = world.report("F")
        assert report.reasons == ["F1", "F2", "F3", "F4", "F5"]
        assert {one.verdict for one in report.outcomes} == {Verdict.PERSON}
        assert report.outcomes[0].finding.found == (
            "it passed at 2026-11-30 12:00 UTC (by tester@example.com), and does not count any more: "
            f"a later `pulumi up` deployed {part}"
        )
        assert report.outcomes[0].finding.fix.endswith("\n.venv/bin/python -m ops accept --stack prod")


def test_a_failure_of_what_is_not_deployed_any_more_is_tested_again(world: World) -> None:
    spec = declared.of_state("prod", world.state).spec
    before = replace(spec, deployment="d9")
    recorded_acceptance.record(world.folder, before, NOW, {"F1": Accepted.FAIL})
    (outcome,) = world.outcomes("F1")
    assert outcome.verdict is Verdict.PERSON
    assert "it was tested at" in outcome.finding.found


def test_an_acceptance_before_a_deployment_without_an_up_does_not_count(world: World) -> None:
    """A push to the branch: Railway deploys it, and the state does not know."""
    world.state = world_of.state(deployment="verified")
    world.accept(at=DEPLOYED - timedelta(minutes=1))
    report = world.report("F")
    assert report.reasons == ["F1", "F2", "F3", "F4", "F5"]
    assert "Railway deployed d0 at 2026-11-30 07:00 UTC, without an `up`" in (
        report.outcomes[0].finding.found
    )
    world.accept(at=DEPLOYED + timedelta(minutes=1))
    assert world.report("F").ready


def test_without_an_acceptance_a_person_is_needed_and_told_what_to_do(world: World) -> None:
    (world.folder / ".acceptance" / "prod.json").unlink()
    report = world.report("F")
    assert {one.verdict for one in report.outcomes} == {Verdict.PERSON}
    assert "two WhatsApp accounts" in report.outcomes[0].finding.fix.replace("two of your", "two")
    assert report.summary == (
        "0 of the runbook's 41 lines were checked, 5 need a person: not ready: F1, F2, F3, F4, F5"
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"lines": {"F1": {"verdict": "pass", "at": "2026-11-30T12:00:00Z"}}}']
)
def test_a_damaged_record_of_the_acceptance_is_no_evidence(world: World, text: str) -> None:
    (world.folder / ".acceptance" / "prod.json").write_text(text)
    (outcome,) = world.outcomes("F1")
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.finding.fix == "mv .acceptance/prod.json .acceptance/prod.json.damaged"


def test_the_evidence_and_the_fix_of_the_acceptance_are_in_the_report(world: World) -> None:
    (good,) = world.outcomes("F1")
    assert good.finding.found == "accepted at 2026-11-30 12:00 UTC by tester@example.com: as it should"
    assert [one.asked for one in good.finding.evidence] == [
        ".acceptance/prod.json: F1 of the run 20261130-120000-7f3a",
        "GET threads",
    ]
    world.accept({"F1": Accepted.UNKNOWN})
    (unclear,) = world.outcomes("F1")
    assert unclear.verdict is Verdict.UNKNOWN
    assert unclear.finding.fix == "look at the thread"


def test_a_line_that_was_not_accepted_yet_needs_a_person(world: World) -> None:
    world.accept({"F2": None})
    (outcome,) = world.outcomes("F2")
    assert outcome.verdict is Verdict.PERSON
    assert outcome.finding.found.endswith("has no result of this line")


GOOGLE_LINES = {"B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "D4", "D5", "G1", "G3"}
RAILWAY_LINES = {
    *("A1", "A2", "A3", "A4", "C1", "C2", "C3", "C4", "C5", "D1", "D2", "D6", "F1", "F2", "F3", "F4", "F5"),
    *("G2", "G3", "G4"),
}


def test_a_cloud_that_cannot_be_read_is_never_ready(world: World) -> None:
    world.railway.error = world_of.UNREACHABLE
    report = world.report()
    lines = {one.line.id for one in report.outcomes if one.verdict is Verdict.UNKNOWN}
    assert lines == RAILWAY_LINES
    assert all("no connection" in one.finding.found for one in report.outcomes if one.line.id in lines)
    assert not report.ready
    assert "20 could not be checked" in report.summary


def test_an_error_concerns_only_the_lines_that_need_the_answer(world: World) -> None:
    world.google["entries:list"] = world_of.DENIED
    report = world.report()
    assert report.reasons == ["D5"]
    (outcome,) = [one for one in report.outcomes if one.line.id == "D5"]
    assert (outcome.verdict, outcome.finding.fix) == (Verdict.UNKNOWN, "grant it")


def test_without_google_no_line_that_needs_it_passes(world: World) -> None:
    down = GoogleError("Google is down", "run the command again", status=503)
    world.google = dict.fromkeys(world.google, down)
    unknown = {one.line.id for one in world.outcomes() if one.verdict is Verdict.UNKNOWN}
    assert unknown == GOOGLE_LINES


def test_without_github_only_its_lines_are_unknown(world: World) -> None:
    world.github.error = GitHubError("GitHub responded 404", "export GITHUB_TOKEN=<token>")
    report = world.report()
    assert report.reasons == ["A1", "A4"]
    assert {one.verdict for one in report.outcomes[:4]} == {Verdict.UNKNOWN, Verdict.PASS}


def test_an_unexpected_response_is_never_ready_and_shows_no_value(world: World) -> None:
    world.google[world_of.FUNCTIONS] = {"functions": [{"name": "x/y", "serviceConfig": "secret-text"}]}
    (outcome,) = world.outcomes("D4")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "AttributeError at" in outcome.finding.found
    assert "secret-text" not in outcome.finding.found


def test_an_app_that_cannot_be_decided_is_not_ready(world: World) -> None:
    world.app["E3"] = LineResult(id="E3", unknown=["lib/a.dart:3: the collection is computed"])
    report = world.report()
    assert report.reasons == ["E3"]
    (outcome,) = [one for one in report.outcomes if one.line.id == "E3"]
    assert outcome.verdict is Verdict.UNKNOWN


def test_without_a_flutter_app_its_lines_cannot_be_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flutter, "find_app", lambda *_: (None, "no pubspec.yaml"))
    assert {one.verdict for one in world.outcomes("E")} == {Verdict.UNKNOWN}


def test_a_state_without_its_parts_is_an_error_with_a_fix(world: World) -> None:
    for kind in ("ServiceSettings", "Deployment", "Volume"):
        state = [one for one in world.state if one["type"] != declared.RAILWAY + kind]
        with pytest.raises(Exception, match=f"has no {kind}"):
            declared.of_state("prod", state)


def test_proxies_are_found_by_a_plain_variable_as_well(world: World, functions: Edge) -> None:
    """Where the address is not a secret."""
    plain = world_of.function("proxySend")
    plain["serviceConfig"]["environmentVariables"] = {"RAILWAY_WHATSAPP_URL": world_of.BACKEND}
    world.function(0, serviceConfig=plain["serviceConfig"])
    assert world.report("B8,D4").ready
    assert functions.asked
    plain["serviceConfig"]["environmentVariables"] = {"RAILWAY_WHATSAPP_URL": "https://old.example"}
    assert world.report("B8").reasons == ["B8"]


def test_a_stack_without_public_proxies_cannot_be_told(world: World) -> None:
    world.state = [one for one in world.state if one["type"] != access.INVOKERS]
    (outcome,) = world.outcomes("D4")
    assert outcome.verdict is Verdict.UNKNOWN


def test_the_words_of_all_lines_are_the_runbooks() -> None:
    assert len({one.words for one in LINES}) == len(LINES) == 41
