"""Volumes: names, sizes, attachment, and deletion without loss."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.railway.client import SESSIONS, Railway, Stack, nodes

pytestmark = pytest.mark.sandbox


def row(stack: Stack) -> dict[str, Any]:
    """Return the only volume's instance."""
    (found,) = nodes(stack.read()["environment"]["volumeInstances"])
    return found


def resize(railway: Railway, stack: Stack, volume: str, size: Any) -> Any:
    return railway.reply("PatchCommit", e=stack.environment, patch={"volumes": {volume: {"sizeMB": size}}})


@pytest.mark.parametrize(("plan", "size"), [("trial", 500), ("hobby", 5_000), ("pro", 50_000)])
def test_the_default_size_depends_on_the_plan(railway: Railway, stack: Stack, plan: str, size: int) -> None:
    railway.switch(plan=plan)
    volume = stack.volume()
    assert row(stack)["sizeMB"] == size
    assert row(stack)["volume"]["name"].startswith("volume-")
    assert row(stack)["volumeId"] == volume


def test_an_instance_becomes_visible_late_and_is_updating_before_ready(
    railway: Railway, stack: Stack
) -> None:
    railway.switch(volume_delay_seconds=30)
    input_ = {"projectId": stack.project, "mountPath": SESSIONS, **stack.ids}
    made = railway.ok("VolumeCreate", input=input_)
    assert made["volumeInstances"]["edges"] == []
    assert nodes(stack.read()["environment"]["volumeInstances"]) == []
    update = {"volumeId": made["id"], "environmentId": stack.environment, "input": {"mountPath": "/x"}}
    assert railway.fails("VolumeInstanceUpdate", **update) == "VolumeInstance not found"
    railway.wait(31)
    assert row(stack)["state"] == "UPDATING"
    railway.wait(31)
    assert row(stack)["state"] == "READY"
    assert railway.ok("VolumeInstance", id=row(stack)["id"])["mountPath"] == SESSIONS


def test_a_second_volume_on_a_service_is_rejected(railway: Railway, stack: Stack) -> None:
    stack.volume()
    input_ = {"projectId": stack.project, "mountPath": "/other", **stack.ids}
    assert "already has a volume" in railway.fails("VolumeCreate", input=input_)
    loose = railway.ok("VolumeCreate", input={**input_, "serviceId": None})["id"]
    railway.wait()
    update = {"volumeId": loose, "environmentId": stack.environment}
    assert "already has a volume" in railway.fails(
        "VolumeInstanceUpdate", **update, input={"serviceId": stack.service}
    )


def test_volume_names_are_unique(railway: Railway, stack: Stack) -> None:
    first = stack.volume()
    railway.ok("VolumeRename", volumeId=first, input={"name": "sessions"})
    second = railway.ok(
        "VolumeCreate",
        input={"projectId": stack.project, "mountPath": "/x", "environmentId": stack.environment},
    )["id"]
    assert (
        railway.fails("VolumeRename", volumeId=second, input={"name": "sessions"})
        == "Volume name already exists"
    )


def test_an_empty_region_ends_in_a_504(railway: Railway, stack: Stack) -> None:
    input_ = {"projectId": stack.project, "mountPath": SESSIONS, **stack.ids, "region": ""}
    answer = railway.reply("VolumeCreate", input=input_)
    assert (answer.status_code, answer.text) == (504, "error code: 504")
    assert nodes(stack.read()["project"]["volumes"]) == []


def test_environment_id_null_means_none_and_missing_means_all(railway: Railway, stack: Stack) -> None:
    other = railway.ok("EnvironmentCreate", input={"projectId": stack.project, "name": "staging"})["id"]
    input_ = {"projectId": stack.project, "mountPath": SESSIONS}
    nowhere = railway.ok("VolumeCreate", input={**input_, "environmentId": None})["id"]
    everywhere = railway.ok("VolumeCreate", input=input_)["id"]
    railway.wait()
    for place in (stack.environment, other):
        seen = railway.ok("SnapshotRead", projectId=stack.project, environmentId=place)
        assert [v["volumeId"] for v in nodes(seen["environment"]["volumeInstances"])] == [everywhere]
        assert {v["id"] for v in nodes(seen["project"]["volumes"])} == {nowhere, everywhere}


def test_a_mount_path_is_absolute(railway: Railway, stack: Stack) -> None:
    input_ = {"projectId": stack.project, "mountPath": "sessions", **stack.ids}
    assert "must start with /" in railway.fails("VolumeCreate", input=input_)


def test_a_plan_limits_the_volumes_of_a_project(railway: Railway, stack: Stack) -> None:
    railway.switch(plan="free")
    stack.volume()
    input_ = {"projectId": stack.project, "mountPath": "/x", "environmentId": stack.environment}
    assert "at most 1" in railway.fails("VolumeCreate", input=input_)


def test_an_update_without_service_detaches(railway: Railway, stack: Stack) -> None:
    volume = stack.volume()
    where = {"volumeId": volume, "environmentId": stack.environment}
    railway.ok("VolumeInstanceUpdate", **where, input={"mountPath": "/data"})
    assert (row(stack)["mountPath"], row(stack)["serviceId"]) == ("/data", None)
    railway.ok("VolumeInstanceUpdate", **where, input={"serviceId": stack.service})
    assert (row(stack)["mountPath"], row(stack)["serviceId"]) == ("/data", stack.service)


def test_an_update_without_service_keeps_the_service_if_the_switch_is_set(
    railway: Railway, stack: Stack
) -> None:
    railway.switch(volume_update_without_service_detaches=False)
    volume = stack.volume()
    where = {"volumeId": volume, "environmentId": stack.environment}
    railway.ok("VolumeInstanceUpdate", **where, input={"mountPath": "/data"})
    assert (row(stack)["mountPath"], row(stack)["serviceId"]) == ("/data", stack.service)


def test_moving_a_volume_deploys_or_not(railway: Railway, stack: Stack) -> None:
    stack.connect()
    volume = stack.volume()
    stack.deployed()
    where = {"volumeId": volume, "environmentId": stack.environment}
    railway.ok("VolumeInstanceUpdate", **where, input={"mountPath": "/a", "serviceId": stack.service})
    assert railway.deployments == 1
    railway.switch(volume_update_deploys=True)
    railway.ok("VolumeInstanceUpdate", **where, input={"mountPath": "/b", "serviceId": stack.service})
    assert railway.deployments == 2


def test_the_size_grows_by_a_config_patch_and_deploys_nothing(railway: Railway, stack: Stack) -> None:
    stack.connect()
    volume = stack.volume()
    stack.deployed()
    railway.switch(resize_seconds=30)
    resize(railway, stack, volume, 60_000)
    assert (row(stack)["sizeMB"], row(stack)["state"]) == (50_000, "UPDATING")
    railway.wait(30)
    assert (row(stack)["sizeMB"], row(stack)["state"]) == (60_000, "READY")
    assert railway.deployments == 1


def test_the_size_patch_is_ignored_if_the_switch_is_set(railway: Railway, stack: Stack) -> None:
    railway.switch(size_patch="ignored")
    assert "errors" not in resize(railway, stack, stack.volume(), 60_000).json()
    railway.wait()
    assert row(stack)["sizeMB"] == 50_000


def test_shrinking_is_rejected(railway: Railway, stack: Stack) -> None:
    railway.switch(shrink_message="Volumes can only grow")
    answer = resize(railway, stack, stack.volume(), 40_000).json()
    assert answer["errors"][0]["message"] == "Volumes can only grow"
    assert row(stack)["sizeMB"] == 50_000


def test_shrinking_fails_later_if_the_switch_is_set(railway: Railway, stack: Stack) -> None:
    railway.switch(shrink_response="async")
    assert "errors" not in resize(railway, stack, stack.volume(), 40_000).json()
    railway.wait()
    patch = nodes(railway.ok("Patches", e=stack.environment))[0]
    assert patch["lastAppliedError"] == "Volume size cannot be decreased"
    assert row(stack)["sizeMB"] == 50_000


@pytest.mark.parametrize("size", ["60000", 0, True, 2_000_000])
def test_a_size_must_be_a_number_within_the_plans_limit(railway: Railway, stack: Stack, size: Any) -> None:
    assert resize(railway, stack, stack.volume(), size).json()["errors"]
    assert row(stack)["sizeMB"] == 50_000


def test_the_dashboard_moves_a_volume_with_its_service_and_settings_move_the_service_alone(
    railway: Railway, stack: Stack
) -> None:
    volume, away, here = stack.volume(), "europe-west4-drams3a", "us-west2"
    railway.post(f"volumes/{volume}/files", a="text")
    stack.settings(region=away)
    assert (stack.instance()["region"], row(stack)["region"]) == (away, here)
    railway.post(f"volumes/{volume}/move", region="us-east4-eqdc4a")
    assert (stack.instance()["region"], row(stack)["region"]) == ("us-east4-eqdc4a", "us-east4-eqdc4a")
    assert railway.get(f"volumes/{volume}/files") == {stack.environment: {"a": "text"}}


def test_delete_marks_the_volume_and_keeps_its_name_for_48_hours(railway: Railway, stack: Stack) -> None:
    volume = stack.volume()
    railway.ok("VolumeRename", volumeId=volume, input={"name": "sessions"})
    railway.post(f"volumes/{volume}/files", a="text")
    railway.ok("VolumeDelete", volumeId=volume)
    gone = row(stack)
    assert (gone["isPendingDeletion"], gone["state"], gone["deletedAt"]) == (True, "DELETING", None)
    second = stack.volume()
    assert (
        railway.fails("VolumeRename", volumeId=second, input={"name": "sessions"})
        == "Volume name already exists"
    )
    assert railway.get(f"volumes/{volume}/files")[stack.environment] == {"a": "text"}
    railway.wait(49 * 3600)
    assert row(stack)["volumeId"] == second
    railway.ok("VolumeRename", volumeId=second, input={"name": "sessions"})
    assert railway.get(f"volumes/{volume}/files")[stack.environment] == {}


def test_delete_sets_deleted_at_if_the_switch_is_set(railway: Railway, stack: Stack) -> None:
    railway.switch(volume_delete_style="deleted_at")
    railway.ok("VolumeDelete", volumeId=stack.volume())
    assert row(stack)["deletedAt"] is not None
    assert row(stack)["state"] == "DELETING"


def test_a_deleted_volume_can_be_restored_with_its_files(railway: Railway, stack: Stack) -> None:
    volume = stack.volume()
    railway.post(f"volumes/{volume}/files", a="text")
    railway.ok("VolumeDelete", volumeId=volume)
    railway.post(f"volumes/{volume}/restore")
    assert (row(stack)["isPendingDeletion"], row(stack)["state"]) == (False, "READY")
    assert row(stack)["currentSizeMB"] > 0
    assert railway.get(f"volumes/{volume}/files")[stack.environment] == {"a": "text"}


def test_backup_schedules_are_kept_per_instance(railway: Railway, stack: Stack) -> None:
    stack.volume()
    where = row(stack)["id"]
    railway.ok("BackupSchedule", id=where, kinds=["DAILY", "WEEKLY"])
    rows = railway.ok("BackupSchedules", id=where)
    assert [(r["kind"], r["retentionSeconds"]) for r in rows] == [("DAILY", 518_400), ("WEEKLY", 2_592_000)]
    railway.ok("BackupSchedule", id=where, kinds=["WEEKLY", "MONTHLY"])
    again = railway.ok("BackupSchedules", id=where)
    assert [r["kind"] for r in again] == ["WEEKLY", "MONTHLY"]
    assert again[0]["id"] == rows[1]["id"]


def test_data_that_is_not_stored_is_counted(railway: Railway, stack: Stack) -> None:
    volume = stack.volume()
    railway.post(f"volumes/{volume}/files", a="x" * 500_000)
    assert railway.post(f"volumes/{volume}/fill", other_mb=41_000) == {"used_mb": [41_000.5]}
    assert row(stack)["currentSizeMB"] == 41_000.5
    assert "of the volume size" in railway.fails("BackupCreate", id=row(stack)["id"])
    railway.ok("VolumeDelete", volumeId=volume)
    railway.wait(49 * 3600)
    (gone,) = railway.get("state")["volume_instances"].values()
    assert (gone["files"], gone["other_mb"]) == ({}, 0)
