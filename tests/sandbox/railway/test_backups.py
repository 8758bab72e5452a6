"""Backups of a volume: the workflow of a manual one, its limit, and those of schedules."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.railway.client import Railway, Stack

pytestmark = pytest.mark.sandbox


@pytest.fixture
def instance(stack: Stack) -> str:
    """The id of a volume in its environment."""
    stack.volume()
    (row,) = stack.railway.get("state")["volume_instances"].values()
    return row["id"]


def made(railway: Railway, instance: str, **variables: Any) -> str | None:
    """Start a backup; return the id of its workflow."""
    return railway.ok("BackupCreate", id=instance, **variables)["workflowId"]


def test_a_backup_is_listed_when_its_workflow_has_ended(railway: Railway, instance: str) -> None:
    railway.switch(backup_seconds=60)
    workflow = made(railway, instance, label="before")
    assert railway.ok("Workflow", id=workflow) == {"status": "Running", "error": None}
    assert railway.ok("Backups", id=instance) == []
    railway.wait(60)
    assert railway.ok("Workflow", id=workflow) == {"status": "Complete", "error": None}
    (backup,) = railway.ok("Backups", id=instance)
    assert (backup["name"], backup["expiresAt"], backup["scheduleId"]) == ("before", None, None)
    assert backup["volumeInstanceSizeMB"] == 50_000


def test_every_call_makes_a_backup_also_with_the_same_name(railway: Railway, instance: str) -> None:
    railway.switch(backup_seconds=0)
    for _ in range(2):
        made(railway, instance, label="before")
    made(railway, instance)
    names = [backup["name"] for backup in railway.ok("Backups", id=instance)]
    assert sorted(names) == ["Manual", "before", "before"]


def test_a_backup_that_fails_is_not_listed(railway: Railway, instance: str) -> None:
    railway.switch(backup_error="Out of space", backup_seconds=0)
    workflow = made(railway, instance)
    assert railway.ok("Workflow", id=workflow) == {"status": "Error", "error": "Out of space"}
    assert railway.ok("Backups", id=instance) == []


def test_the_id_of_the_workflow_may_be_null(railway: Railway, instance: str) -> None:
    railway.switch(backup_workflow_id="null", backup_seconds=0)
    assert made(railway, instance) is None
    assert len(railway.ok("Backups", id=instance)) == 1


def test_a_volume_that_is_not_mounted_is_not_backed_up(railway: Railway, stack: Stack, instance: str) -> None:
    (volume,) = railway.get("state")["volumes"]
    place = {"volumeId": volume, "environmentId": stack.environment}
    railway.ok("VolumeInstanceUpdate", **place, input={"serviceId": None})
    assert "not mounted" in railway.fails("BackupCreate", id=instance)


def test_a_manual_backup_has_at_most_half_of_the_volumes_size(
    railway: Railway, stack: Stack, instance: str
) -> None:
    assert railway.get("switches")["backup_limit"] == 0.5
    (volume,) = railway.get("state")["volumes"]
    railway.post(f"volumes/{volume}/files", data="x" * 6_000)
    railway.switch(backup_limit=0.0000001)  # of 50 GB: 5 kB
    assert "of the volume size" in railway.fails("BackupCreate", id=instance)
    railway.post(f"volumes/{volume}/files", data="x" * 4_000)
    made(railway, instance)
    assert stack.service


def test_backups_of_schedules_expire(railway: Railway, stack: Stack, instance: str) -> None:
    railway.ok("BackupSchedule", id=instance, kinds=["DAILY", "WEEKLY"])
    (volume,) = railway.get("state")["volumes"]
    assert railway.post(f"volumes/{volume}/backups") == {"made": 2}
    shown = railway.ok("Backups", id=instance)
    assert {backup["name"] for backup in shown} == {"Daily", "Weekly"}
    assert all(backup["scheduleId"] for backup in shown)
    railway.wait(6 * 86_400 + 1)
    assert [backup["name"] for backup in railway.ok("Backups", id=instance)] == ["Weekly"]
    assert stack.environment


def test_a_project_token_of_another_environment_sees_no_backup(railway: Railway, instance: str) -> None:
    stranger = railway.with_headers({"Authorization": "Bearer nobody"})
    assert stranger.fails("Backups", id=instance) == "Not Authorized"
    assert stranger.fails("BackupCreate", id=instance) == "Not Authorized"


def test_backups_become_older_and_expire_earlier(railway: Railway, instance: str) -> None:
    railway.ok("BackupSchedule", id=instance, kinds=["DAILY"])
    railway.post(f"volumes/{instance}/backups")
    railway.switch(backup_seconds=0)
    made(railway, instance)

    def ages() -> list[datetime]:
        return [datetime.fromisoformat(one["createdAt"]) for one in railway.ok("Backups", id=instance)]

    before = ages()
    assert railway.post(f"volumes/{instance}/backups/age", seconds=5 * 86_400) == {"aged": 2}
    assert ages() == [at - timedelta(days=5) for at in before]
    railway.post(f"volumes/{instance}/backups/age", seconds=2 * 86_400)
    assert [one["name"] for one in railway.ok("Backups", id=instance)] == ["Manual"]
