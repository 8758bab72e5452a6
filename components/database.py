"""The Firestore database: its protection against deletion, point-in-time recovery and backup schedules.

Runbook: the data of clients, threads and messages, which exists nowhere else.

The program imports the database by its name (the option `import`; the preview shows `import`), and updates
its protection in the same `up`. It creates one only if `createDatabase` is set. It never replaces one:
changes of what cannot change in place are ignored here, and `checkout.live_database` has reported them. The
database is protected (no operation deletes or replaces it) and retained (it stays when it is removed from the
program).

A backup schedule can be deleted: the backups that it made stay until they expire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.live_database import NATIVE
from components import already_exists
from components._base import Component, Resources
from settings.keys import NAMESPACE
from settings.model import GoogleSettings
from settings.rules import retention_seconds
from user_errors import add_fix

WEEKLY_DAY = "SUNDAY"
FIXED = ("location_id", "type", "database_edition", "cmek_config", "tags")
"""What cannot change in place."""
OUTDATED = re.compile(r"Error 4(09|12).*etag|etag.*ABORTED", re.IGNORECASE | re.DOTALL)
"""Google's answer to an etag that is not the current one (AIP-154)."""


async def name_the_setting(failed: pulumi.ErrorHookArgs) -> bool:
    """Log the fix if the database exists, or is not as the state has it; never repeats the operation.

    The plugin updates a database with the etag of the state. The database has another one if an `up` ended
    between the update and its record, or if another program changed the database.
    """
    stack = pulumi.get_stack()
    if failed.failed_operation == "update" and OUTDATED.search(failed.errors[0]):
        what = f"{failed.name}: the database has changed since the state of the stack {stack} was written."
        pulumi.log.error(add_fix(what, f"pulumi up --refresh -s {stack}"))
    if failed.failed_operation == "create" and already_exists.EXISTS.search(failed.errors[0]):
        what = f"{failed.name}: the database exists on Google, but not in the state of the stack {stack}."
        fix = (
            f"pulumi config rm {NAMESPACE}:createDatabase -s {stack}\n"
            f"pulumi up -s {stack}\n"
            "This `up` imports the database."
        )
        pulumi.log.error(add_fix(what, fix))
    return False


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """google: the database and its protection. after: what must exist before it is used."""

    google: GoogleSettings
    after: Resources


class Database(Component):
    """The database and its backup schedules. What uses Firestore depends on `database`.

    Example:
        args = DatabaseArgs(google=settings.google, after=apis.of("firestore"))
        database = Database("database", args)
        options = pulumi.ResourceOptions(depends_on=[database.database])
    """

    database: gcp.firestore.Database

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        google = args.google
        recovery = google.firestore_point_in_time_recovery
        ignored = FIXED if recovery is not None else (*FIXED, "point_in_time_recovery_enablement")
        path = f"projects/{google.project}/databases/{google.firestore_database}"
        self.database = gcp.firestore.Database(
            f"{name}-firestore",
            project=google.project,
            name=google.firestore_database,
            location_id=google.firestore_location,
            type=NATIVE,
            database_edition=google.firestore_edition,
            delete_protection_state=(
                "DELETE_PROTECTION_ENABLED"
                if google.firestore_delete_protection
                else "DELETE_PROTECTION_DISABLED"
            ),
            point_in_time_recovery_enablement=(
                "POINT_IN_TIME_RECOVERY_ENABLED" if recovery else "POINT_IN_TIME_RECOVERY_DISABLED"
            ),
            deletion_policy="ABANDON",
            opts=self.child(
                depends_on=args.after,
                protect=True,
                retain_on_delete=True,
                import_=None if google.create_database else path,
                ignore_changes=list(ignored),
                hooks=pulumi.ResourceHookBinding(
                    on_error=[pulumi.ErrorHook(f"{name}-exists", name_the_setting)]
                ),
            ),
        )
        for kind, retention in sorted(google.firestore_backups.items()):
            self._schedule(name, google, kind, retention)
        self.register_outputs({"database_id": self.database.id})

    def _schedule(self, name: str, google: GoogleSettings, kind: str, retention: str) -> None:
        weekly = kind == "WEEKLY"
        gcp.firestore.BackupSchedule(
            f"{name}-backups-{kind.lower()}",
            project=google.project,
            database=google.firestore_database,
            retention=f"{retention_seconds(retention)}s",
            daily_recurrence=None if weekly else {},
            weekly_recurrence={"day": WEEKLY_DAY} if weekly else None,
            opts=self.child(depends_on=[self.database], hooks=already_exists.hooks(f"{name}-{kind.lower()}")),
        )
