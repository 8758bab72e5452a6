"""Which fields the documents of single collections have, as far as the text says (for E3)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from checkout.flutter import syntax as s
from checkout.flutter.analysis import Analysis, walk
from checkout.flutter.program import Class
from checkout.flutter.values import HOLE, ListValue, MapValue, Vals
from checkout.index_file import path_names
from checkout.rules_parser import RulesSyntaxError, parse

_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_FUNCTION = re.compile(r"\bfunction\s+\w+\s*\([^)]*\)\s*\{[^}]*\}")
_CREATES = ("add", "set")
_MOST_DEPTH = 6  # of maps in maps
READS_JSON = frozenset(
    ("fromJson", "fromMap", "toJson", "toMap", "fromFirestore", "toFirestore", "fromDoc", "fromSnapshot")
)


def model_fields(cls: Class) -> Iterator[str]:
    """The names in JSON of the fields of a class that is made of JSON, or into it; nothing of another one."""
    if not READS_JSON & {name for _, name in cls.functions}:
        return
    for variable in cls.variables.values():
        yield variable.decl.key or variable.decl.name
    for function in cls.functions.values():
        if function.decl.kind == "factory" and function.decl.redirects:
            yield from (param.key or param.name for param in function.decl.params)


class DocumentFields:
    """The fields of the collections whose documents the app creates, with maps that are known completely.

    What other code knows of a field excuses it, if that code can be about the collection: it also has a field
    that is written to this collection only, it is a class that is named like the collection, or one that the
    file of the query names. So do the rules of the collection, its indexes, and any word of the functions and
    the backend, whose writes are not told apart.

    Args:
        app: the app that was run.
        code: the words of the functions and the backend.
    """

    def __init__(self, app: Analysis, code: frozenset[str]) -> None:
        self._code = code
        self._known: dict[str, set[str]] = {}
        self._created: set[str] = set()
        self._open: set[str] = set()
        self._any_open = False
        self._writes(app)
        written = {collection: {*names} for collection, names in self._known.items()}
        times = Counter(name for names in written.values() for name in names)
        own = {
            name: collection for collection, names in written.items() for name in names if times[name] == 1
        }
        self._own = {*own.values()}
        self._named: dict[str, set[str]] = {}
        for name, group in _groups(app):
            for collection in self._known:
                if any(own.get(one) == collection for one in group) or _alike(name, collection):
                    self._known[collection] |= group
            for file, _ in app.mentions.get(name, ()) if name else ():
                self._named.setdefault(file, set()).update(group)
        self._rules(app.project.rules)
        for spec in app.project.indexes.indexes if app.project.indexes is not None else ():
            for field in spec.fields:
                self._known.setdefault(spec.collection, set()).update(path_names(field.path) or ())

    def lacks(self, collection: str, names: tuple[str, ...], file: str) -> bool:
        """Whether no document of the collection has a field; False if that is not known.

        Args:
            collection: its id.
            names: the path of the field.
            file: where the query is.
        """
        if self._any_open or collection in self._open or collection not in self._created & self._own:
            return False
        known = self._known[collection] | self._code | self._named.get(file, set())
        return not all(name in known or HOLE in name for name in names)

    def _writes(self, app: Analysis) -> None:
        for write in app.log.writes:
            if write.kind == "delete":
                continue
            path = write.ref.path
            if path is None or len(path) < 2 or HOLE in path[-2]:
                self._any_open = True
                continue
            known = self._known.setdefault(path[-2], set())
            if not _collect(write.data, known, _MOST_DEPTH):
                self._open.add(path[-2])
            elif write.kind in _CREATES:
                self._created.add(path[-2])

    def _rules(self, rules: str) -> None:
        if not rules:
            return
        try:
            allows = parse(rules)
        except RulesSyntaxError:
            self._any_open = True
            return
        everywhere = {word for found in _FUNCTION.findall(rules) for word in _WORD.findall(found)}
        for allow in allows:
            words = {*_WORD.findall(allow.condition or "")}
            last = next((part for part in reversed(allow.pattern) if isinstance(part, str)), None)
            if last is None:
                everywhere |= words
            else:
                self._known.setdefault(last, set()).update(words)
        for known in self._known.values():
            known |= everywhere


def _collect(values: Vals, into: set[str], depth: int) -> bool:
    """Add the keys of maps, those of maps in them too; whether they are all known."""
    complete = bool(values)
    for alt in values:
        value = alt.value
        if not isinstance(value, MapValue):
            return False
        complete = complete and not value.open
        for key, inner in value.entries.items():
            into.update(key.split("."))
            complete = complete and HOLE not in key
            for one in inner:
                if isinstance(one.value, MapValue) and depth:
                    _collect((one,), into, depth - 1)
                elif isinstance(one.value, ListValue) and depth:
                    for item in one.value.items:
                        _collect(item, into, depth - 1)
    return complete


def _alike(name: str, collection: str) -> bool:
    """Whether a class is named like a collection: `TaskDto`, tasks; `ActivityModel`, activities."""
    stem = collection.lower().removesuffix("s").removesuffix("ie")[: max(4, len(collection) - 3)]
    return stem in name.lower()


def _groups(app: Analysis) -> Iterator[tuple[str, set[str]]]:
    """The classes and functions by name, and the fields that they know: of JSON, in maps, read by key."""
    for cls in app.program.classes:
        yield (
            cls.name,
            {*model_fields(cls), *(name for one in cls.functions.values() for name in _keys(one.decl))},
        )
    for function in app.program.functions:
        if function.owner is None:
            yield function.decl.name, {*_keys(function.decl)}
    for variable in app.program.variables:
        yield variable.decl.name, {*_keys(variable.decl)}


def _keys(node: object) -> Iterator[str]:
    """`map['key']`, `{'key': …}`, `snapshot.get('key')`."""
    for one in walk(node):
        key = None
        if isinstance(one, (s.Pair, s.Index)):
            key = one.key
        elif isinstance(one, s.Call) and isinstance(one.target, s.Get) and one.args:
            key = one.args[0] if one.target.name in ("get", "containsKey") else None
        if isinstance(key, s.Text):
            yield from "".join(piece for piece in key.pieces if isinstance(piece, str)).split(".")
