"""A running production is taken over: the preview reports the changes; `up` makes them and loses nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import manual_edits, stack_state
from sandbox.supervisor import STACK, Sandbox
from tests import bad_settings
from tests.e2e.backend_only import put
from tests.e2e.stack import DRIFT, Done, Stack, Steps

pytestmark = pytest.mark.e2e

WORKSPACE = "b7d1c0de-0000-4000-8000-000000000001"
REPO = "example/whatsapp-crm"
OLD_VALUE = "value-that-nobody-may-see"
TABLES = ("projects", "services", "volumes", "variables", "triggers", "domains", "deployments")
RAILWAY_TOML = """[build]
watchPatterns = ["backend/**"]
[deploy]
startCommand = "node src/server.js"
restartPolicyMaxRetries = 5
"""


def production(running: Any) -> dict[str, str]:
    """A project created in the dashboard; the ids of what must stay."""
    dashboard = manual_edits.Dashboard(running, "", "", "")
    project = dashboard.call(
        "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) { id primaryEnvironmentId } }",
        {"i": {"name": "crm", "workspaceId": WORKSPACE, "description": "our production"}},
    )["projectCreate"]
    place = {"projectId": project["id"], "environmentId": project["primaryEnvironmentId"]}
    service = dashboard.call(
        "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }",
        {"i": place | {"name": "backend"}},
    )["serviceCreate"]["id"]
    stack_state.post_admin(running.railway_url, "/admin/clock", {"advance": 5})
    where = {"environmentId": place["environmentId"], "serviceId": service}
    volume = dashboard.call(
        "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }",
        {"i": place | {"serviceId": service, "mountPath": "/app/sessions"}},
    )["volumeCreate"]["id"]
    dashboard.call(
        "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }",
        {
            "i": place
            | {
                "serviceId": service,
                "skipDeploys": True,
                "variables": {
                    "SESSIONS_PATH": "/app/sessions",
                    "WHATSAPP_BACKFILL_COUNT": OLD_VALUE,
                    "OLD": OLD_VALUE,
                    "OLDER": OLD_VALUE,
                },
            }
        },
    )
    dashboard.call(
        "mutation($e: String!, $s: String!, $i: ServiceInstanceUpdateInput!)"
        " { serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: $i) }",
        {
            "e": place["environmentId"],
            "s": service,
            "i": {
                "healthcheckPath": "/alive",
                "restartPolicyMaxRetries": 3,
                "rootDirectory": "backend",
                "cronSchedule": "0 3 * * *",
            },
        },
    )
    dashboard.call(
        "mutation($i: DeploymentTriggerCreateInput!) { deploymentTriggerCreate(input: $i) { id } }",
        {
            "i": place
            | {
                "serviceId": service,
                "provider": "github",
                "repository": REPO,
                "branch": "audit-whatsapp-30",
            }
        },
    )
    domain = dashboard.call(
        "mutation($i: ServiceDomainCreateInput!) { serviceDomainCreate(input: $i) { id } }", {"i": where}
    )["serviceDomainCreate"]["id"]
    dashboard.call(
        "mutation($e: String!, $s: String!) { serviceInstanceDeployV2(environmentId: $e, serviceId: $s) }",
        {"e": place["environmentId"], "s": service},
    )
    stack_state.post_admin(running.railway_url, "/admin/clock", {"advance": 60})
    stack_state.post_admin(running.railway_url, f"/admin/volumes/{volume}/files", {"creds.json": "kept"})
    return {"Project": project["id"], "Service": service, "Volume": volume, "ServiceDomain": domain}


def rows(stack: Stack) -> dict[str, Any]:
    """What Railway has."""
    state = json.loads(stack_state.get_admin(stack.running.railway_url, "/admin/state"))
    return {table: state[table] for table in TABLES}


def changed(google: stack_state.Counts) -> list[str]:
    """What was sent to Google that changes anything there."""
    return [name for name in google.operations if not name.startswith("GET") and not name.endswith(".test")]


@dataclass
class Adopted(Steps):
    """The steps, and whether each left both clouds unchanged."""

    ids: dict[str, str] = field(default_factory=dict[str, str])
    untouched: dict[str, bool] = field(default_factory=dict[str, bool])
    found: list[stack_state.Resource] = field(default_factory=list[stack_state.Resource])

    def step(self, name: str, *arguments: str, **extra: str) -> Done:
        """Run a command, and compare the clouds with those before it."""
        before = rows(self.stack)
        done = super().step(name, *arguments, **extra)
        self.untouched[name] = rows(self.stack) == before and not changed(self.google[name])
        return done


@pytest.fixture(scope="module")
def adopted(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    """Run the refused adoptions, the preview, the adoption, and the checks after it."""
    seen = Adopted(stack)
    step = seen.step
    url = stack.running.railway_url
    modules = bad_settings.EXAMPLE_APP / "functions" / "node_modules"
    app: Path = bad_settings.copy_app(tmp_path_factory.mktemp("app") / "crm", modules)
    (app / "backend" / "railway.toml").write_text(RAILWAY_TOML)
    put(stack, appDir=str(app))
    seen.ids = production(stack.running)

    def adopt(project_id: str) -> None:
        stack.edit(lambda config: config.update({"whatsapp-crm:railwayProjectId": project_id}))

    adopt("b7d1c0de-0000-4000-8000-00000000dead")
    step("wrong id", "preview")
    other = requests.post(f"{url}/admin/workspaces", json={"name": "Other"}, timeout=30).json()["id"]
    stack_state.post_admin(
        url, "/admin/tokens", {"kind": "workspace", "token": "other-workspace", "workspace_id": other}
    )
    adopt(seen.ids["Project"])
    step("foreign token", "preview", RAILWAY_API_TOKEN="other-workspace")
    put(stack, volumeSizeGb="1")
    step("smaller volume", "preview")
    put(stack, volumeSizeGb="50", railwayServiceName="whatsapp")
    step("another service", "preview")
    put(stack, railwayServiceName=None, railwayEnvironment="prod")
    step("another environment", "preview")
    step("another environment, unseen", "up", "--yes", "--skip-preview")
    put(stack, railwayEnvironment=None, restartMaxRetries="10", watchPatterns=["src/**"])
    step("config against the file", "preview")
    put(stack, restartMaxRetries=None, watchPatterns=None)
    step("preview", "preview", "--diff")
    step("up", "up", "--yes", "--skip-preview")
    assert seen.done["up"].returncode == 0, seen.done["up"].stdout
    step("second preview", "preview", "--expect-no-changes")
    step("drift", *DRIFT)
    seen.found = stack_state.resources(sandbox, STACK)
    return seen


@pytest.mark.parametrize(
    "said",
    [
        'settings.branch: "audit-whatsapp-30" -> "main"',
        'settings.healthcheck_path: "/alive" -> "/health"',
        "settings.restart_policy_max_retries: 3 -> 5",
        'settings.start_command: null -> "node src/server.js"',
        'settings.cron_schedule: "0 3 * * *" -> null',
        'settings.watch_patterns: null -> ["backend/**"]',
        'project.project_name: "crm" -> "whatsapp-crm"',
        "project.description: the marker of this stack is added: [pulumi:",
        "settings.healthcheck_timeout: null -> 300, which is the default",
        "variables added: ADMIN_TOKEN, FIREBASE_SERVICE_ACCOUNT_JSON, WHATSAPP_BACKFILL_THREADS",
        "variables changed: WHATSAPP_BACKFILL_COUNT",
        "variables removed: OLD, OLDER",
        "keeps the volume",
        "keeps the service backend",
        "keeps the domain",
        "and deploys once",
    ],
)
def test_the_preview_names_each_change(adopted: Adopted, said: str) -> None:
    done = adopted.done["preview"]
    assert done.returncode == 0, done.stdout
    assert said in done.stdout


def test_the_preview_changes_nothing_and_shows_no_value(adopted: Adopted) -> None:
    assert adopted.untouched["preview"]
    assert all(OLD_VALUE not in done.stdout for done in adopted.done.values())


def test_the_railway_file_in_the_checkout_is_named_with_what_to_do_about_it(adopted: Adopted) -> None:
    said = adopted.done["preview"].stdout
    assert "backend/railway.toml: Railway ignores this file from 2026-12-01." in said
    assert "pulumi config set whatsapp-crm:startCommand 'node src/server.js'" in said


def test_what_stays_the_same_is_not_named_a_change(adopted: Adopted) -> None:
    said = adopted.done["preview"].stdout
    assert "changes settings.root_directory" not in said
    assert "SESSIONS_PATH" not in "".join(line for line in said.splitlines() if "changes variables" in line)


@pytest.mark.parametrize(
    ("step", "why", "fix"),
    [
        ("wrong id", "does not exist", "pulumi config set whatsapp-crm:railwayProjectId "),
        ("foreign token", "Not Authorized", "A workspace token can access only its own workspace"),
        ("smaller volume", "a volume cannot shrink", "pulumi config set whatsapp-crm:volumeSizeGb 5"),
        (
            "another service",
            "has no service named whatsapp (existing: backend)",
            "pulumi config set whatsapp-crm:railwayServiceName backend",
        ),
        (
            "another environment",
            "has no environment prod (existing: production)",
            "correct whatsapp-crm:railwayEnvironment",
        ),
        (
            "another environment, unseen",
            "has no environment prod (existing: production)",
            "correct whatsapp-crm:railwayEnvironment",
        ),
        (
            "config against the file",
            'is "10", but backend/railway.toml has deploy.restartPolicyMaxRetries = 5',
            "pulumi config rm whatsapp-crm:restartMaxRetries",
        ),
        (
            "config against the file",
            'is ["src/**"], but backend/railway.toml has build.watchPatterns = ["backend/**"]',
            "pulumi config rm whatsapp-crm:watchPatterns",
        ),
    ],
)
def test_a_wrong_adoption_is_refused_before_anything_is_changed(
    adopted: Adopted, step: str, why: str, fix: str
) -> None:
    done = adopted.done[step]
    assert done.returncode != 0
    assert why in done.stdout
    assert fix in done.stdout
    assert "Traceback" not in done.stdout
    assert adopted.untouched[step]


@pytest.mark.parametrize("kind", ["Project", "Service", "Volume", "ServiceDomain"])
def test_it_is_the_same_object_afterwards(adopted: Adopted, kind: str) -> None:
    assert stack_state.first_of_type(adopted.found, stack_state.RAILWAY_TYPE + kind).id == adopted.ids[kind]


def test_the_files_on_the_volume_are_the_same(stack: Stack, adopted: Adopted) -> None:
    files = json.loads(
        stack_state.get_admin(stack.running.railway_url, f"/admin/volumes/{adopted.ids['Volume']}/files")
    )
    assert list(files.values()) == [{"creds.json": "kept"}]


def test_a_setting_that_nobody_declared_is_taken_back(stack: Stack, adopted: Adopted) -> None:
    assert adopted.done["up"].returncode == 0
    (instance,) = json.loads(stack_state.get_admin(stack.running.railway_url, "/admin/state"))[
        "instances"
    ].values()
    assert instance["cron_schedule"] is None


def test_the_adoption_deploys_once(adopted: Adopted) -> None:
    assert adopted.railway["up"].deployments == 1


def test_the_next_preview_is_clean_and_asks_nothing(adopted: Adopted) -> None:
    assert adopted.done["second preview"].returncode == 0, adopted.done["second preview"].stdout
    assert adopted.railway["second preview"].requests == 0
    assert adopted.done["drift"].returncode == 0, adopted.done["drift"].stdout


def test_no_value_of_a_variable_is_in_the_adoptions_state(adopted: Adopted) -> None:
    adoption = stack_state.first_of_type(adopted.found, stack_state.RAILWAY_TYPE + "Adoption")
    assert set(adoption.inputs) <= {"__provider", "project_id", "changes"}
