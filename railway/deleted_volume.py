"""Errors about a volume that was deleted in the dashboard, alone or with its environment or project.

Railway keeps the data of a deleted volume restorable for 48 hours. Until then nothing may replace it without
an explicit decision: a new volume would be empty, a deployment would start without the data, and a new
project or environment would be recorded in the state although the data comes back in the old one.
"""

from __future__ import annotations

from railway.args import Props, config_key, how_to_set, how_to_unset
from railway.graphql.errors import MissingError
from railway.graphql.models import Snapshot


def volume_deleted(volume_id: str, props: Props) -> MissingError:
    """The error for a deleted volume.

    Args:
        volume_id: the volume.
        props: the properties of the resource, with `volume_name` if it is known.
    """
    named = f"{props['volume_name']} ({volume_id})" if props.get("volume_name") else volume_id
    return MissingError(
        f"the Railway volume {named} was deleted on Railway. Its data can be restored for 48 hours after the "
        "deletion",
        fix="restore it in Railway's dashboard (the project's canvas) or with the link in Railway's e-mail "
        "about the deletion; attach it to its service, and run `pulumi up` again\n"
        "To start with an EMPTY volume instead:\n"
        f"{_allow_new_volume(props)}\npulumi up --refresh --run-program",
    )


def volume_deleted_with(kind: str, name: object, id_: str, props: Props) -> MissingError:
    """The error for a deleted project or environment, and the volume in it.

    Args:
        kind: "project" or "environment".
        name: its name.
        id_: its id.
        props: the properties of the resource; a project that they adopt by id can only be replaced without
            that id.
    """
    forget = f"{how_to_unset(props, 'adopt_project_id')}\n" if props.get("adopt_project_id") else ""
    return MissingError(
        f"the Railway {kind} {name} ({id_}) was deleted on Railway, together with its volume. Its data can "
        "be restored for 48 hours after the deletion",
        fix="restore it in Railway's dashboard, with the link in Railway's e-mail about the deletion, or "
        "with the help of Railway's support; then run `pulumi up` again. Until it is restored, nothing is "
        f"created.\nTo start with a new {kind} and an EMPTY volume instead:\n"
        f"{forget}{_allow_new_volume(props)}\npulumi up --refresh --run-program",
    )


def check_volume_exists(view: Snapshot, service_id: str, props: Props, *, allow_new_volume: bool) -> None:
    """Check, before a write to a service, that its volume is not deleted.

    An `up` without a refresh does not read the volume, and every write ends in a deployment.

    Args:
        view: the environment.
        service_id: the service.
        props: the properties of the resource, for its config keys.
        allow_new_volume: whether an empty volume may replace a deleted one; then nothing is checked.

    Raises:
        MissingError: all volumes of the service are deleted.
    """
    if allow_new_volume:
        return
    volumes = [one for one in view.volumes if one.service_id == service_id]
    if volumes and all(one.deleted for one in volumes):
        raise volume_deleted(volumes[-1].volume_id, {**props, "volume_name": volumes[-1].name})


def _allow_new_volume(props: Props) -> str:
    if config_key(props, "allow_new_volume"):
        return how_to_set(props, "allow_new_volume", "true")
    return "set allow_new_volume=True on the Project, the Environment and the Volume in the program"
