"""What the text of the rules proves about deletes: no open rule is called closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.never_delete import (
    Protection,
    common_document,
    contains,
    documents_of,
    open_deletes,
    problems,
    useless_exceptions,
)
from checkout.rules_parser import Pattern, RulesSyntaxError, Wildcard, parse

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[2] / "examples" / "crm" / "firestore.rules"
COLLECTIONS = ("clients", "threads", "**/messages")
PROTECTED = Protection(collections=COLLECTIONS, exceptions={})
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
    "a wildcard of one segment by name": "match /{c=*}/{t=*} { allow delete: if true; }",
    "a statement before it without its semicolon": "match /threads/{t} { allow create\n allow delete; }",
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
    "a field whose name is a keyword": "match /threads/{t} { allow create: if request.resource.data.allow; }",
    "a brace in a text": "match /logs/{l} { allow create: if request.resource.data.a != '}'; }",
}


@pytest.mark.parametrize("block", CLOSED.values(), ids=CLOSED)
def test_what_is_provably_closed_passes(block: str) -> None:
    assert opened(rules(block)) == {}


def test_the_examples_rules_are_closed() -> None:
    assert problems("firestore.rules", EXAMPLE.read_text(), PROTECTED) == []


def test_a_wildcard_above_the_documents_counts() -> None:
    text = "service cloud.firestore { match /{everything=**} { allow write: if true; } }"
    assert opened(text) == {1: COLLECTIONS}
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
        # The emulator accepts the three below: a missing semicolon, and an escaped name of a collection.
        rules("match /threads/{t} { allow create: if true\n allow delete: if true; }"),
        rules("match /thr%65ads/{t} { allow delete: if true; }"),
        rules("match /%74hreads/{t} { allow delete: if true; }"),
        rules("match /a/{b} { " * 200 + "} " * 200),
        rules(f"match /{'a/' * 200}{{b}} {{ allow delete: if true; }}"),
        rules(f"match /threads/{{t}} {{ allow delete: if {'(' * 5000}false{')' * 5000}; }}"),
        "\ufeffservice cloud.firestore { match /a/{b} { allow create\u00a0; } }",
        "something else",
    ],
)
def test_what_is_not_understood_is_a_problem_and_never_skipped(text: str) -> None:
    with pytest.raises(RulesSyntaxError):
        parse(text)
    (problem,) = problems("firestore.rules", text, PROTECTED)
    assert "cannot be proven" in problem.what


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        (
            "match /a/{b} {\nallow read: if true\n}",
            "'}' in a condition.",
            "Add the semicolon",
        ),
        ("match /a/{b} {\nallow read: if x\nallow write; }", "allow in a condition.", "Add the semicolon"),
        ("match /a/{b} {\npermit delete; }", "'permit' where match,", "Write match, allow and function"),
        ("match /a/{b} {\nallow everything; }", "'everything' is not a method.", "Use one of create, delete"),
        ("match /a/{b}\nallow read;", "'allow' where '{' must stand.", "Write { there"),
        ("match /a%/{b} {\n}", "'a%' in a match path.", "Write a path such as /threads/{id}"),
    ],
)
def test_what_is_not_understood_has_an_edit_for_its_kind(text: str, what: str, fix: str) -> None:
    (problem,) = problems("firestore.rules", rules(text), PROTECTED)
    assert f"this line cannot be read: {what}" in problem.what
    assert problem.fix.startswith(fix)
    assert problem.fix.endswith(f", in {problem.key.replace(':', ', line ')}.")


def test_a_file_that_ends_too_early_and_a_brace_too_many_are_edits_of_braces() -> None:
    text = "service cloud.firestore { match /a/{b} { allow read; }"
    (early,) = problems("firestore.rules", text, PROTECTED)
    assert "read: the file ends in the middle of a block." in early.what
    assert early.fix == "Add the missing brace or bracket, in firestore.rules, line 1."
    (late,) = problems("firestore.rules", f"{text} }} }}", PROTECTED)
    assert late.fix == "Remove the brace, or add the opening one, in firestore.rules, line 1."


@given(text=st.text(alphabet=st.sampled_from("matchlow/{}()=*;:,.'\"$&|! \nif%") | st.characters()))
def test_any_text_is_read_or_a_problem(text: str) -> None:
    for given_text in (text, rules(f"match /threads/{{t}} {{ allow delete: if {text}; }}"), rules(text)):
        assert isinstance(problems("firestore.rules", given_text, PROTECTED), list)


@given(start=st.integers(0, 4000), length=st.integers(0, 80), instead=st.text(max_size=8))
def test_a_damaged_file_is_read_or_a_problem(start: int, length: int, instead: str) -> None:
    text = EXAMPLE.read_text()
    damaged = text[:start] + instead + text[start + length :]
    assert isinstance(problems("firestore.rules", damaged, PROTECTED), list)


def test_collections_are_named_by_path() -> None:
    documents = ("databases", ONE, "documents")
    assert documents_of("threads") == (*documents, "threads", ONE)
    assert documents_of("**/messages") == (*documents, MANY, "messages", ONE)
    assert documents_of("threads/{t}/notes") == (*documents, "threads", ONE, "notes", ONE)


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
        assert common_document((*documents, *one), (*documents, *other)) is not None


@given(one=PATTERNS, other=PATTERNS)
def test_the_common_document_matches_both_patterns(one: Pattern, other: Pattern) -> None:
    documents: Pattern = ("databases", ONE, "documents")
    found = common_document((*documents, *one), (*documents, *other))
    if found is not None:
        assert matches((*documents, *one), found)
        assert matches((*documents, *other), found)
        assert len(found) % 2 == 1


@given(outer=PATTERNS, inner=PATTERNS, path=st.lists(SEGMENTS, min_size=1, max_size=6).map(tuple))
def test_a_pattern_that_contains_another_matches_all_its_paths(
    outer: Pattern, inner: Pattern, path: tuple[str, ...]
) -> None:
    if contains(outer, inner) and matches(inner, path):
        assert matches(outer, path)


@pytest.mark.parametrize(
    ("outer", "inner", "contained"),
    [
        (("a", ONE), ("a", ONE), True),
        (("a", ONE), ("a", "b"), True),
        ((MANY, "a", ONE), ("b", ONE, "a", ONE), True),
        ((MANY, "a", ONE), (MANY, "a", ONE), True),
        (("a", MANY), ("a", ONE, "b", ONE), True),
        (("a", ONE), (ONE, ONE), False),
        (("a", ONE), ("a", MANY), False),
        (("b", ONE, "a", ONE), (MANY, "a", ONE), False),
        (("a", "b"), ("a", ONE), False),
    ],
)
def test_containment(outer: Pattern, inner: Pattern, *, contained: bool) -> None:
    assert contains(outer, inner) is contained


DRAFTS = "match /drafts/{d}/messages/{m} { allow delete: if isMember(); }"
REASON = "drafts are private"


def test_an_exception_covers_the_matches_inside_of_it_and_no_other() -> None:
    protected = Protection(collections=COLLECTIONS, exceptions={"drafts/{d}/messages": REASON})
    assert open_deletes(rules(DRAFTS), PROTECTED)
    assert open_deletes(rules(DRAFTS), protected) == ()
    wider = rules("match /drafts/{rest=**} { allow delete: if isMember(); }")
    assert [one.collections for one in open_deletes(wider, protected)] == [("**/messages",)]
    assert useless_exceptions(protected) == []


def test_an_exception_for_a_whole_collection_leaves_the_others_protected() -> None:
    protected = Protection(collections=COLLECTIONS, exceptions={"threads": REASON})
    assert open_deletes(rules("match /threads/{t} { allow delete: if isMember(); }"), protected) == ()
    (found,) = open_deletes(rules("match /{c}/{d} { allow write: if isMember(); }"), protected)
    assert found.collections == ("clients", "**/messages")
    assert found.example == "clients/x"


def test_an_exception_from_what_is_not_protected_is_a_problem() -> None:
    (problem,) = useless_exceptions(Protection(collections=("threads",), exceptions={"logs": REASON}))
    assert problem.key == "whatsapp-crm:allowClientDeletes"
    assert problem.fix == "pulumi config rm --path 'whatsapp-crm:allowClientDeletes[\"logs\"]'"


def test_without_protected_collections_any_text_passes() -> None:
    nothing = Protection(collections=(), exceptions={})
    assert problems("firestore.rules", rules("match /{d=**} { allow write; }"), nothing) == []


def test_the_text_of_a_problem() -> None:
    text = rules("match /{document=**} {", "allow read, write: if request.auth != null;", "}")
    (problem,) = problems("firestore.rules", text, PROTECTED)
    assert str(problem) == (
        "firestore.rules:5: allow read, write on match /databases/{d}/documents/{document=**} grants delete "
        "with the condition request.auth != null. It covers, for example, clients/x, but neverDelete "
        "protects clients, threads, **/messages.\n"
        "    fix: Split write, which includes delete: `allow read, create, update` with the same condition, "
        "in firestore.rules, line 5."
    )
