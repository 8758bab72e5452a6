"""The guard against deleted functions, in the SDK's provider process."""

from __future__ import annotations

import base64
import os

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from components.deletion_guard import DeletionGuardProvider
from tests.conformance.dynamic_process import DynamicProcess

pytestmark = pytest.mark.conformance

INPUTS = {"functions": ["a", "b"], "sources": [], "production": True, "allowed": False}


def test_the_pickle_in_the_state_is_the_class_path_and_nothing_else() -> None:
    """Renaming the module or the class, or giving the provider an attribute, breaks every existing stack."""
    pickled = base64.b64decode(serialize_provider(DeletionGuardProvider()))
    assert pickled == (
        b"\x80\x04\x95:\x00\x00\x00\x00\x00\x00\x00\x8c\x19components.deletion_guard\x94\x8c\x15"
        b"DeletionGuardProvider\x94\x93\x94)\x81\x94."
    )


def test_nothing_is_created_changed_or_deleted() -> None:
    with DynamicProcess(os.environ) as process:
        guard = process.resource(DeletionGuardProvider())
        live = guard.create(INPUTS)
        assert not guard.diff(live, {**INPUTS, "functions": []}).changes
        found, _ = guard.read(live)
        assert found == live
        guard.delete(live)
