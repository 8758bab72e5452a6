"""What the app may read and write. Each denied request has an allowed counterpart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.rules.firestore_client import DENIED, OK

if TYPE_CHECKING:
    from tests.rules.conftest import Company
    from tests.rules.firestore_client import Value

pytestmark = pytest.mark.rules

PHONE = "+40722123456"
THREAD_ID = "sales__40722123456@s.whatsapp.net"
THREAD = f"threads/{THREAD_ID}"
SOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
EVENT: dict[str, Value] = {
    "clientPhone": PHONE,
    "date": "2026-09-12",
    "type": "wedding",
    "createdBy": "agent",
    "schemaVersion": 1,
    "isArchived": False,
}
FOLLOW_UP: dict[str, Value] = {"clientPhone": PHONE, "status": "open", "dueAt": SOON, "createdBy": "agent"}


@pytest.mark.parametrize(
    "path",
    ["accounts/sales", f"clients/{PHONE}", THREAD, f"{THREAD}/messages/m1", "evenimente/e1", "followUps/f1"],
)
def test_members_read_and_others_do_not(company: Company, path: str) -> None:
    company.write(path, {"threadId": THREAD_ID})
    parent, _, _ = path.rpartition("/")
    above, _, collection = parent.rpartition("/")
    for member in (company.agent, company.admin):
        assert member.get(path) == OK
        assert member.query(collection, parent=above) == OK
    for outsider in (company.former, company.stranger, company.anonymous):
        assert outsider.get(path) == DENIED
        assert outsider.query(collection, parent=above) == DENIED


def test_the_client_page_reads_messages_across_threads(company: Company) -> None:
    company.write(f"{THREAD}/messages/m1", {"threadId": THREAD_ID, "text": "Hello"})
    assert company.agent.query("messages", parent="*", where={"threadId": THREAD_ID}) == OK
    assert company.stranger.query("messages", parent="*", where={"threadId": THREAD_ID}) == DENIED


def test_only_the_server_writes_members(company: Company) -> None:
    assert company.agent.query("members") == OK
    assert company.stranger.query("members") == DENIED
    assert company.former.get("members/former") == OK  # the app shows that they are not a member any more
    assert company.former.get("members/agent") == DENIED
    assert company.stranger.create("members/stranger", {"role": "admin", "active": True}) == DENIED
    assert company.former.update("members/former", {"active": True}) == DENIED
    assert company.agent.update("members/agent", {"role": "admin"}) == DENIED
    assert company.admin.delete("members/agent") == DENIED
    assert company.stranger.get("accounts/sales") == DENIED
    company.write("members/stranger", {"role": "agent", "active": True})
    assert company.stranger.query("accounts") == OK


@pytest.mark.parametrize("collection", ["outbox", "audit"])
def test_collections_of_the_server_are_closed(company: Company, collection: str) -> None:
    """Every client tries each operation on the document that the server writes."""
    document: dict[str, Value] = {"accountId": "sales", "status": "queued", "text": "Hello"}
    for client in (company.agent, company.admin, company.stranger, company.anonymous):
        assert client.create(f"{collection}/m1", document) == DENIED
    assert company.server.create(f"{collection}/m1", document) == OK
    for client in (company.agent, company.admin, company.stranger, company.anonymous):
        assert client.get(f"{collection}/m1") == DENIED
        assert client.query(collection) == DENIED
        assert client.update(f"{collection}/m1", {"status": "sent"}) == DENIED
        assert client.delete(f"{collection}/m1") == DENIED
    assert company.server.update(f"{collection}/m1", {"status": "sent"}) == OK


def test_a_collection_that_the_rules_do_not_name_is_closed(company: Company) -> None:
    company.write("elsewhere/x", {"a": 1})
    assert company.admin.get("elsewhere/x") == DENIED
    assert company.admin.create("elsewhere/y", {"a": 1}) == DENIED
    assert company.server.get("elsewhere/x") == OK


def test_events_are_created_as_the_app_creates_them(company: Company) -> None:
    assert company.agent.create("evenimente/e1", EVENT) == OK
    for wrong in (
        {"createdBy": "colleague"},
        {"schemaVersion": 2},
        {"isArchived": True},
        {"isArchived": None},
        {"clientPhone": "0722123456"},
        {"date": "12.09.2026"},
        {"date": None},
    ):
        assert company.agent.create("evenimente/wrong", {**EVENT, **wrong}) == DENIED, wrong
    for name in ("createdBy", "schemaVersion", "isArchived", "clientPhone", "date"):
        document = {key: value for key, value in EVENT.items() if key != name}
        assert company.agent.create("evenimente/wrong", document) == DENIED, name
    assert company.stranger.create("evenimente/wrong", {**EVENT, "createdBy": "stranger"}) == DENIED


def test_events_can_be_changed_and_archived_but_their_author_and_existence_stay(company: Company) -> None:
    company.write("evenimente/e1", EVENT)
    assert company.colleague.update("evenimente/e1", {"date": "2026-09-13", "amount": 1200}) == OK
    assert company.colleague.update("evenimente/e1", {"date": "soon"}) == DENIED
    assert company.colleague.update("evenimente/e1", {"createdBy": "colleague"}) == DENIED
    assert company.colleague.update("evenimente/e1", {"schemaVersion": 2}) == DENIED
    assert company.colleague.update("evenimente/e1", {"isArchived": "yes"}) == DENIED
    assert company.colleague.update("evenimente/e1", {"isArchived": True}) == OK
    assert company.agent.delete("evenimente/e1") == DENIED
    assert company.stranger.update("evenimente/e1", {"amount": 1}) == DENIED


def test_clients_are_written_without_their_statistics(company: Company) -> None:
    document: dict[str, Value] = {"phone": PHONE, "displayName": "Ana", "createdBy": "agent"}
    assert company.agent.create(f"clients/{PHONE}", {**document, "stats": {"eventCount": 9}}) == DENIED
    assert company.agent.create("clients/0722123456", {**document, "phone": "0722123456"}) == DENIED
    assert company.agent.create("clients/+40722000000", document) == DENIED
    assert company.agent.create(f"clients/{PHONE}", {**document, "createdBy": "colleague"}) == DENIED
    assert company.agent.create(f"clients/{PHONE}", document) == OK
    change: dict[str, Value] = {"notes": "Prefers mornings", "tags": ["vip"], "updatedBy": "colleague"}
    assert company.colleague.update(f"clients/{PHONE}", change) == OK
    assert company.agent.update(f"clients/{PHONE}", change) == DENIED  # with another user as the author
    for wrong in ({"stats": {"eventCount": 9}}, {"phone": "+40722000000"}, {"createdBy": "colleague"}):
        assert company.colleague.update(f"clients/{PHONE}", {**change, **wrong}) == DENIED, wrong
    assert company.stranger.update(f"clients/{PHONE}", {"updatedBy": "stranger"}) == DENIED


def test_threads_are_created_by_the_backend_and_archived_by_members(company: Company) -> None:
    document: dict[str, Value] = {"accountId": "sales", "clientPhone": PHONE, "isArchived": False}
    assert company.agent.create(THREAD, document) == DENIED
    assert company.server.create(THREAD, document) == OK
    assert company.agent.update(THREAD, {"isArchived": True, "assignedTo": "colleague"}) == OK
    assert company.agent.update(THREAD, {"unreadCount": 0}) == OK
    assert company.agent.update(THREAD, {"accountId": "support"}) == DENIED
    assert company.agent.update(THREAD, {"unreadCount": 0, "clientPhone": "+40722000000"}) == DENIED
    assert company.stranger.update(THREAD, {"unreadCount": 0}) == DENIED


def test_only_the_backend_writes_messages_and_accounts(company: Company) -> None:
    for path in (f"{THREAD}/messages/m1", "accounts/sales"):
        assert company.admin.create(path, {"text": "Hello"}) == DENIED
        assert company.server.create(path, {"text": "Hello"}) == OK
        assert company.admin.get(path) == OK
        assert company.admin.update(path, {"text": "Bye"}) == DENIED
    assert company.admin.delete("accounts/sales") == DENIED


def test_follow_ups(company: Company) -> None:
    assert company.agent.create("followUps/f1", FOLLOW_UP) == OK
    for wrong in ({"createdBy": "colleague"}, {"status": "notified"}, {"dueAt": "tomorrow"}):
        assert company.agent.create("followUps/wrong", {**FOLLOW_UP, **wrong}) == DENIED, wrong
    assert company.stranger.create("followUps/wrong", {**FOLLOW_UP, "createdBy": "stranger"}) == DENIED
    assert company.colleague.update("followUps/f1", {"status": "done"}) == OK
    assert company.colleague.update("followUps/f1", {"status": "notified"}) == DENIED
    assert company.colleague.update("followUps/f1", {"createdBy": "colleague"}) == DENIED
    assert company.colleague.delete("followUps/f1") == DENIED
    assert company.agent.delete("followUps/f1") == OK


def test_notifications_belong_to_their_reader(company: Company) -> None:
    company.write("notifications/n1", {"uid": "agent", "text": "Call Ana", "read": False})
    assert company.agent.get("notifications/n1") == OK
    assert company.colleague.get("notifications/n1") == DENIED
    assert company.agent.query("notifications", where={"uid": "agent"}) == OK
    assert company.agent.query("notifications", where={"uid": "colleague"}) == DENIED
    assert company.agent.query("notifications") == DENIED
    assert company.agent.update("notifications/n1", {"text": "Call Dan"}) == DENIED
    assert company.colleague.update("notifications/n1", {"read": True}) == DENIED
    assert company.agent.update("notifications/n1", {"read": True}) == OK
    assert company.agent.create("notifications/n2", {"uid": "agent", "read": False}) == DENIED
    assert company.agent.delete("notifications/n1") == DENIED
