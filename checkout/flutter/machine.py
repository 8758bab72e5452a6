"""The interpreter's state, and what types say: the base of `checkout.flutter.interpreter`.

The interpreter runs each function of the app with every value that it can be called with. A function that
nobody of the app calls (a widget's `build`, `main`) is a root, and runs with parameters of which only the
types are known; every other function runs when it is called, with its arguments. What a root saw whose
function turned out to be called by others is left out, because the callers say more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from checkout.flutter import syntax as s
from checkout.flutter.log import Log, Said, Seen
from checkout.flutter.program import Class, Function, Library, Program
from checkout.flutter.values import (
    ALWAYS,
    HOLE,
    Address,
    Arrived,
    Batch,
    Closure,
    Db,
    Frame,
    Guard,
    ListValue,
    Object,
    Query,
    Ref,
    Snapshot,
    Snapshots,
    Str,
    Unknown,
    Vals,
    Value,
    one,
    signature,
    union,
)

_WRAPPERS = ("Future", "FutureOr", "Stream", "ValueNotifier", "ValueListenable", "AsyncValue", "Rx", "Rxn")
_LISTS = ("List", "Iterable", "Set")
_VALUES: dict[str, Value] = {
    "Uri": Address(HOLE),
    "FirebaseFirestore": Db(),
    "WriteBatch": Batch(),
    "Transaction": Batch(),
    "CollectionReference": Ref(None, is_document=False),
    "DocumentReference": Ref(None, is_document=True),
    "QuerySnapshot": Snapshots(Ref(None, is_document=True)),
    "DocumentSnapshot": Snapshot(Ref(None, is_document=True)),
    "QueryDocumentSnapshot": Snapshot(Ref(None, is_document=True)),
    "DocumentChange": Snapshot(Ref(None, is_document=True)),
}
MOST_KEPT = 16
"""Values of a field that are kept; they come from all constructors and assignments of the app."""
DEEPEST_CALL = 16
MOST_STEPS = 6_000_000
"""Expressions that are evaluated for one app: some 100 times what an app of 100 files needs."""


class Machine(ABC):
    """State that everything shares.

    Args:
        program: the declarations.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.log = Log()
        self.guard: Guard = ALWAYS
        self.stack: list[Function] = []
        self.sites: list[tuple[str, int]] = []
        self.site: tuple[str, int] = ("", 0)
        self.root: tuple[Function, str] | None = None
        self.reached: dict[tuple[Function, str], set[tuple[Function, str]]] = {}
        self.fields: dict[tuple[str, str, str], dict[object, tuple[Vals, set[tuple[Function, str]]]]] = {}
        self.left_out: set[tuple[Function, str]] = set()
        self.globals: dict[int, Vals] = {}
        self.assigned: dict[int, Vals] = {}
        self.in_progress: set[int] = set()
        self.null_tests: dict[str, tuple[Frame, str]] = {}
        self.results: dict[object, Vals] = {}
        self.steps = 0
        self.gave_up: list[str] = []

    @abstractmethod
    def expr(self, found: s.Expr | None, frame: Frame) -> Vals:
        """The value of an expression."""

    @abstractmethod
    def run(self, statements: Sequence[s.Stmt], frame: Frame) -> bool:
        """Run statements; whether they end the function on every way through them."""

    @abstractmethod
    def call_closure(self, closure: Closure, args: Sequence[Vals], named: dict[str, Vals]) -> Vals:
        """The result of a function value."""

    @abstractmethod
    def call_function(
        self, function: Function, this: Vals, args: Sequence[Vals], named: dict[str, Vals]
    ) -> Vals:
        """The result of a function of the app."""

    @abstractmethod
    def call_value(
        self,
        values: Vals,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame | None = None,
    ) -> Vals:
        """The result of calling a value."""

    @abstractmethod
    def member(self, values: Vals, name: str, line: int, frame: Frame) -> Vals:
        """What `value.name` is."""

    @abstractmethod
    def truth(self, found: s.Expr | None, frame: Frame) -> tuple[bool | None, Guard, Guard]:
        """Whether a condition holds, and what is known when it does and when it does not."""

    def typed(self, kind: s.TypeRef | None, library: Library | None, depth: int = 0) -> Vals:
        """A value of which only the type is known."""
        if kind is None or depth > 5:
            return one(Unknown(kind))
        if kind.name in _WRAPPERS:
            return self.typed(kind.args[0] if kind.args else None, library, depth + 1)
        if kind.name == "AsyncSnapshot":
            return one(Arrived(self.typed(kind.args[0] if kind.args else None, library, depth + 1)))
        if kind.name in _LISTS:
            items = self.typed(kind.args[0], library, depth + 1) if kind.args else one(Unknown())
            return one(ListValue([items], open=True))
        if kind.name in _VALUES:
            return one(_VALUES[kind.name])
        if kind.name == "Query":
            return one(Query(None, vague="it is given by a caller that is not known"))
        if library is not None:
            alias = self.program.alias(kind.name, library)
            if alias is not None and alias.name != kind.name:
                return self.typed(alias, library, depth + 1)
        found = self.program.class_of(kind.name, library)
        if found is not None and found.decl.kind != "extension":
            return one(Object(found))
        return one(Unknown(kind))

    def seen(self, line: int, frame: Frame) -> dict[str, Any]:
        """The arguments of a `Seen`."""
        assert self.root is not None
        return {
            "file": frame.file,
            "line": line,
            "root": self.root,
            "within": tuple(self.stack),
            "sites": tuple(self.sites),
        }

    def place(self, line: int, frame: Frame) -> Seen:
        """Where the interpreter is."""
        assert self.root is not None
        return Seen(**self.seen(line, frame))

    def reach(self, function: Function, this: Vals) -> None:
        """Remember that the root called a function."""
        if self.root is None:
            return
        owner = next((alt.value.cls.name for alt in this if isinstance(alt.value, Object)), "")
        if (function, owner) != self.root:
            self.reached.setdefault(self.root, set()).add((function, owner))

    def say(self, values: Vals, line: int, frame: Frame) -> None:
        """Remember texts that are built."""
        if self.root is None:
            return
        for alt in values:
            if isinstance(alt.value, Str) and len(alt.value.text) > 3:
                self.log.said.append(Said(**self.seen(line, frame), text=alt.value.text))

    def keep_field(self, cls: Class, name: str, values: Vals) -> None:
        """Remember a value that a field can have, in any object."""
        if self.root is None:
            return
        variable = self.program.variable(cls, name)
        owner = variable.owner.name if variable is not None and variable.owner is not None else cls.name
        for key in {(cls.file, owner, name), (cls.file, cls.name, name)}:
            table = self.fields.setdefault(("", *key[1:]), {})
            for alt in values:
                kept = table.get(signature(alt.value))
                if kept is not None:
                    kept[1].add(self.root)
                elif len(table) < MOST_KEPT:
                    table[signature(alt.value)] = (one(alt.value), {self.root})

    def kept_field(self, cls: Class, name: str) -> Vals:
        """What a field can be, in any object; empty if nothing is known."""
        table = self.fields.get(("", cls.name, name), {})
        return union(*(vals for vals, roots in table.values() if roots - self.left_out), ())
