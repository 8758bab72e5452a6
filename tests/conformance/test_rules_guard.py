"""The guard of the rules release, in the SDK's provider process."""

from __future__ import annotations

import base64
import os

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from components.rules_guard import RulesGuardProvider
from tests.conformance.dynamic_process import DynamicProcess

pytestmark = pytest.mark.conformance

INPUTS = {"project": "p", "release": "cloud.firestore", "ruleset": "projects/p/rulesets/r", "allowed": False}


def test_the_pickle_in_the_state_is_the_class_path_and_nothing_else() -> None:
    """Renaming the module or the class, or giving the provider an attribute, breaks every existing stack."""
    pickled = base64.b64decode(serialize_provider(RulesGuardProvider()))
    assert pickled == (
        b"\x80\x04\x954\x00\x00\x00\x00\x00\x00\x00\x8c\x16components.rules_guard\x94\x8c\x12"
        b"RulesGuardProvider\x94\x93\x94)\x81\x94."
    )


def test_nothing_is_created_changed_or_deleted() -> None:
    with DynamicProcess(os.environ) as process:
        guard = process.resource(RulesGuardProvider())
        live = guard.create(INPUTS)
        assert not guard.diff(live, {**INPUTS, "release": None}).changes
        found, _ = guard.read(live)
        assert found == live
        guard.delete(live)
