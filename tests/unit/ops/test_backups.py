"""`python -m ops backups`: what is listed of both clouds, with age, expiry and the way to restore it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from firebase.errors import JsonObject
from firebase.rest import GoogleApi
from ops import __main__ as command
from ops import backups, stack
from railway.graphql.api import RailwayApi
from railway.graphql.models import BackupView, VolumeView

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DATABASE = "projects/crm/databases/(default)"
DAILY = "projects/crm/locations/eur3/backups/one"
STATE: list[JsonObject] = [
    {"type": "pulumi:pulumi:Stack"},
    {
        "type": backups.DATABASE,
        "id": DATABASE,
        "outputs": {"project": "crm", "name": "(default)"},
    },
    {
        "type": backups.VOLUME,
        "id": "volume-1",
        "outputs": {"project_id": "p", "environment_id": "e", "volume_name": "sessions"},
    },
]


class Google(GoogleApi):
    """Answers by path; a list takes no parameters."""

    def __init__(self, answers: Mapping[str, JsonObject]) -> None:
        super().__init__(environ={})
        self.answers = answers

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        assert (method, product) == ("GET", "firestore")
        assert not rest.get("params"), "these lists have no pages"
        return self.answers[path]


class Railway:
    """A project with one volume."""

    def __init__(self, made: Sequence[BackupView] = (), *, deleted: bool = False) -> None:
        self.made, self.deleted = list(made), deleted

    def current_volumes(self, project_id: str, environment_id: str) -> list[VolumeView]:
        assert (project_id, environment_id) == ("p", "e")
        return [
            VolumeView(
                instance_id="instance-1",
                volume_id="volume-1",
                name="sessions",
                service_id="service-1",
                mount_path="/app/sessions",
                region="",
                size_mb=50000,
                state="READY",
                deleted=self.deleted,
            )
        ]

    def backup_kinds(self, volume_instance_id: str) -> list[str]:
        return ["DAILY"] if volume_instance_id == "instance-1" else []

    def backups(self, volume_instance_id: str) -> list[BackupView]:
        assert volume_instance_id == "instance-1"
        return self.made


def google(**changes: Any) -> Google:
    """A database with recovery, both schedules, and one backup."""
    backup = {
        "name": DAILY,
        "database": DATABASE,
        "snapshotTime": "2026-11-30T02:00:00.123456789Z",
        "expireTime": "2026-12-07T02:00:00Z",
        "state": "READY",
    }
    live = {
        "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
        "earliestVersionTime": "2026-11-23T12:00:00Z",
    }
    schedules = [
        {"name": f"{DATABASE}/backupSchedules/a", "retention": "604800s", "dailyRecurrence": {}},
        {
            "name": f"{DATABASE}/backupSchedules/b",
            "retention": "8467200s",
            "weeklyRecurrence": {"day": "SUNDAY"},
        },
    ]
    other = {**backup, "name": f"{DAILY}-of-another", "database": f"{DATABASE}-other"}
    answers: dict[str, JsonObject] = {
        DATABASE: live,
        f"{DATABASE}/backupSchedules": {"backupSchedules": schedules},
        "projects/crm/locations/-/backups": {"backups": [backup, other]},
    }
    return Google({**answers, **changes})


def report(api: GoogleApi, railway: Railway) -> list[str]:
    """The report's lines."""
    found = list(backups.stores(STATE, api, cast("RailwayApi", railway)))
    return list(backups.lines(found, NOW))


def test_the_backups_of_both_clouds_are_listed_with_age_and_expiry() -> None:
    made = [
        BackupView("b2", "before-deploy-1a2b3c", NOW - timedelta(minutes=20), None, 3),
        BackupView("b1", "Daily", NOW - timedelta(days=3), NOW + timedelta(days=3), 3),
    ]
    assert report(google(), Railway(made)) == [
        "Firestore (default) of crm",
        "  point-in-time recovery: on, versions since 2026-11-23 12:00 UTC",
        "  schedule: DAILY, kept for 7 days",
        "  schedule: WEEKLY (Sunday), kept for 98 days",
        f"  2026-11-30 02:00 UTC  9 h old  expires in 6 days  READY  {DAILY}",
        (
            f"  restore the newest: gcloud firestore databases restore --project=crm --source-backup={DAILY} "
            "--destination-database=<a new id>"
        ),
        "    A backup is restored into a new database, never into an existing one.",
        "Railway volume sessions (volume-1)",
        "  schedule: DAILY",
        "  2026-11-30 11:40 UTC  20 min old  does not expire  before-deploy-1a2b3c",
        "  2026-11-27 12:00 UTC  3 days old  expires in 3 days  Daily",
        (
            "  restore the newest: in Railway's dashboard: the service, Backups, the backup "
            "before-deploy-1a2b3c, Restore; then Deploy"
        ),
        (
            "    Railway attaches a new volume with its data, deletes newer backups, and keeps the old one. "
            "Before the next `pulumi up`: docs/recovery.md, Restore the volume from a backup."
        ),
    ]


def test_what_has_no_backup_says_how_to_get_one() -> None:
    live: JsonObject = {"pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED"}
    none: dict[str, JsonObject] = {
        DATABASE: live,
        f"{DATABASE}/backupSchedules": {},
        "projects/crm/locations/-/backups": {},
    }
    assert report(google(**none), Railway()) == [
        "Firestore (default) of crm",
        "  point-in-time recovery: off",
        "  no backups",
        "    fix: pulumi config set --path --type string 'whatsapp-crm:firestoreBackups.DAILY' 7d",
        "         pulumi up",
        "Railway volume sessions (volume-1)",
        "  schedule: DAILY",
        "  no backups",
        "    fix: pulumi config set whatsapp-crm:backupBeforeDeploy true",
        "         pulumi up",
    ]


@pytest.mark.parametrize(("states", "restored"), [(("CREATING", "READY"), "b"), (("CREATING",), None)])
def test_only_a_complete_backup_is_restored(states: tuple[str, ...], restored: str | None) -> None:
    made = [
        {"name": name, "database": DATABASE, "snapshotTime": f"2026-11-{day}T02:00:00Z", "state": state}
        for name, day, state in zip("ab", (30, 29), states, strict=False)
    ]
    shown = report(google(**{"projects/crm/locations/-/backups": {"backups": made}}), Railway())
    commands = [line for line in shown if "databases restore" in line]
    assert [f"--source-backup={restored} " in line for line in commands] == [True] * bool(restored)


def test_the_token_may_be_in_the_stacks_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the other commands, and as the error without a token says."""
    for name in ("RAILWAY_API_TOKEN", "RAILWAY_TOKEN", "RAILWAY_API_URL"):
        monkeypatch.delenv(name, raising=False)
    config = {"railway:token": "3a8beb4c-00ad-4ad3-afd9-1713592bd130"}
    monkeypatch.setattr(stack, "config", lambda name: config if name == "prod" else {})
    listed: list[str] = []
    monkeypatch.setattr(backups, "run", lambda name, *_: listed.append(name))
    assert command.main(["backups", "--stack", "prod"]) == 0
    assert listed == ["prod"]


def test_a_location_that_could_not_be_listed_is_named() -> None:
    unread = {"projects/crm/locations/-/backups": {"unreachable": ["projects/crm/locations/nam5"]}}
    assert "  backups in projects/crm/locations/nam5 could not be listed" in report(
        google(**unread), Railway()
    )


def test_a_deleted_volume_is_named_with_the_page_that_helps() -> None:
    shown = report(google(), Railway(deleted=True))
    assert "  it is deleted on Railway, which keeps its data for 48 hours: docs/recovery.md" in shown
