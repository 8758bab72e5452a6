"""The volume of a service, whose data exists nowhere else.

A volume is never replaced: it is renamed, moved to another service or path and grown in place. It is deleted
only if its state has `allow_delete`, and not while another environment has it. It cannot move to another
region, and cannot be attached to a service that has another volume. A volume that was deleted in the
dashboard is an error until `allow_new_volume` is set: Railway keeps its data for 48 hours, and a new one
would be empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pulumi
from pulumi.dynamic import DiffResult

from railway import other_environments, revision, volume_name, volume_region
from railway.args import Props, ServiceScopeArgs, config_key, how_to_set, switch
from railway.deleted_volume import volume_deleted
from railway.fields import column, fields_of, number, optional, path
from railway.graphql.errors import MissingError, RefusedError, WaitTimeoutError, remove_from_state
from railway.graphql.models import Named, Snapshot, VolumeView
from railway.provider import RailwayProvider, RailwayResource
from railway.snapshot import EnvironmentCache
from railway.validation import mount_path, name_length, positive, quoting, whole
from railway.waiting import create_once, wait_for
from user_errors import OR, add_fix

_PER_GB = 1000  # as Railway counts (Railway docs, volumes)
_BUSY = {"UPDATING", "MIGRATING", "MIGRATION_PENDING", "RESTORING"}


def _fixed(_declared: Props, before: object) -> str:
    return add_fix(
        "the data of the volume cannot be moved there",
        f"set it to {before} in the program\n"
        f"{OR}create a volume under another resource name, and copy the files",
    )


def _fixed_region(declared: Props, before: object) -> str:
    return add_fix(
        "the API would move only the service, and not the data of its volume",
        f"{how_to_set(declared, 'region', before)}\n{OR}{volume_region.how_to_move(declared)}",
    )


def _too_small(declared: Props, before: float, size: float) -> str:
    return add_fix(shrinking(before, size), how_to_set_size(declared, before))


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

    project_id: pulumi.Input[str] = field(metadata=column(fixed=_fixed))
    environment_id: pulumi.Input[str] = field(metadata=column(fixed=_fixed))
    service_id: pulumi.Input[str]
    volume_name: pulumi.Input[str] = field(metadata=column(rules=(name_length,)))
    mount_path: pulumi.Input[str] = field(metadata=column(normal=path, rules=(quoting(mount_path),)))
    size_mb: pulumi.Input[int] = field(
        metadata=column(normal=number, grow_only=_too_small, rules=(positive, whole))
    )
    region: pulumi.Input[str] | None = optional(fixed=_fixed_region)
    allow_delete: pulumi.Input[bool] = switch()
    allow_new_volume: pulumi.Input[bool] = switch()


class VolumeProvider(RailwayProvider):
    """Provider of `Volume`."""

    FIELDS = fields_of(VolumeArgs)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare, and reject in the preview a region in which the volume is not.

        If a region was declared before, `check` has rejected another one; and a refresh, which compares with
        what was declared, must still be able to show that the volume was moved.
        """
        if _olds.get("region") is None:
            actual = str(_olds.get("live_region") or "")
            volume_region.check_region(f"{_olds.get('volume_name')} ({_id})", actual, _news)
        return super().diff(_id, _olds, _news)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the service's volume or the one of the declared name, or create it; then update it."""
        cache = self.environment(props)
        with cache.lock:
            view = cache.snapshot()
            if view.is_deleted:
                raise MissingError(
                    f"the Railway environment {props['environment_id']} is deleted",
                    fix="run `pulumi up --refresh --run-program`",
                )
            latest = view.latest_deployment(props["service_id"])
            found = self.find(view, props)
            if found is None:
                self.check_nothing_to_restore(view, props)
                volume_name.free_name(cache, props, "")
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
                fix="to keep it and only remove it from the state:\n"
                f"{remove_from_state('volume')}\n"
                "To delete it, set allow_delete=True on the Volume, then run:\n"
                "pulumi up\n"
                "pulumi state unprotect '<urn of the volume>'\n"
                "Then remove it from the program, and run `pulumi up` again.",
            )
        cache = self.environment(props)
        with cache.deletion():
            others = other_environments.with_volume(cache.api, cache.project_id, cache.environment_id, id_)
            if others:
                raise RefusedError(
                    f"the Railway volume {props.get('volume_name')} ({id_}) also has data in "
                    f"{other_environments.join_names(others)}, and Railway's API deletes a volume in all "
                    "environments; it was not deleted",
                    fix=f"{remove_from_state('volume')}\n"
                    "To delete it too, delete it in Railway's dashboard first.",
                )
            cache.api.write("VolumeDelete", volumeId=id_)

    def find(self, view: Snapshot, props: Props) -> VolumeView | None:
        """The service's volume, or an unattached one of the declared name.

        Raises:
            RefusedError: the volume of that name is attached to another service.
        """
        attached = view.attached_volume(props["service_id"])
        if attached is not None:
            return attached
        existing = (one for one in view.volumes if not one.deleted)
        named = next((one for one in existing if one.name == props["volume_name"]), None)
        if named is not None and named.service_id:
            raise RefusedError(
                f"cannot use the Railway volume {named.label}: it is {volume_name.attachment(view, named)}",
                fix="if it belongs to this stack, detach it in Railway's dashboard, and run `pulumi up` "
                f"again. If not:\n{how_to_set(props, 'volume_name', '<name>')}",
            )
        return named

    def check_nothing_to_restore(self, view: Snapshot, props: Props) -> None:
        """Check, before a volume is created, that no deleted one of this service or name can be restored.

        Raises:
            MissingError: one can, and `allow_new_volume` is not set.
        """
        if self.allows_new_volume(props):
            return
        for one in view.volumes:
            if one.deleted and (one.service_id == props["service_id"] or one.name == props["volume_name"]):
                raise volume_deleted(one.volume_id, props)

    def _create(self, cache: EnvironmentCache, props: Props) -> tuple[str, datetime | None]:
        def find() -> tuple[str, datetime | None] | None:
            cache.invalidate()
            volumes = cache.api.current_volumes(cache.project_id, cache.environment_id)
            own = (one for one in volumes if one.service_id == props["service_id"] and not one.deleted)
            return next(((one.volume_id, None) for one in own), None)

        def create() -> tuple[str, datetime | None]:
            created, written = cache.api.create(
                "VolumeCreate",
                Named.of,
                **cache.ids,
                serviceId=props["service_id"],
                mountPath=props["mount_path"],
                region=props.get("region"),
            )
            return created.id, written

        return create_once(self.clock, create, find, new_parent=True)

    def _wait_until_idle(self, cache: EnvironmentCache, volume_id: str) -> VolumeView:
        """The volume, once it is in the environment and Railway is not changing it."""
        known = cache.snapshot().volume(volume_id)
        if known is not None and known.state not in _BUSY:
            return known

        def find() -> VolumeView | None:
            volume = _current(cache, volume_id)
            return None if volume is None or volume.state in _BUSY else volume

        volume = wait_for(self.clock, f"the volume {volume_id}", find, seconds=300, every=2.0)
        if volume.state == "ERROR":
            raise MissingError(
                f"Railway returned the state ERROR for the volume {volume_id}",
                fix="open the volume in Railway's dashboard and repair it, or ask Railway's support; then "
                "run `pulumi up` again",
            )
        cache.update(lambda view: _with_volume(view, volume))
        return volume

    def _sync(self, cache: EnvironmentCache, volume: VolumeView, props: Props) -> datetime | None:
        """Update name, place and size; returns the time at which it was moved, None if it was not."""
        moved: datetime | None = None
        volume_region.check_region(volume.label, volume.region, props)
        check_size(volume, props)
        if volume.service_id != props["service_id"]:
            _check_only_volume(cache.snapshot(), volume, props["service_id"])
        if volume.name != props["volume_name"]:
            volume_name.free_name(cache, props, volume.volume_id)
            cache.api.write("VolumeRename", volumeId=volume.volume_id, input={"name": props["volume_name"]})
            volume = replace(volume, name=props["volume_name"])
            cache.update(lambda view: _with_volume(view, volume))
        if (path(volume.mount_path), volume.service_id) != (path(props["mount_path"]), props["service_id"]):
            moved = cache.api.write(
                "VolumeMount",
                volumeId=volume.volume_id,
                environmentId=cache.environment_id,
                input={"serviceId": props["service_id"], "mountPath": props["mount_path"]},
            )
            volume = replace(volume, mount_path=props["mount_path"], service_id=props["service_id"])
            cache.invalidate()
        if volume.size_mb < int(props["size_mb"]):
            self._grow(cache, volume, int(props["size_mb"]))
        return moved

    def _grow(self, cache: EnvironmentCache, volume: VolumeView, size_mb: int) -> None:
        patch = {"volumes": {volume.volume_id: {"sizeMB": size_mb}}}
        message = f"Grow volume {volume.name} to {size_mb} MB"
        cache.api.write("ConfigPatch", environmentId=cache.environment_id, patch=patch, message=message)
        cache.invalidate()

        def find() -> VolumeView | None:
            current = _current(cache, volume.volume_id)
            return None if current is None or current.size_mb < size_mb else current

        try:
            wait_for(self.clock, f"the new size of volume {volume.name}", find, seconds=120, every=2.0)
        except WaitTimeoutError:
            raise MissingError(
                f"Railway accepted the request to grow the volume {volume.name} to {size_mb} MB, but it "
                f"still has {volume.size_mb} MB",
                fix="grow it in Railway's dashboard (the volume, Settings, Live resize), then run `pulumi "
                "up` again",
            ) from None


class Volume(RailwayResource[VolumeArgs], module="railway", name="Volume"):
    """A Railway volume; the id is Railway's. `live_region` is the region of its data.

    Protect it and retain it, so that no mistake in the program deletes it.

    Example:
        args = railway.VolumeArgs(**ids, volume_name="data", mount_path="/app/data", size_mb=5000)
        railway.Volume("data", args, pulumi.ResourceOptions(protect=True, retain_on_delete=True))
    """

    PROVIDER = VolumeProvider
    live_region: pulumi.Output[str]
    revision: pulumi.Output[str]


def _current(cache: EnvironmentCache, volume_id: str) -> VolumeView | None:
    volumes = cache.api.current_volumes(cache.project_id, cache.environment_id)
    return next((one for one in volumes if one.volume_id == volume_id), None)


def check_size(volume: VolumeView, props: Props) -> None:
    """Check that a volume is not larger than declared.

    Raises:
        RefusedError: it is.
    """
    size = int(props["size_mb"])
    if volume.size_mb > size:
        raise RefusedError(
            f"the Railway volume {volume.label}: {shrinking(volume.size_mb, size)}",
            fix=how_to_set_size(props, volume.size_mb),
        )


def shrinking(actual_mb: float, declared_mb: float) -> str:
    """Why a size is rejected."""
    return (
        f"its size is {_gigabytes(actual_mb)} GB, but {_gigabytes(declared_mb)} GB are declared; a volume "
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
    return {"live_region": volume.region or None}


def _check_only_volume(view: Snapshot, volume: VolumeView, service_id: str) -> None:
    second = view.attached_volume(service_id)
    if second is None or second.volume_id == volume.volume_id:
        return
    raise RefusedError(
        f"the Railway volume {volume.label_with_size} of this stack is "
        f"{volume_name.attachment(view, volume)}, but this stack's service uses another volume: "
        f"{second.label_with_size}; Railway allows one",
        fix="find out in Railway's dashboard which of them has the data. If the volume of this stack has "
        "it, detach the other from the service and run `pulumi up --refresh --run-program`.\n"
        "If the other has it, rename this stack's volume in the dashboard, so that its name is free for the "
        "other; then run:\n"
        f"{remove_from_state('volume')}\n"
        "pulumi up  # adopts the attached volume",
    )


def _with_volume(view: Snapshot, volume: VolumeView) -> Snapshot:
    others = (one for one in view.volumes if one.volume_id != volume.volume_id)
    return view.with_environment(volumes=(*others, volume))
