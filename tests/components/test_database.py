"""The Firestore database: imported, protected, retained, never replaced; and its backup schedules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components import database
from tests.components import world
from tests.components.conftest import Run
from tests.components.engine import Engine, run_alone

pytestmark = pytest.mark.components

NAME = "database-firestore"


def with_google(run: Run, **changes: Any) -> Engine:
    """The program with other settings of Google."""
    google = replace(world.GOOGLE, **changes)
    return run(settings=lambda: world.settings(google=google))


def test_the_database_is_imported_protected_and_retained(run: Run) -> None:
    request = run().one(NAME).request
    assert request.importId == f"projects/{world.PROJECT}/databases/(default)"
    assert request.protect
    assert request.retainOnDelete
    assert run().one(NAME).inputs["deletionPolicy"] == "ABANDON"


def test_only_with_the_setting_is_it_created(run: Run) -> None:
    request = with_google(run, create_database=True).one(NAME).request
    assert request.importId == ""
    assert request.protect
    assert request.retainOnDelete


def test_what_cannot_change_in_place_is_ignored_so_that_nothing_replaces_it(run: Run) -> None:
    ignored = set(run().one(NAME).request.ignoreChanges)
    assert {"locationId", "type", "databaseEdition", "cmekConfig", "tags"} <= ignored
    assert "deleteProtectionState" not in ignored


@pytest.mark.parametrize(("on", "state"), [(True, "ENABLED"), (False, "DISABLED")])
def test_the_protection_against_deletion_is_the_setting(run: Run, on: bool, state: str) -> None:
    inputs = with_google(run, firestore_delete_protection=on).one(NAME).inputs
    assert inputs["deleteProtectionState"] == f"DELETE_PROTECTION_{state}"


@pytest.mark.parametrize(
    ("setting", "state", "managed"),
    [(True, "ENABLED", True), (False, "DISABLED", True), (None, "DISABLED", False)],
)
def test_point_in_time_recovery_is_managed_only_if_it_is_set(
    run: Run, setting: bool | None, state: str, managed: bool
) -> None:
    """Turning it off discards versions: an adoption must not do that unless it is declared."""
    resource = with_google(run, firestore_point_in_time_recovery=setting).one(NAME)
    assert resource.inputs["pointInTimeRecoveryEnablement"] == f"POINT_IN_TIME_RECOVERY_{state}"
    assert ("pointInTimeRecoveryEnablement" in resource.request.ignoreChanges) != managed


def test_without_the_setting_no_schedule_is_declared(run: Run) -> None:
    assert run().of("firestore/backupSchedule:BackupSchedule") == []


def test_each_kind_of_backup_is_a_schedule_of_its_own(run: Run) -> None:
    engine = with_google(run, firestore_backups={"DAILY": "7d", "WEEKLY": "14w"})
    daily, weekly = (engine.one(f"database-backups-{kind}") for kind in ("daily", "weekly"))
    assert (daily.inputs["retention"], daily.inputs["dailyRecurrence"]) == ("604800s", {})
    assert (weekly.inputs["retention"], weekly.inputs["weeklyRecurrence"]) == ("8467200s", {"day": "SUNDAY"})
    assert "weeklyRecurrence" not in daily.inputs
    assert "dailyRecurrence" not in weekly.inputs
    for schedule in (daily, weekly):
        assert NAME in engine.waits_for(schedule)
        assert not schedule.request.protect, "its backups stay when it is deleted"


def test_what_uses_firestore_waits_for_the_database(run: Run) -> None:
    engine = run()
    assert NAME in engine.waits_for(engine.one("indexes-builds"))
    assert NAME in engine.waits_for(engine.one("backend-deployment"))
    for function in engine.of("cloudfunctionsv2/function:Function"):
        assert NAME in engine.waits_for(function), function.name


def test_without_indexes_functions_still_wait_for_it(run: Run) -> None:
    engine = run(app=lambda: world.app(indexes=(), fields=()))
    for function in engine.of("cloudfunctionsv2/function:Function"):
        assert NAME in engine.waits_for(function), function.name


def failed(error: str, operation: str = "create") -> pulumi.ErrorHookArgs:
    """What the engine hands to an error hook."""
    return pulumi.ErrorHookArgs(
        urn="urn", id="", name=NAME, type="type", failed_operation=operation, errors=[error]
    )


OUTDATED = (
    "googleapi: Error 409: The etag x does not match the current one of projects/p/databases/d., ABORTED"
)
IMPORT = "fix: pulumi config rm whatsapp-crm:createDatabase -s prod\n       pulumi up -s prod\n"
READ_FIRST = "fix: pulumi up --refresh -s prod"


@pytest.mark.parametrize(
    ("error", "operation", "fixes"),
    [
        ("googleapi: Error 409: Database already exists.", "create", [IMPORT]),
        ("googleapi: Error 403: denied", "create", []),
        ("googleapi: Error 409: conflict", "update", []),
        (OUTDATED, "update", [READ_FIRST]),
        ("googleapi: Error 403: denied", "update", []),
    ],
)
def test_an_error_of_the_database_names_the_fix(
    monkeypatch: pytest.MonkeyPatch, error: str, operation: str, fixes: list[str]
) -> None:
    """A database that exists is imported without the setting. An `up` that ended between an update and its
    record leaves the old etag in the state: the next one has to read the database first.
    """
    said: list[str] = []
    monkeypatch.setattr(pulumi, "get_stack", lambda: "prod")
    monkeypatch.setattr(pulumi.log, "error", said.append)
    assert run_alone(database.name_the_setting(failed(error, operation))) is False
    assert len(said) == len(fixes)
    assert all(fix in text for fix, text in zip(fixes, said, strict=True))
