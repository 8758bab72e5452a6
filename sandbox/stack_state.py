"""The objects of a stack in the clouds, found through the stack's state; and the admin routes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import requests

from sandbox import manual_edits
from sandbox.supervisor import SandboxError

if TYPE_CHECKING:
    from sandbox.supervisor import Running, Sandbox

FUNCTION_TYPE = "gcp:cloudfunctionsv2/function:Function"
INVOKER_TYPE = "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding"
RAILWAY_TYPE = "pulumi-python:dynamic/railway:"
RELEASE_TYPE = "pulumi-python:dynamic/firebase:RulesRelease"


@dataclass(frozen=True)
class Resource:
    """One resource of a stack's state."""

    urn: str
    type: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def resources(sandbox: Sandbox, stack: str) -> list[Resource]:
    """Return the stack's resources, without components, providers and the stack itself.

    Raises:
        SandboxError: the state cannot be read.
    """
    return [
        Resource(r["urn"], r["type"], r["id"], r.get("inputs", {}), r.get("outputs", {}))
        for r in exported(sandbox, stack)
        if r.get("custom") and not str(r["type"]).startswith("pulumi:providers:")
    ]


def count_declared(sandbox: Sandbox, stack: str) -> int:
    """Return the number of resources that the stack's program declares, components included.

    Raises:
        SandboxError: the state cannot be read.
    """
    kinds = [str(r["type"]) for r in exported(sandbox, stack)]
    return len([kind for kind in kinds if not kind.startswith(("pulumi:providers:", "pulumi:pulumi:Stack"))])


def exported(sandbox: Sandbox, stack: str) -> list[dict[str, Any]]:
    """Return the resources of `pulumi stack export`.

    Raises:
        SandboxError: the state cannot be read.
    """
    done = sandbox.pulumi("stack", "export", "--stack", stack)
    if done.returncode != 0:
        raise SandboxError(f"pulumi stack export failed:\n{done.stdout}")
    state = cast("dict[str, Any]", json.loads(done.stdout))
    return cast("list[dict[str, Any]]", state["deployment"].get("resources", []))


def first_of_type(found: list[Resource], type_: str) -> Resource:
    """Return the first resource of a type.

    Raises:
        SandboxError: there is none.
    """
    for resource in found:
        if resource.type == type_:
            return resource
    raise SandboxError(f"the stack has no {type_}")


def dashboard(running: Running, found: list[Resource]) -> manual_edits.Dashboard:
    """Return Railway's dashboard for the stack's backend."""
    service = first_of_type(found, RAILWAY_TYPE + "Service")
    return manual_edits.Dashboard(
        running, service.inputs["project_id"], service.inputs["environment_id"], service.id
    )


def example_edits(running: Running, found: list[Resource]) -> list[manual_edits.Edit]:
    """Return the example edits of this stack's objects: five, fewer if the app lacks functions or rules."""
    edits = manual_edits.railway_edits(dashboard(running, found))
    functions = {r.inputs["name"]: r.inputs for r in found if r.type == FUNCTION_TYPE}
    public_services = {
        # After a refresh the input has the service's full name.
        str(r.inputs["name"]).rpartition("/")[2]
        for r in found
        if r.type == INVOKER_TYPE and "allUsers" in r.inputs.get("members", ())
    }
    public = [name for name in functions if manual_edits.service_name(name) in public_services]
    for name in public[:1]:
        console = manual_edits.Console(running, functions[name]["project"], functions[name]["location"])
        edits.append(manual_edits.invoker_edit(console, name))
    for name in sorted(set(functions) - set(public[:1]) or functions)[:1]:
        inputs = functions[name]
        memory = "1Gi" if inputs.get("serviceConfig", {}).get("availableMemory") != "1Gi" else "2Gi"
        console = manual_edits.Console(running, inputs["project"], inputs["location"])
        edits.append(manual_edits.memory_edit(console, name, memory))
    for release in [r for r in found if r.type == RELEASE_TYPE]:
        console = manual_edits.Console(running, release.inputs["project"], "")
        edits.append(manual_edits.rules_edit(console))
    return edits


@dataclass(frozen=True)
class Counts:
    """The counters of a server since their last reset."""

    operations: dict[str, int]
    requests: int
    deployments: int

    @property
    def polls(self) -> int:
        """Requests that wait for something: their operation names end in Poll."""
        return sum(n for name, n in self.operations.items() if name.endswith("Poll"))


def counts(url: str) -> Counts:
    """Return the counters of the sandbox server at a base URL."""
    response = requests.get(f"{url}/admin/counters", timeout=manual_edits.SECONDS)
    response.raise_for_status()
    body = cast("dict[str, Any]", response.json())
    return Counts(body["operations"], body["requests"], body.get("deployments", 0))


def reset_counts(running: Running) -> None:
    """Reset the counters of both servers."""
    for url in (running.railway_url, running.google_url):
        requests.post(f"{url}/admin/counters/reset", timeout=manual_edits.SECONDS).raise_for_status()


def get_admin(url: str, path: str) -> str:
    """Return the response of an admin route as text."""
    response = requests.get(url + path, timeout=manual_edits.SECONDS)
    response.raise_for_status()
    return response.text


def post_admin(url: str, path: str, body: dict[str, Any]) -> None:
    """POST to an admin route, for example to inject a fault."""
    requests.post(url + path, json=body, timeout=manual_edits.SECONDS).raise_for_status()


def delete_admin(url: str, path: str) -> None:
    """DELETE an admin route, for example all planned faults."""
    requests.delete(url + path, timeout=manual_edits.SECONDS).raise_for_status()
