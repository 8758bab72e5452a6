"""Nothing is written to a service whose volume was deleted."""

from __future__ import annotations

import pytest

from railway.deleted_volume import check_volume_exists
from railway.graphql.errors import MissingError
from railway.graphql.models import EnvironmentView, Snapshot, VolumeView

pytestmark = pytest.mark.unit

DELETED, LIVE, ELSEWHERE = ("ours", True), ("ours", False), ("another", True)


def view(*volumes: tuple[str, bool]) -> Snapshot:
    """An environment with volumes, each with its service and whether it is deleted."""
    rows = tuple(
        VolumeView(f"i{n}", f"v{n}", f"name-{n}", service, "/data", "us-west2", 50_000, "READY", deleted)
        for n, (service, deleted) in enumerate(volumes)
    )
    return Snapshot(None, EnvironmentView("e", "production", (), rows, (), None))


@pytest.mark.parametrize("volumes", [(DELETED,), (ELSEWHERE, DELETED), (DELETED, DELETED)])
def test_a_deleted_volume_is_an_error(volumes: tuple[tuple[str, bool], ...]) -> None:
    with pytest.raises(MissingError, match=f"name-{len(volumes) - 1} .*can be restored for 48 hours"):
        check_volume_exists(view(*volumes), "ours", {}, allow_new_volume=False)


@pytest.mark.parametrize("volumes", [(), (LIVE,), (DELETED, LIVE), (ELSEWHERE,)])
def test_any_other_service_is_written(volumes: tuple[tuple[str, bool], ...]) -> None:
    check_volume_exists(view(*volumes), "ours", {}, allow_new_volume=False)
    check_volume_exists(Snapshot(None, None), "ours", {}, allow_new_volume=False)


def test_a_new_volume_can_be_allowed() -> None:
    check_volume_exists(view(DELETED), "ours", {}, allow_new_volume=True)
