"""The executable schema: our SDL with a function behind every field that is not simply a record's attribute.

Refuses a function for a field that the SDL does not have, and arguments under any name but snake_case:
resolvers are Python.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    get_named_type,
)

from sandbox.railway.store import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SDL = Path(__file__).with_name("schema.graphql")


def snake(name: str) -> str:
    """camelCase to snake_case; "sizeMB" to "size_mb", "vCPUs" to "v_cpus"."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.replace("CPUs", "Cpus"))
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", apart).lower()


def default_field(source: Any, info: GraphQLResolveInfo[Any], **_: Any) -> Any:
    """A record's attribute or a dict's key under the field's snake_case name; times become DateTime."""
    name = snake(info.field_name)
    value = source.get(name) if isinstance(source, dict) else getattr(source, name)
    if isinstance(value, (int, float)) and get_named_type(info.return_type).name == "DateTime":
        return iso(value)
    return value


def build(fields: Mapping[str, Callable[..., Any]]) -> GraphQLSchema:
    """The schema with `fields` ("Type.field" to a function of (source, call, **arguments)) behind it.

    Raises:
        KeyError: a field that the SDL does not have.
    """
    schema = build_schema(SDL.read_text(encoding="utf-8"))
    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for field in kind.fields.values():
                for name, argument in field.args.items():
                    argument.out_name = snake(name)
        elif isinstance(kind, GraphQLInputObjectType):
            for name, item in kind.fields.items():
                item.out_name = snake(name)
    for place, function in fields.items():
        owner, name = place.split(".")
        kind = schema.type_map[owner]
        if not isinstance(kind, GraphQLObjectType):
            raise KeyError(place)
        kind.fields[name].resolve = _bound(function)
    for root in (schema.query_type, schema.mutation_type):
        if root is not None:
            for name, field in root.fields.items():
                if field.resolve is None:
                    raise KeyError(f"no function behind {root.name}.{name}")
    return schema


def _bound(function: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        value = function(source, info.context, **arguments)
        if isinstance(value, (int, float)) and get_named_type(info.return_type).name == "DateTime":
            return iso(value)
        return value

    return resolve
