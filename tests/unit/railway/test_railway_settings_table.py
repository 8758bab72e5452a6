"""Undeclared settings, and settings that Railway did not keep."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from railway import deployment_trigger
from railway.args import ServiceScopeArgs
from railway.graphql.documents import DOCUMENTS
from railway.service_settings import ServiceSettingsProvider
from railway.settings_table import (
    SETTINGS,
    ServiceSettingsArgs,
    Setting,
    mismatches,
    to_input,
    undeclared,
)

pytestmark = pytest.mark.unit

LEFT_TO_RAILWAY = {
    "builder",
    "overlap_seconds",
    "draining_seconds",
    "region",
}
NODE: dict[str, Any] = {setting.input: None for setting in SETTINGS} | {
    "source": None,
    "builder": "RAILPACK",
    "numReplicas": 1,
    "restartPolicyType": "ON_FAILURE",
    "restartPolicyMaxRetries": 10,
    "watchPatterns": [],
}


def test_every_property_is_a_row_or_belongs_to_the_source() -> None:
    """And every row is compared, and read by the snapshot."""
    scope = {field.name for field in dataclasses.fields(ServiceScopeArgs)} | {"has_volume"}
    declared = {field.name for field in dataclasses.fields(ServiceSettingsArgs)}
    assert declared == scope | deployment_trigger.COMMIT | {setting.name for setting in SETTINGS}
    assert {field.name for field in ServiceSettingsProvider.FIELDS} == declared
    for setting in SETTINGS:
        assert setting.input in DOCUMENTS["SnapshotRead"].text.split()


def test_only_these_undeclared_settings_are_left_to_railway() -> None:
    """All others are compared with Railway's default, a new one too unless it is named here."""
    assert {setting.name for setting in SETTINGS if setting.undeclared_because} == LEFT_TO_RAILWAY


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_null_the_default_and_the_reset_value_are_not_drift(setting: Setting) -> None:
    """The environment's config does not contain defaults."""
    for value in (None, setting.default, setting.reset):
        assert undeclared({}, {setting.name: value}) == {}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_declared_setting_is_not_undeclared(setting: Setting) -> None:
    assert undeclared({setting.name: 7}, {setting.name: 8}) == {}


def test_a_value_set_in_the_dashboard_is_undeclared() -> None:
    live = {
        "start_command": "sleep 1",
        "sleep_application": True,
        "restart_policy_max_retries": 0,
        "region": "x",
    }
    assert undeclared({"replicas": 1}, live) == {
        "start_command": "sleep 1",
        "sleep_application": True,
        "restart_policy_max_retries": 0,
    }


def wrong(declared: dict[str, Any], before: dict[str, Any] | None = None, **node: Any) -> list[str]:
    """The mismatches after a write, given what Railway returns."""
    sent = to_input(declared, before or {})
    return [str(one) for one in mismatches(sent, declared, NODE | node)]


def test_kept_values_are_no_mismatch() -> None:
    assert wrong({"replicas": 1, "healthcheck_timeout": 300, "start_command": ""}) == []
    assert wrong({"watch_patterns": "a"}, watchPatterns=["a"]) == []
    assert wrong({}, {"healthcheck_timeout": 100, "start_command": "x"}) == []


def test_a_mismatch_shows_both_values() -> None:
    assert wrong({"healthcheck_timeout": 100}) == ["healthcheck_timeout is 300 instead of 100"]
    assert wrong({}, {"start_command": "x"}, startCommand="x") == ['start_command is "x" instead of null']
    assert wrong({"image": "a:1"}, source={"image": "a:0"}) == ['image is "a:0" instead of "a:1"']


def test_an_unsent_setting_is_no_mismatch() -> None:
    assert wrong({}, startCommand="x") == []
    # Railway chooses the value of these.
    assert wrong({}, {"region": "us-west2", "builder": "NIXPACKS"}, region="y", builder="NIXPACKS") == []
