"""Section C of the runbook, Railway: the volume with the sessions, the variables, the deployment."""

from __future__ import annotations

from datetime import timedelta

from ops.backups import VOLUME_COMMAND
from ops.readiness.context import Context
from ops.readiness.findings import counted, failed, passed, some
from ops.readiness.model import Finding
from railway.graphql.models import DeploymentView

SESSIONS = "SESSIONS_PATH"
VARIABLES = (
    "FIREBASE_SERVICE_ACCOUNT_JSON",
    "ADMIN_TOKEN",
    "WHATSAPP_SYNC_FULL_HISTORY",
    "WHATSAPP_BACKFILL_COUNT",
    "WHATSAPP_BACKFILL_THREADS",
    SESSIONS,
)
"""What the runbook names."""

FULLEST_PERCENT = 80
"""Above it the line fails: a full volume loses sessions, and a volume grows only while somebody looks."""

BACKUP_PERCENT = 50
"""Above it Railway refuses a manual backup (Railway docs, volumes/backups)."""

OLDEST_BACKUP = {"DAILY": timedelta(days=2), "WEEKLY": timedelta(days=8), "MONTHLY": timedelta(days=32)}
"""By schedule: its period, and a day for a backup that is late."""

WITHOUT_SCHEDULE = timedelta(days=7)
_MEGABYTES_PER_GIGABYTE = 1000  # as Railway counts (Railway docs, volumes)
_RESTORE = "docs/recovery.md says how a deleted volume is restored within 48 hours"


def volume_mounted(context: Context) -> Finding:
    """C1: the volume is mounted where SESSIONS_PATH says, with the declared size."""
    declared, volume = context.declared.volume, context.volume
    path, size = str(declared.get("mount_path")), int(declared.get("size_mb") or 0)
    if volume is None:
        seen = context.seen("Railway: the volume of the backend", "none")
        return failed("the backend has no volume: its sessions are lost at the next start", _RESTORE, seen)
    seen = context.seen(
        "Railway: the volume of the backend",
        f"{volume.label} at {volume.mount_path}, {volume.size_mb} MB, {volume.state}",
    )
    problems: list[str] = []
    if volume.volume_id != declared.get("id"):
        problems.append(f"it is {volume.label}, not {declared.get('id')}")
    if volume.mount_path.rstrip("/") != path.rstrip("/"):
        problems.append(f"it is mounted at {volume.mount_path}, not at {path}")
    if volume.size_mb < size:
        problems.append(f"it has {volume.size_mb} MB, not {size}")
    value = context.variables.get(SESSIONS)
    # A sealed variable cannot be read, and one that is missing is C4's failure.
    same = not value or value.rstrip("/") == volume.mount_path.rstrip("/")
    compared = context.seen(f"Railway: is {SESSIONS} {volume.mount_path}?", "yes" if same else "no")
    if not same:
        problems.append(f"{SESSIONS} is another path than {volume.mount_path}")
    if problems:
        return failed(some(problems), context.refresh, seen, compared)
    size_gb = volume.size_mb / _MEGABYTES_PER_GIGABYTE
    return passed(f"{size_gb:g} GB at {volume.mount_path}, which is {SESSIONS}", seen, compared)


def volume_space(context: Context) -> Finding:
    """C2: there is room on the volume."""
    volume = context.volume
    if volume is None:
        return failed("the backend has no volume", _RESTORE, follows=("C1",))
    used = context.used_mb(volume)
    percent = 100 * used / volume.size_mb
    found = f"{used:.0f} of {volume.size_mb} MB are used: {percent:.1f} %"
    seen = context.seen(f"Railway: the used size of {volume.label}", f"{used:g} MB")
    if percent > FULLEST_PERCENT:
        larger = round(2 * volume.size_mb / _MEGABYTES_PER_GIGABYTE)
        fix = f"pulumi config set whatsapp-crm:volumeSizeGb {larger} -s {context.name}\n{context.up}"
        return failed(f"{found}, more than {FULLEST_PERCENT} %", fix, seen)
    if percent > BACKUP_PERCENT:
        found += f"; above {BACKUP_PERCENT} %, Railway refuses a backup by hand"
    return passed(found, seen)


def last_backup(context: Context) -> Finding:
    """C3: the sessions can be restored as of a few days ago."""
    volume = context.volume
    if volume is None:
        return failed("the backend has no volume", _RESTORE, follows=("C1",))
    backups = context.backups(volume)
    kinds = context.declared.backup_kinds
    longest = min((OLDEST_BACKUP[kind] for kind in kinds if kind in OLDEST_BACKUP), default=WITHOUT_SCHEDULE)
    schedule = ", ".join(kinds) or "no schedule is declared"
    newest = backups[0].created_at if backups else None
    seen = context.seen(
        f"Railway: the backups of {volume.label} ({schedule})",
        f"{len(backups)}, the newest of {newest:%Y-%m-%d %H:%M} UTC" if newest else "none",
    )
    fix = (
        "In Railway's dashboard: the service, Backups, Create backup. To have one before each deployment:\n"
        f"{VOLUME_COMMAND} -s {context.name}\n"
        "For a schedule, set volumeBackups (docs/settings.md)."
    )
    if newest is None:
        return failed(f"there is no backup of the volume; {schedule}", fix, seen)
    age = context.now() - newest
    found = f"the last backup is {_age(age)} old; {schedule}"
    if age > longest:
        return failed(f"{found}; at most {_age(longest)}", fix, seen)
    return passed(found, seen)


def variables_set(context: Context) -> Finding:
    """C4: the variables that the runbook names have a value."""
    live = context.variables
    # None: a sealed variable, whose value Railway does not show.
    missing = [name for name in VARIABLES if live.get(name, "") == ""]
    seen = context.seen(
        f"Railway: which of {', '.join(VARIABLES)} are set?",
        f"all but {', '.join(missing)}" if missing else "all",
    )
    if missing:
        return failed(f"not set: {', '.join(missing)}", context.refresh, seen)
    return passed(f"all {len(VARIABLES)} are set, of {counted(len(live), 'variable')}", seen)


def newest_deployment(context: Context) -> Finding:
    """C5: the newest deployment, without those that Railway skipped, succeeded."""
    newest = next((one for one in context.deployments if one.status != "SKIPPED"), None)
    if newest is None:
        seen = context.seen("Railway: the newest deployment of the backend", "none")
        return failed("the backend was never deployed", context.up, seen)
    seen = context.seen(
        "Railway: the newest deployment of the backend",
        f"{newest.id}, {newest.status}, of {newest.created_at:%Y-%m-%d %H:%M} UTC",
    )
    if newest.successful:
        return passed(f"{newest.id} of {newest.created_at:%Y-%m-%d %H:%M} UTC is {newest.status}", seen)
    if newest.failed:
        return failed(
            _failure(context, newest), f"railway logs {newest.id}  # the reason\n{context.up}", seen
        )
    fix = f"wait until it is done:\n{context.again('--retry-until 30m')}"
    if newest.status == "NEEDS_APPROVAL":
        fix = f"approve it in Railway's dashboard\n{fix}"
    return failed(f"{newest.id} is {newest.status}", fix, seen, waiting=True)


def _failure(context: Context, deployment: DeploymentView) -> str:
    step, _ = context.once("failed step", lambda: context.api.failed_step(deployment.id))
    return f"{deployment.id} is {deployment.status}{f', in the step {step}' if step else ''}"


def _age(span: timedelta) -> str:
    hours = max(0, int(span.total_seconds() // 3600))
    return counted(hours, "hour") if hours < 48 else counted(hours // 24, "day")
