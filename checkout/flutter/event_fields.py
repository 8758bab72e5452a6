"""E2: new events have their author, their schema version, and are not archived."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from checkout.flutter.analysis import Analysis, blamed, distinct, in_collection, shown_path, through
from checkout.flutter.log import Write
from checkout.flutter.results import Finding, LineResult
from checkout.flutter.values import NULL, Const, MapValue, Str, Unknown, Value, narrow
from checkout.rules_parser import RulesSyntaxError, parse

_CREATES = ("add", "set", "merge")
_ALSO_OF_NEW = ("createdAt", "created_at", "createdOn")


def check(app: Analysis) -> LineResult:
    """The line E2."""
    unknown = [*app.unread]
    wrong: list[tuple[Write, str, str]] = []
    right: list[Write] = []
    places: set[tuple[str, int]] = set()
    for write in app.log.writes:
        if write.kind not in _CREATES:
            continue
        answer = in_collection(write.ref.path, app.names.events)
        if answer is None and app.runs(write):
            if write.ref.path is not None:
                unknown.append(_where(write, "it is not known whether this creates an event"))
            elif any(_looks_like_event(app, alt.value) for alt in write.data):
                unknown.append(
                    _where(write, "creates what may be an event, in a collection that is not known")
                )
        elif answer and len(write.ref.path or ()) % 2 == 0 and _is_event(app, write):
            places.add((write.file, write.line))
            found = list(_of_write(app, write, unknown))
            wrong += [(write, what, name) for what, name in found]
            if not found:
                right.append(write)
    findings: list[Finding] = []
    for write, what, name in wrong:
        place = blamed(write, right, lambda _: True)
        findings.append(_finding(app, write, place, what, name))
    checked = f"{len(app.sources.units)} Dart files, {len(places)} places that create an event"
    return LineResult(
        id="E2", findings=distinct(findings), unknown=tuple(dict.fromkeys(unknown)), checked=checked
    )


def _is_event(app: Analysis, write: Write) -> bool:
    """Whether the document is an event, and not one in a collection below an event."""
    return in_collection((write.ref.path or ())[-2:], app.names.events.rpartition("/")[2]) is True


def _looks_like_event(app: Analysis, value: Value) -> bool:
    return isinstance(value, MapValue) and app.names.schema_version in value.entries


def _where(write: Write, why: str) -> str:
    return f"{write.file}:{write.line}: {write.kind}() of {shown_path(write.ref.path)}: {why}."


def _of_write(app: Analysis, write: Write, unknown: list[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a new event, and the field."""
    for alt in narrow(write.data, write.guard):
        data = alt.value
        if not isinstance(data, MapValue):
            if app.runs(write):
                unknown.append(_where(write, "what it writes is not known"))
            continue
        whole = replace(data, created=data.created | write.guard | alt.guard)
        if write.kind == "merge" and not write.ref.is_new and not _is_creation(app, whole):
            continue
        yield from _of_map(app, write, whole, open_map=data.open, unknown=unknown)


def _is_creation(app: Analysis, data: MapValue) -> bool:
    """Whether a write that merges looks like a creation: it says who created the event, or when."""
    names = app.names
    if names.created_by in data.entries or any(name in data.entries for name in _ALSO_OF_NEW):
        return True
    archived = {alt.value for alt in data.entries.get(names.is_archived, ())}
    return names.schema_version in data.entries and Const(False) in archived


def _of_map(
    app: Analysis, write: Write, data: MapValue, *, open_map: bool, unknown: list[str]
) -> Iterator[tuple[str, str]]:
    names = app.names
    for name in (names.created_by, names.schema_version, names.is_archived):
        values = tuple(alt for alt in data.entries.get(name, ()))
        if not data.has(name):
            if open_map and app.runs(write):
                unknown.append(_where(write, f"it is not known whether it has {name}"))
            if open_map:
                continue
            partly = " in every case" if values else ""
            yield f"creates an event without {name}{partly}", name
            continue
        found = {alt.value for alt in narrow(values, data.created)}
        wrong = [(value, why) for value in found if (why := _wrong_value(app, name, value))]
        if wrong and len(wrong) == len(found):
            yield f"creates an event with {wrong[0][1]}", name
        elif wrong:
            unknown.append(_where(write, f"it is not known whether it can have {wrong[0][1]}"))
        elif name == names.is_archived and Const(False) not in found:
            unknown.append(_where(write, f"the value of {name} is not known"))


def _wrong_value(app: Analysis, name: str, value: Value) -> str:
    """What is wrong with a value of a required field; "" if nothing is known to be."""
    if isinstance(value, Unknown):
        return ""
    if value in (NULL, Str("")):
        return f"{name}: {'null' if value == NULL else repr('')}"
    if name == app.names.is_archived and value != Const(False):
        return f"{name}: {_shown(value)}, not false"
    if name != app.names.schema_version:
        return ""
    wanted = _version_of_rules(app)
    if isinstance(value, Const) and isinstance(value.value, bool):
        return f"{name}: {_shown(value)}"
    other = isinstance(value, Str) or (isinstance(value, Const) and value.value != wanted)
    if wanted is not None and other:
        return f"{name}: {_shown(value)}, where the rules want {wanted:g}"
    return ""


def _shown(value: Value) -> str:
    if isinstance(value, Const):
        return str(value.value).lower() if isinstance(value.value, bool) else f"{value.value:g}"
    return repr(value.text) if isinstance(value, Str) else "another value"


def _version_of_rules(app: Analysis) -> float | None:
    """The schema version that the rules want of a new event, if they name one."""
    collection = app.names.events.rpartition("/")[2]
    pattern = re.compile(rf"\b{re.escape(app.names.schema_version)}\s*==\s*(\d+)")
    try:
        allows = parse(app.project.rules) if app.project.rules else ()
    except RulesSyntaxError:
        return None
    for allow in allows:
        if collection in allow.pattern and {"create", "write"} & {*allow.methods} and allow.condition:
            found = pattern.search(allow.condition)
            if found is not None:
                return float(found[1])
    return None


def _finding(app: Analysis, write: Write, place: tuple[str, int], what: str, name: str) -> Finding:
    value = {
        app.names.created_by: "the signed-in user's uid",
        app.names.schema_version: "the number of the current schema",
        app.names.is_archived: "false",
    }[name]
    maps = [alt.value for alt in write.data if isinstance(alt.value, MapValue)]
    made = next(((one.file, one.line) for one in maps if one.file), place)
    where = "" if made == place else f" (the map is made at {made[0]}:{made[1]})"
    return Finding(
        file=place[0],
        line=place[1],
        what=f"{what} ({shown_path(write.ref.path)}){through(write, place)}{where}.",
        fix=f"write {name}: {value} into the new document.",
    )
