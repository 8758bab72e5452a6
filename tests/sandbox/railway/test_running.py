"""Deployments as processes: what they run, see, log and answer."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.railway.running.container import Programs, find_programs
from tests.sandbox.railway.client import Stack, nodes
from tests.sandbox.railway.running import SERVER, Running, eventually, sandbox, service, without_bubblewrap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.sandbox


@pytest.fixture(params=["bubblewrap", "plain"])
def programs(request: pytest.FixtureRequest) -> Programs:
    """With bubblewrap, and without it."""
    if request.param == "plain":
        return without_bubblewrap()
    if not find_programs().bubblewrap:
        pytest.fail("bubblewrap does not work here: install it, or allow user namespaces")
    return find_programs()


@pytest.fixture
def run(tmp_path: Path, programs: Programs) -> Iterator[Running]:
    source = service(tmp_path / "source" / "backend")
    with sandbox(tmp_path / "state", source.parent, programs) as (railway, runner):
        stack = Stack(railway)
        yield Running(railway, stack, runner, source)


def test_the_program_runs_with_its_variables_and_answers_behind_the_domain(run: Running) -> None:
    run.railway.ok(
        "VarsUpsert",
        input={
            "projectId": run.stack.project, "environmentId": run.stack.environment,
            "variables": {"COLOUR": "green"}, "skipDeploys": True,
        },
    )  # fmt: skip
    run.stack.variables({"MARK": "${{shared.COLOUR}} one", "WHATSAPP_TRANSPORT": "own"})
    host = run.ready(rootDirectory="backend", healthcheckPath="/health")
    made = run.deployed()
    found = run.answer(host)
    env = found["env"]
    assert env["MARK"] == "green one"
    assert env["FIRESTORE_EMULATOR_HOST"] == "127.0.0.1:1"
    assert env["WHATSAPP_TRANSPORT"] == "own"
    assert env["RAILWAY_DEPLOYMENT_ID"] == made
    assert env["RAILWAY_PUBLIC_DOMAIN"] == host
    assert env["RAILWAY_SERVICE_NAME"] == "backend"
    assert (env["RAILWAY_GIT_BRANCH"], env["RAILWAY_GIT_REPO_OWNER"]) == ("main", "example")
    assert len(env["RAILWAY_GIT_COMMIT_SHA"]) == 40
    assert env["PORT"] == str(run.processes()[made]["port"])
    assert (found["headers"]["host"], found["headers"]["x-forwarded-proto"]) == (host, "https")
    first, *others = run.stack.logs(made)
    assert (first, sorted(others)) == ("Starting Container", ["started with green one", "to stderr"])
    rows = {row["message"]: row["severity"] for row in run.railway.ok("DeployLogs", id=made)}
    assert (rows["to stderr"], rows["started with green one"]) == ("error", "info")
    assert "HOME" in env
    assert "SSH_AUTH_SOCK" not in env


def test_the_process_is_in_app_and_sees_no_home_folder(tmp_path: Path) -> None:
    source = service(
        tmp_path / "source", "console.log(process.cwd(), require('fs').existsSync('/home'));" + SERVER
    )
    with sandbox(tmp_path / "state", source) as (railway, runner):
        run = Running(railway, Stack(railway), runner, source)
        host = run.ready()
        run.deployed()
        assert run.answer(host)["cwd"] == "/app"
        assert "/app false" in run.everything(next(iter(run.processes())))


def test_a_volume_is_a_folder_at_the_mount_path_and_outlives_deployments(run: Running) -> None:
    program = (
        """
      const fs = require("fs"), file = process.env.SESSIONS_PATH + "/seen";
      const before = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "nothing";
      console.log("before:", before);
      fs.writeFileSync(file, "deployment " + process.env.RAILWAY_DEPLOYMENT_ID);
    """
        + SERVER
    )
    service(run.source, program)
    volume = run.stack.volume()
    run.stack.variables({"SESSIONS_PATH": "/app/sessions"})
    run.ready(rootDirectory="backend", healthcheckPath="/health")
    first = run.deployed()
    run.seen(first, "before: nothing")
    second = run.deployed()
    run.seen(second, f"before: deployment {first}")
    files = run.railway.get(f"volumes/{volume}/files")[run.stack.environment]
    assert files == {"seen": f"deployment {second}"}
    run.railway.post(f"volumes/{volume}/files", **{"a/seen": "from outside"})
    assert set(run.railway.get(f"volumes/{volume}/files")[run.stack.environment]) == {"a/seen", "seen"}
    assert sum("Mounting volume on: /app/sessions" in line for line in run.stack.logs(second)) == 1


def test_bodies_are_passed_on_as_they_come(run: Running) -> None:
    host = run.ready(rootDirectory="backend", healthcheckPath="/health")
    run.deployed()
    started = time.monotonic()
    answer = run.railway.http.get(
        f"{run.railway.url}/stream", headers={"Host": host}, stream=True, timeout=30
    )
    lines = answer.iter_lines()
    assert next(lines) == b"first"
    assert time.monotonic() - started < 0.9
    assert next(lines) == b"last"
    body = bytes(range(256)) * 4096
    echoed = run.railway.http.post(f"{run.railway.url}/echo", data=body, headers={"Host": host}, timeout=30)
    assert echoed.content == body
    assert run.railway.visit(host, "/").raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]


def test_a_domain_has_an_address_on_this_machine_which_outlives_deployments(run: Running) -> None:
    host = run.ready(rootDirectory="backend", healthcheckPath="/health")
    run.stack.variables({"MARK": "one"})
    run.deployed()
    address = eventually(lambda: run.runner.address_of(host), "an address")
    assert run.railway.http.get(address, timeout=30).headers["X-Mark"] == "one"
    run.stack.variables({"MARK": "two"})
    run.deployed()
    assert run.runner.address_of(host) == address
    run.railway.http.close()  # a connection that is open stays with the old process
    assert run.railway.http.get(address, timeout=30).headers["X-Mark"] == "two"
    rows = [row for row in run.runner.status() if row.address == address]
    assert [(row.what, row.state) for row in rows if row.pid] == [("service backend", "running")]


def test_an_address_takes_an_upgrade_to_another_protocol(run: Running) -> None:
    program = """
      const server = require("http").createServer();
      server.on("upgrade", (request, socket) => {
        socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: echo\\r\\n");
        socket.write("Connection: Upgrade\\r\\n\\r\\n");
        socket.pipe(socket);
      });
      server.listen(process.env.PORT, "127.0.0.1", () => console.log("listening"));
      process.on("SIGTERM", () => process.exit(0));
    """
    service(run.source, program)
    host = run.ready(rootDirectory="backend")
    run.seen(run.deployed(), "listening")
    address = eventually(lambda: run.runner.address_of(host), "an address")
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 10) as there:
        there.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += there.recv(1000)
        assert answer.startswith(b"HTTP/1.1 101")
        there.sendall(b"ping")
        assert there.recv(1000) == b"ping"


def test_structured_logs_have_their_level(run: Running) -> None:
    lines = [{"message": "careful", "level": "warn"}, {"message": "bad", "level": "ERROR"}, {"other": 1}]
    service(run.source, "".join(f"console.log({json.dumps(json.dumps(line))});" for line in lines) + SERVER)
    run.ready(rootDirectory="backend", healthcheckPath="/health")
    made = run.deployed()
    rows = [(row["severity"], row["message"]) for row in run.railway.ok("DeployLogs", id=made)]
    assert {("warn", "careful"), ("error", "bad"), ("info", '{"other": 1}')} <= set(rows)


def test_packages_are_those_installed_in_the_source(run: Running) -> None:
    package = run.source / "node_modules" / "left" / "index.js"
    package.parent.mkdir(parents=True)
    package.write_text("module.exports = 'from the source';")
    program = "console.log(require('left'));" + SERVER
    service(run.source, program, dependencies={"left": "1.0.0"})
    run.ready(rootDirectory="backend", healthcheckPath="/health")
    made = run.deployed()
    assert "from the source" in run.stack.logs(made)


def test_packages_that_are_not_installed_are_installed(run: Running, tmp_path: Path) -> None:
    local = tmp_path / "source" / "backend" / "packages" / "left"
    local.mkdir(parents=True)
    (local / "package.json").write_text('{"name": "left", "version": "1.0.0", "main": "index.js"}')
    (local / "index.js").write_text("module.exports = 'installed';")
    program = "console.log(require('left'));" + SERVER
    service(run.source, program, dependencies={"left": "file:packages/left"})
    lock = ["npm", "install", "--package-lock-only", "--offline", "--no-audit", "--no-fund"]
    subprocess.run(lock, cwd=run.source, check=True, capture_output=True)
    shutil.rmtree(run.source / "node_modules", ignore_errors=True)
    run.ready(rootDirectory="backend", healthcheckPath="/health")
    made = run.deployed("SUCCESS", "FAILED")
    assert "$ npm ci" in run.everything(made)
    assert "installed" in run.stack.logs(made), run.everything(made)
    assert not (run.source / "node_modules").exists()


def test_the_build_runs_before_the_start_and_may_fail(run: Running) -> None:
    service(
        run.source,
        SERVER,
        scripts={"build": "echo building && echo 1 > built", "start": "cat built && node main.js"},
    )
    run.ready(rootDirectory="backend", healthcheckPath="/health")
    made = run.deployed()
    assert "building" in run.everything(made)
    assert "1" in run.stack.logs(made)
    run.stack.settings(numReplicas=1, buildCommand="echo about to fail; exit 7")
    failed = run.deployed("FAILED")
    [step] = [row for row in nodes(run.railway.ok("DeploymentEvents", id=failed)) if row["payload"]["error"]]
    assert step["step"] == "BUILD_IMAGE"
    assert "exited with code 7" in step["payload"]["reason"]
    assert "about to fail" in run.everything(failed)
    assert run.stack.status(made) == "SUCCESS"


def test_a_start_command_wins_and_runs_in_a_shell(run: Running) -> None:
    run.stack.variables({"WORD": "shell"})
    run.ready(
        rootDirectory="backend", startCommand='echo "a $WORD" && node main.js', healthcheckPath="/health"
    )
    assert "a shell" in run.stack.logs(run.deployed())


def test_a_pre_deploy_command_that_fails_stops_the_deployment(run: Running) -> None:
    run.ready(rootDirectory="backend", preDeployCommand=["echo migrating", "exit 4"])
    made = run.deployed("FAILED")
    assert "migrating" in run.everything(made)
    assert "started with" not in run.everything(made)
    failed = [row for row in nodes(run.railway.ok("DeploymentEvents", id=made)) if row["payload"]["error"]]
    assert [row["step"] for row in failed] == ["PRE_DEPLOY_COMMAND"]


@pytest.mark.parametrize(
    ("settings", "package", "text"),
    [
        ({}, {"scripts": {}}, "No start command could be found"),
        ({"rootDirectory": "/nowhere"}, {}, "the root directory /nowhere does not exist"),
        ({"rootDirectory": "/../.."}, {}, "does not exist"),
        ({"dockerfilePath": "Dockerfile"}, {}, "does not build Dockerfiles"),
    ],
)
def test_what_cannot_be_run_says_why(
    tmp_path: Path, settings: dict[str, str], package: dict[str, object], text: str
) -> None:
    source = service(tmp_path / "source" / "backend", SERVER, **package)
    with sandbox(tmp_path / "state", source.parent) as (railway, runner):
        run = Running(railway, Stack(railway), runner, source)
        run.ready(**{"rootDirectory": "backend", **settings})
        assert text in run.everything(run.deployed("FAILED"))


def test_the_commit_is_what_git_has(tmp_path: Path) -> None:
    source = service(tmp_path / "source" / "backend", "console.log('first');" + SERVER)

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    first = git("rev-parse", "HEAD")
    service(source, "console.log('second');" + SERVER)
    (source / ".gitignore").write_text("secret.env\n")
    (source / "secret.env").write_text("x")
    with sandbox(tmp_path / "state", source) as (railway, runner):
        run = Running(railway, Stack(railway), runner, source)
        railway.post("repos", repo="example/whatsapp-crm", branch="main", sha=first)
        run.ready(healthcheckPath="/health")
        assert "first" in run.stack.logs(run.deployed())
        [key] = railway.post("repos", repo="example/whatsapp-crm", branch="main")["deployments"]
        run.seen(key, "second")
        copy = tmp_path / "state" / "run" / "copies" / key
        assert (copy / "main.js").exists()
        assert not (copy / "secret.env").exists()
