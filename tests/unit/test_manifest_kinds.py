"""The manifest by kind of trigger: events, topics, buckets, task queues, blocking functions, networks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from checkout.auth_blocking import duplicates
from checkout.endpoints import (
    BlockingTrigger,
    CallableTrigger,
    EventTrigger,
    Network,
    TaskQueueTrigger,
)
from checkout.params import Params
from checkout.trigger_kinds import PUBSUB_EVENT
from tests.unit.manifest_reading import HTTPS, one, read, refused

pytestmark = pytest.mark.unit

PAID: dict[str, object] = {
    "platform": "gcfv2",
    "entryPoint": "onPaid",
    "eventTrigger": {
        "eventType": "google.cloud.pubsub.topic.v1.messagePublished",
        "eventFilters": {"topic": "paid"},
        "retry": True,
    },
}


def paid(topic: object) -> dict[str, object]:
    return {
        **PAID,
        "eventTrigger": {"eventType": PUBSUB_EVENT, "eventFilters": {"topic": topic}, "retry": True},
    }


@pytest.mark.parametrize("topic", ["paid", "projects/crm-sandbox/topics/paid", "{{ params.TOPIC }}"])
def test_a_pubsub_trigger_names_a_topic_of_the_project(topic: str) -> None:
    assert one(paid(topic), Params(values={"TOPIC": "paid"})).trigger == EventTrigger(
        event_type=PUBSUB_EVENT,
        filters={},
        path_patterns={},
        region="europe-west1",
        retry=True,
        topic="paid",
    )


def test_a_pubsub_trigger_is_in_the_region_of_its_function() -> None:
    found, problems = read({"onPaid": {**PAID, "region": ["europe-west1", "us-east1"]}})
    assert problems == []
    triggers = [endpoint.trigger for endpoint in found.endpoints]
    assert [one.region for one in triggers if isinstance(one, EventTrigger)] == ["europe-west1", "us-east1"]


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("projects/other/topics/paid", "the topic projects/other/topics/paid is in another project"),
        ("", '"" is not the name of a Pub/Sub topic'),
        ("1st", '"1st" is not the name'),
        ("google-paid", '"google-paid" is not the name'),
        ("ab", '"ab" is not the name'),
        ("a/b/c", '"a/b/c" is not the name'),
    ],
)
def test_a_topic_that_cannot_exist_here_is_a_problem(topic: str, message: str) -> None:
    assert message in refused(paid(topic))


def uploaded(**filters: object) -> dict[str, object]:
    trigger = {"eventType": "google.cloud.storage.object.v1.finalized", "eventFilters": filters}
    return {"platform": "gcfv2", "entryPoint": "onUpload", "eventTrigger": trigger}


@pytest.mark.parametrize("bucket", ["crm.firebasestorage.app", "{{ params.STORAGE_BUCKET }}"])
def test_a_storage_trigger_names_a_bucket_which_decides_its_region_later(bucket: str) -> None:
    params = Params(values={"STORAGE_BUCKET": "crm.firebasestorage.app"})
    assert one(uploaded(bucket=bucket), params).trigger == EventTrigger(
        event_type="google.cloud.storage.object.v1.finalized",
        filters={"bucket": "crm.firebasestorage.app"},
        path_patterns={},
        region="",
        retry=False,
    )


@pytest.mark.parametrize("filters", [{}, {"bucket": ""}, {"bucket": "gs://crm"}, {"bucket": "Crm"}])
def test_a_storage_trigger_without_a_bucket_is_a_problem(filters: dict[str, object]) -> None:
    assert "is not the name of a Cloud Storage bucket" in refused(uploaded(**filters))


OTHERS: Mapping[str, tuple[str, dict[str, str]]] = {
    "google.firebase.remoteconfig.remoteConfig.v1.updated": ("global", {}),
    "google.firebase.testlab.testMatrix.v1.completed": ("global", {}),
    "google.firebase.firebasealerts.alerts.v1.published": ("global", {"alerttype": "billing.planUpdate"}),
    "google.firebase.auth.user.v2.created": ("global", {"tenantid": "one"}),
    "google.firebase.database.ref.v1.written": ("europe-west1", {"instance": "crm-default-rtdb"}),
    "google.firebase.dataconnect.connector.v1.mutationExecuted": ("europe-west1", {"service": "crm"}),
}
"""Event types that need nothing but their filters -> where their triggers are, and filters."""


@pytest.mark.parametrize("kind", OTHERS)
def test_other_events_are_filters_and_a_location(kind: str) -> None:
    location, filters = OTHERS[kind]
    trigger = {"eventType": kind, "eventFilters": filters, "eventFilterPathPatterns": {"ref": "a/{b}"}}
    entry = {"platform": "gcfv2", "entryPoint": "onIt", "eventTrigger": trigger}
    assert one(entry).trigger == EventTrigger(
        event_type=kind,
        filters=filters,
        path_patterns={"ref": "a/{b}"},
        region=location,
        retry=False,
    )
    elsewhere = {**entry, "eventTrigger": {**trigger, "region": "asia-east1"}}
    assert f"the trigger is in asia-east1, but its events come from {location}" in refused(elsewhere)


def test_a_genkit_action_is_a_callable_function() -> None:
    given = {"platform": "gcfv2", "entryPoint": "ask", "callableTrigger": {"genkitAction": "flow"}}
    assert one(given).trigger == CallableTrigger(genkit=True)


def in_vpc(**vpc: object) -> dict[str, object]:
    return {**HTTPS, "vpc": vpc}


def test_a_function_can_be_in_a_network_without_a_connector() -> None:
    interface = {"network": "{{ params.NET }}", "subnetwork": "crm", "tags": ["whatsapp"]}
    given = in_vpc(networkInterfaces=[interface], egressSettings="ALL_TRAFFIC")
    found = one(given, Params(values={"NET": "default"}))
    assert found.network == Network(network="default", subnetwork="crm", tags=("whatsapp",))
    assert (found.vpc_connector, found.vpc_egress) == (None, "ALL_TRAFFIC")
    found = one(in_vpc(networkInterfaces=[{"subnetwork": "crm"}]))
    assert found.network == Network(network=None, subnetwork="crm")
    assert one(in_vpc(connector="office")).network is None


@pytest.mark.parametrize(
    ("vpc", "message"),
    [
        ({"networkInterfaces": [{"tags": ["a"]}]}, "names neither a network nor a subnetwork"),
        ({"networkInterfaces": [{"network": 1}]}, "names neither a network nor a subnetwork"),
        ({"networkInterfaces": [{"network": "a"}, {"network": "b"}]}, "has 2 network interfaces"),
        ({"networkInterfaces": [{"network": "a", "ip": "b"}]}, 'the unknown property "ip"'),
        ({"networkInterfaces": [{"network": "a"}], "connector": "b"}, "a connector and a network interface"),
        ({"networkInterfaces": [{"network": "a"}], "egressSettings": "NO"}, "vpc.egressSettings is NO"),
    ],
)
def test_a_network_that_google_rejects_is_a_problem(vpc: dict[str, object], message: str) -> None:
    assert message in refused(in_vpc(**vpc))


def blocking(**trigger: object) -> dict[str, object]:
    return {"platform": "gcfv2", "entryPoint": "check", "blockingTrigger": trigger}


@pytest.mark.parametrize("event", ["beforeCreate", "beforeSignIn", "beforeSendEmail", "beforeSendSms"])
def test_an_auth_blocking_function_has_its_event_and_credentials(event: str) -> None:
    options = {"idToken": True, "accessToken": False, "refreshToken": None}
    kind = f"providers/cloud.auth/eventTypes/user.{event}"
    found = one(blocking(eventType=kind, options=options), name="check")
    assert found.trigger == BlockingTrigger(event=event, credentials=("idToken",))
    assert one(blocking(eventType=kind), name="check").trigger == BlockingTrigger(event=event, credentials=())


def test_an_unknown_option_of_a_blocking_function_is_a_problem() -> None:
    kind = "providers/cloud.auth/eventTypes/user.beforeCreate"
    assert '"password" of blockingTrigger.options' in refused(
        blocking(eventType=kind, options={"password": True})
    )


def test_auth_calls_one_function_for_an_event() -> None:
    kind = "providers/cloud.auth/eventTypes/user.beforeCreate"
    entry = {**blocking(eventType=kind), "region": ["us-east1", "europe-west1"]}
    found, problems = read({"check": entry})
    assert problems == []
    (problem,) = duplicates(found.endpoints)
    assert problem.what.startswith("europe-west1/check and us-east1/check handle beforeCreate")
    assert duplicates(found.endpoints[:1]) == []


def dispatched(**trigger: object) -> dict[str, object]:
    return {"platform": "gcfv2", "entryPoint": "sendLater", "taskQueueTrigger": trigger}


def test_a_task_queue_has_the_defaults_of_the_firebase_cli() -> None:
    nulls = {
        "retryConfig": dict.fromkeys(
            ("maxAttempts", "maxRetrySeconds", "maxBackoffSeconds", "maxDoublings", "minBackoffSeconds")
        ),
        "rateLimits": dict.fromkeys(("maxConcurrentDispatches", "maxDispatchesPerSecond")),
    }
    found = one(dispatched(**nulls)).trigger
    assert found == one(dispatched()).trigger
    assert found == TaskQueueTrigger(
        invoker=None,
        max_concurrent_dispatches=1000,
        max_dispatches_per_second=500,
        max_attempts=3,
        min_backoff_seconds=0.1,
        max_backoff_seconds=3600,
        max_retry_seconds=0,
        max_doublings=16,
    )


def test_every_option_of_a_task_queue_is_read() -> None:
    given = dispatched(
        rateLimits={"maxConcurrentDispatches": 6, "maxDispatchesPerSecond": "{{ params.RATE }}"},
        retryConfig={
            "maxAttempts": 5,
            "maxRetrySeconds": 86400,
            "minBackoffSeconds": 60,
            "maxBackoffSeconds": 300,
            "maxDoublings": 2,
        },
        invoker=["crm-backend@"],
    )
    assert one(given, Params(values={"RATE": 0.5})).trigger == TaskQueueTrigger(
        invoker=("crm-backend@crm-sandbox.iam.gserviceaccount.com",),
        max_concurrent_dispatches=6,
        max_dispatches_per_second=0.5,
        max_attempts=5,
        min_backoff_seconds=60,
        max_backoff_seconds=300,
        max_retry_seconds=86400,
        max_doublings=2,
    )


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ({"rateLimits": {"maxConcurrentDispatches": 5001}}, "maxConcurrentDispatches is 5001"),
        ({"rateLimits": {"maxDispatchesPerSecond": 501}}, "maxDispatchesPerSecond is 501, but must be a"),
        ({"rateLimits": {"maxDispatchesPerSecond": "many"}}, "maxDispatchesPerSecond is a string"),
        ({"rateLimits": {"perMinute": 1}}, '"perMinute" of rateLimits is not known'),
        ({"retryConfig": {"maxAttempts": 0}}, "maxAttempts is 0, which Cloud Tasks does not accept"),
        ({"retryConfig": {"maxAttempts": -2}}, "maxAttempts is -2"),
        ({"retryConfig": {"minBackoffSeconds": -1}}, "minBackoffSeconds is -1"),
        ({"retryConfig": {"minBackoffSeconds": 3601}}, "minBackoffSeconds 3601 is more than"),
        ({"retryConfig": {"backoff": 1}}, '"backoff" of retryConfig is not known'),
        ({"queue": "x"}, '"queue" of taskQueueTrigger is not known'),
        ({"invoker": ["public", "a@b.c"]}, "invoker mixes"),
    ],
)
def test_a_task_queue_that_cloud_tasks_rejects_is_a_problem(trigger: dict[str, object], message: str) -> None:
    assert message in refused(dispatched(**trigger))


def test_a_queue_has_the_name_of_its_function_which_may_have_no_underscore() -> None:
    assert "letters, digits and hyphens only" in refused(dispatched(), name="send_later")


def test_an_event_has_at_most_nine_minutes() -> None:
    assert "timeoutSeconds is 541, but must be an integer from 1 to 540" in refused(
        {**PAID, "timeoutSeconds": 541}
    )
