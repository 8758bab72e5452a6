"""Requests that are gathered for a moment and sent as one, as the real plugin does for some of them.

The real plugin gathers for 3 seconds or more; here a tenth of a second is enough.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

GATHER_SECONDS = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches(Generic[Item, Result]):
    """Batches by key. Those of one key are sent one after the other: the API rejects concurrent changes.

    Args:
        largest: the number of items in a batch at most.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._guard = threading.Lock()
        self._open: dict[str, tuple[list[Item], Future[Result]]] = {}
        self._sending: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._threads = ThreadPoolExecutor(thread_name_prefix="batch")

    def submit(self, key: str, item: Item, send: Callable[[list[Item]], Result]) -> Result:
        """Add an item to the key's batch, wait until it is sent, and return the result of `send`.

        What `send` raises is raised for each item.

        Args:
            key: what the batch is about, such as a project.
            item: the item.
            send: sends a batch. Of the items' functions, the first one's is called.
        """
        with self._guard:
            if key not in self._open:
                items: list[Item] = []
                self._open[key] = (items, self._threads.submit(self._send, key, items, send))
            items, result = self._open[key]
            items.append(item)
            if len(items) == self._largest:
                del self._open[key]
        return result.result()

    def _send(self, key: str, items: list[Item], send: Callable[[list[Item]], Result]) -> Result:
        time.sleep(GATHER_SECONDS)
        with self._guard:
            sending = self._sending[key]
        with sending:
            with self._guard:
                if key in self._open and self._open[key][0] is items:
                    del self._open[key]
            return send(items)
