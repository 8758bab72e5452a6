"""What the text of the rules proves about deletes: no open rule is called closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.never_delete import open_deletes, overlap, problems, protected_pattern
from checkout.rules_parser import Pattern, RulesSyntaxError, Wildcard, parse

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[2] / "examples" / "crm" / "firestore.rules"
PROTECTED = ("clients", "threads", "**/messages")
ONE, MANY = Wildcard.ONE, Wildcard.MANY


def rules(*blocks: str, version: str = "rules_version = '2';") -> str:
    """A rules file with these blocks under the documents."""
    inside = "\n".join(blocks)
    return f"{version}\nservice cloud.firestore {{\nmatch /databases/{{d}}/documents {{\n{inside}\n}}\n}}\n"


def opened(text: str) -> dict[int, tuple[str, ...]]:
    """Line -> the protected collections that it may open."""
    return {one.allow.line: one.collections for one in open_deletes(text, PROTECTED)}


OPEN = {
    "delete without a condition": "match /threads/{t} { allow delete; }",
    "write without a condition": "match /clients/{c} { allow write; }",
    "delete if true": "match /threads/{t} { allow delete: if true; }",
    "write among other methods": "match /threads/{t} { allow read, write: if request.auth != null; }",
    "delete among other methods": "match /clients/{c} { allow create, delete: if request.auth != null; }",
    "a recursive wildcard over everything": "match /{document=**} { allow read, write: if true; }",
    "a wildcard collection": "match /{collection}/{document} { allow write: if isAdmin(); }",
    "a condition in a function": "match /threads/{t} { function no() { return false; } "
    "allow delete: if no(); }",
    "a resource that is null": "match /threads/{t} { allow write: if request.resource == null; }",
    "a condition on a looked-up document": "match /clients/{c} { allow delete: if get("
    "/databases/$(d)/documents/members/$(request.auth.uid)).data.role == 'admin'; }",
    "a nested match": "match /accounts/{a} { match /threads/{t} { match /messages/{m} { allow delete: "
    "if resource.data.createdBy == request.auth.uid; } } }",
    "a second block that opens what the first closes": "match /threads/{t} { allow delete: if false; }\n"
    "match /threads/{t} { allow delete: if request.auth != null; }",
    "false or something": "match /threads/{t} { allow delete: if false || request.auth != null; }",
    "a recursive wildcard below the collection": "match /threads/{rest=**} { allow write: if true; }",
    "a recursive wildcard in the middle": "match /{path=**}/messages/{m} { allow write: if true; }",
    "a comparison with false": "match /threads/{t} { allow delete: if false == resource.data.kept; }",
    "a condition that negates false": "match /threads/{t} { allow delete: if !false; }",
    "a conditional expression": "match /threads/{t} { allow delete: if true ? true : false; }",
    "an equal sign inside a text": "match /threads/{t} { allow delete: if 'if false;' != 'x'; }",
    "a comment that says otherwise": "match /threads/{t} { allow delete /* if false */: if true; }",
}


@pytest.mark.parametrize("block", OPEN.values(), ids=OPEN)
def test_what_may_let_a_client_delete_is_refused(block: str) -> None:
    assert opened(rules(block))


CLOSED = {
    "delete if false": "match /threads/{t} { allow delete: if false; allow create, update: if isMember(); }",
    "an operand that is false": "match /threads/{t} { allow delete: if isMember() && (false); }",
    "write split up": "match /clients/{c} { allow read, create, update: if true; }",
    "another collection": "match /logs/{l} { allow write: if true; }",
    "a path that names no document": "match /threads { allow write: if true; }",
    "a collection of the same name elsewhere": "match /archive/{y}/threads/{t} { allow delete: if true; }",
    "an allow in a comment": "// match /threads/{t} { allow delete; }\n"
    "/* match /clients/{c} { allow write; } */",
    "a brace in a text": "match /logs/{l} { allow create: if request.resource.data.a != '}'; }",
}


@pytest.mark.parametrize("block", CLOSED.values(), ids=CLOSED)
def test_what_is_provably_closed_passes(block: str) -> None:
    assert opened(rules(block)) == {}


def test_the_examples_rules_are_closed() -> None:
    assert problems("firestore.rules", EXAMPLE.read_text(), PROTECTED) == []


def test_a_wildcard_above_the_documents_counts() -> None:
    text = "service cloud.firestore { match /{everything=**} { allow write: if true; } }"
    assert opened(text) == {1: PROTECTED}
    text = "service cloud.firestore { match /databases/{d}/documents/threads/{t} { allow delete: if x; } }"
    assert opened(text) == {1: ("threads",)}


def test_only_the_service_of_firestore_counts_where_a_file_has_two() -> None:
    storage = "service firebase.storage { match /b/{b}/o { match /{all=**} { allow write: if true; } } }"
    assert opened(storage + rules("match /threads/{t} { allow delete: if false; }")) == {}
    assert opened(storage + rules("match /threads/{t} { allow delete: if a; }")) == {4: ("threads",)}


def test_a_problem_names_the_match_the_line_and_the_split() -> None:
    (problem,) = problems(
        "firestore.rules", rules("match /threads/{t} {", "allow read, write: if isMember();", "}"), PROTECTED
    )
    assert problem.key == "firestore.rules:5"
    assert "match /databases/{d}/documents/threads/{t}" in problem.what
    assert "allow read, create, update" in problem.fix


@pytest.mark.parametrize(
    "text",
    [
        "service cloud.firestore { match /a/{b} { allow delete: if r'\\' ; } }",
        "service cloud.firestore { match /a/{b} { allow delete: if 'a' 'b'; } }",
        "service cloud.firestore { match /a/{b} { allow delete: if true } }",
        "service cloud.firestore { match /a/{b} { allow everything; } }",
        "service cloud.firestore { match /a/{b} { permit delete; } }",
        "service cloud.firestore { match /a/{b} { allow delete: if true;",
        "service cloud.firestore { match { allow delete; } }",
        "service cloud.firestore { match /a/{b} { allow delete: if \u0000true; } }",
        "something else",
    ],
)
def test_what_is_not_understood_is_a_problem_and_never_skipped(text: str) -> None:
    with pytest.raises(RulesSyntaxError):
        parse(text)
    (problem,) = problems("firestore.rules", text, PROTECTED)
    assert "cannot be proven" in problem.what


def test_collections_are_named_by_path() -> None:
    documents = ("databases", ONE, "documents")
    assert protected_pattern("threads") == (*documents, "threads", ONE)
    assert protected_pattern("**/messages") == (*documents, MANY, "messages", ONE)
    assert protected_pattern("threads/{t}/notes") == (*documents, "threads", ONE, "notes", ONE)


SEGMENTS = st.sampled_from(["a", "b", "messages"])
PATTERNS = st.lists(st.one_of(SEGMENTS, st.just(ONE), st.just(MANY)), min_size=1, max_size=5).map(tuple)
PATHS = st.lists(SEGMENTS, min_size=2, max_size=6).filter(lambda path: len(path) % 2 == 0).map(tuple)


def matches(pattern: Pattern, path: tuple[str, ...]) -> bool:
    """Whether a path matches, the slow and obvious way."""
    if not pattern:
        return not path
    first, *rest = pattern
    if first is MANY:
        return any(matches(tuple(rest), path[at:]) for at in range(len(path) + 1))
    return bool(path) and (first is ONE or first == path[0]) and matches(tuple(rest), path[1:])


@given(one=PATTERNS, other=PATTERNS, path=PATHS)
def test_patterns_that_share_a_document_overlap(one: Pattern, other: Pattern, path: tuple[str, ...]) -> None:
    documents: Pattern = ("databases", ONE, "documents")
    if matches(one, path) and matches(other, path):
        assert overlap((*documents, *one), (*documents, *other))
