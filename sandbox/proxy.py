"""The HTTPS proxy of a sandbox: no request to Google leaves the machine.

The real gcp plugin asks two hosts for which it has no endpoint setting: `openidconnect.googleapis.com`, with
the token, and `compute.googleapis.com`. The proxy refuses every host of Google's APIs, and tunnels to all
others: the engine may download a plugin, and a shell with the sandbox's variables may use git and npm.
"""

from __future__ import annotations

import base64
import socket
import socketserver
import sys
import threading
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from sandbox.local_server import HOST

if TYPE_CHECKING:
    from urllib.parse import SplitResult

REFUSED = "googleapis.com"
_SECONDS = 30.0
_CHUNK = 65536


def is_refused(host: str) -> bool:
    """Return whether the proxy refuses a host."""
    return host == REFUSED or host.endswith(f".{REFUSED}")


class RefusingProxy(socketserver.ThreadingTCPServer):
    """A proxy. `url` is the value for HTTPS_PROXY; it runs while it is entered.

    Args:
        port: a fixed port, or 0 for a free one.
        upstream: the URL of the machine's own HTTPS proxy; "" for none.

    Raises:
        OSError: the port is in use.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int = 0, upstream: str = "") -> None:
        self.upstream: SplitResult | None = urlsplit(upstream) if upstream else None
        super().__init__((HOST, port), _Connection)
        self.port: int = self.server_address[1]
        self.url = f"http://{HOST}:{self.port}"

    def __enter__(self) -> RefusingProxy:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log unexpected errors only: a connection that fails is closed, as without a proxy."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Answer one CONNECT, and copy in both directions until both sides have ended."""
        method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
        while self.rfile.readline().strip():
            pass
        host, _, port = rest.partition(" ")[0].rpartition(":")
        if method != "CONNECT" or is_refused(host.lower()):
            self.wfile.write(b"HTTP/1.1 403 Refused by the sandbox\r\nContent-Length: 0\r\n\r\n")
            return
        with self._connect(host, port) as there:
            sending = threading.Thread(target=_copy, args=(self.connection, there), daemon=True)
            sending.start()
            _copy(there, self.connection)
            sending.join()

    def _connect(self, host: str, port: str) -> socket.socket:
        upstream = cast("RefusingProxy", self.server).upstream
        if upstream is None:
            there = socket.create_connection((host.strip("[]"), int(port)), _SECONDS)
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            there = socket.create_connection((upstream.hostname, upstream.port or 80), _SECONDS)
            login = base64.b64encode(f"{upstream.username}:{upstream.password or ''}".encode()).decode()
            header = f"Proxy-Authorization: Basic {login}\r\n" if upstream.username else ""
            there.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{header}\r\n".encode())
        there.settimeout(None)
        return there


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has ended
