"""Functions by the kind of their events: what each trigger sends, and what has to exist before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checkout.endpoints import Endpoint, EventTrigger
from checkout.trigger_kinds import PUBSUB_EVENT
from tests.components import world
from tests.components.conftest import Run
from tests.components.engine import Engine

pytestmark = pytest.mark.components

FN = f"crm-fn@{world.PROJECT}.iam.gserviceaccount.com"
PAID = world.endpoint(
    "onPaid",
    EventTrigger(
        event_type=PUBSUB_EVENT,
        filters={},
        path_patterns={},
        region=world.REGION,
        retry=True,
        topic="paid",
    ),
)


UPLOADED = world.endpoint(
    "onUpload",
    EventTrigger(
        event_type="google.cloud.storage.object.v1.finalized",
        filters={"bucket": "crm.firebasestorage.app"},
        path_patterns={},
        region="us",
        retry=False,
    ),
)
AGENT = "service-1@gs-project-accounts.iam.gserviceaccount.com"


def deployed(run: Run, *endpoints: Endpoint, **changes: Any) -> Engine:
    return run(app=lambda: world.app(codebases=(world.codebase(*endpoints),), **changes))


def trigger(engine: Engine, name: str) -> dict[str, Any]:
    return dict(engine.one(f"functions-{world.REGION}-{name}").inputs["eventTrigger"])


def test_a_pubsub_function_has_its_topic_and_no_filter(run: Run) -> None:
    assert trigger(deployed(run, PAID), "onPaid") == {
        "eventType": PUBSUB_EVENT,
        "pubsubTopic": f"projects/{world.PROJECT}/topics/paid",
        "triggerRegion": world.REGION,
        "retryPolicy": "RETRY_POLICY_RETRY",
        "serviceAccountEmail": FN,
    }


def test_a_topic_is_ensured_once_for_all_functions_that_listen_to_it(run: Run) -> None:
    second = replace(PAID, id="onPaidToo", entry_point="onPaidToo", region="europe-west1")
    engine = deployed(run, PAID, second)
    (topic,) = engine.of("firebase:PubSubTopic")
    assert topic.name == "functions-topic-paid"
    assert (topic.inputs["project"], topic.inputs["topic"]) == (world.PROJECT, "paid")
    for name in ("functions-us-central1-onPaid", "functions-europe-west1-onPaidToo"):
        assert topic.urn in engine.one(name).depends_on
    assert engine.of("pubsub/topic:Topic") == [], "a topic of pulumi-gcp would belong to the stack"


def test_a_pubsub_function_is_called_as_its_account(run: Run) -> None:
    engine = deployed(run, PAID)
    bound = engine.one("functions-us-central1-onPaid-invokers")
    assert bound.inputs["members"] == [f"serviceAccount:{FN}"]
    waits = engine.waits_for(engine.one("functions-us-central1-onPaid"))
    assert {"apis-pubsub", "apis-eventarc", "identities-crm-fn-eventarc.eventReceiver"} <= waits


def test_without_such_functions_there_is_no_topic(run: Run) -> None:
    assert run().of("firebase:PubSubTopic") == []


def test_a_storage_function_has_its_bucket_and_the_buckets_location(run: Run) -> None:
    assert trigger(deployed(run, UPLOADED, storage_agent=AGENT), "onUpload") == {
        "eventType": "google.cloud.storage.object.v1.finalized",
        "eventFilters": [{"attribute": "bucket", "value": "crm.firebasestorage.app"}],
        "triggerRegion": "us",
        "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
        "serviceAccountEmail": FN,
    }


def test_only_storage_functions_wait_for_the_agent_that_publishes_their_events(run: Run) -> None:
    engine = deployed(run, UPLOADED, PAID, storage_agent=AGENT)
    granted = engine.one("identities-agent-storage-pubsub.publisher")
    assert (granted.inputs["role"], granted.inputs["member"]) == (
        "roles/pubsub.publisher",
        f"serviceAccount:{AGENT}",
    )
    assert granted.urn in engine.one("functions-us-central1-onUpload").depends_on
    assert granted.urn not in engine.one("functions-us-central1-onPaid").depends_on
    none = [one.name for one in run().registered if "agent-storage" in one.name]
    assert none == []
