"""An environment of the project."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class EnvironmentArgs:
    """Inputs of an environment."""

    project_id: pulumi.Input[str]
    environment_name: pulumi.Input[str] = "production"


class EnvironmentProvider(RailwayProvider):
    """CRUD of Environment."""


class Environment(dynamic.Resource, module="railway", name="Environment"):
    """An environment of the project."""

    def __init__(self, name: str, args: EnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            EnvironmentProvider(),
            name,
            inputs_of(
                args,
            ),
            opts,
        )
