"""Pulumi's gRPC messages without the rest of the SDK, and conversion of values.

`import pulumi.runtime.proto` runs the SDK's whole `__init__` (0.3 s), and a plugin is started at every
command. The messages are therefore loaded from the SDK's folder under another name, unless the SDK is loaded
already.

Assets, archives, resource references and output values are errors: no resource type here supports them, and
ignoring one would drop it without notice. The exception is `Asset`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from google.protobuf import empty_pb2, struct_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
    )

__all__ = [
    "SECRET",
    "UNKNOWN",
    "Asset",
    "Properties",
    "Secret",
    "Unknown",
    "Value",
    "contains_unknown",
    "empty_pb2",
    "engine_pb2",
    "engine_pb2_grpc",
    "from_struct",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "struct_pb2",
    "to_struct",
]

_PACKAGE = "pulumi.runtime.proto"


def _package() -> str:
    """Make the folder of the generated messages importable; return the package name to import them from."""
    if _PACKAGE in sys.modules:
        return _PACKAGE
    name = "_pulumi_protocol"
    if name not in sys.modules:
        spec = importlib.util.find_spec("pulumi")
        if spec is None or not spec.submodule_search_locations:
            message = "the Pulumi SDK is not installed in this Python environment"
            raise ImportError(message)
        package = types.ModuleType(name)
        package.__path__ = [str(Path(spec.submodule_search_locations[0], "runtime", "proto"))]
        sys.modules[name] = package
    return name


if not TYPE_CHECKING:

    def __getattr__(name: str) -> types.ModuleType:
        if name.endswith(("_pb2", "_pb2_grpc")):
            return importlib.import_module(f"{_package()}.{name}")
        raise AttributeError(name)


# Signatures of special values (Pulumi SDK, `pulumi.runtime.rpc`): the protocol's constants, not secrets.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"


class Unknown:
    """A value that is not known before the update. There is one instance: `protocol.Unknown.value`."""

    value: Unknown

    def __repr__(self) -> str:
        return "<unknown>"


Unknown.value = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the engine must keep encrypted. Its repr never contains it."""

    value: Value

    def __repr__(self) -> str:
        return "<secret>"


@dataclass(frozen=True)
class Asset:
    """A file or a text passed as an asset; `fields` as sent by the SDK (`path`, `text`, `hash`)."""

    fields: Mapping[str, str]


Value: TypeAlias = (
    "bool | float | int | str | Unknown | Secret | Asset | Sequence[Value] | Mapping[str, Value] | None"
)
Properties: TypeAlias = "Mapping[str, Value]"


def _decode(value: struct_pb2.Value) -> Value:
    match value.WhichOneof("kind"):
        case "null_value" | None:
            return None
        case "string_value":
            return Unknown.value if value.string_value == UNKNOWN else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case _:
            return _decode_object(value.struct_value)


def _decode_object(struct: struct_pb2.Struct) -> Value:
    fields = {key: _decode(item) for key, item in struct.fields.items()}
    match fields.get(_SIGNATURE):
        case None:
            return fields
        case str(signature) if signature == SECRET:
            return Secret(fields.get("value"))
        case str(signature) if signature in {_ASSET, _ARCHIVE}:
            return Asset({key: str(item) for key, item in fields.items() if isinstance(item, str)})
        case signature:
            message = f"a value of kind {signature} (resource reference or output value) cannot be read here"
            raise ValueError(message)


def from_struct(struct: struct_pb2.Struct) -> dict[str, Value]:
    """Convert a message's properties to Python values, with `Secret`, `Unknown` and `Asset` for special ones.

    Raises:
        ValueError: a resource reference or an output value.
    """
    return {key: _decode(item) for key, item in struct.fields.items()}


def _encode(value: Value, into: struct_pb2.Value) -> None:
    if value is None:
        into.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, Unknown):
        into.string_value = UNKNOWN
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int | float):
        into.number_value = value
    elif isinstance(value, str):
        into.string_value = value
    elif isinstance(value, Secret):
        into.struct_value.fields[_SIGNATURE].string_value = SECRET
        _encode(value.value, into.struct_value.fields["value"])
    elif isinstance(value, Asset):
        for key, item in value.fields.items():
            into.struct_value.fields[key].string_value = item
    elif isinstance(value, dict):
        into.struct_value.SetInParent()
        for key, item in value.items():
            _encode(item, into.struct_value.fields[key])
    else:
        into.list_value.SetInParent()
        for item in cast("list[Value]", value):
            _encode(item, into.list_value.values.add())


def to_struct(properties: Properties) -> struct_pb2.Struct:
    """Convert properties to a message; the inverse of `from_struct`."""
    struct = struct_pb2.Struct()
    for key, item in properties.items():
        _encode(item, struct.fields[key])
    return struct


def contains_unknown(value: Any) -> bool:
    """Return whether a value is unknown or contains an unknown value at any depth."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Secret):
        return contains_unknown(value.value)
    if isinstance(value, dict):
        return any(contains_unknown(item) for item in cast("dict[str, Value]", value).values())
    return isinstance(value, list) and any(contains_unknown(item) for item in cast("list[Value]", value))
