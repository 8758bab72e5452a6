"""Conditions: what is known to hold, and which ones say the same."""

from __future__ import annotations

from checkout.flutter import syntax as s
from checkout.flutter.machine import Machine
from checkout.flutter.values import (
    ALWAYS,
    NULL,
    Address,
    Batch,
    Closure,
    CloudFunction,
    Const,
    Db,
    Frame,
    Guard,
    ListValue,
    MapValue,
    Object,
    Query,
    Ref,
    Snapshots,
    Str,
    Vals,
    Value,
    both,
    choose,
)

_OPPOSITE = {"isNotEmpty": "isEmpty"}
_NEVER_NULL = (Str, Db, Ref, Query, Batch, MapValue, ListValue, Closure, Snapshots, CloudFunction, Address)


def equal(first: Value, second: Value) -> bool | None:
    """Whether two values are equal; None if it is not known."""
    if isinstance(first, Str) and isinstance(second, Str):
        return first.text == second.text if first.is_known and second.is_known else None
    if isinstance(first, Const) and isinstance(second, Const):
        return first == second
    for value, other in ((first, second), (second, first)):
        if value == NULL and isinstance(other, _NEVER_NULL):
            return False
        if value == NULL and isinstance(other, Object) and (other.fields is not None or other.constant):
            return False
    if isinstance(first, Object) and isinstance(second, Object) and first.constant and second.constant:
        return first.constant == second.constant if first.cls is second.cls else None
    return None


class Conditions(Machine):
    def truth(self, found: s.Expr | None, frame: Frame) -> tuple[bool | None, Guard, Guard]:
        if isinstance(found, s.Not):
            known, holds, fails = self.truth(found.value, frame)
            return None if known is None else not known, fails, holds
        if isinstance(found, s.Binary) and found.operator in ("&&", "||"):
            return self._joined(found, frame)
        answers = self._answers(found, frame)
        known = answers[0][0] if answers and len({answer for answer, _ in answers}) == 1 else None
        same, negated = found, False
        if isinstance(found, s.Binary) and found.operator == "!=":
            same = s.Binary(found.line, operator="==", left=found.left, right=found.right)
            negated = True
        elif isinstance(found, s.Get) and found.name in _OPPOSITE:
            same = s.Get(found.line, target=found.target, name=_OPPOSITE[found.name])
            negated = True
        elif isinstance(found, s.Is) and found.negated:
            same = s.Is(found.line, value=found.value, type=found.type)
            negated = True
        key = self._key(same, frame)
        holds = _common(answers, True) | {(key, not negated)}
        fails = _common(answers, False) | {(key, negated)}
        return known, frozenset(holds), frozenset(fails)

    def assumed(self, condition: Guard, frame: Frame) -> dict[str, Vals]:
        """The variables of a frame where a condition holds: `x == null` says which values x can have."""
        names = dict(frame.names)
        for key, holds in condition:
            tested = self.null_tests.get(key)
            if tested is None or tested[0] is not frame or tested[1] not in names:
                continue
            kept = tuple(alt for alt in names[tested[1]] if equal(alt.value, NULL) is not (not holds))
            if kept:
                names[tested[1]] = kept
        return names

    def _joined(self, found: s.Binary, frame: Frame) -> tuple[bool | None, Guard, Guard]:
        """Of `a && b` both hold where it holds; where it fails, only that is known."""
        left, left_holds, left_fails = self.truth(found.left, frame)
        right, right_holds, right_fails = self.truth(found.right, frame)
        whole = self._key(found, frame)
        if found.operator == "&&":
            if left is False or right is False:
                return False, ALWAYS, ALWAYS
            if left is True:
                return right, right_holds, right_fails
            if right is True:
                return left, left_holds, left_fails
            holds = both(left_holds, right_holds)
            if holds is None:
                return False, ALWAYS, ALWAYS
            return None, holds | {(whole, True)}, frozenset({(whole, False)})
        if left is True or right is True:
            return True, ALWAYS, ALWAYS
        if left is False:
            return right, right_holds, right_fails
        if right is False:
            return left, left_holds, left_fails
        fails = both(left_fails, right_fails)
        if fails is None:
            return True, ALWAYS, ALWAYS
        return None, frozenset({(whole, True)}), fails | {(whole, False)}

    def _answers(self, found: s.Expr | None, frame: Frame) -> list[tuple[bool | None, Guard]]:
        """Whether a condition holds for each combination of alternatives, and when that is the one."""
        answers: list[tuple[bool | None, Guard]] = []
        if isinstance(found, s.Binary) and found.operator in ("==", "!="):
            for (left, right), guard in choose([self.expr(found.left, frame), self.expr(found.right, frame)]):
                answer = equal(left, right)
                answers.append((answer if found.operator == "==" or answer is None else not answer, guard))
            return answers
        for alt in self.expr(found, frame):
            value = alt.value.value if isinstance(alt.value, Const) else None
            answers.append((value if isinstance(value, bool) else None, alt.guard))
        return answers

    def _key(self, found: s.Expr | None, frame: Frame) -> str:
        """A text that is equal for conditions that say the same while nothing is assigned."""
        if isinstance(found, s.Name):
            holder = frame.holder(found.id)
            if holder is None:
                return found.id
            return f"{found.id}#{id(holder):x}.{id(holder.names[found.id]):x}"
        if isinstance(found, s.Get):
            return f"{self._key(found.target, frame)}.{found.name}"
        if isinstance(found, s.Index):
            return f"{self._key(found.target, frame)}[{self._key(found.key, frame)}]"
        if isinstance(found, s.Literal):
            return repr(found.value)
        if isinstance(found, s.Text):
            return repr(tuple(p if isinstance(p, str) else self._key(p, frame) for p in found.pieces))
        if isinstance(found, s.Self):
            return f"this#{id(frame.this):x}"
        if isinstance(found, s.Binary):
            left, right = self._key(found.left, frame), self._key(found.right, frame)
            if found.operator == "==" and right < left:
                left, right = right, left
            key = f"({left}{found.operator}{right})"
            sides = (found.left, found.right)
            name = next((side.id for side in sides if isinstance(side, s.Name)), "")
            if name in frame.names and any(
                isinstance(side, s.Literal) and side.value is None for side in sides
            ):
                self.null_tests[key] = (frame, name)
            return key
        if isinstance(found, s.Is):
            return f"({self._key(found.value, frame)} is {found.type.name if found.type else ''})"
        if isinstance(found, s.Call) and not found.named and len(found.args) < 3:
            inner = ",".join(self._key(arg, frame) for arg in found.args)
            return f"{self._key(found.target, frame)}({inner})"
        if isinstance(found, s.Not):
            return f"!{self._key(found.value, frame)}"
        if isinstance(found, (s.Await, s.Cast)):
            return self._key(found.value, frame)
        return f"?{id(found):x}.{id(frame):x}"


def _common(answers: list[tuple[bool | None, Guard]], wanted: bool) -> Guard:
    """What holds whenever the answer can be this one."""
    guards = [guard for answer, guard in answers if answer is None or answer is wanted]
    return frozenset.intersection(*guards) if guards else ALWAYS
