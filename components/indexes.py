"""Firestore's composite indexes and field overrides, one resource each.

Runbook: "firebase deploy --only firestore:indexes", "indexes are Ready", and the risk "index build time".

A resource is named by the index's canonical key, so the order in the file means nothing. The first index is
created alone and the rest in a few lanes: many at once make Firestore answer "too much contention", which
pulumi-gcp does not repeat (firebase-tools issue 1119, terraform-provider-google issue 6546). An index's lane
comes from its key, so adding one moves no other.

It refuses to delete an index before its replacement is ready: another shape is another key, hence another
resource, and the engine deletes only after everything else of the `up` has succeeded. `up` waits until an
index is READY; a build takes 10 to 60 minutes on a grown collection, hence the two hours. Indexes are not
protected: what one holds can be built again from the file, and leaving one behind costs writes for ever.
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
    """google: the database, and how many indexes may build at once. apis: the enabled ones."""

    google: GoogleSettings
    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]
    apis: Apis


def lane_of(key: str, lanes: int) -> int:
    """The lane of an index, from its key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % lanes


class Indexes(Component):
    """The indexes and overrides. `ready` is what code that queries must wait for; `ids` by canonical key."""

    ids: dict[str, pulumi.Output[str]]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: IndexesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name = name
        self._google = args.google
        self.ids = {}
        self.ready = []
        on = args.apis.of("firestore")
        ends: dict[int, pulumi.Resource] = {}
        first: pulumi.Resource | None = None
        for spec in sorted(args.indexes, key=lambda spec: spec.key):
            lane = lane_of(spec.key, args.google.index_lanes)
            before = ends.get(lane) or first
            index = self._index(spec, [before] if before else on)
            if first is None:
                first = index
            else:
                ends[lane] = index
            self.ids[spec.key] = index.id
        self.ready += [*ends.values()] or ([first] if first else [])
        for spec in sorted(args.fields, key=lambda spec: spec.key):
            # Fields are settings of the same database, refused in the same way when many come at once.
            before = self.ready[-1:] or on
            self.ready.append(self._field(spec, before))
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
            opts=self.child(
                depends_on=after,
                custom_timeouts=pulumi.CustomTimeouts(create=BUILD_TIME, delete=BUILD_TIME),
            ),
        )

    def _field(self, spec: FieldSpec, after: Resources) -> gcp.firestore.Field:
        # No `index_config` leaves the field's indexing as it is; an empty one turns all of it off.
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
            opts=self.child(
                depends_on=after,
                custom_timeouts=pulumi.CustomTimeouts(
                    create=BUILD_TIME, update=BUILD_TIME, delete=BUILD_TIME
                ),
            ),
        )


def _field_index(index: FieldIndex) -> gcp.firestore.FieldIndexConfigIndexArgsDict:
    if index.array_config is not None:
        return {"query_scope": index.query_scope, "array_config": index.array_config}
    return {"query_scope": index.query_scope, "order": index.order}


def _index_field(field: IndexField) -> gcp.firestore.IndexFieldArgsDict:
    if field.vector_dimension is not None:
        return {
            "field_path": field.path,
            "vector_config": {"dimension": field.vector_dimension, "flat": {}},
        }
    if field.array_config is not None:
        return {"field_path": field.path, "array_config": field.array_config}
    return {"field_path": field.path, "order": field.order}
