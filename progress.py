"""Say what a request waits for: a terminal that shows nothing for a minute looks like a hang.

Google's and Railway's clients use it. Lines go to stderr, which the engine shows, also those of a provider.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from user_errors import printable

SILENT_SECONDS = 5.0
REPEATED_SECONDS = 30.0


def log_line(line: str) -> None:
    """Write a line to stderr, without control characters. Never pass a value that may be secret.

    A provider process has no connection to the engine's log; the engine shows its stderr.
    """
    sys.stderr.write(f"{printable(line)}\n")
    sys.stderr.flush()


class SlowRequest:
    """Within `with`, logs what is waited for, after 5 seconds and then every 30.

    Args:
        service: who responds: "google" or "railway".
        operation: what is done, for the message: "compile firestore.rules".
        log: writes a line.

    Example:
        with SlowRequest("google", "compile firestore.rules") as waiting:
            waiting.reason = "HTTP 503"
    """

    def __init__(self, service: str, operation: str, log: Callable[[str], None] = log_line) -> None:
        self.reason = ""
        """Why the request takes so long, as far as known; empty while no response has come."""
        self._service = service
        self._operation = operation
        self._log = log
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> SlowRequest:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()

    def _watch(self) -> None:
        pause = SILENT_SECONDS
        while not self._ended.wait(pause):
            seconds = time.monotonic() - self._started
            why = self.reason or "no response yet"
            self._log(f"{self._service}: waiting for '{self._operation}' for {seconds:.0f} s: {why}")
            pause = REPEATED_SECONDS
