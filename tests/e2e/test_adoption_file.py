"""A running production whose service uses a Railway file is adopted on the real engine: the settings of the
file are applied, and the preview's advice for the day when Railway ignores the file works.

The steps run once for the whole test file; the tests check their output and counts.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox import manual_edits, stack_state
from sandbox.supervisor import STACK, Sandbox
from tests.e2e.backend_only import make_app, one, put, rows
from tests.e2e.stack import DRIFT, Done, Stack, Steps
from tests.e2e.test_adoption import production

pytestmark = pytest.mark.e2e

FILE = "/deploy/production.json"
SAYS: dict[str, Any] = {
    "$schema": "https://railway.com/railway.schema.json",
    "build": {"buildCommand": "npm run build", "watchPatterns": ["backend/**", "package.json"]},
    "deploy": {
        "healthcheckPath": "/alive",
        "healthcheckTimeout": 120,
        "restartPolicyMaxRetries": 3,
        "preDeployCommand": ["npm run migrate"],
        "sleepApplication": False,
    },
}
COMMANDS = [
    "pulumi config set whatsapp-crm:buildCommand 'npm run build'",
    "pulumi config set whatsapp-crm:healthPath /alive",
    "pulumi config set whatsapp-crm:healthTimeout 120",
    "pulumi config set whatsapp-crm:preDeployCommand 'npm run migrate'",
    "pulumi config set whatsapp-crm:restartMaxRetries 3",
    "pulumi config set whatsapp-crm:sleepApplication false",
    "pulumi config set --path --type string 'whatsapp-crm:watchPatterns[0]' 'backend/**'",
    "pulumi config set --path --type string 'whatsapp-crm:watchPatterns[1]' package.json",
    "pulumi config rm whatsapp-crm:railwayConfigFile",
]
UPDATE = """
mutation($e: String!, $s: String!, $i: ServiceInstanceUpdateInput!) {
  serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: $i)
}
"""


@dataclass
class Lifecycle(Steps):
    """The steps, and the service's instance on Railway after each."""

    ids: dict[str, str] = field(default_factory=dict[str, str])
    instance: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    found: list[stack_state.Resource] = field(default_factory=list[stack_state.Resource])
    files: dict[str, Any] = field(default_factory=dict[str, Any])

    def step(self, name: str, *arguments: str, **extra: str) -> Done:
        """Run a command, and read the instance."""
        done = super().step(name, *arguments, **extra)
        self.instance[name] = one(self.stack, "instances")
        return done


def advised(said: str) -> list[str]:
    """The commands of the warning about the file, as a person copies them."""
    lines = (line.strip() for line in said.partition("to keep its values:")[2].splitlines())
    return list(dict.fromkeys(line for line in lines if line.startswith("pulumi config ")))


def follow_file(stack: Stack, ids: dict[str, str]) -> None:
    """Set the path of the file in the dashboard, as was possible when the service was created."""
    url = stack.running.railway_url
    place = {"e": one(stack, "environments")["id"], "s": ids["Service"]}
    stack_state.post_admin(url, "/admin/switches", {"railway_config_file_allowed": True})
    manual_edits.Dashboard(stack.running, "", "", "").call(
        UPDATE, {**place, "i": {"railwayConfigFile": FILE}}
    )
    stack_state.post_admin(url, "/admin/switches", {"railway_config_file_allowed": False})


@pytest.fixture(scope="module")
def lifecycle(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Lifecycle:
    """Run all steps on one stack, in order."""
    seen = Lifecycle(stack)
    step = seen.step
    app = make_app(tmp_path_factory.mktemp("app") / "crm")
    file = app / FILE.removeprefix("/")
    file.parent.mkdir()
    file.write_text(json.dumps(SAYS))
    seen.ids = production(stack.running)
    follow_file(stack, seen.ids)
    put(stack, appDir=str(app), railwayProjectId=seen.ids["Project"])

    step("unaware", "preview")
    put(stack, railwayConfigFile=FILE)
    step("preview", "preview")
    step("up", "up", "--yes", "--skip-preview")
    step("drift", *DRIFT)
    # What is advised for the day when Railway ignores the file.
    file.unlink()
    for command in advised(seen.done["preview"].stdout):
        done = stack.pulumi(*shlex.split(command)[1:])
        assert done.returncode == 0, done.stdout
    step("without the file", "up", "--yes", "--skip-preview")
    step("without the file, again", *DRIFT)
    seen.found = stack_state.resources(sandbox, STACK)
    path = f"/admin/volumes/{seen.ids['Volume']}/files"
    seen.files = json.loads(stack_state.get_admin(stack.running.railway_url, path))
    return seen


def test_a_file_that_the_config_does_not_name_is_pointed_at(lifecycle: Lifecycle) -> None:
    said = lifecycle.done["unaware"].stdout
    assert f'changes settings.railway_config_file: "{FILE}" -> null' in said
    assert f"warning: the service uses the file {FILE} of its repository, and will no longer" in said
    assert f"pulumi config set whatsapp-crm:railwayConfigFile {FILE}" in said


def test_the_preview_proposes_the_values_of_the_file(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["preview"]
    assert done.returncode == 0, done.stdout
    assert "deploy/production.json: Railway ignores this file from 2026-12-01." in done.stdout
    assert advised(done.stdout) == COMMANDS
    assert 'changes settings.build_command: null -> "npm run build"' in done.stdout
    assert 'changes settings.pre_deploy_command: null -> ["npm run migrate"]' in done.stdout
    assert "settings.healthcheck_path" not in done.stdout  # is what it is already
    assert "the service uses the file" not in done.stdout


@pytest.mark.parametrize("step", ["up", "without the file"])
def test_its_settings_are_the_services_and_it_is_deployed_once(lifecycle: Lifecycle, step: str) -> None:
    assert lifecycle.done[step].returncode == 0, lifecycle.done[step].stdout
    assert lifecycle.railway[step].deployments == 1
    instance = lifecycle.instance[step]
    assert instance["build_command"] == "npm run build"
    assert instance["watch_patterns"] == ["backend/**", "package.json"]
    assert instance["healthcheck_path"] == "/alive"
    assert instance["healthcheck_timeout"] == 120
    assert instance["restart_policy_max_retries"] == 3
    assert instance["pre_deploy_command"] == ["npm run migrate"]


@pytest.mark.parametrize("step", ["drift", "without the file, again"])
def test_the_next_preview_has_no_changes(lifecycle: Lifecycle, step: str) -> None:
    assert lifecycle.done[step].returncode == 0, lifecycle.done[step].stdout


def test_the_service_follows_the_file_until_the_config_forgets_it(lifecycle: Lifecycle) -> None:
    paths = {step: instance["railway_config_file"] for step, instance in lifecycle.instance.items()}
    assert paths["up"] == FILE
    assert paths["without the file"] is None


@pytest.mark.parametrize("kind", ["Project", "Service", "Volume", "ServiceDomain"])
def test_it_is_the_same_object_afterwards(stack: Stack, lifecycle: Lifecycle, kind: str) -> None:
    table = {"Project": "projects", "Service": "services", "Volume": "volumes", "ServiceDomain": "domains"}
    assert (
        stack_state.first_of_type(lifecycle.found, stack_state.RAILWAY_TYPE + kind).id == lifecycle.ids[kind]
    )
    assert [row["id"] for row in rows(stack, table[kind])] == [lifecycle.ids[kind]]


def test_the_files_on_the_volume_are_the_same(lifecycle: Lifecycle) -> None:
    assert list(lifecycle.files.values()) == [{"creds.json": "kept"}]
