"""Field masks (`updateMask`, `fields`), output-only fields, pages.

A mask with a field that the schema does not have is an error.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, cast

from sandbox.google.errors import invalid
from sandbox.google.validation import camel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.google.discovery import Api, Schema
    from sandbox.google.store import Json

MAX_PAGE = 1000


def output_only(schema: Schema) -> bool:
    """Return whether clients cannot write a field (older documents have that in the description only)."""
    description = cast("str", schema.get("description", ""))
    return bool(schema.get("readOnly")) or "Output only" in description[:200]


def writable_fields(api: Api, schema: Schema, old: Json, new: Json) -> Json:
    """Return `new` with its output-only fields taken from `old`, at every depth."""
    if "$ref" in schema:
        schema = api.schemas[schema["$ref"]]
    known = cast("dict[str, Schema]", schema.get("properties", {}))
    result: Json = {}
    for name, value in new.items():
        part = known.get(name)
        if part is None:
            result[name] = value
        elif not output_only(part):
            nested = "$ref" in part and isinstance(value, dict)
            result[name] = (
                writable_fields(api, part, cast("Json", old.get(name) or {}), value) if nested else value
            )
    for name, value in old.items():
        if name in known and output_only(known[name]):
            result[name] = value
    return result


def parse_mask(api: Api, schema: str, mask: str) -> list[list[str]]:
    """Return a mask's paths in camelCase; map keys are unchanged.

    Raises:
        ApiError: INVALID_ARGUMENT for a path that the schema does not have.
    """
    found: list[list[str]] = []
    for raw in filter(None, (part.strip() for part in mask.split(","))):
        node: Schema | None = {"$ref": schema}
        path: list[str] = []
        for part in raw.split("."):
            if node is not None and "$ref" in node:
                node = api.schemas[node["$ref"]]
            known = cast("dict[str, Schema]", (node or {}).get("properties", {}))
            if part == "*":
                path.append(part)
                node = None
            elif known:
                own = part if part in known else camel(part)
                if own not in known:
                    raise invalid(
                        f"Invalid value at 'update_mask' (type.googleapis.com/google.protobuf.FieldMask), "
                        f'Field "{raw}" is not a field of the resource',
                        "update_mask",
                    )
                path.append(own)
                node = known[own]
            else:
                path.append(part)
        found.append(path)
    return found


def apply_patch(
    api: Api, schema: str, old: Json, new: Json, mask: str | None, *, replace_all: bool = False
) -> Json:
    """Return a resource after a PATCH.

    Args:
        mask: the update mask; None or "" updates the fields in `new`, or with `replace_all` all fields.

    Raises:
        ApiError: INVALID_ARGUMENT for an invalid mask.
    """
    shape = api.schemas[schema]
    requested = writable_fields(api, {"$ref": schema}, old, new)
    listed = parse_mask(api, schema, mask) if mask else []
    if ["*"] in listed or (not listed and replace_all):
        return requested
    result: Json = dict(old)
    known = cast("dict[str, Schema]", shape.get("properties", {}))
    for path in listed or [[name] for name in new if not output_only(known.get(name, {}))]:
        if output_only(known.get(path[0], {})):
            continue
        _copy(result, requested, path)
    return result


def _copy(target: Json, source: Json, path: list[str]) -> None:
    head, *rest = path
    if not rest:
        if head in source:
            target[head] = source[head]
        else:
            target.pop(head, None)
        return
    inner = dict(cast("Json", target.get(head) or {}))
    given = source.get(head)
    _copy(inner, cast("Json", given) if isinstance(given, dict) else {}, rest)
    target[head] = inner


def select_fields(value: Any, fields: str) -> Any:
    """Return a partial response: `services/name,nextPageToken`, `items(id,name)`, `*`."""
    tree = _tree(iter(re.findall(r"[^,/()\s]+|[,/()]", fields)))
    return _prune(value, tree)


Tree = dict[str, Any]


def _tree(signs: Iterator[str]) -> Tree:
    tree: Tree = {}
    node = tree
    for sign in signs:
        if sign == ",":
            node = tree
        elif sign == "(":
            node.update(_tree(signs))
        elif sign == ")":
            return tree
        elif sign != "/":
            node = cast("Tree", node.setdefault(sign, {}))
    return tree


def _prune(value: Any, tree: Tree) -> Any:
    if not tree or "*" in tree:
        return value
    if isinstance(value, list):
        return [_prune(item, tree) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    given = cast("Json", value)
    return {name: _prune(given[name], inner) for name, inner in tree.items() if name in given}


def page(
    items: list[Any], query: Json, *, size: int = 100, size_key: str = "pageSize"
) -> tuple[list[Any], str]:
    """Return one page of a list and the next page's token ("" on the last page).

    Raises:
        ApiError: INVALID_ARGUMENT for an unknown token.
    """
    count = min(int(query.get(size_key) or size), MAX_PAGE)
    token = cast("str", query.get("pageToken") or "")
    start = 0
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("page:"))
        except ValueError:
            raise invalid("Invalid page token", "page_token") from None
    end = start + count
    following = base64.urlsafe_b64encode(f"page:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], following
