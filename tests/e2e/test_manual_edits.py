"""Objects created and deleted in the dashboard, on the real engine: those of others stay, those of the stack
are drift, and a deleted volume stops each `up`.

The steps run once for the whole file: other services are created in the stack's environment, the stack
changes, then its volume is deleted, and at last its environment and its project. The tests check the output
and counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox import manual_edits, stack_state
from sandbox.supervisor import STACK, Sandbox
from tests.e2e.backend_only import make_app, put, tables
from tests.e2e.stack import DRIFT, Done, Stack, Steps

pytestmark = pytest.mark.e2e

SECRET = "s3cr3t-that-somebody-typed"
LOST = ("refresh first", "refresh as it goes", "no refresh")
RESTORE = (
    "can be restored for 48 hours after the deletion",
    "restore it in Railway's dashboard",
    "pulumi config set whatsapp-crm:allowNewVolume true",
    "pulumi up --refresh --run-program",
)
HEAL = ("up", "--yes", "--skip-preview", "--refresh", "--run-program")

SERVICE = "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }"
VOLUME = "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }"
DOMAIN = "mutation($i: ServiceDomainCreateInput!) { serviceDomainCreate(input: $i) { id } }"
CUSTOM = "mutation($i: CustomDomainCreateInput!) { customDomainCreate(input: $i) { id } }"
PROXY = "mutation($i: TCPProxyCreateInput!) { tcpProxyCreate(input: $i) { id } }"
VARIABLES = "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }"
DELETE_VOLUME = "mutation($id: String!) { volumeDelete(volumeId: $id) }"
DELETE_ENVIRONMENT = "mutation($id: String!) { environmentDelete(id: $id) }"
DELETE_PROJECT = "mutation($id: String!) { projectDelete(id: $id) }"


def by_id(stack: Stack) -> dict[str, Any]:
    """Every row of every table that has ids, with its table's name."""
    return {
        key: {"table": table, **row}
        for table, found in tables(stack).items()
        if isinstance(found, dict)
        for key, row in found.items()
        if isinstance(row, dict)
    }


def make_neighbours(stack: Stack, dashboard: manual_edits.Dashboard) -> dict[str, Any]:
    """In our own environment: domains and a TCP proxy of our service, a service with all of its own, a volume
    of nobody, a shared variable. Returns their rows."""
    before = set(by_id(stack))
    place = {"projectId": dashboard.project_id, "environmentId": dashboard.environment_id}
    ours = {"environmentId": dashboard.environment_id, "serviceId": dashboard.service_id}
    dashboard.call(DOMAIN, {"i": ours})
    dashboard.call(CUSTOM, {"i": place | ours | {"domain": "by-hand.example.com"}})
    dashboard.call(PROXY, {"i": ours | {"applicationPort": 5432}})
    worker = dashboard.call(SERVICE, {"i": place | {"name": "worker"}})["serviceCreate"]["id"]
    stack_state.post_admin(stack.running.railway_url, "/admin/clock", {"advance": 5})
    dashboard.call(VOLUME, {"i": place | {"serviceId": worker, "mountPath": "/data"}})
    dashboard.call(VOLUME, {"i": place | {"mountPath": "/spare"}})
    dashboard.call(DOMAIN, {"i": ours | {"serviceId": worker}})
    for owner in ({"serviceId": worker}, {}):
        values = {"variables": {"NOT_OURS": "kept"}, "skipDeploys": True}
        dashboard.call(VARIABLES, {"i": place | owner | values})
    stack_state.post_admin(stack.running.railway_url, "/admin/clock", {"advance": 5})
    return {key: row for key, row in by_id(stack).items() if key not in before}


@dataclass
class Lifecycle(Steps):
    """The steps, and the rows on Railway after each."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    neighbours: dict[str, Any] = field(default_factory=dict[str, Any])
    volumes: dict[str, str] = field(default_factory=dict[str, str])

    def step(self, name: str, *arguments: str, **extra: str) -> Done:
        """Run a command, and read Railway's rows."""
        done = super().step(name, *arguments, **extra)
        self.rows[name] = by_id(self.stack)
        return done


@pytest.fixture(scope="module")
def lifecycle(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Lifecycle:
    """Run all steps on one stack, in order."""
    seen = Lifecycle(stack)
    step = seen.step
    app: Path = make_app(tmp_path_factory.mktemp("app") / "crm")
    put(stack, appDir=str(app))

    def volume() -> str:
        return stack_state.first_of_type(
            stack_state.resources(sandbox, STACK), stack_state.RAILWAY_TYPE + "Volume"
        ).id

    step("first", "up", "--yes", "--skip-preview")
    assert seen.done["first"].returncode == 0, seen.done["first"].stdout
    dashboard = stack_state.dashboard(stack.running, stack_state.resources(sandbox, STACK))
    seen.neighbours = make_neighbours(stack, dashboard)
    step("with neighbours", *DRIFT)
    put(
        stack,
        branch="staging",
        backfillCount="7",
        targetPort="3000",
        volumeSizeGb="60",
        cpuLimit="2",
        customDomain="crm.example.com",
        volumeBackups=["DAILY"],
    )
    step("change", "up", "--yes", "--skip-preview")
    step("changed", *DRIFT)
    dashboard.set_variable("LEFT_OVER", SECRET)
    step("undeclared variable", *DRIFT)
    step("heal", *HEAL)
    put(stack, railwayRegion="europe-west4-drams3a")
    step("another region", "preview")
    put(stack, railwayRegion=None)

    seen.volumes["first"] = volume()
    dashboard.call(DELETE_VOLUME, {"id": seen.volumes["first"]})
    put(stack, backfillCount="8", branch="main")
    rules = app / "firestore.rules"
    rules.write_text(rules.read_text() + "\n// One more line.\n")
    seen.rows["lost"] = by_id(stack)
    step("refresh first", "up", "--yes", "--skip-preview", "--refresh")
    step("refresh as it goes", *HEAL)
    step("no refresh", "up", "--yes", "--skip-preview")
    put(stack, allowNewVolume="true")
    step("start empty", *HEAL)
    seen.volumes["second"] = volume()
    step("started empty", *DRIFT)
    put(stack, allowNewVolume=None)
    step("key out", "up", "--yes", "--skip-preview")
    place = {
        "project_id": dashboard.project_id,
        "environment_id": dashboard.environment_id,
        "service_id": dashboard.service_id,
    }
    stack_state.post_admin(stack.running.railway_url, "/admin/seal", place | {"name": "ADMIN_TOKEN"})
    step("sealed", *DRIFT)

    dashboard.call(DELETE_ENVIRONMENT, {"id": dashboard.environment_id})
    seen.rows["environment deleted"] = by_id(stack)
    step("environment", *HEAL)
    dashboard.call(DELETE_PROJECT, {"id": dashboard.project_id})
    seen.rows["project deleted"] = by_id(stack)
    step("project", *HEAL)
    put(stack, allowNewVolume="true")
    step("all made again", *HEAL)
    return seen


def test_the_neighbours_are_of_every_kind(lifecycle: Lifecycle) -> None:
    kinds = sorted(row["table"] for row in lifecycle.neighbours.values())
    assert kinds == [
        *(["domains"] * 3),
        "instances",
        "services",
        "tcp_proxies",
        *(["variables"] * 2),
        *(["volume_instances"] * 2),
        *(["volumes"] * 2),
    ]


def test_objects_of_other_programs_are_no_drift(lifecycle: Lifecycle) -> None:
    assert lifecycle.done["with neighbours"].returncode == 0, lifecycle.done["with neighbours"].stdout


@pytest.mark.parametrize("step", ["change", "heal", "start empty"])
def test_it_is_untouched_by_an_up_that_changes_everything(lifecycle: Lifecycle, step: str) -> None:
    assert lifecycle.done[step].returncode == 0, lifecycle.done[step].stdout
    assert lifecycle.railway[step].deployments == 1
    now = lifecycle.rows[step]
    assert {key: now.get(key) for key in lifecycle.neighbours} == lifecycle.neighbours


@pytest.mark.parametrize("step", ["changed", "started empty"])
def test_the_next_preview_has_no_changes(lifecycle: Lifecycle, step: str) -> None:
    assert lifecycle.done[step].returncode == 0, lifecycle.done[step].stdout


def test_an_undeclared_variable_of_our_service_is_drift_by_its_name(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["undeclared variable"]
    assert done.returncode == 7, done.stdout
    assert '+ LEFT_OVER                    : "added on Railway"' in done.stdout


def test_a_sealed_variable_is_no_drift_and_reported_as_not_comparable(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["sealed"]
    assert done.returncode == 0, done.stdout
    assert "sealed on Railway, cannot be compared: ADMIN_TOKEN" in done.stdout


def test_an_undeclared_variable_is_removed_by_the_next_up(lifecycle: Lifecycle) -> None:
    names = {row["name"] for row in lifecycle.rows["heal"].values() if row["table"] == "variables"}
    assert {"SESSIONS_PATH", "NOT_OURS"} <= names
    assert "LEFT_OVER" not in names


def test_another_region_than_the_volumes_is_refused_in_the_preview(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["another region"]
    assert done.returncode != 0
    assert "is in the region us-west2, but europe-west4-drams3a is declared" in done.stdout
    assert "pulumi config set whatsapp-crm:railwayRegion us-west2" in done.stdout
    assert "Traceback" not in done.stdout
    assert lifecycle.railway["another region"].requests == 0


def test_nothing_shows_the_value_that_somebody_typed(lifecycle: Lifecycle) -> None:
    assert all(SECRET not in done.stdout for done in lifecycle.done.values())


@pytest.mark.parametrize("step", LOST)
@pytest.mark.parametrize("said", RESTORE)
def test_a_deleted_volume_stops_the_up_with_a_fix(lifecycle: Lifecycle, step: str, said: str) -> None:
    done = lifecycle.done[step]
    assert done.returncode != 0
    assert lifecycle.volumes["first"] in done.stdout
    assert said in done.stdout


@pytest.mark.parametrize("step", LOST)
def test_nothing_on_railway_is_changed_then(lifecycle: Lifecycle, step: str) -> None:
    assert lifecycle.rows[step] == lifecycle.rows["lost"]
    assert lifecycle.railway[step].deployments == 0


def test_nothing_at_all_is_changed_where_the_refresh_comes_first(lifecycle: Lifecycle) -> None:
    """With --run-program the engine refreshes each resource as it comes to it, and may have begun with
    another."""
    sent = lifecycle.google["refresh first"].operations
    assert not [name for name in sent if not name.startswith("GET") and not name.endswith("IamPolicy")]
    assert "POST cloudresourcemanager.projects.setIamPolicy" not in sent


def test_an_empty_volume_replaces_it_when_the_config_allows_it(lifecycle: Lifecycle) -> None:
    now = lifecycle.rows["start empty"]
    made = now[lifecycle.volumes["second"]]
    assert lifecycle.volumes["second"] != lifecycle.volumes["first"]
    assert made["name"] == "sessions"
    (instance,) = (row for row in now.values() if row.get("volume_id") == made["id"])
    assert (instance["mount_path"], instance["size_mb"]) == ("/app/sessions", 60_000)
    assert [one["kind"] for one in instance["backup_schedules"]] == ["DAILY"]


def test_the_key_warns_as_long_as_it_is_set(lifecycle: Lifecycle) -> None:
    warning = "fix: pulumi config rm whatsapp-crm:allowNewVolume"
    assert warning in lifecycle.done["start empty"].stdout
    assert warning not in lifecycle.done["key out"].stdout


def test_the_deleted_volume_can_still_be_restored(lifecycle: Lifecycle) -> None:
    (instance,) = (
        row
        for row in lifecycle.rows["key out"].values()
        if row.get("volume_id") == lifecycle.volumes["first"]
    )
    assert instance["is_pending_deletion"]
    assert instance["deleted_at"] is None


def test_taking_the_key_out_again_sends_nothing(lifecycle: Lifecycle) -> None:
    assert lifecycle.done["key out"].returncode == 0, lifecycle.done["key out"].stdout
    assert lifecycle.railway["key out"].requests == 0


def living(lifecycle: Lifecycle, step: str, table: str) -> list[dict[str, Any]]:
    """The rows of a table that are ours, and not deleted."""
    return [
        row
        for key, row in lifecycle.rows[step].items()
        if row["table"] == table and not row.get("deleted_at") and key not in lifecycle.neighbours
    ]


def test_there_is_one_of_everything_that_is_ours(lifecycle: Lifecycle) -> None:
    step = "key out"
    assert sorted(row["id"] for row in living(lifecycle, step, "volumes")) == sorted(
        lifecycle.volumes.values()
    )
    for table in ("projects", "environments", "services", "triggers"):
        assert len(living(lifecycle, step, table)) == 1, table
    domains = [row["domain"] for row in living(lifecycle, step, "domains")]
    assert sorted(domains) == ["backend-production.up.railway.app", "crm.example.com"]


# ---- The environment and the project


@pytest.mark.parametrize("kind", ["environment", "project"])
@pytest.mark.parametrize("said", ["was deleted on Railway, together with its volume", *RESTORE])
def test_what_the_volume_went_with_stops_the_up_too(lifecycle: Lifecycle, kind: str, said: str) -> None:
    done = lifecycle.done[kind]
    assert done.returncode != 0
    assert f"the Railway {kind} " in done.stdout
    assert said in done.stdout


@pytest.mark.parametrize("kind", ["environment", "project"])
def test_nothing_is_created_in_its_place(lifecycle: Lifecycle, kind: str) -> None:
    """It would pin the stack to a place where the data never comes back to."""
    assert lifecycle.rows[kind] == lifecycle.rows[f"{kind} deleted"]
    assert lifecycle.railway[kind].deployments == 0


def test_everything_is_created_again_when_the_config_allows_it(lifecycle: Lifecycle) -> None:
    done = lifecycle.done["all made again"]
    assert done.returncode == 0, done.stdout
    assert lifecycle.railway["all made again"].deployments == 1
    for table in ("projects", "environments", "services"):
        (made,) = living(lifecycle, "all made again", table)
        assert made["id"] not in lifecycle.rows["project deleted"], table
