"""A production that firebase-tools deployed, with a Railway project made by hand, is adopted: everything that
exists is imported, nothing of it is created again, replaced or deleted, and the `up` after it changes what
the report said. A later deployment by firebase-tools is drift.

The steps run once for the whole file; the tests check their output.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from ops.adopt import matrix
from ops.adopt.google_rows import REPEATED as AGAIN
from sandbox import firebase_tools
from tests.e2e import firebase_project
from tests.e2e.engine_kills import kill_tree, remove_torn_files
from tests.e2e.google_world import STACK, GoogleWorld
from tests.e2e.test_adoption import OLD_VALUE, TABLES, production

pytestmark = pytest.mark.e2e

OPS = (".venv/bin/python", "-m", "ops")
ADOPT = (*OPS, "adopt", "--stack", STACK)
DROP = "--drop-undeclared-variables"
"""The Railway project has variables that the program does not declare."""
FUNCTIONS, INDEXES = 9, 11
SECRETS = ("ADMIN_EMAILS", "GROQ_API_KEY", "RAILWAY_WHATSAPP_URL")
RAILWAY_KINDS = {
    "Project": "projects",
    "Service": "services",
    "Volume": "volumes",
    "ServiceDomain": "domains",
}
"""Resource -> the sandbox's table."""
DATABASE = "gcp:firestore/database:Database"
"""The `up` imports it (ADR 0011)."""
EXPLAINED = {
    "cloudfunctions/": "function",
    "run/": "function",
    "eventarc/": "function",
    "storage/objects/gcf-v2-sources-": "function",
    "cloudscheduler/": "scheduler job",
    "policy/run": "invokers",
    "policy/secretmanager": "secret readers",
    "policy/projects": "project role",
    "secretmanager/": "secret version",
}
"""The sandbox's collections in which objects change -> the kind of the rows that say so. Of secrets, the
versions before the newest are disabled.
"""
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
    operations: dict[str, dict[str, int]] = field(default_factory=dict[str, "dict[str, int]"])
    railway: dict[str, Any] = field(default_factory=dict[str, Any])
    files: dict[str, Any] = field(default_factory=dict[str, Any])
    ids: dict[str, str] = field(default_factory=dict[str, str])
    secrets: list[str] = field(default_factory=list[str])
    listed: list[str] = field(default_factory=list[str])

    def rows(self, step: str, verdict: str) -> Counter[str]:
        """How many rows of each kind have a verdict."""
        return Counter(row["kind"] for row in self.reports[step]["rows"] if row["verdict"] == verdict)

    def urns(self, step: str, verdict: str) -> set[str]:
        """The resources of the rows that have a verdict."""
        return {row["urn"] for row in self.reports[step]["rows"] if row["verdict"] == verdict and row["urn"]}

    def collection(self, step: str, end: str) -> dict[str, Any]:
        """The objects of the Google collection whose name ends with a text."""
        return next(content for name, content in self.google[step].items() if name.endswith(end))


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
        [*ADOPT, "--yes", DROP],
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

        def record(name: str) -> None:
            found.google[name] = firebase_project.objects(world)
            state = world.railway("state")
            found.railway[name] = {table: state[table] for table in TABLES}
            found.files[name] = world.railway(f"volumes/{found.ids['Volume']}/files")
            found.state[name] = urns(world)

        def step(name: str, *arguments: str, command: list[str] | None = None) -> None:
            world.google("counters/reset", {})
            found.done[name] = world.call(*arguments, command=command)
            found.operations[name] = world.google("counters")["operations"]
            record(name)

        def adopt(name: str, *options: str) -> None:
            step(name, command=[*ADOPT, *options, "--report", f"json:{report}"])
            found.reports[name] = json.loads(report.read_text())

        if firebase_tools.is_installed():
            firebase_project.deploy(world, folder / "crm", folder / "home")
        found.ids = production(world)
        world.call(command=["pulumi", "stack", "init", STACK, "--non-interactive"])
        world.run("config", "set", "whatsapp-crm:railwayProjectId", found.ids["Project"])
        found.secrets = firebase_project.set_secrets(world, f"https://{backend_domain(world)}")
        record("before")
        adopt("no choice", "--yes")
        adopt("report", DROP)
        assert kill_import(world)
        found.state["killed"] = urns(world)
        world.run("cancel", "--yes")
        adopt("adopt", "--yes", DROP)
        step("undo", command=[*ADOPT, "--undo"])
        adopt("adopt again", "--yes", DROP)
        step("preview", "preview", "--json", "--show-sames")
        step("up", "up", "--yes", "--skip-preview", "--json")
        step("drift", "preview", "--refresh", "--run-program", "--expect-no-changes", "--diff")
        adopt("afterwards")
        step("undo afterwards", command=[*ADOPT, "--undo"])
        if firebase_tools.is_installed():
            found.listed = firebase_tools.functions(world.google_url, folder / "crm", folder / "home")
        firebase_project.deploy_as_colleague(world, folder)
        step("drift of a colleague", command=[*OPS, "drift", "--stack", STACK])
    return found


def backend_domain(world: GoogleWorld) -> str:
    """The domain of the backend that was made by hand."""
    (domain,) = world.railway("state")["domains"].values()
    return str(domain["domain"])


def ok(seen: Seen, step: str) -> None:
    """The step ended without an error."""
    assert seen.done[step].returncode == 0, seen.done[step].stdout


def test_without_a_choice_undeclared_variables_stop_the_import(seen: Seen) -> None:
    done = seen.done["no choice"]
    assert done.returncode == 1, done.stdout
    assert not seen.state["no choice"]
    assert seen.google["no choice"] == seen.google["before"]
    assert seen.railway["no choice"] == seen.railway["before"]
    refused = [row for row in seen.reports["no choice"]["rows"] if row["verdict"] == "cannot be adopted"]
    assert {row["name"] for row in refused} == {"OLD", "OLDER"}
    for choice in (DROP, "--write-config", "backendVariables.OLDER"):
        assert choice in refused[1]["fix"], choice


def test_the_report_finds_all_that_exists_and_writes_nothing(seen: Seen) -> None:
    ok(seen, "report")
    assert not seen.state["report"]
    assert seen.google["report"] == seen.google["before"]
    reads = ("GET ", "POST cloudresourcemanager.projects.getIamPolicy", "POST firebaserules.projects.test")
    assert not [name for name in seen.operations["report"] if not name.startswith(reads)]
    changes, same, created = (
        seen.rows("report", verdict) for verdict in ("changes in place", "same", "will be created")
    )
    assert changes["function"] == FUNCTIONS
    assert same["index"] == INDEXES
    assert same["secret"] == len(SECRETS)
    # The address of the backend is known once its service is imported.
    assert (same["secret version"], created["secret version"]) == (len(SECRETS) - 1, 1)
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
        assert created[kind] <= seen.rows("report", "will be created")[kind], kind
    assert not created["secret version"]


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


def test_the_up_does_what_the_report_said_and_nothing_else(seen: Seen) -> None:
    """Of each object: components, providers and checks have no row."""
    repeated = {row["urn"] for row in seen.reports["adopt again"]["rows"] if row["reason"] == AGAIN}
    expected = {
        **dict.fromkeys(seen.urns("adopt again", "same"), "same"),
        **dict.fromkeys(seen.urns("adopt again", "changes in place"), "update"),
        **dict.fromkeys(seen.urns("adopt again", "will be created") | repeated, "create"),
    }
    done = operations(seen.done["up"].stdout)
    assert {urn: operation for urn, operation in done.items() if urn in expected} == expected
    others = {urn for urn, operation in done.items() if urn not in expected and operation != "same"}
    assert not {urn for urn in others if matrix.kind(urn.split("::")[-2].rpartition("$")[2])}


def operations(events: str) -> dict[str, str]:
    """The operation on each resource, by the engine's events."""
    lines = (json.loads(line) for line in events.splitlines() if line.startswith("{"))
    metadata = [line["resOutputsEvent"]["metadata"] for line in lines if "resOutputsEvent" in line]
    return {str(one["urn"]): str(one["op"]) for one in metadata}


def test_google_changes_only_where_the_report_has_a_change(seen: Seen) -> None:
    before, after = seen.google["before"], seen.google["up"]
    changed = Counter(
        next((prefix for prefix in EXPLAINED if collection.startswith(prefix)), collection)
        for collection, content in before.items()
        for name, value in content.items()
        if after[collection].get(name) != value
    )
    assert changed.keys() <= EXPLAINED.keys(), changed
    rows = seen.rows("adopt again", "changes in place")
    for prefix in ("cloudfunctions/", "cloudscheduler/", "policy/run", "policy/secretmanager"):
        assert changed[prefix] == rows[EXPLAINED[prefix]], prefix


def test_railway_keeps_each_object_and_the_files(seen: Seen) -> None:
    for step in ("report", "adopt", "undo", "adopt again"):
        assert seen.railway[step] == seen.railway["before"], step
    for resource, table in RAILWAY_KINDS.items():
        assert [*seen.railway["up"][table]] == [*seen.railway["before"][table]] == [seen.ids[resource]]
    assert seen.files["up"] == seen.files["before"] != {}
    assert len(seen.railway["up"]["deployments"]) == len(seen.railway["before"]["deployments"]) + 1


def test_functions_keep_their_addresses(seen: Seen) -> None:
    def addresses(step: str) -> dict[str, tuple[str, str, str]]:
        functions = seen.collection(step, "europe-west1/functions")
        return {
            name: (one["url"], one["serviceConfig"]["uri"], one["serviceConfig"]["service"])
            for name, one in functions.items()
        }

    assert len(addresses("before")) == FUNCTIONS
    assert addresses("up") == addresses("before")


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_with_the_configured_value_gets_no_version(seen: Seen, secret: str) -> None:
    before, after = (seen.collection(step, f"{secret}/versions") for step in ("before", "up"))
    newest = max(before, key=int)
    assert after.keys() == before.keys()
    assert after[newest] == before[newest]


@firebase_project.needs_firebase_tools
def test_firebase_tools_still_lists_the_functions(seen: Seen) -> None:
    assert sorted(seen.listed) == sorted(seen.collection("before", "europe-west1/functions"))


@firebase_project.needs_firebase_tools
def test_firebase_tools_skips_no_function_that_the_up_has_deployed(seen: Seen) -> None:
    """Its code is that of its deployment before the adoption, so the hash of that is equal."""
    before, after, later = (
        {name: one["labels"] for name, one in seen.collection(step, "europe-west1/functions").items()}
        for step in ("before", "up", "drift of a colleague")
    )
    assert {labels["firebase-functions-hash"] for labels in after.values()} == {"pulumi"}
    assert {labels["deployment-tool"] for labels in later.values()} == {"cli-firebase"}
    # Of functions without secrets, whose versions are part of the hash.
    assert [name for name in before if later[name] == before[name]]


def test_a_later_deployment_of_firebase_tools_is_drift(seen: Seen) -> None:
    done = seen.done["drift of a colleague"]
    assert done.returncode not in (0, 2), done.stdout
    for name in seen.collection("before", "europe-west1/functions"):
        assert f"/functions/{name}]" in done.stdout, name
    assert "RulesRelease: (update)" in done.stdout
    # Pulumi aligns the values of several labels.
    assert re.search(r'deployment-tool *: "cli-firebase" => "pulumi"', done.stdout)


def test_no_report_has_a_secret(seen: Seen) -> None:
    assert len(seen.secrets) == 2
    for secret in [*seen.secrets, OLD_VALUE]:
        for step in seen.reports:
            assert secret not in json.dumps(seen.reports[step])
            assert secret not in seen.done[step].stdout
