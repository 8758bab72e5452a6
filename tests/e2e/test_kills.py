"""Two of the kills of the real engine; `make faults` has one at every request boundary."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.engine_kills import EngineLab, Kill

pytestmark = pytest.mark.e2e

SAMPLE = (Kill("create", 12, "before"), Kill("change", 14, "before"), Kill("refresh", 3, "before"))


@pytest.fixture(scope="module")
def lab() -> Iterator[EngineLab]:
    """A stack to copy."""
    with EngineLab() as lab:
        yield lab


@pytest.mark.parametrize("kill", SAMPLE, ids=str)
def test_a_killed_engine_loses_and_doubles_nothing(lab: EngineLab, kill: Kill) -> None:
    """The same volume, one of everything, one deployment for each `up` at most; the state decrypts and
    matches."""
    assert lab.run(kill)
