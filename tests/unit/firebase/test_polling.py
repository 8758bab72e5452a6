"""Polling: growing pauses, and an end."""

from __future__ import annotations

import pytest

from firebase.polling import LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS, poll

pytestmark = pytest.mark.unit


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def poll(self, ready_at: float, seconds: float) -> float | None:
        def attempt() -> float | None:
            return self.now if self.now >= ready_at else None

        return poll(attempt, seconds=seconds, sleep=self.sleep, clock=lambda: self.now)


def test_what_is_done_already_is_returned_without_a_pause() -> None:
    time = Time()
    assert time.poll(0, 60) == 0
    assert time.pauses == []


def test_pauses_grow_within_their_bounds() -> None:
    time = Time()
    found = time.poll(1000, 3600)
    assert found is not None
    assert 1000 <= found <= 1000 + LONGEST_PAUSE_SECONDS
    assert time.pauses == sorted(time.pauses)
    assert (time.pauses[0], time.pauses[-1]) == (SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)


def test_the_wait_ends_without_a_value() -> None:
    time = Time()
    assert time.poll(1000, 60) is None
    assert 60 <= time.now <= 60 + LONGEST_PAUSE_SECONDS
