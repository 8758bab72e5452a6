"""Which index a query needs, and whether the index file declares it.

Firestore (docs, "Index types" and "Queries with range filters on multiple fields"):

- Each field of a collection has indexes of its own (ascending, descending, array-contains), and for
  collection groups none, unless an override says otherwise.
- Equality clauses alone are answered by merging single-field indexes.
- A query that sorts, or compares with <, >, != or not-in, and has other clauses, needs a composite index: the
  fields of equality and array-contains, then the sorted fields in their order and direction. Several such
  indexes with the same sorted fields are merged.
- A compared field that is not sorted by is sorted by implicitly, in the direction of the last `orderBy`.
- `__name__` is sorted by last, in the direction of the last field.
- `limitToLast` asks in the opposite direction. A disjunction (`Filter.or`) is several queries.
- `sum` and `average` read their fields from index entries (docs, "Aggregation queries": they "include only
  indexed fields"; with several fields only documents that have all of them, which "might require a composite
  index"). Beside a filter or another order, one index therefore has to hold the summed fields after the
  others; the documentation does not spell this case out. `count` needs nothing of its own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checkout.flutter.values import DOCUMENT_ID, Filter, Query
from checkout.index_file import FieldIndex, IndexFile, IndexSpec

_MOST_DISJUNCTIONS = 60
ASCENDING, DESCENDING = "ASCENDING", "DESCENDING"


@dataclass(frozen=True)
class Need:
    """What one query needs: the fields of equality, of array-contains, and the sorted ones in their order.

    `order` is (field, direction); the direction is "" where either will do. `free`: the sorted fields may
    stand in any order, because the query names none.
    """

    collection: str
    scope: str
    equal: tuple[str, ...]
    contains: tuple[str, ...]
    order: tuple[tuple[str, str], ...]
    free: bool = False


def needs(query: Query) -> Iterator[Need]:
    """The indexes of a query, one for each disjunction."""
    if not query.path:
        return
    clauses = _disjunctions(Filter("and", parts=query.filters))
    every_range = sorted({one.field for group in clauses for one in group if one.kind == "range"})
    found: list[Need] = []
    for group in clauses:
        equal = {one.field for one in group if one.kind == "equal"}
        contains = {one.field for one in group if one.kind == "contains"}
        order = [(one.field, DESCENDING if one.descending else ASCENDING) for one in query.orders]
        last = order[-1][1] if order else ASCENDING
        named = {field for field, _ in order}
        implicit = [field for field in every_range if field not in named]
        order += [(field, last) for field in implicit]
        order = [(field, direction) for field, direction in order if field not in equal]
        if order and order[-1] == (DOCUMENT_ID, order[-2][1] if len(order) > 1 else ASCENDING):
            order.pop()
        if query.from_end:
            order = [(field, ASCENDING if one == DESCENDING else DESCENDING) for field, one in order]
        order += [
            (field, "") for field in dict.fromkeys(query.summed) if field not in {*named, *equal, *implicit}
        ]
        need = Need(
            collection=query.path[-1],
            scope="COLLECTION_GROUP" if query.group else "COLLECTION",
            equal=tuple(sorted(equal - {DOCUMENT_ID})),
            contains=tuple(sorted(contains)),
            order=tuple(order),
            free=not query.orders and len(order) > 1,
        )
        if need not in found:
            found.append(need)
    yield from found


def _disjunctions(found: Filter) -> list[list[Filter]]:
    """The alternatives of a filter, each a list of clauses that must all hold."""
    if found.kind == "or":
        return [group for part in found.parts for group in _disjunctions(part)][:_MOST_DISJUNCTIONS]
    if found.kind == "and":
        products = itertools.product(*(_disjunctions(part) for part in found.parts))
        return [
            [clause for group in groups for clause in group]
            for groups in itertools.islice(products, _MOST_DISJUNCTIONS)
        ]
    return [[found]]


def missing(need: Need, declared: IndexFile) -> str | None:
    """The JSON to add to the index file; None if nothing is missing."""
    sides = {*need.equal, *need.contains}
    if not need.order:
        return _equalities(need, declared)
    if not sides and len(need.order) == 1 and need.order[0][0] != DOCUMENT_ID:
        field, direction = need.order[0]
        if _has_field(declared, need, field, direction):
            return None
        return _override(declared, need, field, {"order": direction or ASCENDING})
    if len(sides) == 1 and len(need.order) == 1 and need.order[0][0] == DOCUMENT_ID:
        if need.equal and _has_field(declared, need, need.equal[0], need.order[0][1]):
            return None
    elif not sides and need.order == ((DOCUMENT_ID, ASCENDING),):
        return None
    covered: set[str] = set()
    found = False
    for spec in declared.indexes:
        prefix = _prefix(spec, need)
        if prefix is not None:
            covered |= prefix
            found = True
    if found and covered == sides:
        return None
    return _composite(need)


def _prefix(spec: IndexSpec, need: Need) -> set[str] | None:
    """The fields before the sorted ones, if the index can serve the query; None if it cannot."""
    if spec.collection != need.collection or spec.query_scope != need.scope:
        return None
    size = len(need.order)
    before, after = spec.fields[: len(spec.fields) - size], spec.fields[len(spec.fields) - size :]
    if len(after) != size or any(one.vector_dimension is not None for one in spec.fields):
        return None
    sorted_by = [(one.path, one.order or "") for one in after]
    orders = itertools.permutations(need.order) if need.free and size <= 5 else [need.order]
    if not any(_same_order(sorted_by, order) for order in orders):
        return None
    found: set[str] = set()
    for field in before:
        if field.path not in (need.equal if field.array_config is None else need.contains):
            return None
        found.add(field.path)
    return found


def _same_order(declared: Sequence[tuple[str, str]], order: Sequence[tuple[str, str]]) -> bool:
    return all(
        field == path and direction in ("", has)
        for (path, has), (field, direction) in zip(declared, order, strict=True)
    )


def _equalities(need: Need, declared: IndexFile) -> str | None:
    """Equality alone: single-field indexes, or composite ones that have no other field."""
    sides = {*need.equal, *need.contains}
    covered = {field for field in need.equal if _has_field(declared, need, field, "")}
    covered |= {field for field in need.contains if _has_field(declared, need, field, "CONTAINS")}
    for spec in declared.indexes:
        covered |= _prefix(spec, Need(need.collection, need.scope, need.equal, need.contains, ())) or set()
    for field in sorted(sides - covered):
        kind = {"arrayConfig": "CONTAINS"} if field in need.contains else {"order": ASCENDING}
        return _override(declared, need, field, kind)
    return None


def _has_field(declared: IndexFile, need: Need, field: str, kind: str) -> bool:
    """Whether a field has a single-field index: `kind` is a direction, CONTAINS, or "" for any direction."""
    wanted = (ASCENDING, DESCENDING) if kind == "" else (kind,)
    indexes = _field_indexes(declared, need.collection, field)
    if indexes is None:
        return need.scope == "COLLECTION"
    return any(one.query_scope == need.scope and (one.order or one.array_config) in wanted for one in indexes)


def _field_indexes(declared: IndexFile, collection: str, field: str) -> tuple[FieldIndex, ...] | None:
    """What an override says about a field, or about the map that it is in; None if none does."""
    known = {(one.collection, one.field): one.indexes for one in declared.fields}
    parts = field.split(".")
    names = [".".join(parts[:size]) for size in range(len(parts), 0, -1)]
    for key in (*((collection, name) for name in names), (collection, "*"), ("__default__", "*")):
        found = known.get(key)
        if found is not None:
            return found
    return None


def _composite(need: Need) -> str:
    fields: list[dict[str, str]] = [
        {"fieldPath": field, "arrayConfig": "CONTAINS"} for field in need.contains
    ]
    fields += [{"fieldPath": field, "order": ASCENDING} for field in need.equal]
    fields += [{"fieldPath": field, "order": direction or ASCENDING} for field, direction in need.order]
    return json.dumps({"collectionGroup": need.collection, "queryScope": need.scope, "fields": fields})


def _override(declared: IndexFile, need: Need, field: str, kind: dict[str, str]) -> str:
    """An entry of fieldOverrides: an override replaces the indexes that the field has by itself."""
    indexes = _field_indexes(declared, need.collection, field)
    entries: list[dict[str, str]] = [
        {"order": ASCENDING, "queryScope": "COLLECTION"},
        {"order": DESCENDING, "queryScope": "COLLECTION"},
        {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION"},
    ]
    if indexes is not None:
        entries = [
            ({"order": one.order} if one.order else {"arrayConfig": "CONTAINS"})
            | {"queryScope": one.query_scope}
            for one in indexes
        ]
    entries.append({**kind, "queryScope": need.scope})
    return json.dumps({"collectionGroup": need.collection, "fieldPath": field, "indexes": entries})
