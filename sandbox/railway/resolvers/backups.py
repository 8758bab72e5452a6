"""Backups of volumes: schedules, and manual backups, which a workflow makes.

Source: Railway's schema (volumeInstanceBackup...); Railway docs, volumes/backups: only mounted volumes are
backed up, a manual backup is limited to half of the volume's size and does not expire, and one of a schedule
is kept for the time of its kind. Unverified: the texts of the errors, and that a backup is listed only when
its workflow has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import errors, volume_rules
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from sandbox.railway import records
    from sandbox.railway.context import Context
    from sandbox.railway.store import Store

SCHEDULES = {
    "DAILY": ("0 0 * * *", 6 * 86_400),
    "WEEKLY": ("0 0 * * 0", 30 * 86_400),
    "MONTHLY": ("0 0 1 * *", 90 * 86_400),
}
"""(cron, retention in seconds) by kind. Source: Railway docs, volumes/backups."""

WORKFLOW = "backup-"


def schedule_update(_: None, context: Context, volume_instance_id: str, kinds: list[str]) -> bool:
    found = context.volume_instance(volume_instance_id)
    existing = {entry["kind"]: entry for entry in found.backup_schedules}
    found.backup_schedules = [
        existing.get(kind) or {"id": new_id(), "kind": kind, "created_at": context.now}
        for kind in SCHEDULES
        if kind in kinds
    ]
    return True


def schedules(_: None, context: Context, volume_instance_id: str) -> list[dict[str, Any]]:
    found = context.volume_instance(volume_instance_id)
    return [
        {
            **entry,
            "name": entry["kind"].capitalize(),
            "cron": SCHEDULES[entry["kind"]][0],
            "retention_seconds": SCHEDULES[entry["kind"]][1],
        }
        for entry in found.backup_schedules
    ]


def create(
    _: None, context: Context, volume_instance_id: str, name: str | None = None
) -> dict[str, str | None]:
    """Start the workflow of a manual backup. Two calls make two backups, also with the same name."""
    found = context.volume_instance(volume_instance_id)
    if found.service_id is None:
        raise errors.bad_input("Volume is not mounted to a service")
    size = volume_rules.size_now(found, context.now)
    limit = context.switches.backup_limit
    used = used_mb(context.store, found)
    if used > limit * size:
        raise errors.bad_input(f"Backup size exceeds {limit:.0%} of the volume size")
    error = context.switches.backup_error
    backup = taken(found, name or "Manual", context.now + context.switches.backup_seconds, used)
    found.backups.append({**backup, "error": error or None})
    by_id = context.switches.backup_workflow_id == "id"
    return {"workflow_id": f"{WORKFLOW}{backup['id']}" if by_id else None}


def taken(
    row: records.VolumeInstance, name: str, at: float, used: float, schedule: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a backup of a volume with `used` MB, listed from the time `at`; one of a schedule expires."""
    return {
        "id": new_id(),
        "name": name,
        "created_at": at,
        "expires_at": at + SCHEDULES[schedule["kind"]][1] if schedule else None,
        "schedule_id": schedule["id"] if schedule else None,
        "creator_id": None,
        "external_id": f"vbk_{new_id().replace('-', '')[:16]}",
        "referenced_mb": round(used),
        "used_mb": round(used),
        "volume_instance_size_mb": row.size_mb,
        "error": None,
    }


def used_mb(store: Store, row: records.VolumeInstance) -> float:
    """Return the size of the data on a volume."""
    return store.contents.size(row) / 1_000_000 + row.other_mb


def listed(_: None, context: Context, volume_instance_id: str) -> list[dict[str, Any]]:
    """Return the backups that exist, the newest first."""
    found = context.volume_instance(volume_instance_id)
    now = context.now
    shown = [
        one
        for one in found.backups
        if one["error"] is None
        and one["created_at"] <= now
        and (one["expires_at"] is None or one["expires_at"] > now)
    ]
    return sorted(shown, key=lambda one: one["created_at"], reverse=True)


def workflow_status(context: Context, workflow_id: str) -> dict[str, str | None]:
    """Return the status of the workflow of a manual backup."""
    for row in context.store.volume_instances.values():
        for one in row.backups:
            if one["id"] == workflow_id.removeprefix(WORKFLOW):
                context.environment(row.environment_id)
                if one["created_at"] > context.now:
                    return {"status": "Running", "error": None}
                return {"status": "Error" if one["error"] else "Complete", "error": one["error"]}
    return {"status": "NotFound", "error": None}


FIELDS = {
    "Query.volumeInstanceBackupList": listed,
    "Query.volumeInstanceBackupScheduleList": schedules,
    "Mutation.volumeInstanceBackupCreate": create,
    "Mutation.volumeInstanceBackupScheduleUpdate": schedule_update,
}
