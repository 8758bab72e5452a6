"""How much CPU and memory a service may use, below what the plan allows.

Railway applies a limit, and its end, with the next deployment, so both leave a revision. A resource with
neither number is there for that: one that is taken out of the program would be deleted after the
deployment. It stands for what the plan allows: a limit that a person set by hand is drift, and is lifted, as
is a number that the program no longer names. Such a limit is looked for in the environment's config, which
costs no request; where the token may not read that, it is not seen. Refuses nothing but numbers that are
none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi import dynamic

from railway import revision
from railway.deleted_volume import refuse_without
from railway.errors import NotFoundError
from railway.fields import Field, number, positive
from railway.graphql.models import Node, Snapshot
from railway.provider import Props, RailwayProvider, inputs_of, instance_of, is_deleted

GIGABYTE = 1_000_000_000
_BEFORE_ALL = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, kw_only=True)
class ServiceLimitsArgs:
    """Inputs.

    Args:
        project_id: the project.
        environment_id: the environment.
        service_id: the service.
        cpus: virtual CPUs. None: no limit of its own.
        memory_gb: memory in GB. None: no limit of its own.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]
    cpus: pulumi.Input[float] | None = None
    memory_gb: pulumi.Input[float] | None = None


class ServiceLimitsProvider(RailwayProvider):
    """Sets and reads limits."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        Field(name="service_id", required=True, replace=True),
        Field(name="cpus", normal=number, rules=(positive,)),
        Field(name="memory_gb", normal=number, rules=(positive,)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Set them, if there is one; lift those that nobody declared."""
        id_ = f"{props['environment_id']}/{props['service_id']}"
        if not _says_something(props) and not self._limited_by_hand(props):
            # Every deployment contains a write that never was.
            return id_, {"revision": revision.new(_BEFORE_ALL, None)}
        return id_, self._write(props)

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live limits; those of a resource that says nothing cost no request."""
        del id_
        view = self.environment(props).snapshot()
        if is_deleted(view) or view.instance(props["service_id"]) is None:
            return None
        if not _says_something(props):
            return _numbers(_configured(view, props["service_id"]))
        return _numbers(self.railway.api.limits(props["environment_id"], props["service_id"]))

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Set them again."""
        del id_, olds, changed
        return self._write(news)

    def delete_object(self, id_: str, props: Props) -> None:
        """Take them back."""
        del id_
        if not _says_something(props):
            return
        cache = self.environment(props)
        with cache.lock:
            try:
                self.railway.api.update_limits(
                    props["service_id"], cache.environment_id, vCPUs=None, memoryGB=None
                )
            except NotFoundError:
                return
            finally:
                cache.invalidate()

    def _limited_by_hand(self, props: Props) -> bool:
        view = self.environment(props).snapshot()
        return _says_something(_numbers(_configured(view, props["service_id"])))

    def _write(self, props: Props) -> dict[str, Any]:
        cache = self.environment(props)
        with cache.lock:
            view = cache.snapshot()
            latest = instance_of(view, props["service_id"]).latest
            refuse_without(view, props["service_id"], self.access)
            written = self.railway.api.update_limits(
                props["service_id"],
                cache.environment_id,
                vCPUs=props.get("cpus"),
                memoryGB=props.get("memory_gb"),
            )
            cache.update(lambda view: _with_limits(view, props))
        return {"revision": revision.new(written, latest)}


class ServiceLimits(dynamic.Resource, module="railway", name="ServiceLimits"):
    """Limits of a service in an environment; its id is "<environment>/<service>"."""

    revision: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceLimitsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(ServiceLimitsProvider(), name, inputs_of(args, "revision"), opts)


def _says_something(props: Props) -> bool:
    return props.get("cpus") is not None or props.get("memory_gb") is not None


def _configured(view: Snapshot, service_id: str) -> Node:
    """The limits in the environment's config; {} if there are none, or it cannot be read."""
    deploy = (view.config_of(service_id) or {}).get("deploy")
    limits = deploy.get("limitOverride") if isinstance(deploy, Mapping) else None
    return limits if isinstance(limits, Mapping) else {}


def _numbers(limits: Node) -> dict[str, Any]:
    containers = limits.get("containers")
    live: Mapping[str, Any] = containers if isinstance(containers, Mapping) else {}
    memory = live.get("memoryBytes")
    return {
        "cpus": number(live.get("cpu")),
        "memory_gb": None if memory is None else number(memory / GIGABYTE),
    }


def _with_limits(view: Snapshot, props: Props) -> Snapshot:
    environment = view.environment
    if environment is None or environment.config is None:
        return view
    containers: dict[str, Any] = {}
    if props.get("cpus") is not None:
        containers["cpu"] = props["cpus"]
    if props.get("memory_gb") is not None:
        containers["memoryBytes"] = round(props["memory_gb"] * GIGABYTE)
    services = dict(environment.config.get("services") or {})
    service = dict(services.get(props["service_id"]) or {})
    service["deploy"] = {**(service.get("deploy") or {}), "limitOverride": {"containers": containers}}
    services[props["service_id"]] = service
    config = {**environment.config, "services": services}
    return replace(view, environment=replace(environment, config=config))
