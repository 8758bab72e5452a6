"""Pub/Sub messages of running functions: who gets them, as which event, how often."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

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
"""


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
        archive = with_sdk(CODE)
        for name, event in (("onPaid", trigger()), ("flaky", trigger(retryPolicy="RETRY_POLICY_RETRY"))):
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


def entries(running: RunningGoogle, message: str) -> list[Json]:
    """What the functions logged, the oldest first."""
    return [one["jsonPayload"] for one in running.entries(f'jsonPayload.message="{message}"')]
