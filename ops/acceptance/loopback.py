"""The client's phone where WhatsApp is the backend's loopback transport: accounts pair, and the client writes
and
reads, through routes of the backend for its administrator."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from ops.acceptance.model import CannotTellError, Failed, TimedOut
from ops.acceptance.requests_to import Site
from ops.acceptance.world import Account, Action, poll

TRANSPORT = "loopback"
"""The name of the transport in the backend's health check."""
TOKEN_VARIABLE = "ADMIN_TOKEN"  # noqa: S105 - the name of a variable
ACCOUNTS = ("acceptance-1", "acceptance-2")
"""The accounts that it pairs; later runs use them again."""
CLIENT_NAME = "Ana Test"
CONNECTED = "connected"


class Loopback:
    """The hands of a client that does not exist.

    Args:
        backend: the backend's address.
        admin_token: its ADMIN_TOKEN.
        client: the phone of the client, E.164.
        patience: seconds for an account to connect, and for a message to arrive at the client.
    """

    def __init__(self, backend: Site, admin_token: str, client: str, patience: float) -> None:
        self._backend = backend
        self._token = admin_token
        self._client = client
        self._patience = patience

    def accounts(self) -> tuple[Account, Account]:
        """Two connected accounts; they are paired where they are not.

        Raises:
            CannotTellError: they do not connect.
        """
        first, second = (self._paired(name) for name in ACCOUNTS)
        return first, second

    def _paired(self, name: str) -> Account:
        known = self._backend.send("GET", f"/admin/accounts/{name}", token=self._token)
        if known.status != 200 or known.body.get("status") != CONNECTED:
            self._done("POST", "/admin/accounts", {"accountId": name, "name": f"Test {name}"})

        def connected() -> Mapping[str, Any] | None:
            found = self._done("GET", f"/admin/accounts/{name}")
            return found if found.get("status") == CONNECTED else None

        try:
            found = poll(connected, self._patience)
        except TimedOut:
            raise CannotTellError(
                f"the account {name} is not connected after {self._patience:g} s",
                "Read the backend's log.",
            ) from None
        return Account(id=name, phone=str(found.get("phone") or ""))

    def write(self, account: Account, text: str) -> Action:
        """See `Hands`."""
        since = time.monotonic()
        message = {"from": self._client, "text": text, "name": CLIENT_NAME}
        self._done("POST", f"/admin/simulate/{quote(account.id)}/receive", message)
        return Action(since=since, exact=True, until=poll)

    def read(self, account: Account, message_id: str, text: str) -> Action:
        """See `Hands`.

        Raises:
            Failed: the client did not get the message, or got another text.
        """
        line = f"/admin/simulate/{quote(account.id)}"

        def arrived() -> Mapping[str, Any] | None:
            sent = cast("list[Mapping[str, Any]]", self._done("GET", f"{line}/sent").get("sent") or [])
            return next((one for one in sent if one.get("messageId") == message_id), None)

        try:
            message = poll(arrived, self._patience)
        except TimedOut:
            raise Failed(
                f"the message {message_id} has the status of a delivered one, but the client did not get it",
                "In the backend, change the status to delivered only when WhatsApp's receipt comes.",
            ) from None
        if message.get("text") != text:
            raise Failed(
                f'the client got "{message.get("text")}", and "{text}" was sent',
                "In the backend, send the text as it is.",
            )
        since = time.monotonic()
        self._done("POST", f"{line}/read", {"messageId": message_id})
        return Action(since=since, exact=True, until=poll)

    def _done(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        answer = self._backend.send(method, path, body=body, token=self._token)
        if not answer.ok:
            raise CannotTellError(
                f"the backend answered HTTP {answer.status} to {method} {path}: {answer.message}",
                "Read the backend's log. Another transport has no such route; then a person must test:\n"
                ".venv/bin/python -m ops accept --stack <stack> --by-hand",
            )
        return answer.body
