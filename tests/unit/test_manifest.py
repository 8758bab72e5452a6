"""The manifest: the defaults of the Firebase CLI, each trigger, and problems that name the export."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.auth_blocking import duplicates
from checkout.endpoints import (
    BlockingTrigger,
    CallableTrigger,
    Endpoint,
    EventTrigger,
    HttpsTrigger,
    Network,
    ScheduleTrigger,
    SecretUse,
    TaskQueueTrigger,
)
from checkout.manifest import Context, Parsed, parse
from checkout.params import Params
from checkout.trigger_kinds import PUBSUB_EVENT
from settings.model import GoogleSettings
from settings.problems import Problem

pytestmark = pytest.mark.unit

CONTEXT = Context(
    where="functions",
    google=GoogleSettings(project="crm-sandbox", region="europe-west1", firestore_location="eur3"),
    runtime="nodejs22",
)
HTTPS: dict[str, object] = {"platform": "gcfv2", "entryPoint": "send", "httpsTrigger": {}}
EVENT: dict[str, object] = {
    "platform": "gcfv2",
    "entryPoint": "onClient",
    "eventTrigger": {
        "eventType": "google.cloud.firestore.document.v1.written",
        "eventFilters": {"database": "(default)", "namespace": "(default)"},
        "eventFilterPathPatterns": {"document": "clients/{phone}"},
        "retry": False,
    },
}
SCHEDULE: dict[str, object] = {
    "platform": "gcfv2",
    "entryPoint": "tick",
    "scheduleTrigger": {"schedule": "every 5 minutes"},
}


def read(
    endpoints: Mapping[str, object], params: Params | None = None, **top: object
) -> tuple[Parsed, list[Problem]]:
    manifest = {"specVersion": "v1alpha1", "endpoints": dict(endpoints), **top}
    return parse(manifest, params or Params(), CONTEXT)


def one(entry: Mapping[str, object], params: Params | None = None, name: str = "send") -> Endpoint:
    found, problems = read({name: dict(entry)}, params)
    assert problems == []
    (endpoint,) = found.endpoints
    return endpoint


def refused(entry: Mapping[str, object], params: Params | None = None, name: str = "send") -> str:
    _, problems = read({name: dict(entry)}, params)
    assert len(problems) == 1, [str(problem) for problem in problems]
    assert problems[0].key == "functions"
    assert problems[0].fix
    assert problems[0].what.startswith(f"{name}: ")
    return problems[0].what


def event(**changes: object) -> dict[str, object]:
    trigger = EVENT["eventTrigger"]
    assert isinstance(trigger, dict)
    return {**EVENT, "eventTrigger": {**trigger, **changes}}


def test_an_endpoint_without_options_has_the_defaults() -> None:
    assert one(HTTPS) == Endpoint(
        id="send",
        entry_point="send",
        region="europe-west1",
        runtime="nodejs22",
        memory="256Mi",
        cpu="1",
        concurrency=80,
        timeout_seconds=60,
        min_instances=0,
        max_instances=None,
        ingress="ALLOW_ALL",
        vpc_connector=None,
        vpc_egress=None,
        labels={},
        environment={},
        secrets=(),
        service_account=None,
        trigger=HttpsTrigger(invoker=None),
    )


def test_a_null_option_is_the_default() -> None:
    keys = ("region", "availableMemoryMb", "cpu", "concurrency", "timeoutSeconds", "minInstances",
            "maxInstances", "ingressSettings", "serviceAccountEmail", "vpc")  # fmt: skip
    assert one({**HTTPS, **dict.fromkeys(keys)}) == one(HTTPS)


@pytest.mark.parametrize(
    ("memory", "text", "cpu", "gen1"),
    [
        (128, "128Mi", "1", "0.0833"), (256, "256Mi", "1", "0.1666"), (512, "512Mi", "1", "0.3333"),
        (1024, "1024Mi", "1", "0.5833"), (2048, "2Gi", "1", "1"), (4096, "4Gi", "2", "2"),
        (8192, "8Gi", "2", "2"), (16384, "16Gi", "4", "4"), (32768, "32Gi", "8", "8"),
    ],
)  # fmt: skip
def test_the_default_cpu_depends_on_the_memory(memory: int, text: str, cpu: str, gen1: str) -> None:
    default = one({**HTTPS, "availableMemoryMb": memory})
    assert (default.memory, default.cpu, default.concurrency) == (text, cpu, 80)
    old = one({**HTTPS, "availableMemoryMb": memory, "cpu": "gcf_gen1"})
    assert (old.cpu, old.concurrency) == (gen1, 80 if float(gen1) >= 1 else 1)


def test_every_option_is_read() -> None:
    found = one(
        {
            **HTTPS,
            "region": ["europe-west3"],
            "availableMemoryMb": 2048,
            "cpu": 2,
            "concurrency": 10,
            "timeoutSeconds": 3600,
            "minInstances": 1,
            "maxInstances": 4,
            "ingressSettings": "ALLOW_INTERNAL_ONLY",
            "serviceAccountEmail": "sender@",
            "vpc": {"connector": "office", "egressSettings": "ALL_TRAFFIC"},
            "labels": {"team": "crm"},
            "environmentVariables": {"MODE": "fast"},
            "secretEnvironmentVariables": [
                {"key": "KEY"},
                {"key": "ALIAS", "secret": "REAL"},
                {"key": "KEY"},
            ],
            "httpsTrigger": {"invoker": ["caller@", "other@x.iam.gserviceaccount.com"]},
        }
    )
    assert (found.region, found.memory, found.cpu, found.concurrency) == ("europe-west3", "2Gi", "2", 10)
    assert (found.timeout_seconds, found.min_instances, found.max_instances) == (3600, 1, 4)
    assert found.ingress == "ALLOW_INTERNAL_ONLY"
    assert found.service_account == "sender@crm-sandbox.iam.gserviceaccount.com"
    assert found.vpc_connector == "projects/crm-sandbox/locations/europe-west3/connectors/office"
    assert found.vpc_egress == "ALL_TRAFFIC"
    assert (found.labels, found.environment) == ({"team": "crm"}, {"MODE": "fast"})
    assert found.secrets == (SecretUse(key="ALIAS", secret="REAL"), SecretUse(key="KEY", secret="KEY"))
    assert isinstance(found.trigger, HttpsTrigger)
    assert found.trigger.members == (
        "serviceAccount:caller@crm-sandbox.iam.gserviceaccount.com",
        "serviceAccount:other@x.iam.gserviceaccount.com",
    )


@pytest.mark.parametrize(
    ("invoker", "members"),
    [(["public"], ("allUsers",)), (["private"], ()), ("private", ()), (None, ("allUsers",))],
)
def test_the_invoker_decides_the_iam_members(invoker: object, members: tuple[str, ...]) -> None:
    trigger = one({**HTTPS, "httpsTrigger": {"invoker": invoker}}).trigger
    assert isinstance(trigger, HttpsTrigger)
    assert trigger.members == members


def test_a_callable_function() -> None:
    assert one({"platform": "gcfv2", "callableTrigger": {}}).trigger == CallableTrigger()


def test_a_firestore_event_with_and_without_wildcard() -> None:
    assert one(EVENT).trigger == EventTrigger(
        event_type="google.cloud.firestore.document.v1.written",
        filters={"database": "(default)", "namespace": "(default)"},
        path_patterns={"document": "clients/{phone}"},
        region="eur3",
        retry=False,
    )
    exact = one(
        event(eventFilters={"document": "config/crm"}, eventFilterPathPatterns={}, retry=True)
    ).trigger
    assert isinstance(exact, EventTrigger)
    assert exact.filters == {"database": "(default)", "namespace": "(default)", "document": "config/crm"}
    assert (exact.path_patterns, exact.retry) == ({}, True)


@pytest.mark.parametrize("verb", ["created", "updated", "deleted", "written", "written.withAuthContext"])
def test_every_firestore_event_type(verb: str) -> None:
    kind = f"google.cloud.firestore.document.v1.{verb}"
    trigger = one(event(eventType=kind)).trigger
    assert isinstance(trigger, EventTrigger)
    assert trigger.event_type == kind


def test_a_schedule() -> None:
    assert one(SCHEDULE).trigger == ScheduleTrigger(
        schedule="every 5 minutes",
        time_zone="UTC",
        attempt_deadline_seconds=None,
        retry_count=None,
        max_retry_seconds=None,
        min_backoff_seconds=None,
        max_backoff_seconds=None,
        max_doublings=None,
    )


@pytest.mark.parametrize(("timeout", "deadline"), [(30, 180), (300, 300), (1800, 1800)])
def test_the_deadline_of_a_schedule_follows_the_time_out(timeout: int, deadline: int) -> None:
    trigger = one(
        {
            **SCHEDULE,
            "timeoutSeconds": timeout,
            "scheduleTrigger": {
                "schedule": "0 8 * * *",
                "timeZone": "Europe/Bucharest",
                "retryConfig": {"retryCount": 3, "maxDoublings": None},
            },
        }
    ).trigger
    assert isinstance(trigger, ScheduleTrigger)
    assert (trigger.attempt_deadline_seconds, trigger.retry_count) == (deadline, 3)
    assert (trigger.time_zone, trigger.max_doublings) == ("Europe/Bucharest", None)


def test_each_region_is_an_endpoint() -> None:
    found, problems = read({"send": {**HTTPS, "region": ["us-central1", "europe-west1", "us-central1"]}})
    assert problems == []
    assert [endpoint.region for endpoint in found.endpoints] == ["europe-west1", "us-central1"]


def test_a_problem_in_two_regions_is_reported_once() -> None:
    assert "maxInstances" in refused({**HTTPS, "region": ["us-central1", "us-east1"], "maxInstances": 0})


def test_params_are_evaluated_in_options_and_in_the_environment() -> None:
    params = Params(values={"WHERE": "us-east1", "BIG": True, "MIN": 2}, declared=("WHERE", "MIN"))
    found = one(
        {
            **HTTPS,
            "region": "{{ params.WHERE }}",
            "availableMemoryMb": "{{ params.BIG ? 1024 : 256 }}",
            "minInstances": "{{ params.MIN }}",
        },
        params,
    )
    assert (found.region, found.memory, found.min_instances) == ("us-east1", "1024Mi", 2)
    assert found.environment == {"WHERE": "us-east1", "MIN": "2"}


@pytest.mark.parametrize(("omit", "count"), [(True, 0), (False, 1), ("{{ params.OFF }}", 1), (None, 1)])
def test_an_endpoint_can_be_omitted(omit: object, count: int) -> None:
    found, problems = read({"send": {**HTTPS, "omit": omit}}, Params(values={"OFF": False}))
    assert problems == []
    assert len(found.endpoints) == count


def test_the_default_service_account_is_replaced_with_a_warning() -> None:
    found, problems = read({"send": {**HTTPS, "serviceAccount": "default"}})
    assert problems == []
    assert found.endpoints[0].service_account is None
    assert "send: names the default service account" in found.warnings[0]


def test_a_declared_param_without_a_value_is_not_reported_again() -> None:
    declared = Params(declared=("WHERE",))
    found, problems = read({"send": {**HTTPS, "minInstances": "{{ params.WHERE }}"}}, declared)
    assert problems == []
    assert len(found.endpoints) == 1
    assert "the param WHERE has no value" in refused({**HTTPS, "minInstances": "{{ params.WHERE }}"})


UNSUPPORTED = {
    "custom events": event(eventType="com.example.paid", channel="locations/us-central1/channels/firebase"),
    "Eventarc channels": event(channel="x"),
    "AI Logic blocking functions": {
        "platform": "gcfv2",
        "blockingTrigger": {"eventType": "google.firebase.ailogic.v1.beforeGenerate"},
    },
    "Data Connect": {"platform": "gcfv2", "dataConnectGraphqlTrigger": {}},
    "1st generation": {"platform": "gcfv1", "httpsTrigger": {}},
    'the platform "run"': {"platform": "run", "httpsTrigger": {}},
}


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


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_an_unsupported_feature_is_a_problem_that_names_it(what: str) -> None:
    message = refused(UNSUPPORTED[what])
    assert what in message
    assert "not supported by this program: " in message or "the platform" in what or "channels" in what


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"availableMemoryMb": 300}, "300 MiB is not a memory size"),
        ({"cpu": 3}, "3 CPUs are not possible"),
        ({"cpu": "two"}, "cpu must be a number"),
        ({"cpu": 0.5, "concurrency": 2}, "concurrency 2 needs a whole CPU"),
        ({"cpu": 1, "availableMemoryMb": 8192}, "need at least 2 CPU"),
        ({"cpu": 8, "availableMemoryMb": 2048}, "need at least 4096 MiB"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"concurrency": 1001}, "concurrency is 1001"),
        ({"timeoutSeconds": 3601}, "from 1 to 3600"),
        ({"minInstances": 3, "maxInstances": 2}, "minInstances 3 is more than maxInstances 2"),
        ({"minInstances": True}, "minInstances is True"),
        ({"ingressSettings": "ALLOW_SOME"}, "ingressSettings is ALLOW_SOME"),
        ({"region": "Europe West 1"}, "is not a region"),
        ({"region": 1}, "region must be"),
        ({"labels": {"Team": "crm"}}, "is not a label"),
        ({"labels": {"firebase-x": "crm"}}, "is reserved"),
        ({"labels": "crm"}, "labels must be an object"),
        ({"serviceAccount": "sender"}, "sender is not a service account"),
        ({"vpc": {"connector": "c", "egressSettings": "SOME"}}, "vpc.egressSettings is SOME"),
        ({"vpc": {"connector": "c", "egress": "ALL_TRAFFIC"}}, 'vpc has the unknown property "egress"'),
        ({"vpc": "office"}, "vpc must be an object"),
        ({"secretEnvironmentVariables": [{"key": "A-B"}]}, "is not a valid variable name"),
        (
            {"secretEnvironmentVariables": [{"key": "A", "secret": "projects/x/secrets/A"}]},
            "not the short name of a secret",
        ),
        ({"secretEnvironmentVariables": [{"key": "A"}, {"key": "A", "secret": "B"}]}, "bound to two secrets"),
        (
            {"secretEnvironmentVariables": [{"key": "A"}], "environmentVariables": {"A": "1"}},
            "both a secret and an environment variable",
        ),
        ({"httpsTrigger": {"invoker": ["public", "private"]}}, "invoker mixes private and public"),
        ({"httpsTrigger": {"invoker": "me"}}, "me is not a service account"),
        ({"httpsTrigger": {"color": 1}}, '"color" of httpsTrigger is not known'),
        ({"scheduleTrigger": {"schedule": "x"}}, "has 2 triggers"),
        ({"availableMemory": 1}, '"availableMemory" in the manifest is not known'),
        ({"minInstances": "{{ params. }}"}, "is not an expression"),
        ({"omit": "yes"}, "omit must be a boolean"),
    ],
)
def test_each_invalid_option_is_one_problem(change: Mapping[str, object], message: str) -> None:
    assert message in refused({**HTTPS, **change})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**EVENT, "timeoutSeconds": 541}, "from 1 to 540"),
        ({**SCHEDULE, "timeoutSeconds": 1801}, "from 1 to 1800"),
        (event(region="us-central1"), "the trigger is in us-central1, but the database is in eur3"),
        (event(eventFilters={"database": "archive"}), 'listens to the database "archive"'),
        (event(eventFilterPathPatterns={"document": "clients"}), "is not the path of a document"),
        (event(eventFilterPathPatterns={}), "is not the path of a document"),
        (event(retry="often"), "retry must be a boolean"),
        (event(serviceAccountEmail="x@y.z"), "serviceAccount on the trigger alone is not supported"),
        ({**SCHEDULE, "scheduleTrigger": {"schedule": " "}}, "has no schedule"),
        (
            {**SCHEDULE, "scheduleTrigger": {"schedule": "* * * * *", "timeZone": "Bucharest"}},
            "is not a time zone",
        ),
        (
            {**SCHEDULE, "scheduleTrigger": {"schedule": "* * * * *", "retryConfig": {"retryCount": -1}}},
            "retryConfig.retryCount is -1",
        ),
        ({"platform": "gcfv2"}, "has 0 triggers"),
    ],
)
def test_each_invalid_trigger_is_one_problem(entry: Mapping[str, object], message: str) -> None:
    assert message in refused(entry)


def test_an_invalid_function_name_is_a_problem() -> None:
    assert "is not a function name" in refused(HTTPS, name="1send")


def test_two_names_of_one_service_are_a_problem() -> None:
    _, problems = read({"sendNow": HTTPS, "sendnow": HTTPS})
    assert "would share the Cloud Run service sendnow" in problems[0].what


def test_apis_are_listed_once() -> None:
    apis = [
        {"api": "b.googleapis.com", "reason": "x"},
        {"api": "a.googleapis.com"},
        {"api": "b.googleapis.com"},
    ]
    found, problems = read({"send": HTTPS}, requiredAPIs=apis)
    assert problems == []
    assert found.required_apis == ("a.googleapis.com", "b.googleapis.com")


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ({"specVersion": "v2"}, "has the version v2"),
        ({"extensions": {"resize": {}}}, "extensions (resize)"),
        ({"lifecycleHooks": {"afterFirstDeploy": {}}}, "lifecycle hooks (afterFirstDeploy)"),
        ({"requiredRoles": [{"role": "roles/pubsub.editor"}]}, "requires the role roles/pubsub.editor"),
        ({"widgets": {}}, '"widgets" in the manifest is not known'),
        ({"endpoints": {}}, "exports no functions"),
    ],
)
def test_each_mistake_outside_the_endpoints_is_one_problem(top: Mapping[str, object], message: str) -> None:
    manifest = {"specVersion": "v1alpha1", "endpoints": {"send": HTTPS}, **top}
    _, problems = parse(manifest, Params(), CONTEXT)
    assert len(problems) == 1
    assert message in problems[0].what


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "a", "{{ x }}"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["key", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_KEYS = [
    "platform", "region", "cpu", "availableMemoryMb", "vpc", "labels", "omit", "httpsTrigger", "eventTrigger",
    "scheduleTrigger", "secretEnvironmentVariables", "concurrency", "serviceAccount",
]  # fmt: skip


def test_required_roles_are_added_to_those_that_functions_have() -> None:
    """A list that is not set starts empty: setting its second item only would store null as the first."""
    required = ["roles/datastore.user", "roles/pubsub.editor", "roles/pubsub.viewer"]
    top = {"specVersion": "v1alpha1", "requiredRoles": [{"role": one} for one in required]}
    _, problems = parse({**top, "endpoints": {"send": HTTPS}}, Params(), CONTEXT)
    command = "pulumi config set --path --type string 'whatsapp-crm:functionsRoles[{}]' {}"
    commands = [command.format(at, role) for at, role in enumerate(required)]
    assert [one.fix for one in problems] == ["\n".join(commands[:2]), "\n".join(commands)]


@given(st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=5))
def test_any_manifest_is_read_without_an_exception(entry: dict[str, object]) -> None:
    read({"send": entry})
    read({"send": {**HTTPS, **entry}})
