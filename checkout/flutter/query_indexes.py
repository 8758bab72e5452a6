"""E3: the fields of each query exist, and it has the index that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from checkout.flutter import syntax as s
from checkout.flutter.analysis import Analysis, distinct
from checkout.flutter.analysis import walk as nodes
from checkout.flutter.document_fields import DocumentFields, model_fields
from checkout.flutter.index_needs import Need, missing, needs
from checkout.flutter.log import Asked
from checkout.flutter.results import Finding, LineResult
from checkout.flutter.values import DOCUMENT_ID, HOLE, TOO_MANY, Filter, Query
from checkout.index_file import IndexFile, path_names
from settings.files import FileError, text_of, walk

_CODE = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".py", ".dart", ".go", ".java", ".kt")
_NOT_CODE = {"node_modules", "build", ".dart_tool", ".git", "venv", ".venv", "test", "tests", "__tests__"}
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_NOTHING = IndexFile(indexes=(), fields=())
_MOST_CODE = 20_000_000  # bytes of one file of functions or backend


def check(app: Analysis) -> LineResult:
    """The line E3."""
    unknown = [*app.unread]
    findings: list[Finding] = []
    code = _code(app)
    known, documents = _fields(app, code), DocumentFields(app, code)
    asked = {(one.query, one.file, one.line): one for one in app.log.asked}
    places: set[tuple[str, int]] = set()
    for one in asked.values():
        query = one.query
        places.add(_place(one))
        if query.vague or not query.path or HOLE in query.path[-1]:
            if (query.filters or query.orders or query.vague == TOO_MANY) and app.runs(one):
                why = query.vague or "its collection is not known before the app runs"
                file, line = _place(one)
                unknown.append(f"{file}:{line}: the index of this query is not known: {why}.")
            continue
        findings += _without_field(one, known, documents)
        for need in needs(query):
            finding = _without_index(app, one, need, unknown)
            if finding is not None:
                findings.append(finding)
    forms = len({one.query for one in asked.values()})
    checked = f"{len(app.sources.units)} Dart files, {len(places)} queries, {forms} forms of them"
    return LineResult(
        id="E3", findings=distinct(findings), unknown=tuple(dict.fromkeys(unknown)), checked=checked
    )


def _place(one: Asked) -> tuple[str, int]:
    """Where a query begins."""
    return one.query.place if one.query.marks else (one.file, one.line)


def _without_index(app: Analysis, one: Asked, need: Need, unknown: list[str]) -> Finding | None:
    file, line = _place(one)
    added = missing(need, app.project.indexes or _NOTHING)
    if added is None:
        return None
    if any(HOLE in field for field in (*need.equal, *need.contains, *(field for field, _ in need.order))):
        unknown.append(f"{file}:{line}: needs an index of fields that are not known before the app runs.")
        return None
    if app.project.indexes is None:
        unknown.append(f"{file}:{line}: needs an index, and no file declares any: {added}.")
        return None
    kind = "fieldOverrides" if '"fieldPath"' in added and '"fields"' not in added else "indexes"
    return Finding(
        file=file,
        line=line,
        what=f"the query {shown(one.query)} has no index in {app.project.index_file}.",
        fix=f'add to "{kind}" in {app.project.index_file}: {added}',
    )


def shown(query: Query) -> str:
    """A query as messages show it: `threads where accountId, isArchived order by lastMessageAt desc`."""
    name = query.path[-1] if query.path else "…"
    parts = [f"{'all ' if query.group else ''}{name}"]
    clauses = [_shown_filter(one) for one in query.filters]
    if clauses:
        parts.append("where " + ", ".join(clauses))
    if query.orders:
        orders = (f"{one.field}{' desc' if one.descending else ''}" for one in query.orders)
        parts.append("order by " + ", ".join(orders))
    if query.from_end:
        parts.append("limit to last")
    if query.summed:
        parts.append("sum of " + ", ".join(query.summed))
    return " ".join(parts).replace(HOLE, "…")


def _shown_filter(one: Filter) -> str:
    if one.parts:
        return "(" + f" {one.kind} ".join(map(_shown_filter, one.parts)) + ")"
    return {"range": f"{one.field} compared", "contains": f"{one.field} contains"}.get(one.kind, one.field)


# Fields


def _without_field(one: Asked, known: frozenset[str], documents: DocumentFields) -> Iterator[Finding]:
    query = one.query
    file, first = _place(one)
    named = [*_filter_fields(query.filters), *(order.field for order in query.orders), *query.summed]
    for field in dict.fromkeys(named):
        names = path_names(field) or tuple(field.split("."))
        if field == DOCUMENT_ID:
            continue
        collection = (query.path or ("",))[-1]
        why = ""
        if not all(name in known or HOLE in name for name in names):
            why = (
                "which no document has: it is in no model or write of the app, not in the rules, and not in "
                "the code of functions and backend"
            )
        elif documents.lacks(collection, names, one.file):
            why = (
                f"which no document of {collection} has: the app creates them without it, and only documents "
                "of other collections have it"
            )
        if why:
            yield Finding(
                file=file,
                line=first,
                what=f"the query {shown(query)} names the field {field}, {why}.",
                fix=f"correct {field}, or write it where the documents are created.",
            )


def _filter_fields(filters: tuple[Filter, ...]) -> Iterator[str]:
    for one in filters:
        if one.parts:
            yield from _filter_fields(one.parts)
        else:
            yield one.field


def _fields(app: Analysis, code: frozenset[str]) -> frozenset[str]:
    """Every name that a field of a document can have: what models, writes, rules and code name."""
    found: set[str] = set()
    for key in app.log.keys:
        found |= {*key.split(".")}
    found |= {name for cls in app.program.classes for name in model_fields(cls)}
    found |= {*_gets(app)}
    found |= {*_WORD.findall(app.project.rules)}
    for spec in app.project.indexes.indexes if app.project.indexes is not None else ():
        for field in spec.fields:
            found |= {*(path_names(field.path) or ())}
    return frozenset(found) | code


def _code(app: Analysis) -> frozenset[str]:
    """The words of the functions and the backend."""
    found: set[str] = set()
    for folder in app.project.code:
        for path in walk(folder, lambda one: one.name not in _NOT_CODE):
            if path.suffix in _CODE:
                found |= _words(path)
    return frozenset(found)


def _words(path: Path) -> set[str]:
    try:
        return {*_WORD.findall(text_of(path, limit=_MOST_CODE))}
    except FileError:
        return set()


def _gets(app: Analysis) -> Iterator[str]:
    """`snapshot.get('field')`, wherever it is."""
    for unit in app.sources.units.values():
        for node in nodes(unit):
            if (
                isinstance(node, s.Call)
                and isinstance(node.target, s.Get)
                and node.target.name in ("get", "containsKey")
            ):
                for arg in node.args[:1]:
                    if isinstance(arg, s.Text):
                        yield "".join(piece for piece in arg.pieces if isinstance(piece, str))
