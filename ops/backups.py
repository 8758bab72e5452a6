"""The backups of a stack's data in both clouds: `python -m ops backups --stack NAME`. It reads only.

Firestore's backups and schedules, and its point-in-time recovery; the backups of the volume on Railway. Each
has its age, its expiry, and the command or the steps that restore it. docs/recovery.md has what follows a
restore.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from firebase.errors import JsonObject
from firebase.rest import GoogleApi
from ops import stack
from railway.graphql.api import RailwayApi
from railway.graphql.models import BackupView
from user_errors import add_fix

DATABASE = "gcp:firestore/database:Database"
VOLUME = "pulumi-python:dynamic/railway:Volume"
COMPLETE = ("", "READY")
"""The states of a backup that can be restored; Railway names none (Firestore Admin API, `Backup.State`)."""
RECOVERY = "POINT_IN_TIME_RECOVERY_ENABLED"
BACKUP_COMMAND = "pulumi config set --path --type string 'whatsapp-crm:firestoreBackups.DAILY' 7d"
VOLUME_COMMAND = "pulumi config set whatsapp-crm:backupBeforeDeploy true"


@dataclass(frozen=True, kw_only=True)
class Backup:
    """One backup. `note`: its state in the cloud. `expires` None: it is kept until it is deleted."""

    id: str
    note: str
    taken: datetime
    expires: datetime | None


@dataclass(frozen=True, kw_only=True)
class Store:
    """What is backed up, and its backups.

    Args:
        title: the cloud and the object.
        notes: what makes backups, one line each.
        backups: the newest first.
        restore: how one of them is restored; `{backup}` stands for its id.
        fix: what to do if there is none.
    """

    title: str
    notes: Sequence[str]
    backups: Sequence[Backup]
    restore: Sequence[str]
    fix: str


def stores(state: Sequence[JsonObject], api: GoogleApi, railway: RailwayApi) -> Iterator[Store]:
    """The stores of a stack's state.

    Args:
        state: the resources of the stack's state.
        api: the client of Google.
        railway: the client of Railway.

    Raises:
        GoogleError: Google could not be read.
        RailwayError: Railway could not be read.
    """
    for resource in state:
        outputs = cast("JsonObject", resource.get("outputs") or {})
        if resource.get("type") == DATABASE and not resource.get("delete"):
            yield _database(api, str(outputs["project"]), str(outputs["name"]))
        elif resource.get("type") == VOLUME and not resource.get("delete"):
            yield _volume(railway, str(resource["id"]), outputs)


def _database(api: GoogleApi, project: str, database_id: str) -> Store:
    name = f"projects/{project}/databases/{database_id}"

    def read(path: str) -> JsonObject:
        # These two lists have no pages: Firestore rejects a page size.
        return api.call("GET", "firestore", path, operation=f"read {path}", repeatable=True)

    live = read(name)
    schedules = cast("list[JsonObject]", read(f"{name}/backupSchedules").get("backupSchedules") or [])
    listed = read(f"projects/{project}/locations/-/backups")
    unread = cast("list[str]", listed.get("unreachable") or [])
    recovery = live.get("pointInTimeRecoveryEnablement") == RECOVERY
    backups = [
        Backup(
            id=str(one["name"]),
            note=str(one.get("state", "")),
            taken=_time(one["snapshotTime"]),
            expires=_time(one["expireTime"]) if one.get("expireTime") else None,
        )
        for one in cast("list[JsonObject]", listed.get("backups") or [])
        if one.get("database") == name
    ]
    earliest = live.get("earliestVersionTime")
    notes = [
        f"point-in-time recovery: {'on' if recovery else 'off'}"
        + (f", versions since {_shown(_time(earliest))}" if earliest else ""),
        *sorted(f"schedule: {_schedule(one)}" for one in schedules),
        *(f"backups in {location} could not be listed" for location in unread),
    ]
    return Store(
        title=f"Firestore {database_id} of {project}",
        notes=notes,
        backups=sorted(backups, key=lambda one: one.taken, reverse=True),
        restore=(
            (
                f"gcloud firestore databases restore --project={project} --source-backup={{backup}} "
                "--destination-database=<a new id>"
            ),
            "A backup is restored into a new database, never into an existing one.",
        ),
        fix=BACKUP_COMMAND,
    )


def _schedule(schedule: JsonObject) -> str:
    days = int(str(schedule.get("retention", "0s")).removesuffix("s").partition(".")[0]) // 86_400
    weekly = cast("JsonObject | None", schedule.get("weeklyRecurrence"))
    when = "DAILY" if weekly is None else f"WEEKLY ({str(weekly.get('day', '')).capitalize()})"
    return f"{when}, kept for {days} days"


def _volume(railway: RailwayApi, volume_id: str, outputs: Mapping[str, object]) -> Store:
    place = str(outputs["project_id"]), str(outputs["environment_id"])
    volume = next((one for one in railway.current_volumes(*place) if one.volume_id == volume_id), None)
    title = f"Railway volume {outputs.get('volume_name')} ({volume_id})"
    if volume is None or volume.deleted:
        gone = "it is deleted on Railway, which keeps its data for 48 hours: docs/recovery.md"
        return Store(title=title, notes=[gone], backups=[], restore=(), fix=VOLUME_COMMAND)
    kinds = railway.backup_kinds(volume.instance_id)
    return Store(
        title=title,
        notes=[f"schedule: {', '.join(kinds)}"] if kinds else ["schedule: none"],
        backups=[_of_volume(one) for one in railway.backups(volume.instance_id)],
        restore=(
            "in Railway's dashboard: the service, Backups, the backup {backup}, Restore; then Deploy",
            (
                "Railway attaches a new volume with its data, deletes newer backups, and keeps the old one. "
                "Before the next `pulumi up`: docs/recovery.md, Restore the volume from a backup."
            ),
        ),
        fix=VOLUME_COMMAND,
    )


def _of_volume(backup: BackupView) -> Backup:
    return Backup(id=backup.name or backup.id, note="", taken=backup.created_at, expires=backup.expires_at)


def lines(found: Sequence[Store], now: datetime) -> Iterator[str]:
    """The report, line by line.

    Args:
        found: the stores.
        now: the time from which ages are counted.
    """
    for store in found:
        yield store.title
        yield from (f"  {note}" for note in store.notes)
        if not store.backups:
            yield from add_fix("  no backups", f"{store.fix}\npulumi up", "    ").splitlines()
            continue
        for one in store.backups:
            expiry = f"expires in {_span(one.expires - now)}" if one.expires else "does not expire"
            state = f"  {one.note}" if one.note else ""
            yield f"  {_shown(one.taken)}  {_span(now - one.taken)} old  {expiry}{state}  {one.id}"
        complete = next((one for one in store.backups if one.note in COMPLETE), None)
        if complete is not None:
            command, *notes = store.restore
            yield f"  restore the newest: {command.format(backup=complete.id)}"
            yield from (f"    {note}" for note in notes)


def run(name: str, api: GoogleApi, railway: RailwayApi, say: Callable[[str], object]) -> None:
    """Report the backups of a stack.

    Args:
        name: the stack.
        api: the client of Google.
        railway: the client of Railway.
        say: prints a line.

    Raises:
        StackError: there is no Pulumi CLI, no such stack, or nothing in its state that is backed up.
        GoogleError: Google could not be read.
        RailwayError: Railway could not be read.
    """
    found = list(stores(stack.resources(name), api, railway))
    if not found:
        what = f"the state of the stack {name} has neither a Firestore database nor a volume"
        raise stack.StackError(what, f"pulumi up --stack {name}")
    for line in lines(found, datetime.now(UTC)):
        say(line)


def _time(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _span(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
