"""What the acceptance tests read and write in a database, on Google's emulator with the example's rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from google.auth.credentials import AnonymousCredentials

from ops.acceptance.app import SignedInApp
from ops.acceptance.firestore import FirestoreStore, admin_app
from ops.acceptance.model import CannotTellError
from ops.acceptance.requests_to import Site
from ops.acceptance.user import User
from ops.acceptance.world import Change, poll
from tests.rules.firestore_client import user_token

if TYPE_CHECKING:
    from tests.rules.conftest import Company

pytestmark = pytest.mark.rules

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def store(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[FirestoreStore]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", company.emulator.host)
    with admin_app(company.project, AnonymousCredentials()) as app:
        yield FirestoreStore(app, "(default)")


@pytest.fixture
def app(company: Company) -> SignedInApp:
    user = User(
        "agent@example.com", lambda: {"idToken": user_token(company.project, "agent"), "localId": "agent"}
    )
    return SignedInApp(
        user=user,
        function=lambda name: None,
        documents=Site(f"http://{company.emulator.host}/v1"),
        database=f"projects/{company.project}/databases/(default)",
    )


def test_documents_are_read_and_fields_added(store: FirestoreStore) -> None:
    assert store.get("clients/+40799") is None
    store.merge("clients/+40799", {"displayName": "Ana", "stats": {"totals": {"RON": 10.5}}})
    store.merge("clients/+40799", {"isTest": True})
    found = store.get("clients/+40799")
    assert found is not None
    assert (found.path, found.id) == ("clients/+40799", "+40799")
    assert (found.get("displayName"), found.get("isTest"), found.get("stats.totals.RON")) == (
        "Ana",
        True,
        10.5,
    )
    assert found.get("stats.other.RON") is None


def test_queries(store: FirestoreStore) -> None:
    thread = "threads/sales__407@s.whatsapp.net"
    store.merge(thread, {"clientPhone": "+407"})
    for number in range(5):
        fields = {"text": f"{number}", "tsClient": NOON + timedelta(seconds=number)}
        store.merge(f"{thread}/messages/M{number}", fields)
    assert [one.path for one in store.where("threads", "clientPhone", "+407")] == [thread]
    assert store.where("threads", "clientPhone", "+408") == []
    latest = store.latest(f"{thread}/messages", "tsClient", 2)
    assert [one.get("text") for one in latest] == ["4", "3"]
    assert latest[0].get("tsClient") == NOON + timedelta(seconds=4)


@pytest.mark.parametrize("path", ["threads/t/messages", "threads/t/messages/M2"])
def test_a_listener_tells_what_was_there_from_what_is_new(store: FirestoreStore, path: str) -> None:
    store.merge("threads/t/messages/M1", {"text": "before"})
    with store.listen(path) as listener:
        assert [one.document.get("text") for one in listener.changes()] == (
            [] if path.endswith("M2") else ["before"]
        )
        assert all(one.first for one in listener.changes())
        store.merge("threads/t/messages/M2", {"text": "new"})
        store.merge("threads/t/messages/M2", {"text": "changed"})

        def both() -> list[Change] | None:
            new = [one for one in listener.changes() if not one.first]
            return new if len(new) >= 2 else None

        new = poll(both, 10)
    assert [one.document.get("text") for one in new] == ["new", "changed"]
    assert {one.document.path for one in new} == {"threads/t/messages/M2"}


def test_a_listener_that_ended_shows_nothing_new(store: FirestoreStore) -> None:
    with store.listen("threads/t/messages") as listener:
        assert listener.changes() == []
        listener.watch.unsubscribe()
        with pytest.raises(CannotTellError, match="was ended by Firestore"):
            listener.changes()


def test_an_event_is_saved_under_the_rules(store: FirestoreStore, app: SignedInApp) -> None:
    event = {
        "clientPhone": "+40799000001", "date": "2031-01-01", "amount": 4350.5, "currency": "RON",
        "schemaVersion": 1, "createdBy": "agent", "isArchived": False, "isTest": True, "acceptanceRun": "r",
    }  # fmt: skip
    saved = app.create("evenimente/e1", event, "createdAt")
    assert saved.ok, saved
    found = store.get("evenimente/e1")
    assert found is not None
    assert {name: found.get(name) for name in event} == event
    assert abs(datetime.now(UTC) - found.get("createdAt")) < timedelta(minutes=1)
    assert app.create("evenimente/e1", event, "createdAt").status == 409
    assert app.create("evenimente/e2", {**event, "createdBy": "other"}, "createdAt").status == 403
    assert app.create("evenimente/e3", {**event, "isArchived": True}, "createdAt").status == 403
    assert store.get("evenimente/e2") is None


def test_a_member_reads_what_the_rules_allow(store: FirestoreStore, app: SignedInApp) -> None:
    store.merge("threads/t/messages/M1", {"text": "x"})
    store.merge("outbox/M1", {"text": "x"})
    assert app.readable("threads/t/messages/M1").status == 200
    assert app.readable("outbox/M1").status == 403
