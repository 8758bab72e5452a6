"""Whether Railway kept what was written: its answer to most writes is `true`, which proves nothing.

What was written is read back, for some seconds, because Railway may be late; a setting that it took and
dropped then fails the `up` that wrote it, and not the refresh of some later day. Refuses to write again
by itself: the next `up` does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from railway.errors import WaitTimeoutError

if TYPE_CHECKING:
    from railway.graphql.models import Snapshot
    from railway.provider import RailwayProvider
    from railway.snapshot import EnvironmentCache

SECONDS = 20.0
EVERY = 4.0


@dataclass(frozen=True)
class Mismatch:
    """A value that is not what was written.

    Args:
        name: our property.
        value: what is read back, None if nothing.
        wanted: what was written, None if it was taken back.
    """

    name: str
    value: object
    wanted: object

    def __str__(self) -> str:
        return f"{self.name} is {_shown(self.value)} and should be {_shown(self.wanted)}"


def read_back(
    provider: RailwayProvider,
    cache: EnvironmentCache,
    what: str,
    unkept: Callable[[Snapshot], tuple[Mismatch, ...]],
    *,
    fix: str,
) -> Snapshot:
    """Look until all that was written is there, at first in the shared reading: drop it before.

    Args:
        provider: whose clock counts.
        cache: where to look.
        what: what was written, for people.
        unkept: what a reading says differently.
        next_step: what a person should do if it stays so.

    Returns:
        The reading in which all is there.

    Raises:
        WaitTimeoutError: something was not kept.
        RailwayError: it could not be read.
    """
    wrong: tuple[Mismatch, ...] = ()

    def look() -> Snapshot | None:
        nonlocal wrong
        view = cache.refresh() if wrong else cache.snapshot()
        wrong = unkept(view)
        return None if wrong else view

    try:
        return provider.wait_for(what, look, seconds=SECONDS, every=EVERY)
    except WaitTimeoutError:
        said = "; ".join(str(one) for one in wrong)
        raise WaitTimeoutError(
            f"Railway took {what}, but did not keep all of it: {SECONDS:.0f} s later {said}",
            fix=fix,
        ) from None


def _shown(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
