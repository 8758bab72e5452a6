"""The volume of a service: the one thing here that cannot be made again.

It only grows, is never replaced, and moves to another service or path in place. Refuses to delete it
unless its state says `allow_delete`, or while another environment has it too. Refuses to move it to another
region, and to attach it where another one is. Refuses to call one that was deleted by hand "gone", because
a new and empty one would take its place without a word, while Railway keeps the data of the old one for 48
hours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.dynamic import DiffResult

from railway import other_environments, revision, volume_name, volume_region
from railway.deleted_volume import lost, may_start_empty
from railway.errors import MissingError, NotFoundError, RefusedError, WaitTimeoutError
from railway.fields import (
    Field,
    boolean,
    flag,
    number,
    path,
    positive,
    quoting,
    whole,
)
from railway.graphql.models import DeploymentView, Snapshot, VolumeView
from railway.provider import Props, RailwayProvider, inputs_of, is_deleted
from railway.snapshot import EnvironmentCache
from railway.validation import mount_path, name_length

_PER_GB = 1000  # as Railway counts (Railway docs, volumes)
_BUSY = {"UPDATING", "MIGRATING", "MIGRATION_PENDING", "RESTORING"}


def _too_small(there: float, declared: float) -> str:
    """Why a volume of `there` MB cannot have `declared` MB, and what to do."""
    return (
        f"the volume has {_gigabytes(there)} GB, and {_gigabytes(declared)} GB are declared; a volume never "
        f"shrinks. fix: {_set_size(there)}"
    )


def _set_size(size_mb: float) -> str:
    return f"pulumi config set whatsapp-crm:volumeSizeGb {_gigabytes(size_mb)}"


def _gigabytes(size_mb: float) -> str:
    return f"{size_mb / _PER_GB:.9g}"


@dataclass(frozen=True, kw_only=True)
class VolumeArgs:
    """Inputs of a volume.

    Args:
        project_id: the project; fixed.
        environment_id: the environment; fixed.
        service_id: the service it is attached to; Railway allows one volume a service.
        volume_name: its name, unique in the project.
        mount_path: where the service sees it; absolute.
        size_mb: its size in Railway's megabytes, 50 GB are 50000; grows only.
        region: where its data is; fixed once it is made. None: where Railway puts it.
        allow_delete: let `delete` really delete it.
        allow_new_volume: let an empty one take the place of one that was deleted by hand.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]
    volume_name: pulumi.Input[str]
    mount_path: pulumi.Input[str]
    size_mb: pulumi.Input[int]
    region: pulumi.Input[str] | None = None
    allow_delete: pulumi.Input[bool] = False
    allow_new_volume: pulumi.Input[bool] = False


class VolumeProvider(RailwayProvider):
    """Finds, makes, renames, moves and grows a volume."""

    _STAYS = (
        "a volume's data cannot move there; make a new volume under another resource name and copy the files"
    )

    FIELDS = (
        Field(name="project_id", required=True, fixed=_STAYS),
        Field(name="environment_id", required=True, fixed=_STAYS),
        Field(name="service_id", required=True),
        Field(name="volume_name", required=True, rules=(name_length,)),
        Field(name="mount_path", normal=path, required=True, rules=(quoting(mount_path),)),
        Field(name="size_mb", normal=number, required=True, grow_only=_too_small, rules=(positive, whole)),
        Field(
            name="region",
            fixed=f"a volume's data does not move by itself. Set it back; or {volume_region.MOVE}",
        ),
        Field(name="allow_delete", normal=flag, default=False, rules=(boolean,)),
        Field(name="allow_new_volume", normal=flag, default=False, rules=(boolean,)),
    )

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare; and refuse in the preview a region in which the volume is not.

        Where a region was declared before, `check` has refused another one; and a refresh, which compares
        with what was declared, must still be able to tell that the volume was moved.
        """
        if _olds.get("region") is None:
            live = str(_olds.get("live_region") or "")
            volume_region.refuse_other(f"{_olds.get('volume_name')} ({_id})", live, _news)
        return super().diff(_id, _olds, _news)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the service's volume, or the one of this name, or make it; then bring it to what is
        declared."""
        cache = self.environment(props)
        with cache.lock:
            view = cache.snapshot()
            if is_deleted(view):
                raise MissingError("the environment is deleted", fix="run `pulumi up --refresh`")
            latest = _latest(view, props)
            found = self.find(view, props)
            if found is None:
                self.refuse_new_over_lost(view, props)
                self._free_name(cache, props, "")
                volume_id, written = self._create(cache, props)
            else:
                volume_id, written = found.volume_id, None
            found = self._settled(cache, volume_id)
            moved = self._converge(cache, found, props)
        mark = revision.new(moved or written, latest)
        return found.volume_id, _outs(found) | {"revision": mark}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live volume; one that was deleted by hand is an error, not a blank."""
        volume = self.environment(props).snapshot().volume(id_)
        if volume is None or volume.deleted:
            if may_start_empty(props, self.access):
                return None
            raise _lost(id_, props)
        return self.declared_only(props, {"region": volume.region or None}) | {
            "service_id": volume.service_id or None,
            "volume_name": volume.name,
            "mount_path": volume.mount_path,
            "size_mb": volume.size_mb,
            **_outs(volume),
        }

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Rename, move and grow it in place."""
        if not set(changed) - {"allow_delete", "allow_new_volume"}:
            return {}
        cache = self.environment(news)
        with cache.lock:
            view = cache.snapshot()
            volume = view.volume(id_)
            if volume is None or volume.deleted:
                raise _lost(id_, news)
            moved = self._converge(cache, volume, news)
            if not {"service_id", "mount_path"} & set(changed):
                return _outs(volume) | {"revision": olds.get("revision")}
            mark = revision.new(moved, _latest(view, news))
        return _outs(volume) | {"revision": mark}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete it, if its state says so."""
        if props.get("allow_delete") is not True:
            raise RefusedError(
                f"the Railway volume {props.get('volume_name')} ({id_}) holds data that exists nowhere "
                "else; it is not deleted",
                fix="to keep it and only forget it: pulumi state delete <urn>. To really delete "
                "it: set allow_delete=True on the Volume, run `pulumi up`, `pulumi state unprotect "
                "<urn>`, then delete",
            )
        cache = self.environment(props)
        with cache.lock:
            try:
                self._refuse_elsewhere_too(cache, id_, props)
                self.railway.api.delete_volume(id_)
            except NotFoundError:
                return
            finally:
                cache.invalidate()

    def _refuse_elsewhere_too(self, cache: EnvironmentCache, volume_id: str, props: Props) -> None:
        others = other_environments.with_volume(
            self.railway.api, cache.project_id, cache.environment_id, volume_id
        )
        if others:
            raise RefusedError(
                f"the Railway volume {props.get('volume_name')} ({volume_id}) holds data in "
                f"{other_environments.listed(others)} too, and Railway's API deletes a volume in all "
                "of them; it is not deleted",
                fix="to keep it and only forget it: pulumi state delete <urn>. To delete it in one "
                "environment, or in all: in Railway's dashboard, then `pulumi state delete <urn>`",
            )

    def find(self, view: Snapshot, props: Props) -> VolumeView | None:
        """The service's volume, or a free one of the declared name.

        Raises:
            RefusedError: the one of that name is another service's.
        """
        volumes = [one for one in view.environment.volumes if not one.deleted] if view.environment else []
        attached = next((one for one in volumes if one.service_id == props["service_id"]), None)
        if attached is not None:
            return attached
        named = next((one for one in volumes if one.name == props["volume_name"]), None)
        if named is not None and named.service_id:
            holder = view.service(named.service_id)
            raise RefusedError(
                f"the Railway volume {named.name} ({named.volume_id}) is attached to another service, "
                f"{holder.name if holder else named.service_id}",
                fix="if it is ours: detach it in Railway's dashboard, and run `pulumi up` again. If "
                "not: pulumi config set whatsapp-crm:volumeName <name>",
            )
        return named

    def refuse_new_over_lost(self, view: Snapshot, props: Props) -> None:
        """Refuse an empty volume in the place of one that can still be restored.

        Raises:
            MissingError: there is one.
        """
        if may_start_empty(props, self.access):
            return
        for one in view.environment.volumes if view.environment else ():
            if one.deleted and (one.service_id == props["service_id"] or one.name == props["volume_name"]):
                raise _lost(one.volume_id, props)

    def volume_using_name(self, view: Snapshot, props: Props, own: str) -> str | None:
        """The deleted volume that has the declared name; see `volume_name.holder`."""
        narrow = self.access.kind == "project"
        return volume_name.volume_using_name(self.railway.api, view, props["volume_name"], own, narrow=narrow)

    def _free_name(self, cache: EnvironmentCache, props: Props, own: str) -> None:
        narrow = self.access.kind == "project"
        volume_name.free_name(self.railway.api, cache, props["volume_name"], own, narrow=narrow)

    def _create(self, cache: EnvironmentCache, props: Props) -> tuple[str, datetime | None]:
        def appeared() -> tuple[str, datetime | None] | None:
            cache.invalidate()
            volumes = self.railway.api.volumes_now(cache.project_id, cache.environment_id)
            ours = (one for one in volumes if one.service_id == props["service_id"] and not one.deleted)
            return next(((one.volume_id, None) for one in ours), None)

        def make() -> tuple[str, datetime | None]:
            return self.railway.api.create_volume(
                projectId=cache.project_id,
                environmentId=cache.environment_id,
                serviceId=props["service_id"],
                mountPath=props["mount_path"],
                region=props.get("region"),
            )

        return self.create_once(make, appeared, late=True)

    def _settled(self, cache: EnvironmentCache, volume_id: str) -> VolumeView:
        """The volume once its instance is there and Railway is not busy with it."""
        known = cache.snapshot().volume(volume_id)
        if known is not None and known.state not in _BUSY:
            return known

        def settled() -> VolumeView | None:
            volumes = self.railway.api.volumes_now(cache.project_id, cache.environment_id)
            return next(
                (one for one in volumes if one.volume_id == volume_id and one.state not in _BUSY), None
            )

        volume = self.wait_for(f"the volume {volume_id}", settled, seconds=300, every=2.0)
        if volume.state == "ERROR":
            raise MissingError(
                f"Railway says that the volume {volume_id} is in state ERROR",
                fix="look at it in Railway's dashboard, or ask Railway's support",
            )
        cache.update(lambda view: _with_volume(view, volume))
        return volume

    def _converge(self, cache: EnvironmentCache, volume: VolumeView, props: Props) -> datetime | None:
        """Bring name, place and size to what is declared; returns when it was moved, None if it was not."""
        api, moved = self.railway.api, None
        volume_region.refuse_elsewhere(volume, props)
        size = int(props["size_mb"])
        if volume.size_mb > size:
            raise RefusedError(
                f"the Railway volume {volume.name} has {_gigabytes(volume.size_mb)} GB, and "
                f"{_gigabytes(size)} GB are declared; a volume never shrinks",
                fix=_set_size(volume.size_mb),
            )
        if volume.service_id != props["service_id"]:
            _refuse_second(cache.snapshot(), volume, props["service_id"])
        if volume.name != props["volume_name"]:
            self._free_name(cache, props, volume.volume_id)
            api.rename_volume(volume.volume_id, props["volume_name"])
            volume = replace(volume, name=props["volume_name"])
            cache.update(lambda view: _with_volume(view, volume))
        if (path(volume.mount_path), volume.service_id) != (path(props["mount_path"]), props["service_id"]):
            moved = api.mount_volume(
                volume.volume_id, cache.environment_id, props["service_id"], props["mount_path"]
            )
            volume = replace(volume, mount_path=props["mount_path"], service_id=props["service_id"])
            cache.invalidate()
        if volume.size_mb < size:
            self._grow(cache, volume, size)
        return moved

    def _grow(self, cache: EnvironmentCache, volume: VolumeView, size: int) -> None:
        api = self.railway.api
        patch = {"volumes": {volume.volume_id: {"sizeMB": size}}}
        api.patch_config(cache.environment_id, patch, f"Grow volume {volume.name} to {size} MB")
        cache.invalidate()

        def grown() -> VolumeView | None:
            volumes = api.volumes_now(cache.project_id, cache.environment_id)
            return next(
                (one for one in volumes if one.volume_id == volume.volume_id and one.size_mb >= size), None
            )

        try:
            self.wait_for(f"the new size of volume {volume.name}", grown, seconds=120, every=2.0)
        except WaitTimeoutError:
            raise MissingError(
                f"Railway took the request to grow volume {volume.name} to {size} MB, but it still has "
                f"{volume.size_mb} MB",
                fix="grow it in Railway's dashboard (volume, Settings, Live resize), then run "
                "`pulumi up` again",
            ) from None


class Volume(dynamic.Resource, module="railway", name="Volume"):
    """A Railway volume; its id is Railway's. `live_region` is where its data is, whatever is declared."""

    project_id: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    service_id: pulumi.Output[str]
    volume_name: pulumi.Output[str]
    mount_path: pulumi.Output[str]
    size_mb: pulumi.Output[int]
    volume_instance_id: pulumi.Output[str]
    live_region: pulumi.Output[str]
    revision: pulumi.Output[str]

    def __init__(self, name: str, args: VolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = inputs_of(args, "volume_instance_id", "live_region", "revision")
        super().__init__(VolumeProvider(), name, props, opts)


def _outs(volume: VolumeView) -> dict[str, Any]:
    return {"volume_instance_id": volume.instance_id, "live_region": volume.region or None}


def _lost(volume_id: str, props: Props) -> MissingError:
    return lost(volume_id, props.get("volume_name"))


def _refuse_second(view: Snapshot, volume: VolumeView, service_id: str) -> None:
    volumes = view.environment.volumes if view.environment else ()
    second = next((one for one in volumes if one.service_id == service_id and not one.deleted), None)
    if second is None or second.volume_id == volume.volume_id:
        return
    service = view.service(volume.service_id)
    where = f"attached to the service {service.name}" if service else "attached to no service"
    raise RefusedError(
        f"our Railway volume {volume.name} ({volume.volume_id}, {volume.size_mb} MB) is {where}, and the "
        f"service has another: {second.name} ({second.volume_id}, {second.size_mb} MB); Railway allows one",
        fix="look in Railway's dashboard which of the two holds the data. If ours does: detach the "
        "other from the service and run `pulumi up --refresh`. If the other does: rename ours, `pulumi state "
        "unprotect <urn>`, `pulumi state delete <urn>`, and `pulumi up`, which takes the attached one",
    )


def _latest(view: Snapshot, props: Props) -> DeploymentView | None:
    instance = view.instance(props["service_id"])
    return instance.latest if instance else None


def _with_volume(view: Snapshot, volume: VolumeView) -> Snapshot:
    if view.environment is None:
        return view
    others = tuple(one for one in view.environment.volumes if one.volume_id != volume.volume_id)
    return replace(view, environment=replace(view.environment, volumes=(*others, volume)))
