"""Volume rules: the size only grows; a deletion can be reverted for 48 hours.

`files` and `other_mb` are removed only when those 48 hours have passed. Source: Railway docs,
volumes/reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import errors

if TYPE_CHECKING:
    from sandbox.railway import records
    from sandbox.railway.context import Context
    from sandbox.railway.store import Store

DEFAULT_SIZE_MB = {"free": 500, "trial": 500, "hobby": 5_000, "pro": 50_000}
LARGEST_MB = {"free": 500, "trial": 500, "hobby": 5_000, "pro": 1_000_000}
PER_PROJECT = {"free": 1, "trial": 3, "hobby": 10, "pro": 20}
RESTORABLE_SECONDS = 48 * 3600


def size_now(row: records.VolumeInstance, now: float) -> int:
    """Return the size that is visible now."""
    if row.next_size_mb is not None and row.resize_due is not None and row.resize_due <= now:
        row.size_mb, row.next_size_mb, row.resize_due = row.next_size_mb, None, None
    return row.size_mb


def state_now(row: records.VolumeInstance, now: float) -> str:
    """Return the VolumeState."""
    if row.deleted_at is not None and row.delete_due is None:
        return "DELETED"
    if row.is_pending_deletion:
        return "DELETING"
    if row.state is not None:
        return row.state
    busy = row.ready_at > now or (row.resize_due is not None and row.resize_due > now)
    return "UPDATING" if busy else "READY"


def resize(context: Context, row: records.VolumeInstance, size_mb: int, *, check_only: bool) -> str | None:
    """Request a size; it is visible after the delay.

    Returns:
        The error that Railway would report on the applied patch only, or None.

    Raises:
        GraphQLError: smaller than the current size, or larger than the plan allows.
    """
    now = context.now
    present = row.next_size_mb or size_now(row, now)
    if size_mb == present or context.switches.size_patch == "ignored":
        return None
    if size_mb < present:
        if context.switches.shrink_response == "async":
            return context.switches.shrink_message
        raise errors.bad_input(context.switches.shrink_message)
    if size_mb > LARGEST_MB[context.switches.plan]:
        raise errors.bad_input(
            f"The {context.switches.plan} plan allows at most {LARGEST_MB[context.switches.plan]} MB"
        )
    if not check_only:
        row.next_size_mb, row.resize_due = size_mb, now + context.switches.resize_seconds
        size_now(row, now)
    return None


def mark_for_deletion(context: Context, row: records.VolumeInstance) -> None:
    """Mark a volume instance for deletion."""
    row.is_pending_deletion = True
    row.delete_due = context.now + RESTORABLE_SECONDS
    if context.switches.volume_delete_style == "deleted_at":
        row.deleted_at = context.now


def restore(row: records.VolumeInstance) -> None:
    """Revert a deletion."""
    row.is_pending_deletion, row.delete_due, row.deleted_at = False, None, None


def delete_expired(store: Store) -> bool:
    """Delete permanently what has been pending for 48 hours; return whether there was anything."""
    now, deleted = store.now(), False
    for row in store.volume_instances.values():
        if row.delete_due is not None and row.delete_due <= now:
            row.deleted_at, row.delete_due, deleted = row.delete_due, None, True
            row.files, row.other_mb = {}, 0
    for volume in store.volumes.values():
        rows = [row for row in store.volume_instances.values() if row.volume_id == volume.id]
        if volume.deleted_at is None and rows and all(row.deleted_at and not row.delete_due for row in rows):
            volume.deleted_at, deleted = now, True
    return deleted
