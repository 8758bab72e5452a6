"""Railway's responses become typed errors without secrets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from railway.graphql import responses
from railway.graphql.credentials import access_from
from railway.graphql.errors import (
    AmbiguousError,
    BusyError,
    CredentialsError,
    NotAuthorizedError,
    NotFoundError,
    RailwayError,
    RateLimitedError,
    RejectedError,
    RequestError,
    ServerFaultError,
    ThrottledError,
)
from railway.redact import redact

pytestmark = pytest.mark.unit

SECRET = "s3cret-value-of-a-variable"


def error(status: int, body: object, headers: dict[str, str] | None = None, **sent: object) -> RequestError:
    """The error of a response."""
    text = body if isinstance(body, str) else json.dumps(body)
    response = responses.HttpResponse(status, headers or {}, text)
    with pytest.raises(RequestError) as caught:
        responses.data_of("Op", response, variables=sent, token="the-token-itself", kind="bearer")
    return caught.value


def graphql(message: str, code: str = "INTERNAL_SERVER_ERROR", **more: Any) -> dict[str, Any]:
    """A GraphQL error in Railway's form."""
    return {"data": None, "errors": [{"message": message, "extensions": {"code": code}, **more}]}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, graphql("Not Authorized"), NotAuthorizedError),
        (200, graphql("Project Token not found"), NotAuthorizedError),
        (200, graphql("Two Factor Authentication Required"), NotAuthorizedError),
        (200, graphql("ServiceInstance not found"), NotFoundError),
        (200, graphql("Project not found"), NotFoundError),
        (200, graphql("This environment does not exist"), NotFoundError),
        (200, graphql("Volume has been deleted"), NotFoundError),
        (200, graphql("The service no longer exists"), NotFoundError),
        (
            200,
            graphql(
                "You are creating environments too quickly. "
                "This workspace allows 1 environment per 30 seconds."
            ),
            ThrottledError,
        ),
        (200, graphql("Only one environment can be created per user every 30s"), ThrottledError),
        (200, graphql("You can only create one project per 1 minute"), ThrottledError),
        (
            200,
            graphql("Cannot redeploy yet, please wait for the original deployment to finish building"),
            BusyError,
        ),
        (200, graphql("operation is already in progress"), BusyError),
        (200, graphql("Another deployment is in progress", "BAD_USER_INPUT"), BusyError),
        (200, graphql("Volume name already exists"), RejectedError),
        (200, graphql("Only 1 volume can be attached to a service"), RejectedError),
        (400, graphql("Cannot query field", "GRAPHQL_VALIDATION_FAILED"), RejectedError),
        (200, graphql("whatever", "BAD_USER_INPUT"), RejectedError),
        (200, graphql("Problem processing request"), ServerFaultError),
        (200, graphql("Failed to create service domain, please try again"), ServerFaultError),
        (504, "error code: 504", AmbiguousError),
        (502, "<html>Bad gateway</html>", AmbiguousError),
        (500, graphql("Internal"), AmbiguousError),
        (200, "<html>", AmbiguousError),
        (200, "[]", AmbiguousError),
        (200, {"data": None}, AmbiguousError),
        (301, "moved", AmbiguousError),
        (429, "Too Many Requests", RateLimitedError),
        (429, "error code: 1015", RateLimitedError),
        (401, "no", NotAuthorizedError),
        (403, "<html>", NotAuthorizedError),
    ],
)
def test_each_response_has_its_error_type(status: int, body: object, kind: type[RequestError]) -> None:
    """The code is INTERNAL_SERVER_ERROR for almost everything, so the message decides."""
    found = error(status, body)
    assert type(found) is kind
    assert str(found).startswith("Railway request Op failed: ")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Only 1 project can be created per minute", ThrottledError),
        ("You must wait 30s before creating another environment", ThrottledError),
        ("Please try again in 30 seconds", ThrottledError),
        ("Slow down", ThrottledError),
        ("You have exceeded the rate limit of your plan", ThrottledError),
        ("You are creating services too fast", ThrottledError),
        ("Cannot redeploy yet", BusyError),
        ("Cannot redeploy while a deployment is building", BusyError),
        ("Deployment cannot be redeployed while building", BusyError),
        ("Deployment is still building", BusyError),
        ("Environment is being created", BusyError),
        ("Too many services. Your plan allows 50. Upgrade to add more", RejectedError),
        ("Workspace has too many projects for the free plan", RejectedError),
        ('The name "wait for me to finish" is invalid', RejectedError),
        ("Variable name cannot contain 'in progress'", RejectedError),
        ("The volume can't shrink, and it isn't allowed", RejectedError),
    ],
)
def test_other_words_for_the_same(message: str, kind: type[RequestError]) -> None:
    """Railway documents no texts: the words for waiting and for a plan's limit decide, outside of quotes."""
    assert type(error(200, graphql(message))) is kind


def test_data_together_with_errors_is_an_error() -> None:
    body = {
        "data": {"project": {"id": "p"}},
        "errors": [{"message": "Not Authorized", "path": ["environment"]}],
    }
    assert error(200, body).path == ("environment",)


@pytest.mark.parametrize("place", [{"traceId": "abc123"}, {"extensions": {"traceId": "abc123"}}])
def test_the_trace_id_is_shown(place: dict[str, Any]) -> None:
    """For Railway's support."""
    found = error(200, {"data": None, "errors": [{"message": "Boom", **place}]})
    assert found.trace_id == "abc123"
    assert "trace id abc123" in str(found)


@pytest.mark.parametrize(
    "message",
    [
        'Variable "$input" got invalid value "{0}" at "input.variables"; Expected type String',
        "cannot store {0}",
        "{0} is invalid",
    ],
)
def test_no_message_contains_a_sent_secret(message: str) -> None:
    """GraphQL servers repeat the value that they reject."""
    body = graphql(message.replace("{0}", SECRET) + " the-token-itself", "BAD_USER_INPUT")
    found = error(200, body, input={"projectId": "p", "variables": {"A": SECRET}})
    assert SECRET not in str(found)
    assert "the-token-itself" not in str(found)


@pytest.mark.parametrize(
    "sent",
    [
        {"input": {"variables": {"A": SECRET}}},
        {"patch": {"sharedVariables": {"A": {"value": SECRET}}}},
    ],
    ids=("variables", "patch"),
)
def test_every_input_that_can_contain_a_secret_is_redacted(sent: dict[str, Any]) -> None:
    shown = str(error(200, graphql(f"cannot store {SECRET}", "BAD_USER_INPUT"), **sent))
    assert "cannot store [hidden]" in shown
    assert SECRET not in shown


def test_sent_names_are_kept_in_the_message() -> None:
    """They make it useful."""
    body = graphql("Repo example/whatsapp-crm not found")
    assert "example/whatsapp-crm" in str(error(200, body, input={"repository": "example/whatsapp-crm"}))


def test_a_long_wait_names_its_end() -> None:
    """The `up` fails instead of sleeping for it."""
    found = error(429, "Too Many Requests", {"Retry-After": "1800"})
    assert isinstance(found, RateLimitedError)
    assert "no requests left" in str(found)
    assert "run `pulumi up` again after" in str(found)


def test_the_trace_id_of_a_rate_limited_request_is_kept() -> None:
    body = {"errors": [{"message": "Rate limit exceeded", "extensions": {"traceId": "abc123"}}]}
    for wait in ("1", "1800"):
        found = error(429, body, {"Retry-After": wait})
        assert found.trace_id == "abc123"
        assert "(trace id abc123)" in str(found)


def test_a_day_at_the_edge_names_its_end() -> None:
    """It is not the hourly budget, and does not end in some minutes."""
    before = datetime.now(UTC)
    found = error(429, "error code: 1015", {"Retry-After": "86400"})
    after = datetime.now(UTC)
    assert "rejects requests from this network (error 1015) for 24 h, until " in str(found)
    # Rounded up to a second; midnight may come during the test.
    tomorrow = {(now + timedelta(days=1)).date() for now in (before, after + timedelta(seconds=2))}
    assert any(f"run `pulumi up` again after {day} " in str(found) for day in tomorrow)


def test_a_time_relates_to_the_servers_clock() -> None:
    """The local one may be hours off."""
    ahead = datetime.now(UTC) + timedelta(hours=5)
    headers = {
        "X-RateLimit-Reset": str(int(ahead.timestamp()) + 1800),
        "Date": format_datetime(ahead),
    }
    found = error(429, "Too Many Requests", headers)
    assert isinstance(found, RateLimitedError)
    assert found.retry_after is not None
    assert 1798 <= found.retry_after <= 1801
    assert "in 30 min, at" in str(found)


def test_the_edge_differs_from_the_api() -> None:
    """Its answers have no rate headers, and need another fix."""
    found = error(429, "error code: 1015")
    assert isinstance(found, RateLimitedError)
    assert "error 1015" in str(found)
    assert found.retry_after is None


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("12", 12, 12),
        ("0", 0, 0),
        (None, None, None),
        ("soon", None, None),
        # A day from now; an hour's tolerance, so that no test run is too slow for it.
        (format_datetime(datetime.now(UTC) + timedelta(days=1)), 82800, 86401),
        ((datetime.now(UTC) + timedelta(days=1)).isoformat(), 82800, 86401),
        (str((datetime.now(UTC) + timedelta(days=1)).timestamp()), 82800, 86401),
        (str((datetime.now(UTC) + timedelta(days=1)).timestamp() * 1000), 82800, 86401),
        ((datetime.now(UTC) - timedelta(days=1)).isoformat(), 0, 0),
    ],
    # Fixed names: parallel test processes collect at different moments, and must agree on them.
    ids=("seconds", "zero", "none", "words", "HTTP date", "ISO date", "epoch", "epoch in ms", "past"),
)
def test_every_form_of_a_wait_is_read(value: str | None, low: float | None, high: float | None) -> None:
    """Which of them Railway sends is not documented."""
    found = responses.seconds_until(value)
    if low is None or high is None:
        assert found is None
    else:
        assert found is not None
        assert low <= found <= high


def test_a_fix_is_the_last_line_of_a_message() -> None:
    assert str(RailwayError("it broke", fix="repair it")) == "it broke\n  fix: repair it"


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_a_redacted_text_contains_no_value(value: str, before: str, after: str) -> None:
    """Also not as JSON."""
    name = "N"
    shown = redact(f"{before}{value}{after} {json.dumps({'k': value})}", [(name, value)])
    if value.lower() not in {"true", "false", "null", "none", "auto"} and value not in "[N]":
        assert value not in shown.replace("[N]", "\0")


def test_parts_of_a_service_account_are_redacted() -> None:
    """Logged field by field, or line by line, or encoded."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
    account = json.dumps({"type": "service_account", "private_key": key})
    log = f"key: {key}\njson: {account}\nline: MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    assert "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" not in redact(log, [("ACCOUNT", account)])


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "no Railway token"),
        ({"RAILWAY_API_TOKEN": "a", "RAILWAY_TOKEN": "b"}, "both set"),
        ({"RAILWAY_API_TOKEN": "  "}, "no Railway token"),
        ({"RAILWAY_API_TOKEN": "two words"}, "RAILWAY_API_TOKEN contains a character that no token has"),
        (
            {"RAILWAY_API_TOKEN": "a", "RAILWAY_API_URL": "http://backboard.railway.com/x"},
            "must be an https address",
        ),
        ({"RAILWAY_API_TOKEN": "a", "RAILWAY_API_URL": "https://["}, "must be an https address"),
        ({"RAILWAY_API_TOKEN": "a", "RAILWAY_TIMEOUT_SECONDS": "soon"}, "not a number"),
    ],
)
def test_invalid_credentials_are_an_error(environ: dict[str, str], words: str) -> None:
    """Without the token in the message."""
    with pytest.raises(CredentialsError, match=words):
        access_from(environ, lambda _key: None)


def test_the_environment_comes_before_the_config() -> None:
    """A refresh gets the config of the last `up`, in which a rotated token is the old one."""
    config = {"railway:token": "old"}
    access = access_from({"RAILWAY_API_TOKEN": " rotated\n"}, config.get)
    assert (access.token, access.kind) == ("rotated", "bearer")
    assert access_from({}, config.get).token == "old"
    project = access_from({"RAILWAY_TOKEN": "p"}, config.get)
    assert (project.token, project.kind) == ("p", "project")
    assert "rotated" not in repr(access)
