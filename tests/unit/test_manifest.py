"""The manifest: the defaults of the Firebase CLI, each trigger, and problems that name the export."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.endpoints import (
    CallableTrigger,
    Endpoint,
    EventTrigger,
    HttpsTrigger,
    ScheduleTrigger,
    SecretUse,
)
from checkout.manifest import parse
from checkout.params import Params
from tests.unit.manifest_reading import CONTEXT, HTTPS, one, read, refused

pytestmark = pytest.mark.unit

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
