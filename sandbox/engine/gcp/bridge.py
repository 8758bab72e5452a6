"""What pulumi-gcp records in the state in addition to what a program declares and an API returns.

A state that the stand-in began must be one that the real plugin continues, and the reverse. The real plugin
fills in defaults and names them (`__defaults`), records a value for each property that the API left out, and
at a refresh takes the inputs from what it read. Source: a recording of pulumi-gcp 9.35
(`tests/engine/recorded_state.json`). Its private part, `__pulumi_raw_state_delta`, is not written: without
it, the plugin reads the outputs.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, cast

from sandbox.engine.gcp.diff import DEFAULTS_KEY, is_empty

if TYPE_CHECKING:
    from sandbox.engine.gcp.model import ResourceType, State
    from sandbox.engine.gcp.sdk_types import SdkType

_META_KEY = "__meta"
_TIMEOUTS_KEY = "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0"  # the key of time-outs in Terraform's private state
_MINUTE = 60 * 10**9
_MAP = object()  # a map: null after a creation, {} after a read
_LIST = object()  # a list: null after a creation, [] after an update or a read

# type: operation and its time-out in minutes. Other types record none.
_TIMEOUTS: dict[str, dict[str, int]] = {
    "gcp:cloudfunctionsv2/function:Function": {"create": 60, "delete": 60, "update": 60},
    "gcp:cloudscheduler/job:Job": {"create": 20, "delete": 20, "update": 20},
    "gcp:cloudtasks/queue:Queue": {"create": 20, "delete": 20, "update": 20},
    "gcp:firebaserules/ruleset:Ruleset": {"create": 20, "delete": 20},
    "gcp:firestore/backupSchedule:BackupSchedule": {"create": 20, "delete": 20, "update": 20},
    "gcp:firestore/database:Database": {"create": 20, "delete": 20, "update": 20},
    "gcp:firestore/field:Field": {"create": 20, "delete": 20, "update": 20},
    "gcp:firestore/index:Index": {"create": 20, "delete": 20, "update": 20},
    "gcp:projects/service:Service": {"create": 20, "delete": 20, "read": 10, "update": 20},
    "gcp:projects/serviceIdentity:ServiceIdentity": {"create": 20, "delete": 20, "read": 10},
    "gcp:pubsub/topic:Topic": {"create": 20, "delete": 20, "update": 20},
    "gcp:secretmanager/secret:Secret": {"create": 20, "delete": 20, "update": 20},
    "gcp:secretmanager/secretVersion:SecretVersion": {"create": 20, "delete": 20, "update": 20},
    "gcp:serviceaccount/account:Account": {"create": 5},
    "gcp:storage/bucket:Bucket": {"create": 10, "read": 4, "update": 4},
    "gcp:storage/bucketObject:BucketObject": {"create": 4, "delete": 4, "update": 4},
}
_SCHEMA_VERSIONS = {"gcp:storage/bucket:Bucket": "4"}

# type: what is recorded for a property without a value, by its path.
_UNSET: dict[str, dict[str, Any]] = {
    "gcp:cloudfunctionsv2/function:Function": {
        "buildConfig.environmentVariables": {},
        "buildConfig.onDeployUpdatePolicy": None,
        "buildConfig.source.repoSource": None,
        "buildConfig.workerPool": "",
        "deletionPolicy": "DELETE",
        "description": "",
        "eventTrigger": None,
        "eventTrigger.eventFilters.operator": "",
        "eventTrigger.pubsubTopic": "",
        "kmsKeyName": "",
        "labels": _MAP,
        "serviceConfig.binaryAuthorizationPolicy": "",
        "serviceConfig.directVpcEgress": "",
        "serviceConfig.directVpcNetworkInterfaces": [],
        "serviceConfig.directVpcNetworkInterfaces.network": "",
        "serviceConfig.directVpcNetworkInterfaces.subnetwork": "",
        "serviceConfig.directVpcNetworkInterfaces.tags": [],
        "serviceConfig.environmentVariables": {},
        "serviceConfig.gcfUri": "",
        "serviceConfig.minInstanceCount": 0,
        "serviceConfig.secretEnvironmentVariables": [],
        "serviceConfig.secretVolumes": [],
        "serviceConfig.vpcConnector": "",
        "serviceConfig.vpcConnectorEgressSettings": "",
    },
    "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding": {"condition": None, "etag": None, "members": _LIST},
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": {"condition": None},
    "gcp:cloudscheduler/job:Job": {
        "appEngineHttpTarget": None,
        "deletionPolicy": "DELETE",
        "description": "",
        "httpTarget": None,
        "httpTarget.body": "",
        "httpTarget.headers": _MAP,
        "httpTarget.oauthToken": None,
        "httpTarget.oidcToken": None,
        "httpTarget.oidcToken.audience": "",
        "pubsubTarget": None,
    },
    "gcp:cloudtasks/queue:Queue": {
        "appEngineRoutingOverride": None,
        "deletionPolicy": "DELETE",
        "httpTarget": None,
        "rateLimits.maxBurstSize": 0,
        "retryConfig.maxRetryDuration": "",
        "stackdriverLoggingConfig": None,
    },
    "gcp:cloudtasks/queueIamBinding:QueueIamBinding": {"condition": None, "etag": None, "members": _LIST},
    "gcp:firebaserules/ruleset:Ruleset": {
        "deletionPolicy": "DELETE",
        "source.files.fingerprint": "",
        "source.language": "",
    },
    "gcp:firestore/backupSchedule:BackupSchedule": {
        "dailyRecurrence": None,
        "deletionPolicy": "DELETE",
        "weeklyRecurrence": None,
    },
    "gcp:firestore/database:Database": {
        "cmekConfig": None,
        "deletionPolicy": "ABANDON",
        "firestoreDataAccessMode": "",
        "keyPrefix": "",
        "mongodbCompatibleDataAccessMode": "",
        "realtimeUpdatesMode": "",
        "tags": None,
    },
    "gcp:firestore/field:Field": {
        "deletionPolicy": "DELETE",
        "indexConfig": None,
        "indexConfig.indexes": None,
        "indexConfig.indexes.arrayConfig": "",
        "indexConfig.indexes.order": "",
        "skipWait": False,
        "ttlConfig": None,
        "ttlConfig.expirationOffset": "",
    },
    "gcp:firestore/index:Index": {
        "deletionPolicy": "DELETE",
        "fields.arrayConfig": "",
        "fields.order": "",
        "fields.searchConfig": None,
        "fields.vectorConfig": None,
        "multikey": False,
        "skipWait": False,
        "unique": False,
    },
    "gcp:projects/iAMMember:IAMMember": {"condition": None},
    "gcp:projects/service:Service": {
        "checkIfServiceHasUsageOnDestroy": None,
        "deletionPolicy": "DELETE",
        "disableDependentServices": None,
        "disableOnDestroy": None,
    },
    "gcp:projects/serviceIdentity:ServiceIdentity": {},
    "gcp:pubsub/topic:Topic": {
        "deletionPolicy": "DELETE",
        "ingestionDataSourceSettings": None,
        "kmsKeyName": "",
        "labels": _MAP,
        "messageRetentionDuration": "",
        "messageStoragePolicy": None,
        "messageTransforms": [],
        "schemaSettings": None,
        "tags": None,
    },
    "gcp:secretmanager/secret:Secret": {
        "annotations": _MAP,
        "deletionPolicy": "DELETE",
        "deletionProtection": False,
        "expireTime": "",
        "labels": _MAP,
        "replication.auto": None,
        "replication.auto.customerManagedEncryption": None,
        "replication.userManaged": None,
        "rotation": None,
        "tags": None,
        "topics": [],
        "ttl": None,
        "versionAliases": _MAP,
        "versionDestroyTtl": "",
    },
    "gcp:secretmanager/secretIamBinding:SecretIamBinding": {
        "condition": None,
        "etag": None,
        "members": _LIST,
    },
    "gcp:secretmanager/secretIamMember:SecretIamMember": {"condition": None},
    "gcp:serviceaccount/iAMMember:IAMMember": {"condition": None},
    "gcp:secretmanager/secretVersion:SecretVersion": {
        "deletionPolicy": "DELETE",
        "destroyTime": "",
        "isSecretDataBase64": False,
        "project": None,
        "secretDataWo": None,
        "secretDataWoVersion": 0,
    },
    "gcp:serviceaccount/account:Account": {
        "createIgnoreAlreadyExists": None,
        "deletionPolicy": "DELETE",
        "description": "",
        "displayName": "",
    },
    "gcp:serviceaccount/key:Key": {"deletionPolicy": "DELETE", "keepers": None, "publicKeyData": None},
    "gcp:storage/bucket:Bucket": {
        "autoclass": None,
        "cors": [],
        "customPlacementConfig": None,
        "defaultEventBasedHold": False,
        "deletionPolicy": "DELETE",
        "enableObjectRetention": False,
        "encryption": None,
        "forceDestroy": False,
        "hierarchicalNamespace": {"enabled": False},
        "ipFilter": None,
        "labels": _MAP,
        "lifecycleRules": [],
        "logging": None,
        "requesterPays": False,
        "retentionPolicy": None,
        "rpo": None,
        "versioning": None,
        "website": None,
    },
    "gcp:storage/bucketObject:BucketObject": {
        "cacheControl": "",
        "content": None,
        "contentDisposition": "",
        "contentEncoding": "",
        "contentLanguage": "",
        "contexts": None,
        "customerEncryption": None,
        "deletionPolicy": "DELETE",
        "eventBasedHold": False,
        "forceEmptyContentType": None,
        "kmsKeyName": "",
        "metadata": _MAP,
        "retention": None,
        "sourceMd5hash": "",
        "temporaryHold": False,
    },
}


def checked_inputs(resource_type: ResourceType, inputs: State) -> State:
    """Return a program's inputs as they are recorded: without nulls, with defaults, and with their names.

    A default of false or 0 is not filled in.

    Args:
        resource_type: the resource type.
        inputs: the program's inputs; a top-level `__defaults` has the names of inputs that are generated.
    """
    given = cast("list[str]", inputs.get(DEFAULTS_KEY) or [])
    found = _checked(resource_type, resource_type.sdk.inputs, inputs, "")
    return {**found, DEFAULTS_KEY: sorted({*given, *found[DEFAULTS_KEY]})}


def _checked(resource_type: ResourceType, sdk: SdkType, value: Any, pattern: str) -> Any:
    if isinstance(value, list) and sdk.item is not None:
        inner = sdk.item
        return [_checked(resource_type, inner, item, pattern) for item in cast("list[Any]", value)]
    if not isinstance(value, dict) or sdk.kind != "object":
        return value
    fields = cast("State", value)
    recorded: State = {}
    generated: list[str] = []
    for name, item in fields.items():
        where = f"{pattern}.{name}" if pattern else name
        if item is not None and name != DEFAULTS_KEY:
            recorded[name] = (
                _checked(resource_type, sdk.fields[name], item, where) if name in sdk.fields else item
            )
    for name in sdk.fields:
        default = resource_type.defaults.get(f"{pattern}.{name}" if pattern else name)
        if default and recorded.get(name) is None:
            recorded[name] = default
            generated.append(name)
    return {**recorded, DEFAULTS_KEY: generated}


def outputs(
    resource_type: ResourceType,
    identifier: str,
    found: State,
    *,
    before: State,
    read: bool = False,
    imported: bool = False,
) -> State:
    """Return the outputs to record: the known ones, a value for each unset property, the id, and time-outs.

    Args:
        resource_type: the resource type.
        identifier: the object's Pulumi id.
        found: the outputs that are known.
        before: the recorded outputs, for an update.
        read: whether they were read for a refresh or an import.
        imported: whether for an import.
    """
    token = resource_type.pulumi_type
    recorded: State = copy.deepcopy({key: value for key, value in found.items() if key != DEFAULTS_KEY})
    for path, value in _UNSET[token].items():
        parts = path.split(".")
        if value is _MAP:
            _fill(recorded, parts, {} if read else _at(before, parts), is_map=True)
        elif value is _LIST:
            _fill(recorded, parts, [] if read or before else None, is_map=True)
        else:
            _fill(recorded, parts, value, is_map=False)
    recorded["id"] = identifier
    private: dict[str, Any] = {}
    if token in _TIMEOUTS:
        private[_TIMEOUTS_KEY] = {name: minutes * _MINUTE for name, minutes in _TIMEOUTS[token].items()}
    if token in _SCHEMA_VERSIONS:
        private["schema_version"] = _SCHEMA_VERSIONS[token]
    elif imported:
        private["schema_version"] = "0"
    if private:
        recorded[_META_KEY] = json.dumps(private, separators=(",", ":"))
    return recorded


def _at(state: Any, parts: list[str]) -> Any:
    for name in parts:
        state = cast("State", state).get(name) if isinstance(state, dict) else None
    return state


def _fill(value: Any, parts: list[str], unset: Any, *, is_map: bool) -> None:
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            _fill(item, parts, unset, is_map=is_map)
    elif isinstance(value, dict):
        fields = cast("State", value)
        name, *rest = parts
        if rest:
            _fill(fields.get(name), rest, unset, is_map=is_map)
        elif fields.get(name) is None or (is_map and not fields[name]):
            fields[name] = copy.deepcopy(unset)


def refreshed_inputs(resource_type: ResourceType, before: State, state: State) -> State:
    """Return the inputs after a refresh: the recorded ones with the values that were read, no others.

    A default that is no longer in effect loses its mark.
    """
    return cast("State", _refreshed(resource_type, before, state, ""))


def _refreshed(resource_type: ResourceType, before: Any, state: Any, pattern: str) -> Any:
    if isinstance(before, list) and isinstance(state, list):
        pairs = _pairs(
            cast("list[Any]", before), cast("list[Any]", state), pattern in resource_type.unordered
        )
        return [_refreshed(resource_type, one, other, pattern) for one, other in pairs]
    if not (isinstance(before, dict) and isinstance(state, dict)):
        same = resource_type.normalize(pattern, before) == resource_type.normalize(pattern, state)
        return before if same else state
    inputs, read = cast("State", before), cast("State", state)
    found: State = {
        name: _refreshed(resource_type, value, read[name], f"{pattern}.{name}" if pattern else name)
        for name, value in inputs.items()
        if name != DEFAULTS_KEY and name in read
    }
    if DEFAULTS_KEY in inputs:
        marked = cast("list[str]", inputs[DEFAULTS_KEY])
        found[DEFAULTS_KEY] = [name for name in marked if name in found and found[name] == inputs[name]]
    return found


def _pairs(before: list[Any], state: list[Any], unordered: bool) -> list[tuple[Any, Any]]:
    """Return the elements that belong together: by position, the objects of a set by their content."""
    if not unordered or not all(isinstance(item, dict) for item in (*before, *state)):
        return list(zip(before, state, strict=False))
    left = list(state)
    found: list[tuple[Any, Any]] = []
    for item in before:
        match = next((other for other in left if _covers(other, item)), None)
        if match is not None:
            left.remove(match)
            found.append((item, match))
    return found


def _covers(state: Any, item: Any) -> bool:
    if not (isinstance(state, dict) and isinstance(item, dict)):
        return bool(state == item)
    read = cast("State", state)
    return all(read.get(key) == value for key, value in cast("State", item).items() if key != DEFAULTS_KEY)


def imported_inputs(resource_type: ResourceType, state: State) -> State:
    """Return the inputs of an imported object: all that are set, differ from their default, and can be set.

    `deletionPolicy` is always among them.
    """
    found = cast("State", _imported(resource_type, resource_type.sdk.inputs, state, ""))
    if state.get("deletionPolicy") is not None:
        found["deletionPolicy"] = state["deletionPolicy"]
    return found


def _imported(resource_type: ResourceType, sdk: SdkType, value: Any, pattern: str) -> Any:
    if isinstance(value, list) and sdk.item is not None:
        inner = sdk.item
        return [_imported(resource_type, inner, item, pattern) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    if sdk.kind == "map":
        return {**cast("State", value), DEFAULTS_KEY: []}
    found: State = {}
    for name, item in cast("State", value).items():
        where = f"{pattern}.{name}" if pattern else name
        default = resource_type.default(where)
        if item is None or name not in sdk.fields or where in resource_type.output_only:
            continue
        read = _imported(resource_type, sdk.fields[name], item, where)
        unset = read == {DEFAULTS_KEY: []} if isinstance(item, dict) else is_empty(item) or item == default
        if name in sdk.required or not unset:
            found[name] = read
    return {**found, DEFAULTS_KEY: []}
