"""A sample of the Google fault matrix; `make faults` runs all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.google_faults import BATCHES_OF_ONE, GoogleLab, changes, matrix

pytestmark = pytest.mark.e2e

SAMPLE = 4


@pytest.fixture(scope="module")
def lab() -> Iterator[GoogleLab]:
    """A stack to copy."""
    with GoogleLab() as lab:
        yield lab


@pytest.mark.parametrize("part", range(SAMPLE))
def test_a_failure_loses_and_doubles_nothing(lab: GoogleLab, part: int) -> None:
    """Everything declared exists once, nothing else does, and the next preview is empty."""
    cases = list(matrix(lab.requests))
    lab.run_until_it_came(cases[len(cases) // (2 * SAMPLE) + part * len(cases) // SAMPLE])


def test_the_matrix_has_every_operation_of_a_first_up(lab: GoogleLab) -> None:
    cases = list(matrix(lab.requests))
    assert len(cases) == len({str(case) for case in cases})
    assert {case.operation for case in cases} == lab.requests.keys() - set(BATCHES_OF_ONE)
    assert len({case.operation for case in cases if changes(case.operation)}) >= 19
