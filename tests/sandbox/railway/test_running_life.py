"""The life of a running deployment: health check, restarts, replacement, removal, the end of the sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from tests.sandbox.railway.client import Railway, Stack, nodes
from tests.sandbox.railway.running import SERVER, Running, eventually, sandbox, service

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sandbox

# Writes a line to a file on the volume for each start and end: overlapping processes would be seen.
ON_VOLUME = (
    """
const fs = require("fs"), file = process.env.SESSIONS_PATH + "/lives";
const note = (what) => fs.appendFileSync(file, what + " " + process.env.RAILWAY_DEPLOYMENT_ID + "\\n");
note("start");
process.on("exit", () => note("end"));
"""
    + SERVER
)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Running]:
    source = service(tmp_path / "source")
    with sandbox(tmp_path / "state", source) as (railway, runner):
        railway.switch(restart_backoff_seconds=0.02, deploy_step_seconds=0)
        yield Running(railway, Stack(railway), runner, source)


def moment(timestamp: str) -> float:
    """Epoch seconds of a DateTime."""
    return datetime.fromisoformat(timestamp).timestamp()


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_deployment_that_never_becomes_healthy_fails_and_the_old_one_stays(run: Running) -> None:
    host = run.ready(healthcheckPath="/health", healthcheckTimeout=1)
    run.stack.variables({"MARK": "good"})
    good = run.deployed()
    run.stack.variables({"HEALTH": "308", "MARK": "bad"})
    started = time.monotonic()
    bad = run.deployed("FAILED")
    assert 1 <= time.monotonic() - started < 8
    [step] = [row for row in nodes(run.railway.ok("DeploymentEvents", id=bad)) if row["payload"]["error"]]
    assert (step["step"], step["payload"]["error"]) == ("HEALTHCHECK", "Healthcheck failed")
    assert "never became healthy within 1 s: status 308" in step["payload"]["reason"]
    assert "started with bad" in run.stack.logs(bad)
    assert run.answer(host)["env"]["MARK"] == "good"
    assert list(run.processes()) == [good]


def test_the_check_has_railways_host(run: Running) -> None:
    program = SERVER.replace("code = (path) =>", "code = (path, host) =>").replace(
        "response.writeHead(", "console.log('host', request.headers.host); response.writeHead("
    )
    service(run.source, program)
    run.ready(healthcheckPath="/health")
    assert "host healthcheck.railway.app" in run.stack.logs(run.deployed())


def test_the_old_deployment_answers_until_the_new_one_is_healthy(run: Running) -> None:
    host = run.ready(healthcheckPath="/health", drainingSeconds=5)
    # Without time to drain, a request that the old one is answering would end with it.
    run.stack.variables({"MARK": "one", "SLOW_END": "500"})
    first = run.deployed()
    late = SERVER.replace("server.listen(", "setTimeout(() => server.listen(").replace(
        "process.env.HOST);", "process.env.HOST), 1200);"
    )
    service(run.source, late)
    run.stack.variables({"MARK": "two"})
    second = run.stack.deploy()
    run.seen(second, "started with two")
    marks: list[str] = []
    while run.stack.status(second) != "SUCCESS":
        answer = run.railway.visit(host, "/")
        assert answer.status_code == 200
        marks.append(answer.headers["X-Mark"])
    # It can become healthy between the last look at its status and the last answer.
    assert set(marks[:-1]) == {"one"}
    assert run.answer(host)["env"]["MARK"] == "two"
    run.until(first, "REMOVED")
    eventually(lambda: list(run.processes()) == [second], "one process")


def test_after_the_new_one_is_healthy_the_old_one_overlaps(run: Running) -> None:
    run.ready(healthcheckPath="/health", overlapSeconds=1000)
    first = run.deployed()
    second = run.deployed()
    time.sleep(0.3)
    assert run.stack.status(first) == "SUCCESS"
    assert set(run.processes()) == {first, second}
    run.railway.wait(1001)
    run.until(first, "REMOVED")
    eventually(lambda: list(run.processes()) == [second], "one process")


def test_beside_a_volume_the_old_one_stops_first(run: Running) -> None:
    service(run.source, ON_VOLUME)
    volume = run.stack.volume()
    run.stack.variables({"SESSIONS_PATH": "/app/sessions", "SLOW_END": "300"})
    run.ready(healthcheckPath="/health", drainingSeconds=5, overlapSeconds=1000)
    first = run.deployed()
    second = run.deployed()
    run.until(first, "REMOVED")
    lives = run.railway.get(f"volumes/{volume}/files")[run.stack.environment]["lives"].splitlines()
    assert lives == [f"start {first}", f"end {first}", f"start {second}"]


def test_beside_a_volume_the_old_one_comes_back_if_the_new_one_fails(run: Running) -> None:
    service(run.source, ON_VOLUME)
    volume = run.stack.volume()
    run.stack.variables({"SESSIONS_PATH": "/app/sessions", "MARK": "good"})
    host = run.ready(healthcheckPath="/health", healthcheckTimeout=1, drainingSeconds=5)
    first = run.deployed()
    run.stack.variables({"HEALTH": "500", "MARK": "bad"})
    second = run.deployed("FAILED")
    assert run.answer(host)["env"]["MARK"] == "good"
    lives = run.railway.get(f"volumes/{volume}/files")[run.stack.environment]["lives"].splitlines()
    expected = [("start", first), ("end", first), ("start", second), ("end", second), ("start", first)]
    assert lives == [f"{what} {key}" for what, key in expected]


def test_two_sandboxes_never_use_one_volume_at_once(run: Running, tmp_path: Path) -> None:
    """As after a SIGKILL of the first, whose process is still ending."""
    service(run.source, ON_VOLUME)
    volume = run.stack.volume()
    run.stack.variables({"SESSIONS_PATH": "/app/sessions"})
    run.ready(healthcheckPath="/health", drainingSeconds=5)
    first = run.deployed()
    with sandbox(tmp_path / "state", run.source) as (railway, _):
        time.sleep(1)
        assert railway.get("run")["processes"] == {}
        run.railway.post(f"deployments/{first}", status="REMOVED")
        eventually(lambda: railway.get("run")["processes"], "the second one's process")
    lives = run.railway.get(f"volumes/{volume}/files")[run.stack.environment]["lives"].splitlines()
    assert lives[:3] == [f"start {first}", f"end {first}", f"start {first}"]


def test_a_failed_process_is_started_again(run: Running) -> None:
    host = run.ready(healthcheckPath="/health")
    made = run.deployed()
    before = run.answer(host)["env"]["PORT"]
    assert run.railway.visit(host, "/exit").status_code == 502
    eventually(lambda: run.stack.logs(made).count("Starting Container") == 2, "a restart")
    assert run.answer(host)["env"]["PORT"] != before
    assert "the process exited with code 3" in run.stack.logs(made)
    assert run.stack.status(made) == "SUCCESS"


def test_a_crash_loop_ends_as_crashed_after_the_retries(run: Running) -> None:
    run.railway.switch(restart_backoff_seconds=0.3)
    service(run.source, "console.log('try'); process.exit(9);")
    host = run.ready(restartPolicyType="ON_FAILURE", restartPolicyMaxRetries=3)
    made = run.deployed("CRASHED")
    assert run.stack.logs(made).count("try") == 4
    rows = run.railway.ok("DeployLogs", id=made)
    ends = [row["timestamp"] for row in rows if row["message"].startswith("the process exited")]
    starts = [row["timestamp"] for row in rows if row["message"] == "Starting Container"]
    waits = [moment(after) - moment(end) for end, after in zip(ends, starts[1:], strict=False)]
    assert [wait >= least for wait, least in zip(waits, (0.3, 0.6, 1.2), strict=True)] == [True] * 3, waits
    found = run.railway.ok("DeploymentPoll", id=made)
    assert [row["status"] for row in found["instances"]] == ["CRASHED"]
    assert run.railway.visit(host, "/").status_code == 502
    assert run.processes() == {}


def test_a_crash_loop_before_the_health_check_fails_the_deployment(run: Running) -> None:
    service(run.source, "process.exit(9);")
    run.ready(healthcheckPath="/health", restartPolicyType="ON_FAILURE", restartPolicyMaxRetries=2)
    made = run.deployed("FAILED")
    assert "the process exited with code 9" in run.everything(made)
    assert run.stack.logs(made).count("Starting Container") == 3


@pytest.mark.parametrize(
    ("policy", "path", "status", "starts"),
    [
        ("NEVER", "/exit", "CRASHED", 1),
        ("NEVER", "/leave", "SUCCESS", 1),
        ("ON_FAILURE", "/leave", "SUCCESS", 1),
        ("ALWAYS", "/leave", "SUCCESS", 2),
    ],
)
def test_restart_policies(run: Running, policy: str, path: str, status: str, starts: int) -> None:
    host = run.ready(healthcheckPath="/health", restartPolicyType=policy)
    made = run.deployed()
    run.railway.visit(host, path)
    run.seen(made, "the process exited with code")
    if starts > 1:
        run.answer(host)
    else:
        time.sleep(0.3)
    assert run.stack.status(made) == status
    assert run.stack.logs(made).count("Starting Container") == starts
    [instance] = run.railway.ok("DeploymentPoll", id=made)["instances"]
    assert instance["status"] == {"CRASHED": "CRASHED"}.get(status, "EXITED" if starts == 1 else "RUNNING")


def test_a_restart_by_the_user_keeps_the_deployment(run: Running) -> None:
    host = run.ready(healthcheckPath="/health")
    made = run.deployed()
    assert run.railway.send("mutation($id: String!) { deploymentRestart(id: $id) }", {"id": made}).ok
    eventually(lambda: run.stack.logs(made).count("Starting Container") == 2, "a restart")
    assert run.answer(host)["env"]["RAILWAY_DEPLOYMENT_ID"] == made
    assert run.stack.status(made) == "SUCCESS"


def test_a_crashed_deployment_can_be_restarted(run: Running) -> None:
    host = run.ready(healthcheckPath="/health", restartPolicyType="NEVER")
    made = run.deployed()
    run.railway.visit(host, "/exit")
    run.until(made, "CRASHED")
    run.railway.send("mutation($id: String!) { deploymentRestart(id: $id) }", {"id": made})
    assert run.answer(host)["env"]["RAILWAY_DEPLOYMENT_ID"] == made


def test_a_removed_deployment_gets_time_to_drain(run: Running) -> None:
    run.stack.variables({"SLOW_END": "300"})
    run.ready(healthcheckPath="/health", drainingSeconds=5)
    made = run.deployed()
    pid = run.processes()[made]["pid"]
    run.railway.send("mutation($id: String!) { deploymentRemove(id: $id) }", {"id": made})
    run.seen(made, "SIGTERM")
    eventually(lambda: not alive(pid), "its end")
    assert run.processes() == {}


def test_a_process_that_ignores_sigterm_is_killed_after_the_time_to_drain(run: Running) -> None:
    run.stack.variables({"DEAF": "1"})
    run.ready(healthcheckPath="/health", drainingSeconds=1)
    made = run.deployed()
    pid = run.processes()[made]["pid"]
    started = time.monotonic()
    run.railway.send("mutation($id: String!) { deploymentRemove(id: $id) }", {"id": made})
    eventually(lambda: not alive(pid), "its end")
    assert 0.9 < time.monotonic() - started < 5


@pytest.mark.parametrize("what", ["ServiceDelete", "EnvironmentDelete", "ProjectScheduleDelete"])
def test_what_is_deleted_has_no_process(run: Running, what: str) -> None:
    run.ready(healthcheckPath="/health")
    made = run.deployed()
    pid = run.processes()[made]["pid"]
    stack = run.stack
    key = {"ServiceDelete": stack.service, "EnvironmentDelete": stack.environment}.get(what, stack.project)
    run.railway.ok(what, id=key)
    eventually(lambda: not alive(pid), "its end")


def test_a_reset_ends_every_process(run: Running) -> None:
    run.ready(healthcheckPath="/health")
    made = run.deployed()
    pid = run.processes()[made]["pid"]
    run.railway.post("reset")
    eventually(lambda: not alive(pid), "its end")
    assert run.railway.get("run") == {"addresses": {}, "processes": {}}


def test_a_process_that_has_done_its_work_is_not_started_again_after_a_failed_deployment(
    run: Running,
) -> None:
    service(run.source, ON_VOLUME)
    run.stack.volume()
    run.stack.variables({"SESSIONS_PATH": "/app/sessions"})
    host = run.ready(healthcheckPath="/health", healthcheckTimeout=1)
    first = run.deployed()
    run.railway.visit(host, "/leave")
    run.seen(first, "exited with code 0")
    run.stack.variables({"HEALTH": "500"})
    run.deployed("FAILED")
    time.sleep(0.3)
    assert run.stack.logs(first).count("Starting Container") == 1
    assert run.processes() == {}


def test_a_deployment_that_a_newer_one_replaces_while_it_starts_is_stopped(run: Running) -> None:
    service(run.source, "setInterval(() => {}, 1000); console.log('waiting');")
    run.ready(healthcheckPath="/health")
    first = run.stack.deploy()
    run.seen(first, "waiting")
    service(run.source)
    second = run.deployed()
    assert run.stack.status(first) == "REMOVED"
    eventually(lambda: list(run.processes()) == [second], "one process")


def test_a_rollback_runs_the_files_of_its_deployment(run: Running) -> None:
    service(run.source, "console.log('version one');" + SERVER)
    run.ready(healthcheckPath="/health")
    first = run.deployed()
    service(run.source, "console.log('version two');" + SERVER)
    second = run.deployed()
    assert "version two" in run.stack.logs(second)
    run.until(first, "REMOVED")
    run.railway.send("mutation($id: String!) { deploymentRollback(id: $id) }", {"id": first})
    third = eventually(lambda: next((key for key in run.processes() if key != second), None), "a deployment")
    run.seen(third, "version one")
    run.until(third, "SUCCESS")


def test_a_cron_service_runs_on_demand_only(run: Running) -> None:
    service(run.source, "console.log('job'); setTimeout(() => process.exit(2), 300);")
    run.ready(cronSchedule="0 3 * * *", healthcheckPath="/health")
    made = run.deployed()
    assert run.processes() == {}
    assert run.railway.post(f"run/{made}/execute") == {"started": True}
    run.seen(made, "job")
    assert run.railway.post(f"run/{made}/execute") == {"started": False}
    run.seen(made, "exited with code 2")
    assert run.stack.status(made) == "SUCCESS"
    assert run.stack.logs(made).count("job") == 1
    assert run.railway.post(f"run/{made}/execute") == {"started": True}
    eventually(lambda: run.stack.logs(made).count("job") == 2, "a second run")


def test_injected_outcomes_still_happen(run: Running) -> None:
    run.ready(healthcheckPath="/health")
    run.railway.switch(deploy_outcomes_next=["failed_build"])
    made = run.deployed("FAILED")
    assert "Failed to build an image" in run.everything(made)


def test_a_sandbox_that_starts_again_runs_what_was_deployed(tmp_path: Path) -> None:
    source = service(tmp_path / "source")
    with sandbox(tmp_path / "state", source) as (railway, runner):
        run = Running(railway, Stack(railway), runner, source)
        host = run.ready(healthcheckPath="/health")
        made = run.deployed()
        address = eventually(lambda: runner.address_of(host), "an address")
        pid = run.processes()[made]["pid"]
        logs = run.stack.logs(made)
    assert not alive(pid)
    with sandbox(tmp_path / "state", source) as (railway, runner):
        run.railway, run.runner = railway, runner
        run.stack.railway = railway
        assert run.answer(host)["env"]["RAILWAY_DEPLOYMENT_ID"] == made
        assert eventually(lambda: runner.address_of(host), "an address") == address
        assert run.stack.status(made) == "SUCCESS"
        assert run.stack.logs(made)[: len(logs)] == logs


def test_without_the_runner_the_same_state_is_simulated(tmp_path: Path) -> None:
    source = service(tmp_path / "source")
    with sandbox(tmp_path / "state", source) as (railway, runner):
        run = Running(railway, Stack(railway), runner, source)
        run.stack.healthy()
        host = run.stack.domain()
        made = run.deployed()
    with (
        LocalServer(create_app(tmp_path / "state" / "railway.json")) as server,
        Railway(server.url) as railway,
    ):
        assert railway.visit(host).json()["sessions"] is True
        run.stack.railway = railway
        assert "Firebase initialized" in run.stack.logs(made)


def test_what_was_deployed_before_runs_when_the_sandbox_starts_with_the_runner(tmp_path: Path) -> None:
    source = service(tmp_path / "source")
    file = tmp_path / "state" / "railway.json"
    file.parent.mkdir()
    with LocalServer(create_app(file)) as server, Railway(server.url) as railway:
        stack = Stack(railway)
        stack.healthy()
        host = stack.domain()
        made = stack.deployed()
        assert stack.status(made) == "SUCCESS"
    with sandbox(tmp_path / "state", source) as (railway, runner):
        run = Running(railway, stack, runner, source)
        assert run.answer(host)["env"]["RAILWAY_DEPLOYMENT_ID"] == made


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from sandbox.processes import Process
from sandbox.railway.running.container import Container, find_programs
container = Container(files=Path(sys.argv[2]), programs=find_programs())
started = []
for text in ("node main.js & sleep 1000", "exec sleep 1000"):
    one = container.command(text, {})
    started.append(Process(one.line, one.folder, one.environment, print, is_wrapped=one.is_wrapped))
line = ["sh", "-c", "setsid sleep 1000 & setsid sleep 1001"]
started.append(Process(line, Path("/"), {"PATH": "/usr/bin:/bin"}, print))
time.sleep(0.5)
print("ready", flush=True)
time.sleep(1000)
"""


def test_nothing_outlives_a_sandbox_that_is_killed(tmp_path: Path) -> None:
    service(tmp_path, "setInterval(() => {}, 1000);")
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", KILLED, root, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        found = descendants(process.pid)
        assert len(found) > 8, found
        process.send_signal(signal.SIGKILL)
    process.wait()
    eventually(lambda: not any(alive(pid) for pid in found), f"the end of {found}")


def descendants(pid: int) -> list[int]:
    """The processes below a process."""
    found: list[int] = []
    todo = [pid]
    while todo:
        for task in Path(f"/proc/{todo.pop()}/task").iterdir():
            children = [int(child) for child in (task / "children").read_text().split()]
            found += children
            todo += children
    return found
