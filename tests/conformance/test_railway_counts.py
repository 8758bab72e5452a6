"""How often we ask Railway, and how often it deploys."""

from __future__ import annotations

import pytest

from tests.conformance.railway_world import VARIABLES, Declared, Engine, World, first_up

pytestmark = pytest.mark.conformance


def test_a_first_up_takes_twelve_requests_and_one_deployment(railway: World) -> None:
    """Looking before each create included, polls apart. The Terraform provider takes 43, and up to 15
    deployments."""
    with railway.operation() as process:
        Engine().up(process, Declared())
    operations, deployments = railway.counts()
    assert sum(operations.values()) == 12, operations
    assert deployments == 1
    assert railway.overlaps() == 0


def test_a_refresh_of_everything_takes_one_request_and_finds_nothing(railway: World) -> None:
    """All reads share one reading."""
    engine = first_up(railway)
    with railway.operation() as process:
        assert engine.refresh(process) == {}
    assert railway.counts() == ({"SnapshotRead": 1}, 0)


def test_an_up_without_changes_sends_no_request(railway: World) -> None:
    """Check and diff send nothing."""
    engine = first_up(railway)
    with railway.operation() as process:
        assert engine.up(process, Declared()) == []
    assert railway.counts() == ({}, 0)


def test_seven_variables_and_the_branch_take_one_deployment(railway: World) -> None:
    """The Terraform provider deploys up to 15 times for this."""
    engine = first_up(railway)
    # The service account must stay one, or the backend is not healthy.
    changed = {
        name: value if name.startswith("FIREBASE") else f"{value}-2" for name, value in VARIABLES.items()
    }
    changed["SESSIONS_PATH"] = VARIABLES["SESSIONS_PATH"]
    changed |= {"ONE": "1", "TWO": "2"}
    with railway.operation() as process:
        done = engine.up(process, Declared(variables=changed, branch="staging"))
    assert done == ["update variables", "update settings", "update deployment"]
    operations, deployments = railway.counts()
    assert deployments == 1
    assert operations == {
        "SnapshotRead": 3,
        "VariablesWrite": 1,
        "ServiceInstanceUpdate": 1,
        "TriggerUpdate": 1,
        "DeployLatest": 1,
    }


@pytest.mark.parametrize("returns", ["patch_id", "workflow_id", "empty"])
def test_a_volume_larger_than_the_plans_default_takes_one_request_more(railway: World, returns: str) -> None:
    """A patch of the environment's config; what its answer means is not documented."""
    railway.admin("switches", {"patch_commit_returns": returns, "resize_seconds": 0.3})
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, Declared(size_mb=60000))
    operations, deployments = railway.counts()
    assert operations["ConfigPatch"] == 1
    assert sum(operations.values()) <= 14, operations
    assert deployments == 1
    with railway.operation() as process:
        assert engine.refresh(process) == {}


@pytest.mark.parametrize(
    "switches",
    [
        {"trigger_create_deploys": True},
        {"source_update_creates_trigger": True},
        {"source_update_creates_trigger": True, "source_update_deploys": True},
        {"trigger_create_deploys": True, "source_update_deploys": True},
        {"volume_update_deploys": True},
    ],
)
def test_a_deployment_that_railway_starts_itself_is_waited_on(
    railway: World, switches: dict[str, bool]
) -> None:
    """Whether these writes deploy is not documented. What we start ourselves is one at most, and none
    beside the one that began after our last write."""
    railway.admin("switches", switches)
    with railway.operation() as process:
        Engine().up(process, Declared())
    operations, deployments = railway.counts()
    started = operations.get("DeployLatest", 0)
    assert started <= 1
    if switches == {"trigger_create_deploys": True}:
        assert (started, deployments) == (0, 1)


@pytest.mark.parametrize(
    ("switches", "most"),
    [
        ({"page_limit": 1}, 14),
        ({"deploy_v2_never_deployed": "not_found"}, 12),
        ({"creation_throttle_seconds": 0.2}, 12),
        ({"scoped_decrypt": "masked"}, 12),
        ({"trigger_delay_seconds": 0.3}, 12),
        ({"trace_id_position": "extensions", "deleted_listed": True}, 12),
        ({"overlap_fails_all": True}, 12),
        ({"instance_delay_seconds": 0.5, "volume_delay_seconds": 0.5}, 12),
    ],
)
def test_unverified_responses_of_railway_lead_to_the_same_state(
    railway: World, switches: dict[str, object], most: int
) -> None:
    """Each of the sandbox's switches for an answer that nobody has proven leads to the same end."""
    railway.admin("switches", switches)
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, Declared())
    operations, deployments = railway.counts()
    assert sum(operations.values()) <= most + 1, operations
    assert deployments == 1
    with railway.operation() as process:
        assert engine.refresh(process) == {}
