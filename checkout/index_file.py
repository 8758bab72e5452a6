"""Firestore's index file (`firestore.indexes.json`) in canonical form.

Two spellings of one index have one canonical key, so the order of the file changes nothing and a
duplicate is found whatever its spelling. The server appends `__name__` with the direction of the last
field (Firestore docs, "Default ordering and the __name__ field"), therefore a trailing `__name__` that
says just that is dropped; in a vector index it goes before the vector, where it must be written out.
Refuses what the API would refuse in the middle of an `up` (a composite of one field, a vector that is not
last), and every property it does not know, because ignoring one would build another index than the file
says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from settings.parsing import did_you_mean, kind_of, mapping, parse_json, sequence
from settings.problems import Problem

NAME = "__name__"
MAX_COMPOSITE = 1000  # composite indexes per database with billing (Firestore docs, quotas)
MAX_FIELDS = 100  # fields per composite index (Firestore docs, quotas)
MAX_DIMENSION = 2048  # vector dimension (Firestore docs, vector search)

_SCOPES = ("COLLECTION", "COLLECTION_GROUP", "COLLECTION_RECURSIVE")
_API_SCOPES = ("ANY_API", "DATASTORE_MODE_API", "MONGODB_COMPATIBLE_API")
_DENSITIES = ("SPARSE_ALL", "SPARSE_ANY", "DENSE")
_ORDERS = ("ASCENDING", "DESCENDING")
_INDEX_KEYS = ("collectionGroup", "collectionId", "queryScope", "fields", "apiScope", "density")
_FIELD_KEYS = ("fieldPath", "order", "arrayConfig", "vectorConfig", "mode")
_OVERRIDE_KEYS = ("collectionGroup", "collectionId", "fieldPath", "indexes", "ttl")
_OVERRIDE_INDEX_KEYS = ("queryScope", "order", "arrayConfig", "mode")
_LATER = ("multikey", "unique", "searchConfig", "expirationOffset")
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
    """A composite index. `key` is canonical: two spellings of one index have one key.

    `api_scope` and `density` are None when the file says nothing or the server's default.
    """

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
    """A field override. `indexes` None = not said, () = all single-field indexes off. `ttl` None =
    not said.
    """

    collection: str
    field: str
    indexes: tuple[FieldIndex, ...] | None
    ttl: bool | None
    key: str


@dataclass(frozen=True, kw_only=True)
class IndexFile:
    """What one index file declares, in the order of the file."""

    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]


def parse(text: str, file: str) -> tuple[IndexFile, list[Problem]]:
    """Read an index file. `file` is its name in messages. With problems, the result holds the sound
    entries.
    """
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
    """The name of an index: readable, and equal exactly for equal indexes, whatever the names hold."""
    parts = [_safe(collection), query_scope.lower()]
    parts += [scope.lower() for scope in (api_scope, density) if scope]
    for field in fields:
        kind = field.order or field.array_config
        suffix = _SHORT[kind] if kind else f"vector{field.vector_dimension}"
        parts.append(f"{_safe(field.path)}-{suffix}")
    return "/".join(parts)


def normal_fields(fields: tuple[IndexField, ...]) -> tuple[IndexField, ...]:
    """The fields without a trailing `__name__` that the server would add itself; with it before a
    vector.
    """
    if fields and fields[-1].vector_dimension is not None:
        before = fields[:-1]
        if not before or before[-1].path != NAME:
            order = (before[-1].order if before else None) or "ASCENDING"
            before = (*before, IndexField(path=NAME, order=order))
        return (*before, fields[-1])
    if len(fields) > 1 and fields[-1].path == NAME and fields[-1].order == (fields[-2].order or "ASCENDING"):
        return fields[:-1]
    return fields


def _safe(name: str) -> str:
    return quote(name, safe="")


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def read(self, document: Mapping[str, object]) -> tuple[IndexFile, list[Problem]]:
        self._known(document, ("indexes", "fieldOverrides"), "the file")
        indexes = self._indexes(self._list(document, "indexes", "the file"))
        fields = self._overrides(self._list(document, "fieldOverrides", "the file"))
        if len(indexes) > MAX_COMPOSITE:
            self._add(
                f"declares {len(indexes)} composite indexes; a database can have {MAX_COMPOSITE}.",
                "Remove indexes that no query needs.",
            )
        return IndexFile(indexes=tuple(indexes), fields=tuple(fields)), self.problems

    def _add(self, what: str, fix: str) -> None:
        self.problems.append(Problem(key=self.file, what=what, fix=fix))

    def _known(self, entry: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
        for name in entry:
            if name in _LATER:
                if entry[name] is False:
                    continue  # what is off is as if it were not there
                self._add(
                    f'{where}: "{name}" is not yet supported by this program.',
                    f'Remove "{name}", or manage this index outside of {self.file}.',
                )
            elif name not in known:
                guess = did_you_mean(name, known)
                self._add(
                    f'{where}: "{name}" is not a known property.', f"{guess}Known are {', '.join(known)}."
                )

    def _list(self, entry: Mapping[str, object], name: str, where: str) -> list[object]:
        value = entry.get(name)
        found = sequence(value)
        if found is None and value is not None:
            self._add(
                f'{where}: "{name}" must be a list, but is {kind_of(value)}.', f'Write "{name}": [ … ].'
            )
        return found or []

    def _one_of(
        self, entry: Mapping[str, object], name: str, allowed: tuple[str, ...], where: str
    ) -> str | None:
        value = entry.get(name)
        if value is None or value in allowed:
            return value if isinstance(value, str) else None
        guess = did_you_mean(value, allowed) if isinstance(value, str) else ""
        self._add(
            f'{where}: "{name}" is {value!r}, which Firestore does not know.',
            f"{guess}Use one of {', '.join(allowed)}.",
        )
        return None

    def _text(self, entry: Mapping[str, object], names: tuple[str, ...], where: str) -> str | None:
        for name in names:
            value = entry.get(name)
            if isinstance(value, str) and value:
                return value
        self._add(f'{where}: "{names[0]}" is missing or not text.', f'Write "{names[0]}": "…".')
        return None

    def _collection(
        self, entry: Mapping[str, object], where: str, *, default_allowed: bool = False
    ) -> str | None:
        name = self._text(entry, ("collectionGroup", "collectionId"), where)
        if name is None or (default_allowed and name == "__default__"):
            return name
        if "/" in name or name in {".", ".."} or (name.startswith("__") and name.endswith("__")):
            self._add(
                f'{where}: "{name}" is not a collection id.',
                'Give the last part of the path only: "messages", not "threads/x/messages".',
            )
            return None
        return name

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
            said = "none of" if not given else "more than one of"
            self._add(
                f"{where}: has {said} order, arrayConfig and vectorConfig.",
                'Give exactly one, for example "order": "ASCENDING".',
            )
            return None
        return order, array, vector

    def _vector(self, value: object, where: str) -> int | None:
        config = mapping(value) or {}
        dimension = config.get("dimension")
        flat = mapping(config.get("flat"))
        if isinstance(dimension, bool) or not isinstance(dimension, int) or flat is None or len(config) != 2:
            self._add(
                f"{where}: vectorConfig is not complete.",
                'Write "vectorConfig": {"dimension": 768, "flat": {}} with the size of your embedding.',
            )
            return None
        if not 1 <= dimension <= MAX_DIMENSION:
            self._add(
                f"{where}: a vector of {dimension} dimensions is not possible.",
                f"Give a dimension from 1 to {MAX_DIMENSION}.",
            )
            return None
        return dimension

    def _indexes(self, entries: list[object]) -> list[IndexSpec]:
        found: dict[str, tuple[IndexSpec, int]] = {}
        for number, raw in enumerate(entries):
            index = self._index(raw, f"indexes[{number}]")
            if index is None:
                continue
            if index.key in found:
                first = found[index.key][1]
                self._add(
                    f"indexes[{number}] is the same index as indexes[{first}] "
                    f"({index.collection}: {', '.join(field.path for field in index.fields)}).",
                    f"Remove one of the two. A trailing {NAME} in the same direction says nothing new.",
                )
                continue
            found[index.key] = (index, number)
        return [index for index, _ in found.values()]

    def _index(self, raw: object, where: str) -> IndexSpec | None:
        entry = mapping(raw)
        if entry is None:
            self._add(f"{where} must be an object, but is {kind_of(raw)}.", f"Mend or remove {where}.")
            return None
        before = len(self.problems)
        self._known(entry, _INDEX_KEYS, where)
        collection = self._collection(entry, where)
        if collection is not None:
            where = f"{where} ({collection})"
        scope = self._one_of(entry, "queryScope", _SCOPES, where) or "COLLECTION"
        api_scope = self._one_of(entry, "apiScope", _API_SCOPES, where)
        density = self._one_of(entry, "density", _DENSITIES, where)
        fields: list[IndexField] = []
        for number, raw_field in enumerate(self._list(entry, "fields", where)):
            field = self._field(raw_field, f"{where}.fields[{number}]")
            if field is not None:
                fields.append(field)
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

    def _field(self, raw: object, where: str) -> IndexField | None:
        entry = mapping(raw)
        if entry is None:
            self._add(f"{where} must be an object, but is {kind_of(raw)}.", f"Mend or remove {where}.")
            return None
        self._known(entry, _FIELD_KEYS, where)
        path = self._text(entry, ("fieldPath",), where)
        direction = self._direction(entry, where)
        if path is None or direction is None:
            return None
        order, array, vector = direction
        return IndexField(path=path, order=order, array_config=array, vector_dimension=vector)

    def _shape(self, fields: tuple[IndexField, ...], where: str) -> None:
        paths = [field.path for field in fields]
        if not fields:
            self._add(f"{where}: has no fields.", f"Add fields, or remove {where}.")
            return
        if len(fields) == 1 and not (fields[0].path == NAME and fields[0].order == "DESCENDING"):
            self._add(
                f"{where}: an index on the single field {paths[0]} is not a composite index. Firestore makes "
                "single-field indexes by itself and refuses this one.",
                f"Remove {where}. To change a single-field index, use fieldOverrides.",
            )
        if len(fields) > MAX_FIELDS:
            self._add(f"{where}: has {len(fields)} fields; the limit is {MAX_FIELDS}.", "Remove fields.")
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            self._add(f"{where}: the field {path} is there twice.", f"Name {path} once.")
        if any(field.vector_dimension is not None for field in fields[:-1]):
            self._add(f"{where}: a vector field must be the last one.", "Move the vector field to the end.")
        vector_last = fields[-1].vector_dimension is not None
        if NAME in paths[: -2 if vector_last else -1]:
            self._add(
                f"{where}: {NAME} can only be the last field (or the last before a vector).",
                f"Move {NAME} to the end, or leave it out.",
            )

    def _overrides(self, entries: list[object]) -> list[FieldSpec]:
        found: dict[str, FieldSpec] = {}
        for number, raw in enumerate(entries):
            where = f"fieldOverrides[{number}]"
            spec = self._override(raw, where)
            if spec is None:
                continue
            if spec.key in found:
                self._add(
                    f"{where}: {spec.collection}.{spec.field} already has an override above.",
                    "Merge the two overrides into one.",
                )
                continue
            found[spec.key] = spec
        return list(found.values())

    def _override(self, raw: object, where: str) -> FieldSpec | None:
        entry = mapping(raw)
        if entry is None:
            self._add(f"{where} must be an object, but is {kind_of(raw)}.", f"Mend or remove {where}.")
            return None
        before = len(self.problems)
        self._known(entry, _OVERRIDE_KEYS, where)
        collection = self._collection(entry, where, default_allowed=True)
        path = self._text(entry, ("fieldPath",), where)
        if collection is not None and path is not None:
            where = f"{where} ({collection}.{path})"
        ttl = entry.get("ttl")
        if ttl is not None and not isinstance(ttl, bool):
            self._add(f'{where}: "ttl" must be true or false, not {kind_of(ttl)}.', 'Write "ttl": true.')
        indexes = self._override_indexes(entry, where) if entry.get("indexes") is not None else None
        if ttl is None and indexes is None:
            self._add(
                f'{where}: says neither "indexes" nor "ttl", so it overrides nothing.',
                'Write "indexes": [] to turn all single-field indexes off, or remove the entry.',
            )
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
        for number, raw in enumerate(self._list(entry, "indexes", where)):
            place = f"{where}.indexes[{number}]"
            item = mapping(raw)
            if item is None:
                self._add(f"{place} must be an object, but is {kind_of(raw)}.", f"Mend or remove {place}.")
                continue
            self._known(item, _OVERRIDE_INDEX_KEYS, place)
            scope = self._one_of(item, "queryScope", _SCOPES[:2], place) or "COLLECTION"
            direction = self._direction(item, place)
            if direction is None:
                continue
            index = FieldIndex(query_scope=scope, order=direction[0], array_config=direction[1])
            if index in found:
                self._add(f"{place} is there twice.", f"Remove {place}.")
                continue
            found.append(index)
        return tuple(found)
