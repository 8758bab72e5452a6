"""Limits that nobody set: the resource is there, sends nothing and asks for no deployment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from railway import revision
from railway.model import DeploymentView
from railway.service_limits import ServiceLimitsProvider

pytestmark = pytest.mark.unit

PLACE = {"project_id": "p", "environment_id": "e", "service_id": "s"}


def test_without_limits_every_deployment_has_them() -> None:
    """A stack from before the resource was always there must not deploy because of it."""
    provider = ServiceLimitsProvider()  # without credentials: a request would be an error
    _, outs = provider.make(PLACE)
    long_ago = DeploymentView("one", "SUCCESS", datetime(2020, 1, 1, tzinfo=UTC))
    assert revision.contains(long_ago, [outs["revision"]])


def test_without_limits_there_is_nothing_to_take_back() -> None:
    ServiceLimitsProvider().drop("e/s", PLACE)
