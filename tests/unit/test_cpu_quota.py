"""The CPU quota of a region: which functions Google refuses, and which ones exceed it together."""

from __future__ import annotations

import pytest

from checkout import cpu_quota
from checkout.endpoints import HttpsTrigger
from tests.components.world import endpoint

pytestmark = pytest.mark.unit

HTTPS = HttpsTrigger(invoker=None)


def test_nothing_is_said_within_the_quota() -> None:
    within = [endpoint("a", HTTPS, max_instances=10, cpu="1"), endpoint("b", HTTPS, max_instances=5, cpu="2")]
    assert cpu_quota.warnings(within, 20) == []
    assert cpu_quota.warnings([endpoint("a", HTTPS, max_instances=None, cpu="2")], 200) == []


@pytest.mark.parametrize(
    ("instances", "cpu", "said"),
    [
        (21, "1", "21 CPUs, more than the region's quota of 20"),
        (11, "2", "at most 10"),
        (241, "0.0833", "at most 240"),
        (None, "1", "100 instances (Google's default)"),
    ],
)
def test_a_function_that_google_refuses(instances: int | None, cpu: str, said: str) -> None:
    (warning,) = cpu_quota.warnings([endpoint("big", HTTPS, max_instances=instances, cpu=cpu)], 20)
    assert "us-central1/big" in warning
    assert said in warning
    assert "functionsCpuQuota" in warning


def test_functions_that_exceed_it_together_are_counted_by_region() -> None:
    here = [endpoint(f"f{number}", HTTPS, max_instances=10, cpu="1") for number in range(3)]
    elsewhere = endpoint("f3", HTTPS, max_instances=10, cpu="1", region="europe-west1")
    unlimited = endpoint("f4", HTTPS, max_instances=None, cpu="0.1")
    (warning,) = cpu_quota.warnings([*here, elsewhere, unlimited], 29)
    assert "the functions in us-central1 may use 30 CPUs at once" in warning
    assert "1 functions without maxInstances are not counted" in warning
    assert cpu_quota.warnings([*here, elsewhere, unlimited], 30) == []
