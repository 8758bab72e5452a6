"""Typed reading of Pulumi config that collects what is wrong instead of stopping at it.

Every message names the key and the command that mends it. A value stored as a secret is never shown, also
when it stands under a key that should not be one.
Refuses to coerce: "yes" is not true and a list is not a text, because a guess would hide a slip of the
hand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import NoReturn, TypeVar

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from settings.keys import KEYS, NAMESPACE
from settings.parsing import kind_of, mapping, nearest, sequence, strings
from settings.problems import Problem

_T = TypeVar("_T")
_YES, _NO = {"yes", "y", "on", "1"}, {"no", "n", "off", "0"}


class _BadValueError(ValueError):
    """A config value has not the type of its key; the text says what it is instead."""


class ConfigReader:
    """Reads the keys of the table `KEYS`. After a problem, a getter returns the key's default."""

    def __init__(self, config: pulumi.Config) -> None:
        self._config = config
        self.problems: list[Problem] = []
        self.bad: set[str] = set()
        self._offered: dict[str, object] = {}

    def offer(self, name: str, value: object) -> None:
        """A value to take where the config sets none, in place of the key's default."""
        self._offered[name] = value

    def stated(self, name: str) -> object:
        """What the config itself says; None when it says nothing, which an empty default does too."""
        value: object = self._config.get(name)
        empty = value in (None, "") or (KEYS[name].default == [] and _structured(value) == [])
        return None if empty else value

    def add(self, name: str, what: str, fix: str) -> None:
        """Report a problem of the key `name` of this program's namespace."""
        self.bad.add(name)
        self.problems.append(Problem(key=f"{NAMESPACE}:{name}", what=what, fix=fix))

    def shown(self, name: str, value: object) -> str:
        """`value` as messages may show it: cut, and masked when the key is stored as a secret. A text is in
        quotes; a list or an object, which is JSON, is not."""
        if self.is_secret(name):
            return "[secret]"
        text = str(value)
        cut = f"{text[:60]}…" if len(text) > 60 else text
        return cut if text.startswith(("[", "{")) else f'"{cut}"'

    def is_secret(self, name: str) -> bool:
        """Whether the value of `name` (or a part of it) is stored encrypted."""
        return is_config_secret(f"{NAMESPACE}:{name}")

    def raw(self, name: str) -> object:
        """The value as the engine gives it, or what is offered; None when nothing, or an empty text, is
        set.
        """
        stated = self.stated(name)
        return self._offered.get(name) if stated is None else stated

    def foreign(self, full: str) -> str:
        """A key of another namespace (`gcp:project`); "" when not set."""
        namespace, _, name = full.partition(":")
        return pulumi.Config(namespace).get(name) or ""

    def foreign_is_secret(self, full: str) -> bool:
        """Whether a key of another namespace is stored encrypted."""
        return is_config_secret(full)

    def unknown_keys(self) -> None:
        """Report every key of our namespace that the program does not read, with the nearest that
        it does.
        """
        present = {*CONFIG.get(), *get_config_env()}
        for full in sorted(present):
            namespace, _, name = full.partition(":")
            if namespace != NAMESPACE or name in KEYS:
                continue
            guess = nearest(name, KEYS)
            remove = f"pulumi config rm {full}"
            if guess:
                what = f'there is no such key. Did you mean "{NAMESPACE}:{guess}"?'
                fix = f"pulumi config set {NAMESPACE}:{guess} <value>  and  {remove}"
            else:
                what = "there is no such key."
                fix = f"{remove}  (Pulumi.yaml lists the keys)"
            self.problems.append(Problem(key=full, what=what, fix=fix))

    def text(self, name: str) -> str:
        """A text, without spaces at its ends; the default when not set."""
        return self._read(name, _text, "a text", str(KEYS[name].meaning or "<text>"))

    def optional_text(self, name: str) -> str | None:
        """A text, or None when not set."""
        return self.text(name) or None

    def integer(self, name: str, low: int, high: int, unit: str = "") -> int:
        """A whole number from `low` to `high`."""
        value = self._read(name, _integer, "a whole number", str(KEYS[name].meaning or low))
        example = str(KEYS[name].meaning)
        return value if self._bounded(name, value, low, high, unit, example) else low

    def optional_integer(self, name: str, low: int, high: int, unit: str = "") -> int | None:
        """A whole number from `low` to `high`, or None when not set."""
        if self.raw(name) is None:
            return None
        value = self._read(name, _integer, "a whole number", "<number>", fallback=low)
        return value if self._bounded(name, value, low, high, unit, "<number>") else None

    def number(self, name: str) -> float:
        """A number that is neither infinite nor undefined."""
        return self._read(name, _number, "a number", str(KEYS[name].default))

    def optional_number(self, name: str, example: str) -> float | None:
        """A number above 0, or None when not set."""
        if self.raw(name) is None:
            return None
        value = self._read(name, _number, "a number", example, fallback=1)
        if value <= 0:
            self.add(
                name,
                f"{value:g} is not possible: it must be more than 0.",
                f"pulumi config set {NAMESPACE}:{name} {example}  (or pulumi config rm {NAMESPACE}:{name})",
            )
            return None
        return value

    def boolean(self, name: str) -> bool:
        """true or false. The example is what was probably meant, or the default."""
        wish = str(self.raw(name)).strip().lower()
        meant = wish in _YES or (wish not in _NO and KEYS[name].meaning is True)
        return self._read(name, _boolean, "true or false", "true" if meant else "false")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return self._read(name, _texts, "a list of texts", "<text>", path="[0]")

    def object(self, name: str) -> dict[str, object]:
        """An object; its values are the caller's to check."""
        return self._read(name, _object, "an object", "<value>", path=".NAME")

    def plain_texts(self, name: str) -> dict[str, str]:
        """An object of texts; numbers and booleans are written as the environment would hold them."""
        found: dict[str, str] = {}
        for key, value in self.object(name).items():
            if isinstance(value, bool):
                found[key] = "true" if value else "false"
            elif isinstance(value, str | int | float):
                found[key] = str(value)
            else:
                self.add(
                    name,
                    f"{key} must be a text, but is {kind_of(value)}.",
                    f"pulumi config set --path '{NAMESPACE}:{name}.{key}' <text>",
                )
        return found

    def secret_text(self, name: str, *, minimum: int) -> pulumi.Output[str] | None:
        """A secret output, or None when not set. Refuses plain storage and values under `minimum`
        characters.
        """
        value = self.raw(name)
        if value is None:
            return None
        command = f"pulumi config set --secret {NAMESPACE}:{name}"
        if not self.is_secret(name):
            self.add(name, "is a secret, but is stored in plain text.", f"{command}  (and change the value)")
        if not isinstance(value, str) or len(value) < minimum or value != value.strip():
            self.add(
                name,
                f"must be at least {minimum} characters, without spaces or line breaks at its ends.",
                f'{command} "$(openssl rand -hex 32)"',
            )
            return None
        return pulumi.Output.secret(value)

    def secret_texts(self, name: str) -> dict[str, pulumi.Output[str]]:
        """An object of secret outputs. Its names are plain; a value is never part of a message."""
        found: dict[str, pulumi.Output[str]] = {}
        values = self.object(name)
        if values and not self.is_secret(name):
            first = min(values)
            self.add(
                name,
                "is stored in plain text in the stack's file.",
                f"pulumi config set --secret --path '{NAMESPACE}:{name}.{first}'  "
                "for each of them, and change the values: they were readable",
            )
        for key, value in values.items():
            command = f"pulumi config set --secret --path '{NAMESPACE}:{name}.{key}'"
            if isinstance(value, bool | int | float) or (isinstance(value, str) and value):
                text = str(value)
                if text != text.strip():
                    self.add(name, f"{key} has spaces or a line break at its ends.", command)
                found[key] = pulumi.Output.secret(text)
            elif value in (None, ""):
                self.add(
                    name,
                    f"{key} is empty.",
                    f"{command}  (or pulumi config rm --path '{NAMESPACE}:{name}.{key}')",
                )
            else:
                self.add(name, f"{key} must be a text, but is {kind_of(value)}.", command)
        return found

    def _bounded(self, name: str, value: int, low: int, high: int, unit: str, example: str) -> bool:
        if low <= value <= high or name in self.bad:
            return True
        self.add(
            name,
            f"{value}{unit} is out of bounds: it must be from {low} to {high}{unit}.",
            f"pulumi config set {NAMESPACE}:{name} {example}",
        )
        return False

    def _read(
        self,
        name: str,
        parse: Callable[[object], _T],
        expected: str,
        example: str,
        *,
        path: str = "",
        fallback: object = None,
    ) -> _T:
        default = KEYS[name].meaning if fallback is None else fallback
        value = self.raw(name)
        try:
            return parse(default if value is None else value)
        except _BadValueError as error:
            option, quote = ("--path ", "'") if path else ("", "")
            option = f"--secret {option}" if name == "secrets" else option
            shown = "" if path else f" ({self.shown(name, value)})"
            self.add(
                name,
                f"must be {expected}, but is {error}{shown}.",
                f"pulumi config set {option}{quote}{NAMESPACE}:{name}{path}{quote} {example}",
            )
            return parse(default)


def _refuse(value: object) -> NoReturn:
    raise _BadValueError(kind_of(value))


def _structured(value: object) -> object:
    """A config value as JSON where it is JSON: lists and objects reach the program as JSON texts."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(value: object) -> str:
    found = _structured(value)
    if isinstance(found, list | dict):
        _refuse(found)
    return str(value).strip()


def _integer(value: object) -> int:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            _refuse(_structured(value))
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(value)
    return value


def _number(value: object) -> float:
    found = _structured(value)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        _refuse(found)
    return float(found)


def _boolean(value: object) -> bool:
    found = _structured(value)
    if not isinstance(found, bool):
        _refuse(found)
    return found


def _texts(value: object) -> tuple[str, ...]:
    structured = _structured(value)
    found = strings(structured)
    if found is None:
        odd = [item for item in sequence(structured) or () if not isinstance(item, str)]
        if odd:
            raise _BadValueError(f"a list that holds {kind_of(odd[0])}")
        _refuse(structured)
    return found


def _object(value: object) -> dict[str, object]:
    found = mapping(_structured(value))
    if found is None:
        _refuse(_structured(value))
    return found
