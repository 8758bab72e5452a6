"""A fixed sample of the fault matrix, one of each way to fail and to be killed, through provider processes
started as the engine starts them. The whole is `make faults`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.fault_matrix import recorded
from tests.conformance.railway_changes import CHANGED, FIRST, STAYS
from tests.conformance.railway_faults import KILLS, KINDS, OPERATIONS, Case, Lab, matrix, run_until_it_came
from tests.conformance.railway_world import ORDER, Engine

pytestmark = pytest.mark.conformance

EVERY = 47
SAMPLE = tuple(matrix())[::EVERY]
"""Every so many: a step that has no divisor in common with the ways to fail meets all of them."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Where cases start from."""
    with Lab() as lab:
        yield lab


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_whatever_fails_the_next_up_repairs(lab: Lab, case: Case) -> None:
    """Exactly one of everything, the same volume, one deployment for each `up` at most, nothing else
    touched."""
    run_until_it_came(lab, case)


def test_the_matrix_has_every_request_and_the_sample_every_way_to_fail(lab: Lab) -> None:
    """So that neither shrinks unseen."""
    assert recorded(lab) == []
    assert {case.kind for case in SAMPLE} == {*KINDS, *KILLS}
    whole = list(matrix())
    assert len(whole) == len(set(whole)) == 19 * sum(map(len, OPERATIONS.values()))
    assert 20 <= len(SAMPLE) <= 30


@pytest.mark.parametrize(("key", "provider"), ORDER, ids=[key for key, _ in ORDER])
def test_the_up_that_changes_everything_does(key: str, provider: object, lab: Lab) -> None:
    """Every field of every table, except what is named with its reason."""
    with lab.bench("change") as (_, engine):
        assert isinstance(engine, Engine)
        first, second = engine.inputs(key, FIRST), engine.inputs(key, CHANGED)
        assert first is not None
        assert second is not None
    fields = {field.name for field in dict(ORDER)[key].FIELDS}
    same = {name for name in fields if first.get(name) == second.get(name)}
    assert {name for name in same if name not in STAYS and f"{key}.{name}" not in STAYS} == set()
