"""What the tests see of a CRM: its database, the app of a signed-in user, and the client's phone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from ops.acceptance.model import TimedOut
from settings.acceptance_names import Names

T = TypeVar("T")
Fields = Mapping[str, Any]
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0


@dataclass(frozen=True, kw_only=True)
class Account:
    """A WhatsApp account of the company. `phone` in E.164, "" if the backend does not say."""

    id: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document of Firestore: `path` from the database's root, and its fields."""

    path: str
    fields: Fields

    @property
    def id(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def get(self, name: str) -> Any:
        """The value of a field; `a.b` is the field b of the map a. None if there is none."""
        found: Any = self.fields
        for part in name.split("."):
            if not isinstance(found, Mapping):
                return None
            found = found.get(part)
        return found


@dataclass(frozen=True, kw_only=True)
class Change:
    """A document that a listener was shown.

    Args:
        document: as it was shown.
        first: whether it was there when the listener began.
        at: when, in UTC.
        clock: when, in seconds of `time.monotonic`.
    """

    document: Document
    first: bool
    at: datetime
    clock: float


class Listener(Protocol):
    """A snapshot listener, as the app has."""

    def changes(self) -> list[Change]:
        """What it was shown so far, in order.

        Raises:
            CannotTellError: the listener ended by itself.
        """
        ...


class Store(Protocol):
    """The database with a server's rights. Nothing is deleted.

    Raises:
        CannotTellError: the database did not answer; so does every method.
    """

    def get(self, path: str) -> Document | None:
        """A document; None if it does not exist."""
        ...

    def where(self, collection: str, field: str, value: object) -> list[Document]:
        """The documents of a collection with this value."""
        ...

    def latest(self, collection: str, order_by: str, limit: int) -> list[Document]:
        """The documents with the greatest values of a field, the greatest first."""
        ...

    def merge(self, path: str, fields: Fields) -> None:
        """Set fields of a document and keep its others."""
        ...

    def listen(self, path: str) -> AbstractContextManager[Listener]:
        """Listen to a document or a collection. It has seen what is there when the block begins."""
        ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of an HTTPS function. `body` {} if it was no JSON object."""

    status: int
    body: Fields

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """The error's message."""
        return self._of_error("message")

    @property
    def status_name(self) -> str:
        """The error's status, such as ABORTED (`google.rpc.Code`); "" if there is none."""
        return self._of_error("status")

    def _of_error(self, key: str) -> str:
        error = self.body.get("error")
        return str(error.get(key, "")) if isinstance(error, Mapping) else ""


class App(Protocol):
    """What the app does for the test user: security rules and functions see that user.

    Raises:
        CannotTellError: there was no connection; so does every method.
    """

    @property
    def uid(self) -> str:
        """The test user."""
        ...

    def post(self, function: str, body: Fields, *, signed_in: bool = True) -> Answer:
        """Call an HTTPS function."""
        ...

    def call(self, function: str, data: Fields) -> Answer:
        """Call a callable function; the body is its result, or its error."""
        ...

    def create(self, path: str, fields: Fields, server_time: str) -> Answer:
        """Create a document under the security rules; `server_time` names the field that gets the time."""
        ...

    def readable(self, path: str) -> Answer:
        """Read a document under the security rules; only the status is of interest."""
        ...


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that was done with a phone, or that a person was asked to do.

    Args:
        since: when it was done or asked, in seconds of `time.monotonic`.
        exact: whether it was done at `since`: then its effects can be timed.
        until: waits for an effect: calls the function until it returns a value. The seconds count from the
            moment at which it was done. Raises TimedOut after them, and CannotTellError if nobody did it.
    """

    since: float
    exact: bool
    until: Callable[[Callable[[], Any], float], Any]


class Hands(Protocol):
    """Who holds the client's phone.

    Raises:
        CannotTellError: the action could not be done; so do both methods.
    """

    def write(self, account: Account, text: str) -> Action:
        """The client sends a text to an account."""
        ...

    def read(self, account: Account, message_id: str, text: str) -> Action:
        """The client opens a message that the account sent, after it has arrived."""
        ...


@dataclass(frozen=True, kw_only=True)
class World:
    """A CRM, and what one test has of it.

    Args:
        names: what the app calls its parts.
        store, app, hands: see there.
        accounts: two accounts that are connected.
        client: the phone of the test client, E.164.
        run: the id of the run, which marks what it makes.
        attempt: how many results the run already has of this line, and one.
        patience: seconds for the effect of an action.
        receive_within: seconds in which a received message must be visible.
        made: records the path of a document before it is made, so that it is archived.
    """

    names: Names
    store: Store
    app: App
    hands: Hands
    accounts: tuple[Account, Account]
    client: str
    run: str
    attempt: int
    patience: float
    receive_within: float
    made: Callable[[str], None]


def poll(attempt: Callable[[], T | None], seconds: float) -> T:
    """Call `attempt` until it returns a value; at least once.

    Raises:
        TimedOut: it did not within the time.
    """
    started = time.monotonic()
    while True:
        last = time.monotonic() - started >= seconds
        found = attempt()
        if found is not None:
            return found
        if last:
            raise TimedOut(seconds)
        elapsed = time.monotonic() - started
        pause = min(LONGEST_PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, elapsed / 10))
        time.sleep(max(0.0, min(pause, seconds - elapsed)))
