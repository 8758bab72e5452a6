"""A volume that was deleted by hand, alone or with its environment or project: its data can be restored, so
nothing may go on without it.

Everything that is written to a service ends in a deployment, and one without the volume would start with no
sessions. An `up` without a refresh does not look at the volume; what it writes looks here first.
A project or an environment that is made again would pin the state to a place where the data never comes
back to. Refuses no deletion.
"""

from __future__ import annotations

from collections.abc import Mapping

from railway.errors import MissingError
from railway.graphql.credentials import Access
from railway.graphql.models import Snapshot

_ALLOW_NEW = "pulumi config set whatsapp-crm:allowNewVolume true"
_MADE_AGAIN = "then `pulumi up --refresh --run-program`"


def lost(volume_id: str, name: object) -> MissingError:
    """The error that says what was lost, how it comes back, and how to really start empty."""
    return MissingError(
        f"the Railway volume {name} ({volume_id}) was deleted on Railway. Its data can be restored for 48 "
        "hours after the deletion",
        fix="restore it: Railway's dashboard, the project's canvas, or the link in Railway's mail "
        "about the deletion; attach it to its service, and run `pulumi up` again. To really start with "
        f"an EMPTY volume: {_ALLOW_NEW}, {_MADE_AGAIN}",
    )


def lost_with(kind: str, name: object, id_: str, *, adopted: bool = False) -> MissingError:
    """The same, where a project or an environment was deleted, and the volume with it.

    Args:
        kind: "project" or "environment".
        name: its name.
        id_: its id.
        adopted: whether the config names it, so that another cannot be made.
    """
    first = f"pulumi config rm whatsapp-crm:railwayProjectId, {_ALLOW_NEW}" if adopted else _ALLOW_NEW
    return MissingError(
        f"the Railway {kind} {name} ({id_}) was deleted on Railway, and its volume with it. Its data can be "
        "restored for 48 hours after the deletion",
        fix="restore it: Railway's dashboard, the link in Railway's mail about the deletion, or "
        "Railway's support; then run `pulumi up` again, which makes nothing new until then. To really start "
        f"with a new {kind} and an EMPTY volume: {first}, {_MADE_AGAIN}",
    )


def may_start_empty(props: Mapping[str, object], access: Access) -> bool:
    """Whether what was deleted by hand may be made again, with an empty volume.

    A refresh sees the inputs in the state, and not the program's new ones: hence the config as well.
    """
    return props.get("allow_new_volume") is True or access.allow_new_volume


def refuse_without(view: Snapshot, service_id: str, access: Access) -> None:
    """Refuse to write to a service whose volume is deleted, unless it has another or need not have it.

    Raises:
        MissingError: it is.
    """
    if view.environment is None or access.allow_new_volume:
        return
    own = [one for one in view.environment.volumes if one.service_id == service_id]
    if own and all(one.deleted for one in own):
        raise lost(own[-1].volume_id, own[-1].name)
