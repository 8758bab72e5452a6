"""Typed reading of a stack's config. Problems are collected, so that one run reports all of them.

A value is not coerced ("yes" is not true, a string is not a list): a guess would hide a mistake. A value that
is stored as a secret is never shown, not even under a key that should not hold one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar, cast

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from settings.files import FileError, resolve
from settings.keys import NAMESPACE, Key, ValueType, fields_of
from settings.parsing import (
    MAX_NUMBER,
    ambiguous_number,
    as_string,
    document_problem,
    kind_of,
    look_alike,
    mapping,
    nearest,
    not_a_string,
    not_known,
    sequence,
    strings,
    unusable,
)
from settings.problems import Problem
from user_errors import OR, shell_word

# Relative paths start here, in the folder of Pulumi.yaml, wherever the program was started from.
PROGRAM_DIR = Path(__file__).resolve().parent.parent

_T = TypeVar("_T")
MAX_SECRET_BYTES = 65_536  # of a version (Secret Manager docs, quotas)
MAX_STRING = 131_071
"""Bytes of a text: Linux starts no program with a longer argument or variable (execve(2), MAX_ARG_STRLEN)."""
_YES, _NO = {"yes", "y", "on", "1"}, {"no", "n", "off", "0"}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_PLACEHOLDER = re.compile(
    r"your-[a-z-]+(/your-[a-z-]+)?|[\w.-]+/your-[a-z-]+|<.*|0{8}-0{4}-[04]0{3}-[08]0{3}-0{12}"
)
_PLAIN_NAME = re.compile(r"[\w-]+")
# How a command addresses one part of a list or an object.
_PARTS = {ValueType.LIST: "[0]"} | dict.fromkeys(
    (ValueType.OBJECT, ValueType.STRINGS, ValueType.VARIABLES, ValueType.SECRETS), ".NAME"
)


class BadValueError(ValueError):
    """A value does not have the type of its key. The text names what it is instead, such as "a list"."""


def is_placeholder(value: str) -> bool:
    """Whether a value stands for one that the user has to choose, such as `your-organisation`."""
    return _PLACEHOLDER.fullmatch(value.strip()) is not None


def part_of(name: str) -> str:
    """The part of a key with this name, for commands. A dot in a name would be a step of the path.

    Example:
        >>> part_of("LOG_LEVEL"), part_of("log.level")
        ('.LOG_LEVEL', '["log.level"]')
    """
    return f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{json.dumps(name, ensure_ascii=False)}]"


def set_command(name: str, value: object = "", part: str = "", *, secret: bool = False) -> str:
    """The command that sets a key, or a part of it (`[0]`, `.NAME`). Without a value, Pulumi asks for it.

    A part is a string: without `--type string` the CLI stores "+40722000000" as the number 40722000000. A
    secret is stored as it is. The value is quoted for the shell, unless it is a placeholder (`<value>`).
    """
    flags = "--secret " if secret else ""
    place = _place(name, part)
    if part and not secret:
        place = place.replace("--path", "--path --type string", 1)
    word = "" if value == "" else f" {shell_word(value)}"
    return f"pulumi config set {flags}{place}{word}"


def remove_command(name: str, part: str = "") -> str:
    """The command that removes a key, or a part of it."""
    return f"pulumi config rm {_place(name, part)}"


def _place(name: str, part: str) -> str:
    full = f"{NAMESPACE}:{name}"
    if not part:
        return shell_word(full)
    quoted = f"{full}{part}".replace("'", "'\"'\"'")
    return f"--path '{quoted}'"


class ConfigReader:
    """The config of a stack.

    Args:
        config: the config as the engine gives it.
        keys: every key of the program by its name.
    """

    def __init__(self, config: pulumi.Config, keys: Mapping[str, Key]) -> None:
        self._config = config
        self._keys = keys
        self._from_file: dict[str, object] = {}
        self.not_json: set[str] = set()  # the names of secrets; their values are only known here
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.invalid: set[str] = set()

    def section(self, section: type[_T], **given: object) -> _T:
        """A settings dataclass with the values of its keys, and of the dataclasses in it.

        After a problem, a key has its default.
        """
        values = {
            name: self._value(part) if isinstance(part, Key) else self.section(part)
            for name, part in fields_of(section).items()
        }
        return section(**given, **values)

    def explicit(self, name: str) -> object:
        """What the stack sets; None if it sets nothing, or what means "not set" in Pulumi.yaml."""
        value: object = self._config.get(name)
        empty = value in (None, "") or (self._keys[name].default == [] and _structured(value) == [])
        return None if empty else value

    def set_file_default(self, name: str, value: object) -> None:
        """A value from railway.toml, in place of the key's default."""
        self._from_file[name] = value

    def add(self, name: str, what: str, fix: str) -> None:
        """Report a problem of a key."""
        self.invalid.add(name)
        self.problems.append(Problem(key=f"{NAMESPACE}:{name}", what=what, fix=fix))

    def warn(self, name: str, what: str, fix: str) -> None:
        """Report what does not stop the program."""
        self.warnings.append(str(Problem(key=f"{NAMESPACE}:{name}", what=what, fix=fix)))

    def shown(self, name: str, value: object) -> str:
        """A value as messages may show it: cut, and masked where the key is stored as a secret."""
        if self.is_secret(name):
            return "[secret]"
        text = f"{value:g}" if isinstance(value, float) else _text(value)
        cut = f"{text[:60]}…" if len(text) > 60 else text
        return cut if not isinstance(value, str) or text.startswith(("[", "{")) else f'"{cut}"'

    def is_secret(self, name: str) -> bool:
        """Whether the value of a key, or a part of it, is stored encrypted."""
        return is_config_secret(f"{NAMESPACE}:{name}")

    def unknown_keys(self) -> None:
        """Report every key of this program's namespace that does not exist."""
        for full in sorted({*CONFIG.get(), *get_config_env()}):
            namespace, _, name = full.partition(":")
            if namespace == NAMESPACE and name not in self._keys:
                what = f"there is no such key.{look_alike(name)}"
                fix = f"{remove_command(name)}\nThe keys are listed in docs/settings.md."
                if guess := nearest(name, self._keys):
                    what += f' Did you mean "{NAMESPACE}:{guess}"?'
                    fix = f"{set_command(guess, '<value>')}\n{remove_command(name)}"
                self.add(name, what, fix)

    def _value(self, key: Key) -> object:
        name = key.name
        explicit = self.explicit(name)
        value = self._from_file.get(name) if explicit is None else explicit
        if key.value_type is ValueType.SECRET:
            return None if value is None else self._secret(key, value)
        default = None if key.optional and key.fallback == "" else parse(key.value_type, key.fallback)
        if explicit is not None and self.is_secret(name) and not key.hidden:
            self._not_for_secrets(key)
            return default
        if value is None or (key.optional and not str(value).strip()):
            if key.required:
                self._missing(key)
            return default
        if isinstance(value, str) and not self.is_secret(name) and is_placeholder(value):
            fix = set_command(name, "<your own value>")
            if key.optional and not key.required_unless:
                fix += f"\n{OR}{remove_command(name)}"
            self.add(name, f"{self.shown(name, value)} is a placeholder. {key.summary}", fix)
            return default
        try:
            found = parse(key.value_type, value)
        except BadValueError as error:
            self._wrong_type(key, value, str(error))
            return default
        if found == "":
            self._missing(key)
            return default
        if wrong := _unusable(found):
            part = _PARTS.get(key.value_type, "")
            sample = "" if key.value_type is ValueType.SECRETS else key.sample
            command = set_command(name, sample, part, secret=key.value_type is ValueType.SECRETS)
            self.add(name, wrong, command)
            return default
        if key.value_type is ValueType.LIST:
            return self._items(key, cast("tuple[str, ...]", found))
        if key.value_type is ValueType.SECRETS:
            return self._secrets(key, cast("dict[str, object]", found))
        if key.value_type is ValueType.STRINGS:
            return self._strings(key.name, cast("dict[str, object]", found))
        if key.value_type is ValueType.VARIABLES:
            return self._variables(key, cast("dict[str, object]", found))
        return self._checked(key, found)

    def _not_for_secrets(self, key: Key) -> None:
        """The values of such keys become inputs of resources in plain text, and are not masked in output."""
        what = (
            "is a secret or contains one, but this key is not for secrets: its value would be in the state "
            "and in the preview in plain text."
        )
        if key.name in ("functionParams", "functionVariables"):
            remove = remove_command(key.name, ".NAME")
            secret = set_command("secrets", part=".NAME", secret=True)
            fix = f"use defineSecret in the code, then run:\n{secret}\n{remove}"
        else:
            part = _PARTS.get(key.value_type, "")
            fix = f"{remove_command(key.name)}\n{set_command(key.name, key.sample, part)}"
        self.add(key.name, what, fix)

    def _missing(self, key: Key) -> None:
        what = "is required, but not set" if key.required else "is empty"
        self.add(key.name, f"{what}. {key.description}", set_command(key.name, key.sample))

    def _wrong_type(self, key: Key, value: object, actual: str) -> None:
        part = _PARTS.get(key.value_type, "")
        sample = key.sample
        if key.value_type is ValueType.BOOLEAN:
            word = str(value).strip().lower()
            sample = "true" if word in _YES or (word not in _NO and key.fallback is True) else "false"
        elif part:
            sample = "" if key.value_type is ValueType.SECRETS else "<string>"  # Pulumi asks for a secret
        shown = "" if part else f" ({self.shown(key.name, value)})"
        self.add(
            key.name,
            f"must be {key.value_type.noun}, but is {actual}{shown}.",
            set_command(key.name, sample, part, secret=key.value_type is ValueType.SECRETS),
        )

    def _items(self, key: Key, items: tuple[str, ...]) -> tuple[object, ...]:
        found: list[object] = []
        seen: set[object] = set()
        for number, item in enumerate(items):
            part = f"[{number}]"
            value = self._checked(key, item, part)
            if key.unique and value in seen:
                what = f"{self.shown(key.name, value)} is listed twice."
                self.add(key.name, what, remove_command(key.name, part))
            found.append(value)
            seen.add(value)
        return tuple(found)

    def _checked(self, key: Key, value: object, part: str = "") -> object:
        """The value, a choice in its own letter case; what is wrong with it is reported."""
        shown = self.shown(key.name, value)
        if key.choices:
            choice = {one.lower(): one for one in key.choices}.get(str(value).lower())
            if choice is not None:
                return choice
            wrong = f"is not one of {', '.join(key.choices)}"
            sample = nearest(str(value), key.choices) or key.choices[0]
        else:
            reasons = (_out_of_bounds(key, value), *(rule(value) for rule in key.rules))
            wrong = next(filter(None, reasons), None)
            sample = key.sample
        if wrong is not None:
            removable = key.optional and not key.required_unless
            remove = f"\n{OR}{remove_command(key.name)}" if removable else ""
            usual = set_command(key.name, sample, part) + remove
            is_secret = self.is_secret(key.name)
            fix = key.fix(str(value)) if key.fix is not None and not is_secret else None
            odd = look_alike(value) if isinstance(value, str) and not is_secret else ""
            self.add(key.name, f"{shown} {wrong}.{odd}", fix or usual)
        elif key.known and value not in key.known:
            guess = nearest(str(value), key.known) or key.sample
            self.warn(
                key.name,
                f"{shown} {not_known(str(value), key.known)}",
                f"ignore this warning if the name is correct\n{OR}{set_command(key.name, guess)}",
            )
        return value

    def _variables(self, key: Key, values: Mapping[str, object]) -> dict[str, str | dict[str, str]]:
        own = {name: entry for name, value in values.items() if (entry := mapping(value)) is not None}
        common = {name: value for name, value in values.items() if name not in own}
        return {
            **self._strings(key.name, common),
            **{name: self._strings(key.name, entry, f".{name}") for name, entry in own.items()},
        }

    def _strings(self, name: str, values: Mapping[str, object], within: str = "") -> dict[str, str]:
        """Booleans and short numbers become what an environment variable would hold.

        `within` is the object's place in the key (".sendMail").
        """
        found: dict[str, str] = {}
        for part, value in values.items():
            text = as_string(value)
            if wrong := unusable(part):
                self.add(name, f"a name {wrong}", "Rename it in the file of the stack (Pulumi.<stack>.yaml).")
                continue
            if text is not None and (wrong := unusable(text)):
                self.add(name, f"{part} {wrong}", set_command(name, "<string>", f"{within}.{part}"))
                continue
            if text is not None:
                found[part] = text
                continue
            shown = self.shown(name, value)
            what = (
                f"{part} {ambiguous_number(shown) if isinstance(value, int | float) else not_a_string(value)}"
            )
            self.add(name, what, set_command(name, "<string>", f"{within}.{part}"))
        return found

    def _secret(self, key: Key, value: object) -> pulumi.Output[str] | None:
        command = set_command(key.name, secret=True)
        wrong = unusable(value) if isinstance(value, str) else None
        if wrong is None and len(str(value)) > MAX_STRING:
            wrong = f"has {len(str(value))} characters, more than a variable can have."
        if wrong is not None:
            self.add(key.name, wrong, f'{command} "$(openssl rand -hex 32)"')
            return None
        if not self.is_secret(key.name):
            what = "is a secret, but is stored in plain text."
            self.add(key.name, what, f"{command}\nChange the value: it was readable.")
        if not isinstance(value, str) or len(value) < key.min_length or value != value.strip():
            what = f"must have at least {key.min_length} characters, and no spaces at its ends."
            self.add(key.name, what, f'{command} "$(openssl rand -hex 32)"')
            return None
        return pulumi.Output.secret(value)

    def _secrets(self, key: Key, values: Mapping[str, object]) -> dict[str, pulumi.Output[str]]:
        """The names are plain; a value is never part of a message."""
        found: dict[str, pulumi.Output[str]] = {}
        if values and not self.is_secret(key.name):
            self.add(
                key.name,
                "is stored in plain text in the stack's file.",
                set_command(key.name, part=f".{min(values)}", secret=True)
                + "\nRun this for each secret, and change the values: they were readable.",
            )
        for name, value in values.items():
            command = set_command(key.name, part=f".{name}", secret=True)
            text = as_string(value)
            if value in (None, ""):
                fix = f"{command}\n{OR}{remove_command(key.name, f'.{name}')}"
                self.add(key.name, f"{name} is empty.", fix)
            elif text is None:
                number = isinstance(value, int | float)
                what = ambiguous_number("[secret]") if number else not_a_string(value)
                self.add(key.name, f"{name} {what}", command)
            elif wrong := unusable(text):
                self.add(key.name, f"{name} {wrong}", command)
            else:
                if text != text.strip():
                    self.add(key.name, f"{name} has spaces or a line break at its ends.", command)
                if len(text.encode()) > MAX_SECRET_BYTES:
                    what = f"{name} has {len(text.encode())} bytes; Secret Manager takes {MAX_SECRET_BYTES}."
                    self.add(key.name, what, command)
                if not _is_json(text):
                    self.not_json.add(name)
                found[name] = pulumi.Output.secret(text)
        return found


def _out_of_bounds(key: Key, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    below = key.low is not None and value < key.low
    return f"must be {bounds_text(key)}" if below or (key.high is not None and value > key.high) else None


def bounds_text(key: Key) -> str:
    """The bounds of a number in words."""
    return f"from {key.low:g} to {key.high:g} {key.unit}".rstrip() if key.high is not None else key.unit


def _unusable(value: object) -> str | None:
    """What no key can hold: a text with U+0000, or longer than any use of it; see `document_problem`.

    The values of objects are read one by one, with their names.
    """
    if isinstance(value, dict):
        return None
    if wrong := document_problem(value):
        return wrong
    items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    longest = max((len(item.encode()) for item in items if isinstance(item, str)), default=0)
    return f"has {longest} bytes; a text can have {MAX_STRING}." if longest > MAX_STRING else None


def parse(kind: ValueType, value: object) -> object:
    """A config value (a string, or JSON in a string) as the type of its kind.

    Raises:
        BadValueError: it has another type.
    """
    return _PARSERS[kind](value)


def _refuse(value: object) -> NoReturn:
    if isinstance(value, str) and value.startswith(("[", "{")):
        try:
            json.loads(value)
        except RecursionError:
            raise BadValueError("nested too deeply to be read") from None
        except json.JSONDecodeError:
            pass  # a text that only begins like JSON
        except ValueError:
            raise BadValueError("a text that holds a number with too many digits") from None
    raise BadValueError(kind_of(value))


def _is_json(text: str) -> bool:
    def refuse(_: str) -> NoReturn:
        raise ValueError  # NaN and Infinity are no JSON

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _structured(value: object) -> object:
    """A config value as JSON where it is JSON: lists and objects reach the program as JSON texts."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _text(value: object) -> str:
    """`value` as text: Python refuses to write a number of more than 4300 digits."""
    try:
        return str(value)
    except ValueError:
        return "a number of thousands of digits"


def _string(value: object) -> str:
    found = _structured(value)
    if isinstance(found, list | dict):
        _refuse(found)
    return str(value).strip()


def _path(value: object) -> Path:
    try:
        return resolve(PROGRAM_DIR / _string(value))
    except FileError as error:
        raise BadValueError(f"not a path: it {error.what}") from None


def _integer(value: object) -> int:
    found = int(value) if isinstance(value, str) and _INTEGER.fullmatch(value.strip()) else _structured(value)
    if isinstance(found, bool) or not isinstance(found, int):
        _refuse(found)
    if abs(found) > MAX_NUMBER:
        raise BadValueError("a number with too many digits")
    return found


def _number(value: object) -> float:
    found = _structured(value)
    if isinstance(found, bool) or not isinstance(found, int | float):
        _refuse(found)
    if document_problem(found):
        raise BadValueError("not finite, or has too many digits")
    return float(found)


def _boolean(value: object) -> bool:
    found = _structured(value)
    if not isinstance(found, bool):
        _refuse(found)
    return found


def _list(value: object) -> tuple[str, ...]:
    structured = _structured(value)
    found = strings(structured)
    if found is None:
        odd = [item for item in sequence(structured) or () if not isinstance(item, str)]
        if odd:
            raise BadValueError(f"a list that holds {kind_of(odd[0])}")
        _refuse(structured)
    return found


def _object(value: object) -> dict[str, object]:
    found = mapping(_structured(value))
    if found is None:
        _refuse(_structured(value))
    return found


_PARSERS: dict[ValueType, Callable[[object], object]] = {
    ValueType.STRING: _string,
    ValueType.PATH: _path,
    ValueType.INTEGER: _integer,
    ValueType.NUMBER: _number,
    ValueType.BOOLEAN: _boolean,
    ValueType.LIST: _list,
    ValueType.OBJECT: _object,
    ValueType.STRINGS: _object,
    ValueType.VARIABLES: _object,
    ValueType.SECRETS: _object,
}
