"""A sample of the Google fault matrix; `make faults` runs all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.google_faults import ADOPT, BATCHES_OF_ONE, KILLS, Case, GoogleLab, changes

pytestmark = pytest.mark.e2e

SAMPLE = 4
KILLED = (
    Case("POST cloudfunctions.projects.locations.functions.create", 1, "kill_after", "change"),
    Case("POST iam.projects.serviceAccounts.keys.create", 1, "plugin_kill_after", "change"),
)


@pytest.fixture(scope="module")
def lab() -> Iterator[GoogleLab]:
    """A stack to copy."""
    with GoogleLab() as lab:
        yield lab


@pytest.mark.parametrize("part", range(SAMPLE))
def test_a_failure_loses_and_doubles_nothing(lab: GoogleLab, part: int) -> None:
    """Everything declared exists once, nothing else does, and the next preview is empty."""
    cases = lab.matrix("create")
    lab.run_until_it_came(cases[len(cases) // (2 * SAMPLE) + part * len(cases) // SAMPLE])


@pytest.mark.parametrize("case", KILLED, ids=str)
def test_a_kill_during_a_change_loses_and_doubles_nothing(lab: GoogleLab, case: Case) -> None:
    """The same for an object that is being replaced, and for a key that nobody holds."""
    assert case in lab.matrix("change")
    took = lab.run_until_it_came(case)
    assert took.endswith("up")


@pytest.mark.parametrize("recorded", [True, False])
def test_a_source_that_was_replaced_in_a_killed_up_is_no_obstacle_to_an_import(
    lab: GoogleLab, recorded: bool
) -> None:
    """The state has the new source behind the functions that use it, or does not have it, and the old one is
    about to be deleted: the import ended with "snapshot integrity failure". Whether a kill leaves one or the
    other depends on its moment."""
    with lab.applied("create") as world:
        state: dict[str, Any] = json.loads(world.run("stack", "export"))
        rows: list[dict[str, Any]] = state["deployment"]["resources"]
        source = next(row for row in rows if row["urn"].endswith(":BucketObject::functions-source-default"))
        job = next(row for row in rows if row["type"].endswith(":Job"))
        old = {**source, "delete": True, "id": f"{source['id']}-old" if recorded else source["id"]}
        kept = [old if row is source else row for row in rows if row is not job]
        state["deployment"]["resources"] = [*_without(kept, job["urn"]), *[source] * recorded]
        file = world.folder / "edited.json"
        file.write_text(json.dumps(state))
        world.run("stack", "import", "--file", str(file))
        done = world.call(command=[*ADOPT.split(), "--yes"])
        assert done.returncode == 0, done.stdout
        assert "\nadopted: 1." in done.stdout
        world.run("up", "--yes", "--skip-preview")
        world.run("preview", "--refresh", "--run-program", "--expect-no-changes", "--suppress-outputs")


def _without(rows: list[dict[str, Any]], urn: str) -> Iterator[dict[str, Any]]:
    """The rows of a state, without what they say of another resource."""
    for row in rows:
        properties: dict[str, list[str]] = row.get("propertyDependencies") or {}
        yield {
            **row,
            "dependencies": [one for one in row.get("dependencies") or [] if one != urn],
            "propertyDependencies": {
                name: [one for one in urns or [] if one != urn] for name, urns in properties.items()
            },
        }


def test_the_matrix_has_every_operation_of_a_first_up(lab: GoogleLab) -> None:
    cases = lab.matrix("create")
    assert len(cases) == len({str(case) for case in cases})
    assert {case.request for case in cases} == lab.undisturbed("create").requests.keys() - set(BATCHES_OF_ONE)
    assert len({case.request for case in cases if changes(case.request)}) >= 19


def test_a_change_kills_at_every_operation_and_changes_every_kind(lab: GoogleLab) -> None:
    cases = lab.matrix("change")
    requests = lab.undisturbed("change").requests
    assert {case.request for case in cases} == requests.keys() - set(BATCHES_OF_ONE)
    assert {case.kind for case in cases} == {*KILLS}


def test_an_index_is_deleted_after_everything_that_may_query_it(lab: GoogleLab) -> None:
    """The old code of functions, also of those that are deleted in the same `up`, queries the old index."""
    with lab.applied("create") as world:
        lab.tools.declare("changed")
        world.google("counters/reset", {})
        world.run("up", "--yes", "--skip-preview")
        sent = [str(record["operation"]) for record in world.google("requests")]
    functions, indexes = "cloudfunctions.projects.locations.functions.", "collectionGroups.indexes."
    code = [at for at, one in enumerate(sent) if functions in one and changes(one)]
    assert {sent[at].rpartition(".")[2] for at in code} >= {"create", "patch", "delete"}
    (created,) = [at for at, one in enumerate(sent) if one.endswith(f"{indexes}create")]
    (deleted,) = [at for at, one in enumerate(sent) if one.endswith(f"{indexes}delete")]
    assert created < min(code)
    assert deleted > max(code)
