"""The volume is the one thing that cannot be made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from railway.service import ServiceProvider
from railway.volume import VolumeProvider
from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_world import CONFIG_KEYS, PROVIDERS, Declared, Engine, World, first_up

pytestmark = pytest.mark.conformance


def delete_manually(world: World, engine: Engine) -> None:
    """In the dashboard."""
    world.manual("mutation($id: String!) { volumeDelete(volumeId: $id) }", id=engine.id("volume"))


@pytest.mark.parametrize("style", ["pending", "deleted_at"])
def test_a_volume_deleted_in_the_dashboard_stops_every_operation(railway: World, style: str) -> None:
    """The errors of refresh, update and create name the restoration, and the way to start empty."""
    railway.admin("switches", {"volume_delete_style": style})
    engine = first_up(railway)
    delete_manually(railway, engine)
    volume = engine.id("volume")

    def told(act: Callable[[], object]) -> None:
        text = refusal(act)
        assert "48 hours" in text
        assert volume in text
        assert "pulumi config set whatsapp-crm:allowNewVolume true" in text

    with railway.operation() as process:
        told(lambda: engine.refresh(process))
    with railway.operation() as process:
        told(lambda: engine.up(process, Declared(mount_path="/other")))
    # The state is lost as well: an empty one must not take its place without a word.
    del engine.state["volume"]
    with railway.operation() as process:
        told(lambda: engine.up(process, Declared()))
    assert "VolumeCreate" not in railway.counts()[0]


@pytest.mark.parametrize("how", ["config", "input"])
def test_an_empty_volume_replaces_it_only_when_allowed(railway: World, how: str) -> None:
    """By the config, which a refresh sees, or by an input in the state."""
    engine = first_up(railway)
    old = engine.id("volume")
    config = {"whatsapp-crm:allowNewVolume": "true"} if how == "config" else {}
    allowed = Declared(allow_new_volume=how == "input")
    with railway.operation() as process:
        engine.up(process, allowed)
    delete_manually(railway, engine)
    with railway.operation(config=config) as process:
        assert engine.refresh(process)["volume"] == {"": (old, None)}
        assert "create volume" in engine.up(process, allowed)
    assert engine.id("volume") != old
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_a_restored_volume_is_the_same_again(railway: World) -> None:
    """What the message advises, works."""
    engine = first_up(railway)
    delete_manually(railway, engine)
    railway.admin(f"volumes/{engine.id('volume')}/restore", {})
    with railway.operation() as process:
        engine.refresh(process)
        engine.up(process, Declared())
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_delete_is_refused_until_the_state_allows_it(railway: World) -> None:
    """With the reason, and the way to really do it."""
    engine = first_up(railway)
    with railway.operation() as process:
        resource = process.resource(VolumeProvider())
        text = refusal(lambda: resource.delete(engine.state["volume"].live))
        assert "has data that exists nowhere else" in text
        assert "allow_delete=True" in text
    assert railway.counts() == ({}, 0)
    with railway.operation() as process:
        assert engine.up(process, Declared(allow_delete=True)) == ["update volume"]
    assert railway.counts() == ({}, 0)
    with railway.operation() as process:
        resource = process.resource(VolumeProvider())
        resource.delete(engine.state["volume"].live)
        resource.delete(engine.state["volume"].live)
    assert [row["is_pending_deletion"] for row in railway.rows("volume_instances")] == [True]


def test_a_volume_outlives_its_service_and_is_attached_to_the_next(railway: World) -> None:
    """Deleting a service detaches its volume; the new service of that name gets the same one."""
    engine = first_up(railway)
    old = engine.id("volume")
    railway.manual("mutation($id: String!) { serviceDelete(id: $id) }", id=engine.id("service"))
    with railway.operation() as process:
        drift = engine.refresh(process)
        assert set(drift) == {"service", "volume", "variables", "settings", "domain", "deployment"}
        assert set(drift["volume"]) == {"service_id"}
        engine.up(process, Declared())
    assert engine.id("volume") == old
    assert railway.counts()[1] == 1
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_it_grows_in_place_and_an_ignored_request_is_noticed(railway: World) -> None:
    """The only public way is a patch of the environment's config; whether it works is not proven."""
    engine = first_up(railway)
    old = engine.id("volume")
    with railway.operation() as process:
        assert engine.up(process, Declared(size_mb=70000)) == ["update volume"]
    assert engine.id("volume") == old
    assert railway.counts()[1] == 0
    railway.admin("switches", {"size_patch": "ignored"})
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared(size_mb=90000)))
    assert "still has 70000 MB" in text


def test_a_volume_of_that_name_at_another_service_is_not_taken(railway: World) -> None:
    """It may be somebody's data."""
    engine = first_up(railway)
    place = {"project_id": engine.id("project"), "environment_id": engine.id("environment")}
    with railway.operation() as process:
        other = process.resource(ServiceProvider()).create(place | {"service_name": "other"})
        wanted = place | {
            "config_keys": CONFIG_KEYS,
            "service_id": other.id,
            "volume_name": "sessions",
            "mount_path": "/a",
            "size_mb": 50000,
        }
        text = refusal(lambda: process.resource(VolumeProvider()).create(wanted))
    assert "is attached to the service backend" in text
    assert "detach it in Railway's dashboard" in text
    assert "pulumi config set whatsapp-crm:volumeName" in text


EUROPE, AMERICA = "europe-west4-drams3a", "us-west2"


class InRegion(Engine):
    """A program with a region in its config, which is the volume's and the service's."""

    region: str | None = None

    def inputs(self, key: str, declared: Declared) -> dict[str, Any] | None:
        """The region to both."""
        found = super().inputs(key, declared)
        if found is None or self.region is None or key not in ("volume", "settings"):
            return found
        return found | {"region": self.region}


def regions(world: World) -> tuple[str | None, str | None]:
    """Where the service is, and where its volume."""
    return world.rows("instances")[0]["region"], world.rows("volume_instances")[0]["region"]


def told_to_stay(text: str) -> None:
    """A person reads where the data is, and both ways on.

    Raises:
        AssertionError: or not.
    """
    assert f"is in the region {AMERICA}, but {EUROPE} is declared" in text
    assert "without its data" in text
    assert f"pulumi config set whatsapp-crm:railwayRegion {AMERICA}" in text
    assert "change the region of the service in Railway's dashboard" in text


def test_a_region_that_is_declared_later_moves_nothing_away_from_the_volume(railway: World) -> None:
    """Refused each time, with the state as it was; and both ways that the message names work."""
    engine = InRegion()
    with railway.operation() as process:
        engine.up(process, Declared())
    railway.reset()
    engine.region = EUROPE
    for _ in range(2):
        with railway.operation() as process:
            told_to_stay(refusal(lambda: engine.up(process, Declared())))
            assert engine.refresh(process) == {}
    assert railway.counts() == ({"SnapshotRead": 2}, 0)
    assert regions(railway) == (None, AMERICA)
    engine.region = AMERICA
    with railway.operation() as process:
        assert engine.up(process, Declared()) == ["update volume", "update settings", "update deployment"]
    with railway.operation() as process:
        assert engine.refresh(process) == {}
    saved = engine.state["volume"].inputs
    with railway.operation() as process:
        text = process.resource(VolumeProvider()).check(saved | {"region": EUROPE}, saved)["region"]
    assert f"fix: pulumi config set whatsapp-crm:railwayRegion {AMERICA}\n  or:  change the region of" in text
    # In the dashboard, where the service takes its volume with it.
    railway.admin(f"volumes/{engine.id('volume')}/move", {"region": EUROPE})
    engine.region = EUROPE
    with railway.operation() as process:
        assert set(engine.refresh(process)) == {"volume", "settings"}
        assert engine.up(process, Declared()) == []
    assert regions(railway) == (EUROPE, EUROPE)


def test_another_region_is_refused_in_the_preview(railway: World) -> None:
    """By what the state knows, without a request; a state from before knows nothing, and `up` refuses."""
    engine = first_up(railway)
    volume = engine.state["volume"]
    assert volume.live.outs["live_region"] == AMERICA
    with railway.operation() as process:
        engine.refresh(process)
        railway.reset()
        known = process.resource(VolumeProvider())
        told_to_stay(refusal(lambda: known.diff(volume.live, volume.inputs | {"region": EUROPE})))
        assert known.diff(volume.live, volume.inputs | {"region": AMERICA}).changes
        assert not known.diff(volume.live, volume.inputs).changes
        del volume.live.outs["live_region"]
        assert known.diff(volume.live, volume.inputs | {"region": EUROPE}).changes
    assert railway.counts() == ({}, 0)


def test_an_adoption_moves_nothing_away_from_the_volume(railway: World) -> None:
    """A region in the config that is not where production is."""
    first_up(railway)
    engine = InRegion()
    engine.region = EUROPE
    with railway.operation() as process:
        told_to_stay(refusal(lambda: engine.up(process, Declared())))
    assert regions(railway) == (None, AMERICA)


def test_settings_alone_move_nothing_away_from_the_volume(railway: World) -> None:
    """Whoever writes a program of their own need not name a region at the volume."""
    engine = first_up(railway)
    with railway.operation() as process:
        settle = process.resource(PROVIDERS["settings"])
        wanted = (engine.inputs("settings", Declared()) or {}) | {"region": EUROPE, "has_volume": False}
        told_to_stay(refusal(lambda: settle.update(engine.state["settings"].live, wanted)))
    assert "ServiceInstanceUpdate" not in railway.counts()[0]


def test_a_region_that_is_reset_leaves_the_service_with_its_volume(railway: World) -> None:
    """Railway's default is another one."""
    engine = InRegion()
    engine.region = EUROPE
    with railway.operation() as process:
        engine.up(process, Declared(), only="volume")
    engine.region = None
    with railway.operation() as process:
        engine.up(process, Declared(settings={"region": EUROPE}))
    assert regions(railway) == (EUROPE, EUROPE)
    with railway.operation() as process:
        engine.up(process, Declared())
    assert regions(railway) == (EUROPE, EUROPE)
    with railway.operation() as process:
        assert engine.refresh(process) == {}
        assert engine.up(process, Declared()) == []


def test_a_service_without_a_volume_moves_where_it_is_declared(railway: World) -> None:
    """Nothing is left behind."""
    engine = first_up(railway)
    place = {"project_id": engine.id("project"), "environment_id": engine.id("environment")}
    with railway.operation() as process:
        made = process.resource(ServiceProvider()).create(place | {"service_name": "worker"})
        wanted = place | {"service_id": made.id, "has_volume": False, "region": EUROPE}
        process.resource(PROVIDERS["settings"]).create(wanted)
    (instance,) = [row for row in railway.rows("instances") if row["service_id"] == made.id]
    assert instance["region"] == EUROPE


# ---- Two volumes for one service


def swap_manually(world: World, engine: Engine) -> tuple[str, str]:
    """Our volume goes to another service, and an empty one comes in its place; the ids of both newcomers."""
    place = {"projectId": engine.id("project"), "environmentId": engine.id("environment")}
    other = world.manual(
        "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }", i=place | {"name": "other"}
    )["serviceCreate"]["id"]
    world.admin("clock", {"advance": 5})
    world.manual(
        "mutation($v: String!, $e: String!, $i: VolumeInstanceUpdateInput!)"
        " { volumeInstanceUpdate(volumeId: $v, environmentId: $e, input: $i) }",
        v=engine.id("volume"),
        e=engine.id("environment"),
        i={"serviceId": other, "mountPath": "/x"},
    )
    second = world.manual(
        "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }",
        i=place | {"serviceId": engine.id("service"), "mountPath": "/app/sessions"},
    )["volumeCreate"]["id"]
    world.admin("clock", {"advance": 5})
    return other, second


def test_two_volumes_for_one_service_are_both_named_in_the_error(railway: World) -> None:
    """Which of them has the data is not known; with the state, and without it."""
    engine = first_up(railway)
    _, second = swap_manually(railway, engine)
    before = railway.admin("state")["volume_instances"]
    ours = engine.id("volume")
    with railway.operation() as process:
        assert "volume" in engine.refresh(process)
        text = refusal(lambda: engine.up(process, Declared()))
    assert (
        f"the Railway volume sessions ({ours}, 50000 MB) of this stack is attached to the service other"
        in text
    )
    assert second in text
    assert "find out in Railway's dashboard which of them has the data" in text
    saved = engine.state.pop("volume")
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared()))
    assert f"another volume named sessions ({ours}, 50000 MB), attached to the service other" in text
    assert f"({second}, 50000 MB)" in text
    assert railway.admin("state")["volume_instances"] == before
    # What the message advises, works.
    engine.state["volume"] = saved
    railway.manual(
        "mutation($v: String!, $e: String!, $i: VolumeInstanceUpdateInput!)"
        " { volumeInstanceUpdate(volumeId: $v, environmentId: $e, input: $i) }",
        v=second,
        e=engine.id("environment"),
        i={"serviceId": None, "mountPath": "/app/sessions"},
    )
    with railway.operation() as process:
        engine.refresh(process)
        engine.up(process, Declared())
    with railway.operation() as process:
        assert engine.refresh(process) == {}
    assert engine.id("volume") == ours


def test_a_service_name_in_use_is_an_error_with_a_fix(railway: World) -> None:
    """The service was renamed in the dashboard, and another one got its name."""
    engine = first_up(railway)
    railway.manual(
        'mutation($id: String!) { serviceUpdate(id: $id, input: {name: "backend-old"}) { id } }',
        id=engine.id("service"),
    )
    place = {"projectId": engine.id("project"), "environmentId": engine.id("environment")}
    other = railway.manual(
        "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }", i=place | {"name": "backend"}
    )["serviceCreate"]["id"]
    railway.admin("clock", {"advance": 5})
    with railway.operation() as process:
        assert "service" in engine.refresh(process)
        text = refusal(lambda: engine.up(process, Declared()))
    assert f"the Railway service backend-old ({engine.id('service')}) of this stack cannot be renamed" in text
    assert f"another service of the project ({other}) has that name" in text
    assert "pulumi config set whatsapp-crm:railwayServiceName backend-old" in text
    # The fix for the other one works: the service and its dependents are removed from the state.
    again = Engine({key: engine.state[key] for key in ("project", "environment")})
    with railway.operation() as process:
        again.up(process, Declared(), only="service")
    assert again.id("service") == other
    with railway.operation() as process:
        assert "update service" not in engine.up(process, Declared(service_name="backend-old"))
    with railway.operation() as process:
        assert engine.refresh(process) == {}


@pytest.mark.parametrize("left", ["service", "volume"])
def test_a_project_that_is_not_empty_is_not_deleted(railway: World, left: str) -> None:
    """Its services and volumes would go with it."""
    engine = first_up(railway)
    with railway.operation() as process:
        if left == "volume":
            process.resource(ServiceProvider()).delete(engine.state["service"].live)
        text = refusal(lambda: process.resource(PROVIDERS["project"]).delete(engine.state["project"].live))
    assert f"is not empty: it has {left}" in text
    assert len(railway.rows("projects")) == 1
