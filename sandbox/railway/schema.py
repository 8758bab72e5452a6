"""The executable schema: our SDL, with a resolver for every field that is not just an attribute of a record.

Building it fails if a resolver names a field that the SDL does not have. Arguments are passed in snake_case.
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
    """Convert camelCase to snake_case; "sizeMB" becomes "size_mb", "vCPUs" becomes "v_cpus"."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.replace("CPUs", "Cpus"))
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", apart).lower()


def default_field(source: Any, info: GraphQLResolveInfo[Any], **_: Any) -> Any:
    """Return the attribute or key that the field's snake_case name names; format times as DateTime."""
    name = snake(info.field_name)
    value = source.get(name) if isinstance(source, dict) else getattr(source, name)
    if isinstance(value, (int, float)) and get_named_type(info.return_type).name == "DateTime":
        return iso(value)
    return value


def build(fields: Mapping[str, Callable[..., Any]]) -> GraphQLSchema:
    """Build the schema with resolvers: "Type.field" to a function of (source, context, **arguments).

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
    for full_name, function in fields.items():
        owner, name = full_name.split(".")
        kind = schema.type_map[owner]
        if not isinstance(kind, GraphQLObjectType):
            raise KeyError(full_name)
        kind.fields[name].resolve = _bound(function)
    for root in (schema.query_type, schema.mutation_type):
        if root is not None:
            for name, field in root.fields.items():
                if field.resolve is None:
                    raise KeyError(f"no resolver for {root.name}.{name}")
    return schema


def _bound(function: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        value = function(source, info.context, **arguments)
        if isinstance(value, (int, float)) and get_named_type(info.return_type).name == "DateTime":
            return iso(value)
        return value

    return resolve
