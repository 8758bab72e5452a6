"""A production that firebase-tools deployed: `examples/crm` on a Google sandbox, and the program for it.

`make peers` installs firebase-tools. Where it is not installed, the recorded state of its deployment is used
(`recorded_firebase_deployment.json`, the journal of the Google sandbox); where it is, the tests compare the
recording with the deployment. `RECORD_FIREBASE_DEPLOYMENT=1` writes it.
"""

from __future__ import annotations

import base64
import difflib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
import requests
import yaml

from sandbox import firebase_tools
from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.supervisor import PROJECT
from tests import bad_settings
from tests.e2e.google_world import SECONDS, STACK, GoogleWorld, Tools

RECORDING = Path(__file__).with_name("recorded_firebase_deployment.json")
WRITE = "RECORD_FIREBASE_DEPLOYMENT"
NODE_MODULES = bad_settings.EXAMPLE_APP / "functions" / "node_modules"
SECRET_NAMES = ("ADMIN_EMAILS", "GROQ_API_KEY", "RAILWAY_WHATSAPP_URL")
PARAMS = """\
AI_PROVIDER=groq
AI_BASE_URL=https://api.groq.com/openai/v1
AI_MODEL=llama-3.3-70b-versatile
PROXY_MIN_INSTANCES=0
FOLLOW_UP_BATCH=200
"""
"""The defaults of the code: without a terminal, firebase-tools takes none."""
HIDDEN = ("counters", "operations", "sandbox", "storage/data")
CHOSEN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{8,}|CICAg[0-9a-f]+|20\d\d-\d\d-\d\dT[0-9:.]+Z|\b\d{13,}\b"
    r'|[A-Za-z0-9+/]{22}==|(?<=")[A-Za-z0-9+/]{6}==|Bw[A-Za-z0-9+/]+='
    r'|(?<="size": ")\d+|(?<=127\.0\.0\.1:)\d+'
)
"""Ids, times, ports, etags, hashes and sizes of archives, which differ from run to run."""

needs_firebase_tools = pytest.mark.skipif(
    not firebase_tools.is_installed() and not os.environ.get("CI"),
    reason="firebase-tools is not installed (make peers)",
)
"""In CI, the test runs and fails without firebase-tools."""


def write_program(folder: Path) -> Tools:
    """The program with the example app, in folders of their own."""
    tools = Tools(folder / "tools")
    app = bad_settings.copy_app(folder / "crm", NODE_MODULES.resolve())
    (app / "functions" / ".env").write_text(PARAMS)
    settings = cast("dict[str, Any]", yaml.safe_load((PROJECT / "Pulumi.sandbox.yaml").read_text()))
    settings["config"]["whatsapp-crm:appDir"] = str(app)
    (tools.program / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(settings))
    return tools


def prepare(state: Path) -> None:
    """Put the recorded deployment in place, unless firebase-tools will make one."""
    state.mkdir()
    if firebase_tools.is_installed():
        return
    recorded = json.loads(RECORDING.read_text())
    for name, lines in recorded.items():
        (state / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def deploy(world: GoogleWorld, app: Path, home: Path) -> None:
    """Deploy the app with firebase-tools, which creates no secret; then compare the recording."""
    home.mkdir()
    firebase_tools.prepare_project(world.google_url, SECRET_NAMES)
    firebase_tools.deploy(world.google_url, app, home)
    world.google("state")  # completes and writes what is due
    files = (world.folder / "google.json", world.folder / "google.json.secrets")
    journals = {file.name: _last_values(file) for file in files}
    if os.environ.get(WRITE):
        RECORDING.write_text(json.dumps(journals, separators=(",", ":")) + "\n")
    recorded, deployed = (_final(one["google.json"]) for one in (json.loads(RECORDING.read_text()), journals))
    differences = [line for line in difflib.ndiff(recorded, deployed) if not line.startswith("  ")]
    assert not differences, "\n".join(
        [f"firebase-tools deploys something else than what was recorded ({WRITE}=1):", *differences]
    )


def _last_values(journal: Path) -> list[list[Any]]:
    """The values with which a journal ends, without the content of archives and finished operations."""
    found: dict[tuple[str, str], Any] = {}
    for line in journal.read_text().splitlines():
        collection, name, value = json.loads(line)
        found.pop((collection, name), None)
        if value is not None and collection not in ("storage/data", "operations"):
            found[collection, name] = value
    return [[*key, value] for key, value in found.items()]


def _final(lines: list[list[Any]]) -> list[str]:
    """What a journal ends with, without what a server chose: several objects of a collection may then have
    the same name.
    """
    return sorted(
        f"{_plain(str(collection))} {_plain(str(name))} {_plain(json.dumps(value, sort_keys=True))}"
        for collection, name, value in lines
        if not str(collection).startswith(HIDDEN)
    )


def _plain(text: str) -> str:
    return CHOSEN.sub("#", text)


def set_secrets(world: GoogleWorld, backend_url: str) -> list[str]:
    """Give each secret the value of the stack's config, and that of the backend's address its address."""
    names = ("ADMIN_EMAILS", "GROQ_API_KEY")
    found = {
        name: world.run("config", "get", "--path", f"whatsapp-crm:secrets.{name}").strip() for name in names
    }
    for name, value in {**found, "RAILWAY_WHATSAPP_URL": backend_url}.items():
        _add_version(world, name, value)
    return [*found.values()]


def _add_version(world: GoogleWorld, secret: str, value: str) -> None:
    """Add a version to a secret, as `firebase functions:secrets:set` does."""
    body = {"payload": {"data": base64.b64encode(value.encode()).decode()}}
    google(world, "POST", f"secretmanager/v1/projects/{GOOGLE_PROJECT}/secrets/{secret}:addVersion", body)


def deploy_as_colleague(world: GoogleWorld, folder: Path) -> None:
    """Deploy other rules and the same functions with firebase-tools, or make the same changes where it is
    not installed.

    The code is that of its last deployment: firebase-tools skips functions whose label has the hash of it.
    """
    app = shutil.copytree(folder / "crm", folder / "colleague", symlinks=True)
    rules = app / "firestore.rules"
    rules.write_text(rules.read_text() + "// a colleague's rules\n")
    if firebase_tools.is_installed():
        firebase_tools.deploy(world.google_url, app, folder / "home")
        return
    release_rules(world, rules.read_text())
    base = f"projects/{GOOGLE_PROJECT}/locations/europe-west1/functions"
    for function in google(world, "GET", f"cloudfunctions/v2/{base}")["functions"]:
        labels = {**function["labels"], "deployment-tool": "cli-firebase"}
        google(world, "PATCH", f"cloudfunctions/v2/{function['name']}?updateMask=labels", {"labels": labels})


def release_rules(world: GoogleWorld, text: str) -> None:
    """Publish rules, as the Firebase console does."""
    base = f"projects/{GOOGLE_PROJECT}"
    files = {"files": [{"name": "firestore.rules", "content": text}]}
    ruleset = google(world, "POST", f"firebaserules/v1/{base}/rulesets", {"source": files})["name"]
    release = {"name": f"{base}/releases/cloud.firestore", "rulesetName": ruleset}
    google(world, "PATCH", f"firebaserules/v1/{release['name']}", {"release": release})


def google(world: GoogleWorld, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Call an API of Google."""
    headers = {"Authorization": f"Bearer {GOOGLE_TOKEN}"}
    url = f"{world.google_url}/{path}"
    response = requests.request(method, url, json=body, headers=headers, timeout=SECONDS)
    response.raise_for_status()
    return response.json()


def objects(world: GoogleWorld) -> dict[str, dict[str, Any]]:
    """What the project has, by collection and name."""
    state = cast("dict[str, dict[str, Any]]", world.google("state"))
    return {name: content for name, content in state.items() if not name.startswith(HIDDEN)}
