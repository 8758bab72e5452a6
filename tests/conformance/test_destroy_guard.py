"""The destroy guard, in the SDK's provider process."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import grpc
import pytest

from components.destroy_guard import ALLOW, DestroyGuardProvider
from tests.conformance.dynamic_process import UNKNOWN, DynamicProcess

pytestmark = pytest.mark.conformance

INPUTS = {
    "stack": "prod",
    "stack_path": "acme/crm/prod",
    "volume_id": "volume-1",
    "volume_urn": "urn:pulumi:prod::crm::Volume::sessions",
    "database_id": "projects/crm/databases/(default)",
    "database_urn": "urn:pulumi:prod::crm::Database::database",
}


UNPROTECT = f"pulumi state unprotect '{INPUTS['volume_urn']}' '{INPUTS['database_urn']}' --stack prod --yes"


def process(**extra: str) -> DynamicProcess:
    environ: Mapping[str, str] = {name: value for name, value in os.environ.items() if name != ALLOW}
    return DynamicProcess({**environ, **extra})


def with_pulumi(folder: Path, body: str) -> dict[str, str]:
    """A PATH with a `pulumi` that runs `body`."""
    pulumi = folder / "pulumi"
    pulumi.write_text(f"#!/bin/sh\n{body}\n")
    pulumi.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def exporting(
    folder: Path, *, urn: str = INPUTS["volume_urn"], protect: bool | None = None
) -> dict[str, str]:
    """A `pulumi` whose state has a resource, if `stack export` is called with the full name of the stack."""
    resources = [
        {"urn": "urn:other", "protect": True},
        {"urn": urn} if protect is None else {"urn": urn, "protect": protect},
    ]
    (folder / "state.json").write_text(json.dumps({"deployment": {"resources": resources}}))
    wanted = "stack export --stack acme/crm/prod --non-interactive"
    return with_pulumi(folder, f'[ "$*" = "{wanted}" ] && cat {folder}/state.json')


@pytest.mark.parametrize("allowed", [{}, {ALLOW: ""}, {ALLOW: "1"}, {ALLOW: "staging"}])
def test_delete_fails_and_says_how_to_destroy_the_stack(allowed: dict[str, str]) -> None:
    with process(**allowed) as running:
        guard = running.resource(DestroyGuardProvider())
        live = guard.create(INPUTS)
        with pytest.raises(grpc.RpcError) as raised:
            guard.delete(live)
    message = str(raised.value)
    assert "railway:Volume volume-1" in message
    assert "must not be lost by accident" in message
    assert f"Firestore database {INPUTS['database_id']}" in message
    assert UNPROTECT in message
    assert f"{ALLOW}=prod pulumi destroy --stack prod" in message


@pytest.mark.parametrize("protect", [None, False])
def test_delete_succeeds_if_the_environment_names_the_stack_and_neither_is_protected(
    tmp_path: Path, protect: bool | None
) -> None:
    with process(**{ALLOW: "prod"}, **exporting(tmp_path, protect=protect)) as running:
        guard = running.resource(DestroyGuardProvider())
        guard.delete(guard.create(INPUTS))


@pytest.mark.parametrize("field", ["volume_urn", "database_urn"])
def test_delete_fails_while_volume_or_database_is_protected_in_the_state(tmp_path: Path, field: str) -> None:
    with process(**{ALLOW: "prod"}, **exporting(tmp_path, urn=INPUTS[field], protect=True)) as running:
        guard = running.resource(DestroyGuardProvider())
        with pytest.raises(grpc.RpcError, match="Nothing was deleted") as raised:
            guard.delete(guard.create(INPUTS))
    assert UNPROTECT in str(raised.value)


def test_delete_fails_if_the_state_cannot_be_read(tmp_path: Path) -> None:
    with process(**{ALLOW: "prod"}, **with_pulumi(tmp_path, "echo not signed in >&2; exit 3")) as running:
        guard = running.resource(DestroyGuardProvider())
        with pytest.raises(grpc.RpcError, match="not signed in") as raised:
            guard.delete(guard.create(INPUTS))
    assert "fix:" in str(raised.value)


@pytest.mark.parametrize("field", ["volume_id", "database_id"])
@pytest.mark.parametrize("other", ["volume-2", UNKNOWN])
def test_another_volume_or_database_is_an_update_and_no_replacement(field: str, other: str) -> None:
    with process() as running:
        guard = running.resource(DestroyGuardProvider())
        live = guard.create(INPUTS)
        assert not guard.diff(live, INPUTS).changes
        changed = guard.diff(live, {**INPUTS, field: other})
        assert (changed.changes, changed.replaces) == (True, ())
        assert guard.update(live, {**INPUTS, "volume_id": "volume-2"}).outs["volume_id"] == "volume-2"


def test_a_refresh_changes_nothing() -> None:
    with process() as running:
        guard = running.resource(DestroyGuardProvider())
        live = guard.create(INPUTS)
        found, _ = guard.read(live)
        assert found == live
