"""A clock for tests, so that no assertion depends on the speed of the machine."""

from __future__ import annotations

from railway.clock import Clock


class VirtualClock(Clock):
    """Time passes only by `sleep`, which returns at once. `waited` has the seconds of each call."""

    waited: list[float]

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "waited", [])  # `Clock` is frozen

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waited.append(seconds)

    def now(self) -> float:
        """Seconds since the clock was made."""
        return sum(self.waited)
