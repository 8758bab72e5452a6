"""Firestore's index file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class IndexField:
    """One field of a composite index; exactly one of `order`, `array_config`, `vector_dimension` is set."""

    path: str
    order: str | None = None
    array_config: str | None = None
    vector_dimension: int | None = None


@dataclass(frozen=True, kw_only=True)
class IndexSpec:
    """A composite index. `key` is canonical: two spellings of one index have one key."""

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
    """A field override. `indexes` None = not said, () = all single-field indexes off. `ttl` None = not said."""

    collection: str
    field: str
    indexes: tuple[FieldIndex, ...] | None
    ttl: bool | None
    key: str
