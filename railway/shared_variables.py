"""All shared variables of one environment. See `railway.variables` for what the map means and refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.fields import Field
from railway.provider import Props, inputs_of
from railway.variables import MAP_FIELDS, VariableMapProvider


@dataclass(frozen=True, kw_only=True)
class SharedVariablesArgs:
    """Inputs: the whole map of one environment.

    Args:
        project_id: the project.
        environment_id: the environment.
        variables: name to value; secret as a whole, exclusive.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    variables: pulumi.Input[Mapping[str, pulumi.Input[str]]]


class SharedVariablesProvider(VariableMapProvider):
    """The shared map of an environment; services use it as `${{shared.NAME}}`."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        *MAP_FIELDS,
    )

    def owner(self, props: Props) -> None:
        """Nobody's in particular."""
        del props


class SharedVariables(dynamic.Resource, module="railway", name="SharedVariables"):
    """All shared variables of one environment; its id is "<environment>/shared".

    `names` says in plain words which version of each value is there; `revision` is new with every write.
    """

    names: pulumi.Output[Mapping[str, str]]
    revision: pulumi.Output[str]

    def __init__(
        self, name: str, args: SharedVariablesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = inputs_of(args, "names", "revision")
        props["variables"] = pulumi.Output.secret(args.variables)
        secret = pulumi.ResourceOptions(additional_secret_outputs=["variables"])
        super().__init__(SharedVariablesProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret))
