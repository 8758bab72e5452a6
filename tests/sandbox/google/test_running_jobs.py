"""Schedules and task queues of running functions, and the requests that functions send themselves."""

from __future__ import annotations

import base64
import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.google.running.instances import Limits
from sandbox.local_server import LocalServer
from tests.sandbox.google.client import FUNCTIONS, PROJECT, REGION, RUNTIME, Json
from tests.sandbox.google.running import CALLABLE_HOST, RunningGoogle, eventually, plain, with_sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

pytestmark = pytest.mark.sandbox

JOBS = f"/cloudscheduler/v1/projects/{PROJECT}/locations/{REGION}/jobs"
QUEUES = f"/cloudtasks/v2/projects/{PROJECT}/locations/{REGION}/queues"
SCHEDULED = """
const { onSchedule } = require("firebase-functions/scheduler");
exports.scheduled = onSchedule("every 1 hours", async (event) => {
  console.log(JSON.stringify({ message: "ran", job: event.jobName, at: event.scheduleTime }));
});
"""
QUEUED = """
const { onTaskDispatched } = require("firebase-functions/tasks");
exports.queued = onTaskDispatched({ retryConfig: { maxAttempts: 3 } }, async (request) => {
  const { data, id, retryCount: retries, headers } = request;
  const previous = headers["x-cloudtasks-taskpreviousresponse"] || null;
  console.log(JSON.stringify({ message: "task", data, id, retries, previous }));
  if (retries < (data.failures || 0)) throw new Error("not yet");
});
"""
CALLER = """
exports.caller = async (request, response) => {
  const { url, audience, body } = request.body;
  const metadata = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default";
  const flavor = { headers: { "Metadata-Flavor": "Google" } };
  const ask = async (what) => (await fetch(`${metadata}/${what}`, flavor)).text();
  const email = await ask("email");
  const headers = { "content-type": "application/json" };
  if (audience) headers.authorization = "Bearer " + (await ask(`identity?audience=${audience}`));
  if (body) headers.authorization = "Bearer key";
  const method = body ? "POST" : "GET";
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  response.json({ email, status: answer.status, text: await answer.text() });
};
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGoogle]:
    with RunningGoogle(tmp_path_factory.mktemp("running"), limits=Limits(at_once=4), emulator=False) as made:
        made.prepare()
        made.google.switch(run_wait_scale=0.02)
        yield made


def logged(running: RunningGoogle, service: str, message: str) -> list[Json]:
    text = f'resource.labels.service_name="{service}" AND jsonPayload.message="{message}"'
    return [one["jsonPayload"] for one in running.entries(text)]


def create_job(running: RunningGoogle, name: str, key: str, account: str = RUNTIME, **rest: Any) -> str:
    url = f"https://{CALLABLE_HOST}/{key}"
    target = {"httpMethod": "POST", "uri": url, "oidcToken": {"serviceAccountEmail": account}}
    parent = JOBS.removeprefix("/cloudscheduler/v1/")
    body = {"name": f"{parent}/{name}", "schedule": "every 1 hours", "httpTarget": target, **rest}
    running.google.post(JOBS, body)
    return f"{JOBS}/{name}"


def test_a_job_runs_on_demand(running: RunningGoogle) -> None:
    done = running.deploy("scheduled", with_sdk(SCHEDULED), public=False)
    assert "error" not in done, done
    job = create_job(running, "hourly", "scheduled")
    shown = running.google.post(f"{job}:run")
    (ran, *others) = eventually(lambda: logged(running, "scheduled", "ran"), "the run")
    assert (ran["job"], others) == ("hourly", [])
    assert ran["at"] == shown["scheduleTime"]
    state = eventually(
        lambda: running.google.get(job) if "lastAttemptTime" in running.google.get(job) else None, "it"
    )
    assert state["status"] == {}


def test_a_job_without_the_invoker_role_fails(running: RunningGoogle) -> None:
    running.google.account("job-runner")
    account = f"job-runner@{PROJECT}.iam.gserviceaccount.com"
    job = create_job(running, "refused", "scheduled", account, retryConfig={"retryCount": 2})
    before = len(logged(running, "scheduled", "ran"))
    running.google.post(f"{job}:run")
    refused = 'resource.labels.service_name="scheduled" AND httpRequest.status=403'
    eventually(lambda: running.entries(refused)[2:], "three attempts")
    assert running.google.get(job)["status"] == {"code": 7}
    time.sleep(0.5)
    assert len(running.entries(refused)) == 3
    assert len(logged(running, "scheduled", "ran")) == before


def create_task(running: RunningGoogle, queue: str, data: Json, **rest: Any) -> Json:
    body = base64.b64encode(json.dumps({"data": data}).encode()).decode()
    request = {
        "url": f"https://{CALLABLE_HOST}/queued",
        "headers": {"Content-Type": "application/json"},
        "body": body,
        "oidcToken": {"serviceAccountEmail": RUNTIME},
    }
    return running.google.post(f"{QUEUES}/{queue}/tasks", {"task": {"httpRequest": request, **rest}})


@pytest.fixture(scope="module")
def queued(running: RunningGoogle) -> RunningGoogle:
    done = running.deploy("queued", with_sdk(QUEUED), public=False)
    assert "error" not in done, done
    retry = {"maxAttempts": 3, "minBackoff": "1s", "maxBackoff": "10s"}
    parent = QUEUES.removeprefix("/cloudtasks/v2/")
    running.google.post(QUEUES, {"name": f"{parent}/queued", "retryConfig": retry})
    return running


def test_a_task_is_sent_until_it_succeeds(queued: RunningGoogle) -> None:
    task = create_task(queued, "queued", {"n": 1, "failures": 1})
    name = task["name"]
    found = eventually(
        lambda: logged(queued, "queued", "task")[1:] and logged(queued, "queued", "task"), "two attempts"
    )
    assert [(one["data"]["n"], one["retries"], one["previous"]) for one in found] == [
        (1, 0, None),
        (1, 1, "500"),
    ]
    assert {one["id"] for one in found} == {name.rpartition("/")[2]}
    eventually(
        lambda: queued.google.send("GET", f"/cloudtasks/v2/{name}").status_code == 404, "the task to end"
    )


def test_a_task_is_given_up_after_its_attempts(queued: RunningGoogle) -> None:
    name = create_task(queued, "queued", {"n": 2, "failures": 9})["name"]
    eventually(
        lambda: queued.google.send("GET", f"/cloudtasks/v2/{name}").status_code == 404, "the task to end"
    )
    assert [one["retries"] for one in logged(queued, "queued", "task") if one["data"]["n"] == 2] == [0, 1, 2]


def test_a_paused_queue_keeps_its_tasks_and_names_are_used_once(queued: RunningGoogle) -> None:
    parent = f"{QUEUES.removeprefix('/cloudtasks/v2/')}/queued/tasks"
    queued.google.post(f"{QUEUES}/queued:pause")
    create_task(queued, "queued", {"n": 3}, name=f"{parent}/named")
    time.sleep(0.3)
    shown = queued.google.get(f"{QUEUES}/queued/tasks")["tasks"]
    assert [one["name"].rpartition("/")[2] for one in shown] == ["named"]
    assert not [one for one in logged(queued, "queued", "task") if one["data"]["n"] == 3]
    queued.google.post(f"{QUEUES}/queued:resume")
    eventually(lambda: [1 for one in logged(queued, "queued", "task") if one["data"]["n"] == 3], "the task")
    body = {"task": {"name": f"{parent}/named", "httpRequest": {"url": f"https://{CALLABLE_HOST}/queued"}}}
    queued.google.error("POST", f"{QUEUES}/queued/tasks", body, status=409, word="ALREADY_EXISTS")
    queued.google.error("POST", f"{QUEUES}/other/tasks", body, status=404, word="NOT_FOUND")


def test_a_task_has_its_time_and_can_be_run_now(queued: RunningGoogle) -> None:
    later = create_task(queued, "queued", {"n": 4}, scheduleTime="2099-01-01T00:00:00Z")["name"]
    time.sleep(0.3)
    assert not [one for one in logged(queued, "queued", "task") if one["data"]["n"] == 4]
    queued.google.post(f"/cloudtasks/v2/{later}:run")
    eventually(lambda: [1 for one in logged(queued, "queued", "task") if one["data"]["n"] == 4], "the task")
    create_task(queued, "queued", {"n": 5}, scheduleTime="2099-01-01T00:00:00Z")
    queued.google.post(f"{QUEUES}/queued:purge")
    assert "tasks" not in queued.google.get(f"{QUEUES}/queued/tasks")


def test_functions_reach_each_other_and_the_sandbox(running: RunningGoogle) -> None:
    async def shown(request: Request) -> JSONResponse:
        return JSONResponse({"host": request.headers["host"], "path": request.url.path})

    assert "error" not in running.deploy("caller", plain(CALLER))
    running.deploy("inner", plain("exports.inner = (_, response) => response.send('inside');"), public=False)
    url = f"https://{CALLABLE_HOST}/inner"
    assert running.request("caller", method="POST", json={"url": url}).json()["status"] == 403
    got = running.request("caller", method="POST", json={"url": url, "audience": url}).json()
    assert got == {"email": RUNTIME, "status": 200, "text": "inside"}
    # A domain of Railway, and one of the company's own that a variable names.
    with LocalServer(Starlette(routes=[Route("/{path:path}", shown)])) as backend:
        running.runner.context = dataclasses.replace(running.context, railway_url=backend.url)
        running.domains["api.example.com"] = backend.url
        running.deploy("caller", plain(CALLER), environmentVariables={"BACKEND": "https://api.example.com"})
        for host in ("crm.up.railway.app", "api.example.com"):
            got = running.request("caller", method="POST", json={"url": f"https://{host}/health"}).json()
            assert json.loads(got["text"]) == {"host": host, "path": "/health"}
    # The AI provider.
    question = 'How much? {"stats"'
    body = {"model": "m", "messages": [{"role": "user", "content": question}]}
    for address in ("https://api.groq.com/openai/v1", "https://api.openai.com/v1"):
        got = running.request(
            "caller", method="POST", json={"url": f"{address}/chat/completions", "body": body}
        ).json()
        assert json.loads(got["text"])["choices"][0]["message"]["content"] == question
    # Google's own APIs are the sandbox's.
    url = f"https://cloudfunctions.googleapis.com/v2{FUNCTIONS.removeprefix('/cloudfunctions/v2beta')}"
    got = running.request("caller", method="POST", json={"url": url}).json()
    assert got["status"] == 401
    assert (
        running.request("caller", method="POST", json={"url": "https://vision.googleapis.com/v1"}).json()[
            "status"
        ]
        == 404
    )
