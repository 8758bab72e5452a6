"""Functions, objects and their fields: calls run the function that is called, with its arguments."""

from __future__ import annotations

from collections.abc import Sequence

from checkout.flutter import syntax as s
from checkout.flutter.log import Called
from checkout.flutter.machine import DEEPEST_CALL
from checkout.flutter.program import Class, Function, Variable
from checkout.flutter.statements import Statements
from checkout.flutter.values import (
    ALWAYS,
    NULL,
    Alt,
    ClassRef,
    Closure,
    Const,
    Frame,
    ListValue,
    MapValue,
    Method,
    Object,
    Str,
    Unknown,
    Vals,
    Value,
    both,
    copied,
    one,
    signature,
    split_key,
    union,
)

_MANY_IMPLEMENTATIONS = 6


class Objects(Statements):
    # Calls

    def call_function(
        self, function: Function, this: Vals, args: Sequence[Vals], named: dict[str, Vals]
    ) -> Vals:
        decl = function.decl
        kind = self.typed(decl.returns, function.library)
        if decl.body is None:
            return kind
        self.reach(function, this)
        if len(self.stack) >= DEEPEST_CALL or self.stack.count(function) > 1:
            return kind
        key = (
            id(function),
            self.root,
            tuple(signature(alt.value) for alt in this),
            tuple(tuple((signature(alt.value), alt.guard) for alt in vals) for vals in args),
            tuple(
                (name, tuple(signature(alt.value) for alt in vals)) for name, vals in sorted(named.items())
            ),
        )
        known = self.results.get(key)
        if known is not None:
            return copied(known)
        frame = Frame(function.file, function.library, this=this, owner=function.owner)
        self.stack.append(function)
        self.sites.append(self.site)
        outside, self.guard = self.guard, ALWAYS
        try:
            self.bind(decl.params, frame, args, named)
            found = self._run(decl.body, frame)
        finally:
            self.stack.pop()
            self.sites.pop()
            self.guard = outside
        found = self.refined(found, decl.returns, frame)
        self.results[key] = copied(found)
        return found

    def _run(self, body: Sequence[s.Stmt], frame: Frame) -> Vals:
        """Run a body and the function expressions in it that nothing called; what it returns."""
        ended = self.run(body, frame)
        while frame.pending:
            closure = frame.pending.pop(0)
            if not closure.was_called:
                self.call_closure(closure, (), {})
        return union(*frame.returned, () if ended or frame.returned else one(NULL))

    def bind(
        self,
        params: Sequence[s.Param],
        frame: Frame,
        args: Sequence[Vals],
        named: dict[str, Vals],
        *,
        unknown: bool = False,
    ) -> None:
        """Give the parameters their values. `unknown`: those that are not given can be anything."""
        at = 0
        for param in params:
            given: Vals | None = None
            if param.named:
                given = named.get(param.name)
            elif at < len(args):
                given, at = args[at], at + 1
            if given is None and not unknown and (param.optional or param.default is not None):
                given = self.expr(param.default, frame) if param.default is not None else one(NULL)
            elif given is None:
                given = self._of_param(param, frame)
                if param.default is not None:
                    given = union(given, self.expr(param.default, frame))
            frame.names[param.name] = self.split(self.refined(given, param.type, frame), param.name)

    def split(self, values: Vals, name: str) -> Vals:
        """The alternatives as cases: what is read of one of them is not combined with another one's."""
        if len(values) < 2 or any(alt.guard for alt in values):
            return values
        self.splits += 1
        key = split_key(f"{name} {self.splits}", len(values))
        return tuple(Alt(alt.value, frozenset({(key, at)})) for at, alt in enumerate(values))

    splits = 0

    def _of_param(self, param: s.Param, frame: Frame) -> Vals:
        if param.of_field and frame.owner is not None and param.type is None:
            variable = self.program.variable(frame.owner, param.name)
            if variable is not None:
                return self.typed(variable.decl.type, variable.library)
        return self.typed(param.type, frame.library)

    def apply(self, function: Value, args: Sequence[Vals]) -> Vals | None:
        """The result of a function that is handed to another one; None if it is none."""
        if isinstance(function, Closure):
            return self.call_closure(function, args, {})
        if isinstance(function, Method) and function.frame is not None:
            call = s.Call(function.line)
            return self.call_value(one(function), args[:1], {}, call, function.frame)
        return None

    def call_closure(self, closure: Closure, args: Sequence[Vals], named: dict[str, Vals]) -> Vals:
        closure.was_called = True
        function = closure.function
        if function is not None:
            if function.decl.kind in ("constructor", "factory") and function.owner is not None:
                return self.construct(function.owner, function.decl.name, args, named, None)
            return self.call_function(function, closure.this, args, named)
        if len(self.stack) >= DEEPEST_CALL or self.depth_of_closures > DEEPEST_CALL:
            return one(Unknown())
        around = closure.frame
        frame = Frame(around.file, around.library, this=around.this, owner=around.owner, outer=around)
        outside = self.guard
        self.guard = both(outside, closure.guard) or closure.guard
        self.depth_of_closures += 1
        try:
            self.bind(closure.params, frame, args, named, unknown=not args and not named)
            return self._run(closure.body, frame)
        finally:
            self.depth_of_closures -= 1
            self.guard = outside

    depth_of_closures = 0

    # Names of the top level

    def declared(self, found: object, line: int, frame: Frame) -> Vals:
        """The value of a declaration."""
        if isinstance(found, Class):
            return one(ClassRef(found))
        if isinstance(found, Variable):
            return self.global_value(found)
        if isinstance(found, Function):
            if found.decl.kind == "get":
                self.called(found, line, frame)
                return self.call_function(found, (), (), {})
            return one(
                Closure(found.decl.params, found.decl.body or (), frame, function=found, was_called=True)
            )
        if isinstance(found, s.TypeRef):
            cls = self.program.class_of(found.name, frame.library)
            return one(ClassRef(cls)) if cls is not None else one(Unknown())
        return one(Unknown())

    def called(self, function: Function, line: int, frame: Frame) -> None:
        """Remember that a function is called."""
        self.site = (frame.file, line)
        self.log.called.append(Called(**self.seen(line, frame), function=function))

    def global_value(self, found: Variable) -> Vals:
        """A top-level or static variable: its initial value and what is assigned to it."""
        key = id(found)
        if key in self.in_progress:
            return self.typed(found.decl.type, found.library)
        if key not in self.globals:
            self.in_progress.add(key)
            frame = Frame(found.file, found.library, owner=found.owner)
            stack, self.stack = self.stack, []
            sites, self.sites = self.sites, []
            outside, self.guard = self.guard, ALWAYS
            try:
                if found.decl.value is None:
                    values = self.typed(found.decl.type, found.library)
                else:
                    values = self.refined(self.expr(found.decl.value, frame), found.decl.type, frame)
            finally:
                self.stack, self.sites = stack, sites
                self.guard = outside
                self.in_progress.discard(key)
            self.globals[key] = values
        assigned = self.assigned.get(key)
        return self.globals[key] if assigned is None else union(self.globals[key], assigned)

    # Objects

    def construct(
        self, cls: Class, name: str, args: Sequence[Vals], named: dict[str, Vals], line: int | None
    ) -> Vals:
        """A new object, or what a factory returns. `name` is "" for the constructor without one."""
        constructor = cls.functions.get(("new", "" if name == "new" else name))
        if constructor is not None and constructor.decl.kind == "factory":
            if constructor.decl.body is not None:
                return self.call_function(constructor, (), args, named)
            target = self.program.class_of(constructor.decl.redirects, cls.library)
            if target is not None:
                return self.construct(target, "", args, named, line)
            # Code of the package freezed: the parameters are the fields.
            frame = Frame(cls.file, cls.library, owner=cls)
            self.bind(constructor.decl.params, frame, args, named)
            return one(Object(cls, dict(frame.names)))
        found = Object(cls, {})
        self._initialize(found, cls, constructor, args, named)
        for field, values in (found.fields or {}).items():
            self.keep_field(cls, field, values)
        return one(found)

    def _initialize(
        self,
        found: Object,
        cls: Class,
        constructor: Function | None,
        args: Sequence[Vals],
        named: dict[str, Vals],
        depth: int = 0,
        *,
        unknown: bool = False,
    ) -> None:
        """Run a constructor: its parameters, its initializers, the one of the class above, its body."""
        assert found.fields is not None
        frame = Frame(cls.file, cls.library, this=one(found), owner=cls)
        decl = constructor.decl if constructor is not None else None
        passed: dict[str, Vals] = {}
        if decl is not None and constructor is not None:
            if not unknown:
                self.reach(constructor, one(found))
            self.bind(decl.params, frame, args, named, unknown=unknown)
            for param in decl.params:
                if param.of_field:
                    variable = self.program.variable(cls, param.name)
                    values = frame.names[param.name]
                    if variable is not None:
                        values = self.refined(values, variable.decl.type, frame)
                    found.fields[param.name] = values
                elif param.of_super:
                    passed[param.name] = frame.names[param.name]
            for field, value in decl.fields:
                found.fields[field] = self.expr(value, frame)
        above = self.program.class_of(cls.decl.superclass.name, cls.library) if cls.decl.superclass else None
        chained = decl.chained if decl is not None else None
        given: list[Vals] = []
        by_name = dict(passed)
        name = ""
        if chained is not None:
            given = [self.expr(arg, frame) for arg in chained.args]
            by_name |= {label: self.expr(arg, frame) for label, arg in chained.named}
            target = chained.target
            if isinstance(target, s.Get):
                name, target = target.name, target.target
            if isinstance(target, s.Self) and not target.of_super:
                above = cls
        elif decl is not None:
            given = [frame.names[param.name] for param in decl.params if param.of_super and not param.named]
        if above is not None and depth < 10:
            other = above.functions.get(("new", name))
            if other is not constructor:
                self._initialize(found, above, other, given, by_name, depth + 1)
        if decl is not None and decl.body and constructor is not None and constructor not in self.stack:
            self.stack.append(constructor)
            self.sites.append(self.site)
            outside, self.guard = self.guard, ALWAYS
            try:
                self._run(decl.body, frame)
            finally:
                self.stack.pop()
                self.sites.pop()
                self.guard = outside

    def read_field(self, owner: Object, variable: Variable) -> Vals:
        """The value of a field of an object."""
        name = variable.decl.name
        own = owner.fields.get(name) if owner.fields is not None else None
        if own is not None and (variable.decl.fixed or own == ()):
            return own
        found: list[Vals] = [own] if own is not None else []
        if own is None and variable.decl.value is not None:
            found.append(self._initial_value(owner, variable))
        kept = () if variable.decl.fixed and found else self.kept_field(owner.cls, name)
        if kept:
            found.append(kept)
        values = union(*found, ()) if found else ()
        if not values or (not variable.decl.fixed and own is None and not kept):
            typed = self.typed(variable.decl.type, variable.library)
            known = bool(values) and type(typed[0].value) is not Unknown
            values = values if known and values != one(NULL) else union(values, typed)
        if len(values) > 1 and not any(alt.guard for alt in values):
            of = owner.cls.name if owner.fields is None else f"{id(owner):x}"
            values = tuple(
                Alt(alt.value, frozenset({(f"{of}.{name}", hash(signature(alt.value)))})) for alt in values
            )
        return values

    def _initial_value(self, owner: Object, variable: Variable) -> Vals:
        key = id(variable)
        if key in self.in_progress or variable.decl.value is None:
            return self.typed(variable.decl.type, variable.library)
        self.in_progress.add(key)
        frame = Frame(variable.file, variable.library, this=one(owner), owner=variable.owner)
        outside, self.guard = self.guard, ALWAYS
        try:
            return self.refined(self.expr(variable.decl.value, frame), variable.decl.type, frame)
        finally:
            self.in_progress.discard(key)
            self.guard = outside

    def of_object(self, owner: Object, name: str, line: int, frame: Frame) -> Vals | None:
        """A member of an object: a field, the result of a getter, or a method. None if it has no such one."""
        cls = owner.cls
        if owner.constant and name in ("name", "index"):
            return one(Str(owner.constant)) if name == "name" else one(Unknown())
        getter = self.program.method(cls, "get", name)
        variable = self.program.variable(cls, name)
        if owner.fields is None and not owner.constant:
            found = self._of_subclasses(owner, name, line, frame)
            if found is not None:
                return found
        if getter is not None and getter.decl.body is not None:
            self.called(getter, line, frame)
            return self.call_function(getter, one(owner), (), {})
        if variable is not None and not variable.decl.static:
            return self.read_field(owner, variable)
        method = self.program.method(cls, "call", name)
        if method is not None:
            return one(self._bound(method, one(owner), frame))
        if owner.fields is not None and name in owner.fields:
            return owner.fields[name]
        return self.of_extension((cls.name,), one(owner), name, line, frame)

    def _bound(self, method: Function, this: Vals, frame: Frame) -> Closure:
        return Closure(
            method.decl.params, method.decl.body or (), frame, function=method, this=this, was_called=True
        )

    def _of_subclasses(self, owner: Object, name: str, line: int, frame: Frame) -> Vals | None:
        """A member that classes below override: one alternative for each of them."""
        found: list[Vals] = []
        below = [one for one in self.program.subclasses(owner.cls) if not one.decl.abstract]
        own = self.program.method(owner.cls, "call", name) or self.program.method(owner.cls, "get", name)
        for cls in below[:_MANY_IMPLEMENTATIONS]:
            method = self.program.method(cls, "call", name) or self.program.method(cls, "get", name)
            if method is None or method is own:
                continue
            this = one(Object(cls))
            if method.decl.kind == "get":
                self.called(method, line, frame)
                found.append(self.call_function(method, this, (), {}))
            elif method.decl.body is not None:
                found.append(one(self._bound(method, this, frame)))
        if not found:
            return None
        if own is not None and own.decl.body is not None and not owner.cls.decl.abstract:
            if own.decl.kind == "get":
                found.append(self.call_function(own, one(owner), (), {}))
            else:
                found.append(one(self._bound(own, one(owner), frame)))
        return union(*found)

    def of_extension(
        self, types: Sequence[str], this: Vals, name: str, line: int, frame: Frame
    ) -> Vals | None:
        """A member that an extension adds to these types."""
        for extension in self.program.extensions(*types):
            getter = extension.functions.get(("get", name))
            if getter is not None:
                self.called(getter, line, frame)
                return self.call_function(getter, this, (), {})
            method = extension.functions.get(("call", name))
            if method is not None:
                return one(self._bound(method, this, frame))
        return None

    def of_class(self, cls: Class, name: str, line: int, frame: Frame) -> Vals:
        """What `Class.name` is: a static member, an enum's value, or a constructor."""
        for constant, call in cls.decl.constants:
            if constant == name:
                return one(self.enum_value(cls, name, call))
        if cls.decl.kind == "enum" and name == "values":
            values = [one(self.enum_value(cls, constant, call)) for constant, call in cls.decl.constants]
            return one(ListValue(values))
        variable = cls.variables.get(name)
        if variable is not None and variable.decl.static:
            return union(self.global_value(variable), self.kept_field(cls, name))
        function = cls.functions.get(("get", name)) or cls.functions.get(("call", name))
        if function is not None and function.decl.static:
            return self.declared(function, line, frame)
        constructor = cls.functions.get(("new", "" if name == "new" else name))
        if constructor is not None:
            return one(Closure((), (), frame, function=constructor, was_called=True))
        if name == "new":
            return one(ClassRef(cls))
        return one(Unknown())

    def enum_value(self, cls: Class, name: str, call: s.Call) -> Object:
        """A value of an enum, with the fields that its constructor sets."""
        found = Object(cls, {}, constant=name)
        frame = Frame(cls.file, cls.library, owner=cls)
        args = [self.expr(arg, frame) for arg in call.args]
        named = {label: self.expr(arg, frame) for label, arg in call.named}
        constructors = [fn for (kind, _), fn in cls.functions.items() if kind == "new"]
        wanted = cls.functions.get(("new", "")) or (constructors[0] if len(constructors) == 1 else None)
        self._initialize(found, cls, wanted, args, named)
        return found

    # What code generators write

    def generated(self, owner: Object, name: str, named: dict[str, Vals]) -> Vals | None:
        """`copyWith` and `toJson` where a generator of code writes them (freezed, json_serializable)."""
        if name == "copyWith":
            fields = dict(owner.fields) if owner.fields is not None else self._known_fields(owner)
            return one(Object(owner.cls, {**fields, **named}))
        if name in ("toJson", "toMap"):
            return one(self.as_map(owner))
        return None

    def _known_fields(self, owner: Object) -> dict[str, Vals]:
        return {name: self._field(owner, name) for name, _ in self._names(owner.cls)}

    def _field(self, owner: Object, name: str) -> Vals:
        if owner.fields is not None and name in owner.fields:
            return owner.fields[name]
        variable = self.program.variable(owner.cls, name)
        if variable is not None:
            return self.read_field(owner, variable)
        return self.kept_field(owner.cls, name) or one(Unknown())

    def _names(self, cls: Class) -> list[tuple[str, str]]:
        """The fields of a class, and their names in JSON."""
        found: dict[str, str] = {}
        for above in self.program.lineage(cls):
            for variable in above.variables.values():
                if not variable.decl.static:
                    found.setdefault(variable.decl.name, variable.decl.key or variable.decl.name)
            for (kind, name), function in above.functions.items():
                if kind == "new" and function.decl.kind == "factory" and function.decl.redirects and not name:
                    for param in function.decl.params:
                        found.setdefault(param.name, param.key or param.name)
        return list(found.items())

    def as_map(self, owner: Object) -> MapValue:
        """The map that json_serializable makes of an object."""
        entries = {key: self._field(owner, name) for name, key in self._names(owner.cls)}
        presence = dict.fromkeys(entries, (self.guard,))
        return MapValue(entries, created=self.guard, open=not entries, presence=presence)

    def boolean(self, value: bool | None) -> Vals:
        """A boolean; None if it is not known."""
        return one(Unknown(s.TypeRef("bool"))) if value is None else one(Const(value))
