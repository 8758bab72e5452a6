"""Nothing is written to a service whose volume is deleted, and only to such a one."""

from __future__ import annotations

import pytest

from railway.deleted_volume import check_volume_exists
from railway.graphql.errors import MissingError
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


@pytest.mark.parametrize("volumes", [(GONE,), (ELSEWHERE, GONE), (GONE, GONE)])
def test_a_service_without_its_volume_is_not_written_to(volumes: tuple[tuple[str, bool], ...]) -> None:
    with pytest.raises(MissingError, match=f"name-{len(volumes) - 1} .*can be restored for 48 hours"):
        check_volume_exists(view(*volumes), "ours", {}, allow_new_volume=False)


@pytest.mark.parametrize("volumes", [(), (LIVE,), (GONE, LIVE), (ELSEWHERE,)])
def test_any_other_is(volumes: tuple[tuple[str, bool], ...]) -> None:
    check_volume_exists(view(*volumes), "ours", {}, allow_new_volume=False)
    check_volume_exists(Snapshot(None, None), "ours", {}, allow_new_volume=False)


def test_so_is_one_that_may_start_empty() -> None:
    check_volume_exists(view(GONE), "ours", {}, allow_new_volume=True)
