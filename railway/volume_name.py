"""The name of a volume: unique in a project, and kept for 48 hours by a volume that is deleted.

Refuses to take a name from a volume that anybody still uses. From a deleted one it is taken, by renaming
that one: its data can be restored all the same, under the name "lost-...".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from railway import other_environments
from railway.errors import NotFoundError, RefusedError, RejectedError
from railway.graphql.models import Snapshot, VolumeView
from railway.snapshot import EnvironmentCache

if TYPE_CHECKING:
    from railway.graphql.api import RailwayApi

_OTHER_NAME = "pulumi config set whatsapp-crm:volumeName <name>"


def volume_using_name(api: RailwayApi, view: Snapshot, name: str, own: str, *, narrow: bool) -> str | None:
    """The id of the deleted volume that has a name; None if the name is free, or ours already.

    Reads beyond `view` only where a volume of that name is not in our environment.

    Args:
        api: how to ask.
        view: what is there.
        name: the name.
        own: the id of the volume that is to have it; "" if it is not made yet.
        narrow: whether the token sees only one environment.

    Raises:
        RefusedError: a volume that is not deleted, or perhaps not, has it.
    """
    if view.project is None or view.environment is None:
        return None
    here = {one.volume_id: one for one in view.environment.volumes}
    for one in view.project.volumes:
        if one.name != name or one.id == own:
            continue
        beside = here.get(one.id)
        if beside is not None and beside.deleted:
            return one.id
        if beside is not None:
            raise _used_here(beside, view, own)
        if narrow:
            raise _used(
                name, one.id, "in another environment, or deleted with one: this token sees only ours"
            )
        homes = other_environments.with_volume(api, view.project.id, view.environment.id, one.id)
        if homes:
            raise _used(name, one.id, f"in {other_environments.listed(homes)}")
        return one.id
    return None


def free_name(api: RailwayApi, cache: EnvironmentCache, name: str, own: str, *, narrow: bool) -> None:
    """Take a name from the deleted volume that has it, if one has.

    Raises:
        RefusedError: a volume that is not deleted has it, or Railway does not let it be taken.
    """
    found = volume_using_name(api, cache.snapshot(), name, own, narrow=narrow)
    if found is None:
        return
    try:
        api.rename_volume(found, f"lost-{found[:8]}")
    except (NotFoundError, RejectedError) as error:
        raise RefusedError(
            f"the deleted Railway volume {found} still has the name {name}: {error.traced_reason}",
            fix=f"choose another name: {_OTHER_NAME}; or wait until Railway has removed the deleted "
            "one, 48 hours after its deletion",
        ) from None
    cache.invalidate()


def _used(name: str, volume_id: str, where: str) -> RefusedError:
    return RefusedError(
        f"the Railway project already has a volume named {name} ({volume_id}), {where}",
        fix=f"choose another name: {_OTHER_NAME}; or rename that one in Railway's dashboard",
    )


def _used_here(used: VolumeView, view: Snapshot, own: str) -> RefusedError:
    ours = view.volume(own)
    service = view.service(used.service_id)
    where = f"attached to the service {service.name}" if service else "attached to no service"
    what = f"there is another volume named {used.name} ({used.volume_id}, {used.size_mb} MB), {where}"
    if ours is not None:
        what += f"; the service has the volume {ours.name} ({ours.volume_id}, {ours.size_mb} MB)"
    return RefusedError(
        what,
        fix="look in Railway's dashboard which of them holds the data, attach that one to the service, "
        "and detach and rename the other; then run `pulumi up --refresh`",
    )
