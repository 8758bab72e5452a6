"""The backend's optional settings on the real engine: set, changed and removed, each without changes
afterwards.

The steps run once for the whole file; the tests check their output and counts, and what Railway had after
each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox import stack_state
from sandbox.supervisor import STACK, Sandbox
from tests.e2e.backend_only import make_app, one, put, rows
from tests.e2e.stack import DRIFT, Stack, Steps

pytestmark = pytest.mark.e2e

SET: dict[str, object] = {
    "customDomain": "crm.example.com",
    "volumeBackups": ["DAILY"],
    "cpuLimit": "2",
    "memoryLimitGb": "4",
    "rollbackOnFailure": "true",
}
CHANGED: dict[str, object] = {
    "customDomain": "api.example.org",
    "volumeBackups": ["MONTHLY", "weekly"],
    "cpuLimit": "1.5",
    "memoryLimitGb": "8",
    "rollbackOnFailure": "false",
}
# What Railway has of each setting, step by step; the last is what `failing` and `gone` are looked at with.
LIVE: dict[str, dict[str, Any]] = {
    "set": {
        "custom domains": ["crm.example.com"],
        "backups": ["DAILY"],
        "limits": {"cpu": 2, "memoryBytes": 4_000_000_000},
    },
    "changed": {
        "custom domains": ["api.example.org"],
        "backups": ["MONTHLY", "WEEKLY"],
        "limits": {"cpu": 1.5, "memoryBytes": 8_000_000_000},
    },
    "gone": {"custom domains": [], "backups": [], "limits": {}},
}
QUIET = ("set, again", "DNS made, again", "changed, again", "gone, again")


@dataclass
class Lifecycle(Steps):
    """The steps, and what Railway had after each that applies settings."""

    there: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    records: dict[str, list[dict[str, str]]] = field(default_factory=dict[str, list[dict[str, str]]])
    rollback: dict[str, bool] = field(default_factory=dict[str, bool])
    volumes: set[str] = field(default_factory=set[str])
    statuses: list[str] = field(default_factory=list[str])


def there(stack: Stack) -> dict[str, Any]:
    """What Railway has of the settings, and what the running deployment was given."""
    limits = one(stack, "instances")["limit_override"] or {}
    running = next(row for row in rows(stack, "deployments") if row["status"] == "SUCCESS")
    ran_with = running["settings"].get("limitOverride") or {}
    return {
        "custom domains": [row["domain"] for row in rows(stack, "domains") if row["custom"]],
        "backups": sorted(
            one["kind"] for row in rows(stack, "volume_instances") for one in row["backup_schedules"]
        ),
        "limits": limits.get("containers", {}),
        "limits of what runs": ran_with.get("containers", {}),
    }


@pytest.fixture(scope="module")
def lifecycle(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Lifecycle:
    """Run all steps on one stack, in order."""
    seen = Lifecycle(stack)
    step = seen.step
    app: Path = make_app(tmp_path_factory.mktemp("app") / "crm")
    put(stack, appDir=str(app))

    def apply(name: str) -> None:
        done = step(name, "up", "--yes", "--skip-preview")
        assert done.returncode == 0, done.stdout
        seen.there[name] = there(stack)
        seen.volumes |= {row["id"] for row in rows(stack, "volumes")}
        outputs = json.loads(sandbox.pulumi("stack", "output", "--json", "--stack", STACK).stdout)
        seen.records[name] = outputs.get("backend_dns_records", [])
        deployment = stack_state.first_of_type(
            stack_state.resources(sandbox, STACK), stack_state.RAILWAY_TYPE + "Deployment"
        )
        seen.rollback[name] = deployment.outputs["rollback"]
        step(f"{name}, again", *DRIFT)

    put(stack, **SET)
    apply("set")
    stack_state.post_admin(
        stack.running.railway_url, "/admin/dns", {"domain": SET["customDomain"], "propagated": True}
    )
    step("DNS made, again", *DRIFT)
    # A deployment that Railway removes the good one for, and that then crashes.
    stack_state.post_admin(
        stack.running.railway_url, "/admin/switches", {"deploy_outcomes_next": ["crashed"]}
    )
    put(stack, backfillCount="7")
    step("failing", "up", "--yes", "--skip-preview")
    seen.statuses = [row["status"] for row in rows(stack, "deployments")]
    put(stack, **CHANGED)
    apply("changed")
    put(stack, **dict.fromkeys(SET))
    apply("gone")
    return seen


@pytest.mark.parametrize("what", LIVE["set"])
@pytest.mark.parametrize("step", LIVE)
def test_every_setting_of_the_config_is_applied(lifecycle: Lifecycle, step: str, what: str) -> None:
    assert lifecycle.there[step][what] == LIVE[step][what]


@pytest.mark.parametrize("step", LIVE)
def test_the_running_deployment_has_the_declared_limits(lifecycle: Lifecycle, step: str) -> None:
    """Railway gives a container its limits, or takes them from it, with a deployment."""
    assert lifecycle.there[step]["limits of what runs"] == LIVE[step]["limits"]


@pytest.mark.parametrize("step", LIVE)
def test_all_of_it_is_one_deployment(lifecycle: Lifecycle, step: str) -> None:
    assert lifecycle.railway[step].deployments == 1


@pytest.mark.parametrize("step", QUIET)
def test_the_next_preview_has_no_changes(lifecycle: Lifecycle, step: str) -> None:
    done = lifecycle.done[step]
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("step", "domain"), [("set", "crm.example.com"), ("changed", "api.example.org")])
def test_the_dns_records_to_make_are_an_output(lifecycle: Lifecycle, step: str, domain: str) -> None:
    """One that sends the traffic and one that proves whose it is, each once."""
    records = lifecycle.records[step]
    assert [(record["type"], record["name"]) for record in records] == [
        ("CNAME", domain),
        ("TXT", f"_railway-verify.{domain}"),
    ]
    assert all(record["value"] for record in records)
    assert {record["status"] for record in records} == {"REQUIRES_UPDATE"}
    assert domain in lifecycle.done[step].stdout


def test_without_a_domain_there_are_no_records(lifecycle: Lifecycle) -> None:
    assert lifecycle.records["gone"] == []


def test_dns_records_that_were_made_are_shown_as_such(lifecycle: Lifecycle) -> None:
    assert '"REQUIRES_UPDATE" => "PROPAGATED"' in lifecycle.done["DNS made, again"].stdout


def test_a_rollback_is_requested_while_the_config_has_it(lifecycle: Lifecycle) -> None:
    assert lifecycle.rollback == {"set": True, "changed": False, "gone": False}


def test_a_failed_up_fails_and_the_last_good_deployment_runs_again(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["failing"]
    assert done.returncode != 0
    assert "the last healthy deployment" in done.stdout
    assert lifecycle.statuses[-1] in {"QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS"}


def test_the_volume_is_the_same_after_all_steps(lifecycle: Lifecycle) -> None:
    assert len(lifecycle.volumes) == 1


def test_the_state_has_what_is_declared_and_no_more(sandbox: Sandbox, lifecycle: Lifecycle) -> None:
    kinds = {resource.type for resource in stack_state.resources(sandbox, STACK)}
    assert lifecycle.there["gone"]
    assert not kinds & {stack_state.RAILWAY_TYPE + kind for kind in ("CustomDomain", "VolumeBackupSchedule")}
