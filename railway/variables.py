"""All variables of one service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class VariablesArgs:
    """Inputs: the whole map."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]

    variables: pulumi.Input[Mapping[str, pulumi.Input[str]]]


class VariablesProvider(RailwayProvider):
    """CRUD of Variables."""


class Variables(dynamic.Resource, module="railway", name="Variables"):
    """All variables of one service."""

    revision: pulumi.Output[str]

    def __init__(self, name: str, args: VariablesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(VariablesProvider(), name, inputs_of(args, "revision"), opts)
