"""One resource waits for all index builds, and TTL fields change in the order that Firestore needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from firebase import index_builds, ttl_handover
from firebase.index_builds import IndexBuildError, IndexBuildsProvider
from firebase.rest import GoogleApi
from firebase.ttl_handover import TtlHandoverProvider

pytestmark = pytest.mark.unit

ROOT = "projects/p/databases/(default)/collectionGroups"
PROPS: dict[str, Any] = {
    "project": "p",
    "database": "(default)",
    "indexes": {"threads-a": f"{ROOT}/threads/indexes/1", "threads-b": f"{ROOT}/threads/indexes/2"},
    "fields": {"messages-text": f"{ROOT}/messages/fields/text"},
    "wait_seconds": 7200,
}


class Builds:
    """Firestore's two lists, and a clock that only sleeping moves.

    Args:
        ready_at: seconds after which each object is READY, by the last part of its name.
        states: a state other than READY that an object ends in.
    """

    def __init__(self, ready_at: Mapping[str, float], states: Mapping[str, str] | None = None) -> None:
        self.ready_at = ready_at
        self.states = states or {}
        self.now = 0.0
        self.lists = 0

    def listed(
        self, product: str, path: str, field: str, operation: str, params: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The objects that exist by now."""
        del operation
        assert product == "firestore"
        assert path == f"{ROOT}/-/{field}"
        assert (params is not None) == (field == "fields")
        self.lists += 1
        for name in (*PROPS["indexes"].values(), *PROPS["fields"].values()):
            short = name.rsplit("/", 1)[1]
            if short not in self.ready_at or f"/{field}/" not in name:
                continue
            done = self.now >= self.ready_at[short]
            state = self.states.get(short, "READY") if done else "CREATING"
            yield (
                {"name": name, "state": state}
                if field == "indexes"
                else {
                    "name": name,
                    "indexConfig": {"indexes": [{"state": "READY"}, {"state": state}]},
                }
            )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, **props: Any) -> None:
        index_builds.wait(cast("GoogleApi", self), PROPS | props, self.sleep, lambda: self.now)


def test_it_waits_for_the_longest_build_and_not_for_their_sum(capsys: pytest.CaptureFixture[str]) -> None:
    builds = Builds({"1": 600, "2": 1200, "text": 900})
    builds.wait()
    assert 1200 <= builds.now <= 1200 * 1.1
    said = capsys.readouterr().err
    assert "0 of 3 indexes and field overrides are READY" in said
    assert "2 of 3" in said
    assert "building: threads-b" in said
    assert "all 3 indexes and field overrides are READY after 20 min" in said


def test_short_builds_end_promptly_and_long_ones_cost_few_requests() -> None:
    short = Builds({"1": 1, "2": 1, "text": 1})
    short.wait()
    assert short.now <= 1.5
    hour = Builds({"1": 3600, "2": 0, "text": 0})
    hour.wait()
    assert hour.lists / 2 < 320


def test_what_is_ready_already_is_not_reported(capsys: pytest.CaptureFixture[str]) -> None:
    builds = Builds({"1": 0, "2": 0, "text": 0})
    builds.wait()
    assert builds.lists == 2
    assert capsys.readouterr().err == ""


def test_the_end_of_the_time_names_what_is_not_ready() -> None:
    builds = Builds({"1": 0, "2": 9000, "text": 9000})
    with pytest.raises(IndexBuildError) as caught:
        builds.wait()
    assert caught.value.states == {"threads-b": "CREATING", "messages-text": "CREATING"}
    assert "run `pulumi up` again" in str(caught.value)
    assert 7200 <= builds.now < 7300


def test_a_broken_build_ends_the_wait_at_once() -> None:
    builds = Builds({"1": 60, "2": 3600, "text": 0}, {"1": "NEEDS_REPAIR"})
    with pytest.raises(IndexBuildError, match="delete threads-a in the Firebase console"):
        builds.wait()
    assert builds.now < 70


def test_a_list_may_lag_behind_a_creation_but_not_for_ever() -> None:
    builds = Builds({"1": 0, "text": 0})
    with pytest.raises(IndexBuildError) as caught:
        builds.wait()
    assert caught.value.states == {"threads-b": "MISSING"}
    assert index_builds.LISTED_SECONDS <= builds.now < index_builds.LISTED_SECONDS + 16


def test_an_index_that_is_not_ready_at_a_refresh_is_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    builds = Builds({"1": 0, "2": 100, "text": 0})
    monkeypatch.setattr(index_builds, "shared_api", lambda: builds)
    provider = IndexBuildsProvider()
    read = provider.read("id", PROPS)
    assert read.outs is not None
    assert read.outs["not_ready"] == ["threads-b: CREATING"]
    assert provider.diff("id", read.outs, PROPS).changes
    builds.now = 100
    read = provider.read("id", PROPS)
    assert read.outs is not None
    assert not provider.diff("id", read.outs, PROPS).changes


def test_another_database_replaces_and_another_index_updates() -> None:
    provider = IndexBuildsProvider()
    other = provider.diff("id", PROPS, PROPS | {"database": "second"})
    assert other.replaces == ["database"]
    more = provider.diff("id", PROPS, PROPS | {"indexes": {}})
    assert more.changes
    assert more.replaces == []


class Fields:
    """Firestore's field settings: remembers what was sent, and is done after two polls."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Mapping[str, str] | None]] = []

    def call(
        self,
        method: str,
        product: str,
        path: str,
        *,
        operation: str,
        body: dict[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool,
    ) -> dict[str, Any]:
        del operation, body
        assert product == "firestore"
        assert repeatable
        self.sent.append((method, path, params))
        return {"name": "projects/p/databases/(default)/operations/1", "done": len(self.sent) % 3 == 0}


def test_only_a_ttl_that_moved_to_another_field_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = Fields()
    monkeypatch.setattr(ttl_handover, "shared_api", lambda: fields)
    place = {"project": "p", "database": "(default)"}
    olds = {**place, "fields": {"sessions": "expireAt", "outbox": "doneAt", "logs": "at"}}
    news = {**place, "fields": {"sessions": "deleteAfter", "outbox": "doneAt", "new": "at"}}
    provider = TtlHandoverProvider()
    assert provider.diff("id", olds, news).changes
    assert not provider.diff("id", news, news).changes
    provider.create(olds)
    assert fields.sent == []
    provider.update("id", olds, news)
    patched = [(path, params) for method, path, params in fields.sent if method == "PATCH"]
    assert patched == [(f"{ROOT}/sessions/fields/expireAt", {"updateMask": "ttlConfig"})]
    assert [method for method, _, _ in fields.sent] == ["PATCH", "GET", "GET"]


@pytest.mark.parametrize("provider", [IndexBuildsProvider(), TtlHandoverProvider()])
def test_a_pickle_is_a_name(provider: IndexBuildsProvider | TtlHandoverProvider) -> None:
    """The module path and the class name are in every stack's state."""
    import base64

    pickled = base64.b64decode(serialize_provider(provider))
    assert type(provider).__module__.encode() in pickled
    assert type(provider).__name__.encode() in pickled
    assert len(pickled) < 100
