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
    "volumeSizeGb": 10,
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
    """The output of each step, the stack's file after the adoption, and the preview's operations."""

    done: dict[str, subprocess.CompletedProcess[str]] = field(
        default_factory=dict[str, "subprocess.CompletedProcess[str]"]
    )
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    secret: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
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
    """Deploy, forget, adopt with `--write-config` and `--secrets-from-google`, and preview."""
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
        found.config = read(file)
        found.report = json.loads(report.read_text())
        found.done["preview"] = world.call("preview", "--json", "--show-sames")
        document = json.JSONDecoder().raw_decode(found.done["preview"].stdout.lstrip())[0]
        found.steps = cast("list[dict[str, Any]]", document["steps"])
    return found


def operations(seen: Seen, type_: str) -> dict[str, str]:
    """The operation on each resource of a type in the preview after the adoption."""
    return {
        step["urn"].rpartition("::")[2]: step["op"]
        for step in seen.steps
        if step["urn"].rpartition("::")[0].endswith(type_)
    }


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
    assert float(config["volumeSizeGb"]) == 10
    assert str(config["restartMaxRetries"]) == "3"
    assert config["functionServiceAccounts"] == {KEPT: COMPUTE}
    assert "railwayWorkspaceId" not in config


def test_secret_values_are_encrypted_and_never_shown(seen: Seen) -> None:
    assert list(seen.config["secrets"]["GROQ_API_KEY"]) == ["secure"]
    assert list(seen.config["backendVariables"]["LOG_LEVEL"]) == ["secure"]
    for value in (seen.secret, LOG_LEVEL):
        assert value not in seen.done["adopt"].stdout + json.dumps([seen.config, seen.report])


def test_a_first_adoption_changes_nothing_that_was_not_chosen(seen: Seen) -> None:
    assert seen.done["preview"].returncode == 0, seen.done["preview"].stdout
    functions = [step for step in seen.steps if "::functions-europe-west1-" in step["urn"]]
    functions = [step for step in functions if "function:Function::" in step["urn"]]
    assert len(functions) == 4
    # An import records Google's copy of the source, so each may be built from the same source again.
    changed = {path for step in functions for path in step.get("detailedDiff") or {}}
    assert all(path.startswith("buildConfig.source") for path in changed), changed
    versions = operations(seen, "gcp:secretmanager/secretVersion:SecretVersion")
    assert "same" in versions.values(), versions
    for kind in ("Service", "Volume", "ServiceSettings", "ServiceDomain"):
        assert set(operations(seen, f"dynamic/railway:{kind}").values()) == {"same"}, kind
    assert {step["op"] for step in seen.steps} <= {"same", "create", "update", "read"}


def test_the_report_has_the_accounts(seen: Seen) -> None:
    accounts = {one["new"]: one for one in seen.report["accounts"]}
    assert accounts[COMPUTE]["functions"] == [KEPT]
    assert accounts[COMPUTE]["old"] == COMPUTE
    backend = accounts["crm-backend@crm-sandbox.iam.gserviceaccount.com"]
    assert backend["old"] == backend["new"]
    assert "roles/datastore.user" in backend["newRoles"]
