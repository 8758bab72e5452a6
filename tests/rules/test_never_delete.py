"""Clients, messages and threads are never deleted from the app: by nobody, in no way, not even emptied."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.rules.conftest import RULES, Company
from tests.rules.firestore_client import DENIED, OK

if TYPE_CHECKING:
    from tests.rules.firestore_client import Value

pytestmark = pytest.mark.rules

THREAD = "threads/sales__40722123456@s.whatsapp.net"
KEPT: dict[str, dict[str, Value]] = {
    "clients/+40722123456": {"phone": "+40722123456", "displayName": "Ana", "createdBy": "agent"},
    THREAD: {"accountId": "sales", "clientPhone": "+40722123456", "isArchived": False},
    f"{THREAD}/messages/m1": {"threadId": "sales__40722123456@s.whatsapp.net", "text": "Hello"},
}
# Something that its creator may delete: what shows that a delete reaches the rules at all.
DELETABLE = "followUps/f1"
FOLLOW_UP: dict[str, Value] = {
    "createdBy": "agent",
    "status": "open",
    "dueAt": datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
}
PEOPLE = ["agent", "admin", "former", "stranger", "nobody"]


@pytest.fixture
def filled(company: Company) -> Company:
    for path, document in KEPT.items():
        company.given(path, document)
    company.given(DELETABLE, FOLLOW_UP)
    return company


@pytest.mark.parametrize("path", KEPT)
@pytest.mark.parametrize("who", PEOPLE)
def test_nobody_deletes(filled: Company, who: str, path: str) -> None:
    person = getattr(filled, who)
    assert person.delete(path) == DENIED
    assert person.commit(person.deleting(path)) == DENIED
    assert filled.server.get(path) == OK


@pytest.mark.parametrize("path", KEPT)
@pytest.mark.parametrize("who", ["agent", "admin"])
def test_a_batch_with_one_such_delete_changes_nothing(filled: Company, who: str, path: str) -> None:
    person = filled.agent if who == "agent" else filled.admin
    allowed = person.updating(DELETABLE, {"note": "call back"})
    assert person.commit(allowed) == OK
    assert person.commit(allowed, person.deleting(path)) == DENIED
    assert filled.agent.commit(filled.agent.deleting(DELETABLE), filled.agent.deleting(path)) == DENIED
    assert filled.server.get(path) == OK
    assert filled.server.get(DELETABLE) == OK


@pytest.mark.parametrize("path", KEPT)
def test_nor_is_one_emptied_in_place(filled: Company, path: str) -> None:
    assert filled.admin.overwrite(path, {}) == DENIED
    assert filled.admin.overwrite(path, {"displayName": ""}) == DENIED


def test_messages_are_kept_at_any_depth(filled: Company) -> None:
    for path in ("messages/m1", "archive/2026/months/05/messages/m1"):
        filled.given(path, {"text": "Hello"})
        assert filled.admin.get(path) == OK
        assert filled.admin.delete(path) == DENIED


def test_a_delete_that_is_allowed_works_in_the_same_ways(filled: Company) -> None:
    """The other side: the requests above are well-formed and denied by the rules alone."""
    assert filled.colleague.delete(DELETABLE) == DENIED
    assert filled.agent.delete(DELETABLE) == OK
    filled.given(DELETABLE, FOLLOW_UP)
    assert filled.agent.commit(filled.agent.deleting(DELETABLE)) == OK
    for path in KEPT:
        assert filled.server.delete(path) == OK


@pytest.mark.parametrize("path", KEPT)
def test_with_the_policy_taken_out_the_same_deletes_pass(filled: Company, path: str) -> None:
    """These tests can fail: without `allow delete: if false`, and with nothing else changed, they would."""
    text = RULES.read_text()
    policy = "allow delete: if false;"
    assert text.count(policy) == 4
    filled.emulator.load_rules(filled.project, text.replace(policy, "allow delete: if isMember();"))
    assert filled.stranger.delete(path) == DENIED
    assert filled.agent.delete(path) == OK
