"""A public TCP port."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class TcpProxyArgs:
    """Inputs."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]

    application_port: pulumi.Input[int]


class TcpProxyProvider(RailwayProvider):
    """CRUD of TcpProxy."""


class TcpProxy(dynamic.Resource, module="railway", name="TcpProxy"):
    """A public TCP port."""

    domain: pulumi.Output[str]
    proxy_port: pulumi.Output[int]

    def __init__(self, name: str, args: TcpProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TcpProxyProvider(), name, inputs_of(args, "domain", "proxy_port"), opts)
