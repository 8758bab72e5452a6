"""What is on Railway in addition to the stack and must never be touched: another project of the workspace,
and in our own environment a service, its volume, its variables and its domain."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.railway_world import WORKSPACE, Engine, World

_TABLES = (
    "projects",
    "environments",
    "services",
    "instances",
    "variables",
    "volumes",
    "volume_instances",
    "domains",
    "tcp_proxies",
    "triggers",
    "deployments",
)


def _rows(world: World) -> dict[str, Any]:
    state = world.admin("state")
    return {id_: row for table in _TABLES for id_, row in state[table].items()}


@dataclass(frozen=True)
class Neighbours:
    """Rows of the sandbox's state as they were when they were made.

    Args:
        rows: by id.
    """

    rows: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def ids(self) -> set[str]:
        """The ids of all of them."""
        return set(self.rows)

    @classmethod
    def elsewhere(cls, world: World) -> Neighbours:
        """Another project with a service that has all of it."""
        before = set(_rows(world))
        made = world.manual(
            "mutation($i: ProjectCreateInput!) { projectCreate(input: $i)"
            " { id environments { edges { node { id } } } } }",
            i={"name": "somebody-elses", "workspaceId": WORKSPACE, "defaultEnvironmentName": "production"},
        )["projectCreate"]
        return cls._in(world, made["id"], made["environments"]["edges"][0]["node"]["id"], before)

    @classmethod
    def beside(cls, world: World, engine: Engine) -> Neighbours:
        """A service with all of it in our own environment."""
        return cls._in(world, engine.id("project"), engine.id("environment"))

    @classmethod
    def beside_if_any(cls, world: World, project: str = "crm") -> Neighbours:
        """The same where our project exists already."""
        ours = [row for row in world.rows("projects") if row["name"] == project]
        if not ours:
            return cls()
        environments = [row for row in world.rows("environments") if row["project_id"] == ours[0]["id"]]
        return cls._in(world, ours[0]["id"], environments[0]["id"])

    @classmethod
    def _in(cls, world: World, project: str, environment: str, before: set[str] | None = None) -> Neighbours:
        before = set(_rows(world)) if before is None else before
        place = {"projectId": project, "environmentId": environment}
        service = world.manual(
            "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }",
            i=place | {"name": "neighbour"},
        )["serviceCreate"]["id"]
        at = place | {"serviceId": service}
        world.admin("clock", {"advance": 5})
        world.manual(
            "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }",
            i=at | {"mountPath": "/data"},
        )
        world.admin("clock", {"advance": 5})
        world.manual(
            "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }",
            i=at | {"variables": {"NOT_OURS": "kept"}, "skipDeploys": True},
        )
        world.manual(
            "mutation($i: ServiceDomainCreateInput!) { serviceDomainCreate(input: $i) { id } }",
            i={"environmentId": environment, "serviceId": service},
        )
        world.admin("clock", {"advance": 5})
        rows = {id_: row for id_, row in _rows(world).items() if id_ not in before}
        return cls(json.loads(json.dumps(rows)))

    def untouched(self, world: World) -> None:
        """All of it is as it was.

        Raises:
            AssertionError: it is not.
        """
        now = _rows(world)
        for id_, row in self.rows.items():
            assert now.get(id_) == row, f"touched: {row}, now {now.get(id_)}"
