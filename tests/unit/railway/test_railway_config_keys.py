"""What a program hands in for error messages: named in them, and never compared."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from railway import ConfigKeys, VolumeArgs
from railway.args import how_to_set, how_to_unset, inputs_of, key_or_property
from railway.deployment import DeploymentProvider
from railway.provider import RailwayProvider
from railway.service import ServiceProvider
from railway.volume import VolumeProvider

pytestmark = pytest.mark.unit

NAMED = {"config_keys": {"volume_name": "shop:volume"}}


def test_a_key_becomes_a_command_and_none_names_the_property() -> None:
    assert how_to_set(NAMED, "volume_name", "data") == "pulumi config set shop:volume data"
    assert how_to_unset(NAMED, "volume_name") == "pulumi config rm shop:volume"
    assert key_or_property(NAMED, "volume_name") == "shop:volume"
    assert how_to_set({}, "volume_name", "data") == "set volume_name to data in the program"
    assert how_to_unset(NAMED, "region") == "remove region from the program"
    assert key_or_property({}, "region") == "region"


def test_a_resource_records_only_the_keys_that_its_messages_name() -> None:
    keys = ConfigKeys(volume_name="shop:volume", project_name="shop:project")
    args = VolumeArgs(
        project_id="p",
        environment_id="e",
        service_id="s",
        volume_name="data",
        mount_path="/data",
        size_mb=1,
        config_keys=keys,
    )
    assert inputs_of(args)["config_keys"] == {"volume_name": "shop:volume"}


@pytest.mark.parametrize("provider", [VolumeProvider(), DeploymentProvider(), ServiceProvider()])
@pytest.mark.parametrize("name", ["config_keys", "log_advice"])
def test_another_hint_is_no_change(provider: RailwayProvider, name: str) -> None:
    """Neither a new one, nor another one, nor none: it must not deploy, nor appear in a preview."""
    for olds, news in (({}, {name: {"a": "b"}}), ({name: {"a": "b"}}, {name: {"a": "c"}}), ({name: "b"}, {})):
        assert provider.diff("id", olds, news).changes is False


def test_an_update_records_the_new_keys_and_forgets_the_old_ones() -> None:
    """A refresh reads them from the state."""

    class Idle(ServiceProvider):
        def update_object(self, id_: str, olds: Any, news: Any, changed: tuple[str, ...]) -> dict[str, Any]:
            return {}

    olds = {"service_name": "a", "config_keys": {"service_name": "old:key"}}
    assert Idle().update("id", olds, {"service_name": "b"}).outs == {"service_name": "b"}
    keys = {"config_keys": {"service_name": "new:key"}}
    assert Idle().update("id", olds, {"service_name": "b"} | keys).outs == {"service_name": "b"} | keys


@pytest.mark.parametrize(
    ("config", "props", "allowed"),
    [
        ({}, {}, False),
        ({}, {"allow_new_volume": True}, True),
        ({"shop:allow": "true"}, {}, False),
        ({"shop:allow": "true"}, {"config_keys": {"allow_new_volume": "shop:allow"}}, True),
        ({"shop:allow": "false"}, {"config_keys": {"allow_new_volume": "shop:allow"}}, False),
    ],
)
def test_whether_a_new_volume_is_allowed_is_read_from_the_named_key(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, str], props: dict[str, Any], allowed: bool
) -> None:
    """A refresh without the program sees the inputs of the last `up`; the config may be newer."""
    monkeypatch.setenv("RAILWAY_API_TOKEN", "token")
    provider = VolumeProvider()
    provider.configure(ConfigureRequest(Config(config, "shop")))
    assert provider.allows_new_volume(props) is allowed
    assert provider.with_same_access(ServiceProvider).allows_new_volume(props) is allowed
