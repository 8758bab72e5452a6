"""What the methods of texts, lists and maps do (`dart:core`, `dart:convert`) to the names that they carry."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace

from checkout.flutter.firestore_values import FirestoreValues
from checkout.flutter.values import (
    HOLE,
    MOST,
    NULL,
    Alt,
    Buffer,
    Closure,
    Const,
    Guard,
    ListValue,
    MapValue,
    Method,
    Object,
    Query,
    RecordValue,
    Str,
    Unknown,
    Vals,
    Value,
    both,
    choose,
    collect,
    guarded,
    narrow,
    one,
    union,
)

_SAME_LIST = (
    "toList",
    "toSet",
    "cast",
    "where",
    "whereType",
    "skip",
    "take",
    "skipWhile",
    "takeWhile",
    "reversed",
    "followedBy",
    "asBroadcastStream",
    "distinct",
    "handleError",
    "toUnmodifiable",
    "sublist",
    "getRange",
    "nonNulls",
)
_ITEM = ("first", "last", "single", "firstOrNull", "lastOrNull", "singleOrNull")
_ITEM_CALLS = (
    "firstWhere",
    "lastWhere",
    "singleWhere",
    "elementAt",
    "removeAt",
    "removeLast",
    "firstWhereOrNull",
    "elementAtOrNull",
    "reduce",
)
_MAPPED = ("map", "asyncMap", "then", "mapIndexed")
_PREDICATES = (
    "where",
    "any",
    "every",
    "firstWhere",
    "lastWhere",
    "singleWhere",
    "forEach",
    "firstWhereOrNull",
    "listen",
    "skipWhile",
    "takeWhile",
    "removeWhere",
    "retainWhere",
    "sort",
)
GROWS = "its clauses are added in a loop"
_SAME_TEXT = ("toString", "trim", "trimLeft", "trimRight", "toStringAsFixed")


class CoreValues(FirestoreValues):
    def of_core(self, value: Value, name: str, args: Sequence[Vals]) -> Vals | None:
        """The result of a method of a text, list or map; None if it is none that matters."""
        if isinstance(value, Str):
            return self._of_text(value, name, args)
        if isinstance(value, ListValue):
            return self._of_list(value, name, args)
        if isinstance(value, Buffer):
            return self._of_buffer(value, name, args)
        if isinstance(value, MapValue):
            return self._of_map(value, name, args)
        return None

    def core_member(self, value: Value, name: str) -> Vals | None:
        """What `value.name` is for a text, list or map."""
        if isinstance(value, ListValue):
            if name in _ITEM:
                return union(*value.items, ()) or one(Unknown())
            if name == "reversed":
                return one(ListValue(value.items[::-1], open=value.open))
            if name in _SAME_LIST:
                return one(value)
            if name in ("isEmpty", "isNotEmpty") and not value.open:
                return self.boolean((name == "isEmpty") == (not value.items))
        if isinstance(value, MapValue):
            if name == "values":
                return one(ListValue(list(value.entries.values()), open=value.open))
            if name == "keys":
                return one(ListValue([one(Str(key)) for key in value.entries], open=value.open))
            if name == "entries":
                items = [
                    one(RecordValue(named={"key": one(Str(k)), "value": v})) for k, v in value.entries.items()
                ]
                return one(ListValue(items, open=value.open))
        if isinstance(value, Str) and value.is_known and name in ("isEmpty", "isNotEmpty"):
            return self.boolean((name == "isEmpty") == (not value.text))
        if isinstance(value, RecordValue):
            if name in value.named:
                return value.named[name]
            if name.startswith("$") and name[1:].isdigit() and 0 < int(name[1:]) <= len(value.items):
                return value.items[int(name[1:]) - 1]
        return None

    def _of_text(self, value: Str, name: str, args: Sequence[Vals]) -> Vals | None:
        given = [_only_text(vals) for vals in args]
        if name in _SAME_TEXT:
            return one(replace(value, text=value.text.strip()) if name == "trim" else value)
        if name in ("toLowerCase", "toUpperCase"):
            text = value.text.lower() if name == "toLowerCase" else value.text.upper()
            return one(replace(value, text=text))
        if name in ("replaceAll", "replaceFirst") and len(given) == 2 and None not in given:
            old, new = given
            count = -1 if name == "replaceAll" else 1
            return one(replace(value, text=value.text.replace(str(old), str(new), count)))
        if name == "split" and given and given[0] is not None and value.is_known:
            parts = value.text.split(given[0]) if given[0] else list(value.text)
            return one(ListValue([one(Str(part)) for part in parts]))
        if name == "substring" and value.is_known:
            ends = [alt.value.value for vals in args for alt in vals[:1] if isinstance(alt.value, Const)]
            numbers = [int(end) for end in ends if end is not None]
            if len(numbers) == len(args) > 0:
                return one(
                    replace(
                        value,
                        text=value.text[slice(*numbers) if len(numbers) > 1 else slice(numbers[0], None)],
                    )
                )
        if name in ("substring", "replaceRange", "padLeft", "padRight", "replaceAllMapped"):
            return one(Str(HOLE))
        if (
            name in ("startsWith", "endsWith", "contains")
            and given
            and given[0] is not None
            and value.is_known
        ):
            holds = {"startsWith": value.text.startswith, "endsWith": value.text.endswith}.get(name)
            return self.boolean(holds(given[0]) if holds else given[0] in value.text)
        return None

    def _of_list(self, value: ListValue, name: str, args: Sequence[Vals]) -> Vals | None:
        items = union(*value.items, ()) or one(Unknown())
        closures = [
            alt.value for vals in args[:1] for alt in vals if isinstance(alt.value, (Closure, Method))
        ]
        if name in _MAPPED or name == "expand":
            results = [self.apply(closure, [items]) or () for closure in closures]
            inner = union(*results, ()) if results else one(Unknown())
            if name == "expand":
                return union(*(one(alt.value) for alt in inner), ()) or one(Unknown())
            if not value.open and closures and len(value.items) <= 8:
                each = [self.apply(closures[0], [item]) or one(Unknown()) for item in value.items]
                return one(ListValue(each))
            return one(ListValue([inner], open=True))
        if name == "fold":
            return self._fold(items, args)
        if name in _PREDICATES:
            for closure in closures:
                self.apply(closure, [items, items])
        if name in _SAME_LIST:
            return one(value)
        if name == "reduce":
            for closure in closures:
                self.apply(closure, [items, items])
            return one(Unknown())
        if name in _ITEM_CALLS:
            return items
        if name in ("add", "insert", "addAll", "insertAll") and args:
            for alt in args[-1]:
                if name.endswith("All") and isinstance(alt.value, ListValue):
                    value.items += alt.value.items
                    value.open = value.open or alt.value.open
                elif len(value.items) < 64:
                    value.items.append((alt,))
            value.open = True
            return one(NULL)
        if name == "join":
            return self._join(value, args)
        if name in ("contains", "indexOf", "remove"):
            return one(Unknown())
        return None

    def _fold(self, items: Vals, args: Sequence[Vals]) -> Vals:
        """A query that is folded over a list grows with it."""
        if len(args) < 2:
            return one(Unknown())
        results = [
            self.call_closure(alt.value, [args[0], items], {})
            for alt in args[1]
            if isinstance(alt.value, Closure)
        ]
        found = [
            Alt(replace(alt.value, vague=GROWS), alt.guard) if isinstance(alt.value, Query) else alt
            for result in results
            for alt in result
        ]
        return union(args[0], tuple(found))

    def _join(self, value: ListValue, args: Sequence[Vals]) -> Vals:
        between = _only_text(args[0]) if args else ""
        if value.open or between is None:
            return one(Str(HOLE))
        found = [
            (Str(between.join(text_in(part) for part in parts)), guard)
            for parts, guard in choose(value.items)
        ]
        return collect(found[:MOST]) or one(Str(HOLE))

    def _of_buffer(self, value: Buffer, name: str, args: Sequence[Vals]) -> Vals | None:
        """A StringBuffer: what is written under conditions may be in it or not."""
        if name == "toString":
            return value.text
        if name in ("write", "writeln", "writeAll", "writeCharCode"):
            between = "\n" if name == "writeln" else ""
            given = args[0] if args else one(Str(""))
            if name in ("writeAll", "writeCharCode"):
                given = one(Str(HOLE))
            longer = collect(
                [
                    (Str(text_in(a) + text_in(b) + between), guard)
                    for (a, b), guard in choose((value.text, given))
                ]
            )
            value.text = longer if not self.guard else union(value.text, guarded(longer, self.guard))
            return one(NULL)
        if name == "clear":
            value.text = one(Str(""))
            return one(NULL)
        return None

    def _of_map(self, value: MapValue, name: str, args: Sequence[Vals]) -> Vals | None:
        if name == "addAll" and args:
            for alt in narrow(args[0], self.guard):
                outside = self.guard
                self.guard = both(outside, alt.guard) or outside
                self.spread(value, alt.value)
                self.guard = outside
            return one(NULL)
        if name == "addEntries":
            value.open = True
            return one(NULL)
        if name in ("putIfAbsent", "update") and args:
            results = [
                self.call_closure(alt.value, (), {})
                for alt in (args[1] if len(args) > 1 else ())
                if isinstance(alt.value, Closure)
            ]
            self.set_entry(value, args[0], union(*results, ()) or one(Unknown()))
            return union(*results, ()) or one(Unknown())
        if name == "remove" and args:
            key = _only_text(args[0])
            if key is not None:
                condition = self.guard - value.created
                value.presence[key] = tuple(
                    together
                    for guard in value.presence.pop(key, ())
                    for opposite in opposites(condition)
                    if (together := both(guard, opposite)) is not None
                )
                if not condition:
                    value.entries.pop(key, None)
            return one(Unknown())
        if name == "removeWhere":
            for key, values in list(value.entries.items()):
                if all(alt.value == NULL for alt in values):
                    del value.entries[key]
                    value.presence.pop(key, None)
            return one(NULL)
        if name == "clear":
            value.entries.clear()
            value.presence.clear()
            return one(NULL)
        if name in ("map", "cast"):
            return one(value)
        return None

    def set_entry(self, value: MapValue, key: Vals, values: Vals) -> None:
        """`map[key] = values`, which replaces what is there unless it happens under conditions."""
        for alt in key:
            text = key_of(alt.value)
            if isinstance(alt.value, Str):
                self.log.keys.add(alt.value.text)
            if text is None:
                value.open = True
                continue
            condition = self.guard - value.created
            sure = not condition and len(key) == 1
            if sure:
                value.entries[text] = values
                value.presence[text] = (self.guard,)
            else:
                guard = both(self.guard, alt.guard) or self.guard
                value.entries[text] = (*value.entries.get(text, ()), *guarded(values, guard))
                value.presence[text] = (*value.presence.get(text, ()), guard)

    def spread(self, value: MapValue, other: Value) -> None:
        """`...other` in a map."""
        if isinstance(other, MapValue):
            for key, values in other.entries.items():
                guards = [
                    together
                    for guard in other.presence.get(key, ())
                    if (together := both(guard - other.created, self.guard)) is not None
                ]
                if other.has(key) and not self.guard - value.created:
                    value.entries[key] = values
                    value.presence[key] = (self.guard,)
                else:
                    value.entries[key] = (*value.entries.get(key, ()), *guarded(values, self.guard))
                    value.presence[key] = (*value.presence.get(key, ()), *guards)
            value.open = value.open or other.open
        elif other != NULL:
            value.open = True

    def decoded(self, name: str, args: Sequence[Vals]) -> Vals | None:
        """Texts that are put together from numbers or Base64."""
        if not args:
            return None
        found: list[Alt] = []
        for (value,), guard in choose(args[:1]):
            if name.endswith(("base64.decode", "base64Decode", "base64Url.decode", "base64Url.normalize")):
                if isinstance(value, Str) and value.is_known:
                    try:
                        raw = base64.b64decode(value.text + "=" * (-len(value.text) % 4), altchars=None)
                    except (binascii.Error, ValueError):
                        continue
                    found.append(Alt(Str(raw.decode(errors="replace")), guard))
            elif name.endswith(("utf8.decode", "ascii.decode", "latin1.decode", "String.fromCharCodes")):
                if isinstance(value, Str):
                    found.append(Alt(value, guard))
                elif isinstance(value, ListValue) and not value.open:
                    codes = [
                        alt.value.value
                        for item in value.items
                        for alt in item[:1]
                        if isinstance(alt.value, Const)
                    ]
                    text = "".join(chr(int(code)) for code in codes if code and 0 < code < 0x110000)
                    found.append(Alt(Str(text), guard))
            else:
                return None
        return tuple(found) or None


def text_in(value: Value) -> str:
    """A value as `toString()` shows it, a hole if that is not known."""
    if isinstance(value, Str):
        return value.text
    if isinstance(value, Const) and isinstance(value.value, float) and value.value.is_integer():
        return str(int(value.value))
    return HOLE


def _only_text(values: Vals) -> str | None:
    """The text if there is one alternative, and it is known."""
    if len(values) == 1 and isinstance(values[0].value, Str) and values[0].value.is_known:
        return values[0].value.text
    return None


def key_of(value: Value) -> str | None:
    """The key of a map as a text; None if it is not known."""
    if isinstance(value, Str):
        return value.text if value.is_known else None
    if isinstance(value, Object) and value.constant:
        return f"{value.cls.name}.{value.constant}"
    if isinstance(value, Const):
        return repr(value.value)
    return None


def opposites(condition: Guard) -> list[Guard]:
    """The conditions of which one holds where this one does not; none if it always holds."""
    return [frozenset({(key, not holds)}) for key, holds in condition if isinstance(holds, bool)]
