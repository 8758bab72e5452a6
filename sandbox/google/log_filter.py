"""The filter language of Cloud Logging, as far as filters of deployed services use it.

Comparisons (`= != > >= < <= : =~ !~`) of fields, AND, OR, NOT and `-`, parentheses, text searched in all
fields, comments. As in the language, conditions side by side are joined by AND, OR binds closer than AND,
`:` is "contains" (`field:*`: has the field), severities and timestamps are ordered, `=` ignores case (Cloud
Logging docs, "Logging query language"). Functions such as `sample()` are errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from sandbox.google.running.log import SEVERITIES

if TYPE_CHECKING:
    from sandbox.google.store import Json

Condition = Callable[["Json"], bool]
_TOKEN = re.compile(
    r"""\s*(?:--[^\n]*\n?\s*)*(?:(?P<op>=~|!~|!=|>=|<=|=|>|<|:)|(?P<paren>[()])|"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<word>(?:[^\s()=<>:!~"]|(?<=\.)"(?:\\.|[^"\\])*")+))"""
)
_PART = re.compile(r'"((?:\\.|[^"\\])*)"|([^."]+)')


class FilterError(Exception):
    """The filter is not in the language, or uses a part of it that the sandbox does not have."""


def compile_filter(text: str) -> Condition:
    """Return the function that tells whether an entry matches; an empty filter matches all.

    Raises:
        FilterError: it cannot be read.
    """
    parser = _Parser(_tokens(text))
    if parser.at_end():
        return lambda _: True
    condition = parser.conjunction()
    if not parser.at_end():
        raise FilterError(f"unexpected {parser.peek()[1]!r}")
    return condition


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    rest = re.sub(r"(?m)\s*--[^\n]*$", "", text) if "--" in text else text
    while rest[at:].strip():
        match = _TOKEN.match(rest, at)
        if match is None:
            raise FilterError(f"unexpected text at {rest[at : at + 20]!r}")
        kind = cast("str", match.lastgroup)
        found.append((kind, match[kind]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def peek(self) -> tuple[str, str]:
        return ("end", "") if self.at_end() else self._tokens[self._at]

    def _take(self) -> tuple[str, str]:
        token = self.peek()
        if token[0] == "end":
            raise FilterError("the filter ends too early")
        self._at += 1
        return token

    def _is_word(self, word: str) -> bool:
        return self.peek() == ("word", word)

    def conjunction(self) -> Condition:
        parts = [self._disjunction()]
        while not self.at_end() and self.peek() != ("paren", ")"):
            if self._is_word("AND"):
                self._take()
            parts.append(self._disjunction())
        return lambda entry: all(part(entry) for part in parts)

    def _disjunction(self) -> Condition:
        parts = [self._negation()]
        while self._is_word("OR"):
            self._take()
            parts.append(self._negation())
        return lambda entry: any(part(entry) for part in parts)

    def _negation(self) -> Condition:
        kind, text = self.peek()
        if self._is_word("NOT"):
            self._take()
            inner = self._negation()
            return lambda entry: not inner(entry)
        if kind == "word" and text.startswith("-") and len(text) > 1:
            self._tokens[self._at] = (kind, text[1:])
            inner = self._negation()
            return lambda entry: not inner(entry)
        return self._term()

    def _term(self) -> Condition:
        kind, text = self._take()
        if (kind, text) == ("paren", "("):
            inner = self.conjunction()
            if self._take() != ("paren", ")"):
                raise FilterError("a parenthesis is not closed")
            return inner
        if kind in ("op", "paren"):
            raise FilterError(f"unexpected {text!r}")
        if self.peek()[0] != "op":
            if self.peek() == ("paren", "("):
                raise FilterError(f"the sandbox does not have the function {text}()")
            return _anywhere(_unquoted(text))
        operator = self._take()[1]
        path = _path(text)
        if self.peek() == ("paren", "("):
            return self._values(path, operator)
        kind, value = self._take()
        if kind not in ("word", "quoted"):
            raise FilterError(f"unexpected {value!r}")
        return _comparison(path, operator, self._joined(kind, value))

    def _joined(self, kind: str, value: str) -> str:
        """Return an unquoted value whole: a timestamp has colons in it."""
        while kind == "word" and self.peek() == ("op", ":") and re.search(r"T\d\d(:\d\d)?$", value):
            self._take()
            value += ":" + self._take()[1]
        return _unquoted(value)

    def _values(self, path: list[str], operator: str) -> Condition:
        """`field=("one" OR "two")`."""
        self._take()
        alternatives: list[Condition] = []
        while True:
            kind, value = self._take()
            if kind not in ("word", "quoted"):
                raise FilterError(f"unexpected {value!r}")
            alternatives.append(_comparison(path, operator, _unquoted(value)))
            following = self._take()
            if following == ("paren", ")"):
                return lambda entry: any(one(entry) for one in alternatives)
            if following != ("word", "OR"):
                raise FilterError("values in parentheses are joined by OR")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _path(text: str) -> list[str]:
    return [_unquoted(quoted) if quoted else plain for quoted, plain in _PART.findall(text)]


def _values(entry: Any, path: list[str]) -> list[Any]:
    """Return the values of a field; of each element, where a list is on the way."""
    if isinstance(entry, list):
        return [value for one in cast("list[Any]", entry) for value in _values(one, path)]
    if not path:
        return [entry]
    if not isinstance(entry, dict) or path[0] not in entry:
        return []
    return _values(cast("Json", entry)[path[0]], path[1:])


def _comparison(path: list[str], operator: str, wanted: str) -> Condition:
    if operator in ("=~", "!~"):
        try:
            pattern = re.compile(wanted)
        except re.error as error:
            raise FilterError(f"{wanted!r} is no regular expression: {error}") from None
        return lambda entry: (
            any(pattern.search(str(value)) for value in _values(entry, path)) is (operator == "=~")
        )
    if operator == "!=":
        return lambda entry: not any(_ordered(path, value, wanted) == 0 for value in _values(entry, path))
    if operator == ":":
        return lambda entry: any(
            wanted == "*" or wanted.lower() in _text(value).lower() for value in _values(entry, path)
        )
    holds: dict[str, Callable[[int], bool]] = {
        "=": lambda order: order == 0,
        ">": lambda order: order > 0,
        ">=": lambda order: order >= 0,
        "<": lambda order: order < 0,
        "<=": lambda order: order <= 0,
    }
    check = holds[operator]
    return lambda entry: any(check(_ordered(path, value, wanted)) for value in _values(entry, path))


def _ordered(path: list[str], value: Any, wanted: str) -> int:
    """Return the order of two values: -1, 0 or 1."""
    one, other = _comparable(path, value), _comparable(path, wanted)
    if type(one) is not type(other):
        one, other = str(value).lower(), wanted.lower()
    return (one > other) - (one < other)


def _comparable(path: list[str], value: Any) -> Any:
    if path == ["severity"]:
        if str(value).upper() not in SEVERITIES:
            raise FilterError(f"{value!r} is no severity")
        return SEVERITIES.index(str(value).upper())
    if path in (["timestamp"], ["receiveTimestamp"]):
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise FilterError(f"{value!r} is no timestamp") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return float(value)
    except (TypeError, ValueError):
        return _text(value).lower()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _anywhere(wanted: str) -> Condition:
    """Text without a field is searched in the values of all fields."""
    return lambda entry: any(wanted.lower() in text.lower() for text in _leaves(entry))


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in cast("Json", value).values() for text in _leaves(one)]
    if isinstance(value, list):
        return [text for one in cast("list[Any]", value) for text in _leaves(one)]
    return [str(value)]
