"""The state of the Google sandbox by collection and id, kept in a journal if there is a file.

A journal line is `[collection, id, value]`, with value null for a removal. The lines of one request are
written at once, so a killed process leaves complete requests only. Loading rewrites the journal without
overwritten values (to a temporary file, which is then renamed). Values are copied when they are stored;
returned values must not be modified.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]
Value = Any


class Store:
    """Collections of JSON values.

    Args:
        file: the journal, or None for memory only.
        mode: the journal's permissions.
    """

    def __init__(self, file: Path | None = None, *, mode: int = 0o600) -> None:
        self._file = file
        self._mode = mode
        self._data: dict[str, dict[str, Value]] = {}
        self._pending: list[str] = []
        self._lines = 0
        if file is not None and file.exists():
            self._load(file)
            self._compact(file)

    def get(self, collection: str, key: str) -> Value | None:
        """Return the value, or None."""
        return self._data.get(collection, {}).get(key)

    def items(self, collection: str) -> Iterator[tuple[str, Value]]:
        """Return ids and values of a collection, in order of creation."""
        yield from list(self._data.get(collection, {}).items())

    def collections(self, prefix: str = "") -> list[str]:
        """Return the names of the collections that are not empty."""
        return [name for name, content in self._data.items() if content and name.startswith(prefix)]

    def put(self, collection: str, key: str, value: Value) -> None:
        """Create or replace a value."""
        self._data.setdefault(collection, {})[key] = copy.deepcopy(value)
        self._append(collection, key, value)

    def remove(self, collection: str, key: str) -> None:
        """Remove a value, if it exists."""
        if self._data.get(collection, {}).pop(key, None) is not None:
            self._append(collection, key, None)

    def next(self, counter: str) -> int:
        """Return the next number of a counter: 1, 2, 3, …"""
        number = int(self.get("counters", counter) or 0) + 1
        self.put("counters", counter, number)
        return number

    def unique(self, prefix: str) -> str:
        """Return a new hex id. A run that makes the same calls gets the same ids."""
        return hashlib.sha256(f"{prefix}{self.next('unique')}".encode()).hexdigest()

    def commit(self) -> None:
        """Write what changed since the last commit."""
        if self._file is None or not self._pending:
            self._pending.clear()
            return
        updated = not self._file.exists()
        with open(self._file, "a", encoding="utf-8", opener=self._open) as journal:
            journal.write("".join(self._pending))
        if updated:
            self._file.chmod(self._mode)
        self._lines += len(self._pending)
        self._pending.clear()
        if self._lines > 10_000 + 4 * sum(len(content) for content in self._data.values()):
            self._compact(self._file)

    def dump(self) -> dict[str, dict[str, Value]]:
        """Return the whole state."""
        return copy.deepcopy(self._data)

    def _open(self, path: str, flags: int) -> int:
        return os.open(path, flags, self._mode)

    def _append(self, collection: str, key: str, value: Value | None) -> None:
        if self._file is not None:
            self._pending.append(json.dumps([collection, key, value], separators=(",", ":")) + "\n")

    def _load(self, file: Path) -> None:
        lines = file.read_text(encoding="utf-8").split("\n")
        # The last piece is empty, or the incomplete line of a process that was killed while writing.
        for line in lines[:-1]:
            collection, key, value = json.loads(line)
            if value is None:
                self._data.get(collection, {}).pop(key, None)
            else:
                self._data.setdefault(collection, {})[key] = value

    def _compact(self, file: Path) -> None:
        scratch = file.with_name(file.name + ".tmp")
        self._lines = 0
        with open(scratch, "w", encoding="utf-8", opener=self._open) as journal:
            for collection, content in self._data.items():
                for key, value in content.items():
                    journal.write(json.dumps([collection, key, value], separators=(",", ":")) + "\n")
                    self._lines += 1
        scratch.chmod(self._mode)
        scratch.replace(file)
