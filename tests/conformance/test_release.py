"""The rules release through the SDK's own server, against the Google sandbox."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest
import requests
from pulumi.dynamic.dynamic import serialize_provider

from firebase.release import RulesReleaseProvider
from sandbox.environment import GOOGLE_TOKEN
from tests.conformance.dynamic_process import UNKNOWN, DynamicProcess, DynamicResource, Live

pytestmark = pytest.mark.conformance

PROJECT = "crm-sandbox"
RELEASE = f"projects/{PROJECT}/releases/cloud.firestore"
RULES = "rules_version = '2';\nservice cloud.firestore { match /databases/{db}/documents { } }"
TIMEOUT = 30


class Console:
    """The Firebase console, and the requests that the sandbox recorded."""

    def __init__(self, google: str) -> None:
        self._google = google
        self._post(f"serviceusage/v1/projects/{PROJECT}/services/firebaserules.googleapis.com:enable")

    def _in_console(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        headers = {"Authorization": "Bearer person", "X-Sandbox-Actor": "manual"}
        return requests.request(method, f"{self._google}/{path}", json=body, headers=headers, timeout=TIMEOUT)

    def _post(self, path: str) -> None:
        answer = self._in_console("POST", path, {})
        assert answer.ok, answer.text

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        return self._in_console(method, f"firebaserules/v1/{path}", body)

    def ruleset(self, comment: str) -> str:
        """Create a ruleset with another text; returns its name."""
        body = {"source": {"files": [{"name": "firestore.rules", "content": f"{RULES}\n// {comment}"}]}}
        answer = self._send("POST", f"projects/{PROJECT}/rulesets", body)
        assert answer.ok, answer.text
        return str(answer.json()["name"])

    def released(self) -> str | None:
        """The ruleset that is enforced."""
        answer = self._send("GET", RELEASE)
        return str(answer.json()["rulesetName"]) if answer.ok else None

    def release(self, ruleset: str) -> None:
        """Create the first release."""
        answer = self._send("POST", f"projects/{PROJECT}/releases", {"name": RELEASE, "rulesetName": ruleset})
        assert answer.ok, answer.text

    def repoint(self, ruleset: str) -> None:
        """Update the release."""
        body = {"release": {"name": RELEASE, "rulesetName": ruleset}}
        answer = self._send("PATCH", RELEASE, body)
        assert answer.ok, answer.text

    def unpublish(self) -> None:
        """Delete the release."""
        assert self._send("DELETE", RELEASE).ok

    def seen(self) -> list[str]:
        """Method and path of the provider's requests."""
        records = requests.get(f"{self._google}/admin/requests", timeout=TIMEOUT).json()
        return [
            f"{record['method']} {record['path'].split('/v1/', 1)[1].split('?', 1)[0]}"
            for record in cast("list[dict[str, Any]]", records)
            if record["actor"] != "manual"
        ]

    def fail(self, kind: str, operation: str = "*", times: int = 1) -> None:
        """Make the next responses fail."""
        body = {"operation": operation, "nth": 1, "times": times, "kind": kind}
        answer = requests.post(f"{self._google}/admin/faults", json=body, timeout=TIMEOUT)
        assert answer.ok, answer.text


@pytest.fixture
def console(google: str) -> Console:
    return Console(google)


@pytest.fixture
def release(google_process: DynamicProcess) -> DynamicResource:
    return google_process.resource(RulesReleaseProvider())


def inputs(ruleset: str, **changes: str) -> dict[str, str]:
    return {"project": PROJECT, "release_name": "cloud.firestore", "ruleset_name": ruleset, **changes}


def test_the_pickle_in_the_state_is_the_class_path_and_nothing_else() -> None:
    """Renaming the module or the class, or giving the provider an attribute, breaks every existing stack."""
    pickled = base64.b64decode(serialize_provider(RulesReleaseProvider()))
    assert pickled == (
        b"\x80\x04\x950\x00\x00\x00\x00\x00\x00\x00\x8c\x10firebase.release\x94\x8c\x14"
        b"RulesReleaseProvider\x94\x93\x94)\x81\x94."
    )


def test_create_makes_the_first_release(console: Console, release: DynamicResource) -> None:
    one = console.ruleset("one")
    live = release.create(inputs(one))
    assert (live.id, live.outs) == (RELEASE, inputs(one))
    assert console.released() == one


def test_another_ruleset_updates_the_release_in_place(console: Console, release: DynamicResource) -> None:
    one, two = console.ruleset("one"), console.ruleset("two")
    live = release.create(inputs(one))
    assert release.diff(live, inputs(two)).changes
    assert release.diff(live, inputs(two)).replaces == ()
    live = release.update(live, inputs(two))
    assert console.released() == two
    assert not release.diff(live, inputs(two)).changes
    assert [request for request in console.seen() if request.startswith("DELETE")] == []
    assert console.seen()[-1] == f"PATCH {RELEASE}"


def test_an_unchanged_ruleset_is_no_diff(console: Console, release: DynamicResource) -> None:
    one = console.ruleset("one")
    live = release.create(inputs(one))
    before = console.seen()
    assert not release.diff(live, inputs(one)).changes
    assert console.seen() == before


def test_an_existing_release_is_adopted(console: Console, release: DynamicResource) -> None:
    old, new = console.ruleset("old"), console.ruleset("new")
    console.release(old)
    live = release.create(inputs(new))
    assert (live.id, console.released()) == (RELEASE, new)
    assert console.seen() == [f"GET {RELEASE}", f"PATCH {RELEASE}"]


def test_adopting_a_release_with_the_declared_ruleset_writes_nothing(
    console: Console, release: DynamicResource
) -> None:
    one = console.ruleset("one")
    console.release(one)
    release.create(inputs(one))
    assert console.seen() == [f"GET {RELEASE}"]


def test_a_release_repointed_in_the_console_is_drift(console: Console, release: DynamicResource) -> None:
    ours, theirs = console.ruleset("ours"), console.ruleset("theirs")
    live = release.create(inputs(ours))
    console.repoint(theirs)
    found, as_inputs = release.read(live)
    assert found.outs["ruleset_name"] == theirs
    assert as_inputs == inputs(theirs)
    assert release.diff(found, inputs(ours)).changes
    release.update(found, inputs(ours))
    assert console.released() == ours


def test_a_deleted_release_is_created_again(console: Console, release: DynamicResource) -> None:
    one = console.ruleset("one")
    live = release.create(inputs(one))
    console.unpublish()
    found, _ = release.read(live)
    assert found.id == ""
    release.create(inputs(one))
    assert console.released() == one


def test_delete_keeps_the_release_and_warns(console: Console, google_environ: dict[str, str]) -> None:
    one = console.ruleset("one")
    with DynamicProcess(google_environ) as process:
        release = process.resource(RulesReleaseProvider())
        release.delete(release.create(inputs(one)))
    assert console.released() == one
    assert "cloud.firestore" in process.stderr
    assert one in process.stderr
    assert "is kept" in process.stderr


def test_a_bare_ruleset_id_is_the_same_ruleset(console: Console, release: DynamicResource) -> None:
    one = console.ruleset("one")
    live = release.create(inputs(one.rsplit("/", 1)[1]))
    assert live.outs["ruleset_name"] == one
    assert not release.diff(live, inputs(one.rsplit("/", 1)[1])).changes


def test_an_unknown_ruleset_is_an_update_in_place(console: Console, release: DynamicResource) -> None:
    """The ruleset is created by the same `up`."""
    live = release.create(inputs(console.ruleset("one")))
    expected = release.diff(live, inputs(UNKNOWN))
    assert (expected.changes, expected.replaces) == (True, ())


@pytest.mark.parametrize("change", [{"project": "other-project"}, {"release_name": "cloud.firestore/two"}])
def test_another_project_or_name_is_a_replacement(release: DynamicResource, change: dict[str, str]) -> None:
    ruleset = f"projects/{PROJECT}/rulesets/one"
    live = Live(RELEASE, inputs(ruleset))
    assert release.diff(live, inputs(ruleset, **change)).replaces == tuple(change)


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"release_name": "firebase.storage"}, {"release_name"}),
        ({"release_name": "firebase.storage/gs://bucket"}, {"release_name"}),
        ({"release_name": "firebase.storage/my-crm.firebasestorage.app"}, set[str]()),
        ({"release_name": ""}, {"release_name"}),
        ({"project": ""}, {"project"}),
        ({"ruleset_name": ""}, {"ruleset_name"}),
        ({"ruleset_name": UNKNOWN, "project": UNKNOWN, "release_name": UNKNOWN}, set[str]()),
        ({"release_name": "cloud.firestore/archive"}, set[str]()),
    ],
)
def test_check_rejects_invalid_names(
    release: DynamicResource, change: dict[str, str], refused: set[str]
) -> None:
    assert set(release.check(inputs(f"projects/{PROJECT}/rulesets/one", **change))) == refused


CREATE = "POST firebaserules.projects.releases.create"
PATCH = "PATCH firebaserules.projects.releases.patch"
GET = "GET firebaserules.projects.releases.get"


@pytest.mark.parametrize(
    "kind", ["reset_before", "reset_after", "http_500", "http_504_after", "rate_429", "not_json"]
)
@pytest.mark.parametrize("operation", [CREATE, GET])
def test_one_release_is_created_despite_a_failed_response(
    console: Console, release: DynamicResource, kind: str, operation: str
) -> None:
    one = console.ruleset("one")
    console.fail(kind, operation)
    live = release.create(inputs(one))
    assert (live.id, console.released()) == (RELEASE, one)


@pytest.mark.parametrize("kind", ["reset_after", "http_502_before", "rate_429"])
def test_the_release_is_updated_despite_a_failed_response(
    console: Console, release: DynamicResource, kind: str
) -> None:
    one, two = console.ruleset("one"), console.ruleset("two")
    live = release.create(inputs(one))
    console.fail(kind, PATCH)
    release.update(live, inputs(two))
    assert console.released() == two


def test_a_rejected_token_is_an_error_with_a_fix(console: Console, google_environ: dict[str, str]) -> None:
    import grpc

    one = console.ruleset("one")
    environ = {**google_environ, "GOOGLE_OAUTH_ACCESS_TOKEN": "expired"}
    with DynamicProcess(environ) as process, pytest.raises(grpc.RpcError) as raised:
        process.resource(RulesReleaseProvider()).create(inputs(one))
    message = str(raised.value)
    assert "gcloud auth application-default login" in message
    assert "Bearer" not in message
    assert console.released() is None


def test_no_response_to_the_engine_contains_the_token(
    console: Console, google_environ: dict[str, str]
) -> None:
    with DynamicProcess(google_environ) as process:
        release = process.resource(RulesReleaseProvider())
        live = release.create(inputs(console.ruleset("one")))
        release.read(live)
        release.update(live, inputs(console.ruleset("two")))
    assert process.answers
    assert GOOGLE_TOKEN not in "".join(process.answers) + process.stderr
