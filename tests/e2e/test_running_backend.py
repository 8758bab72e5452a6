"""The example's backend, deployed by the real engine and running: `python -m sandbox up --run`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import environment, memory
from sandbox.__main__ import main
from sandbox.running import MEGABYTE
from sandbox.supervisor import Running, Sandbox
from tests.e2e.running_example import RUN, applied, running_example
from tests.e2e.stack import Stack
from tests.rules.firestore_client import Client
from tests.sandbox.crm_parts import eventually

pytestmark = pytest.mark.e2e

MOST_MEMORY = 2048 * MEGABYTE
CLIENT = "+40722123456"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox that runs the example."""
    with running_example(tmp_path_factory.mktemp("sandbox") / "running") as made:
        yield made


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack on it, applied."""
    return applied(sandbox, tmp_path_factory.mktemp("settings"))


class Backend:
    """The backend, reached as at Railway: through the edge, by its domain."""

    def __init__(self, sandbox: Sandbox) -> None:
        running = sandbox.running()
        assert running is not None
        self.running: Running = running
        [self.host] = self.state()["addresses"]

    def state(self) -> dict[str, Any]:
        """What the Railway sandbox runs."""
        return requests.get(f"{self.running.railway_url}/admin/run", timeout=30).json()

    def deployments(self) -> list[dict[str, Any]]:
        """The deployments, the newest last."""
        state = requests.get(f"{self.running.railway_url}/admin/state", timeout=30).json()
        return list(state["deployments"].values())

    def ask(self, method: str, path: str, **body: Any) -> requests.Response:
        """Send a request, to the admin routes with ADMIN_TOKEN."""
        headers = {"Host": self.host}
        if path.startswith("/admin"):
            token = self.deployments()[-1]["variables"]["ADMIN_TOKEN"]
            headers["Authorization"] = f"Bearer {token}"
        url = f"{self.running.railway_url}{path}"
        return requests.request(method, url, json=body or None, headers=headers, timeout=30)

    def health(self) -> dict[str, Any]:
        """Wait until /health answers 200; return the answer."""

        def look() -> dict[str, Any] | None:
            found = self.ask("GET", "/health")
            return found.json() if found.status_code == 200 else None

        return eventually(look, "/health")

    def accounts(self) -> dict[str, str]:
        """The status of each account."""
        found = self.ask("GET", "/admin/accounts").json()["accounts"]
        return {row["accountId"]: row["status"] for row in found}

    def pids(self) -> list[int]:
        """Every process of the sandbox but the server's own."""
        return memory.tree(self.running.pid)[1:]


@pytest.fixture
def backend(sandbox: Sandbox, stack: Stack) -> Backend:
    return Backend(sandbox)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_deployed_backend_is_healthy_and_the_program_says_so(stack: Stack, backend: Backend) -> None:
    health = backend.health()
    assert health["status"] == "ok"
    assert health["sessions"] == {"path": "/app/sessions", "writable": True}
    assert health["firebase"] == {"projectId": environment.GOOGLE_PROJECT, "reachable": True}
    assert health["transport"] == "loopback"
    deployed = backend.deployments()[-1]
    assert health["release"] == {"commit": deployed["commit_hash"], "deployment": deployed["id"]}
    assert stack.verify().returncode == 0
    assert stack.sandbox.variables()["FIREBASE_AUTH_EMULATOR_HOST"] == backend.running.auth_host
    address = backend.state()["addresses"][backend.host]
    assert requests.get(f"{address}/health", timeout=30).json()["status"] == "ok"


def test_accounts_pair_and_clients_write(backend: Backend) -> None:
    made = backend.ask("POST", "/admin/accounts", accountId="sales", name="Sales")
    assert (made.status_code, made.json()["status"]) == (201, "connected")
    sent = backend.ask(
        "POST", "/admin/simulate/sales/receive", **{"from": CLIENT, "text": "Hello", "name": "Ana"}
    )
    assert sent.status_code == 200, sent.text
    firestore = Client(
        url=f"http://{backend.running.firestore_host}", project=environment.GOOGLE_PROJECT, token="owner"
    )
    thread = "sales__" + CLIENT.removeprefix("+") + "@s.whatsapp.net"
    message = f"threads/{thread}/messages/{sent.json()['messageId']}"
    found = eventually(lambda: firestore.read(message), f"{message} in Firestore")
    assert (found["text"], found["direction"]) == ("Hello", "in")


def test_a_redeployment_beside_the_volume_keeps_the_sessions(stack: Stack, backend: Backend) -> None:
    assert backend.accounts() == {"sales": "connected"}
    before = backend.deployments()[-1]["id"]
    stack.edit(lambda config: config.update({"whatsapp-crm:backfillCount": 7}))
    stack.edit(lambda config: config.update({"whatsapp-crm:restartMaxRetries": 1}))
    stack.up()
    newer = backend.deployments()[-1]
    assert newer["id"] != before
    assert newer["variables"]["WHATSAPP_BACKFILL_COUNT"] == "7"
    assert backend.health()["release"]["deployment"] == newer["id"]
    assert backend.accounts() == {"sales": "connected"}
    eventually(lambda: list(backend.state()["processes"]) == [newer["id"]], "one process")


def end_by_force(backend: Backend) -> None:
    """Kill the backend's process, as the system does when memory is short."""
    found = eventually(lambda: list(backend.state()["processes"].values()), "a process")
    victim = memory.tree(found[0]["pid"])[-1]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: not alive(victim), "its end")


def test_a_backend_that_dies_is_started_again_until_it_is_in_a_crash_loop(backend: Backend) -> None:
    before = backend.health()["release"]["deployment"]
    end_by_force(backend)
    assert backend.health()["release"]["deployment"] == before
    assert backend.accounts() == {"sales": "connected"}
    end_by_force(backend)
    eventually(lambda: backend.deployments()[-1]["status"] == "CRASHED", "CRASHED")
    assert backend.ask("GET", "/health").status_code == 502
    restart = {"query": f'mutation {{ deploymentRestart(id: "{before}") }}'}
    url = f"{backend.running.railway_url}/graphql/v2?source=test"
    token = {"Authorization": f"Bearer {environment.RAILWAY_TOKEN}"}
    assert requests.post(url, json=restart, headers=token, timeout=30).json()["data"]["deploymentRestart"]
    assert backend.health()["release"]["deployment"] == before


def test_the_memory_is_reported_and_under_2_gb(
    sandbox: Sandbox, backend: Backend, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://{backend.running.auth_host}/admin/running"
    found = requests.get(url, timeout=30).json()
    [program] = [one for one in found["programs"] if one["what"] == "service backend"]
    assert (program["state"], program["address"]) == ("running", backend.state()["addresses"][backend.host])
    assert 20 * MEGABYTE < program["memory"] < found["memory"] < MOST_MEMORY
    monkeypatch.setattr("sandbox.__main__.PROJECT", sandbox.root.parent)
    (sandbox.root.parent / ".sandbox").mkdir(exist_ok=True)
    (sandbox.root.parent / ".sandbox" / "running").symlink_to(sandbox.root)
    assert main(["status", "--name", "running"]) == 0
    printed = capsys.readouterr().out
    assert "service backend" in printed
    assert "all of the sandbox" in printed


def test_a_backend_that_cannot_start_fails_the_up_and_names_the_reason(
    stack: Stack, backend: Backend
) -> None:
    good = backend.deployments()[-1]["id"]
    stack.edit(lambda config: config.update({"whatsapp-crm:healthTimeout": 2}))
    broken = {"whatsapp-crm:startCommand": "WHATSAPP_TRANSPORT=telex node src/main.js"}
    stack.edit(lambda config: config.update(broken))
    done = stack.pulumi("up", "--yes", "--skip-preview")
    assert done.returncode != 0
    assert "WHATSAPP_TRANSPORT must be baileys or loopback" in done.stdout
    assert "HEALTHCHECK" in done.stdout
    assert backend.deployments()[-1]["status"] == "FAILED"
    assert backend.health()["release"]["deployment"] == good
    assert backend.accounts() == {"sales": "connected"}


def test_down_leaves_no_process_and_up_brings_all_back(sandbox: Sandbox, backend: Backend) -> None:
    processes = backend.pids()
    assert len(processes) > 4
    sandbox.stop()
    eventually(lambda: not any(alive(pid) for pid in processes), f"the end of {processes}")
    sandbox.start(attached=True, run=RUN)
    again = Backend(sandbox)
    assert again.health()["status"] == "ok"
    assert again.accounts() == {"sales": "connected"}


def test_a_killed_sandbox_leaves_no_process(sandbox: Sandbox, stack: Stack) -> None:
    backend = Backend(sandbox)
    backend.health()
    processes = backend.pids()
    os.kill(backend.running.pid, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in processes), f"the end of {processes}")
    assert sandbox.running() is None
    attached = sandbox._attached
    assert attached is not None
    assert attached.stdin is not None
    attached.stdin.close()
    attached.wait()
