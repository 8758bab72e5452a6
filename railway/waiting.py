"""Waiting for an object to appear on Railway, and creating an object that must not be created twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from progress import SlowRequest
from railway.clock import Clock
from railway.graphql.errors import (
    AmbiguousError,
    NotFoundError,
    RejectedError,
    RequestError,
    ServerFaultError,
    WaitTimeoutError,
)

T = TypeVar("T")

_CREATE_SECONDS = 180.0
_ATTEMPTS = 3
_LOOK_SECONDS = 10.0
"""For how long an object is looked for after a creation whose result is unknown."""


def wait_for(
    clock: Clock, what: str, find: Callable[[], T | None], *, seconds: float, every: float = 1.0
) -> T:
    """Poll until `find` returns an object.

    Args:
        clock: the clock to wait with.
        what: what is waited for, for the error message.
        find: reads from Railway; None if the object does not exist yet.
        seconds: the longest wait.
        every: the longest pause between two reads.

    Raises:
        WaitTimeoutError: it did not appear in time.
    """
    with SlowRequest("railway", what) as waiting:
        waiting.reason = f"not on Railway yet; it is looked for during {seconds:.0f} s"
        found = clock.deadline(seconds).poll(find, every=every)
    if found is None:
        raise WaitTimeoutError(
            f"{what} did not appear on Railway within {seconds:.0f} s",
            fix="run `pulumi up` again; it continues where this one stopped",
        )
    return found


def create_once(
    clock: Clock, create: Callable[[], T], find: Callable[[], T | None], *, new_parent: bool = False
) -> T:
    """Create an object with a mutation that is not idempotent.

    After an error that leaves open whether the object was created, it is looked for before the mutation is
    sent again, at most three times in all. It is also looked for after a rejection, because Railway rejects
    what already exists.

    Args:
        clock: the clock to wait with.
        create: sends the mutation once.
        find: reads from Railway, not from a cache; None if the object does not exist.
        new_parent: whether the object's parent was just created, so that Railway may return "not found" for
            it at first; the mutation is then repeated.

    Raises:
        RequestError: the error of the last attempt.
    """
    attempts = 0
    last: RequestError | None = None

    def attempt() -> T | None:
        nonlocal attempts, last
        attempts += 1
        try:
            return create()
        except NotFoundError as error:
            if not new_parent:
                raise
            attempts -= 1
            last = error
            return None
        except (AmbiguousError, ServerFaultError) as error:
            last, seconds = error, _LOOK_SECONDS
        except RejectedError as error:
            last, seconds = error, _LOOK_SECONDS if "already" in error.reason.lower() else 0.0
            attempts = _ATTEMPTS
        found = clock.deadline(seconds).poll(find, every=4.0)
        if found is None and attempts >= _ATTEMPTS:
            raise last
        return found

    created = clock.deadline(_CREATE_SECONDS).poll(attempt, every=5.0)
    if created is None:
        assert last is not None
        raise last
    return created
