"""Bounds that the APIs document: the last value inside is accepted, the first one outside is refused.

tests/sandbox/google/test_bounds.py has the same bounds as the sandbox enforces them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from checkout import index_file, manifest
from checkout.params import Params
from tests.unit.test_manifest import CONTEXT, EVENT, HTTPS, SCHEDULE

pytestmark = pytest.mark.unit


def https(**options: object) -> dict[str, object]:
    return {**HTTPS, **options}


def schedule(**retry: object) -> dict[str, object]:
    return {**SCHEDULE, "scheduleTrigger": {"schedule": "every 5 minutes", "retryConfig": retry}}


def document(path: str) -> dict[str, object]:
    trigger = {
        "eventType": "google.cloud.firestore.document.v1.written",
        "eventFilters": {"database": "(default)", "namespace": "(default)"},
        "eventFilterPathPatterns": {"document": path},
    }
    return {**EVENT, "eventTrigger": trigger}


def labels(count: int) -> dict[str, object]:
    return https(labels={f"l{number}": "x" for number in range(count)})


# inside, outside, what the message says
FUNCTIONS: tuple[tuple[Mapping[str, object], Mapping[str, object], str], ...] = (
    (https(timeoutSeconds=3600), https(timeoutSeconds=3601), "from 1 to 3600"),
    (https(timeoutSeconds=1), https(timeoutSeconds=0), "from 1 to 3600"),
    ({**EVENT, "timeoutSeconds": 540}, {**EVENT, "timeoutSeconds": 541}, "from 1 to 540"),
    ({**SCHEDULE, "timeoutSeconds": 1800}, {**SCHEDULE, "timeoutSeconds": 1801}, "from 1 to 1800"),
    (https(concurrency=1000), https(concurrency=1001), "from 1 to 1000"),
    (https(cpu=0.08, concurrency=1), https(cpu=0.07, concurrency=1), "0.07 CPUs are not possible"),
    (https(cpu=1, concurrency=2), https(cpu=0.99, concurrency=2), "needs a whole CPU"),
    (https(cpu=8, availableMemoryMb=4096), https(cpu=8, availableMemoryMb=2048), "at least 4096 MiB"),
    (https(cpu=0.5, availableMemoryMb=1024), https(cpu=0.4, availableMemoryMb=1024), "at least 0.5 CPU"),
    (https(cpu=4, availableMemoryMb=2048), https(cpu=4, availableMemoryMb=1024), "at least 2048 MiB"),
    (
        https(region="asia-south2", cpu=4, availableMemoryMb=4096),
        https(region="asia-south2", cpu=6, availableMemoryMb=4096),
        "6 CPUs are not possible in asia-south2",
    ),
    (
        https(region="asia-south2", availableMemoryMb=16384),
        https(region="asia-south2", availableMemoryMb=32768),
        "8 CPUs are not possible in asia-south2",
    ),
    (https(minInstances=2, maxInstances=2), https(minInstances=3, maxInstances=2), "is more than maxInst"),
    (labels(60), labels(61), "has 61 labels"),
    (https(labels={"l": "x" * 63}), https(labels={"l": "x" * 64}), "is not a label"),
    (https(labels={"l" * 63: "x"}), https(labels={"l" * 64: "x"}), "is not a label"),
    (https(vpc={"connector": "c" * 25}), https(vpc={"connector": "c" * 26}), "is not the name of a VPC"),
    (https(environmentVariables={"A": "1"}), https(environmentVariables={"PORT": "1"}), "PORT is reserved"),
    (schedule(retryCount=5), schedule(retryCount=6), "retryCount is 6, but must be an integer from 0 to 5"),
    (schedule(retryCount=0), schedule(retryCount=-1), "retryCount is -1"),
    (schedule(maxRetrySeconds=0), schedule(maxRetrySeconds=-1), "maxRetrySeconds is -1"),
    (schedule(maxBackoffSeconds=172_800), schedule(maxBackoffSeconds=1.5), "maxBackoffSeconds is 1.5"),
    (
        schedule(minBackoffSeconds=9, maxBackoffSeconds=9),
        schedule(minBackoffSeconds=10, maxBackoffSeconds=9),
        "minBackoffSeconds 10 is more than maxBackoffSeconds 9",
    ),
    (schedule(minBackoffSeconds=3600), schedule(minBackoffSeconds=3601), "3601 is more than maxBackoff"),
    (schedule(maxDoublings=16), schedule(maxDoublings=-1), "maxDoublings is -1"),
    (document("users/{user=**}"), document("{a=**}/users/{b=**}"), "has 2 multi-segment wildcards"),
    (document("threads/{thread}/{rest=**}"), document("threads/{thread}/messages"), "not the path of a"),
    (document("{any=**}"), document("**/x/**"), "has 2 multi-segment wildcards"),
    (document("users/{userId}"), document("users/{user-id}"), "is not a segment or wildcard"),
    (document("users/{user=*}/logs/*"), document("users/{user}x/logs/*"), "is not a segment or wildcard"),
)


def refusals(entry: Mapping[str, object], name: str = "send") -> list[str]:
    declared = {"specVersion": "v1alpha1", "endpoints": {name: entry}}
    _, problems = manifest.parse(declared, Params(), CONTEXT)
    assert all(problem.fix for problem in problems)
    return [problem.what for problem in problems]


@pytest.mark.parametrize(("inside", "outside", "message"), FUNCTIONS)
def test_each_bound_of_a_function(
    inside: Mapping[str, object], outside: Mapping[str, object], message: str
) -> None:
    assert refusals(inside) == []
    (found,) = refusals(outside)
    assert message in found


@pytest.mark.parametrize(
    ("inside", "outside", "message"),
    [
        ("s" * 49, "s" * 50, "its Cloud Run service would be"),
        ("sendNow", "send_", 'would be "send-"'),
        ("s", "1", "is not a function name"),
        ("s" * 49, "s" * 64, "is not a function name"),
    ],
)
def test_each_bound_of_a_functions_name(inside: str, outside: str, message: str) -> None:
    assert refusals(HTTPS, inside) == []
    (found,) = refusals(HTTPS, outside)
    assert message in found


@pytest.mark.parametrize("zone", ["utc", "UTC", "Etc/UTC", "Europe/Bucharest"])
def test_each_name_of_a_time_zone(zone: str) -> None:
    entry = {**SCHEDULE, "scheduleTrigger": {"schedule": "every day 09:00", "timeZone": zone}}
    assert refusals(entry) == []


def test_a_prefix_counts_for_the_name_and_not_for_the_entry_point() -> None:
    context = replace(CONTEXT, prefix="v2")
    declared = {"specVersion": "v1alpha1", "endpoints": {"send": {"platform": "gcfv2", "httpsTrigger": {}}}}
    found, problems = manifest.parse(declared, Params(), context)
    assert problems == []
    assert [(one.id, one.entry_point) for one in found.endpoints] == [("v2-send", "send")]
    _, problems = manifest.parse({**declared, "endpoints": {"s" * 47: HTTPS}}, Params(), context)
    assert "its Cloud Run service would be" in problems[0].what


def composite(*fields: Mapping[str, object], collection: str = "contacts") -> dict[str, object]:
    return {"indexes": [{"collectionGroup": collection, "fields": list(fields)}], "fieldOverrides": []}


def overrides(*entries: Mapping[str, object]) -> dict[str, object]:
    named = [{"collectionGroup": "sessions", "indexes": [], **entry} for entry in entries]
    return {"indexes": [], "fieldOverrides": named}


def ordered(path: str) -> dict[str, object]:
    return {"fieldPath": path, "order": "ASCENDING"}


TAGS, OWNERS = ({"fieldPath": path, "arrayConfig": "CONTAINS"} for path in ("tags", "owners"))
TTL = {"fieldPath": "expireAt", "ttl": True}
INDEXES: tuple[tuple[Mapping[str, object], Mapping[str, object], str], ...] = (
    (
        composite(TAGS, ordered("name")),
        composite(TAGS, OWNERS, ordered("name")),
        "has 2 array fields (tags, owners); an index can have one",
    ),
    (
        composite(*(ordered(f"f{number}") for number in range(100))),
        composite(*(ordered(f"f{number}") for number in range(101))),
        "has 101 fields; the limit is 100",
    ),
    (
        composite(ordered("a"), ordered("b"), ordered("__name__")),
        composite(ordered("a"), ordered("b"), {"fieldPath": "__name__", "arrayConfig": "CONTAINS"}),
        "__name__ is not an array",
    ),
    (
        composite(ordered("a"), ordered("b" * 1500)),
        composite(ordered("a"), ordered("b" * 1501)),
        "the field path has 1501 bytes",
    ),
    (
        composite(ordered("a"), ordered("b"), collection="c" * 1500),
        composite(ordered("a"), ordered("b"), collection="c" * 1501),
        "the collection id has 1501 bytes",
    ),
    (
        overrides(TTL, {**TTL, "fieldPath": "deleteAfter", "ttl": False}),
        overrides(TTL, {**TTL, "fieldPath": "deleteAfter"}),
        "sessions has the TTL fields expireAt and deleteAfter; a collection group can have one",
    ),
    (
        overrides(TTL, {**TTL, "collectionGroup": "threads", "fieldPath": "deleteAfter"}),
        overrides({**TTL, "fieldPath": "*"}),
        "a TTL policy is for one field of one collection group",
    ),
    (
        overrides(*({"fieldPath": f"f{number}"} for number in range(1000))),
        overrides(*({"fieldPath": f"f{number}"} for number in range(1001))),
        "has 1001 field overrides; a database can have 1000",
    ),
)


@pytest.mark.parametrize(("inside", "outside", "message"), INDEXES)
def test_each_bound_of_the_index_file(
    inside: Mapping[str, object], outside: Mapping[str, object], message: str
) -> None:
    _, problems = index_file.parse(json.dumps(inside), "firestore.indexes.json")
    assert problems == []
    _, problems = index_file.parse(json.dumps(outside), "firestore.indexes.json")
    assert len(problems) == 1, problems
    assert message in problems[0].what
    assert problems[0].fix


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("PORT", "PORT"),
        ("FIREBASE_TOKEN", "FIREBASE_TOKEN"),
        ("K_SERVICE", "APP_KEY"),
        ("APP_KEY", "X_GOOGLE_KEY"),
        ("APP_KEY", "app-key"),
    ],
)
def test_a_secret_cannot_have_a_name_that_the_config_refuses(key: str, secret: str) -> None:
    entry = https(secretEnvironmentVariables=[{"key": key, "secret": secret}])
    _, problems = manifest.parse({"specVersion": "v1alpha1", "endpoints": {"send": entry}}, Params(), CONTEXT)
    (problem,) = problems
    assert key in problem.what or secret in problem.what
    assert problem.fix.startswith("Rename the secret ")
