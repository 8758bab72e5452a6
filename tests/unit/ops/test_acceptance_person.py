"""A person is told what to do, and has the time that they need; the effect has the time of the test."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

import pytest

from ops.acceptance import person
from ops.acceptance.model import CannotTellError, TimedOut
from ops.acceptance.person import Person, Terminal
from ops.acceptance.world import Account
from tests.unit.ops.acceptance_crm import CLIENT

pytestmark = pytest.mark.unit

SALES = Account(id="sales", phone="+40700000001")


class Room:
    """A console beside a clock that only waiting moves.

    Args:
        enters_at: the seconds at which Enter is pressed.
    """

    def __init__(self, *enters_at: float) -> None:
        self.enters_at = list(enters_at)
        self.clock = 0.0
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def forget(self) -> None:
        self.enters_at = [at for at in self.enters_at if at > self.clock]

    def entered(self, seconds: float) -> bool:
        until = self.clock + seconds
        for at in self.enters_at:
            if at <= until:
                self.enters_at.remove(at)
                self.clock = max(self.clock, at)
                return True
        self.clock = until
        return False

    def arrives(self, at: float) -> Callable[[], str | None]:
        return lambda: "message" if self.clock >= at else None


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    made = Room()
    monkeypatch.setattr(person.time, "monotonic", lambda: made.clock)
    return made


def test_the_instructions_can_be_followed(room: Room) -> None:
    hands = Person(room, CLIENT, 600)
    hands.write(SALES, "Bună ziua, 7f3a-a1")
    (text,) = room.said
    assert CLIENT in text
    assert "sales (+40700000001)" in text
    assert "    Bună ziua, 7f3a-a1\n" in text
    assert "https://wa.me/40700000001?text=Bun%C4%83%20ziua%2C%207f3a-a1" in text
    hands.read(SALES, "M1", "Confirmăm")
    assert "open the chat with sales" in room.said[-1]
    assert "Confirmăm" in room.said[-1]


def test_an_effect_needs_no_enter(room: Room) -> None:
    action = Person(room, CLIENT, 600).write(SALES, "x")
    assert action.until(room.arrives(300), 60) == "message"
    assert not action.exact


def test_nobody_did_it(room: Room) -> None:
    action = Person(room, CLIENT, 600).write(SALES, "x")
    with pytest.raises(CannotTellError, match="nobody did what was asked within 10 minutes"):
        action.until(lambda: None, 60)
    assert 599 <= room.clock <= 602


def test_it_was_done_and_did_not_arrive(room: Room) -> None:
    room.enters_at = [100.0]
    action = Person(room, CLIENT, 600).write(SALES, "x")
    with pytest.raises(TimedOut):
        action.until(lambda: None, 60)
    assert 160 <= room.clock <= 162


def test_the_effect_has_its_time_after_enter(room: Room) -> None:
    room.enters_at = [590.0]
    action = Person(room, CLIENT, 600).write(SALES, "x")
    assert action.until(room.arrives(640), 60) == "message"


def test_enter_from_before_does_not_count(room: Room) -> None:
    room.clock, room.enters_at = 10.0, [5.0]
    action = Person(room, CLIENT, 600).write(SALES, "x")
    assert action.until(room.arrives(200), 60) == "message"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of a pipe at which a person types."""
    read, write = os.pipe()
    with os.fdopen(read) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield write
        with contextlib.suppress(OSError):
            os.close(write)


def test_a_terminal_waits_for_enter_and_drops_what_was_typed_before(typed: int) -> None:
    terminal = Terminal()
    assert not terminal.entered(0.01)
    os.write(typed, b"too early\n\n")
    terminal.forget()
    assert not terminal.entered(0.01)
    os.write(typed, b"x")
    assert not terminal.entered(0.01), "not without Enter"
    os.write(typed, b"\n")
    assert terminal.entered(5)


def test_a_terminal_that_is_closed_still_waits(typed: int) -> None:
    terminal = Terminal()
    os.close(typed)
    assert not terminal.entered(0.01)
    assert not terminal.entered(0.01)
    terminal.forget()


def test_instructions_have_no_escape_sequences(typed: int, capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().say("send \x1b[2Jthis")
    assert capsys.readouterr().out == "send this\n"
