"""Keys and secret versions that work and that nobody uses.

Google may create one although the request failed, and a rotation does not end it. It is named with the
command that ends it; older ones end by themselves once the current one is proven to be in use.
"""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from pulumi.dynamic.dynamic import serialize_provider

from firebase.errors import JsonObject
from firebase.rest import GoogleApi
from firebase.unknown_credentials import UnknownCredentialsProvider
from ops import access
from sandbox import stack_state
from sandbox.environment import GOOGLE_PROJECT
from sandbox.supervisor import Sandbox
from tests.components import world
from tests.components.conftest import Run
from tests.conformance.dynamic_process import DynamicProcess, DynamicResource
from tests.e2e.stack import Done, Stack
from tests.security.ops_command import Google, ops

BACKEND = f"crm-backend@{GOOGLE_PROJECT}.iam.gserviceaccount.com"
RUNTIME = f"crm-fn@{GOOGLE_PROJECT}.iam.gserviceaccount.com"
CREATE_KEY = "POST iam.projects.serviceAccounts.keys.create"
ADD_VERSION = "POST secretmanager.projects.secrets.addVersion"
TIMEOUT = 30


@pytest.mark.components
def test_credentials_end_after_the_verification(run: Run) -> None:
    engine = run()
    resource = engine.one("verification-credentials")
    assert engine.one("verification-run").urn in resource.depends_on
    assert dict(resource.inputs) == {
        "__provider": resource.inputs["__provider"],
        "project": world.PROJECT,
        "accounts": sorted(
            f"{one.inputs['accountId']}@{world.PROJECT}.iam.gserviceaccount.com"
            for one in engine.of("account:Account")
        ),
        "key": f"projects/{world.PROJECT}/serviceAccounts/crm-backend@{world.PROJECT}.iam.gserviceaccount.com"
        "/keys/key-1",
        "versions": {"ADMIN_EMAILS": "1", "GROQ_API_KEY": "1", "RAILWAY_WHATSAPP_URL": "1"},
        "prune_keys": False,
    }


class Console:
    """Google's console for keys and versions, and the provider's changing requests."""

    def __init__(self, google: str) -> None:
        self._google = google
        for api in ("iam", "secretmanager"):
            self.send(
                "POST", f"serviceusage/v1/projects/{GOOGLE_PROJECT}/services/{api}.googleapis.com:enable"
            )
        for account in ("crm-backend", "crm-fn"):
            self.send("POST", f"iam/v1/projects/{GOOGLE_PROJECT}/serviceAccounts", {"accountId": account})
        self.send(
            "POST",
            f"secretmanager/v1/projects/{GOOGLE_PROJECT}/secrets?secretId=GROQ_API_KEY",
            {"replication": {"automatic": {}}},
        )

    def send(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        headers = {"Authorization": "Bearer person", "X-Sandbox-Actor": "manual"}
        answer = requests.request(
            method, f"{self._google}/{path}", json=body or {}, headers=headers, timeout=TIMEOUT
        )
        assert answer.ok, answer.text
        return dict(answer.json())

    def key(self, account: str = BACKEND) -> str:
        """Create a key; returns its full name."""
        return str(
            self.send("POST", f"iam/v1/projects/{GOOGLE_PROJECT}/serviceAccounts/{account}/keys")["name"]
        )

    def version(self) -> str:
        """Add a version; returns its number."""
        path = f"secretmanager/v1/projects/{GOOGLE_PROJECT}/secrets/GROQ_API_KEY:addVersion"
        return str(self.send("POST", path, {"payload": {"data": "bWluZQ=="}})["name"]).rpartition("/")[2]

    def keys(self, account: str = BACKEND) -> set[str]:
        found = self.send("GET", f"iam/v1/projects/{GOOGLE_PROJECT}/serviceAccounts/{account}/keys")
        return {str(key["name"]) for key in found.get("keys", [])}

    def enabled(self) -> set[str]:
        path = f"secretmanager/v1/projects/{GOOGLE_PROJECT}/secrets/GROQ_API_KEY/versions"
        found = self.send("GET", path)["versions"]
        return {one["name"].rpartition("/")[2] for one in found if one["state"] == "ENABLED"}

    def changes(self) -> list[str]:
        """The provider's requests that change something."""
        records: list[dict[str, Any]] = requests.get(f"{self._google}/admin/requests", timeout=TIMEOUT).json()
        return [one["operation"] for one in records if one["actor"] != "manual" and one["method"] != "GET"]

    def fail(self, operation: str, kind: str, times: int = 1) -> None:
        body = {"operation": operation, "kind": kind, "nth": 1, "times": times}
        answer = requests.post(f"{self._google}/admin/faults", json=body, timeout=TIMEOUT)
        assert answer.ok, answer.text


@pytest.fixture
def console(google: str) -> Console:
    return Console(google)


@pytest.fixture
def resource(google_process: DynamicProcess) -> DynamicResource:
    return google_process.resource(UnknownCredentialsProvider())


def used(key: str, version: str, **changes: Any) -> dict[str, Any]:
    return {
        "project": GOOGLE_PROJECT,
        "accounts": [BACKEND, RUNTIME],
        "key": key,
        "versions": {"GROQ_API_KEY": version},
        "prune_keys": False,
        **changes,
    }


@pytest.mark.conformance
def test_the_pickle_in_the_state_is_the_class_path_and_nothing_else() -> None:
    pickled = base64.b64decode(serialize_provider(UnknownCredentialsProvider()))
    assert b"firebase.unknown_credentials" in pickled
    assert b"UnknownCredentialsProvider" in pickled
    assert pickled.endswith(b"\x93\x94)\x81\x94.")


@pytest.mark.conformance
def test_nothing_unknown_changes_nothing(console: Console, resource: DynamicResource) -> None:
    key, version = console.key(), console.version()
    live = resource.create(used(key, version))
    assert console.changes() == []
    assert live.outs == used(key, version)
    assert not resource.diff(live, used(key, version)).changes
    for change in ({"key": "k"}, {"versions": {}}, {"prune_keys": True}, {"accounts": []}):
        assert resource.diff(live, {**used(key, version), **change}).changes


@pytest.mark.conformance
def test_an_unknown_key_is_an_error_with_the_command(console: Console, resource: DynamicResource) -> None:
    lost, key, version = console.key(), console.key(), console.version()
    stolen = console.key(RUNTIME)
    with pytest.raises(Exception, match="secret versions that are not in the state: 2") as refused:
        resource.create(used(key, version))
    text = str(refused.value)
    for name, account in ((lost, BACKEND), (stolen, RUNTIME)):
        key_id = name.rpartition("/")[2]
        command = f"gcloud iam service-accounts keys delete {key_id} --iam-account {account} --project"
        assert f"command: {command} {GOOGLE_PROJECT}" in text
    assert key.rpartition("/")[2] not in text
    assert "Traceback" not in text
    assert console.changes() == []


@pytest.mark.conformance
def test_a_disabled_key_is_no_error(console: Console, resource: DynamicResource) -> None:
    lost, key, version = console.key(), console.key(), console.version()
    console.send("POST", f"iam/v1/{lost}:disable")
    resource.create(used(key, version))


@pytest.mark.conformance
def test_older_versions_are_disabled_and_newer_ones_are_named(
    console: Console, resource: DynamicResource
) -> None:
    key = console.key()
    old, lost, current = console.version(), console.version(), console.version()
    live = resource.create(used(key, current))
    assert console.enabled() == {current}
    newer = console.version()
    with pytest.raises(Exception, match=f"versions disable {newer} --secret GROQ_API_KEY --project"):
        resource.update(live, used(key, current, prune_keys=True))
    assert console.enabled() == {current, newer}
    assert len(console.changes()) == len({old, lost})


@pytest.mark.conformance
def test_older_keys_of_the_backend_are_deleted_only_if_that_is_allowed(
    console: Console, resource: DynamicResource
) -> None:
    lost, key, version = console.key(), console.key(), console.version()
    with pytest.raises(Exception, match="not in the state: 1"):
        resource.create(used(key, version))
    assert console.keys() == {lost, key}
    resource.create(used(key, version, prune_keys=True))
    assert console.keys() == {key}


@pytest.mark.conformance
def test_keys_of_functions_and_newer_keys_are_never_deleted(
    console: Console, resource: DynamicResource
) -> None:
    key, version = console.key(), console.version()
    stolen = console.key(RUNTIME)
    wait_for_the_next_second()
    newer = console.key()
    with pytest.raises(Exception, match="secret versions that are not in the state: 2"):
        resource.create(used(key, version, prune_keys=True))
    assert console.keys() == {key, newer}
    assert console.keys(RUNTIME) == {stolen}
    assert console.changes() == []


def wait_for_the_next_second() -> None:
    """Google's times of keys are whole seconds."""
    time.sleep(1.1)


@pytest.mark.conformance
def test_what_was_in_use_before_is_left_to_the_engine(console: Console, resource: DynamicResource) -> None:
    """It deletes both at the end of the same `up`."""
    key, version = console.key(), console.version()
    live = resource.create(used(key, version))
    rotated, changed = console.key(), console.version()
    live = resource.update(live, used(rotated, changed))
    assert console.changes() == []
    assert live.outs == used(rotated, changed)
    assert console.keys() == {key, rotated}


@pytest.mark.conformance
@pytest.mark.parametrize("kind", ["http_502_after", "http_504_after", "reset_after", "not_json"])
@pytest.mark.parametrize("operation", ["disable", "delete"])
def test_a_lost_response_ends_with_the_same_state(
    console: Console, resource: DynamicResource, kind: str, operation: str
) -> None:
    console.version()
    console.key()
    key, version = console.key(), console.version()
    names = {
        "disable": "POST secretmanager.projects.secrets.versions.disable",
        "delete": "DELETE iam.projects.serviceAccounts.keys.delete",
    }
    console.fail(names[operation], kind)
    resource.create(used(key, version, prune_keys=True))
    assert console.keys() == {key}
    assert console.enabled() == {version}


@pytest.mark.conformance
def test_a_run_that_failed_half_way_is_continued(console: Console, resource: DynamicResource) -> None:
    """The state keeps the inputs of the last success, so the next `up` runs it again."""
    console.version()
    console.key()
    key, version = console.key(), console.version()
    deletion = "DELETE iam.projects.serviceAccounts.keys.delete"
    console.fail(deletion, "not_json", times=3)
    with pytest.raises(Exception, match="Google did not respond to 'delete the key"):
        resource.create(used(key, version, prune_keys=True))
    assert console.enabled() == {version}
    assert len(console.keys()) == 2
    resource.create(used(key, version, prune_keys=True))
    assert console.keys() == {key}


class Table(GoogleApi):
    """Responds with these keys and versions."""

    def __init__(self, keys: list[JsonObject], versions: list[JsonObject]) -> None:
        super().__init__(environ={})
        self.found = {"keys": keys, "versions": versions}

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        assert method == "GET"
        kind = path.rpartition("/")[2]
        return {kind: self.found[kind]}


ACCOUNT = "projects/p/serviceAccounts/crm-backend@p.iam.gserviceaccount.com"
STATE: list[JsonObject] = [
    {"type": access.ACCOUNT, "id": ACCOUNT},
    {"type": access.KEY, "id": f"{ACCOUNT}/keys/known"},
    {"type": access.KEY, "id": f"{ACCOUNT}/keys/replaced", "delete": True},
    {"type": access.SECRET, "id": "projects/p/secrets/GROQ_API_KEY"},
    {"type": access.VERSION, "id": "projects/1/secrets/GROQ_API_KEY/versions/3"},
    {"type": access.VERSION, "id": "projects/1/secrets/GROQ_API_KEY/versions/2", "delete": True},
]


def key(name: str, **more: Any) -> JsonObject:
    return {"name": f"{ACCOUNT}/keys/{name}", "validAfterTime": "2026-11-01T10:00:00Z", **more}


def version(number: int, state: str = "ENABLED") -> JsonObject:
    return {"name": f"projects/1/secrets/GROQ_API_KEY/versions/{number}", "state": state}


@pytest.mark.unit
def test_what_the_state_knows_is_not_named_even_if_the_last_up_failed() -> None:
    """A key that is about to be deleted is still known, and the newest one is in use."""
    api = Table([key("known"), key("replaced")], [version(3), version(2), version(1, "DESTROYED")])
    results = list(access.credentials(STATE, api))
    assert [one.thing for one in results if not one.failed] == [
        "keys of service accounts",
        "versions of secrets",
    ]
    assert len(results) == 2
    assert list(access.credentials([], api)) == []


@pytest.mark.unit
def test_what_the_state_does_not_know_is_named_with_its_command() -> None:
    keys = [key("known"), key("lost"), key("off", disabled=True)]
    api = Table(keys, [version(4), version(3), version(1)])
    assert [(one.found, one.fix) for one in access.credentials(STATE, api)] == [
        (
            (
                "key lost of crm-backend@p.iam.gserviceaccount.com, created 2026-11-01 10:00:00: "
                "not in the state"
            ),
            (
                "gcloud iam service-accounts keys delete lost "
                "--iam-account crm-backend@p.iam.gserviceaccount.com --project p"
            ),
        ),
        (
            "version 4 of GROQ_API_KEY is enabled and not in the state",
            "gcloud secrets versions disable 4 --secret GROQ_API_KEY --project p",
        ),
        (
            "version 1 of GROQ_API_KEY is enabled and not in the state",
            "gcloud secrets versions disable 1 --secret GROQ_API_KEY --project p",
        ),
    ]


@dataclass
class Life:
    """What was seen, by the name of the step; keys and versions after it."""

    done: dict[str, Done] = field(default_factory=dict[str, Done])
    keys: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    versions: dict[str, dict[int, str]] = field(default_factory=dict[str, dict[int, str]])
    lost: str = ""
    second: str = ""


@pytest.fixture(scope="module")
def life(sandbox: Sandbox, stack: Stack) -> Life:
    """Lost responses in a first `up` and in a rotation; then a key of a function, and a version by hand."""
    seen = Life()
    google = Google(stack)

    def step(name: str, run: Callable[[], Done | subprocess.CompletedProcess[str]]) -> None:
        seen.done[name] = run()
        seen.keys[name] = google.keys("crm-backend")
        seen.versions[name] = google.versions("GROQ_API_KEY")

    def up() -> Done:
        return stack.pulumi("up", "--yes", "--skip-preview")

    def fault(operation: str, kind: str, path: str = "") -> None:
        body = {"operation": operation, "kind": kind, "path": path}
        stack_state.post_admin(stack.running.google_url, "/admin/faults", body)

    def look(name: str) -> None:
        step(f"verify {name}", lambda: ops(sandbox, "verify"))
        step(f"drift {name}", lambda: ops(sandbox, "drift"))

    fault(CREATE_KEY, "http_502_after")
    # By path: the order in which the engine sends the versions of three secrets differs from run to run.
    fault(ADD_VERSION, "http_502_after", "/secrets/GROQ_API_KEY")
    step("first up", up)
    look("with a lost key")
    (seen.lost,) = seen.keys["first up"] - {known_key(sandbox)}
    google.delete_key("crm-backend", seen.lost)
    step("second up", up)
    look("without")
    seen.second = google.create_key("crm-backend")
    stack_state.delete_admin(stack.running.google_url, "/admin/faults")
    stack.edit(
        lambda config: config.update(
            {"whatsapp-crm:serviceAccountKeyRotation": "2", "whatsapp-crm:pruneUnknownKeys": "true"}
        )
    )
    step("rotation", up)
    stack.edit(lambda config: config["whatsapp-crm:secrets"].update({"GROQ_API_KEY": "another-value-of-it"}))
    fault(ADD_VERSION, "http_504_after")
    step("new value, lost", up)
    step("new value", up)
    look("after the rotations")
    google.create_key("crm-fn")
    google.add_version("GROQ_API_KEY")
    look("with strangers")
    return seen


def known_key(sandbox: Sandbox) -> str:
    return next(
        str(one["id"]).rpartition("/")[2]
        for one in stack_state.exported(sandbox, "sandbox")
        if one["type"] == access.KEY
    )


@pytest.mark.e2e
def test_a_lost_response_to_the_creation_of_a_key_is_named_by_the_same_up(life: Life) -> None:
    done = life.done["first up"]
    assert done.returncode != 0
    assert len(life.keys["first up"]) == 2
    assert (
        f"command: gcloud iam service-accounts keys delete {life.lost} --iam-account {BACKEND} --project"
    ) in done.stdout


@pytest.mark.e2e
@pytest.mark.parametrize(("command", "code"), [("verify", 1), ("drift", 7)])
def test_it_is_named_until_it_is_deleted(life: Life, command: str, code: int) -> None:
    report = life.done[f"{command} with a lost key"]
    assert report.returncode == code, report.stdout
    assert f"keys delete {life.lost} --iam-account {BACKEND}" in report.stdout
    assert life.done["second up"].returncode == 0, life.done["second up"].stdout
    after = life.done[f"{command} without"]
    assert after.returncode == 0, after.stdout


@pytest.mark.e2e
def test_a_lost_version_is_disabled_by_the_same_up(life: Life) -> None:
    assert set(life.versions["first up"]) == {1, 2}
    assert life.versions["first up"][1] == "DISABLED"
    assert life.versions["first up"][2] == "ENABLED"


@pytest.mark.e2e
def test_a_rotation_ends_unknown_keys_if_that_is_allowed(life: Life) -> None:
    done = life.done["rotation"]
    assert done.returncode == 0, done.stdout
    assert len(life.keys["rotation"]) == 1
    assert not life.keys["rotation"] & {*life.keys["second up"], life.second}
    assert f"deleted the key {life.second} of {BACKEND}" in done.stdout


@pytest.mark.e2e
def test_a_version_lost_in_a_rotation_is_disabled_by_the_next_up(life: Life) -> None:
    assert life.done["new value, lost"].returncode != 0
    lost = life.versions["new value, lost"]
    assert {number for number, state in lost.items() if state == "ENABLED"} == {2, 3}
    assert life.done["new value"].returncode == 0, life.done["new value"].stdout
    assert life.versions["new value"] == {1: "DISABLED", 2: "DESTROYED", 3: "DISABLED", 4: "ENABLED"}
    verified = life.done["verify after the rotations"]
    assert verified.returncode == 0, verified.stdout
    # Its preview compares with the stack's own file, not with the one of this test.
    assert "Not in the state" not in life.done["drift after the rotations"].stdout


@pytest.mark.e2e
@pytest.mark.parametrize(("command", "code"), [("verify", 1), ("drift", 7)])
def test_a_key_of_a_function_and_a_version_by_hand_are_named(life: Life, command: str, code: int) -> None:
    report = life.done[f"{command} with strangers"]
    assert report.returncode == code, report.stdout
    assert f"--iam-account {RUNTIME} --project {GOOGLE_PROJECT}" in report.stdout
    assert "fix: gcloud secrets versions disable 5 --secret GROQ_API_KEY" in report.stdout
