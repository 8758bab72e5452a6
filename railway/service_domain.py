"""Railway's own public domain of a service."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class ServiceDomainArgs:
    """Inputs."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]

    target_port: pulumi.Input[int] | None = None
    subdomain: pulumi.Input[str] | None = None


class ServiceDomainProvider(RailwayProvider):
    """CRUD of ServiceDomain."""


class ServiceDomain(dynamic.Resource, module="railway", name="ServiceDomain"):
    """Railway's own public domain of a service."""

    domain: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceDomainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(ServiceDomainProvider(), name, inputs_of(args, "domain"), opts)

    @property
    def url(self) -> pulumi.Output[str]:
        """The public address, https."""
        return pulumi.Output.concat("https://", self.domain)
