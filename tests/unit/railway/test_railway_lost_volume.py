"""Nothing is written to a service whose volume is deleted, and only to such a one."""

from __future__ import annotations

import pytest

from railway.deleted_volume import refuse_without
from railway.errors import MissingError
from railway.graphql.credentials import Access
from railway.graphql.models import EnvironmentView, Snapshot, VolumeView

pytestmark = pytest.mark.unit

GONE, LIVE, ELSEWHERE = ("ours", True), ("ours", False), ("another", True)


def view(*volumes: tuple[str, bool]) -> Snapshot:
    """An environment with volumes: of which service, and whether deleted."""
    rows = tuple(
        VolumeView(f"i{n}", f"v{n}", f"name-{n}", service, "/data", "us-west2", 50_000, "READY", deleted)
        for n, (service, deleted) in enumerate(volumes)
    )
    return Snapshot(None, EnvironmentView("e", "production", (), rows, (), None))


def access(*, allow: bool = False) -> Access:
    return Access("http://127.0.0.1:9", "token", "bearer", allow_new_volume=allow)


@pytest.mark.parametrize("volumes", [(GONE,), (ELSEWHERE, GONE), (GONE, GONE)])
def test_a_service_without_its_volume_is_not_written_to(volumes: tuple[tuple[str, bool], ...]) -> None:
    with pytest.raises(MissingError, match=f"name-{len(volumes) - 1} .*can be restored for 48 hours"):
        refuse_without(view(*volumes), "ours", access())


@pytest.mark.parametrize("volumes", [(), (LIVE,), (GONE, LIVE), (ELSEWHERE,)])
def test_any_other_is(volumes: tuple[tuple[str, bool], ...]) -> None:
    refuse_without(view(*volumes), "ours", access())
    refuse_without(Snapshot(None, None), "ours", access())


def test_so_is_one_that_may_start_empty() -> None:
    refuse_without(view(GONE), "ours", access(allow=True))
