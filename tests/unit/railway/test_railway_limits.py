"""Without limits, the resource sends no request and requires no deployment."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from railway import revision
from railway.graphql.models import DeploymentView, EnvironmentView, InstanceView, ProjectView, Snapshot
from railway.service_limits import ServiceLimitsProvider
from railway.snapshot import EnvironmentCache

if TYPE_CHECKING:
    from railway.graphql.api import RailwayApi

pytestmark = pytest.mark.unit

PLACE = {"project_id": "p", "environment_id": "e", "service_id": "s"}
IN_DASHBOARD = {"services": {"s": {"deploy": {"limitOverride": {"containers": {"cpu": 1}}}}}}


class Read(ServiceLimitsProvider):
    """Has an environment and no credentials: a request would be an error."""

    config: dict[str, Any] | None = None

    def environment(self, props: object) -> EnvironmentCache:
        """The environment with this config."""
        del props
        stack = EnvironmentCache(cast("RailwayApi", None), "p", "e", threading.RLock())
        instance = InstanceView("s", {}, None, (), (), ())
        environment = EnvironmentView("e", "production", (instance,), (), (), self.config)
        stack.seed(Snapshot(ProjectView("p", "crm", "", "", (), (), ()), environment))
        return stack


@pytest.mark.parametrize("config", [None, {}, {"services": {"s": {"deploy": {}}}}])
def test_without_limits_every_deployment_contains_the_revision(config: dict[str, Any] | None) -> None:
    """A new resource without limits must not deploy; nor one whose token cannot read the config."""
    provider = Read()
    provider.config = config
    assert not {*(provider.read_object("e/s", PLACE) or {}).values()} - {None}
    _, outs = provider.create_object(PLACE)
    long_ago = DeploymentView("one", "SUCCESS", datetime(2020, 1, 1, tzinfo=UTC))
    assert revision.began_after(long_ago, [outs["revision"]])


def test_a_limit_set_in_the_dashboard_is_read_without_a_request() -> None:
    provider = Read()
    provider.config = IN_DASHBOARD
    assert provider.read_object("e/s", PLACE) == {"cpus": 1, "memory_gb": None}


def test_without_limits_nothing_is_deleted() -> None:
    ServiceLimitsProvider().delete_object("e/s", PLACE)
