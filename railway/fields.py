"""What differs between what is declared and what is there: pure, total, driven by a table of fields.

One `Field` says everything that is known about one property: its normal form (two spellings of one value
compare equal), whether a change makes another object, may only grow, or is refused, and what values are
wrong. `compare` and `problems` read the table; no provider compares values by itself.

Refuses to guess about unknown values. Where the new value is not known yet (a preview), a field counts as
changed but never as a reason to replace: the comparison during the apply, where everything is known,
decides. Otherwise one updated parent would make every child look replaced. Such a preview can understate
a replacement; it never overstates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pulumi.output import contains_unknowns
from pulumi.runtime import rpc

from railway.validation import Rule

Normal = Callable[[object], object]
Shrinking = Callable[[float, float], str]


def is_unknown(value: object) -> bool:
    """Whether any part of a value is not known yet (the provider process sees two spellings of that)."""
    if isinstance(value, str):
        return value == rpc.UNKNOWN
    if isinstance(value, Mapping):
        return any(is_unknown(part) for part in value.values())
    if isinstance(value, Sequence):
        return any(is_unknown(part) for part in value)
    return bool(contains_unknowns(value))


# ---- Normal forms: every spelling of one value becomes the same Python value; "nothing" is None.


def text(value: object) -> object:
    """A string; Railway reads back null and "" for the same thing."""
    return None if value is None or value == "" else str(value)


def path(value: object) -> object:
    """An absolute path; a slash at the end means nothing."""
    string = text(value)
    return (string.rstrip("/") or "/") if isinstance(string, str) else None


def folder(value: object) -> object:
    """A folder of a repository; slashes around it mean nothing, and its root is nothing said (Railway docs,
    monorepo: "/backend")."""
    string = text(value)
    return text(string.strip("/")) if isinstance(string, str) else None


def upper(value: object) -> object:
    """A name from an enumeration, which Railway spells in capitals."""
    string = text(value)
    return string.upper() if isinstance(string, str) else None


def number(value: object) -> object:
    """An int or a float; 2 and 2.0 are the same. What is no number stays as it is, for a rule to refuse."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None if value is None else value
    return int(value) if float(value).is_integer() else float(value)


def flag(value: object) -> object:
    """True, False or nothing said."""
    return value


def texts(value: object) -> object:
    """A list of strings in order; one string is a list of one; empty is nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return [value]
    if isinstance(value, Iterable):
        return [str(item) for item in value] or None
    return value


def text_set(value: object) -> object:
    """A list of strings whose order means nothing."""
    items = texts(value)
    return sorted(set(items)) if isinstance(items, list) else items


def mapping(value: object) -> object:
    """A JSON object; numbers in it in their normal form; keys with null are absent."""
    if isinstance(value, Mapping):
        parts = {str(key): normal for key, part in value.items() if (normal := mapping(part)) is not None}
        return parts or None
    if isinstance(value, list):
        return [mapping(part) for part in value]
    return number(value) if isinstance(value, int | float) else value


def string_map(value: object) -> object:
    """Names to strings, each kept as it is, "" included: for a variable, empty is a value."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(key): part if part is None else str(part) for key, part in value.items()}
    return value


@dataclass(frozen=True, kw_only=True)
class Field:
    """One property of a resource.

    Args:
        name: the property's key.
        normal: its normal form.
        default: what Railway does when nothing is said; nothing and this compare equal.
        required: must be there.
        replace: a change makes another object.
        fixed: a change is refused, for this reason.
        grow_only: a smaller value is refused; says why, and what to do, of the old and the new number.
        derived: made by `check` for people to read; a difference in it alone is no change.
        rules: each returns what is wrong with a known, normal, present value, or None.
    """

    name: str
    normal: Normal = text
    default: object = None
    required: bool = False
    replace: bool = False
    fixed: str | None = None
    grow_only: Shrinking | None = None
    derived: bool = False
    rules: tuple[Rule, ...] = ()

    def value(self, props: Mapping[str, object]) -> object:
        """The normal value in a bag of properties, the default where nothing is said."""
        value = self.normal(props.get(self.name))
        return self.normal(self.default) if value is None else value


@dataclass(frozen=True)
class Comparison:
    """Which fields differ, and which of these make another object."""

    changed: tuple[str, ...]
    replaces: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changed)


def compare(fields: Iterable[Field], olds: Mapping[str, object], news: Mapping[str, object]) -> Comparison:
    """Compare what is there (`olds`, a resource's outputs) with what is declared (`news`, its inputs).

    Keys that no field names (`__provider`, outputs) are ignored.
    """
    changed: list[str] = []
    replaces: list[str] = []
    for field in fields:
        if field.derived:
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
class FieldProblem:
    """What is wrong with one property."""

    name: str
    reason: str


def problems(
    fields: Iterable[Field], olds: Mapping[str, object], news: Mapping[str, object]
) -> list[FieldProblem]:
    """Everything wrong with declared properties. Unknown ones are skipped: they are looked at again when
    known.

    Args:
        fields: the table.
        olds: the inputs of the resource's last state, empty for a new one.
        news: the declared inputs.
    """
    found: list[FieldProblem] = []
    for field in fields:
        raw = news.get(field.name)
        if is_unknown(raw):
            continue
        value = field.value(news)
        if value is None:
            if field.required:
                found.append(FieldProblem(field.name, "must be given, and not be empty"))
            continue
        reasons = (reason for rule in field.rules if (reason := rule(value)) is not None)
        if (first := next(reasons, None)) is not None:
            found.append(FieldProblem(field.name, first))
        before = None if is_unknown(olds.get(field.name)) else field.value(olds)
        if before is None or before == value:
            continue
        if field.fixed is not None:
            found.append(
                FieldProblem(field.name, f"cannot change from {before!r} to {value!r}: {field.fixed}")
            )
        if (
            field.grow_only is not None
            and isinstance(before, int | float)
            and isinstance(value, int | float)
            and value < before
        ):
            found.append(FieldProblem(field.name, field.grow_only(before, value)))
    return found


# ---- Rules: what is wrong with one present value, or None.


def quoting(rule: Rule) -> Rule:
    """A rule whose reason begins with the value."""

    def quoted(value: object) -> str | None:
        reason = rule(value)
        return None if reason is None else f"{value!r} {reason}"

    return quoted


def positive(value: object) -> str | None:
    """A number above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value!r} is not a number"
    return None if value > 0 else f"is {value}; it must be more than 0"


def not_negative(value: object) -> str | None:
    """A number from zero up."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value!r} is not a number"
    return None if value >= 0 else f"is {value}; it cannot be negative"


def whole(value: object) -> str | None:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{value!r} is not a whole number"
    return None


def boolean(value: object) -> str | None:
    """True or False."""
    return None if isinstance(value, bool) else f"{value!r} is not true or false"


def port(value: object) -> str | None:
    """A TCP port."""
    wrong = whole(value)
    if wrong:
        return wrong
    assert isinstance(value, int)
    return None if 1 <= value <= 65535 else f"{value} is not a port (1 to 65535)"


def one_of(*allowed: str) -> Rule:
    """A value, or every value of a list, from an enumeration."""

    def rule(value: object) -> str | None:
        items = [str(item) for item in value] if isinstance(value, list) else [str(value)]
        wrong = [item for item in items if item not in allowed]
        return f"{', '.join(wrong)} is not one of {', '.join(allowed)}" if wrong else None

    return rule
