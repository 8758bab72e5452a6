"""Variables and the deployments that they cause."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.railway.client import Railway, Stack

pytestmark = pytest.mark.sandbox


def written(railway: Railway, stack: Stack) -> dict[str, Any]:
    """Return the user variables, without Railway's own."""
    found = railway.ok("Vars", p=stack.project, **stack.place)
    return {name: value for name, value in found.items() if not name.startswith("RAILWAY_")}


def test_an_upsert_deploys_unless_skipped(railway: Railway, stack: Stack) -> None:
    stack.connect()
    stack.deployed()
    stack.variables({"A": "1", "B": "2"}, skipDeploys=True)
    assert railway.deployments == 1
    stack.variables({"A": "3"}, skipDeploys=False)
    assert railway.deployments == 2
    one = {"projectId": stack.project, **stack.ids, "name": "C", "value": "4"}
    railway.ok("VarUpsert", input={**one, "skipDeploys": True})
    assert railway.deployments == 2
    railway.ok("VarUpsert", input=one)
    assert railway.deployments == 3
    assert written(railway, stack) == {"A": "3", "B": "2", "C": "4"}


def test_an_upsert_does_not_deploy_if_the_switch_is_set(railway: Railway, stack: Stack) -> None:
    railway.switch(variable_upsert_deploys=False)
    stack.connect()
    stack.deployed()
    stack.variables({"A": "1"}, skipDeploys=False)
    assert railway.deployments == 1


def test_a_delete_always_deploys(railway: Railway, stack: Stack) -> None:
    stack.connect()
    stack.deployed()
    stack.variables({"A": "1"})
    railway.ok("VarDelete", input={"projectId": stack.project, **stack.ids, "name": "A"})
    assert railway.deployments == 2
    assert written(railway, stack) == {}


def test_a_service_without_a_source_has_nothing_to_redeploy(railway: Railway, stack: Stack) -> None:
    stack.variables({"A": "1"}, skipDeploys=False)
    assert railway.deployments == 0


def test_a_connected_service_that_never_deployed_deploys_or_not(railway: Railway, stack: Stack) -> None:
    stack.connect()
    railway.switch(variable_deploys_never_deployed=False)
    stack.variables({"A": "1"}, skipDeploys=False)
    assert railway.deployments == 0
    railway.switch(variable_deploys_never_deployed=True)
    stack.variables({"A": "2"}, skipDeploys=False)
    assert railway.deployments == 1


def test_a_redeploy_by_variable_keeps_the_commit(railway: Railway, stack: Stack) -> None:
    stack.connect()
    before = railway.ok("Everything", id=stack.deployed())["meta"]["commitHash"]
    railway.switch(autodeploy_on_push=False)
    railway.post("repos", repo="example/whatsapp-crm", branch="main", sha="e" * 40)
    stack.variables({"A": "1"}, skipDeploys=False)
    assert stack.instance()["latestDeployment"]["meta"]["commitHash"] == before


def test_replace_removes_the_others(railway: Railway, stack: Stack) -> None:
    stack.variables({"A": "1", "B": "2"})
    stack.variables({"B": "3"})
    assert written(railway, stack) == {"A": "1", "B": "3"}
    stack.variables({"B": "3", "C": "4"}, replace=True)
    assert written(railway, stack) == {"B": "3", "C": "4"}


def test_unrendered_keeps_references_and_rendered_resolves_them(railway: Railway, stack: Stack) -> None:
    shared = {"projectId": stack.project, "environmentId": stack.environment, "skipDeploys": True}
    railway.ok("VarsUpsert", input={**shared, "variables": {"TEAM": "crm"}})
    other = railway.ok(
        "ServiceCreate",
        input={"projectId": stack.project, "environmentId": stack.environment, "name": "my-db.1"},
    )["id"]
    railway.ok(
        "VarsUpsert", input={**shared, "serviceId": other, "variables": {"URL": "pg://${{shared.TEAM}}"}}
    )
    values = {"A": '${{ "my-db.1".URL }}/x', "B": "${{shared.TEAM}}", "C": "${{A}}!", "D": "${{D}}"}
    stack.variables(values)
    assert written(railway, stack) == values
    rendered = railway.ok("RenderedVars", p=stack.project, **stack.place)
    assert {name: rendered[name] for name in values} == {
        "A": "pg://crm/x",
        "B": "crm",
        "C": "pg://crm/x!",
        "D": "${{D}}",
    }
    assert railway.ok("SnapshotReadVars", projectId=stack.project, **stack.ids)["sharedVars"] == {
        "TEAM": "crm"
    }


def test_railway_variables_are_included_or_not(railway: Railway, stack: Stack) -> None:
    found = railway.ok("Vars", p=stack.project, **stack.place)
    assert found["RAILWAY_SERVICE_NAME"] == "backend"
    railway.switch(railway_variables_in_unrendered=False)
    assert railway.ok("Vars", p=stack.project, **stack.place) == {}
    assert "RAILWAY_SERVICE_NAME" in railway.ok("RenderedVars", p=stack.project, **stack.place)


def test_a_sealed_variable_has_no_visible_value_but_is_deployed(railway: Railway, stack: Stack) -> None:
    stack.variables({"A": "secret"})
    railway.post("seal", environment_id=stack.environment, service_id=stack.service, name="A")
    assert written(railway, stack) == {"A": None}
    config = railway.ok("EnvConfig", id=stack.environment)["config"]["services"][stack.service]
    assert config["variables"] == {"A": {"value": None, "isSealed": True}}
    assert railway.ok("RenderedVars", p=stack.project, **stack.place)["A"] == "secret"
    stack.variables({}, replace=True)
    assert written(railway, stack) == {}


def test_a_shared_variable_is_given_to_services(railway: Railway, stack: Stack) -> None:
    stack.connect()
    stack.deployed()
    shared = {"projectId": stack.project, "environmentId": stack.environment}
    railway.ok("VarsUpsert", input={**shared, "variables": {"TEAM": "crm"}})
    assert railway.deployments == 1
    input_ = {**shared, "name": "TEAM", "enabledServiceIds": [stack.service], "disabledServiceIds": []}
    railway.ok("SharedConfigure", input=input_)
    assert written(railway, stack) == {"TEAM": "${{shared.TEAM}}"}
    railway.ok("VarsUpsert", input={**shared, "variables": {"TEAM": "sales"}})
    assert railway.deployments == 2
    input_ |= {"enabledServiceIds": [], "disabledServiceIds": [stack.service]}
    railway.ok("SharedConfigure", input=input_)
    assert written(railway, stack) == {}


def test_variable_values_must_be_strings_with_a_name(railway: Railway, stack: Stack) -> None:
    input_ = {"projectId": stack.project, **stack.ids}
    assert "must be a string" in railway.fails("VarsUpsert", input={**input_, "variables": {"A": 1}})
    assert "empty" in railway.fails("VarsUpsert", input={**input_, "variables": {"": "x"}})
