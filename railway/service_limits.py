"""CPU and memory of a service."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class ServiceLimitsArgs:
    """Inputs."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]

    cpus: pulumi.Input[float] | None = None
    memory_gb: pulumi.Input[float] | None = None


class ServiceLimitsProvider(RailwayProvider):
    """CRUD of ServiceLimits."""


class ServiceLimits(dynamic.Resource, module="railway", name="ServiceLimits"):
    """CPU and memory of a service."""

    revision: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceLimitsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(ServiceLimitsProvider(), name, inputs_of(args, "revision"), opts)
