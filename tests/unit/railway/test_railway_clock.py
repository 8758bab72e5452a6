"""Durations in messages, and polling."""

from __future__ import annotations

import pytest

from railway.clock import format_duration
from tests.unit.railway.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (59.5, "1 min"),
        (125, "2 min 5 s"),
        (1200, "20 min"),
        (3599.1, "1 h"),
        (3600, "1 h"),
        (3601, "1 h 1 min"),
        (7199, "2 h"),
        (86400, "24 h"),
        (-3, "0 s"),
    ],
)
def test_a_duration_is_rounded_up(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_polling_ends_with_a_value_or_after_the_deadline() -> None:
    """With one attempt after the deadline, because the last pause may be long."""
    answers = iter([None, None, "found"])
    clock = VirtualClock()
    assert clock.deadline(60).poll(lambda: next(answers), every=4) == "found"
    assert clock.waited == [1, 2]
    attempts: list[float] = []
    clock = VirtualClock()
    assert clock.deadline(10).poll(lambda: attempts.append(clock.now()), every=4) is None
    assert attempts == [0, 1, 3, 7, 10]


def test_a_slow_attempt_that_outlasts_the_deadline_is_not_the_last_one() -> None:
    """It read before the deadline: the object may have appeared since."""
    clock = VirtualClock()
    begun: list[float] = []

    def slow() -> str | None:
        begun.append(clock.now())
        clock.sleep(20)
        return "found" if len(begun) == 2 else None

    assert clock.deadline(10).poll(slow, every=4) == "found"
    assert begun == [0, 20]
