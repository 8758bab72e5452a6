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
            text = file.read_text(encoding="utf-8") if file is not None and file.exists() else ""
            if file is not None and text and not text.endswith("\n"):
                # A killed sandbox did not finish the last line.
                text = text[: text.rfind("\n") + 1]
                file.write_text(text, encoding="utf-8")
            kept = text.split("\n")[:-1][-KEPT:]  # not splitlines: a message may contain its other separators
            self._lines[key] = deque((Line(**json.loads(line)) for line in kept), KEPT)
        return self._lines[key]

    def _file(self, deployment_id: str, kind: str) -> Path | None:
        return self.folder / f"{deployment_id}.{kind}.jsonl" if self.folder else None


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
