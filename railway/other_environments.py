"""The other environments of the project: which of them a write changes too, and which names they use.

Railway's API updates and deletes a service in all environments that are not forks of another one, whichever
environment it is given (schema: serviceInstanceUpdate, serviceDelete; some users report that only the given
one is changed), and deletes a volume in every environment that has it (volumeDelete names none).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from railway.args import Props, how_to_set
from railway.graphql.errors import NotAuthorizedError, NotFoundError, RefusedError, remove_from_state
from railway.graphql.models import Named, ProjectView, Snapshot

if TYPE_CHECKING:
    from railway.graphql.api import RailwayApi


def with_service(api: RailwayApi, view: Snapshot, service_id: str) -> tuple[Named, ...]:
    """The other environments that a write to a service may change; no request if the project has only one.

    Raises:
        NotAuthorizedError: the token cannot read them.
    """
    if view.project is None or view.environment is None or len(view.project.environments) < 2:
        return ()
    own, environments = view.environment.id, api.environments(view.project.id)
    if any(one.id == own and fork for one, fork in environments):
        return ()
    others = (one for one, fork in environments if one.id != own and not fork)
    return tuple(one for one in others if _has_service(api, view.project.id, one.id, service_id))


def with_volume(api: RailwayApi, project_id: str, environment_id: str, volume_id: str) -> tuple[Named, ...]:
    """The other environments, including forks, in which a volume holds data.

    Args:
        api: the API client.
        project_id: the project.
        environment_id: the resource's environment, which is not returned.
        volume_id: the volume.
    """
    found: list[Named] = []
    for one, _ in api.environments(project_id):
        if one.id == environment_id:
            continue
        try:
            volumes = api.current_volumes(project_id, one.id)
        except NotFoundError:
            continue
        if any(volume.volume_id == volume_id and not volume.deleted for volume in volumes):
            found.append(one)
    return tuple(found)


def shared_settings_warning(api: RailwayApi, view: Snapshot, service_id: str) -> str | None:
    """The warning that a write to a service changes other environments too; None if it cannot."""
    try:
        others = with_service(api, view, service_id)
    except NotAuthorizedError:
        return (
            "this token cannot read the project's other environments; if they have the service too, "
            "Railway's API may write its settings there as well\n  fix: check the settings of the service in "
            "the other environments after this `up`, in Railway's dashboard"
        )
    if not others:
        return None
    service = view.service(service_id)
    return (
        f"the service {service.name if service else service_id} is also in {join_names(others)}: Railway's "
        "API writes the settings of a service (source, commands, health check, restarts, region) to all "
        "environments that are not forks of another one\n  fix: check the settings of the service in "
        f"{join_names(others)} after this `up`, in Railway's dashboard"
    )


def check_delete(view: Snapshot, service: Named, others: Sequence[Named]) -> None:
    """Check that no other environment would lose a service that is about to be deleted.

    Raises:
        RefusedError: another environment has it.
    """
    if not others:
        return
    environment = view.environment.name if view.environment else "this environment"
    raise RefusedError(
        f"the Railway service {service.name} ({service.id}) is also in {join_names(others)}; Railway's API "
        "deletes a service in all environments that are not forks of another one, so it was not deleted",
        fix="to keep it and only remove it from the state:\n"
        f"{remove_from_state('service')}\n"
        f"To delete it in one environment, remove it from {environment} in Railway's dashboard, then run "
        "`pulumi up` again.",
    )


def check_name_is_free(project: ProjectView, environment_id: str, props: Props) -> None:
    """Check that no other environment of the project has the declared name; Railway allows duplicates.

    Args:
        project: the project.
        environment_id: the environment that is to have the name.
        props: `environment_name`.

    Raises:
        RefusedError: another environment has the name.
    """
    name = props["environment_name"]
    same_name = next(
        (one for one in project.environments if one.name == name and one.id != environment_id), None
    )
    if same_name is None:
        return
    current = next((one.name for one in project.environments if one.id == environment_id), environment_id)
    raise RefusedError(
        f"the Railway environment {current} ({environment_id}) of this stack cannot be renamed to {name}: "
        f"another environment of the project ({same_name.id}) has that name",
        fix=f"{how_to_set(props, 'environment_name', current)}\n"
        f"To manage {name}, use another stack:\n"
        "pulumi stack init <name>",
    )


def join_names(environments: Sequence[Named]) -> str:
    """The names of environments for a message: "the environment a", "the environments a, b"."""
    names = ", ".join(one.name for one in environments)
    return f"the environment{'s' if len(environments) > 1 else ''} {names}"


def _has_service(api: RailwayApi, project_id: str, environment_id: str, service_id: str) -> bool:
    try:
        return api.has_instance(project_id, environment_id, service_id)
    except NotFoundError:
        return False
