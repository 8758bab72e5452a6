"""Firestore's admin API: databases, composite indexes, single-field settings.

Documents are the emulator's business: their methods are not served here. Refuses what Firestore refuses: an
index that exists, a composite of one field, two array fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google import generic
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import listing
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json

DEFAULT = "(default)"
NAME = "__name__"
ADMIN = "google.firestore.admin.v1."


def databases(project: str) -> str:
    """The store's collection of a project's databases."""
    return f"firestore/projects/{project}/databases"


def find_database(cloud: Cloud, project: str, database: str) -> Json | None:
    """A database, or None. Every project has a `(default)` one until it is deleted."""
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
            "versionRetentionPeriod": "3600s",
            "appEngineIntegrationMode": "DISABLED",
            "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED",
            "deleteProtectionState": "DELETE_PROTECTION_DISABLED",
            "databaseEdition": "STANDARD",
            "freeTier": True,
            "etag": "IPHrr8mPvYUDMMXcrYqT9YUD",
        }
    return found


def locate(cloud: Cloud, project: str, name: str, database: Json, location: str) -> Json:
    """Let the first trigger of a database that nobody made say where it lies; later ones find it there."""
    if cloud.store.get(databases(project), name) is None:
        database = {**database, "locationId": location}
        cloud.store.put(databases(project), name, database)
    return database


def _database(call: Call) -> Json:
    name = call.name.split("/")[3]
    found = find_database(call.cloud, call.project, name)
    if found is None:
        raise ApiError(
            "NOT_FOUND",
            f"The database {name} does not exist for project {call.project} Please visit "
            f"https://console.cloud.google.com/datastore/setup?project={call.project} to add a Cloud "
            "Datastore or Cloud Firestore database.",
        )
    return found


def list_databases(call: Call) -> Json:
    kept = [database for _, database in call.store.items(databases(call.project))]
    default = find_database(call.cloud, call.project, DEFAULT)
    if default is not None and default not in kept:
        kept.insert(0, default)
    return {"databases": kept}


def create_database(call: Call) -> Json:
    key = call.need("databaseId")
    if find_database(call.cloud, call.project, key) is not None:
        raise ApiError("ALREADY_EXISTS", "Database already exists. Please use another database_id")
    if not call.body.get("locationId"):
        raise invalid("Invalid location_id: it must be given.", "database.location_id")
    name = f"projects/{call.project}/databases/{key}"
    stamps = generic.stamps(call, cast("str", call.method.request))
    database = {
        "type": "FIRESTORE_NATIVE",
        "databaseEdition": "STANDARD",
        **call.body,
        **stamps,
        "name": name,
    }
    call.store.put(databases(call.project), key, database)
    call.store.drop("firestore/undefaulted", call.project)
    return _operation(call, database, "Database", resource=name)


def patch_database(call: Call) -> Json:
    """Writing to the `(default)` database that was always there makes it one of the store."""
    call.store.put(*call.where(), _database(call))
    return generic.patch(call)


def delete_database(call: Call) -> Json:
    database = _database(call)
    call.store.drop(*call.where())
    if call.short == DEFAULT:
        call.store.put("firestore/undefaulted", call.project, {"deleted": timestamp()})
    return _operation(call, database, "Database", resource=call.name)


def _operation(
    call: Call, response: Json, kind: str, *, resource: str, seconds: float | None = None, **rest: object
) -> Json:
    metadata: Json = {
        "@type": f"type.googleapis.com/{ADMIN}{rest.pop('meta', 'UpdateDatabaseMetadata')}",
        "startTime": timestamp(),
        **cast("Json", rest.pop("about", {})),
    }
    effects = cast("list[tuple[str, str, str, object]]", rest.pop("effects", []))
    return call.cloud.operations.start(
        "/".join(resource.split("/")[:4]),
        response=response,
        kind=ADMIN + kind,
        metadata=metadata,
        effects=effects,
        resource=resource,
        seconds=seconds,
    )


def complete_fields(fields: list[Json]) -> list[Json]:
    """The fields of a composite index with the `__name__` that Firestore appends: in the direction of the
    last ordered field, before a vector field.

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
    if sum("arrayConfig" in field for field in fields) > 1:
        raise invalid("An index can have at most one array_config field.", "index.fields")
    vector = [field for field in fields if "vectorConfig" in field]
    plain = [field for field in fields if "vectorConfig" not in field]
    if not vector and (
        not fields or (len(fields) == 1 and fields[0] != {"fieldPath": NAME, "order": "DESCENDING"})
    ):
        raise invalid("this index is not necessary, configure using single field index controls")
    if NAME not in seen:
        last = plain[-1] if plain else {}
        plain = [*plain, {"fieldPath": NAME, "order": last.get("order", "ASCENDING")}]
    return plain + vector


def create_index(call: Call) -> Json:
    _database(call)
    table = call.table(call.name, "indexes")
    fields = complete_fields(cast("list[Json]", call.body.get("fields", [])))
    index: Json = {
        "queryScope": call.body.get("queryScope", "COLLECTION"),
        "apiScope": call.body.get("apiScope", "ANY_API"),
        "density": call.body.get("density", "SPARSE_ALL"),
        "fields": fields,
    }
    if index["queryScope"] == "QUERY_SCOPE_UNSPECIFIED":
        raise invalid("query_scope is required", "index.query_scope")
    for _, other in call.store.items(table):
        if all(other.get(key) == value for key, value in index.items()):
            raise ApiError("ALREADY_EXISTS", "index already exists")
    key = "CICAg" + call.cloud.unique("index")[:7]
    name = f"{call.name}/indexes/{key}"
    call.store.put(table, key, {"name": name, **index, "state": "CREATING"})
    return _operation(
        call,
        {"name": name, **index, "state": "READY"},
        "Index",
        resource=name,
        seconds=max(call.cloud.switches.index_build_seconds, call.cloud.switches.operation_seconds),
        meta="IndexOperationMetadata",
        about={"index": name, "state": "PROCESSING"},
        effects=[("merge", table, key, {"state": "READY"})],
    )


def default_field(project: str, database: str) -> Json:
    """The settings that every field has unless it overrides them."""
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


def _inherited(call: Call) -> Json:
    default = default_field(call.project, call.name.split("/")[3])
    indexes = [
        {**entry, "fields": [{**entry["fields"][0], "fieldPath": call.short}]}
        for entry in default["indexConfig"]["indexes"]
    ]
    return {"usesAncestorConfig": True, "ancestorField": default["name"], "indexes": indexes}


def get_field(call: Call) -> Json:
    """A field always exists: without settings of its own it shows its ancestor's."""
    _database(call)
    kept = call.store.get(*call.where())
    if kept is None:
        return {"name": call.name, "indexConfig": _inherited(call)}
    return kept if "indexConfig" in kept else {**kept, "indexConfig": _inherited(call)}


def patch_field(call: Call) -> Json:
    """Set what the mask names (without one: all); what the body leaves out is the ancestor's again."""
    _database(call)
    mask = cast("str", call.query.get("updateMask") or "indexConfig,ttlConfig")
    heads = {path.partition(".")[0].replace("_c", "C") for path in mask.replace(" ", "").split(",")}
    if not heads <= {"indexConfig", "ttlConfig", "*"}:
        raise invalid(f"Invalid update mask {mask}.", "update_mask")
    field: Json = dict(call.store.get(*call.where()) or {"name": call.name})
    if heads & {"indexConfig", "*"}:
        field.pop("indexConfig", None)
        if "indexConfig" in call.body:
            field["indexConfig"] = _index_config(call, cast("Json", call.body["indexConfig"]))
    building: Json = {}
    if heads & {"ttlConfig", "*"}:
        had = field.pop("ttlConfig", None)
        if "ttlConfig" in call.body:
            wish = {key: value for key, value in call.body["ttlConfig"].items() if key != "state"}
            active = {**wish, "state": "ACTIVE"}
            field["ttlConfig"] = active if had else {**wish, "state": "CREATING"}
            building = {"ttlConfig": active}
    final = {**field, **building}
    if field.keys() == {"name"}:
        call.store.drop(*call.where())
        final["indexConfig"] = _inherited(call)
    else:
        call.store.put(*call.where(), field)
    return _operation(
        call,
        final,
        "Field",
        resource=call.name,
        seconds=max(call.cloud.switches.index_build_seconds, call.cloud.switches.operation_seconds),
        meta="FieldOperationMetadata",
        about={"field": call.name, "state": "PROCESSING"},
        effects=[("merge", *call.where(), building)] if building else [],
    )


def _index_config(call: Call, wish: Json) -> Json:
    entries: list[Json] = []
    for index in cast("list[Json]", wish.get("indexes", [])):
        fields = cast("list[Json]", index.get("fields", []))
        if len(fields) != 1:
            raise invalid("A single-field index must have exactly one field.", "field.index_config.indexes")
        if fields[0].get("fieldPath", call.short) not in (call.short, "*"):
            raise invalid(f"Index field path must be {call.short}.", "field.index_config.indexes")
        scope = index.get("queryScope", "COLLECTION")
        entry = {"queryScope": scope, "fields": [{**fields[0], "fieldPath": call.short}], "state": "READY"}
        if entry in entries:
            raise invalid("Duplicate single-field index.", "field.index_config.indexes")
        entries.append(entry)
    return {"indexes": entries} if entries else {}


def list_fields(call: Call) -> Json:
    """Overridden fields; the list begins with the database's default settings, as Firestore's does."""
    wanted = cast("str", call.query.get("filter", ""))
    if "usesAncestorConfig" not in wanted and "ttlConfig" not in wanted:
        raise invalid("Only filters on indexConfig.usesAncestorConfig and ttlConfig are supported.", "filter")
    parts = call.name.split("/")
    kept = generic.listed(call).get("fields", [])
    if "usesAncestorConfig" not in wanted:
        return listing(call, [field for field in kept if "ttlConfig" in field], "fields")
    if "ttlConfig" not in wanted:
        kept = [field for field in kept if "indexConfig" in field]
    shown = [
        field if "indexConfig" in field else {**field, "indexConfig": {"usesAncestorConfig": True}}
        for field in kept
    ]
    return listing(call, [default_field(call.project, parts[3]), *shown], "fields")


_ID = "firestore.projects.databases."
HANDLERS: dict[str, Handler] = {
    _ID + "get": _database,
    _ID + "list": list_databases,
    _ID + "create": create_database,
    _ID + "patch": patch_database,
    _ID + "delete": delete_database,
    _ID + "collectionGroups.indexes.create": create_index,
    _ID + "collectionGroups.fields.get": get_field,
    _ID + "collectionGroups.fields.patch": patch_field,
    _ID + "collectionGroups.fields.list": list_fields,
}
