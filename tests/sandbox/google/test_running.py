"""Deployed functions really run: their address, variables, secrets, log, failures and processes."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.google.running.instances import Limits
from tests.sandbox.google.client import FUNCTIONS, PROJECT, REGION, RUNTIME, SECRETS, SERVICES
from tests.sandbox.google.running import RunningGoogle, echo, eventually, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGoogle]:
    """A sandbox without Firestore; its functions have different names."""
    limits = Limits(at_once=3, idle_seconds=600)
    with RunningGoogle(tmp_path_factory.mktemp("running"), limits=limits, emulator=False) as made:
        made.prepare()
        yield made


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_runs_at_its_addresses(running: RunningGoogle) -> None:
    done = running.deploy("echo", echo(), environmentVariables={"GCLOUD_PROJECT": PROJECT, "COLOR": "blue"})
    assert "error" not in done, done
    answer = running.request(
        "echo",
        "/a%20b?x=1&y=%C3%A9",
        method="PUT",
        data=b"hello",
        headers={"X-One": "1", "Content-Type": "text/plain"},
    )
    assert answer.status_code == 200, answer.text
    got = answer.json()
    assert (got["method"], got["url"], got["body"]) == ("PUT", "/a%20b?x=1&y=%C3%A9", "hello")
    assert (got["headers"]["x-one"], got["headers"]["host"]) == (
        "1",
        f"{REGION}-{PROJECT}.cloudfunctions.net",
    )
    env = got["env"]
    assert {
        name: env[name] for name in ("GCLOUD_PROJECT", "COLOR", "K_SERVICE", "FUNCTION_TARGET", "PORT")
    } == {
        "GCLOUD_PROJECT": PROJECT,
        "COLOR": "blue",
        "K_SERVICE": "echo",
        "FUNCTION_TARGET": "echo",
        "PORT": "8080",
    }
    assert env["K_REVISION"] == "echo-00001-sbx"
    assert "--max-old-space-size=230" in got["argv"]
    # Nothing of the sandbox's own environment reaches the code.
    assert not [name for name in env if name.startswith(("PULUMI", "PYTEST", "VIRTUAL_ENV"))]
    host = running.uri("echo").removeprefix("https://")
    assert running.request("echo", "/z", host=host).json()["url"] == "/z"
    assert running.request("echo").json()["pid"] == got["pid"]
    for wrong in (
        {"key": "ech"},
        {"key": "echo", "host": "other-uc.a.run.app"},
        {"key": "echo", "host": "x.org"},
    ):
        assert running.request(**wrong).status_code == 404


def test_other_hosts_have_no_admin_routes(running: RunningGoogle) -> None:
    """A web page that was rebound to this machine sends its own host."""
    for host in ("evil.example", "storage.googleapis.com", f"{REGION}-{PROJECT}.cloudfunctions.net"):
        answer = running.request("admin", "/state", host=host)
        url = f"{running.server.url}/admin/state"
        direct = requests.get(url, headers={"Host": host}, timeout=60)
        assert answer.status_code in (401, 404)
        assert direct.status_code in (401, 404), host
    assert requests.get(f"{running.server.url}/admin/state", timeout=60).status_code == 200


def test_a_new_deployment_serves_the_next_request(running: RunningGoogle) -> None:
    code = "exports.version = (_, response) => response.send('{}');"
    running.deploy("version", plain(code.format("one")))
    assert running.request("version").text == "one"
    running.deploy("version", plain(code.format("two")))
    assert running.request("version").text == "two"
    running.google.delete(f"{FUNCTIONS}/version")
    assert running.request("version").status_code == 404
    eventually(
        lambda: not [one for one in running.runner.status() if "version" in one.what], "its process to end"
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("exports.broken = ( => 1;", "SyntaxError"),
        ("require('not-there');", "Cannot find module 'not-there'"),
        ("exports.other = () => 1;", "Function 'broken' is not defined"),
        ("console.log('good bye'); process.exit(3);", "good bye"),
    ],
)
def test_code_that_does_not_load_fails_the_deployment(running: RunningGoogle, code: str, said: str) -> None:
    done = running.deploy("broken", plain(code))
    assert "Container Healthcheck failed" in done["error"]["message"]
    assert said in done["error"]["message"]
    shown = running.google.get(f"{FUNCTIONS}/broken")
    assert shown["state"] == "FAILED"
    assert said in shown["stateMessages"][0]["message"]
    assert running.request("broken").status_code == 404
    running.google.delete(f"{FUNCTIONS}/broken")


def test_a_deployment_that_fails_leaves_the_earlier_revision(running: RunningGoogle) -> None:
    running.deploy("kept", plain("exports.kept = (_, response) => response.send(`first ${process.pid}`);"))
    first = running.request("kept").text
    done = running.deploy("kept", plain("throw new Error('second');"))
    assert "Error: second" in done["error"]["message"]
    assert running.request("kept").text == first
    for one in list(running.runner.status()):
        assert one.pid is not None
        os.kill(one.pid, signal.SIGKILL)

    def again() -> bool:
        text = running.request("kept").text  # 503 while the process ends
        return text.startswith("first ") and text != first

    eventually(again, "another process of the first revision")


def test_secrets_have_the_value_of_the_pinned_version(running: RunningGoogle) -> None:
    running.google.secret("TOKEN", "first value")
    running.google.post(f"{SECRETS}/TOKEN:addVersion", {"payload": {"data": "c2Vjb25k"}})
    use = {"key": "TOKEN", "projectId": PROJECT, "secret": "TOKEN"}
    code = plain("exports.secret = (_, response) => response.send(process.env.TOKEN);")
    running.deploy("secret", code, secretEnvironmentVariables=[{**use, "version": "1"}])
    assert running.request("secret").text == "first value"
    running.deploy("secret", code, secretEnvironmentVariables=[{**use, "version": "2"}])
    assert running.request("secret").text == "second"


def test_only_invokers_may_call_a_secludedfunction(running: RunningGoogle) -> None:
    code = "exports.secluded = (request, response) => response.json(request.headers);"
    running.deploy("secluded", plain(code), public=False)
    running.google.account("stranger")
    uri = running.uri("secluded")
    stranger = f"stranger@{PROJECT}.iam.gserviceaccount.com"

    def status(token: str | None) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return running.request("secluded", headers=headers).status_code

    token = running.identity_token(RUNTIME, uri)
    assert status(None) == 403
    assert status("sandbox-google-token") == 401
    assert status(running.identity_token(RUNTIME, "https://elsewhere.example")) == 401
    assert status(running.identity_token(stranger, uri)) == 403
    assert status(token[:-6] + "AAAAAA") == 401
    answer = running.request("secluded", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.json()["authorization"] == f"Bearer {token.rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"
    audience = f"https://{REGION}-{PROJECT}.cloudfunctions.net/secluded"
    assert status(running.identity_token(RUNTIME, audience)) == 200
    running.grant("secluded", [f"serviceAccount:{stranger}"])
    assert status(token) == 403
    assert status(running.identity_token(stranger, uri)) == 200
    running.grant("secluded", ["allUsers"])
    answer = running.request("secluded", headers={"Authorization": "Bearer of the app"})
    assert answer.json()["authorization"] == "Bearer of the app"


def test_ingress_keeps_requests_of_the_internet_out(running: RunningGoogle) -> None:
    code = plain("exports.inner = (_, response) => response.send('in');")
    running.deploy("inner", code, ingressSettings="ALLOW_INTERNAL_ONLY")
    assert running.request("inner").status_code == 404


def test_what_it_writes_is_in_the_log(running: RunningGoogle) -> None:
    code = """
    exports.talker = (request, response) => {
      if (request.query.fail) throw new Error("it broke");
      console.log("plain text");
      console.log(JSON.stringify({ severity: "WARNING", message: "careful", count: 2 }));
      response.status(Number(request.query.status || 200)).send("ok");
    };"""
    running.deploy("talker", plain(code), environmentVariables={"LOG_EXECUTION_ID": "true"})
    assert running.request("talker").status_code == 200
    assert running.request("talker", "?status=404").status_code == 404
    assert running.request("talker", "?fail=1").status_code == 500
    of = 'resource.type="cloud_run_revision" AND resource.labels.service_name="talker"'
    errors = eventually(
        lambda: running.entries(f"{of} AND severity>=ERROR")[1:], "two errors"
    ) and running.entries(f"{of} AND severity>=ERROR")
    assert any(
        "Error: it broke" in one.get("textPayload", "") + str(one.get("jsonPayload")) for one in errors
    )
    assert [one["httpRequest"]["status"] for one in errors if "httpRequest" in one] == [500]
    (careful, *_) = running.entries(f'{of} severity=WARNING jsonPayload.message="careful"')
    assert careful["jsonPayload"]["count"] == 2
    assert careful["labels"]["execution_id"]
    assert careful["resource"]["labels"]["location"] == REGION
    assert running.entries(f'{of} AND "plain text" AND timestamp>="2020-01-01T00:00:00Z"')
    assert not running.entries(f'{of} AND timestamp>"2999-01-01T00:00:00Z"')
    assert running.entries(f"{of} AND httpRequest.status=404 AND severity=WARNING")


def test_memory_is_limited(running: RunningGoogle) -> None:
    code = """
    const kept = [];
    exports.greedy = (request, response) => {
      if (request.query.all) for (;;) kept.push(new Array(1e5).fill(Math.random()));
      response.send(String(process.pid));
    };"""
    running.deploy("greedy", plain(code), availableMemory="128Mi")
    first = int(running.request("greedy").text)
    assert running.request("greedy", "?all=1").status_code == 503
    (entry, *_) = running.entries('resource.labels.service_name="greedy" AND "Memory limit"')
    assert entry["textPayload"].startswith("Memory limit of 128 MiB exceeded")
    assert int(running.request("greedy").text) != first


def test_the_time_limit_ends_a_request(running: RunningGoogle) -> None:
    running.deploy("sleeper", plain("exports.sleeper = () => {};"), timeoutSeconds=1)
    began = time.monotonic()
    assert running.request("sleeper").status_code == 504
    assert time.monotonic() - began < 10


def test_at_most_so_many_processes_run(running: RunningGoogle) -> None:
    names = ["cap1", "cap2", "cap3", "cap4"]
    for name in names:
        running.deploy(name, plain(f"exports.{name} = (_, response) => response.send(String(process.pid));"))
    pids = {name: int(running.request(name).text) for name in names}
    assert len(running.runner.status()) == 3
    assert not exists(pids["cap1"])
    assert int(running.request("cap1").text) != pids["cap1"]
    assert len(running.runner.status()) == 3


def test_the_service_shows_the_deployed_revision(running: RunningGoogle) -> None:
    code = plain("exports.shown = (_, response) => response.send(process.env.K_REVISION);")
    running.deploy("shown", code)
    running.deploy("shown", code, environmentVariables={"A": "2"})
    revision = running.google.get(f"{SERVICES}/shown")["latestReadyRevision"]
    assert revision.endswith("shown-00002-sbx")
    assert running.request("shown").text == "shown-00002-sbx"
