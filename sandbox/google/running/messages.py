"""Pub/Sub messages of running functions: each message of a topic becomes an event for the functions on it.

The event is the one that Eventarc sends (Eventarc docs, "Pub/Sub: receive events", binary content mode).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from sandbox.google.running import revisions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.google.cloud import Cloud
    from sandbox.google.store import Json

EVENT = "google.cloud.pubsub.topic.v1.messagePublished"


def targets(cloud: Cloud, topic: str) -> Iterator[Json]:
    """Yield the functions that get the messages of a topic.

    Args:
        cloud: the functions.
        topic: the topic's full name.
    """
    for function in revisions.functions(cloud):
        trigger = cast("Json", function.get("eventTrigger") or {})
        if trigger.get("eventType") == EVENT and cloud.canonical(trigger.get("pubsubTopic", "")) == topic:
            yield function


def event(function: Json, topic: str, message: Json) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the event for a function.

    Args:
        function: gets it; the subscription has the name of its trigger.
        topic: the topic's full name.
        message: the message, with its id and time.
    """
    trigger = cast("str", cast("Json", function["eventTrigger"])["trigger"]).split("/")
    headers = {
        "ce-id": message["messageId"],
        "ce-source": f"//pubsub.googleapis.com/{topic}",
        "ce-specversion": "1.0",
        "ce-time": message["publishTime"],
        "ce-type": EVENT,
        "content-type": "application/json",
        "user-agent": "APIs-Google",
    }
    subscription = f"projects/{trigger[1]}/subscriptions/eventarc-{trigger[3]}-{trigger[5]}"
    both = {"message_id": message["messageId"], "publish_time": message["publishTime"]}
    body = {"message": {**message, **both}, "subscription": subscription}
    return headers, json.dumps(body).encode()
