"""The critical path of a stack's first `up`: the resources that wait for each other the longest.

Computed from the graph in `pulumi stack export`, with the time that the plugins need for one resource of each
type. An `up` takes at least as long; it takes longer if the engine's `--parallel` is lower than the number of
resources that are ready at once. The builds of functions and indexes and Railway's deployment are not
included: they depend on the project.

    pulumi stack export --stack prod | python -m sandbox.critical_path
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

# Type: (seconds, pauses). These are waits of pulumi-gcp 10 (google-beta 7.45), however fast Google answers:
# it sleeps after it created an account or a key; it reads an IAM policy that it wrote three times, one second
# apart; it collects APIs and changes of the project's policy for a pause, `send_after` of the provider.
WEIGHTS: Mapping[str, tuple[float, int]] = {
    "gcp:serviceaccount/account:Account": (10, 0),
    "gcp:serviceaccount/key:Key": (10, 0),
    "gcp:projects/service:Service": (0, 3),
    "gcp:projects/iAMMember:IAMMember": (3, 1),
    "gcp:secretmanager/secretIamBinding:SecretIamBinding": (3, 0),
    "gcp:secretmanager/secretIamMember:SecretIamMember": (3, 0),
    "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding": (3, 0),
    "gcp:cloudtasks/queueIamBinding:QueueIamBinding": (3, 0),
}
OTHER = (1.0, 0)  # the others were created in 0 to 1 s on the sandbox
PAUSE = 3.0  # seconds, the plugin's default
PROVIDERS = "pulumi:providers:"


@dataclass(frozen=True)
class Step:
    """A resource, the seconds that it takes, and the second at which it ends."""

    urn: str
    seconds: float
    ends: float


class Graph:
    """The resources of a stack, each with the second at which a first `up` ends it.

    A resource waits for its dependencies and its provider. It does not wait for its parent: components are
    registered at once. Resources that are about to be deleted are left out.

    Args:
        resources: the list `deployment.resources` of an export. Each resource comes after its dependencies.

    Example:
        Graph(export["deployment"]["resources"]).critical_path()
    """

    def __init__(self, resources: Sequence[Mapping[str, Any]]) -> None:
        pause = _pause(resources)
        self._steps: dict[str, Step] = {}
        self._latest: dict[str, str | None] = {}
        for resource in resources:
            if not resource.get("custom") or resource.get("delete"):
                continue
            urn, type_ = str(resource["urn"]), str(resource["type"])
            fixed, pauses = (0.0, 0) if type_.startswith(PROVIDERS) else WEIGHTS.get(type_, OTHER)
            waits = [one for one in sorted(_waits_for(resource)) if one in self._steps]
            latest = max(waits, key=lambda one: self._steps[one].ends, default=None)
            begins = 0.0 if latest is None else self._steps[latest].ends
            seconds = fixed + pauses * pause
            self._steps[urn] = Step(urn, seconds, begins + seconds)
            self._latest[urn] = latest

    def critical_path(self) -> list[Step]:
        """Return the longest path, first resource first; empty if there are no resources."""
        path: list[Step] = []
        urn = max(self._steps, key=lambda one: self._steps[one].ends, default=None)
        while urn is not None:
            path.append(self._steps[urn])
            urn = self._latest[urn]
        return path[::-1]

    def begins(self, type_: str) -> list[float]:
        """Return the second at which each resource of a type can begin, earliest first."""
        return sorted(one.ends - one.seconds for one in self._steps.values() if f"{type_}::" in one.urn)


def _pause(resources: Sequence[Mapping[str, Any]]) -> float:
    for resource in resources:
        if resource["type"] == f"{PROVIDERS}gcp":
            batching = cast("dict[str, Any]", json.loads(resource.get("inputs", {}).get("batching", "{}")))
            text = str(batching.get("sendAfter") or f"{PAUSE}s")
            return (
                float(text.removesuffix("ms")) / 1000
                if text.endswith("ms")
                else float(text.removesuffix("s"))
            )
    return PAUSE


def _waits_for(resource: Mapping[str, Any]) -> set[str]:
    found: set[str] = {*(resource.get("dependencies") or ())}
    for urns in (resource.get("propertyDependencies") or {}).values():
        found |= set(urns or ())
    found.add(str(resource.get("provider") or "").rpartition("::")[0])
    return found


def describe(path: Sequence[Step]) -> str:
    """Return a line per resource: the second at which it ends, its own seconds, its name."""
    return "\n".join(f"{step.ends:6.0f} {step.seconds:4.0f}  {step.urn.rpartition('::')[2]}" for step in path)


if __name__ == "__main__":
    print(describe(Graph(json.load(sys.stdin)["deployment"]["resources"]).critical_path()))  # noqa: T201
