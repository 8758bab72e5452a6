"""A copy of the program on the sandbox's stack, and the edge of functions that do not run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import yaml

from checkout.flutter import analyzer
from ops import stack
from ops.adopt.rehearsal_stack import PROGRAM
from sandbox import stack_state
from sandbox.supervisor import PROJECT, STACK, Sandbox
from tests.recorded_acceptance import record

JSON = dict[str, Any]
GCP = "crm-sandbox"


@dataclass
class Edge:
    """In place of running functions and their logs: what they answer, and the entries of Cloud Logging."""

    url: str = ""
    status: int = 401
    entries: list[JSON] = field(default_factory=list[JSON])


@contextmanager
def functions_edge() -> Generator[Edge]:
    """The server."""
    edge = Edge()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(edge.status, {})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/logging/v2/entries:list"
            assert asked["resourceNames"] == [f"projects/{GCP}"]
            self.answer(200, {"entries": edge.entries} if edge.entries else {})

        def answer(self, status: int, body: JSON) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """No log."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    edge.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield edge
    finally:
        server.shutdown()
        server.server_close()


class Program:
    """A copy of the program, in which the tests may write: settings, records of acceptance, last reports.

    Args:
        folder: where it goes.
        sandbox: a running sandbox.
        edge: the functions' edge; None where the functions run.
    """

    def __init__(self, folder: Path, sandbox: Sandbox, edge: Edge | None = None) -> None:
        self.folder, self.sandbox = folder, sandbox
        folder.mkdir()
        for name in (*PROGRAM, f"Pulumi.{STACK}.yaml"):
            source = PROJECT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        for name in ("examples", ".venv"):
            (folder / name).symlink_to(PROJECT / name)
        self.environ: dict[str, str] = {**os.environ, **sandbox.variables()}
        if edge is not None:
            self.environ["GOOGLE_EDGE_URL"] = edge.url
            self.environ["GOOGLE_LOGGING_CUSTOM_ENDPOINT"] = f"{edge.url}/logging/v2/"

    def install_flutter(self) -> None:
        """A stand-in for the SDK, whose analyzer finds nothing; a copy of the app with its packages."""
        examples = self.folder / "examples"
        examples.unlink()
        shutil.copytree(PROJECT / "examples", examples, ignore=shutil.ignore_patterns("node_modules"))
        packages = examples / "crm" / "app" / analyzer.PACKAGES
        packages.parent.mkdir()
        packages.write_text("{}")
        program = self.folder.parent / "flutter-sdk" / "bin" / "flutter"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\necho 'No issues found! (ran in 0.1s)'\n")
        program.chmod(0o755)
        self.environ["PATH"] = f"{program.parent}{os.pathsep}{self.environ['PATH']}"

    def waive(self, waivers: Mapping[str, JSON]) -> None:
        """Set the waivers in the stack's file."""
        file = self.folder / f"Pulumi.{STACK}.yaml"
        document = cast("JSON", yaml.safe_load(file.read_text()))
        document["config"]["whatsapp-crm:readinessWaivers"] = dict(waivers)
        file.write_text(yaml.safe_dump(document))

    def accept(self) -> None:
        """Record that the acceptance tests of what is deployed passed now."""
        spec = stack.verification(STACK, stack_state.exported(self.sandbox, STACK))
        record(self.folder, spec, datetime.now(UTC))

    def readiness(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m ops readiness` on the stack."""
        return self.ops("readiness", *arguments)

    def ops(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `python -m ops` on the stack."""
        return subprocess.run(
            [sys.executable, "-m", "ops", command, "--stack", STACK, *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def waiver(days: int = 30) -> JSON:
    """A waiver that ends in some days."""
    return {
        "reason": "Flutter is not on this machine",
        "person": "Ana",
        "expires": (date.today() + timedelta(days=days)).isoformat(),  # noqa: DTZ011 - as a person writes it
    }
