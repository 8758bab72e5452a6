"""The processes that the sandbox starts for what was deployed to it.

None of them outlives the process that started it, also after SIGKILL: see `sandbox.keeper`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sandbox import keeper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KEEPER = Path(keeper.__file__)
LONGEST_LINE = 65_536  # bytes; a longer line is cut into several


class Process:
    """A running command. Its output is read in threads of its own.

    Args:
        line: the command and its arguments; found with the PATH of `environment`.
        folder: its working directory.
        environment: all of its environment variables.
        on_line: called with "stdout" or "stderr" and each line of output, without its end.
        is_wrapped: the command is bubblewrap; SIGTERM goes to what it runs.
        kept_open: file descriptors that the command inherits.

    Raises:
        OSError: the folder does not exist.

    Example:
        `Process(["node", "main.js"], folder, {"PATH": "/usr/bin"}, lambda stream, text: print(text))`
    """

    def __init__(
        self,
        line: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str, str], None],
        *,
        is_wrapped: bool = False,
        kept_open: Sequence[int] = (),
    ) -> None:
        for_keeper, self._alive = os.pipe()
        kind = "wrapped" if is_wrapped else "plain"
        try:
            self._popen = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER), str(for_keeper), kind, *line],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(for_keeper, *kept_open),
                start_new_session=True,
            )
        except OSError:
            os.close(self._alive)
            raise
        finally:
            os.close(for_keeper)
        assert self._popen.stdout is not None
        assert self._popen.stderr is not None
        streams = {"stdout": self._popen.stdout, "stderr": self._popen.stderr}
        self._readers = [
            threading.Thread(target=_read, args=(stream, name, on_line), daemon=True)
            for name, stream in streams.items()
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The keeper's process id; the command is its descendant."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, 128 plus the number after a signal; None while it runs."""
        if self._popen.poll() is None or any(reader.is_alive() for reader in self._readers):
            return None  # its last lines come first
        self._close()
        return self._popen.returncode

    def terminate(self) -> None:
        """Send SIGTERM to the command."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the command and all its descendants now."""
        self._close()

    def wait(self, seconds: float | None = None) -> int:
        """Wait until it has ended; return its exit code.

        Raises:
            subprocess.TimeoutExpired: it runs longer than `seconds`.
        """
        code = self._popen.wait(seconds)
        for reader in self._readers:
            reader.join()
        self._close()
        return code

    def _close(self) -> None:
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1


def _read(stream: IO[bytes], name: str, on_line: Callable[[str, str], None]) -> None:
    with stream:
        while line := stream.readline(LONGEST_LINE):
            on_line(name, line.decode(errors="replace").rstrip("\r\n"))
