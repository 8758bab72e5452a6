"""The one deployment of an `up`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class DeploymentArgs:
    """Inputs."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]

    revisions: Sequence[pulumi.Input[str]]
    domain: pulumi.Input[str]
    health_path: pulumi.Input[str] = "/health"
    log_expectations: Sequence[str] = ("sessions dir exists/writable: true", "Firebase initialized")
    wait_seconds: pulumi.Input[int] = 1200
    hold_seconds: pulumi.Input[int] = 5
    health_seconds: pulumi.Input[int] = 120
    rollback: pulumi.Input[bool] = False


class DeploymentProvider(RailwayProvider):
    """CRUD of Deployment."""


class Deployment(dynamic.Resource, module="railway", name="Deployment"):
    """The one deployment of an `up`."""

    deployment_id: pulumi.Output[str]
    status: pulumi.Output[str]
    commit: pulumi.Output[str]

    def __init__(self, name: str, args: DeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            DeploymentProvider(), name, inputs_of(args, "deployment_id", "status", "commit"), opts
        )
