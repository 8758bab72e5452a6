"""An object that must not be created twice is looked for before its creation is repeated."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from railway.graphql.errors import (
    AmbiguousError,
    NotFoundError,
    RejectedError,
    RequestError,
    WaitTimeoutError,
)
from railway.waiting import create_once, wait_for
from tests.unit.railway.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit


def creation(*answers: RequestError | str) -> tuple[Callable[[], str], list[int]]:
    """A mutation with these answers in order; and how often it was sent."""
    left, sent = list(answers), [0]

    def create() -> str:
        sent[0] += 1
        answer = left.pop(0)
        if isinstance(answer, RequestError):
            raise answer
        return answer

    return create, sent


AMBIGUOUS = AmbiguousError("Create", "HTTP 504")
EXISTS = RejectedError("Create", "the name already exists")
NOT_FOUND = NotFoundError("Create", "parent not found")


@pytest.mark.parametrize("answer", [AMBIGUOUS, EXISTS])
def test_an_object_that_exists_after_an_error_is_used(answer: RequestError) -> None:
    create, sent = creation(answer)
    reads = iter([None, None, "created"])
    assert create_once(VirtualClock(), create, lambda: next(reads)) == "created"
    assert sent == [1]


def test_the_creation_is_repeated_only_if_the_object_does_not_exist() -> None:
    create, sent = creation(AMBIGUOUS, AMBIGUOUS, "created")
    assert create_once(VirtualClock(), create, lambda: None) == "created"
    assert sent == [3]
    create, sent = creation(*[AMBIGUOUS] * 9)
    with pytest.raises(AmbiguousError):
        create_once(VirtualClock(), create, lambda: None)
    assert sent == [3]


def test_a_rejection_is_an_error_if_the_object_does_not_exist() -> None:
    create, sent = creation(EXISTS, "second")
    with pytest.raises(RejectedError):
        create_once(VirtualClock(), create, lambda: None)
    assert sent == [1]


def test_a_new_parent_may_not_be_found_at_first() -> None:
    create, sent = creation(*[NOT_FOUND] * 5, "created")
    assert create_once(VirtualClock(), create, lambda: None, new_parent=True) == "created"
    assert sent == [6]
    create, sent = creation(NOT_FOUND, "created")
    with pytest.raises(NotFoundError):
        create_once(VirtualClock(), create, lambda: None)
    assert sent == [1]


def test_an_object_that_does_not_appear_is_an_error() -> None:
    with pytest.raises(WaitTimeoutError, match="the volume did not appear on Railway within 3 s"):
        wait_for(VirtualClock(), "the volume", lambda: None, seconds=3)
