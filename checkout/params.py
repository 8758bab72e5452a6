"""Parameters of a functions codebase and the expressions that use them.

A manifest (v1alpha1 of `firebase-functions`) declares params and writes `{{ params.X }}`, comparisons and
`test ? a : b` where an option depends on one. Values come from config (`whatsapp-crm:functionParams`),
then from the declared default; all that is missing is reported at once.
Refuses what the official CLI would ask a person for (a param without value or default), and every
expression outside of the grammar: a guess would deploy another option than the code says.
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
    """An expression that this program does not understand, or that uses an unknown param."""


class UnresolvedError(ExpressionError):
    """An expression uses a param that has no value; `name` is the param."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the param {name} has no value")


@dataclass(frozen=True, kw_only=True)
class Params:
    """The resolved params of a codebase. `secrets` are names in Secret Manager; they have no value here."""

    values: Mapping[str, Value] = field(default_factory=dict)
    declared: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        """The declared params as the function's environment holds them (the SDK reads them there)."""
        return {name: as_text(self.values[name]) for name in self.declared if name in self.values}

    def resolve(self, value: object) -> object:
        """`value` with its expressions worked out; anything that is not a text is returned as it
        is.

        A text that is one expression takes the expression's type; expressions inside a longer
        text are written into it. Raises ExpressionError.
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
        parser = _Parser(text, self.values)
        return parser.whole()


def as_text(value: Value) -> str:
    """A value as an environment variable holds it: true/false, JSON lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return json.dumps(list(value), separators=(",", ":"))
    # JavaScript writes 1.0 as 1
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def resolve(
    declarations: object, configured: Mapping[str, object], builtin: Mapping[str, Value], where: str
) -> tuple[Params, list[Problem]]:
    """Give every declared param its value. `builtin` are the params every project has (PROJECT_ID).

    Configured names that no codebase declares are not looked for here: see `unknown`.
    """
    problems: list[Problem] = []
    values: dict[str, Value] = dict(builtin)
    values.update({name: found for name in configured if (found := _plain(configured[name])) is not None})
    declared: list[str] = []
    secrets: list[str] = []
    missing: list[tuple[str, Mapping[str, object]]] = []
    for raw in sequence(declarations) or []:
        param = mapping(raw)
        name = param.get("name") if param else None
        if param is None or not isinstance(name, str):
            problems.append(
                Problem(key=where, what="declares a param without a name.", fix="Update firebase-functions.")
            )
            continue
        kind = str(param.get("type", "string"))
        if kind == "secret":
            secrets.append(name)
            continue
        if kind not in _TYPES:
            problems.append(
                Problem(
                    key=where,
                    what=f"the param {name} has the type {kind}, which this program does not know.",
                    fix=f"Declare {name} as string, int, float, boolean or list.",
                )
            )
            continue
        declared.append(name)
        if name in configured:
            value = configured[name]
        elif "default" in param:
            try:
                value = Params(values=values).resolve(param["default"])
            except ExpressionError as error:
                problems.append(
                    Problem(
                        key=where, what=f"the default of the param {name}: {error}.", fix=_set(name, kind)
                    )
                )
                continue
        else:
            missing.append((name, param))
            continue
        converted = _convert(value, kind)
        if converted is None:
            problems.append(
                Problem(
                    key=_KEY,
                    what=f"the param {name} must be {_KINDS[kind]}, but is {kind_of(value)}.",
                    fix=_set(name, kind),
                )
            )
            continue
        values[name] = converted
        problems += _against_input(name, converted, param)
    for name, param in missing:
        label = param.get("label") or param.get("description")
        meaning = f" ({label})" if isinstance(label, str) else ""
        kind = str(param.get("type", "string"))
        problems.append(
            Problem(
                key=_KEY,
                what=f"{where} declares the param {name}{meaning}, which has no value and no default.",
                fix=_set(name, kind),
            )
        )
    return Params(values=values, declared=tuple(declared), secrets=tuple(secrets)), problems


def unknown(configured: Mapping[str, object], declared: set[str]) -> list[Problem]:
    """Configured params that no codebase declares."""
    problems: list[Problem] = []
    for name in sorted(set(configured) - declared):
        guess = nearest(name, declared)
        hint = f' Did you mean "{guess}"?' if guess else ""
        problems.append(
            Problem(
                key=_KEY,
                what=f"no codebase declares a param {name}.{hint}",
                fix=f"pulumi config rm --path '{_KEY}.{name}'",
            )
        )
    return problems


_KINDS = {
    "string": "a text", "int": "a whole number", "float": "a number", "boolean": "true or false",
    "list": "a list of texts",
}  # fmt: skip


def _set(name: str, kind: str) -> str:
    return f"pulumi config set --path '{_KEY}.{name}' {_EXAMPLES.get(kind, '<value>')}"


def _plain(value: object) -> Value | None:
    if isinstance(value, str | bool | int | float):
        return value
    return strings(value)


def _convert(value: object, kind: str) -> Value | None:
    """`value` as the type of its param; None when it is not one. Texts are read, as the CLI writes
    texts.
    """
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
    """A value must be one of the declared choices, and match the declared pattern."""
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
            return [
                Problem(
                    key=_KEY,
                    what=f"the param {name} is {wrong[0]}, which is not one of its choices: {listed}.",
                    fix=f"pulumi config set --path '{_KEY}.{name}' {options[0] if options else '<value>'}",
                )
            ]
    text = mapping(given.get("text")) or {}
    pattern = text.get("validationRegex")
    if isinstance(pattern, str) and not isinstance(value, tuple):
        try:
            matches = re.search(pattern, as_text(value)) is not None
        except re.error:
            return []  # a JavaScript pattern that Python cannot read: the code itself still checks it
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
                raise ExpressionError(f"{{{{ {text} }}}} is not an expression that this program understands")
            self._tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()

    def whole(self) -> Value:
        value = self._expression()
        if self._tokens:
            raise ExpressionError(
                f"{{{{ {self._text} }}}} is not an expression that this program understands"
            )
        return value

    def _expression(self) -> Value:
        value = self._operand()
        sign = self._sign("==", "!=", ">=", "<=", ">", "<")
        if sign is not None:
            value = self._compare(value, sign, self._operand())
        if self._sign("?") is None:
            return value
        if not isinstance(value, bool):
            raise ExpressionError(f"{{{{ {self._text} }}}} asks for true or false before the ?")
        yes = self._expression()
        if self._sign(":") is None:
            raise ExpressionError(f"{{{{ {self._text} }}}} has a ? without a :")
        no = self._expression()
        return yes if value else no

    def _sign(self, *signs: str) -> str | None:
        if self._tokens and self._tokens[0][0] == "sign" and self._tokens[0][1] in signs:
            return self._tokens.pop(0)[1]
        return None

    def _operand(self) -> Value:
        if not self._tokens:
            raise ExpressionError(f"{{{{ {self._text} }}}} ends too early")
        kind, text = self._tokens.pop(0)
        if kind == "param":
            if text not in self._values:
                raise UnresolvedError(text)
            return self._values[text]
        if kind == "sign":
            raise ExpressionError(f"{{{{ {self._text} }}}} has {text} where a value belongs")
        try:
            value = _plain(json.loads(text))
        except ValueError:
            value = None
        if value is None:
            raise ExpressionError(f"{{{{ {self._text} }}}}: {text} is not a value")
        return value

    def _compare(self, left: Value, sign: str, right: Value) -> bool:
        if sign in ("==", "!="):
            if _rank(left) != _rank(right):
                raise ExpressionError(
                    f"{{{{ {self._text} }}}} compares {kind_of(left)} with {kind_of(right)}"
                )
            return (left == right) is (sign == "==")
        order = _order(left, right)
        if order is None:
            raise ExpressionError(f"{{{{ {self._text} }}}} cannot order {kind_of(left)} and {kind_of(right)}")
        return {">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0}[sign]


def _order(left: Value, right: Value) -> int | None:
    """-1, 0 or 1 for two texts or two numbers; None for anything else."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if isinstance(left, bool | str | tuple) or isinstance(right, bool | str | tuple):
        return None
    return (left > right) - (left < right)


def _rank(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__
