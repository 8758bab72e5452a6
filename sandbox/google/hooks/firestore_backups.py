"""Firestore's backup schedules, and the backups that they make.

A database has at most one daily and one weekly schedule; a backup is kept for at most 14 weeks (Firestore
documentation, "Back up and restore data"). The error for a second schedule of a kind is unverified.

Time does not pass for schedules: `POST /admin/firestore/backups` makes the next backup of each. A backup
stays when its schedule or its database is deleted, until it expires.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING, cast

from sandbox.google import generic
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import list_page
from sandbox.google.hooks.firestore import existing_database, find_database
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

RECURRENCES = ("dailyRecurrence", "weeklyRecurrence")
LONGEST_RETENTION = 14 * 7 * 86_400  # seconds


def create_schedule(request: ApiRequest) -> Json:
    """Create a schedule; the server names it."""
    existing_database(request)
    given = [name for name in RECURRENCES if request.body.get(name) is not None]
    if len(given) != 1:
        raise invalid("Exactly one of daily_recurrence and weekly_recurrence must be set.", "backup_schedule")
    day = cast("Json", request.body.get("weeklyRecurrence") or {}).get("day")
    if given == ["weeklyRecurrence"] and day in (None, "DAY_OF_WEEK_UNSPECIFIED"):
        raise invalid("The day of a weekly recurrence must be set.", "backup_schedule.weekly_recurrence.day")
    _check_retention(request)
    table = request.collection(request.name, "backupSchedules")
    for _, other in request.store.items(table):
        if given[0] in other:
            raise ApiError(
                "ALREADY_EXISTS",
                f"The database already has a backup schedule with {given[0]}: {other['name']}",
            )
    key = _new_id(request.cloud, "backupSchedule")
    stamp = timestamp()
    schedule = {
        **{name: value for name, value in request.body.items() if value is not None},
        "name": f"{request.name}/backupSchedules/{key}",
        "createTime": stamp,
        "updateTime": stamp,
    }
    request.store.put(table, key, schedule)
    return schedule


def list_schedules(request: ApiRequest) -> Json:
    """List the schedules; this list has no pages."""
    table = request.collection(request.name, "backupSchedules")
    found = [schedule for _, schedule in request.store.items(table)]
    return {"backupSchedules": found} if found else {}


def patch_schedule(request: ApiRequest) -> Json:
    """Change how long the backups to come are kept."""
    mask = str(request.query.get("updateMask") or "retention")
    if mask != "retention":
        raise invalid("Only the retention of a backup schedule can be changed.", "update_mask")
    _check_retention(request)
    return generic.patch(request)


def list_backups(request: ApiRequest) -> Json:
    """List the backups that have not expired; the location `-` means all. This list has no pages."""
    found = generic.list_resources(request).get("backups", [])
    now = timestamp()
    return list_page(request, [backup for backup in found if backup["expireTime"] > now], "backups")


def make_backups(cloud: Cloud) -> list[str]:
    """Make the next backup of each schedule; return the names of the backups."""
    made: list[str] = []
    for table in list(cloud.store.collections("firestore/projects/")):
        parts = table.split("/")
        if parts[-1] != "backupSchedules":
            continue
        project, database_id = parts[2], parts[4]
        database = find_database(cloud, project, database_id)
        if database is None:
            continue
        for _, schedule in cloud.store.items(table):
            seconds = int(str(schedule["retention"]).removesuffix("s"))
            now = time.time()
            key = _new_id(cloud, "backup")
            backups = f"projects/{project}/locations/{database['locationId']}/backups"
            cloud.store.put(
                f"firestore/{backups}",
                key,
                {
                    "name": f"{backups}/{key}",
                    "database": f"projects/{project}/databases/{database_id}",
                    "databaseUid": database["uid"],
                    "snapshotTime": timestamp(now),
                    "expireTime": timestamp(now + seconds),
                    "state": "READY",
                    "stats": {"sizeBytes": "2048", "documentCount": "3", "indexCount": "12"},
                },
            )
            made.append(f"{backups}/{key}")
    cloud.commit()
    return made


def _check_retention(request: ApiRequest) -> None:
    retention = str(request.body.get("retention") or "")
    if not re.fullmatch(r"\d+s", retention) or not 0 < int(retention[:-1]) <= LONGEST_RETENTION:
        raise invalid("The retention must be positive and at most 14 weeks.", "backup_schedule.retention")


def _new_id(cloud: Cloud, kind: str) -> str:
    return str(uuid.UUID(cloud.unique(kind)[:32]))


_ID = "firestore.projects.databases.backupSchedules."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create_schedule,
    _ID + "list": list_schedules,
    _ID + "patch": patch_schedule,
    "firestore.projects.locations.backups.list": list_backups,
}
