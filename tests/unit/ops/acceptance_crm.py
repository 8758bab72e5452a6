"""A CRM in memory, right by default; each fault breaks one behaviour that the acceptance tests name.

Effects come at once, so a missing one costs only the short patience of the tests.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.acceptance import run
from ops.acceptance.model import Failed
from ops.acceptance.progress import Progress
from ops.acceptance.world import Account, Action, Answer, Change, Document, Fields, poll
from settings.acceptance_names import Names

ACCOUNTS = (Account(id="sales", phone="+40700000001"), Account(id="support", phone="+40700000002"))
CLIENT = "+40799000001"
JID = "40799000001@s.whatsapp.net"
_WISH = re.compile(r"pe (\d{4}-\d{2}-\d{2}),.*: ([\d.]+,\d\d) lei")


@dataclass
class Listening:
    """A listener; `changes` are those of `Listener`."""

    path: str
    shown: list[Change] = field(default_factory=list[Change])

    def changes(self) -> list[Change]:
        return list(self.shown)


class Database:
    """A `Store` in memory."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.listening: list[Listening] = []

    def get(self, path: str) -> Document | None:
        found = self.documents.get(path)
        return None if found is None else Document(path=path, fields=dict(found))

    def _in(self, collection: str) -> list[Document]:
        return [
            Document(path=path, fields=dict(fields))
            for path, fields in self.documents.items()
            if path.rpartition("/")[0] == collection
        ]

    def where(self, collection: str, field: str, value: object) -> list[Document]:
        return [one for one in self._in(collection) if one.get(field) == value]

    def latest(self, collection: str, order_by: str, limit: int) -> list[Document]:
        having = [one for one in self._in(collection) if one.get(order_by) is not None]
        return sorted(having, key=lambda one: one.get(order_by), reverse=True)[:limit]

    def merge(self, path: str, fields: Fields) -> None:
        self.put(path, {**self.documents.get(path, {}), **fields})

    def put(self, path: str, fields: Fields) -> None:
        self.documents[path] = dict(fields)
        for listener in self.listening:
            if listener.path in (path, path.rpartition("/")[0]):
                listener.shown.append(_change(path, fields, first=False))

    @contextmanager
    def listen(self, path: str) -> Generator[Listening]:
        listener = Listening(path)
        for known, fields in self.documents.items():
            if path in (known, known.rpartition("/")[0]):
                listener.shown.append(_change(known, fields, first=True))
        self.listening.append(listener)
        yield listener
        self.listening.remove(listener)


def _change(path: str, fields: Fields, *, first: bool) -> Change:
    document = Document(path=path, fields=dict(fields))
    return Change(document=document, first=first, at=datetime.now(UTC), clock=time.monotonic())


class FakeCrm:
    """The backend, the functions, the rules and the client's phone.

    Args:
        faults: what is broken, by name; see the places that look at them.
        names: what the app calls its parts.
        exact: whether the hands are those of a sandbox, whose actions can be timed.
    """

    uid = "tester"

    def __init__(self, *faults: str, names: Names | None = None, exact: bool = True) -> None:
        self.faults = set(faults)
        self.names = names or Names()
        self.exact = exact
        self.store = Database()
        self.count = 0
        self.sent: dict[str, str] = {}
        self.requests: list[tuple[str, bool]] = []

    # the backend

    def _thread(self, account: Account) -> str:
        account_id = account.id
        if "one thread for all accounts" in self.faults:
            return f"{self.names.threads}/{JID}"
        if "the other account's thread" in self.faults:
            account_id = next(one.id for one in ACCOUNTS if one != account)
        template = self.names.thread_id.replace("{accountId}", account_id)
        return f"{self.names.threads}/{template.replace('{clientJid}', JID)}"

    def _keep(self, account: Account, text: str, more: Fields) -> str:
        n, thread = self.names, self._thread(account)
        self.count += 1
        path = f"{thread}/{n.messages}/M{self.count}"
        base = {n.account_id: account.id, n.client_jid: JID, n.client_phone: CLIENT}
        if "the thread names no account" in self.faults:
            base[n.account_id] = ""
        if "no document of the thread" not in self.faults:
            self.store.put(thread, {**self.store.documents.get(thread, {}), **base, n.is_archived: False})
        message = {**base, n.account_id: account.id, n.text: text, n.message_time: self._time(), **more}
        if "a message of another account" in self.faults:
            message[n.account_id] = "other"
        self.store.put(path, message)
        if "also in the other thread" in self.faults:
            other = next(one for one in ACCOUNTS if one != account)
            self.faults.discard("also in the other thread")
            self.store.put(f"{self._thread(other)}/{n.messages}/copy", message)
            self.faults.add("also in the other thread")
        client = f"{n.clients}/{CLIENT}"
        if client not in self.store.documents and "no client" not in self.faults:
            self.store.put(client, {n.display_name: "Ana Test"})
        return path

    def _time(self) -> datetime:
        late = timedelta(seconds=30 if "an old time" in self.faults else 0)
        return datetime.now(UTC) - late + timedelta(microseconds=self.count)

    # the hands

    def write(self, account: Account, text: str) -> Action:
        since = time.monotonic()
        direction = self.names.outgoing if "a wrong direction" in self.faults else self.names.incoming
        if "received late" in self.faults:
            time.sleep(0.25)
        if "nothing is received" not in self.faults:
            self._keep(account, text, {self.names.direction: direction})
        return Action(since=since, exact=self.exact, until=poll)

    def read(self, account: Account, message_id: str, text: str) -> Action:
        if "delivered to nobody" in self.faults:
            raise Failed("the client did not get it", "read the log")
        path = next(path for path in self.sent if path.endswith(f"/{message_id}"))
        if "never read" not in self.faults:
            self._status(path, self.names.read)
        return Action(since=time.monotonic(), exact=self.exact, until=poll)

    def _status(self, path: str, status: str) -> None:
        self.store.merge(path, {self.names.status: status, f"{status}At": datetime.now(UTC)})

    # the app

    def post(self, function: str, body: Fields, *, signed_in: bool = True) -> Answer:
        n = self.names
        self.requests.append((function, signed_in))
        assert function == n.send_function
        if not signed_in and "sends for strangers" not in self.faults:
            status = 500 if "fails for strangers" in self.faults else 401
            return Answer(status=status, body={"error": {"message": "sign in"}})
        if "not a member" in self.faults:
            return Answer(status=403, body={"error": {"message": "not a member"}})
        if "the proxy fails" in self.faults:
            return Answer(status=503, body={"error": {"message": "no backend"}})
        account = next(one for one in ACCOUNTS if one.id == body[n.send_account])
        text = "other text" if "another text" in self.faults else str(body[n.send_text])
        path = self._keep(account, text, {n.direction: n.outgoing, n.status: "queued"})
        self.sent[path] = text
        self._statuses(path)
        if "no message id" in self.faults:
            return Answer(status=202, body={})
        return Answer(status=202, body={n.sent_message: path.rpartition("/")[2]})

    def _statuses(self, path: str) -> None:
        n = self.names
        if "never sent" in self.faults:
            return
        if "failed" in self.faults:
            self._status(path, n.failed)
            return
        if "receipts overtake" in self.faults:
            self._status(path, n.delivered)
            self.store.merge(path, {f"{n.sent}At": datetime.now(UTC)})
            return
        if "no status sent" not in self.faults:
            self._status(path, n.sent)
        if "never delivered" not in self.faults:
            self._status(path, n.delivered)
        if "a status goes back" in self.faults:
            self._status(path, n.sent)
            self._status(path, n.delivered)

    def call(self, function: str, data: Fields) -> Answer:
        n = self.names
        if "not a member" in self.faults:
            return Answer(status=403, body={"error": {"message": "not a member"}})
        if "the AI fails" in self.faults:
            return Answer(status=503, body={"error": {"message": "the AI provider answered 500"}})
        if function == n.extract_function:
            return Answer(status=200, body={n.extract_event: self._extracted(str(data[n.extract_thread]))})
        assert function == n.ask_function
        return Answer(status=200, body={n.ask_answer: self._answer(str(data[n.ask_question]))})

    def _extracted(self, thread: str) -> Mapping[str, Any] | None:
        n = self.names
        if "nothing is extracted" in self.faults:
            return None
        messages = self.store.latest(f"{n.threads}/{thread}/{n.messages}", n.message_time, 60)
        said = next(filter(None, (_WISH.search(str(one.get(n.text))) for one in messages)))
        amount = float(said[2].replace(".", "").replace(",", "."))
        draft: dict[str, Any] = {
            n.client_phone: CLIENT,
            n.event_date: "2020-01-01" if "another day" in self.faults else said[1],
            n.amount: amount / 1000 if "a point as decimals" in self.faults else amount,
            n.currency: "EUR" if "another currency" in self.faults else "RON",
            n.event_status: "confirmed",
        }
        return {**draft, n.client_phone: "+40711111111"} if "another client" in self.faults else draft

    def _answer(self, question: str) -> str:
        n, stats = self.names, self.store.documents[f"{self.names.clients}/{CLIENT}"]
        total = Document(path="", fields=stats).get(n.total.replace("{currency}", "RON"))
        if "an invented amount" in self.faults:
            return "A cheltuit 9.999 lei."
        if "half of it" in self.faults:
            total /= 2
        shown = f"{total:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        assert question.startswith("Cât a cheltuit clientul ")
        return f"Clientul a cheltuit în total {shown} lei."

    def create(self, path: str, fields: Fields, server_time: str) -> Answer:
        n = self.names
        required = {n.created_by: self.uid, n.is_archived: False}
        missing = any(fields.get(name) != value for name, value in required.items())
        if "the rules refuse" in self.faults or missing or n.schema_version not in fields:
            return Answer(status=403, body={"error": {"message": "PERMISSION_DENIED"}})
        if "nothing is saved" not in self.faults:
            self.store.put(path, {**fields, server_time: datetime.now(UTC)})
        self.aggregate()
        return Answer(status=200, body={})

    def readable(self, path: str) -> Answer:
        return Answer(status=403 if "not readable" in self.faults else 200, body={})

    def aggregate(self) -> None:
        """What the function does on each write of an event."""
        n = self.names
        if self.faults & {"no sums", "no client"}:
            return
        events = [
            one
            for one in self.store.where(n.events, n.client_phone, CLIENT)
            if not one.get(n.is_archived) and one.get(n.event_status) != n.cancelled
        ]
        total = sum(one.get(n.amount) for one in events)
        if "an event counts twice" in self.faults:
            total += events[0].get(n.amount)
        sums: dict[str, Any] = {}
        _put(sums, n.event_count, len(events) + ("a wrong count" in self.faults))
        _put(sums, n.total.replace("{currency}", "RON"), total)
        self.store.merge(f"{n.clients}/{CLIENT}", sums)

    def crm(self, patience: float = 0.15, receive_within: float = 0.2) -> run.Crm:
        """What the tests see."""
        return run.Crm(
            names=self.names,
            store=self.store,
            app=self,
            hands=self,
            accounts=ACCOUNTS,
            by="tester@example.com",
            patience=patience,
            receive_within=receive_within,
        )


def _put(fields: dict[str, Any], path: str, value: object) -> None:
    *above, last = path.split(".")
    for part in above:
        fields = fields.setdefault(part, {})
    fields[last] = value


def new_run(**changes: Any) -> Progress:
    """A run that has shown nothing."""
    known: dict[str, Any] = {
        "stack": "prod",
        "project": "crm",
        "run": "20261130-120000-7f3a",
        "hands": "person",
        "client": CLIENT,
        "accounts": tuple(one.id for one in ACCOUNTS),
        "started": datetime(2026, 11, 30, 12, tzinfo=UTC),
        "deployed": "digest",
    }
    return Progress(**known | changes)


def silent(text: str) -> None:
    """Say nothing."""


def paths(store: Database, collection: str) -> Iterable[str]:
    """The documents of a collection."""
    return [path for path in store.documents if path.rpartition("/")[0] == collection]
