"""A production that firebase-tools deployed is adopted: everything that exists is imported, nothing of it is
created again, replaced or deleted, and the `up` after it changes what the report said.

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

from sandbox import firebase_tools
from sandbox.environment import GOOGLE_PROJECT
from tests.e2e import firebase_project
from tests.e2e.engine_kills import kill_tree, remove_torn_files
from tests.e2e.google_world import STACK, GoogleWorld

pytestmark = pytest.mark.e2e

ADOPT = (".venv/bin/python", "-m", "ops", "adopt", "--stack", STACK)
FUNCTIONS, INDEXES = 9, 11
DATABASE = "gcp:firestore/database:Database"
"""The `up` imports it (ADR 0011)."""
REPEATED = {"service agent", "source archive", "project role", "account role", "secret reader", "key"}
"""Kinds of which an object is created again without effect, or cannot exist already."""


@dataclass
class Seen:
    """The output of each step, Google's objects after it, and the reports."""

    done: dict[str, subprocess.CompletedProcess[str]] = field(
        default_factory=dict[str, "subprocess.CompletedProcess[str]"]
    )
    google: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=dict[str, "dict[str, dict[str, Any]]"]
    )
    reports: dict[str, Any] = field(default_factory=dict[str, Any])
    state: dict[str, set[str]] = field(default_factory=dict[str, "set[str]"])
    secret: str = ""
    operations: dict[str, dict[str, int]] = field(default_factory=dict[str, "dict[str, int]"])

    def rows(self, step: str, verdict: str) -> Counter[str]:
        """How many rows of each kind have a verdict."""
        return Counter(row["kind"] for row in self.reports[step]["rows"] if row["verdict"] == verdict)


def urns(world: GoogleWorld) -> set[str]:
    """What the state has."""
    deployment = json.loads(world.run("stack", "export"))["deployment"]
    return {row["urn"] for row in deployment.get("resources") or []}


def kill_import(world: GoogleWorld) -> bool:
    """Adopt, and kill the command with its engine and plugins at a request of the import; whether it came."""
    hold = {"operation": "GET secretmanager.projects.secrets.get", "nth": 2, "when": "before"}
    world.google("counters/reset", {})
    world.google("hold", hold)
    process = subprocess.Popen(
        [*ADOPT, "--yes"],
        cwd=world.tools.program,
        env=world.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    held = False
    while process.poll() is None and not held:
        held = "operation" in world.google("held?timeout=0.2")
    kill_tree(process.pid)
    process.wait()
    world.google("release", {})
    remove_torn_files(world.folder / "state")
    return held


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Run all steps on one stack, in order."""
    folder = tmp_path_factory.mktemp("adopt")
    tools = firebase_project.write_program(folder)
    firebase_project.prepare(folder / "world")
    report = folder / "report.json"
    found = Seen()
    with GoogleWorld(folder / "world", tools) as world:

        def step(name: str, *arguments: str, command: list[str] | None = None) -> None:
            world.google("counters/reset", {})
            found.done[name] = world.call(*arguments, command=command)
            found.operations[name] = world.google("counters")["operations"]
            found.google[name] = firebase_project.objects(world)
            found.state[name] = urns(world)

        def adopt(name: str, *options: str) -> None:
            step(name, command=[*ADOPT, *options, "--report", f"json:{report}"])
            found.reports[name] = json.loads(report.read_text())

        if firebase_tools.is_installed():
            home = folder / "home"
            home.mkdir()
            firebase_project.deploy(world, folder / "crm", home)
        world.call(command=["pulumi", "stack", "init", STACK, "--non-interactive"])
        found.secret = world.run("config", "get", "--path", "whatsapp-crm:secrets.GROQ_API_KEY").strip()
        firebase_project.add_version(world, "GROQ_API_KEY", found.secret)
        found.google["before"] = firebase_project.objects(world)
        shutil.copytree(folder / "world", folder / "edited")
        adopt("report")
        assert kill_import(world)
        found.state["killed"] = urns(world)
        world.run("cancel", "--yes")
        adopt("adopt", "--yes")
        step("undo", command=[*ADOPT, "--undo"])
        adopt("adopt again", "--yes")
        step("preview", "preview", "--json", "--show-sames")
        step("up", "up", "--yes", "--skip-preview")
        step("drift", "preview", "--refresh", "--run-program", "--expect-no-changes", "--diff")
        adopt("afterwards")
        step("undo afterwards", command=[*ADOPT, "--undo"])
    with GoogleWorld(folder / "edited", tools) as edited:
        edit_by_hand(edited)
        found.done["edited"] = edited.call(command=[*ADOPT, "--report", f"json:{report}"])
        found.reports["edited"] = json.loads(report.read_text())
    return found


BASE = f"projects/{GOOGLE_PROJECT}"
PLACE = f"{BASE}/locations/europe-west1"
OTHER_RULES = "rules_version = '2';\nservice cloud.firestore { }\n"


def edit_by_hand(world: GoogleWorld) -> None:
    """Delete an index, remove an invoker, and make what the program does not declare."""
    google = firebase_project.google
    path = f"firestore/v1/{BASE}/databases/(default)/collectionGroups/-/indexes"
    google(world, "DELETE", f"firestore/v1/{google(world, 'GET', path)['indexes'][0]['name']}")
    functions = google(world, "GET", f"cloudfunctions/v2/{PLACE}/functions")["functions"]
    function = next(one for one in functions if "eventTrigger" not in one)
    service = function["serviceConfig"]["service"]
    google(world, "POST", f"run/v2/{service}:setIamPolicy", {"policy": {"bindings": []}})
    build = {key: function["buildConfig"][key] for key in ("runtime", "entryPoint", "source")}
    stray = {"name": f"{PLACE}/functions/stray", "buildConfig": build}
    google(world, "POST", f"cloudfunctions/v2/{PLACE}/functions?functionId=stray", stray)
    files = {"files": [{"name": "firestore.rules", "content": OTHER_RULES}]}
    ruleset = google(world, "POST", f"firebaserules/v1/{BASE}/rulesets", {"source": files})["name"]
    release = {"name": f"{BASE}/releases/cloud.firestore", "rulesetName": ruleset}
    google(world, "PATCH", f"firebaserules/v1/{release['name']}", {"release": release})


def ok(seen: Seen, step: str) -> None:
    """The step ended without an error."""
    assert seen.done[step].returncode == 0, seen.done[step].stdout


def test_the_report_finds_all_that_exists_and_writes_nothing(seen: Seen) -> None:
    ok(seen, "report")
    assert not seen.state["report"]
    assert seen.google["report"] == seen.google["before"]
    reads = ("GET ", "POST cloudresourcemanager.projects.getIamPolicy", "POST firebaserules.projects.test")
    assert not [name for name in seen.operations["report"] if not name.startswith(reads)]
    changes, same = seen.rows("report", "changes in place"), seen.rows("report", "same")
    assert changes["function"] == FUNCTIONS
    assert same["index"] == INDEXES
    assert same["secret"] == 3
    assert same["secret version"] == 1
    assert same["ruleset"] == same["rules release"] == 1
    assert changes["scheduler job"] == 1


def test_the_report_reads_lists_page_by_page(seen: Seen) -> None:
    lists = {name: count for name, count in seen.operations["report"].items() if name.endswith(".list")}
    assert lists
    assert set(lists.values()) == {1}, lists
    single = ("functions.get", "indexes.get", "fields.get", "jobs.get", "secrets.get")
    assert not [name for name in seen.operations["report"] if name.endswith(single)]


def test_the_report_says_who_loses_access_and_how_the_functions_change(seen: Seen) -> None:
    out = seen.done["report"].stdout
    assert "it is rebuilt" in out
    assert '    labels.deployment-tool: "cli-firebase" -> "pulumi"' in out
    assert "compute@developer.gserviceaccount.com" in out
    assert "-> removed" in out


def test_a_killed_import_is_continued_by_the_same_command(seen: Seen) -> None:
    ok(seen, "adopt")
    assert seen.state["killed"] < seen.state["adopt"]
    assert seen.state["adopt"] == seen.state["adopt again"]


def test_nothing_changes_on_google_by_an_adoption(seen: Seen) -> None:
    for step in ("adopt", "undo", "adopt again"):
        assert seen.google[step] == seen.google["before"], step


def test_undo_empties_the_state_again(seen: Seen) -> None:
    ok(seen, "undo")
    assert not seen.state["undo"]


def test_after_the_import_nothing_that_exists_is_created_replaced_or_deleted(seen: Seen) -> None:
    ok(seen, "adopt again")
    ok(seen, "preview")
    steps = json.loads(seen.done["preview"].stdout)["steps"]
    operations = Counter(step["op"] for step in steps)
    assert operations.keys() <= {"same", "update", "create", "import"}
    imported = [step["urn"] for step in steps if step["op"] == "import"]
    assert [urn.split("::")[-2].rpartition("$")[2] for urn in imported] == [DATABASE]
    adopted = seen.rows("report", "same") + seen.rows("report", "changes in place")
    created = seen.rows("adopt again", "will be created")
    for kind in adopted.keys() - REPEATED:
        assert created[kind] == seen.rows("report", "will be created")[kind], kind


def test_the_next_preview_changes_what_the_report_said_and_nothing_else(seen: Seen) -> None:
    steps = json.loads(seen.done["preview"].stdout)["steps"]
    changed = {step["urn"] for step in steps if step["op"] == "update"}
    rows = [row for row in seen.reports["report"]["rows"] if row["verdict"] == "changes in place"]
    assert changed == {row["urn"] for row in rows}


def test_the_import_reads_no_function_by_itself(seen: Seen) -> None:
    assert not [name for name in seen.operations["adopt again"] if name.endswith("functions.get")]


def test_the_up_keeps_every_object_and_the_next_preview_is_empty(seen: Seen) -> None:
    ok(seen, "up")
    ok(seen, "drift")
    before, after = seen.google["before"], seen.google["up"]
    for collection, content in before.items():
        if not collection.endswith(("/versions", "/enabled")):
            assert content.keys() <= after.get(collection, {}).keys(), collection
    indexes = next(name for name in before if name.endswith("/indexes"))
    assert before[indexes].keys() == after[indexes].keys()
    rulesets = next(name for name in before if name.endswith("/rulesets"))
    assert before[rulesets].keys() == after[rulesets].keys()
    versions = next(name for name in after if name.endswith("GROQ_API_KEY/versions"))
    assert after[versions].keys() == before[versions].keys(), "the value is the configured one already"


def test_afterwards_there_is_nothing_to_adopt_and_no_way_back(seen: Seen) -> None:
    ok(seen, "afterwards")
    assert "0 to import" in seen.done["afterwards"].stdout
    assert not seen.rows("afterwards", "cannot be adopted")
    assert seen.done["undo afterwards"].returncode == 2
    assert "fix: to let Pulumi forget everything" in seen.done["undo afterwards"].stdout


def test_what_was_edited_by_hand_is_in_its_column(seen: Seen) -> None:
    ok(seen, "edited")
    assert seen.rows("edited", "same")["index"] == INDEXES - 1
    assert seen.rows("edited", "will be created")["index"] == 1
    created = seen.rows("report", "will be created")["invokers"]
    assert seen.rows("edited", "will be created")["invokers"] == created + 1
    assert seen.rows("edited", "will be created")["ruleset"] == 1
    assert seen.rows("edited", "changes in place")["rules release"] == 1
    assert "      -service cloud.firestore { }" in seen.done["edited"].stdout.splitlines()
    rows = [row for row in seen.reports["edited"]["rows"] if row["verdict"] == "exists and is not declared"]
    assert "europe-west1/stray" in {row["name"] for row in rows if row["kind"] == "function"}
    assert not [row for row in seen.reports["report"]["rows"] if row["name"] == "europe-west1/stray"]


def test_no_report_has_a_secret(seen: Seen) -> None:
    assert len(seen.secret) > 8
    for step in seen.reports:
        assert seen.secret not in json.dumps(seen.reports[step])
        assert seen.secret not in seen.done[step].stdout
