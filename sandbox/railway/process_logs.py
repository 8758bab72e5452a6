"""What the processes of deployments wrote, kept in a file for each deployment."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BUILD = "build"
DEPLOY = "deploy"
KEPT = 5_000
"""Lines of a deployment and kind: the largest `limit` of Railway's log queries."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line. `at` is epoch seconds of the sandbox's clock, `severity` info, warn, error or debug."""

    at: float
    severity: str
    message: str


class ProcessLogs:
    """The lines by deployment and kind; written to from several threads.

    `folder`: where they are kept; None keeps them in memory.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._lines: dict[tuple[str, str], deque[Line]] = {}
        self._lock = threading.Lock()

    def add(self, deployment_id: str, kind: str, line: Line) -> None:
        """Append a line."""
        with self._lock:
            self._of(deployment_id, kind).append(line)
            file = self._file(deployment_id, kind)
            if file is not None:
                # The lines can contain values of variables, as the process wrote them.
                with open(file, "a", encoding="utf-8", opener=_owner_only) as out:
                    out.write(json.dumps(asdict(line)) + "\n")

    def lines(self, deployment_id: str, kind: str) -> list[Line]:
        """Return the last lines, the oldest first."""
        with self._lock:
            return list(self._of(deployment_id, kind))

    def _of(self, deployment_id: str, kind: str) -> deque[Line]:
        key = (deployment_id, kind)
        if key not in self._lines:
            file = self._file(deployment_id, kind)
            found: list[str] = []
            if file is not None and file.exists():
                found = file.read_text(encoding="utf-8").splitlines()[-KEPT:]
            # A line that a killed process did not finish is left out.
            whole = (json.loads(text) for text in found if text.endswith("}"))
            self._lines[key] = deque((Line(**fields) for fields in whole), KEPT)
        return self._lines[key]

    def _file(self, deployment_id: str, kind: str) -> Path | None:
        return self.folder / f"{deployment_id}.{kind}.jsonl" if self.folder else None


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
