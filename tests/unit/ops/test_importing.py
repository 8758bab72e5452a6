"""`python -m ops import`: which planned resources Google has, under which ids, and the file for Pulumi."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from ops.importing import Existing, find, import_file

pytestmark = pytest.mark.unit

FUNCTIONS = "projects/crm/locations/europe-west1/functions"
JOB = "projects/crm/locations/europe-west1/jobs/firebase-schedule-tick-europe-west1"
ACCOUNT = "projects/crm/serviceAccounts/crm-fn@crm.iam.gserviceaccount.com"
INDEX = "projects/crm/databases/(default)/collectionGroups/threads/indexes/CICA"
INDEXES = "projects/crm/databases/(default)/collectionGroups/-/indexes"
LIVE_INDEX = {
    "name": INDEX,
    "queryScope": "COLLECTION",
    "fields": [
        {"fieldPath": "tags", "arrayConfig": "CONTAINS"},
        {"fieldPath": "at", "order": "DESCENDING"},
        {"fieldPath": "__name__", "order": "DESCENDING"},
    ],
    "state": "READY",
}
DATABASE = {"project": "crm", "database": "(default)"}
REGION = {"project": "crm", "location": "europe-west1"}


def urn(kind: str, name: str) -> str:
    """The URN of a resource below a component."""
    return f"urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Functions${kind}::{name}"


def planned(kind: str, name: str, inputs: Mapping[str, Any]) -> JsonObject:
    """A resource in a preview."""
    return {"urn": urn(kind, name), "type": kind, "inputs": dict(inputs)}


FUNCTION = planned("gcp:cloudfunctionsv2/function:Function", "functions-send", {**REGION, "name": "send"})
PLANNED: Mapping[str, tuple[JsonObject, str]] = {
    f"{FUNCTIONS}/send": (FUNCTION, f"{FUNCTIONS}/send"),
    JOB: (
        planned(
            "gcp:cloudscheduler/job:Job",
            "functions-tick-schedule",
            {"project": "crm", "region": "europe-west1", "name": "firebase-schedule-tick-europe-west1"},
        ),
        JOB,
    ),
    "projects/crm/secrets/KEY": (
        planned("gcp:secretmanager/secret:Secret", "secrets-KEY", {"project": "crm", "secretId": "KEY"}),
        "projects/crm/secrets/KEY",
    ),
    ACCOUNT: (
        planned(
            "gcp:serviceaccount/account:Account",
            "identities-crm-fn",
            {"project": "crm", "accountId": "crm-fn"},
        ),
        ACCOUNT,
    ),
    "crm-crm-functions": (
        planned("gcp:storage/bucket:Bucket", "functions-sources", {"name": "crm-crm-functions"}),
        "b/crm-crm-functions",
    ),
}
"""The Pulumi id of each -> the planned resource, and the object's path in the API."""


class Google(GoogleApi):
    """Has the objects at some paths."""

    def __init__(self, answers: Mapping[str, JsonObject | GoogleError]) -> None:
        super().__init__(environ={})
        self.answers = dict(answers)

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        assert method == "GET", "looking must change nothing"
        answer = self.answers.get(path, GoogleError("no", "none", status=404, reason="NOT_FOUND"))
        if isinstance(answer, GoogleError):
            raise answer
        return answer


@pytest.mark.parametrize("identifier", PLANNED)
def test_an_object_that_exists_is_found_under_its_id(identifier: str) -> None:
    resource, path = PLANNED[identifier]
    assert find(Google({path: {}}), [resource]) == [Existing(urn=resource["urn"], id=identifier)]
    assert find(Google({}), [resource]) == []


def test_an_index_is_found_by_its_shape() -> None:
    """Google adds a field `__name__`, and chooses the name."""
    index = "gcp:firestore/index:Index"
    same = planned(index, "indexes-threads/collection/tags-contains/at-desc", DATABASE)
    other = planned(index, "indexes-threads/collection/at-asc/tags-contains", DATABASE)
    google = Google({INDEXES: {"indexes": [LIVE_INDEX]}})
    assert find(google, [same, other]) == [Existing(urn=same["urn"], id=INDEX)]
    assert find(Google({}), [same, other]) == []


def test_behind_an_api_that_is_off_nothing_exists() -> None:
    off = GoogleError("off", "none", status=403, reason="SERVICE_DISABLED")
    index = planned("gcp:firestore/index:Index", "indexes-threads/collection/at-asc", DATABASE)
    assert find(Google({f"{FUNCTIONS}/send": off, INDEXES: off}), [FUNCTION, index]) == []


def test_what_cannot_be_read_is_an_error() -> None:
    denied = GoogleError("denied", "none", status=403, reason="PERMISSION_DENIED")
    with pytest.raises(GoogleError, match="denied"):
        find(Google({f"{FUNCTIONS}/send": denied}), [FUNCTION])


def test_other_types_are_not_looked_for() -> None:
    """Keys and secret versions: a creation makes another one."""
    key = planned("gcp:serviceaccount/key:Key", "identities-key", {})
    railway = planned("pulumi-python:dynamic/railway:Project", "railway-project", {})
    assert find(Google({}), [key, railway]) == []


def test_the_file_has_what_exists_with_parents_and_provider() -> None:
    always: list[JsonObject] = [
        {"type": "whatsapp-crm:components:Functions", "name": "functions", "component": True},
        {"type": "pulumi:providers:gcp", "name": "google", "inputs": {"project": "crm"}},
    ]
    named = {"type": FUNCTION["type"], "name": "functionsSend", "logicalName": "functions-send"}
    absent = {"type": FUNCTION["type"], "name": "functions-new", "id": "<PLACEHOLDER>"}
    plan: JsonObject = {"nameTable": {"apis": "urn"}, "resources": [*always, named, absent]}
    existing = [Existing(urn=FUNCTION["urn"], id=f"{FUNCTIONS}/send")]
    assert import_file(plan, existing) == {
        "nameTable": {"apis": "urn"},
        "resources": [*always, {**named, "id": f"{FUNCTIONS}/send"}],
    }
