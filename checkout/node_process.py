"""Run a command with a time limit and bounded output, and end everything that it started."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_KEPT = 32_768  # bytes at the start and at the end of each stream
_SHOWN_LINES = 5
_SHOWN_LENGTH = 200
# Lines of Node itself: stack frames, its version, warnings.
_OF_NODE = re.compile(r"\s+at |Node\.js v|\(node:\d+\)|\(Use `node ")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended. `code` is None after a time-out, negative after a signal."""

    code: int | None
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams."""
        return f"{self.stdout}\n{self.stderr}"


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float) -> Finished:
    """Run `command` in `folder` for at most `timeout` seconds."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    streams = [_Stream(process.stdout), _Stream(process.stderr)]
    code: int | None = None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout)
    finally:
        with contextlib.suppress(ProcessLookupError):  # the group has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    stdout, stderr = (stream.text() for stream in streams)
    return Finished(code=code, stdout=stdout, stderr=stderr)


def shown(text: str) -> tuple[str, ...]:
    """The last lines of an output, without those of Node itself."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and not _OF_NODE.match(line)]
    left_out = len(lines) - _SHOWN_LINES
    first = [f"({left_out} lines before)"] if left_out > 0 else []
    kept = (
        line if len(line) <= _SHOWN_LENGTH else f"{line[:_SHOWN_LENGTH]}…" for line in lines[-_SHOWN_LINES:]
    )
    return (*first, *kept)


class _Stream:
    """Reads a stream to its end in a thread; keeps the first and the last bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._start = b""
        self._end = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            while chunk := os.read(self._stream.fileno(), _KEPT):
                room = _KEPT - len(self._start)
                self._start += chunk[:room]
                self._end = (self._end + chunk[room:])[-_KEPT:]

    def text(self) -> str:
        """What was read. A process that left the group may keep the stream open: not longer than a second."""
        self._thread.join(1)
        return (self._start + self._end).decode(errors="replace")
