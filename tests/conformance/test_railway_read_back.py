"""Settings that Railway takes and does not keep fail the `up` that wrote them; those that it keeps late do
not.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from railway.settings_table import SETTINGS
from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_worker import Worker
from tests.conformance.railway_world import REPO, Declared, Engine, World
from tests.conformance.test_railway_settings import SETTING_EDITS

pytestmark = pytest.mark.conformance

READ = {setting.name for setting in SETTINGS} - {"replicas"}
"""A cron schedule and several replicas exclude each other."""
VALUES = {name: value for name, (value, _) in SETTING_EDITS.items() if name in READ}


def ignore(world: World, *names: str) -> None:
    """Let Railway drop these settings; none: no more."""
    world.admin("switches", {"settings_ignored": list(names)})


@pytest.fixture
def worker(railway: World) -> Worker:
    """A service without settings."""
    railway.admin("switches", {"railway_config_file_allowed": True})
    return Worker(railway)


def test_every_setting_that_is_ignored_is_named_with_both_values(worker: Worker) -> None:
    ignore(worker.world, *READ)
    text = worker.refused(**VALUES)
    assert "Railway accepted the settings of the service worker, but 20 s later" in text
    for name in READ - {"builder", "region"}:
        assert f"{name} is " in text
    assert 'start_command is null instead of "node server.js"' in text
    assert "healthcheck_timeout is 300 instead of 100" in text
    assert 'builder is "RAILPACK" instead of "NIXPACKS"' in text
    assert 'region is null instead of "us-west2"' in text
    assert "set them in Railway's dashboard" in text
    assert "Traceback" not in text


def test_replicas_that_are_ignored_are_named(worker: Worker) -> None:
    worker.world.admin("switches", {"settings_ignored": ["num_replicas"]})
    assert "replicas is 1 instead of 3" in worker.refused(replicas=3)


def test_an_update_that_is_ignored_is_not_taken_for_done(worker: Worker) -> None:
    """The state keeps the old value, so the next `up` tries again, without a refresh."""
    worker.up(healthcheck_timeout=50)
    ignore(worker.world, "healthcheck_timeout")
    for _ in range(2):
        text = worker.refused(healthcheck_timeout=100)
        assert "healthcheck_timeout is 50 instead of 100" in text
    ignore(worker.world)
    worker.up(healthcheck_timeout=100)
    assert worker.refresh() == {}


def test_a_setting_that_is_not_reset_is_named(worker: Worker) -> None:
    worker.up(start_command="node server.js")
    ignore(worker.world, "start_command")
    assert 'start_command is "node server.js" instead of null' in worker.refused()


def test_a_first_up_fails_before_it_deploys(railway: World) -> None:
    ignore(railway, "restart_policy_type")
    engine, declared = Engine(), Declared(settings={"restart_policy_type": "ALWAYS"})
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, declared))
    assert 'restart_policy_type is "ON_FAILURE" instead of "ALWAYS"' in text
    assert railway.counts()[1] == 0
    ignore(railway)
    with railway.operation() as process:
        engine.up(process, declared)
    with railway.operation() as process:
        assert engine.refresh(process) == {}


@pytest.mark.parametrize("source", [{}, {"repo": REPO, "branch": "main"}])
def test_a_setting_that_comes_late_is_waited_for(worker: Worker, source: dict[str, Any]) -> None:
    ignore(worker.world, "start_command")
    worker.world.wait_scale = "1"  # 20 s: more than this test needs for its edit on a busy machine
    with ThreadPoolExecutor() as pool:
        up = pool.submit(worker.up, start_command="node server.js", **source)
        while worker.world.counts()[0].get("SnapshotRead", 0) < 3 and not up.done():
            time.sleep(0.01)
        ignore(worker.world)
        worker.edit(startCommand="node server.js")
        assert up.result().outs["start_command"] == "node server.js"


def test_looking_costs_one_reading(worker: Worker) -> None:
    """Of which a change of the source has one anyway."""
    worker.up(repo=REPO, branch="main")
    worker.world.reset()
    worker.up(repo=REPO, branch="main", start_command="node server.js")
    assert worker.world.counts()[0] == {"SnapshotRead": 2, "ServiceInstanceUpdate": 1}
    worker.world.reset()
    worker.up(repo=REPO, branch="staging", start_command="node server.js")
    assert worker.world.counts()[0] == {"SnapshotRead": 2, "ServiceInstanceUpdate": 1, "TriggerUpdate": 1}
