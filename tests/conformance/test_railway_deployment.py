"""The one deployment of an `up`: how each ending is told, and what is never printed."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from tests.conformance.railway_world import ADMIN_TOKEN, Declared, Engine, World, first_up

pytestmark = pytest.mark.conformance


def fails(world: World, declared: Declared | None = None) -> tuple[Engine, str]:
    """An `up` that fails at its deployment, and what a person reads."""
    engine = Engine()
    with world.operation() as process, pytest.raises(grpc.RpcError) as caught:
        engine.up(process, declared or Declared())
    assert set(engine.state) == {
        "project",
        "environment",
        "service",
        "volume",
        "variables",
        "settings",
        "domain",
    }
    assert isinstance(caught.value, grpc.Call)
    return engine, str(caught.value.details())


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("failed_build", "ended FAILED in step BUILD_IMAGE"),
        ("failed_healthcheck", "ended FAILED in step HEALTHCHECK"),
        ("crashed", "ended CRASHED"),
        ("skipped", "ended SKIPPED"),
        ("removed", "ended REMOVED"),
        ("needs_approval", "waiting for an approval"),
        ("waiting", "waiting for GitHub's checks"),
        ("never_ends", "is still"),
    ],
)
def test_every_ending_is_told_and_the_next_up_repairs(railway: World, outcome: str, words: str) -> None:
    """With the step, the log's last lines, and the next thing to do."""
    railway.admin("switches", {"deploy_outcomes_next": [outcome]})
    engine, text = fails(railway, Declared(wait_seconds=60, hold_seconds=20))
    assert words in text, text
    assert "Next: " in text
    assert railway.counts()[1] == 1
    assert ADMIN_TOKEN not in text
    railway.reset()
    if outcome in ("needs_approval", "waiting", "never_ends"):
        row = railway.rows("deployments")[0]
        railway.hand("mutation($id: String!) { deploymentCancel(id: $id) }", id=row["id"])
    with railway.operation() as process:
        engine.up(process, Declared())
    assert railway.counts()[1] == 1
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_a_sleeping_service_is_a_good_ending(railway: World) -> None:
    """It wakes with the first request."""
    railway.admin("switches", {"deploy_outcomes_next": ["sleeping"]})
    engine = first_up(railway)
    deployment = engine.state["deployment"].live.outs["deployment_id"]
    railway.admin(f"deployments/{deployment}", {"status": "SLEEPING"})
    with railway.operation() as process:
        assert engine.refresh(process) == {}
    assert engine.state["deployment"].live.outs["status"] == "SLEEPING"
    assert engine.state["deployment"].live.outs["running"] is True


def test_an_expected_line_that_is_missing_fails_the_up(railway: World) -> None:
    """And the message shows the log without the values of the variables."""
    _, text = fails(railway, Declared(log_expectations=("Hello, world",), health_seconds=20))
    assert "its log does not say: Hello, world" in text
    assert "Last log lines:" in text
    assert ADMIN_TOKEN not in text


def test_a_health_path_that_does_not_answer_200_fails_the_up(railway: World) -> None:
    """Exactly 200, as for Railway's own check."""
    railway.admin("switches", {"backend_routes": ["/other"]})
    _, text = fails(railway, Declared(settings={"healthcheck_path": "/other"}, health_seconds=20))
    assert "/health does not answer 200: 404" in text


def test_no_log_line_is_shown_when_a_value_cannot_be_known(railway: World) -> None:
    """A sealed variable's value may be in the log, and nobody could take it out."""
    engine = first_up(railway)
    place = {
        "project_id": engine.id("project"),
        "environment_id": engine.id("environment"),
        "service_id": engine.id("service"),
    }
    railway.admin("seal", place | {"name": "ADMIN_TOKEN"})
    railway.admin("switches", {"deploy_outcomes_next": ["crashed"]})
    with railway.operation() as process, pytest.raises(grpc.RpcError) as caught:
        engine.up(process, Declared(branch="staging", hold_seconds=20))
    assert isinstance(caught.value, grpc.Call)
    text = str(caught.value.details())
    assert "some variables are sealed" in text
    assert "Last log lines" not in text


def test_a_crash_after_the_up_is_drift_and_the_next_up_deploys(railway: World) -> None:
    """The nightly job says so."""
    engine = first_up(railway)
    deployment = engine.state["deployment"].live.outs["deployment_id"]
    railway.admin(f"deployments/{deployment}", {"status": "CRASHED"})
    with railway.operation() as process:
        drift = engine.refresh(process)
        assert drift["deployment"]["running"] == (True, False)
        assert drift["deployment"]["status"] == ("SUCCESS", "CRASHED")
        assert engine.up(process, Declared()) == ["update deployment"]
    assert railway.counts()[1] == 1


def test_a_push_after_the_up_is_no_drift(railway: World) -> None:
    """Railway deploys pushes by itself; that is what the trigger is for."""
    engine = first_up(railway)
    railway.admin("repos", {"repo": "example/whatsapp-crm", "branch": "main", "sha": "f" * 40})
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_a_changed_expectation_looks_again_and_deploys_nothing(railway: World) -> None:
    """Nothing that the service runs with has changed."""
    engine = first_up(railway)
    with railway.operation() as process:
        done = engine.up(process, Declared(log_expectations=("Firebase initialized",)))
    assert done == ["update deployment"]
    assert railway.counts()[1] == 0


@pytest.mark.parametrize(
    ("outcome", "words", "deployments"),
    [("failed_healthcheck", "still runs: Railway kept it", 1), ("crashed", "is being run again", 2)],
)
def test_a_rollback_runs_the_last_good_deployment_and_fails_all_the_same(
    railway: World, outcome: str, words: str, deployments: int
) -> None:
    """The up did not do what was asked, and says so; the service runs."""
    engine = first_up(railway)
    good = engine.state["deployment"].live.outs["deployment_id"]
    railway.admin("switches", {"deploy_outcomes_next": [outcome]})
    with railway.operation() as process, pytest.raises(grpc.RpcError) as caught:
        engine.up(process, Declared(branch="staging", rollback=True, hold_seconds=20))
    assert isinstance(caught.value, grpc.Call)
    assert f"the last good deployment ({good}) {words}" in str(caught.value.details())
    assert railway.counts()[1] == deployments


@pytest.mark.parametrize("reason", ["rollback", "redeploy"])
def test_the_up_after_a_rollback_deploys_what_is_declared(railway: World, reason: str) -> None:
    """The rollback is newer than the writes and does not contain them, whether or not Railway says so."""
    engine = first_up(railway)
    railway.admin("switches", {"deploy_outcomes_next": ["crashed"], "rollback_reason": reason})
    declared = Declared(branch="staging", rollback=True, hold_seconds=20)
    with railway.operation() as process, pytest.raises(grpc.RpcError):
        engine.up(process, declared)
    again = railway.rows("deployments")[-1]
    assert (again["reason"], again["branch"]) == ("rollback", "staging")
    railway.reset()
    with railway.operation() as process:
        assert engine.up(process, declared) == ["update deployment"]
    assert railway.counts()[1] == 1
    newest = railway.rows("deployments")[-1]
    assert engine.state["deployment"].live.outs["deployment_id"] == newest["id"] != again["id"]
    assert newest["reason"] == "deploy"


def test_a_push_after_a_failed_deployment_is_waited_on_and_not_deployed_again(railway: World) -> None:
    """The usual way out: mend the code, push it, Railway deploys it, `up` again."""
    engine = first_up(railway)
    railway.admin("switches", {"deploy_outcomes_next": ["crashed"]})
    declared = Declared(settings={"start_command": "node other.js"}, hold_seconds=20)
    with railway.operation() as process, pytest.raises(grpc.RpcError):
        engine.up(process, declared)
    railway.admin("repos", {"repo": "example/whatsapp-crm", "branch": "main", "sha": "f" * 40})
    pushed = railway.rows("deployments")[-1]
    assert pushed["reason"] == "push"
    railway.reset()
    with railway.operation() as process:
        engine.up(process, declared)
    assert railway.counts()[1] == 0
    assert engine.state["deployment"].live.outs["deployment_id"] == pushed["id"]


def test_a_rollback_by_hand_is_drift_and_the_next_up_deploys(railway: World) -> None:
    """What runs then is not what is declared: earlier variables, an earlier image."""
    engine = first_up(railway)
    first = engine.state["deployment"].live.outs["deployment_id"]
    with railway.operation() as process:
        engine.up(process, Declared(settings={"start_command": "node other.js"}))
    railway.hand("mutation($id: String!) { deploymentRollback(id: $id) }", id=first)
    railway.admin("clock", {"advance": 5})
    railway.reset()
    with railway.operation() as process:
        drift = engine.refresh(process)
        assert drift["deployment"]["rolled_back"] == (False, True)
        assert engine.up(process, Declared(settings={"start_command": "node other.js"})) == [
            "update deployment"
        ]
    assert railway.counts()[1] == 1
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_the_oldest_deployment_is_never_adopted(railway: World) -> None:
    """A deployment that began before our write does not contain it."""
    engine = first_up(railway)
    first = engine.state["deployment"].live.outs["deployment_id"]
    # The state of the deployment is lost, as after a crash; then its write is newer than what runs.
    del engine.state["deployment"]
    with railway.operation() as process:
        engine.up(process, Declared())
        assert engine.state["deployment"].live.outs["deployment_id"] == first
    assert railway.counts()[1] == 0
    del engine.state["deployment"]
    with railway.operation() as process:
        engine.up(process, Declared(branch="staging"))
    assert engine.state["deployment"].live.outs["deployment_id"] != first
    assert railway.counts()[1] == 1


def test_numbers_and_absent_properties_are_understood(railway: World) -> None:
    """The SDK's server hands every number over as a float, and leaves None out."""
    engine = first_up(railway)
    outs: dict[str, Any] = engine.state["deployment"].live.outs
    assert outs["wait_seconds"] == 600.0
    assert "rollback" in outs
