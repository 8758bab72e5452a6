"""The example CRM running: functions and backend as processes, on the real emulator, without WhatsApp.

The backend uses the loopback transport, and the AI provider is a stand-in; everything else is as in
production.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.firestore import FirestoreEmulator
from sandbox.local_server import LocalServer
from tests.rules.firestore_client import OK, Client, user_token
from tests.sandbox.crm_parts import (
    BACKEND,
    FUNCTIONS,
    ROOT,
    NodeProcess,
    ai_app,
    eventually,
    identity_app,
    installed,
    service_account,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.sandbox

ADMIN_TOKEN = "sandbox-admin-token-0123456789"
AI_KEY = "sandbox-ai-key"
EMAILS = {"agent": "agent@example.com", "boss": "boss@example.com", "new": "new@example.com"}
SECONDS = 60


@dataclass(kw_only=True)
class Crm:
    """One CRM on this machine."""

    project: str
    emulator: FirestoreEmulator
    identity: LocalServer
    ai: LocalServer
    account_json: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    backend_url: str = ""
    functions_url: str = ""

    @property
    def db(self) -> Client:
        """Firestore, without regard to the rules."""
        return Client(url=self.emulator.url, project=self.project, token="owner")

    @property
    def google(self) -> dict[str, str]:
        """The variables with which Google's libraries use the local services."""
        return {
            "FIRESTORE_EMULATOR_HOST": self.emulator.host,
            "FIREBASE_AUTH_EMULATOR_HOST": self.identity.url.removeprefix("http://"),
        }

    def start_backend(self, sessions: Path, **environ: str) -> NodeProcess:
        """Start the backend with its sessions in a folder."""
        settings = {
            "SESSIONS_PATH": str(sessions),
            "FIREBASE_SERVICE_ACCOUNT_JSON": self.account_json,
            "ADMIN_TOKEN": ADMIN_TOKEN,
            "WHATSAPP_TRANSPORT": "loopback",
            "WHATSAPP_BACKFILL_COUNT": "2",
            "WHATSAPP_BACKFILL_THREADS": "1",
            "HOST": "127.0.0.1",
            "PORT": "0",
        }
        return NodeProcess(["src/main.js"], installed(BACKEND), {**settings, **self.google, **environ})

    def admin(self, method: str, path: str, **body: object) -> requests.Response:
        """Send a request to the backend's admin routes."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        url = f"{self.backend_url}/admin{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=SECONDS)

    def function(self, name: str, uid: str | None, method: str = "POST", **body: object) -> requests.Response:
        """Send a request to a function, as the app does."""
        headers = {"Authorization": f"Bearer {user_token(self.project, uid)}"} if uid else {}
        payload = None if method == "GET" else body
        url = f"{self.functions_url}/{name}"
        return requests.request(method, url, json=payload, headers=headers, timeout=SECONDS)

    def call(self, name: str, uid: str | None, **data: object) -> requests.Response:
        """Send a request to a callable function."""
        return self.function(name, uid, data=data)

    def trigger(self, name: str, event: Mapping[str, object]) -> None:
        """Start a function with an event or a schedule."""
        answer = requests.post(f"{self.functions_url}/{name}", json=event, timeout=SECONDS)
        assert answer.status_code == 200, answer.text

    def message(self, thread_id: str, message_id: str) -> dict[str, Any]:
        """Return a message as it is in Firestore."""
        found = self.db.read(f"threads/{thread_id}/messages/{message_id}")
        assert found is not None
        return found

    def until(self, path: str, **expected: object) -> dict[str, Any]:
        """Wait until fields of a document have the expected values; return the document."""

        def look() -> dict[str, Any] | None:
            found = self.db.read(path) or {}
            return found if all(found.get(name) == value for name, value in expected.items()) else None

        return eventually(look, f"{path} to have {expected}; it is {self.db.read(path)}")


def answer(system: str, user: str) -> str:
    """A model that repeats the figures in its prompt, and finds one event in every conversation."""
    if "JSON object" in system:
        assert "client: Wedding on 12 September, 1200 euro" in user
        found = {"found": True, "date": "2026-09-12", "type": "wedding", "amount": 1200, "currency": "EUR"}
        return json.dumps({**found, "status": "confirmed", "createdBy": "model"})
    facts = json.loads(user.partition("\n\nQuestion: ")[0])
    return f"{facts['stats']['eventCount']} events, {json.dumps(facts['stats']['totals'], sort_keys=True)}"


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    """A CRM with a running backend and running functions, a member `agent` and an admin `boss`."""
    project = f"crm-{uuid.uuid4().hex[:10]}"
    asked: list[dict[str, Any]] = []
    with (
        FirestoreEmulator() as emulator,
        LocalServer(identity_app(EMAILS)) as identity,
        LocalServer(ai_app(answer, asked)) as ai,
    ):
        made = Crm(
            project=project,
            emulator=emulator,
            identity=identity,
            ai=ai,
            account_json=service_account(project),
            asked=asked,
        )
        for uid, role in (("agent", "agent"), ("boss", "admin")):
            assert made.db.create(f"members/{uid}", {"role": role, "active": True}) == OK
        backend = made.start_backend(tmp_path_factory.mktemp("sessions"))
        try:
            made.backend_url = backend.url()
            functions = NodeProcess(
                [str(ROOT / "tests" / "sandbox" / "serve_functions.js"), str(installed(FUNCTIONS))],
                FUNCTIONS,
                {
                    **made.google,
                    "GCLOUD_PROJECT": project,
                    "FIREBASE_CONFIG": json.dumps({"projectId": project}),
                    "RAILWAY_WHATSAPP_URL": made.backend_url,
                    "ADMIN_EMAILS": EMAILS["boss"],
                    "GROQ_API_KEY": AI_KEY,
                    "AI_BASE_URL": f"{ai.url}/v1",
                    "AI_MODEL": "model",
                    "FOLLOW_UP_BATCH": "200",
                },
            )
            try:
                made.functions_url = functions.url()
                for account in ("sales", "support"):
                    assert made.admin("POST", "/accounts", accountId=account, name=account).status_code == 201
                yield made
            finally:
                functions.stop()
        finally:
            assert backend.stop() == 0
            assert backend.lines[-1] == "shut down"


def test_the_start_logs_the_runbooks_lines(crm: Crm, tmp_path: Path) -> None:
    backend = crm.start_backend(tmp_path)
    try:
        url = backend.url()
        # On a busy machine the emulator's first answer may come later than the check waits for it.
        end = time.monotonic() + SECONDS
        while (health := requests.get(f"{url}/health", timeout=SECONDS)).status_code != 200:
            assert time.monotonic() < end, health.text
            time.sleep(1)
        for _ in range(3):
            requests.get(f"{url}/health", timeout=SECONDS)
    finally:
        assert backend.stop() == 0
    body = health.json()
    assert body["sessions"] == {"path": str(tmp_path), "writable": True}
    assert body["firebase"] == {"projectId": crm.project, "reachable": True}
    # A status is logged when it changes: a busy emulator may also answer late between two answers in time.
    statuses = [line for line in backend.lines if line.startswith("/health ")]
    assert all(one != other for one, other in pairwise(statuses)), backend.lines
    lines = [line for line in backend.lines if "Firestore does not answer" not in line and "503" not in line]
    assert [line for line, _ in groupby(lines)] == [
        "sessions dir exists/writable: true",
        "Firebase initialized",
        f"listening on {url.rpartition(':')[2]}",
        "/health 200",
        "SIGTERM: shutting down",
        "shut down",
    ]


def test_it_does_not_start_without_its_variables(crm: Crm, tmp_path: Path) -> None:
    for environ, said in (
        ({"SESSIONS_PATH": str(tmp_path / "absent")}, r"^error: .* is the volume mounted there\?$"),
        (
            {"ADMIN_TOKEN": "", "WHATSAPP_BACKFILL_COUNT": "x"},
            r"^error: ADMIN_TOKEN is not set; WHATSAPP_BACK",
        ),
        ({"WHATSAPP_TRANSPORT": "baileys"}, r"^error: .*run `npm install @whiskeysockets/baileys`"),
    ):
        backend = crm.start_backend(tmp_path, **environ)
        backend.line(said)
        assert backend.wait() == 1
    assert not (tmp_path / "absent").exists()


def test_health_reports_a_missing_volume(crm: Crm, tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    backend = crm.start_backend(sessions)
    try:
        url = backend.url()
        sessions.rename(tmp_path / "gone")
        health = requests.get(f"{url}/health", timeout=SECONDS)
        assert (health.status_code, health.json()["sessions"]["writable"]) == (503, False)
    finally:
        backend.stop()
    assert "/health 503" in backend.lines


def test_endpoints_require_authorization(crm: Crm) -> None:
    url = f"{crm.backend_url}/admin/accounts"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {ADMIN_TOKEN}"}):
        assert requests.get(url, headers=headers, timeout=SECONDS).status_code == 401
    assert crm.admin("GET", "/accounts").status_code == 200
    api = f"{crm.backend_url}/api/accounts"
    assert requests.get(api, timeout=SECONDS).status_code == 401
    stranger = {"Authorization": f"Bearer {user_token(crm.project, 'new')}"}
    assert requests.get(api, headers=stranger, timeout=SECONDS).status_code == 403
    assert requests.get(f"{crm.backend_url}/elsewhere", timeout=SECONDS).status_code == 404
    for uid, status in ((None, 401), ("new", 403), ("agent", 200)):
        assert crm.function("whatsappProxyGetAccounts", uid, "GET").status_code == status
    assert crm.function("whatsappProxySend", "agent", "GET").status_code == 405


def test_a_message_is_sent_delivered_and_read(crm: Crm) -> None:
    request = {"accountId": "sales", "to": "0722 000 001", "text": "Hello", "clientRequestId": "request-0001"}
    sent = crm.function("whatsappProxySend", "agent", **request)
    assert sent.status_code == 202, sent.text
    thread_id, message_id = sent.json()["threadId"], sent.json()["messageId"]
    assert thread_id == "sales__40722000001@s.whatsapp.net"
    path = f"threads/{thread_id}/messages/{message_id}"
    message = crm.until(path, status="delivered")
    assert (message["direction"], message["createdBy"], message["text"]) == ("out", "agent", "Hello")
    crm.until(f"outbox/{message_id}", status="sent", attempts=1)
    assert "sentAt" in crm.message(thread_id, message_id)

    # The app retries a request whose response was lost: no message is sent twice.
    assert crm.function("whatsappProxySend", "agent", **request).json()["messageId"] == message_id
    got = crm.admin("GET", "/simulate/sales/sent").json()["sent"]
    assert [entry["text"] for entry in got if entry["jid"].startswith("40722000001")] == ["Hello"]

    assert crm.admin("POST", "/simulate/sales/read", messageId=message_id).status_code == 200
    assert crm.message(thread_id, message_id)["status"] == "read"
    thread = crm.db.read(f"threads/{thread_id}")
    assert thread is not None
    assert (thread["clientPhone"], thread["lastMessagePreview"], thread["isArchived"]) == (
        "+40722000001",
        "Hello",
        False,
    )


def test_messages_in_the_outbox_are_sent(crm: Crm) -> None:
    """The worker handles the collection, whoever created the message."""
    base = {"accountId": "support", "clientJid": "40722000002@s.whatsapp.net", "clientPhone": "+40722000002"}
    thread_id = f"support__{base['clientJid']}"
    now = datetime.now(UTC)
    message = {**base, "threadId": thread_id, "text": "From elsewhere", "status": "queued"}
    assert crm.db.create(f"threads/{thread_id}/messages/m1", {**message, "tsClient": now}) == OK
    assert crm.db.create("outbox/m1", {**message, "messageId": "m1", "attempts": 0, "createdAt": now}) == OK
    crm.until(f"threads/{thread_id}/messages/m1", status="delivered")
    crm.until("outbox/m1", status="sent")


def test_a_rejected_message_is_retried(crm: Crm) -> None:
    assert crm.admin("POST", "/simulate/support/refuse", times=1).status_code == 200
    sent = crm.function(
        "whatsappProxySend",
        "agent",
        accountId="support",
        to="+40722000003",
        text="Hello",
        clientRequestId="request-0003",
    ).json()
    crm.until(
        f"outbox/{sent['messageId']}", lastError="refused, as a test asked", status="queued", attempts=1
    )
    assert crm.message(sent["threadId"], sent["messageId"])["status"] == "queued"
    crm.until(f"outbox/{sent['messageId']}", status="sent", attempts=2)
    crm.until(f"threads/{sent['threadId']}/messages/{sent['messageId']}", status="delivered")


def test_one_client_and_two_accounts_are_two_threads(crm: Crm) -> None:
    for account in ("sales", "support"):
        for message_id in ("C1", "C2", "C2"):  # WhatsApp redelivers messages after a reconnect
            body = {"from": "+40722000004", "text": f"To {account}", "name": "Ana", "messageId": message_id}
            assert crm.admin("POST", f"/simulate/{account}/receive", **body).status_code == 200
    for account in ("sales", "support"):
        thread_id = f"{account}__40722000004@s.whatsapp.net"
        thread = crm.db.read(f"threads/{thread_id}")
        assert thread is not None
        assert (thread["accountId"], thread["unreadCount"], thread["displayName"]) == (account, 2, "Ana")
        message = crm.message(thread_id, "C2")
        assert (message["direction"], message["text"], message["status"]) == (
            "in",
            f"To {account}",
            "received",
        )
    client = crm.db.read("clients/+40722000004")
    assert client is not None
    assert client["displayName"] == "Ana"


def test_an_event_is_extracted_saved_and_aggregated_and_the_answer_agrees(crm: Crm) -> None:
    phone = "+40722000005"
    thread_id = "sales__40722000005@s.whatsapp.net"
    text = "Wedding on 12 September, 1200 euro"
    assert crm.admin("POST", "/simulate/sales/receive", **{"from": phone, "text": text}).status_code == 200

    assert crm.call("extractEventFromThread", None, threadId=thread_id).status_code == 401
    assert crm.call("extractEventFromThread", "new", threadId=thread_id).status_code == 403
    assert crm.call("extractEventFromThread", "agent", threadId="sales__nobody").status_code == 404
    draft = crm.call("extractEventFromThread", "agent", threadId=thread_id).json()["result"]["event"]
    assert (draft["date"], draft["amount"], draft["clientPhone"]) == ("2026-09-12", 1200, phone)
    assert "createdBy" not in draft

    events: list[dict[str, Any]] = [
        {**draft, "createdBy": "agent"},
        {"clientPhone": phone, "date": "2025-01-01", "amount": 99.5, "isArchived": False},
        {"clientPhone": phone, "date": "2020-01-01", "amount": 5000, "isArchived": True},
    ]
    for number, event in enumerate(events):
        assert crm.db.create(f"evenimente/e5-{number}", event) == OK
        written = {"after": {"clientPhone": phone}, "params": {"eventId": f"e5-{number}"}}
        for _ in range(2):  # triggers are delivered at least once
            crm.trigger("aggregateClientStats", written)
    client = crm.db.read(f"clients/{phone}")
    assert client is not None
    assert client["stats"] == {
        "eventCount": 2,
        "firstEventDate": "2025-01-01",
        "lastEventDate": "2026-09-12",
        "byStatus": {"confirmed": 1, "planned": 1},
        "byType": {"wedding": 1, "other": 1},
        "totals": {"EUR": 1200, "RON": 99.5},
    }

    result = crm.call("askAboutClient", "agent", clientPhone="0722000005", question="How many?").json()[
        "result"
    ]
    assert result == {"answer": '2 events, {"EUR": 1200, "RON": 99.5}', "stats": client["stats"]}
    assert crm.asked[-1]["authorization"] == f"Bearer {AI_KEY}"
    assert crm.call("askAboutClient", "agent", clientPhone="+40799999999", question="Who?").status_code == 404
    assert crm.call("askAboutClient", "new", clientPhone=phone, question="Who?").status_code == 403

    # Moved to another client: the sums of both change.
    assert crm.db.update("evenimente/e5-1", {"clientPhone": "+40722000006"}) == OK
    moved = {"before": {"clientPhone": phone}, "after": {"clientPhone": "+40722000006"}, "params": {}}
    crm.trigger("aggregateClientStats", moved)
    for number, totals in ((phone, {"EUR": 1200}), ("+40722000006", {"RON": 99.5})):
        client = crm.db.read(f"clients/{number}")
        assert client is not None
        assert client["stats"]["totals"] == totals


def test_due_follow_ups_become_notifications_once(crm: Crm) -> None:
    now = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    base = {"clientPhone": "+40722000001", "note": "Call back", "createdBy": "agent"}
    for name, due, status in (
        ("due", now - timedelta(minutes=1), "open"),
        ("later", now + timedelta(minutes=1), "open"),
        ("done", now - timedelta(days=1), "done"),
    ):
        assert crm.db.create(f"followUps/{name}", {**base, "dueAt": due, "status": status}) == OK
    for _ in range(2):
        crm.trigger("processFollowUps", {"scheduleTime": now.isoformat()})
    note = crm.db.read("notifications/due")
    assert note is not None
    assert (note["uid"], note["text"], note["read"]) == ("agent", "Call back", False)
    assert note["expiresAt"].startswith("2026-12-31")
    assert crm.db.read("notifications/later") is None
    assert crm.db.read("notifications/done") is None
    statuses = [(crm.db.read(f"followUps/{name}") or {}).get("status") for name in ("due", "later", "done")]
    assert statuses == ["notified", "open", "done"]


def test_administrators_add_members(crm: Crm) -> None:
    assert crm.call("setMember", "agent", email=EMAILS["new"]).status_code == 403
    assert crm.call("setMember", "boss", email="nobody@example.com").status_code == 404
    assert crm.call("setMember", "boss", email=EMAILS["new"], role="king").status_code == 400
    try:
        assert crm.call("setMember", "boss", email=EMAILS["new"]).json()["result"] == {"uid": "new"}
        assert crm.function("whatsappProxyGetAccounts", "new", "GET").status_code == 200
    finally:
        assert crm.call("setMember", "boss", email=EMAILS["new"], active=False).status_code == 200
    assert crm.function("whatsappProxyGetAccounts", "new", "GET").status_code == 403


def test_an_account_is_removed_and_its_threads_stay(crm: Crm) -> None:
    assert crm.admin("POST", "/accounts", accountId="old", name="Old").status_code == 201
    body = {"from": "+40722000007", "text": "Hello"}
    assert crm.admin("POST", "/simulate/old/receive", **body).status_code == 200
    assert crm.function("whatsappProxyDeleteAccount", "agent", accountId="old").status_code == 403
    assert crm.function("whatsappProxyDeleteAccount", "boss", accountId="absent").status_code == 404
    assert crm.function("whatsappProxyDeleteAccount", "boss", accountId="old").status_code == 200
    crm.until("accounts/old", status="removed", name="Old")
    listed = crm.function("whatsappProxyGetAccounts", "agent", "GET").json()["accounts"]
    assert [account["accountId"] for account in listed] == ["sales", "support"]
    assert crm.db.read("threads/old__40722000007@s.whatsapp.net") is not None


def test_sessions_and_queued_messages_survive_a_restart(crm: Crm, tmp_path: Path) -> None:
    """A deployment during operation: history is kept within its limits, the queue is continued."""
    (tmp_path / "shop").mkdir()
    history = [
        {
            "jid": f"4072200001{thread}@s.whatsapp.net",
            "messageId": f"H{thread}{n}",
            "text": "Old",
            "sentAt": at,
        }
        for thread, n, at in ((0, 0, 1000), (0, 1, 2000), (0, 2, 3000), (1, 0, 500))
    ]
    (tmp_path / "shop" / "history.json").write_text(json.dumps(history))
    first = crm.start_backend(tmp_path)
    original = crm.backend_url
    try:
        crm.backend_url = first.url()
        paired = crm.admin("POST", "/accounts", accountId="shop", name="Shop").json()
        first.line(r"account shop: history kept 2 of 4 messages")
    finally:
        crm.backend_url = original
        assert first.stop() == 0
    thread_id = "shop__40722000010@s.whatsapp.net"
    kept = [crm.db.read(f"threads/{thread_id}/messages/H0{n}") is not None for n in range(3)]
    assert kept == [False, True, True]
    assert crm.db.read("threads/shop__40722000011@s.whatsapp.net") is None
    assert (crm.db.read(f"threads/{thread_id}") or {})["unreadCount"] == 0

    # A message claimed by a process that was killed is sent by the next one with the same id.
    base = {"accountId": "shop", "clientJid": "40722000010@s.whatsapp.net", "threadId": thread_id}
    now = datetime.now(UTC)
    for message_id in ("queued", "sending"):
        message = {**base, "text": message_id, "status": "queued", "tsClient": now}
        assert crm.db.create(f"threads/{thread_id}/messages/{message_id}", message) == OK
        entry = {**base, "messageId": message_id, "text": "Hi", "status": message_id, "createdAt": now}
        assert crm.db.create(f"outbox/{message_id}", {**entry, "claimedAt": now}) == OK
    second = crm.start_backend(tmp_path)
    try:
        url = second.url()
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        accounts = requests.get(f"{url}/admin/accounts", headers=headers, timeout=SECONDS)
        assert accounts.json()["accounts"] == [
            {"accountId": "shop", "status": "connected", "phone": paired["phone"]}
        ]
        for message_id in ("queued", "sending"):
            crm.until(f"threads/{thread_id}/messages/{message_id}", status="delivered")
    finally:
        assert second.stop() == 0


def test_stuck_messages_are_queued_again_on_request(crm: Crm) -> None:
    """For an account without a backend here, so that the queue stays as the function leaves it."""
    now = datetime.fromtimestamp(time.time(), UTC)
    for name, age in (("stuck", 11), ("busy", 1)):
        entry = {"accountId": "elsewhere", "status": "sending", "claimedAt": now - timedelta(minutes=age)}
        assert crm.db.create(f"outbox/{name}", {**entry, "createdAt": now}) == OK
    assert crm.function("processOutboxNow", None).json() == {"requeued": 1}
    assert (crm.db.read("outbox/stuck") or {})["status"] == "queued"
    assert (crm.db.read("outbox/busy") or {})["status"] == "sending"
