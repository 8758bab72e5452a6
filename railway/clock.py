"""Time: sleeping, deadlines, polling, and progress lines on stderr.

Every duration in this package is the one that is meant in production. `RAILWAY_WAIT_SCALE`, which tests and
local servers set, multiplies all of them. Every wait has a `Deadline`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from progress import log_line

T = TypeVar("T")


@dataclass(frozen=True)
class Clock:
    """A source of time.

    Args:
        scale: factor for every duration.
    """

    scale: float = 1.0

    def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        time.sleep(max(0.0, seconds) * self.scale)

    def now(self) -> float:
        """Seconds of a monotonic clock, divided by the scale."""
        return time.monotonic() / self.scale

    def deadline(self, seconds: float) -> Deadline:
        """The deadline that many seconds from now."""
        return Deadline(self, self.now() + seconds)


@dataclass(frozen=True)
class Deadline:
    """The end of a wait."""

    clock: Clock
    at: float

    @property
    def passed(self) -> bool:
        """Whether the deadline is over."""
        return self.clock.now() >= self.at

    def sleep(self, seconds: float) -> None:
        """Sleep, at most until the deadline."""
        self.clock.sleep(min(seconds, max(0.0, self.at - self.clock.now())))

    def poll(self, attempt: Callable[[], T | None], *, every: float) -> T | None:
        """Call `attempt` until it returns a value.

        Args:
            attempt: called at once, then after growing pauses. The last call starts after the deadline, also
                where a slow call before it started earlier and ended later.
            every: the longest pause in seconds; the first is a quarter of it.

        Returns:
            The value, or None if the deadline passed without one.
        """
        pause = every / 4
        while True:
            last = self.passed
            found = attempt()
            if found is not None or last:
                return found
            self.sleep(pause)
            pause = min(every, pause * 2)


def format_duration(seconds: float) -> str:
    """A duration, rounded up: "40 s", "2 min 5 s", "20 min", "1 h 5 min"."""
    whole = max(0, math.ceil(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(math.ceil(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def log_progress(line: str) -> None:
    """Write a progress line of Railway; see `progress.log_line`."""
    log_line(f"railway: {line}")
