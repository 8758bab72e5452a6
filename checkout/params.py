"""Parameters of a functions codebase, and the expressions that use them.

A manifest (v1alpha1 of `firebase-functions`) declares params. An option can be `{{ params.X }}`, a
comparison, or `test ? a : b`. Values come from the config (`whatsapp-crm:functionParams`), then from the
codebase's .env files, then from the default. A param without a value is a problem (the Firebase CLI would
prompt for it), and so is an expression outside of the grammar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from checkout import regular_expression
from checkout.env_files import EnvFiles
from settings.keys import NAMESPACE
from settings.parsing import ambiguous_number, as_string, kind_of, mapping, nearest, sequence, strings
from settings.problems import Problem, bounded
from settings.reader import remove_command, set_command
from user_errors import OR

Value = str | int | float | bool | tuple[str, ...]

_KEY = f"{NAMESPACE}:functionParams"
# The params of every project that have a value only when a setting has it.
_SETTINGS = {
    "STORAGE_BUCKET": set_command("storageBucket", "<my-crm.firebasestorage.app>"),
    "DATABASE_URL": set_command("databaseUrl", "<https://my-crm-default-rtdb.firebaseio.com>"),
}
_TRUE, _FALSE = ("true", "y", "yes", "1"), ("false", "n", "no", "0", "")
_TYPES = ("string", "int", "float", "boolean", "list", "secret")
_EXAMPLES = {"string": "<text>", "int": "1", "float": "1.5", "boolean": "true", "list": '["a"]'}
_MAX_CHOICES = 100  # `?` in one expression
_SHOWN = 200
_EXPRESSION = re.compile(r"\{\{ (.+?) \}\}", re.DOTALL)
_INCOMPLETE = re.compile(r"\{\{\s*params\.")
_TOKEN = re.compile(
    r"\s*(?:params\.(?P<param>[A-Za-z_][A-Za-z0-9_]*)"
    r'|(?P<text>"(?:\\.|[^"\\])*")'
    r"|(?P<list>\[[^\]]*\])"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>true|false)"
    r"|(?P<sign>==|!=|>=|<=|>|<|\?|:))"
)


class ExpressionError(ValueError):
    """An expression that is not in the grammar, or uses an unknown param."""


class UnresolvedError(ExpressionError):
    """An expression uses the param `name`, which has no value."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the param {name} has no value")

    @property
    def fix(self) -> str | None:
        """The command that gives it a value, for a param that comes from a setting."""
        return _SETTINGS.get(self.name)


@dataclass(frozen=True, kw_only=True)
class Params:
    """The params of a codebase.

    `texts` has the values of .env files as they are written. `secrets` are names in Secret Manager, without
    values; those in `json_secrets` must hold JSON.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    declared: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    json_secrets: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        """The declared params as environment variables, from which the SDK reads them."""
        return {
            name: self.texts.get(name, as_text(self.values[name]))
            for name in self.declared
            if name in self.values
        }

    def resolve(self, value: object) -> object:
        """`value` with its expressions evaluated. A string that is one expression becomes its value, of any
        type; expressions inside a longer string are converted to text. `Hi {{name}}`, without spaces in the
        braces, is text, as in the Firebase CLI.

        Raises:
            ExpressionError: an expression is invalid or has no value.
        """
        if not isinstance(value, str) or "{{" not in value:
            return value
        whole = _EXPRESSION.fullmatch(value) if value.count("{{") == 1 else None
        if whole is not None:
            return self._evaluate(whole.group(1))
        # After the last end no expression can begin: each start would be compared with the rest of the text.
        end = value.rfind(" }}") + len(" }}") if " }}" in value else 0
        head, tail = value[:end], value[end:]
        if _INCOMPLETE.search(_EXPRESSION.sub("", head) + tail):
            raise ExpressionError(f"{bounded(value, _SHOWN)} is not an expression of the manifest")
        return _EXPRESSION.sub(lambda match: as_text(self._evaluate(match.group(1))), head) + tail

    def _evaluate(self, text: str) -> Value:
        return _Parser(text, self.values).whole()


def as_text(value: Value) -> str:
    """A value as an environment variable: `true`, `1`, `["a"]`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return json.dumps(list(value), separators=(",", ":"))
    # As JavaScript, which writes 1.0 as 1.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the values of params come from.

    Args:
        configured: `whatsapp-crm:functionParams`. See `unknown` for names that no codebase declares.
        builtin: the params of every project, such as PROJECT_ID.
        files: the variables of the codebase's .env files.
        provided: names that the program gives a value while it deploys.
    """

    configured: Mapping[str, object] = field(default_factory=dict)
    builtin: Mapping[str, Value] = field(default_factory=dict)
    files: EnvFiles = field(default_factory=EnvFiles)
    provided: tuple[str, ...] = ()


def resolve(declarations: object, sources: Sources, where: str) -> tuple[Params, list[Problem]]:
    """The declared params with their values, and the problems.

    Args:
        declarations: `params` of the manifest.
        sources: the values.
        where: the codebase's name in messages.
    """
    problems: list[Problem] = []
    configured = sources.configured
    values: dict[str, Value] = dict(sources.builtin)
    values.update({name: found for name in configured if (found := _value(configured[name])) is not None})
    texts: dict[str, str] = {}
    declared: list[str] = []
    secrets: list[str] = []
    json_secrets: list[str] = []
    budget = regular_expression.Budget()
    for raw in sequence(declarations) or []:
        param = mapping(raw)
        name = param.get("name") if param else None
        if param is None or not isinstance(name, str):
            what = "declares a param without a name."
            problems.append(Problem(key=where, what=what, fix="Update firebase-functions."))
            continue
        kind = str(param.get("type", "string"))
        if kind == "secret":
            secrets.append(name)
            if param.get("format") == "json":
                json_secrets.append(name)
            continue
        if kind not in _TYPES:
            what = f"the type {kind} of the param {name} is not known to this program."
            fix = f"Declare {name} as string, int, float, boolean or list."
            problems.append(Problem(key=where, what=what, fix=fix))
            continue
        declared.append(name)
        if name in sources.provided:
            continue
        key, fix, converters = _KEY, _set(name, kind), _CONVERTERS
        if name in configured:
            value = configured[name]
        elif name in sources.files.values:
            value = texts[name] = sources.files.values[name]
            key, fix, converters = (
                sources.files.sources[name],
                f"Correct {name} in this file.",
                _FROM_ENV_FILES,
            )
        elif "default" in param:
            try:
                value = Params(values=values).resolve(param["default"])
            except ExpressionError as error:
                command = error.fix if isinstance(error, UnresolvedError) else None
                what = f"the default of the param {name}: {error}."
                fix = f"{command}\n{OR}{fix}" if command else fix
                problems.append(Problem(key=where, what=what, fix=fix))
                continue
        else:
            label = param.get("label") or param.get("description")
            purpose = f" ({label})" if isinstance(label, str) else ""
            what = f"{where} declares the param {name}{purpose}, which has no value and no default."
            problems.append(Problem(key=_KEY, what=what, fix=fix))
            continue
        converted = converters[kind](value)
        if converted is None:
            number = kind == "string" and isinstance(value, int | float)
            wrong = (
                ambiguous_number(str(value))
                if number
                else f"must be {_KINDS[kind]}, but is {kind_of(value)}."
            )
            problems.append(Problem(key=key, what=f"the param {name} {wrong}", fix=fix))
            continue
        values[name] = converted
        if kind == "list" and name in texts:
            texts[name] = as_text(converted)  # as the Firebase CLI: the SDK reads JSON
        problems += _against_input(name, converted, param, key, fix, budget)
    params = Params(
        values=values,
        texts=texts,
        declared=tuple(declared),
        secrets=tuple(secrets),
        json_secrets=tuple(json_secrets),
    )
    return params, problems


def unknown(configured: Mapping[str, object], declared: set[str]) -> list[Problem]:
    """Configured params that no codebase declares."""
    problems: list[Problem] = []
    for name in sorted(set(configured) - declared):
        guess = nearest(name, declared)
        hint = f' Did you mean "{guess}"?' if guess else ""
        what = f"no codebase declares a param {name}.{hint}"
        remove = remove_command("functionParams", f".{name}")
        variable = set_command("functionVariables", "<string>", f".{name}")
        fix = f"{remove}\nIf the code reads process.env.{name}:\n{variable}"
        problems.append(Problem(key=_KEY, what=what, fix=fix))
    return problems


_KINDS = {
    "string": "a string", "int": "an integer", "float": "a number", "boolean": "a boolean",
    "list": "a list of strings",
}  # fmt: skip


def _set(name: str, kind: str, value: object = None) -> str:
    """The command that gives a param a value; numbers and booleans are stored as such."""
    value = _EXAMPLES.get(kind, "<value>") if value is None else value
    command = set_command("functionParams", value, f".{name}")
    return command if kind in ("string", "list") else command.replace(" --type string", "")


def _value(value: object) -> Value | None:
    return value if isinstance(value, str | bool | int | float) else strings(value)


def _to_int(value: object) -> Value | None:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,300}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _to_float(value: object) -> Value | None:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _to_boolean(value: object) -> Value | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def _to_list(value: object) -> Value | None:
    if isinstance(value, str):
        try:
            return strings(json.loads(value))
        except (ValueError, RecursionError):
            return None
    return strings(value)


def _env_boolean(value: object) -> Value | None:
    """As the Firebase CLI reads it; a word that it takes for false without a message is a problem."""
    word = str(value)
    return True if word in _TRUE else False if word in _FALSE else None


def _env_list(value: object) -> Value | None:
    """As the Firebase CLI reads it: JSON, also with single quotes, or words between commas."""
    text = str(value)
    return _to_list(text.replace("'", '"')) if "[" in text else tuple(text.split(","))


# A value as the type of its param, or None. Strings are parsed: the Pulumi CLI writes floats as strings.
_CONVERTERS: Mapping[str, Callable[[object], Value | None]] = {
    "string": as_string, "int": _to_int, "float": _to_float, "boolean": _to_boolean, "list": _to_list,
}  # fmt: skip
_FROM_ENV_FILES = {**_CONVERTERS, "boolean": _env_boolean, "list": _env_list}


def _against_input(
    name: str,
    value: Value,
    param: Mapping[str, object],
    key: str,
    fix: str,
    budget: regular_expression.Budget,
) -> list[Problem]:
    """The value must be one of the declared choices and match the declared pattern."""
    given = mapping(param.get("input")) or {}
    for kind in ("select", "multiSelect"):
        choice = mapping(given.get(kind))
        if choice is None:
            continue
        options = [
            entry.get("value") for item in sequence(choice.get("options")) or [] if (entry := mapping(item))
        ]
        chosen = list(value) if isinstance(value, tuple) else [value]
        wrong = [item for item in chosen if item not in options]
        if wrong:
            listed = ", ".join(str(option) for option in options)
            what = f"the param {name} is {wrong[0]}, which is not one of its choices: {listed}."
            if key == _KEY and options:
                kind_ = str(param.get("type", "string"))
                fix = _set(name, kind_, json.dumps([options[0]]) if kind_ == "list" else options[0])
            return [Problem(key=key, what=what, fix=fix)]
    text = mapping(given.get("text")) or {}
    pattern = text.get("validationRegex")
    if isinstance(pattern, str) and not isinstance(value, tuple):
        matches = regular_expression.matches(pattern, as_text(value), budget)
        if matches is None:
            return []  # a JavaScript pattern that Python cannot parse
        if not matches:
            reason = text.get("validationErrorMessage") or f"it must match {pattern}"
            return [Problem(key=key, what=f"the param {name}: {reason}.", fix=fix)]
    return []


class _Parser:
    """expression := operand [comparison operand] ["?" expression ":" expression]."""

    def __init__(self, text: str, values: Mapping[str, Value]) -> None:
        self._text = bounded(text, _SHOWN)
        self._values = values
        self._choices = 0
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise self._error("is not an expression that this program can evaluate")
            self._tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()

    def _error(self, reason: str) -> ExpressionError:
        return ExpressionError(f"{{{{ {self._text} }}}} {reason}")

    def whole(self) -> Value:
        value = self._expression()
        if self._tokens:
            raise self._error("is not an expression that this program can evaluate")
        return value

    def _expression(self) -> Value:
        value = self._operand()
        sign = self._sign("==", "!=", ">=", "<=", ">", "<")
        if sign is not None:
            value = self._compare(value, sign, self._operand())
        if self._sign("?") is None:
            return value
        if not isinstance(value, bool):
            raise self._error("needs a boolean before the ?")
        self._choices += 1
        if self._choices > _MAX_CHOICES:
            raise self._error(f"has more than {_MAX_CHOICES} of ?")
        yes = self._expression()
        if self._sign(":") is None:
            raise self._error("has a ? without a :")
        no = self._expression()
        return yes if value else no

    def _sign(self, *signs: str) -> str | None:
        if self._tokens and self._tokens[0][0] == "sign" and self._tokens[0][1] in signs:
            return self._tokens.pop(0)[1]
        return None

    def _operand(self) -> Value:
        if not self._tokens:
            raise self._error("ends too early")
        kind, text = self._tokens.pop(0)
        if kind == "param":
            if text not in self._values:
                raise UnresolvedError(text)
            return self._values[text]
        if kind == "sign":
            raise self._error(f"has {bounded(text, _SHOWN)} in the place of a value")
        try:
            value = _value(json.loads(text))
        except (ValueError, RecursionError):
            value = None
        if value is None:
            raise self._error(f"has {bounded(text, _SHOWN)}, which is not a value")
        return value

    def _compare(self, left: Value, sign: str, right: Value) -> bool:
        if sign in ("==", "!="):
            if _rank(left) != _rank(right):
                raise self._error(f"compares {kind_of(left)} with {kind_of(right)}")
            return (left == right) is (sign == "==")
        order = _order(left, right)
        if order is None:
            raise self._error(f"cannot order {kind_of(left)} and {kind_of(right)}")
        return {">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0}[sign]


def _order(left: Value, right: Value) -> int | None:
    """-1, 0 or 1 for two strings or two numbers, else None."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if isinstance(left, bool | str | tuple) or isinstance(right, bool | str | tuple):
        return None
    return (left > right) - (left < right)


def _rank(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__
