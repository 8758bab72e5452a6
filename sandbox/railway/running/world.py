"""What the lives of all deployments have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sandbox.railway import deploys
from sandbox.railway.process_logs import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import httpx

    from sandbox.railway import records
    from sandbox.railway.running.container import Programs
    from sandbox.railway.running.sources import Sources
    from sandbox.railway.running.volumes import VolumeFolders
    from sandbox.railway.store import Store

KEPT_COPIES = 5
"""Copies of earlier deployments of a service: a rollback runs what it ran."""


class Neighbour(Protocol):
    """What a life knows of another one. `gives_way_to` is the life that has the volume, or None."""

    deployment: records.Deployment
    gives_way_to: object | None


@dataclass(kw_only=True)
class World:
    """The state, and the places of this machine.

    Args:
        store: the state.
        save: saves it.
        copies: the folder of the copies, one for each deployment.
        sources: where the repositories are.
        volumes: the folders of the volumes.
        programs: what bubblewrap and Node are.
        http: for the health checks.
        variables: the sandbox's variables, which win over the service's.
        defaults: variables for a service that does not set them.
        lives: the life of each deployment.
        closing: all processes end now.
    """

    store: Store
    save: Callable[[], None]
    copies: Path
    sources: Sources
    volumes: VolumeFolders
    programs: Programs
    http: httpx.AsyncClient
    variables: dict[str, str]
    defaults: dict[str, str]
    lives: Mapping[str, Neighbour]
    closing: bool = False

    def log(self, deployment: records.Deployment, kind: str, severity: str, message: str) -> None:
        """Append a line to a deployment's logs. Called from several threads."""
        line = Line(at=self.store.now(), severity=severity, message=message)
        self.store.logs.add(deployment.id, kind, line)

    def set_status(self, deployment: records.Deployment, status: str) -> None:
        """Set the status of a deployment and save the state."""
        deploys.set_status(deployment, status, self.store.now())
        self.save()

    def exists(self, deployment: records.Deployment) -> bool:
        """Whether a deployment is in the state, and its project is not deleted.

        The deletion of a service or an environment removes the deployments.
        """
        project = self.store.projects.get(deployment.project_id)
        is_there = self.store.deployments.get(deployment.id) is deployment
        return is_there and project is not None and project.deleted_at is None

    def mounted(self, deployment: records.Deployment) -> dict[str, records.VolumeInstance]:
        """The volumes that a deployment uses, by mount path, in the order in which they are locked."""
        mounts = sorted(deployment.mounts, key=lambda mount: mount["volumeInstanceId"])
        rows = {mount["mountPath"]: mount["volumeInstanceId"] for mount in mounts}
        return {
            path: self.store.volume_instances[key]
            for path, key in rows.items()
            if key in self.store.volume_instances
        }

    def siblings(self, deployment: records.Deployment) -> list[Neighbour]:
        """The lives of the other deployments of the same service and environment."""
        place = (deployment.service_id, deployment.environment_id)
        return [
            life
            for key, life in self.lives.items()
            if key != deployment.id and (life.deployment.service_id, life.deployment.environment_id) == place
        ]
