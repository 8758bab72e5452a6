"""Which deployment an `up` may take for its own, and what of its log is read and shown."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from railway.service import ServiceProvider
from railway.variables import VariablesProvider
from sandbox.railway import deployment_logs
from sandbox.railway.records import Deployment
from sandbox.railway.store import Store
from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_world import REPO, VARIABLES, Declared, World, first_up

pytestmark = pytest.mark.conformance


def test_a_manual_redeployment_of_the_old_branch_is_not_accepted_as_the_new_one(railway: World) -> None:
    """Between our writes and our deployment somebody runs the old commit again."""
    railway.admin("repos", {"repo": REPO, "branch": "audit-whatsapp-30", "sha": "a" * 40})
    railway.admin("repos", {"repo": REPO, "branch": "main", "sha": "b" * 40})
    engine = first_up(railway, Declared(branch="audit-whatsapp-30"))
    old = engine.state["deployment"].live.outs["deployment_id"]
    with railway.operation() as process:
        engine.up(process, Declared(), only="domain")
        railway.admin("clock", {"advance": 5})
        railway.manual("mutation($id: String!) { deploymentRedeploy(id: $id) { id } }", id=old)
        assert engine.up(process, Declared()) == ["update deployment"]
    assert engine.state["deployment"].live.outs["commit"] == "b" * 40
    assert railway.rows("deployments")[-1]["commit_hash"] == "b" * 40


def test_a_repository_that_railway_cannot_read_fails_the_up(railway: World) -> None:
    """And the commit that Railway still knows is not deployed in its place."""
    engine = first_up(railway)
    railway.admin("repos", {"repo": REPO, "branch": "staging", "sha": "b" * 40})
    railway.fault("DeployLatest", "no_repository", times=9)
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared(branch="staging")))
    assert "repo" in text
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
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared(variables=wanted, health_seconds=5)))
    assert "Last log lines:" in text
    assert "[SESSIONS_PATH]" in text
    assert "hunter2-very-secret" not in text


def test_an_expected_line_far_back_in_a_long_log_is_found(
    railway: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend writes thousands of lines in its first minute; the lines of its start are not among the last
    ones."""
    engine = first_up(railway)
    usual = deployment_logs.deployment_logs

    def noisy(store: Store, deployment: Deployment) -> list[dict[str, Any]]:
        rows = usual(store, deployment)
        last = rows[-1] if rows else {"at": 0.0}
        return rows + [
            {**last, "message": f"history sync {number}", "at": last["at"] + 1 + number}
            for number in range(1500)
        ]

    monkeypatch.setattr(deployment_logs, "deployment_logs", noisy)
    with railway.operation() as process:
        assert engine.up(process, Declared(subdomain="crm-live")) == ["update domain", "update deployment"]


def test_an_unhealthy_rollback_is_reported(railway: World) -> None:
    """The error has what runs now."""
    engine = first_up(railway)
    railway.admin("switches", {"deploy_outcomes_next": ["crashed", "failed_build"]})
    with railway.operation() as process:
        text = refusal(
            lambda: engine.up(process, Declared(branch="staging", rollback=True, stable_seconds=20))
        )
    assert "is not healthy either: the deployment" in text
    assert (
        f"the deployment {railway.rows('deployments')[-1]['id']} failed in step BUILD_IMAGE (status FAILED)"
        in text
    )


def test_nothing_is_deployed_in_place_of_a_volume_that_was_deleted(railway: World) -> None:
    """A crash after it is drift, and the `up` that would mend that looks at the volume first."""
    engine = first_up(railway)
    railway.manual("mutation($id: String!) { volumeDelete(volumeId: $id) }", id=engine.id("volume"))
    engine.state["deployment"].live.outs["running"] = False
    railway.reset()
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared()))
    assert "can be restored for 48 hours" in text
    assert railway.counts() == ({"SnapshotRead": 1}, 0)


@pytest.mark.parametrize("outcome", ["needs_approval", "never_ends"])
def test_the_up_after_one_that_gave_up_waits_for_the_same_deployment(railway: World, outcome: str) -> None:
    """As in its message: where approvals are asked for, another deployment would wait for another one."""
    engine = first_up(railway)
    railway.admin("switches", {"deploy_outcomes_next": [outcome]})
    declared = Declared(branch="staging", wait_seconds=30)
    railway.admin("repos", {"repo": REPO, "branch": "staging", "sha": _commit(railway)})
    with railway.operation() as process, pytest.raises(grpc.RpcError):
        engine.up(process, declared)
    waiting = railway.rows("deployments")[-1]
    assert railway.counts()[1] == 1
    railway.reset()
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, declared))
    assert waiting["id"] in text
    assert railway.counts()[1] == 0


def _commit(world: World) -> str:
    """The commit that runs now: another branch may have it too."""
    return str(world.rows("deployments")[-1]["commit_hash"])
