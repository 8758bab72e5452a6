"""A secret under a key that is not for secrets is a problem: its value would become plain text."""

from __future__ import annotations

import json

import pytest

from settings.keys import Key, ValueType
from settings.load import load_settings
from settings.model import KEYS
from settings.problems import render
from tests import bad_settings
from tests.bad_rows import Bad
from tests.unit.conftest import stack as stack_fixture
from tests.unit.test_bad_settings import Stack

stack = stack_fixture
pytestmark = pytest.mark.unit

VALUE = "hunter2-of-this-test"
FOR_SECRETS = {"secrets", "adminToken", "backendVariables"}


def sample(key: Key) -> str:
    """A config value with VALUE in it."""
    by_name = {"NAME": VALUE}
    nested: dict[ValueType, object] = {
        ValueType.LIST: [VALUE],
        ValueType.OBJECT: {"NAME": {"text": [VALUE]}},
        ValueType.STRINGS: by_name,
        ValueType.VARIABLES: by_name,
        ValueType.SECRETS: by_name,
    }
    return json.dumps(nested[key.value_type]) if key.value_type in nested else VALUE


def test_three_keys_are_for_secrets() -> None:
    assert {name for name, key in KEYS.items() if key.hidden} == FOR_SECRETS


@pytest.mark.parametrize("name", sorted(set(KEYS) - FOR_SECRETS))
def test_a_secret_under_another_key_is_refused_and_not_shown(name: str, stack: Stack) -> None:
    bad = Bad(name="", key="", fix="", config={name: sample(KEYS[name])}, secret=(name,))
    found, problems = load_settings(stack(*bad_settings.stack_config(bad)), "sandbox", bad_settings.ENVIRON)
    (problem,) = [one for one in problems if one.key == f"whatsapp-crm:{name}"]
    assert "this key is not for secrets" in problem.what
    path = "--path '" if name in ("functionParams", "functionVariables") else ""
    assert f"pulumi config rm {path}whatsapp-crm:{name}" in problem.fix
    assert VALUE not in render(problems)
    assert VALUE not in repr(found)


@pytest.mark.parametrize("name", sorted(FOR_SECRETS))
def test_a_key_for_secrets_takes_one(name: str, stack: Stack) -> None:
    bad = Bad(name="", key="", fix="", config={name: sample(KEYS[name])}, secret=(name,))
    _, problems = load_settings(stack(*bad_settings.stack_config(bad)), "sandbox", bad_settings.ENVIRON)
    assert problems == []
