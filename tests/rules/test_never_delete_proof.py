"""The proof from the text against Google's emulator: what lets a delete pass is never called closed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checkout.never_delete import example_documents, open_deletes
from checkout.rules_parser import RulesSyntaxError
from ops.rules_evidence import attempts
from sandbox.google.hooks import rules_tests
from tests.rules.conftest import RULES
from tests.rules.firestore_client import OK, Client, user_token
from tests.unit.test_never_delete import CLOSED, COLLECTIONS, OPEN, PROTECTED, rules

if TYPE_CHECKING:
    from sandbox.firestore import FirestoreEmulator

pytestmark = pytest.mark.rules

DOCUMENTS = {
    "clients/ana": "clients",
    "threads/t1": "threads",
    "threads/t1/messages/m1": "**/messages",
    "archive/y1/months/m5/messages/m1": "**/messages",
}
HELPERS = (
    "function isMember() { return request.auth != null; }",
    "function isAdmin() { let role = request.auth.token.role; return role == 'admin'; }",
    "function never() { return false; }",
)
CONDITIONS = (
    "false", "true", "request.auth != null", "isMember()", "isAdmin()", "never()", "(false)", "!true",
    "false && true", "true && (false)", "false || isMember()", "request.resource == null",
    "resource.data.owner == 'u'", "'false' == 'false'", "false == false", "true ? isMember() : false",
    "get(/databases/$(d)/documents/members/u).data.role == 'admin'",
)  # fmt: skip
PATHS = (
    "/{document=**}", "/{c}/{x}", "/clients/{c}", "/threads/{t}", "/threads/{rest=**}",
    "/thr%65ads/{t}", "/{c=*}/{x=*}",
    "/threads/{t}/messages/{m}", "/{path=**}/messages/{m}", "/archive/{y}/{rest=**}", "/logs/{l}", "/threads",
)  # fmt: skip
METHODS = ("delete", "write", "read, write", "create, delete", "create, update", "read")

STATEMENT = st.builds(
    lambda methods, condition, end: f"allow {methods}{'' if condition is None else f': if {condition}'}{end}",
    st.sampled_from(METHODS),
    st.one_of(st.none(), st.sampled_from(CONDITIONS)),
    st.sampled_from((";", ";", ";", " ")),  # the emulator accepts a statement without its semicolon
)
BLOCK = st.recursive(
    st.builds(
        lambda path, inside: f"match {path} {{ {' '.join(inside)} }}",
        st.sampled_from(PATHS),
        st.lists(STATEMENT, min_size=1, max_size=3),
    ),
    lambda blocks: st.builds(
        lambda path, inside: f"match {path} {{ {inside} }}",
        st.sampled_from(("/threads/{t0}", "/archive/{y0}/months/{m0}", "/{c0}/{x0}")),
        blocks,
    ),
    max_leaves=3,
)
FILES = st.lists(BLOCK, min_size=1, max_size=3).map(lambda blocks: rules(*HELPERS, *blocks))


def deleted(emulator: FirestoreEmulator, text: str) -> set[str] | None:
    """The protected collections of which some client could delete a document; None: does not compile."""
    project = f"proof-{uuid.uuid4().hex[:12]}"
    if any(issue.severity == "ERROR" for issue in emulator.load_rules(project, text)):
        return None
    server = Client(url=emulator.url, project=project, token="owner")
    assert server.overwrite("members/u", {"role": "admin"}) == OK
    clients = [
        Client(url=emulator.url, project=project, token=token) for token in ("", user_token(project, "u"))
    ]
    found: set[str] = set()
    for path, collection in DOCUMENTS.items():
        for client in clients:
            assert server.overwrite(path, {"owner": "u"}) == OK
            if client.delete(path) == OK:
                found.add(collection)
    return found


def closed(text: str) -> set[str]:
    """The protected collections that the text is proven to keep; none if it cannot be read."""
    try:
        opened = {name for one in open_deletes(text, PROTECTED) for name in one.collections}
    except RulesSyntaxError:
        return set()
    return {name for name in COLLECTIONS if name not in opened}


def evidence(emulator: FirestoreEmulator, text: str) -> set[str]:
    """The documents of which an attempt of `python -m ops verify` was not denied."""
    made = attempts(text, example_documents(text, PROTECTED), "(default)")
    project = rules_tests.new_project()
    emulator.load_rules(project, text)
    results = rules_tests.run_suite(emulator.host, project, [one.case for one in made])
    pairs = zip(made, results, strict=True)
    return {one.document for one, result in pairs if result["state"] != "SUCCESS"}


# Their conditions are false, which only an evaluation shows: the proof rejects them, the attempts cannot.
HARMLESS = {"a condition in a function", "a comparison with false"}


@pytest.mark.parametrize("name", [*OPEN, *CLOSED])
def test_the_attempts_find_each_way_that_lets_a_client_delete(emulator: FirestoreEmulator, name: str) -> None:
    found = evidence(emulator, rules(*HELPERS, {**OPEN, **CLOSED}[name]))
    assert bool(found) is (name in OPEN and name not in HARMLESS)


def test_the_attempts_find_members_and_admins_of_the_example(emulator: FirestoreEmulator) -> None:
    text = RULES.read_text()
    assert evidence(emulator, text) == set()
    for condition in ("isMember()", "isMember() && resource.data.createdBy == uid()"):
        opened = text.replace("allow delete: if false", f"allow delete: if {condition}")
        assert evidence(emulator, opened) == {"clients/x", "threads/x", "messages/x", "x/x/messages/x"}


@pytest.mark.parametrize("block", [*OPEN.values(), *CLOSED.values()], ids=[*OPEN, *CLOSED])
def test_each_way_to_write_a_rule(emulator: FirestoreEmulator, block: str) -> None:
    text = rules(*HELPERS, block)
    passed = deleted(emulator, text)
    assert passed is not None
    assert not passed & closed(text)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=FILES)
def test_what_the_emulator_lets_delete_is_never_called_closed(emulator: FirestoreEmulator, text: str) -> None:
    passed = deleted(emulator, text)
    assert passed is None or not passed & closed(text)


def test_some_of_the_ways_really_let_a_client_delete(emulator: FirestoreEmulator) -> None:
    """Without this the comparisons above could hold because no delete ever reaches the rules."""
    passed = [deleted(emulator, rules(*HELPERS, block)) for block in OPEN.values()]
    assert sum(bool(one) for one in passed) >= 8
