"""The input and output types of the pulumi_gcp SDK, read from its source.

The SDK's classes are the only definition of its types that is installed. They are parsed with `ast`, because
importing them loads the whole Pulumi SDK at every command. The result is cached in the toolchain folder, one
file per resource type.

An annotation that is not understood is an error, not `any`.
"""

from __future__ import annotations

import ast
import json
import os
import re
from dataclasses import dataclass, field
from functools import cache
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sandbox.engine import installed
from sandbox.engine.starting import toolchain_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

_CACHE_VERSION = 1  # increase it to discard cached files
_SCALARS = {"str": "string", "bool": "boolean", "int": "integer", "float": "number", "Any": "any"}
_ASSETS = {"Asset", "Archive"}


class SdkTypeError(Exception):
    """The SDK does not have the resource type, or its definition cannot be parsed."""


@dataclass(frozen=True, kw_only=True)
class SdkType:
    """A type: `kind` is string, boolean, integer, number, any, asset, list, map or object."""

    kind: str
    item: SdkType | None = None
    fields: Mapping[str, SdkType] = field(default_factory=dict[str, "SdkType"])
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SdkResource:
    """A resource type: its inputs as an object type, and the names of its output properties."""

    inputs: SdkType
    outputs: frozenset[str]


@cache
def resource(token: str) -> SdkResource:
    """Return a resource's types, by a token such as `gcp:firestore/index:Index`.

    Raises:
        SdkTypeError: the SDK does not have it, or its definition cannot be parsed.
    """
    match = re.fullmatch(r"gcp:(\w+)/(\w+):(\w+)", token)
    if match is None:
        message = f"{token} is not a resource type of the gcp package"
        raise SdkTypeError(message)
    module, _, name = match.groups()
    folder = f"pulumi-gcp-{installed.version('pulumi-gcp')}-{_CACHE_VERSION}"
    preserved = toolchain_folder() / "cache" / folder / f"{module}.{name}.json"
    if preserved.is_file():
        return _from_json(json.loads(preserved.read_text("utf-8")))
    found = _read(module, name, token)
    preserved.parent.mkdir(parents=True, exist_ok=True)
    part = preserved.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(_to_json(found)), "utf-8")
    part.replace(preserved)
    return found


def _read(module: str, name: str, token: str) -> SdkResource:
    spec = util.find_spec("pulumi_gcp")
    if spec is None or not spec.submodule_search_locations:
        message = "the package pulumi-gcp is not installed"
        raise SdkTypeError(message)
    folder = Path(spec.submodule_search_locations[0], module)
    file = folder / f"{re.sub(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_', name).lower()}.py"
    if not file.is_file():
        message = f"pulumi-gcp {installed.version('pulumi-gcp')} has no resource type {token}"
        raise SdkTypeError(message)
    classes = _classes(file)
    nested = _classes(folder / "_inputs.py") if (folder / "_inputs.py").is_file() else {}
    return SdkResource(inputs=_object(classes[f"{name}Args"], nested), outputs=_properties(classes[name]))


def _classes(file: Path) -> dict[str, ast.ClassDef]:
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _getters(node: ast.ClassDef) -> dict[str, str]:
    """Return the wire name of each property by its Python name."""
    names: dict[str, str] = {}
    for method in node.body:
        if not isinstance(method, ast.FunctionDef):
            continue
        for decorator in method.decorator_list:
            context = decorator if isinstance(decorator, ast.Call) else None
            target = context.func if context else decorator
            if isinstance(target, ast.Attribute) and target.attr == "getter":
                given = context.keywords[0].value if context and context.keywords else None
                wire = given.value if isinstance(given, ast.Constant) else method.name
                names[method.name] = str(wire)
    return names


def _properties(node: ast.ClassDef) -> frozenset[str]:
    return frozenset(_getters(node).values())


def _object(node: ast.ClassDef, nested: Mapping[str, ast.ClassDef]) -> SdkType:
    names = _getters(node)
    start = next(item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__")
    fields: dict[str, SdkType] = {}
    required: set[str] = set()
    for argument, default in zip(start.args.kwonlyargs, start.args.kw_defaults, strict=True):
        wire = names[argument.arg]
        if argument.annotation is None:
            message = f"{node.name}.{argument.arg} has no annotation"
            raise SdkTypeError(message)
        fields[wire] = _type(argument.annotation, nested)
        if default is None:
            required.add(wire)
    return SdkType(kind="object", fields=fields, required=frozenset(required))


def _type(node: ast.expr, nested: Mapping[str, ast.ClassDef]) -> SdkType:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = node.value.rpartition(".")[2]
        if name not in nested:
            message = f"the SDK refers to an input type {name} that it does not define"
            raise SdkTypeError(message)
        return _object(nested[name], nested)
    if isinstance(node, ast.Subscript):
        outer = _name(node.value)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer in {"Input", "Optional"}:
            return _type(inner[0], nested)
        if outer == "Sequence":
            return SdkType(kind="list", item=_type(inner[0], nested))
        if outer == "Mapping":
            return SdkType(kind="map", item=_type(inner[1], nested))
        if outer == "Union":
            known = [part for part in inner if not isinstance(part, ast.Constant)]
            return _type(known[0], nested)
    name = _name(node)
    if name in _ASSETS:
        return SdkType(kind="asset")
    if name in _SCALARS:
        return SdkType(kind=_SCALARS[name])
    message = f"the SDK's annotation {ast.unparse(node)} is not understood"
    raise SdkTypeError(message)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _to_json(found: SdkResource) -> dict[str, Any]:
    return {"inputs": _type_to_json(found.inputs), "outputs": sorted(found.outputs)}


def _type_to_json(found: SdkType) -> Any:
    if found.item is not None:
        return {"kind": found.kind, "item": _type_to_json(found.item)}
    if found.kind == "object":
        fields = {name: _type_to_json(item) for name, item in found.fields.items()}
        return {"kind": "object", "fields": fields, "required": sorted(found.required)}
    return found.kind


def _from_json(data: Any) -> SdkResource:
    return SdkResource(inputs=_type_from_json(data["inputs"]), outputs=frozenset(data["outputs"]))


def _type_from_json(data: Any) -> SdkType:
    if isinstance(data, str):
        return SdkType(kind=data)
    fields = cast("dict[str, Any]", data)
    if "item" in fields:
        return SdkType(kind=fields["kind"], item=_type_from_json(fields["item"]))
    return SdkType(
        kind="object",
        fields={name: _type_from_json(item) for name, item in fields["fields"].items()},
        required=frozenset(fields["required"]),
    )
