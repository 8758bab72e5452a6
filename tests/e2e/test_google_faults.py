"""A sample of the Google fault matrix; `make faults` runs all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.google_faults import BATCHES_OF_ONE, KILLS, Case, GoogleLab, changes

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
