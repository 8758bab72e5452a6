"""Secrets, storage, schedules, topics, queues: what each computes and rejects."""

from __future__ import annotations

import base64

import google_crc32c
import pytest

from tests.sandbox.google.client import BUCKET, NUMBER, PROJECT, REGION, RUNTIME, SECRETS, Google, Json

pytestmark = pytest.mark.sandbox

JOBS = f"/cloudscheduler/v1/projects/{PROJECT}/locations/{REGION}/jobs"
TOPICS = f"/pubsub/v1/projects/{PROJECT}/topics"
OBJECTS = f"/storage/v1/b/{BUCKET}/o"


def test_versions_are_numbered_and_access_returns_the_payload(google: Google) -> None:
    google.enable("secretmanager")
    google.secret("X", "one", reader=None)
    data = b"two"
    checksum = str(google_crc32c.value(data))
    body = {"payload": {"data": base64.b64encode(data).decode(), "dataCrc32c": checksum}}
    version = google.post(f"{SECRETS}/X:addVersion", body)
    assert version["name"] == f"projects/{NUMBER}/secrets/X/versions/2"
    assert version["clientSpecifiedPayloadChecksum"] is True
    for name in ("2", "latest"):
        access = google.get(f"{SECRETS}/X/versions/{name}:access")
        assert base64.b64decode(access["payload"]["data"]) == data
        assert access["payload"]["dataCrc32c"] == str(google_crc32c.value(data))
    body["payload"]["dataCrc32c"] = "1"
    google.error("POST", f"{SECRETS}/X:addVersion", body, status=400, word="INVALID_ARGUMENT")
    listed = google.get(f"{SECRETS}/X/versions")["versions"]
    assert [one["name"].rpartition("/")[2] for one in listed] == ["2", "1"]


def test_a_version_is_disabled_enabled_and_destroyed_permanently(google: Google) -> None:
    google.enable("secretmanager")
    google.secret("X", "one", reader=None)
    path = f"{SECRETS}/X/versions/1"
    assert google.post(f"{path}:disable", {})["state"] == "DISABLED"
    google.error("GET", f"{path}:access", status=400, word="FAILED_PRECONDITION")
    assert google.post(f"{path}:enable")["state"] == "ENABLED"
    google.get(f"{path}:access")
    assert google.post(f"{path}:destroy")["state"] == "DESTROYED"
    for verb in ("enable", "disable", "destroy"):
        google.error("POST", f"{path}:{verb}", status=400, word="FAILED_PRECONDITION")
    google.error("GET", f"{path}:access", status=400, word="FAILED_PRECONDITION")
    assert "destroyTime" in google.get(path)


def test_invalid_secrets_are_rejected(google: Google) -> None:
    google.enable("secretmanager")
    automatic: Json = {"replication": {"automatic": {}}}
    google.post(f"{SECRETS}?secretId=X", automatic)
    google.error("POST", f"{SECRETS}?secretId=X", automatic, status=409, word="ALREADY_EXISTS")
    google.error("POST", f"{SECRETS}?secretId=Y", {}, status=400, word="INVALID_ARGUMENT")
    google.error("POST", f"{SECRETS}?secretId=a.b", automatic, status=400, word="INVALID_ARGUMENT")
    google.error("POST", f"{SECRETS}/X:addVersion", {"payload": {}}, status=400, word="INVALID_ARGUMENT")
    big = {"payload": {"data": base64.b64encode(b"x" * 65537).decode()}}
    google.error("POST", f"{SECRETS}/X:addVersion", big, status=400, word="INVALID_ARGUMENT")
    google.error("GET", f"{SECRETS}/X/versions/1", status=404, word="NOT_FOUND")
    google.error("PATCH", f"{SECRETS}/X", {"labels": {}}, status=400, word="INVALID_ARGUMENT")
    stale = {"labels": {}, "etag": '"old"'}
    google.error("PATCH", f"{SECRETS}/X?updateMask=labels", stale, status=400, word="FAILED_PRECONDITION")
    google.error("GET", f"{SECRETS}/Z", status=404, word="NOT_FOUND")


def test_a_recreated_secret_starts_at_version_one(google: Google) -> None:
    google.enable("secretmanager")
    google.account("crm-fn")
    google.secret("X", "one")
    google.delete(f"{SECRETS}/X")
    assert google.secret("X", "two", reader=None)["name"].endswith("/versions/1")
    assert "bindings" not in google.get(f"{SECRETS}/X:getIamPolicy")


def test_an_object_has_hashes_and_generations(google: Google) -> None:
    google.enable("storage")
    google.bucket()
    first = google.upload("a/b c.zip", b"hello", contentType="application/zip")
    assert first["md5Hash"] == "XUFAKrxLKna5cZ2REBfFkg=="
    assert first["crc32c"] == "mnG7TA=="
    second = google.upload("a/b c.zip", b"hello")
    assert int(second["generation"]) > int(first["generation"])
    path = f"{OBJECTS}/a%2Fb%20c.zip"
    assert google.get(path) == second
    assert google.send("GET", f"{path}?alt=media").content == b"hello"
    assert [one["name"] for one in google.get(f"{OBJECTS}?prefix=a/")["items"]] == ["a/b c.zip"]
    google.call("GET", f"{path}?generation={first['generation']}", status=404)
    google.delete(path, status=204)
    error = google.call("GET", path, status=404)["error"]
    assert error["message"] == f"No such object: {BUCKET}/a/b c.zip"
    assert error["errors"][0]["reason"] == "notFound"


def test_uploads_of_all_three_kinds(google: Google) -> None:
    google.enable("storage")
    google.bucket()
    upload = f"/upload/storage/v1/b/{BUCKET}/o"
    headers = {"Content-Type": "text/x"}
    media = google.call("POST", f"{upload}?uploadType=media&name=m", data=b"media", headers=headers)
    assert (media["size"], media["contentType"]) == ("5", "text/x")
    begun = google.send("POST", f"{upload}?uploadType=resumable&name=r", {"contentType": "text/y"})
    where = begun.headers["Location"]
    part = google.http.put(where, data=b"abc", headers={"Content-Range": "bytes 0-2/6"}, timeout=30)
    assert part.status_code == 308
    assert part.headers["Range"] == "bytes=0-2"
    whole = google.http.put(where, data=b"def", headers={"Content-Range": "bytes 3-5/6"}, timeout=30)
    assert whole.json()["size"] == "6"
    assert google.send("GET", f"{OBJECTS}/r?alt=media").content == b"abcdef"
    for kind in ("none", "multipart"):
        google.call("POST", f"{upload}?uploadType={kind}&name=x", status=400, data=b"x")
    nowhere = upload.replace(BUCKET, "no-such-bucket")
    google.call("POST", f"{nowhere}?uploadType=media&name=x", status=404, data=b"x")


def test_a_wrong_hash_and_a_precondition_are_rejected(google: Google) -> None:
    google.enable("storage")
    google.bucket()
    upload = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name=m"
    google.call("POST", f"{upload}&ifGenerationMatch=0", data=b"1")
    assert google.call("POST", f"{upload}&ifGenerationMatch=0", data=b"2", status=412)["error"]["code"] == 412
    assert google.send("GET", f"{OBJECTS}/m?alt=media").content == b"1"
    parts = b'--e\r\n\r\n{"name": "x", "md5Hash": "AAAA"}\r\n--e\r\n\r\ndata\r\n--e--'
    headers = {"Content-Type": "multipart/related; boundary=e"}
    path = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=multipart"
    google.call("POST", path, data=parts, headers=headers, status=400)


def test_buckets(google: Google) -> None:
    google.enable("storage")
    bucket = google.bucket()
    assert bucket["location"] == "US-CENTRAL1"
    assert bucket["projectNumber"] == NUMBER
    body = {"name": BUCKET, "location": "us-central1"}
    conflict = google.call("POST", f"/storage/v1/b?project={PROJECT}", body, status=409)["error"]
    assert conflict["errors"][0]["reason"] == "conflict"
    google.call("POST", f"/storage/v1/b?project={PROJECT}", {"name": "Bad_Name!"}, status=400)
    google.patch(f"/storage/v1/b/{BUCKET}", {"labels": {"a": "1", "b": "2"}})
    shown = google.patch(f"/storage/v1/b/{BUCKET}", {"labels": {"a": None}})
    assert shown["labels"] == {"b": "2"}
    assert shown["metageneration"] == "3"
    google.call("PATCH", f"/storage/v1/b/{BUCKET}", {"location": "EU"}, status=400)
    google.upload("x")
    error = google.call("DELETE", f"/storage/v1/b/{BUCKET}", status=409)["error"]
    assert error["message"] == "The bucket you tried to delete is not empty."
    google.delete(f"{OBJECTS}/x", status=204)
    google.delete(f"/storage/v1/b/{BUCKET}", status=204)
    assert google.get(f"/storage/v1/b?project={PROJECT}")["items"] == []


STRANGER = f"no@{PROJECT}.iam.gserviceaccount.com"


def job(**change: object) -> Json:
    return {
        "name": f"{JOBS.removeprefix('/cloudscheduler/v1/')}/j",
        "schedule": "*/5 * * * *",
        "timeZone": "Europe/Bucharest",
        "httpTarget": {"uri": "https://example.com", "oidcToken": {"serviceAccountEmail": RUNTIME}},
        **change,
    }


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"schedule": "now and then"}, 400),
        ({"timeZone": "Mars/North"}, 400),
        ({"httpTarget": None}, 400),
        ({"pubsubTarget": {"topicName": "t"}}, 400),
        ({"attemptDeadline": "5s"}, 400),
        ({"attemptDeadline": "1801s"}, 400),
        ({"name": "projects/another-project/locations/us-central1/jobs/j"}, 400),
        ({"httpTarget": {"uri": "u", "oidcToken": {"serviceAccountEmail": STRANGER}}}, 403),
    ],
)
def test_jobs_that_cannot_run_are_rejected(google: Google, change: Json, status: int) -> None:
    google.enable("cloudscheduler")
    google.account("crm-fn")
    google.call("POST", JOBS, job(**change), status=status)
    assert google.get(JOBS) == {}


def test_a_job_is_paused_and_resumed_and_keeps_its_state(google: Google) -> None:
    google.enable("cloudscheduler")
    google.account("crm-fn")
    created = google.post(JOBS, job())
    assert created["retryConfig"]["maxDoublings"] == 5
    google.error("POST", JOBS, job(), status=409, word="ALREADY_EXISTS")
    assert google.post(f"{JOBS}/j:pause")["state"] == "PAUSED"
    assert google.patch(f"{JOBS}/j?updateMask=schedule", {"schedule": "every 24 hours"})["state"] == "PAUSED"
    assert google.post(f"{JOBS}/j:resume")["state"] == "ENABLED"
    google.error("PATCH", f"{JOBS}/j", {"schedule": "never"}, status=400, word="INVALID_ARGUMENT")
    assert google.get(f"{JOBS}/j")["schedule"] == "every 24 hours"


def test_topics_and_subscriptions(google: Google) -> None:
    google.enable("pubsub")
    google.call("PUT", f"{TOPICS}/inbox", {})
    google.error("PUT", f"{TOPICS}/inbox", {}, status=409, word="ALREADY_EXISTS")
    google.error("PUT", f"{TOPICS}/x", {}, status=400, word="INVALID_ARGUMENT")
    google.error("PATCH", f"{TOPICS}/inbox", {"topic": {"labels": {}}}, status=400, word="INVALID_ARGUMENT")
    patched = google.patch(f"{TOPICS}/inbox", {"topic": {"labels": {"a": "1"}}, "updateMask": "labels"})
    assert patched["labels"] == {"a": "1"}
    subscription = f"/pubsub/v1/projects/{PROJECT}/subscriptions/inbox"
    topic = f"projects/{PROJECT}/topics/inbox"
    google.error("PUT", subscription, {"topic": f"{topic}-no"}, status=404, word="NOT_FOUND")
    google.call("PUT", subscription, {"topic": topic})
    assert google.get(subscription)["topic"] == topic
    assert [one["name"] for one in google.get(TOPICS)["topics"]] == [topic]


def test_queues_have_default_limits_and_can_be_paused(google: Google) -> None:
    google.enable("cloudtasks")
    queues = f"/cloudtasks/v2/projects/{PROJECT}/locations/{REGION}/queues"
    name = f"{queues.removeprefix('/cloudtasks/v2/')}/q"
    assert google.post(queues, {"name": name})["rateLimits"]["maxConcurrentDispatches"] == 1000
    assert google.post(f"{queues}/q:pause", {})["state"] == "PAUSED"
    google.patch(f"{queues}/q?updateMask=retryConfig.maxAttempts", {"retryConfig": {"maxAttempts": 3}})
    shown = google.get(f"{queues}/q")
    assert shown["retryConfig"]["maxAttempts"] == 3
    assert shown["retryConfig"]["maxDoublings"] == 16
    assert shown["state"] == "PAUSED"


def test_the_name_of_a_deleted_queue_is_not_free_at_once(google: Google) -> None:
    google.enable("cloudtasks")
    queues = f"/cloudtasks/v2/projects/{PROJECT}/locations/{REGION}/queues"
    named = {"name": f"{queues.removeprefix('/cloudtasks/v2/')}/q"}
    google.post(queues, named)
    google.delete(f"{queues}/q")
    refused = google.error("POST", queues, named, status=400, word="FAILED_PRECONDITION")
    assert "existed too recently" in refused["message"]
    odd = {"name": f"{named['name']}_1"}
    google.error("POST", queues, odd, status=400, word="INVALID_ARGUMENT")


def test_the_other_requests_of_firebase_tools_are_served(google: Google) -> None:
    google.enable("cloudfunctions", "runtimeconfig")
    account = google.get(f"/compute/v1/projects/{NUMBER}")["defaultServiceAccount"]
    assert account == f"{NUMBER}-compute@developer.gserviceaccount.com"
    first = f"/cloudfunctions/v1/projects/{PROJECT}/locations"
    assert google.get(f"{first}/-/functions") == {}
    google.error("GET", f"{first}/{REGION}/functions/x", status=404, word="NOT_FOUND")
    google.error("POST", f"{first}/{REGION}/functions", {}, status=501, word="UNIMPLEMENTED")
    assert google.get(f"/runtimeconfig/v1beta1/projects/{PROJECT}/configs") == {}
    assert google.send("GET", f"/firebaseextensions/v1beta/projects/{PROJECT}/instances").json() == {}
    service = google.get(f"/serviceusage/v1/projects/{PROJECT}/services/127.0.0.1")
    assert service["state"] == "ENABLED"


def test_the_first_function_creates_the_image_repository(google: Google) -> None:
    google.ready_for_functions()
    path = f"/artifactregistry/v1/projects/{PROJECT}/locations/{REGION}/repositories/gcf-artifacts"
    google.error("GET", path, status=404, word="NOT_FOUND")
    google.deploy("hello")
    policies: Json = {"old": {"id": "old", "action": "DELETE", "condition": {"olderThan": "86400s"}}}
    google.patch(f"{path}?updateMask=cleanupPolicies", {"cleanupPolicies": policies})
    google.deploy("hello-again")
    assert google.get(path)["cleanupPolicies"] == policies


def test_the_firebase_project_and_billing(google: Google) -> None:
    config = google.get(f"/firebase/v1beta1/projects/{PROJECT}/adminSdkConfig")
    assert config["projectId"] == PROJECT
    assert google.get(f"/cloudbilling/v1/projects/{PROJECT}/billingInfo")["billingEnabled"] is True
