"""A service whose volume was deleted by hand: its data can be restored, so nothing may go on without it.

Everything that is written to a service ends in a deployment, and one without the volume would start with no
sessions. An `up` without a refresh does not look at the volume; what it writes looks here first.
Refuses no reading and no deletion.
"""

from __future__ import annotations

from railway.credentials import Access
from railway.errors import MissingError
from railway.model import StackView

_ALLOW_NEW = "pulumi config set whatsapp-crm:allowNewVolume true"


def lost(volume_id: str, name: object) -> MissingError:
    """The error that says what was lost, how it comes back, and how to really start empty."""
    return MissingError(
        f"the Railway volume {name} ({volume_id}) was deleted on Railway. Its data can be restored for 48 "
        "hours after the deletion",
        next_step="restore it: Railway's dashboard, the project's canvas, or the link in Railway's mail "
        "about the deletion; attach it to its service, and run `pulumi up` again. To really start with "
        f"an EMPTY volume: {_ALLOW_NEW}, then `pulumi up --refresh --run-program`",
    )


def refuse_without(view: StackView, service_id: str, access: Access) -> None:
    """Refuse to write to a service whose volume is deleted, unless it has another or need not have it.

    Raises:
        MissingError: it is.
    """
    if view.environment is None or access.allow_new_volume:
        return
    own = [one for one in view.environment.volumes if one.service_id == service_id]
    if own and all(one.deleted for one in own):
        raise lost(own[-1].volume_id, own[-1].name)
