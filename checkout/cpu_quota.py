"""Whether a region's CPU quota is enough for the functions: Cloud Run's "Total CPU allocation, per project
per region" (metric run.googleapis.com/cpu_allocation), which 2nd generation functions use.

Google refuses a function whose CPU times maxInstances is more than the quota, at its deployment: "For the
specified value, maxScale may not exceed 10" (firebase-tools issue 5867). Functions that are within it one by
one can exceed it together, most of all while new revisions start beside the old ones (firebase-tools issue
11001).

The quota is the project's own: Google's older quota page names 200 CPUs, projects of 2026 report 20 (issue
11001). So both are warnings, and the quota is a setting.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from checkout.endpoints import Endpoint
from settings.keys import NAMESPACE
from settings.problems import Problem
from settings.reader import set_command
from user_errors import OR

SETTING = "functionsCpuQuota"
UNDECLARED_INSTANCES = 100
"""What Cloud Functions makes of a function without maxInstances (its API, ServiceConfig.maxInstanceCount)."""


def warnings(endpoints: Iterable[Endpoint], quota: int) -> list[str]:
    """A warning for each function, and for each region, that may need more than the quota.

    Args:
        endpoints: the functions.
        quota: CPUs per region.
    """
    regions: dict[str, list[Endpoint]] = {}
    for one in endpoints:
        regions.setdefault(one.region, []).append(one)
    found: list[str] = []
    for region, functions in sorted(regions.items()):
        alone = [one for one in functions if _most(one) > quota]
        found += [_refused(one, quota) for one in sorted(alone, key=lambda one: one.id)]
        declared = {one.id: _most(one) for one in functions if one.max_instances is not None}
        if not alone and sum(declared.values()) > quota:
            found.append(_together(region, declared, len(functions) - len(declared), quota))
    return found


def _most(function: Endpoint) -> float:
    return float(function.cpu) * (function.max_instances or UNDECLARED_INSTANCES)


def _refused(function: Endpoint, quota: int) -> str:
    most = max(1, math.floor(quota / float(function.cpu)))
    instances = (
        f"{UNDECLARED_INSTANCES} instances (Google's default)"
        if function.max_instances is None
        else f"{function.max_instances} instances"
    )
    what = (
        f"{function.region}/{function.id} has {function.cpu} CPU and up to {instances}: "
        f"{_most(function):g} CPUs, more than the region's quota of {quota}. Google refuses it."
    )
    return _problem(what, f"Set maxInstances of {function.id} to at most {most}.", _most(function))


def _together(region: str, declared: Mapping[str, float], others: int, quota: int) -> str:
    total = sum(declared.values())
    largest = sorted(declared, key=lambda one: (-declared[one], one))[:3]
    shown = ", ".join(f"{one} {declared[one]:g}" for one in largest)
    not_counted = f" {others} functions without maxInstances are not counted." if others else ""
    what = (
        f"the functions in {region} may use {total:g} CPUs at once (CPU times maxInstances; most: {shown}), "
        f"more than the region's quota of {quota}. Instances above it do not start.{not_counted}"
    )
    return _problem(what, "Lower maxInstances of functions that need less.", total)


def _problem(what: str, fix: str, needed: float) -> str:
    quota = set_command(SETTING, math.ceil(needed))
    shown = "# if Google's console shows that quota: IAM, Quotas, run.googleapis.com/cpu_allocation"
    return str(Problem(key=f"{NAMESPACE}:{SETTING}", what=what, fix=f"{fix}\n{OR}{quota}  {shown}"))
