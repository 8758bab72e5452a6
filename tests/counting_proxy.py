"""An HTTPS proxy that refuses every request and records it."""

from __future__ import annotations

import socketserver
import threading


class CountingProxy:
    """A running proxy. `asked` has the target of each CONNECT, as host:port, `headers` its header lines."""

    def __init__(self) -> None:
        asked = self.asked = list[str]()
        headers = self.headers = list[list[str]]()

        class Refuse(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                asked.append(self.rfile.readline().decode().split(" ")[1])
                lines = iter(lambda: self.rfile.readline().decode().strip(), "")
                headers.append(list(lines))
                self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuse)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> CountingProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
