"""Bounds that the APIs document, as the sandbox enforces them: the last value inside, the first one outside.

tests/unit/test_bounds.py has the same bounds as the preview checks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.google.hooks.schedules import is_schedule
from tests.sandbox.google.client import (
    DATABASE,
    FUNCTIONS,
    PROJECT,
    REGION,
    Google,
    Json,
    firestore_event,
    function,
    index,
)
from tests.unit.test_schedules import APP_ENGINE, COMMON, CRON

pytestmark = pytest.mark.sandbox

JOBS = f"/cloudscheduler/v1/projects/{PROJECT}/locations/{REGION}/jobs"
CONNECTORS = f"projects/{PROJECT}/locations/{REGION}/connectors"


@pytest.fixture
def ready(google: Google) -> Google:
    google.ready_for_functions()
    google.enable("firestore")
    google.enable("cloudscheduler")
    google.switch(index_build_seconds=0)
    return google


def with_config(**config: Any) -> Json:
    return function("hello", **config)


def with_labels(labels: Mapping[str, str]) -> Json:
    return {**function("hello"), "labels": dict(labels)}


def with_document(path: str) -> Json:
    document = {"attribute": "document", "value": path, "operator": "match-path-pattern"}
    filters = [{"attribute": "database", "value": "(default)"}, document]
    return function("hello", event=firestore_event(eventFilters=filters))


FUNCTION_BODIES: tuple[tuple[Json, Json, str], ...] = (
    (with_config(timeoutSeconds=3600), with_config(timeoutSeconds=3601), "between 1 and 3600"),
    (
        with_labels({f"l{n}": "" for n in range(64)}),
        with_labels({f"l{n}": "" for n in range(65)}),
        "64 labels",
    ),
    (with_labels({"l": "x" * 63}), with_labels({"l": "x" * 64}), "Invalid label"),
    (with_labels({"codebase": "jobs"}), with_labels({"codebase": "Admin-API"}), "Invalid label"),
    (
        with_config(environmentVariables={"A": "x" * 32_767}),
        with_config(environmentVariables={"A": "x" * 32_768}),
        "exceed 32768 bytes",
    ),
    (
        with_config(environmentVariables={f"V{n}": "" for n in range(1000)}),
        with_config(environmentVariables={f"V{n}": "" for n in range(1001)}),
        "At most 1000",
    ),
    (
        with_config(environmentVariables={"GOOGLE_X": "1"}),
        with_config(environmentVariables={"X_GOOGLE_X": "1"}),
        "reserved",
    ),
    (
        with_config(vpcConnector=f"{CONNECTORS}/{'c' * 25}"),
        with_config(vpcConnector=f"{CONNECTORS}/{'c' * 26}"),
        "Invalid VPC connector",
    ),
    (with_document("users/{user=**}"), with_document("{a=**}/users/{b=**}"), "Invalid document path"),
    (with_document("users/{user}"), with_document("users/{user}/logs"), "Invalid document path"),
)


@pytest.mark.parametrize(("inside", "outside", "message"), FUNCTION_BODIES)
def test_each_bound_of_a_function(ready: Google, inside: Json, outside: Json, message: str) -> None:
    path = f"{FUNCTIONS}?functionId=hello"
    error = ready.error("POST", path, outside, status=400, word="INVALID_ARGUMENT")
    assert message in error["message"]
    assert "error" not in ready.post(path, inside)


@pytest.mark.parametrize(
    ("inside", "outside", "message"),
    [
        ({"availableCpu": "0.08"}, {"availableCpu": "0.07"}, "Invalid value specified for cpu"),
        ({"availableCpu": "2"}, {"availableCpu": "3"}, "Invalid value specified for cpu"),
        (
            {"availableCpu": "4", "availableMemory": "2Gi"},
            {"availableCpu": "4", "availableMemory": "1Gi"},
            "memory must be at least 2048Mi",
        ),
        (
            {"availableCpu": "8", "availableMemory": "4Gi"},
            {"availableCpu": "8", "availableMemory": "2Gi"},
            "memory must be at least 4096Mi",
        ),
        (
            {"availableCpu": "0.5", "availableMemory": "1Gi"},
            {"availableCpu": "0.4", "availableMemory": "1Gi"},
            "at least 0.5 CPU is needed",
        ),
    ],
)
def test_each_bound_of_the_service_behind_a_function(
    ready: Google, inside: Json, outside: Json, message: str
) -> None:
    ready.switch(cpu_quota=0)
    failed = ready.deploy("refused", **outside)
    assert message in failed["error"]["message"]
    assert "error" not in ready.deploy("accepted", **inside)


def test_a_region_with_few_cpus(ready: Google) -> None:
    ready.switch(cpu_quota=0)
    path = FUNCTIONS.replace(REGION, "asia-northeast3")
    body = function("big", availableCpu="6", availableMemory="8Gi")
    assert "at most 4 CPUs" in ready.post(f"{path}?functionId=big", body)["error"]["message"]


@pytest.mark.parametrize(("inside", "outside"), [("s" * 49, "s" * 50)])
def test_the_length_of_a_services_name(ready: Google, inside: str, outside: str) -> None:
    assert "less than 50 characters" in ready.deploy(outside)["error"]["message"]
    assert "error" not in ready.deploy(inside)


def job(name: str, **fields: object) -> Json:
    target = {"uri": "https://x.example", "httpMethod": "POST"}
    path = f"{JOBS.removeprefix('/cloudscheduler/v1/')}/{name}"
    return {"name": path, "schedule": "every 5 minutes", "httpTarget": target, **fields}


def retry(**fields: object) -> Json:
    return {"retryConfig": fields}


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (retry(retryCount=5), retry(retryCount=6)),
        (retry(retryCount=0), retry(retryCount=-1)),
        (retry(maxDoublings=0), retry(maxDoublings=-1)),
        (retry(minBackoffDuration="3600s"), retry(minBackoffDuration="3601s")),
        (retry(maxRetryDuration="0s"), retry(maxRetryDuration="-1s")),
        ({"attemptDeadline": "1800s"}, {"attemptDeadline": "1801s"}),
        ({"attemptDeadline": "15s"}, {"attemptDeadline": "14s"}),
        ({"description": "x" * 500}, {"description": "x" * 501}),
        ({"timeZone": "utc"}, {"timeZone": "Bucharest"}),
    ],
)
def test_each_bound_of_a_job(ready: Google, inside: Json, outside: Json) -> None:
    ready.error("POST", JOBS, job("tick", **outside), status=400, word="INVALID_ARGUMENT")
    ready.post(JOBS, job("tick", **inside))


def test_a_bad_schedule_is_rejected(ready: Google) -> None:
    for schedule in ("sometimes", "61 25 * * *"):
        error = ready.error("POST", JOBS, job("tick", schedule=schedule), status=400, word="INVALID_ARGUMENT")
        assert "Schedule or time zone is invalid" in error["message"]


@pytest.mark.parametrize("schedule", CRON + APP_ENGINE + COMMON)
def test_a_schedule_that_the_preview_accepts_is_accepted(schedule: str) -> None:
    assert is_schedule(schedule)


@pytest.mark.parametrize(
    "schedule",
    [
        "sometimes", "61 25 * * *", "0 0 31 2 *", "* * * *", "* * * * * *", "0 0 L * *", "0 0 * * MON#1",
        "@daily", "", "every", "every 5", "every 0 minutes", "every 5 minuts", "every day 24:00",
        "every day 9am", "every 5 minutes from 10:00", "32nd day of month 09:00", "first of month 09:00",
        "1 of day 09:00", "1st, of month 09:00", "every monday of 09:00",
        "1st monday of 4th month of quarter 09:00",
    ],
)  # fmt: skip
def test_any_other_schedule_is_not(schedule: str) -> None:
    assert not is_schedule(schedule)


INDEXES = f"{DATABASE}/collectionGroups/contacts/indexes"
FIELDS = f"{DATABASE}/collectionGroups/sessions/fields"


@pytest.mark.parametrize(
    ("inside", "outside", "message"),
    [
        (
            index(("tags", "CONTAINS"), ("name", "ASCENDING")),
            index(("tags", "CONTAINS"), ("owners", "CONTAINS"), ("name", "ASCENDING")),
            "at most one array_config",
        ),
        (
            index(*((f"f{n}", "ASCENDING") for n in range(100))),
            index(*((f"f{n}", "ASCENDING") for n in range(101))),
            "at most 100 fields",
        ),
        (
            index(("a", "ASCENDING"), ("b" * 1500, "ASCENDING")),
            index(("a", "ASCENDING"), ("b" * 1501, "ASCENDING")),
            "more than 1500 bytes",
        ),
        (
            index(("a", "ASCENDING"), ("b", "ASCENDING")),
            index(("a", "ASCENDING"), ("b", "ASCENDING"), ("__name__", "CONTAINS")),
            "__name__ can only be ordered",
        ),
    ],
)
def test_each_bound_of_an_index(ready: Google, inside: Json, outside: Json, message: str) -> None:
    error = ready.error("POST", INDEXES, outside, status=400, word="INVALID_ARGUMENT")
    assert message in error["message"]
    ready.post(INDEXES, inside)


def test_a_collection_group_has_one_ttl_field(ready: Google) -> None:
    """The policy of the first field has to end before another field can have one."""
    mask = "?updateMask=ttlConfig"
    ready.patch(f"{FIELDS}/expireAt{mask}", {"ttlConfig": {}})
    ready.patch(f"{FIELDS}/expireAt{mask}", {"ttlConfig": {}})
    error = ready.error(
        "PATCH", f"{FIELDS}/deleteAfter{mask}", {"ttlConfig": {}}, status=429, word="RESOURCE_EXHAUSTED"
    )
    assert "can only have at most '1' field(s) marked with TTL" in error["message"]
    assert "'expireAt'" in error["message"]
    ready.patch(FIELDS.replace("sessions", "threads") + f"/expireAt{mask}", {"ttlConfig": {}})
    ready.patch(f"{FIELDS}/expireAt{mask}", {})
    ready.patch(f"{FIELDS}/deleteAfter{mask}", {"ttlConfig": {}})
    ready.error("PATCH", f"{FIELDS}/*{mask}", {"ttlConfig": {}}, status=400, word="INVALID_ARGUMENT")


def test_rules_have_a_largest_size(ready: Google) -> None:
    ready.enable("firebaserules")
    path = f"/firebaserules/v1/projects/{PROJECT}/rulesets"
    rules = "rules_version = '2';\nservice cloud.firestore {\n}\n"

    def source(text: str) -> Json:
        return {"source": {"files": [{"name": "firestore.rules", "content": text}]}}

    error = ready.error(
        "POST", path, source(rules + "// " + "x" * 262_144), status=400, word="INVALID_ARGUMENT"
    )
    assert "262144 bytes" in error["message"]
    ready.post(path, source(rules))
