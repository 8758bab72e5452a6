"""A glob pattern for one name, with extended globs as in minimatch: `?(a)`, `*(a)`, `+(a)`, `@(a|b)`, `!(a)`.

A regular expression for such a pattern can take time that doubles with each character of the name:
`+(a|aa)b`. Here the places of a name from which the pattern matches are computed together, from the end of
the pattern to its start: no part of the pattern is tried twice at the same place.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from wcmatch import fnmatch

_MOST_NESTED = 3  # repeated groups in each other: each multiplies the time by the length of a name
_FLAGS = fnmatch.DOTMATCH | fnmatch.CASE | fnmatch.FORCEUNIX
_GROUPS = "?*+@!"


class NamePatternError(ValueError):
    """A pattern would take too long; the text completes a sentence that begins with the pattern."""


@dataclass(frozen=True)
class _Group:
    """An extended glob. `kind` is one of `_GROUPS`."""

    kind: str
    alternatives: tuple[tuple[_Element, ...], ...]


@dataclass(frozen=True)
class _Class:
    """A set of characters: `[a-z]`."""

    text: str


_STAR, _ANY = object(), object()
_Element = str | _Group | _Class | object


class NamePattern:
    """A compiled pattern.

    Example:
        NamePattern("*.@(js|ts)").matches("index.ts")  # True

    Raises:
        NamePatternError: its repeated groups are nested too deeply.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._elements = None if not any(char in text for char in "*?[\\(") else _Reader(text).sequence()

    def matches(self, name: str) -> bool:
        """Whether the pattern matches the whole name."""
        if self._elements is None:
            return name == self._text
        places = _places(name)
        return bool(_starts(self._elements, 1 << len(name), name, places) & 1)


class _Reader:
    """Reads the elements of a pattern."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._closed = _closing(text)

    def sequence(self) -> tuple[_Element, ...]:
        """The elements up to the end, or of a group up to `|` or `)`."""
        found: list[_Element] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if self._depth and char in "|)":
                break
            found.append(self._element(char))
        return tuple(found)

    def _element(self, char: str) -> _Element:
        if char in _GROUPS and self._at + 1 in self._closed:
            return self._group(char)
        if char == "[" and (end := _end_of_class(self._text, self._at)):
            text = self._text[self._at : end]
            self._at = end
            return _Class(text)
        if char == "\\" and self._at + 1 < len(self._text):
            self._at += 1
            char = self._text[self._at]
            self._at += 1
            return char
        self._at += 1
        return _STAR if char == "*" else _ANY if char == "?" else char

    def _group(self, kind: str) -> _Group:
        repeated = kind in "*+"
        self._depth += 1
        if self._depth > 50:
            raise NamePatternError("has groups in each other that are nested too deeply")
        self._at += 2
        alternatives = [self.sequence()]
        while self._text[self._at] == "|":
            self._at += 1
            alternatives.append(self.sequence())
        self._at += 1
        self._depth -= 1
        group = _Group(kind, tuple(alternatives))
        if repeated and _nested(group) > _MOST_NESTED:
            raise NamePatternError(f"has more than {_MOST_NESTED} repeated groups in each other")
        return group


def _nested(group: _Group) -> int:
    inner = [_nested(one) for parts in group.alternatives for one in parts if isinstance(one, _Group)]
    return (group.kind in "*+") + max(inner, default=0)


def _closing(text: str) -> set[int]:
    """The places of `(` after a sign of a group that have a `)`."""
    found: set[int] = set()
    opened: list[int] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "[" and (end := _end_of_class(text, at)):
            at = end - 1
        elif char == "(" and at and text[at - 1] in _GROUPS:
            opened.append(at)
        elif char == ")" and opened:
            found.add(opened.pop())
        at += 1
    return found


def _end_of_class(text: str, start: int) -> int:
    """The place after the `]` of the class that begins here, 0 if it has none."""
    at = start + 1
    at += text[at : at + 1] in ("!", "^") and at < len(text)
    at += text[at : at + 1] == "]"
    while at < len(text) and text[at] != "]":
        at += 2 if text[at] == "\\" else 1
    return at + 1 if at < len(text) else 0


@functools.lru_cache(maxsize=256)
def _places(name: str) -> Mapping[str, int]:
    """The places of each character, as bits."""
    found: dict[str, int] = {}
    for place, char in enumerate(name):
        found[char] = found.get(char, 0) | 1 << place
    return found


@functools.lru_cache(maxsize=10_000)
def _in_class(text: str, char: str) -> bool:
    return fnmatch.compile(text, flags=_FLAGS).match(char)


def _starts(elements: tuple[_Element, ...], ends: int, name: str, places: Mapping[str, int]) -> int:
    """From which places the elements match up to one of `ends`; sets of places are bits."""
    for element in reversed(elements):
        if not ends:
            return 0
        if element is _STAR:
            ends = (1 << ends.bit_length()) - 1
        elif element is _ANY:
            ends >>= 1
        elif isinstance(element, _Class):
            chars = sum(where for char, where in places.items() if _in_class(element.text, char))
            ends = ends >> 1 & chars
        elif isinstance(element, _Group):
            ends = _starts_of_group(element, ends, name, places)
        else:
            ends = ends >> 1 & places.get(str(element), 0)
    return ends


def _starts_of_group(group: _Group, ends: int, name: str, places: Mapping[str, int]) -> int:
    def once(ends: int) -> int:
        found = 0
        for elements in group.alternatives:
            found |= _starts(elements, ends, name, places)
        return found

    match group.kind:
        case "@":
            return once(ends)
        case "?":
            return ends | once(ends)
        case "!":
            # As in minimatch: not what the alternatives and the rest of the pattern match.
            return ((1 << ends.bit_length()) - 1) & ~once(ends)
        case _:
            found, new = 0, once(ends)
            while new & ~found:
                new &= ~found
                found |= new
                new = once(new)
            return found | ends if group.kind == "*" else found
