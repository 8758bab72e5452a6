"""Functions by the kind of their events: what each trigger sends, and what has to exist before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checkout.endpoints import BlockingTrigger, CallableTrigger, Endpoint, EventTrigger, TaskQueueTrigger
from checkout.trigger_kinds import PUBSUB_EVENT
from components.identities import functions_account
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
LATER = world.endpoint(
    "sendLater",
    TaskQueueTrigger(
        invoker=None,
        max_concurrent_dispatches=6,
        max_dispatches_per_second=0.5,
        max_attempts=3,
        min_backoff_seconds=0.1,
        max_backoff_seconds=3600,
        max_retry_seconds=0,
        max_doublings=16,
    ),
    "GROQ_API_KEY",
)
GROQ = f"{functions_account(['GROQ_API_KEY'])}@{world.PROJECT}.iam.gserviceaccount.com"
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


def named(*accounts: str) -> Endpoint:
    """The task queue with these invokers."""
    assert isinstance(LATER.trigger, TaskQueueTrigger)
    return replace(LATER, trigger=replace(LATER.trigger, invoker=accounts))


def test_a_task_queue_has_every_limit_and_stays_with_its_tasks(run: Run) -> None:
    engine = deployed(run, LATER)
    queue = engine.one("functions-us-central1-sendLater-queue")
    assert {key: queue.inputs[key] for key in ("name", "location", "rateLimits", "retryConfig")} == {
        "name": "sendLater",
        "location": world.REGION,
        "rateLimits": {"maxConcurrentDispatches": 6, "maxDispatchesPerSecond": 0.5},
        "retryConfig": {
            "maxAttempts": 3,
            "minBackoff": "0.100s",
            "maxBackoff": "3600s",
            "maxRetryDuration": "0s",
            "maxDoublings": 16,
        },
    }
    assert queue.request.retainOnDelete, "the name of a deleted queue is not free for days"
    assert "apis-cloudtasks" in engine.waits_for(queue)
    labels = engine.one("functions-us-central1-sendLater").inputs["labels"]
    assert labels["deployment-taskqueue"] == "true"


def test_without_invokers_the_functions_of_the_codebase_add_tasks_and_call(run: Run) -> None:
    engine = deployed(run, LATER, PAID)
    members = sorted([f"serviceAccount:{FN}", f"serviceAccount:{GROQ}"])
    for name in ("enqueuers", "invokers"):
        bound = engine.one(f"functions-us-central1-sendLater-{name}")
        assert bound.inputs["members"] == members
        assert {"identities-crm-fn", f"identities-{GROQ.partition('@')[0]}"} <= engine.waits_for(bound)
    assert engine.one("functions-us-central1-sendLater-enqueuers").inputs["role"] == (
        "roles/cloudtasks.enqueuer"
    )


def test_who_adds_tasks_acts_as_itself_once(run: Run) -> None:
    """The task names the account whose token calls the function: the Admin SDK names its own."""
    engine = deployed(run, LATER, replace(LATER, id="second", entry_point="second"))
    acting = [one for one in engine.registered if one.name.endswith("-iam.serviceAccountUser")]
    assert [one.inputs["member"] for one in acting] == [f"serviceAccount:{GROQ}"]
    assert acting[0].inputs["serviceAccountId"] == f"projects/{world.PROJECT}/serviceAccounts/{GROQ}"


@pytest.mark.parametrize(
    ("invokers", "members"),
    [
        (("a@p.iam.gserviceaccount.com",), ["serviceAccount:a@p.iam.gserviceaccount.com"]),
        (("private",), []),
        (("public",), ["allUsers"]),
    ],
)
def test_named_invokers_are_the_only_ones(run: Run, invokers: tuple[str, ...], members: list[str]) -> None:
    engine = deployed(run, named(*invokers))
    for name in ("enqueuers", "invokers"):
        assert engine.one(f"functions-us-central1-sendLater-{name}").inputs["members"] == members


def test_without_task_queues_their_api_is_not_enabled(run: Run) -> None:
    assert [one.name for one in run().registered if "cloudtasks" in one.name] == []


SIGN_IN = world.endpoint("checkSignIn", BlockingTrigger(event="beforeSignIn", credentials=("idToken",)))
CREATE = world.endpoint("checkUser", BlockingTrigger(event="beforeCreate", credentials=()))


def test_auth_calls_the_services_of_all_blocking_functions_once_they_can_be_called(run: Run) -> None:
    engine = deployed(run, SIGN_IN, CREATE)
    (blocking,) = engine.of("firebase:BlockingFunctions")
    assert blocking.inputs["triggers"] == {
        "beforeSignIn": "https://functions-us-central1-checkSignIn.run.app",
        "beforeCreate": "https://functions-us-central1-checkUser.run.app",
    }
    assert blocking.inputs["credentials"] == ["idToken"]
    waits = engine.waits_for(blocking)
    assert "apis-identitytoolkit" in waits
    for name, label in (("checkSignIn", "before-sign-in"), ("checkUser", "before-create")):
        assert f"functions-us-central1-{name}-invokers" in waits
        assert engine.one(f"functions-us-central1-{name}-invokers").inputs["members"] == ["allUsers"]
        labels = engine.one(f"functions-us-central1-{name}").inputs["labels"]
        assert labels["deployment-blocking"] == label


def test_without_blocking_functions_auth_is_left_alone(run: Run) -> None:
    engine = run()
    assert engine.of("firebase:BlockingFunctions") == []
    assert [one.name for one in engine.registered if "identitytoolkit" in one.name] == []


def test_a_genkit_action_is_a_callable_function_with_a_label(run: Run) -> None:
    engine = deployed(run, world.endpoint("ask", CallableTrigger(genkit=True)))
    labels = engine.one("functions-us-central1-ask").inputs["labels"]
    assert (labels["deployment-callable"], labels["genkit-action"]) == ("true", "true")
    assert engine.one("functions-us-central1-ask-invokers").inputs["members"] == ["allUsers"]
