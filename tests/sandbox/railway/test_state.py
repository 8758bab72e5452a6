"""The state across restarts, and the switches."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from sandbox.railway.resolvers import FIELDS
from sandbox.railway.schema import build
from sandbox.railway.store import load
from sandbox.railway.switches import UNVERIFIED, Switches
from tests.sandbox.railway.client import Railway, Stack, nodes

pytestmark = pytest.mark.sandbox


def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "railway.json"
    with LocalServer(create_app(state)) as server:
        railway = Railway(server.url)
        stack = Stack(railway)
        stack.healthy()
        domain = stack.domain()
        deployment = stack.deployed()
        volume = nodes(stack.read()["environment"]["volumeInstances"])[0]["volumeId"]
        railway.post(f"volumes/{volume}/files", a="text")
        railway.switch(missing_response="not_authorized")
        before, world = stack.read(), railway.get("state")
        railway.http.close()
    with LocalServer(create_app(state)) as server:
        railway = stack.railway = Railway(server.url)
        after = railway.get("state")
        assert {key: after[key] for key in after if key != "tokens"} == {
            key: world[key] for key in world if key != "tokens"
        }
        assert stack.read() == before
        assert stack.status(deployment) == "SUCCESS"
        assert railway.visit(domain).status_code == 200
        assert railway.get(f"volumes/{volume}/files") == {stack.environment: {"a": "text"}}
        assert railway.fails("Project", id="nobody") == "Not Authorized"
        railway.http.close()


def test_every_mutation_is_saved_before_the_response(tmp_path: Path) -> None:
    state = tmp_path / "railway.json"
    with LocalServer(create_app(state)) as server:
        railway = Railway(server.url)
        stack = Stack(railway)
        stack.variables({"A": "1"})
        assert [row.value for row in load(state).variables.values()] == ["1"]
        railway.fault("VarsUpsert", "http_504_after")
        input_ = {"projectId": stack.project, **stack.ids, "variables": {"A": "2"}, "skipDeploys": True}
        railway.reply("VarsUpsert", input=input_)
        assert [row.value for row in load(state).variables.values()] == ["2"]
        assert [path.name for path in tmp_path.iterdir()] == ["railway.json"]
        railway.http.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"switches": {}}'])
def test_a_broken_state_file_is_an_error(tmp_path: Path, text: str) -> None:
    state = tmp_path / "railway.json"
    state.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"railway\.json|Expecting value"):
        create_app(state)


@pytest.mark.parametrize(
    "input_",
    [
        {"no_such_switch": 1},
        {"plan": "enterprise"},
        {"deploy_step_seconds": "fast"},
        {"hourly_budget": 1.5},
        {"strict_repos": 1},
        {"deploy_outcomes_next": ["explode"]},
        {"deploy_outcome": "explode"},
        {"backend_routes": [1]},
    ],
)
def test_a_wrong_switch_is_rejected_and_changes_nothing(railway: Railway, input_: dict[str, Any]) -> None:
    before = railway.get("switches")
    answer = railway.http.post(f"{railway.url}/admin/switches", json={"page_limit": 3, **input_}, timeout=30)
    assert answer.status_code == 400
    assert next(iter(input_)) in answer.json()["error"] or "outcomes" in answer.json()["error"]
    assert railway.get("switches") == before


def test_every_switch_is_tested_here() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    names = {item.name for item in fields(Switches)} - {*UNVERIFIED}  # tested in test_switches
    assert [name for name in sorted(names) if f"{name}=" not in tests] == []


def test_reset_restores_the_initial_state(railway: Railway) -> None:
    stack = Stack(railway)
    railway.switch(page_limit=1)
    railway.fault("Me", "http_500")
    railway.post("hold", operation="Me", nth=1, when="before")
    railway.post("reset")
    railway.ok("Me")
    assert railway.fails("Project", id=stack.project) == "Project not found"
    assert railway.get("switches") == Switches().as_dict()
    assert railway.get("counters")["operations"] == {"Me": 1, "Project": 1}
    assert railway.reply("Me").headers["X-RateLimit-Remaining"] == "9997"


@pytest.mark.parametrize(
    "path", ["tokens", "dns", "seal", "clock", "deployments/x", "volumes/x/files", "volumes/x/fill"]
)
def test_invalid_admin_requests_are_rejected(railway: Railway, path: str) -> None:
    answer = railway.http.post(f"{railway.url}/admin/{path}", json={}, timeout=30)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]


def test_a_defect_of_the_sandbox_is_not_returned_as_railways_error() -> None:
    with pytest.raises(KeyError):
        build({**FIELDS, "Query.nothing": lambda _source, _call: None})
    with pytest.raises(KeyError):
        build({name: function for name, function in FIELDS.items() if name != "Query.me"})
    assert not issubclass(GraphQLError, KeyError)
