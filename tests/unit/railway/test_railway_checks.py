"""What `check` rejects, in the preview, before a request is sent."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.runtime import rpc

from railway.backup_schedule import VolumeBackupScheduleProvider
from railway.custom_domain import CustomDomainProvider
from railway.deployment import DeploymentProvider
from railway.environment import EnvironmentProvider
from railway.project import ProjectProvider
from railway.provider import RailwayProvider
from railway.service import ServiceProvider
from railway.service_domain import ServiceDomainProvider
from railway.service_limits import ServiceLimitsProvider
from railway.service_settings import ServiceSettingsProvider
from railway.tcp_proxy import TcpProxyProvider
from railway.variables import VariablesProvider
from railway.volume import VolumeProvider

pytestmark = pytest.mark.unit

PLACE = {"project_id": "p", "environment_id": "e", "service_id": "s"}
VOLUME = PLACE | {"volume_name": "sessions", "mount_path": "/app/sessions", "size_mb": 50000}
SETTINGS = PLACE | {"has_volume": True, "replicas": 1, "repo": "o/r", "branch": "main"}


def rejected(
    provider: RailwayProvider, news: dict[str, Any], olds: dict[str, Any] | None = None
) -> dict[str, str]:
    """Property -> reason."""
    return {one.property: one.reason for one in provider.check(olds or {}, news).failures}


@pytest.mark.parametrize(
    ("provider", "news", "name", "words"),
    [
        (VolumeProvider(), VOLUME | {"mount_path": "app/sessions"}, "mount_path", "not absolute"),
        (VolumeProvider(), VOLUME | {"mount_path": "/"}, "mount_path", "a folder of its own"),
        (VolumeProvider(), VOLUME | {"mount_path": "/app/../etc"}, "mount_path", "a folder of its own"),
        (VolumeProvider(), VOLUME | {"mount_path": ""}, "mount_path", "is required"),
        (VolumeProvider(), VOLUME | {"size_mb": 0}, "size_mb", "more than 0"),
        (VolumeProvider(), VOLUME | {"size_mb": -5.0}, "size_mb", "more than 0"),
        (VolumeProvider(), VOLUME | {"size_mb": 0.5}, "size_mb", "integer"),
        (VolumeProvider(), VOLUME | {"size_mb": "50GB"}, "size_mb", "not a number"),
        (VolumeProvider(), VOLUME | {"volume_name": "v" * 33}, "volume_name", "33 characters"),
        (ServiceProvider(), PLACE | {"service_name": "s" * 33}, "service_name", "Railway allows 32"),
        (ServiceProvider(), PLACE | {"service_name": ""}, "service_name", "is required"),
        (EnvironmentProvider(), {"project_id": "p", "environment_name": "e" * 33}, "environment_name", "33"),
        (ProjectProvider(), {"project_name": "", "stack_marker": "m"}, "project_name", "is required"),
        (ServiceSettingsProvider(), SETTINGS | {"replicas": 2}, "replicas", "exactly 1 replica"),
        (
            ServiceSettingsProvider(),
            SETTINGS | {"has_volume": False, "replicas": 2, "cron_schedule": "0 * * * *"},
            "replicas",
            "cron",
        ),
        (ServiceSettingsProvider(), SETTINGS | {"replicas": 0}, "replicas", "more than 0"),
        (ServiceSettingsProvider(), SETTINGS | {"repo": "no-owner"}, "repo", "owner/name"),
        (ServiceSettingsProvider(), SETTINGS | {"branch": None}, "branch", "set both, or neither"),
        (ServiceSettingsProvider(), SETTINGS | {"image": "nginx"}, "image", "not both"),
        (ServiceSettingsProvider(), SETTINGS | {"builder": "DOCKERFILE"}, "builder", "not one of"),
        (ServiceSettingsProvider(), SETTINGS | {"healthcheck_path": "health"}, "healthcheck_path", "slash"),
        (ServiceSettingsProvider(), SETTINGS | {"healthcheck_timeout": 0}, "healthcheck_timeout", "than 0"),
        (ServiceSettingsProvider(), SETTINGS | {"sleep_application": "yes"}, "sleep_application", "boolean"),
        (VariablesProvider(), PLACE | {"variables": {"RAILWAY_PROJECT_ID": "x"}}, "variables", "reserved"),
        (VariablesProvider(), PLACE | {"variables": {"A B": "x"}}, "variables", "not a variable name"),
        (VariablesProvider(), PLACE | {"variables": {"A": ""}}, "variables", "is empty"),
        (VariablesProvider(), PLACE | {"variables": {"A": 5}}, "variables", "not a string"),
        (ServiceDomainProvider(), PLACE | {"target_port": 70000}, "target_port", "not a port"),
        (ServiceDomainProvider(), PLACE | {"subdomain": "d" * 64}, "subdomain", "64 characters"),
        (CustomDomainProvider(), PLACE | {"domain": "https://crm.example.com"}, "domain", "not a host name"),
        (TcpProxyProvider(), PLACE | {"application_port": 0}, "application_port", "not a port"),
        (
            VolumeBackupScheduleProvider(),
            {"project_id": "p", "environment_id": "e", "volume_id": "v", "kinds": ["HOURLY"]},
            "kinds",
            "HOURLY is not one of",
        ),
        (ServiceLimitsProvider(), PLACE | {"cpus": -1}, "cpus", "more than 0"),
        (DeploymentProvider(), PLACE | {"domain": "d", "health_path": "health"}, "health_path", "slash"),
    ],
)
def test_an_invalid_value_is_rejected_with_its_property(
    provider: RailwayProvider, news: dict[str, Any], name: str, words: str
) -> None:
    """The words only identify the rule that rejected it."""
    assert words in rejected(provider, news)[name]


def test_valid_values_are_accepted() -> None:
    """Among them the RAILWAY_ variables that users may set."""
    assert rejected(VolumeProvider(), VOLUME) == {}
    assert rejected(ServiceSettingsProvider(), SETTINGS) == {}
    assert (
        rejected(VariablesProvider(), PLACE | {"variables": {"RAILWAY_DOCKERFILE_PATH": "d", "A": "b"}}) == {}
    )
    assert rejected(ServiceSettingsProvider(), SETTINGS | {"has_volume": False, "replicas": 3}) == {}


def test_a_volume_cannot_shrink_or_move_to_another_project() -> None:
    """The fix names the config key, or without one the property."""
    smaller = VOLUME | {"size_mb": 40000.0, "project_id": "q"}
    found = rejected(VolumeProvider(), smaller | {"config_keys": {"size_gb": "shop:size"}}, VOLUME)
    text = "its size is 50 GB, but 40 GB are declared; a volume cannot shrink\n  fix: "
    assert found["size_mb"] == f"{text}pulumi config set shop:size 50"
    assert set(found) == {"size_mb", "project_id"}
    assert rejected(VolumeProvider(), smaller, VOLUME)["size_mb"] == (
        f"{text}set size_mb to 50000 in the program"
    )
    assert rejected(VolumeProvider(), VOLUME | {"size_mb": 60000}, VOLUME) == {}
    assert rejected(VolumeProvider(), VOLUME | {"service_id": "t", "mount_path": "/b"}, VOLUME) == {}


def test_the_region_of_a_service_with_a_volume_cannot_change() -> None:
    """Railway would stop the service while it moves the data."""
    was = SETTINGS | {"region": "us-west2"}
    assert (
        "volume"
        in rejected(ServiceSettingsProvider(), was | {"region": "europe-west4-drams3a"}, was)["region"]
    )


@pytest.mark.parametrize("provider", [VolumeProvider(), ServiceSettingsProvider(), VariablesProvider()])
def test_unknown_values_are_not_validated(provider: RailwayProvider) -> None:
    """In a preview most ids are unknown; they are validated when they are known."""
    news: dict[str, Any] = {field.name: rpc.UNKNOWN for field in provider.FIELDS if field.compared}
    assert rejected(provider, news) == {}
    assert rejected(VariablesProvider(), PLACE | {"variables": {"A": rpc.UNKNOWN, "B": "b"}}) == {}


def test_check_reports_two_tokens_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an error of the preview, without a traceback."""
    provider = ServiceProvider()
    monkeypatch.setenv("RAILWAY_API_TOKEN", "one")
    monkeypatch.setenv("RAILWAY_TOKEN", "two")
    provider.configure(ConfigureRequest(Config({}, "whatsapp-crm")))
    reason = rejected(provider, PLACE | {"service_name": "backend"})[""]
    assert "both set" in reason
    assert "\n  fix: unset RAILWAY_TOKEN" in reason
    monkeypatch.delenv("RAILWAY_API_TOKEN")
    monkeypatch.delenv("RAILWAY_TOKEN")
    provider.configure(ConfigureRequest(Config({}, "whatsapp-crm")))
    assert "RAILWAY_API_TOKEN" in rejected(provider, PLACE | {"service_name": "backend"})[""]
    provider.configure(ConfigureRequest(Config({"railway:token": "from-config"}, "whatsapp-crm")))
    assert rejected(provider, PLACE | {"service_name": "backend"}) == {}


def test_a_reason_never_contains_the_value_of_a_variable() -> None:
    """The map of variables is a secret as a whole."""
    news = PLACE | {"variables": {"bad name": "the-secret-value", "RAILWAY_X": "the-secret-value", "E": ""}}
    assert "the-secret-value" not in str(rejected(VariablesProvider(), news))


def test_names_show_which_variable_changed_without_its_value() -> None:
    """The display shows the map itself as [secret]."""
    provider = VariablesProvider()

    def names(variables: dict[str, str], olds: dict[str, Any]) -> dict[str, str]:
        return provider.check(olds, PLACE | {"variables": variables}).inputs["names"]

    first = {"A": "1", "B": "2"}
    labels = names(first, {})
    assert labels == {"A": "version 1", "B": "version 1"}
    olds = {"variables": first, "names": labels}
    assert names(first, olds) == labels
    assert names({"A": "1", "B": "3", "C": "4"}, olds) == {
        "A": "version 1",
        "B": "version 2",
        "C": "version 1",
    }
    drifted = {"variables": {"A": "edited"}, "names": {"A": "version 1, changed on Railway"}}
    assert names({"A": "1"}, drifted) == {"A": "version 2"}
