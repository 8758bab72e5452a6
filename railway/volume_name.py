"""The name of a volume: unique in a project, and kept for 48 hours by a volume that was deleted.

A name is taken from a deleted volume by renaming it to "deleted-<id>"; its data can still be restored under
that name. It is never taken from a volume that is in use.
"""

from __future__ import annotations

from railway import other_environments
from railway.args import Props, how_to_set
from railway.graphql.errors import NotFoundError, RefusedError, RejectedError
from railway.graphql.models import Snapshot, VolumeView
from railway.snapshot import EnvironmentCache
from user_errors import OR


def deleted_volume_with_name(cache: EnvironmentCache, props: Props, volume_id: str) -> str | None:
    """The id of the deleted volume that has the declared name; None if no other volume has it.

    Sends requests only if a volume of that name is not in the environment.

    Args:
        cache: the environment.
        props: `volume_name`.
        volume_id: the volume that is to have the name; "" if it does not exist yet.

    Raises:
        RefusedError: a volume that is not deleted, or may not be deleted, has the name.
    """
    view, name = cache.snapshot(), props["volume_name"]
    if view.project is None or view.environment is None:
        return None
    for one in view.project.volumes:
        if one.name != name or one.id == volume_id:
            continue
        same_name = view.volume(one.id)
        if same_name is not None and same_name.deleted:
            return one.id
        if same_name is not None:
            raise _two_volumes(same_name, view, volume_id)
        if cache.api.project_token:
            where = (
                "in another environment, or deleted with one; this token can read only its own environment"
            )
            raise _used(props, one.id, where)
        elsewhere = other_environments.with_volume(cache.api, cache.project_id, cache.environment_id, one.id)
        if elsewhere:
            raise _used(props, one.id, f"in {other_environments.join_names(elsewhere)}")
        return one.id
    return None


def free_name(cache: EnvironmentCache, props: Props, volume_id: str) -> None:
    """Rename the deleted volume that has the declared name, if there is one.

    The arguments are those of `deleted_volume_with_name`.

    Raises:
        RefusedError: a volume that is not deleted has the name, or Railway rejects the renaming.
    """
    found = deleted_volume_with_name(cache, props, volume_id)
    if found is None:
        return
    try:
        cache.api.write("VolumeRename", volumeId=found, input={"name": f"deleted-{found[:8]}"})
    except (NotFoundError, RejectedError) as error:
        raise RefusedError(
            f"the deleted Railway volume {found} still has the name {props['volume_name']}: "
            f"{error.traced_reason}",
            fix=f"{how_to_set(props, 'volume_name', '<another name>')}\n"
            f"{OR}wait until Railway has removed the deleted volume, 48 hours after its deletion",
        ) from None
    cache.invalidate()


def _used(props: Props, volume_id: str, where: str) -> RefusedError:
    return RefusedError(
        f"the Railway project already has a volume named {props['volume_name']} ({volume_id}), {where}",
        fix=f"{how_to_set(props, 'volume_name', '<another name>')}\n"
        f"{OR}rename the other volume in Railway's dashboard",
    )


def _two_volumes(same_name: VolumeView, view: Snapshot, volume_id: str) -> RefusedError:
    own = view.volume(volume_id)
    has = f"; the service has the volume {own.label_with_size}" if own else ""
    return RefusedError(
        f"the Railway environment has another volume named {same_name.label_with_size}, "
        f"{attachment(view, same_name)}{has}",
        fix="find out in Railway's dashboard which of them has the data, attach it to the service, and "
        "detach and rename the other; then run `pulumi up --refresh --run-program`",
    )


def attachment(view: Snapshot, volume: VolumeView) -> str:
    """To which service a volume is attached, in words."""
    service = view.service(volume.service_id)
    return f"attached to the service {service.name}" if service else "attached to no service"
