"""Pub/Sub messages and Cloud Storage events of running functions: who gets which, and how often."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.sandbox.google.client import PROJECT, REGION, RUNTIME, Json
from tests.sandbox.google.running import RunningGoogle, eventually, with_sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sandbox

TOPIC = f"projects/{PROJECT}/topics/paid"
FIREBASE = {"GCLOUD_PROJECT": PROJECT, "FIREBASE_CONFIG": "{}", "LOG_EXECUTION_ID": "true"}
CODE = """
const { onMessagePublished } = require("firebase-functions/pubsub");
let attempts = 0;
exports.onPaid = onMessagePublished("paid", (event) => {
  const { message, subscription } = event.data;
  const { id, type, source } = event;
  const { attributes, messageId, json: body } = message;
  const shown = { id, type, source, messageId, subscription, attributes, body };
  console.log(JSON.stringify({ message: "seen", ...shown }));
});
exports.flaky = onMessagePublished({ topic: "paid", retry: true }, () => {
  attempts += 1;
  console.log(JSON.stringify({ message: "attempt", attempts }));
  if (attempts < 3) throw new Error("not yet");
});
const storage = require("firebase-functions/storage");
const stored = (name) => (event) => {
  const { type, source, subject, bucket, data } = event;
  const shown = { name, type, source, subject, bucket, object: data.name, size: data.size };
  console.log(JSON.stringify({ message: "stored", ...shown }));
};
exports.onUpload = storage.onObjectFinalized({ bucket: "BUCKET" }, stored("onUpload"));
exports.onGone = storage.onObjectDeleted({ bucket: "BUCKET" }, stored("onGone"));
"""
FILES = "crm-files"


def of_bucket(kind: str) -> Json:
    return {
        "eventType": f"google.cloud.storage.object.v1.{kind}",
        "eventFilters": [{"attribute": "bucket", "value": FILES}],
        "triggerRegion": REGION,
        "serviceAccountEmail": RUNTIME,
    }


def trigger(**rest: Any) -> Json:
    kind = "google.cloud.pubsub.topic.v1.messagePublished"
    return {"eventType": kind, "pubsubTopic": TOPIC, "serviceAccountEmail": RUNTIME, **rest}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGoogle]:
    """A sandbox with two functions on one topic."""
    with RunningGoogle(tmp_path_factory.mktemp("running"), emulator=False) as made:
        made.prepare()
        made.google.enable("pubsub")
        made.google.switch(run_wait_scale=0.01)
        made.google.call("PUT", f"/pubsub/v1/{TOPIC}", {})
        made.google.post(f"/storage/v1/b?project={PROJECT}", {"name": FILES, "location": REGION})
        agent = made.google.get(f"/storage/v1/projects/{PROJECT}/serviceAccount")["email_address"]
        binding = {"role": "roles/pubsub.publisher", "members": [f"serviceAccount:{agent}"]}
        policy = {"policy": {"bindings": [binding]}}
        made.google.post(f"/crm/v1/projects/{PROJECT}:setIamPolicy", policy)
        archive = with_sdk(CODE.replace("BUCKET", FILES))
        triggers = {
            "onPaid": trigger(),
            "flaky": trigger(retryPolicy="RETRY_POLICY_RETRY"),
            "onUpload": of_bucket("finalized"),
            "onGone": of_bucket("deleted"),
        }
        for name, event in triggers.items():
            done = made.deploy(name, archive, event=event, public=False, environmentVariables=FIREBASE)
            assert "error" not in done, done
        yield made


def test_each_function_on_the_topic_gets_the_message_until_it_succeeds(running: RunningGoogle) -> None:
    data = base64.b64encode(json.dumps({"invoice": 7}).encode()).decode()
    message = {"data": data, "attributes": {"source": "shop"}}
    answer = running.google.post(f"/pubsub/v1/{TOPIC}:publish", {"messages": [message]})
    (number,) = answer["messageIds"]
    seen = eventually(lambda: entries(running, "seen"), "the message")[0]
    assert (seen["body"], seen["attributes"]) == ({"invoice": 7}, {"source": "shop"})
    assert (seen["id"], seen["messageId"]) == (number, number)
    assert seen["source"] == f"//pubsub.googleapis.com/{TOPIC}"
    assert seen["subscription"].startswith(f"projects/{PROJECT}/subscriptions/eventarc-{REGION}-onpaid-")
    attempts = eventually(
        lambda: found if len(found := entries(running, "attempt")) == 3 else None, "three attempts"
    )
    assert [one["attempts"] for one in attempts] == [1, 2, 3]
    assert len(entries(running, "seen")) == 1


def test_an_empty_message_and_an_unknown_topic_are_rejected(running: RunningGoogle) -> None:
    empty: Json = {"messages": [{}]}
    running.google.error("POST", f"/pubsub/v1/{TOPIC}:publish", empty, status=400, word="INVALID_ARGUMENT")
    other = f"/pubsub/v1/projects/{PROJECT}/topics/other:publish"
    running.google.error("POST", other, empty, status=404, word="NOT_FOUND")


def test_an_object_is_an_event_when_it_is_stored_replaced_and_deleted(running: RunningGoogle) -> None:
    upload = f"/upload/storage/v1/b/{FILES}/o?uploadType=media&name=clients/1.txt"
    for content in (b"one", b"four"):
        headers = {"Authorization": "Bearer person", "Content-Type": "text/plain"}
        answer = requests.post(running.google.url + upload, content, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
    running.google.delete(f"/storage/v1/b/{FILES}/o/clients%2F1.txt", status=204)

    def all_of_them() -> list[Json] | None:
        found = entries(running, "stored")
        return found if len(found) == 4 else None

    seen = eventually(all_of_them, "four events")
    sizes = sorted((str(one["name"]), int(one["size"])) for one in seen)
    assert sizes == [("onGone", 3), ("onGone", 4), ("onUpload", 3), ("onUpload", 4)]
    for one in seen:
        assert (one["bucket"], one["object"], one["subject"]) == (
            FILES,
            "clients/1.txt",
            "objects/clients/1.txt",
        )
        assert one["source"] == f"//storage.googleapis.com/projects/_/buckets/{FILES}"


def entries(running: RunningGoogle, message: str) -> list[Json]:
    """What the functions logged, the oldest first."""
    return [one["jsonPayload"] for one in running.entries(f'jsonPayload.message="{message}"')]
