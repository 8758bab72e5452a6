"""The data of both clouds on the real engine: Firestore's protection and backups, and the volume's backup
before a deployment.

The steps run once for the whole file; the tests check the output, what is live, and what both clouds counted.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from railway.volume_backup import PREFIX
from sandbox import stack_state
from sandbox.supervisor import PROJECT, STACK, Sandbox
from tests.e2e.backend_only import make_app, put
from tests.e2e.stack import DRIFT, Done, Stack, Steps

pytestmark = pytest.mark.e2e

DATABASE = "firestore/v1/projects/crm-sandbox/databases/(default)"
MANUAL = {"Authorization": "Bearer owner", "X-Sandbox-Actor": "manual"}
HEAL = ("up", "--yes", "--skip-preview", "--refresh", "--run-program")
NO_CHANGES_EXPECTED = 7


@dataclass
class Lifecycle(Steps):
    """The steps; the database, and the volume's backups, after each."""

    database: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    backups: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def firestore(self, method: str, path: str = DATABASE, body: object = None) -> dict[str, Any]:
        """An edit outside of Pulumi, or a look."""
        url = f"{self.stack.running.google_url}/{path}"
        answer = requests.request(method, url, json=body, headers=MANUAL, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def step(self, name: str, *arguments: str, **extra: str) -> Done:
        """Run a command, and look."""
        done = super().step(name, *arguments, **extra)
        self.database[name] = self.firestore("GET")
        state = requests.get(f"{self.stack.running.railway_url}/admin/state", timeout=30).json()
        rows = state["volume_instances"].values()
        self.backups[name] = [backup["name"] for row in rows for backup in row["backups"]]
        return done


@pytest.fixture(scope="module")
def lifecycle(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Lifecycle:
    """Run all steps on one stack, in order."""
    seen = Lifecycle(stack)
    step = seen.step
    app: Path = make_app(tmp_path_factory.mktemp("app") / "crm")
    put(stack, appDir=str(app), firestoreLocation="eur3")
    step("another location", "up", "--yes", "--skip-preview")
    put(stack, firestoreLocation="nam5")
    step("preview", "preview", "--diff")
    put(
        stack,
        firestorePointInTimeRecovery="true",
        firestoreBackups={"DAILY": "7d", "WEEKLY": "14w"},
        backupBeforeDeploy="true",
    )
    step("first", "up", "--yes", "--skip-preview")
    step("unchanged", *DRIFT)
    put(stack, backfillCount="7")
    step("deployed", "up", "--yes", "--skip-preview")
    put(stack, volumeSizeGb="60")
    step("grown", "up", "--yes", "--skip-preview")
    seen.firestore(
        "PATCH",
        f"{DATABASE}?updateMask=deleteProtectionState",
        {"deleteProtectionState": "DELETE_PROTECTION_DISABLED"},
    )
    step("drift", *DRIFT)
    step("heal", *HEAL)
    step("healed", *DRIFT)
    stack_state.post_admin(stack.running.google_url, "/admin/firestore/backups", {})
    return seen


def test_settings_of_another_database_stop_an_up_before_anything_is_changed(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["another location"]
    assert done.returncode != 0
    assert "whatsapp-crm:firestoreLocation: is eur3, but the Firestore database (default)" in done.stdout
    assert "fix: pulumi config set whatsapp-crm:firestoreLocation nam5" in done.stdout
    assert lifecycle.railway["another location"].requests == 0
    assert lifecycle.google["another location"].requests == 1


def test_the_preview_shows_the_import_and_what_it_changes(lifecycle: Lifecycle) -> None:
    shown = lifecycle.done["preview"].stdout
    assert lifecycle.done["preview"].returncode == 0, shown
    assert "gcp:firestore/database:Database: (import)" in shown
    assert re.search(
        r'deleteProtectionState\s*: "DELETE_PROTECTION_DISABLED" => "DELETE_PROTECTION_ENABLED"', shown
    )


def test_one_up_imports_the_database_and_protects_it(lifecycle: Lifecycle) -> None:
    assert lifecycle.done["first"].returncode == 0, lifecycle.done["first"].stdout
    before, after = lifecycle.database["preview"], lifecycle.database["first"]
    assert after["uid"] == before["uid"]
    assert before["deleteProtectionState"] == "DELETE_PROTECTION_DISABLED"
    assert after["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"
    assert after["pointInTimeRecoveryEnablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"
    schedules = lifecycle.firestore("GET", f"{DATABASE}/backupSchedules")["backupSchedules"]
    assert sorted(one["retention"] for one in schedules) == ["604800s", "8467200s"]
    assert lifecycle.done["unchanged"].returncode == 0, lifecycle.done["unchanged"].stdout


def test_a_protection_that_is_removed_by_hand_is_drift(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["drift"]
    assert done.returncode == NO_CHANGES_EXPECTED, done.stdout
    assert "DELETE_PROTECTION_DISABLED" in done.stdout
    assert lifecycle.done["heal"].returncode == 0, lifecycle.done["heal"].stdout
    assert lifecycle.database["heal"]["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"
    assert lifecycle.done["healed"].returncode == 0, lifecycle.done["healed"].stdout


def test_the_volume_is_backed_up_before_each_deployment_but_the_first(lifecycle: Lifecycle) -> None:
    assert lifecycle.backups["first"] == lifecycle.backups["unchanged"] == []
    for name in ("deployed", "grown"):
        assert lifecycle.done[name].returncode == 0, lifecycle.done[name].stdout
    (deployed,) = lifecycle.backups["deployed"]
    assert deployed.startswith(PREFIX)
    assert f"backup {deployed} of the volume sessions is complete" in lifecycle.done["deployed"].stdout
    assert len(set(lifecycle.backups["grown"])) == 2
    assert lifecycle.backups["heal"] == lifecycle.backups["grown"], "nothing was deployed"


def test_the_backups_of_both_clouds_are_listed(lifecycle: Lifecycle) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops", "backups", "--stack", STACK],
        cwd=PROJECT,
        env={**os.environ, **lifecycle.stack.sandbox.variables()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout
    assert "Firestore (default) of crm-sandbox\n  point-in-time recovery: on, versions since " in shown
    assert "  schedule: DAILY, kept for 7 days\n  schedule: WEEKLY (Sunday), kept for 98 days\n" in shown
    assert re.search(
        r"0 min old  expires in 6 days  READY  projects/crm-sandbox/locations/nam5/backups/", shown
    )
    assert "gcloud firestore databases restore --project=crm-sandbox --source-backup=projects/" in shown
    for name in lifecycle.backups["grown"]:
        assert f"does not expire  {name}\n" in shown
    assert "docs/recovery.md, Restore the volume from a backup" in shown
