"""Tokens go to Google and Railway only; neither a token nor an address with a password is in a message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pulumi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.runtime.config import set_all_config

from firebase.errors import GoogleError
from firebase.rest import GoogleApi
from railway.clock import Clock
from railway.graphql.client import RailwayClient
from railway.graphql.credentials import access_from
from railway.graphql.documents import DOCUMENTS
from railway.graphql.errors import CredentialsError, RailwayError
from sandbox.environment import endpoints
from settings.load import load_settings
from settings.problems import Problem, render
from tests.bad_rows import Bad
from tests.bad_settings import environ, stack_config

pytestmark = pytest.mark.unit

SECRET = "hunter2-hunter2"
TOKEN = {"RAILWAY_API_TOKEN": "token"}
STACK_ADDRESSES = (
    "https://evil.example/graphql/v2",
    "http://127.0.0.1:9/graphql/v2",
    "https://backboard.railway.com.evil.example/graphql/v2",
    "https://evil.up.railway.app/graphql/v2",
    "https://backboard.railway.com@evil.example/graphql/v2",
    "https://backboard.railway.com:8443/graphql/v2",
    "http://backboard.railway.com/graphql/v2",
    "https://evil.example\\@backboard.railway.com/",
)


@pytest.fixture(autouse=True)
def _loop() -> Iterator[None]:
    before = asyncio.get_event_loop()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    set_all_config({}, [])
    loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
    loop.close()
    asyncio.set_event_loop(before)


def problems(
    config: Mapping[str, object] | None = None, environment: Mapping[str, str | None] | None = None
) -> list[Problem]:
    """What the preview of the sandbox stack reports after these changes."""
    bad = Bad(name="", key="", fix="", config=config or {}, environ=environment or {})
    set_all_config(*stack_config(bad))
    return load_settings(pulumi.Config("whatsapp-crm"), "sandbox", environ(bad))[1]


@pytest.mark.parametrize("address", STACK_ADDRESSES)
def test_the_stacks_file_cannot_send_railways_token_elsewhere(address: str) -> None:
    config = {"railway:apiUrl": address}
    with pytest.raises(CredentialsError, match=r"railway:apiUrl of the stack .*\n  fix: pulumi config rm"):
        access_from(TOKEN, config.get)
    (problem,) = problems(config)
    assert problem.key == "railway:apiUrl"
    assert problem.fix.startswith("pulumi config rm railway:apiUrl")
    assert address not in str(problem)


def test_an_address_in_the_environment_does_not_hide_one_in_the_stacks_file() -> None:
    """A shell without the variable would use it."""
    with pytest.raises(CredentialsError, match="railway:apiUrl of the stack"):
        access_from(
            TOKEN | {"RAILWAY_API_URL": "https://proxy.example/"}, {"railway:apiUrl": "https://x.y"}.get
        )


@pytest.mark.parametrize("host", ["backboard.railway.com", "backboard.railway.app"])
def test_the_stacks_file_may_name_railways_own_address(host: str) -> None:
    url = f"https://{host}/graphql/v2"
    assert access_from(TOKEN, {"railway:apiUrl": url}.get).url == url
    assert problems({"railway:apiUrl": url}) == []


@pytest.mark.parametrize(
    "key",
    [
        "gcp:firestoreCustomEndpoint", "gcp:secretManagerCustomEndpoint", "gcp:cloudfunctions2CustomEndpoint",
        "gcp:firestore_custom_endpoint", "gcp:universeDomain", "google-beta:iamCustomEndpoint",
    ],
)  # fmt: skip
def test_the_stacks_file_cannot_name_an_address_of_google(key: str) -> None:
    (problem,) = problems({key: "https://evil.example/v1/"})
    assert problem.key == key
    assert problem.fix.startswith(f"pulumi config rm {key}")
    assert "evil" not in str(problem)


def test_other_settings_of_the_google_plugin_stay() -> None:
    assert problems({"gcp:disableGlobalLogLabels": "true", "gcp:region": "us-central1"}) == []


def test_the_addresses_of_the_sandbox_are_accepted() -> None:
    """They come from the environment."""
    variables = endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "127.0.0.1:3", "http://127.0.0.1:4")
    assert problems(environment=variables) == []
    assert access_from(variables, lambda _: None).url == "http://127.0.0.1:1/graphql/v2"
    assert GoogleApi(variables).base("firestore") == "http://127.0.0.1:2/firestore/v1/"


BAD_ADDRESSES = (
    f"https://user:{SECRET}@backboard.railway.com/graphql/v2",
    f"http://user:{SECRET}@evil.example/",
    f"https://{SECRET}[/",
    f"https://host:{SECRET}/",
    f"{SECRET}",
    f"https://a.b/\n{SECRET}",
    f"ftp://{SECRET}/",
    f"https:///{SECRET}",
)


@pytest.mark.parametrize("address", BAD_ADDRESSES)
@pytest.mark.parametrize(
    "variable",
    ["RAILWAY_API_URL", "RAILWAY_EDGE_URL", "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT"],
)  # fmt: skip
def test_a_bad_address_in_the_environment_is_named_and_not_shown(variable: str, address: str) -> None:
    found = problems(environment={variable: address})
    assert variable in [problem.key for problem in found]
    assert f"unset {variable}" in render(found)
    assert SECRET not in render(found)
    assert "user:" not in render(found)


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_a_bad_address_is_not_shown_outside_of_the_preview(address: str) -> None:
    """A refresh or a check has no preview before it."""
    for variable in ("RAILWAY_API_URL", "RAILWAY_EDGE_URL"):
        with pytest.raises(CredentialsError, match=variable) as railway:
            access_from(TOKEN | {variable: address}, lambda _: None)
        assert SECRET not in str(railway.value)
    with pytest.raises(GoogleError, match="GOOGLE_FIRESTORE_CUSTOM_ENDPOINT") as google:
        GoogleApi({"GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": address}).base("firestore")
    assert SECRET not in str(google.value)


BAD_TOKENS = (
    f"{SECRET}\nsecond line",
    f"{SECRET} x",
    f"{SECRET}\x00",
    f"{SECRET}\r\nX-Header: 1",
    f"{SECRET}é",
)


@pytest.mark.parametrize("token", BAD_TOKENS)
@pytest.mark.parametrize(
    ("variable", "others"),
    [
        ("RAILWAY_API_TOKEN", {}),
        ("RAILWAY_TOKEN", {"RAILWAY_API_TOKEN": None}),
        ("GOOGLE_OAUTH_ACCESS_TOKEN", {}),
    ],
)
def test_a_token_of_two_lines_is_named_and_not_shown(
    variable: str, others: Mapping[str, str | None], token: str
) -> None:
    config = {"railwayProjectId": "3a8beb4c-00ad-4ad3-afd9-1713592bd130"}
    (problem,) = problems(config, {**others, variable: token})
    assert (problem.key, problem.what) == (
        variable, "contains a character that no token has, such as a space or a line break."
    )  # fmt: skip
    assert problem.fix.startswith(f"export {variable}=")
    assert SECRET not in str(problem)


@pytest.mark.parametrize("token", BAD_TOKENS)
def test_a_bad_token_reaches_no_http_library(token: str) -> None:
    """Their exceptions contain the header."""
    with pytest.raises(CredentialsError, match="contains a character that no token has") as railway:
        access_from({"RAILWAY_API_TOKEN": token}, lambda _: None)
    api = GoogleApi(
        {"GOOGLE_OAUTH_ACCESS_TOKEN": token, "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": "http://127.0.0.1:9/"}
    )
    with pytest.raises(GoogleError, match="GOOGLE_OAUTH_ACCESS_TOKEN contains") as google:
        api.call("GET", "firestore", "x", operation="read x", repeatable=False)
    for error in (railway, google):
        assert SECRET not in str(error.value)
        assert error.value.__cause__ is None


@pytest.mark.parametrize(
    "proxy", [f"http://user:{SECRET}@[bad", f"http://user:{SECRET}@host:port", f"ht tp://{SECRET}"]
)
def test_a_bad_proxy_is_named_and_its_password_not_shown(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = problems(environment={"HTTPS_PROXY": proxy})
    assert problem.key == "HTTPS_PROXY"
    assert SECRET not in str(problem)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("HTTP_PROXY", proxy)
    address = "https://google.invalid/"
    google = GoogleApi({"GOOGLE_OAUTH_ACCESS_TOKEN": "t", "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": address})
    with pytest.raises(GoogleError, match="Google did not respond") as failed:
        google.call("GET", "firestore", "x", operation="read x", repeatable=False)
    assert SECRET not in str(failed.value)
    access = access_from(TOKEN | {"RAILWAY_API_URL": "https://railway.invalid/"}, lambda _: None)
    client = RailwayClient(access, Clock(0.0001))
    with pytest.raises(RailwayError) as refused:
        client.execute(DOCUMENTS["TokenWorkspaces"], {})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "1e9", "soon", SECRET, "0x10"])
@pytest.mark.parametrize("variable", ["RAILWAY_TIMEOUT_SECONDS", "RAILWAY_WAIT_SCALE"])
def test_a_number_in_the_environment_is_one_or_an_error(variable: str, value: str) -> None:
    with pytest.raises(CredentialsError, match=f"{variable} is not a number from") as error:
        access_from(TOKEN | {variable: value}, lambda _: None)
    assert SECRET not in str(error.value)


@given(st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1, max_size=40))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_address_of_the_stacks_file_is_used_unless_it_is_railways(address: str) -> None:
    try:
        access = access_from(TOKEN, {"railway:apiUrl": address}.get)
    except CredentialsError:
        return
    assert access.url.startswith("https://backboard.railway.")
