"""The gcp plugin's requests: which are retried, how operations are polled, how a policy is changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.engine.gcp import configuration
from sandbox.engine.gcp.errors import GcpError, InitFailedError
from sandbox.engine.gcp.model import OperationContext, Settings
from sandbox.engine.gcp.registry import RESOURCE_TYPES
from sandbox.engine.gcp.rest import Access, ApiError, Rest, Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.unit

MEMBER = "gcp:projects/iAMMember:IAMMember"
ENDPOINTS = {
    "cloudfunctions": "http://sandbox/fn/v2beta/",
    "cloudresourcemanager": "http://sandbox/crm/v1/",
    "pubsub": "http://sandbox/pubsub/v1/",
    "storage": "http://sandbox/storage/v1/",
}


@dataclass
class Script:
    """Responses in order, the last one repeated; the requests; the waiting times."""

    answers: list[tuple[int, Any]]
    asked: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])
    waited: list[float] = field(default_factory=list[float])
    retry_after: float = 0.0


class ScriptedRest(Rest):
    """The real retries and waits with scripted responses."""

    def __init__(self, script: Script, bearer: str = "t") -> None:
        super().__init__(Access(endpoints=ENDPOINTS, token=bearer), sleep=script.waited.append)
        self._script = script

    def _once(
        self, method: str, url: str, query: Mapping[str, str] | None, body: Any
    ) -> tuple[int, str, float]:
        self._script.asked.append((method, url, body))
        status, answer = (
            self._script.answers.pop(0) if len(self._script.answers) > 1 else self._script.answers[0]
        )
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return status, text, self._script.retry_after


def call(script: Script) -> OperationContext:
    settings = Settings(project="p", region="r")
    return OperationContext(rest=ScriptedRest(script), settings=settings, timeout=5, log=lambda _text: None)


def error(status: int, message: str = "no", name: str = "") -> tuple[int, Any]:
    return status, {"error": {"code": status, "message": message, "status": name}}


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503])
def test_a_temporary_error_is_retried(status: int) -> None:
    script = Script([error(status), error(status), (200, {"ok": 1})])
    assert ScriptedRest(script).send("POST", "pubsub", "x", body={}) == {"ok": 1}
    assert len(script.asked) == 3
    assert script.waited == [0.25, 0.5]


def test_retry_after_is_respected() -> None:
    script = Script([error(429), (200, {})], retry_after=7.0)
    ScriptedRest(script).get("pubsub", "x")
    assert script.waited == [7.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412])
def test_a_permanent_error_is_not_retried(status: int) -> None:
    script = Script([error(status, "because", "REASON")])
    with pytest.raises(ApiError, match=f"Error {status}: because, REASON"):
        ScriptedRest(script).get("pubsub", "x")
    assert len(script.asked) == 1


def test_contention_is_retried() -> None:
    script = Script([error(409, "Please retry, underlying data changed", "ABORTED"), (200, {})])
    assert ScriptedRest(script).send("POST", "pubsub", "x") == {}


def test_an_error_that_is_not_json_is_shown_unchanged() -> None:
    with pytest.raises(ApiError, match="Error 404: no such page"):
        ScriptedRest(Script([(404, "no such page")])).get("pubsub", "x")


def test_nothing_is_sent_without_an_endpoint_or_a_token() -> None:
    script = Script([(200, {})])
    with pytest.raises(GcpError, match="GOOGLE_CLOUD_TASKS_CUSTOM_ENDPOINT is not set"):
        ScriptedRest(script).get("cloudtasks", "x")
    with pytest.raises(GcpError, match="GOOGLE_OAUTH_ACCESS_TOKEN"):
        ScriptedRest(script, bearer="").get("pubsub", "x")
    assert script.asked == []


def test_names_are_encoded_except_for_googles_own_characters() -> None:
    script = Script([(200, {})])
    ScriptedRest(script).get("pubsub", "databases/(default)/x:getIamPolicy a")
    upload = Upload(metadata={}, content=b"", content_type="text/plain")
    ScriptedRest(script).send("POST", "storage", "b/name/o", body=upload)
    assert [url for _, url, _ in script.asked] == [
        "http://sandbox/pubsub/v1/databases/(default)/x:getIamPolicy%20a",
        "http://sandbox/upload/storage/v1/b/name/o",
    ]


def test_an_operation_is_polled_until_it_is_done() -> None:
    script = Script(
        [(200, {"name": "operations/1"}), (200, {"name": "operations/1", "done": True, "response": {"a": 1}})]
    )
    rest = ScriptedRest(script)
    assert rest.wait("pubsub", {"name": "operations/1"}, 60, lambda _text: None) == {"a": 1}
    assert [url for _, url, _ in script.asked] == ["http://sandbox/pubsub/v1/operations/1"] * 2


def test_a_failed_operation_has_its_error_and_an_endless_one_a_time_out() -> None:
    failed = {"name": "operations/1", "done": True, "error": {"code": 9, "message": "quota"}}
    with pytest.raises(ApiError, match="Error 9: quota"):
        ScriptedRest(Script([(200, {})])).wait("pubsub", failed, 60, lambda _text: None)
    with pytest.raises(GcpError, match="timeout while waiting for operations/1 after 0 seconds"):
        ScriptedRest(Script([(200, {})])).wait("pubsub", {"name": "operations/1"}, 0, lambda _text: None)


INPUTS = {"project": "p", "role": "roles/viewer", "member": "user:b@x"}


def policies(script: Script) -> list[Any]:
    return [body["policy"] for _, url, body in script.asked if url.endswith(":setIamPolicy")]


def test_a_conflicting_policy_change_is_retried_and_kept() -> None:
    theirs = {"role": "roles/viewer", "members": ["user:a@x"]}
    script = Script(
        [
            (200, {"etag": "1"}),
            error(409, "changed"),
            (200, {"etag": "2", "bindings": [theirs]}),
            (200, {}),
            (200, {"etag": "3", "bindings": [{**theirs, "members": ["user:a@x", "user:b@x"]}]}),
        ]
    )
    identifier, state = RESOURCE_TYPES[MEMBER].create(call(script), INPUTS)
    assert identifier == "p/roles/viewer/user:b@x"
    assert state["etag"] == "3"
    assert policies(script)[-1] == {
        "version": 3,
        "etag": "2",
        "bindings": [{"role": "roles/viewer", "members": ["user:a@x", "user:b@x"]}],
    }


def test_a_policy_that_keeps_changing_is_an_error() -> None:
    answers: list[tuple[int, Any]] = []
    for _ in range(10):
        answers += [(200, {"etag": "1"}), error(409, "changed")]
    with pytest.raises(ApiError, match="changed"):
        RESOURCE_TYPES[MEMBER].create(call(Script(answers)), INPUTS)


def test_a_member_is_removed_and_the_roles_others_and_conditions_stay() -> None:
    conditioned = {
        "role": "roles/viewer",
        "members": ["user:b@x"],
        "condition": {"title": "t", "expression": "e"},
    }
    plain = {"role": "roles/viewer", "members": ["user:a@x", "user:b@x"]}
    found = {"etag": "1", "version": 1, "bindings": [conditioned, plain]}
    script = Script([(200, found), (200, {}), (200, {})])
    RESOURCE_TYPES[MEMBER].delete(call(script), "", INPUTS)
    assert policies(script) == [
        {
            "version": 1,
            "etag": "1",
            "bindings": [conditioned, {"role": "roles/viewer", "members": ["user:a@x"]}],
        }
    ]


def test_a_condition_distinguishes_members() -> None:
    script = Script([(200, {"etag": "1", "bindings": [{"role": "roles/viewer", "members": ["user:b@x"]}]})])
    inputs = {**INPUTS, "condition": {"title": "t", "expression": "e"}}
    assert RESOURCE_TYPES[MEMBER].read(call(script), "", INPUTS) is not None
    assert RESOURCE_TYPES[MEMBER].read(call(script), "", inputs) is None


def test_a_function_whose_build_failed_is_a_failed_initialisation() -> None:
    answers = [
        (200, {"name": "operations/1", "done": True, "error": {"code": 3, "message": "no entry point"}}),
        (200, {"name": "n", "state": "FAILED"}),
    ]
    inputs = {"name": "f", "project": "p", "location": "l"}
    with pytest.raises(InitFailedError, match="no entry point") as caught:
        RESOURCE_TYPES["gcp:cloudfunctionsv2/function:Function"].create(call(Script(answers)), inputs)
    assert caught.value.identifier == "projects/p/locations/l/functions/f"
    assert caught.value.state["state"] == "FAILED"


@pytest.mark.parametrize(
    ("token", "identifier", "names"),
    [
        ("gcp:cloudscheduler/job:Job", "projects/q/locations/l/jobs/j", ("q", "l", "j")),
        ("gcp:cloudscheduler/job:Job", "q/l/j", ("q", "l", "j")),
        ("gcp:cloudscheduler/job:Job", "l/j", ("p", "l", "j")),
        ("gcp:cloudscheduler/job:Job", "j", ("p", "r", "j")),
    ],
)
def test_an_import_takes_the_short_forms_of_an_id(
    token: str, identifier: str, names: tuple[str, ...]
) -> None:
    kind: Any = RESOURCE_TYPES[token]
    assert tuple(kind.parse(identifier, Settings(project="p", region="r")).values()) == names
    with pytest.raises(GcpError, match="must have the form projects/"):
        kind.parse("a/b/c/d", Settings(project="p", region="r"))


def test_the_configuration_comes_from_the_program_before_the_environment() -> None:
    environ = {
        "GOOGLE_PROJECT": "other",
        "GOOGLE_OAUTH_ACCESS_TOKEN": "e",
        "GOOGLE_PUBSUB_CUSTOM_ENDPOINT": "http://e/v1",
    }
    config = {"project": "p", "addPulumiAttributionLabel": "false"}
    settings = configuration.settings(config, environ)
    assert (settings.project, settings.attribution_label) == ("p", False)
    access = configuration.access({"pubsubCustomEndpoint": "http://c/v1/", "accessToken": "c"}, environ)
    assert (access.endpoints, access.token) == ({"pubsub": "http://c/v1/"}, "c")
    assert configuration.access({}, environ).endpoints == {"pubsub": "http://e/v1/"}
    found = configuration.access({"userProjectOverride": "true", "billingProject": "b"}, environ)
    assert found.headers == {"X-Goog-User-Project": "b"}


def test_an_unsupported_setting_is_an_error() -> None:
    found = dict(
        configuration.failures(
            {"credentials": "{}", "defaultLabels": "{}", "projct": "p", "zone": "z", "region": "r"}
        )
    )
    assert sorted(found) == ["credentials", "defaultLabels", "projct"]
