"""The cost of a refresh by project size: 1 to 101 services with 1 to 100 variables each (`make bench`).

Prints requests, seconds and memory, one `name value` per line. Each refresh runs in its own process, as the
engine's provider process does. It reads existence, settings and variables of every service, four at a time as
the SDK's server does. 101 services are one more than a page of our queries contains. If a refresh finds
anything other than what was created, no figure is printed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import Config, ConfigureRequest

from railway.service import ServiceProvider
from railway.service_settings import ServiceSettingsProvider
from railway.variables import VariablesProvider
from sandbox import environment, manual_edits, stack_state
from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from sandbox.supervisor import PROJECT, Running, SandboxError

if TYPE_CHECKING:
    from railway.provider import RailwayProvider

SERVICES = (1, 10, 100, 101)
VARIABLES = (1, 10, 100)
WORKSPACE = "b7d1c0de-0000-4000-8000-000000000001"
WORKERS = 4  # threads of the SDK's server of dynamic providers
SECONDS = 120


def measure() -> Iterator[tuple[str, str]]:
    """Yield the figures.

    Raises:
        SandboxError: a refresh failed.
    """
    with LocalServer(create_app()) as server:
        for services in SERVICES:
            for variables in VARIABLES:
                if services > 100 and variables > 1:
                    continue
                cost = refresh(server.url, services, variables)
                size = f"{services}_services_{variables}_variables"
                yield f"scale_requests_{size}", str(cost.requests)
                yield f"scale_seconds_{size}", f"{cost.seconds:.2f}"
                yield f"scale_memory_mb_{size}", f"{cost.megabytes:.0f}"


@dataclass(frozen=True)
class Cost:
    """The cost of one refresh: requests to Railway, seconds without process start, peak memory."""

    requests: int
    seconds: float
    megabytes: float


def refresh(url: str, services: int, variables: int) -> Cost:
    """Create a project of this size in a sandbox, and read all of it once.

    Raises:
        SandboxError: it failed, or what was read differs from what was created.
    """
    return _refresh(url, _create_project(url, services, variables))


def _create_project(url: str, services: int, variables: int) -> dict[str, Any]:
    """Create a project of this size; return its ids and contents."""
    running = Running(pid=os.getpid(), railway_url=url, google_url="", firestore_host="", proxy_url="")
    dashboard = manual_edits.Dashboard(running, "", "", "")
    project = dashboard.call(
        "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) { id primaryEnvironmentId } }",
        {"i": {"name": f"scale-{services}-{variables}", "workspaceId": WORKSPACE}},
    )["projectCreate"]
    ids = {"projectId": project["id"], "environmentId": project["primaryEnvironmentId"]}
    values = {f"NAME_{number}": f"value {number}" for number in range(variables)}
    created: list[dict[str, str]] = []
    for number in range(services):
        name = f"service-{number}"
        service = dashboard.call(
            "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }",
            {"i": ids | {"name": name}},
        )["serviceCreate"]["id"]
        dashboard.call(
            "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }",
            {"i": ids | {"serviceId": service, "skipDeploys": True, "variables": values}},
        )
        created.append({"id": service, "name": name})
    stack_state.post_admin(url, "/admin/clock", {"advance": 10})
    return {
        "project_id": project["id"],
        "environment_id": project["primaryEnvironmentId"],
        "services": created,
        "variables": values,
    }


def _refresh(url: str, project: dict[str, Any]) -> Cost:
    stack_state.post_admin(url, "/admin/counters/reset", {})
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.scale_bench"],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "RAILWAY_API_URL": f"{url}/graphql/v2",
            "RAILWAY_API_TOKEN": environment.RAILWAY_TOKEN,
        },
        input=json.dumps(project),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode != 0:
        raise SandboxError(f"the refresh of {len(project['services'])} services failed:\n{done.stderr}")
    seconds, kilobytes = json.loads(done.stdout)
    return Cost(stack_state.counts(url).requests, seconds, kilobytes / 1024)


def _read_all(project: dict[str, Any]) -> None:
    """Read every resource of the project once.

    Raises:
        SandboxError: one differs from what was created.
    """
    ids = {name: project[name] for name in ("project_id", "environment_id")}
    names = dict.fromkeys(project["variables"], "version 1")
    resources: list[tuple[RailwayProvider, str, dict[str, Any]]] = []
    for service in project["services"]:
        service_ids = ids | {"service_id": service["id"]}
        resources += [
            (ServiceProvider(), service["id"], ids | {"service_name": service["name"]}),
            (ServiceSettingsProvider(), service["id"], service_ids | {"has_volume": False, "replicas": 1}),
            (
                VariablesProvider(),
                service["id"],
                service_ids | {"variables": project["variables"], "names": names},
            ),
        ]

    def read(one: tuple[RailwayProvider, str, dict[str, Any]]) -> bool:
        provider, id_, props = one
        provider.configure(ConfigureRequest(Config({}, "whatsapp-crm")))
        found = provider.read(id_, props)
        return found.id == id_ and found.outs == props

    with ThreadPoolExecutor(WORKERS) as pool:
        if not all(pool.map(read, resources)):
            raise SandboxError("what was read differs from what was created")


def _peak_kilobytes() -> int:
    """Return the peak memory of this process. getrusage includes that of the parent, from before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    start = time.monotonic()
    _read_all(json.load(sys.stdin))
    print(json.dumps([time.monotonic() - start, _peak_kilobytes()]))  # noqa: T201
