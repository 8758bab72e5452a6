"""The example's functions as the program deploys them, running: `up --run` and the real engine."""

from __future__ import annotations

import os
import shutil
import signal
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import environment, memory
from sandbox.__main__ import EXAMPLE
from sandbox.google.running.instances import Limits
from sandbox.running import MEGABYTE
from sandbox.supervisor import Running, Sandbox
from tests.e2e.running_example import applied, running_example
from tests.e2e.stack import Stack
from tests.rules.firestore_client import OK, Client, user_token
from tests.sandbox.crm_parts import FUNCTIONS, eventually

pytestmark = pytest.mark.e2e

PROJECT = environment.GOOGLE_PROJECT
REGION = "europe-west1"
MOST_MEMORY = 2048 * MEGABYTE
PHONE = "+40722000111"
LOCATION = f"projects/{PROJECT}/locations/{REGION}"
OWNER = {"Authorization": f"Bearer {environment.GOOGLE_TOKEN}"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox that runs the example."""
    with running_example(tmp_path_factory.mktemp("sandbox") / "functions") as made:
        yield made


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack on it, applied."""
    return applied(sandbox, tmp_path_factory.mktemp("settings"))


class Functions:
    """The functions, reached as at Google: by their address, with the app's tokens."""

    def __init__(self, running: Running, edge: str) -> None:
        self.running = running
        self.edge = edge
        self.db = Client(url=f"http://{running.firestore_host}", project=PROJECT, token="owner")

    def request(
        self, name: str, uid: str | None = None, method: str = "POST", **rest: Any
    ) -> requests.Response:
        """Send a request to a function, as a signed-in user."""
        headers = {"Host": f"{REGION}-{PROJECT}.cloudfunctions.net", **rest.pop("headers", {})}
        if uid:
            headers["Authorization"] = f"Bearer {user_token(PROJECT, uid)}"
        return requests.request(method, f"{self.edge}/{name}", headers=headers, timeout=120, **rest)

    def call(self, name: str, uid: str | None, **data: object) -> requests.Response:
        """Send a request to a callable function."""
        return self.request(name, uid, json={"data": data})

    def google(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to an API of the Google sandbox."""
        url = f"{self.running.google_url}{path}"
        answer = requests.request(method, url, json=body, headers=OWNER, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def entries(self, text: str) -> list[dict[str, Any]]:
        """Return entries of the functions' logs."""
        body = {"resourceNames": [f"projects/{PROJECT}"], "filter": text, "pageSize": 1000}
        return self.google("POST", "/logging/v2/entries:list", body).get("entries", [])

    def until(self, path: str, **expected: object) -> dict[str, Any]:
        """Wait until fields of a document have the expected values; return the document."""

        def look() -> dict[str, Any] | None:
            found = self.db.read(path) or {}
            return found if all(found.get(name) == value for name, value in expected.items()) else None

        return eventually(look, f"{path} to have {expected}; it is {self.db.read(path)}")


@pytest.fixture(scope="module")
def functions(sandbox: Sandbox, stack: Stack) -> Functions:
    """The functions of the applied stack, with a member `agent`."""
    made = Functions(stack.running, sandbox.variables()["GOOGLE_EDGE_URL"])
    users = f"http://{made.running.auth_host}/identitytoolkit.googleapis.com/v1/projects/{PROJECT}/accounts"
    for uid in ("agent", "stranger", "boss"):
        user = {"localId": uid, "email": f"{uid}@example.com", "emailVerified": True}
        answer = requests.post(users, json=user, headers={"Authorization": "Bearer owner"}, timeout=60)
        assert answer.status_code == 200, answer.text
    assert made.db.create("members/agent", {"role": "agent", "active": True}) == OK
    return made


def save_event(functions: Functions, **fields: Any) -> str:
    """Save an event as the app does; return its id."""
    key = uuid.uuid4().hex
    event = {"isArchived": False, "schemaVersion": 1, "createdBy": "agent", **fields}
    assert functions.db.create(f"evenimente/{key}", event) == OK
    return key


def test_callables_need_a_member(functions: Functions) -> None:
    question = {"clientPhone": PHONE, "question": "How much?"}
    assert functions.call("askAboutClient", None, **question).status_code == 401
    assert functions.call("askAboutClient", "stranger", **question).status_code == 403
    answer = functions.call("askAboutClient", "agent", **{**question, "clientPhone": "+40722999999"})
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_events_update_the_client_and_the_question_agrees(functions: Functions) -> None:
    def stats() -> dict[str, Any]:
        return (functions.db.read(f"clients/{PHONE}") or {}).get("stats") or {}

    euro = {"clientPhone": PHONE, "currency": "EUR"}
    save_event(functions, date="2026-09-12", type="wedding", status="confirmed", amount=1200, **euro)
    key = save_event(functions, date="2026-10-01", type="baptism", status="planned", amount=800, **euro)
    eventually(lambda: stats().get("eventCount") == 2, "two events")
    assert functions.db.update(f"evenimente/{key}", {"amount": 850}) == OK
    eventually(lambda: stats()["totals"] == {"EUR": 2050}, "the sum after the change")
    answer = functions.call("askAboutClient", "agent", clientPhone=PHONE, question="Cât a cheltuit clientul?")
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["answer"] == f"{PHONE} a cheltuit 2050 EUR."
    assert answer.json()["result"]["stats"]["totals"] == {"EUR": 2050}


def test_an_event_is_extracted_from_a_thread(functions: Functions) -> None:
    thread = "sales__40722000111@s.whatsapp.net"
    assert functions.db.create(f"threads/{thread}", {"clientPhone": PHONE, "isArchived": False}) == OK
    said = "Wedding on 12 September 2027, 1.200 euro. We confirm."
    message = {"text": said, "direction": "in", "tsClient": datetime.now(UTC)}
    assert functions.db.create(f"threads/{thread}/messages/m1", message) == OK
    answer = functions.call("extractEventFromThread", "agent", threadId=thread)
    assert answer.status_code == 200, answer.text
    event = answer.json()["result"]["event"]
    assert {name: event[name] for name in ("date", "type", "amount", "currency", "status")} == {
        "date": "2027-09-12",
        "type": "wedding",
        "amount": 1200,
        "currency": "EUR",
        "status": "confirmed",
    }


def test_the_proxy_reaches_the_deployed_backend(functions: Functions) -> None:
    for uid, status in ((None, 401), ("stranger", 403), ("agent", 200)):
        answer = functions.request("whatsappProxyGetAccounts", uid, "GET")
        assert answer.status_code == status, answer.text
    assert "accounts" in functions.request("whatsappProxyGetAccounts", "agent", "GET").json()


def test_a_private_function_needs_the_invoker_role(functions: Functions) -> None:
    assert functions.request("processOutboxNow").status_code == 403
    state = functions.google("GET", f"/cloudfunctions/v2/{LOCATION}/functions/processOutboxNow")
    uri, account = state["serviceConfig"]["uri"], state["serviceConfig"]["serviceAccountEmail"]
    credentials = f"/iamcredentials/v1/projects/-/serviceAccounts/{account}:generateIdToken"
    token = functions.google("POST", credentials, {"audience": uri, "includeEmail": True})["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert functions.request("processOutboxNow", headers=headers).status_code == 403
    service = f"/run/v2/{LOCATION}/services/processoutboxnow"
    before = functions.google("GET", f"{service}:getIamPolicy")
    binding = {"role": "roles/run.invoker", "members": [f"serviceAccount:{account}"]}
    functions.google("POST", f"{service}:setIamPolicy", {"policy": {"bindings": [binding]}})
    try:
        answer = functions.request("processOutboxNow", headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"requeued": 0})
    finally:
        bindings = before.get("bindings", [])
        functions.google("POST", f"{service}:setIamPolicy", {"policy": {"bindings": bindings}})


def test_the_schedule_runs_on_demand(functions: Functions) -> None:
    due = datetime.now(UTC) - timedelta(minutes=1)
    follow_up = {"status": "open", "dueAt": due, "clientPhone": PHONE, "note": "Call", "createdBy": "agent"}
    assert functions.db.create("followUps/f1", follow_up) == OK
    jobs = functions.google("GET", f"/cloudscheduler/v1/{LOCATION}/jobs")["jobs"]
    (job,) = [one["name"] for one in jobs if "processFollowUps" in one["name"]]
    functions.google("POST", f"/cloudscheduler/v1/{job}:run")
    assert functions.until("notifications/f1", uid="agent")["text"] == "Call"
    assert functions.until("followUps/f1", status="notified")


def test_a_queue_sends_tasks_to_functions(functions: Functions) -> None:
    queue = f"{LOCATION}/queues/follow-ups"
    functions.google("POST", f"/serviceusage/v1/projects/{PROJECT}/services/cloudtasks.googleapis.com:enable")
    functions.google("POST", f"/cloudtasks/v2/{LOCATION}/queues", {"name": queue})
    state = functions.google("GET", f"/cloudfunctions/v2/{LOCATION}/functions/processFollowUps")
    due = datetime.now(UTC) - timedelta(minutes=1)
    follow_up = {"status": "open", "dueAt": due, "clientPhone": PHONE, "note": "Again", "createdBy": "agent"}
    assert functions.db.create("followUps/f2", follow_up) == OK
    request = {
        "url": state["url"],
        "oidcToken": {"serviceAccountEmail": state["serviceConfig"]["serviceAccountEmail"]},
        "headers": {"X-CloudScheduler-ScheduleTime": datetime.now(UTC).isoformat()},
    }
    functions.google("POST", f"/cloudtasks/v2/{queue}/tasks", {"task": {"httpRequest": request}})
    assert functions.until("notifications/f2", uid="agent")["text"] == "Again"


def test_a_new_version_of_a_secret_is_used_once_it_is_pinned(functions: Functions, stack: Stack) -> None:
    """ADMIN_EMAILS decides who may change the members."""
    boss = "boss@example.com"

    def status() -> int:
        return functions.call("setMember", "boss", email=boss, role="admin").status_code

    assert status() == 403
    done = stack.pulumi("config", "set", "--secret", "--path", "whatsapp-crm:secrets.ADMIN_EMAILS", boss)
    assert done.returncode == 0, done.stdout
    stack.up()
    assert status() == 200
    assert functions.until("members/boss", role="admin")


def test_the_log_has_no_errors_and_no_secrets(functions: Functions, sandbox: Sandbox) -> None:
    assert functions.entries('severity>=ERROR AND resource.type="cloud_run_revision"') == []
    assert functions.entries('jsonPayload.message="follow-ups notified"')
    assert "boss@example.com" not in (sandbox.root / "run" / "functions" / "functions.log").read_text()


def test_all_of_it_needs_less_than_two_gigabytes(functions: Functions) -> None:
    found = requests.get(f"http://{functions.running.auth_host}/admin/running", timeout=60).json()
    running = [one for one in found["programs"] if one["what"].startswith("function ")]
    # All nine were used; the one that was unused for longest makes room.
    assert 5 <= len(running) <= Limits().at_once
    assert all(one["memory"] > 10 * MEGABYTE for one in running)
    assert 0 < found["memory"] < MOST_MEMORY, found


def test_code_that_does_not_load_where_it_runs_fails_the_up(
    stack: Stack, functions: Functions, tmp_path: Path
) -> None:
    """The preview loads the code too; this one fails only in the container of one function."""
    app = tmp_path / "crm"
    shutil.copytree(EXAMPLE, app, ignore=shutil.ignore_patterns("node_modules"))
    (app / "functions" / "node_modules").symlink_to(FUNCTIONS / "node_modules")
    index = app / "functions" / "index.js"
    broken = 'if (process.env.K_SERVICE === "setmember") throw new Error("not in this container");\n'
    index.write_text(index.read_text() + broken)
    stack.edit(lambda config: config.update({"whatsapp-crm:appDir": str(app)}))
    done = stack.pulumi("up", "--yes", "--skip-preview")
    assert done.returncode != 0
    assert "Container Healthcheck failed" in done.stdout
    assert "Error: not in this container" in done.stdout
    answer = functions.request("setMember", "boss", json={"data": {"email": "boss@example.com"}})
    assert answer.status_code == 200, "the earlier revision serves"


def test_nothing_is_left_after_a_kill(sandbox: Sandbox, functions: Functions) -> None:
    pids = memory.tree(functions.running.pid)[1:]
    assert len(pids) > 3
    server = sandbox._attached
    assert server is not None
    assert server.stdin is not None
    os.kill(functions.running.pid, signal.SIGKILL)
    server.wait(60)
    server.stdin.close()
    end = time.monotonic() + 30
    while time.monotonic() < end and any(memory.used(pid) for pid in pids):
        time.sleep(0.1)
    assert not [pid for pid in pids if memory.used(pid)]
    assert sandbox.running() is None
