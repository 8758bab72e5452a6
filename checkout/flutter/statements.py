"""Running statements: branches, loops, and what each leaves in the variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from checkout.flutter import syntax as s
from checkout.flutter.conditions import Conditions, equal
from checkout.flutter.values import (
    Alt,
    Closure,
    Frame,
    Guard,
    ListValue,
    Query,
    RecordValue,
    Snapshot,
    Snapshots,
    Unknown,
    Vals,
    both,
    guarded,
    one,
    split_key,
    union,
)

LOOP = "its clauses are added in a loop"


class Statements(Conditions):
    def run(self, statements: Sequence[s.Stmt], frame: Frame) -> bool:
        return any(self._statement(statement, frame) for statement in statements)

    def _statement(self, statement: s.Stmt, frame: Frame) -> bool:
        """Run one statement; whether nothing behind it runs."""
        if isinstance(statement, s.Do):
            self.expr(statement.value, frame)
            return isinstance(statement.value, s.Throw)
        if isinstance(statement, s.Var):
            frame.names[statement.name] = self._initial(statement, frame)
            return False
        if isinstance(statement, s.Return):
            values = self.expr(statement.value, frame) if statement.value is not None else ()
            frame.returned.append(guarded(values, self.guard))
            return True
        if isinstance(statement, s.If):
            return self._if(statement, frame)
        if isinstance(statement, s.ForIn):
            self._for_in(statement, frame)
            return False
        if isinstance(statement, s.Loop):
            self.run(statement.init, frame)
            if statement.test is not None:
                self.expr(statement.test, frame)
            self._repeat(statement.body, frame)
            return False
        if isinstance(statement, s.Block):
            return self.run(statement.body, frame)
        if isinstance(statement, s.Switch):
            return self._switch(statement, frame)
        if isinstance(statement, s.Try):
            return self._try(statement, frame)
        if isinstance(statement, s.Yield):
            frame.returned.append(guarded(self.expr(statement.value, frame), self.guard))
            return False
        if isinstance(statement, s.LocalFn):
            closure = Closure(statement.function.params, statement.function.body, frame, guard=self.guard)
            frame.names[statement.name] = one(closure)
            frame.pending.append(closure)
            return False
        if isinstance(statement, s.Unpack):
            self._unpack(statement, frame)
            return False
        return isinstance(statement, s.Leave)

    def _initial(self, statement: s.Var, frame: Frame) -> Vals:
        if statement.value is None:
            return self.typed(statement.type, frame.library) if statement.type is not None else one(Unknown())
        return self.refined(self.expr(statement.value, frame), statement.type, frame)

    def refined(self, values: Vals, kind: s.TypeRef | None, frame: Frame) -> Vals:
        """The values; of those of which nothing is known, the declared type."""
        if kind is None or not any(type(alt.value) is Unknown for alt in values):
            return values
        typed = self.typed(kind, frame.library)
        if type(typed[0].value) is Unknown:
            typed = ()
        return union(
            *(
                guarded(typed, alt.guard) if typed and type(alt.value) is Unknown else (alt,)
                for alt in values
            ),
            (),
        )

    def _unpack(self, statement: s.Unpack, frame: Frame) -> None:
        values = self.expr(statement.value, frame)
        record = next((alt.value for alt in values if isinstance(alt.value, RecordValue)), None)
        lists = [alt.value for alt in values if isinstance(alt.value, ListValue)]
        for at, name in enumerate(statement.names):
            if record is not None and name in record.named:
                frame.names[name] = record.named[name]
            elif record is not None and at < len(record.items):
                frame.names[name] = record.items[at]
            elif lists:
                frame.names[name] = union(*(item for found in lists for item in found.items), ())
            else:
                frame.names[name] = one(Unknown())

    def branch(self, ways: Sequence[tuple[Guard, Sequence[s.Stmt]]], frame: Frame, *, complete: bool) -> bool:
        """Run one of several bodies. `complete`: one of them always runs.

        Returns:
            Whether every way ends the function.
        """
        before, outside = dict(frame.names), self.guard
        after: list[tuple[Guard, dict[str, Vals], dict[str, Vals]]] = []
        done = list(ways) if complete else [*ways, (frozenset(), ())]
        for condition, body in done:
            together = both(outside, condition)
            if together is None:
                continue
            frame.names = before
            frame.names = assumed = self.assumed(condition, frame)
            narrowed = {name: vals for name, vals in assumed.items() if vals is not before[name]}
            self.guard = together
            if not self.run(body, frame):
                # What was not assigned is what it was: conditions about it stay the same.
                names = {
                    name: before[name] if vals is narrowed.get(name) else vals
                    for name, vals in frame.names.items()
                }
                after.append((condition, names, narrowed))
        self.guard = outside
        if not after:
            frame.names = before
            return True
        if len(after) == 1:
            condition, names, narrowed = after[0]
            frame.names = {
                name: narrowed.get(name, vals) if vals is before.get(name) else vals
                for name, vals in names.items()
            }
            self.guard = both(outside, condition) or outside
            return False
        joined: dict[str, Vals] = {}
        for name in {name for _, names, _ in after for name in names}:
            found = [(condition, names[name]) for condition, names, _ in after if name in names]
            first = found[0][1]
            if all(values is first for _, values in found):
                joined[name] = first
            else:
                joined[name] = union(*(guarded(values, condition) for condition, values in found), ())
        frame.names = joined
        return False

    def _if(self, statement: s.If, frame: Frame) -> bool:
        known, holds, fails = self.truth(statement.test, frame)
        for name in statement.binds:
            frame.names[name] = one(Unknown())
        if known is not None:
            return self.run(statement.then if known else statement.other, frame)
        return self.branch(((holds, statement.then), (fails, statement.other)), frame, complete=True)

    def matching(
        self, subject: s.Expr | None, cases: Sequence[s.Case], frame: Frame
    ) -> list[tuple[Guard, s.Case]]:
        """The cases of a switch that are possible, each with what is known in it."""
        values = self.expr(subject, frame)
        named = ";".join(",".join(self._key(one, frame) for one in case.constants) for case in cases)
        key = split_key(f"switch {self._key(subject, frame)} {named} ", len(cases))
        if not any(case.is_default for case in cases):
            key += "+"  # there can be others
        found: list[tuple[Guard, s.Case]] = []
        for at, case in enumerate(cases):
            answers: set[bool | None] = {
                equal(alt.value, other.value)
                for constant in case.constants
                for other in self.expr(constant, frame)
                for alt in values
            }
            if answers == {False}:
                continue
            for name in case.binds:
                frame.names[name] = values
            if len(values) == 1 and True in answers:
                return [*found, (frozenset({(key, at)}) if found else frozenset(), case)]
            found.append((frozenset({(key, at)}), case))
        return found

    def _switch(self, statement: s.Switch, frame: Frame) -> bool:
        cases = self.matching(statement.subject, statement.cases, frame)
        complete = any(case.is_default for _, case in cases) or (len(cases) == 1 and not cases[0][0])
        ways: list[tuple[Guard, Sequence[s.Stmt]]] = []
        for condition, case in cases:
            # `break` ends the case, not the function.
            body = [one for one in case.body if not isinstance(one, s.Leave)]
            ways.append((condition, body))
        return self.branch(ways, frame, complete=complete) if ways else False

    def _try(self, statement: s.Try, frame: Frame) -> bool:
        ended = self.run(statement.body, frame)
        handled = [(frozenset[tuple[str, object]](), handler) for handler in statement.handlers]
        if handled:
            names = frame.names
            failed = self.branch(handled, frame, complete=True)
            frame.names = {**frame.names, **names} if not ended else frame.names
            ended = ended and failed
        return self.run(statement.last, frame) or ended

    def _for_in(self, statement: s.ForIn, frame: Frame) -> None:
        values = self.elements(self.expr(statement.over, frame))
        values = self.refined(values, statement.type, frame)
        for name in statement.names:
            frame.names[name] = values
        self._repeat(statement.body, frame)

    def elements(self, values: Vals) -> Vals:
        """What an element of a list can be."""
        found: list[Vals] = []
        for alt in values:
            if isinstance(alt.value, ListValue):
                found += [guarded(item, alt.guard) for item in alt.value.items]
            elif isinstance(alt.value, (Snapshots, Snapshot)):
                found.append((alt,))  # a stream of them
            else:
                found.append(one(Unknown()))
        return union(*found, ()) or one(Unknown())

    def _repeat(self, body: Sequence[s.Stmt], frame: Frame) -> None:
        """A body that runs any number of times. A query that grows each time is not known."""
        self.branch(((frozenset(), body),), frame, complete=False)
        once = {name: {alt.value for alt in values} for name, values in frame.names.items()}
        if not any(isinstance(value, Query) for values in once.values() for value in values):
            return
        self.branch(((frozenset(), body),), frame, complete=False)
        for name, values in list(frame.names.items()):
            known = once.get(name, set())
            if any(isinstance(alt.value, Query) and alt.value not in known for alt in values):
                frame.names[name] = tuple(
                    Alt(replace(alt.value, vague=LOOP), alt.guard)
                    if isinstance(alt.value, Query) and alt.value not in known
                    else alt
                    for alt in values
                )
