"""The structure of a security rules file: which `allow` statement is in which match, on which line.

Only the structure is parsed: services, match paths, `allow` methods, and where a condition begins and ends.
Conditions stay text, except that a constantly false one is recognised. Grammar: Firebase docs, "Security
rules language". What this parser does not know is an error and never skipped, because a skipped statement
could grant access that was not checked. What is not documented was tried on Google's emulator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

METHODS = frozenset({"read", "get", "list", "write", "create", "update", "delete"})

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<string>'(?:\\[^\n]|[^'\\\n])*'|"(?:\\[^\n]|[^"\\\n])*")
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>[0-9][0-9.]*)
  | (?P<operator>&&|\|\||==|!=|<=|>=|\*\*|[-{}()\[\];:,.=<>!/$*+%?|&@#~^])
    """,
    re.VERBOSE | re.DOTALL,
)
# Without `%`: a match path is decoded like a URL (seen on the emulator: `/thr%65ads/{t}` is `threads`).
_SEGMENT = re.compile(r"[A-Za-z0-9_.()~@-]+")
_PATH = "Write a path such as /threads/{id} after match"
_SEMICOLON = "Add the semicolon that is missing before this place"
_DEEPEST = 100  # blocks or brackets in each other, and segments of a path; the parser is recursive


class RulesSyntaxError(ValueError):
    """The text is not what this parser knows.

    Args:
        line: the line, from 1.
        what: what was found there, such as "'permit' where match, allow or function must stand".
        fix: the edit of that line, such as "Add the missing semicolon".
    """

    def __init__(self, line: int, what: str, fix: str) -> None:
        self.line = line
        self.what = what
        self.fix = fix
        super().__init__(f"line {line}: {what}")


class Wildcard(Enum):
    """A part of a match path that is not a literal."""

    ONE = "one segment"
    MANY = "any number of segments"


Pattern = tuple[str | Wildcard, ...]


@dataclass(frozen=True, kw_only=True)
class Allow:
    """One `allow` statement.

    Args:
        service: the service it stands in, such as `cloud.firestore`.
        match: the match path as written, joined with those around it.
        pattern: the same as segments.
        methods: the methods as written.
        condition: the text after `if`; None without one, which always allows.
        never: whether the condition is constantly false.
        line: the line of `allow`, from 1.
    """

    service: str
    match: str
    pattern: Pattern
    methods: tuple[str, ...]
    condition: str | None
    never: bool
    line: int


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    line: int


def parse(text: str) -> tuple[Allow, ...]:
    """Every `allow` statement of a rules file, in the order of the text.

    Raises:
        RulesSyntaxError: something that this parser does not know.
    """
    return tuple(_Parser(text).file())


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    line = 1
    before: _Token | None = None
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise RulesSyntaxError(
                line,
                f"unexpected character {text[at]!r}",
                "Remove the character, or close the string around it",
            )
        kind = str(found.lastgroup)
        if kind not in ("space", "comment"):
            token = _Token(kind, found.group(), at, line)
            # A prefixed or doubled string could end elsewhere than where this parser sees its end.
            if kind == "string" and before is not None and before.kind in ("name", "string"):
                adjacent = before.start + len(before.text) == at
                if adjacent or before.kind == "string":
                    raise RulesSyntaxError(
                        line,
                        "a string directly after a name or another string",
                        "Put an operator between them",
                    )
            yield token
            before = token
        line += found.group().count("\n")
        at = found.end()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def file(self) -> Iterator[Allow]:
        """`rules_version = '2';` and services."""
        while self._at < len(self._tokens):
            token = self._next()
            if token.text == "rules_version":
                self._expect("=")
                self._next()
                self._optional(";")
            elif token.text == "service":
                name = self._next().text
                while self._optional("."):
                    name += f".{self._next().text}"
                self._expect("{")
                yield from self._block(name, "", (), 0)
            elif token.text == "function":
                self._function()
            else:
                fix = "Remove it, or move it into a service block"
                if token.text == "}":
                    fix = "Remove the brace, or add the opening one"
                raise RulesSyntaxError(token.line, f"{token.text!r} outside of a service", fix)

    def _block(self, service: str, match: str, pattern: Pattern, depth: int) -> Iterator[Allow]:
        """Statements up to the closing brace."""
        if max(depth, len(pattern)) > _DEEPEST:
            what = f"more than {_DEEPEST} nested segments or blocks"
            raise RulesSyntaxError(self._peek().line, what, "Write the match with its full path, not nested")
        while True:
            token = self._next()
            if token.text == "}":
                return
            if token.text == "match":
                own_text, own = self._path()
                self._expect("{")
                yield from self._block(service, match + own_text, (*pattern, *own), depth + 1)
            elif token.text == "allow":
                yield self._allow(service, match, pattern, token.line)
            elif token.text == "function":
                self._function()
            elif token.text != ";":
                what = f"{token.text!r} where match, allow or function must stand"
                fix = "Write match, allow and function statements only"
                raise RulesSyntaxError(token.line, what, fix)

    def _path(self) -> tuple[str, Pattern]:
        """`/literal/{name}/{name=**}`."""
        segments: list[str | Wildcard] = []
        start = self._peek().start
        end = start
        while self._peek().text == "/":
            self._next()
            token = self._peek()
            if token.text == "{":
                self._next()
                self._next()
                many = self._optional("=") and not self._optional("*")
                if many:
                    self._expect("**")
                end = self._expect("}").start + 1
                segments.append(Wildcard.MANY if many else Wildcard.ONE)
            else:
                # A literal may hold characters that are tokens of their own: (default), a-b, a.b
                literal = _SEGMENT.match(self._text, token.start)
                if literal is None:
                    raise RulesSyntaxError(token.line, f"{token.text!r} in a match path", _PATH)
                end = literal.end()
                while self._at < len(self._tokens) and self._peek().start < end:
                    self._next()
                if self._text[end : end + 1] == "%":
                    raise RulesSyntaxError(token.line, f"{literal.group() + '%'!r} in a match path", _PATH)
                segments.append(literal.group())
        if not segments:
            raise RulesSyntaxError(self._peek().line, "match without a path", _PATH)
        return self._text[start:end], tuple(segments)

    def _allow(self, service: str, match: str, pattern: Pattern, line: int) -> Allow:
        methods = [self._method()]
        while self._optional(","):
            methods.append(self._method())
        condition: list[_Token] | None = None
        if self._optional(":"):
            self._expect("if")
            condition = self._expression()
        if self._at < len(self._tokens) and self._peek().text == ";":
            self._next()
        elif condition is not None:
            raise RulesSyntaxError(line, "allow without a semicolon at its end", _SEMICOLON)
        text = None
        if condition is not None:
            last = condition[-1]
            text = self._text[condition[0].start : last.start + len(last.text)]
        return Allow(
            service=service,
            match=match,
            pattern=pattern,
            methods=tuple(methods),
            condition=text,
            never=condition is not None and is_constantly_false([token.text for token in condition]),
            line=line,
        )

    def _method(self) -> str:
        token = self._next()
        if token.text not in METHODS:
            raise RulesSyntaxError(
                token.line, f"{token.text!r} is not a method", f"Use one of {', '.join(sorted(METHODS))}"
            )
        return token.text

    def _expression(self) -> list[_Token]:
        """Everything up to the semicolon that ends the statement."""
        found: list[_Token] = []
        depth = 0
        while True:
            token = self._peek()
            if token.text == ";" and depth == 0:
                break
            if token.text in ("{", "}") and depth == 0:
                raise RulesSyntaxError(token.line, f"{token.text!r} in a condition", _SEMICOLON)
            # The emulator accepts a statement without its semicolon: the next one would be overlooked.
            if token.text == "allow" and (not found or found[-1].text != "."):
                raise RulesSyntaxError(token.line, "allow in a condition", _SEMICOLON)
            depth += token.text in ("(", "[", "{")
            depth -= token.text in (")", "]", "}")
            if not 0 <= depth <= _DEEPEST:
                what = f"{token.text!r} without its opening, or nested too deeply"
                raise RulesSyntaxError(token.line, what, "Correct the brackets of the condition")
            found.append(self._next())
        if not found:
            raise RulesSyntaxError(
                self._peek().line, "if without a condition", "Write the condition after if"
            )
        return found

    def _function(self) -> None:
        """`function name(parameters) { let ...; return ...; }`: it allows nothing by itself."""
        self._next()
        self._expect("(")
        while self._next().text != ")":
            pass
        self._expect("{")
        depth = 1
        while depth:
            token = self._next()
            depth += token.text == "{"
            depth -= token.text == "}"

    def _peek(self) -> _Token:
        if self._at >= len(self._tokens):
            what = "the file ends in the middle of a block"
            raise RulesSyntaxError(self._text.count("\n") + 1, what, "Add the missing brace or bracket")
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _optional(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].text == text:
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> _Token:
        token = self._next()
        if token.text != text:
            raise RulesSyntaxError(
                token.line, f"{token.text!r} where {text!r} must stand", f"Write {text} there"
            )
        return token


def is_constantly_false(tokens: list[str]) -> bool:
    """Whether a condition is false whatever is asked: `false`, alone or as an operand of `&&`.

    `x || false` and everything that calls a function or reads a value is not.
    """
    operands: list[list[str]] = [[]]
    depth = 0
    for text in tokens:
        depth += text in ("(", "[", "{")
        depth -= text in (")", "]", "}")
        # `||`, `?` and the comparisons bind less tightly than an operand, or turn it into something else.
        if depth == 0 and text in ("||", "?", ":"):
            return False
        if depth == 0 and text == "&&":
            operands.append([])
        else:
            operands[-1].append(text)
    return any(_is_false(operand) for operand in operands)


def _is_false(operand: list[str]) -> bool:
    if operand == ["false"]:
        return True
    enclosed = len(operand) > 2 and operand[0] == "(" and operand[-1] == ")"
    return enclosed and _closes_at_end(operand) and is_constantly_false(operand[1:-1])


def _closes_at_end(operand: list[str]) -> bool:
    depth = 0
    for at, text in enumerate(operand):
        depth += text == "("
        depth -= text == ")"
        if depth == 0:
            return at == len(operand) - 1
    return False
