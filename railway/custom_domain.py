"""A domain of one's own."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class CustomDomainArgs:
    """Inputs."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]

    domain: pulumi.Input[str]
    target_port: pulumi.Input[int] | None = None


class CustomDomainProvider(RailwayProvider):
    """CRUD of CustomDomain."""


class CustomDomain(dynamic.Resource, module="railway", name="CustomDomain"):
    """A domain of one's own."""

    dns_records: pulumi.Output[list[dict[str, str]]]
    verified: pulumi.Output[bool]

    def __init__(self, name: str, args: CustomDomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(CustomDomainProvider(), name, inputs_of(args, "dns_records", "verified"), opts)
