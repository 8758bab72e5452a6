"""Requests validated against the documents' schemas, with the error texts of Google's JSON transcoder.

As in the real front end, unknown fields and query parameters, wrong types, values outside an enum, and
malformed bytes, durations and timestamps are errors; snake_case names, null for absent, and numbers for int64
are accepted. The meaning of values is checked by the product.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from sandbox.google.errors import ApiError

if TYPE_CHECKING:
    from sandbox.google.discovery import Api, Method, Schema

INTEGERS: dict[str, tuple[int, int]] = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")
DATETIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
SYSTEM_QUERY = frozenset(
    {"$alt", "$prettyPrint", "$fields", "$ct", "$userProject", "$apiVersion", "userProject"}
)


@cache
def snake(name: str) -> str:
    """Convert `indexConfig` to `index_config`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match.group(1).lower()}", name)


@cache
def camel(name: str) -> str:
    """Convert `index_config` to `indexConfig`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


class Violations:
    """The violations of one request: Google returns all of them at once."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def unknown(self, name: str, at: str) -> None:
        where = f" at '{at}'" if at else ""
        text = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
        self.found.append((at, text))

    def value(self, at: str, kind: str, shown: Any) -> None:
        shown = f'"{shown}"' if isinstance(shown, str) else shown
        self.found.append((at, f"Invalid value at '{at}' ({kind}), {shown}"))

    def query(self, name: str) -> None:
        text = (
            f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
            f"Field '{name}' could not be found in request message."
        )
        self.found.append(("", text))

    def check(self) -> None:
        """Raise the violations.

        Raises:
            ApiError: INVALID_ARGUMENT with one field violation each.
        """
        if not self.found:
            return
        violations = [
            {"field": at, "description": text} if at else {"description": text} for at, text in self.found
        ]
        raise ApiError(
            "INVALID_ARGUMENT",
            "\n".join(text for _, text in self.found),
            details=[
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations},
            ],
        )


def check_body(api: Api, method: Method, body: Any) -> dict[str, Any]:
    """Return a request body with camelCase names and without nulls.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if body is None:
        return {}
    found = Violations()
    if not isinstance(body, dict):
        raise ApiError(
            "INVALID_ARGUMENT",
            "Invalid JSON payload received. Root element must be a message.",
        )
    given = cast("dict[str, Any]", body)
    if method.request is None:
        for name in given:
            found.unknown(name, "")
        found.check()
        return {}
    keep_nulls = api.product.api == "storage"  # Cloud Storage: null in a PATCH removes the field
    root = "" if method.request.endswith("Request") else _body_name(method.request)
    checker = _Checker(api, found, keep_nulls=keep_nulls)
    clean = checker.message(api.schemas[method.request], given, root)
    found.check()
    return clean


@cache
def _body_name(schema: str) -> str:
    """Return the request field of a resource: GoogleFirestoreAdminV1Index is `index`."""
    return snake(re.sub(r"^Google[A-Za-z]*V\d+(beta\d*|alpha\d*)?(?=[A-Z])", "", schema)).lower()


class _Checker:
    def __init__(self, api: Api, found: Violations, *, keep_nulls: bool) -> None:
        self.api = api
        self.found = found
        self.keep_nulls = keep_nulls

    def message(self, schema: Schema, given: dict[str, Any], at: str) -> dict[str, Any]:
        known = cast("dict[str, Schema]", schema.get("properties", {}))
        extra = cast("Schema | None", schema.get("additionalProperties"))
        clean: dict[str, Any] = {}
        for name, value in given.items():
            own = name if name in known else camel(name)
            if own in known:
                path = f"{at}.{snake(own)}" if at else snake(own)
                part = known[own]
            elif extra is not None:
                own, part = name, extra
                path = f"{at}[{name}]"
            else:
                self.found.unknown(name, at)
                continue
            if value is None:
                if self.keep_nulls:
                    clean[own] = None
                continue
            clean[own] = self.value(part, value, path)
        return clean

    def value(self, schema: Schema, value: Any, at: str) -> Any:
        if "$ref" in schema:
            schema = self.api.schemas[schema["$ref"]]
        kind = schema.get("type", "any")
        if kind == "any":
            return value
        if kind == "object":
            if not isinstance(value, dict):
                self.found.value(at, "TYPE_MESSAGE", value)
                return value
            return self.message(schema, cast("dict[str, Any]", value), at)
        if kind == "array":
            if not isinstance(value, list):
                self.found.value(at, "TYPE_ARRAY", value)
                return value
            items = cast("list[Any]", value)
            return [self.value(schema["items"], item, f"{at}[{index}]") for index, item in enumerate(items)]
        if kind == "boolean":
            if not isinstance(value, bool):
                self.found.value(at, "TYPE_BOOL", value)
            return value
        if kind in ("integer", "number") or schema.get("format") in INTEGERS:
            return self.number(schema, value, at)
        return self.text(schema, value, at)

    def number(self, schema: Schema, value: Any, at: str) -> Any:
        form = schema.get("format", "int32" if schema["type"] == "integer" else "double")
        label = f"TYPE_{form.upper()}"
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            self.found.value(at, label, value)
            return value
        try:
            number = float(value)
        except ValueError:
            self.found.value(at, label, value)
            return value
        if form not in INTEGERS:
            return number
        low, high = INTEGERS[form]
        whole = int(value) if not isinstance(value, float) and str(value).lstrip("-").isdigit() else None
        if whole is None and number.is_integer():
            whole = int(number)
        if whole is None or not low <= whole <= high:
            self.found.value(at, label, value)
            return value
        return str(whole) if schema["type"] == "string" else whole

    def text(self, schema: Schema, value: Any, at: str) -> Any:
        if "enum" in schema:
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(schema["enum"]):
                return schema["enum"][value]
            if value not in schema["enum"]:
                self.found.value(at, "TYPE_ENUM", value)
            return value
        if not isinstance(value, str):
            self.found.value(at, "TYPE_STRING", value)
            return value
        form = schema.get("format")
        if form == "byte" and not _is_base64(value):
            self.found.value(at, "TYPE_BYTES", "Base64 decoding failed")
        elif form == "google-duration" and not DURATION.fullmatch(value):
            self.found.value(at, "type.googleapis.com/google.protobuf.Duration", value)
        elif form == "google-datetime" and not DATETIME.fullmatch(value):
            self.found.value(at, "type.googleapis.com/google.protobuf.Timestamp", value)
        return value


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def check_query(api: Api, method: Method, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return typed query parameters by camelCase name; a repeated one is a list.

    A parameter that the document does not have is accepted if the request message has such a field:
    pulumi-gcp sends `updateMask` in the query of methods whose mask is in the body.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    found = Violations()
    fields = (
        cast("dict[str, Schema]", api.schemas[method.request].get("properties", {})) if method.request else {}
    )
    clean: dict[str, Any] = {}
    for name, raw in pairs:
        own = name
        schema = method.query.get(own) or api.globals.get(own)
        if schema is None:
            own = ".".join(camel(part) for part in name.split("."))
            schema = method.query.get(own) or fields.get(own)
        if schema is None or "$ref" in schema:
            if name not in SYSTEM_QUERY:
                found.query(name)
            continue
        value = _query_value(schema, raw, name, found)
        if schema.get("repeated"):
            cast("list[Any]", clean.setdefault(own, [])).append(value)
        else:
            clean[own] = value
    found.check()
    return clean


def _query_value(schema: Schema, raw: str, name: str, found: Violations) -> Any:
    kind = schema.get("type")
    if kind == "boolean":
        if raw.lower() not in ("true", "false", "1", "0"):
            found.value(snake(name), "TYPE_BOOL", raw)
        return raw.lower() in ("true", "1")
    if kind == "integer":
        try:
            return int(raw)
        except ValueError:
            found.value(snake(name), f"TYPE_{schema.get('format', 'int32').upper()}", raw)
            return raw
    if "enum" in schema and raw not in schema["enum"]:
        found.value(snake(name), "TYPE_ENUM", raw)
    return raw
