"""The database of a stack, through google-cloud-firestore: what a server may read and write. It deletes
nothing.

With FIRESTORE_EMULATOR_HOST, the library itself uses the emulator.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import firebase_admin
from firebase_admin import credentials, firestore
from google.api_core.exceptions import GoogleAPIError
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore import Client, Query
from google.cloud.firestore_v1.base_query import FieldFilter

from ops.acceptance.model import CannotTellError, now
from ops.acceptance.world import Change, Document, Fields

SECONDS = 20.0
"""For one request, with what the library repeats."""
_FIX = (
    "Check the network, and that your Google account may read and write Firestore (roles/datastore.user), "
    "then run the command again."
)


class GivenCredential(credentials.Base):
    """Credentials of google-auth as firebase-admin takes them."""

    def __init__(self, given: Credentials) -> None:
        super().__init__()
        self._given = given

    def get_credential(self) -> Credentials:
        """The credentials."""
        return self._given


@contextmanager
def admin_app(project: str, given: Credentials, sign_as: str | None = None) -> Generator[firebase_admin.App]:
    """An app of firebase-admin, which ends with the block.

    Args:
        project: the project.
        given: the credentials.
        sign_as: the service account whose name is on custom tokens; only for those.
    """
    options = {"projectId": project} | ({"serviceAccountId": sign_as} if sign_as else {})
    app = firebase_admin.initialize_app(GivenCredential(given), options, name=f"acceptance-{id(given)}")
    try:
        yield app
    finally:
        firebase_admin.delete_app(app)


class FirestoreStore:
    """A `Store` on the database of a project.

    Args:
        app: the app of firebase-admin.
        database: the id of the database, such as `(default)`.
    """

    def __init__(self, app: firebase_admin.App, database: str) -> None:
        self._client: Client = firestore.client(app, database)

    def get(self, path: str) -> Document | None:
        """See `Store`."""
        with _answers(f"read {path}"):
            found = self._client.document(path).get(timeout=SECONDS)
        return _document(found) if found.exists else None

    def where(self, collection: str, field: str, value: object) -> list[Document]:
        """See `Store`."""
        query = self._client.collection(collection).where(filter=FieldFilter(field, "==", value))
        return self._read(query, f"query {collection} by {field}")

    def latest(self, collection: str, order_by: str, limit: int) -> list[Document]:
        """See `Store`."""
        query = self._client.collection(collection)
        return self._read(
            query.order_by(order_by, direction=Query.DESCENDING).limit(limit), f"read {collection}"
        )

    def _read(self, query: Any, operation: str) -> list[Document]:
        with _answers(operation):
            return [_document(found) for found in query.get(timeout=SECONDS)]

    def merge(self, path: str, fields: Fields) -> None:
        """See `Store`."""
        with _answers(f"write {path}"):
            self._client.document(path).set(dict(fields), merge=True, timeout=SECONDS)

    @contextmanager
    def listen(self, path: str) -> Generator[SnapshotListener]:
        """See `Store`."""
        listener = SnapshotListener(path)
        single = len(path.split("/")) % 2 == 0
        watched = self._client.document(path) if single else self._client.collection(path)
        with _answers(f"listen to {path}"):
            watch = listener.watch = watched.on_snapshot(listener.seen)
        try:
            listener.wait_for_first(SECONDS)
            yield listener
        finally:
            watch.unsubscribe()


class SnapshotListener:
    """Keeps what `on_snapshot` shows; the library calls `seen` in a thread of its own."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._changes: list[Change] = []
        self._began = threading.Event()
        self.watch: Any = None
        """The library's handle; without it, an end of the stream is not noticed."""

    def seen(self, documents: Sequence[Any], changes: Sequence[Any], read_time: object) -> None:
        """The callback of the library."""
        del documents, read_time
        at, clock = now(), time.monotonic()
        shown = [change.document for change in changes if change.type.name != "REMOVED"]
        with self._lock:
            first = not self._began.is_set()
            self._changes += [
                Change(document=_document(one), first=first, at=at, clock=clock) for one in shown
            ]
        self._began.set()

    def wait_for_first(self, seconds: float) -> None:
        """Wait for what was there when the listener began.

        Raises:
            CannotTellError: it did not come.
        """
        if not self._began.wait(seconds):
            raise CannotTellError(f"a listener on {self._path} got no answer within {seconds:g} s", _FIX)

    def changes(self) -> list[Change]:
        """See `Listener`."""
        if self.watch is not None and not self.watch.is_active:
            raise CannotTellError(f"the listener on {self._path} was ended by Firestore", _FIX)
        with self._lock:
            return list(self._changes)


def _document(snapshot: Any) -> Document:
    return Document(path=str(snapshot.reference.path), fields=snapshot.to_dict() or {})


@contextmanager
def _answers(operation: str) -> Generator[None]:
    """Errors of the library as what the tests know."""
    try:
        yield
    except (GoogleAPIError, GoogleAuthError) as error:
        # Only the first line: the rest repeats the request.
        reason = str(getattr(error, "message", error)).partition("\n")[0]
        raise CannotTellError(f"Firestore did not {operation}: {reason}", _FIX) from None
