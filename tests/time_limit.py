"""A hard limit for what may hang: a read of a FIFO, a pattern that is tried without end."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator
from types import FrameType
from typing import NoReturn

import pytest

SECONDS_OF_A_ROW = 10.0


@contextlib.contextmanager
def time_limit(seconds: float) -> Generator[None]:
    """Fail the test after `seconds`, also while it waits for a file. The program cannot catch that."""

    def over(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        pytest.fail(f"not done after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
