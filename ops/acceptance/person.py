"""The client's phone in the hands of a person: the command says what to do, and waits for the effect.

It waits as long as a person may need. After the person has pressed Enter, the effect has the time of the
test: so a message that nobody sent is not a failure, and one that was sent and did not arrive is.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote

from ops.acceptance.model import CannotTellError, TimedOut
from ops.acceptance.world import Account, Action
from user_errors import printable

LOOK_EVERY_SECONDS = 1.0


class Console(Protocol):
    """Where the person reads and answers."""

    def say(self, text: str) -> None:
        """Write lines."""
        ...

    def forget(self) -> None:
        """Drop what was typed before."""
        ...

    def entered(self, seconds: float) -> bool:
        """Wait for Enter; whether it was pressed in this time."""
        ...


class Terminal:
    """A `Console` on stdin and stdout. It reads the descriptor: a buffer would hide a line from `select`."""

    def __init__(self) -> None:
        self._open = True

    def say(self, text: str) -> None:
        """See `Console`."""
        sys.stdout.write(f"{printable(text)}\n")
        sys.stdout.flush()

    def forget(self) -> None:
        """See `Console`."""
        while self._read(0):
            pass

    def entered(self, seconds: float) -> bool:
        """See `Console`."""
        if not self._open:
            time.sleep(seconds)
            return False
        return b"\n" in self._read(seconds)

    def _read(self, seconds: float) -> bytes:
        if not self._open or not select.select([sys.stdin], [], [], seconds)[0]:
            return b""
        typed = os.read(sys.stdin.fileno(), 4096)
        self._open = bool(typed)  # no bytes: the end of the input
        return typed


class Person:
    """The hands of a person.

    Args:
        console: where the instructions for the person are printed.
        client: the phone of the client, E.164.
        wait: seconds for a person to do something.
    """

    def __init__(self, console: Console, client: str, wait: float) -> None:
        self._console = console
        self._client = client
        self._wait = wait

    def write(self, account: Account, text: str) -> Action:
        """See `Hands`."""
        to = f"{account.id} ({account.phone})" if account.phone else account.id
        lines = [
            f"With the client's phone ({self._client}), send this text to the account {to}:",
            f"    {text}",
        ]
        if account.phone:
            link = f"https://wa.me/{account.phone.lstrip('+')}?text={quote(text)}"
            lines.append(f"or open on that phone: {link}")
        return self._asked("\n".join([*lines, "Press Enter when it is sent."]))

    def read(self, account: Account, message_id: str, text: str) -> Action:
        """See `Hands`."""
        del message_id
        return self._asked(
            f"On the client's phone ({self._client}), open the chat with {account.id}, so that this message "
            f"is read (read receipts must be on):\n    {text}\nPress Enter when the chat is open."
        )

    def _asked(self, text: str) -> Action:
        self._console.forget()
        self._console.say(text)
        asked = time.monotonic()

        def until(seen: Callable[[], Any], seconds: float) -> Any:
            done: float | None = None
            while True:
                # Before `seen`: what is late is looked for once more after the time is over.
                clock = time.monotonic()
                found = seen()
                if found is not None:
                    return found
                if done is not None and clock - done >= seconds:
                    raise TimedOut(seconds)
                if done is None and clock - asked >= self._wait:
                    raise CannotTellError(
                        f"nobody did what was asked within {self._wait / 60:g} minutes",
                        "Run the command again; it continues with this test.",
                    )
                if self._console.entered(LOOK_EVERY_SECONDS) and done is None:
                    done = time.monotonic()

        return Action(since=asked, exact=False, until=until)
