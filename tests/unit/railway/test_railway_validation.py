"""What Railway accepts as a value is written once: the providers and the program's settings agree."""

from __future__ import annotations

import pytest

from railway import validation
from railway.backup_schedule import VolumeBackupScheduleProvider
from railway.environment import EnvironmentProvider
from railway.provider import RailwayProvider
from railway.service import ServiceProvider
from railway.service_settings import ServiceSettingsProvider
from railway.volume import VolumeProvider
from settings.model import KEYS

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("provider", "field", "key", "good", "bad"),
    [
        (VolumeProvider, "mount_path", "volumeMountPath", "/app/sessions", "app/sessions"),
        (VolumeProvider, "mount_path", "volumeMountPath", "/a", "/a/./b"),
        (VolumeProvider, "mount_path", "volumeMountPath", "/a/b", "/a b"),
        (VolumeProvider, "volume_name", "volumeName", "v" * 32, "v" * 33),
        (ServiceProvider, "service_name", "railwayServiceName", "s" * 32, "s" * 33),
        (EnvironmentProvider, "environment_name", "railwayEnvironment", "e" * 32, "e" * 33),
        (ServiceSettingsProvider, "repo", "repo", "owner/name", "owner/name.git"),
        (ServiceSettingsProvider, "healthcheck_path", "healthPath", "/health", "//health"),
    ],
)
def test_a_provider_and_the_settings_reject_the_same(
    provider: type[RailwayProvider], field: str, key: str, good: str, bad: str
) -> None:
    (row,) = [one for one in provider.FIELDS if one.name == field]
    for value, wrong in ((good, False), (bad, True)):
        assert any(rule(value) for rule in row.rules) is wrong
        assert any(rule(value) for rule in KEYS[key].rules) is wrong


@pytest.mark.parametrize(
    ("provider", "field", "key"),
    [
        (ServiceSettingsProvider, "builder", "builder"),
        (ServiceSettingsProvider, "restart_policy_type", "restartPolicy"),
        (VolumeBackupScheduleProvider, "kinds", "volumeBackups"),
    ],
)
def test_a_provider_takes_every_choice_of_the_settings(
    provider: type[RailwayProvider], field: str, key: str
) -> None:
    (row,) = [one for one in provider.FIELDS if one.name == field]
    (rule,) = row.rules
    assert KEYS[key].choices
    assert all(rule(choice) is None for choice in KEYS[key].choices)
    assert rule("OTHER") == f"OTHER is not one of {', '.join(KEYS[key].choices)}"


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://backboard.railway.com/graphql/v2", True),
        ("http://127.0.0.1:8080/graphql/v2", True),
        ("http://127.1.2.3/", True),
        ("http://[::1]:8080/", True),
        ("http://localhost:1/", True),
        ("http://railway.example/", False),
        ("http://localhost.railway.example/", False),
        ("http://10.0.0.1/", False),
        ("https://", False),
        ("https://[", False),
        ("ftp://127.0.0.1/", False),
        ("", False),
    ],
)
def test_a_token_goes_to_https_or_to_this_machine(url: str, accepted: bool) -> None:
    assert (validation.endpoint(url) is None) is accepted
