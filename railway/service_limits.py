"""CPU and memory limits of a service, below those of the plan.

Railway applies a limit, and its removal, with the next deployment; therefore each write has a revision, and a
service should keep its `ServiceLimits` when it has no limit of its own: a resource that is removed from the
program is deleted after the deployment. Without `cpus` and `memory_gb` it stands for the limits of the plan:
a limit set in the dashboard is drift and is removed. Such a limit is read from the environment's config,
which costs no request, and is not detected where the token cannot read the config.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from railway import revision
from railway.args import Props, ServiceScopeArgs
from railway.deleted_volume import check_volume_exists
from railway.fields import fields_of, number, optional
from railway.graphql.models import Node, Snapshot
from railway.provider import RailwayProvider, RailwayResource
from railway.validation import positive

GIGABYTE = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class ServiceLimitsArgs(ServiceScopeArgs):
    """Inputs of the limits of a service.

    Args:
        cpus: virtual CPUs. None: the plan's limit.
        memory_gb: memory in GB. None: the plan's limit.
    """

    KEYS = ("allow_new_volume",)

    cpus: pulumi.Input[float] | None = optional(normal=number, rules=(positive,))
    memory_gb: pulumi.Input[float] | None = optional(normal=number, rules=(positive,))


class ServiceLimitsProvider(RailwayProvider):
    """Provider of `ServiceLimits`."""

    FIELDS = fields_of(ServiceLimitsArgs)
    REVISED = True

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Write the limits; without any, remove those that are set."""
        id_ = f"{props['environment_id']}/{props['service_id']}"
        if not _has_limits(props) and not self._is_limited(props):
            return id_, {"revision": revision.NOTHING_WRITTEN}
        return id_, self._write(props)

    def find_object(self, props: Props) -> str | None:
        """The service's limits, of its own or of the plan."""
        instance = self.environment(props).snapshot().instance(props["service_id"])
        return None if instance is None else f"{props['environment_id']}/{props['service_id']}"

    def read_object(self, _id: str, props: Props) -> dict[str, Any] | None:
        """The live limits; without declared ones, this costs no request."""
        view = self.environment(props).snapshot()
        if view.instance(props["service_id"]) is None:
            return None
        if not _has_limits(props):
            return _limits(_configured(view, props["service_id"]))
        return _limits(self.railway.api.limits(props["environment_id"], props["service_id"]))

    def update_object(self, _id: str, _olds: Props, news: Props, _changed: tuple[str, ...]) -> dict[str, Any]:
        """Write the limits."""
        return self._write(news)

    def delete_object(self, _id: str, props: Props) -> None:
        """Remove the limits."""
        if not _has_limits(props):
            return
        self.environment(props).delete("ServiceLimitsUpdate", input=_input(props, {}))

    def _is_limited(self, props: Props) -> bool:
        view = self.environment(props).snapshot()
        return _has_limits(_limits(_configured(view, props["service_id"])))

    def _write(self, props: Props) -> dict[str, Any]:
        cache, service_id = self.environment(props), props["service_id"]
        with cache.lock:
            view = cache.snapshot()
            latest = view.existing_instance(service_id).latest
            check_volume_exists(view, service_id, props, allow_new_volume=self.allows_new_volume(props))
            written = cache.api.write("ServiceLimitsUpdate", input=_input(props, props))
            cache.update(lambda view: _with_limits(view, props))
        return {"revision": revision.new(written, latest)}


class ServiceLimits(RailwayResource[ServiceLimitsArgs], module="railway", name="ServiceLimits"):
    """Limits of a service in an environment; the id is "<environment id>/<service id>".

    Example:
        railway.ServiceLimits("api", railway.ServiceLimitsArgs(**ids, cpus=2, memory_gb=4))
    """

    PROVIDER = ServiceLimitsProvider
    revision: pulumi.Output[str]


def _input(service: Props, limits: Props) -> dict[str, Any]:
    return {
        "serviceId": service["service_id"],
        "environmentId": service["environment_id"],
        "vCPUs": limits.get("cpus"),
        "memoryGB": limits.get("memory_gb"),
    }


def _has_limits(props: Props) -> bool:
    return props.get("cpus") is not None or props.get("memory_gb") is not None


def _configured(view: Snapshot, service_id: str) -> Node:
    """The limits in the environment's config; {} if there are none, or it cannot be read."""
    deploy = (view.config_of(service_id) or {}).get("deploy")
    limits = deploy.get("limitOverride") if isinstance(deploy, Mapping) else None
    return limits if isinstance(limits, Mapping) else {}


def _limits(node: Node) -> dict[str, Any]:
    containers = node.get("containers")
    live: Mapping[str, Any] = containers if isinstance(containers, Mapping) else {}
    memory = live.get("memoryBytes")
    return {
        "cpus": number(live.get("cpu")),
        "memory_gb": None if memory is None else number(memory / GIGABYTE),
    }


def _with_limits(view: Snapshot, props: Props) -> Snapshot:
    containers: dict[str, Any] = {}
    if props.get("cpus") is not None:
        containers["cpu"] = props["cpus"]
    if props.get("memory_gb") is not None:
        containers["memoryBytes"] = round(props["memory_gb"] * GIGABYTE)
    deploy = (view.config_of(props["service_id"]) or {}).get("deploy") or {}
    changes = {"deploy": {**deploy, "limitOverride": {"containers": containers}}}
    return view.with_service_config(props["service_id"], changes)
