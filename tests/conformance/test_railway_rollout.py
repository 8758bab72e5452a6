"""Which deployment an `up` may take for its own, and what of its log is read and shown."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from railway.service import ServiceProvider
from railway.variables import VariablesProvider
from sandbox.railway import narration
from sandbox.railway.records import Deployment
from sandbox.railway.store import Store
from tests.conformance.railway_world import REPO, VARIABLES, Declared, World, first_up

pytestmark = pytest.mark.conformance


def test_a_redeploy_by_hand_of_the_old_branch_is_not_taken_for_the_new_one(railway: World) -> None:
    """Between our writes and our deployment somebody runs the old commit again."""
    railway.admin("repos", {"repo": REPO, "branch": "audit-whatsapp-30", "sha": "a" * 40})
    railway.admin("repos", {"repo": REPO, "branch": "main", "sha": "b" * 40})
    engine = first_up(railway, Declared(branch="audit-whatsapp-30"))
    old = engine.state["deployment"].live.outs["deployment_id"]
    with railway.operation() as process:
        engine.up(process, Declared(), only="domain")
        railway.admin("clock", {"advance": 5})
        railway.hand("mutation($id: String!) { deploymentRedeploy(id: $id) { id } }", id=old)
        assert engine.up(process, Declared()) == ["update deployment"]
    assert engine.state["deployment"].live.outs["commit"] == "b" * 40
    assert railway.rows("deployments")[-1]["commit_hash"] == "b" * 40


def test_a_repository_that_railway_cannot_read_fails_the_up(railway: World) -> None:
    """And the commit that Railway still knows is not deployed in its place."""
    engine = first_up(railway)
    railway.admin("repos", {"repo": REPO, "branch": "staging", "sha": "b" * 40})
    railway.fault("DeployLatest", "no_repository", times=9)
    with railway.operation() as process, pytest.raises(grpc.RpcError) as caught:
        engine.up(process, Declared(branch="staging"))
    assert isinstance(caught.value, grpc.Call)
    assert "repo" in str(caught.value.details())
    assert railway.counts()[1] == 0


def test_what_a_reference_stands_for_is_taken_out_of_the_log(railway: World) -> None:
    """The backend prints SESSIONS_PATH; any variable that it prints would do."""
    engine = first_up(railway)
    place = {"project_id": engine.id("project"), "environment_id": engine.id("environment")}
    with railway.operation() as process:
        made = process.resource(ServiceProvider()).create(place | {"service_name": "postgres"})
        variables = process.resource(VariablesProvider())
        inputs = place | {"service_id": made.id, "variables": {"PASSWORD": "hunter2-very-secret"}}
        variables.create(variables.inputs(inputs))
    wanted = VARIABLES | {"SESSIONS_PATH": "${{postgres.PASSWORD}}"}
    with railway.operation() as process, pytest.raises(grpc.RpcError) as caught:
        engine.up(process, Declared(variables=wanted, health_seconds=5))
    assert isinstance(caught.value, grpc.Call)
    text = str(caught.value.details())
    assert "Last log lines:" in text
    assert "[SESSIONS_PATH]" in text
    assert "hunter2-very-secret" not in text


def test_an_expected_line_far_back_in_a_long_log_is_found(
    railway: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend writes thousands of lines in its first minute; what it said at its start is not the end."""
    engine = first_up(railway)
    usual = narration.deployment_logs

    def noisy(store: Store, deployment: Deployment) -> list[dict[str, Any]]:
        rows = usual(store, deployment)
        last = rows[-1] if rows else {"at": 0.0}
        return rows + [
            {**last, "message": f"history sync {number}", "at": last["at"] + 1 + number}
            for number in range(1500)
        ]

    monkeypatch.setattr(narration, "deployment_logs", noisy)
    with railway.operation() as process:
        assert engine.up(process, Declared(subdomain="crm-live")) == ["update domain", "update deployment"]
