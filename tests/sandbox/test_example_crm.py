"""The example CRM as a checkout: its files load, its functions are the expected ones, its own tests pass."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.firestore import FirestoreEmulator
from tests.sandbox.crm_parts import BACKEND, EXAMPLE, FUNCTIONS, ROOT, installed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sandbox

SOURCES = sorted(
    path
    for folder in (FUNCTIONS, BACKEND)
    for path in folder.rglob("*.js")
    if "node_modules" not in path.parts
)


def discovered(tmp_path: Path, environ: dict[str, str] | None = None) -> dict[str, Any]:
    """The manifest that the official SDK generates from the codebase."""
    manifest = tmp_path / "functions.yaml"
    subprocess.run(
        [installed(FUNCTIONS) / "node_modules" / ".bin" / "firebase-functions", "."],
        cwd=FUNCTIONS,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "GCLOUD_PROJECT": "crm-sandbox",
            "FIREBASE_CONFIG": json.dumps({"projectId": "crm-sandbox"}),
            "FUNCTIONS_CONTROL_API": "true",
            "FUNCTIONS_MANIFEST_OUTPUT_PATH": str(manifest),
            **(environ or {}),
        },
        check=True,
        capture_output=True,
        timeout=120,
    )
    return json.loads(manifest.read_text())


def trigger(endpoint: dict[str, Any]) -> tuple[str, Any]:
    """Return an endpoint's kind and the relevant part of it."""
    (kind,) = (key for key in endpoint if key.endswith("Trigger"))
    body = endpoint[kind]
    match kind:
        case "httpsTrigger":
            return kind, body["invoker"]
        case "eventTrigger":
            return kind, [body["eventType"], body["eventFilterPathPatterns"], body["retry"]]
        case "scheduleTrigger":
            return kind, [body["schedule"], body["timeZone"]]
        case _:
            return kind, body


def test_the_official_sdk_discovers_the_functions(tmp_path: Path) -> None:
    manifest = discovered(tmp_path)
    url, admins, key = "RAILWAY_WHATSAPP_URL", "ADMIN_EMAILS", "GROQ_API_KEY"
    found = {
        name: (
            *trigger(endpoint),
            [secret["key"] for secret in endpoint.get("secretEnvironmentVariables", [])],
        )
        for name, endpoint in manifest["endpoints"].items()
    }
    assert found == {
        "whatsappProxySend": ("httpsTrigger", ["public"], [url]),
        "whatsappProxyGetAccounts": ("httpsTrigger", ["public"], [url]),
        "whatsappProxyDeleteAccount": ("httpsTrigger", ["public"], [url, admins]),
        "processOutboxNow": ("httpsTrigger", ["private"], []),
        "askAboutClient": ("callableTrigger", {}, [key]),
        "extractEventFromThread": ("callableTrigger", {}, [key]),
        "setMember": ("callableTrigger", {}, [admins]),
        "aggregateClientStats": (
            "eventTrigger",
            ["google.cloud.firestore.document.v1.written", {"document": "evenimente/{eventId}"}, True],
            [],
        ),
        "processFollowUps": ("scheduleTrigger", ["every 1 hours", "Europe/Bucharest"], []),
    }
    assert {tuple(endpoint["region"]) for endpoint in manifest["endpoints"].values()} == {("europe-west1",)}
    assert manifest["endpoints"]["whatsappProxySend"]["minInstances"] == "{{ params.PROXY_MIN_INSTANCES }}"
    params = {param["name"]: param.get("default", param["type"]) for param in manifest["params"]}
    assert params == {
        url: "secret",
        admins: "secret",
        key: "secret",
        "AI_PROVIDER": "groq",
        "AI_BASE_URL": "https://api.groq.com/openai/v1",
        "AI_MODEL": "llama-3.3-70b-versatile",
        "PROXY_MIN_INSTANCES": 0,
        "FOLLOW_UP_BATCH": 200,
    }


def test_the_ai_provider_selects_its_key(tmp_path: Path) -> None:
    manifest = discovered(tmp_path, {"AI_PROVIDER": "openai"})
    secrets = [param["name"] for param in manifest["params"] if param["type"] == "secret"]
    assert secrets == ["RAILWAY_WHATSAPP_URL", "ADMIN_EMAILS", "OPENAI_API_KEY"]
    with pytest.raises(subprocess.CalledProcessError) as caught:
        discovered(tmp_path, {"AI_PROVIDER": "oracle"})
    assert b"must be one of: groq, openai" in caught.value.stderr + caught.value.stdout


@pytest.mark.parametrize("folder", [FUNCTIONS, BACKEND], ids=lambda folder: folder.name)
def test_the_examples_own_tests_pass(folder: Path) -> None:
    run = subprocess.run(
        ["npm", "test", "--silent"],
        cwd=installed(folder),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    ran = re.search(r"^\S+ pass (\d+)$", run.stdout, re.MULTILINE)
    assert ran, run.stdout
    assert int(ran[1]) > 10


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(EXAMPLE)))
def test_every_source_file_parses(path: Path) -> None:
    run = subprocess.run(["node", "--check", path], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("folder", [FUNCTIONS, BACKEND], ids=lambda folder: folder.name)
def test_the_lock_file_names_no_registry(folder: Path) -> None:
    """So that `npm ci` uses the registry that the machine is configured for."""
    lock = json.loads((folder / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 50
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not entry.get("integrity")] == []
    assert "://" not in (folder / ".npmrc").read_text()


def test_firebase_json_leads_to_files_that_compile() -> None:
    config = json.loads((EXAMPLE / "firebase.json").read_text())
    assert [ROOT / EXAMPLE / entry["source"] for entry in config["functions"]] == [FUNCTIONS]
    rules = (EXAMPLE / config["firestore"]["rules"]).read_text()
    with FirestoreEmulator() as emulator:
        assert emulator.load_rules("compile-only", rules) == []
    indexes = json.loads((EXAMPLE / config["firestore"]["indexes"]).read_text())
    composite = [json.dumps(index, sort_keys=True) for index in indexes["indexes"]]
    assert len(composite) == len(set(composite)) == 11
    assert all(len(index["fields"]) > 1 for index in indexes["indexes"])
    overrides = {(field["collectionGroup"], field["fieldPath"]) for field in indexes["fieldOverrides"]}
    assert overrides == {("messages", "tsClient"), ("notifications", "expiresAt"), ("outbox", "expiresAt")}
