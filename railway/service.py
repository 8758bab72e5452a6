"""A service, made without a source."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """Inputs of a service."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_name: pulumi.Input[str]


class ServiceProvider(RailwayProvider):
    """CRUD of Service."""


class Service(dynamic.Resource, module="railway", name="Service"):
    """A service, made without a source."""

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            ServiceProvider(),
            name,
            inputs_of(
                args,
            ),
            opts,
        )
