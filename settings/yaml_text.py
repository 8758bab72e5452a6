"""YAML of the checkout, read into the types of JSON: strings, numbers, booleans, null, lists and objects.

PyYAML's own loader also makes dates, bytes and sets, raises any exception for a tag that does not fit its
value (`!!bool x`), and builds what the aliases of a few lines stand for. Here the events of its parser are
read, which it gives one by one, so that the bounds hold before anything is built. Plain values have the types
that YAML 1.1 gives them, as in PyYAML: `yes` is true and 0o17 is a string. A plain date is an error, because
programs disagree about its type.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from settings.parsing import MAX_VALUES, document_problem

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_CHARACTERS = 2_000_000 if hasattr(yaml, "CSafeLoader") else 200_000
"""The parser in Python, without libyaml, reads 100 KB in a second."""
_TAG = "tag:yaml.org,2002:"
_TYPES = ("str", "int", "float", "bool", "null", "seq", "map", "merge", "value")
_BOOLEANS = {word: word in ("yes", "true", "on") for word in ("yes", "no", "true", "false", "on", "off")}
_MAX_OPEN = 500  # lists and objects in each other; `document_problem` has the bound that counts
_MAX_NUMBER = 500  # characters: the time to read a longer number grows with the square of its length


class YamlError(ValueError):
    """A text is not YAML that can be used; the text completes a sentence that begins with the file's name."""


def yaml_value(text: str) -> object:
    """The value of a YAML document, within the bounds of `document_problem`; None if it is empty.

    Raises:
        YamlError: it is not YAML, has a value that JSON has not, a key twice, or is out of bounds.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlError(f"has more than {MAX_CHARACTERS // 1000} KB of YAML, the limit on this machine.")
    try:
        value = _Reader().document(yaml.parse(text, Loader=_LOADER))
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlError(_of_the_parser(error)) from None
    if wrong := document_problem(value):
        raise YamlError(wrong)
    return value


@dataclass
class _Open:
    """A list or an object of which the end is not read yet. `merged` are the values of its keys `<<`."""

    value: list[object] | dict[Hashable, object]
    key: Hashable = None
    has_key: bool = False
    merged: list[object] = field(default_factory=list[object])


class _MergeKey:
    """The plain key `<<`."""


_MERGE = _MergeKey()


class _Reader:
    """Builds the value of one document from the events of its parser."""

    def __init__(self) -> None:
        self._anchors: dict[str, object] = {}
        self._open: list[_Open] = []
        self._count = 0
        self._resolver = Resolver()
        self._constructor = SafeConstructor()
        self._root: object = None
        self._documents = 0

    def document(self, events: Iterator[Any]) -> object:
        """The value of the only document."""
        for event in events:
            self._read(event)
        return self._root

    def _read(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _error(event, "a second document")
            case yaml.AliasEvent():
                if event.anchor not in self._anchors:
                    raise _error(event, f'the alias "*{event.anchor}" of no value')
                self._add(self._anchors[event.anchor], event)
            case yaml.ScalarEvent():
                value = self._scalar(event)
                if event.anchor is not None:
                    self._anchors[event.anchor] = value
                self._add(value, event)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                is_list = isinstance(event, yaml.SequenceStartEvent)
                if event.tag not in (None, "!", _TAG + ("seq" if is_list else "map")):
                    raise _error(event, f"{event.tag.removeprefix(_TAG)}, which is not a type of JSON")
                if len(self._open) >= _MAX_OPEN:
                    raise YamlError("is nested too deeply to be read.")
                opened = _Open([] if is_list else {})
                if event.anchor is not None:
                    self._anchors[event.anchor] = opened.value
                self._open.append(opened)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._close(event)
            case _:
                pass

    def _close(self, event: Any) -> None:
        ended = self._open.pop()
        if isinstance(ended.value, dict):
            self._merge(ended, ended.value, event)
        self._add(ended.value, event)

    def _merge(self, ended: _Open, into: dict[Hashable, object], event: Any) -> None:
        """Own keys count, then those of the first merged object."""
        for merged in ended.merged:
            for one in cast("list[object]", merged) if isinstance(merged, list) else [merged]:
                if not isinstance(one, dict):
                    raise _error(event, "a key << whose value is not an object or a list of objects")
                found = cast("dict[Hashable, object]", one)
                self._counted(len(found))
                for key, value in found.items():
                    into.setdefault(key, value)

    def _counted(self, values: int) -> None:
        self._count += values
        if self._count > MAX_VALUES:
            raise YamlError(f"has more than {MAX_VALUES} values.")

    def _add(self, value: object, event: Any) -> None:
        self._counted(1)
        if not self._open:
            self._root = value
            return
        inner = self._open[-1]
        if isinstance(inner.value, list):
            inner.value.append(None if value is _MERGE else value)
        elif not inner.has_key:
            if isinstance(value, list | dict):
                raise _error(event, "a list or an object as a key")
            if value in inner.value:
                raise _error(event, f'the key "{str(value)[:60]}" twice in one object')
            inner.key, inner.has_key = cast("Hashable", value), True
        else:
            inner.has_key = False
            if inner.key is _MERGE:
                inner.merged.append(value)
            else:
                inner.value[inner.key] = value

    def _scalar(self, event: Any) -> object:
        text = str(event.value)
        tag = event.tag
        if tag is None or tag == "!":
            tag = cast("Any", self._resolver).resolve(yaml.ScalarNode, text, event.implicit)
        kind = str(tag).removeprefix(_TAG)
        if kind == "timestamp":
            raise _error(event, f"the date {text[:40]}, of which the type is ambiguous: put it in quotes")
        if kind not in _TYPES or kind in ("seq", "map"):
            raise _error(event, f"{kind[:60]}, which is not a type of JSON")
        if kind == "merge":
            is_key = (
                bool(self._open) and isinstance(self._open[-1].value, dict) and not self._open[-1].has_key
            )
            return _MERGE if is_key else text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        if kind in ("int", "float") and len(text) <= _MAX_NUMBER:
            node = yaml.ScalarNode(_TAG + kind, text)
            read = (
                self._constructor.construct_yaml_int
                if kind == "int"
                else self._constructor.construct_yaml_float
            )
            try:
                return cast("Any", read)(node)
            except (ValueError, IndexError, OverflowError):
                pass
        if kind in ("str", "value"):
            return text
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise _error(event, f'"{shown}" as {kind}, which it is not')


def _of_the_parser(error: yaml.YAMLError | UnicodeError) -> str:
    """Two errors of libyaml have the words that the parser in Python leads to."""
    text = str(error)
    if "nesting depth" in text:
        return "is nested too deeply to be read."
    if "invalid Unicode character escape" in text:
        mark = cast("Any", error).problem_mark
        return f"not valid YAML: line {mark.line + 1} contains an unpaired surrogate, half of a character."
    return f"not valid YAML: {text}"


def _error(event: Any, what: str) -> YamlError:
    return YamlError(f"not valid YAML: line {event.start_mark.line + 1} holds {what}.")
