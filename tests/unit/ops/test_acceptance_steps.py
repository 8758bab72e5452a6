"""Each acceptance test passes on a CRM that behaves, and fails on each way in which that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.acceptance import progress, run, thread_isolation
from ops.acceptance.model import LINES, Result, Verdict
from settings.acceptance_names import Names
from tests.unit.ops.acceptance_crm import CLIENT, FakeCrm, new_run, silent

pytestmark = pytest.mark.unit

OTHER_NAMES = Names(
    threads="chats",
    messages="mesaje",
    clients="clienti",
    events="bookings",
    accounts="lines",
    send_function="send",
    created_by="author",
    schema_version="v",
    is_archived="archived",
    thread_id="{clientJid}-{accountId}",
    account_id="line",
    client_jid="jid",
    client_phone="phone",
    direction="way",
    incoming="received",
    outgoing="sent",
    text="body",
    message_time="at",
    status="state",
    sent="SENT",
    delivered="DELIVERED",
    read="READ",
    failed="ERROR",
    created_at="made",
    event_date="day",
    amount="price",
    currency="cur",
    event_status="stage",
    event_count="count",
    total="sum_{currency}",
    display_name="name",
    extract_function="extract",
    extract_thread="chat",
    extract_event="found",
    ask_function="ask",
    ask_phone="who",
    ask_question="q",
    ask_answer="a",
    send_account="line",
    send_to="who",
    send_text="body",
    send_request="id",
    sent_message="message",
    is_test="probe",
    test_run="probeRun",
)
FAULTS = {
    "F1": {
        "one thread for all accounts": "not in threads/sales__",
        "the other account's thread": "not in threads/sales__",
        "also in the other thread": "is also in",
        "nothing is received": "is not in",
        "a wrong direction": 'not "in"',
        "a message of another account": "not sales",
        "the thread names no account": "accountId",
        "no document of the thread": "does not exist",
    },
    "F2": {
        "nothing is received": "did not show the message",
        "received late": "was visible after",
        "a wrong direction": 'not "in"',
        "not readable": "cannot read it",
        "one thread for all accounts": "did not show the message",
    },
    "F3": {
        "sends for strangers": "not signed in",
        "fails for strangers": "500",
        "the proxy fails": "503: no backend",
        "no message id": "has no messageId",
        "another text": 'text is "other text"',
        "never sent": 'not "delivered"',
        "failed": "status failed",
        "never delivered": 'not "delivered"',
        "no status sent": 'not "sent"',
        "never read": 'not "read"',
        "a status goes back": "goes back",
        "delivered to nobody": "did not get it",
        "one thread for all accounts": "no such document",
    },
    "F4": {
        "nothing is received": "is not in",
        "nothing is extracted": "found no event",
        "another day": "date is 2020-01-01",
        "a point as decimals": "amount is 4.",
        "another currency": "currency is EUR",
        "another client": "clientPhone is +40711111111",
        "the AI fails": "503: the AI provider",
        "the rules refuse": "PERMISSION_DENIED",
        "no sums": "stats.eventCount is None",
        "an event counts twice": "add up to",
        "a wrong count": "stats.eventCount is 2",
        "no client": "does not exist",
    },
    "F5": {
        "an invented amount": "9.999 lei",
        "half of it": "the total is",
        "the AI fails": "503: the AI provider",
        "no sums": "does not exist",
        "an event counts twice": "add up to",
        "the rules refuse": "PERMISSION_DENIED",
    },
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FOLDER", tmp_path / ".acceptance")
    monkeypatch.setattr(thread_isolation, "SETTLE_SECONDS", 0.0)


def result(fake: FakeCrm, name: str) -> Result:
    """The result of one test."""
    kept = new_run()
    run.run(fake.crm(), kept, [name], silent)
    return kept.lines[name]


@pytest.mark.parametrize("exact", [True, False], ids=["sandbox", "person"])
@pytest.mark.parametrize("names", [Names(), OTHER_NAMES], ids=["our names", "other names"])
def test_all_pass_on_a_crm_that_behaves(names: Names, exact: bool) -> None:
    kept = new_run()
    run.run(FakeCrm(names=names, exact=exact).crm(), kept, list(LINES), silent)
    assert {name: (one.verdict, one.fix) for name, one in kept.lines.items()} == dict.fromkeys(
        LINES, (Verdict.PASS, "")
    )
    assert all(one.evidence and one.found and one.by == "tester@example.com" for one in kept.lines.values())


@pytest.mark.parametrize("name", LINES)
def test_each_passes_alone(name: str) -> None:
    assert result(FakeCrm(), name).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("name", "fault", "said"),
    [(name, fault, said) for name, all_ in FAULTS.items() for fault, said in all_.items()],
)
def test_each_fails_when_its_behaviour_is_broken(name: str, fault: str, said: str) -> None:
    # A client that exists has no sums yet; without one, "no sums" is the missing client.
    found = result(FakeCrm(fault), name)
    assert found.verdict is Verdict.FAIL, found
    assert said in found.found
    assert found.fix


def test_a_status_counts_by_its_time_where_a_later_one_came_first() -> None:
    """Receipts overtake: "sent" may never be the status, and then its time is in the message."""
    assert result(FakeCrm("receipts overtake"), "F3").verdict is Verdict.PASS


def test_a_person_is_timed_by_the_message() -> None:
    found = result(FakeCrm("an old time", exact=False), "F2")
    assert found.verdict is Verdict.FAIL
    assert "was visible after 30" in found.found


@pytest.mark.parametrize("name", ["F3", "F4", "F5"])
def test_a_user_who_is_no_member_proves_nothing(name: str) -> None:
    found = result(FakeCrm("not a member"), name)
    assert found.verdict is Verdict.UNKNOWN
    assert "member of the company" in found.fix


def test_the_question_needs_the_sum_of_two_events() -> None:
    """An answer that names one event's amount is not the total."""
    fake = FakeCrm()
    result(fake, "F5")
    amounts = [
        fields["amount"] for path, fields in fake.store.documents.items() if path.startswith("evenimente/")
    ]
    assert len(set(amounts)) == 2
    assert fake.store.documents[f"clients/{CLIENT}"]["stats"]["totals"]["RON"] == sum(amounts)
