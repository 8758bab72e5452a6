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
    """What a person does in the Firebase console, and what the sandbox saw of us."""

    def __init__(self, google: str) -> None:
        self._google = google
        self._post(f"serviceusage/v1/projects/{PROJECT}/services/firebaserules.googleapis.com:enable")

    def _by_hand(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        headers = {"Authorization": "Bearer person", "X-Sandbox-Actor": "manual"}
        return requests.request(method, f"{self._google}/{path}", json=body, headers=headers, timeout=TIMEOUT)

    def _post(self, path: str) -> None:
        answer = self._by_hand("POST", path, {})
        assert answer.ok, answer.text

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        return self._by_hand(method, f"firebaserules/v1/{path}", body)

    def ruleset(self, comment: str) -> str:
        """Publish another text; returns the ruleset's name."""
        body = {"source": {"files": [{"name": "firestore.rules", "content": f"{RULES}\n// {comment}"}]}}
        answer = self._send("POST", f"projects/{PROJECT}/rulesets", body)
        assert answer.ok, answer.text
        return str(answer.json()["name"])

    def released(self) -> str | None:
        """The ruleset that clients meet."""
        answer = self._send("GET", RELEASE)
        return str(answer.json()["rulesetName"]) if answer.ok else None

    def release(self, ruleset: str) -> None:
        """Make the first release by hand."""
        answer = self._send("POST", f"projects/{PROJECT}/releases", {"name": RELEASE, "rulesetName": ruleset})
        assert answer.ok, answer.text

    def repoint(self, ruleset: str) -> None:
        """Point it elsewhere."""
        body = {"release": {"name": RELEASE, "rulesetName": ruleset}}
        answer = self._send("PATCH", RELEASE, body)
        assert answer.ok, answer.text

    def unpublish(self) -> None:
        """Delete it."""
        assert self._send("DELETE", RELEASE).ok

    def seen(self) -> list[str]:
        """Method and path of every request that was ours."""
        records = requests.get(f"{self._google}/admin/requests", timeout=TIMEOUT).json()
        return [
            f"{record['method']} {record['path'].split('/v1/', 1)[1].split('?', 1)[0]}"
            for record in cast("list[dict[str, Any]]", records)
            if record["actor"] != "manual"
        ]

    def fail(self, kind: str, operation: str = "*", times: int = 1) -> None:
        """The next answers go wrong."""
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


def test_the_first_release_is_made(console: Console, release: DynamicResource) -> None:
    one = console.ruleset("one")
    live = release.create(inputs(one))
    assert (live.id, live.outs) == (RELEASE, inputs(one))
    assert console.released() == one


def test_new_rules_move_the_release_in_place(console: Console, release: DynamicResource) -> None:
    """A DELETE, however short, is a database without rules."""
    one, two = console.ruleset("one"), console.ruleset("two")
    live = release.create(inputs(one))
    assert release.diff(live, inputs(two)).changes
    assert release.diff(live, inputs(two)).replaces == ()
    live = release.update(live, inputs(two))
    assert console.released() == two
    assert not release.diff(live, inputs(two)).changes
    assert [request for request in console.seen() if request.startswith("DELETE")] == []
    assert console.seen()[-1] == f"PATCH {RELEASE}"


def test_unchanged_rules_are_no_change_and_send_nothing(console: Console, release: DynamicResource) -> None:
    one = console.ruleset("one")
    live = release.create(inputs(one))
    before = console.seen()
    assert not release.diff(live, inputs(one)).changes
    assert console.seen() == before


def test_a_release_that_is_there_is_adopted(console: Console, release: DynamicResource) -> None:
    """A project that was ever deployed to has one, and there can be no second."""
    old, new = console.ruleset("old"), console.ruleset("new")
    console.release(old)
    live = release.create(inputs(new))
    assert (live.id, console.released()) == (RELEASE, new)
    assert console.seen() == [f"GET {RELEASE}", f"PATCH {RELEASE}"]


def test_adopting_a_release_that_is_right_already_writes_nothing(
    console: Console, release: DynamicResource
) -> None:
    one = console.ruleset("one")
    console.release(one)
    release.create(inputs(one))
    assert console.seen() == [f"GET {RELEASE}"]


def test_a_release_repointed_by_hand_is_drift_with_both_rulesets(
    console: Console, release: DynamicResource
) -> None:
    ours, theirs = console.ruleset("ours"), console.ruleset("theirs")
    live = release.create(inputs(ours))
    console.repoint(theirs)
    found, as_inputs = release.read(live)
    assert found.outs["ruleset_name"] == theirs
    assert as_inputs == inputs(theirs)
    assert release.diff(found, inputs(ours)).changes
    release.update(found, inputs(ours))
    assert console.released() == ours


def test_a_release_deleted_by_hand_is_gone_and_made_again(console: Console, release: DynamicResource) -> None:
    one = console.ruleset("one")
    live = release.create(inputs(one))
    console.unpublish()
    found, _ = release.read(live)
    assert found.id == ""
    release.create(inputs(one))
    assert console.released() == one


def test_deleting_keeps_the_release_and_says_so(console: Console, google_environ: dict[str, str]) -> None:
    one = console.ruleset("one")
    with DynamicProcess(google_environ) as process:
        release = process.resource(RulesReleaseProvider())
        release.delete(release.create(inputs(one)))
    assert console.released() == one
    assert "cloud.firestore" in process.stderr
    assert one in process.stderr
    assert "stays" in process.stderr


def test_a_bare_ruleset_id_is_the_same_ruleset(console: Console, release: DynamicResource) -> None:
    one = console.ruleset("one")
    live = release.create(inputs(one.rsplit("/", 1)[1]))
    assert live.outs["ruleset_name"] == one
    assert not release.diff(live, inputs(one.rsplit("/", 1)[1])).changes


def test_a_ruleset_that_is_not_known_yet_is_an_update_in_place(
    console: Console, release: DynamicResource
) -> None:
    """In the preview of new rules the ruleset has no name yet."""
    live = release.create(inputs(console.ruleset("one")))
    expected = release.diff(live, inputs(UNKNOWN))
    assert (expected.changes, expected.replaces) == (True, ())


@pytest.mark.parametrize("change", [{"project": "other-project"}, {"release_name": "cloud.firestore/two"}])
def test_another_database_is_another_release(release: DynamicResource, change: dict[str, str]) -> None:
    ruleset = f"projects/{PROJECT}/rulesets/one"
    live = Live(RELEASE, inputs(ruleset))
    assert release.diff(live, inputs(ruleset, **change)).replaces == tuple(change)


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"release_name": "firebase.storage/bucket"}, {"release_name"}),
        ({"release_name": ""}, {"release_name"}),
        ({"project": ""}, {"project"}),
        ({"ruleset_name": ""}, {"ruleset_name"}),
        ({"ruleset_name": UNKNOWN, "project": UNKNOWN, "release_name": UNKNOWN}, set[str]()),
        ({"release_name": "cloud.firestore/archive"}, set[str]()),
    ],
)
def test_wrong_names_are_refused_in_the_preview(
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
def test_whatever_happens_to_an_answer_one_release_is_made(
    console: Console, release: DynamicResource, kind: str, operation: str
) -> None:
    one = console.ruleset("one")
    console.fail(kind, operation)
    live = release.create(inputs(one))
    assert (live.id, console.released()) == (RELEASE, one)


@pytest.mark.parametrize("kind", ["reset_after", "http_502_before", "rate_429"])
def test_whatever_happens_to_an_answer_the_release_moves(
    console: Console, release: DynamicResource, kind: str
) -> None:
    one, two = console.ruleset("one"), console.ruleset("two")
    live = release.create(inputs(one))
    console.fail(kind, PATCH)
    release.update(live, inputs(two))
    assert console.released() == two


def test_a_refused_token_is_an_error_that_says_what_to_do_and_not_what_the_token_was(
    console: Console, google_environ: dict[str, str]
) -> None:
    import grpc

    one = console.ruleset("one")
    environ = {**google_environ, "GOOGLE_OAUTH_ACCESS_TOKEN": "expired"}
    with DynamicProcess(environ) as process, pytest.raises(grpc.RpcError) as raised:
        process.resource(RulesReleaseProvider()).create(inputs(one))
    said = str(raised.value)
    assert "gcloud auth application-default login" in said
    assert "Bearer" not in said
    assert console.released() is None


def test_no_answer_to_the_engine_holds_the_token(console: Console, google_environ: dict[str, str]) -> None:
    with DynamicProcess(google_environ) as process:
        release = process.resource(RulesReleaseProvider())
        live = release.create(inputs(console.ruleset("one")))
        release.read(live)
        release.update(live, inputs(console.ruleset("two")))
    assert process.answers
    assert GOOGLE_TOKEN not in "".join(process.answers) + process.stderr
