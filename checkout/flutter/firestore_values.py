"""What the methods of `cloud_firestore` do: references, queries, writes (its API reference, version 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from checkout.flutter import syntax as s
from checkout.flutter.log import Asked, Write
from checkout.flutter.objects import Objects
from checkout.flutter.values import (
    HOLE,
    NULL,
    Alt,
    Batch,
    Closure,
    Const,
    Db,
    Filter,
    Frame,
    Guard,
    ListValue,
    Options,
    Order,
    Query,
    Ref,
    Snapshot,
    Snapshots,
    Str,
    Unknown,
    Vals,
    Value,
    both,
    choose,
    one,
    union,
)

ANYWHERE = "**"
"""In a path: any number of segments."""
FIELD_UNKNOWN = "the field of a clause is not known before the app runs"
_EQUAL = ("isEqualTo", "whereIn")
_CONTAINS = ("arrayContains", "arrayContainsAny")
_RANGES = (
    "isLessThan",
    "isLessThanOrEqualTo",
    "isGreaterThan",
    "isGreaterThanOrEqualTo",
    "isNotEqualTo",
    "whereNotIn",
)
_CURSORS = (
    "limit",
    "startAt",
    "startAfter",
    "endAt",
    "endBefore",
    "startAtDocument",
    "startAfterDocument",
    "endAtDocument",
    "endBeforeDocument",
)
METHODS = (
    "collection",
    "doc",
    "collectionGroup",
    "batch",
    "runTransaction",
    "add",
    "set",
    "update",
    "delete",
    "get",
    "snapshots",
    "withConverter",
    "where",
    "orderBy",
    "limit",
    "limitToLast",
    "count",
    "aggregate",
    "commit",
)
"""The methods that an extension, or a variable that holds one, can call without naming their object."""
_OF_TRANSACTION = ("set", "update", "delete")


class FirestoreValues(Objects):
    def of_firestore(
        self,
        value: Value,
        name: str,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame,
    ) -> Vals | None:
        """The result of a method of Firestore's classes; None if it is none of them."""
        if isinstance(value, Db):
            return self._of_db(name, args, call, frame)
        if isinstance(value, Batch):
            return self._of_batch(name, args, call, frame)
        if isinstance(value, Ref) and value.is_document:
            return self._of_document(value, name, args, named, call, frame)
        if isinstance(value, Ref):
            found = self._of_collection(value, name, args, named, call, frame)
            return (
                found
                if found is not None
                else self._of_query(self._all(value, call, frame), name, args, named, call, frame)
            )
        if isinstance(value, Query):
            return self._of_query(value, name, args, named, call, frame)
        return None

    def _mark(self, call: s.Call, frame: Frame) -> tuple[str, int, int]:
        """Where a clause of a query is."""
        return frame.file, call.line, id(self.stack[-1]) if self.stack else 0

    def _of_db(self, name: str, args: Sequence[Vals], call: s.Call, frame: Frame) -> Vals | None:
        if name in ("collection", "doc"):
            return self._child(None, name, args, call, frame, top=True)
        if name == "collectionGroup":
            found = [
                (
                    Query(
                        (_text(chosen[0]),) if _text(chosen[0]) != HOLE else None,
                        group=True,
                        marks=(self._mark(call, frame),),
                    ),
                    guard,
                )
                for chosen, guard in choose(args[:1])
            ]
            return tuple(Alt(query, guard) for query, guard in found)
        if name == "batch":
            return one(Batch())
        if name == "runTransaction":
            for alt in args[0] if args else ():
                if isinstance(alt.value, Closure):
                    return self.call_closure(alt.value, [one(Batch())], {})
            return one(Unknown())
        return None

    def _child(
        self, parent: Ref | None, name: str, args: Sequence[Vals], call: s.Call, frame: Frame, *, top: bool
    ) -> Vals:
        """A collection or document below a reference, or anywhere (`top`)."""
        is_document = name == "doc"
        if not args:
            path = parent.path if parent is not None else None
            longer = (*path, HOLE) if path is not None else None
            converter = parent.converter if parent is not None else None
            return one(
                Ref(
                    longer,
                    is_document=True,
                    converter=converter,
                    is_new=True,
                    mark=self._mark(call, frame),
                )
            )
        found: list[Alt] = []
        for (chosen,), guard in choose(args[:1]):
            text = _text(chosen)
            base: tuple[str, ...] | None = () if top else (parent.path if parent is not None else None)
            path: tuple[str, ...] | None
            if text == HOLE and top:
                path = None
            else:
                segments = tuple(part for part in text.split("/") if part) or (HOLE,)
                path = (*base, *segments) if base is not None else (ANYWHERE, *segments)
            if not top and is_document and parent is not None and parent.path is None:
                path = None
            converter = parent.converter if parent is not None and is_document else None
            ref = Ref(path, is_document=is_document, converter=converter, mark=self._mark(call, frame))
            found.append(Alt(ref, guard))
        return tuple(found)

    def _of_collection(
        self,
        value: Ref,
        name: str,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame,
    ) -> Vals | None:
        if name == "withConverter":
            return one(replace(value, converter=self._converter(named)))
        if name == "doc":
            return self._child(value, name, args, call, frame, top=False)
        if name == "add":
            document = Ref(
                (*value.path, HOLE) if value.path is not None else None,
                is_document=True,
                converter=value.converter,
                is_new=True,
            )
            self._write("add", document, args[0] if args else (), call, frame)
            return one(document)
        return None

    def _of_document(
        self,
        value: Ref,
        name: str,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame,
    ) -> Vals | None:
        if name == "collection":
            return self._child(value, name, args, call, frame, top=False)
        if name == "set":
            self._set(value, args, call, frame)
            return one(NULL)
        if name in ("update", "delete"):
            self._write(name, value, args[0] if args and name == "update" else (), call, frame)
            return one(NULL)
        if name in ("get", "snapshots"):
            return one(Snapshot(value))
        if name == "withConverter":
            return one(replace(value, converter=self._converter(named)))
        return None

    def _of_batch(self, name: str, args: Sequence[Vals], call: s.Call, frame: Frame) -> Vals | None:
        if name == "get" and args:
            return union(
                *(one(Snapshot(alt.value), alt.guard) for alt in args[0] if isinstance(alt.value, Ref)), ()
            )
        if name in _OF_TRANSACTION and args:
            for alt in args[0]:
                value = alt.value
                if type(value) is Unknown:
                    value = Ref(None, is_document=True)
                if not isinstance(value, Ref):
                    continue
                outside = self.guard
                self.guard = both(outside, alt.guard) or outside
                if name == "set":
                    self._set(value, args[1:], call, frame)
                else:
                    self._write(name, value, args[1] if len(args) > 1 else (), call, frame)
                self.guard = outside
            return one(Batch())
        return one(NULL) if name == "commit" else None

    def _set(self, ref: Ref, args: Sequence[Vals], call: s.Call, frame: Frame) -> None:
        merges = {alt.value.merge for alts in args[1:] for alt in alts if isinstance(alt.value, Options)}
        unclear = any(type(alt.value) is Unknown for alts in args[1:] for alt in alts)
        for merge in merges or {unclear}:
            self._write("merge" if merge else "set", ref, args[0] if args else (), call, frame)

    def _write(self, kind: str, ref: Ref, data: Vals, call: s.Call, frame: Frame) -> None:
        if ref.converter is not None and kind in ("add", "set", "merge"):
            data = self.call_closure(ref.converter, [data, one(NULL)], {})
        write = Write(**self.seen(call.line, frame), kind=kind, ref=ref, data=data, guard=self.guard)
        self.log.writes.append(write)

    def _converter(self, named: dict[str, Vals]) -> Closure | None:
        """The function `toFirestore` of a converter."""
        for alt in named.get("toFirestore", ()):
            if isinstance(alt.value, Closure):
                alt.value.was_called = True
                return alt.value
        return None

    # Queries

    def _all(self, value: Ref, call: s.Call, frame: Frame) -> Query:
        """The query of all documents of a collection; it begins where the collection is named."""
        mark = value.mark or self._mark(call, frame)
        vague = "" if value.path is not None else "its collection is not known before the app runs"
        return Query(value.path, marks=(mark,), vague=vague, converter=value.converter)

    def _of_query(
        self,
        value: Query,
        name: str,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame,
    ) -> Vals | None:
        here = replace(value, marks=(*value.marks, self._mark(call, frame)))
        if name == "where":
            return self._where(here, args, named)
        if name == "orderBy":
            return self._order(here, args, named)
        if name in _CURSORS:
            return one(value)
        if name == "limitToLast":
            return one(replace(value, from_end=True))
        if name in ("get", "snapshots"):
            self.ask(value, call.line, frame)
            path = (*value.path, HOLE) if value.path is not None else None
            if value.group and value.path is not None:
                path = (ANYWHERE, *value.path, HOLE)
            return one(Snapshots(Ref(path, is_document=True, converter=value.converter)))
        if name == "count":
            self.ask(value, call.line, frame)
            return one(Unknown(s.TypeRef("AggregateQuery")))
        if name == "aggregate":
            summed = [
                alt.value.field
                for vals in args
                for alt in vals
                if isinstance(alt.value, Filter) and alt.value.kind == "sum"
            ]
            self.ask(replace(value, summed=tuple(summed)), call.line, frame)
            return one(Unknown(s.TypeRef("AggregateQuery")))
        if name == "withConverter":
            return one(replace(value, converter=self._converter(named)))
        return None

    def ask(self, query: Query, line: int, frame: Frame) -> None:
        """Remember that a query is sent."""
        self.log.asked.append(Asked(**self.seen(line, frame), query=query))

    def ask_if_query(self, values: Vals, line: int, frame: Frame) -> None:
        """A query that is handed to something else is sent there."""
        for alt in values:
            if isinstance(alt.value, Query) and (alt.value.filters or alt.value.orders):
                self.ask(alt.value, line, frame)

    def _where(self, query: Query, args: Sequence[Vals], named: dict[str, Vals]) -> Vals:
        found: list[Alt] = []
        for (first,), guard in choose(args[:1] or [one(Unknown())]):
            if isinstance(first, Filter):
                found.append(Alt(replace(query, filters=(*query.filters, first)), guard))
                continue
            if not named and type(first) is Unknown:
                found.append(Alt(replace(query, vague=query.vague or "its filter is not known"), guard))
                continue
            for filters, together in self.clauses(first, named, guard):
                vague = query.vague
                if any(one.field == HOLE for one in filters):
                    vague = vague or FIELD_UNKNOWN
                found.append(Alt(replace(query, filters=(*query.filters, *filters), vague=vague), together))
        return union(tuple(found), ())

    def clauses(
        self, first: Value, named: dict[str, Vals], guard: Guard
    ) -> list[tuple[tuple[Filter, ...], Guard]]:
        """The conditions of a `where` or `Filter`: one for each named argument that is not null."""
        name = _text(first)
        found: list[tuple[tuple[Filter, ...], Guard]] = []
        for values, together in choose([_nullness(vals) for vals in named.values()], guard):
            filters: list[Filter] = []
            for operator, value in zip(named, values, strict=True):
                if operator in _EQUAL and (value != NULL or operator == "isEqualTo"):
                    filters.append(Filter("equal", name))
                elif operator == "isNull":
                    filters.append(Filter("range" if value == Const(False) else "equal", name))
                elif operator in _CONTAINS and value != NULL:
                    filters.append(Filter("contains", name))
                elif operator in _RANGES and (value != NULL or operator == "isNotEqualTo"):
                    filters.append(Filter("range", name))
            found.append((tuple(filters), together))
        return found

    def _order(self, query: Query, args: Sequence[Vals], named: dict[str, Vals]) -> Vals:
        found: list[Alt] = []
        for values, guard in choose(
            [args[0] if args else one(Unknown()), named.get("descending", one(Const(False)))]
        ):
            name = _text(values[0])
            directions = [values[1].value] if isinstance(values[1], Const) else [False, True]
            for descending in directions:
                order = Order(name, descending=bool(descending))
                vague = query.vague or ("" if name != HOLE else FIELD_UNKNOWN)
                found.append(Alt(replace(query, orders=(*query.orders, order), vague=vague), guard))
        return union(tuple(found), ())

    # Members that are not methods

    def firestore_member(self, value: Value, name: str) -> Vals | None:
        """What `value.name` is for Firestore's classes; None if it is no member of them."""
        if isinstance(value, Ref):
            if name == "parent":
                path = value.path[:-1] if value.path else None
                return one(Ref(path or None, is_document=not value.is_document))
            if name in ("id", "path"):
                return one(
                    Str("/".join(value.path)) if value.path and name == "path" else Str(_last(value.path))
                )
            if name == "firestore":
                return one(Db())
        if isinstance(value, Query) and name == "firestore":
            return one(Db())
        if isinstance(value, Snapshots) and name in ("docs", "docChanges"):
            return one(ListValue([one(Snapshot(value.source))], open=True))
        if isinstance(value, Snapshots) and name in ("first", "last", "single"):
            return one(value)
        if isinstance(value, Snapshot):
            if name == "reference":
                return one(value.source)
            if name in ("doc", "first", "last", "single"):
                return one(value)
            if name == "id":
                return one(Str(HOLE))
        return None


def _nullness(values: Vals) -> Vals:
    """The alternatives, as far as a clause depends on them: null, false, or anything else."""
    return union(
        tuple(
            alt if alt.value == NULL or isinstance(alt.value, Const) else Alt(Unknown(), alt.guard)
            for alt in values
        ),
        (),
    )


def _text(value: Value) -> str:
    return value.text if isinstance(value, Str) else HOLE


def _last(path: tuple[str, ...] | None) -> str:
    return path[-1] if path else HOLE
