"""The volume of a service, whose data exists nowhere else.

A volume is never replaced: it is renamed, moved to another service or path and grown in place. It is deleted
only if its state has `allow_delete`, and not while another environment has it. It cannot move to another
region, and cannot be attached to a service that has another volume. A volume that was deleted in the
dashboard is an error until `allow_new_volume` is set: Railway keeps its data for 48 hours, and a new one
would be empty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.dynamic import DiffResult

from railway import other_environments, revision, volume_name, volume_region
from railway.args import Props, ServiceScopeArgs, config_key, how_to_set, inputs_of
from railway.deleted_volume import volume_deleted
from railway.fields import Field, flag, number, path
from railway.graphql.errors import MissingError, RefusedError, WaitTimeoutError
from railway.graphql.models import Snapshot, VolumeView
from railway.provider import CONFIG_KEYS, RailwayProvider
from railway.snapshot import EnvironmentCache
from railway.validation import boolean, mount_path, name_length, positive, quoting, whole
from railway.waiting import create_once, wait_for

_PER_GB = 1000  # as Railway counts (Railway docs, volumes)
_BUSY = {"UPDATING", "MIGRATING", "MIGRATION_PENDING", "RESTORING"}


@dataclass(frozen=True, kw_only=True)
class VolumeArgs(ServiceScopeArgs):
    """Inputs of a volume. `project_id` and `environment_id` cannot change.

    Args:
        service_id: the service to which it is attached; Railway allows one volume per service.
        volume_name: its name, at most 32 characters, unique in the project.
        mount_path: its absolute path in the container.
        size_mb: its size in Railway's megabytes: 50 GB are 50000. It cannot shrink.
        region: where its data is; cannot change. None: Railway chooses.
        allow_delete: allow `delete` to delete it.
        allow_new_volume: allow an empty volume to replace one that was deleted in the dashboard.
    """

    KEYS = ("allow_new_volume", "region", "size_gb", "volume_name")

    volume_name: pulumi.Input[str]
    mount_path: pulumi.Input[str]
    size_mb: pulumi.Input[int]
    region: pulumi.Input[str] | None = None
    allow_delete: pulumi.Input[bool] = False
    allow_new_volume: pulumi.Input[bool] = False


def _fixed(_declared: Props) -> str:
    return "its data cannot be moved there; create a volume under another resource name and copy the files"


def _fixed_region(declared: Props) -> str:
    return f"its data does not move with it. Set it back; or {volume_region.how_to_move(declared)}"


def _too_small(declared: Props, live: float, size: float) -> str:
    return f"{shrinking(live, size)}. fix: {how_to_set_size(declared, live)}"


class VolumeProvider(RailwayProvider):
    """Provider of `Volume`."""

    FIELDS = (
        Field(name="project_id", required=True, fixed=_fixed),
        Field(name="environment_id", required=True, fixed=_fixed),
        CONFIG_KEYS,
        Field(name="service_id", required=True),
        Field(name="volume_name", required=True, rules=(name_length,)),
        Field(name="mount_path", normal=path, required=True, rules=(quoting(mount_path),)),
        Field(name="size_mb", normal=number, required=True, grow_only=_too_small, rules=(positive, whole)),
        Field(name="region", fixed=_fixed_region),
        Field(name="allow_delete", normal=flag, default=False, rules=(boolean,)),
        Field(name="allow_new_volume", normal=flag, default=False, rules=(boolean,)),
    )

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare, and reject in the preview a region in which the volume is not.

        If a region was declared before, `check` has rejected another one; and a refresh, which compares with
        what was declared, must still be able to show that the volume was moved.
        """
        if _olds.get("region") is None:
            live = str(_olds.get("live_region") or "")
            volume_region.check_live_region(f"{_olds.get('volume_name')} ({_id})", live, _news)
        return super().diff(_id, _olds, _news)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the service's volume or the one of the declared name, or create it; then update it."""
        cache = self.environment(props)
        with cache.lock:
            view = cache.snapshot()
            if view.is_deleted:
                raise MissingError("the environment is deleted", fix="run `pulumi up --refresh`")
            latest = view.latest_deployment(props["service_id"])
            found = self.find(view, props)
            if found is None:
                self.check_nothing_to_restore(view, props)
                self._free_name(cache, props, "")
                volume_id, written = self._create(cache, props)
            else:
                volume_id, written = found.volume_id, None
            volume = self._wait_until_idle(cache, volume_id)
            moved = self._sync(cache, volume, props)
        mark = revision.new(moved or written, latest)
        return volume.volume_id, _outs(volume) | {"revision": mark}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live volume.

        Raises:
            MissingError: it was deleted, and `allow_new_volume` is not set.
        """
        volume = self.environment(props).snapshot().volume(id_)
        if volume is None or volume.deleted:
            if self.allows_new_volume(props):
                return None
            raise volume_deleted(id_, props)
        return self.declared_only(props, {"region": volume.region or None}) | {
            "service_id": volume.service_id or None,
            "volume_name": volume.name,
            "mount_path": volume.mount_path,
            "size_mb": volume.size_mb,
            **_outs(volume),
        }

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Rename, move and grow the volume in place."""
        if not set(changed) - {"allow_delete", "allow_new_volume"}:
            return {}
        cache = self.environment(news)
        with cache.lock:
            view = cache.snapshot()
            volume = view.volume(id_)
            if volume is None or volume.deleted:
                raise volume_deleted(id_, news)
            moved = self._sync(cache, volume, news)
            if not {"service_id", "mount_path"} & set(changed):
                return _outs(volume) | {"revision": olds.get("revision")}
            mark = revision.new(moved, view.latest_deployment(news["service_id"]))
        return _outs(volume) | {"revision": mark}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the volume, if its state has `allow_delete` and no other environment has it."""
        if props.get("allow_delete") is not True:
            raise RefusedError(
                f"the Railway volume {props.get('volume_name')} ({id_}) has data that exists nowhere else; "
                "it was not deleted",
                fix="to keep it and only remove it from the state: pulumi state delete <urn>. To delete "
                "it: set allow_delete=True on the Volume, run `pulumi up`, `pulumi state unprotect <urn>`, "
                "then delete it again",
            )
        cache = self.environment(props)
        cache.delete(lambda: self._delete(cache, id_, props))

    def _delete(self, cache: EnvironmentCache, volume_id: str, props: Props) -> None:
        others = other_environments.with_volume(cache.api, cache.project_id, cache.environment_id, volume_id)
        if others:
            raise RefusedError(
                f"the Railway volume {props.get('volume_name')} ({volume_id}) also has data in "
                f"{other_environments.in_words(others)}, and Railway's API deletes a volume in all "
                "environments; it was not deleted",
                fix="to keep it and only remove it from the state: pulumi state delete <urn>. To delete "
                "it, use Railway's dashboard, then `pulumi state delete <urn>`",
            )
        cache.api.delete_volume(volume_id)

    def find(self, view: Snapshot, props: Props) -> VolumeView | None:
        """The service's volume, or an unattached one of the declared name.

        Raises:
            RefusedError: the volume of that name is attached to another service.
        """
        volumes = [one for one in view.environment.volumes if not one.deleted] if view.environment else []
        attached = next((one for one in volumes if one.service_id == props["service_id"]), None)
        if attached is not None:
            return attached
        named = next((one for one in volumes if one.name == props["volume_name"]), None)
        if named is not None and named.service_id:
            raise RefusedError(
                f"the Railway volume {named.name} ({named.volume_id}) is "
                f"{volume_name.attachment(view, named)}",
                fix="if it belongs to this stack, detach it in Railway's dashboard, and run `pulumi up` "
                f"again. If not: {how_to_set(props, 'volume_name', '<name>')}",
            )
        return named

    def check_nothing_to_restore(self, view: Snapshot, props: Props) -> None:
        """Check, before a volume is created, that no deleted one of this service or name can be restored.

        Raises:
            MissingError: one can, and `allow_new_volume` is not set.
        """
        if self.allows_new_volume(props):
            return
        for one in view.environment.volumes if view.environment else ():
            if one.deleted and (one.service_id == props["service_id"] or one.name == props["volume_name"]):
                raise volume_deleted(one.volume_id, props)

    def check_name(self, cache: EnvironmentCache, props: Props, volume_id: str) -> None:
        """Check that no volume in use has the declared name; see `volume_name.deleted_volume_with_name`."""
        project_token = self.access.kind == "project"
        volume_name.deleted_volume_with_name(cache, props, volume_id, project_token=project_token)

    def _free_name(self, cache: EnvironmentCache, props: Props, volume_id: str) -> None:
        volume_name.free_name(cache, props, volume_id, project_token=self.access.kind == "project")

    def _create(self, cache: EnvironmentCache, props: Props) -> tuple[str, datetime | None]:
        def find() -> tuple[str, datetime | None] | None:
            cache.invalidate()
            volumes = cache.api.current_volumes(cache.project_id, cache.environment_id)
            own = (one for one in volumes if one.service_id == props["service_id"] and not one.deleted)
            return next(((one.volume_id, None) for one in own), None)

        def create() -> tuple[str, datetime | None]:
            return cache.api.create_volume(
                projectId=cache.project_id,
                environmentId=cache.environment_id,
                serviceId=props["service_id"],
                mountPath=props["mount_path"],
                region=props.get("region"),
            )

        return create_once(self.clock, create, find, new_parent=True)

    def _wait_until_idle(self, cache: EnvironmentCache, volume_id: str) -> VolumeView:
        """The volume, once it is in the environment and Railway is not changing it."""
        known = cache.snapshot().volume(volume_id)
        if known is not None and known.state not in _BUSY:
            return known

        def find() -> VolumeView | None:
            volumes = cache.api.current_volumes(cache.project_id, cache.environment_id)
            return next(
                (one for one in volumes if one.volume_id == volume_id and one.state not in _BUSY), None
            )

        volume = wait_for(self.clock, f"the volume {volume_id}", find, seconds=300, every=2.0)
        if volume.state == "ERROR":
            raise MissingError(
                f"Railway returned the state ERROR for the volume {volume_id}",
                fix="see the volume in Railway's dashboard, or ask Railway's support",
            )
        cache.update(lambda view: _with_volume(view, volume))
        return volume

    def _sync(self, cache: EnvironmentCache, volume: VolumeView, props: Props) -> datetime | None:
        """Update name, place and size; returns the time at which it was moved, None if it was not."""
        moved: datetime | None = None
        volume_region.check_region(volume, props)
        check_size(volume, props)
        if volume.service_id != props["service_id"]:
            _check_only_volume(cache.snapshot(), volume, props["service_id"])
        if volume.name != props["volume_name"]:
            self._free_name(cache, props, volume.volume_id)
            cache.api.rename_volume(volume.volume_id, props["volume_name"])
            volume = replace(volume, name=props["volume_name"])
            cache.update(lambda view: _with_volume(view, volume))
        if (path(volume.mount_path), volume.service_id) != (path(props["mount_path"]), props["service_id"]):
            moved = cache.api.mount_volume(
                volume.volume_id, cache.environment_id, props["service_id"], props["mount_path"]
            )
            volume = replace(volume, mount_path=props["mount_path"], service_id=props["service_id"])
            cache.invalidate()
        if volume.size_mb < int(props["size_mb"]):
            self._grow(cache, volume, int(props["size_mb"]))
        return moved

    def _grow(self, cache: EnvironmentCache, volume: VolumeView, size_mb: int) -> None:
        patch = {"volumes": {volume.volume_id: {"sizeMB": size_mb}}}
        message = f"Grow volume {volume.name} to {size_mb} MB"
        cache.api.patch_config(cache.environment_id, patch, message)
        cache.invalidate()

        def find() -> VolumeView | None:
            volumes = cache.api.current_volumes(cache.project_id, cache.environment_id)
            return next(
                (one for one in volumes if one.volume_id == volume.volume_id and one.size_mb >= size_mb), None
            )

        try:
            wait_for(self.clock, f"the new size of volume {volume.name}", find, seconds=120, every=2.0)
        except WaitTimeoutError:
            raise MissingError(
                f"Railway accepted the request to grow the volume {volume.name} to {size_mb} MB, but it "
                f"still has {volume.size_mb} MB",
                fix="grow it in Railway's dashboard (the volume, Settings, Live resize), then run `pulumi "
                "up` again",
            ) from None


class Volume(dynamic.Resource, module="railway", name="Volume"):
    """A Railway volume; the id is Railway's. `live_region` is the region of its data.

    Protect it and retain it, so that no mistake in the program deletes it.

    Example:
        args = railway.VolumeArgs(**ids, volume_name="data", mount_path="/app/data", size_mb=5000)
        railway.Volume("data", args, pulumi.ResourceOptions(protect=True, retain_on_delete=True))
    """

    volume_instance_id: pulumi.Output[str]
    live_region: pulumi.Output[str]
    revision: pulumi.Output[str]

    def __init__(self, name: str, args: VolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = inputs_of(args, "volume_instance_id", "live_region", "revision")
        super().__init__(VolumeProvider(), name, props, opts)


def check_size(volume: VolumeView, props: Props) -> None:
    """Check that a volume is not larger than declared.

    Raises:
        RefusedError: it is.
    """
    size = int(props["size_mb"])
    if volume.size_mb > size:
        raise RefusedError(
            f"the Railway volume {volume.name} ({volume.volume_id}): {shrinking(volume.size_mb, size)}",
            fix=how_to_set_size(props, volume.size_mb),
        )


def shrinking(live_mb: float, declared_mb: float) -> str:
    """Why a size is rejected."""
    return (
        f"the volume has {_gigabytes(live_mb)} GB, and {_gigabytes(declared_mb)} GB are declared; a volume "
        "cannot shrink"
    )


def how_to_set_size(declared: Props, size_mb: float) -> str:
    """How the size of a volume is declared."""
    if config_key(declared, "size_gb"):
        return how_to_set(declared, "size_gb", _gigabytes(size_mb))
    return how_to_set(declared, "size_mb", f"{size_mb:.9g}")


def _gigabytes(size_mb: float) -> str:
    return f"{size_mb / _PER_GB:.9g}"


def _outs(volume: VolumeView) -> dict[str, Any]:
    return {"volume_instance_id": volume.instance_id, "live_region": volume.region or None}


def _check_only_volume(view: Snapshot, volume: VolumeView, service_id: str) -> None:
    volumes = view.environment.volumes if view.environment else ()
    second = next((one for one in volumes if one.service_id == service_id and not one.deleted), None)
    if second is None or second.volume_id == volume.volume_id:
        return
    raise RefusedError(
        f"the Railway volume {volume.name} ({volume.volume_id}, {volume.size_mb} MB) of this stack is "
        f"{volume_name.attachment(view, volume)}, and the service has another volume: {second.name} "
        f"({second.volume_id}, {second.size_mb} MB); Railway allows one",
        fix="find out in Railway's dashboard which of them has the data. If the volume of this stack has "
        "it, detach the other from the service and run `pulumi up --refresh`. If the other has it, rename "
        "the one of this stack, then `pulumi state unprotect <urn>`, `pulumi state delete <urn>`, and "
        "`pulumi up`, which adopts the attached volume",
    )


def _with_volume(view: Snapshot, volume: VolumeView) -> Snapshot:
    volumes = view.environment.volumes if view.environment else ()
    others = (one for one in volumes if one.volume_id != volume.volume_id)
    return view.with_environment(volumes=(*others, volume))
