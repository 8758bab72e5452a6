"""What a config key is. A key is declared once, on the field of a settings dataclass that holds its value.

    overlap_seconds: int | None = setting("How long ...", low=0, high=3600, unit="seconds")

Its name in the config is the field's name in camel case (`overlapSeconds`); its kind follows from the type.
`settings.reader` reads its value, `settings.reference` writes it into Pulumi.yaml and docs/settings.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, ParamSpec, cast, get_args, get_type_hints

import pulumi

from railway.validation import Rule
from settings.variables import FunctionVariables

NAMESPACE = "whatsapp-crm"

_P = ParamSpec("_P")


class ValueType(Enum):
    """What a value is in the config; the text is its name in messages and in the reference."""

    STRING = "string"
    PATH = "string (a path)"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list of strings"
    OBJECT = "object"
    STRINGS = "object of strings"
    VARIABLES = "object of strings, or of objects of strings"
    SECRET = "secret string"  # noqa: S105  (the kind of a key, not a value)
    SECRETS = "object of secret strings"

    @property
    def noun(self) -> str:
        """The name with its article."""
        return f"an {self.value}" if self.value[0] in "aeiou" else f"a {self.value}"


_VALUE_TYPES: dict[object, ValueType] = {
    str: ValueType.STRING,
    Path: ValueType.PATH,
    int: ValueType.INTEGER,
    float: ValueType.NUMBER,
    bool: ValueType.BOOLEAN,
    tuple[str, ...]: ValueType.LIST,
    Mapping[str, object]: ValueType.OBJECT,
    Mapping[str, str]: ValueType.STRINGS,
    FunctionVariables: ValueType.VARIABLES,
    pulumi.Output[str]: ValueType.SECRET,
    Mapping[str, pulumi.Output[str]]: ValueType.SECRETS,
}


@dataclass(frozen=True)
class Key:
    """One config key.

    Args:
        description: one or two sentences, for Pulumi.yaml and docs/settings.md.
        name: its name in the config; the field's name in camel case if "".
        group: the heading in the reference that begins with this key.
        default: as in Pulumi.yaml; "" means not set.
        effective_default: the value while none is set, of a key whose `default` must be "" because
            railway.toml may set it (the CLI makes a default indistinguishable from a value of the stack).
        if_unset: what applies while it is not set, in words, if no value describes it.
        required: whether every stack has to set it.
        required_unless: another key; without that one, this one is required.
        file: its place in railway.toml.
        low, high: the bounds of a number, given together.
        unit: of a number.
        min_length: the shortest secret.
        choices: every allowed value; letter case does not matter.
        known: the values that this version knows; another one is a warning.
        rules: what is wrong with a value (or an item of a list), None if nothing is.
        unique: whether an item of a list may not be repeated.
        example: a value for commands in messages.
        fix: the whole command for a wrong value, None for the usual one.
        hidden: whether the value may be a secret; `repr` leaves it out. A secret in another key is a problem.
        value_type, optional: set from the field's type.
    """

    description: str
    name: str = ""
    group: str = ""
    default: object = ""
    effective_default: object = None
    if_unset: str = ""
    required: bool = False
    required_unless: str = ""
    file: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    min_length: int = 0
    choices: tuple[str, ...] = ()
    known: Collection[str] = ()
    rules: tuple[Rule, ...] = ()
    unique: bool = False
    example: str = ""
    fix: Callable[[str], str | None] | None = None
    hidden: bool = False
    value_type: ValueType = ValueType.STRING
    optional: bool = False

    @property
    def fallback(self) -> object:
        """The value while nothing sets it; "" for none."""
        return self.default if self.effective_default is None else self.effective_default

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return f"{self.description.partition('. ')[0].rstrip('.')}."

    @property
    def sample(self) -> str:
        """A value for commands in messages."""
        fallback = str(self.fallback) if isinstance(self.fallback, str | int | float) else ""
        return self.example or fallback or f"<{self.value_type.value}>"


def _as_field(make: Callable[_P, Key]) -> Callable[_P, Any]:
    """`make` as a field of a dataclass with the key's default. Type checkers see no required field."""

    def made(*args: _P.args, **kwargs: _P.kwargs) -> Any:
        key = make(*args, **kwargs)
        if key.required:
            return field(metadata={Key: key})
        default = None if key.fallback == "" else key.fallback
        made_of = tuple(cast("list[str]", default)) if isinstance(default, list) else default
        return field(metadata={Key: key}, repr=not key.hidden, default_factory=lambda: made_of)

    return made


setting = _as_field(Key)


@cache
def fields_of(section: type) -> dict[str, Key | type]:
    """The fields of a settings dataclass that come from the config: a key, or another such dataclass."""
    found: dict[str, Key | type] = {}
    hints = get_type_hints(section)
    for one in fields(section):
        hint, key = hints[one.name], one.metadata.get(Key)
        if isinstance(key, Key):
            options = get_args(hint)
            optional = NoneType in options
            value_type = _VALUE_TYPES[options[0] if optional else hint]
            name = key.name or re.sub(r"_(.)", lambda match: match[1].upper(), one.name)
            found[one.name] = replace(key, name=name, value_type=value_type, optional=optional)
        elif is_dataclass(hint):
            found[one.name] = cast("type", hint)
    return found


def keys_of(section: type) -> Iterator[Key]:
    """Every key of a settings dataclass and of those in it, in order."""
    for part in fields_of(section).values():
        if isinstance(part, Key):
            yield part
        else:
            yield from keys_of(part)
