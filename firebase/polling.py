"""Polling Google until something that takes minutes is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SHORTEST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 15.0


def poll(
    attempt: Callable[[], T | None],
    *,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T | None:
    """Call `attempt` until it returns a value.

    The pause is a tenth of the time waited so far: short waits end promptly, long ones cost few requests.

    Args:
        attempt: reads from Google; None if it is not done yet.
        seconds: the longest wait.
        sleep: how to wait; seconds.
        clock: a monotonic clock; seconds.

    Returns:
        The value, or None if the time is over.

    Example:
        built = poll(lambda: True if states(api) == {"READY"} else None, seconds=7200)
    """
    started = clock()
    while True:
        found = attempt()
        elapsed = clock() - started
        if found is not None or elapsed >= seconds:
            return found
        sleep(min(LONGEST_PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, elapsed / 10)))
