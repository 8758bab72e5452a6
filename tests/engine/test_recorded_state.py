"""A state begun with the stand-in gcp plugin continues with the real one, and the reverse.

What a user sees of it: `make sandbox` without Pulumi, then Pulumi is installed. A property that the stand-in
records in another way is a change in the real plugin's next preview, for an index even a replacement.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.engine.gcp import bridge, diff
from sandbox.engine.gcp.registry import RESOURCE_TYPES
from tests.engine.conftest import Phases
from tests.engine.recorded import FROM_SOURCE, IMPORTED, recorded_state

REAL = recorded_state()


@pytest.mark.engine
@pytest.mark.parametrize(("phase", "name"), [(phase, name) for phase in sorted(REAL) for name in REAL[phase]])
def test_the_stand_in_records_what_the_real_plugin_does(name: str, phase: str, phases: Phases) -> None:
    assert phases.state[phase][name] == REAL[phase][name]


@pytest.mark.engine
def test_no_resource_is_missing_in_the_recording(phases: Phases) -> None:
    assert set(phases.state["create"]) == set(REAL["create"]) == set(REAL["refresh"])
    assert {resource["type"] for resource in REAL["create"].values()} == set(RESOURCE_TYPES) - FROM_SOURCE
    assert set(phases.state["import"]) == set(REAL["import"])
    assert {resource["type"] for resource in REAL["import"].values()} == IMPORTED


def _readable_inputs(resource: dict[str, Any]) -> dict[str, Any]:
    return {
        name: item.get("secret", item) if isinstance(item, dict) else item for name, item in resource.items()
    }


@pytest.mark.unit
@pytest.mark.parametrize("phase", ["create", "refresh"])
@pytest.mark.parametrize("name", sorted(REAL["create"]))
def test_a_state_of_the_real_plugin_shows_no_change(name: str, phase: str) -> None:
    resource = REAL[phase][name]
    outputs = _readable_inputs(resource["outputs"])
    inputs = _readable_inputs(REAL["create"][name]["inputs"])
    assert diff.changes(RESOURCE_TYPES[resource["type"]], outputs, inputs) == []


@pytest.mark.unit
@pytest.mark.parametrize("name", sorted(REAL["create"]))
def test_a_refresh_takes_the_inputs_from_what_was_read(name: str) -> None:
    created, refreshed = REAL["create"][name], REAL["refresh"][name]
    found = bridge.refreshed_inputs(
        RESOURCE_TYPES[created["type"]],
        _readable_inputs(created["inputs"]),
        _readable_inputs(refreshed["outputs"]),
    )
    assert found == _readable_inputs(refreshed["inputs"])


@pytest.mark.unit
@pytest.mark.parametrize("name", sorted(REAL["import"]))
def test_an_import_takes_the_inputs_from_what_was_read(name: str) -> None:
    resource = REAL["import"][name]
    found = bridge.imported_inputs(RESOURCE_TYPES[resource["type"]], resource["outputs"])
    assert found == resource["inputs"]


@pytest.mark.unit
def test_a_ruleset_without_its_metadata_shows_a_change() -> None:
    """The real plugin shows a computed list that a state lacks: an import with outputs must have it."""
    resource = REAL["create"]["ruleset"]
    outputs = {name: value for name, value in resource["outputs"].items() if name != "metadatas"}
    found = diff.changes(RESOURCE_TYPES[resource["type"]], outputs, resource["inputs"])
    assert [(change.path, change.replace) for change in found] == [("metadatas", False)]
