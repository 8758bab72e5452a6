"""The guards of the stack, in the SDK's provider process: what their state holds, and that two of them never
change anything; and what the source of a function holds.

What the destroy guard prevents: test_destroy_guard.
"""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from components.deletion_guard import DeletionGuardProvider
from components.destroy_guard import DestroyGuardProvider
from components.function_source import FunctionSourceProvider
from components.rules_guard import RulesGuardProvider
from tests.conformance.dynamic_process import UNKNOWN, DynamicProcess

pytestmark = pytest.mark.conformance


@pytest.mark.parametrize(
    ("provider", "pickled"),
    [
        (
            DeletionGuardProvider(),
            (
                b"\x80\x04\x95:\x00\x00\x00\x00\x00\x00\x00\x8c\x19components.deletion_guard\x94\x8c\x15"
                b"DeletionGuardProvider\x94\x93\x94)\x81\x94."
            ),
        ),
        (
            DestroyGuardProvider(),
            (
                b"\x80\x04\x958\x00\x00\x00\x00\x00\x00\x00\x8c\x18components.destroy_guard\x94\x8c\x14"
                b"DestroyGuardProvider\x94\x93\x94)\x81\x94."
            ),
        ),
        (
            FunctionSourceProvider(),
            (
                b"\x80\x04\x95<\x00\x00\x00\x00\x00\x00\x00\x8c\x1acomponents.function_source\x94\x8c\x16"
                b"FunctionSourceProvider\x94\x93\x94)\x81\x94."
            ),
        ),
        (
            RulesGuardProvider(),
            (
                b"\x80\x04\x954\x00\x00\x00\x00\x00\x00\x00\x8c\x16components.rules_guard\x94\x8c\x12"
                b"RulesGuardProvider\x94\x93\x94)\x81\x94."
            ),
        ),
    ],
    ids=("deletion", "destroy", "source", "rules"),
)
def test_the_pickle_in_the_state_is_only_the_class_path(provider: ResourceProvider, pickled: bytes) -> None:
    """Renaming the module or the class, or giving the provider an attribute, breaks every existing stack."""
    assert base64.b64decode(serialize_provider(provider)) == pickled


@pytest.mark.parametrize(
    ("provider", "inputs", "changed"),
    [
        (
            DeletionGuardProvider(),
            {"functions": ["a", "b"], "sources": [], "production": True, "allowed": False},
            {"functions": []},
        ),
        (
            RulesGuardProvider(),
            {
                "project": "p",
                "releases": {"cloud.firestore": "projects/p/rulesets/r"},
                "allowed": False,
            },
            {"releases": {}},
        ),
    ],
    ids=("deletion", "rules"),
)
def test_a_guard_that_only_compares_changes_nothing(
    provider: ResourceProvider, inputs: dict[str, Any], changed: dict[str, Any]
) -> None:
    with DynamicProcess(os.environ) as process:
        guard = process.resource(provider)
        live = guard.create(inputs)
        assert not guard.diff(live, inputs | changed).changes
        found, _ = guard.read(live)
        assert found == live
        guard.delete(live)


def test_a_function_source_holds_its_archive_until_the_digest_changes() -> None:
    first = {"digest": "1", "object": "functions/default-a.zip", "generation": "1733015000000001"}
    newer = {"digest": "1", "object": "functions/default-b.zip", "generation": "1733015000000002"}
    with DynamicProcess(os.environ) as process:
        source = process.resource(FunctionSourceProvider())
        live = source.create(first)
        assert live.outs["generation"] == first["generation"]
        assert not source.diff(live, newer).changes
        assert not source.diff(live, {**newer, "generation": UNKNOWN}).changes  # a preview: not uploaded yet
        assert source.diff(live, {**newer, "digest": "2"}).changes
        assert source.diff(live, {**newer, "digest": "2"}).replaces == ()
        live = source.update(live, {**newer, "digest": "2"})
        assert (live.outs["object"], live.outs["generation"]) == (newer["object"], newer["generation"])
        found, _ = source.read(live)
        assert found == live
        source.delete(live)
