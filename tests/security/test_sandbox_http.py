"""A web page in the developer's browser cannot use the sandbox's servers; its files are closed to others."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.google.app import create_app as google_app
from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app as railway_app
from sandbox.supervisor import Sandbox

pytestmark = pytest.mark.sandbox

SECONDS = 30
EVIL = "https://evil.example"
CLOUDS = ("railway", "google")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """The address of each cloud."""
    with LocalServer(railway_app()) as railway, LocalServer(google_app()) as google:
        yield {"railway": railway.url, "google": google.url}


def send(url: str, method: str, path: str, body: str | None = None, **headers: str) -> requests.Response:
    """A request with exactly these headers, underscores as hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, url + path, data=body, headers=named, timeout=SECONDS)


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": EVIL}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content_Type": ""}, 415),
    ],
    ids=str,
)
def test_an_admin_route_refuses_a_web_page(
    servers: dict[str, str], cloud: str, headers: dict[str, str], status: int
) -> None:
    """A form or `fetch(..., {mode: "no-cors"})` of any page can send these without a preflight request."""
    url = servers[cloud]
    before = send(url, "GET", "/admin/switches").json()
    for path, body in (
        ("/admin/switches", json.dumps(before)),
        ("/admin/faults", '{"operation": "*", "kind": "http_500"}'),
    ):
        found = send(url, "POST", path, body, **{"Content_Type": "application/json", **headers})
        assert found.status_code == status, path
        assert "Access-Control-Allow-Origin" not in found.headers
    assert send(url, "GET", "/admin/switches").json() == before
    assert send(url, "POST", "/admin/faults", "{}", Content_Type="application/json").status_code == 400


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("path", ["/admin/counters/reset", "/admin/faults"])
def test_an_admin_route_without_a_body_refuses_a_web_page(
    servers: dict[str, str], cloud: str, path: str
) -> None:
    method = "DELETE" if path.endswith("faults") else "POST"
    assert send(servers[cloud], method, path, Origin=EVIL).status_code == 403
    assert send(servers[cloud], method, path).status_code == 200


@pytest.mark.parametrize("cloud", CLOUDS)
def test_no_response_may_be_read_by_a_web_page(servers: dict[str, str], cloud: str) -> None:
    """No route answers a preflight request."""
    for path in ("/admin/state", "/graphql/v2", "/firestore/v1/projects/p/databases"):
        asked = {
            "Origin": EVIL,
            "Access_Control_Request_Method": "POST",
            "Access_Control_Request_Headers": "authorization",
        }
        answer = send(servers[cloud], "OPTIONS", path, **asked)
        assert answer.status_code >= 400
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert send(servers[cloud], "GET", "/admin/state", Origin=EVIL).status_code == 403


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "10.0.0.1",
        "[::2]:1",
    ],
)
def test_another_host_is_refused(servers: dict[str, str], cloud: str, host: str) -> None:
    """DNS rebinding: the attacker's name resolves to this machine, and the page is of the same origin."""
    for path in ("/admin/state", "/admin/switches", "/graphql/v2", "/crm/v1/projects/crm-sandbox"):
        found = send(servers[cloud], "GET", path, Host=host, Authorization="Bearer sandbox-google-token")
        assert found.status_code in (404, 421), path
        assert "crm-sandbox" not in found.text


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_loopback_names_are_served(servers: dict[str, str], cloud: str, name: str) -> None:
    port = servers[cloud].rpartition(":")[2]
    origin = f"http://{name}:{port}"
    kind = "application/json; charset=utf-8"
    assert (
        send(servers[cloud], "GET", "/admin/state", Host=f"{name}:{port}", Origin=origin).status_code == 200
    )
    assert send(servers[cloud], "POST", "/admin/switches", "{}", Content_Type=kind).status_code == 200


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_with_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with (
            LocalServer(railway_app(tmp_path / "railway.json")) as railway,
            LocalServer(google_app(tmp_path / "google.json")) as google,
        ):
            requests.post(
                f"{railway.url}/admin/workspaces", json={"name": "w"}, timeout=SECONDS
            ).raise_for_status()
            requests.post(
                f"{google.url}/admin/switches", json={"index_build_seconds": 1}, timeout=SECONDS
            ).raise_for_status()
            token = {"Authorization": "Bearer t"}
            services = f"{google.url}/serviceusage/v1/projects/crm-sandbox/services"
            project = f"{services}/secretmanager.googleapis.com:enable"
            requests.post(project, headers=token, json={}, timeout=SECONDS).raise_for_status()
            secrets = f"{google.url}/secretmanager/v1/projects/crm-sandbox/secrets"
            requests.post(
                f"{secrets}?secretId=S",
                headers=token,
                json={"replication": {"automatic": {}}},
                timeout=SECONDS,
            ).raise_for_status()
            value = {"payload": {"data": "aHVudGVyMg=="}}
            requests.post(
                f"{secrets}/S:addVersion", headers=token, json=value, timeout=SECONDS
            ).raise_for_status()
    finally:
        os.umask(before)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["google.json", "google.json.secrets", "railway.json"]
    assert {file.name: oct(mode(file)) for file in files} == dict.fromkeys(
        (file.name for file in files), "0o600"
    )


def test_the_folder_of_a_sandbox_is_closed_to_others(tmp_path: Path) -> None:
    """Also that of an earlier version: Pulumi's state in it is encrypted with a public passphrase."""
    root = tmp_path / "default"
    root.mkdir(mode=0o755)
    (root / "railway.json").write_text("{}", encoding="utf-8")
    (root / "railway.json").chmod(0o644)
    Sandbox(root).make_folder()
    assert (oct(mode(root)), oct(mode(root / "railway.json"))) == ("0o700", "0o600")
    Sandbox(tmp_path / "new").make_folder()
    assert oct(mode(tmp_path / "new")) == "0o700"
