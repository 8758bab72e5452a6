"""Undeclared limits: those of the plan, whatever was set in the dashboard."""

from __future__ import annotations

import pytest

from tests.conformance.railway_dashboard_edits import EDITS
from tests.conformance.railway_world import Declared, Engine, World, first_up
from tests.conformance.test_railway_adoption import production

pytestmark = pytest.mark.conformance

UNLIMITED = Declared(limits={})


def override(world: World) -> object:
    """What the service is limited to by itself."""
    return world.rows("instances")[0]["limit_override"]


def test_undeclared_limits_cost_no_request(railway: World) -> None:
    """As many as without the resource: test_railway_counts."""
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, UNLIMITED)
    operations, deployments = railway.counts()
    assert sum(operations.values()) == 12, operations
    assert deployments == 1
    railway.reset()
    with railway.operation() as process:
        assert engine.refresh(process) == {}
    assert railway.counts() == ({"SnapshotRead": 1}, 0)


@pytest.mark.parametrize("healed_after", ["refresh", "two refreshes"])
def test_limits_set_in_the_dashboard_are_drift_and_are_removed(railway: World, healed_after: str) -> None:
    engine = first_up(railway, UNLIMITED)
    EDITS["limits"](railway, engine)
    with railway.operation() as process:
        drift = engine.refresh(process)
        assert set(drift) == {"limits"}
        assert {name: drift["limits"][name] for name in ("cpus", "memory_gb")} == {
            "cpus": (None, 8),
            "memory_gb": (None, 8),
        }
        if healed_after == "two refreshes":
            engine.refresh(process)
        assert engine.up(process, UNLIMITED) == ["update limits", "update deployment"]
        assert engine.refresh(process) == {}
    assert override(railway) is None
    assert railway.counts()[1] == 1


def test_an_adoption_removes_undeclared_limits(railway: World) -> None:
    """Those of the production were set in the dashboard, and a limit goes with a deployment: with its one."""
    ids = production(railway)
    environment = railway.rows("environments")[0]["id"]
    railway.manual(
        "mutation($i: ServiceInstanceLimitsUpdateInput!) { serviceInstanceLimitsUpdate(input: $i) }",
        i={"environmentId": environment, "serviceId": ids["service"], "vCPUs": 8, "memoryGB": 8},
    )
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, UNLIMITED.but(adopt_project_id=ids["project"]))
        assert engine.refresh(process) == {}
    assert override(railway) is None
    assert railway.counts()[1] == 1
