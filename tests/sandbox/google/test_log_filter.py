"""The filter language of Cloud Logging."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.google.log_filter import FilterError, compile_filter
from tests.sandbox.google.client import PROJECT, Google

pytestmark = pytest.mark.sandbox

ENTRY: dict[str, Any] = {
    "logName": "projects/p/logs/run.googleapis.com%2Fstderr",
    "severity": "ERROR",
    "timestamp": "2026-11-30T10:00:00.5Z",
    "resource": {
        "type": "cloud_run_revision",
        "labels": {"service_name": "setmember", "location": "europe-west1"},
    },
    "labels": {"goog-managed-by": "cloudfunctions", "a.b/c": "d"},
    "jsonPayload": {"message": "It broke", "count": 12, "ok": True, "list": [{"x": 1}, {"x": 2}]},
    "httpRequest": {"status": 503},
}
SERVICE = 'resource.labels.service_name="setmember"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        SERVICE,
        'resource.labels.service_name="SetMember"',
        'resource.type = "cloud_run_revision"',
        "severity>=ERROR",
        "severity=error",
        "severity>WARNING AND severity<CRITICAL",
        f"{SERVICE} severity>=ERROR",
        f"{SERVICE}\nseverity>=ERROR",
        f'({SERVICE} OR severity="INFO") AND httpRequest.status>=500',
        'severity="INFO" OR severity="ERROR"',
        # OR binds closer than AND.
        'severity="ERROR" OR severity="INFO" AND httpRequest.status=503',
        "NOT severity=INFO",
        '-severity="INFO"',
        "severity!=INFO",
        'timestamp>="2026-11-30T10:00:00Z"',
        'timestamp<"2026-11-30T11:00:00+00:30"',
        "timestamp>=2026-11-30T10:00:00Z",
        'jsonPayload.message:"brok"',
        "jsonPayload.message:*",
        'jsonPayload.message=~"^It b"',
        'jsonPayload.message!~"^b"',
        "jsonPayload.count>9",
        "jsonPayload.count=12",
        "jsonPayload.ok=true",
        "jsonPayload.list.x=2",
        'labels."goog-managed-by"="cloudfunctions"',
        'labels."a.b/c"=d',
        'resource.labels.service_name=("other" OR "setmember")',
        '"it broke"',
        "broke",
        'logName="projects/p/logs/run.googleapis.com%2Fstderr"',
        "severity=ERROR -- a comment\nAND httpRequest.status=503",
    ],
)
def test_it_matches(text: str) -> None:
    assert compile_filter(text)(ENTRY)


@pytest.mark.parametrize(
    "text",
    [
        'resource.labels.service_name="other"',
        "severity>ERROR",
        "severity<ERROR",
        f"NOT {SERVICE}",
        f"{SERVICE} AND severity=INFO",
        f"{SERVICE} severity=INFO",
        'timestamp>="2026-11-30T10:00:01Z"',
        "jsonPayload.count>100",
        "jsonPayload.absent:*",
        "jsonPayload.absent=1",
        'jsonPayload.message=~"^broke"',
        'resource.labels.service_name=("other" OR "another")',
        "fixed",
        "textPayload:broke",
        'severity="ERROR" AND severity="INFO" OR severity="DEBUG"',
    ],
)
def test_it_does_not_match(text: str) -> None:
    assert not compile_filter(text)(ENTRY)


@pytest.mark.parametrize(
    "text",
    [
        "severity>=",
        "(severity=ERROR",
        "severity=ERROR)",
        "= 3",
        'a="b',
        "sample(insertId, 0.1)",
        'a=~"("',
        "AND AND =",
    ],
)
def test_what_is_not_in_the_language_is_an_error(text: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(text)


def test_unknown_severities_and_times_are_errors() -> None:
    for text in ("severity>=FATAL", 'timestamp>"yesterday"'):
        with pytest.raises(FilterError):
            compile_filter(text)(ENTRY)


def test_without_running_functions_there_are_no_entries(google: Google) -> None:
    body = {"resourceNames": [f"projects/{PROJECT}"], "filter": "severity>=ERROR"}
    assert google.post("/logging/v2/entries:list", body) == {}
    google.error(
        "POST",
        "/logging/v2/entries:list",
        {**body, "filter": "severity>="},
        status=400,
        word="INVALID_ARGUMENT",
    )
    google.error("POST", "/logging/v2/entries:list", {"filter": ""}, status=400, word="INVALID_ARGUMENT")
