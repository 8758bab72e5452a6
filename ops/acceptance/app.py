"""The app of the test user: functions with its ID token, and Firestore's REST API under the security rules.

The formats: callable functions take `{"data": ...}` and answer `{"result": ...}` or `{"error": ...}`
(https://firebase.google.com/docs/functions/callable-reference); a document is created by a commit that
requires that it does not exist, with a transform for the time of the server (Firestore API,
`projects.databases.documents`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.acceptance.model import CannotTellError
from ops.acceptance.requests_to import Site
from ops.acceptance.user import User
from ops.acceptance.world import Answer, Fields

CONTENTION = "ABORTED"
CONTENTION_WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before a write is repeated while a transaction of a function locks what it touches. The SDK of an
app repeats such a write as well, and for longer."""


@dataclass(frozen=True, kw_only=True)
class SignedInApp:
    """An `App`.

    Args:
        user: the test user.
        function: finds the address of a function by its id; None if the stack has none.
        documents: the address of the database's documents, `.../v1`.
        database: its name, `projects/P/databases/D`.
        contention_waits: see `CONTENTION_WAITS`.
    """

    user: User
    function: Callable[[str], Site | None]
    documents: Site
    database: str
    contention_waits: Sequence[float] = CONTENTION_WAITS

    @property
    def uid(self) -> str:
        """See `App`."""
        return self.user.uid

    def post(self, function: str, body: Fields, *, signed_in: bool = True) -> Answer:
        """See `App`."""
        token = self.user.token() if signed_in else ""
        return self._site(function).send("POST", body=body, token=token)

    def call(self, function: str, data: Fields) -> Answer:
        """See `App`."""
        answer = self._site(function).send("POST", body={"data": dict(data)}, token=self.user.token())
        result = answer.body.get("result")
        return (
            Answer(status=answer.status, body=result) if answer.ok and isinstance(result, Mapping) else answer
        )

    def _site(self, function: str) -> Site:
        found = self.function(function)
        if found is None:
            raise CannotTellError(
                f"the stack has no function {function}",
                "If your app calls it by another name, set that (sendFunction: in flutterNames):\n"
                "pulumi config set --path --type string 'whatsapp-crm:acceptanceNames.askFunction' '<name>'",
            )
        return found

    def create(self, path: str, fields: Fields, server_time: str) -> Answer:
        """See `App`."""
        write = {
            "update": {
                "name": f"{self.database}/documents/{path}",
                "fields": {name: encoded(value) for name, value in fields.items()},
            },
            "updateTransforms": [{"fieldPath": server_time, "setToServerValue": "REQUEST_TIME"}],
            "currentDocument": {"exists": False},
        }
        answer = self._commit(write)
        for seconds in self.contention_waits:
            if answer.status_name != CONTENTION:
                break
            time.sleep(seconds)
            answer = self._commit(write)
        return answer

    def _commit(self, write: Fields) -> Answer:
        path = f"/{self.database}/documents:commit"
        return self.documents.send("POST", path, body={"writes": [write]}, token=self.user.token())

    def readable(self, path: str) -> Answer:
        """See `App`."""
        return self.documents.send("GET", f"/{self.database}/documents/{path}", token=self.user.token())


def encoded(value: Any) -> dict[str, Any]:
    """A value as Firestore's REST API has it (`Value`).

    Raises:
        TypeError: the value has no form there.

    Example:
        >>> encoded({"amount": 4350.5})
        {'mapValue': {'fields': {'amount': {'doubleValue': 4350.5}}}}
    """
    match value:
        case None:
            return {"nullValue": None}
        case bool():
            return {"booleanValue": value}
        case int():
            return {"integerValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case datetime():
            return {"timestampValue": value.isoformat()}
        case list() | tuple():
            return {"arrayValue": {"values": [encoded(item) for item in value]}}
        case Mapping():
            return {"mapValue": {"fields": {str(name): encoded(item) for name, item in value.items()}}}
        case _:
            raise TypeError(type(value).__name__)
