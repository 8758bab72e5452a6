"""Run an ASGI app on a loopback port in a thread.

Only loopback is used, because the sandbox's tokens are public.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HOST = "127.0.0.1"


class LocalServer:
    """A running ASGI app. `url` is its base URL without a trailing slash.

    Args:
        app: the ASGI application.
        port: a fixed port, or 0 for a free one.
    """

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        # asyncio sets TCP_NODELAY only if the protocol is given: 40 ms less for every response.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        config = uvicorn.Config(
            app,
            log_level="warning",
            lifespan="on",
            timeout_graceful_shutdown=1,
            # By default 5 s, as long as the pause between two reads of a deployment: a request would be sent
            # while its connection is closed.
            timeout_keep_alive=75,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def start(self) -> LocalServer:
        """Start the server."""
        self._socket.listen(128)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop the server and wait for the thread to end."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
