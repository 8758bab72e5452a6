"""A project may have more environments than ours: what a write reaches there, and what is never taken."""

from __future__ import annotations

from typing import Any

import pytest

from railway.environment import EnvironmentProvider
from railway.service import ServiceProvider
from railway.volume import VolumeProvider
from tests.conformance.dynamic_process import Live, refusal
from tests.conformance.railway_world import WORKSPACE, Declared, Engine, World, first_up

pytestmark = pytest.mark.conformance

NEW_ALLOWED = {"whatsapp-crm:allowNewVolume": "true"}


def environment(world: World, project: str, name: str, source: str | None = None) -> str:
    """Create an environment in the dashboard; with a source it is a fork."""
    wanted = {"projectId": project, "name": name, "skipInitialDeploys": True}
    made = world.manual(
        "mutation($i: EnvironmentCreateInput!) { environmentCreate(input: $i) { id } }",
        i=wanted | ({} if source is None else {"sourceEnvironmentId": source}),
    )["environmentCreate"]["id"]
    world.admin("clock", {"advance": 5})
    return made


def remove(world: World, service: str, place: str) -> None:
    """Take a service out of one environment, in the dashboard."""
    world.admin("switches", {"service_delete_scope": "named"})
    world.manual(
        "mutation($s: String!, $e: String) { serviceDelete(id: $s, environmentId: $e) }", s=service, e=place
    )
    world.admin("switches", {"service_delete_scope": "no_forks"})


def places(world: World, service: str) -> set[str]:
    """The environments that a service is in."""
    return {row["environment_id"] for row in world.rows("instances") if row["service_id"] == service}


def stack_beside_staging(world: World) -> tuple[Engine, str]:
    """A stack that is up in a project that has another environment."""
    engine = Engine()
    with world.operation() as process:
        engine.up(process, Declared(), only="environment")
    staging = environment(world, engine.id("project"), "staging")
    with world.operation() as process:
        engine.up(process, Declared())
    return engine, staging


def worker(world: World, engine: Engine, place: str) -> Live:
    """A service without a volume, made by us in an environment."""
    wanted = {"project_id": engine.id("project"), "environment_id": place, "service_name": "worker"}
    with world.operation() as process:
        made = process.resource(ServiceProvider()).create(wanted)
    world.admin("clock", {"advance": 5})
    return made


# ---- Deleting a service


@pytest.mark.parametrize("reach", ["no_forks", "named"])
def test_a_service_that_another_environment_has_is_not_deleted(railway: World, reach: str) -> None:
    """What Railway would do is not verified; by the schema, the other one loses it too."""
    railway.admin("switches", {"service_delete_scope": reach})
    engine = first_up(railway)
    staging = environment(railway, engine.id("project"), "staging")
    made = worker(railway, engine, engine.id("environment"))
    assert places(railway, made.id) == {engine.id("environment"), staging}
    with railway.operation() as process:
        text = refusal(lambda: process.resource(ServiceProvider()).delete(made))
    assert "is also in the environment staging" in text
    assert (
        "pulumi state delete --force --target-dependents '<urn of the service>'  # pulumi stack --sh" in text
    )
    assert places(railway, made.id) == {engine.id("environment"), staging}
    remove(railway, made.id, staging)
    with railway.operation() as process:
        process.resource(ServiceProvider()).delete(made)
    assert places(railway, made.id) == set()


def test_what_is_gone_here_is_not_deleted_elsewhere(railway: World) -> None:
    """Then there is nothing of ours left to delete."""
    engine = first_up(railway)
    staging = environment(railway, engine.id("project"), "staging")
    made = worker(railway, engine, engine.id("environment"))
    remove(railway, made.id, engine.id("environment"))
    with railway.operation() as process:
        process.resource(ServiceProvider()).delete(made)
    assert places(railway, made.id) == {staging}


def test_a_service_whose_environment_is_deleted_is_not_deleted_elsewhere(railway: World) -> None:
    """Nobody knows what Railway makes of an environment that is gone."""
    engine = first_up(railway)
    staging = environment(railway, engine.id("project"), "staging")
    made = worker(railway, engine, staging)
    railway.manual("mutation($id: String!) { environmentDelete(id: $id) }", id=staging)
    railway.reset()
    with railway.operation() as process:
        process.resource(ServiceProvider()).delete(made)
    assert "ServiceDelete" not in railway.counts()[0]
    assert places(railway, made.id) == {engine.id("environment")}


def test_forks_keep_their_own(railway: World) -> None:
    """A delete in one does not reach the others, and the others do not hinder it."""
    engine = first_up(railway)
    ours = engine.id("environment")
    made = worker(railway, engine, ours)
    fork = environment(railway, engine.id("project"), "pr-1", source=ours)
    second = environment(railway, engine.id("project"), "pr-2", source=ours)
    in_fork = Live(made.id, {**made.outs, "environment_id": fork})
    with railway.operation() as process:
        process.resource(ServiceProvider()).delete(in_fork)
    assert places(railway, made.id) == {ours, second}
    with railway.operation() as process:
        process.resource(ServiceProvider()).delete(made)
    assert places(railway, made.id) == {second}


# ---- Settings


@pytest.mark.parametrize("reach", ["no_forks", "named"])
def test_settings_that_change_other_environments_are_warned_about(railway: World, reach: str) -> None:
    """Once an `up`; whether they do land there is not proven."""
    railway.admin("switches", {"settings_update_scope": reach})
    engine, staging = stack_beside_staging(railway)
    wanted = Declared(settings={"start_command": "node prod.js"})
    with railway.operation() as process:
        assert "update settings" in engine.up(process, wanted)
    assert process.stderr.count("the service backend is also in the environment staging") == 1
    assert (
        "fix: check the settings of the service in the environment staging after this `up`" in process.stderr
    )
    there = {row["environment_id"]: row["start_command"] for row in railway.rows("instances")}
    assert there == {
        engine.id("environment"): "node prod.js",
        staging: "node prod.js" if reach == "no_forks" else None,
    }
    with railway.operation() as process:
        assert engine.refresh(process) == {}
        assert engine.up(process, wanted) == []
    assert "staging" not in process.stderr


def test_settings_of_one_environment_cause_no_warning(railway: World) -> None:
    """Alone, with a fork, and with an environment without the service."""
    engine = first_up(railway)
    environment(railway, engine.id("project"), "pr-1", source=engine.id("environment"))
    environment(railway, engine.id("project"), "empty")
    with railway.operation() as process:
        engine.up(process, Declared(settings={"start_command": "node prod.js"}))
    assert "also" not in process.stderr


def test_a_project_token_reads_no_other_environment(railway: World) -> None:
    """It sees its own only, and settings are written all the same."""
    engine, _ = stack_beside_staging(railway)
    with railway.operation(config=None, **project_token(railway, engine)) as process:
        engine.up(process, Declared(settings={"start_command": "node prod.js"}))
    assert "staging" not in process.stderr


def test_an_unreadable_environment_is_reported_and_nothing_is_deleted(railway: World) -> None:
    """Settings are written; a delete that may reach further is not sent."""
    engine, _ = stack_beside_staging(railway)
    railway.fault("EnvironmentsRead", "not_authorized")
    with railway.operation() as process:
        assert "update settings" in engine.up(process, Declared(settings={"start_command": "node prod.js"}))
    assert "this token cannot read the project's other environments" in process.stderr
    railway.reset()
    railway.fault("EnvironmentsRead", "not_authorized")
    with railway.operation() as process:
        resource = process.resource(ServiceProvider())
        assert "Not Authorized" in refusal(lambda: resource.delete(engine.state["service"].live))
    assert "ServiceDelete" not in railway.counts()[0]


def project_token(world: World, engine: Engine) -> dict[str, str]:
    """The environment of a provider that has a token for ours."""
    world.admin(
        "tokens",
        {
            "kind": "project",
            "token": "project-token",
            "project_id": engine.id("project"),
            "environment_id": engine.id("environment"),
        },
    )
    return {"RAILWAY_API_TOKEN": "", "RAILWAY_TOKEN": "project-token"}


# ---- A service that is not in our environment


def service_elsewhere(world: World) -> dict[str, str]:
    """A project from the dashboard with a service, and an environment that was created after it."""
    project = world.manual(
        "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) { id primaryEnvironmentId } }",
        i={"name": "crm", "workspaceId": WORKSPACE},
    )["projectCreate"]
    place = {"projectId": project["id"], "environmentId": project["primaryEnvironmentId"]}
    service = world.manual(
        "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }",
        i=place | {"name": "backend"},
    )["serviceCreate"]["id"]
    world.admin("clock", {"advance": 5})
    staging = environment(world, project["id"], "staging")
    return {"project": project["id"], "service": service, "staging": staging}


def test_a_service_only_in_other_environments_is_an_error_with_a_fix(railway: World) -> None:
    """Railway's API cannot; waiting, and running again, would not help."""
    ids = service_elsewhere(railway)
    wanted = Declared(adopt_project_id=ids["project"], environment_name="staging")
    engine = Engine()
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, wanted))
    assert f"the service backend ({ids['service']}) exists" in text
    assert "but not in the environment staging" in text
    assert "press Sync" in text
    assert "continues" not in text
    # What the message advises, works.
    assert "elete" not in text
    made = railway.manual(
        "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }",
        i={"projectId": ids["project"], "environmentId": ids["staging"], "name": "backend-staging"},
    )["serviceCreate"]["id"]
    railway.admin("clock", {"advance": 5})
    other = wanted.but(service_name="backend-staging")
    with railway.operation() as process:
        engine.up(process, other)
    assert engine.id("service") == made
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_a_service_taken_out_of_our_environment_alone_is_no_deletion(railway: World) -> None:
    """The error of a refresh names the fix."""
    engine, _ = stack_beside_staging(railway)
    remove(railway, engine.id("service"), engine.id("environment"))
    with railway.operation() as process:
        text = refusal(lambda: engine.refresh(process))
    assert "but not in the environment production" in text
    assert "press Sync" in text


# ---- Names


def test_the_name_of_another_environment_is_not_taken(railway: World) -> None:
    """Railway would let two have it. Refused by the first resource of all, before anything is written."""
    engine, _ = stack_beside_staging(railway)
    before = railway.admin("state")
    wanted = Declared(project_name="crm-two", environment_name="staging")
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, wanted))
    assert (
        f"the Railway environment production ({engine.id('environment')}) of this stack cannot be renamed"
        in text
    )
    assert "pulumi config set whatsapp-crm:railwayEnvironment production" in text
    assert railway.admin("state") == before


def test_a_name_that_another_environment_has_now_is_not_restored(railway: World) -> None:
    """The stack's environment was renamed in the dashboard, which the project does not read."""
    engine, staging = stack_beside_staging(railway)
    rename = "mutation($id: String!, $n: String!) { environmentRename(id: $id, input: {name: $n}) { id } }"
    railway.manual(rename, id=engine.id("environment"), n="old")
    railway.manual(rename, id=staging, n="production")
    before = railway.admin("state")
    with railway.operation() as process:
        assert "environment" in engine.refresh(process)
        text = refusal(lambda: engine.up(process, Declared()))
    assert f"another environment of the project ({staging}) has that name" in text
    assert "pulumi config set whatsapp-crm:railwayEnvironment old" in text
    assert railway.admin("state") == before
    # What the message advises, works.
    with railway.operation() as process:
        engine.up(process, Declared(environment_name="old"))
    with railway.operation() as process:
        assert engine.refresh(process) == {}


# ---- Volumes


def test_a_volume_that_a_fork_has_too_is_not_deleted(railway: World) -> None:
    """volumeDelete names no environment."""
    engine = first_up(railway, Declared(allow_delete=True))
    fork = environment(railway, engine.id("project"), "pr-1", source=engine.id("environment"))
    with railway.operation() as process:
        resource = process.resource(VolumeProvider())
        text = refusal(lambda: resource.delete(engine.state["volume"].live))
        assert "also has data in the environment pr-1" in text
        assert not any(row["is_pending_deletion"] for row in railway.rows("volume_instances"))
        railway.manual("mutation($id: String!) { environmentDelete(id: $id) }", id=fork)
        resource.delete(engine.state["volume"].live)
    assert all(row["is_pending_deletion"] for row in railway.rows("volume_instances"))


@pytest.mark.parametrize("style", ["pending", "deleted_at"])
def test_the_name_of_a_volume_whose_environment_is_deleted_is_free(railway: World, style: str) -> None:
    """When a new and empty volume is allowed; the old one can be restored under another name."""
    railway.admin("switches", {"volume_delete_style": style})
    engine = first_up(railway)
    old = engine.id("volume")
    environment(railway, engine.id("project"), "staging")
    railway.manual("mutation($id: String!) { environmentDelete(id: $id) }", id=engine.id("environment"))
    with railway.operation() as process:
        assert "48 hours" in refusal(lambda: engine.refresh(process))
    with railway.operation(config=NEW_ALLOWED) as process:
        assert "volume" in engine.refresh(process)
    with railway.operation(config=NEW_ALLOWED) as process:
        engine.up(process, Declared(allow_new_volume=True))
    names = {row["id"]: row["name"] for row in railway.rows("volumes")}
    assert names[engine.id("volume")] == "sessions"
    assert names[old] == f"deleted-{old[:8]}"


@pytest.fixture
def beside(railway: World) -> dict[str, Any]:
    """A volume named as ours in another environment, and the place of a service that has none."""
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, Declared(), only="environment")
        staging = process.resource(EnvironmentProvider()).create(
            {"project_id": engine.id("project"), "environment_name": "staging"}
        )
        engine.up(process, Declared(), only="service")
    place = {"projectId": engine.id("project"), "environmentId": staging.id}
    volume = railway.manual(
        "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }", i=place | {"mountPath": "/x"}
    )["volumeCreate"]["id"]
    railway.manual(
        'mutation($v: String!) { volumeUpdate(volumeId: $v, input: {name: "sessions"}) { id } }', v=volume
    )
    railway.admin("clock", {"advance": 5})
    return {"engine": engine, "volume": volume}


@pytest.mark.parametrize("token", ["account", "project"])
def test_a_name_that_another_environment_uses_is_not_taken(
    railway: World, beside: dict[str, Any], token: str
) -> None:
    """Said before a volume is made; a token that cannot see the other one takes nothing either."""
    engine, volume = beside["engine"], beside["volume"]
    environ = project_token(railway, engine) if token == "project" else {}
    with railway.operation(config=None, **environ) as process:
        text = refusal(lambda: engine.up(process, Declared(adopt_project_id=engine.id("project"))))
    assert f"already has a volume named sessions ({volume}), in " in text
    assert (
        "the environment staging" if token == "account" else "this token can read only its own environment"
    ) in text
    assert "pulumi config set whatsapp-crm:volumeName" in text
    assert [(row["id"], row["name"]) for row in railway.rows("volumes")] == [(volume, "sessions")]


# ---- Deleting an environment


def test_an_environment_with_a_volume_in_it_is_not_deleted(railway: World) -> None:
    """With it went the data. Once it is empty, it is deleted."""
    engine = first_up(railway)
    place = {"project_id": engine.id("project"), "environment_name": "staging"}
    with railway.operation() as process:
        resource = process.resource(EnvironmentProvider())
        made = resource.create(resource.inputs(place))
        volume = railway.manual(
            "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }",
            i={"projectId": engine.id("project"), "environmentId": made.id, "mountPath": "/x"},
        )["volumeCreate"]["id"]
        railway.admin("clock", {"advance": 5})
        railway.reset()
        assert "staging is not empty: it has 0 services and 1 volumes" in refusal(
            lambda: resource.delete(made)
        )
        assert "EnvironmentDelete" not in railway.counts()[0]
        railway.manual("mutation($id: String!) { volumeDelete(volumeId: $id) }", id=volume)
        resource.delete(made)
    assert made.id not in {row["id"] for row in railway.rows("environments")}
