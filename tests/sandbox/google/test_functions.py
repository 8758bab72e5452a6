"""Cloud Functions, with Cloud Run service, trigger, secrets and quota."""

from __future__ import annotations

import re

import pytest

from tests.sandbox.google.client import (
    BUCKET,
    FUNCTIONS,
    NUMBER,
    PROJECT,
    REGION,
    RUNTIME,
    SECRETS,
    SERVICES,
    Google,
    Json,
    firestore_event,
    function,
)

pytestmark = pytest.mark.sandbox

V2 = FUNCTIONS.replace("v2beta", "v2")
USES_KEY = [{"key": "GROQ_API_KEY", "projectId": PROJECT, "secret": "GROQ_API_KEY", "version": "1"}]


TWICE = {"environmentVariables": {"GROQ_API_KEY": "1"}}


def stored(name: str, **rest: str) -> Json:
    return {"storageSource": {"bucket": BUCKET, "object": name, **rest}}


@pytest.fixture
def ready(google: Google) -> Google:
    google.ready_for_functions()
    return google


def test_a_function_has_the_fields_that_google_computes(ready: Google) -> None:
    ready.deploy("whatsappProxySend")
    shown = ready.get(f"{FUNCTIONS}/whatsappProxySend")
    config, build = shown["serviceConfig"], shown["buildConfig"]
    assert shown["url"] == f"https://{REGION}-{PROJECT}.cloudfunctions.net/whatsappProxySend"
    assert re.fullmatch(r"https://whatsappproxysend-[a-z2-7]{10}-uc\.a\.run\.app", config["uri"])
    assert config["service"] == f"projects/{PROJECT}/locations/{REGION}/services/whatsappproxysend"
    assert config["availableCpu"] == ".1666"
    assert config["ingressSettings"] == "ALLOW_ALL"
    assert build["build"].startswith(f"projects/{NUMBER}/locations/{REGION}/builds/")
    assert build["serviceAccount"].endswith(f"{NUMBER}-compute@developer.gserviceaccount.com")
    generation = ready.get(f"/storage/v1/b/{BUCKET}/o/src-1.zip")["generation"]
    copied = build["source"]["storageSource"]
    assert copied["bucket"] == f"gcf-v2-sources-{NUMBER}-{REGION}"
    assert copied["object"] == "whatsappProxySend/function-source.zip"
    assert copied["generation"] != generation
    assert build["sourceProvenance"]["resolvedStorageSource"] == copied


def test_v2_and_v2beta_are_one_state(ready: Google) -> None:
    ready.post(f"{V2}?functionId=hello", function("hello"))
    assert ready.get(f"{FUNCTIONS}/hello") == ready.get(f"{V2}/hello")
    everywhere = V2.replace(f"locations/{REGION}", "locations/-")
    assert [one["name"] for one in ready.get(everywhere)["functions"]] == [
        f"projects/{PROJECT}/locations/{REGION}/functions/hello"
    ]


def test_its_service_is_the_same_in_run_v1_and_v2(ready: Google) -> None:
    ready.deploy(
        "sync_All", availableCpu="1", maxInstanceRequestConcurrency=80, environmentVariables={"A": "1"}
    )
    v2 = ready.get(f"{SERVICES}/sync-all")
    v1 = ready.get(f"/run/v1/projects/{PROJECT}/locations/{REGION}/services/sync-all")
    assert v1["status"]["url"] == v2["uri"] == ready.get(f"{FUNCTIONS}/sync_All")["serviceConfig"]["uri"]
    assert v1["metadata"]["namespace"] == NUMBER
    assert v1["spec"]["template"]["spec"]["containerConcurrency"] == 80
    assert v2["template"]["serviceAccount"] == RUNTIME
    assert v2["template"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]
    listed = ready.get(f"/run/v1/projects/{PROJECT}/locations/{REGION}/services")
    assert listed["items"] == [v1]


def test_deleting_a_function_removes_its_service_and_policy(ready: Google) -> None:
    binding = {"role": "roles/run.invoker", "members": ["allUsers"]}
    ready.deploy("hello")
    ready.post(f"{SERVICES}/hello:setIamPolicy", {"policy": {"bindings": [binding]}})
    ready.delete(f"{FUNCTIONS}/hello")
    ready.error("GET", f"{SERVICES}/hello", status=404, word="NOT_FOUND")
    ready.error("GET", f"{FUNCTIONS}/hello", status=404, word="NOT_FOUND")
    ready.error("DELETE", f"{FUNCTIONS}/hello", status=404, word="NOT_FOUND")
    ready.deploy("hello")
    assert "bindings" not in ready.get(f"{SERVICES}/hello:getIamPolicy")


def test_a_function_is_deploying_until_its_operation_is_done(ready: Google) -> None:
    ready.switch(operation_polls=2)
    operation = ready.deploy("hello")
    assert ready.get(f"{FUNCTIONS}/hello")["state"] == "DEPLOYING"
    ready.error("GET", f"{SERVICES}/hello", status=404, word="NOT_FOUND")
    ready.error("PATCH", f"{FUNCTIONS}/hello", function("hello"), status=409, word="ABORTED")
    ready.error("DELETE", f"{FUNCTIONS}/hello", status=409, word="ABORTED")
    poll = f"/cloudfunctions/v2beta/{operation['name']}"
    assert "done" not in ready.get(poll)
    done = ready.get(poll)
    assert done["response"]["state"] == "ACTIVE"
    assert ready.get(f"{FUNCTIONS}/hello")["state"] == "ACTIVE"
    ready.get(f"{SERVICES}/hello")


def test_a_mask_limits_what_changes_and_clears_what_is_left_out(ready: Google) -> None:
    ready.deploy("hello", environmentVariables={"A": "1", "B": "1"}, minInstanceCount=1)
    body = function("hello", environmentVariables={"A": "2"}, availableMemory="512Mi")
    ready.patch(f"{FUNCTIONS}/hello?updateMask=serviceConfig.environmentVariables", body)
    config = ready.get(f"{FUNCTIONS}/hello")["serviceConfig"]
    assert config["environmentVariables"] == {"A": "2"}
    assert config["availableMemory"] == "256Mi"
    ready.patch(f"{FUNCTIONS}/hello?updateMask=service_config", body)
    config = ready.get(f"{FUNCTIONS}/hello")["serviceConfig"]
    assert config["availableMemory"] == "512Mi"
    assert "minInstanceCount" not in config
    ready.patch(f"{FUNCTIONS}/hello?updateMask=labels", {"labels": {"a": "b"}})
    shown = ready.get(f"{FUNCTIONS}/hello")
    assert shown["labels"] == {"a": "b"}
    assert shown["serviceConfig"]["availableMemory"] == "512Mi"
    container = ready.get(f"{SERVICES}/hello")["template"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "512Mi"


def test_output_only_fields_of_a_body_are_ignored(ready: Google) -> None:
    ready.deploy("hello")
    before = ready.get(f"{FUNCTIONS}/hello")
    body = {**before, "state": "FAILED", "url": "https://evil", "createTime": "2001-01-01T00:00:00Z"}
    body["serviceConfig"] = {**before["serviceConfig"], "uri": "https://evil"}
    ready.patch(f"{FUNCTIONS}/hello?updateMask=serviceConfig,state,url", body)
    after = ready.get(f"{FUNCTIONS}/hello")
    for key in ("state", "url", "createTime"):
        assert after[key] == before[key]
    assert after["serviceConfig"]["uri"] == before["serviceConfig"]["uri"]


def test_a_duplicate_name_is_409(ready: Google) -> None:
    ready.deploy("hello")
    path = f"{FUNCTIONS}?functionId=hello"
    error = ready.error("POST", path, function("hello"), status=409, word="ALREADY_EXISTS")
    assert "already exists" in error["message"]


def test_two_functions_cannot_share_a_service(ready: Google) -> None:
    ready.deploy("sendMail")
    failed = ready.deploy("sendmail")
    assert failed["error"]["code"] == 6
    assert ready.get(f"{FUNCTIONS}/sendmail")["state"] == "FAILED"
    ready.delete(f"{FUNCTIONS}/sendmail")
    ready.get(f"{SERVICES}/sendmail")


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"buildConfig": {"runtime": "nodejs20"}}, 400, "decommissioned"),
        ({"buildConfig": {"runtime": "nodejs1"}}, 400, "invalid or not supported"),
        ({"buildConfig": {"entryPoint": ""}}, 400, "Entry point"),
        ({"buildConfig": {"source": stored("no.zip")}}, 400, "does not exist"),
        ({"buildConfig": {"source": {}}}, 400, "Cloud Storage object"),
        ({"buildConfig": {"source": stored("src-1.zip", generation="1")}}, 400, "does not exist"),
        ({"serviceConfig": {"serviceAccountEmail": f"no@{PROJECT}.iam.gserviceaccount.com"}}, 403, "actAs"),
        ({"serviceConfig": {"availableMemory": "lots"}}, 400, "available_memory"),
        ({"serviceConfig": {"availableCpu": "fast"}}, 400, "available_cpu"),
        ({"serviceConfig": {"availableCpu": "0.5", "maxInstanceRequestConcurrency": 80}}, 400, "cpu < 1"),
        ({"serviceConfig": {"maxInstanceRequestConcurrency": 1001}}, 400, "Concurrency"),
        ({"serviceConfig": {"timeoutSeconds": 3601}}, 400, "between 1 and 3600"),
        ({"serviceConfig": {"minInstanceCount": 5, "maxInstanceCount": 4}}, 400, "minInstanceCount"),
        ({"serviceConfig": {"environmentVariables": {"PORT": "1"}}}, 400, "reserved"),
        ({"serviceConfig": {**TWICE, "secretEnvironmentVariables": USES_KEY}}, 400, "more than once"),
    ],
)
def test_an_invalid_function_is_rejected_at_once(ready: Google, change: Json, status: int, word: str) -> None:
    body = function("hello")
    for block, fields in change.items():
        body[block] |= fields
    error = ready.call("POST", f"{FUNCTIONS}?functionId=hello", body, status=status)["error"]
    assert word in error["message"]
    ready.error("GET", f"{FUNCTIONS}/hello", status=404, word="NOT_FOUND")


def test_ids_and_regions_are_checked(ready: Google) -> None:
    for bad in ("1st", "a.b", "x" * 64, "end-"):
        ready.error(
            "POST", f"{FUNCTIONS}?functionId={bad}", function("f"), status=400, word="INVALID_ARGUMENT"
        )
    nowhere = FUNCTIONS.replace(REGION, "mars-north1")
    error = ready.error("POST", f"{nowhere}?functionId=f", function("f"), status=404, word="NOT_FOUND")
    assert "mars-north1" in error["message"]


@pytest.mark.parametrize("product", ["run", "cloudbuild", "artifactregistry", "eventarc"])
def test_the_products_behind_a_function_must_be_enabled(ready: Google, product: str) -> None:
    ready.post(f"/serviceusage/v1/projects/{PROJECT}/services/{product}.googleapis.com:disable", {})
    body = function("hello", event=firestore_event())
    error = ready.error("POST", f"{FUNCTIONS}?functionId=hello", body, status=403, word="PERMISSION_DENIED")
    assert f"{product}.googleapis.com" in error["message"]


def test_a_secret_that_the_account_cannot_read_fails_the_deployment(ready: Google) -> None:
    ready.secret("GROQ_API_KEY", "hush", reader=None)
    failed = ready.deploy("hello", secretEnvironmentVariables=USES_KEY)
    assert failed["done"] is True
    assert "response" not in failed
    assert failed["error"]["code"] == 3
    denied = f"Permission denied on secret: projects/{NUMBER}/secrets/GROQ_API_KEY/versions/1"
    assert denied in failed["error"]["message"]
    shown = ready.get(f"{FUNCTIONS}/hello")
    assert shown["state"] == "FAILED"
    assert shown["stateMessages"][0]["severity"] == "ERROR"
    ready.error("GET", f"{SERVICES}/hello", status=404, word="NOT_FOUND")
    binding = {"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{RUNTIME}"]}
    ready.post(f"{SECRETS}/GROQ_API_KEY:setIamPolicy", {"policy": {"bindings": [binding]}})
    ready.patch(f"{FUNCTIONS}/hello", function("hello", secretEnvironmentVariables=USES_KEY))
    shown = ready.get(f"{FUNCTIONS}/hello")
    assert shown["state"] == "ACTIVE"
    assert shown["stateMessages"] == []
    env = ready.get(f"{SERVICES}/hello")["template"]["containers"][0]["env"]
    assert env[0]["valueSource"]["secretKeyRef"] == {"secret": "GROQ_API_KEY", "version": "1"}


def test_access_may_come_from_the_project(ready: Google) -> None:
    ready.secret("GROQ_API_KEY", "hush", reader=None)
    policy = f"/crm/v1/projects/{PROJECT}"
    binding = {"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{RUNTIME}"]}
    ready.post(f"{policy}:setIamPolicy", {"policy": {"bindings": [binding]}})
    assert "error" not in ready.deploy("hello", secretEnvironmentVariables=USES_KEY)


@pytest.mark.parametrize(
    ("version", "word"), [("7", "was not found"), ("1", "DISABLED"), ("latest", "DISABLED")]
)
def test_a_secret_version_must_exist_and_be_enabled(ready: Google, version: str, word: str) -> None:
    ready.secret("GROQ_API_KEY", "hush")
    ready.post(f"{SECRETS}/GROQ_API_KEY/versions/1:disable", {})
    use = [{**USES_KEY[0], "version": version}]
    assert word in ready.deploy("hello", secretEnvironmentVariables=use)["error"]["message"]


def test_a_failed_update_leaves_the_service_as_it_was(ready: Google) -> None:
    ready.deploy("hello")
    before = ready.get(f"{SERVICES}/hello")
    failed = ready.patch(f"{FUNCTIONS}/hello", function("hello", secretEnvironmentVariables=USES_KEY))
    assert "error" in failed
    assert ready.get(f"{SERVICES}/hello") == before


def test_a_new_source_needs_no_generation(ready: Google) -> None:
    """firebase-tools updates the bucket and the object only."""
    ready.deploy("hello")
    before = ready.get(f"{FUNCTIONS}/hello")["buildConfig"]["source"]["storageSource"]
    ready.upload("other.zip")
    source = {"storageSource": {"bucket": BUCKET, "object": "other.zip"}}
    mask = "buildConfig.source.storageSource.bucket,buildConfig.source.storageSource.object"
    done = ready.patch(f"{FUNCTIONS}/hello?updateMask={mask}", {"buildConfig": {"source": source}})
    assert "error" not in done
    after = ready.get(f"{FUNCTIONS}/hello")["buildConfig"]["source"]["storageSource"]
    assert after["generation"] != before["generation"]


def test_a_firestore_trigger_must_be_in_its_databases_location(ready: Google) -> None:
    path = f"{FUNCTIONS}?functionId=stats"
    for region in ("us-central1", "eur3"):
        body = function("stats", event=firestore_event(region))
        error = ready.error("POST", path, body, status=400, word="INVALID_ARGUMENT")
        place = f"Trigger region {region} does not match database (default)'s location nam5"
        assert place in error["message"]
    body = function("stats", event=firestore_event("atlantis"))
    ready.error("POST", path, body, status=400, word="INVALID_ARGUMENT")
    ready.post(path, function("stats", event=firestore_event()))
    trigger = ready.get(f"{FUNCTIONS}/stats")["eventTrigger"]["trigger"]
    assert trigger.startswith(f"projects/{PROJECT}/locations/nam5/triggers/stats-")
    eventarc = ready.get(f"/eventarc/v1/{trigger}")
    kind = {"attribute": "type", "value": "google.cloud.firestore.document.v1.written"}
    assert kind in eventarc["eventFilters"]
    ready.delete(f"{FUNCTIONS}/stats")
    ready.error("GET", f"/eventarc/v1/{trigger}", status=404, word="NOT_FOUND")


def test_the_first_trigger_can_set_the_databases_location(ready: Google) -> None:
    ready.switch(firestore_located_by_trigger=True)
    ready.post(f"{FUNCTIONS}?functionId=stats", function("stats", event=firestore_event("eur3")))
    body = function("other", event=firestore_event("nam5"))
    error = ready.error("POST", f"{FUNCTIONS}?functionId=other", body, status=400, word="INVALID_ARGUMENT")
    assert "location eur3" in error["message"]


def test_event_functions_have_shorter_time_outs_and_need_a_document(ready: Google) -> None:
    path = f"{FUNCTIONS}?functionId=stats"
    body = function("stats", event=firestore_event(), timeoutSeconds=541)
    ready.error("POST", path, body, status=400, word="INVALID_ARGUMENT")
    event = firestore_event(eventFilters=[{"attribute": "database", "value": "(default)"}])
    ready.error("POST", path, function("stats", event=event), status=400, word="INVALID_ARGUMENT")
    missing = [{"attribute": "database", "value": "other"}, {"attribute": "document", "value": "a/b"}]
    ready.error(
        "POST", path, function("s", event=firestore_event(eventFilters=missing)), status=404, word="NOT_FOUND"
    )


def test_pubsub_and_storage_triggers(ready: Google) -> None:
    topic = f"projects/{PROJECT}/topics/inbox"
    event = {"eventType": "google.cloud.pubsub.topic.v1.messagePublished", "pubsubTopic": topic}
    path = f"{FUNCTIONS}?functionId=inbox"
    ready.error("POST", path, function("inbox", event=event), status=404, word="NOT_FOUND")
    ready.call("PUT", f"/pubsub/v1/{topic}", {})
    ready.post(path, function("inbox", event=event))
    assert ready.get(f"{FUNCTIONS}/inbox")["eventTrigger"]["pubsubTopic"] == topic
    filters = [{"attribute": "bucket", "value": BUCKET}]
    kind = "google.cloud.storage.object.v1.finalized"
    event = {"eventType": kind, "eventFilters": filters, "triggerRegion": "us"}
    path = f"{FUNCTIONS}?functionId=stored"
    ready.error("POST", path, function("stored", event=event), status=400, word="INVALID_ARGUMENT")
    event = {**event, "triggerRegion": REGION}
    refused = ready.error("POST", path, function("stored", event=event), status=400, word="INVALID_ARGUMENT")
    assert "unable to publish to Cloud Pub/Sub topics" in str(refused)
    agent = ready.get(f"/storage/v1/projects/{PROJECT}/serviceAccount")["email_address"]
    binding = {"role": "roles/pubsub.publisher", "members": [f"serviceAccount:{agent}"]}
    ready.post(f"/crm/v1/projects/{PROJECT}:setIamPolicy", {"policy": {"bindings": [binding]}})
    ready.post(path, function("stored", event=event))


def test_an_exceeded_write_quota_returns_retry_info(ready: Google) -> None:
    ready.switch(function_writes_per_minute=2)
    ready.deploy("one")
    ready.delete(f"{FUNCTIONS}/one")
    answer = ready.send("POST", f"{FUNCTIONS}?functionId=two", function("two"))
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    error = answer.json()["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    kinds = [one["@type"].rpartition(".")[2] for one in error["details"]]
    assert kinds == ["ErrorInfo", "RetryInfo"]
    assert re.fullmatch(r"\d+s", error["details"][1]["retryDelay"])
    elsewhere = FUNCTIONS.replace(REGION, "europe-west1")
    ready.post(f"{elsewhere}?functionId=two", function("two"))


def test_a_function_needs_no_more_cpus_than_the_region_has(ready: Google) -> None:
    ready.switch(cpu_quota=20)
    body = function("hello")
    body["serviceConfig"] = {"availableMemory": "4Gi", "maxInstanceCount": 11}
    error = ready.error("POST", f"{FUNCTIONS}?functionId=hello", body, status=400, word="INVALID_ARGUMENT")
    assert "maxScale may not exceed 10." in error["message"]
    body["serviceConfig"]["maxInstanceCount"] = 10
    ready.post(f"{FUNCTIONS}?functionId=hello", body)


def test_a_source_can_be_uploaded_to_the_generated_url(ready: Google) -> None:
    given = ready.post(f"{V2}:generateUploadUrl", {})
    source = given["storageSource"]
    body = function("hello")
    body["buildConfig"]["source"]["storageSource"] = source
    ready.error("POST", f"{V2}?functionId=hello", body, status=400, word="INVALID_ARGUMENT")
    answer = ready.http.put(given["uploadUrl"], data=b"PK", headers={"Authorization": ""}, timeout=30)
    assert answer.status_code == 200
    forged = given["uploadUrl"].replace(source["object"], "other.zip")
    assert ready.http.put(forged, data=b"PK", timeout=30).status_code == 403
    ready.post(f"{V2}?functionId=hello", body)


def test_runtimes_have_their_stage(ready: Google) -> None:
    listed = ready.get(V2.replace("/functions", "/runtimes"))["runtimes"]
    stages = {one["name"]: one["stage"] for one in listed}
    assert stages["nodejs22"] == "GA"
    assert stages["nodejs20"] == "DECOMMISSIONED"


def test_a_run_service_of_its_own(ready: Google) -> None:
    ready.post(f"{SERVICES}?serviceId=svc", {"template": {"containers": [{"image": "a"}]}})
    before = ready.get(f"{SERVICES}/svc")
    ready.error("POST", f"{SERVICES}?serviceId=svc", {}, status=409, word="ALREADY_EXISTS")
    ready.patch(f"{SERVICES}/svc?updateMask=ingress", {"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"})
    after = ready.get(f"{SERVICES}/svc")
    assert after["template"] == before["template"]
    assert (before["generation"], after["generation"]) == ("1", "2")
    assert after["etag"] != before["etag"]
    body = {"etag": before["etag"], "ingress": "INGRESS_TRAFFIC_ALL"}
    ready.error("PATCH", f"{SERVICES}/svc", body, status=409, word="ABORTED")
    ready.delete(f"{SERVICES}/svc")
    ready.error("GET", f"{SERVICES}/svc", status=404, word="NOT_FOUND")
