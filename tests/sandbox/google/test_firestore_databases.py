"""Databases with their protection, backup schedules, and backups."""

from __future__ import annotations

import time

import pytest

from tests.sandbox.google.client import DATABASE, PROJECT, Google, Json

pytestmark = pytest.mark.sandbox

DATABASES = f"/firestore/v1/projects/{PROJECT}/databases"
SCHEDULES = f"{DATABASE}/backupSchedules"
BACKUPS = f"/firestore/v1/projects/{PROJECT}/locations/-/backups"
DAILY: Json = {"retention": "604800s", "dailyRecurrence": {}}
WEEKLY: Json = {"retention": "8467200s", "weeklyRecurrence": {"day": "SUNDAY"}}
RECOVERY = "pointInTimeRecoveryEnablement"
PROTECTION = "deleteProtectionState"


def patch(google: Google, path: str = DATABASE, **changes: str) -> Json:
    """Change a database; return it."""
    google.patch(f"{path}?updateMask={','.join(changes)}", changes)
    return google.get(path)


def test_a_new_database_has_no_protection_and_no_recovery(google: Google) -> None:
    google.post(f"{DATABASES}?databaseId=second", {"locationId": "eur3", "type": "FIRESTORE_NATIVE"})
    found = google.get(f"{DATABASES}/second")
    assert found["locationId"] == "eur3"
    assert found[PROTECTION] == "DELETE_PROTECTION_DISABLED"
    assert found[RECOVERY] == "POINT_IN_TIME_RECOVERY_DISABLED"
    assert found["versionRetentionPeriod"] == "3600s"
    listed = google.get(DATABASES)["databases"]
    assert sorted(one["name"].rpartition("/")[2] for one in listed) == ["(default)", "second"]


def test_recovery_keeps_versions_for_seven_days(google: Google) -> None:
    found = patch(google, **{RECOVERY: "POINT_IN_TIME_RECOVERY_ENABLED"})
    assert found["versionRetentionPeriod"] == "604800s"
    assert found["earliestVersionTime"] < google.get(DATABASE)["updateTime"]
    found = patch(google, **{RECOVERY: "POINT_IN_TIME_RECOVERY_DISABLED"})
    assert found["versionRetentionPeriod"] == "3600s"


def test_a_protected_database_cannot_be_deleted(google: Google) -> None:
    patch(google, **{PROTECTION: "DELETE_PROTECTION_ENABLED"})
    google.error("DELETE", DATABASE, status=400, word="FAILED_PRECONDITION")
    patch(google, **{PROTECTION: "DELETE_PROTECTION_DISABLED"})
    google.delete(DATABASE)
    google.error("GET", DATABASE, status=404, word="NOT_FOUND")


@pytest.mark.parametrize(("name", "value"), [("locationId", "eur3"), ("databaseEdition", "ENTERPRISE")])
def test_location_and_edition_cannot_change(google: Google, name: str, value: str) -> None:
    google.error("PATCH", f"{DATABASE}?updateMask={name}", {name: value}, status=400, word="INVALID_ARGUMENT")


def test_a_schedule_is_named_by_the_server_and_keeps_its_recurrence(google: Google) -> None:
    daily, weekly = google.post(SCHEDULES, DAILY), google.post(SCHEDULES, WEEKLY)
    assert daily["name"].startswith(f"projects/{PROJECT}/databases/(default)/backupSchedules/")
    assert google.get(SCHEDULES)["backupSchedules"] == [daily, weekly]
    path = f"/firestore/v1/{daily['name']}"
    changed = google.patch(f"{path}?updateMask=retention", {"retention": "86400s"})
    assert (changed["retention"], changed["dailyRecurrence"]) == ("86400s", {})
    google.delete(path)
    assert google.get(SCHEDULES)["backupSchedules"] == [weekly]


@pytest.mark.parametrize("body", [DAILY, WEEKLY])
def test_a_database_has_one_schedule_of_each_recurrence(google: Google, body: Json) -> None:
    google.post(SCHEDULES, body)
    google.error("POST", SCHEDULES, {**body, "retention": "86400s"}, status=409, word="ALREADY_EXISTS")


@pytest.mark.parametrize(
    "body",
    [
        {"retention": "604800s"},
        {**DAILY, **WEEKLY},
        {**DAILY, "retention": "8467201s"},
        {**DAILY, "retention": "0s"},
        {"dailyRecurrence": {}},
        {**WEEKLY, "weeklyRecurrence": {}},
    ],
)
def test_an_invalid_schedule_is_rejected(google: Google, body: Json) -> None:
    google.error("POST", SCHEDULES, body, status=400, word="INVALID_ARGUMENT")


def test_a_backup_expires_after_the_retention_of_its_schedule(google: Google) -> None:
    google.post(SCHEDULES, DAILY)
    google.post(SCHEDULES, {**WEEKLY, "retention": "1s"})
    assert len(google.post("/admin/firestore/backups")["backups"]) == 2
    deadline = time.monotonic() + 30
    while len(google.get(BACKUPS)["backups"]) == 2:
        assert time.monotonic() < deadline
    (backup,) = google.get(BACKUPS)["backups"]
    assert backup["database"] == f"projects/{PROJECT}/databases/(default)"
    assert backup["name"].startswith(f"projects/{PROJECT}/locations/nam5/backups/")
    assert google.get(f"/firestore/v1/{backup['name']}") == backup


def test_backups_survive_their_schedule_and_their_database(google: Google) -> None:
    schedule = google.post(SCHEDULES, DAILY)
    google.post("/admin/firestore/backups")
    google.delete(f"/firestore/v1/{schedule['name']}")
    google.delete(DATABASE)
    (backup,) = google.get(BACKUPS)["backups"]
    google.delete(f"/firestore/v1/{backup['name']}")
    assert google.get(BACKUPS) == {}


def test_these_lists_take_no_page_size(google: Google) -> None:
    for path in (SCHEDULES, BACKUPS):
        google.error("GET", f"{path}?pageSize=10", status=400, word="INVALID_ARGUMENT")
