"""The whole map of a service: exclusive, secret, compared as authored."""

from __future__ import annotations

from typing import Any

import pytest

from railway.graphql.credentials import access_from
from railway.variables import VariablesProvider
from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_world import VARIABLES, Declared, Engine, World, first_up

pytestmark = pytest.mark.conformance


def edit_variables(world: World, engine: Engine, **variables: str) -> None:
    """Set variables in the dashboard."""
    world.manual(
        "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }",
        i={
            "projectId": engine.id("project"),
            "environmentId": engine.id("environment"),
            "serviceId": engine.id("service"),
            "variables": variables,
            "skipDeploys": True,
        },
    )


def live(world: World, engine: Engine) -> dict[str, Any]:
    """What is there."""
    found = world.manual(
        "query($p: String!, $e: String!, $s: String!)"
        " { variables(projectId: $p, environmentId: $e, serviceId: $s, unrendered: true) }",
        p=engine.id("project"),
        e=engine.id("environment"),
        s=engine.id("service"),
    )["variables"]
    return {name: value for name, value in found.items() if not name.startswith("RAILWAY_")}


def test_a_railway_variable_that_users_set_is_drift(railway: World) -> None:
    """It is never removed unseen; the ones that Railway provides are no drift."""
    engine = first_up(railway)
    edit_variables(railway, engine, RAILWAY_RUN_UID="0")
    with railway.operation() as process:
        drift = engine.refresh(process)
        assert drift["variables"]["names"][1]["RAILWAY_RUN_UID"] == "added on Railway"
        assert not {name for name in drift["variables"]["names"][1] if name.startswith("RAILWAY_SERVICE")}
        declared = Declared(variables=VARIABLES | {"RAILWAY_RUN_UID": "0"})
        assert engine.up(process, declared) == []  # declared as it is on Railway
        assert engine.refresh(process) == {}
        assert "RAILWAY_RUN_UID" in {row["name"] for row in railway.rows("variables")}
        assert engine.up(process, Declared()) == ["update variables", "update deployment"]
    assert "RAILWAY_RUN_UID" not in {row["name"] for row in railway.rows("variables")}


@pytest.mark.parametrize("reading", ["allowed", "masked", "refused"])
def test_drift_is_reported_by_name_and_reset_with_one_deployment(railway: World, reading: str) -> None:
    """However the token may read the environment's config."""
    token = {
        "kind": "workspace",
        "token": "workspace-token",
        "workspace_id": "b7d1c0de-0000-4000-8000-000000000001",
    }
    railway.admin("tokens", token)
    railway.admin("switches", {"scoped_decrypt": reading})
    engine = Engine()
    with railway.operation(RAILWAY_API_TOKEN="workspace-token") as process:
        engine.up(process, Declared())
    with railway.operation(RAILWAY_API_TOKEN="workspace-token") as process:
        assert engine.refresh(process) == {}
    edit_variables(railway, engine, EXTRA="extra-secret-value", WHATSAPP_BACKFILL_COUNT="9999")
    railway.reset()
    with railway.operation(RAILWAY_API_TOKEN="workspace-token") as process:
        drift = engine.refresh(process)
        assert set(drift) == {"variables"}
        names = drift["variables"]["names"][1]
        assert names["EXTRA"] == "added on Railway"
        assert names["WHATSAPP_BACKFILL_COUNT"] == "version 1, changed on Railway"
        assert names["ADMIN_TOKEN"] == "version 1"
        assert engine.up(process, Declared()) == ["update variables", "update deployment"]
    assert live(railway, engine) == VARIABLES
    assert railway.counts()[1] == 1


def test_a_variable_removed_in_the_dashboard_is_drift(railway: World) -> None:
    """A peer kept the old value in silence."""
    engine = first_up(railway)
    railway.manual(
        "mutation($i: VariableDeleteInput!) { variableDelete(input: $i) }",
        i={
            "projectId": engine.id("project"),
            "environmentId": engine.id("environment"),
            "serviceId": engine.id("service"),
            "name": "LINK",
        },
    )
    with railway.operation() as process:
        drift = engine.refresh(process)
        assert drift["variables"]["names"][1]["LINK"] == "version 1, removed on Railway"
        engine.up(process, Declared())
    assert live(railway, engine) == VARIABLES


def test_a_sealed_variable_is_neither_drift_nor_rewritten(railway: World) -> None:
    """It reads as nothing; it is written when its declared value changes, and only then."""
    engine = first_up(railway)
    place = {
        "project_id": engine.id("project"),
        "environment_id": engine.id("environment"),
        "service_id": engine.id("service"),
    }
    railway.admin("seal", place | {"name": "ADMIN_TOKEN"})
    with railway.operation() as process:
        assert engine.refresh(process) == {}
        engine.up(process, Declared(variables=VARIABLES | {"MORE": "more-1"}))
    rows = {row["name"]: row for row in railway.rows("variables")}
    assert rows["ADMIN_TOKEN"]["is_sealed"] is True
    assert "MORE" in rows
    # To take one away quietly, Railway would have to rewrite the sealed one.
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared()))
    assert "(undeclared: MORE; sealed: ADMIN_TOKEN)" in text
    assert text.splitlines()[-3:] == [
        "  fix: in Railway's dashboard, delete MORE",
        "  or:  declare:",
        "       pulumi config set --path --type string whatsapp-crm:backendVariables.MORE <string>",
    ]


def test_a_sealed_variable_is_reported_as_not_comparable(
    railway: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """At each refresh, without a change; its version counts on, and a seal that goes is forgotten."""
    engine = first_up(railway)
    place = {
        "project_id": engine.id("project"),
        "environment_id": engine.id("environment"),
        "service_id": engine.id("service"),
    }
    railway.admin("seal", place | {"name": "ADMIN_TOKEN"})

    def label() -> str:
        return engine.state["variables"].live.outs["names"]["ADMIN_TOKEN"]

    for _ in range(2):
        with railway.operation() as process:
            assert engine.refresh(process) == {}
            assert label() == "version 1, sealed: cannot be compared"
            assert engine.up(process, Declared()) == []
    provider = VariablesProvider()
    provider.use(access_from(railway.environ(), lambda _: None), None)
    saved = engine.state["variables"]
    provider.read(saved.live.id, saved.live.outs)
    assert capsys.readouterr().out == "sealed on Railway, cannot be compared: ADMIN_TOKEN\n"
    changed = Declared(variables=VARIABLES | {"ADMIN_TOKEN": "another-token"})
    with railway.operation() as process:
        engine.up(process, Declared(variables=VARIABLES | {"MORE": "more-1"}))
        assert label() == "version 1, sealed: cannot be compared"
        engine.up(process, changed.but(variables={**changed.variables, "MORE": "more-1"}))
        assert label() == "version 2"


def test_removing_the_resource_leaves_what_is_not_its_own(railway: World) -> None:
    """A variable that a person added is not ours to delete."""
    engine = first_up(railway)
    edit_variables(railway, engine, EXTRA="extra-secret-value")
    with railway.operation() as process:
        process.resource(VariablesProvider()).delete(engine.state["variables"].live)
    assert live(railway, engine) == {"EXTRA": "extra-secret-value"}
    assert railway.counts()[1] == 0
