"""Names, members and calls: what is meant, and what it does."""

from __future__ import annotations

from collections.abc import Sequence

from checkout.flutter import syntax as s
from checkout.flutter.firestore_values import METHODS
from checkout.flutter.platform_values import PlatformValues
from checkout.flutter.program import Class, Function
from checkout.flutter.values import (
    Arrived,
    Batch,
    ClassRef,
    Closure,
    CloudFunction,
    Db,
    Frame,
    ListValue,
    MapValue,
    Method,
    Object,
    Prefix,
    Provided,
    Query,
    Ref,
    Sdk,
    Snapshot,
    Snapshots,
    Str,
    Unknown,
    Vals,
    Value,
    both,
    guarded,
    narrow,
    one,
    union,
)

_STATES = ("State", "ConsumerState", "HookState", "GetView")


class Calls(PlatformValues):
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
                    )
                else:
                    values = self._native(alt.value, name, line, frame)
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

    def _native(self, value: Value, name: str, line: int, frame: Frame) -> Vals | None:
        """A member of a class of Firestore or Dart, where an extension uses it without `this`."""
        found = self.firestore_member(value, name)
        if found is None:
            found = self.core_member(value, name)
        if found is None and name in METHODS and isinstance(value, (Db, Ref, Query, Batch)):
            return one(Method(value, name, line, frame))
        return found

    def _widget(self, owner: Object) -> Vals | None:
        """The widget of a State."""
        for kind in self.program.supertype(owner.cls):
            if kind.args and (kind.name in _STATES or kind.name.endswith("State")):
                return self.typed(kind.args[0], owner.cls.library)
        return None

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

    def _read_key(self, key: Vals) -> None:
        self.log.keys.update(alt.value.text for alt in key if isinstance(alt.value, Str))

    def _member(self, value: Value, name: str, line: int, frame: Frame) -> Vals:
        if isinstance(value, Object):
            found = self.of_object(value, name, line, frame)
            return found if found is not None else one(Unknown())
        if isinstance(value, ClassRef):
            return self.of_class(value.cls, name, line, frame)
        if isinstance(value, Prefix):
            declared = self.program.prefixed(value.name, name, frame.library)
            return self.declared(declared, line, frame) if declared is not None else one(Sdk(name))
        found = self._native(value, name, line, frame)
        if found is None:
            found = self.of_extension(_type_names(value), one(value), name, line, frame)
        return found if found is not None else self.platform_member(value, name, frame)

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
        results = [
            guarded(self._call_one(alt.value, args, named, call, frame), alt.guard)
            for alt in narrow(values, self.guard)
        ]
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
            )
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
            ):
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
