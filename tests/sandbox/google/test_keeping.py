"""State files, counters, records, faults and secrets of the Google sandbox."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.google.app import create_app
from sandbox.google.store import Store
from sandbox.local_server import LocalServer
from tests.sandbox.google.client import (
    DATABASE,
    FUNCTIONS,
    PROJECT,
    SECRETS,
    SERVICES,
    Google,
    function,
    index,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sandbox

THREADS = f"{DATABASE}/collectionGroups/threads/indexes"
INDEX = index(("a", "ASCENDING"), ("b", "ASCENDING"))
INVOKER = {"role": "roles/run.invoker", "members": ["allUsers"]}
MANUAL = {"X-Sandbox-Actor": "manual"}
VALUE = "correct-horse-battery-staple"
ENCODED = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ=="


def read_everything(google: Google) -> dict[str, Any]:
    """Read everything that a client can read."""
    paths = (
        f"{FUNCTIONS}/hello",
        f"{SERVICES}/hello",
        f"{SERVICES}/hello:getIamPolicy",
        f"{SECRETS}/X/versions/1:access",
        f"{DATABASE}/collectionGroups/-/indexes",
        f"/storage/v1/b/{PROJECT}-crm-functions/o/src-1.zip",
        f"/iam/v1/projects/{PROJECT}/serviceAccounts",
        f"/serviceusage/v1/projects/{PROJECT}/services?filter=state:ENABLED",
        "/crm/v1/projects/another-project",
    )
    return {path: google.get(path) for path in paths}


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "google.state"
    state.parent.mkdir()
    with LocalServer(create_app(state)) as server:
        google = Google(server.url)
        google.switch(index_build_seconds=0)
        google.ready_for_functions()
        google.secret("X", VALUE)
        google.deploy("hello")
        google.post(f"{SERVICES}/hello:setIamPolicy", {"policy": {"bindings": [INVOKER]}})
        google.post(THREADS, INDEX)
        google.switch(operation_polls=1)
        pending = google.deploy("later")["name"]
        before = read_everything(google)
        google.http.close()
    with LocalServer(create_app(state)) as server:
        google = Google(server.url)
        assert read_everything(google) == before
        assert google.get(f"{FUNCTIONS}/later")["state"] == "DEPLOYING"
        assert google.get(f"/cloudfunctions/v2beta/{pending}")["done"] is True
        assert google.get(f"{FUNCTIONS}/later")["state"] == "ACTIVE"
        assert google.get("/admin/switches")["operation_polls"] == 1
        again = {"replication": {"automatic": {}}}
        google.error("POST", f"{SECRETS}?secretId=X", again, status=409, word="ALREADY_EXISTS")
        google.http.close()


def test_payloads_are_in_a_separate_private_file(tmp_path: Path) -> None:
    state = tmp_path / "google.state"
    with LocalServer(create_app(state)) as server:
        google = Google(server.url)
        google.enable("secretmanager")
        google.secret("X", VALUE, reader=None)
        for path in ("/admin/state", "/admin/requests", "/admin/counters"):
            text = google.send("GET", path).text
            assert VALUE not in text
            assert ENCODED not in text
        google.http.close()
    secrets = tmp_path / "google.state.secrets"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert ENCODED in secrets.read_text()
    assert ENCODED not in state.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [state.name, secrets.name]


def test_a_destroyed_payload_is_gone_from_the_file_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "google.state"
    with LocalServer(create_app(state)) as server:
        google = Google(server.url)
        google.enable("secretmanager")
        google.secret("X", VALUE, reader=None)
        google.post(f"{SECRETS}/X/versions/1:destroy")
        google.http.close()
    create_app(state)
    assert ENCODED not in (tmp_path / "google.state.secrets").read_text()


def test_an_incomplete_line_is_dropped_and_complete_ones_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    store = Store(file)
    store.put("a", "1", {"x": 1})
    store.put("a", "2", {"x": 2})
    store.remove("a", "1")
    store.commit()
    with file.open("a") as journal:
        journal.write('["a","3",{"x"')
    again = Store(file)
    assert dict(again.items("a")) == {"2": {"x": 2}}
    assert [json.loads(line) for line in file.read_text().splitlines()] == [["a", "2", {"x": 2}]]


def test_what_is_not_committed_is_not_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    store = Store(file)
    store.put("a", "1", {})
    assert not file.exists()
    store.commit()
    assert Store(file).get("a", "1") == {}


def test_stored_values_are_copies(tmp_path: Path) -> None:
    store, value = Store(tmp_path / "journal"), {"x": [1]}
    store.put("a", "1", value)
    value["x"].append(2)
    assert store.get("a", "1") == {"x": [1]}


def test_calls_are_counted_by_method_and_reset(google: Google) -> None:
    google.enable("firestore")
    google.get(THREADS)
    google.get(THREADS)
    counters = google.get("/admin/counters")
    name = "GET firestore.projects.databases.collectionGroups.indexes.list"
    assert counters["operations"] == {"POST serviceusage.services.enable": 1, name: 2}
    assert counters["requests"] == 3
    google.post("/admin/counters/reset")
    assert google.get("/admin/counters") == {"operations": {}, "requests": 0}
    assert google.send("GET", "/admin/requests").json() == []


def test_a_manual_edit_is_not_counted_and_gets_no_fault(google: Google) -> None:
    google.enable("firestore")
    google.post("/admin/counters/reset")
    google.post("/admin/faults", {"operation": "*", "kind": "http_500", "times": 99})
    google.get(THREADS, headers=MANUAL)
    assert google.get("/admin/counters")["requests"] == 0
    (record,) = google.send("GET", "/admin/requests").json()
    assert (record["actor"], record["status"]) == ("manual", 200)
    google.call("GET", THREADS, status=500)


def test_requests_are_recorded_with_their_bodies_and_without_secrets(google: Google) -> None:
    google.enable("secretmanager")
    google.secret("X", VALUE, reader=None)
    google.get(f"{SECRETS}/X?access_token=very-secret")
    records = google.send("GET", "/admin/requests").json()
    assert [record["operation"] for record in records] == [
        "POST serviceusage.services.enable",
        "POST secretmanager.projects.secrets.create",
        "POST secretmanager.projects.secrets.addVersion",
        "GET secretmanager.projects.secrets.get",
    ]
    assert records[1]["body"] == {"replication": {"automatic": {}}}
    assert records[1]["path"] == f"{SECRETS}?secretId=X"
    assert records[2]["body"] == {"payload": {"data": "(secret)"}}
    assert "very-secret" not in str(records)
    assert all(record["status"] == 200 and record["actor"] == "program" for record in records)


def plan(google: Google, kind: str, **rest: Any) -> None:
    operation = "POST firestore.projects.databases.collectionGroups.indexes.create"
    google.post("/admin/faults", {"operation": operation, "kind": kind, **rest})


def built(google: Google) -> int:
    return len(google.get(THREADS, headers=MANUAL).get("indexes", []))


@pytest.mark.parametrize(("kind", "effect"), [("refuse", 0), ("reset_before", 0), ("reset_after", 1)])
def test_faults_that_close_the_connection(google: Google, kind: str, effect: int) -> None:
    google.enable("firestore")
    plan(google, kind)
    with pytest.raises(requests.ConnectionError):
        google.send("POST", THREADS, INDEX)
    assert built(google) == effect
    assert google.send("GET", "/admin/requests").json()[-2]["status"] == 0
    google.get(THREADS)


@pytest.mark.parametrize(
    ("kind", "status", "text", "effect"),
    [
        ("http_500", 500, "Internal error encountered.", 0),
        ("http_502_before", 502, "error code: 502", 0),
        ("http_502_after", 502, "error code: 502", 1),
        ("http_504_before", 504, "error code: 504", 0),
        ("http_504_after", 504, "error code: 504", 1),
        ("rate_429", 429, "RESOURCE_EXHAUSTED", 0),
        ("edge_1015", 429, "error code: 1015", 0),
        ("not_json", 200, "<html>", 0),
    ],
)
def test_faults_with_a_response(google: Google, kind: str, status: int, text: str, effect: int) -> None:
    google.enable("firestore")
    plan(google, kind)
    answer = google.send("POST", THREADS, INDEX)
    assert (answer.status_code, built(google)) == (status, effect)
    assert text in answer.text
    if kind == "rate_429":
        assert answer.headers["Retry-After"] == "1"
    assert google.send("POST", THREADS, INDEX).status_code == (409 if effect else 200)


def test_a_hanging_call_ends_with_the_clients_time_out(google: Google) -> None:
    google.enable("firestore")
    plan(google, "hang")
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{google.url}{THREADS}", json=INDEX, headers={"Authorization": "Bearer x"}, timeout=(30, 0.3)
        )
    assert built(google) == 0


def test_a_fault_applies_from_the_nth_call_a_number_of_times(google: Google) -> None:
    google.enable("firestore")
    google.post("/admin/faults", {"operation": "*", "kind": "http_502_before", "nth": 2, "times": 2})
    assert [google.send("GET", THREADS).status_code for _ in range(5)] == [200, 502, 502, 200, 200]
    google.post("/admin/faults", {"operation": "*", "kind": "http_502_before", "times": 9})
    google.call("GET", THREADS, status=502)
    google.delete("/admin/faults")
    google.get(THREADS)


def test_a_fault_with_a_path_counts_only_calls_to_it(google: Google) -> None:
    google.enable("firestore")
    fault = {"operation": "*", "kind": "http_502_before", "path": "/collectionGroups/threads/"}
    google.post("/admin/faults", fault)
    google.get(THREADS.replace("threads", "clients"))
    google.call("GET", THREADS, status=502)
    google.get(THREADS)


@pytest.mark.parametrize(
    "body",
    [
        {"operation": "*", "kind": "creation_throttle"},
        {"operation": "*", "kind": "http_500", "nth": 0},
        {"kind": "http_500"},
        {"operation": "*", "kind": "http_500", "colour": "red"},
    ],
)
def test_an_invalid_fault_is_rejected(google: Google, body: dict[str, Any]) -> None:
    assert google.send("POST", "/admin/faults", body).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"colour": 1},
        {"operation_polls": "1"},
        {"operation_polls": True},
        {"enforce_enablement": 1},
        {"firestore_location": 5},
    ],
)
def test_an_invalid_switch_is_rejected_and_nothing_changes(google: Google, body: dict[str, Any]) -> None:
    before = google.get("/admin/switches")
    assert google.send("POST", "/admin/switches", {"index_build_seconds": 9, **body}).status_code == 400
    assert google.get("/admin/switches") == before


def test_operations_need_polls_and_seconds_and_are_listed(google: Google) -> None:
    google.ready_for_functions()
    google.switch(operation_seconds=3600)
    operation = google.deploy("hello")
    assert "done" not in google.get(f"/cloudfunctions/v2/{operation['name']}")
    listed = google.get(FUNCTIONS.replace("/functions", "/operations"))["operations"]
    assert [one["name"] for one in listed] == [operation["name"]]
    google.error("GET", f"/cloudfunctions/v2/{operation['name']}x", status=404, word="NOT_FOUND")
    google.error("PATCH", f"{FUNCTIONS}/hello", function("hello"), status=409, word="ABORTED")
