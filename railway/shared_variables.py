"""All shared variables of one environment; the map has the same meaning as in `railway.variables`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.args import EnvironmentScopeArgs, Props, inputs_of
from railway.provider import ENVIRONMENT_SCOPE
from railway.variables import MAP_FIELDS, VariableMapProvider


@dataclass(frozen=True, kw_only=True)
class SharedVariablesArgs(EnvironmentScopeArgs):
    """Inputs of the shared variables of an environment.

    Args:
        variables: name -> value, all of them; a secret as a whole.
    """

    variables: pulumi.Input[Mapping[str, pulumi.Input[str]]]


class SharedVariablesProvider(VariableMapProvider):
    """Provider of `SharedVariables`."""

    FIELDS = (*ENVIRONMENT_SCOPE, *MAP_FIELDS)

    def owner(self, props: Props) -> None:
        """No service."""
        del props


class SharedVariables(dynamic.Resource, module="railway", name="SharedVariables"):
    """All shared variables of one environment; the id is "<environment id>/shared".

    A variable of a service refers to one as `${{shared.NAME}}`. `names` has the version of each value;
    `revision` changes with every write.

    Example:
        railway.SharedVariables("shared", railway.SharedVariablesArgs(**ids, variables={"LOG_LEVEL": "info"}))
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
