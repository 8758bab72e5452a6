"""What all products share: tokens, routes, enablement, validation, partial responses, pages."""

from __future__ import annotations

import pytest

from sandbox.environment import GOOGLE_VIEWER_TOKEN
from tests.sandbox.google.client import (
    ACCOUNTS,
    DATABASE,
    FUNCTIONS,
    NUMBER,
    PROJECT,
    SECRETS,
    Google,
    function,
    index,
)

pytestmark = pytest.mark.sandbox

RUN = f"/run/v2/projects/{PROJECT}/locations/us-central1/services"


def test_an_expired_token_and_no_token_are_401(google: Google) -> None:
    for header in ({"Authorization": "Bearer expired"}, {"Authorization": ""}):
        error = google.error(
            "GET", f"/crm/v1/projects/{PROJECT}", status=401, word="UNAUTHENTICATED", headers=header
        )
        assert error["message"].startswith("Request had invalid authentication credentials.")
    assert google.get(f"/crm/v1/projects/{PROJECT}", headers={"Authorization": "Bearer another"})


def test_a_viewer_reads_and_nothing_else(google: Google) -> None:
    google.enable("secretmanager")
    google.post(f"{SECRETS}?secretId=KEY", {"replication": {"automatic": {}}})
    google.post(f"{SECRETS}/KEY:addVersion", {"payload": {"data": "eA=="}})
    viewer = {"Authorization": f"Bearer {GOOGLE_VIEWER_TOKEN}"}
    assert len(google.get(SECRETS, headers=viewer)["secrets"]) == 1
    assert google.get(f"{SECRETS}/KEY/versions/1", headers=viewer)["state"] == "ENABLED"
    denied = [
        ("GET", f"{SECRETS}/KEY/versions/1:access"),
        ("GET", f"{SECRETS}/KEY:getIamPolicy"),
        ("POST", f"/crm/v1/projects/{PROJECT}:getIamPolicy"),
        ("POST", f"{SECRETS}/KEY:addVersion"),
        ("POST", f"{SECRETS}?secretId=OTHER"),
        ("PATCH", f"{SECRETS}/KEY?updateMask=labels"),
        ("DELETE", f"{SECRETS}/KEY"),
        ("POST", f"/storage/v1/b?project={PROJECT}"),
    ]
    for method, path in denied:
        google.error(method, path, status=403, word="PERMISSION_DENIED", headers=viewer)
    assert len(google.get(f"{SECRETS}/KEY/versions")["versions"]) == 1


def test_a_path_without_a_document_is_404_in_html(google: Google) -> None:
    for path in ("/firestore/v1/nothing", "/firestore/v9/projects", "/nothing/v1/x", "/"):
        answer = google.send("GET", path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
    assert google.get("/admin/counters")["operations"] == {"GET unknown": 4}


def test_a_method_without_a_handler_is_501_with_its_name(google: Google) -> None:
    google.enable("firestore")
    error = google.error("POST", f"{DATABASE}:exportDocuments", {}, status=501, word="UNIMPLEMENTED")
    assert "firestore.projects.databases.exportDocuments" in error["message"]


@pytest.mark.parametrize(
    ("path", "host"),
    [
        (FUNCTIONS, "cloudfunctions.googleapis.com"),
        (FUNCTIONS.replace("v2beta", "v2"), "cloudfunctions.googleapis.com"),
        (SECRETS, "secretmanager.googleapis.com"),
        (f"/run/v2/projects/{PROJECT}/locations/us-central1/services", "run.googleapis.com"),
        (f"/pubsub/v1/projects/{PROJECT}/topics", "pubsub.googleapis.com"),
        (f"/firebaserules/v1/projects/{PROJECT}/releases", "firebaserules.googleapis.com"),
        (f"/storage/v1/b?project={PROJECT}", None),
    ],
)
def test_a_product_must_be_enabled_first(google: Google, path: str, host: str | None) -> None:
    if host is None:
        body = {"name": "crm-sandbox-x", "location": "US"}
        error = google.error("POST", path, body, status=403, word="PERMISSION_DENIED")
        host = "storage.googleapis.com"
    else:
        error = google.error("GET", path, status=403, word="PERMISSION_DENIED")
    assert error["message"].startswith(
        f"{host} has not been used in project {NUMBER} before or it is disabled."
    )
    assert error["details"][0]["reason"] == "SERVICE_DISABLED"
    assert error["details"][0]["metadata"]["service"] == host
    google.switch(enforce_enablement=False)
    google.send("GET", path).raise_for_status()


def test_the_api_of_firestore_is_on_where_there_is_a_database(google: Google) -> None:
    """A database cannot be created while it is off, and every project begins with one."""
    service = f"/serviceusage/v1/projects/{PROJECT}/services/firestore.googleapis.com"
    assert google.get(DATABASE)["locationId"] == "nam5"
    assert google.get(service)["state"] == "ENABLED"
    google.post(f"{service}:disable", {"disableDependentServices": True})
    error = google.error("GET", DATABASE, status=403, word="PERMISSION_DENIED")
    assert error["details"][0]["reason"] == "SERVICE_DISABLED"


def test_enabling_takes_effect_when_its_operation_is_done(google: Google) -> None:
    google.switch(operation_polls=2)
    service = f"/serviceusage/v1/projects/{PROJECT}/services/pubsub.googleapis.com"
    operation = google.post(f"{service}:enable")
    assert "done" not in operation
    assert google.get(service)["state"] == "DISABLED"
    google.get(f"/serviceusage/v1/{operation['name']}")
    google.error("GET", f"/pubsub/v1/projects/{PROJECT}/topics", status=403, word="PERMISSION_DENIED")
    assert google.get(f"/serviceusage/v1/{operation['name']}")["done"] is True
    assert google.get(service)["state"] == "ENABLED"
    assert google.get(f"/pubsub/v1/projects/{PROJECT}/topics") == {}


def test_disabling_and_batches(google: Google) -> None:
    services = f"/serviceusage/v1/projects/{PROJECT}/services"
    google.post(f"{services}:batchEnable", {"serviceIds": ["run.googleapis.com", "pubsub.googleapis.com"]})
    listed = google.get(f"{services}?filter=state:ENABLED&fields=services/config/name")["services"]
    assert {"config": {"name": "run.googleapis.com"}} in listed
    google.post(f"{services}/run.googleapis.com:disable", {})
    google.error("POST", f"{services}/run.googleapis.com:disable", {}, status=400, word="FAILED_PRECONDITION")
    google.error(
        "GET",
        f"/run/v2/projects/{PROJECT}/locations/us-central1/services",
        status=403,
        word="PERMISSION_DENIED",
    )
    google.error("GET", f"{services}?filter=name:x", status=400, word="INVALID_ARGUMENT")


def test_all_violations_are_in_one_error(google: Google) -> None:
    google.enable("cloudfunctions")
    body = {
        "colour": 1,
        "serviceConfig": {"memory": "1", "maxInstanceCount": "many", "availableMemory": 256},
        "environment": "GEN_9",
        "labels": {"a": 1},
    }
    error = google.error("POST", f"{FUNCTIONS}?functionId=f", body, status=400, word="INVALID_ARGUMENT")
    violations = {one.get("field"): one["description"] for one in error["details"][0]["fieldViolations"]}
    assert violations == {
        "function": 'Invalid JSON payload received. Unknown name "colour" at '
        "'function': Cannot find field.",
        "function.service_config": 'Invalid JSON payload received. Unknown name "memory" at '
        "'function.service_config': Cannot find field.",
        "function.service_config.max_instance_count": "Invalid value at "
        "'function.service_config.max_instance_count' (TYPE_INT32), \"many\"",
        "function.service_config.available_memory": "Invalid value at "
        "'function.service_config.available_memory' (TYPE_STRING), 256",
        "function.environment": "Invalid value at 'function.environment' (TYPE_ENUM), \"GEN_9\"",
        "function.labels[a]": "Invalid value at 'function.labels[a]' (TYPE_STRING), 1",
    }
    assert error["message"].count("\n") == 5


def test_errors_of_a_request_message_have_no_prefix(google: Google) -> None:
    error = google.error("POST", ACCOUNTS, {"account": "x"}, status=400, word="INVALID_ARGUMENT")
    assert error["message"] == 'Invalid JSON payload received. Unknown name "account": Cannot find field.'


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("'secret.ttl'", {"replication": {"automatic": {}}, "ttl": "1 day"}),
        ("'secret.expire_time'", {"replication": {"automatic": {}}, "expireTime": "tomorrow"}),
        ("'secret.labels'", {"labels": ["a"]}),
        ("'secret.topics'", {"topics": {"name": "t"}}),
        ("'secret.version_aliases[now]'", {"versionAliases": {"now": "first"}}),
    ],
)
def test_invalid_values_are_named_with_their_field(google: Google, place: str, body: object) -> None:
    google.enable("secretmanager")
    error = google.error("POST", f"{SECRETS}?secretId=X", body, status=400, word="INVALID_ARGUMENT")
    assert place in error["message"]


def test_payloads_must_be_base64_and_bodies_json(google: Google) -> None:
    google.enable("secretmanager")
    google.post(f"{SECRETS}?secretId=X", {"replication": {"automatic": {}}})
    bad = {"payload": {"data": "not base64!"}}
    error = google.error("POST", f"{SECRETS}/X:addVersion", bad, status=400, word="INVALID_ARGUMENT")
    assert "'payload.data' (TYPE_BYTES)" in error["message"]
    assert "not base64!" not in error["message"]
    for text in ("{", "[]", "7"):
        google.error("POST", f"{SECRETS}/X:addVersion", status=400, word="INVALID_ARGUMENT", data=text)
    google.error("GET", f"{SECRETS}/X", {"name": "x"}, status=400, word="INVALID_ARGUMENT")


def test_snake_case_nulls_and_numbers_for_int64_are_accepted(google: Google) -> None:
    google.enable("secretmanager", "firestore")
    body = {"replication": {"automatic": {}}, "version_aliases": {"now": 1}, "rotation": None}
    secret = google.post(f"{SECRETS}?secret_id=X", body)
    assert secret["versionAliases"] == {"now": "1"}
    assert "rotation" not in secret


def test_unknown_query_parameters_are_rejected(google: Google) -> None:
    google.enable("secretmanager")
    error = google.error("GET", f"{SECRETS}?colour=red", status=400, word="INVALID_ARGUMENT")
    assert 'Unknown name "colour": Cannot bind query parameter.' in error["message"]
    google.get(f"{SECRETS}?prettyPrint=false&alt=json&$alt=json")
    google.error("GET", f"{SECRETS}?pageSize=few", status=400, word="INVALID_ARGUMENT")


def test_pages_cover_everything_once(google: Google) -> None:
    google.enable("secretmanager")
    for number in range(7):
        google.post(f"{SECRETS}?secretId=S{number}", {"replication": {"automatic": {}}})
    names: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        page = google.get(f"{SECRETS}?pageSize=3&pageToken={token}")
        names += [secret["name"].rpartition("/")[2] for secret in page["secrets"]]
        token, pages = page.get("nextPageToken", ""), pages + 1
    assert names == [f"S{number}" for number in range(7)]
    assert pages == 3
    google.error("GET", f"{SECRETS}?pageToken=bogus", status=400, word="INVALID_ARGUMENT")


def test_fields_select_a_part(google: Google) -> None:
    google.enable("firestore")
    google.post(f"{DATABASE}/collectionGroups/a/indexes", index(("x", "ASCENDING"), ("y", "ASCENDING")))
    listed = f"{DATABASE}/collectionGroups/-/indexes"
    assert google.get(f"{listed}?fields=indexes(queryScope,fields/fieldPath)") == {
        "indexes": [
            {
                "queryScope": "COLLECTION",
                "fields": [{"fieldPath": "x"}, {"fieldPath": "y"}, {"fieldPath": "__name__"}],
            }
        ]
    }
    assert google.get(f"{listed}?fields=*") == google.get(listed)


def test_a_projects_number_and_id_are_equivalent(google: Google) -> None:
    google.enable("secretmanager")
    google.secret("X", "hush", reader=None)
    by_id = google.get(f"{SECRETS}/X")
    assert by_id["name"] == f"projects/{NUMBER}/secrets/X"
    assert google.get(f"/secretmanager/v1/projects/{NUMBER}/secrets/X") == by_id
    other = google.get("/crm/v1/projects/another-project")
    assert other["projectNumber"] != NUMBER
    assert google.get(f"/crm/v1/projects/{other['projectNumber']}") == other
    google.error("GET", "/crm/v1/projects/X", status=403, word="PERMISSION_DENIED")
    google.error("GET", "/crm/v1/projects/999", status=403, word="PERMISSION_DENIED")


def test_projects_do_not_see_each_other(google: Google) -> None:
    google.enable("secretmanager")
    google.secret("X", "hush", reader=None)
    google.post("/serviceusage/v1/projects/another-project/services/secretmanager.googleapis.com:enable")
    assert google.get("/secretmanager/v1/projects/another-project/secrets") == {}


def test_a_missing_query_parameter_is_named(google: Google) -> None:
    google.enable()
    error = google.error(
        "POST", SECRETS, {"replication": {"automatic": {}}}, status=400, word="INVALID_ARGUMENT"
    )
    assert "secretId" in error["message"]
    google.error("POST", FUNCTIONS, {**function("x")}, status=400, word="INVALID_ARGUMENT")
