"""Composite indexes and single-field settings."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sandbox.google.client import DATABASE, PROJECT, Google, Json, index

pytestmark = pytest.mark.sandbox

THREADS = f"{DATABASE}/collectionGroups/threads/indexes"
FIELD = f"{DATABASE}/collectionGroups/messages/fields/tsClient"
PAIR = index(("accountId", "ASCENDING"), ("lastMessageAt", "DESCENDING"))


@pytest.fixture
def firestore(google: Google) -> Google:
    google.enable("firestore")
    google.switch(index_build_seconds=0)
    return google


def created(google: Google, body: Json, path: str = THREADS) -> Json:
    return google.get(f"/firestore/v1/{google.post(path, body)['metadata']['index']}")


def test_an_index_is_creating_before_it_is_ready(firestore: Google) -> None:
    firestore.switch(index_build_seconds=3600)
    building = firestore.post(THREADS, PAIR)
    assert "done" not in building
    assert firestore.get(f"/firestore/v1/{building['metadata']['index']}")["state"] == "CREATING"
    firestore.switch(index_build_seconds=0.1)
    operation = firestore.post(THREADS, index(("a", "ASCENDING"), ("b", "ASCENDING")))
    deadline = time.monotonic() + 30
    while "done" not in operation:
        assert time.monotonic() < deadline
        operation = firestore.get(f"/firestore/v1/{operation['name']}")
    assert operation["response"]["state"] == "READY"
    assert firestore.get(f"/firestore/v1/{operation['metadata']['index']}")["state"] == "READY"


def test_an_index_deleted_during_its_build_stays_deleted(firestore: Google) -> None:
    firestore.switch(operation_polls=1)
    operation = firestore.post(THREADS, PAIR)
    firestore.delete(f"/firestore/v1/{operation['metadata']['index']}")
    assert firestore.get(f"/firestore/v1/{operation['name']}")["done"] is True
    assert firestore.get(THREADS) == {}


@pytest.mark.parametrize(
    ("fields", "appended"),
    [
        ([("a", "ASCENDING"), ("b", "ASCENDING")], "ASCENDING"),
        ([("a", "ASCENDING"), ("b", "DESCENDING")], "DESCENDING"),
        ([("a", "DESCENDING"), ("b", "CONTAINS")], "ASCENDING"),
        ([("a", "CONTAINS"), ("b", "DESCENDING")], "DESCENDING"),
    ],
)
def test_name_is_appended_in_the_last_direction(
    firestore: Google, fields: list[tuple[str, str]], appended: str
) -> None:
    shown = created(firestore, index(*fields))
    assert shown["fields"][-1] == {"fieldPath": "__name__", "order": appended}
    assert len(shown["fields"]) == 3


def test_name_comes_before_a_vector(firestore: Google) -> None:
    vector: Json = {"fieldPath": "embedding", "vectorConfig": {"dimension": 3, "flat": {}}}
    shown = created(firestore, {"queryScope": "COLLECTION", "fields": [vector]})
    assert [field["fieldPath"] for field in shown["fields"]] == ["__name__", "embedding"]


def test_an_explicit_name_field_is_kept_and_counts_as_a_duplicate(firestore: Google) -> None:
    created(firestore, PAIR)
    explicit = {**PAIR, "fields": [*PAIR["fields"], {"fieldPath": "__name__", "order": "DESCENDING"}]}
    error = firestore.error("POST", THREADS, explicit, status=409, word="ALREADY_EXISTS")
    assert error["message"] == "index already exists"
    other = {**PAIR, "fields": [*PAIR["fields"], {"fieldPath": "__name__", "order": "ASCENDING"}]}
    assert created(firestore, other)["fields"][-1]["order"] == "ASCENDING"


def test_order_scope_and_collection_distinguish_indexes(firestore: Google) -> None:
    created(firestore, PAIR)
    created(firestore, {**PAIR, "fields": PAIR["fields"][::-1]})
    created(firestore, {**PAIR, "queryScope": "COLLECTION_GROUP"})
    created(firestore, PAIR, f"{DATABASE}/collectionGroups/clients/indexes")
    assert len(firestore.get(THREADS)["indexes"]) == 3
    assert len(firestore.get(f"{DATABASE}/collectionGroups/-/indexes")["indexes"]) == 4


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ([("a", "ASCENDING")], "not necessary"),
        ([("a", "CONTAINS")], "not necessary"),
        ([("__name__", "ASCENDING")], "not necessary"),
        ([], "not necessary"),
        ([("a", "CONTAINS"), ("b", "CONTAINS")], "at most one"),
        ([("a", "ASCENDING"), ("a", "DESCENDING")], "more than once"),
    ],
)
def test_an_invalid_composite_index_is_rejected(
    firestore: Google, fields: list[tuple[str, str]], word: str
) -> None:
    error = firestore.error("POST", THREADS, index(*fields), status=400, word="INVALID_ARGUMENT")
    assert word in error["message"]


def test_a_field_needs_one_mode_and_a_single_descending_name_is_valid(firestore: Google) -> None:
    both: Json = {"fieldPath": "a", "order": "ASCENDING", "arrayConfig": "CONTAINS"}
    body = {"queryScope": "COLLECTION", "fields": [both, {"fieldPath": "b", "order": "ASCENDING"}]}
    firestore.error("POST", THREADS, body, status=400, word="INVALID_ARGUMENT")
    assert len(created(firestore, index(("__name__", "DESCENDING")))["fields"]) == 1


def test_a_missing_database_is_404(firestore: Google) -> None:
    path = THREADS.replace("(default)", "other")
    error = firestore.error("POST", path, PAIR, status=404, word="NOT_FOUND")
    assert "The database other does not exist" in error["message"]


def test_databases_can_be_created_and_the_default_exists(firestore: Google) -> None:
    firestore.switch(firestore_location="eur3")
    assert firestore.get(DATABASE)["locationId"] == "eur3"
    databases = f"/firestore/v1/projects/{PROJECT}/databases"
    body = {"locationId": "nam5", "type": "FIRESTORE_NATIVE"}
    firestore.error("POST", f"{databases}?databaseId=(default)", body, status=409, word="ALREADY_EXISTS")
    assert firestore.post(f"{databases}?databaseId=other", body)["done"] is True
    names = [one["name"].rpartition("/")[2] for one in firestore.get(databases)["databases"]]
    assert names == ["(default)", "other"]
    change = {"deleteProtectionState": "DELETE_PROTECTION_ENABLED"}
    firestore.patch(f"{DATABASE}?updateMask=deleteProtectionState", change)
    moment = {"earliestVersionTime": ""}  # an hour before each read
    assert firestore.get(DATABASE) | change | moment == firestore.get(DATABASE) | moment
    firestore.error("DELETE", DATABASE, status=400, word="FAILED_PRECONDITION")
    change = {"deleteProtectionState": "DELETE_PROTECTION_DISABLED"}
    firestore.patch(f"{DATABASE}?updateMask=deleteProtectionState", change)
    firestore.delete(DATABASE)
    firestore.error("GET", DATABASE, status=404, word="NOT_FOUND")


def test_a_field_without_settings_has_those_of_its_ancestor(firestore: Google) -> None:
    shown = firestore.get(FIELD)["indexConfig"]
    assert shown["usesAncestorConfig"] is True
    assert shown["ancestorField"].endswith("/collectionGroups/__default__/fields/*")
    assert len(shown["indexes"]) == 3


def test_all_indexes_of_a_field_can_be_disabled(firestore: Google) -> None:
    firestore.patch(f"{FIELD}?updateMask=indexConfig", {"indexConfig": {}})
    shown = firestore.get(FIELD)
    assert shown["indexConfig"] == {}


def test_a_patch_without_body_resets_the_fields_of_its_mask(firestore: Google) -> None:
    config = {"indexes": [{"queryScope": "COLLECTION_GROUP", "fields": [{"order": "ASCENDING"}]}]}
    firestore.patch(FIELD, {"indexConfig": config, "ttlConfig": {}})
    assert firestore.get(FIELD)["ttlConfig"] == {"state": "ACTIVE"}
    firestore.patch(f"{FIELD}?updateMask=ttlConfig")
    shown = firestore.get(FIELD)
    assert "ttlConfig" not in shown
    assert "usesAncestorConfig" not in shown["indexConfig"]
    firestore.patch(f"{FIELD}?updateMask=indexConfig", {})
    assert firestore.get(FIELD)["indexConfig"]["usesAncestorConfig"] is True


def test_masks_in_snake_case_are_valid_and_unknown_fields_are_not(firestore: Google) -> None:
    firestore.patch(f"{FIELD}?updateMask=index_config", {"indexConfig": {}})
    firestore.patch(f"{FIELD}?updateMask=ttl_config", {"ttlConfig": {}})
    shown = firestore.get(FIELD)
    assert shown["indexConfig"] == {}
    assert shown["ttlConfig"]["state"] == "ACTIVE"
    firestore.error("PATCH", f"{FIELD}?updateMask=colour", {}, status=400, word="INVALID_ARGUMENT")


def test_a_ttl_is_creating_first(firestore: Google) -> None:
    firestore.switch(operation_polls=1)
    operation = firestore.patch(f"{FIELD}?updateMask=ttlConfig", {"ttlConfig": {}})
    assert firestore.get(FIELD)["ttlConfig"]["state"] == "CREATING"
    firestore.get(f"/firestore/v1/{operation['name']}")
    assert firestore.get(FIELD)["ttlConfig"]["state"] == "ACTIVE"


def test_the_list_of_fields_has_overrides_and_the_default(firestore: Google) -> None:
    firestore.patch(f"{FIELD}?updateMask=indexConfig", {"indexConfig": {}})
    firestore.patch(f"{FIELD.replace('tsClient', 'old')}?updateMask=ttlConfig", {"ttlConfig": {}})
    fields = f"{DATABASE}/collectionGroups/-/fields"
    wanted = "indexConfig.usesAncestorConfig=false OR ttlConfig:*"
    names = [one["name"].rpartition("/")[2] for one in firestore.get(f"{fields}?filter={wanted}")["fields"]]
    assert names == ["*", "tsClient", "old"]
    assert len(firestore.get(f"{fields}?filter=ttlConfig:*")["fields"]) == 1
    firestore.error("GET", fields, status=400, word="INVALID_ARGUMENT")


def test_changes_of_indexes_at_once_are_aborted_for_contention_and_one_after_the_other_are_not(
    firestore: Google,
) -> None:
    """firebase-tools issue 1119."""
    firestore.switch(index_write_seconds=4)  # all three begin meanwhile, also on a busy machine
    bodies = [index((name, "ASCENDING"), ("b", "ASCENDING")) for name in ("a", "c", "d")]
    with ThreadPoolExecutor(3) as threads:
        answers = list(
            threads.map(lambda body: Google(firestore.url).send("POST", THREADS, body), bodies, timeout=30)
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    aborted = next(answer.json()["error"] for answer in answers if answer.status_code == 409)
    assert aborted["status"] == "ABORTED"
    assert "too much contention" in aborted["message"].lower()
    firestore.switch(index_write_seconds=0.05)
    for body, answer in zip(bodies, answers, strict=True):
        if answer.status_code == 409:
            firestore.post(THREADS, body)
    assert len(firestore.get(THREADS)["indexes"]) == 3


def test_new_single_field_indexes_are_creating_before_they_are_ready(firestore: Google) -> None:
    firestore.switch(operation_polls=1, field_index_builds=True)
    known = {"queryScope": "COLLECTION", "fields": [{"order": "ASCENDING"}]}
    new = {"queryScope": "COLLECTION_GROUP", "fields": [{"order": "ASCENDING"}]}
    operation = firestore.patch(f"{FIELD}?updateMask=indexConfig", {"indexConfig": {"indexes": [known, new]}})

    def states() -> list[str]:
        return [one["state"] for one in firestore.get(FIELD)["indexConfig"]["indexes"]]

    assert states() == ["READY", "CREATING"]
    assert firestore.get(f"/firestore/v1/{operation['name']}")["done"] is True
    assert states() == ["READY", "READY"]


@pytest.mark.parametrize("path", ["a.", "a..b", "a b", "`a b", "1a", "*", "__x__", "a.`__name__`"])
def test_what_is_no_field_path_is_rejected(firestore: Google, path: str) -> None:
    refused = firestore.post(THREADS, index((path, "ASCENDING"), ("b", "ASCENDING")), status=400)
    assert refused["error"]["status"] == "INVALID_ARGUMENT"


def test_a_quoted_field_path_is_accepted(firestore: Google) -> None:
    made = created(firestore, index(("a.`x y`", "ASCENDING"), ("b", "ASCENDING")))
    assert made["fields"][0]["fieldPath"] == "a.`x y`"
