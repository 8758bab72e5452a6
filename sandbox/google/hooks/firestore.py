"""Firestore's admin API: databases, composite indexes, single-field settings.

Backups and their schedules are in `firestore_backups`.

Methods on documents are not served: the emulator serves them. Rejected as by Firestore: an index that exists,
a composite index of one field, two array fields.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import TYPE_CHECKING, cast

from sandbox.google import generic
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import list_page
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

DEFAULT = "(default)"
NAME = "__name__"
MAX_FIELDS = 100
MAX_NAME_BYTES = 1500
# A name in a field path: a simple one, or any in backticks (Firestore docs, quotas, "Field paths").
FIELD_NAME = r"[A-Za-z_][A-Za-z0-9_]*|`(?:\\.|[^`\\])+`"
FIELD_PATH = re.compile(rf"(?:{FIELD_NAME})(?:\.(?:{FIELD_NAME}))*", re.DOTALL)
ADMIN = "google.firestore.admin.v1."
RETENTION = {"POINT_IN_TIME_RECOVERY_ENABLED": "604800s", "POINT_IN_TIME_RECOVERY_DISABLED": "3600s"}
"""How long past versions are kept (Firestore Admin API, Database.versionRetentionPeriod)."""
UNPROTECTED = {
    "versionRetentionPeriod": RETENTION["POINT_IN_TIME_RECOVERY_DISABLED"],
    "appEngineIntegrationMode": "DISABLED",
    "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED",
    "deleteProtectionState": "DELETE_PROTECTION_DISABLED",
}
"""What a database has unless it is created with something else."""
IMMUTABLE = ("locationId", "databaseEdition")
CONTENTION = "Too much contention on these datastore entities. Please try again."


def databases(project: str) -> str:
    """Return the store's collection of a project's databases."""
    return f"firestore/projects/{project}/databases"


def find_database(cloud: Cloud, project: str, database: str) -> Json | None:
    """Return a database, or None. Every project has a `(default)` one until it is deleted."""
    found = cloud.store.get(databases(project), database)
    if found is None and database == DEFAULT and cloud.store.get("firestore/undefaulted", project) is None:
        found = {
            "name": f"projects/{project}/databases/{DEFAULT}",
            "uid": "d" * 8 + "-0000-4000-8000-" + f"{int(cloud.number(project)) % 10**12:012d}",
            "createTime": cloud.project(project)["createTime"],
            "updateTime": cloud.project(project)["createTime"],
            "locationId": cloud.switches.firestore_location,
            "type": "FIRESTORE_NATIVE",
            "concurrencyMode": "PESSIMISTIC",
            **UNPROTECTED,
            "databaseEdition": "STANDARD",
            "freeTier": True,
            "etag": "IPHrr8mPvYUDMMXcrYqT9YUD",
        }
    return found


def set_location(cloud: Cloud, project: str, name: str, database: Json, location: str) -> Json:
    """Store a database's location, if it is not stored yet: the first trigger sets it."""
    if cloud.store.get(databases(project), name) is None:
        database = {**database, "locationId": location}
        cloud.store.put(databases(project), name, database)
    return database


def existing_database(request: ApiRequest) -> Json:
    """Return the database that a request is about.

    Raises:
        ApiError: NOT_FOUND.
    """
    name = request.name.split("/")[3]
    found = find_database(request.cloud, request.project, name)
    if found is None:
        raise ApiError(
            "NOT_FOUND",
            f"The database {name} does not exist for project {request.project} Please visit "
            f"https://console.cloud.google.com/datastore/setup?project={request.project} to add a Cloud "
            "Datastore or Cloud Firestore database.",
        )
    return found


def get_database(request: ApiRequest) -> Json:
    return _shown(existing_database(request))


def _shown(database: Json) -> Json:
    """Add the time that moves on: the earliest version that can be read."""
    period = float(str(database["versionRetentionPeriod"]).removesuffix("s"))
    return {**database, "earliestVersionTime": timestamp(time.time() - period)}


def list_databases(request: ApiRequest) -> Json:
    stored = [database for _, database in request.store.items(databases(request.project))]
    default = find_database(request.cloud, request.project, DEFAULT)
    if default is not None and default not in stored:
        stored.insert(0, default)
    return {"databases": [_shown(database) for database in stored]}


def create_database(request: ApiRequest) -> Json:
    key = request.required_query("databaseId")
    if find_database(request.cloud, request.project, key) is not None:
        raise ApiError("ALREADY_EXISTS", "Database already exists. Please use another database_id")
    if not request.body.get("locationId"):
        raise invalid("Invalid location_id: it must be given.", "database.location_id")
    name = f"projects/{request.project}/databases/{key}"
    stamps = generic.computed_fields(request, cast("str", request.method.request))
    database = {
        "type": "FIRESTORE_NATIVE",
        "databaseEdition": "STANDARD",
        "concurrencyMode": "PESSIMISTIC",
        **UNPROTECTED,
        **request.body,
        **stamps,
        "name": name,
        "uid": str(uuid.UUID(stamps["uid"])),
    }
    database["versionRetentionPeriod"] = RETENTION[database["pointInTimeRecoveryEnablement"]]
    request.store.put(databases(request.project), key, database)
    request.store.remove("firestore/undefaulted", request.project)
    return _operation(request, database, "Database", resource=name)


def patch_database(request: ApiRequest) -> Json:
    """Store the implicit `(default)` database, then patch it."""
    database = existing_database(request)
    for name in IMMUTABLE:
        if name in request.body and request.body[name] != database.get(name):
            raise invalid(f"The {name} of a database is immutable.", f"database.{name}")
    request.store.put(*request.store_key(), database)
    response = generic.patch(request)
    updated = cast("Json", request.store.get(*request.store_key()))
    period = RETENTION.get(str(updated.get("pointInTimeRecoveryEnablement")))
    request.store.put(*request.store_key(), {**updated, "versionRetentionPeriod": period})
    return response


def delete_database(request: ApiRequest) -> Json:
    """Delete a database, unless it is protected. Its backups stay."""
    database = existing_database(request)
    if database.get("deleteProtectionState") == "DELETE_PROTECTION_ENABLED":
        raise ApiError(
            "FAILED_PRECONDITION",
            "Database is protected from deletion. Disable delete protection before deleting the database.",
        )
    request.store.remove(*request.store_key())
    if request.resource_id == DEFAULT:
        request.store.put("firestore/undefaulted", request.project, {"deleted": timestamp()})
    return _operation(request, database, "Database", resource=request.name)


def _operation(
    request: ApiRequest,
    response: Json,
    kind: str,
    *,
    resource: str,
    seconds: float | None = None,
    **rest: object,
) -> Json:
    metadata: Json = {
        "@type": f"type.googleapis.com/{ADMIN}{rest.pop('meta', 'UpdateDatabaseMetadata')}",
        "startTime": timestamp(),
        **cast("Json", rest.pop("about", {})),
    }
    effects = cast("list[tuple[str, str, str, object]]", rest.pop("effects", []))
    return request.cloud.operations.start(
        "/".join(resource.split("/")[:4]),
        response=response,
        kind=ADMIN + kind,
        metadata=metadata,
        effects=effects,
        resource=resource,
        seconds=seconds,
    )


def with_name_field(fields: list[Json]) -> list[Json]:
    """Return a composite index's fields with the `__name__` that Firestore appends.

    It has the direction of the last ordered field and precedes a vector field.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    seen: set[str] = set()
    for field in fields:
        path = cast("str", field.get("fieldPath", ""))
        if not path:
            raise invalid("Index field must have a field path.", "index.fields")
        if path in seen:
            raise invalid(f"Field {path} appears more than once in the index.", "index.fields")
        seen.add(path)
        modes = [mode for mode in ("order", "arrayConfig", "vectorConfig", "searchConfig") if mode in field]
        if len(modes) != 1:
            raise invalid(
                f"Field {path} must have exactly one of order, array_config, vector_config.", "index.fields"
            )
    if len(fields) > MAX_FIELDS:
        raise invalid(f"An index can have at most {MAX_FIELDS} fields.", "index.fields")
    if any(field["fieldPath"] == NAME and "arrayConfig" in field for field in fields):
        raise invalid(f"{NAME} can only be ordered.", "index.fields")
    if sum("arrayConfig" in field for field in fields) > 1:
        raise invalid("An index can have at most one array_config field.", "index.fields")
    vector = [field for field in fields if "vectorConfig" in field]
    ordinary = [field for field in fields if "vectorConfig" not in field]
    if not vector and (
        not fields or (len(fields) == 1 and fields[0] != {"fieldPath": NAME, "order": "DESCENDING"})
    ):
        raise invalid("this index is not necessary, configure using single field index controls")
    if NAME not in seen:
        last = ordinary[-1] if ordinary else {}
        ordinary = [*ordinary, {"fieldPath": NAME, "order": last.get("order", "ASCENDING")}]
    return ordinary + vector


def _check_names(request: ApiRequest, paths: list[str]) -> None:
    """Reject a collection id or field path that is too long, and what is no field path."""
    for path in paths:
        names = FIELD_PATH.fullmatch(path) and re.findall(FIELD_NAME, path)
        if not names or (path != NAME and any(re.fullmatch(r"`?__.*__`?", name) for name in names)):
            raise invalid(f'Invalid field path "{path}".', "index.fields")
    for name in (request.name.split("/")[5], *paths):
        if len(name.encode()) > MAX_NAME_BYTES:
            raise invalid(f"{name[:20]}... has more than {MAX_NAME_BYTES} bytes.")


def create_index(request: ApiRequest) -> Json:
    existing_database(request)
    _check_names(request, [str(field.get("fieldPath")) for field in request.body.get("fields", [])])
    table = request.collection(request.name, "indexes")
    fields = with_name_field(cast("list[Json]", request.body.get("fields", [])))
    index: Json = {
        "queryScope": request.body.get("queryScope", "COLLECTION"),
        "apiScope": request.body.get("apiScope", "ANY_API"),
        "density": request.body.get("density", "SPARSE_ALL"),
        "fields": fields,
    }
    if index["queryScope"] == "QUERY_SCOPE_UNSPECIFIED":
        raise invalid("query_scope is required", "index.query_scope")
    for _, other in request.store.items(table):
        if all(other.get(key) == value for key, value in index.items()):
            raise ApiError("ALREADY_EXISTS", "index already exists")
    key = "CICAg" + request.cloud.unique("index")[:7]
    name = f"{request.name}/indexes/{key}"
    request.store.put(table, key, {"name": name, **index, "state": "CREATING"})
    return _operation(
        request,
        {"name": name, **index, "state": "READY"},
        "Index",
        resource=name,
        seconds=max(request.cloud.switches.index_build_seconds, request.cloud.switches.operation_seconds),
        meta="IndexOperationMetadata",
        about={"index": name, "state": "PROCESSING"},
        effects=[("merge", table, key, {"state": "READY"})],
    )


def default_field(project: str, database: str) -> Json:
    """Return the settings of every field without its own."""
    return {
        "name": f"projects/{project}/databases/{database}/collectionGroups/__default__/fields/*",
        "indexConfig": {
            "indexes": _entries(
                "*", [{"order": "ASCENDING"}, {"order": "DESCENDING"}, {"arrayConfig": "CONTAINS"}]
            )
        },
    }


def _entries(path: str, modes: list[Json]) -> list[Json]:
    return [
        {"queryScope": "COLLECTION", "fields": [{"fieldPath": path, **mode}], "state": "READY"}
        for mode in modes
    ]


def _inherited(request: ApiRequest) -> Json:
    default = default_field(request.project, request.name.split("/")[3])
    indexes = [
        {**entry, "fields": [{**entry["fields"][0], "fieldPath": request.resource_id}]}
        for entry in default["indexConfig"]["indexes"]
    ]
    return {"usesAncestorConfig": True, "ancestorField": default["name"], "indexes": indexes}


def get_field(request: ApiRequest) -> Json:
    """Return a field's settings. A field always exists; without its own settings it has its ancestor's."""
    existing_database(request)
    stored = request.store.get(*request.store_key())
    if stored is None:
        return {"name": request.name, "indexConfig": _inherited(request)}
    return stored if "indexConfig" in stored else {**stored, "indexConfig": _inherited(request)}


def _ready_indexes(request: ApiRequest) -> list[Json]:
    indexes = cast("list[Json]", get_field(request)["indexConfig"].get("indexes", []))
    return [index for index in indexes if index["state"] == "READY"]


def patch_field(request: ApiRequest) -> Json:
    """Set what the mask names (without one: everything); what the body leaves out is the ancestor's again."""
    existing_database(request)
    _check_names(request, [] if request.resource_id == "*" else [request.resource_id])
    mask = cast("str", request.query.get("updateMask") or "indexConfig,ttlConfig")
    heads = {path.partition(".")[0].replace("_c", "C") for path in mask.replace(" ", "").split(",")}
    if not heads <= {"indexConfig", "ttlConfig", "*"}:
        raise invalid(f"Invalid update mask {mask}.", "update_mask")
    field: Json = dict(request.store.get(*request.store_key()) or {"name": request.name})
    building: Json = {}
    if heads & {"indexConfig", "*"}:
        field.pop("indexConfig", None)
        if "indexConfig" in request.body:
            ready = _index_config(request, cast("Json", request.body["indexConfig"]))
            field["indexConfig"] = ready
            new = [entry for entry in ready.get("indexes", []) if entry not in _ready_indexes(request)]
            if new and request.cloud.switches.field_index_builds:
                entries = [
                    {**entry, "state": "CREATING"} if entry in new else entry for entry in ready["indexes"]
                ]
                field["indexConfig"], building["indexConfig"] = {"indexes": entries}, ready
    if heads & {"ttlConfig", "*"}:
        had = field.pop("ttlConfig", None)
        if "ttlConfig" in request.body:
            _check_ttl(request)
            requested = {key: value for key, value in request.body["ttlConfig"].items() if key != "state"}
            active = {**requested, "state": "ACTIVE"}
            field["ttlConfig"] = active if had else {**requested, "state": "CREATING"}
            building["ttlConfig"] = active
    final = {**field, **building}
    if field.keys() == {"name"}:
        request.store.remove(*request.store_key())
        final["indexConfig"] = _inherited(request)
    else:
        request.store.put(*request.store_key(), field)
    return _operation(
        request,
        final,
        "Field",
        resource=request.name,
        seconds=max(request.cloud.switches.index_build_seconds, request.cloud.switches.operation_seconds),
        meta="FieldOperationMetadata",
        about={"field": request.name, "state": "PROCESSING"},
        effects=[("merge", *request.store_key(), building)] if building else [],
    )


def _check_ttl(request: ApiRequest) -> None:
    """Reject a TTL policy for more than one field of a collection group."""
    group = request.name.split("/")[5]
    if request.resource_id == "*" or group == "__default__":
        raise invalid("A TTL policy is for one field of one collection group.", "field.ttl_config")
    collection, key = request.store_key()
    for other, field in request.store.items(collection):
        if other != key and "ttlConfig" in field:
            raise ApiError(
                "RESOURCE_EXHAUSTED",
                f"The collection group '{group}' can only have at most '1' field(s) marked with TTL but "
                f"already has TTL configurations set on path '{other}'. Please delete at least one and try "
                "again.",
            )


def _index_config(request: ApiRequest, requested: Json) -> Json:
    entries: list[Json] = []
    for index in cast("list[Json]", requested.get("indexes", [])):
        fields = cast("list[Json]", index.get("fields", []))
        if len(fields) != 1:
            raise invalid("A single-field index must have exactly one field.", "field.index_config.indexes")
        if fields[0].get("fieldPath", request.resource_id) not in (request.resource_id, "*"):
            raise invalid(f"Index field path must be {request.resource_id}.", "field.index_config.indexes")
        scope = index.get("queryScope", "COLLECTION")
        entry = {
            "queryScope": scope,
            "fields": [{**fields[0], "fieldPath": request.resource_id}],
            "state": "READY",
        }
        if entry in entries:
            raise invalid("Duplicate single-field index.", "field.index_config.indexes")
        entries.append(entry)
    return {"indexes": entries} if entries else {}


def list_fields(request: ApiRequest) -> Json:
    """Return the fields with their own settings, after the database's defaults, as Firestore lists them."""
    requested = cast("str", request.query.get("filter", ""))
    if "usesAncestorConfig" not in requested and "ttlConfig" not in requested:
        raise invalid("Only filters on indexConfig.usesAncestorConfig and ttlConfig are supported.", "filter")
    parts = request.name.split("/")
    stored = generic.list_resources(request).get("fields", [])
    if "usesAncestorConfig" not in requested:
        return list_page(request, [field for field in stored if "ttlConfig" in field], "fields")
    if "ttlConfig" not in requested:
        stored = [field for field in stored if "indexConfig" in field]
    shown = [
        field if "indexConfig" in field else {**field, "indexConfig": {"usesAncestorConfig": True}}
        for field in stored
    ]
    return list_page(request, [default_field(request.project, parts[3]), *shown], "fields")


def _alone(handler: Callable[[ApiRequest], Json]) -> Handler:
    """Return a handler that aborts a request while another one changes the indexes of the database."""

    async def handle(request: ApiRequest) -> Json:
        seconds, database = request.cloud.switches.index_write_seconds, "/".join(request.name.split("/")[:4])
        if database in request.cloud.index_writes:
            raise ApiError("ABORTED", CONTENTION)
        if seconds:
            request.cloud.index_writes.add(database)
            try:
                await asyncio.sleep(seconds)
            finally:
                request.cloud.index_writes.discard(database)
        return handler(request)

    return handle


_ID = "firestore.projects.databases."
HANDLERS: dict[str, Handler] = {
    _ID + "get": get_database,
    _ID + "list": list_databases,
    _ID + "create": create_database,
    _ID + "patch": patch_database,
    _ID + "delete": delete_database,
    _ID + "collectionGroups.indexes.create": _alone(create_index),
    _ID + "collectionGroups.fields.get": get_field,
    _ID + "collectionGroups.fields.patch": _alone(patch_field),
    _ID + "collectionGroups.fields.list": list_fields,
}
