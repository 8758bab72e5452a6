"""Variables of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class SharedVariablesArgs:
    """Inputs: the whole map."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    variables: pulumi.Input[Mapping[str, pulumi.Input[str]]]


class SharedVariablesProvider(RailwayProvider):
    """CRUD of SharedVariables."""


class SharedVariables(dynamic.Resource, module="railway", name="SharedVariables"):
    """Variables of the environment."""

    revision: pulumi.Output[str]

    def __init__(
        self, name: str, args: SharedVariablesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(SharedVariablesProvider(), name, inputs_of(args, "revision"), opts)
