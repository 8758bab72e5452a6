"""A codebase with a function of each kind of event, by the official SDK, from its first `up` on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import stack_state
from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.supervisor import STACK
from tests import functions_sdk
from tests.e2e.backend_only import make_app, put
from tests.e2e.stack import DRIFT, Stack

pytestmark = pytest.mark.e2e

REGION = "europe-west1"
BASE = f"projects/{GOOGLE_PROJECT}"
HEADERS = {"Authorization": f"Bearer {GOOGLE_TOKEN}", "X-Sandbox-Actor": "manual"}
QUEUE = f"{BASE}/locations/{REGION}/queues/sendLater"
BUCKET = f"{GOOGLE_PROJECT}.firebasestorage.app"
PACKAGE = {
    "main": "index.js",
    "engines": {"node": "22"},
    "dependencies": {"firebase-functions": "7.4.0", "firebase-admin": "13.10.0"},
}
KINDS = {
    "onPaid": """
const { onMessagePublished } = require("firebase-functions/pubsub");
exports.onPaid = onMessagePublished({ topic: "paid", retry: true }, () => {});
""",
    "onTheirs": """
exports.onTheirs = require("firebase-functions/pubsub").onMessagePublished("theirs", () => {});
""",
    "onUpload": """
const storage = require("firebase-functions/storage");
exports.onUpload = storage.onObjectFinalized(() => {});
""",
    "onArchived": """
exports.onArchived = require("firebase-functions/storage")
  .onObjectDeleted({ bucket: "crm-archive" }, () => {});
""",
    "sendLater": """
const { onTaskDispatched } = require("firebase-functions/tasks");
const retryConfig = { maxAttempts: 5, minBackoffSeconds: 60 };
const limits = { retryConfig, rateLimits: { maxConcurrentDispatches: 6 } };
exports.sendLater = onTaskDispatched(limits, () => {});
""",
    "onValue": """
exports.onValue = require("firebase-functions/database").onValueWritten("/threads/{id}", () => {});
""",
    "onConfig": """
exports.onConfig = require("firebase-functions/remoteConfig").onConfigUpdated(() => {});
""",
    "onMatrix": """
exports.onMatrix = require("firebase-functions/testLab").onTestMatrixCompleted(() => {});
""",
    "onAlert": """
exports.onAlert = require("firebase-functions/alerts").onAlertPublished("billing.planUpdate", () => {});
""",
    "inNetwork": """
const networkInterface = { network: "default", tags: ["crm"] };
exports.inNetwork = require("firebase-functions/https").onRequest({ networkInterface }, () => {});
""",
    "checkSignIn": """
const { beforeUserSignedIn } = require("firebase-functions/identity");
exports.checkSignIn = beforeUserSignedIn({ idToken: true }, () => {});
""",
    "onUser": """
exports.onUser = require("firebase-functions/identity").onUserCreated(() => {});
""",
}
"""The source of each function by its name."""
LOCATIONS = {"onValue": REGION, **dict.fromkeys(("onConfig", "onMatrix", "onAlert", "onUser"), "global")}
"""Where the triggers are of the functions that need nothing else."""


class App:
    """The app, and what Google has of it."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        self._stack = stack
        self.folder = make_app(folder)
        functions = folder / "functions"
        functions.mkdir()
        (functions / "node_modules").symlink_to(functions_sdk.installed())
        self._write("functions/package.json", PACKAGE)
        self._write("firebase.json", {"functions": [{"source": "functions", "runtime": "nodejs22"}]})
        self.code(*KINDS)

    def _write(self, name: str, document: object) -> None:
        (self.folder / name).write_text(json.dumps(document))

    def code(self, *names: str) -> None:
        """Write a source that exports these functions."""
        (self.folder / "functions/index.js").write_text("".join(KINDS[name] for name in names))

    def send(self, method: str, path: str, body: object = None, **query: str) -> requests.Response:
        """A request of somebody who is not the program."""
        url = f"{self._stack.running.google_url}/{path}"
        return requests.request(method, url, json=body, params=query, headers=HEADERS, timeout=30)

    def get(self, path: str) -> dict[str, Any]:
        """An object of Google that exists."""
        answer = self.send("GET", path)
        assert answer.ok, answer.text
        return answer.json()

    def auth(self) -> dict[str, Any]:
        """The configuration of Auth."""
        return self.get(f"identitytoolkit/v2/{BASE}/config")

    def function(self, name: str) -> dict[str, Any]:
        """A function."""
        return self.get(f"cloudfunctions/v2/{BASE}/locations/{REGION}/functions/{name}")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> App:
    """The app, and what exists before the first `up`: a topic of somebody else."""
    made = App(tmp_path_factory.mktemp("app") / "crm", stack)
    for api in ("pubsub", "storage"):
        path = f"serviceusage/v1/{BASE}/services/{api}.googleapis.com:enable"
        assert made.send("POST", path, {}).ok
    theirs = {"labels": {"team": "billing"}, "messageRetentionDuration": "86400s"}
    assert made.send("PUT", f"pubsub/v1/{BASE}/topics/theirs", theirs).ok
    for bucket, location in ((BUCKET, "us-central1"), ("crm-archive", "EU")):
        body = {"name": bucket, "location": location}
        assert made.send("POST", "storage/v1/b", body, project=GOOGLE_PROJECT).ok
    put(stack, appDir=str(made.folder), secrets=None, storageBucket=BUCKET)
    return made


def test_each_kind_is_deployed_with_what_it_needs(stack: Stack, app: App) -> None:
    stack.up()
    trigger = app.function("onPaid")["eventTrigger"]
    assert trigger["pubsubTopic"] == f"{BASE}/topics/paid"
    assert (trigger["triggerRegion"], trigger["retryPolicy"]) == (REGION, "RETRY_POLICY_RETRY")
    assert app.get(f"pubsub/v1/{BASE}/topics/paid")["state"] == "ACTIVE"
    theirs = app.get(f"pubsub/v1/{BASE}/topics/theirs")
    assert (theirs["labels"], theirs["messageRetentionDuration"]) == ({"team": "billing"}, "86400s")
    for name, bucket, location in (("onUpload", BUCKET, "us-central1"), ("onArchived", "crm-archive", "eu")):
        trigger = app.function(name)["eventTrigger"]
        assert trigger["eventFilters"] == [{"attribute": "bucket", "value": bucket}]
        assert trigger["triggerRegion"] == location
    for name, location in LOCATIONS.items():
        assert app.function(name)["eventTrigger"]["triggerRegion"] == location
    service = app.function("inNetwork")["serviceConfig"]
    assert service["directVpcNetworkInterface"] == [{"network": "default", "tags": ["crm"]}]
    blocking = app.auth()["blockingFunctions"]
    uri = app.function("checkSignIn")["serviceConfig"]["uri"]
    assert [one["functionUri"] for one in blocking["triggers"].values()] == [uri]
    assert blocking["forwardInboundCredentials"]["idToken"] is True
    queue = app.get(f"cloudtasks/v2/{QUEUE}")
    assert queue["rateLimits"]["maxConcurrentDispatches"] == 6
    assert (queue["retryConfig"]["maxAttempts"], queue["retryConfig"]["minBackoff"]) == (5, "60s")
    who = app.send("POST", f"cloudtasks/v2/{QUEUE}:getIamPolicy", {}).json()["bindings"]
    account = f"serviceAccount:crm-fn@{GOOGLE_PROJECT}.iam.gserviceaccount.com"
    assert who == [{"role": "roles/cloudtasks.enqueuer", "members": [account]}]


def test_nothing_is_left_to_change_and_all_of_it_is_verified(stack: Stack, app: App) -> None:
    again = stack.pulumi(*DRIFT)
    assert again.returncode == 0, again.stdout
    verified = stack.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for name in KINDS:
        assert f"function {REGION}/{name}" in verified.stdout


def test_what_somebody_removes_is_made_again(stack: Stack, app: App) -> None:
    assert app.send("DELETE", f"pubsub/v1/{BASE}/topics/paid").ok
    done = stack.pulumi("up", "--yes", "--refresh", "--run-program")
    assert done.returncode == 0, done.stdout
    assert app.get(f"pubsub/v1/{BASE}/topics/paid")["state"] == "ACTIVE"


def test_a_queue_that_somebody_changes_is_drift_and_whoever_gets_another_role_is_named(
    stack: Stack, app: App
) -> None:
    body = {"retryConfig": {"maxAttempts": 100}}
    assert app.send("PATCH", f"cloudtasks/v2/{QUEUE}", body, updateMask="retryConfig.maxAttempts").ok
    binding = {"role": "roles/cloudtasks.admin", "members": ["user:someone@example.com"]}
    before = app.send("POST", f"cloudtasks/v2/{QUEUE}:getIamPolicy", {}).json()
    policy = {**before, "bindings": [*before["bindings"], binding]}
    assert app.send("POST", f"cloudtasks/v2/{QUEUE}:setIamPolicy", {"policy": policy}).ok
    verified = stack.verify()
    assert verified.returncode != 0
    assert "roles on task queue europe-west1/sendLater" in verified.stdout
    assert "gcloud tasks queues remove-iam-policy-binding sendLater" in verified.stdout
    assert "maxAttempts" in stack.pulumi(*DRIFT).stdout
    done = stack.pulumi("up", "--yes", "--refresh", "--run-program")
    assert done.returncode == 0, done.stdout
    assert app.get(f"cloudtasks/v2/{QUEUE}")["retryConfig"]["maxAttempts"] == 5


def test_a_bucket_that_is_not_there_stops_the_preview(stack: Stack, app: App) -> None:
    put(stack, storageBucket="crm-of-nobody")
    done = stack.pulumi("preview")
    assert done.returncode != 0
    assert "onUpload: there is no Cloud Storage bucket crm-of-nobody." in done.stdout
    put(stack, storageBucket=BUCKET)


def test_a_function_whose_export_is_removed_goes_and_its_messages_stay(stack: Stack, app: App) -> None:
    app.code(next(iter(KINDS)))
    put(stack, allowFunctionDeletion=True)
    stack.up()
    left = {one.id for one in stack_state.resources(stack.sandbox, STACK) if one.type == FUNCTION}
    assert left == {f"{BASE}/locations/{REGION}/functions/{next(iter(KINDS))}"}
    assert app.get(f"pubsub/v1/{BASE}/topics/theirs")["labels"] == {"team": "billing"}
    blocking = app.auth()["blockingFunctions"]
    assert blocking.get("triggers", {}) == {}, "Auth would wait for a function that is gone"
    assert app.get(f"cloudtasks/v2/{QUEUE}")["state"] == "RUNNING", "its tasks would be lost"


FUNCTION = stack_state.FUNCTION_TYPE
