"""The comparison defines drift: it must accept every value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.output import Unknown
from pulumi.runtime import rpc

from railway import fields
from railway.fields import Field, compare, problems
from railway.service_settings import ServiceSettingsProvider
from railway.settings_table import SETTINGS, from_instance, to_input
from railway.variables import VariablesProvider
from railway.volume import VolumeProvider

pytestmark = pytest.mark.unit

ALL_FIELDS = (*ServiceSettingsProvider.FIELDS, *VolumeProvider.FIELDS, *VariablesProvider.FIELDS)
scalars = st.none() | st.booleans() | st.integers(-5, 100) | st.floats(0, 50) | st.text(max_size=6)
values = scalars | st.lists(st.text(max_size=4), max_size=3) | st.dictionaries(st.text(max_size=3), scalars)
bags = st.dictionaries(st.sampled_from([field.name for field in ALL_FIELDS]), values)


@given(bags)
def test_equal_properties_have_no_difference(bag: dict[str, Any]) -> None:
    assert not compare(ALL_FIELDS, bag, dict(bag))


@given(bags, st.dictionaries(st.sampled_from(["__provider", "revision", "other"]), scalars))
def test_keys_without_a_field_are_ignored(bag: dict[str, Any], extra: dict[str, Any]) -> None:
    """A new pickle of the provider, or an output, is not a change."""
    assert not compare(ALL_FIELDS, bag | extra, bag)
    assert not compare(ALL_FIELDS, bag, bag | extra)


@given(bags, st.sampled_from([field for field in ALL_FIELDS if field.compared]))
def test_an_unknown_is_a_change_and_never_a_replacement(bag: dict[str, Any], field: Field) -> None:
    """Otherwise one updated parent would make every child look replaced."""
    for unknown in (rpc.UNKNOWN, Unknown(), {"a": Unknown()}, [rpc.UNKNOWN]):
        found = compare(ALL_FIELDS, bag, bag | {field.name: unknown})
        assert set(found.changed) == {field.name}
        assert found.replaces == ()


@given(bags, bags)
def test_only_a_changed_field_replaces(olds: dict[str, Any], news: dict[str, Any]) -> None:
    """And differences are symmetric."""
    found = compare(ALL_FIELDS, olds, news)
    assert set(found.replaces) <= set(found.changed)
    assert set(compare(ALL_FIELDS, news, olds).changed) == set(found.changed)


@given(bags)
def test_problems_never_fail_on_any_value(bag: dict[str, Any]) -> None:
    """`check` gets whatever is declared."""
    for problem in problems(ALL_FIELDS, {}, bag):
        assert problem.reason


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("replicas", 2, 2.0),
        ("replicas", 1, None),
        ("root_directory", "/backend/", "backend"),
        ("root_directory", "/", None),
        ("start_command", "", None),
        ("healthcheck_timeout", 300.0, None),
        ("restart_policy_type", "on_failure", "ON_FAILURE"),
        ("restart_policy_type", None, "ON_FAILURE"),
        ("pre_deploy_command", "npm run migrate", ["npm run migrate"]),
        ("pre_deploy_command", [], None),
        ("mount_path", "/app/sessions/", "/app/sessions"),
        ("sleep_application", False, None),
        ("has_volume", True, True),
    ],
)
def test_two_forms_of_one_value_are_equal(name: str, one: object, other: object) -> None:
    """Numbers return as floats, null and "" are equal, and so are a default and null."""
    assert not compare(ALL_FIELDS, {name: one}, {name: other})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_written_compared_read_and_reset(setting: Any) -> None:
    """From its one row."""
    sample: dict[str, Any] = {
        "builder": "NIXPACKS",
        "restart_policy_type": "ALWAYS",
        "region": "us-west2",
        "root_directory": "services/backend",
    }
    if setting.name in sample:
        value = sample[setting.name]
    elif setting.normal is fields.number:
        value = 7
    elif setting.normal is fields.flag:
        value = True
    elif setting.normal is fields.texts:
        value = ["one", "two"]
    else:
        value = "/value"
    assert to_input({setting.name: value}, {})[setting.input] == value
    assert compare(ServiceSettingsProvider.FIELDS, {}, {setting.name: value}).changed == (setting.name,)
    reset = to_input({}, {setting.name: value})
    assert reset[setting.input] == setting.reset
    node = {one.input: None for one in SETTINGS} | {setting.input: value, "source": None}
    assert from_instance(node)[setting.name] == setting.normal(value)


def test_replicas_are_always_sent() -> None:
    """An update without them resets them to 1."""
    assert to_input({"replicas": 3, "start_command": "x"}, {})["numReplicas"] == 3
