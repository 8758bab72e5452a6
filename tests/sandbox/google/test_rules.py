"""Rulesets, releases, and the compiler: the syntax check and the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.firestore import FirestoreEmulator
from sandbox.google.app import create_app
from sandbox.local_server import LocalServer
from tests.sandbox.google.client import NEVER_DELETE, PROJECT, RULES, Google, Json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.sandbox

RELEASE = f"projects/{PROJECT}/releases/cloud.firestore"
OPEN = NEVER_DELETE.replace("allow delete: if false", "allow delete: if true")


def source(content: str) -> Json:
    return {"source": {"files": [{"name": "firestore.rules", "content": content}]}}


def ruleset(google: Google, content: str = NEVER_DELETE) -> str:
    return google.post(f"{RULES}/rulesets", source(content))["name"]


@pytest.fixture
def rules(google: Google) -> Google:
    google.enable("firebaserules")
    return google


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        ("service cloud.firestore {", 1, 25),
        ("service cloud.firestore {\n match /a/{b} { allow read: if (true; }\n}", 2, 39),
        ("service cloud.firestore { } }", 1, 29),
        ("match /a/{b} { }", 1, 1),
        ("// service cloud.firestore { }", 1, 1),
    ],
)
def test_without_an_emulator_brackets_are_checked(
    rules: Google, content: str, line: int, column: int
) -> None:
    (issue,) = rules.post(f"{RULES}:test", source(content))["issues"]
    assert issue["severity"] == "ERROR"
    assert issue["sourcePosition"] == {"fileName": "firestore.rules", "line": line, "column": column}
    error = rules.error("POST", f"{RULES}/rulesets", source(content), status=400, word="INVALID_ARGUMENT")
    assert f"{line}:{column}" in error["message"]
    assert error["details"][1]["issues"] == [issue]
    assert rules.get(f"{RULES}/rulesets") == {}


def test_braces_in_strings_and_comments_do_not_count(rules: Google) -> None:
    content = "// {\nservice cloud.firestore { /* } */ match /a/{b} { allow read: if '}' == \"{\"; } }"
    assert rules.post(f"{RULES}:test", source(content)) == {}


def test_a_ruleset_needs_files_and_test_suites_need_the_emulator(rules: Google) -> None:
    for body in ({}, {"source": {"files": []}}, {"source": {"files": [{"name": "x"}]}}):
        rules.error("POST", f"{RULES}/rulesets", body, status=400, word="INVALID_ARGUMENT")
    body = {**source(NEVER_DELETE), "testSuite": {"testCases": [{"expectation": "ALLOW"}]}}
    rules.error("POST", f"{RULES}:test", body, status=501, word="UNIMPLEMENTED")


def test_a_ruleset_in_use_cannot_be_deleted(rules: Google) -> None:
    first, second = ruleset(rules), ruleset(rules, OPEN)
    rules.post(f"{RULES}/releases", {"name": RELEASE, "rulesetName": first})
    error = rules.error("DELETE", f"/firebaserules/v1/{first}", status=400, word="FAILED_PRECONDITION")
    assert RELEASE in error["message"]
    body = {"release": {"name": RELEASE, "rulesetName": second}}
    moved = rules.patch(f"/firebaserules/v1/{RELEASE}", body)
    assert moved["rulesetName"] == second
    assert moved["updateTime"] > moved["createTime"]
    rules.delete(f"/firebaserules/v1/{first}")


def test_releases(rules: Google) -> None:
    name = ruleset(rules)
    body = {"name": RELEASE, "rulesetName": name}
    rules.error("GET", f"/firebaserules/v1/{RELEASE}", status=404, word="NOT_FOUND")
    rules.error("PATCH", f"/firebaserules/v1/{RELEASE}", {"release": body}, status=404, word="NOT_FOUND")
    rules.post(f"{RULES}/releases", body)
    rules.error("POST", f"{RULES}/releases", body, status=409, word="ALREADY_EXISTS")
    rules.post(f"{RULES}/releases", {**body, "name": f"{RELEASE}/other"})
    assert rules.get(f"/firebaserules/v1/{RELEASE}/other")["rulesetName"] == name
    assert len(rules.get(f"{RULES}/releases")["releases"]) == 2
    listed = rules.get(f"{RULES}/releases?filter=name=cloud.firestore")["releases"]
    assert [one["name"] for one in listed] == [RELEASE]
    missing = {"name": f"{RELEASE}/x", "rulesetName": f"projects/{PROJECT}/rulesets/none"}
    rules.error("POST", f"{RULES}/releases", missing, status=404, word="NOT_FOUND")
    rules.error("POST", f"{RULES}/releases", {"name": "x"}, status=400, word="INVALID_ARGUMENT")
    rules.delete(f"/firebaserules/v1/{RELEASE}")
    rules.error("GET", f"/firebaserules/v1/{RELEASE}", status=404, word="NOT_FOUND")


def test_rulesets_are_listed_newest_first_without_their_text(rules: Google) -> None:
    names = [ruleset(rules), ruleset(rules, OPEN)]
    listed = rules.get(f"{RULES}/rulesets")["rulesets"]
    assert [one["name"] for one in listed] == names[::-1]
    assert all("source" not in one for one in listed)


def test_an_emulator_that_does_not_respond_is_503() -> None:
    with LocalServer(create_app(firestore_emulator="127.0.0.1:1")) as server:
        google = Google(server.url)
        google.enable("firebaserules")
        google.error("POST", f"{RULES}:test", source(NEVER_DELETE), status=503, word="UNAVAILABLE")
        google.http.close()


@pytest.fixture(scope="module")
def emulator() -> Iterator[FirestoreEmulator]:
    with FirestoreEmulator() as running:
        yield running


def delete_client(emulator: FirestoreEmulator) -> int:
    """Return the status of deleting a client document as a signed-in user."""
    token = "eyJhbGciOiJub25lIn0." + "eyJzdWIiOiJ1IiwidXNlcl9pZCI6InUifQ."
    url = f"http://{emulator.host}/v1/projects/{PROJECT}/databases/(default)/documents/clients/c"
    return requests.delete(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code


@pytest.mark.rules
def test_the_emulator_compiles_and_released_rules_are_in_effect(
    emulator: FirestoreEmulator, tmp_path: Path
) -> None:
    state = tmp_path / "google.state"
    with LocalServer(create_app(state, emulator.host)) as server:
        google = Google(server.url)
        google.enable("firebaserules")
        broken = source(NEVER_DELETE.replace("if false;", "if (;"))
        (issue,) = google.post(f"{RULES}:test", broken)["issues"]
        assert issue["sourcePosition"] == {"fileName": "firestore.rules", "line": 6, "column": 25}
        assert issue["description"] == "Unexpected ';'."
        google.error("POST", f"{RULES}/rulesets", broken, status=400, word="INVALID_ARGUMENT")
        assert google.post(f"{RULES}:test", source(NEVER_DELETE)) == {}
        doubtful = source(NEVER_DELETE.replace("if false", "if nobody()"))
        (warning,) = google.post(f"{RULES}:test", doubtful)["issues"]
        assert warning["severity"] == "WARNING"

        never, always = ruleset(google), ruleset(google, OPEN)
        google.post(f"{RULES}/releases", {"name": RELEASE, "rulesetName": never})
        assert delete_client(emulator) == 403
        google.patch(f"/firebaserules/v1/{RELEASE}", {"release": {"name": RELEASE, "rulesetName": always}})
        assert delete_client(emulator) == 200
        google.post(f"{RULES}:test", source(NEVER_DELETE))
        assert delete_client(emulator) == 200, "a compile check must not touch the rules in force"
        google.delete(f"/firebaserules/v1/{RELEASE}")
        assert delete_client(emulator) == 403
        google.post(f"{RULES}/releases", {"name": RELEASE, "rulesetName": always})
        google.http.close()

    url = f"http://{emulator.host}/emulator/v1/projects/{PROJECT}:securityRules"
    deny = {"rules": {"files": [{"name": "r", "content": NEVER_DELETE}]}}
    requests.put(url, json=deny, timeout=30).raise_for_status()
    with LocalServer(create_app(state, emulator.host)) as server:
        assert requests.get(f"{server.url}/admin/switches", timeout=30).status_code == 200
        assert delete_client(emulator) == 200, "a restart loads the released rules again"


def case(expectation: str, method: str = "delete", uid: str = "", **changes: object) -> Json:
    auth = {"uid": uid, "token": {"role": "admin"}} if uid else None
    path = "/databases/(default)/documents/clients/c"
    request = {"auth": auth, "method": method, "path": path}
    return {"expectation": expectation, "request": request, "resource": {"data": {"owner": "u"}}, **changes}


def mock(function: str, value: object, path: str = "/databases/(default)/documents/members/u") -> Json:
    return {"function": function, "args": [{"exactValue": path}], "result": {"value": value}}


MEMBERS = NEVER_DELETE.replace(
    "allow delete: if false",
    "allow delete: if exists(/databases/$(database)/documents/members/$(request.auth.uid)) && get("
    "/databases/$(database)/documents/members/$(request.auth.uid)).data.tags.hasAll(['a', 1, null, 1.5])",
    1,
)
TAGS = {"data": {"tags": ["a", 1, None, 1.5], "address": {"city": "Iasi"}, "active": True}}


@pytest.mark.rules
def test_the_emulator_runs_test_suites_and_keeps_the_released_rules(emulator: FirestoreEmulator) -> None:
    with LocalServer(create_app(firestore_emulator=emulator.host)) as server:
        google = Google(server.url)
        google.enable("firebaserules")
        google.post(f"{RULES}/releases", {"name": RELEASE, "rulesetName": ruleset(google, OPEN)})
        kept = delete_client(emulator)

        def states(content: str, *cases: Json) -> list[str]:
            body = {**source(content), "testSuite": {"testCases": list(cases)}}
            return [result["state"] for result in google.post(f"{RULES}:test", body)["testResults"]]

        denied = [case("DENY"), case("DENY", uid="u"), case("ALLOW"), case("ALLOW", "get", uid="u")]
        assert states(NEVER_DELETE, *denied) == ["SUCCESS", "SUCCESS", "FAILURE", "SUCCESS"]
        assert states(OPEN, case("DENY", uid="u"), case("ALLOW", uid="u")) == ["FAILURE", "SUCCESS"]
        found = [mock("exists", True), mock("get", TAGS)]
        looked_up = [
            case("ALLOW", uid="u", functionMocks=found),
            case("ALLOW", uid="u", functionMocks=[mock("exists", False)]),
            case("ALLOW", uid="other", functionMocks=found),
            case("ALLOW", uid="u", functionMocks=found),
        ]
        assert states(MEMBERS, *looked_up) == ["SUCCESS", "FAILURE", "FAILURE", "SUCCESS"]
        assert delete_client(emulator) == kept == 200

        saved = ruleset(google, OPEN)
        body = {"testSuite": {"testCases": [case("ALLOW", uid="u")]}}
        assert google.post(f"/firebaserules/v1/{saved}:test", body)["testResults"] == [{"state": "SUCCESS"}]
        for wrong, status, word in (
            (case("DENY", "create"), 501, "UNIMPLEMENTED"),
            (case("DENY", functionMocks=[mock("debug", True)]), 501, "UNIMPLEMENTED"),
            (case("DENY", functionMocks=[mock("get", TAGS, "/members/u")]), 400, "INVALID_ARGUMENT"),
        ):
            body = {**source(OPEN), "testSuite": {"testCases": [wrong]}}
            google.error("POST", f"{RULES}:test", body, status=status, word=word)
        google.http.close()
