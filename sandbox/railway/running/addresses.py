"""An address of this machine for each public domain: `http://127.0.0.1:PORT` answers as the domain does.

Programs of this machine cannot resolve the domain, and most cannot send another Host. A connection is passed
on as it is to the process of the running deployment, so WebSockets work here. The ports are kept in a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, cast

from sandbox.local_server import HOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK = 65_536
_BAD_GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\nServer: railway-edge\r\nX-Railway-Fallback: true\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 31\r\nConnection: close\r\n\r\n"
    b"Application failed to respond.\r\n"
)


class Addresses:
    """The ports of the domains.

    Args:
        file: where they are kept.
        port_of: returns the port of the process behind a domain now, or None.
    """

    def __init__(self, file: Path, port_of: Callable[[str], int | None]) -> None:
        self._file = file
        self._port_of = port_of
        self._servers: dict[str, asyncio.Server] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._ports = cast("dict[str, int]", json.loads(file.read_text())) if file.exists() else {}

    def url(self, domain: str) -> str | None:
        """Return the address of a domain that has been added, else None."""
        return f"http://{HOST}:{self._ports[domain]}" if domain in self._servers else None

    async def set_domains(self, domains: set[str]) -> None:
        """Listen for these domains and no others."""
        for domain in domains - self._servers.keys():
            await self._add(domain)
        for domain in self._servers.keys() - domains:
            self._servers.pop(domain).close()

    async def close(self) -> None:
        """Close all ports and connections."""
        await self.set_domains(set())
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _add(self, domain: str) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._connections.add(task)
            try:
                await self._pass_on(domain, reader, writer)
            finally:
                self._connections.discard(task)

        try:
            server = await asyncio.start_server(connected, HOST, self._ports.get(domain, 0))
        except OSError:  # another process has the port now
            server = await asyncio.start_server(connected, HOST, 0)
        self._servers[domain] = server
        self._ports[domain] = server.sockets[0].getsockname()[1]
        self._file.write_text(json.dumps(self._ports))

    async def _pass_on(self, domain: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._port_of(domain)
        try:
            if port is None:
                raise ConnectionRefusedError
            there, out = await asyncio.open_connection(HOST, port)
        except OSError:
            with contextlib.suppress(OSError):
                writer.write(_BAD_GATEWAY)
                await writer.drain()
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, out), _copy(there, writer))
        finally:
            out.close()
            writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until the source ends; then tell the target."""
    with contextlib.suppress(OSError):  # one side is gone: the other copy ends too
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
