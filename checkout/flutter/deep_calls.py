"""Calls that are nested more deeply than Python allows by default.

Widgets are nested deeply, and each level of them takes several calls of Python.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

_DEEPEST = 30_000  # calls in each other
_STACK = 512 * 1024 * 1024  # bytes; only what is used takes memory

_T = TypeVar("_T")


def run(work: Callable[[], _T]) -> _T:
    """The result of `work`, which runs in a thread with a large stack. Its exceptions are raised here."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  (raised again by the thread that waits)
            errors.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK)
    sys.setrecursionlimit(max(limit, _DEEPEST))
    try:
        thread = threading.Thread(target=call, name="dart", daemon=True)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]
