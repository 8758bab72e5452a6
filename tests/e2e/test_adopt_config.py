"""What an adoption writes into the file of a stack, on the real engine: it is deployed, forgotten and adopted
with a file of placeholders. Everything that one did not choose stays, and the secret comes from Google.

The steps run once for the whole file; the tests check their output.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tests.e2e.google_world import STACK, GoogleWorld, Tools

pytestmark = pytest.mark.e2e

ADOPT = [".venv/bin/python", "-m", "ops", "adopt", "--stack", STACK]
PREFIX = "whatsapp-crm:"
KEPT = "europe-west1/hook"
COMPUTE = "100000000001-compute@developer.gserviceaccount.com"
LOG_LEVEL = "a-value-that-nobody-may-see"
CHOICES = {
    "functionServiceAccounts": {KEPT: COMPUTE},
    "volumeSizeGb": 60,
    "restartMaxRetries": 3,
    "backendVariables": {"LOG_LEVEL": LOG_LEVEL},
    "railwayServiceName": "whatsapp",
}
"""What production has, and the stack's file does not say when it is adopted."""
PLACEHOLDERS = {
    "region": "your-functions-region",
    "firestoreLocation": "your-firestore-location",
    "railwayWorkspaceId": "your-railway-workspace-id",
    "railwayServiceName": "your-railway-service",
    "rootDirectory": "your-backend-folder",
    "volumeSizeGb": "your-volume-size",
}


@dataclass
class Seen:
    """The output of each step, the stack's file after the adoption, and the report."""

    done: dict[str, subprocess.CompletedProcess[str]] = field(
        default_factory=dict[str, "subprocess.CompletedProcess[str]"]
    )
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    secret: str = ""
    report: dict[str, Any] = field(default_factory=dict[str, Any])


def edit(file: Path, **values: object) -> None:
    """Set keys of the stack's file; None removes one."""
    document = cast("dict[str, Any]", yaml.safe_load(file.read_text()))
    for key, value in values.items():
        document["config"].pop(PREFIX + key, None)
        if value is not None:
            document["config"][PREFIX + key] = value
    file.write_text(yaml.safe_dump(document))


def read(file: Path) -> dict[str, Any]:
    """The config in the stack's file, without the namespace."""
    config = cast("dict[str, Any]", yaml.safe_load(file.read_text())["config"])
    return {key.removeprefix(PREFIX): value for key, value in config.items()}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Deploy, forget, adopt with `--write-config` and `--secrets-from-google`."""
    folder = tmp_path_factory.mktemp("config")
    tools = Tools(folder / "tools")
    file = tools.program / f"Pulumi.{STACK}.yaml"
    report = folder / "report.json"
    found = Seen()
    init = ["pulumi", "stack", "init", STACK, "--non-interactive"]
    with GoogleWorld(folder / "world", tools) as world:
        secrets = read(file)["secrets"]
        edit(file, **CHOICES)
        found.done["init"] = world.call(command=init)
        found.secret = world.run("config", "get", "--path", "whatsapp-crm:secrets.GROQ_API_KEY").strip()
        found.done["up"] = world.call("up", "--yes", "--skip-preview")
        assert found.done["up"].returncode == 0, found.done["up"].stdout
        project = world.run("stack", "output", "railway_project_id").strip()
        forget = ["pulumi", "stack", "rm", STACK, "--force", "--yes", "--preserve-config"]
        found.done["forget"] = world.call(command=forget)
        assert secrets
        edit(file, **dict.fromkeys(CHOICES), secrets=None)
        edit(file, **PLACEHOLDERS, railwayProjectId=project)
        found.done["init again"] = world.call(command=init)
        found.done["without"] = world.call(command=ADOPT)
        options = ["--write-config", "--secrets-from-google", "--yes", "--report", f"json:{report}"]
        found.done["adopt"] = world.call(command=[*ADOPT, *options])
        assert found.done["adopt"].returncode in (0, 1), found.done["adopt"].stdout
        found.config = read(file)
        found.report = json.loads(report.read_text())
    return found


def test_placeholders_stop_the_command_without_the_option(seen: Seen) -> None:
    for step in ("init", "forget", "init again"):
        assert seen.done[step].returncode == 0, seen.done[step].stdout
    assert seen.done["without"].returncode == 2
    assert "is a placeholder" in seen.done["without"].stdout


def test_the_file_gets_what_production_has(seen: Seen) -> None:
    assert seen.done["adopt"].returncode == 0, seen.done["adopt"].stdout
    config = seen.config
    assert config["region"] == "europe-west1"
    assert config["firestoreLocation"] == "nam5"
    assert config["rootDirectory"] == "backend"
    assert config["railwayServiceName"] == "whatsapp"
    assert float(config["volumeSizeGb"]) == 60
    assert str(config["restartMaxRetries"]) == "3"
    assert config["functionServiceAccounts"] == {KEPT: COMPUTE}
    assert "railwayWorkspaceId" not in config


def test_secret_values_are_encrypted_and_never_shown(seen: Seen) -> None:
    assert list(seen.config["secrets"]["GROQ_API_KEY"]) == ["secure"]
    assert list(seen.config["backendVariables"]["LOG_LEVEL"]) == ["secure"]
    for value in (seen.secret, LOG_LEVEL):
        assert value not in seen.done["adopt"].stdout + json.dumps([seen.config, seen.report])


def test_the_report_has_the_accounts(seen: Seen) -> None:
    accounts = {one["new"]: one for one in seen.report["accounts"]}
    assert accounts[COMPUTE]["functions"] == [KEPT]
    assert accounts[COMPUTE]["old"] == COMPUTE
    backend = accounts["crm-backend@crm-sandbox.iam.gserviceaccount.com"]
    assert backend["old"] == backend["new"]
    assert "roles/datastore.user" in backend["newRoles"]
