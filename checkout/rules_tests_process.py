"""Runs the app's own tests of its rules: starts the Firestore emulator with the rules, then the command.

`checkout.rules_tests` starts this file as a script, in the isolation of the command: `python -I -S
rules_tests_process.py REQUEST`, with the fields of `Request` as JSON. There, the emulator is on a loopback
that nothing else of the machine is on. The exit code is that of the command; if the emulator does not start,
its last output is on stdout and the file `started` does not exist.

The command gets the variables of `firebase emulators:exec` (firebase-tools 15.34, `src/emulator/env.ts` and
`commandUtils.ts`), except those of the emulator hub, which is not there.

It uses only the standard library: it runs without the program's packages.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"
_ANSWER_SECONDS = 2
_POLL_SECONDS = 0.05
_SHOWN_BYTES = 4_000
_PROTOCOL = b"GET / HTTP/1.0\r\n\r\n"


class Request:
    """What to run. `emulator` is its command without address; `port` is used if it is free.

    `started` is a file that is made when the emulator responds; `log` gets the emulator's output; `seconds`
    is how long the emulator may take to start.
    """

    def __init__(
        self, *, emulator: list[str], command: list[str], port: int, started: str, log: str, seconds: float
    ) -> None:
        self.emulator = emulator
        self.command = command
        self.port = port
        self.started = started
        self.log = log
        self.seconds = seconds


def _usable_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return int(probe.getsockname()[1])
    raise OSError("no port is free")


def _responds(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=_ANSWER_SECONDS) as connection:
            connection.sendall(_PROTOCOL)
            return connection.recv(64).startswith(b"HTTP/1.")
    except OSError:
        return False


def _wait(emulator: subprocess.Popen[bytes], port: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until and emulator.poll() is None:
        if _responds(port):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def main() -> int:
    """Run the request."""
    request = Request(**json.loads(sys.argv[1]))
    port = _usable_port(request.port)
    line = [*request.emulator, f"--host={LOOPBACK}", f"--port={port}"]
    with Path(request.log).open("wb") as log:
        emulator = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        if not _wait(emulator, port, request.seconds):
            end = Path(request.log).read_bytes()[-_SHOWN_BYTES:]
            sys.stdout.write(end.decode(errors="replace"))
            return 1
        Path(request.started).touch()
        host = f"{LOOPBACK}:{port}"
        hosts = {"FIRESTORE_EMULATOR_HOST": host, "FIREBASE_FIRESTORE_EMULATOR_ADDRESS": host}
        code = subprocess.run(request.command, env={**os.environ, **hosts}, check=False).returncode
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(emulator.pid, signal.SIGKILL)
        emulator.wait()
    if code < 0:
        os.kill(os.getpid(), -code)  # the signal is what is reported
    return code


if __name__ == "__main__":
    sys.exit(main())
