"""Comparing and validating the properties of a resource: pure functions over a table of fields.

A `Field` holds what is known about one property: its normal form (equal values in different notations become
the same value), whether a change replaces the object, is rejected or may only increase it, and which values
are invalid. `compare` and `problems` read the table; no provider compares values itself. A property is
declared once, in an Args class, and `fields_of` makes the table from the class. A string that may change
needs nothing more; every other property has a `column`.

A new value that is not known yet, in a preview, is a change but never a reason to replace: the comparison
during the `up`, where all values are known, decides that. Otherwise one updated parent would make every
child look replaced. A preview may therefore show an update that turns out to be a replacement.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi.output import contains_unknowns
from pulumi.runtime import rpc

Normal = Callable[[object], object]


def is_unknown(value: object) -> bool:
    """Whether any part of a value is not known yet; the provider process sees two forms of unknowns."""
    if isinstance(value, str):
        return value == rpc.UNKNOWN
    if isinstance(value, Mapping):
        return any(is_unknown(part) for part in value.values())
    if isinstance(value, Sequence):
        return any(is_unknown(part) for part in value)
    return bool(contains_unknowns(value))


# ---- Normal forms. None means not set.


def text(value: object) -> object:
    """A string; Railway returns null or "" for one that is not set."""
    return None if value is None or value == "" else str(value)


def path(value: object) -> object:
    """An absolute path, without a slash at the end."""
    string = text(value)
    return (string.rstrip("/") or "/") if isinstance(string, str) else None


def folder(value: object) -> object:
    """A folder of a repository, without slashes around it; the root is not set (Railway docs, monorepo:
    "/backend")."""
    string = text(value)
    return text(string.strip("/")) if isinstance(string, str) else None


def upper(value: object) -> object:
    """A value of an enumeration, in upper case as on Railway."""
    string = text(value)
    return string.upper() if isinstance(string, str) else None


def number(value: object) -> object:
    """An int or a float; 2 and 2.0 are equal. Any other value is kept for a rule to reject."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None if value is None else value
    return int(value) if float(value).is_integer() else float(value)


def flag(value: object) -> object:
    """A boolean."""
    return value


def texts(value: object) -> object:
    """A list of strings, whose order matters; a string is a list of one, an empty list is not set."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return [value]
    if isinstance(value, Iterable):
        return [str(item) for item in value] or None
    return value


def text_set(value: object) -> object:
    """A list of strings, whose order does not matter."""
    items = texts(value)
    return sorted(set(items)) if isinstance(items, list) else items


def mapping(value: object) -> object:
    """A JSON object, with its numbers in normal form and without null values."""
    if isinstance(value, Mapping):
        parts = {str(key): normal for key, part in value.items() if (normal := mapping(part)) is not None}
        return parts or None
    if isinstance(value, list):
        return [mapping(part) for part in value]
    return number(value) if isinstance(value, int | float) else value


def string_map(value: object) -> object:
    """Names and strings; unlike elsewhere, "" is a value."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(key): part if part is None else str(part) for key, part in value.items()}
    return value


@dataclass(frozen=True, kw_only=True)
class Field:
    """One property of a resource.

    Args:
        name: the property.
        normal: its normal form.
        default: what Railway uses when it is not set; equal to None in a comparison.
        required: whether it must be set.
        replace: a change replaces the object.
        fixed: a change is rejected; returns the reason with its fix, given the declared properties and the
            old value.
        grow_only: a smaller value is rejected; returns the reason with its fix, given the declared
            properties, the old and the new value.
        compared: False: only shown; a difference is not a change.
        rules: each returns what is wrong with a value in normal form, or None.
    """

    name: str
    normal: Normal = text
    default: object = None
    required: bool = False
    replace: bool = False
    fixed: Callable[[Mapping[str, Any], object], str] | None = None
    grow_only: Callable[[Mapping[str, Any], float, float], str] | None = None
    compared: bool = True
    rules: tuple[Callable[[object], str | None], ...] = ()

    def value(self, props: Mapping[str, object]) -> object:
        """The property in normal form, or its default."""
        value = self.normal(props.get(self.name))
        return self.normal(self.default) if value is None else value


_COLUMN = "column"


def column(kind: type[Field] = Field, **columns: Any) -> dict[str, Any]:
    """The metadata of a field of an Args class: the columns of its row, see `Field`."""
    return {_COLUMN: (kind, columns)}


def optional(value: object = None, kind: type[Field] = Field, **columns: Any) -> Any:
    """A field of an Args class with the default `value`; `columns` as in `column`."""
    return dataclasses.field(default=value, metadata=column(kind, **columns))


def fields_of(args: type[Any]) -> tuple[Field, ...]:
    """The table of an Args class.

    A property without a default is required. Otherwise its default is also `Field.default`, unless its column
    has another one.
    """
    table: list[Field] = []
    for one in dataclasses.fields(args):
        kind, columns = one.metadata.get(_COLUMN, (Field, {}))
        required = one.default is dataclasses.MISSING
        default = None if required else one.default
        table.append(kind(name=one.name, **{"required": required, "default": default, **columns}))
    return tuple(table)


@dataclass(frozen=True)
class Comparison:
    """The properties that differ, and those of them that replace the object."""

    changed: tuple[str, ...]
    replaces: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changed)


def compare(fields: Iterable[Field], olds: Mapping[str, object], news: Mapping[str, object]) -> Comparison:
    """Compare the live properties with the declared ones; keys without a field are ignored.

    Args:
        fields: the table.
        olds: the outputs of the resource.
        news: its declared inputs.
    """
    changed: list[str] = []
    replaces: list[str] = []
    for field in fields:
        if not field.compared:
            continue
        if is_unknown(news.get(field.name)):
            changed.append(field.name)
            continue
        if field.value(olds) == field.value(news):
            continue
        changed.append(field.name)
        if field.replace and field.value(olds) is not None:
            replaces.append(field.name)
    return Comparison(tuple(changed), tuple(replaces))


@dataclass(frozen=True)
class Mismatch:
    """A property whose live value is not the written one.

    Args:
        name: the property.
        live: the value that Railway returns, None for null.
        written: the value that was sent, None for a reset.
    """

    name: str
    live: object
    written: object

    def __str__(self) -> str:
        return f"{self.name} is {as_json(self.live)} instead of {as_json(self.written)}"


def as_json(value: object) -> str:
    """A value as messages show it."""
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one property."""

    name: str
    reason: str


def problems(
    fields: Iterable[Field], olds: Mapping[str, object], news: Mapping[str, object]
) -> list[FieldProblem]:
    """Everything that is wrong with the declared properties; unknown ones are skipped.

    Args:
        fields: the table.
        olds: the inputs of the resource's last state, empty for a new resource.
        news: the declared inputs.
    """
    found: list[FieldProblem] = []
    for field in fields:
        if is_unknown(news.get(field.name)):
            continue
        value = field.value(news)
        if value is None:
            if field.required:
                found.append(FieldProblem(field.name, "is required and must not be empty"))
            continue
        reasons = (reason for rule in field.rules if (reason := rule(value)) is not None)
        if (first := next(reasons, None)) is not None:
            found.append(FieldProblem(field.name, first))
        before = None if is_unknown(olds.get(field.name)) else field.value(olds)
        if before is None or before == value:
            continue
        if field.fixed is not None:
            reason = f"cannot change from {before!r} to {value!r}: {field.fixed(news, before)}"
            found.append(FieldProblem(field.name, reason))
        if (
            field.grow_only is not None
            and isinstance(before, int | float)
            and isinstance(value, int | float)
            and value < before
        ):
            found.append(FieldProblem(field.name, field.grow_only(news, before, value)))
    return found
