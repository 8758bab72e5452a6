"""Parameters of a functions codebase, and the expressions that use them.

A manifest (v1alpha1 of `firebase-functions`) declares params. An option can be `{{ params.X }}`, a
comparison, or `test ? a : b`. Values come from the config (`whatsapp-crm:functionParams`), then from the
default. A param without a value is a problem (the Firebase CLI would prompt for it), and so is an expression
outside of the grammar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from settings.keys import NAMESPACE
from settings.parsing import kind_of, mapping, nearest, sequence, strings
from settings.problems import Problem

Value = str | int | float | bool | tuple[str, ...]

_KEY = f"{NAMESPACE}:functionParams"
_TYPES = ("string", "int", "float", "boolean", "list", "secret")
_EXAMPLES = {"string": "<text>", "int": "1", "float": "1.5", "boolean": "true", "list": "'[\"a\"]'"}
_EXPRESSION = re.compile(r"\{\{ (.+?) \}\}", re.DOTALL)
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


@dataclass(frozen=True, kw_only=True)
class Params:
    """The params of a codebase. `secrets` are names in Secret Manager, without values."""

    values: Mapping[str, Value] = field(default_factory=dict)
    declared: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        """The declared params as environment variables, from which the SDK reads them."""
        return {name: as_text(self.values[name]) for name in self.declared if name in self.values}

    def resolve(self, value: object) -> object:
        """`value` with its expressions evaluated. A string that is one expression becomes its value, of any
        type; expressions inside a longer string are converted to text.

        Raises:
            ExpressionError: an expression is invalid or has no value.
        """
        if not isinstance(value, str) or "{{" not in value:
            return value
        whole = _EXPRESSION.fullmatch(value)
        if whole is not None and value.count("{{") == 1:
            return self._evaluate(whole.group(1))
        resolved = _EXPRESSION.sub(lambda match: as_text(self._evaluate(match.group(1))), value)
        if "{{" in resolved:
            raise ExpressionError(f"{value} is not an expression of the manifest")
        return resolved

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


def resolve(
    declarations: object, configured: Mapping[str, object], builtin: Mapping[str, Value], where: str
) -> tuple[Params, list[Problem]]:
    """The declared params with their values, and the problems.

    Args:
        declarations: `params` of the manifest.
        configured: `whatsapp-crm:functionParams`. See `unknown` for names that no codebase declares.
        builtin: the params of every project, such as PROJECT_ID.
        where: the codebase's name in messages.
    """
    problems: list[Problem] = []
    values: dict[str, Value] = dict(builtin)
    values.update({name: found for name in configured if (found := _value(configured[name])) is not None})
    declared: list[str] = []
    secrets: list[str] = []
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
            continue
        if kind not in _TYPES:
            what = f"the type {kind} of the param {name} is not known to this program."
            fix = f"Declare {name} as string, int, float, boolean or list."
            problems.append(Problem(key=where, what=what, fix=fix))
            continue
        declared.append(name)
        if name in configured:
            value = configured[name]
        elif "default" in param:
            try:
                value = Params(values=values).resolve(param["default"])
            except ExpressionError as error:
                what = f"the default of the param {name}: {error}."
                problems.append(Problem(key=where, what=what, fix=_set(name, kind)))
                continue
        else:
            label = param.get("label") or param.get("description")
            purpose = f" ({label})" if isinstance(label, str) else ""
            what = f"{where} declares the param {name}{purpose}, which has no value and no default."
            problems.append(Problem(key=_KEY, what=what, fix=_set(name, kind)))
            continue
        converted = _convert(value, kind)
        if converted is None:
            what = f"the param {name} must be {_KINDS[kind]}, but is {kind_of(value)}."
            problems.append(Problem(key=_KEY, what=what, fix=_set(name, kind)))
            continue
        values[name] = converted
        problems += _against_input(name, converted, param)
    return Params(values=values, declared=tuple(declared), secrets=tuple(secrets)), problems


def unknown(configured: Mapping[str, object], declared: set[str]) -> list[Problem]:
    """Configured params that no codebase declares."""
    problems: list[Problem] = []
    for name in sorted(set(configured) - declared):
        guess = nearest(name, declared)
        hint = f' Did you mean "{guess}"?' if guess else ""
        what = f"no codebase declares a param {name}.{hint}"
        problems.append(Problem(key=_KEY, what=what, fix=f"pulumi config rm --path '{_KEY}.{name}'"))
    return problems


_KINDS = {
    "string": "a string", "int": "an integer", "float": "a number", "boolean": "a boolean",
    "list": "a list of strings",
}  # fmt: skip


def _set(name: str, kind: str) -> str:
    return f"pulumi config set --path '{_KEY}.{name}' {_EXAMPLES.get(kind, '<value>')}"


def _value(value: object) -> Value | None:
    return value if isinstance(value, str | bool | int | float) else strings(value)


def _convert(value: object, kind: str) -> Value | None:
    """`value` as the type of its param, or None. Strings are parsed: the CLI writes numbers as strings."""
    converters: dict[str, Callable[[object], Value | None]] = {
        "string": _to_text, "int": _to_int, "float": _to_float, "boolean": _to_boolean, "list": _to_list,
    }  # fmt: skip
    return converters[kind](value)


def _to_text(value: object) -> Value | None:
    if isinstance(value, bool):
        return as_text(value)
    return str(value) if isinstance(value, str | int | float) else None


def _to_int(value: object) -> Value | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _to_float(value: object) -> Value | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
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
        except ValueError:
            return None
    return strings(value)


def _against_input(name: str, value: Value, param: Mapping[str, object]) -> list[Problem]:
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
            fix = f"pulumi config set --path '{_KEY}.{name}' {options[0] if options else '<value>'}"
            return [Problem(key=_KEY, what=what, fix=fix)]
    text = mapping(given.get("text")) or {}
    pattern = text.get("validationRegex")
    if isinstance(pattern, str) and not isinstance(value, tuple):
        try:
            matches = re.search(pattern, as_text(value)) is not None
        except re.error:
            return []  # a JavaScript pattern that Python cannot parse
        if not matches:
            reason = text.get("validationErrorMessage") or f"it must match {pattern}"
            return [Problem(key=_KEY, what=f"the param {name}: {reason}.", fix=_set(name, "string"))]
    return []


class _Parser:
    """expression := operand [comparison operand] ["?" expression ":" expression]."""

    def __init__(self, text: str, values: Mapping[str, Value]) -> None:
        self._text = text
        self._values = values
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
            raise self._error(f"has {text} in the place of a value")
        try:
            value = _value(json.loads(text))
        except ValueError:
            value = None
        if value is None:
            raise self._error(f"has {text}, which is not a value")
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
