"""The Pub/Sub topic through the SDK's own server, against the Google sandbox."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest
import requests
from pulumi.dynamic.dynamic import serialize_provider

from firebase.topic import PubSubTopicProvider
from tests.conformance.dynamic_process import UNKNOWN, DynamicProcess, DynamicResource, Live

pytestmark = pytest.mark.conformance

PROJECT = "crm-sandbox"
NAME = f"projects/{PROJECT}/topics/paid"
INPUTS = {"project": PROJECT, "topic": "paid"}
TIMEOUT = 30


class Console:
    """Somebody with the Google Cloud console, and the requests that the sandbox recorded."""

    def __init__(self, google: str) -> None:
        self._google = google
        self.send("POST", f"serviceusage/v1/projects/{PROJECT}/services/pubsub.googleapis.com:enable", {})

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        headers = {"Authorization": "Bearer person", "X-Sandbox-Actor": "manual"}
        return requests.request(method, f"{self._google}/{path}", json=body, headers=headers, timeout=TIMEOUT)

    def topic(self) -> dict[str, Any] | None:
        """The topic, None if there is none."""
        answer = self.send("GET", f"pubsub/v1/{NAME}")
        return answer.json() if answer.ok else None

    def seen(self) -> list[str]:
        """The methods of the provider's requests."""
        records = requests.get(f"{self._google}/admin/requests", timeout=TIMEOUT).json()
        return [one["method"] for one in cast("list[Any]", records) if one["actor"] != "manual"]

    def fail(self, kind: str, operation: str) -> None:
        """Make the next request of an operation fail."""
        body = {"operation": operation, "nth": 1, "times": 1, "kind": kind}
        assert requests.post(f"{self._google}/admin/faults", json=body, timeout=TIMEOUT).ok


@pytest.fixture
def console(google: str) -> Console:
    return Console(google)


@pytest.fixture
def topic(google_process: DynamicProcess) -> DynamicResource:
    return google_process.resource(PubSubTopicProvider())


def test_the_pickle_in_the_state_is_the_class_path_and_nothing_else() -> None:
    """Renaming the module or the class, or giving the provider an attribute, breaks every existing stack."""
    pickled = base64.b64decode(serialize_provider(PubSubTopicProvider()))
    assert pickled == (
        b"\x80\x04\x95-\x00\x00\x00\x00\x00\x00\x00\x8c\x0efirebase.topic\x94\x8c\x13"
        b"PubSubTopicProvider\x94\x93\x94)\x81\x94."
    )


def test_a_topic_that_is_not_there_is_made(console: Console, topic: DynamicResource) -> None:
    live = topic.create(INPUTS)
    assert (live.id, live.outs) == (NAME, INPUTS)
    assert console.topic() is not None
    assert console.seen() == ["GET", "PUT"]


def test_an_existing_topic_is_used_and_left_as_it_is(console: Console, topic: DynamicResource) -> None:
    theirs = {"labels": {"team": "billing"}, "messageRetentionDuration": "86400s"}
    assert console.send("PUT", f"pubsub/v1/{NAME}", theirs).ok
    before = console.topic()
    live = topic.create(INPUTS)
    assert live.id == NAME
    assert console.topic() == before
    assert console.seen() == ["GET"]


def test_two_programs_that_make_it_at_once_both_succeed(console: Console, topic: DynamicResource) -> None:
    """The answer to the first PUT is lost, so it is sent again and finds the topic."""
    console.fail("http_503_after", "PUT pubsub.projects.topics.create")
    assert topic.create(INPUTS).id == NAME
    assert console.topic() is not None


def test_a_topic_that_somebody_deleted_is_made_again(console: Console, topic: DynamicResource) -> None:
    live = topic.create(INPUTS)
    found, as_inputs = topic.read(live)
    assert (found.id, as_inputs) == (NAME, INPUTS)
    console.send("DELETE", f"pubsub/v1/{NAME}")
    found, _ = topic.read(live)
    assert found.id == ""


def test_delete_keeps_the_topic_and_warns(console: Console, google_environ: dict[str, str]) -> None:
    with DynamicProcess(google_environ) as process:
        kept = process.resource(PubSubTopicProvider())
        kept.delete(kept.create(INPUTS))
    assert console.topic() is not None
    assert "gcloud pubsub topics delete paid" in process.stderr


def test_another_name_is_another_topic(topic: DynamicResource) -> None:
    live = Live(NAME, INPUTS)
    assert not topic.diff(live, INPUTS).changes
    assert topic.diff(live, {**INPUTS, "topic": "refunds"}).replaces == ("topic",)
    assert not topic.diff(live, {**INPUTS, "project": UNKNOWN}).changes


@pytest.mark.parametrize("missing", ["project", "topic"])
def test_check_requires_the_names(topic: DynamicResource, missing: str) -> None:
    assert set(topic.check({**INPUTS, missing: ""})) == {missing}
    assert set(topic.check({**INPUTS, missing: UNKNOWN})) == set()
