"""A Railway sandbox that runs what is deployed: small Node programs as services."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from sandbox.railway.running.container import Programs, find_programs
from sandbox.railway.running.runner import RailwayRunner
from sandbox.railway.running.sources import Sources
from tests.sandbox.railway.client import Railway, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

WAIT_SECONDS = 20.0
T = TypeVar("T")

SERVER = """
const http = require("node:http");
const code = (path) => (path === "/health" && process.env.HEALTH ? Number(process.env.HEALTH) : 200);
console.log("started with", process.env.MARK || "no mark");
console.error("to stderr");
const server = http.createServer((request, response) => {
  if (request.url === "/exit") process.exit(3);
  if (request.url === "/leave") process.exit(0);
  if (request.url === "/stream") {
    response.write("first\\n");
    setTimeout(() => response.end("last\\n"), 1000);
    return;
  }
  if (request.url === "/echo") return request.pipe(response);
  response.writeHead(code(request.url), { "X-Mark": process.env.MARK || "", "Set-Cookie": ["a=1", "b=2"] });
  response.end(JSON.stringify({ env: process.env, headers: request.headers, cwd: process.cwd() }));
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.on("SIGTERM", () => {
  console.log("SIGTERM");
  if (process.env.DEAF !== "1") setTimeout(() => process.exit(0), Number(process.env.SLOW_END || 0));
});
"""


def eventually(look: Callable[[], T | None], what: str, more: Callable[[], str] = str) -> T:
    """Call `look` until its result is true; return the result. `more` is added to the message at the end."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"waited {WAIT_SECONDS:.0f} s for {what}\n{more()}")


def service(folder: Path, program: str = SERVER, **package: Any) -> Path:
    """Write a service: a program, and a package.json with a script `start`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.js").write_text(program)
    content = {"name": "service", "scripts": {"start": "node main.js"}, **package}
    (folder / "package.json").write_text(json.dumps(content))
    return folder


@dataclass
class Running:
    """A sandbox with one service, whose source is `source`."""

    railway: Railway
    stack: Stack
    runner: RailwayRunner
    source: Path

    def ready(self, **settings: Any) -> str:
        """Connect the source, set settings and create a domain; return it."""
        self.stack.settings(numReplicas=1, **settings)
        self.stack.connect()
        return self.stack.domain()

    def until(self, deployment: str, *statuses: str) -> str:
        """Wait until a deployment has one of these statuses."""

        def look() -> str | None:
            status = self.stack.status(deployment)
            return status if status in statuses else None

        return eventually(
            look,
            f"one of {statuses}",
            lambda: f"it is {self.stack.status(deployment)}:\n{self.everything(deployment)}",
        )

    def deployed(self, *statuses: str) -> str:
        """Deploy, and wait for SUCCESS or for one of these statuses; return the deployment's id."""
        made = self.stack.deploy()
        self.until(made, *(statuses or ("SUCCESS",)))
        return made

    def everything(self, deployment: str) -> str:
        """All logs of a deployment."""
        built = [row["message"] for row in self.railway.ok("BuildLogs", id=deployment, limit=500)]
        return "\n".join([*built, *self.stack.logs(deployment)])

    def seen(self, deployment: str, text: str) -> None:
        """Wait until a text is in a deployment's logs."""
        eventually(
            lambda: text in self.everything(deployment),
            f"{text!r} in the logs",
            lambda: self.everything(deployment),
        )

    def processes(self) -> dict[str, dict[str, int]]:
        """The running processes by deployment."""
        return self.railway.get("run")["processes"]

    def answer(self, host: str, path: str = "/") -> dict[str, Any]:
        """What the program says about itself, once it answers."""
        found = eventually(
            lambda: reply if (reply := self.railway.visit(host, path)).status_code == 200 else None,
            f"{host}{path} to answer",
        )
        return found.json()


@contextmanager
def sandbox(
    folder: Path, source: Path, programs: Programs | None = None, **sources: Path
) -> Generator[tuple[Railway, RailwayRunner]]:
    """A running sandbox with its state in a folder."""
    runner = RailwayRunner(
        folder / "run",
        Sources(default=source, by_repo=sources),
        {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"},
        {"WHATSAPP_TRANSPORT": "loopback"},
        programs,
    )
    with (
        LocalServer(create_app(folder / "railway.json", runner=runner)) as server,
        Railway(server.url) as railway,
    ):
        yield railway, runner


def without_bubblewrap() -> Programs:
    """This machine without bubblewrap."""
    return replace(find_programs(), bubblewrap="")
