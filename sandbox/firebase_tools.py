"""Google's own deployment tool, firebase-tools, on the sandbox: what `make bench` compares the program with.

`make peers` installs it. It takes the address of each API from an environment variable (its `src/api.ts`).
To an address without TLS it sends the token of its emulators, so it needs no login.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import requests

from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.manual_edits import SECONDS
from sandbox.supervisor import PROJECT, SandboxError

COMMAND = PROJECT / "sandbox" / "peers" / "node_modules" / ".bin" / "firebase"
FIX = "make peers"

APIS = (
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "eventarc",
    "firebaserules",
    "firestore",
    "iam",
    "pubsub",
    "run",
    "runtimeconfig",
    "secretmanager",
    "storage",
)
# Variable of firebase-tools -> path of that product on the Google sandbox.
ENDPOINTS = {
    "ARTIFACT_REGISTRY_DOMAIN": "/artifactregistry",
    "CLOUD_RUN_API_URL": "/run",
    "CLOUD_RUN_URL": "/run",
    "CLOUD_SECRET_MANAGER_URL": "/secretmanager",
    "COMPUTE_URL": "",
    "EVENTARC_URL": "/eventarc",
    "FIREBASE_API_URL": "/firebase",
    "FIREBASE_CLOUDBILLING_URL": "/cloudbilling",
    "FIREBASE_CLOUDSCHEDULER_URL": "/cloudscheduler",
    "FIREBASE_CLOUD_TAKS_URL": "/cloudtasks",
    "FIREBASE_FUNCTIONS_URL": "/cloudfunctions",
    "FIREBASE_FUNCTIONS_V2_URL": "/cloudfunctions",
    "FIREBASE_IAM_URL": "/iam",
    "FIREBASE_PUBSUB_URL": "/pubsub",
    "FIREBASE_RESOURCEMANAGER_URL": "/crm",
    "FIREBASE_RULES_URL": "/firebaserules",
    "FIREBASE_RUNTIMECONFIG_URL": "/runtimeconfig",
    "FIREBASE_SERVICE_USAGE_URL": "/serviceusage",
    "FIREBASE_STORAGE_URL": "/storage",
    "FIRESTORE_URL": "/firestore",
}
# Requests to anything else fail at once instead of leaving the machine.
ELSEWHERE = (
    "CLOUD_MONITORING_URL",
    "FIREBASE_AUTHPROXY_URL",
    "FIREBASE_AUTH_MANAGEMENT_URL",
    "FIREBASE_AUTH_URL",
    "FIREBASE_CLOUDBUILD_URL",
    "FIREBASE_EXT_URL",
    "FIREBASE_GOOGLE_URL",
    "FIREBASE_IDENTITY_URL",
    "FIREBASE_REALTIME_URL",
    "FIREBASE_TOKEN_URL",
)


def is_installed() -> bool:
    """Whether `make peers` was run."""
    return COMMAND.exists()


def variables(google_url: str, home: Path) -> dict[str, str]:
    """Return the environment in which firebase-tools uses a running sandbox, and nothing of this user's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CI": "true",
        "NO_UPDATE_NOTIFIER": "1",
        "FIREBASE_TOKEN": "sandbox",
        **{name: google_url + path for name, path in ENDPOINTS.items()},
        **dict.fromkeys(ELSEWHERE, google_url),
    }


def prepare_project(google_url: str, secrets: Sequence[str]) -> None:
    """Enable the APIs and create the secrets.

    firebase-tools creates no secret, and waits 10 s for APIs that it enables.
    """
    project = f"projects/{GOOGLE_PROJECT}"
    names = [f"{api}.googleapis.com" for api in APIS]
    _post(google_url, f"serviceusage/v1/{project}/services:batchEnable", {"serviceIds": names})
    base = f"secretmanager/v1/{project}/secrets"
    for secret in secrets:
        _post(google_url, f"{base}?secretId={secret}", {"replication": {"automatic": {}}})
        _post(google_url, f"{base}/{secret}:addVersion", {"payload": {"data": "eA=="}})


def _post(google_url: str, path: str, body: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {GOOGLE_TOKEN}"}
    requests.post(f"{google_url}/{path}", json=body, headers=headers, timeout=SECONDS).raise_for_status()


def deploy(google_url: str, app: Path, home: Path) -> None:
    """Deploy rules, indexes and functions of an app.

    Raises:
        SandboxError: it failed; the message has its output.
    """
    _run(google_url, app, home, "deploy", "--only", "firestore,functions", "--force")


def functions(google_url: str, app: Path, home: Path) -> list[str]:
    """Return the names of the functions that `firebase functions:list` shows.

    Raises:
        SandboxError: it failed; the message has its output.
    """
    listed = json.loads(_run(google_url, app, home, "functions:list", "--json"))
    return [str(one["id"]) for one in listed["result"]]


def _run(google_url: str, app: Path, home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(COMMAND), *arguments, "--project", GOOGLE_PROJECT, "--non-interactive"],
        cwd=app,
        env=variables(google_url, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SandboxError(f"firebase-tools failed with exit code {done.returncode}:\n{done.stdout}")
    return done.stdout
