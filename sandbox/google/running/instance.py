"""One running function: a process of Google's functions-framework that listens on a socket of its own.

A Unix socket, because the framework listens on all addresses of a port, and the function's port is nobody
else's business.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from sandbox.processes import Process
from user_errors import add_fix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.google.running.revisions import Revision

HOST = Path(__file__).resolve().parents[2] / "functions_host"
FRAMEWORK = HOST / "node_modules" / "@google-cloud" / "functions-framework" / "build" / "src" / "main.js"
EDGES = HOST / "edges.js"
START_SECONDS = 240.0  # Cloud Run's start-up probe waits as long
STOP_SECONDS = 2.0
HEAP_SHARE = 0.9  # of the memory limit: the rest is what a process needs besides its heap
LEAST_HEAP = 64
TAIL = 60
OUT_OF_MEMORY = re.compile(r"JavaScript heap out of memory|allocation failed")


class InstanceError(Exception):
    """The process has ended or does not listen; with the end of what it wrote."""


def require_framework() -> None:
    """Check that what runs functions is installed.

    Raises:
        InstanceError: it is not.
    """
    if not FRAMEWORK.exists():
        what = "Google's functions-framework, which runs the functions, is not installed."
        raise InstanceError(add_fix(what, "make setup", ""))
    if shutil.which("node") is None:
        what = "Node.js, which runs the functions, is not on PATH."
        raise InstanceError(add_fix(what, "install Node.js 20 or later", ""))


def command(revision: Revision, source: Path, socket: Path) -> list[str]:
    """Return the command that serves a revision on a socket."""
    heap = max(LEAST_HEAP, round(revision.memory * HEAP_SHARE))
    return [
        "node",
        f"--max-old-space-size={heap}",
        "--require",
        str(EDGES),
        str(FRAMEWORK),
        f"--source={source}",
        f"--target={revision.entry_point}",
        f"--signature-type={revision.signature}",
        f"--port={socket}",
    ]


class Instance:
    """A process that serves one revision.

    Args:
        revision: what it serves.
        source: its unpacked source.
        environment: all of its variables.
        socket: where it listens.
        on_line: gets each line that it writes: instance, stream, text; from a thread.
    """

    def __init__(
        self,
        revision: Revision,
        source: Path,
        environment: Mapping[str, str],
        socket: Path,
        on_line: Callable[[Instance, str, str], None],
    ) -> None:
        self.revision = revision
        self.id = uuid.uuid4().hex
        self.in_flight = 0
        self.used_at = time.monotonic()
        self._tail: list[str] = []
        self._socket = socket
        self._on_line = on_line
        self._client = httpx.AsyncClient(
            # The time limit of a request is the function's own: `Edge.pass_on`.
            transport=httpx.AsyncHTTPTransport(uds=str(socket)),
            timeout=httpx.Timeout(None),
            trust_env=False,
        )
        self._process = Process(command(revision, source, socket), source, environment, self._read)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.exit_code is not None

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether its last words say that its memory was not enough."""
        return any(OUT_OF_MEMORY.search(line) for line in self._tail)

    def _read(self, stream: str, line: str) -> None:
        self._tail = [*self._tail, line][-TAIL:]
        self._on_line(self, stream, line)

    async def ready(self) -> None:
        """Wait until it listens.

        Raises:
            InstanceError: it has ended, or does not listen in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.has_ended:
                raise InstanceError("\n".join(self._tail) or "(no output)")
            try:
                _, writer = await asyncio.open_unix_connection(self._socket)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
        raise InstanceError("\n".join([*self._tail, f"it did not listen within {START_SECONDS:.0f} s"]))

    async def send(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> httpx.Response:
        """Send a request; the response's body is still to be read.

        Raises:
            httpx.HTTPError: the connection was lost.
        """
        # Not `build_request`: that adds headers of the client.
        request = httpx.Request(method, f"http://function{path}", headers=list(headers), content=body)
        return await self._client.send(request, stream=True)

    async def stop(self) -> None:
        """End the process and what it started."""
        self._process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while not self.has_ended and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        self._process.kill()
        await asyncio.to_thread(self._process.wait, 10)
        await self._client.aclose()
        self._socket.unlink(missing_ok=True)
