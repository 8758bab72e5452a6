"""`ops adopt` on Google: which declared objects exist, under which ids, and what is not declared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from firebase.errors import GoogleError
from ops.adopt import function_state, google
from ops.adopt.live import Live
from ops.adopt.model import UNKNOWN, Verdict, secret
from tests.unit.ops.google_project import (
    ACCOUNTS,
    APIS,
    BASE,
    DENIED,
    FIELDS,
    FUNCTIONS,
    INDEXES,
    JOBS,
    OFF,
    QUEUES,
    REGION,
    RELEASE,
    SECRETS,
    TOPICS,
    Project,
    declared,
    look,
    named,
    payload,
    row,
)

pytestmark = pytest.mark.unit

DATABASE = f"{BASE}/databases/(default)"
SCHEDULES = f"{DATABASE}/backupSchedules"
GROUPS = f"{DATABASE}/collectionGroups"
INDEX = f"{BASE}/databases/(default)/collectionGroups/threads/indexes/CICA"
LIVE_INDEX = {
    "name": INDEX,
    "queryScope": "COLLECTION",
    "apiScope": "ANY_API",
    "density": "SPARSE_ALL",
    "fields": [
        {"fieldPath": "tags", "arrayConfig": "CONTAINS"},
        {"fieldPath": "at", "order": "DESCENDING"},
        {"fieldPath": "__name__", "order": "DESCENDING"},
    ],
    "state": "READY",
}
INDEX_INPUTS = {
    "__defaults": ["apiScope"],
    "project": "crm",
    "database": "(default)",
    "collection": "threads",
    "fields": [{"__defaults": [], "fieldPath": "tags", "arrayConfig": "CONTAINS"}],
    "skipWait": True,
}
TAGS = declared(google.INDEX, "indexes-threads/collection/tags-contains/at-desc", INDEX_INPUTS)
FUNCTION = declared(
    google.FUNCTION,
    "functions-send",
    {"project": "crm", "location": REGION, "name": "send", "labels": {"deployment-tool": "pulumi"}},
)
SEND = f"{BASE}/locations/{REGION}/functions/send"
LIVE_FUNCTION = {"name": SEND, "environment": "GEN_2", "labels": {"deployment-tool": "cli-firebase"}}
INVOKERS = declared(
    google.INVOKERS,
    "functions-send-invokers",
    {"location": REGION, "name": "send", "role": "roles/run.invoker", "members": ["allUsers"]},
)
SERVICE = f"{BASE}/locations/{REGION}/services/send"
KEY = declared(google.SECRET, "secrets-KEY", {"project": "crm", "secretId": "KEY"})
NEWEST = f"{SECRETS}/KEY/versions/latest:access"
RULES = {"files": [{"name": "firestore.rules", "content": "allow read;\n"}]}
RULESET = declared(google.RULESET, "rules-ruleset", {"project": "crm", "source": RULES})
RELEASED = declared(
    google.RELEASE,
    "rules-release",
    {"project": "crm", "release_name": "cloud.firestore", "ruleset_name": UNKNOWN, "__provider": "code"},
)


def version(value: str) -> Any:
    """The declared version of the secret KEY."""
    return declared(google.VERSION, "secrets-KEY-version", {"secret": UNKNOWN, "secretData": value})


BY_ID: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    f"{JOBS}/firebase-schedule-tick-europe-west1": (
        declared(
            google.JOB,
            "functions-tick-schedule",
            {"project": "crm", "region": REGION, "name": "firebase-schedule-tick-europe-west1"},
        ),
        {JOBS: {"jobs": named([f"{JOBS}/firebase-schedule-tick-europe-west1"])}},
    ),
    f"{SECRETS}/KEY": (KEY, {SECRETS: {"secrets": named([f"{SECRETS}/KEY"])}}),
    f"{ACCOUNTS}/crm-fn@crm.iam.gserviceaccount.com": (
        declared(google.ACCOUNT, "identities-crm-fn", {"project": "crm", "accountId": "crm-fn"}),
        {ACCOUNTS: {"accounts": [{"email": "crm-fn@crm.iam.gserviceaccount.com"}]}},
    ),
    "crm-crm-functions": (
        declared(google.BUCKET, "functions-sources", {"name": "crm-crm-functions"}),
        {"b/crm-crm-functions": {"name": "crm-crm-functions"}},
    ),
}
"""Pulumi id -> the declaration, and where Google has it. The provider reads these."""


@pytest.mark.parametrize("identifier", BY_ID)
def test_an_object_that_exists_is_adopted_by_its_id(identifier: str) -> None:
    one, answers = BY_ID[identifier]
    (found,) = look(answers, one).found
    assert (found.urn, found.id, found.inputs, found.outputs) == (one.urn, identifier, None, None)
    assert row(look({}, one), one).verdict is Verdict.CREATED


@pytest.mark.parametrize("state", ["READY", "CREATING"])
def test_an_index_is_found_by_its_shape_in_any_state_of_its_build(state: str) -> None:
    """Google chooses the name, appends a field `__name__`, and names the defaults."""
    other = declared(google.INDEX, "indexes-threads/collection/at-asc/tags-contains", INDEX_INPUTS)
    looked = look({INDEXES: {"indexes": [{**LIVE_INDEX, "state": state}]}}, TAGS, other)
    (found,) = looked.found
    assert (found.urn, found.id) == (TAGS.urn, INDEX)
    assert found.outputs == {
        "id": INDEX,
        "name": INDEX,
        "project": "crm",
        "database": "(default)",
        "collection": "threads",
        "fields": LIVE_INDEX["fields"],
        "density": "SPARSE_ALL",
        "multikey": False,
        "unique": False,
        "skipWait": True,
        "deletionPolicy": "DELETE",
    }
    assert row(looked, TAGS).verdict is Verdict.SAME
    assert ("the `up` waits" in row(looked, TAGS).reason) == (state == "CREATING")
    assert row(looked, other).verdict is Verdict.CREATED


def test_a_function_is_adopted_with_its_live_values() -> None:
    """What the plugin does not record, and labels that the program does not declare, are left out."""
    filters = [{"attribute": "database", "value": "(default)"}]
    inputs = {
        "buildConfig": {"__defaults": [], "runtime": "nodejs22"},
        "eventTrigger": {"eventFilters": filters},
    }
    one = declared(google.FUNCTION, "functions-send", {**FUNCTION.inputs, **inputs, "__defaults": []})
    storage = {"bucket": "gcf", "object": "send.zip", "generation": "1796046081222975"}
    service: dict[str, Any] = {"timeoutSeconds": 60, "uri": "https://send", "revision": "send-00001"}
    service["secretEnvironmentVariables"] = [{"key": "KEY", "secret": "KEY", "version": "1", "new": True}]
    live = {
        "name": SEND,
        "environment": "GEN_2",
        "labels": {"deployment-tool": "cli-firebase", "firebase-functions-hash": "83"},
        "buildConfig": {
            "runtime": "nodejs20",
            "sourceProvenance": {},
            "source": {"storageSource": storage, "gitUri": "none"},
        },
        "serviceConfig": service,
        "eventTrigger": {"eventFilters": [{**filters[0], "new": 1}]},
        "createTime": "2026-11-30T12:00:00Z",
        "stateMessages": [],
    }
    (found,) = look({FUNCTIONS: {"functions": [live]}}, one).found
    assert found.id == SEND
    assert found.outputs == {
        "id": SEND,
        "project": "crm",
        "location": REGION,
        "name": "send",
        "environment": "GEN_2",
        "deletionPolicy": "DELETE",
        "labels": {"deployment-tool": "cli-firebase"},
        "pulumiLabels": {"deployment-tool": "cli-firebase"},
        "effectiveLabels": live["labels"],
        "buildConfig": {
            "runtime": "nodejs20",
            "source": {"storageSource": {**storage, "generation": 1796046081222975}},
            "workerPool": "",
        },
        "serviceConfig": {
            **function_state.UNSET["serviceConfig"],
            "timeoutSeconds": 60,
            "uri": "https://send",
            "secretEnvironmentVariables": [{"key": "KEY", "secret": "KEY", "version": "1"}],
        },
        "eventTrigger": {"eventFilters": filters, "pubsubTopic": ""},
    }
    assert found.inputs == {
        "__defaults": [],
        "project": "crm",
        "location": REGION,
        "name": "send",
        "labels": {"deployment-tool": "cli-firebase"},
        "buildConfig": {"__defaults": [], "runtime": "nodejs20"},
        "eventTrigger": {"eventFilters": filters},
    }


def test_the_value_of_a_variable_that_is_a_secret_is_encrypted() -> None:
    """So is one that is not declared: it may be a secret that the program has in Secret Manager."""
    variables = {"URL": secret("https://new"), "MODE": "live"}
    one = declared(
        google.FUNCTION, "send", {**FUNCTION.inputs, "serviceConfig": {"environmentVariables": variables}}
    )
    today = {"URL": "https://old", "MODE": "test", "OTHER": "1"}
    live = {**LIVE_FUNCTION, "serviceConfig": {"environmentVariables": today}}
    (found,) = look({FUNCTIONS: {"functions": [live]}}, one).found
    assert found.outputs is not None
    assert found.inputs is not None
    assert found.outputs["serviceConfig"]["environmentVariables"] == {
        "URL": secret("https://old"),
        "MODE": "test",
        "OTHER": secret("1"),
    }
    assert found.inputs["serviceConfig"]["environmentVariables"] == {
        "URL": secret("https://old"),
        "MODE": "test",
    }


def test_the_retries_of_a_job_are_compared() -> None:
    name = "firebase-schedule-tick-europe-west1"
    inputs = {"project": "crm", "region": REGION, "name": name}
    one = declared(google.JOB, "functions-tick-schedule", {**inputs, "retryConfig": {"maxDoublings": 5}})
    live = {"name": f"{JOBS}/{name}", "retryConfig": {"maxDoublings": 16, "minBackoffDuration": "5s"}}
    looked = look({JOBS: {"jobs": [live]}}, one)
    assert [(it.property, it.old, it.new) for it in row(looked, one).changes] == [
        ("retryConfig.maxDoublings", "16", "5")
    ]


def test_a_bucket_is_compared() -> None:
    """The plugin imports it without `forceDestroy`, which only the state has."""
    inputs = {
        "name": "sources",
        "forceDestroy": True,
        "uniformBucketLevelAccess": True,
        "storageClass": "STANDARD",
    }
    one = declared(google.BUCKET, "functions-sources", inputs)
    access = {"uniformBucketLevelAccess": {"enabled": True}}
    looked = look({"b/sources": {"storageClass": "STANDARD", "iamConfiguration": access}}, one)
    assert [(it.property, it.old, it.new) for it in row(looked, one).changes] == [
        ("forceDestroy", "false", "true")
    ]
    looked = look({"b/sources": {"storageClass": "NEARLINE"}}, one)
    assert len(row(looked, one).changes) == 3


def test_a_database_that_would_be_created_and_exists_is_adopted_and_protected() -> None:
    """With `createDatabase`. What the program may ignore is not said to change."""
    inputs = {"name": "(default)", "deleteProtectionState": "ON", "pointInTimeRecoveryEnablement": "OFF"}
    one = declared(google.DATABASE, "database-firestore", inputs)
    live = {"name": DATABASE, "deleteProtectionState": "OFF", "pointInTimeRecoveryEnablement": "ON"}
    looked = look({DATABASE: live}, one)
    (found,) = looked.found
    assert (found.id, found.protect) == (DATABASE, True)
    assert [change.property for change in row(looked, one).changes] == ["deleteProtectionState"]


def test_backup_schedules_are_found_by_their_recurrence() -> None:
    daily = {"name": f"{SCHEDULES}/1", "retention": "604800s", "dailyRecurrence": {}}
    weekly = {"name": f"{SCHEDULES}/2", "retention": "604800s", "weeklyRecurrence": {"day": "SUNDAY"}}
    answers = {SCHEDULES: {"backupSchedules": [daily, weekly]}}
    database = declared(google.DATABASE, "database-firestore", {"name": "(default)"}, op="import")
    inputs = {"database": "(default)", "retention": "8467200s", "weeklyRecurrence": {"day": "SUNDAY"}}
    one = declared(google.BACKUPS, "database-backups-weekly", inputs)
    looked = look(answers, database, one)
    (found,) = looked.found
    assert (found.urn, found.id) == (one.urn, weekly["name"])
    assert [(it.old, it.new) for it in row(looked, one).changes] == [('"604800s"', '"8467200s"')]
    (other,) = (it for it in looked.rows if it.verdict is Verdict.UNDECLARED)
    assert (other.kind, other.name) == ("backup schedule", "(default), daily, kept for 7 days")
    assert row(look({}, database, one), one).verdict is Verdict.CREATED


def test_a_weekly_schedule_of_another_day_is_refused() -> None:
    live = {"name": f"{SCHEDULES}/2", "retention": "604800s", "weeklyRecurrence": {"day": "MONDAY"}}
    inputs = {"database": "(default)", "retention": "604800s", "weeklyRecurrence": {"day": "SUNDAY"}}
    one = declared(google.BACKUPS, "database-backups-weekly", inputs)
    looked = look({SCHEDULES: {"backupSchedules": [live]}}, one)
    assert row(looked, one).verdict is Verdict.REFUSED
    assert "on MONDAY" in row(looked, one).reason
    assert row(looked, one).fix.startswith(
        "gcloud firestore backups schedules delete --backup-schedule=2 --database='(default)' --project=crm"
    )
    assert not looked.found


def test_an_index_that_could_not_be_built_is_refused() -> None:
    looked = look({INDEXES: {"indexes": [{**LIVE_INDEX, "state": "NEEDS_REPAIR"}]}}, TAGS)
    assert row(looked, TAGS).verdict is Verdict.REFUSED
    fix = row(looked, TAGS).fix
    assert "delete threads/collection/tags-contains/at-desc in the Firebase console" in fix
    assert fix.splitlines()[-1] == ".venv/bin/python -m ops adopt --stack prod"
    assert not looked.found


@pytest.mark.parametrize(
    ("live", "verdict"),
    [
        ({"indexConfig": {"indexes": []}, "ttlConfig": {"state": "ACTIVE"}}, Verdict.SAME),
        ({"indexConfig": {"usesAncestorConfig": True}, "ttlConfig": {"state": "ACTIVE"}}, Verdict.CHANGES),
        ({"indexConfig": {"indexes": []}}, Verdict.CHANGES),
        (
            {"indexConfig": {"indexes": [{"fields": [{"order": "ASCENDING"}]}]}, "ttlConfig": {}},
            Verdict.CHANGES,
        ),
    ],
)
def test_a_field_override_is_found_by_its_path(live: dict[str, Any], verdict: Verdict) -> None:
    inputs = {
        "database": "(default)",
        "collection": "codes",
        "field": "expiresAt",
        "indexConfig": {},
        "ttlConfig": {},
    }
    one = declared(google.FIELD, "indexes-codes.expiresAt", inputs)
    name = f"{BASE}/databases/(default)/collectionGroups/codes/fields/expiresAt"
    looked = look({FIELDS: {"fields": [{"name": name, **live}]}}, one)
    assert row(looked, one).verdict is verdict
    (found,) = looked.found
    assert found.id == name
    assert (found.outputs is None) == (verdict is Verdict.CHANGES), "the engine reads one that differs"
    if found.outputs is not None:
        assert found.outputs["ttlConfig"] == {"state": "ACTIVE"}


def test_a_function_that_google_cannot_change_in_place_is_refused() -> None:
    first = {FUNCTIONS: {"functions": [{**LIVE_FUNCTION, "environment": "GEN_1"}]}}
    event = {FUNCTIONS: {"functions": [{**LIVE_FUNCTION, "eventTrigger": {"eventType": "written"}}]}}
    for answers, reason in ((first, "1st generation"), (event, "an event trigger")):
        looked = look(answers, FUNCTION)
        assert row(looked, FUNCTION).verdict is Verdict.REFUSED
        assert reason in row(looked, FUNCTION).reason
        assert "gcloud functions delete send --" in row(looked, FUNCTION).fix
        assert not looked.found


def test_the_members_that_the_first_up_removes_are_named() -> None:
    function = {**LIVE_FUNCTION, "serviceConfig": {"service": SERVICE}}
    bindings = [
        {"role": "roles/run.invoker", "members": ["allUsers", "user:ada@example.com"]},
        {"role": "roles/run.invoker", "members": ["user:eve@example.com"], "condition": {"title": "until"}},
    ]
    answers = {FUNCTIONS: {"functions": [function]}, f"{SERVICE}:getIamPolicy": {"bindings": bindings}}
    looked = look(answers, FUNCTION, INVOKERS)
    (change,) = row(looked, INVOKERS).changes
    assert (change.old, change.new) == ('"user:ada@example.com"', "removed")
    found = next(one for one in looked.found if one.urn == INVOKERS.urn)
    assert found.id == f"{SERVICE}/roles/run.invoker"
    assert found.inputs is not None
    assert found.outputs is not None
    assert found.inputs["members"] == found.outputs["members"] == ["allUsers", "user:ada@example.com"]
    assert (found.inputs["name"], found.outputs["name"]) == ("send", SERVICE), "as the plugin records it"


def test_a_policy_that_may_not_be_read_is_said() -> None:
    function = {**LIVE_FUNCTION, "serviceConfig": {"service": SERVICE}}
    answers = {FUNCTIONS: {"functions": [function]}, f"{SERVICE}:getIamPolicy": DENIED}
    looked = look(answers, INVOKERS)
    assert "may not be read" in row(looked, INVOKERS).reason
    assert not looked.found
    name = SERVICE.rpartition("/")[2]
    assert looked.unread == [f"who has access to {name} (getIamPolicy; roles/iam.securityReviewer has it)"]


def test_a_version_with_the_configured_value_is_adopted_and_its_value_stays_secret() -> None:
    one = version("hush")
    name = "projects/100000000001/secrets/KEY/versions/3"
    answers = {SECRETS: {"secrets": named([f"{SECRETS}/KEY"])}, NEWEST: payload(name, "hush")}
    found = next(found for found in look(answers, KEY, one).found if found.urn == one.urn)
    assert found.id == name
    assert found.inputs == {"secret": f"{SECRETS}/KEY", "secretData": secret("hush")}
    assert found.outputs == {
        "secret": f"{SECRETS}/KEY",
        "secretData": secret("hush"),
        "name": name,
        "version": "3",
        "enabled": True,
        "destroyTime": "",
        "isSecretDataBase64": False,
        "secretDataWo": secret(None),
        "deletionPolicy": "DELETE",
        "id": name,
    }


@pytest.mark.parametrize(
    ("value", "answer", "reason"),
    [
        ("hush", payload("projects/1/secrets/KEY/versions/3", "other"), "the value of version 3 is another"),
        ("hush", DENIED, "its value may not be read"),
        ("hush", GoogleError("disabled", "none", status=400, reason="FAILED_PRECONDITION"), "can be read"),
        (UNKNOWN, payload("projects/1/secrets/KEY/versions/3", UNKNOWN), "known after the `up` only"),
    ],
)
def test_another_value_is_a_new_version(value: str, answer: Any, reason: str) -> None:
    one = version(value)
    looked = look({SECRETS: {"secrets": named([f"{SECRETS}/KEY"])}, NEWEST: answer}, KEY, one)
    assert row(looked, one).verdict is Verdict.CREATED
    assert reason in row(looked, one).reason
    denied = ["the values of the secrets KEY (secretmanager.versions.access)"]
    assert looked.unread == (denied if answer is DENIED else [])
    assert "hush" not in repr(looked.rows)
    assert [found.urn for found in looked.found] == [KEY.urn]


def test_the_released_ruleset_with_the_declared_text_is_taken() -> None:
    live = f"{BASE}/rulesets/r1"
    read: dict[str, Any] = {"name": live, "source": RULES, "createTime": "2026-11-30T12:00:00Z"}
    read["metadata"] = {"services": ["cloud.firestore"]}
    answers = {RELEASE: {"rulesetName": live}, live: read}
    ruleset, release = look(answers, RULESET, RELEASED).found
    assert (ruleset.id, release.id) == (live, RELEASE)
    files = [{**file, "fingerprint": ""} for file in RULES["files"]]
    computed = {"createTime": "2026-11-30T12:00:00Z", "metadatas": [{"services": ["cloud.firestore"]}]}
    source = {"files": files, "language": ""}
    outputs = {"project": "crm", "id": live, "name": "r1", "deletionPolicy": "DELETE"}
    assert ruleset.outputs == {**outputs, **computed, "source": source}
    assert release.outputs == {**RELEASED.inputs, "ruleset_name": live} == release.inputs
    assert {one.verdict for one in look(answers, RULESET, RELEASED).rows} == {Verdict.SAME}


def test_each_release_is_compared_with_its_own_ruleset() -> None:
    """Firestore's rules, and those of a bucket, whose release has another text."""
    bucket_rules = {"files": [{"name": "storage.rules", "content": "allow list;\n"}]}
    ruleset = declared(google.RULESET, "rules-storage-ruleset-b", {"project": "crm", "source": bucket_rules})
    name = "firebase.storage/b"
    inputs = {"project": "crm", "release_name": name, "ruleset_name": UNKNOWN, "created": UNKNOWN}
    released = declared(google.RELEASE, "rules-storage-release-b", {**inputs, "__provider": "code"})
    one, two = f"{BASE}/rulesets/r1", f"{BASE}/rulesets/r2"
    theirs = {"files": [{"name": "storage.rules", "content": "allow write;\n"}]}
    created = "2026-11-30T12:00:00Z"
    answers = {
        RELEASE: {"rulesetName": one},
        one: {"name": one, "source": RULES, "createTime": created},
        f"{BASE}/releases/{name}": {"rulesetName": two},
        two: {"name": two, "source": theirs, "createTime": created},
    }
    looked = look(answers, RULESET, RELEASED, ruleset, released)
    found = {one.urn: one for one in looked.found}
    assert found[RULESET.urn].id == one
    assert found[released.urn].id == f"{BASE}/releases/{name}"
    assert found[released.urn].outputs == {**released.inputs, "ruleset_name": two, "created": created}
    assert ruleset.urn not in found
    (change,) = row(looked, released).changes
    assert (change.old, change.new) == ("allow write;\n", "allow list;\n")


def test_other_rules_are_shown_with_their_text() -> None:
    live = f"{BASE}/rulesets/r1"
    other = {"files": [{"name": "firestore.rules", "content": "allow write;\n"}]}
    looked = look({RELEASE: {"rulesetName": live}, live: {"source": other}}, RULESET, RELEASED)
    assert row(looked, RULESET).verdict is Verdict.CREATED
    (change,) = row(looked, RELEASED).changes
    assert (change.old, change.new) == ("allow write;\n", "allow read;\n")
    assert [found.urn for found in looked.found] == [RELEASED.urn]


def test_what_exists_and_is_not_declared_is_named() -> None:
    place = f"{BASE}/locations/{REGION}"
    functions = [LIVE_FUNCTION, {"name": f"{place}/functions/old", "environment": "GEN_1"}]
    functions.append({"name": f"{BASE}/locations/us-central1/functions/send", "environment": "GEN_2"})
    other = {**LIVE_INDEX, "name": INDEX + "2", "queryScope": "COLLECTION_GROUP"}
    answers = {
        FUNCTIONS: {"functions": functions},
        INDEXES: {"indexes": [LIVE_INDEX, other]},
        JOBS: {"jobs": named([f"{JOBS}/nightly"])},
        QUEUES: {"queues": named([f"{QUEUES}/work"])},
        TOPICS: {"topics": named([f"{TOPICS}/firebase-schedule-old", f"{TOPICS}/own"])},
        SECRETS: {"secrets": named([f"{SECRETS}/KEY", f"{SECRETS}/STRAY"])},
        FIELDS: {"fields": named([f"{GROUPS}/__default__/fields/*", f"{GROUPS}/codes/fields/a.b"])},
    }
    rows = [one for one in look(answers, FUNCTION, TAGS, KEY).rows if one.verdict is Verdict.UNDECLARED]
    assert [(one.kind, one.name, one.reason) for one in rows] == [
        ("function", "europe-west1/old", "1st generation"),
        ("function", "us-central1/send", "the program declares it in europe-west1"),
        ("index", "threads/collection_group/tags-contains/at-desc", ""),
        ("field override", "codes.a.b", ""),
        ("scheduler job", "europe-west1/nightly", ""),
        ("task queue", "europe-west1/work", ""),
        ("Pub/Sub topic", "firebase-schedule-old", ""),
        ("secret", "STRAY", ""),
    ]


@pytest.mark.parametrize("name", ["old", f"{REGION}/old"])
def test_a_function_that_is_left_as_it_is_is_listed_with_its_reason(name: str) -> None:
    live = Live(Project({FUNCTIONS: {"functions": [{**LIVE_FUNCTION, "name": f"{SEND[:-4]}old"}]}}), "crm")
    looked = google.look([FUNCTION], live, {name: "an auth trigger", "other": "none"})
    (one,) = (it for it in looked.rows if it.verdict is Verdict.UNDECLARED)
    assert (one.name, one.reason) == (f"{REGION}/old", "left as it is: an auth trigger")


def test_the_roles_of_todays_accounts_are_named() -> None:
    account = "1-compute@developer.gserviceaccount.com"
    member = f"serviceAccount:{account}"
    live = {**LIVE_FUNCTION, "serviceConfig": {"serviceAccountEmail": account}}
    bindings = [{"role": role, "members": [member]} for role in ("roles/editor", "roles/own")]
    own = declared(google.PROJECT_MEMBER, "own", {"role": "roles/own", "member": member})
    answers = {FUNCTIONS: {"functions": [live]}, f"{BASE}:getIamPolicy": {"bindings": bindings}}
    rows = [one for one in look(answers, FUNCTION, own).rows if one.verdict is Verdict.UNDECLARED]
    assert [(one.kind, one.name) for one in rows] == [("project role", f"roles/editor of {account}")]


def test_what_is_in_the_state_is_declared_and_not_looked_for() -> None:
    recorded = declared(google.FUNCTION, FUNCTION.name, FUNCTION.inputs, op="same")
    assert look({FUNCTIONS: {"functions": [LIVE_FUNCTION]}}, recorded).rows == []


def test_lists_are_read_once_whatever_the_number_of_objects() -> None:
    answers = {FUNCTIONS: {"functions": [LIVE_FUNCTION]}, INDEXES: {"indexes": [LIVE_INDEX]}}
    many = [
        declared(google.FUNCTION, f"f{number}", {**FUNCTION.inputs, "name": f"f{number}"})
        for number in range(28)
    ]
    api = Project(answers)
    google.look([*many, *[TAGS] * 22], Live(api, "crm"))
    assert sorted(api.called) == sorted({*api.called})
    assert api.requests == len(api.called) <= 8


def test_apis_and_roles_that_are_there_are_same() -> None:
    api = declared(google.API, "apis-run", {"project": "crm", "service": "run.googleapis.com"})
    role = declared(google.PROJECT_MEMBER, "role", {"role": "roles/x", "member": "serviceAccount:a"})
    answers = {
        APIS: {"services": named([f"{APIS}/run.googleapis.com"])},
        f"{BASE}:getIamPolicy": {"bindings": [{"role": "roles/x", "members": ["serviceAccount:a"]}]},
    }
    looked = look(answers, api, role)
    assert [one.verdict for one in looked.rows] == [Verdict.SAME, Verdict.SAME]
    (found,) = looked.found  # a role is granted again, without effect
    assert found.id == "crm/run.googleapis.com"


def test_behind_an_api_that_is_off_nothing_exists() -> None:
    paths = (FUNCTIONS, INDEXES, SECRETS, JOBS, QUEUES, TOPICS)
    looked = look(dict.fromkeys(paths, OFF), FUNCTION, TAGS, KEY)
    assert {one.verdict for one in looked.rows} == {Verdict.CREATED}


def test_what_cannot_be_read_is_an_error() -> None:
    with pytest.raises(GoogleError, match="denied"):
        look({FUNCTIONS: DENIED}, FUNCTION)


def test_keys_and_archives_are_not_looked_for() -> None:
    key = declared(google.KEY, "identities-key", {})
    archive = declared(google.ARCHIVE, "source", {"name": "a.zip"})
    looked = look({}, key, archive)
    assert not looked.found
    assert json.dumps([one.reason for one in looked.rows]).count("again") == 2
