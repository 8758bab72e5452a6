"""Find the live objects of a stack from its state, to lay a hand on them, whatever app it deploys.

Refuses to guess: a stack without the object asked for is an error that names it.
"""

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
INVOKER_TYPE = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
RAILWAY_TYPE = "pulumi-python:dynamic/railway:"


@dataclass(frozen=True)
class Resource:
    """One resource of a stack's state."""

    urn: str
    type: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def resources(sandbox: Sandbox, stack: str) -> list[Resource]:
    """The resources of the stack, without components, providers and the stack itself.

    Raises:
        SandboxError: the state cannot be read.
    """
    return [
        Resource(r["urn"], r["type"], r["id"], r.get("inputs", {}), r.get("outputs", {}))
        for r in _state(sandbox, stack)
        if r.get("custom") and not str(r["type"]).startswith("pulumi:providers:")
    ]


def count_declared(sandbox: Sandbox, stack: str) -> int:
    """How many resources the stack's program declares, components included.

    Raises:
        SandboxError: the state cannot be read.
    """
    kinds = [str(r["type"]) for r in _state(sandbox, stack)]
    return len([kind for kind in kinds if not kind.startswith(("pulumi:providers:", "pulumi:pulumi:Stack"))])


def _state(sandbox: Sandbox, stack: str) -> list[dict[str, Any]]:
    done = sandbox.pulumi("stack", "export", "--stack", stack)
    if done.returncode != 0:
        raise SandboxError(f"pulumi stack export failed:\n{done.stdout}")
    state = cast("dict[str, Any]", json.loads(done.stdout))
    return cast("list[dict[str, Any]]", state["deployment"].get("resources", []))


def first_of_type(found: list[Resource], type_: str) -> Resource:
    """The first resource of a type.

    Raises:
        SandboxError: there is none.
    """
    for resource in found:
        if resource.type == type_:
            return resource
    raise SandboxError(f"the stack has no {type_}")


def dashboard(running: Running, found: list[Resource]) -> manual_edits.Dashboard:
    """Railway's dashboard, open at the stack's backend."""
    service = first_of_type(found, RAILWAY_TYPE + "Service")
    return manual_edits.Dashboard(
        running, service.inputs["project_id"], service.inputs["environment_id"], service.id
    )


def example_edits(running: Running, found: list[Resource]) -> list[manual_edits.Edit]:
    """The five edits by hand, aimed at this stack's objects."""
    public = next((r for r in found if r.type == INVOKER_TYPE and r.inputs.get("member") == "allUsers"), None)
    if public is None:
        raise SandboxError("the stack has no public function, whose invoker could be removed")
    functions = {r.inputs["name"]: r for r in found if r.type == FUNCTION_TYPE}
    open_to_all = next(n for n in functions if n.lower().replace("_", "-") == public.inputs["name"])
    changed = next((n for n in sorted(functions) if n != open_to_all), open_to_all)
    some = functions[changed].inputs
    return manual_edits.example_edits(
        dashboard(running, found),
        manual_edits.Console(running, some["project"], some["location"]),
        function=changed,
        public_function=open_to_all,
    )


@dataclass(frozen=True)
class Counts:
    """What a server counted since its last reset."""

    operations: dict[str, int]
    requests: int
    deployments: int

    @property
    def polls(self) -> int:
        """Requests that only waited for something: their operations' names end in Poll."""
        return sum(n for name, n in self.operations.items() if name.endswith("Poll"))


def counts(url: str) -> Counts:
    """The counters of a sandbox server at its base address."""
    answer = requests.get(f"{url}/admin/counters", timeout=manual_edits.SECONDS)
    answer.raise_for_status()
    body = cast("dict[str, Any]", answer.json())
    return Counts(body["operations"], body["requests"], body.get("deployments", 0))


def reset_counts(running: Running) -> None:
    """Start counting anew on both servers."""
    for url in (running.railway_url, running.google_url):
        requests.post(f"{url}/admin/counters/reset", timeout=manual_edits.SECONDS).raise_for_status()


def get_admin(url: str, path: str) -> str:
    """What an admin route of a sandbox server answers, as text."""
    answer = requests.get(url + path, timeout=manual_edits.SECONDS)
    answer.raise_for_status()
    return answer.text


def post_admin(url: str, path: str, body: dict[str, Any]) -> None:
    """Send something to an admin route, such as a fault."""
    requests.post(url + path, json=body, timeout=manual_edits.SECONDS).raise_for_status()


def delete_admin(url: str, path: str) -> None:
    """Take something back at an admin route."""
    requests.delete(url + path, timeout=manual_edits.SECONDS).raise_for_status()
