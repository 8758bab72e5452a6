"""Every field of every resource of the program: changed in the program it is applied, read back and quiet;
changed by hand it shows with its old and its new value, and the next `up` heals it. Over the field tables: a
field without an edit here, and without a reason for it, fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conformance.railway_changes import CHANGED
from tests.conformance.railway_faults import Lab
from tests.conformance.railway_verdict import matches
from tests.conformance.railway_world import ORDER, REPO, Engine, World, assert_silent
from tests.conformance.test_railway_life import SETTING_EDITS
from tests.conformance.warm_processes import WarmProcesses

pytestmark = pytest.mark.conformance

Hand = Callable[[World, Engine], object]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A stack that is up, to copy."""
    with WarmProcesses() as warm, Lab(warm) as lab:
        yield lab


def _project(world: World, engine: Engine) -> None:
    world.hand(
        'mutation($id: String!) { projectUpdate(id: $id, input: {name: "hand", description: "x"}) { id } }',
        id=engine.id("project"),
    )


def _environment(world: World, engine: Engine) -> None:
    world.hand(
        'mutation($id: String!) { environmentRename(id: $id, input: {name: "hand"}) { id } }',
        id=engine.id("environment"),
    )


def _service(world: World, engine: Engine) -> None:
    world.hand(
        'mutation($id: String!) { serviceUpdate(id: $id, input: {name: "hand"}) { id } }',
        id=engine.id("service"),
    )


def _volume(world: World, engine: Engine) -> None:
    """Renamed, mounted elsewhere, and with that detached."""
    world.hand(
        'mutation($id: String!) { volumeUpdate(volumeId: $id, input: {name: "hand"}) { id } }',
        id=engine.id("volume"),
    )
    world.hand(
        "mutation($id: String!, $e: String!)"
        ' { volumeInstanceUpdate(volumeId: $id, environmentId: $e, input: {mountPath: "/hand"}) }',
        id=engine.id("volume"),
        e=engine.id("environment"),
    )


def _variables(world: World, engine: Engine) -> None:
    world.hand(
        "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }",
        i={
            "projectId": engine.id("project"),
            "environmentId": engine.id("environment"),
            "serviceId": engine.id("service"),
            "variables": {"WHATSAPP_BACKFILL_COUNT": "7", "MORE": "by-hand"},
            "skipDeploys": True,
        },
    )


def _settings(world: World, engine: Engine) -> None:
    """Every setting at once, and the trigger."""
    edits = ", ".join(
        by_hand
        for name, (_, by_hand) in SETTING_EDITS.items()
        if (name in CHANGED.settings or name == "healthcheck_path") and f"settings.{name}" not in NOT_BY_HAND
    )
    world.hand(
        "mutation($e: String!, $s: String!) { serviceInstanceUpdate("
        f"environmentId: $e, serviceId: $s, input: {{{edits}}}) }}",
        e=engine.id("environment"),
        s=engine.id("service"),
    )
    triggers = [row for row in world.rows("triggers") if row["service_id"] == engine.id("service")]
    world.hand(
        "mutation($id: String!, $i: DeploymentTriggerUpdateInput!)"
        " { deploymentTriggerUpdate(id: $id, input: $i) { id } }",
        id=triggers[0]["id"],
        i={"repository": REPO, "branch": "main", "checkSuites": False},
    )


def _domain(world: World, engine: Engine) -> None:
    world.hand(
        "mutation($i: ServiceDomainUpdateInput!) { serviceDomainUpdate(input: $i) }",
        i={
            "serviceDomainId": engine.id("domain"),
            "domain": "hand.up.railway.app",
            "environmentId": engine.id("environment"),
            "serviceId": engine.id("service"),
            "targetPort": 9999,
        },
    )


def _deployment(world: World, engine: Engine) -> None:
    outs = engine.state["deployment"].live.outs
    world.admin(f"deployments/{outs['deployment_id']}", {"status": "CRASHED"})


EDITS: dict[str, Hand] = {
    "project": _project,
    "environment": _environment,
    "service": _service,
    "volume": _volume,
    "variables": _variables,
    "settings": _settings,
    "domain": _domain,
    "deployment": _deployment,
}
_ID = "Railway never changes it"
_OURS = "only the program says it"
NOT_BY_HAND: dict[str, str] = {
    "project_id": _ID,
    "environment_id": _ID,
    "service_id": _ID,
    "project.workspace_id": "not declared to be changed: it is fixed",
    "project.environment_name": "shows at the environment",
    "project.adopt_project_id": _OURS,
    "volume.size_mb": "what was grown by hand never shrinks",
    "volume.region": "fixed",
    "volume.allow_delete": _OURS,
    "volume.allow_new_volume": _OURS,
    "variables.variables": "secret: shows by name, in `names`",
    "settings.has_volume": _OURS,
    "settings.replicas": "a service with a volume has exactly one; without one: test_railway_life",
    "settings.region": "moved with its volume it is refused; without one: test_railway_life",
    "settings.builder": "without a volume: test_railway_life",
    "settings.image": "instead of a repository",
    "settings.railway_config_file": "Railway refuses it for new services",
    "settings.multi_region_config": "instead of a region",
    "settings.registry_credentials": "cannot be read back",
    **{
        f"deployment.{name}": _OURS
        for name in (
            "revisions",
            "domain",
            "health_path",
            "log_expectations",
            "wait_seconds",
            "hold_seconds",
            "health_seconds",
            "rollback",
        )
    },
}


@pytest.mark.parametrize(("key", "provider"), ORDER, ids=[key for key, _ in ORDER])
def test_every_field_that_a_hand_changed_shows_and_is_healed(lab: Lab, key: str, provider: object) -> None:
    """With its old and its new value."""
    fields = {field.name for field in dict(ORDER)[key].FIELDS}
    expected = {name for name in fields if name not in NOT_BY_HAND and f"{key}.{name}" not in NOT_BY_HAND}
    with lab.bench("change") as (bench, engine):
        world = bench.world
        with world.operation() as process:
            engine.up(process, CHANGED)
            before = dict(engine.state[key].live.outs)
        EDITS[key](world, engine)
        with world.operation() as process:
            drift = engine.refresh(process)
            shown = drift[key]
            missing = {name for name in expected if name not in shown}
            assert not missing, f"not shown: {missing}"
            for name in expected:
                old, new = shown[name]
                assert old == before.get(name) != new, name
            if key == "variables":
                assert "changed on Railway" in shown["names"][1]["WHATSAPP_BACKFILL_COUNT"]
                assert shown["names"][1]["MORE"] == "added on Railway"
                assert_silent(str(shown["names"]))
            assert f"update {key}" in engine.up(process, CHANGED)
        matches(world, engine, CHANGED)
        with world.operation() as process:
            assert engine.refresh(process) == {}
            assert engine.up(process, CHANGED) == []


def test_every_field_that_the_program_changes_is_applied_read_back_and_quiet(lab: Lab) -> None:
    """All of them in one `up`: `railway_changes` has them all, see `test_railway_faults`."""
    with lab.bench("change") as (bench, engine):
        with bench.world.operation() as process:
            done = engine.up(process, CHANGED)
        assert done == [f"update {key}" for key, _ in ORDER]
        matches(bench.world, engine, CHANGED)
        applied = {key: dict(saved.live.outs) for key, saved in engine.state.items()}
        with bench.world.operation() as process:
            assert engine.refresh(process) == {}
            assert engine.up(process, CHANGED) == []
        for key, provider in ORDER:
            for field in provider.FIELDS:
                live = engine.state[key].live.outs.get(field.name)
                assert live == applied[key].get(field.name), f"{key}.{field.name}"
