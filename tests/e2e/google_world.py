"""The real program with one Google resource of each kind, on both sandboxes and the real engine, kept in one
folder that can be copied.

The app is small, so that a first `up` is short: four functions (public, private, for an event with a secret,
scheduled), a composite index, a field override with a time to live, and rules. There is no Firestore
emulator: the Google sandbox checks the syntax of rules only, and evaluates none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import requests
import yaml

from sandbox import environment
from sandbox.engine import layout, toolchain
from sandbox.google.app import create_app as google_app
from sandbox.local_server import LocalServer
from sandbox.proxy import RefusingProxy
from sandbox.railway.app import create_app as railway_app
from sandbox.supervisor import PROJECT, UNSET_VARIABLES
from tests.conformance.railway_world import assert_silent

STACK = "faults"
PROGRAM = (
    "Pulumi.yaml",
    "__main__.py",
    "user_errors.py",
    "progress.py",
    "checkout",
    "components",
    "firebase",
    "ops",
    "railway",
    "settings",
)
EXAMPLE = PROJECT / "examples" / "crm"
SECONDS = 30
RULES = """\
rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /threads/{thread} {
      allow read, create, update: if request.auth != null;
      allow delete: if false;
    }
  }
}
"""
FUNCTIONS = """\
const { setGlobalOptions } = require("firebase-functions/v2");
const { onRequest } = require("firebase-functions/v2/https");
const { onDocumentWritten } = require("firebase-functions/v2/firestore");
const { onSchedule } = require("firebase-functions/v2/scheduler");
setGlobalOptions({ region: "europe-west1", maxInstances: 3 });
exports.hook = onRequest({ invoker: "public" }, (request, response) => response.send("ok"));
exports.inner = onRequest({ invoker: "private" }, (request, response) => response.send("ok"));
exports.written = onDocumentWritten({ document: "threads/{id}", secrets: ["GROQ_API_KEY"] }, () => null);
exports.tick = onSchedule("every 1 hours", () => null);
"""
INDEXES = {
    "indexes": [
        {
            "collectionGroup": "threads",
            "queryScope": "COLLECTION",
            "fields": [
                {"fieldPath": "owner", "order": "ASCENDING"},
                {"fieldPath": "at", "order": "DESCENDING"},
            ],
        }
    ],
    "fieldOverrides": [{"collectionGroup": "codes", "fieldPath": "expiresAt", "ttl": True, "indexes": []}],
}


def write_app(folder: Path, program: Path) -> None:
    """Write the app, and the settings of its stack into the program's folder."""
    app = folder / "app"
    functions = app / "functions"
    functions.mkdir(parents=True)
    document = {
        "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"},
        "functions": [{"source": "functions", "codebase": "default", "runtime": "nodejs22"}],
    }
    (app / "firebase.json").write_text(json.dumps(document))
    (app / "firestore.rules").write_text(RULES)
    (app / "firestore.indexes.json").write_text(json.dumps(INDEXES))
    shutil.copy(EXAMPLE / "functions" / "package.json", functions)
    (functions / "node_modules").symlink_to((EXAMPLE / "functions" / "node_modules").resolve())
    (functions / "index.js").write_text(FUNCTIONS)
    settings = cast("dict[str, Any]", yaml.safe_load((PROJECT / "Pulumi.sandbox.yaml").read_text()))
    config = settings["config"]
    config["whatsapp-crm:appDir"] = str(app)
    del config["whatsapp-crm:secrets"]["ADMIN_EMAILS"]  # no function uses it
    (program / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(settings))


class Tools:
    """The engine with its plugins, the program and the app: what all worlds of a process share.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.program = folder / "program"
        self.program.mkdir(parents=True)
        for name in PROGRAM:
            if (PROJECT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(PROJECT / name, self.program / name, ignore=ignored)
            else:
                shutil.copy(PROJECT / name, self.program)
        (self.program / ".venv").symlink_to((PROJECT / ".venv").resolve())
        write_app(folder, self.program)
        engine = layout.lay_out(folder / "engine", toolchain.find_or_build(print))
        inherited = {name: value for name, value in os.environ.items() if name not in UNSET_VARIABLES}
        # Python keeps its compiled files, as with `make`: else each run compiles the program again.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        self.environ = {**inherited, **engine}


class GoogleWorld:
    """Both sandboxes, and the state of the stack.

    Args:
        folder: where their state is kept; created if it does not exist.
        tools: the engine and the app.
    """

    def __init__(self, folder: Path, tools: Tools) -> None:
        self.folder = folder
        self.tools = tools
        self._state = folder / "state"
        self._state.mkdir(parents=True, exist_ok=True)
        self._kept = ExitStack()

    def __enter__(self) -> GoogleWorld:
        railway = self._kept.enter_context(LocalServer(railway_app(self.folder / "railway.json")))
        google = self._kept.enter_context(LocalServer(google_app(self.folder / "google.json")))
        proxy = self._kept.enter_context(RefusingProxy())
        self.railway_url, self.google_url = railway.url, google.url
        self.environ = {
            **self.tools.environ,
            **environment.endpoints(railway.url, google.url, "", proxy.url),
            "PULUMI_BACKEND_URL": f"file://{self._state}",
            "RAILWAY_WAIT_SCALE": "0.02",
        }
        del self.environ["FIRESTORE_EMULATOR_HOST"]
        self.railway("switches", {"deploy_step_seconds": 0.01})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.close()

    def railway(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call of the Railway sandbox's own controls."""
        return _admin(self.railway_url, path, body)

    def google(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call of the Google sandbox's own controls."""
        return _admin(self.google_url, path, body)

    def command(self, *arguments: str) -> list[str]:
        """The command line of the CLI, for the stack."""
        return ["pulumi", *arguments, "--stack", STACK, "--non-interactive", "--color", "never"]

    def call(self, *arguments: str, command: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the CLI, or another command.

        Raises:
            AssertionError: it printed a traceback or a secret.
        """
        done = subprocess.run(
            command or self.command(*arguments),
            cwd=self.tools.program,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert_silent(done.stdout)
        return done

    def run(self, *arguments: str) -> str:
        """Run the CLI; return its output.

        Raises:
            AssertionError: it failed, or printed a traceback or a secret.
        """
        done = self.call(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout


def _admin(url: str, path: str, body: Mapping[str, Any] | None) -> Any:
    if body is None:
        response = requests.get(f"{url}/admin/{path}", timeout=SECONDS)
    else:
        response = requests.post(f"{url}/admin/{path}", json=dict(body), timeout=SECONDS)
    assert response.ok or response.status_code == 408, response.text
    return response.json()
