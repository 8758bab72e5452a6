"""The attempts to delete protected documents: by which client, and which documents the rules find."""

from __future__ import annotations

from typing import Any

import pytest

from checkout.never_delete import Protection, example_documents
from firebase.errors import JsonObject
from firebase.rest import GoogleApi
from ops.rules_evidence import BATCH, Attempt, attempts, lookup_paths, run
from tests.unit.test_never_delete import EXAMPLE, PROTECTED, rules

pytestmark = pytest.mark.unit

ROOT = "/databases/(default)/documents"


def of(text: str, client: str) -> list[Attempt]:
    """The attempts of a client on one document."""
    return [one for one in attempts(text, ["threads/x"], "(default)") if one.client.startswith(client)]


def looked_up(one: Attempt) -> dict[str, Any]:
    """What `get` finds, by path."""
    mocks = one.case["functionMocks"]
    return {
        mock["args"][0]["exactValue"]: mock["result"]["value"] for mock in mocks if mock["function"] == "get"
    }


def test_every_kind_of_client_tries_with_and_without_the_looked_up_documents() -> None:
    made = attempts(EXAMPLE.read_text(), ["threads/x"], "(default)")
    assert [one.client for one in made] == [
        f"{client} ({given})"
        for client in ("anonymous", "signed in", "admin by claim", "owner")
        for given in ("no looked-up documents", "member by document", "admin by document")
    ]
    assert all(one.case["expectation"] == "DENY" for one in made)
    assert {one.case["request"]["method"] for one in made} == {"delete"}
    missing, member, _ = of(EXAMPLE.read_text(), "signed in")
    assert looked_up(missing) == {}
    assert missing.case["functionMocks"][0]["result"] == {"value": False}
    assert looked_up(member)[f"{ROOT}/members/someone"]["data"]["active"] is True


def test_rules_without_lookups_are_tried_by_each_client_once() -> None:
    assert len(attempts(rules("match /threads/{t} { allow read; }"), ["threads/x"], "(default)")) == 4


def test_the_values_that_the_rules_compare_are_given() -> None:
    text = rules(
        "match /threads/{t} {",
        "allow delete: if request.auth.token.level == 3 || request.auth.token.staff",
        "|| resource.data.author == request.auth.uid || resource.data['state'] == 'closed'",
        "|| get(/databases/$(d)/documents/users/$(request.auth.uid)).data.kind == 'chief'",
        "|| 'admin' in get(/databases/$(d)/documents/users/$(request.auth.uid)).data.roles",
        "|| request.auth.uid in resource.data.members; }",
    )
    _, _, admin = of(text, "admin by claim")
    assert admin.case["request"]["auth"]["token"]["level"] == 3
    assert admin.case["request"]["auth"]["token"]["staff"] is True
    resource = admin.case["resource"]["data"]
    assert (resource["author"], resource["state"], resource["members"]) == ("x", "closed", ["x"])
    found = looked_up(admin)[f"{ROOT}/users/admin"]["data"]
    assert (found["kind"], found["roles"], found["role"]) == ("chief", ["admin", "admin"], "admin")


def test_paths_that_are_looked_up() -> None:
    text = (
        "get(/databases/$(database)/documents/members/$(uid())).data.a"
        " && exists( /databases/$(d)/documents/threads/$(t)/seen/$(f(g(1), 2)))"
    )
    assert lookup_paths(text, "u", "archive") == [
        "/databases/archive/documents/members/u",
        "/databases/archive/documents/members/x",
        "/databases/archive/documents/threads/u/seen/u",
        "/databases/archive/documents/threads/x/seen/x",
    ]


def test_the_documents_are_one_of_each_collection_and_those_that_a_match_meets() -> None:
    text = rules("match /shops/{s} { match /threads/{t} {} match /messages/{m} { allow read; } }")
    assert example_documents(text, PROTECTED) == (
        "clients/x",
        "messages/x",
        "shops/x/messages/x",
        "threads/x",
        "x/x/messages/x",
    )
    excepted = Protection(collections=("**/messages",), exceptions={"shops/{s}/messages": "they are drafts"})
    assert example_documents(text, excepted) == ("messages/x", "x/x/messages/x")
    assert example_documents("what is this", Protection(collections=("a",), exceptions={})) == ("a/x",)


def test_the_attempts_on_the_example_are_one_request() -> None:
    text = EXAMPLE.read_text()
    assert len(attempts(text, example_documents(text, PROTECTED), "(default)")) == 48 <= BATCH


class LastAllowed(GoogleApi):
    """Allows the last attempt of each request."""

    def __init__(self) -> None:
        super().__init__({})
        self.sizes: list[int] = []

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        cases = rest["body"]["testSuite"]["testCases"]
        self.sizes.append(len(cases))
        states = ["SUCCESS"] * (len(cases) - 1) + ["FAILURE"]
        return {"testResults": [{"state": state} for state in states]}


def test_many_attempts_are_several_requests() -> None:
    documents = [f"threads/{number}" for number in range(30)]
    made = attempts(rules("match /threads/{t} { allow read; }"), documents, "(default)")
    google = LastAllowed()
    assert run(google, "projects/p/rulesets/r", made) == [made[BATCH - 1], made[-1]]
    assert google.sizes == [BATCH, 20]
