"""What nobody declared, and what Railway did not keep, as the table of settings says it."""

from __future__ import annotations

from typing import Any

import pytest

from railway.settings_table import SETTINGS, Setting, mismatches, to_input, undeclared

pytestmark = pytest.mark.unit

LEFT_ALONE = {
    "builder",
    "overlap_seconds",
    "draining_seconds",
    "region",
    "registry_credentials",
}
NODE: dict[str, Any] = {setting.input: None for setting in SETTINGS} | {
    "source": None,
    "builder": "RAILPACK",
    "numReplicas": 1,
    "restartPolicyType": "ON_FAILURE",
    "restartPolicyMaxRetries": 10,
    "watchPatterns": [],
}


def test_only_what_railway_chooses_itself_is_left_alone() -> None:
    """Everything else is nothing when nobody declares it; a new setting is, unless it is named here."""
    assert {setting.name for setting in SETTINGS if setting.undeclared_because} == LEFT_ALONE


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_null_the_default_and_what_takes_it_back_are_nothing(setting: Setting) -> None:
    """The environment's config leaves out what the instance says by its default."""
    for value in (None, setting.default, setting.reset):
        assert undeclared({}, {setting.name: value}) == {}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_declared_value_is_never_undeclared(setting: Setting) -> None:
    assert undeclared({setting.name: 7}, {setting.name: 8}) == {}


def test_a_value_of_a_hand_is_undeclared() -> None:
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
    """What is said of a write, given what Railway says after it."""
    sent = to_input(declared, before or {})
    return [str(one) for one in mismatches(sent, declared, NODE | node, None)]


def test_what_is_kept_is_not_named() -> None:
    assert wrong({"replicas": 1, "healthcheck_timeout": 300, "start_command": ""}) == []
    assert wrong({"watch_patterns": "a"}, watchPatterns=["a"]) == []
    assert wrong({}, {"healthcheck_timeout": 100, "start_command": "x"}) == []


def test_what_is_not_kept_is_named_with_both_values() -> None:
    assert wrong({"healthcheck_timeout": 100}) == ["healthcheck_timeout is 300 instead of 100"]
    assert wrong({}, {"start_command": "x"}, startCommand="x") == ['start_command is "x" instead of null']
    assert wrong({"image": "a:1"}, source={"image": "a:0"}) == ['image is "a:0" instead of "a:1"']


def test_what_was_not_sent_and_what_cannot_be_read_is_left_out() -> None:
    assert wrong({"registry_credentials": {"username": "u", "password": "p"}}) == []
    assert wrong({}, startCommand="x") == []
    # What Railway makes of one that it chooses itself is its business.
    assert wrong({}, {"region": "us-west2", "builder": "NIXPACKS"}, region="y", builder="NIXPACKS") == []


@pytest.mark.parametrize(
    ("hidden", "named"),
    [(None, False), ({"username": "", "password": ""}, False), ({"username": "*****"}, True)],
)
def test_credentials_that_stay_are_named_and_not_shown(hidden: object, *, named: bool) -> None:
    before = {"registry_credentials": {"username": "u", "password": "p"}}
    found = mismatches(to_input({}, before), {}, NODE, {"deploy": {"registryCredentials": hidden}})
    assert [str(one) for one in found] == (
        ['registry_credentials is "(hidden)" instead of null'] if named else []
    )
