"""The Firestore database in the real engine: what an `up` does to one that exists, and never does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.engine.stack import NO_CHANGES_EXPECTED

if TYPE_CHECKING:
    from tests.engine.stack import ProgramStack

pytestmark = pytest.mark.engine

TYPE = "gcp:firestore/database:Database"
DATABASE = "firestore/v1/projects/crm-sandbox/databases/(default)"
PROGRAM = """
import pulumi
import pulumi_gcp as gcp

from checkout.live_database import NATIVE
from components.database import Database, DatabaseArgs
from settings.model import GoogleSettings

config = pulumi.Config()
google = GoogleSettings(
    project="crm-sandbox",
    firestore_location=config.get("location") or "nam5",
    firestore_delete_protection=config.get_bool("protection") is not False,
    firestore_point_in_time_recovery=config.get_bool("recovery"),
    firestore_backups=config.get_object("backups") or {},
    create_database=config.get_bool("create") is True,
)
if not config.get_bool("without"):
    Database("database", DatabaseArgs(google=google, after=[]))
"""


class Live:
    """The database as Google has it, and edits outside of Pulumi."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._headers = {"Authorization": "Bearer owner", "X-Sandbox-Actor": "manual"}

    def send(self, method: str, path: str = DATABASE, body: object = None) -> dict[str, Any]:
        """Send a request; return the response."""
        answer = requests.request(method, f"{self._url}/{path}", json=body, headers=self._headers, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.text else {}

    @property
    def kept(self) -> tuple[str, str]:
        """The database's identity: another one would have another."""
        found = self.send("GET")
        return found["uid"], found["createTime"]


@pytest.fixture
def live(google: str) -> Live:
    """A project with its database; whatever a test does to it is reset."""
    requests.post(f"{google}/admin/counters/reset", timeout=10).raise_for_status()
    database = Live(google)
    database.send(
        "PATCH",
        f"{DATABASE}?updateMask=deleteProtectionState,pointInTimeRecoveryEnablement",
        {
            "deleteProtectionState": "DELETE_PROTECTION_DISABLED",
            "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED",
        },
    )
    for schedule in database.send("GET", f"{DATABASE}/backupSchedules").get("backupSchedules", []):
        database.send("DELETE", f"firestore/v1/{schedule['name']}")
    return database


@pytest.fixture
def stack(google_program: ProgramStack) -> ProgramStack:
    """The component alone."""
    google_program.write("__main__.py", PROGRAM)
    google_program.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    return google_program


def test_an_existing_database_is_imported_and_protected_in_one_up(stack: ProgramStack, live: Live) -> None:
    before = live.kept
    steps = json.loads(stack.run("preview", "--json").text)["steps"]
    of_database = [one["op"] for one in steps if one["urn"].endswith("::database-firestore")]
    assert of_database == ["import", "update"]
    stack.up()
    assert live.kept == before
    assert live.send("GET")["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"
    stack.run("preview", "--expect-no-changes")
    stack.run("preview", "--refresh", "--expect-no-changes")


def test_what_is_changed_by_hand_is_drift_and_reset(stack: ProgramStack, live: Live) -> None:
    stack.run("config", "set", "recovery", "true")
    stack.run("config", "set", "--path", "backups.DAILY", "7d")
    stack.run("config", "set", "--path", "backups.WEEKLY", "14w")
    stack.up()
    assert live.send("GET")["pointInTimeRecoveryEnablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"
    daily, weekly = live.send("GET", f"{DATABASE}/backupSchedules")["backupSchedules"]
    stack.run("preview", "--refresh", "--expect-no-changes")
    live.send(
        "PATCH",
        f"{DATABASE}?updateMask=deleteProtectionState,pointInTimeRecoveryEnablement",
        {
            "deleteProtectionState": "DELETE_PROTECTION_DISABLED",
            "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED",
        },
    )
    live.send("PATCH", f"firestore/v1/{daily['name']}?updateMask=retention", {"retention": "86400s"})
    live.send("DELETE", f"firestore/v1/{weekly['name']}")
    shown = stack.run("preview", "--refresh", "--expect-no-changes", "--diff", code=NO_CHANGES_EXPECTED).text
    for words in ("DELETE_PROTECTION_DISABLED", "POINT_IN_TIME_RECOVERY_DISABLED", '"86400s"'):
        assert words in shown, words
    stack.run("up", "--yes", "--skip-preview", "--refresh")
    found = live.send("GET")
    assert found["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"
    assert found["pointInTimeRecoveryEnablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"
    schedules = live.send("GET", f"{DATABASE}/backupSchedules")["backupSchedules"]
    assert sorted(one["retention"] for one in schedules) == ["604800s", "8467200s"]
    stack.run("preview", "--refresh", "--expect-no-changes")


def test_recovery_that_is_on_stays_on_unless_the_setting_says_otherwise(
    stack: ProgramStack, live: Live
) -> None:
    live.send(
        "PATCH",
        f"{DATABASE}?updateMask=pointInTimeRecoveryEnablement",
        {"pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED"},
    )
    stack.up()
    assert live.send("GET")["pointInTimeRecoveryEnablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"
    stack.run("preview", "--refresh", "--expect-no-changes")
    stack.run("config", "set", "recovery", "false")
    stack.up()
    assert live.send("GET")["pointInTimeRecoveryEnablement"] == "POINT_IN_TIME_RECOVERY_DISABLED"


def test_another_location_replaces_nothing(stack: ProgramStack, live: Live) -> None:
    """`checkout.live_database` rejects it before; this is the second lock."""
    stack.up()
    before = live.kept
    stack.run("config", "set", "location", "eur3")
    stack.run("preview", "--expect-no-changes")
    stack.up()
    assert live.kept == before


def test_a_database_that_leaves_the_program_or_the_stack_stays(stack: ProgramStack, live: Live) -> None:
    stack.up()
    before = live.kept
    stack.run("config", "set", "without", "true")
    for command in ("up", "destroy"):
        failed = stack.run(command, "--yes", "--skip-preview", code=None)
        assert failed.code != 0
        assert "protect" in failed.text
    (urn,) = (one["urn"] for one in stack.resources() if one["type"] == TYPE)
    stack.run("state", "unprotect", urn, "--yes")
    stack.run("destroy", "--yes", "--skip-preview")
    assert stack.resources() == []
    assert live.kept == before


def test_a_missing_database_is_created_only_with_the_setting(stack: ProgramStack, live: Live) -> None:
    live.send("DELETE")
    try:
        assert "does not exist" in stack.run("preview", code=None).text
        assert stack.up(code=None).code != 0
        with pytest.raises(requests.HTTPError):
            live.send("GET")
        stack.run("config", "set", "create", "true")
        stack.up()
        before = live.kept
        stack.run("config", "rm", "create")
        stack.run("preview", "--expect-no-changes")
        stack.up()
        assert live.kept == before
        assert live.send("GET")["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"
    finally:
        if live.send("GET", "firestore/v1/projects/crm-sandbox/databases").get("databases") == []:
            live.send(
                "POST",
                "firestore/v1/projects/crm-sandbox/databases?databaseId=(default)",
                {"locationId": "nam5", "type": "FIRESTORE_NATIVE"},
            )


def test_one_that_exists_is_not_created_and_the_error_says_how_to_import_it(
    stack: ProgramStack, live: Live
) -> None:
    before = live.kept
    stack.run("config", "set", "create", "true")
    failed = stack.up(code=None)
    assert failed.code != 0
    assert "fix: pulumi config rm whatsapp-crm:createDatabase -s dev" in failed.text
    stack.run("config", "rm", "create")
    stack.up()
    assert live.kept == before
