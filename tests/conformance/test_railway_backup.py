"""The backup of the volume before a deployment, a move or a resize: made once, waited for, and named."""

from __future__ import annotations

from typing import Any

import pytest

from railway.volume_backup import PREFIX
from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_world import VARIABLES, Declared, Engine, World, first_up

pytestmark = pytest.mark.conformance

PROTECTED = Declared(backup_before_deploy=True)
OTHER = {**VARIABLES, "ADMIN_TOKEN": "another-admin-token"}
CHANGED = PROTECTED.but(variables=OTHER)


def backups(world: World) -> list[dict[str, Any]]:
    """The backups of the one volume."""
    (row,) = world.rows("volume_instances")
    return row["backups"]


def sent(world: World) -> list[str]:
    """What was requested since the reset, in order, without repetitions of polls."""
    names = [row["operation"] for row in world.admin("requests") if row["actor"] != "manual"]
    return [name for index, name in enumerate(names) if index == 0 or name != names[index - 1]]


def test_the_first_deployment_has_nothing_to_back_up(railway: World) -> None:
    first_up(railway, PROTECTED)
    assert backups(railway) == []


def test_a_deployment_is_preceded_by_one_backup_whose_name_is_shown_and_recorded(railway: World) -> None:
    engine = first_up(railway, PROTECTED)
    with railway.operation() as process:
        assert engine.up(process, CHANGED) == ["update variables", "update deployment"]
    (backup,) = backups(railway)
    assert backup["name"].startswith(PREFIX)
    assert engine.state["deployment"].live.outs["backup"] == backup["name"]
    assert f"railway: backup {backup['name']} of the volume sessions is complete" in process.stderr
    names = sent(railway)
    assert names.index("BackupCreate") < names.index("DeployLatest")
    assert "BackupsPoll" in names[names.index("BackupCreate") : names.index("DeployLatest")]


def test_an_up_without_a_deployment_makes_no_backup(railway: World) -> None:
    engine = first_up(railway)
    with railway.operation() as process:
        assert engine.up(process, PROTECTED) == ["update volume", "update deployment"]
        assert engine.up(process, PROTECTED) == []
    assert backups(railway) == []
    assert railway.counts()[1] == 0


@pytest.mark.parametrize(
    ("changes", "before"),
    [({"size_mb": 60000}, "ConfigPatch"), ({"mount_path": "/app/other"}, "VolumeMount")],
)
def test_a_volume_is_backed_up_before_it_is_changed_and_not_again_before_the_deployment(
    railway: World, changes: dict[str, Any], before: str
) -> None:
    engine = first_up(railway, PROTECTED)
    variables = {**OTHER, "SESSIONS_PATH": changes.get("mount_path", "/app/sessions")}
    with railway.operation() as process:
        engine.up(process, PROTECTED.but(variables=variables, **changes))
    (backup,) = backups(railway)
    names = sent(railway)
    assert names.index("BackupCreate") < names.index(before)
    assert names.count("BackupCreate") == 1
    assert engine.state["deployment"].live.outs["backup"] == backup["name"]


def test_a_new_name_of_the_volume_needs_no_backup(railway: World) -> None:
    engine = first_up(railway, PROTECTED)
    with railway.operation() as process:
        assert engine.up(process, PROTECTED.but(volume_name="renamed")) == ["update volume"]
    assert backups(railway) == []


@pytest.mark.parametrize("workflow", ["id", "null"])
@pytest.mark.parametrize("kind", ["reset_after", "http_504_after"])
def test_a_lost_response_makes_no_second_backup(railway: World, workflow: str, kind: str) -> None:
    railway.admin("switches", {"backup_workflow_id": workflow, "backup_seconds": 0.2})
    engine = first_up(railway, PROTECTED)
    railway.fault("BackupCreate", kind)
    with railway.operation() as process:
        engine.up(process, CHANGED)
    assert len(backups(railway)) == 1
    assert railway.counts()[0]["BackupCreate"] == 1


def test_after_an_unknown_result_nothing_is_deployed_and_the_next_up_continues(railway: World) -> None:
    """The backup takes longer than it is looked for: another call would make a second one."""
    engine = first_up(railway, PROTECTED)
    railway.admin("switches", {"backup_seconds": 3600})
    railway.fault("BackupCreate", "http_504_after")
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, CHANGED))
    (backup,) = backups(railway)
    assert f"the backup {backup['name']} of the Railway volume sessions" in text
    assert "is not known to exist: the response to its creation was lost" in text
    assert "fix: run `pulumi up` again: it looks for this backup before it makes one" in text
    assert railway.counts()[1] == 0
    railway.admin("clock", {"advance": 3600})
    with railway.operation() as process:
        assert engine.up(process, CHANGED) == ["update deployment"]
    assert [one["name"] for one in backups(railway)] == [backup["name"]]
    assert f"railway: backup {backup['name']} of the volume sessions exists already" in process.stderr


def test_a_failed_deployment_is_preceded_by_a_backup_and_so_is_the_next_one(railway: World) -> None:
    """The failed one may have changed the data."""
    engine = first_up(railway, PROTECTED)
    railway.admin("switches", {"deploy_outcomes_next": ["failed_healthcheck"]})
    with railway.operation() as process:
        refusal(lambda: engine.up(process, CHANGED))
    with railway.operation() as process:
        engine.up(process, CHANGED)
    names = [one["name"] for one in backups(railway)]
    assert len(names) == len(set(names)) == 2


def refused(world: World, engine: Engine, declared: Declared = CHANGED) -> str:
    """The error of an `up` that must not deploy."""
    with world.operation() as process:
        text = refusal(lambda: engine.up(process, declared))
    assert world.counts()[1] == 0
    assert "was not backed up, so nothing was deployed, and the volume was not changed" in text
    assert "pulumi config set whatsapp-crm:volumeSizeGb <more GB>" in text
    assert "pulumi config rm whatsapp-crm:backupBeforeDeploy" in text
    return text


def test_a_backup_that_fails_stops_the_up_with_railways_reason(railway: World) -> None:
    engine = first_up(railway, PROTECTED)
    railway.admin("switches", {"backup_error": "Out of space"})
    assert "Railway reports: Out of space" in refused(railway, engine)


def test_a_backup_above_the_limit_is_rejected_with_railways_words(railway: World) -> None:
    """A manual backup has at most half of the volume's size (Railway docs, volumes/backups)."""
    engine = first_up(railway, PROTECTED)
    railway.admin(f"volumes/{engine.id('volume')}/files", {"/app/sessions/data": "x"})
    railway.admin("switches", {"backup_limit": 0})
    text = refused(railway, engine)
    assert "Railway rejected it: Backup size exceeds 0% of the volume size" in text


def test_a_service_without_a_volume_is_deployed_without_a_backup(railway: World) -> None:
    railway.admin("switches", {"backend_is_crm": False})
    engine = first_up(railway, PROTECTED.but(log_expectations=()))
    railway.manual(
        "mutation($v: String!, $e: String!) { volumeInstanceUpdate(volumeId: $v, environmentId: $e, "
        "input: {serviceId: null}) }",
        v=engine.id("volume"),
        e=engine.id("environment"),
    )
    with railway.operation() as process:
        engine.up(process, CHANGED.but(log_expectations=()))
    assert backups(railway) == []
    assert railway.counts()[1] == 1
