"""Texts, lists, maps, operators and assignments."""

from __future__ import annotations

from collections.abc import Sequence

from checkout.flutter import syntax as s
from checkout.flutter.calls import Calls
from checkout.flutter.conditions import equal
from checkout.flutter.core_values import key_of
from checkout.flutter.program import Variable
from checkout.flutter.values import (
    HOLE,
    NULL,
    Address,
    Alt,
    ClassRef,
    Const,
    Frame,
    ListValue,
    MapValue,
    Object,
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

_MOST_TEXTS = 40


class Literals(Calls):
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

    def _collection(self, found: s.Collection, frame: Frame) -> Vals:
        is_map = not found.is_list and (
            not found.elements or any(self._is_entry(element) for element in found.elements)
        )
        if not is_map and not found.is_list and all(isinstance(one, s.Spread) for one in found.elements):
            spread = [
                alt.value
                for element in found.elements
                if isinstance(element, s.Spread)
                for alt in self.expr(element.value, frame)
            ]
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
            _, holds, _ = self.truth(found.left, frame)
            outside = self.guard
            self.guard = (both(outside, holds) or outside) if found.operator == "&&" else outside
            self.expr(found.right, frame)
            self.guard = outside
            return self.boolean(None)
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
                self.assigned[id(declared)] = union(self.assigned.get(id(declared), ()), values)
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
