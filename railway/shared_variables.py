"""All shared variables of one environment; the map has the same meaning as in `railway.variables`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from railway.args import EnvironmentScopeArgs, Props
from railway.fields import fields_of
from railway.provider import RailwayResource
from railway.variables import NAMES, VARIABLES, VariableMapProvider


@dataclass(frozen=True, kw_only=True)
class SharedVariablesArgs(EnvironmentScopeArgs):
    """Inputs of the shared variables of an environment.

    Args:
        variables: name -> value, all of them; a secret as a whole.
    """

    variables: pulumi.Input[Mapping[str, pulumi.Input[str]]] = field(metadata=VARIABLES)


class SharedVariablesProvider(VariableMapProvider):
    """Provider of `SharedVariables`."""

    FIELDS = (*fields_of(SharedVariablesArgs), NAMES)

    def owner(self, _props: Props) -> None:
        """No service."""


class SharedVariables(RailwayResource[SharedVariablesArgs], module="railway", name="SharedVariables"):
    """All shared variables of one environment; the id is "<environment id>/shared".

    A variable of a service refers to one as `${{shared.NAME}}`. `names` has the version of each value;
    `revision` changes with every write.

    Example:
        railway.SharedVariables("shared", railway.SharedVariablesArgs(**ids, variables={"LOG_LEVEL": "info"}))
    """

    PROVIDER = SharedVariablesProvider
    SECRETS = ("variables",)
    names: pulumi.Output[Mapping[str, str]]
    revision: pulumi.Output[str]
