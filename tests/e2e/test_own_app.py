"""An app of the user's on the sandbox: it gets a stack and a settings file of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest
import requests
import yaml

from sandbox import stack_state
from sandbox.supervisor import APP_STACK, PROJECT, STACK, Sandbox
from tests.e2e.backend_only import make_app

pytestmark = pytest.mark.e2e

EXAMPLE_SETTINGS = PROJECT / f"Pulumi.{STACK}.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with the files that the settings of a stack depend on."""
    folder = tmp_path_factory.mktemp("project")
    for path in (PROJECT / "Pulumi.yaml", EXAMPLE_SETTINGS):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_app(tmp_path_factory.mktemp("app") / "crm")


def config(project: Path) -> dict[str, Any]:
    document = cast("dict[str, Any]", yaml.safe_load((project / f"Pulumi.{APP_STACK}.yaml").read_text()))
    return document["config"]


def test_the_settings_are_the_examples_with_another_app(sandbox: Sandbox, project: Path, app: Path) -> None:
    assert sandbox.ensure_app_stack(app, project=project) == APP_STACK
    example = cast("dict[str, Any]", yaml.safe_load(EXAMPLE_SETTINGS.read_text()))["config"]
    assert config(project) == {**example, "whatsapp-crm:appDir": str(app)}


def test_the_tracked_settings_stay_as_they_are(sandbox: Sandbox, project: Path, app: Path) -> None:
    sandbox.ensure_app_stack(app, project=project)
    assert (project / EXAMPLE_SETTINGS.name).read_bytes() == EXAMPLE_SETTINGS.read_bytes()


def test_changed_settings_are_kept_when_the_app_is_named_again(
    sandbox: Sandbox, project: Path, app: Path, tmp_path: Path
) -> None:
    sandbox.ensure_app_stack(app, project=project)
    set_region = ("config", "set", "whatsapp-crm:region", "europe-west3", "--stack", APP_STACK)
    assert sandbox.pulumi(*set_region, cwd=project).returncode == 0
    other = make_app(tmp_path / "other")
    sandbox.ensure_app_stack(other, project=project)
    assert config(project)["whatsapp-crm:region"] == "europe-west3"
    assert config(project)["whatsapp-crm:appDir"] == str(other)


def test_the_sandboxs_database_is_where_the_settings_expect_it(
    sandbox: Sandbox, project: Path, app: Path
) -> None:
    running = sandbox.running()
    assert running is not None
    database = f"{running.google_url}/firestore/v1/projects/crm-sandbox/databases/(default)"
    for location in ("eur3", "nam5"):
        sandbox.ensure_app_stack(app, project=project)
        settings = ("config", "set", "whatsapp-crm:firestoreLocation", location, "--stack", APP_STACK)
        assert sandbox.pulumi(*settings, cwd=project).returncode == 0
        sandbox.ensure_app_stack(app, project=project)
        found = requests.get(database, headers={"Authorization": "Bearer owner"}, timeout=30).json()
        assert found["locationId"] == location


def test_the_app_is_deployed_and_its_drift_is_found(sandbox: Sandbox, project: Path, app: Path) -> None:
    """The app has rules only, so the edits of functions are left out."""
    sandbox.ensure_app_stack(app, project=project)
    on_stack = ("--stack", APP_STACK, "--config-file", str(project / f"Pulumi.{APP_STACK}.yaml"))
    up = sandbox.pulumi("up", "--yes", "--skip-preview", *on_stack)
    assert up.returncode == 0, up.stdout
    running = sandbox.running()
    assert running is not None
    edits = stack_state.example_edits(running, stack_state.resources(sandbox, APP_STACK))
    assert len(edits) == 3
    for edit in edits:
        edit.apply()
    drift = sandbox.pulumi("preview", "--refresh", "--run-program", "--expect-no-changes", *on_stack)
    assert drift.returncode == 7, drift.stdout
