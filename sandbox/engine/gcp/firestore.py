"""Firestore: databases, backup schedules, composite indexes, field overrides; rulesets of Firebase's rules.

Waiting for an index build ends with an error after the program's time-out, or after 20 minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from sandbox.engine.gcp.errors import GcpError, kept_in_state
from sandbox.engine.gcp.model import Change, OperationContext, State
from sandbox.engine.gcp.rest import ApiError
from sandbox.engine.gcp.standard import RestResource, without_empty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.engine.gcp.model import Settings
    from sandbox.engine.gcp.rest import Json


class Database(RestResource):
    """A database. Unless `deletionPolicy` is DELETE, deleting the resource keeps it."""

    pulumi_type = "gcp:firestore/database:Database"
    product = "firestore"
    template = "projects/{project}/databases/{name}"
    collection = "projects/{project}/databases"
    create_query: ClassVar[Mapping[str, str]] = {"databaseId": "{name}"}
    body_name = template
    autoname = "name"
    supported = frozenset(
        {
            "appEngineIntegrationMode",
            "concurrencyMode",
            "databaseEdition",
            "deleteProtectionState",
            "deletionPolicy",
            "locationId",
            "name",
            "pointInTimeRecoveryEnablement",
            "project",
            "type",
        }
    )
    replace = frozenset({"databaseEdition", "locationId", "name", "project"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "deletionPolicy": "ABANDON",
        "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED",
    }
    computed = frozenset(
        {
            "appEngineIntegrationMode",
            "concurrencyMode",
            "databaseEdition",
            "deleteProtectionState",
            "project",
        }
    )
    outputs = (
        "createTime",
        "earliestVersionTime",
        "etag",
        "keyPrefix",
        "uid",
        "updateTime",
        "versionRetentionPeriod",
    )
    operations = True
    updatable = (
        "type",
        "concurrencyMode",
        "appEngineIntegrationMode",
        "pointInTimeRecoveryEnablement",
        "deleteProtectionState",
        "etag",
    )

    def default(self, pattern: str) -> Any:
        """Return the default; the one of `deletionPolicy` is the type's own."""
        return self.defaults.get(pattern)

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Patch the database, with the checksum of the state: Firestore rejects an outdated one."""
        return super().update(context, identifier, {**inputs, "etag": state.get("etag")}, state, changes)

    def patch_body(self, body: Json, mask: list[str]) -> Json:
        """Return what can be changed, and the checksum."""
        return {key: body[key] for key in self.updatable if key in body}

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the database, unless the state says that it is protected. The operation is not awaited."""
        if state.get("deleteProtectionState") == "DELETE_PROTECTION_ENABLED":
            message = f"Cannot delete Firestore database {state.get('name')}: Delete Protection is enabled."
            raise GcpError(message)
        try:
            context.rest.send("DELETE", self.product, identifier)
        except ApiError as error:
            if error.status != 404:
                raise


class BackupSchedule(RestResource):
    """A daily or weekly backup schedule; the server names it."""

    pulumi_type = "gcp:firestore/backupSchedule:BackupSchedule"
    product = "firestore"
    template = "projects/{project}/databases/{database}/backupSchedules/{name}"
    collection = "projects/{project}/databases/{database}/backupSchedules"
    replace = frozenset({"dailyRecurrence", "database", "project", "weeklyRecurrence"})
    defaults: ClassVar[Mapping[str, Any]] = {"database": "(default)"}
    computed = frozenset({"project"})

    def identifier(self, inputs: State) -> str:
        """Return "": the server names it."""
        return ""

    def created_name(self, response: Json, name: str) -> str:
        """Return the name that the server chose."""
        return str(response["name"])

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Add the short name."""
        return {**super().state(found, identifier, before, settings), "name": identifier.rpartition("/")[2]}

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the request body: without a daily recurrence, null is sent."""
        return {"dailyRecurrence": None, **super().body(inputs, settings)}

    def patch_body(self, body: Json, mask: list[str]) -> Json:
        """Return the retention, which alone can be changed."""
        return {key: value for key, value in body.items() if key in mask}

    def failures(self, inputs: State) -> list[tuple[str, str]]:
        """Reject two recurrences, and none."""
        given = [name for name in ("dailyRecurrence", "weeklyRecurrence") if inputs.get(name) is not None]
        if len(given) == 1:
            return []
        return [("dailyRecurrence", "exactly one of dailyRecurrence and weeklyRecurrence must be set")]


class Index(RestResource):
    """A composite index. Every change replaces it; the server names it."""

    pulumi_type = "gcp:firestore/index:Index"
    product = "firestore"
    template = "projects/{project}/databases/{database}/collectionGroups/{collection}/indexes/{index}"
    collection = "projects/{project}/databases/{database}/collectionGroups/{collection}/indexes"
    replace = frozenset({"*"})
    keep = frozenset({"skipWait", "deletionPolicy"})
    local = frozenset({"skipWait", "deletionPolicy"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "apiScope": "ANY_API",
        "database": "(default)",
        "queryScope": "COLLECTION",
        "multikey": False,
        "skipWait": False,
    }
    computed = frozenset({"density", "unique", "project"})
    outputs = ("name",)
    operations = True

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the request body: boolean properties only if true."""
        whole = super().body(inputs, settings)
        return {key: value for key, value in whole.items() if value is not False}

    def identifier(self, inputs: State) -> str:
        """Return "": the server names it."""
        return ""

    def wait_for_create(self, context: OperationContext, response: Json, name: str, inputs: State) -> Json:
        """Wait for the build; with `skipWait` only read the name from the operation's metadata."""
        if inputs.get("skipWait"):
            metadata = cast("Json", response.get("metadata") or {})
            return {"name": metadata.get("index")}
        return super().wait_for_create(context, response, name, inputs)

    def created_name(self, response: Json, name: str) -> str:
        """Return the name that the server chose."""
        found = response.get("name")
        if not found:
            message = "Firestore created an index and did not return its name"
            raise GcpError(message)
        return str(found)

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """The server appends a field `__name__` that the program need not declare."""
        if pattern != "fields" or not isinstance(old, list) or not isinstance(new, list):
            return False
        before, after = cast("list[State]", old), cast("list[State]", new)
        added = len(before) == len(after) + 1 and before[-1].get("fieldPath") == "__name__"
        return added and [without_empty(item) for item in before[:-1]] == [
            without_empty(item) for item in after
        ]


class Field(RestResource):
    """A single-field override: indexes and time to live of one field."""

    pulumi_type = "gcp:firestore/field:Field"
    product = "firestore"
    template = "projects/{project}/databases/{database}/collectionGroups/{collection}/fields/{field}"
    replace = frozenset({"collection", "field", "database", "project", "ttlConfig.expirationOffset"})
    local = frozenset({"skipWait", "deletionPolicy"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "database": "(default)",
        "indexConfig.indexes.queryScope": "COLLECTION",
        "skipWait": False,
    }
    computed = frozenset({"project", "ttlConfig.state", "ttlConfig.expirationOffset"})
    unordered = frozenset({"indexConfig.indexes"})
    outputs = ("name",)
    operations = True

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the request body: each index contains its field; an unset time to live is sent as null."""
        body: Json = {"ttlConfig": None}
        if inputs.get("indexConfig") is not None:
            body["indexConfig"] = _index_config(cast("State", inputs["indexConfig"]))
        if inputs.get("ttlConfig") is not None:
            ttl = cast("State", inputs["ttlConfig"])
            body["ttlConfig"] = {key: value for key, value in ttl.items() if key == "expirationOffset"}
        return body

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Patch the field, which always exists."""
        name = self.identifier(inputs)
        response = context.rest.send("PATCH", self.product, name, body=self.body(inputs, context.settings))
        if not inputs.get("skipWait"):
            context.rest.wait(self.product, response, context.wait_seconds(self.timeout_minutes), context.log)
        with kept_in_state(self.label, name, inputs):
            return self.read_back(context, name, inputs)

    def patch_body(self, body: Json, mask: list[str]) -> Json:
        """Return the changed parts only."""
        return {key: value for key, value in body.items() if key in mask}

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Return the outputs with unwrapped indexes; an override that only inherits is left out."""
        config = cast("Json | None", found.get("indexConfig"))
        unwrapped: Json = {
            key: value for key, value in found.items() if key not in {"indexConfig", "ttlConfig"}
        }
        if config is not None and not config.get("usesAncestorConfig"):
            indexes = [_unwrapped(item) for item in config.get("indexes") or []]
            unwrapped["indexConfig"] = {"indexes": indexes} if indexes else {}
        if found.get("ttlConfig"):
            unwrapped["ttlConfig"] = found["ttlConfig"]
        return super().state(unwrapped, identifier, before, settings)

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """An override without indexes is empty, but still an override."""
        return pattern == "indexConfig" and isinstance(old, dict) and old == new

    def extra_changes(self, state: State, inputs: State) -> list[Change]:
        """Detect an override without indexes that was deleted, or that the program no longer declares."""
        found: list[Change] = []
        for name in ("indexConfig", "ttlConfig"):
            requested, current = inputs.get(name) is not None, state.get(name) is not None
            shown = name == "indexConfig" and cast("State", state.get(name) or inputs.get(name) or {}).get(
                "indexes"
            )
            if requested != current and not shown:
                found.append(Change(path=name, pattern=name, kind="ADD" if requested else "DELETE"))
        return found

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Reset the field to its database's defaults."""
        response = context.rest.send(
            "PATCH", self.product, identifier, query={"updateMask": "indexConfig,ttlConfig"}, body={}
        )
        if not state.get("skipWait"):
            context.rest.wait(self.product, response, context.wait_seconds(self.timeout_minutes), context.log)


def _index_config(config: State) -> Json:
    if "indexes" not in config:
        return {}
    indexes: list[Json] = []
    for item in cast("list[State]", config["indexes"]):
        wrapped: Json = {
            "fields": [{key: item[key] for key in ("order", "arrayConfig") if item.get(key) is not None}]
        }
        if item.get("queryScope") is not None:
            wrapped["queryScope"] = item["queryScope"]
        indexes.append(wrapped)
    return {"indexes": indexes}


def _unwrapped(index: Json) -> State:
    first = cast("list[Json]", index.get("fields") or [{}])[0]
    found = {
        "queryScope": index.get("queryScope"),
        "order": first.get("order"),
        "arrayConfig": first.get("arrayConfig"),
    }
    return {key: value for key, value in found.items() if value is not None}


class Ruleset(RestResource):
    """A ruleset: never changed, only replaced. Its `name` output is the last segment of its name."""

    pulumi_type = "gcp:firebaserules/ruleset:Ruleset"
    product = "firebaserules"
    template = "projects/{project}/rulesets/{ruleset}"
    collection = "projects/{project}/rulesets"
    replace = frozenset({"*"})
    keep = frozenset({"deletionPolicy", "metadatas"})
    local = frozenset({"deletionPolicy", "metadatas"})
    computed = frozenset({"project", "source.language", "source.files.fingerprint"})
    unordered = frozenset({"source.files"})
    outputs = ("createTime",)
    reads_after_create = 3

    def identifier(self, inputs: State) -> str:
        """Return "": the server names it."""
        return ""

    def created_name(self, response: Json, name: str) -> str:
        """Return the name that the server chose."""
        return str(response["name"])

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Add the short name, and the metadata, which is a list in the SDK."""
        outputs = super().state(found, identifier, before, settings)
        outputs["name"] = identifier.rpartition("/")[2]
        metadata = found.get("metadata")
        if metadata is not None:
            outputs["metadatas"] = [metadata]
        return outputs

    def extra_changes(self, state: State, inputs: State) -> list[Change]:
        """A state without the metadata, as an import may write it, shows a change."""
        del inputs
        if state.get("metadatas"):
            return []
        return [Change(path="metadatas", pattern="metadatas", kind="ADD", replace=False)]

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Read first, as the real plugin does, then delete."""
        try:
            context.rest.get(self.product, identifier)
        except ApiError as error:
            if error.status == 404:
                return
            raise
        super().delete(context, identifier, state)
