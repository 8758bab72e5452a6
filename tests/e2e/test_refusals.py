"""Bad settings, as a person meets them: `pulumi preview` and `pulumi up` on the real engine.

Every row of the table is tested on its own in the unit layer; these are the ones that people will meet, shown
to end in one clear error, without a traceback, before anything is changed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from sandbox import stack_state
from sandbox.supervisor import Sandbox
from tests import bad_settings
from tests.conformance.railway_world import MANUAL_HEADERS, WORKSPACE
from tests.e2e.stack import SETTINGS, Stack

pytestmark = pytest.mark.e2e

MET = (
    "feature branch in production",
    "branch with a space",
    "two replicas",
    "0 GB",
    "size beyond the plan",
    "relative mount path",
    "mount path is the root",
    "placeholder project",
    "no project",
    "odd region",
    "odd database location",
    "odd Railway region",
    "repo is an address",
    "no workspace",
    "both Railway tokens",
    "no Railway token",
    "project token without its project",
    "token over plain HTTP",
    "address of Railway in the stack's file",
    "token of two lines for Google",
    "mistyped key",
    "long service name",
    "address for a domain",
    "unknown backup",
    "CPUs with a unit",
    "broken firebase.json",
    "no firebase.json",
    "rules file missing",
    "functions folder missing",
    "broken index file",
    "runtime that has ended",
    "secret declared but not configured",
    "rules that let members delete clients",
    "rules that do not compile",
)
ROWS = {bad.name: bad for bad in bad_settings.ALL}
NODE_MODULES = bad_settings.EXAMPLE_APP / "functions/node_modules"


def settings_file(bad: bad_settings.Bad, app: Path, folder: Path) -> Path:
    """The sandbox's settings with the row's changes; a secret that the row leaves stays encrypted."""
    document: dict[str, Any] = yaml.safe_load(SETTINGS.read_text())
    config = document["config"]
    config["whatsapp-crm:appDir"] = str(app)
    for key, value in bad.config.items():
        name = key if ":" in key else f"whatsapp-crm:{key}"
        if key == "secrets":
            assert isinstance(value, dict)
            config[name] = {secret: config[name][secret] for secret in value}
        elif value is None:
            config.pop(name)
        else:
            config[name] = value
    written = folder / f"Pulumi.{bad.stack}.yaml"
    written.write_text(yaml.safe_dump(document))
    return written


def preview(sandbox: Sandbox, bad: bad_settings.Bad, tmp_path: Path, *command: str) -> str:
    """Pulumi's output for the row; fails unless it refuses without having changed anything."""
    app = bad_settings.copy_app(tmp_path / "app", NODE_MODULES)
    bad_settings.change_app(bad, app)
    written = settings_file(bad, app, tmp_path)
    # Made from a folder of its own: making a stack writes into the settings file of the folder.
    elsewhere = tmp_path / "project"
    elsewhere.mkdir()
    (elsewhere / "Pulumi.yaml").write_text("name: whatsapp-crm\nruntime: python\n")
    sandbox.ensure_stack(bad.stack, cwd=elsewhere)
    running = sandbox.running()
    assert running is not None
    stack_state.reset_counts(running)
    done = sandbox.pulumi(
        *command,
        "--stack",
        bad.stack,
        "--config-file",
        str(written),
        "--non-interactive",
        "--color",
        "never",
        extra_environment={name: value or "" for name, value in bad.environ.items()},
    )
    assert done.returncode != 0, done.stdout
    assert stack_state.counts(running.railway_url).requests == 0
    sent = stack_state.counts(running.google_url).operations
    assert not [name for name in sent if not name.startswith("GET") and not name.endswith(".test")]
    return done.stdout


@pytest.mark.parametrize("name", MET)
def test_a_bad_setting_is_one_clear_error_before_any_change(
    sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    bad = ROWS[name]
    said = preview(sandbox, bad, tmp_path, "preview")
    count = "[0-9]+ problems?" if bad.remote else "1 problem"  # a compiler counts its own errors
    assert re.search(f"error: {count} in the settings or the app", said)
    assert bad.key in said
    assert bad.fix in said
    assert "Traceback" not in said
    assert "unhandled error" not in said, "the language host adds it unless the exit code is 32"


def test_up_refuses_what_preview_refuses(sandbox: Sandbox, tmp_path: Path) -> None:
    said = preview(sandbox, ROWS["two replicas"], tmp_path, "up", "--yes", "--skip-preview")
    assert ROWS["two replicas"].fix in said


def test_all_errors_are_reported_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    bad = bad_settings.Bad(
        name="three at once",
        key="whatsapp-crm:replicas",
        fix="pulumi config set whatsapp-crm:replicas 1",
        config={"replicas": "2", "volumeSizeGb": "0"},
        files={"firebase.json": "{"},
    )
    said = preview(sandbox, bad, tmp_path, "preview")
    assert "3 problems in the settings or the app" in said
    for key in ("whatsapp-crm:replicas", "whatsapp-crm:volumeSizeGb", "firebase.json"):
        assert key in said


@pytest.mark.parametrize("command", [["preview"], ["up", "--yes", "--skip-preview"]], ids=["preview", "up"])
def test_a_foreign_railway_project_of_that_name_is_an_error_before_any_change(
    stack: Stack, command: list[str]
) -> None:
    railway = stack.running.railway_url
    name = yaml.safe_load(stack.settings.read_text())["config"].get(
        "whatsapp-crm:railwayProject", "whatsapp-crm"
    )
    foreign = requests.post(
        f"{railway}/graphql/v2?manual=1",
        json={
            "query": "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) { id } }",
            "variables": {"i": {"name": name, "workspaceId": WORKSPACE}},
        },
        headers=MANUAL_HEADERS,
        timeout=30,
    ).json()["data"]["projectCreate"]["id"]
    before = stack_state.get_admin(railway, "/admin/state")
    done, asked, google = stack.counted(lambda: stack.pulumi(*command))
    assert done.returncode != 0
    assert (
        f"already has a Railway project named {name} that this stack did not create: {foreign}" in done.stdout
    )
    assert f"pulumi config set whatsapp-crm:railwayProjectId {foreign}" in done.stdout
    assert stack_state.get_admin(railway, "/admin/state") == before
    assert set(asked.operations) == {"ProjectsFind"}
    assert not [
        name for name in google.operations if not name.startswith("GET") and not name.endswith(".test")
    ]
