"""The differences that the gcp plugin finds, type by type."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.engine.gcp import diff
from sandbox.engine.gcp.check import DEFAULTS_KEY
from sandbox.engine.gcp.registry import RESOURCE_TYPES
from sandbox.engine.protocol import Asset, Unknown

pytestmark = pytest.mark.unit

ACCOUNT = "gcp:serviceaccount/account:Account"
BINDING = "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding"
BUCKET = "gcp:storage/bucket:Bucket"
DATABASE = "gcp:firestore/database:Database"
FIELD = "gcp:firestore/field:Field"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
INDEX = "gcp:firestore/index:Index"
JOB = "gcp:cloudscheduler/job:Job"
KEY = "gcp:serviceaccount/key:Key"
MEMBER = "gcp:projects/iAMMember:IAMMember"
OBJECT = "gcp:storage/bucketObject:BucketObject"
QUEUE = "gcp:cloudtasks/queue:Queue"
RULESET = "gcp:firebaserules/ruleset:Ruleset"
RUN_MEMBER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
SCHEDULE = "gcp:firestore/backupSchedule:BackupSchedule"
SECRET = "gcp:secretmanager/secret:Secret"
SECRET_BINDING = "gcp:secretmanager/secretIamBinding:SecretIamBinding"
SERVICE = "gcp:projects/service:Service"
TOPIC = "gcp:pubsub/topic:Topic"
VERSION = "gcp:secretmanager/secretVersion:SecretVersion"

ASCENDING = {"fieldPath": "a", "order": "ASCENDING"}
DESCENDING = {"fieldPath": "b", "order": "DESCENDING"}
LAST = {"fieldPath": "__name__", "order": "DESCENDING"}


def shown(token: str, state: dict[str, Any], inputs: dict[str, Any]) -> dict[str, str]:
    found = diff.changes(RESOURCE_TYPES[token], state, inputs)
    return {change.path: change.kind + ("_REPLACE" if change.replace else "") for change in found}


SAME: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (ACCOUNT, {"accountId": "a", "disabled": False, "displayName": ""}, {"accountId": "a"}),
    (BINDING, {"members": ["a", "b"], "role": "r"}, {"members": ["b", "a"], "role": "r"}),
    (SECRET_BINDING, {"members": [], "secretId": "projects/p/secrets/s"}, {"members": [], "secretId": "s"}),
    (
        DATABASE,
        {
            "name": "d",
            "locationId": "eur3",
            "type": "FIRESTORE_NATIVE",
            "databaseEdition": "STANDARD",
            "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
            "deletionPolicy": "ABANDON",
            "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED",
        },
        {"name": "d", "locationId": "eur3", "type": "FIRESTORE_NATIVE"},
    ),
    (
        SCHEDULE,
        {"database": "(default)", "retention": "86400s", "dailyRecurrence": {}, "weeklyRecurrence": None},
        {"retention": "86400s", "dailyRecurrence": {}},
    ),
    (BUCKET, {"location": "US-CENTRAL1", "storageClass": "STANDARD"}, {"location": "us-central1"}),
    (
        FIELD,
        {"collection": "c", "field": "f", "indexConfig": {}},
        {"collection": "c", "field": "f", "indexConfig": {}},
    ),
    (
        FIELD,
        {"collection": "c", "field": "f", "ttlConfig": {"state": "ACTIVE"}},
        {"collection": "c", "field": "f", "ttlConfig": {}},
    ),
    (
        FUNCTION,
        {"serviceConfig": {"allTrafficOnLatestRevision": True, "uri": "u", "timeoutSeconds": 60}},
        {"serviceConfig": {}},
    ),
    (
        FUNCTION,
        {
            "serviceConfig": {
                "allTrafficOnLatestRevision": True,
                "environmentVariables": {"A": "1", "LOG_EXECUTION_ID": "true"},
            }
        },
        {"serviceConfig": {"environmentVariables": {"A": "1"}}},
    ),
    (
        FUNCTION,
        {
            "eventTrigger": {
                "eventFilters": [{"attribute": "a", "value": "1"}, {"attribute": "b", "value": "2"}]
            }
        },
        {
            "eventTrigger": {
                "eventFilters": [{"attribute": "b", "value": "2"}, {"attribute": "a", "value": "1"}]
            }
        },
    ),
    (
        INDEX,
        {"collection": "c", "fields": [ASCENDING, DESCENDING, LAST]},
        {"collection": "c", "fields": [ASCENDING, DESCENDING]},
    ),
    (
        INDEX,
        {"collection": "c", "fields": [ASCENDING], "density": "SPARSE_ALL", "skipWait": False},
        {"collection": "c", "fields": [ASCENDING]},
    ),
    (
        JOB,
        {
            "attemptDeadline": "180s",
            "timeZone": "Etc/UTC",
            "paused": False,
            "retryConfig": {"maxDoublings": 5, "retryCount": 1},
        },
        {"retryConfig": {"retryCount": 1}},
    ),
    (
        JOB,
        {
            "httpTarget": {
                "uri": "https://a/",
                "oidcToken": {"serviceAccountEmail": "e", "audience": "https://a/"},
            },
            "attemptDeadline": "180s",
            "timeZone": "Etc/UTC",
        },
        {"httpTarget": {"uri": "https://a", "oidcToken": {"serviceAccountEmail": "e"}}},
    ),
    (
        OBJECT,
        {"bucket": "b", "name": "n", "source": Asset({"hash": "1"}), "md5hash": "m", "detectMd5hash": "m"},
        {"bucket": "b", "name": "n", "source": Asset({"hash": "1", "path": "elsewhere"})},
    ),
    (
        OBJECT,
        {"bucket": "b", "name": "n", "md5hash": "XUFAKrxLKna5cZ2REBfFkg=="},
        {"bucket": "b", "name": "n", "content": "hello"},
    ),
    (
        QUEUE,
        {
            "rateLimits": {"maxConcurrentDispatches": 1000},
            "retryConfig": {"maxBackoff": "3600s"},
            "desiredState": "RUNNING",
        },
        {"retryConfig": {"maxBackoff": "3600.0s"}},
    ),
    (
        RULESET,
        {
            "source": {"files": [{"name": "n", "content": "c", "fingerprint": "f"}]},
            "metadatas": [{"services": ["cloud.firestore"]}],
        },
        {"source": {"files": [{"name": "n", "content": "c"}]}},
    ),
    (
        RUN_MEMBER,
        {"name": "projects/p/locations/l/services/s", "role": "r", "member": "m"},
        {"name": "s", "role": "r", "member": "m"},
    ),
    (
        SECRET,
        {"secretId": "s", "replication": {"auto": {}}, "labels": {}},
        {"secretId": "s", "replication": {"auto": {}}},
    ),
    (SERVICE, {"service": "s"}, {"service": "s", "disableOnDestroy": False}),
    (
        VERSION,
        {"secret": "projects/p/secrets/s", "enabled": True},
        {"secret": "s", "secretDataWo": "another"},
    ),
]


@pytest.mark.parametrize(("token", "state", "inputs"), SAME)
def test_values_that_the_server_computes_or_normalizes_are_no_change(
    token: str, state: dict[str, Any], inputs: dict[str, Any]
) -> None:
    assert shown(token, state, inputs) == {}


CHANGED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, str]]] = [
    (JOB, {"retryConfig": {"maxDoublings": 5}}, {}, {"retryConfig": "DELETE"}),
    (
        ACCOUNT,
        {"accountId": "a", "displayName": "by hand"},
        {"accountId": "a", "displayName": "ours"},
        {"displayName": "UPDATE"},
    ),
    (ACCOUNT, {"accountId": "a", "displayName": "by hand"}, {"accountId": "a"}, {"displayName": "DELETE"}),
    (ACCOUNT, {"accountId": "a"}, {"accountId": "b"}, {"accountId": "UPDATE_REPLACE"}),
    (ACCOUNT, {"accountId": "a", "disabled": True}, {"accountId": "a"}, {"disabled": "UPDATE"}),
    (
        BINDING,
        {"members": ["a", "stranger"], "role": "r"},
        {"members": ["a"], "role": "r"},
        {"members[1]": "DELETE"},
    ),
    (
        BUCKET,
        {"location": "EU", "storageClass": "STANDARD"},
        {"location": "US"},
        {"location": "UPDATE_REPLACE"},
    ),
    (
        FIELD,
        {"collection": "c", "field": "f"},
        {"collection": "c", "field": "f", "indexConfig": {}},
        {"indexConfig": "ADD"},
    ),
    (
        FIELD,
        {"collection": "c", "field": "f", "indexConfig": {"indexes": [{"order": "ASCENDING"}]}},
        {"collection": "c", "field": "f"},
        {"indexConfig": "DELETE"},
    ),
    (
        FIELD,
        {"collection": "c", "field": "f"},
        {"collection": "c", "field": "f", "ttlConfig": {}},
        {"ttlConfig": "ADD"},
    ),
    (
        FIELD,
        {"collection": "c", "field": "f", "ttlConfig": {"state": "ACTIVE"}},
        {"collection": "c", "field": "f"},
        {"ttlConfig": "DELETE"},
    ),
    (
        FUNCTION,
        {"name": "f", "location": "a"},
        {"name": "g", "location": "b"},
        {"name": "UPDATE_REPLACE", "location": "UPDATE_REPLACE"},
    ),
    (
        FUNCTION,
        {
            "serviceConfig": {
                "availableMemory": "2Gi",
                "ingressSettings": "ALLOW_ALL",
                "allTrafficOnLatestRevision": True,
            }
        },
        {"serviceConfig": {"availableMemory": "256Mi"}},
        {"serviceConfig.availableMemory": "UPDATE"},
    ),
    (
        FUNCTION,
        {"serviceConfig": {"ingressSettings": "ALLOW_INTERNAL_ONLY", "allTrafficOnLatestRevision": True}},
        {"serviceConfig": {}},
        {"serviceConfig.ingressSettings": "UPDATE"},
    ),
    (FUNCTION, {"labels": {"a": "1"}}, {"labels": {"a": "1", "b": "2"}}, {"labels.b": "ADD"}),
    (
        FUNCTION,
        {"labels": {}},
        {"labels": {"firebase-functions-hash": "x"}},
        {'labels["firebase-functions-hash"]': "ADD"},
    ),
    (
        FUNCTION,
        {"eventTrigger": {"eventType": "a", "eventFilters": [{"attribute": "a", "value": "1"}]}},
        {"eventTrigger": {"eventType": "b", "eventFilters": [{"attribute": "a", "value": "2"}]}},
        {"eventTrigger.eventType": "UPDATE", "eventTrigger.eventFilters[0].value": "UPDATE"},
    ),
    (
        FUNCTION,
        {
            "serviceConfig": {
                "minInstanceCount": 3,
                "ingressSettings": "ALLOW_ALL",
                "allTrafficOnLatestRevision": True,
            }
        },
        {"serviceConfig": {}},
        {"serviceConfig.minInstanceCount": "DELETE"},
    ),
    (
        DATABASE,
        {
            "name": "d",
            "locationId": "eur3",
            "type": "FIRESTORE_NATIVE",
            "deletionPolicy": "ABANDON",
            "deleteProtectionState": "DELETE_PROTECTION_DISABLED",
            "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
        },
        {
            "name": "d",
            "locationId": "nam5",
            "type": "DATASTORE_MODE",
            "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
        },
        {
            "locationId": "UPDATE_REPLACE",
            "type": "UPDATE",
            "deleteProtectionState": "UPDATE",
            "pointInTimeRecoveryEnablement": "UPDATE",
        },
    ),
    (
        SCHEDULE,
        {"database": "(default)", "retention": "86400s", "weeklyRecurrence": {"day": "MONDAY"}},
        {"database": "(default)", "retention": "604800s", "weeklyRecurrence": {"day": "SUNDAY"}},
        {"retention": "UPDATE", "weeklyRecurrence.day": "UPDATE_REPLACE"},
    ),
    (
        INDEX,
        {"collection": "c", "fields": [ASCENDING, LAST]},
        {"collection": "c", "fields": [DESCENDING]},
        {
            "fields[0].fieldPath": "UPDATE_REPLACE",
            "fields[0].order": "UPDATE_REPLACE",
            "fields[1]": "DELETE_REPLACE",
        },
    ),
    (
        INDEX,
        {"collection": "c", "fields": [ASCENDING], "queryScope": "COLLECTION"},
        {"collection": "c", "fields": [ASCENDING], "queryScope": "COLLECTION_GROUP"},
        {"queryScope": "UPDATE_REPLACE"},
    ),
    (
        JOB,
        {"schedule": "by hand", "attemptDeadline": "180s", "timeZone": "Etc/UTC"},
        {"schedule": "every 1 hours"},
        {"schedule": "UPDATE"},
    ),
    (
        JOB,
        {"paused": True, "attemptDeadline": "180s", "timeZone": "Etc/UTC"},
        {"paused": False},
        {"paused": "UPDATE"},
    ),
    (
        KEY,
        {"serviceAccountId": "s", "keepers": {"rotation": "1"}},
        {"serviceAccountId": "s", "keepers": {"rotation": "2"}},
        {"keepers.rotation": "UPDATE_REPLACE"},
    ),
    (
        MEMBER,
        {"project": "p", "role": "a", "member": "m"},
        {"project": "p", "role": "b", "member": "m"},
        {"role": "UPDATE_REPLACE"},
    ),
    (
        OBJECT,
        {"bucket": "b", "name": "src-1.zip"},
        {"bucket": "b", "name": "src-2.zip"},
        {"name": "UPDATE_REPLACE"},
    ),
    (
        OBJECT,
        {"bucket": "b", "name": "n", "source": Asset({"hash": "1"})},
        {"bucket": "b", "name": "n", "source": Asset({"hash": "2"})},
        {"source": "UPDATE_REPLACE"},
    ),
    (
        OBJECT,
        {
            "bucket": "b",
            "name": "n",
            "source": Asset({"hash": "1"}),
            "md5hash": "by hand",
            "detectMd5hash": "m",
        },
        {"bucket": "b", "name": "n", "source": Asset({"hash": "1"})},
        {"detectMd5hash": "UPDATE"},
    ),
    (
        OBJECT,
        {"bucket": "b", "name": "n", "md5hash": "by hand"},
        {"bucket": "b", "name": "n", "content": "hello"},
        {"content": "UPDATE"},
    ),
    (
        QUEUE,
        {"rateLimits": {"maxConcurrentDispatches": 1000}},
        {"rateLimits": {"maxConcurrentDispatches": 5}},
        {"rateLimits.maxConcurrentDispatches": "UPDATE"},
    ),
    (QUEUE, {"desiredState": "PAUSED"}, {}, {"desiredState": "UPDATE"}),
    (
        RULESET,
        {
            "source": {"files": [{"name": "n", "content": "1"}]},
            "metadatas": [{"services": ["cloud.firestore"]}],
        },
        {"source": {"files": [{"name": "n", "content": "2"}]}},
        {"source.files[0].content": "UPDATE_REPLACE"},
    ),
    (
        SECRET,
        {"secretId": "s", "replication": {"auto": {}}, "labels": {"v": "1"}},
        {"secretId": "t", "replication": {"auto": {}}, "labels": {}},
        {"secretId": "UPDATE_REPLACE", "labels.v": "DELETE"},
    ),
    (TOPIC, {"name": "a", "labels": {"v": "1"}}, {"name": "a", "labels": {"v": "2"}}, {"labels.v": "UPDATE"}),
    (
        VERSION,
        {"secret": "s", "secretData": "1", "enabled": True},
        {"secret": "s", "secretData": "2"},
        {"secretData": "UPDATE_REPLACE"},
    ),
    (
        VERSION,
        {"secret": "s", "secretDataWoVersion": "1", "enabled": True},
        {"secret": "s", "secretDataWo": "x", "secretDataWoVersion": "2"},
        {"secretDataWoVersion": "UPDATE_REPLACE"},
    ),
    (VERSION, {"secret": "s", "enabled": False}, {"secret": "s", "secretDataWo": "x"}, {"enabled": "UPDATE"}),
]


@pytest.mark.parametrize(("token", "state", "inputs", "wanted"), CHANGED)
def test_a_change_has_its_path_and_replaces_where_terraform_does(
    token: str, state: dict[str, Any], inputs: dict[str, Any], wanted: dict[str, str]
) -> None:
    assert shown(token, state, inputs) == wanted


def test_every_type_is_in_one_of_the_tables() -> None:
    covered = {row[0] for row in (*SAME, *CHANGED)}
    elsewhere = {
        "gcp:cloudtasks/queueIamBinding:QueueIamBinding",  # test_from_source.py
        "gcp:projects/serviceIdentity:ServiceIdentity",
        "gcp:secretmanager/secretIamMember:SecretIamMember",
        "gcp:serviceaccount/iAMMember:IAMMember",
    }
    assert covered | elsewhere == set(RESOURCE_TYPES)


def test_an_unknown_value_is_a_change_and_replaces_where_a_change_does() -> None:
    state: dict[str, Any] = {"collection": "c", "fields": [ASCENDING]}
    assert shown(INDEX, state, {"collection": Unknown.value, "fields": [ASCENDING]}) == {
        "collection": "UPDATE_REPLACE"
    }
    service = {"serviceAccountEmail": "a", "allTrafficOnLatestRevision": True}
    inputs = {"serviceConfig": {"serviceAccountEmail": Unknown.value}}
    assert shown(FUNCTION, {"serviceConfig": service}, inputs) == {
        "serviceConfig.serviceAccountEmail": "UPDATE"
    }


def test_an_explicit_name_is_deleted_before_it_is_created_again() -> None:
    kind = RESOURCE_TYPES[FUNCTION]
    assert diff.deletes_before_replace(kind, {"name": "ours", DEFAULTS_KEY: []})
    assert not diff.deletes_before_replace(kind, {"name": "generated-1a2b3c4", DEFAULTS_KEY: ["name"]})
    assert not diff.deletes_before_replace(RESOURCE_TYPES[RULESET], {"source": {}})
