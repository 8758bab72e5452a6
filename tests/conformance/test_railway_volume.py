"""The volume is the one thing that cannot be made again."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from railway.service import ServiceProvider
from railway.volume import VolumeProvider
from tests.conformance.railway_world import PROVIDERS, Declared, Engine, World, first_up

pytestmark = pytest.mark.conformance


def refusal(act: Callable[[], object]) -> str:
    """What a person reads when it is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        act()
    assert isinstance(caught.value, grpc.Call)
    return str(caught.value.details())


def delete_by_hand(world: World, engine: Engine) -> None:
    """In the dashboard."""
    world.hand("mutation($id: String!) { volumeDelete(volumeId: $id) }", id=engine.id("volume"))


@pytest.mark.parametrize("style", ["pending", "deleted_at"])
def test_a_volume_deleted_by_hand_stops_everything(railway: World, style: str) -> None:
    """Refresh, update and create say that its data can be restored, and how to really start empty."""
    railway.admin("switches", {"volume_delete_style": style})
    engine = first_up(railway)
    delete_by_hand(railway, engine)
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
def test_an_empty_volume_takes_its_place_only_when_told(railway: World, how: str) -> None:
    """By the config, which a refresh sees, or by an input in the state."""
    engine = first_up(railway)
    old = engine.id("volume")
    config = {"whatsapp-crm:allowNewVolume": "true"} if how == "config" else {}
    allowed = Declared(allow_new_volume=how == "input")
    with railway.operation() as process:
        engine.up(process, allowed)
    delete_by_hand(railway, engine)
    with railway.operation(config=config) as process:
        assert engine.refresh(process)["volume"] == {"": (old, None)}
        assert "create volume" in engine.up(process, allowed)
    assert engine.id("volume") != old
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_a_restored_volume_is_the_same_again(railway: World) -> None:
    """What the message advises, works."""
    engine = first_up(railway)
    delete_by_hand(railway, engine)
    railway.admin(f"volumes/{engine.id('volume')}/restore", {})
    with railway.operation() as process:
        engine.refresh(process)
        engine.up(process, Declared())
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_delete_is_refused_until_the_state_says_otherwise(railway: World) -> None:
    """With the reason, and the way to really do it."""
    engine = first_up(railway)
    with railway.operation() as process:
        resource = process.resource(VolumeProvider())
        text = refusal(lambda: resource.delete(engine.state["volume"].live))
        assert "holds data that exists nowhere else" in text
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
    railway.hand("mutation($id: String!) { serviceDelete(id: $id) }", id=engine.id("service"))
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
        wish = place | {
            "service_id": other.id,
            "volume_name": "sessions",
            "mount_path": "/a",
            "size_mb": 50000,
        }
        text = refusal(lambda: process.resource(VolumeProvider()).create(wish))
    assert "attached to another service" in text


@pytest.mark.parametrize("left", ["service", "volume"])
def test_a_project_that_is_not_empty_is_not_deleted(railway: World, left: str) -> None:
    """Its services and volumes would go with it."""
    engine = first_up(railway)
    with railway.operation() as process:
        if left == "volume":
            process.resource(ServiceProvider()).delete(engine.state["service"].live)
        text = refusal(lambda: process.resource(PROVIDERS["project"]).delete(engine.state["project"].live))
    assert f"still has {left}" in text
    assert len(railway.rows("projects")) == 1
