"""The blocking functions of Auth through the SDK's own server, against the Google sandbox."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest
import requests
from pulumi.dynamic.dynamic import serialize_provider

from firebase.blocking_functions import BlockingFunctionsProvider
from tests.conformance.dynamic_process import UNKNOWN, DynamicProcess, DynamicResource

pytestmark = pytest.mark.conformance

PROJECT = "crm-sandbox"
CONFIG = f"projects/{PROJECT}/config"
ONE, TWO, THEIRS = (f"https://{name}.run.app" for name in ("one", "two", "theirs"))
TIMEOUT = 30


class Console:
    """Somebody in the Firebase console, and the requests that the sandbox recorded."""

    def __init__(self, google: str) -> None:
        self._google = google
        path = f"serviceusage/v1/projects/{PROJECT}/services/identitytoolkit.googleapis.com:enable"
        assert self._send("POST", path, {}).ok

    def _send(self, method: str, path: str, body: object = None, **query: str) -> requests.Response:
        headers = {"Authorization": "Bearer person", "X-Sandbox-Actor": "manual"}
        url = f"{self._google}/{path}"
        return requests.request(method, url, json=body, params=query, headers=headers, timeout=TIMEOUT)

    def config(self) -> dict[str, Any]:
        """The configuration of Auth."""
        return self._send("GET", f"identitytoolkit/v2/{CONFIG}").json()

    def calls(self) -> dict[str, str]:
        """What Auth calls, by event."""
        triggers = self.config().get("blockingFunctions", {}).get("triggers", {})
        return {event: one["functionUri"] for event, one in triggers.items()}

    def forwarded(self) -> set[str]:
        """The credentials that Auth forwards."""
        found = self.config()["blockingFunctions"]["forwardInboundCredentials"]
        return {name for name, given in found.items() if given}

    def set(self, triggers: dict[str, str], *credentials: str) -> None:
        """Set all blocking functions."""
        body = {
            "triggers": {event: {"functionUri": uri} for event, uri in triggers.items()},
            "forwardInboundCredentials": dict.fromkeys(credentials, True),
        }
        mask = {"updateMask": "blockingFunctions"}
        path = f"identitytoolkit/v2/{CONFIG}"
        assert self._send("PATCH", path, {"blockingFunctions": body}, **mask).ok

    def deny(self) -> None:
        """Let the next request be denied."""
        body = {"operation": "*", "nth": 1, "times": 1, "kind": "permission_denied"}
        assert requests.post(f"{self._google}/admin/faults", json=body, timeout=TIMEOUT).ok

    def downgrade(self) -> None:
        """Let the project be one without Identity Platform."""
        switches = {"identity_platform": False}
        assert requests.post(f"{self._google}/admin/switches", json=switches, timeout=TIMEOUT).ok

    def seen(self) -> list[str]:
        """The methods of the provider's requests."""
        records = requests.get(f"{self._google}/admin/requests", timeout=TIMEOUT).json()
        return [one["method"] for one in cast("list[Any]", records) if one["actor"] != "manual"]


@pytest.fixture
def console(google: str) -> Console:
    return Console(google)


@pytest.fixture
def blocking(google_process: DynamicProcess) -> DynamicResource:
    return google_process.resource(BlockingFunctionsProvider())


def inputs(triggers: dict[str, str], *credentials: str) -> dict[str, Any]:
    return {"project": PROJECT, "triggers": triggers, "credentials": sorted(credentials)}


def test_the_pickle_in_the_state_is_the_class_path_and_nothing_else() -> None:
    """Renaming the module or the class, or giving the provider an attribute, breaks every existing stack."""
    pickled = base64.b64decode(serialize_provider(BlockingFunctionsProvider()))
    assert pickled == (
        b"\x80\x04\x95@\x00\x00\x00\x00\x00\x00\x00\x8c\x1bfirebase.blocking_functions\x94\x8c\x19"
        b"BlockingFunctionsProvider\x94\x93\x94)\x81\x94."
    )


def test_create_sets_the_triggers_and_nothing_else_of_auth(
    console: Console, blocking: DynamicResource
) -> None:
    before = console.config()
    wanted = inputs({"beforeSignIn": ONE}, "idToken")
    live = blocking.create(wanted)
    assert live.outs == wanted
    assert (console.calls(), console.forwarded()) == ({"beforeSignIn": ONE}, {"idToken"})
    after = console.config()
    del after["blockingFunctions"]
    assert after == before
    assert console.seen() == ["GET", "PATCH"]


def test_the_triggers_and_credentials_of_others_stay(console: Console, blocking: DynamicResource) -> None:
    console.set({"beforeSendSms": THEIRS}, "accessToken")
    live = blocking.create(inputs({"beforeSignIn": ONE}, "idToken"))
    assert console.calls() == {"beforeSendSms": THEIRS, "beforeSignIn": ONE}
    assert console.forwarded() == {"accessToken", "idToken"}
    found, as_inputs = blocking.read(live)
    assert as_inputs == inputs({"beforeSignIn": ONE}, "idToken")
    blocking.delete(found)
    assert (console.calls(), console.forwarded()) == ({"beforeSendSms": THEIRS}, {"accessToken", "idToken"})


def test_a_trigger_that_leaves_the_program_is_removed(console: Console, blocking: DynamicResource) -> None:
    live = blocking.create(inputs({"beforeSignIn": ONE, "beforeCreate": TWO}, "idToken"))
    live = blocking.update(live, inputs({"beforeCreate": TWO}))
    assert (console.calls(), console.forwarded()) == ({"beforeCreate": TWO}, set())
    blocking.delete(live)
    assert console.calls() == {}


def test_a_trigger_that_somebody_took_over_is_not_removed(
    console: Console, blocking: DynamicResource
) -> None:
    live = blocking.create(inputs({"beforeSignIn": ONE, "beforeCreate": TWO}))
    console.set({"beforeSignIn": THEIRS, "beforeCreate": TWO})
    blocking.update(live, inputs({"beforeCreate": TWO}))
    assert console.calls() == {"beforeSignIn": THEIRS, "beforeCreate": TWO}


def test_what_somebody_changes_is_drift(console: Console, blocking: DynamicResource) -> None:
    wanted = inputs({"beforeSignIn": ONE}, "idToken")
    live = blocking.create(wanted)
    assert not blocking.diff(blocking.read(live)[0], wanted).changes
    console.set({"beforeSignIn": THEIRS}, "idToken", "refreshToken")
    found, as_inputs = blocking.read(live)
    assert as_inputs == inputs({"beforeSignIn": THEIRS}, "idToken", "refreshToken")
    assert blocking.diff(found, wanted).changes
    blocking.update(found, wanted)
    assert (console.calls(), console.forwarded()) == ({"beforeSignIn": ONE}, {"idToken"})


def test_what_is_set_already_is_not_written_again(console: Console, blocking: DynamicResource) -> None:
    console.set({"beforeSignIn": ONE}, "idToken")
    blocking.create(inputs({"beforeSignIn": ONE}, "idToken"))
    assert console.seen() == ["GET"]


@pytest.mark.usefixtures("console")
def test_an_address_that_is_not_known_yet_is_an_update(blocking: DynamicResource) -> None:
    live = blocking.create(inputs({"beforeSignIn": ONE}))
    changed = blocking.diff(live, inputs({"beforeSignIn": UNKNOWN}))
    assert (changed.changes, changed.replaces) == (True, ())
    other = {**inputs({"beforeSignIn": ONE}), "project": "other-project"}
    assert blocking.diff(live, other).replaces == ("project",)


def test_check_rejects_unknown_events_and_a_project_without_identity_platform(
    console: Console, blocking: DynamicResource
) -> None:
    assert set(blocking.check(inputs({"beforeLunch": ONE}))) == {"triggers"}
    assert set(blocking.check(inputs({"beforeSignIn": UNKNOWN}))) == set()
    console.deny()
    assert set(blocking.check(inputs({"beforeSignIn": ONE}))) == set(), "the `up` may have more rights"
    console.downgrade()
    refused = blocking.check(inputs({"beforeSignIn": ONE}))
    assert "upgrade at https://console.firebase.google.com/project/crm-sandbox" in refused["project"]
