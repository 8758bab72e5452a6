"""Runs an app without knowing its input: every expression, with every value that it can have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkout.flutter import syntax as s
from checkout.flutter.literals import Literals
from checkout.flutter.log import Log
from checkout.flutter.machine import MOST_STEPS
from checkout.flutter.program import Class, Function, Program, Variable
from checkout.flutter.values import (
    NULL,
    Closure,
    Const,
    Frame,
    Object,
    Provided,
    RecordValue,
    Unknown,
    Vals,
    one,
)

_ROUNDS = 3


class Interpreter(Literals):
    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._methods: dict[type[s.Expr], Callable[[Any, Frame], Vals]] = {
            s.Name: self._name,
            s.Text: self._text,
            s.Literal: self._literal,
            s.Self: self._self,
            s.Get: self._get,
            s.Index: self._index,
            s.Call: self._call,
            s.Cascade: self._cascade,
            s.Pair: self._pair,
            s.Collection: self._collection,
            s.Conditional: self._conditional,
            s.Binary: self._binary,
            s.Not: self._not,
            s.Assign: self._assign,
            s.Await: self._await,
            s.Cast: self._cast,
            s.Is: self._is,
            s.Throw: self._throw,
            s.Record: self._record,
            s.SwitchExpr: self._switch_value,
            s.Fn: self._fn,
        }

    # Roots

    def interpret(self) -> Log:
        """Run the whole app; what it does is in the log.

        The first rounds find out what fields hold and which functions nobody calls; the last one is kept.
        """
        for round_ in range(_ROUNDS):
            self.log = Log()
            self.results = {}
            self.globals = {}
            self.reached = {}
            for root in self._roots():
                self._guarded_root(*root)
            if round_ < _ROUNDS - 1:
                self.left_out = self._called_by_others()
        self.left_out = self._called_by_others()
        return self.log

    def _roots(self) -> list[tuple[Function | Variable, str, Class | None]]:
        """Every function and initial value of the app, with the classes whose objects can have it."""
        found: list[tuple[Function | Variable, str, Class | None]] = []
        found += [(function, "", None) for function in self.program.functions if function.owner is None]
        found += [(variable, "", None) for variable in self.program.variables]
        for cls in self.program.classes:
            members: dict[tuple[str, str], Function] = {}
            for above in self.program.lineage(cls):
                for key, function in above.functions.items():
                    members.setdefault(key, function)
                if above is cls or not cls.decl.abstract:
                    found += [(one, cls.name, cls) for one in above.variables.values()]
            below = cls.decl.abstract and any(not one.decl.abstract for one in self.program.subclasses(cls))
            for (kind, _), function in members.items():
                if below and not function.decl.static:
                    continue  # its objects are those of the classes below
                if function.owner is not cls and (kind == "new" or cls.decl.abstract):
                    continue
                found.append((function, cls.name, cls))
        return found

    def _guarded_root(self, found: Function | Variable, name: str, cls: Class | None) -> None:
        """Run a root. One that is nested too deeply for Python is named."""
        try:
            self._run_root(found, name, cls)
        except RecursionError:
            self.stack, self.sites, self.guard, self.depth_of_closures = [], [], frozenset(), 0
            self.in_progress.clear()
            reason = f"{found.file}:{found.decl.line}: {found.decl.name} is nested too deeply to be followed"
            if reason not in self.gave_up:
                self.gave_up.append(reason)

    def _run_root(self, found: Function | Variable, name: str, cls: Class | None) -> None:
        if isinstance(found, Variable):
            marker = Function(
                s.FnDecl(found.decl.name, found.decl.line), found.file, found.library, found.owner
            )
            self.root = (marker, name)
            if found.owner is None or found.decl.static:
                values = self.global_value(found)
            else:
                values = self._initial_value(Object(cls), found) if cls is not None else ()
            self.ask_if_query(values, found.decl.line, Frame(found.file, found.library))
            self._run_pending(values)
            return
        decl = found.decl
        self.root = (found, name)
        if decl.kind == "constructor":
            if cls is not None and not cls.decl.abstract and cls.decl.kind == "class":
                made = Object(cls, {})
                self._initialize(made, cls, found, (), {}, unknown=True)
                for field, values in (made.fields or {}).items():
                    self.keep_field(cls, field, values)
            return
        if decl.kind == "factory" and decl.body is None:
            return
        this: Vals = ()
        if cls is not None and not decl.static:
            this = self.typed(cls.decl.on, cls.library) if cls.decl.kind == "extension" else one(Object(cls))
        frame = Frame(found.file, found.library, this=this, owner=found.owner)
        self.stack.append(found)
        try:
            self.bind(decl.params, frame, (), {}, unknown=True)
            values = self._run(decl.body or (), frame)
        finally:
            self.stack.pop()
            self.guard = frozenset()
        self.ask_if_query(values, decl.line, frame)

    def _run_pending(self, values: Vals) -> None:
        """Functions in an initial value that nothing calls."""
        for alt in values:
            if isinstance(alt.value, Closure) and not alt.value.was_called:
                self.call_closure(alt.value, (), {})
            if isinstance(alt.value, Provided):
                self.provided(
                    alt.value, Frame("", self.program.libraries[next(iter(self.program.libraries))])
                )

    def _called_by_others(self) -> set[tuple[Function, str]]:
        """The roots that another function calls, which is not called by them alone."""
        called = {one for root, functions in self.reached.items() for one in functions if one != root}
        roots = [(found, name) for found, name, _ in self._roots() if isinstance(found, Function)]
        kept = [root for root in roots if root not in called]
        covered: set[tuple[Function, str]] = set()
        for root in kept:
            covered |= self.reached.get(root, set())
        for root in roots:  # functions that only call each other: the first of them is a root
            if root in called and root not in covered:
                kept.append(root)
                covered |= self.reached.get(root, set()) - {root}
        keep = set(kept)
        return {root for root in roots if root not in keep}

    # Expressions

    def expr(self, found: s.Expr | None, frame: Frame) -> Vals:
        if found is None:
            return one(Unknown())
        self.steps += 1
        if self.steps > MOST_STEPS:
            if not self.gave_up:
                self.gave_up.append("pubspec.yaml:1: the app is too large to be followed completely")
            return one(Unknown())
        method = self._methods.get(type(found))
        if method is not None:
            return method(found, frame)
        for part in found.parts:
            self.expr(part, frame)
        return one(Unknown())

    def _literal(self, found: s.Literal, frame: Frame) -> Vals:  # noqa: ARG002  (all have these arguments)
        return one(Const(found.value))

    def _self(self, found: s.Self, frame: Frame) -> Vals:  # noqa: ARG002
        return frame.this or one(Unknown())

    def _await(self, found: s.Await, frame: Frame) -> Vals:
        return self.expr(found.value, frame)

    def _cast(self, found: s.Cast, frame: Frame) -> Vals:
        values = self.expr(found.value, frame)
        if found.type is None:
            return tuple(alt for alt in values if alt.value != NULL) or one(Unknown())
        return self.refined(values, found.type, frame)

    def _is(self, found: s.Is, frame: Frame) -> Vals:
        self.expr(found.value, frame)
        return one(Unknown(s.TypeRef("bool")))

    def _not(self, found: s.Not, frame: Frame) -> Vals:
        values = {alt.value for alt in self.expr(found.value, frame)}
        if len(values) == 1:
            value = values.pop()
            if isinstance(value, Const) and isinstance(value.value, bool):
                return one(Const(not value.value))
        return self.boolean(None)

    def _throw(self, found: s.Throw, frame: Frame) -> Vals:
        self.expr(found.value, frame)
        return ()

    def _record(self, found: s.Record, frame: Frame) -> Vals:
        items = tuple(self.expr(arg, frame) for arg in found.args)
        return one(RecordValue(items, {label: self.expr(arg, frame) for label, arg in found.named}))

    def _fn(self, found: s.Fn, frame: Frame) -> Vals:
        closure = Closure(found.params, found.body, frame, guard=self.guard)
        frame.pending.append(closure)
        return one(closure)

    def _pair(self, found: s.Pair, frame: Frame) -> Vals:
        self.expr(found.key, frame)
        return self.expr(found.value, frame)


def run(program: Program) -> Interpreter:
    """The interpreter after it has run the app."""
    found = Interpreter(program)
    found.interpret()
    return found
