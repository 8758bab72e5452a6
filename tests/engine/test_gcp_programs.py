"""The gcp plugin under the real engine: imports, invalid programs, faults, failed builds."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.local_server import LocalServer
from tests.engine.conftest import google_environment
from tests.engine.stack import NO_CHANGES_EXPECTED, ProgramStack

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from sandbox.engine.toolchain import Engine

pytestmark = pytest.mark.engine

APIS = """
import pulumi
import pulumi_gcp as gcp
apis = [
    gcp.projects.Service(name, service=f"{name}.googleapis.com", disable_on_destroy=False)
    for name in (
        "cloudresourcemanager",
        "cloudscheduler",
        "firestore",
        "iam",
        "pubsub",
        "secretmanager",
        "storage",
    )
]
after = pulumi.ResourceOptions(depends_on=apis)
"""


def test_an_unsupported_type_is_named_in_the_preview(google_program: ProgramStack) -> None:
    google_program.write("__main__.py", "import pulumi_gcp as gcp\ngcp.compute.Network('n')\n")
    shown = google_program.run("preview", code=None)
    assert shown.code != 0
    assert "does not support gcp:compute/network:Network" in shown.text


def test_a_misspelt_property_fails_the_preview_and_nothing_is_created(
    google_program: ProgramStack, google: str
) -> None:
    text = """
import pulumi_gcp as gcp
gcp.pubsub.Topic("t", name="never-made", message_retention_duration=600)
"""
    google_program.write("__main__.py", text)
    requests.post(f"{google}/admin/counters/reset", timeout=60).raise_for_status()
    shown = google_program.up(code=None)
    assert shown.code != 0
    assert "messageRetentionDuration" in shown.text
    assert "must be a string, not a number" in shown.text
    assert requests.get(f"{google}/admin/counters", timeout=60).json()["requests"] == 0


def test_without_an_endpoint_nothing_is_sent_anywhere(google_program: ProgramStack) -> None:
    del google_program.environ["GOOGLE_PUBSUB_CUSTOM_ENDPOINT"]
    google_program.write("__main__.py", "import pulumi_gcp as gcp\ngcp.pubsub.Topic('t', name='t')\n")
    shown = google_program.up(code=None)
    assert shown.code != 0
    assert "GOOGLE_PUBSUB_CUSTOM_ENDPOINT is not set" in shown.text


def test_credentials_are_an_error_that_names_the_token_variable(google_program: ProgramStack) -> None:
    google_program.write("__main__.py", "import pulumi_gcp as gcp\ngcp.pubsub.Topic('t', name='t')\n")
    google_program.run("config", "set", "gcp:credentials", "{}")
    shown = google_program.run("preview", code=None)
    assert shown.code != 0
    assert "GOOGLE_OAUTH_ACCESS_TOKEN" in shown.text


OBJECTS = """
import pulumi_gcp as gcp
account = gcp.serviceaccount.Account("account", account_id="crm-import", display_name="Here", {account})
topic = gcp.pubsub.Topic("topic", name="import-topic", labels={{"a": "b"}}, {topic})
secret = gcp.secretmanager.Secret("secret", secret_id="IMPORTED", replication={{"auto": {{}}}}, {secret})
member = gcp.projects.IAMMember(
    "member", project="crm-sandbox", role="roles/viewer", member="user:import@example.com", {member}
)
"""
IDS = {
    "account": "projects/crm-sandbox/serviceAccounts/crm-import@crm-sandbox.iam.gserviceaccount.com",
    "topic": "projects/crm-sandbox/topics/import-topic",
    "secret": "crm-sandbox/IMPORTED",
    "member": "crm-sandbox roles/viewer user:import@example.com",
}


def test_an_existing_object_is_imported_by_its_id(
    google_program: ProgramStack, tmp_path: Path, engine: Engine, google: str
) -> None:
    google_program.write("__main__.py", APIS + OBJECTS.format(**dict.fromkeys(IDS, "opts=after")))
    google_program.up()
    other = ProgramStack(tmp_path / "other", engine, google_environment(google))
    options = {
        key: f'opts=pulumi.ResourceOptions(import_="{value}", retain_on_delete=True)'
        for key, value in IDS.items()
    }
    other.write("__main__.py", "import pulumi\n" + OBJECTS.format(**options))
    assert "4 imported" in other.up().text
    kept = dict.fromkeys(IDS, "opts=pulumi.ResourceOptions(retain_on_delete=True)")
    other.write("__main__.py", "import pulumi\n" + OBJECTS.format(**kept))
    other.run("preview", "--refresh", "--expect-no-changes")


def test_an_import_of_another_object_shows_the_differences(google_program: ProgramStack, google: str) -> None:
    headers = {"Authorization": "Bearer owner", "X-Sandbox-Actor": "manual"}
    usage = f"{google}/serviceusage/v1/projects/crm-sandbox/services/pubsub.googleapis.com:enable"
    requests.post(usage, headers=headers, timeout=60).raise_for_status()
    topic = f"{google}/pubsub/v1/projects/crm-sandbox/topics/differs"
    requests.put(topic, json={}, headers=headers, timeout=60).raise_for_status()
    text = """
import pulumi, pulumi_gcp as gcp
gcp.pubsub.Topic("t", name="differs", message_retention_duration="600s",
                 opts=pulumi.ResourceOptions(import_="projects/crm-sandbox/topics/differs"))
"""
    google_program.write("__main__.py", text)
    shown = google_program.run("preview", "--diff", code=None).text
    assert "messageRetentionDuration" in shown


NAMED = """
topic = gcp.pubsub.Topic("generated", labels={"v": pulumi.Config().get("v") or "1"}, opts=after)
pulumi.export("name", topic.name)
"""


def test_a_missing_name_is_generated_once(google_program: ProgramStack) -> None:
    google_program.write("__main__.py", APIS + NAMED)
    google_program.up()
    name = google_program.outputs()["name"]
    assert re.fullmatch(r"generated-[0-9a-f]{7}", name)
    google_program.run("preview", "--refresh", "--expect-no-changes")
    google_program.run("config", "set", "v", "2")
    google_program.up()
    assert google_program.outputs()["name"] == name


FUNCTIONS_OF_THE_SDK = """
secret = gcp.secretmanager.Secret("secret", secret_id="WRITE_ONLY", replication={"auto": {}}, opts=after)
version = gcp.secretmanager.SecretVersion(
    "version",
    secret=secret.id,
    secret_data_wo=pulumi.Output.secret("hush-hush"),
    secret_data_wo_version=pulumi.Config().get("v") or "1",
)
found = gcp.secretmanager.get_secret_version_output(secret="WRITE_ONLY", version=version.version)
pulumi.export("found", found.secret_data)
pulumi.export("number", gcp.organizations.get_project_output(project_id="crm-sandbox").number)
pulumi.export("version", version.version)
"""


def test_a_write_only_secret_and_the_sdks_functions(google_program: ProgramStack) -> None:
    google_program.write("__main__.py", APIS + FUNCTIONS_OF_THE_SDK)
    google_program.up()
    assert google_program.outputs() == {"found": "hush-hush", "number": "100000000001", "version": "1"}
    shown = google_program.resources("--show-secrets")
    version = next(one for one in shown if one["type"].endswith(":SecretVersion"))
    assert version["outputs"]["secretDataWo"]["plaintext"] == "null"
    assert "hush-hush" not in json.dumps(version["outputs"])
    assert "hush-hush" not in google_program.run("stack", "export").text
    google_program.run("config", "set", "v", "2")
    google_program.up()
    assert google_program.outputs()["version"] == "2"


POLICIES = """
gcp.pubsub.Topic("kept", name="kept-topic", deletion_policy="{policy}", opts=after)
"""


def test_a_deletion_policy_prevents_or_abandons(google_program: ProgramStack, google: str) -> None:
    google_program.write("__main__.py", APIS + POLICIES.format(policy="PREVENT"))
    google_program.up()
    google_program.write("__main__.py", APIS)
    shown = google_program.up(code=None)
    assert shown.code != 0
    assert "its deletionPolicy is PREVENT" in shown.text
    google_program.write("__main__.py", APIS + POLICIES.format(policy="ABANDON"))
    google_program.up()
    google_program.write("__main__.py", APIS)
    google_program.up()
    headers = {"Authorization": "Bearer owner", "X-Sandbox-Actor": "manual"}
    topic = f"{google}/pubsub/v1/projects/crm-sandbox/topics/kept-topic"
    assert requests.get(topic, headers=headers, timeout=60).status_code == 200


@pytest.mark.parametrize("kind", ["rate_429", "http_500", "reset_before"])
def test_a_temporary_fault_is_retried(google_program: ProgramStack, google: str, kind: str) -> None:
    name = kind.replace("_", "-")
    text = f'gcp.pubsub.Topic("t", name="{name}", opts=after)\n'
    google_program.write("__main__.py", APIS + text)
    fault = {"operation": "PUT pubsub.projects.topics.create", "kind": kind, "nth": 1, "times": 2}
    requests.post(f"{google}/admin/faults", json=fault, timeout=60).raise_for_status()
    google_program.up()
    requests.delete(f"{google}/admin/faults", timeout=60).raise_for_status()
    google_program.run("preview", "--refresh", "--expect-no-changes")


READ_BACK = {
    "Topic": 'gcp.pubsub.Topic("t", name="read-back", opts=after)',
    "Account": 'gcp.serviceaccount.Account("a", account_id="read-back", opts=after)',
    "Job": """
gcp.cloudscheduler.Job("j", name="read-back", region="europe-west1", schedule="* * * * *", time_zone="UTC",
    retry_config={"retry_count": 1}, http_target={"uri": "https://example.com"}, opts=after)""",
    "Key": """
account = gcp.serviceaccount.Account("a", account_id="read-back-key", opts=after)
gcp.serviceaccount.Key("k", service_account_id=account.name)""",
    "Bucket": 'gcp.storage.Bucket("b", name="read-back-bucket", location="EU", opts=after)',
    "Secret": 'gcp.secretmanager.Secret("s", secret_id="READ", replication={"auto": {}}, opts=after)',
    "SecretVersion": """
secret = gcp.secretmanager.Secret("s", secret_id="READ_BACK", replication={"auto": {}}, opts=after)
gcp.secretmanager.SecretVersion("v", secret=secret.name, secret_data="x")""",
}


@pytest.mark.parametrize(
    ("operation", "type_"),
    [
        ("GET pubsub.projects.topics.get", "Topic"),
        ("GET cloudscheduler.projects.locations.jobs.get", "Job"),
        ("GET iam.projects.serviceAccounts.get", "Account"),
        ("GET iam.projects.serviceAccounts.keys.get", "Key"),
        ("GET storage.buckets.get", "Bucket"),
        ("GET secretmanager.projects.secrets.get", "Secret"),
        ("GET secretmanager.projects.secrets.versions.get", "SecretVersion"),
    ],
)
def test_an_object_that_cannot_be_read_back_is_kept_in_the_state(
    google_program: ProgramStack, google: str, operation: str, type_: str
) -> None:
    """Measured with pulumi-gcp 9.35: the next `up` continues with it, and creates no other."""
    google_program.write("__main__.py", APIS + READ_BACK[type_])
    fault = {"operation": operation, "kind": "permission_denied"}
    requests.post(f"{google}/admin/faults", json=fault, timeout=60).raise_for_status()
    shown = google_program.up(code=None)
    requests.delete(f"{google}/admin/faults", timeout=60).raise_for_status()
    assert "Error when reading or editing" in shown.text
    (kept,) = [one for one in google_program.resources() if one.get("initErrors")]
    assert kept["type"].endswith(f":{type_}")
    google_program.up()
    (after,) = [one for one in google_program.resources() if one["type"].endswith(f":{type_}")]
    assert after["id"] == kept["id"]
    google_program.run("preview", "--refresh", "--expect-no-changes")


def test_an_expired_token_is_reported(google_program: ProgramStack) -> None:
    google_program.environ["GOOGLE_OAUTH_ACCESS_TOKEN"] = "expired"
    google_program.write("__main__.py", "import pulumi_gcp as gcp\ngcp.pubsub.Topic('t', name='t')\n")
    shown = google_program.up(code=None)
    assert shown.code != 0
    assert "Error 401" in shown.text


FUNCTION = """
import pulumi, pulumi_gcp as gcp
gcp.cloudfunctionsv2.Function(
    "f",
    name="broken",
    location="us-central1",
    build_config={"runtime": "nodejs22", "entry_point": pulumi.Config().require("entry")},
)
"""


class OneFunction:
    """A Cloud Functions API with one function whose first build fails."""

    def __init__(self) -> None:
        self.methods: list[str] = []
        self.function: dict[str, Any] = {}
        self.app = Starlette(
            routes=[Route("/{path:path}", self.answer, methods=["GET", "POST", "PATCH", "DELETE"])]
        )

    async def answer(self, request: Request) -> JSONResponse:
        """Respond to any request."""
        path = request.url.path
        self.methods.append(request.method)
        if "/operations/create" in path:
            self.function["state"] = "FAILED"
            error = {"code": 3, "message": "Build failed: no such entry point"}
            return JSONResponse({"name": "operations/create", "done": True, "error": error})
        if request.method == "POST":
            self.function = {**await request.json(), "state": "DEPLOYING"}
            return JSONResponse({"name": "projects/p/locations/l/operations/create", "done": False})
        if request.method == "PATCH":
            self.function |= {**await request.json(), "state": "ACTIVE"}
            return JSONResponse({"name": "operations/update", "done": True, "response": {}})
        if request.method == "DELETE":
            return JSONResponse({"name": "operations/delete", "done": True})
        return JSONResponse(self.function)


def test_a_function_whose_build_failed_is_kept_and_updated(tmp_path: Path, engine: Engine) -> None:
    api = OneFunction()
    with LocalServer(api.app) as server:
        stack = ProgramStack(tmp_path, engine, google_environment(server.url))
        stack.write("__main__.py", FUNCTION)
        stack.run("config", "set", "entry", "wrong")
        shown = stack.up(code=None)
        assert shown.code != 0
        assert "Build failed: no such entry point" in shown.text
        assert [one["id"] for one in stack.resources() if one["type"].endswith(":Function")] == [
            "projects/crm-sandbox/locations/us-central1/functions/broken"
        ]
        stack.run("preview", "--expect-no-changes", code=NO_CHANGES_EXPECTED)
        stack.run("config", "set", "entry", "right")
        stack.up()
        assert api.methods.count("POST") == 1, "the second run changes the function that is there"
        stack.run("preview", "--expect-no-changes")
        stack.run("destroy", "--yes", "--skip-preview")
