"""The real program with one Google resource of each kind, on both sandboxes and the real engine, kept in one
folder that can be copied.

The app is small, so that a first `up` is short: four functions (public, private, for an event with a secret,
scheduled), a composite index, a field override with a time to live, and rules. A second declaration changes
an object of each kind that can change. Unless a test gives one, there is no Firestore emulator: the Google
sandbox checks the syntax of rules only, and evaluates none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, cast

import requests
import yaml

from ops.adopt.rehearsal_stack import PROGRAM
from sandbox import environment
from sandbox.engine import layout, toolchain
from sandbox.google.app import create_app as google_app
from sandbox.local_server import LocalServer
from sandbox.proxy import RefusingProxy
from sandbox.railway.app import create_app as railway_app
from sandbox.supervisor import PROJECT, UNSET_VARIABLES
from tests.conformance.railway_world import assert_silent

STACK = "faults"
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
CHANGED_RULES = RULES.replace("read, create, update", "get, create, update")
_GLOBAL = """\
const { setGlobalOptions } = require("firebase-functions/v2");
const { onRequest } = require("firebase-functions/v2/https");
const { onDocumentCreated, onDocumentWritten } = require("firebase-functions/v2/firestore");
const { onSchedule } = require("firebase-functions/v2/scheduler");
setGlobalOptions({ region: "europe-west1", maxInstances: 3 });
"""
FUNCTIONS = f"""{_GLOBAL}
exports.hook = onRequest({{ invoker: "public" }}, (request, response) => response.send("ok"));
exports.inner = onRequest({{ invoker: "private" }}, (request, response) => response.send("ok"));
exports.written = onDocumentWritten({{ document: "threads/{{id}}", secrets: ["GROQ_API_KEY"] }}, () => null);
exports.tick = onSchedule("every 1 hours", () => null);
"""
CHANGED_FUNCTIONS = f"""{_GLOBAL}
const invoker = "crm-backend@crm-sandbox.iam.gserviceaccount.com";
exports.hook = onRequest({{ invoker, memory: "512MiB" }}, (request, response) => response.send("ok"));
exports.outer = onRequest({{ invoker: "private" }}, (request, response) => response.send("ok"));
const secrets = ["GROQ_API_KEY", "ADMIN_EMAILS"];
exports.written = onDocumentCreated({{ document: "threads/{{id}}", secrets }}, () => null);
exports.tick = onSchedule("every 2 hours", () => null);
"""
"""Updated: `hook` and `tick`; replaced, because Google changes no event type: `written`; deleted: `inner`."""


def _indexes(at: str, overrides: list[dict[str, Any]]) -> dict[str, Any]:
    fields = [{"fieldPath": "owner", "order": "ASCENDING"}, {"fieldPath": "at", "order": at}]
    index = {"collectionGroup": "threads", "queryScope": "COLLECTION", "fields": fields}
    return {"indexes": [index], "fieldOverrides": overrides}


INDEXES = _indexes(
    "DESCENDING", [{"collectionGroup": "codes", "fieldPath": "expiresAt", "ttl": True, "indexes": []}]
)
CHANGED_INDEXES = _indexes(
    "ASCENDING",
    [
        {
            "collectionGroup": "codes",
            "fieldPath": "expiresAt",
            "indexes": [{"order": "ASCENDING", "queryScope": "COLLECTION"}],
        },
        {"collectionGroup": "codes", "fieldPath": "endsAt", "ttl": True, "indexes": []},
    ],
)
Declaration = Literal["first", "changed"]
DECLARATIONS: tuple[Declaration, ...] = ("first", "changed")


def write_app(folder: Path, declaration: Declaration = "first") -> None:
    """Write the app of a declaration into a new folder."""
    first = declaration == "first"
    functions = folder / "functions"
    functions.mkdir(parents=True)
    document = {
        "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"},
        "functions": [{"source": "functions", "codebase": "default", "runtime": "nodejs22"}],
    }
    (folder / "firebase.json").write_text(json.dumps(document))
    (folder / "firestore.rules").write_text(RULES if first else CHANGED_RULES)
    (folder / "firestore.indexes.json").write_text(json.dumps(INDEXES if first else CHANGED_INDEXES))
    shutil.copy(EXAMPLE / "functions" / "package.json", functions)
    (functions / "node_modules").symlink_to((EXAMPLE / "functions" / "node_modules").resolve())
    (functions / "index.js").write_text(FUNCTIONS if first else CHANGED_FUNCTIONS)


def settings(app: Path, declaration: Declaration = "first") -> dict[str, Any]:
    """The stack's file for an app: the sandbox's own, with the changes of the declaration."""
    document = cast("dict[str, Any]", yaml.safe_load((PROJECT / "Pulumi.sandbox.yaml").read_text()))
    config = document["config"]
    config["whatsapp-crm:appDir"] = str(app)
    secrets = config["whatsapp-crm:secrets"]
    if declaration == "first":
        del secrets["ADMIN_EMAILS"]  # no function uses it
        return document
    # Another value without another encryption.
    secrets["ADMIN_EMAILS"], secrets["GROQ_API_KEY"] = secrets["GROQ_API_KEY"], secrets["ADMIN_EMAILS"]
    config["whatsapp-crm:backendRoles"] = ["roles/datastore.user", "roles/firebaseauth.viewer"]
    config["whatsapp-crm:functionsRoles"] = ["roles/datastore.viewer"]
    config["whatsapp-crm:functionsMayCreateTokens"] = True
    config["whatsapp-crm:serviceAccountKeyRotation"] = "2"
    return document


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
        self._apps = folder
        for declaration in DECLARATIONS:
            write_app(folder / declaration, declaration)
        self.declare("first")
        engine = layout.lay_out(folder / "engine", toolchain.find_or_build(print))
        inherited = {name: value for name, value in os.environ.items() if name not in UNSET_VARIABLES}
        # Python keeps its compiled files, as with `make`: else each run compiles the program again.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        self.environ = {**inherited, **engine}

    def declare(self, declaration: Declaration) -> None:
        """What the program declares from now on. What it recorded of earlier stacks is forgotten."""
        document = settings(self._apps / declaration, declaration)
        (self.program / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))
        shutil.rmtree(self._records, ignore_errors=True)

    def record_adoption(self, urns: Iterable[str]) -> None:
        """As if `ops adopt` had imported these resources."""
        self._records.mkdir()
        (self._records / f"{STACK}.json").write_text(json.dumps({"urns": sorted(urns)}))

    @property
    def _records(self) -> Path:
        return self.program / ".adopt"


class GoogleWorld:
    """Both sandboxes, and the state of the stack.

    Args:
        folder: where their state is kept; created if it does not exist.
        tools: the engine and the app.
        emulator: host:port of a Firestore emulator, which the Google sandbox loads released rules into.
    """

    def __init__(self, folder: Path, tools: Tools, emulator: str | None = None) -> None:
        self.folder = folder
        self.tools = tools
        self._emulator = emulator
        self._state = folder / "state"
        self._state.mkdir(parents=True, exist_ok=True)
        self._kept = ExitStack()

    def __enter__(self) -> GoogleWorld:
        railway = self._kept.enter_context(LocalServer(railway_app(self.folder / "railway.json")))
        app = google_app(self.folder / "google.json", self._emulator)
        google = self._kept.enter_context(LocalServer(app))
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
