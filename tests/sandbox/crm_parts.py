"""The example CRM's parts as processes, and stand-ins for the services that they use besides Firestore.

Nothing is installed here: `make setup` does that; a part that is not installed is an error.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "crm"
FUNCTIONS = EXAMPLE / "functions"
BACKEND = EXAMPLE / "backend"
WAIT_SECONDS = 60.0
LISTENING = r"^listening on (\d+)$"

T = TypeVar("T")


def installed(folder: Path) -> Path:
    """Return a Node package's folder; fail if its dependencies are not installed."""
    if not (folder / "node_modules" / "firebase-admin").is_dir():
        pytest.fail(f"{folder.relative_to(ROOT)}/node_modules is missing: run `make setup`", pytrace=False)
    return folder


def eventually(look: Callable[[], T | None], what: str) -> T:
    """Call `look` until its result is true; return the result."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {WAIT_SECONDS:.0f} s for {what}")


def service_account(project: str) -> str:
    """Return a service account's JSON with a new private key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": project,
            "client_email": f"crm-backend@{project}.iam.gserviceaccount.com",
            "private_key": pem.decode(),
        }
    )


class NodeProcess:
    """A Node program whose output is read while it runs.

    Args:
        arguments: arguments of `node`.
        folder: the working directory.
        environ: its environment variables besides PATH and HOME.
    """

    def __init__(self, arguments: list[str], folder: Path, environ: Mapping[str, str]) -> None:
        base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            ["node", *arguments],
            cwd=folder,
            env={**base, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))

    def line(self, pattern: str) -> re.Match[str]:
        """Return the first line of its output that matches, waiting for it."""

        def look() -> re.Match[str] | None:
            ended = self._process.poll() is not None
            if ended:
                self._reader.join()
            for line in list(self.lines):
                if match := re.search(pattern, line):
                    return match
            if ended:
                pytest.fail(
                    f"ended with {self._process.returncode} before /{pattern}/:\n" + "\n".join(self.lines)
                )
            return None

        return eventually(look, f"/{pattern}/ in:\n" + "\n".join(self.lines))

    def url(self) -> str:
        """Return its address once it listens."""
        return f"http://127.0.0.1:{self.line(LISTENING)[1]}"

    def wait(self) -> int:
        """Wait until it ends; return its exit status."""
        try:
            status = self._process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()
        return status

    def stop(self) -> int:
        """Send a signal to end it, wait, and return its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
        return self.wait()


def identity_app(emails: Mapping[str, str]) -> Starlette:
    """Firebase Auth's account look-up, in the format of its emulator.

    Args:
        emails: address by user id.
    """

    async def lookup(request: Request) -> JSONResponse:
        asked = await request.json()
        users = [
            {"localId": uid, "email": email, "emailVerified": True, "disabled": False, "validSince": "0"}
            for uid, email in emails.items()
            if uid in asked.get("localId", []) or email in asked.get("email", [])
        ]
        return JSONResponse({"users": users} if users else {})

    path = "/identitytoolkit.googleapis.com/v1/projects/{project}/accounts:lookup"
    return Starlette(routes=[Route(path, lookup, methods=["POST"])])


def ai_app(answer: Callable[[str, str], str], seen: list[dict[str, Any]]) -> Starlette:
    """A chat completions API.

    Args:
        answer: returns the response for the system's and the user's text.
        seen: gets each request's headers and body.
    """

    async def complete(request: Request) -> JSONResponse:
        body = await request.json()
        seen.append({"authorization": request.headers.get("authorization"), **body})
        system, user = (message["content"] for message in body["messages"])
        return JSONResponse(
            {"choices": [{"message": {"role": "assistant", "content": answer(system, user)}}]}
        )

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
