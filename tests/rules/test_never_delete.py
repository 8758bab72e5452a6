"""No client can delete clients, messages and threads, in any way, or empty them."""

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
# A document that its creator may delete: it shows that the requests work.
DELETABLE = "followUps/f1"
FOLLOW_UP: dict[str, Value] = {
    "createdBy": "agent",
    "status": "open",
    "dueAt": datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
}
CLIENTS = ["agent", "admin", "former", "stranger", "anonymous"]


@pytest.fixture
def filled(company: Company) -> Company:
    for path, document in KEPT.items():
        company.write(path, document)
    company.write(DELETABLE, FOLLOW_UP)
    return company


@pytest.mark.parametrize("path", KEPT)
@pytest.mark.parametrize("who", CLIENTS)
def test_no_client_may_delete(filled: Company, who: str, path: str) -> None:
    client = getattr(filled, who)
    assert client.delete(path) == DENIED
    assert client.commit(client.deleting(path)) == DENIED
    assert filled.server.get(path) == OK


@pytest.mark.parametrize("path", KEPT)
@pytest.mark.parametrize("who", ["agent", "admin"])
def test_a_batch_with_one_such_delete_changes_nothing(filled: Company, who: str, path: str) -> None:
    client = filled.agent if who == "agent" else filled.admin
    allowed = client.updating(DELETABLE, {"note": "call back"})
    assert client.commit(allowed) == OK
    assert client.commit(allowed, client.deleting(path)) == DENIED
    assert filled.agent.commit(filled.agent.deleting(DELETABLE), filled.agent.deleting(path)) == DENIED
    assert filled.server.get(path) == OK
    assert filled.server.get(DELETABLE) == OK


@pytest.mark.parametrize("path", KEPT)
def test_a_document_cannot_be_emptied(filled: Company, path: str) -> None:
    assert filled.admin.overwrite(path, {}) == DENIED
    assert filled.admin.overwrite(path, {"displayName": ""}) == DENIED


def test_messages_are_kept_at_any_depth(filled: Company) -> None:
    for path in ("messages/m1", "archive/2026/months/05/messages/m1"):
        filled.write(path, {"text": "Hello"})
        assert filled.admin.get(path) == OK
        assert filled.admin.delete(path) == DENIED


def test_a_delete_that_is_allowed_works_in_the_same_ways(filled: Company) -> None:
    """The requests above are well-formed: only the rules deny them."""
    assert filled.colleague.delete(DELETABLE) == DENIED
    assert filled.agent.delete(DELETABLE) == OK
    filled.write(DELETABLE, FOLLOW_UP)
    assert filled.agent.commit(filled.agent.deleting(DELETABLE)) == OK
    for path in KEPT:
        assert filled.server.delete(path) == OK


@pytest.mark.parametrize("path", KEPT)
def test_without_the_rule_the_same_deletes_succeed(filled: Company, path: str) -> None:
    """The tests above can fail: without `allow delete: if false` they do."""
    text = RULES.read_text()
    policy = "allow delete: if false;"
    assert text.count(policy) == 4
    filled.emulator.load_rules(filled.project, text.replace(policy, "allow delete: if isMember();"))
    assert filled.stranger.delete(path) == DENIED
    assert filled.agent.delete(path) == OK
