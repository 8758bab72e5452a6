"""A project with every kind of function, index and override that the program declares, 28 functions and 22
indexes, edited by hand: each object is in its column, also for accounts that may only read, and the adoption
takes all that exists.

The steps run once for the whole file; the tests check their output.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox import generated_app
from sandbox.direct_deployment import BASE, REGION, Project
from sandbox.environment import GOOGLE_VIEWER_TOKEN
from tests.e2e import firebase_project
from tests.e2e.google_world import STACK, GoogleWorld, Tools
from tests.e2e.test_adopt_firebase import ADOPT, DROP, urns
from tests.e2e.test_adoption import OLD_VALUE, TABLES, production

pytestmark = pytest.mark.e2e

FUNCTIONS, INDEXES, OVERRIDES = 28, 22, 3
WITHOUT_INDEX, WITHOUT_INVOKER, STRAY = "c0", "f0", "stray"
TOPIC = f"firebase-schedule-{STRAY}-{REGION}"
OTHER_RULES = "rules_version = '2';\nservice cloud.firestore { }\n"
VIEWER = "sandbox-railway-viewer"


@dataclass
class Seen:
    """The output of each step, what both clouds have after it, and its report."""

    done: dict[str, subprocess.CompletedProcess[str]] = field(
        default_factory=dict[str, "subprocess.CompletedProcess[str]"]
    )
    clouds: dict[str, Any] = field(default_factory=dict[str, Any])
    reports: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, "list[dict[str, Any]]"])
    state: dict[str, set[str]] = field(default_factory=dict[str, "set[str]"])
    operations: dict[str, dict[str, int]] = field(default_factory=dict[str, "dict[str, int]"])
    unread: list[str] = field(default_factory=list[str])

    def names(self, step: str, kind: str, verdict: str) -> set[str]:
        """The names in one column of the report."""
        return {row["name"] for row in self.reports[step] if (row["kind"], row["verdict"]) == (kind, verdict)}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Report as a viewer, then adopt."""
    folder = tmp_path_factory.mktemp("large")
    tools = Tools(folder / "tools")
    app = generated_app.write(
        folder / "app", functions=FUNCTIONS, indexes=INDEXES, overrides=OVERRIDES, every_kind=True
    )
    shutil.copy(app.settings, tools.program / f"Pulumi.{STACK}.yaml")
    report = folder / "report.json"
    found = Seen()
    with GoogleWorld(folder / "world", tools) as world:

        def clouds() -> Any:
            state = world.railway("state")
            return firebase_project.objects(world), {table: state[table] for table in TABLES}

        def adopt(name: str, *options: str, **environ: str) -> None:
            kept = world.environ
            world.environ = {**kept, **environ}
            world.google("counters/reset", {})
            found.done[name] = world.call(command=[*ADOPT, *options, "--report", f"json:{report}"])
            world.environ = kept
            found.operations[name] = world.google("counters")["operations"]
            document = json.loads(report.read_text())
            found.reports[name] = document["rows"]
            if environ:
                found.unread = document["unread"]
            found.clouds[name] = clouds()
            found.state[name] = urns(world)

        project = Project(world.google_url)
        project.deploy(app)
        edit_by_hand(project)
        ids = production(world)
        world.railway("tokens", {"kind": "account", "token": VIEWER, "viewer": True})
        world.call(command=["pulumi", "stack", "init", STACK, "--non-interactive"])
        world.run("config", "set", "whatsapp-crm:railwayProjectId", ids["Project"])
        found.clouds["before"] = clouds()
        adopt("viewer", GOOGLE_OAUTH_ACCESS_TOKEN=GOOGLE_VIEWER_TOKEN, RAILWAY_API_TOKEN=VIEWER)
        adopt("adopt", "--yes", DROP)
    return found


def edit_by_hand(project: Project) -> None:
    """Delete an index, remove an invoker, publish other rules, and make what the program does not declare."""
    for index in project.indexes():
        if f"/collectionGroups/{WITHOUT_INDEX}/" in index["name"]:
            project.call("DELETE", f"firestore/v1/{index['name']}")
    project.set_invokers(WITHOUT_INVOKER, [])
    project.create_function(STRAY, generated_app.KINDS[0])
    place = f"{BASE}/locations/{REGION}"
    project.call("POST", f"serviceusage/v1/{BASE}/services/cloudtasks.googleapis.com:enable", {})
    project.call("POST", f"cloudtasks/v2/{place}/queues", {"name": f"{place}/queues/{STRAY}"})
    project.call("PUT", f"pubsub/v1/{BASE}/topics/{TOPIC}", {})
    project.call(
        "POST", f"secretmanager/v1/{BASE}/secrets?secretId={STRAY}", {"replication": {"automatic": {}}}
    )
    fields = [{"fieldPath": name, "order": "ASCENDING"} for name in ("a", "b")]
    index = {"queryScope": "COLLECTION", "fields": fields}
    groups = f"firestore/v1/{BASE}/databases/(default)/collectionGroups"
    project.call("POST", f"{groups}/{STRAY}/indexes", index)
    project.release_rules(OTHER_RULES)


def test_each_object_is_in_its_column(seen: Seen) -> None:
    assert seen.done["adopt"].returncode == 0, seen.done["adopt"].stdout
    functions = {f"{REGION}/f{number}" for number in range(FUNCTIONS)}
    assert seen.names("viewer", "function", "changes in place") == functions
    assert len(seen.names("adopt", "function", "changes in place")) == FUNCTIONS
    assert len(seen.names("adopt", "index", "same")) == INDEXES - 1
    (index,) = seen.names("adopt", "index", "will be created")
    assert index.startswith(WITHOUT_INDEX)
    assert seen.names("adopt", "invokers", "will be created") >= {WITHOUT_INVOKER}
    assert len(seen.names("adopt", "ruleset", "will be created")) == 1
    assert len(seen.names("adopt", "rules release", "changes in place")) == 1
    assert not [row for row in seen.reports["adopt"] if row["verdict"] == "cannot be adopted"]


def test_what_is_not_declared_is_listed(seen: Seen) -> None:
    found = {
        kind: seen.names("adopt", kind, "exists and is not declared")
        for kind in ("function", "task queue", "Pub/Sub topic", "secret", "index")
    }
    (index,) = found.pop("index")
    assert index.startswith(STRAY)
    assert found == {
        "function": {f"{REGION}/{STRAY}"},
        "task queue": {f"{REGION}/{STRAY}"},
        "Pub/Sub topic": {TOPIC},
        "secret": {STRAY},
    }


def test_every_kind_is_adopted(seen: Seen) -> None:
    assert len(generated_app.EVERY_KIND) <= FUNCTIONS
    imported = Counter(
        urn.split("::")[-2].rpartition("$")[2].rpartition(":")[2] for urn in seen.state["adopt"]
    )
    assert imported["Function"] == FUNCTIONS
    assert imported["Index"] == INDEXES - 1
    assert imported["Field"] == OVERRIDES


def test_nothing_changes_on_the_clouds(seen: Seen) -> None:
    for step in ("viewer", "adopt"):
        assert seen.clouds[step] == seen.clouds["before"], step


def test_a_viewer_gets_the_report_and_what_it_could_not_read(seen: Seen) -> None:
    done = seen.done["viewer"]
    assert done.returncode == 1, done.stdout
    assert not seen.state["viewer"]
    assert "nothing was imported" in done.stdout
    assert len(seen.unread) == 3
    for line in ("secretmanager.versions.access", "getIamPolicy", "the variables on Railway"):
        assert any(line in one for one in seen.unread), line
    assert all(one in done.stdout for one in seen.unread)
    refused = {row["kind"]: row for row in seen.reports["viewer"] if row["verdict"] == "cannot be adopted"}
    assert refused.keys() == {"railway variables", "token"}
    assert all("RAILWAY_API_TOKEN" in row["fix"] for row in refused.values())


def test_a_viewer_sees_the_same_objects(seen: Seen) -> None:
    for kind in ("function", "index", "field override", "secret", "scheduler job", "railway volume"):
        found = [row for row in seen.reports["viewer"] if row["kind"] == kind]
        later = [row for row in seen.reports["adopt"] if row["kind"] == kind]
        assert Counter(row["verdict"] for row in found) == Counter(row["verdict"] for row in later), kind


def test_the_lists_are_read_page_by_page(seen: Seen) -> None:
    lists = {name: count for name, count in seen.operations["viewer"].items() if name.endswith(".list")}
    assert lists
    assert set(lists.values()) == {1}, lists


def test_no_value_is_shown(seen: Seen) -> None:
    for step, rows in seen.reports.items():
        assert OLD_VALUE not in json.dumps(rows)
        assert OLD_VALUE not in seen.done[step].stdout
