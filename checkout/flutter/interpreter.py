"""Runs an app without knowing its input: every expression, with every value that it can have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.flutter import syntax as s
from checkout.flutter.conditions import equal
from checkout.flutter.core_values import key_of
from checkout.flutter.firestore_values import METHODS
from checkout.flutter.log import Log
from checkout.flutter.machine import MOST_STEPS
from checkout.flutter.platform_values import PlatformValues
from checkout.flutter.program import Class, Function, Program, Variable
from checkout.flutter.values import (
    HOLE,
    NULL,
    Address,
    Alt,
    Arrived,
    Batch,
    ClassRef,
    Closure,
    CloudFunction,
    Const,
    Db,
    Frame,
    ListValue,
    MapValue,
    Method,
    Object,
    Prefix,
    Provided,
    Query,
    RecordValue,
    Ref,
    Sdk,
    Snapshot,
    Snapshots,
    Str,
    Unknown,
    Vals,
    Value,
    both,
    choose,
    guarded,
    narrow,
    one,
    union,
)

_ROUNDS = 3
_STATES = ("State", "ConsumerState", "HookState", "GetView")
_MOST_TEXTS = 40


class Interpreter(PlatformValues):
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
                self._run_root(*root)
            if round_ < _ROUNDS - 1:
                self.left_out = self._called_by_others()
        self.left_out = self._called_by_others()
        return self.log

    def _roots(self) -> list[tuple[Function | Variable, str, Class | None]]:
        """Every function and initial value of the app, with the classes whose objects can have it."""
        found: list[tuple[Function | Variable, str, Class | None]] = []
        for function in self.program.functions:
            if function.owner is None:
                found.append((function, "", None))
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
                self.gave_up.append("the app is too large to be followed completely")
            return one(Unknown())
        method = self._METHODS.get(type(found))
        if method is not None:
            return method(self, found, frame)
        for part in found.parts:
            self.expr(part, frame)
        return one(Unknown())

    def _name(self, found: s.Name, frame: Frame) -> Vals:
        holder = frame.holder(found.id)
        if holder is not None:
            return narrow(holder.names[found.id], self.guard) or one(Unknown())
        member = self._own_member(found.id, found.line, frame)
        if member is not None:
            return member
        declared = self.program.find(found.id, frame.library)
        if declared is not None:
            return self.declared(declared, found.line, frame)
        if self.program.is_prefix(found.id, frame.library):
            return one(Prefix(found.id))
        if found.id.endswith("Provider"):
            return self._generated_provider(found.id, frame)
        return one(Sdk(found.id))

    def _generated_provider(self, name: str, frame: Frame) -> Vals:
        """A provider that riverpod_generator writes for a function or class, where its file is not there."""
        stem = name.removesuffix("Provider")
        declared = self.program.find(stem, frame.library) or self.program.find(
            stem[:1].upper() + stem[1:], frame.library
        )
        if isinstance(declared, Function):
            made = Closure(declared.decl.params, (), frame, function=declared, was_called=True)
            return one(Provided(one(made), declared.decl.returns))
        if isinstance(declared, Class):
            return one(Provided((), s.TypeRef(declared.name)))
        return one(Sdk(name))

    def _own_member(self, name: str, line: int, frame: Frame) -> Vals | None:
        """A member of the object that a method runs in, or a static one of its class."""
        found: list[Vals] = []
        for alt in frame.this:
            if isinstance(alt.value, Object):
                if name == "widget":
                    widget = self._widget(alt.value)
                    if widget is not None:
                        return widget
                values = self.of_object(alt.value, name, line, frame)
                if values is not None:
                    found.append(values)
            elif frame.owner is not None and frame.owner.decl.kind == "extension":
                function = frame.owner.functions.get(("get", name)) or frame.owner.functions.get(
                    ("call", name)
                )
                if function is not None:
                    values = self.of_extension(
                        (frame.owner.decl.on.name,) if frame.owner.decl.on else (),
                        one(alt.value),
                        name,
                        line,
                        frame,
                    )  # noqa: E501
                else:
                    values = self._native(alt.value, name, line)
                if values is not None:
                    found.append(values)
        if found:
            return union(*found)
        if frame.owner is not None:
            for cls in self.program.lineage(frame.owner):
                static = cls.variables.get(name)
                function = cls.functions.get(("get", name)) or cls.functions.get(("call", name))
                if (static is not None and static.decl.static) or (function and function.decl.static):
                    return self.of_class(cls, name, line, frame)
                if any(name == constant for constant, _ in cls.decl.constants):
                    return self.of_class(cls, name, line, frame)
        return None

    def _native(self, value: Value, name: str, line: int) -> Vals | None:
        """A member of a class of Firestore or Dart, where an extension uses it without `this`."""
        found = self.firestore_member(value, name)
        if found is None:
            found = self.core_member(value, name)
        if found is None and name in METHODS and isinstance(value, (Db, Ref, Query, Batch)):
            return one(Method(value, name, line))
        return found

    def _widget(self, owner: Object) -> Vals | None:
        """The widget of a State."""
        for kind in self.program.supertype(owner.cls):
            if kind.args and (kind.name in _STATES or kind.name.endswith("State")):
                return self.typed(kind.args[0], owner.cls.library)
        return None

    def _text(self, found: s.Text, frame: Frame) -> Vals:
        pieces = [
            one(Str(piece)) if isinstance(piece, str) else self.expr(piece, frame) for piece in found.pieces
        ]
        if not pieces:
            return one(Str(""))
        if len(pieces) == 1 and isinstance(found.pieces[0], str):
            place = (frame.file, found.line) if self.stack else None
            values: Vals = one(Str(str(found.pieces[0]), place=place))
        else:
            values = _joined(pieces)
        self.say(values, found.line, frame)
        return values

    def _literal(self, found: s.Literal, frame: Frame) -> Vals:  # noqa: ARG002  (all have these arguments)
        return one(Const(found.value))

    def _self(self, found: s.Self, frame: Frame) -> Vals:  # noqa: ARG002
        return frame.this or one(Unknown())

    def _get(self, found: s.Get, frame: Frame) -> Vals:
        if isinstance(found.target, s.Self) and found.target.of_super:
            return self._of_super(found, frame)
        if found.target is None:
            return one(Unknown())
        return self.member(self.expr(found.target, frame), found.name, found.line, frame)

    def _of_super(self, found: s.Get, frame: Frame) -> Vals:
        for alt in frame.this:
            if isinstance(alt.value, Object) and frame.owner is not None:
                for kind in ("call", "get"):
                    method = self.program.method(alt.value.cls, kind, found.name, above=frame.owner)
                    if method is None:
                        continue
                    if kind == "get":
                        return self.call_function(method, one(alt.value), (), {})
                    return one(self._bound(method, one(alt.value), frame))
        return one(Unknown())

    def member(self, values: Vals, name: str, line: int, frame: Frame) -> Vals:
        found = [
            guarded(self._member(alt.value, name, line, frame), alt.guard)
            for alt in narrow(values, self.guard)
        ]
        return union(*found, ()) if found else one(Unknown())

    def _member(self, value: Value, name: str, line: int, frame: Frame) -> Vals:
        if isinstance(value, Object):
            found = self.of_object(value, name, line, frame)
            return found if found is not None else one(Unknown())
        if isinstance(value, ClassRef):
            return self.of_class(value.cls, name, line, frame)
        if isinstance(value, Prefix):
            declared = self.program.prefixed(value.name, name, frame.library)
            return self.declared(declared, line, frame) if declared is not None else one(Sdk(name))
        found = self._native(value, name, line)
        if found is None:
            found = self.of_extension(_type_names(value), one(value), name, line, frame)
        return found if found is not None else self.platform_member(value, name, frame)

    def _index(self, found: s.Index, frame: Frame) -> Vals:
        key = self.expr(found.key, frame)
        if found.target is None:
            return one(Unknown())
        results: list[Vals] = []
        for alt in narrow(self.expr(found.target, frame), self.guard):
            if isinstance(alt.value, MapValue):
                known = _known_key(key)
                self._read_key(key)
                values = alt.value.entries.get(known, ()) if known is not None else ()
                if known is None:
                    values = union(*alt.value.entries.values(), ()) if alt.value.entries else ()
                results.append(guarded(values or one(Unknown()), alt.guard))
            elif isinstance(alt.value, ListValue):
                results.append(guarded(union(*alt.value.items, ()) or one(Unknown()), alt.guard))
            else:
                self._read_key(key)
                results.append(one(Unknown()))
        return union(*results, ()) if results else one(Unknown())

    def _read_key(self, key: Vals) -> None:
        self.log.keys.update(alt.value.text for alt in key if isinstance(alt.value, Str))

    def _collection(self, found: s.Collection, frame: Frame) -> Vals:
        is_map = not found.is_list and (
            not found.elements or any(self._is_entry(element) for element in found.elements)
        )
        if not is_map and not found.is_list and all(isinstance(one, s.Spread) for one in found.elements):
            spread = [
                alt.value
                for element in found.elements
                for alt in self.expr(element.value, frame)
                if isinstance(element, s.Spread)
            ]  # noqa: E501
            is_map = any(isinstance(value, MapValue) for value in spread) or not any(
                isinstance(value, ListValue) for value in spread
            )
        if is_map:
            result = MapValue(created=self.guard, line=found.line, file=frame.file)
            for element in found.elements:
                self._entry(element, result, frame)
            return one(result)
        items = ListValue()
        for element in found.elements:
            self._item(element, items, frame)
        return one(items)

    def _is_entry(self, element: s.Expr | None) -> bool:
        if isinstance(element, s.Conditional):
            return self._is_entry(element.then) or self._is_entry(element.other)
        if isinstance(element, s.ForElement):
            return self._is_entry(element.body)
        return isinstance(element, s.Pair)

    def _entry(self, element: s.Expr | None, result: MapValue, frame: Frame) -> None:
        if isinstance(element, s.Pair):
            self.set_entry(result, self.expr(element.key, frame), self.expr(element.value, frame))
        elif isinstance(element, s.Spread):
            for alt in narrow(self.expr(element.value, frame), self.guard):
                outside = self.guard
                self.guard = both(outside, alt.guard) or outside
                self.spread(result, alt.value)
                self.guard = outside
        elif isinstance(element, s.Conditional):
            known, holds, fails = self.truth(element.test, frame)
            outside = self.guard
            for condition, part in ((holds, element.then), (fails, element.other)):
                if known is not None and known is not (condition is holds):
                    continue
                together = both(outside, condition) if known is None else outside
                if together is not None and part is not None:
                    self.guard = together
                    names = frame.names
                    frame.names = self.assumed(condition, frame)
                    self._entry(part, result, frame)
                    frame.names = names
                self.guard = outside
        elif isinstance(element, s.ForElement):
            self._bind_loop(element, frame)
            result.open = True
            outside = self.guard
            self.guard = outside | {(f"for {id(element):x}", True)}
            self._entry(element.body, result, frame)
            self.guard = outside
        elif element is not None:
            self.expr(element, frame)

    def _item(self, element: s.Expr | None, result: ListValue, frame: Frame) -> None:
        if isinstance(element, s.Spread):
            for alt in self.expr(element.value, frame):
                if isinstance(alt.value, ListValue):
                    result.items += alt.value.items
                    result.open = result.open or alt.value.open
                else:
                    result.open = True
        elif isinstance(element, s.Conditional):
            _, holds, fails = self.truth(element.test, frame)
            result.open = True
            outside = self.guard
            for condition, part in ((holds, element.then), (fails, element.other)):
                together = both(outside, condition)
                if together is not None and part is not None:
                    self.guard = together
                    self._item(part, result, frame)
                self.guard = outside
        elif isinstance(element, s.ForElement):
            self._bind_loop(element, frame)
            result.open = True
            self._item(element.body, result, frame)
        elif element is not None:
            result.items.append(self.expr(element, frame))

    def _bind_loop(self, element: s.ForElement, frame: Frame) -> None:
        values = self.elements(self.expr(element.over, frame)) if element.over is not None else one(Unknown())
        for name in element.variables:
            frame.names[name] = self.refined(values, element.type, frame)

    def _conditional(self, found: s.Conditional, frame: Frame) -> Vals:
        known, holds, fails = self.truth(found.test, frame)
        if known is not None:
            return self.expr(found.then if known else found.other, frame)
        outside = self.guard
        results: list[Vals] = []
        for condition, part in ((holds, found.then), (fails, found.other)):
            together = both(outside, condition)
            if together is not None:
                self.guard = together
                names = frame.names
                frame.names = self.assumed(condition, frame)
                results.append(guarded(self.expr(part, frame), condition))
                frame.names = {**frame.names, **names}
            self.guard = outside
        return union(*results, ())

    def _switch_value(self, found: s.SwitchExpr, frame: Frame) -> Vals:
        outside = self.guard
        results: list[Vals] = []
        for condition, case in self.matching(found.subject, found.cases, frame):
            together = both(outside, condition)
            if together is not None and not isinstance(case.value, s.Throw):
                self.guard = together
                results.append(guarded(self.expr(case.value, frame), condition))
            self.guard = outside
        return union(*results, ()) if results else one(Unknown())

    def _binary(self, found: s.Binary, frame: Frame) -> Vals:
        if found.operator == "??":
            left = self.expr(found.left, frame)
            kept = tuple(alt for alt in left if alt.value != NULL)
            sure = kept and all(equal(alt.value, NULL) is False for alt in kept) and len(kept) == len(left)
            if sure:
                return kept
            right = self.expr(found.right, frame)
            missing = [alt.guard for alt in left if alt.value == NULL]
            if len(missing) == 1 and all(equal(alt.value, NULL) is False for alt in kept):
                right = guarded(right, missing[0])
            return union(kept, right)
        if found.operator in ("&&", "||"):
            known, holds, _ = self.truth(found.left, frame)
            outside = self.guard
            self.guard = (both(outside, holds) or outside) if found.operator == "&&" else outside
            self.expr(found.right, frame)
            self.guard = outside
            return self.boolean(None if known is None else None)
        left, right = self.expr(found.left, frame), self.expr(found.right, frame)
        if found.operator == "+" and any(isinstance(alt.value, Str) for alt in (*left, *right)):
            values = _joined([left, right])
            self.say(values, found.line, frame)
            return values
        if found.operator == "+" and any(isinstance(alt.value, ListValue) for alt in left):
            items = [
                item
                for alt in (*left, *right)
                if isinstance(alt.value, ListValue)
                for item in alt.value.items
            ]
            return one(ListValue(items))
        if found.operator == "==":
            answers = {equal(a.value, b.value) for a in left for b in right}
            return self.boolean(answers.pop() if len(answers) == 1 else None)
        return one(Unknown())

    def _assign(self, found: s.Assign, frame: Frame) -> Vals:
        return self.assign(found, None, frame)

    def assign(self, found: s.Assign, owner: Vals | None, frame: Frame) -> Vals:
        """An assignment; `owner` is what a cascade is about."""
        target = found.target
        values = self.expr(found.value, frame)
        if found.operator == "??=":
            before = self.expr(target, frame) if owner is None else ()
            values = union(tuple(alt for alt in before if alt.value != NULL), values)
        elif found.operator == "+=" and isinstance(target, s.Name):
            values = _joined([self.expr(target, frame), values])
        elif found.operator != "=":
            values = one(Unknown())
        if isinstance(target, s.Name):
            holder = frame.holder(target.id)
            if holder is not None:
                typed = holder.names[target.id]
                if any(type(alt.value) is Unknown for alt in values) and len(typed) == 1:
                    kept = tuple(alt for alt in values if type(alt.value) is not Unknown)
                    values = kept or (values if type(typed[0].value) is Unknown else typed)
                if holder is frame:
                    holder.names[target.id] = values
                else:  # in a function expression, which may run or not
                    holder.names[target.id] = union(typed, values)
                return values
            for alt in frame.this:
                if isinstance(alt.value, Object):
                    self._set_field(alt.value, target.id, values)
            declared = self.program.find(target.id, frame.library)
            if isinstance(declared, Variable):
                self.globals[id(declared)] = union(self.global_value(declared), values)
        elif isinstance(target, s.Get):
            owners = owner if target.target is None else self.expr(target.target, frame)
            for alt in owners or ():
                if isinstance(alt.value, Object):
                    self._set_field(alt.value, target.name, values)
                elif isinstance(alt.value, ClassRef):
                    self.keep_field(alt.value.cls, target.name, values)
        elif isinstance(target, s.Index):
            owners = owner if target.target is None else self.expr(target.target, frame)
            key = self.expr(target.key, frame)
            for alt in owners or ():
                if isinstance(alt.value, MapValue):
                    self.set_entry(alt.value, key, values)
        return values

    def _set_field(self, owner: Object, name: str, values: Vals) -> None:
        setter = self.program.method(owner.cls, "set", name)
        if setter is not None and setter.decl.body is not None:
            self.call_function(setter, one(owner), [values], {})
            return
        if owner.fields is not None and name in owner.fields:
            owner.fields[name] = union(owner.fields[name], values)
        self.keep_field(owner.cls, name, values)

    def _cascade(self, found: s.Cascade, frame: Frame) -> Vals:
        values = self.expr(found.target, frame)
        for section in found.sections:
            self._section(section, values, frame)
        return values

    def _section(self, found: s.Expr | None, owner: Vals, frame: Frame) -> Vals:
        """A section of a cascade: in it, a missing target is what the cascade is about."""
        if found is None:
            return owner
        if isinstance(found, s.Assign):
            if isinstance(found.target, (s.Get, s.Index)) and found.target.target is not None:
                inner = self._section(found.target.target, owner, frame)
                return self.assign(_without_target(found), inner, frame)
            return self.assign(found, owner, frame)
        if isinstance(found, s.Call):
            args = [self.expr(arg, frame) for arg in found.args]
            named = {label: self.expr(arg, frame) for label, arg in found.named}
            if isinstance(found.target, s.Get):
                on = self._section(found.target.target, owner, frame)
                return self.invoke(on, found.target.name, args, named, found, frame)
            return self.call_value(self._section(found.target, owner, frame), args, named, found)
        if isinstance(found, s.Get):
            return self.member(self._section(found.target, owner, frame), found.name, found.line, frame)
        return self.expr(found, frame)

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

    # Calls

    def _call(self, found: s.Call, frame: Frame) -> Vals:
        args = [self.expr(arg, frame) for arg in found.args]
        named = {label: self.expr(arg, frame) for label, arg in found.named}
        target = found.target
        if isinstance(target, s.Get) and not (isinstance(target.target, s.Self) and target.target.of_super):
            if target.target is None:
                return one(Unknown())
            return self.invoke(self.expr(target.target, frame), target.name, args, named, found, frame)
        return self.call_value(self.expr(target, frame), args, named, found, frame)

    def call_value(
        self,
        values: Vals,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame | None = None,
    ) -> Vals:
        results: list[Vals] = []
        for alt in narrow(values, self.guard):
            results.append(guarded(self._call_one(alt.value, args, named, call, frame), alt.guard))
        return union(*results, ()) if results else one(Unknown())

    def _call_one(
        self, value: Value, args: Sequence[Vals], named: dict[str, Vals], call: s.Call, frame: Frame | None
    ) -> Vals:
        if isinstance(value, Closure):
            if value.function is not None and self.root is not None:
                self.called(value.function, call.line, frame or value.frame)
            return self.call_closure(value, args, named)
        if isinstance(value, ClassRef):
            return self.construct(value.cls, "", args, named, call.line)
        if isinstance(value, Object):
            method = self.program.method(value.cls, "call", "call")
            if method is not None:
                return self.call_function(method, one(value), args, named)
        if isinstance(value, Provided):
            return one(value)
        if isinstance(value, Method) and frame is not None:
            return self._invoke(value.owner, value.name, args, named, call, frame)
        if isinstance(value, Sdk) and frame is not None:
            return self.of_platform(value.name, args, named, call, frame)
        if frame is not None:
            self._escape(args, named, call, frame)
            known = self._by_type(call, frame)
            if known is not None:
                return known
        return one(Unknown())

    def invoke(
        self,
        values: Vals,
        name: str,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame,
    ) -> Vals:
        """`value.name(args)`."""
        results: list[Vals] = []
        for alt in narrow(values, self.guard):
            outside = self.guard
            together = both(outside, alt.guard)
            if together is None:
                continue
            self.guard = together
            results.append(guarded(self._invoke(alt.value, name, args, named, call, frame), alt.guard))
            self.guard = outside
        return union(*results, ()) if results else one(Unknown())

    def _invoke(
        self,
        value: Value,
        name: str,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame,
    ) -> Vals:
        if isinstance(value, Object):
            found = self.of_object(value, name, call.line, frame)
            if found is not None:
                return self.call_value(found, args, named, call, frame)
            generated = self.generated(value, name, named)
            if generated is not None:
                return generated
            return (
                self.of_unknown(Unknown(), name, args, named, call, frame)
                if not args
                else self._lost(args, named, call, frame)
            )  # noqa: E501
        if isinstance(value, ClassRef):
            constructor = value.cls.functions.get(("new", name))
            if constructor is not None:
                self.called(constructor, call.line, frame)
                return self.construct(value.cls, name, args, named, call.line)
            return self.call_value(self.of_class(value.cls, name, call.line, frame), args, named, call, frame)
        if isinstance(value, Prefix):
            return self.call_value(self._member(value, name, call.line, frame), args, named, call, frame)
        if isinstance(value, Sdk):
            if name in ("read", "watch", "listen") and any(
                isinstance(a.value, (Provided, Object)) for v in args[:1] for a in v
            ):  # noqa: E501
                return self.of_unknown(value, name, args, named, call, frame)
            return self.of_platform(f"{value.name}.{name}", args, named, call, frame)
        if isinstance(value, Closure) and name == "call":
            return self.call_value(one(value), args, named, call, frame)
        for found in (
            self.of_firestore(value, name, args, named, call, frame),
            self.of_core(value, name, args),
        ):
            if found is not None:
                self.say(found, call.line, frame)
                return found
        types = _type_names(value)
        extension = self.of_extension(types, one(value), name, call.line, frame) if types else None
        if extension is not None:
            return self.call_value(extension, args, named, call, frame)
        if isinstance(value, Provided):
            return one(value)
        streamed = self.streamed(value, name, args, named) if type(value) is not Unknown else None
        if streamed is not None:
            return streamed
        if isinstance(value, (Snapshot, Snapshots)):
            for key in args[:1] if name == "get" else ():
                self._read_key(key)
            return one(Unknown(s.TypeRef("Map")))
        return self.of_unknown(value, name, args, named, call, frame)

    def _lost(self, args: Sequence[Vals], named: dict[str, Vals], call: s.Call, frame: Frame) -> Vals:
        """A method that the app's class has from a class of Flutter."""
        self._escape(args, named, call, frame)
        return one(Unknown())

    _METHODS: dict[type, Any] = {
        s.Name: _name,
        s.Text: _text,
        s.Literal: _literal,
        s.Self: _self,
        s.Get: _get,
        s.Index: _index,
        s.Call: _call,
        s.Cascade: _cascade,
        s.Pair: _pair,
        s.Collection: _collection,
        s.Conditional: _conditional,
        s.Binary: _binary,
        s.Not: _not,
        s.Assign: _assign,
        s.Await: _await,
        s.Cast: _cast,
        s.Is: _is,
        s.Throw: _throw,
        s.Record: _record,
        s.SwitchExpr: _switch_value,
        s.Fn: _fn,
    }


def run(program: Program) -> Interpreter:
    """The interpreter after it has run the app."""
    found = Interpreter(program)
    found.interpret()
    return found


def _joined(pieces: Sequence[Vals]) -> Vals:
    """Texts behind each other; what is not a text is a hole."""
    found: list[Alt] = []
    for values, guard in choose(
        [union(tuple(Alt(_as_text(alt.value), alt.guard) for alt in p), ()) for p in pieces]
    ):
        texts = [value for value in values if isinstance(value, Str)]
        build = next((one.set_by_build for one in texts if one.set_by_build), "")
        found.append(Alt(Str("".join(one.text for one in texts), set_by_build=build), guard))
    return union(tuple(found[:_MOST_TEXTS]), ()) or one(Str(HOLE))


def _as_text(value: Value) -> Str:
    if isinstance(value, Str):
        return value
    if isinstance(value, Address):
        return Str(value.text)
    if isinstance(value, Const) and isinstance(value.value, float) and value.value.is_integer():
        return Str(str(int(value.value)))
    return Str(HOLE)


def _known_key(values: Vals) -> str | None:
    return key_of(values[0].value) if len(values) == 1 else None


def _without_target(found: s.Assign) -> s.Assign:
    target = found.target
    if isinstance(target, s.Get):
        inner: s.Expr = s.Get(target.line, name=target.name)
    else:
        inner = s.Index(found.line, key=target.key if isinstance(target, s.Index) else None)
    return s.Assign(found.line, target=inner, operator=found.operator, value=found.value)


def _type_names(value: Value) -> tuple[str, ...]:
    """The classes that an extension on this value can name."""
    if isinstance(value, Str):
        return ("String",)
    if isinstance(value, Db):
        return ("FirebaseFirestore",)
    if isinstance(value, Ref):
        return ("DocumentReference",) if value.is_document else ("CollectionReference", "Query")
    if isinstance(value, Query):
        return ("Query",)
    if isinstance(value, Batch):
        return ("WriteBatch", "Transaction")
    if isinstance(value, Snapshots):
        return ("QuerySnapshot",)
    if isinstance(value, Snapshot):
        return ("QueryDocumentSnapshot", "DocumentSnapshot")
    if isinstance(value, MapValue):
        return ("Map",)
    if isinstance(value, ListValue):
        return ("List", "Iterable")
    if isinstance(value, Unknown) and value.type is not None:
        return (value.type.name,)
    if isinstance(value, (CloudFunction, Arrived)):
        return ()
    return ()
