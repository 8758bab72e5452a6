"""Firestore's index file (`firestore.indexes.json`) in canonical form.

Equal indexes have the same key, however they are written, so the order in the file has no effect and
duplicates are found. The server appends `__name__` in the direction of the last field (Firestore docs,
"Default ordering and the __name__ field"), so a trailing `__name__` in that direction is removed; in a vector
index it comes before the vector and must be sent.

What the API rejects in the middle of an `up` is an error here (a composite index of one field, two array
fields, a second TTL field of a collection), and so is every unknown property, because ignoring it could build
another index. Only those that cannot are ignored: `$schema`, and the `name` and `state` of Google's output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from settings.parsing import did_you_mean, kind_of, mapping, parse_json, sequence
from settings.problems import Problem

NAME = "__name__"
MAX_COMPOSITE = 1000  # composite indexes per database with billing (Firestore docs, quotas)
MAX_FIELDS = 100  # fields per composite index (Firestore docs, quotas)
MAX_OVERRIDES = 1000  # fields with settings of their own per database, with billing (Firestore docs, quotas)
MAX_NAME_BYTES = 1500  # of a collection id and of a field path (Firestore docs, quotas)
MAX_DIMENSION = 2048  # vector dimension (Firestore docs, vector search)

# What the Standard edition in native mode has (Firestore Admin API, `Index`); and the API's other values.
_SCOPES = ("COLLECTION", "COLLECTION_GROUP")
_API_SCOPES = ("ANY_API",)
_DENSITIES = ("SPARSE_ALL",)
_OTHER_EDITIONS = (
    "COLLECTION_RECURSIVE",
    "DATASTORE_MODE_API",
    "MONGODB_COMPATIBLE_API",
    "SPARSE_ANY",
    "DENSE",
)
# A segment of a field path: a simple name, or any name in backticks (Firestore docs, quotas, "Field paths").
_SIMPLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SEGMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)|`((?:\\.|[^`\\])+)`", re.DOTALL)
_RESERVED_NAME = re.compile(r"__.*__", re.DOTALL)
_ORDERS = ("ASCENDING", "DESCENDING")
_INDEX_KEYS = ("collectionGroup", "collectionId", "queryScope", "fields", "apiScope", "density")
_FIELD_KEYS = ("fieldPath", "order", "arrayConfig", "vectorConfig", "mode")
_OVERRIDE_KEYS = ("collectionGroup", "collectionId", "fieldPath", "indexes", "ttl")
_OVERRIDE_INDEX_KEYS = ("queryScope", "order", "arrayConfig", "mode")
# What Google's own output and editors add to an entry; it changes no index.
_IGNORED = ("$schema", "name", "state")
_UNSUPPORTED = ("multikey", "unique", "searchConfig", "expirationOffset")
_SHORT = {"ASCENDING": "asc", "DESCENDING": "desc", "CONTAINS": "contains"}


@dataclass(frozen=True, kw_only=True)
class IndexField:
    """One field of a composite index; exactly one of `order`, `array_config`, `vector_dimension` is set."""

    path: str
    order: str | None = None
    array_config: str | None = None
    vector_dimension: int | None = None


@dataclass(frozen=True, kw_only=True)
class IndexSpec:
    """A composite index. `api_scope` and `density` are None for the server's default."""

    collection: str
    query_scope: str
    api_scope: str | None
    density: str | None
    fields: tuple[IndexField, ...]
    key: str


@dataclass(frozen=True, kw_only=True)
class FieldIndex:
    """One single-field index of a field override."""

    query_scope: str
    order: str | None = None
    array_config: str | None = None


@dataclass(frozen=True, kw_only=True)
class FieldSpec:
    """A field override. `indexes` and `ttl` are None if the file does not set them; () turns all
    single-field indexes off."""

    collection: str
    field: str
    indexes: tuple[FieldIndex, ...] | None
    ttl: bool | None
    key: str


@dataclass(frozen=True, kw_only=True)
class IndexFile:
    """The content of an index file, in the file's order."""

    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]


def parse(text: str, file: str) -> tuple[IndexFile, list[Problem]]:
    """The valid entries of an index file, and its problems. `file` is its name in messages."""
    document, problems = parse_json(text, file)
    if document is None:
        return IndexFile(indexes=(), fields=()), problems
    return _Reader(file).read(document)


def canonical_key(
    collection: str,
    query_scope: str,
    fields: tuple[IndexField, ...],
    api_scope: str | None = None,
    density: str | None = None,
) -> str:
    """The readable key of an index. Equal indexes, and only those, have equal keys."""
    parts = [_safe(collection), query_scope.lower()]
    parts += [scope.lower() for scope in (api_scope, density) if scope]
    for field in fields:
        kind = field.order or field.array_config
        suffix = _SHORT[kind] if kind else f"vector{field.vector_dimension}"
        parts.append(f"{_safe(field.path)}-{suffix}")
    return "/".join(parts)


def normal_fields(fields: tuple[IndexField, ...]) -> tuple[IndexField, ...]:
    """The fields without the trailing `__name__` that the server appends; with it before a vector."""
    if fields and fields[-1].vector_dimension is not None:
        before = fields[:-1]
        if not before or before[-1].path != NAME:
            order = (before[-1].order if before else None) or "ASCENDING"
            before = (*before, IndexField(path=NAME, order=order))
        return (*before, fields[-1])
    if len(fields) > 1 and fields[-1].path == NAME and fields[-1].order == (fields[-2].order or "ASCENDING"):
        return fields[:-1]
    return fields


def path_names(path: str) -> tuple[str, ...] | None:
    """The names in a field path, without backticks; None if it is not a field path."""
    names: list[str] = []
    at = 0
    while (segment := _SEGMENT.match(path, at)) is not None:
        names.append(segment[1] or re.sub(r"\\(.)", r"\1", segment[2], flags=re.DOTALL))
        at = segment.end() + 1
        if segment.end() == len(path):
            return tuple(names)
        if path[segment.end()] != ".":
            return None
    return None


def _written(name: str) -> str:
    """A name in a field path, in backticks if it needs them, so that equal paths are equal texts."""
    if _SIMPLE_NAME.fullmatch(name):
        return name
    return "`" + re.sub(r"([`\\])", r"\\\1", name) + "`"


def _safe(name: str) -> str:
    return quote(name, safe="")


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def read(self, document: Mapping[str, object]) -> tuple[IndexFile, list[Problem]]:
        self._known(document, ("indexes", "fieldOverrides"), "the file")
        indexes = self._indexes(document)
        fields = self._overrides(document)
        if len(indexes) > MAX_COMPOSITE:
            what = f"has {len(indexes)} composite indexes; a database can have {MAX_COMPOSITE}."
            self._add(what, "Remove indexes that no query needs.")
        if len(fields) > MAX_OVERRIDES:
            what = f"has {len(fields)} field overrides; a database can have {MAX_OVERRIDES}."
            self._add(what, "Remove overrides, or turn indexes off for whole collections: fieldPath *.")
        self._one_ttl(fields)
        return IndexFile(indexes=tuple(indexes), fields=tuple(fields)), self.problems

    def _add(self, what: str, fix: str) -> None:
        self.problems.append(Problem(key=self.file, what=what, fix=fix))

    def _known(self, entry: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
        for name in entry:
            if name in _UNSUPPORTED and entry[name] is not False:
                fix = f'Remove "{name}", or manage this index outside of {self.file}.'
                self._add(f'{where}: "{name}" is not supported by this program.', fix)
            elif name not in (*known, *_IGNORED, *_UNSUPPORTED):
                fix = f"{did_you_mean(name, known)}The known properties are {', '.join(known)}."
                self._add(f'{where}: "{name}" is not a known property.', fix)

    def _objects(
        self, entry: Mapping[str, object], name: str, where: str, label: str
    ) -> Iterator[tuple[str, dict[str, object]]]:
        """The objects of a list with their places (`label`, numbered)."""
        value = entry.get(name)
        found = sequence(value)
        if found is None and value is not None:
            what = f'{where}: "{name}" must be a list, but is {kind_of(value)}.'
            self._add(what, f'Write "{name}": [ … ].')
        for number, raw in enumerate(found or []):
            place, item = f"{label}[{number}]", mapping(raw)
            if item is None:
                self._add(f"{place} must be an object, but is {kind_of(raw)}.", f"Correct or remove {place}.")
            else:
                yield place, item

    def _one_of(
        self, entry: Mapping[str, object], name: str, allowed: tuple[str, ...], where: str
    ) -> str | None:
        value = entry.get(name)
        if value is None or value in allowed:
            return value if isinstance(value, str) else None
        if value in _OTHER_EDITIONS:
            what = (
                f'{where}: "{name}" is {value}, which a database of the Standard edition in native mode does '
                "not have."
            )
            self._add(what, f'Write "{name}": "{allowed[0]}", or remove "{name}".')
            return None
        guess = did_you_mean(value, allowed) if isinstance(value, str) else ""
        what = f'{where}: "{name}" is {value!r}, which Firestore does not know.'
        self._add(what, f"{guess}Use one of {', '.join(allowed)}.")
        return None

    def _string(self, entry: Mapping[str, object], names: tuple[str, ...], where: str) -> str | None:
        for name in names:
            value = entry.get(name)
            if isinstance(value, str) and value:
                return value
        self._add(f'{where}: "{names[0]}" is missing or not a string.', f'Write "{names[0]}": "…".')
        return None

    def _collection(
        self, entry: Mapping[str, object], where: str, *, default_allowed: bool = False
    ) -> str | None:
        name = self._string(entry, ("collectionGroup", "collectionId"), where)
        if name is None or (default_allowed and name == "__default__"):
            return name
        if "/" in name or name in {".", ".."} or (name.startswith("__") and name.endswith("__")):
            fix = 'Write only the last part of the path: "messages", not "threads/x/messages".'
            self._add(f'{where}: "{name}" is not a collection id.', fix)
            return None
        if len(name.encode()) > MAX_NAME_BYTES:
            what = (
                f"{where}: the collection id has {len(name.encode())} bytes; the limit is {MAX_NAME_BYTES}."
            )
            self._add(what, "Correct the collection id.")
            return None
        return name

    def _path(
        self, entry: Mapping[str, object], where: str, *, every_field_allowed: bool = False
    ) -> str | None:
        """The field path, with backticks only where they are needed."""
        path = self._string(entry, ("fieldPath",), where)
        if path is not None and len(path.encode()) > MAX_NAME_BYTES:
            what = f"{where}: the field path has {len(path.encode())} bytes; the limit is {MAX_NAME_BYTES}."
            self._add(what, "Correct the path.")
            return None
        if path is None or path == NAME or (every_field_allowed and path == "*"):
            return path
        names = path_names(path)
        if names is None:
            parts = ".".join(_written(part) for part in path.replace("`", "").split(".") if part)
            self._add(
                f'{where}: "{path}" is not a field path (names of letters, digits and _, no digit first, or '
                "any names in backticks, with single dots between them).",
                f"Write {parts} if you mean that field." if parts else "Name a field.",
            )
            return None
        for name in names:
            if _RESERVED_NAME.fullmatch(name):
                what = f'{where}: "{path}" has the name {name}, which Firestore reserves.'
                self._add(
                    what,
                    f"Name another field. Of the reserved names only {NAME} is one, without backticks.",
                )
                return None
        return ".".join(map(_written, names))

    def _direction(
        self, entry: Mapping[str, object], where: str
    ) -> tuple[str | None, str | None, int | None] | None:
        """(order, array_config, vector_dimension), exactly one of them set; None after a problem."""
        mode = self._one_of(entry, "mode", (*_ORDERS, "ARRAY_CONTAINS"), where)  # the file format of 2018
        before = len(self.problems)
        order = self._one_of(entry, "order", _ORDERS, where) or (mode if mode in _ORDERS else None)
        array = self._one_of(entry, "arrayConfig", ("CONTAINS",), where)
        if mode == "ARRAY_CONTAINS":
            array = "CONTAINS"
        vector = self._vector(entry["vectorConfig"], where) if "vectorConfig" in entry else None
        if len(self.problems) > before:
            return None
        given = [value for value in (order, array, vector) if value is not None]
        if len(given) != 1:
            has = "more than one" if given else "none"
            what = f"{where}: has {has} of order, arrayConfig and vectorConfig."
            self._add(what, 'Write exactly one, for example "order": "ASCENDING".')
            return None
        return order, array, vector

    def _vector(self, value: object, where: str) -> int | None:
        config = mapping(value) or {}
        dimension = config.get("dimension")
        flat = mapping(config.get("flat"))
        if isinstance(dimension, bool) or not isinstance(dimension, int) or flat is None or len(config) != 2:
            fix = 'Write "vectorConfig": {"dimension": 768, "flat": {}} with the size of your embedding.'
            self._add(f"{where}: vectorConfig is not complete.", fix)
            return None
        if not 1 <= dimension <= MAX_DIMENSION:
            fix = f"Use a dimension from 1 to {MAX_DIMENSION}."
            self._add(f"{where}: a vector cannot have {dimension} dimensions.", fix)
            return None
        return dimension

    def _indexes(self, document: Mapping[str, object]) -> list[IndexSpec]:
        found: dict[str, IndexSpec] = {}
        places: dict[str, str] = {}
        for where, entry in self._objects(document, "indexes", "the file", "indexes"):
            index = self._index(entry, where)
            if index is None:
                continue
            if index.key in found:
                paths = ", ".join(field.path for field in index.fields)
                what = f"{where} is the same index as {places[index.key]} ({index.collection}: {paths})."
                self._add(what, f"Remove one. A trailing {NAME} in the same direction has no effect.")
            else:
                found[index.key], places[index.key] = index, where
        return list(found.values())

    def _index(self, entry: Mapping[str, object], where: str) -> IndexSpec | None:
        before = len(self.problems)
        self._known(entry, _INDEX_KEYS, where)
        collection = self._collection(entry, where)
        if collection is not None:
            where = f"{where} ({collection})"
        scope = self._one_of(entry, "queryScope", _SCOPES, where) or "COLLECTION"
        api_scope = self._one_of(entry, "apiScope", _API_SCOPES, where)
        density = self._one_of(entry, "density", _DENSITIES, where)
        fields: list[IndexField] = []
        for place, raw in self._objects(entry, "fields", where, f"{where}.fields"):
            self._known(raw, _FIELD_KEYS, place)
            path = self._path(raw, place)
            direction = self._direction(raw, place)
            if path is not None and direction is not None:
                order, array, vector = direction
                fields.append(IndexField(path=path, order=order, array_config=array, vector_dimension=vector))
        if len(self.problems) > before or collection is None:
            return None
        normal = normal_fields(tuple(fields))
        self._shape(normal, where)
        if len(self.problems) > before:
            return None
        api_scope = None if api_scope == "ANY_API" else api_scope
        density = None if density == "SPARSE_ALL" else density
        return IndexSpec(
            collection=collection,
            query_scope=scope,
            api_scope=api_scope,
            density=density,
            fields=normal,
            key=canonical_key(collection, scope, normal, api_scope, density),
        )

    def _shape(self, fields: tuple[IndexField, ...], where: str) -> None:
        paths = [field.path for field in fields]
        if not fields:
            self._add(f"{where}: has no fields.", f"Add fields, or remove {where}.")
            return
        if len(fields) == 1 and not (fields[0].path == NAME and fields[0].order == "DESCENDING"):
            self._add(
                f"{where}: an index on the single field {paths[0]} is not a composite index. Firestore "
                "creates it itself and rejects this one.",
                f"Remove {where}. To change a single-field index, use fieldOverrides.",
            )
        if len(fields) > MAX_FIELDS:
            self._add(f"{where}: has {len(fields)} fields; the limit is {MAX_FIELDS}.", "Remove fields.")
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            self._add(f"{where}: has the field {path} twice.", f"Name {path} once.")
        arrays = [field.path for field in fields if field.array_config is not None]
        if len(arrays) > 1:
            what = f"{where}: has {len(arrays)} array fields ({', '.join(arrays)}); an index can have one."
            self._add(what, 'Write one index for each of them, or "order" for all but one.')
        if NAME in arrays:
            self._add(f"{where}: {NAME} is not an array.", f'Write "order": "ASCENDING" for {NAME}.')
        if any(field.vector_dimension is not None for field in fields[:-1]):
            self._add(f"{where}: a vector field must be the last one.", "Move the vector field to the end.")
        vector_last = fields[-1].vector_dimension is not None
        if NAME in paths[: -2 if vector_last else -1]:
            what = f"{where}: {NAME} can only be the last field (or the last before a vector)."
            self._add(what, f"Move {NAME} to the end, or remove it.")

    def _one_ttl(self, fields: list[FieldSpec]) -> None:
        """One field of a collection group can have a TTL policy (Firestore docs, TTL policies)."""
        first: dict[str, str] = {}
        for spec in fields:
            if spec.ttl and first.setdefault(spec.collection, spec.field) != spec.field:
                what = f"{spec.collection} has the TTL fields {first[spec.collection]} and {spec.field}; "
                fix = f'Remove "ttl": true from {spec.collection}.{first[spec.collection]} or .{spec.field}.'
                self._add(f"{what}a collection group can have one.", fix)

    def _overrides(self, document: Mapping[str, object]) -> list[FieldSpec]:
        found: dict[str, FieldSpec] = {}
        for where, entry in self._objects(document, "fieldOverrides", "the file", "fieldOverrides"):
            spec = self._override(entry, where)
            if spec is None:
                continue
            if found.setdefault(spec.key, spec) is not spec:
                what = f"{where}: {spec.collection}.{spec.field} already has an override above."
                self._add(what, "Merge the two overrides into one.")
        return list(found.values())

    def _override(self, entry: Mapping[str, object], where: str) -> FieldSpec | None:
        before = len(self.problems)
        self._known(entry, _OVERRIDE_KEYS, where)
        collection = self._collection(entry, where, default_allowed=True)
        path = self._path(entry, where, every_field_allowed=True)
        if collection is not None and path is not None:
            where = f"{where} ({collection}.{path})"
        ttl = entry.get("ttl")
        if ttl is not None and not isinstance(ttl, bool):
            self._add(f'{where}: "ttl" must be a boolean, but is {kind_of(ttl)}.', 'Write "ttl": true.')
        if ttl is True and (collection == "__default__" or path == "*"):
            what = f"{where}: a TTL policy is for one field of one collection group."
            self._add(what, 'Name the collection and the field, or remove "ttl".')
        indexes = self._override_indexes(entry, where) if entry.get("indexes") is not None else None
        if ttl is None and indexes is None:
            fix = 'Write "indexes": [] to turn all single-field indexes off, or remove the entry.'
            self._add(f'{where}: has neither "indexes" nor "ttl", so it has no effect.', fix)
        if len(self.problems) > before or collection is None or path is None:
            return None
        return FieldSpec(
            collection=collection,
            field=path,
            indexes=indexes,
            ttl=ttl if isinstance(ttl, bool) else None,
            key=f"{_safe(collection)}/{_safe(path)}",
        )

    def _override_indexes(self, entry: Mapping[str, object], where: str) -> tuple[FieldIndex, ...]:
        found: list[FieldIndex] = []
        for place, item in self._objects(entry, "indexes", where, f"{where}.indexes"):
            self._known(item, _OVERRIDE_INDEX_KEYS, place)
            scope = self._one_of(item, "queryScope", _SCOPES, place) or "COLLECTION"
            direction = self._direction(item, place)
            if direction is None:
                continue
            index = FieldIndex(query_scope=scope, order=direction[0], array_config=direction[1])
            if index in found:
                self._add(f"{place}: the same index is listed above.", f"Remove {place}.")
            else:
                found.append(index)
        return tuple(found)
