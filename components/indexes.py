"""Firestore's composite indexes and field overrides, one resource each.

Runbook: "firebase deploy --only firestore:indexes", "indexes are Ready", and the risk "index build time".

A resource is named by the index's canonical key, so the order in the file has no effect, and another shape is
another resource: the engine deletes the old one after everything else of the `up` has succeeded.

The first index is created alone, the others in a few parallel lanes: with many at once Firestore responds
"too much contention", which pulumi-gcp does not retry (firebase-tools issue 1119, terraform-provider-google
issue 6546). The key decides the lane, so a new index changes the dependencies of no other.

`up` waits until an index is READY, 10 to 60 minutes on a large collection. Indexes are not protected: they
can be built again from the file, and an index that is kept slows down writes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.index_file import FieldIndex, FieldSpec, IndexField, IndexSpec
from components._base import Component, Resources
from components.apis import Apis
from settings.model import GoogleSettings

BUILD_TIME = "120m"


@dataclass(frozen=True, kw_only=True)
class IndexesArgs:
    """google: the database and the number of lanes. apis: the enabled APIs."""

    google: GoogleSettings
    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]
    apis: Apis


def lane_of(key: str, lanes: int) -> int:
    """The lane of an index."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % lanes


class Indexes(Component):
    """The indexes and field overrides.

    `ids` has the indexes' full names by key. `ready` is what code that queries depends on.

    Example:
        args = IndexesArgs(google=settings.google, indexes=app.indexes, fields=app.fields, apis=apis)
        indexes = Indexes("indexes", args)
    """

    ids: dict[str, pulumi.Output[str]]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: IndexesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name = name
        self._google = args.google
        self.ids = {}
        self.ready = []
        apis = args.apis.of("firestore")
        last: dict[int, pulumi.Resource] = {}
        first: pulumi.Resource | None = None
        for spec in sorted(args.indexes, key=lambda spec: spec.key):
            lane = lane_of(spec.key, args.google.index_lanes)
            before = last.get(lane) or first
            index = self._index(spec, [before] if before else apis)
            if first is None:
                first = index
            else:
                last[lane] = index
            self.ids[spec.key] = index.id
        self.ready += [*last.values()] or ([first] if first else [])
        for spec in sorted(args.fields, key=lambda spec: spec.key):
            # One after another: field overrides meet the same contention.
            self.ready.append(self._field(spec, self.ready[-1:] or apis))
        self.register_outputs({"ids": self.ids})

    def _index(self, spec: IndexSpec, after: Resources) -> gcp.firestore.Index:
        return gcp.firestore.Index(
            f"{self._name}-{spec.key}",
            project=self._google.project,
            database=self._google.firestore_database,
            collection=spec.collection,
            query_scope=spec.query_scope,
            api_scope=spec.api_scope,
            density=spec.density,
            fields=[_index_field(field) for field in spec.fields],
            opts=self.child(depends_on=after, custom_timeouts=_TIMEOUTS),
        )

    def _field(self, spec: FieldSpec, after: Resources) -> gcp.firestore.Field:
        # Without `index_config` the field's indexing is unmanaged; an empty one turns all of it off.
        config: gcp.firestore.FieldIndexConfigArgsDict | None = None
        if spec.indexes is not None:
            entries = [_field_index(index) for index in spec.indexes]
            config = {"indexes": entries} if entries else {}
        return gcp.firestore.Field(
            f"{self._name}-{spec.key}",
            project=self._google.project,
            database=self._google.firestore_database,
            collection=spec.collection,
            field=spec.field,
            index_config=config,
            ttl_config={} if spec.ttl else None,
            opts=self.child(depends_on=after, custom_timeouts=_TIMEOUTS),
        )


_TIMEOUTS = pulumi.CustomTimeouts(create=BUILD_TIME, update=BUILD_TIME, delete=BUILD_TIME)


def _field_index(index: FieldIndex) -> gcp.firestore.FieldIndexConfigIndexArgsDict:
    if index.array_config is not None:
        return {"query_scope": index.query_scope, "array_config": index.array_config}
    return {"query_scope": index.query_scope, "order": index.order}


def _index_field(field: IndexField) -> gcp.firestore.IndexFieldArgsDict:
    if field.vector_dimension is not None:
        return {"field_path": field.path, "vector_config": {"dimension": field.vector_dimension, "flat": {}}}
    if field.array_config is not None:
        return {"field_path": field.path, "array_config": field.array_config}
    return {"field_path": field.path, "order": field.order}
