"""How Google repeats what failed: the waits of Cloud Tasks, Cloud Scheduler and Eventarc."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """A retry policy (Cloud Tasks reference, RetryConfig). All times in seconds.

    Args:
        attempts: the most attempts, the first included; None for no limit.
        duration: no attempt begins later than this after the first; None for no limit.
        least: the first wait.
        most: the longest wait.
        doublings: how often the wait doubles; then it grows by the same amount each time.
    """

    attempts: int | None
    duration: float | None
    least: float
    most: float
    doublings: int

    def wait(self, failures: int) -> float:
        """Return the wait after the given number of failed attempts (from 1).

        Example:
            least 10, most 300, doublings 3: 10, 20, 40, 80, 160, 240, 300, 300.
        """
        step = self.least * 2 ** min(failures - 1, self.doublings)
        return min(step * max(1, failures - self.doublings), self.most)


async def repeat(policy: Backoff, attempt: Callable[[int], Awaitable[bool]], scale: float) -> bool:
    """Repeat an attempt until it succeeds or the policy ends it; return whether it succeeded.

    Args:
        attempt: gets the number of failed attempts before it.
        scale: a factor on the waits.
    """
    started, failures = time.monotonic(), 0
    while not await attempt(failures):
        failures += 1
        wait = policy.wait(failures)
        late = (
            policy.duration is not None
            and time.monotonic() - started + wait * scale > policy.duration * scale
        )
        if late or (policy.attempts is not None and failures >= policy.attempts):
            return False
        await asyncio.sleep(wait * scale)
    return True
