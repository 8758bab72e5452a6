"""Responses are validated with the response schema of Google's own document, by jsonschema.

The sandbox validates requests with its own code; an independent library checks the responses.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from jsonschema import Draft202012Validator

from sandbox.google import discovery

JsonSchema = dict[str, Any]


def _convert(node: JsonSchema) -> JsonSchema:
    """Convert a document's schema to a JSON schema without additional properties."""
    if "$ref" in node:
        return {"$ref": f"#/$defs/{node['$ref']}"}
    kind = node.get("type", "any")
    if kind == "any":
        return {}
    if kind == "array":
        return {"type": "array", "items": _convert(node["items"])}
    if kind == "object":
        properties = {name: _convert(part) for name, part in node.get("properties", {}).items()}
        extra = node.get("additionalProperties")
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": _convert(extra) if extra is not None else False,
        }
    converted: JsonSchema = {"type": kind}
    if "enum" in node:
        converted["enum"] = node["enum"]
    if kind == "string" and node.get("format") in ("int64", "uint64"):
        converted["pattern"] = r"^-?\d+$"
    if node.get("format") in ("google-datetime", "date-time"):
        converted["pattern"] = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"
    return converted


@cache
def _validator(mount: str, version: str, schema: str) -> Draft202012Validator:
    api = discovery.load(mount, version)
    definitions = {name: _convert(part) for name, part in api.schemas.items()}
    return Draft202012Validator({"$defs": definitions, "$ref": f"#/$defs/{schema}"})


def schema_errors(http: str, path: str, answer: object) -> list[str]:
    """Return the schema errors of a successful response.

    Args:
        path: the request's path, percent-encoded, with or without its query.
    """
    parts = path.partition("?")[0].lstrip("/").split("/")
    if parts[0] == "upload":
        parts = parts[1:]
    mount, version = parts[:2]
    api = discovery.load(mount, version)
    below = "/".join(parts if api.full_path else parts[1:])
    hit = api.match(http, below)
    assert hit is not None, f"{http} {path} is no method of {api.product.document}"
    schema = hit[0].response
    if schema is None:
        return [f"{hit[0].id} answers nothing"] if answer else []
    found = _validator(mount, version, schema).iter_errors(cast("Any", answer))
    return [f"{error.json_path}: {error.message[:200]}" for error in found]
