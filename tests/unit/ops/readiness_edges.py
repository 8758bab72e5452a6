"""Servers in place of the backend's and the functions' addresses, for the tests of `ops readiness`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


@dataclass
class Edge:
    """One server. `status` is its answer; `asked` has method, Host and path of each request."""

    url: str = ""
    status: int = 200
    asked: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])


@contextmanager
def serving(status: int) -> Generator[Edge]:
    """A server on this machine that answers every GET with a status."""
    edge = Edge(status=status)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            edge.asked.append(("GET", str(self.headers["Host"]), self.path))
            self.send_response(edge.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """No log."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    edge.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield edge
    finally:
        server.shutdown()
        server.server_close()
