"""Which other environments of the project a write of ours reaches.

Railway's API changes and deletes a service in all environments that are not forks of another, whichever of
them it is told (schema: serviceInstanceUpdate, serviceDelete; others report that only the named one is
reached), and a volume in every environment that has it (volumeDelete names none). Refuses to delete what
another environment would lose with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from railway.clock import log_progress
from railway.errors import NotAuthorizedError, NotFoundError, RefusedError
from railway.graphql.models import Named, Snapshot

if TYPE_CHECKING:
    from railway.graphql.api import RailwayApi


def with_service(api: RailwayApi, view: Snapshot, service_id: str) -> tuple[Named, ...]:
    """The other environments in which a write to a service may be felt.

    No request where the project has only ours.

    Args:
        api: how to ask.
        view: what is there.
        service_id: the service.

    Raises:
        NotAuthorizedError: the token may not see them.
    """
    if view.project is None or view.environment is None or len(view.project.environments) < 2:
        return ()
    ours, environments = view.environment.id, api.environments(view.project.id)
    if any(one.id == ours and fork for one, fork in environments):
        return ()
    others = (one for one, fork in environments if one.id != ours and not fork)
    return tuple(one for one in others if _has_service(api, view.project.id, one.id, service_id))


def with_volume(api: RailwayApi, project_id: str, ours: str, volume_id: str) -> tuple[Named, ...]:
    """The other environments, forks too, in which a volume holds data.

    Args:
        api: how to ask.
        project_id: the project.
        ours: our environment.
        volume_id: the volume.
    """
    found: list[Named] = []
    for one, _ in api.environments(project_id):
        if one.id == ours:
            continue
        try:
            volumes = api.volumes_now(project_id, one.id)
        except NotFoundError:
            continue
        if any(volume.volume_id == volume_id and not volume.deleted for volume in volumes):
            found.append(one)
    return tuple(found)


def say_settings(api: RailwayApi, view: Snapshot, service_id: str) -> None:
    """Tell whoever watches that settings which are about to be written may land elsewhere too."""
    line = settings_reach(api, view, service_id)
    if line is not None:
        log_progress(line)


def settings_reach(api: RailwayApi, view: Snapshot, service_id: str) -> str | None:
    """That a service's settings may land elsewhere too, for people; None where they cannot."""
    try:
        others = with_service(api, view, service_id)
    except NotAuthorizedError:
        return (
            "this token may not see the project's other environments; where the service is in them too, "
            "Railway's API may write its settings there as well"
        )
    if not others:
        return None
    service = view.service(service_id)
    return (
        f"the service {service.name if service else service_id} is in {listed(others)} too: Railway's API "
        "writes a service's settings (source, commands, health check, restarts, region) in all environments "
        "that are not forks of another, so look there after this `up`"
    )


def refuse_delete(view: Snapshot, service: Named, others: Sequence[Named]) -> None:
    """Refuse to delete a service that other environments would lose with ours.

    Raises:
        RefusedError: there are some.
    """
    if not others:
        return
    here = view.environment.name if view.environment else "this environment"
    raise RefusedError(
        f"the Railway service {service.name} ({service.id}) is in {listed(others)} too; Railway's API "
        "deletes a service in all environments that are not forks of another, so it is not deleted",
        fix="to keep it and only forget it: pulumi state delete <urn>. Which environments have it is "
        f"decided in Railway's dashboard; when it is no longer in {here}: `pulumi up` again",
    )


def listed(environments: Sequence[Named]) -> str:
    """Environments in a sentence: "the environment staging", "the environments a and b"."""
    names = [one.name for one in environments]
    if len(names) == 1:
        return f"the environment {names[0]}"
    return f"the environments {', '.join(names[:-1])} and {names[-1]}"


def _has_service(api: RailwayApi, project_id: str, environment_id: str, service_id: str) -> bool:
    try:
        return api.instance_is_there(project_id, environment_id, service_id)
    except NotFoundError:
        return False
