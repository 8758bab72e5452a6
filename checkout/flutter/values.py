"""What an expression can be, as far as the text says: the values of the interpreter.

A variable has alternatives, each with the conditions under which it is that one: after `if (c) q = f(q);` the
variable is the new value where c holds and the old one where it does not. Two alternatives whose conditions
contradict each other are never combined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from checkout.flutter import syntax as s
from checkout.flutter.program import Class, Function, Library

HOLE = "\ufffc"
"""Stands in a text for what is not known before the app runs."""
MOST = 64
"""How many alternative values of one variable are kept."""
TOO_MANY = "it has too many forms"
DOCUMENT_ID = "__name__"

Guard = frozenset[tuple[str, object]]
ALWAYS: Guard = frozenset()


class Value:
    """Any value."""


@dataclass(frozen=True)
class Unknown(Value):
    """A value of this type, if one is written. `origin` says where it comes from, if that matters."""

    type: s.TypeRef | None = None
    origin: str = ""


@dataclass(frozen=True)
class Str(Value):
    """A text.

    Args:
        text: what is known of it.
        set_by_build: the variable with which a build can replace it (`String.fromEnvironment`).
        place: the file and line of the literal that it is, in a function.
    """

    text: str
    set_by_build: str = ""
    place: tuple[str, int] | None = field(default=None, compare=False)

    @property
    def is_known(self) -> bool:
        return HOLE not in self.text


@dataclass(frozen=True, eq=False)
class Const(Value):
    """A number, a boolean or null. For Python 0 and False are equal; here they are not."""

    value: float | bool | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[type, object]:
        return type(self.value), self.value


@dataclass(frozen=True)
class Sdk(Value):
    """A name that the app does not declare, with what was read from it: `FieldValue.serverTimestamp`."""

    name: str


@dataclass(frozen=True)
class Prefix(Value):
    """The prefix of an import."""

    name: str


@dataclass(frozen=True)
class ClassRef(Value):
    """A class of the app, as a name."""

    cls: Class


@dataclass(frozen=True)
class Db(Value):
    """Firestore."""


@dataclass(frozen=True)
class Method(Value):
    """A method of a value that is not of the app, without a call: `collection.add`. `frame` is where."""

    owner: Value
    name: str
    line: int
    frame: Frame | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Batch(Value):
    """A WriteBatch, or a Transaction."""


@dataclass(frozen=True)
class Ref(Value):
    """A collection or document. `path` is None if nothing of it is known; a segment can hold HOLE.

    `is_new`: the id of the document was generated, so a write creates it.
    """

    path: tuple[str, ...] | None
    is_document: bool
    converter: Closure | None = None
    is_new: bool = False
    mark: tuple[str, int, int] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Filter(Value):
    """One condition of a query: `kind` is "equal", "contains", "range" or, with `parts`, "and" or "or"."""

    kind: str
    field: str = ""
    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True)
class Order:
    field: str
    descending: bool = False


@dataclass(frozen=True)
class Query(Value):
    """A query of a collection, or of all collections of an id (`group`).

    Args:
        path: as in Ref.
        filters: all of them must hold.
        from_end: `limitToLast`, which is asked in the opposite order.
        vague: why the query is not known completely; "" if it is.
        marks: where its clauses are, its beginning first: file, line, and the function they are in.
    """

    path: tuple[str, ...] | None
    group: bool = False
    filters: tuple[Filter, ...] = ()
    orders: tuple[Order, ...] = ()
    from_end: bool = False
    summed: tuple[str, ...] = ()
    vague: str = ""
    marks: tuple[tuple[str, int, int], ...] = ()
    converter: Closure | None = field(default=None, compare=False)

    @property
    def place(self) -> tuple[str, int]:
        """Where its last chain of clauses begins: the clauses in the function that completes it."""
        if not self.marks:
            return "", 0
        file, line, function = self.marks[-1]
        for mark in reversed(self.marks):
            if (mark[0], mark[2]) != (file, function):
                break
            line = mark[1]
        return file, line


@dataclass(frozen=True)
class Snapshots(Value):
    """The result of a query, of which each document is one of `source`."""

    source: Ref


@dataclass(frozen=True)
class Snapshot(Value):
    """A document that was read."""

    source: Ref


@dataclass(frozen=True)
class Options(Value):
    """SetOptions."""

    merge: bool


@dataclass(frozen=True)
class CloudFunction(Value):
    """A Cloud Function that can be called."""

    name: str


@dataclass(frozen=True)
class Address(Value):
    """A Uri."""

    text: str


class Alt(NamedTuple):
    """One alternative: a value, and the conditions under which it is the one."""

    value: Value
    guard: Guard = ALWAYS


Vals = tuple[Alt, ...]


@dataclass(eq=False)
class Frame:
    """What names mean in a function while it runs. A function expression keeps the frame around it."""

    file: str
    library: Library
    this: Vals = ()
    owner: Class | None = None
    names: dict[str, Vals] = field(default_factory=dict[str, Vals])
    outer: Frame | None = None
    returned: list[Vals] = field(default_factory=list[Vals])
    pending: list[Closure] = field(default_factory=list["Closure"])
    types: dict[str, s.TypeRef] = field(default_factory=dict[str, s.TypeRef])

    def holder(self, name: str) -> Frame | None:
        """The frame that has a variable of this name."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame
            frame = frame.outer
        return None


@dataclass(eq=False)
class Closure(Value):
    """A function as a value: an expression with its frame, or a declaration with its object."""

    params: tuple[s.Param, ...]
    body: tuple[s.Stmt, ...]
    frame: Frame
    function: Function | None = None
    this: Vals = ()
    guard: Guard = ALWAYS
    was_called: bool = False


def split_key(name: str, cases: int) -> str:
    """The key of a condition with so many values, of which one always holds."""
    return f"{name}/{cases}"


def _others(condition: tuple[str, object]) -> list[tuple[str, object]]:
    """The conditions of which one holds where this one does not; itself if they are not known."""
    key, value = condition
    if isinstance(value, bool):
        return [(key, not value)]
    cases = key.rpartition("/")[2]
    if not cases.isdigit():
        return [("", None)]  # nothing has it
    return [(key, other) for other in range(int(cases)) if other != value]


@dataclass(eq=False)
class MapValue(Value):
    """A map.

    Args:
        entries: what a key can have, with conditions.
        open: whether it can have other keys.
        created: the conditions under which it was made.
        line, file: where it was made.
        presence: the conditions under which a key was set, one set of them for each place that sets it.
    """

    entries: dict[str, Vals] = field(default_factory=dict[str, Vals])
    open: bool = False
    created: Guard = ALWAYS
    line: int = 0
    file: str = ""
    presence: dict[str, tuple[Guard, ...]] = field(default_factory=dict[str, tuple[Guard, ...]])

    def has(self, key: str) -> bool:
        """Whether the key is there whatever the conditions are."""
        guards = {guard - self.created for guard in self.presence.get(key, ())}
        while True:
            if ALWAYS in guards:
                return True
            shorter = {
                one - {condition}
                for one in guards
                for condition in one
                if all((one - {condition}) | {other} in guards for other in _others(condition))
            }
            if not shorter - guards:
                return False
            guards |= shorter


@dataclass(eq=False)
class ListValue(Value):
    """A list, set or iterable; `items` are what an element can be."""

    items: list[Vals] = field(default_factory=list[Vals])
    open: bool = False


@dataclass(eq=False)
class Buffer(Value):
    """A StringBuffer: what was written into it."""

    text: Vals


@dataclass(eq=False)
class RecordValue(Value):
    items: tuple[Vals, ...] = ()
    named: dict[str, Vals] = field(default_factory=dict[str, Vals])


@dataclass(eq=False)
class Object(Value):
    """An instance of a class of the app. `fields` is None if only its type is known.

    `constant` is the name of an enum's value.
    """

    cls: Class
    fields: dict[str, Vals] | None = None
    constant: str = ""


@dataclass(eq=False)
class Provided(Value):
    """What a provider of dependencies gives (Riverpod): the result of calling `make`."""

    make: Vals
    type: s.TypeRef | None = None


@dataclass(eq=False)
class Arrived(Value):
    """An AsyncSnapshot: `data` is what came."""

    data: Vals


NULL = Const(None)


def one(value: Value, guard: Guard = ALWAYS) -> Vals:
    """A single alternative."""
    return (Alt(value, guard),)


def both(first: Guard, second: Guard) -> Guard | None:
    """The conditions together; None if they contradict each other."""
    if not first or not second or first == second:
        return first or second
    known = dict(first)
    for key, value in second:
        if key in known and known[key] != value:
            return None
    return first | second


def narrow(values: Vals, guard: Guard) -> Vals:
    """The alternatives that are possible under these conditions."""
    if not guard or all(not alt.guard for alt in values):
        return values
    return tuple(alt for alt in values if both(alt.guard, guard) is not None)


def guarded(values: Vals, guard: Guard) -> Vals:
    """The alternatives under further conditions."""
    if not guard:
        return values
    found = ((alt.value, both(alt.guard, guard)) for alt in values)
    return tuple(Alt(value, together) for value, together in found if together is not None)


def copied(values: Vals) -> Vals:
    """The values, with maps and lists of their own: whoever gets them may change them."""
    if not any(isinstance(alt.value, (MapValue, ListValue)) for alt in values):
        return values
    return tuple(Alt(_copy(alt.value), alt.guard) for alt in values)


def _copy(value: Value) -> Value:
    if isinstance(value, MapValue):
        return replace(value, entries=dict(value.entries), presence=dict(value.presence))
    return ListValue(list(value.items), value.open) if isinstance(value, ListValue) else value


def union(*values: Vals) -> Vals:
    """All alternatives; equal values once, under what their conditions have in common."""
    given = [vals for vals in values if vals]
    if len(values) == 1 or (len(given) == 1 and len(given[0]) == 1):
        return given[0] if given else ()
    found: dict[object, Alt] = {}
    for alt in (alt for vals in given for alt in vals):
        key = signature(alt.value)
        before = found.get(key)
        found[key] = alt if before is None else Alt(before.value, before.guard & alt.guard)
    if len(found) > MOST:
        first = next(iter(found.values())).value
        rest: Value = Unknown(origin=TOO_MANY)
        if isinstance(first, Query):
            rest = Query(
                first.path, first.group, first.filters, first.orders, vague=TOO_MANY, marks=first.marks
            )
        elif isinstance(first, Ref):
            rest = Ref(None, first.is_document)
        return (*tuple(found.values())[:MOST], Alt(rest))
    return tuple(found.values())


def signature(value: Value, depth: int = 2) -> object:
    """Equal for values that need not be told apart."""
    if isinstance(value, Object):
        if value.fields is None or value.constant or not depth:
            return ("object", value.cls.file, value.cls.name, value.constant, value.fields is None)
        inner = tuple(
            (name, tuple(signature(alt.value, depth - 1) for alt in vals))
            for name, vals in sorted(value.fields.items())
        )
        return ("object", value.cls.file, value.cls.name, inner)
    if isinstance(value, Closure):
        return ("closure", id(value.function or value.body), id(value.frame) if depth == 2 else 0)
    if isinstance(value, ListValue) and depth:
        items = tuple(tuple(signature(alt.value, depth - 1) for alt in vals) for vals in value.items[:20])
        return ("list", items, value.open)
    if isinstance(value, (MapValue, RecordValue, Provided, Arrived, ListValue)):
        return ("identity", id(value))
    return value


def choose(values: Iterable[Vals], guard: Guard = ALWAYS) -> Iterator[tuple[tuple[Value, ...], Guard]]:
    """Each combination of alternatives whose conditions agree."""
    combinations: list[tuple[tuple[Value, ...], Guard]] = [((), guard)]
    for vals in values:
        grown: list[tuple[tuple[Value, ...], Guard]] = []
        for chosen, condition in combinations:
            for alt in vals:
                together = both(condition, alt.guard)
                if together is not None:
                    grown.append(((*chosen, alt.value), together))
        combinations = grown[: MOST * 4]
    yield from combinations


def collect(found: Sequence[tuple[Value, Guard]]) -> Vals:
    """Alternatives from pairs."""
    return union(tuple(Alt(value, guard) for value, guard in found), ())


Apply = Callable[[Vals], Vals]
