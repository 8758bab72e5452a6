"""A gate before a server that can really refuse: while it is shut, the kernel answers a connection with a
reset, as where nothing listens.

One request a connection, so that after any answer the next request must connect anew. Refuses to look at more
of a request than its operation's name and its host.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NAME = re.compile(rb'"operationName": *"(\w+)"')
_CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)
SHUT_SECONDS = 0.15
"""Longer than the moment between two requests, shorter than the client's patience (scaled)."""


class Gate:
    """A way to a server.

    Args:
        url: the server.
        after: called with the name of each operation ("" for a request to a public domain) once its answer
            is there, before it is passed on: True shuts the gate.
        lasting: shut for good; otherwise it opens again by itself.
        shut: start shut.
    """

    def __init__(self, url: str, after: Callable[[str], bool], *, lasting: bool, shut: bool = False) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._after, self._lasting = after, lasting
        self._gate = threading.Lock()
        self._ended = False
        self._socket: socket.socket | None = None
        self._port = 0
        self._open()
        self.url = f"http://127.0.0.1:{self._port}"
        self.shuts = 0
        self._timers: list[threading.Timer] = []
        if shut:
            self.shuts = 1
            self._shut()

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._gate:
            self._ended = True
        for timer in self._timers:
            timer.cancel()
        self._shut()

    def _open(self) -> None:
        with self._gate:
            if self._ended or self._socket is not None:
                return
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("127.0.0.1", self._port))
            made.listen(64)
            self._port = made.getsockname()[1]
            self._socket = made
        threading.Thread(target=self._serve, args=(made,), daemon=True).start()

    def _shut(self) -> None:
        with self._gate:
            if self._socket is None:
                return
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes `accept`
            self._socket.close()
            self._socket = None

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return  # shut
            threading.Thread(target=self._pass, args=(connection,), daemon=True).start()

    def _pass(self, connection: socket.socket) -> None:
        with connection:
            request = request_of(connection)
            if not request:
                return
            answer = ask(self._target, request)
            if self._after(operation_of(request)):
                self.shuts += 1
                self._shut()
                if not self._lasting:
                    timer = threading.Timer(SHUT_SECONDS, self._open)
                    self._timers.append(timer)
                    timer.start()
            connection.sendall(answer)


def operation_of(request: bytes) -> str:
    """The name of the operation that a request asks for; "": none."""
    name = _NAME.search(request)
    return name[1].decode() if name else ""


def ask(target: tuple[str, int], request: bytes) -> bytes:
    """Send a request on, on a connection of its own, and return the whole answer."""
    with socket.create_connection(target) as server:
        head, _, body = request.partition(b"\r\n\r\n")
        head = _CONNECTION.sub(b"", head) + b"\r\nConnection: close"
        server.sendall(head + b"\r\n\r\n" + body)
        return b"".join(iter(lambda: server.recv(65536), b""))


def request_of(connection: socket.socket) -> bytes:
    """Read one whole request; empty where the connection was closed before one."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    while len(body) < (int(length[1]) if length else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
