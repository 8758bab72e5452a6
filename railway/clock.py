"""Time as this package uses it: sleeping, deadlines, and saying on stderr what is being waited for.

All durations in the package are written as they are meant in production. `RAILWAY_WAIT_SCALE` (the
sandbox and the tests set it) multiplies every one of them, so that what waits minutes for Railway waits a
moment there. Refuses to wait without an end: every loop gets a `Deadline`.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """A source of time.

    Args:
        scale: what every duration is multiplied with.
    """

    scale: float = 1.0

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while."""
        time.sleep(max(0.0, seconds) * self.scale)

    def now(self) -> float:
        """Seconds on a clock that never jumps, unscaled to production's measure."""
        return time.monotonic() / self.scale

    def deadline(self, seconds: float) -> Deadline:
        """A point in time after which a wait ends."""
        return Deadline(self, self.now() + seconds)


@dataclass(frozen=True)
class Deadline:
    """The end of a wait."""

    clock: Clock
    at: float

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return self.clock.now() >= self.at

    def sleep(self, seconds: float) -> None:
        """Sleep, but not past the end."""
        self.clock.sleep(min(seconds, max(0.0, self.at - self.clock.now())))


def format_duration(seconds: float) -> str:
    """A duration for people, rounded up: "40 s", "2 min 5 s", "20 min", "1 h 5 min"."""
    whole = max(0, math.ceil(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(math.ceil(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def log_progress(line: str) -> None:
    """Tell the person who watches what is being waited for. Never hand it a value that may be secret.

    The provider process has no engine to log to; the engine passes its stderr on.
    """
    sys.stderr.write(f"railway: {line}\n")
    sys.stderr.flush()
