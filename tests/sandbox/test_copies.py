"""Copies of real objects on a sandbox (`ops adopt --rehearse`): what was copied can be copied again, and is
the same; what must stay behind stays behind; and what a server computes exists.

The "real" clouds are sandboxes too: the recorded deployment of firebase-tools, and a Railway project made by
hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from firebase.errors import JsonObject
from ops.adopt import google_copy, railway_copy
from ops.adopt.live import CountedApi
from railway.graphql.credentials import access_from
from sandbox import copies, environment, stack_state
from sandbox.google import copied as google_copied
from sandbox.google.app import create_app as google_app
from sandbox.google.cloud import Cloud
from sandbox.local_server import LocalServer
from sandbox.railway import deploys
from sandbox.railway.app import create_app as railway_app
from sandbox.railway.copied import PLACEHOLDER, store_of
from sandbox.supervisor import Running, SandboxError
from tests.e2e.firebase_project import RECORDING
from tests.e2e.test_adoption import OLD_VALUE, production

pytestmark = pytest.mark.sandbox

PROJECT = environment.GOOGLE_PROJECT
BASE = f"projects/{PROJECT}"
PLACE = f"{BASE}/locations/europe-west1"
SECONDS = 30
EXACT = ("cloudfunctions", "cloudscheduler", "cloudtasks", "firestore", "firebaserules", "pubsub", "run")
"""The products whose objects are copied whole, but for values."""


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Starts servers; they end with the test."""
    with ExitStack() as kept:
        yield lambda app: kept.enter_context(LocalServer(app)).url


def write_recording(folder: Path) -> Path:
    """The recorded deployment as the state of a Google sandbox."""
    for name, lines in json.loads(RECORDING.read_text()).items():
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "google.json"


def google_api(url: str) -> CountedApi:
    """A client of a Google sandbox."""
    return CountedApi(environment.endpoints("http://127.0.0.1:9", url, "", ""))


def google(url: str, method: str, path: str, body: JsonObject | None = None) -> Any:
    """A request to a Google sandbox."""
    headers = {"Authorization": f"Bearer {environment.GOOGLE_TOKEN}"}
    response = requests.request(method, f"{url}/{path}", json=body, headers=headers, timeout=SECONDS)
    response.raise_for_status()
    return response.json()


def google_copy_of(url: str) -> JsonObject:
    """A copy of everything; nothing may be missing."""
    copy, denied = google_copy.read(google_api(url), PROJECT, "(default)", ["europe-west1", "us-east1"])
    assert not denied
    return copy


def rows(copy: JsonObject) -> dict[str, JsonObject]:
    """The objects of a copy by product and name, without what each server computes for itself."""
    return {
        f"{one['product']} {one['object']['name']}": {
            name: value for name, value in one["object"].items() if name != "earliestVersionTime"
        }
        for one in copy["objects"]
    }


def test_a_copied_google_project_is_the_same(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    url = serve(google_app(write_recording(tmp_path)))
    queue = {"name": f"{PLACE}/queues/work"}
    google(url, "POST", f"serviceusage/v1/{BASE}/services/cloudtasks.googleapis.com:enable", {})
    google(url, "POST", f"cloudtasks/v2/{PLACE}/queues", queue)
    google(url, "PUT", f"pubsub/v1/{BASE}/topics/orders", {})
    weekly = {"retention": "604800s", "weeklyRecurrence": {"day": "SUNDAY"}}
    google(url, "POST", f"firestore/v1/{BASE}/databases/(default)/backupSchedules", weekly)
    first = google_copy_of(url)
    (tmp_path / "copy").mkdir()
    copies.write(tmp_path / "copy", {"google": first, "railway": EMPTY_RAILWAY})
    again = google_copy_of(serve(google_app(tmp_path / "copy" / "google.json")))
    assert rows(first) == rows(again)
    assert first["policies"] == again["policies"]
    assert first["apis"] == again["apis"]
    assert {one["name"] for one in first["buckets"]} <= {one["name"] for one in again["buckets"]}
    kinds = {one["product"] for one in first["objects"]}
    assert kinds == {*EXACT, "iam", "secretmanager"} - ({"iam"} - kinds)


def test_what_is_secret_stays_behind(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    secret = "the-key-of-a-third-party"
    url = serve(google_app(write_recording(tmp_path)))
    function = google(url, "GET", f"cloudfunctions/v2/{PLACE}/functions")["functions"][0]
    variables = {**function["serviceConfig"].get("environmentVariables", {}), "THIRD_PARTY": secret}
    body = {**function, "serviceConfig": {**function["serviceConfig"], "environmentVariables": variables}}
    google(url, "PATCH", f"cloudfunctions/v2/{function['name']}", body)
    target = {"uri": "https://example.com", "headers": {"Authorization": secret}, "body": "c2VjcmV0"}
    job = {"name": f"{PLACE}/jobs/call", "schedule": "* * * * *", "httpTarget": target}
    google(url, "POST", f"cloudscheduler/v1/{PLACE}/jobs", job)
    requests.post(f"{url}/admin/counters/reset", json={}, timeout=SECONDS)
    copy = google_copy_of(url)
    asked = requests.get(f"{url}/admin/counters", timeout=SECONDS).json()["operations"]
    text = json.dumps(copy)
    assert secret not in text
    assert "c2VjcmV0" not in text
    found = rows(copy)[f"cloudfunctions {function['name']}"]["serviceConfig"]["environmentVariables"]
    assert found["THIRD_PARTY"] == google_copy.PLACEHOLDER
    assert found.get("FIREBASE_CONFIG", "").startswith("{"), "the Firebase CLI's own variables are kept"
    assert not [name for name in asked if name.endswith(".access")]


def test_a_copy_has_what_google_computes(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    """A relabelled function is deployed again from the archive that it names."""
    first = google_copy_of(serve(google_app(write_recording(tmp_path))))
    (tmp_path / "copy").mkdir()
    copies.write(tmp_path / "copy", {"google": first, "railway": EMPTY_RAILWAY})
    url = serve(google_app(tmp_path / "copy" / "google.json"))
    name = google(url, "GET", f"cloudfunctions/v2/{PLACE}/functions")["functions"][0]["name"]
    path = f"cloudfunctions/v2/{name}?updateMask=labels"
    operation = google(url, "PATCH", path, {"name": name, "labels": {"deployment-tool": "pulumi"}})
    assert "error" not in operation, operation
    account = next(one for one in first["policies"] if one["resource"] == BASE)["policy"]
    google(url, "POST", f"crm/v1/{BASE}:setIamPolicy", {"policy": account})


def test_versions_of_secrets_go_on_counting(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    url = serve(google_app(write_recording(tmp_path)))
    path = f"secretmanager/v1/{BASE}/secrets/GROQ_API_KEY"
    google(url, "POST", f"{path}:addVersion", {"payload": {"data": "eA=="}})
    cloud = Cloud(None, None)
    google_copied.put(cloud, google_copy_of(url))
    assert cloud.store.get("counters", f"versions/{PROJECT}/GROQ_API_KEY") == 2
    payload = cloud.secrets.get("payloads", f"{PROJECT}/GROQ_API_KEY/2")
    assert payload == google_copied.PAYLOAD


def test_what_is_being_built_is_ready_in_the_copy() -> None:
    index = f"{BASE}/databases/(default)/collectionGroups/threads/indexes/one"
    overrides = f"{BASE}/databases/(default)/collectionGroups/threads/fields/at"
    building = {
        "name": overrides,
        "indexConfig": {"indexes": [{"state": "CREATING"}]},
        "ttlConfig": {"state": "CREATING"},
    }
    cloud = Cloud(None, None)
    copy: JsonObject = {
        "project": {"projectId": PROJECT, "projectNumber": "7"},
        "apis": [],
        "buckets": [],
        "policies": [],
        "objects": [
            {"product": "firestore", "object": {"name": index, "state": "CREATING"}},
            {"product": "firestore", "object": building},
        ],
    }
    google_copied.put(cloud, copy)
    kept = cloud.store.dump()
    assert kept[f"firestore/{index.rpartition('/')[0]}"]["one"]["state"] == "READY"
    field = kept[f"firestore/{overrides.rpartition('/')[0]}"]["at"]
    assert field["indexConfig"]["indexes"][0]["state"] == "READY"
    assert field["ttlConfig"]["state"] == "ACTIVE"


EMPTY_RAILWAY: JsonObject = {"workspaces": {"w": "W"}, "projects": [], "repos": {}}


def railway_access(url: str) -> Any:
    """The address and the token of a Railway sandbox."""
    variables = {"RAILWAY_API_URL": f"{url}/graphql/v2", "RAILWAY_API_TOKEN": environment.RAILWAY_TOKEN}
    return access_from(variables, lambda _key: None)


def railway_copy_of(url: str, **settings: str) -> JsonObject:
    """A copy of a Railway sandbox; nothing may be missing."""
    config = {f"whatsapp-crm:{key}": value for key, value in settings.items()}
    copy, denied = railway_copy.read(railway_access(url), config.get, "whatsapp-crm/prod")
    assert not denied
    return copy


def hand_made(url: str) -> dict[str, str]:
    """A Railway project made in the dashboard, with a sealed variable and backups."""
    running = Running(pid=0, railway_url=url, google_url="", firestore_host="")
    ids = production(running)
    state = json.loads(stack_state.get_admin(url, "/admin/state"))
    place = next(iter(state["environments"]))
    seal = {"environment_id": place, "service_id": ids["Service"], "name": "OLDER"}
    stack_state.post_admin(url, "/admin/seal", seal)
    return ids


def test_a_copied_railway_project_is_the_same(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    url = serve(railway_app())
    ids = hand_made(url)
    first = railway_copy_of(url, railwayProjectId=ids["Project"])
    store_of(first).save(tmp_path / "railway.json")
    again = railway_copy_of(serve(railway_app(tmp_path / "railway.json")), railwayProjectId=ids["Project"])
    assert first == again
    content = first["environment"]
    assert content["instances"][0]["settings"]["healthcheckPath"] == "/alive"
    assert content["instances"][0]["settings"]["cronSchedule"] == "0 3 * * *"
    assert content["instances"][0]["deployments"][0]["status"] == "FAILED"
    assert content["volumes"][0]["mountPath"] == "/app/sessions"
    assert [one["branch"] for one in content["triggers"]] == ["audit-whatsapp-30"]
    assert len(content["instances"][0]["domains"]) == 1
    assert {"name": "OLDER", "sealed": True} in content["instances"][0]["variables"]


@pytest.mark.parametrize("status", ["SUCCESS", "SLEEPING", "CRASHED", "FAILED", "REMOVED"])
def test_a_deployment_that_has_ended_stays_as_it_is(serve: Callable[[Any], str], status: str) -> None:
    url = serve(railway_app())
    copy = railway_copy_of(url, railwayProjectId=hand_made(url)["Project"])
    copy["environment"]["instances"][0]["deployments"][0]["status"] = status
    store = store_of(copy)
    assert not deploys.advance(store)
    assert [one.status for one in store.deployments.values()] == [status]


def test_no_value_of_a_variable_is_copied(serve: Callable[[Any], str]) -> None:
    url = serve(railway_app())
    copy = railway_copy_of(url, railwayProjectId=hand_made(url)["Project"])
    assert OLD_VALUE not in json.dumps(copy)
    store = store_of(copy)
    assert {one.value for one in store.variables.values()} == {PLACEHOLDER}


def test_a_project_with_the_marker_of_the_stack_is_found(serve: Callable[[Any], str]) -> None:
    url = serve(railway_app())
    ids = hand_made(url)
    workspace = railway_copy_of(url, railwayProjectId=ids["Project"])["project"]["workspaceId"]
    unmarked = railway_copy_of(url, railwayWorkspaceId=workspace)
    assert "project" not in unmarked
    assert [one["name"] for one in unmarked["projects"]] == ["crm"]
    mutation = "mutation($id: String!, $i: ProjectUpdateInput!) { projectUpdate(id: $id, input: $i) { id } }"
    body = {
        "query": mutation,
        "variables": {"id": ids["Project"], "i": {"description": "[pulumi:whatsapp-crm/prod]"}},
    }
    headers = {"Authorization": f"Bearer {environment.RAILWAY_TOKEN}"}
    requests.post(f"{url}/graphql/v2", json=body, headers=headers, timeout=SECONDS).raise_for_status()
    found = railway_copy_of(url, railwayWorkspaceId=workspace)
    assert found["project"]["id"] == ids["Project"]
    assert not found["projects"]


def test_what_a_viewer_may_not_read_is_named(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    """The rest is copied."""
    google_url, railway_url = serve(google_app(write_recording(tmp_path))), serve(railway_app())
    viewer = environment.endpoints("http://127.0.0.1:9", google_url, "", "")
    viewer["GOOGLE_OAUTH_ACCESS_TOKEN"] = environment.GOOGLE_VIEWER_TOKEN
    copy, denied = google_copy.read(CountedApi(viewer), PROJECT, "(default)", ["europe-west1"])
    assert not copy["policies"]
    assert f"IAM policy of {BASE}/secrets/GROQ_API_KEY (no right to read)" in denied
    assert rows(copy).keys() == rows(google_copy_of(google_url)).keys()
    ids = hand_made(railway_url)
    token = {"kind": "account", "token": "viewer", "viewer": True}
    stack_state.post_admin(railway_url, "/admin/tokens", token)
    variables = {"RAILWAY_API_URL": f"{railway_url}/graphql/v2", "RAILWAY_API_TOKEN": "viewer"}
    config = {"whatsapp-crm:railwayProjectId": ids["Project"]}
    copy, denied = railway_copy.read(
        access_from(variables, lambda _key: None), config.get, "whatsapp-crm/prod"
    )
    assert not copy["environment"]["instances"][0]["variables"]
    assert len([one for one in denied if one.startswith("names of the variables")]) == 2


def test_a_sandbox_with_a_state_takes_no_copies(tmp_path: Path) -> None:
    (tmp_path / "railway.json").write_text("{}")
    with pytest.raises(SandboxError, match="fix: choose a new folder"):
        copies.write(tmp_path, {"google": {}, "railway": {}})
