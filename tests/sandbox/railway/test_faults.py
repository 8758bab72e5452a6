"""Injected faults: before the effect, after it, at the nth call; held requests."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.railway.store import WORKSPACE_ID
from tests.sandbox.railway.client import DOCUMENTS, MANUAL, Railway, nodes

pytestmark = pytest.mark.sandbox

WISH = {"name": "crm", "workspaceId": WORKSPACE_ID}


def projects(railway: Railway) -> int:
    """Return the number of projects, without affecting the counters."""
    return len(nodes(railway.with_headers(MANUAL).ok("Projects", w=WORKSPACE_ID)))


@pytest.mark.parametrize(("kind", "made"), [("refuse", 0), ("reset_before", 0), ("reset_after", 1)])
def test_the_connection_is_really_closed(railway: Railway, kind: str, made: int) -> None:
    railway.fault("ProjectCreate", kind)
    with pytest.raises(requests.ConnectionError):
        railway.reply("ProjectCreate", input=WISH)
    assert projects(railway) == made
    railway.ok("ProjectCreate", input=WISH)


@pytest.mark.parametrize(
    ("kind", "status", "text", "made"),
    [
        ("http_500", 500, "Internal Server Error", 0),
        ("http_502_before", 502, "error code: 502", 0),
        ("http_502_after", 502, "error code: 502", 1),
        ("http_504_before", 504, "error code: 504", 0),
        ("http_504_after", 504, "error code: 504", 1),
        ("edge_1015", 429, "error code: 1015", 0),
    ],
)
def test_plain_text_failures(railway: Railway, kind: str, status: int, text: str, made: int) -> None:
    railway.fault("ProjectCreate", kind)
    answer = railway.reply("ProjectCreate", input=WISH)
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert projects(railway) == made


def test_rate_429_has_retry_after(railway: Railway) -> None:
    railway.fault("ProjectCreate", "rate_429")
    answer = railway.reply("ProjectCreate", input=WISH)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert projects(railway) == 0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "creation_throttle",
            "You are creating environments too quickly. This workspace allows 1 environment per 30 seconds.",
        ),
        ("environment_throttle", "Only one environment can be created per user every 30s"),
        ("busy", "operation is already in progress"),
        ("internal_error", "Problem processing request"),
        ("not_authorized", "Not Authorized"),
    ],
)
def test_failures_that_come_as_200(railway: Railway, kind: str, message: str) -> None:
    railway.fault("ProjectCreate", kind)
    answer = railway.reply("ProjectCreate", input=WISH)
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    (error,) = answer.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == (message, "INTERNAL_SERVER_ERROR")
    assert projects(railway) == 0


def test_not_json_is_200_html(railway: Railway) -> None:
    railway.fault("ProjectCreate", "not_json")
    answer = railway.reply("ProjectCreate", input=WISH)
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_hang_returns_nothing_until_the_client_disconnects(railway: Railway) -> None:
    railway.fault("ProjectCreate", "hang")
    payload = {
        "query": DOCUMENTS["ProjectCreate"],
        "variables": {"input": WISH},
        "operationName": "ProjectCreate",
    }
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{railway.url}/graphql/v2?x=1", json=payload, headers=railway.headers, timeout=(30, 0.2)
        )
    assert projects(railway) == 0


def test_a_504_after_the_effect_is_possible_for_any_mutation(railway: Railway) -> None:
    made = railway.ok("ProjectCreate", input=WISH)
    where = {"projectId": made["id"], "environmentId": made["primaryEnvironmentId"]}
    railway.fault("*", "http_504_after", nth=1, times=3)
    assert railway.reply("ServiceCreate", input={**where, "name": "backend"}).status_code == 504
    assert railway.reply("VolumeCreate", input={**where, "mountPath": "/x"}).status_code == 504
    assert railway.reply("VarsUpsert", input={**where, "variables": {"A": "1"}}).status_code == 504
    railway.wait()
    seen = railway.ok("SnapshotRead", projectId=made["id"], environmentId=made["primaryEnvironmentId"])
    assert [row["name"] for row in nodes(seen["project"]["services"])] == ["backend"]
    assert len(nodes(seen["environment"]["volumeInstances"])) == 1
    assert seen["environment"]["config"]["sharedVariables"] == {"A": {"value": "1"}}


def test_a_fault_applies_to_the_nth_call_of_an_operation(railway: Railway) -> None:
    railway.fault("Me", "http_500", nth=2, times=2)
    seen = [(railway.reply("WhoAmIToken").status_code, railway.reply("Me").status_code) for _ in range(4)]
    assert seen == [(200, 200), (200, 500), (200, 500), (200, 200)]


def test_a_fault_applies_to_the_nth_call_of_all_operations(railway: Railway) -> None:
    railway.fault("*", "http_500", nth=3)
    seen = [(railway.reply("WhoAmIToken").status_code, railway.reply("Me").status_code) for _ in range(2)]
    assert seen == [(200, 200), (500, 200)]


def test_faults_can_be_cleared(railway: Railway) -> None:
    railway.fault("Me", "http_500")
    railway.http.delete(f"{railway.url}/admin/faults", timeout=30)
    railway.ok("Me")


def test_an_unknown_fault_is_rejected(railway: Railway) -> None:
    input_ = {"operation": "Me", "kind": "earthquake"}
    answer = railway.http.post(f"{railway.url}/admin/faults", json=input_, timeout=30)
    assert answer.status_code == 400
    assert "earthquake" in answer.json()["error"]


def test_a_manual_edit_is_not_counted_and_gets_no_fault(railway: Railway) -> None:
    railway.fault("*", "http_500", times=10)
    railway.with_headers(MANUAL).ok("ProjectCreate", input=WISH)
    assert railway.get("counters") == {"operations": {}, "requests": 0, "deployments": 0, "overlaps": 0}
    assert railway.reply("Me").status_code == 500


def test_requests_are_counted_by_operation_and_recorded(railway: Railway) -> None:
    railway.post("counters/reset")
    railway.ok("Me")
    railway.reply("Project", id="nobody")
    railway.send("query { apiToken { workspaces { id } } }")
    railway.send("not graphql at all")
    railway.with_headers(MANUAL).ok("Me")
    counted = railway.get("counters")
    assert counted["requests"] == 4
    assert counted["operations"] == {"(not GraphQL)": 1, "Me": 1, "Project": 1, "apiToken": 1}
    rows: list[dict[str, Any]] = railway.get("requests")
    assert [(row["operation"], row["status"], row["actor"]) for row in rows] == [
        ("Me", 200, "program"),
        ("Project", 200, "program"),
        ("apiToken", 200, "program"),
        ("(not GraphQL)", 400, "program"),
        ("Me", 200, "manual"),
    ]
    assert "body" not in rows[0]
    railway.post("counters/reset")
    assert railway.get("requests") == []


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_held_request_continues_when_resumed(railway: Railway, when: str, made: int) -> None:
    railway.post("hold", operation="ProjectCreate", nth=1, when=when)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(Railway(railway.url).ok, "ProjectCreate", input=WISH)
        held = railway.get("held")
        assert held.pop("client_port") > 0
        assert held == {"operation": "ProjectCreate", "when": when, "held": 1}
        assert projects(railway) == made
        assert railway.post("release") == {"released": 1}
        assert call.result()["name"] == "crm"
    assert projects(railway) == 1


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_client_killed_at_a_request_boundary(railway: Railway, when: str, made: int) -> None:
    railway.post("hold", operation="*", nth=2, when=when)
    program = (
        "import sys; from tests.sandbox.railway.client import Railway; r = Railway(sys.argv[1]); r.ok('Me');"
        f"r.ok('ProjectCreate', input={WISH!r})"
    )
    child = subprocess.Popen([sys.executable, "-c", program, railway.url])
    assert railway.get("held")["operation"] == "ProjectCreate"
    child.kill()
    child.wait()
    while (answer := railway.http.get(f"{railway.url}/admin/held?timeout=0.01", timeout=30)).ok:
        """The server is still finding out that its client has gone."""
    assert answer.status_code == 408
    assert projects(railway) == made


def test_waiting_for_a_held_request_has_a_time_out(railway: Railway) -> None:
    answer = railway.http.get(f"{railway.url}/admin/held?timeout=0.05", timeout=30)
    assert answer.status_code == 408


def test_an_invalid_hold_is_rejected(railway: Railway) -> None:
    answer = railway.http.post(f"{railway.url}/admin/hold", json={"when": "sometime"}, timeout=30)
    assert answer.status_code == 400
