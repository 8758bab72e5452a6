"""The one deployment of an `up`: how each final status is reported, and what is never printed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_world import (
    ADMIN_TOKEN,
    ALWAYS_DECLARED,
    REPO,
    VARIABLES,
    Declared,
    Engine,
    World,
    first_up,
)

pytestmark = pytest.mark.conformance


@dataclass(frozen=True)
class Failed:
    """An `up` that failed at its deployment: what is in the state, what a person reads at the end, and what
    was logged meanwhile."""

    engine: Engine
    text: str
    said: str

    @property
    def statuses(self) -> list[str]:
        """The logged changes of status of the one deployment."""
        told = re.findall(r"^railway: deployment (\S+) is ([A-Z_]+)", self.said, re.MULTILINE)
        assert len({id_ for id_, _ in told}) == 1
        return [status for _, status in told]


def fails(world: World, declared: Declared | None = None) -> Failed:
    """An `up` that fails at its deployment."""
    engine = Engine()
    with world.operation() as process:
        text = refusal(lambda: engine.up(process, declared or Declared()))
    assert set(engine.state) == ALWAYS_DECLARED - {"deployment"}
    return Failed(engine, text, process.stderr)


@dataclass(frozen=True)
class Ending:
    """How a deployment ends in the sandbox, and what a person must then read: where it failed, the next thing
    to do, and a line of its log ("" where nothing ran)."""

    outcome: str
    words: str
    fix: str
    log: str
    last: str


ENDINGS = (
    Ending(
        "failed_build",
        "failed in step BUILD_IMAGE (status FAILED): Failed to build an image",
        "correct the cause shown in the log, push",
        "| Failed to build an image: the build command exited with code 1",
        "FAILED",
    ),
    Ending(
        "failed_healthcheck",
        "failed in step HEALTHCHECK (status FAILED): Healthcheck failed",
        "must return status 200 on the health check path",
        "| /health 503",
        "FAILED",
    ),
    Ending(
        "crashed",
        "failed (status CRASHED",
        "correct the cause shown in the log, push",
        "| Error: process exited with code 1",
        "CRASHED",
    ),
    Ending(
        "skipped",
        "was skipped by Railway (status SKIPPED)",
        "correct the watch patterns",
        "Its log is empty.",
        "SKIPPED",
    ),
    Ending(
        "removed",
        "was removed or cancelled on Railway (status REMOVED",
        "which starts a new deployment",
        "| Server running on port 8080",
        "REMOVED",
    ),
    Ending(
        "needs_approval",
        "is still NEEDS_APPROVAL after 1 min: it needs an approval",
        "approve it in Railway's dashboard",
        "",
        "NEEDS_APPROVAL",
    ),
    Ending(
        "waiting",
        "is still WAITING after 1 min: Railway waits for GitHub's checks of its commit",
        "make the checks of its commit pass",
        "",
        "WAITING",
    ),
    Ending(
        "never_ends",
        "is still DEPLOYING in step HEALTHCHECK after 1 min",
        "cancel it there, then run `pulumi up`",
        "| Server running on port 8080",
        "DEPLOYING",
    ),
)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.outcome)
def test_every_final_status_is_reported_and_the_next_up_repairs(railway: World, ending: Ending) -> None:
    """With the deployment's id, the step, the log's last lines, and the next thing to do; each status was
    logged when it came, once."""
    railway.admin("switches", {"deploy_outcomes_next": [ending.outcome]})
    failed = fails(railway, Declared(wait_seconds=60, stable_seconds=30))
    row = railway.rows("deployments")[0]
    assert f"the deployment {row['id']} {ending.words}" in failed.text, failed.text
    assert ending.fix in failed.text.partition("fix: ")[2], failed.text
    assert ending.log in failed.text, failed.text
    assert failed.statuses[-1] == ending.last
    assert len(set(failed.statuses)) == len(failed.statuses)
    assert railway.counts()[1] == 1
    assert ADMIN_TOKEN not in failed.text
    railway.reset()
    if ending.outcome in ("needs_approval", "waiting", "never_ends"):
        railway.manual("mutation($id: String!) { deploymentCancel(id: $id) }", id=row["id"])
    with railway.operation() as process:
        failed.engine.up(process, Declared())
    assert railway.counts()[1] == 1
    with railway.operation() as process:
        assert failed.engine.refresh(process) == {}


STEP = 1_000
"""Seconds of a step of a deployment that changes only when the sandbox's clock is moved."""


def steps(world: World, count: int) -> None:
    """Move the clock of the sandbox, then let the held request continue."""
    world.admin("clock", {"advance": count * STEP})
    world.admin("release", {})


def until(world: World, seen: Callable[[], bool]) -> None:
    """Wait for what a provider process does at the same time."""
    end = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < end, world.admin("requests")
        time.sleep(0.01)


def held(world: World, when: str) -> bool:
    """Whether a request is held at this moment of its processing."""
    return world.admin("held?timeout=0.2").get("when") == when


@contextmanager
def crashing(world: World, crash: Callable[[], None], *moments: str) -> Generator[None]:
    """The next deployment crashes after SUCCESS, when `crash` moves the clock.

    Args:
        world: the sandbox.
        crash: runs in a thread.
        moments: when the first read of its status is held: "before" or "after" its effect.
    """
    world.admin("switches", {"deploy_outcomes_next": ["crashed"], "deploy_step_seconds": STEP})
    for when in moments:
        world.admin("hold", {"operation": "DeploymentPoll", "nth": 1, "when": when})
    with ThreadPoolExecutor(1) as pool:
        crashed = pool.submit(crash)
        yield
        crashed.result()


def test_a_crash_after_success_fails_the_same_up(railway: World) -> None:
    """Railway returns SUCCESS, and CRASHED when it is read again after `stable_seconds`: the `up` fails."""

    def crash() -> None:
        until(railway, lambda: held(railway, "before"))
        steps(railway, 4)  # SUCCESS
        until(railway, lambda: held(railway, "after"))
        steps(railway, 1)  # CRASHED

    with crashing(railway, crash, "before", "after"):
        failed = fails(railway, Declared(stable_seconds=10))
    assert failed.statuses == ["SUCCESS", "CRASHED"], failed.said
    assert "failed (status CRASHED; it was SUCCESS before)" in failed.text
    assert "| Error: process exited with code 1" in failed.text
    assert "fix: correct the cause shown in the log, push" in failed.text


@pytest.mark.parametrize(
    "declared",
    [
        Declared(stable_seconds=0, log_expectations=("never logged",), health_seconds=3_000),
        Declared(
            stable_seconds=0,
            log_expectations=(),
            settings={"healthcheck_path": "/other"},
            health_seconds=3_000,
        ),
    ],
    ids=["log", "health"],
)
def test_a_crash_during_the_verification_is_reported_as_a_crash(railway: World, declared: Declared) -> None:
    """Not as a missing line, or as a failed health check."""
    railway.admin("switches", {"backend_routes": ["/other"] if declared.settings else []})

    def crash() -> None:
        until(railway, lambda: held(railway, "before"))
        steps(railway, 4)  # SUCCESS
        # The first read, the one for a stable status, and one after the log or the health check.
        until(railway, lambda: railway.admin("counters")["operations"].get("DeploymentPoll", 0) >= 3)
        steps(railway, 1)  # CRASHED

    with crashing(railway, crash, "before"):
        failed = fails(railway, declared)
    assert failed.statuses == ["SUCCESS", "CRASHED"], failed.said
    assert "failed (status CRASHED; it was SUCCESS before)" in failed.text


def test_a_deleted_branch_is_reported_with_the_failed_step(railway: World) -> None:
    """Railway cannot take the code: then there is no log, and the step has the reason."""
    engine = first_up(railway)
    railway.admin("repos", {"repo": REPO, "branch": "main", "delete": True})
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared(variables=VARIABLES | {"NEW": "1"})))
    assert "failed in step SNAPSHOT_CODE (status FAILED): Failed to snapshot code" in text
    assert "fix: check that the repository has the declared branch" in text


def test_the_trace_id_of_what_could_not_be_read_is_in_the_error(railway: World) -> None:
    """The deployment's end is reported even so; Railway's support asks for the trace id."""
    railway.admin("switches", {"deploy_outcomes_next": ["failed_build"]})
    railway.fault("DeploymentEventsRead", "internal_error", times=9)
    railway.fault("LogsPoll", "internal_error", times=9)
    failed = fails(railway)
    assert (
        "failed (status FAILED): (its steps could not be read: Problem processing request (trace id"
        in failed.text
    )
    assert (
        "Its log cannot be shown: Railway request LogsPoll failed: "
        "Problem processing request (trace id 5a4d0b0c5a4d0b0c)" in failed.text
    )
    assert "fix: " in failed.text


def test_a_deployment_that_could_not_be_watched_is_no_failed_deployment(railway: World) -> None:
    """The error has its id and the trace id, nothing is rolled back, and the next `up` finds it healthy."""
    railway.fault("DeploymentPoll", "internal_error", nth=2, times=9)
    failed = fails(railway, Declared(rollback=True))
    row = railway.rows("deployments")[0]
    assert f"the deployment {row['id']} was started, but its status could not be followed" in failed.text
    assert "Problem processing request (trace id 5a4d0b0c5a4d0b0c)" in failed.text
    assert "fix: run pulumi up again. The deployment continues on Railway" in failed.text
    assert railway.counts()[1] == 1
    railway.no_faults()
    railway.reset()
    with railway.operation() as process:
        assert failed.engine.up(process, Declared(rollback=True)) == ["create deployment"]
    assert failed.engine.state["deployment"].live.outs["deployment_id"] == row["id"]
    assert railway.counts()[1] == 0


def test_a_newer_deployment_that_takes_the_place_is_waited_for(railway: World) -> None:
    """Somebody pushed meanwhile: ours is REMOVED, theirs is what must be healthy; both are logged."""
    engine = Engine()
    railway.admin("switches", {"deploy_outcomes_next": ["never_ends"]})

    def push() -> None:
        while not any(row["status"] == "DEPLOYING" for row in railway.rows("deployments")):
            time.sleep(0.05)
        railway.admin("repos", {"repo": REPO, "branch": "main", "sha": "f" * 40})

    with ThreadPoolExecutor(1) as pool:
        pushed = pool.submit(push)
        with railway.operation() as process:
            engine.up(process, Declared())
        pushed.result()
    newest = next(row for row in railway.rows("deployments") if row["reason"] == "push")
    assert engine.state["deployment"].live.outs["deployment_id"] == newest["id"]
    assert f"was replaced by {newest['id']}; waiting for that one" in process.stderr
    assert f"deployment {newest['id']} is SUCCESS" in process.stderr


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
    text = fails(railway, Declared(log_expectations=("Hello, world",), health_seconds=20)).text
    assert "its log does not contain: Hello, world" in text
    assert "Last log lines:" in text
    assert ADMIN_TOKEN not in text


def test_a_health_path_that_does_not_return_200_fails_the_up(railway: World) -> None:
    """Exactly 200, as for Railway's own check."""
    railway.admin("switches", {"backend_routes": ["/other"]})
    text = fails(railway, Declared(settings={"healthcheck_path": "/other"}, health_seconds=20)).text
    assert "/health does not return status 200: 404" in text


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
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared(branch="staging", stable_seconds=20)))
    assert "does not reveal sealed variables" in text
    assert "Last log lines" not in text


def test_a_crash_after_the_up_is_drift_and_the_next_up_deploys(railway: World) -> None:
    """The nightly job reports it."""
    engine = first_up(railway)
    deployment = engine.state["deployment"].live.outs["deployment_id"]
    railway.admin(f"deployments/{deployment}", {"status": "CRASHED"})
    with railway.operation() as process:
        drift = engine.refresh(process)
        assert drift["deployment"]["running"] == (True, False)
        assert drift["deployment"]["status"] == ("SUCCESS", "CRASHED")
        assert engine.up(process, Declared()) == ["update deployment"]
    assert railway.counts()[1] == 1


@pytest.mark.parametrize("how", ["deploymentStop", "deploymentRemove"])
def test_a_deployment_stopped_in_the_dashboard_is_drift_and_the_next_up_deploys(
    railway: World, how: str
) -> None:
    """Nothing runs any more."""
    engine = first_up(railway)
    deployment = engine.state["deployment"].live.outs["deployment_id"]
    railway.manual(f"mutation($id: String!) {{ {how}(id: $id) }}", id=deployment)
    with railway.operation() as process:
        assert engine.refresh(process)["deployment"]["running"] == (True, False)
        assert engine.up(process, Declared()) == ["update deployment"]
    assert railway.counts()[1] == 1


def test_a_push_that_is_skipped_is_no_drift(railway: World) -> None:
    """The deployment before it runs on."""
    engine = first_up(railway)
    railway.admin("switches", {"deploy_outcomes_next": ["skipped"]})
    railway.admin("repos", {"repo": REPO, "branch": "main", "sha": "f" * 40})
    railway.admin("clock", {"advance": 5})
    assert railway.rows("deployments")[-1]["status"] == "SKIPPED"
    with railway.operation() as process:
        assert "deployment" not in engine.refresh(process)
    assert engine.state["deployment"].live.outs["running"] is True


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
    [("failed_healthcheck", "is still running", 1), ("crashed", "succeeded: it runs as", 2)],
)
def test_a_rollback_runs_the_last_good_deployment_and_fails_all_the_same(
    railway: World, outcome: str, words: str, deployments: int
) -> None:
    """The up did not apply what is declared, and fails; the service runs."""
    engine = first_up(railway)
    good = engine.state["deployment"].live.outs["deployment_id"]
    railway.admin("switches", {"deploy_outcomes_next": [outcome]})
    with railway.operation() as process:
        text = refusal(
            lambda: engine.up(process, Declared(branch="staging", rollback=True, stable_seconds=20))
        )
    assert f"the last healthy deployment ({good}) {words}" in text
    assert railway.counts()[1] == deployments


@pytest.mark.parametrize("reason", ["rollback", "redeploy"])
def test_the_up_after_a_rollback_deploys_what_is_declared(railway: World, reason: str) -> None:
    """The rollback is newer than the writes and does not contain them, whether or not Railway marks it."""
    engine = first_up(railway)
    railway.admin("switches", {"deploy_outcomes_next": ["crashed"], "rollback_reason": reason})
    declared = Declared(branch="staging", rollback=True, stable_seconds=20)
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
    declared = Declared(settings={"start_command": "node other.js"}, stable_seconds=20)
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


def test_a_rollback_in_the_dashboard_is_drift_and_the_next_up_deploys(railway: World) -> None:
    """What runs then is not what is declared: earlier variables, an earlier image."""
    engine = first_up(railway)
    first = engine.state["deployment"].live.outs["deployment_id"]
    with railway.operation() as process:
        engine.up(process, Declared(settings={"start_command": "node other.js"}))
    railway.admin("clock", {"advance": 5})  # the first one is REMOVED by then
    railway.manual("mutation($id: String!) { deploymentRollback(id: $id) }", id=first)
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
