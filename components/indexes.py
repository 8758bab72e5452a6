"""Firestore's composite indexes and field overrides, one resource each, and the wait for all of them.

Runbook: "firebase deploy --only firestore:indexes", "indexes are Ready", and the risk "index build time".

A resource is named by the index's canonical key, so the order in the file means nothing. Each is submitted
without waiting for its build (`skip_wait`), one after the other as firebase-tools submits them: Firestore
rejects many at once with "too much contention" (firebase-tools issue 1119, terraform-provider-google issue
6546). An error hook repeats one that is rejected all the same. Google builds them in parallel, and
`firebase.index_builds.IndexBuilds` waits once for all.

An index is never deleted before its replacement is READY: another shape is another key, hence another
resource, and the engine deletes only after everything else of the `up` has succeeded. Indexes are not
protected: an index can be built again from the file, and an abandoned one costs writes for ever.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.index_file import FieldIndex, FieldSpec, IndexField, IndexSpec
from components import already_exists
from components._base import Component, Resources
from firebase.index_builds import IndexBuilds, IndexBuildsArgs
from firebase.ttl_handover import TtlHandover, TtlHandoverArgs
from settings.model import GoogleSettings

CONTENTION = re.compile(
    r"too much contention|cross-transaction contention|underlying data changed", re.IGNORECASE
)
MAIN = "indexes"
"""The component of the database of the settings."""
RETRIES = 8
LONGEST_PAUSE_SECONDS = 60


async def retry_contention(failed: pulumi.ErrorHookArgs) -> bool:
    """Whether the engine repeats a failed submission: only for contention, with a growing pause."""
    attempt = len(failed.errors)
    if attempt > RETRIES or not CONTENTION.search(failed.errors[0]):
        return False
    await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, 2 ** (attempt - 1)))
    return True


@dataclass(frozen=True, kw_only=True)
class IndexesArgs:
    """google, database: the database."""

    google: GoogleSettings
    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]
    database: pulumi.Resource


class Indexes(Component):
    """The indexes and overrides. `ready` is what code that queries must wait for; `ids` by canonical key."""

    ids: dict[str, pulumi.Output[str]]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: IndexesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name = name
        self._google = args.google
        self._repeated = pulumi.ResourceHookBinding(
            on_error=[
                pulumi.ErrorHook(_hook_name(name), retry_contention),
                already_exists.hook(name),
            ]
        )
        self.ids = {}
        self.ready = [args.database]
        if not args.indexes and not args.fields:
            self.register_outputs({"ids": {}})
            return
        before: Resources = [args.database]
        for spec in sorted(args.indexes, key=lambda spec: spec.key):
            index = self._index(spec, before)
            self.ids[spec.key] = index.id
            before = [index]
        # The TTL fields come last: a TTL that ends is one of the fields before them, or the handover's.
        ttl = {spec.collection: spec.field for spec in args.fields if spec.ttl}
        place = TtlHandoverArgs(
            project=args.google.project, database=args.google.firestore_database, fields=ttl
        )
        handover = TtlHandover(f"{name}-ttl", place, self.child(depends_on=[args.database]))
        fields: dict[str, pulumi.Output[str]] = {}
        for spec in sorted(args.fields, key=lambda spec: (bool(spec.ttl), spec.key)):
            field = self._field(spec, [*before, handover] if spec.ttl else before)
            fields[spec.key] = field.id
            before = [field]
        builds = IndexBuildsArgs(
            project=args.google.project,
            database=args.google.firestore_database,
            indexes=self.ids,
            fields=fields,
        )
        self.ready = [IndexBuilds(f"{name}-builds", builds, self.child(depends_on=before))]
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
            skip_wait=True,
            opts=self.child(depends_on=after, hooks=self._repeated),
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
            skip_wait=True,
            opts=self.child(depends_on=after, hooks=self._repeated),
        )


def component_name(database: str) -> str:
    """The component of another database. What is before the first - of a resource's name is not its key."""
    return f"{MAIN}.{database.replace('-', '_')}"


def _hook_name(component: str) -> str:
    base = "retry-firestore-contention"  # in the state of every stack
    return base if component == MAIN else f"{base}-{component}"


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
