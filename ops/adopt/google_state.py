"""States for the import file of Google objects that the engine need not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from firebase.errors import JsonObject
from ops.adopt.model import Change, Declared, Found, text

GENERATED = "__defaults"
"""The plugin's list of inputs that are defaults: part of the inputs in the state, not of the outputs."""

KEPT = {"deletionPolicy": "DELETE"}
"""What the plugin records of a default that no input has (pulumi-gcp 9.35). Without it, it shows a change."""


SECRET_SETTINGS = (
    "replication.auto.customerManagedEncryption",
    *("rotation", "topics", "versionAliases", "versionDestroyTtl"),
)
"""What the `up` removes of a secret if it is not declared."""

JOB_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "": ("description", "pubsubTarget", "appEngineHttpTarget"),
    "httpTarget": ("body", "headers", "oauthToken"),
}
"""What the `up` removes of a scheduler job if it is not declared, by block."""

BUCKET_SETTINGS = ("cors", "encryption", "lifecycle", "logging", "retentionPolicy")
"""What the `up` removes of a bucket if it is not declared."""

GOOGLES_HEADERS = ("user-agent", "content-type")
"""Headers that Cloud Scheduler adds itself (Cloud Scheduler API, `HttpTarget`)."""


def ruleset(one: Declared, live: JsonObject) -> Found:
    """The released ruleset, whose files are the declared ones.

    Args:
        one: the declaration.
        live: the ruleset (Firebase Rules API, `Ruleset`).
    """
    found = as_declared(one, str(live["name"]), name=str(live["name"]).rpartition("/")[2], **KEPT)
    outputs = cast("JsonObject", found.outputs)
    source = cast("JsonObject", outputs["source"])
    files = [{"fingerprint": "", **file} for file in cast("list[JsonObject]", source["files"])]
    # The plugin shows a change of each computed property that the state lacks.
    outputs["source"] = {"language": "", **source, "files": files}
    outputs["metadatas"] = [live.get("metadata") or {"services": []}]
    outputs["createTime"] = live.get("createTime") or ""
    return found


def index(one: Declared, live: JsonObject) -> Found:
    """A composite index of the declared shape, with the field `__name__` that Google appends.

    Args:
        one: the declaration.
        live: the index (Firestore Admin API, `Index`).
    """
    name = str(live["name"])
    read = {key: live[key] for key in ("fields", "density") if key in live}
    return as_declared(one, name, name=name, multikey=False, unique=False, **read, **KEPT)


def field(one: Declared, live: JsonObject) -> Found:
    """A field override that is as declared.

    Args:
        one: the declaration.
        live: the field (Firestore Admin API, `Field`).
    """
    name = str(live["name"])
    found = as_declared(one, name, name=name, **KEPT)
    outputs = cast("JsonObject", found.outputs)
    if "ttlConfig" in outputs:
        outputs["ttlConfig"] = {**outputs["ttlConfig"], **cast("JsonObject", live.get("ttlConfig") or {})}
    return found


def as_declared(one: Declared, identifier: str, **outputs: Any) -> Found:
    """An object that is what the program declares: the state has the declared inputs.

    Args:
        one: the declaration.
        identifier: the Pulumi id.
        outputs: what Google computed.
    """
    own = cast("JsonObject", bare(one.raw))
    return Found(urn=one.urn, id=identifier, inputs=one.raw, outputs={**own, "id": identifier, **outputs})


def bare(value: Any) -> Any:
    """A value without the plugin's lists of defaults."""
    if isinstance(value, list):
        return [bare(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        fields = cast("JsonObject", value).items()
        return {name: bare(item) for name, item in fields if name != GENERATED}
    return value


def override_is_same(live: JsonObject, inputs: Mapping[str, Any]) -> bool:
    """Whether a field override has the declared indexes and the declared time to live.

    Args:
        live: the field (Firestore Admin API, `Field`).
        inputs: the inputs of `gcp.firestore.Field`.
    """
    config = cast("JsonObject", live.get("indexConfig") or {})
    own = None if config.get("usesAncestorConfig") else _live_indexes(config)
    declared = inputs.get("indexConfig")
    # A declaration without `indexConfig` leaves the field's indexes as they are.
    same_indexes = declared is None or own == _declared_indexes(cast("JsonObject", declared))
    return same_indexes and bool(live.get("ttlConfig")) == (inputs.get("ttlConfig") is not None)


def _live_indexes(config: JsonObject) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for index in cast("list[JsonObject]", config.get("indexes") or []):
        field = cast("list[JsonObject]", index.get("fields") or [{}])[0]
        found.append((_scope(index), _kind(field)))
    return sorted(found)


def _declared_indexes(config: JsonObject) -> list[tuple[str, str]]:
    indexes = cast("list[JsonObject]", config.get("indexes") or [])
    return sorted((_scope(index), _kind(index)) for index in indexes)


def _scope(index: JsonObject) -> str:
    return str(index.get("queryScope") or "COLLECTION")


def _kind(index: JsonObject) -> str:
    return str(index.get("order") or index.get("arrayConfig") or "")


def removed_of_secret(live: JsonObject, declared: JsonObject) -> Iterator[Change]:
    """The settings of a secret that the next `up` removes.

    Args:
        live: the secret (Secret Manager API, `Secret`).
        declared: the inputs of `gcp.secretmanager.Secret`.
    """
    automatic = cast("JsonObject", (live.get("replication") or {}).get("automatic") or {})
    key = cast("JsonObject", automatic.get("customerManagedEncryption") or {}).get("kmsKeyName")
    before = {"replication.auto.customerManagedEncryption": key, **live}
    for name in SECRET_SETTINGS:
        if before.get(name) and not declared.get(name):
            yield Change(property=name, old=text(before[name]), new="null")


def removed_of_bucket(live: JsonObject) -> Iterator[Change]:
    """The settings of the bucket with the sources that the next `up` removes: the program declares none.

    Args:
        live: the bucket (Cloud Storage JSON API, `Bucket`).
    """
    for name in BUCKET_SETTINGS:
        if live.get(name):
            yield Change(property=name, old=text(live[name]), new="null")


def queue_changes(block: str, live: JsonObject, declared: JsonObject) -> Iterator[Change]:
    """The properties of a block of a task queue that differ: durations as seconds, numbers as numbers.

    Args:
        block: `rateLimits` or `retryConfig`.
        live: the queue (Cloud Tasks API, `Queue`).
        declared: the inputs of `gcp.cloudtasks.Queue`.
    """
    before, after = (cast("JsonObject", one.get(block) or {}) for one in (live, declared))
    for name, new in after.items():
        old = before.get(name)
        if name != GENERATED and _number(old) != _number(new):
            yield Change(property=f"{block}.{name}", old=text(old), new=text(new))


def _number(value: Any) -> float:
    return 0.0 if value is None else float(str(value).removesuffix("s"))


def removed_of_job(live: JsonObject, declared: JsonObject) -> Iterator[Change]:
    """The settings of a scheduler job that the next `up` removes. What it sends may contain a secret.

    Args:
        live: the job (Cloud Scheduler API, `Job`).
        declared: the inputs of `gcp.cloudscheduler.Job`.
    """
    for block, names in JOB_SETTINGS.items():
        before, after = (cast("JsonObject", it.get(block) or {}) if block else it for it in (live, declared))
        for name in names:
            value = before.get(name)
            if name == "headers":
                value = [header for header in value or () if header.lower() not in GOOGLES_HEADERS]
            if value and not after.get(name):
                old = text(value, is_secret=name != "description")
                yield Change(property=f"{block}.{name}".lstrip("."), old=old, new="null")
