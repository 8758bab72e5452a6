"""Limits for what may hang: a hard one for a read of a FIFO, and one of CPU time for what only computes."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Generator
from types import FrameType
from typing import NoReturn

import pytest

SECONDS_OF_A_ROW = 60.0  # on a machine that is busy; a hang has no end


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


@contextlib.contextmanager
def cpu_limit(seconds: float) -> Generator[None]:
    """Fail the test if the code computes longer, in this process. Other processes do not count."""
    before = time.process_time()
    yield
    took = time.process_time() - before
    assert took < seconds, f"{took:.1f} s of CPU time, at most {seconds:g} s expected"
