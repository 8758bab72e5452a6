"""The shared snapshot is read once, and not used after a write that it does not contain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from railway import revision
from railway.graphql.api import RailwayApi
from railway.graphql.errors import AmbiguousError, MissingError
from railway.graphql.models import DeploymentView, EnvironmentView, ProjectView, Snapshot
from railway.snapshot import AccountCache, EnvironmentCache, authored_variables

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def view(number: int, config: dict[str, Any] | None = None) -> Snapshot:
    """A numbered snapshot."""
    return Snapshot(
        ProjectView("p", f"snapshot {number}", "", "", (), (), ()),
        EnvironmentView("e", "production", (), (), (), config if config is not None else {}),
    )


class Asked:
    """An API that counts requests and can call back during one."""

    def __init__(self) -> None:
        self.count = 0
        self.on_ask: Callable[[int], None] = lambda _number: None
        self.variables_read = 0
        self.config: dict[str, Any] | None = None

    def snapshot(self, project_id: str, environment_id: str) -> Snapshot:
        """Another snapshot each time."""
        self.count += 1
        number = self.count
        self.on_ask(number)
        return view(number, self.config)

    def variables(self, project_id: str, environment_id: str, service_id: str | None) -> dict[str, str]:
        """The answer of a request of its own."""
        self.variables_read += 1
        return {"A": "read"}


def stack(asked: Asked) -> EnvironmentCache:
    """The cache of an environment of such an API."""
    return AccountCache(cast("RailwayApi", asked)).environment("p", "e")


def name(seen: Snapshot) -> str:
    """Which snapshot it is."""
    assert seen.project is not None
    return seen.project.name


def test_concurrent_readers_share_one_request() -> None:
    """The engine reads eight resources in four threads."""
    asked = Asked()
    shared = stack(asked)
    seen: list[str] = []
    others = [threading.Thread(target=lambda: seen.append(name(shared.snapshot()))) for _ in range(3)]

    def meanwhile(number: int) -> None:
        # During the first request three more read: without sharing they would send requests, and end.
        if number == 1:
            for other in others:
                other.start()
            for other in others:
                other.join(0.2)

    asked.on_ask = meanwhile
    seen.append(name(shared.snapshot()))
    for other in others:
        other.join(30)
    assert asked.count == 1
    assert seen == ["snapshot 1"] * 4
    assert name(shared.snapshot()) == "snapshot 1"


def test_a_failed_read_is_not_cached() -> None:
    """The next reader sends a request."""
    asked = Asked()

    def fail(number: int) -> None:
        if number == 1:
            raise AmbiguousError("SnapshotRead", "HTTP 502")

    asked.on_ask = fail
    shared = stack(asked)
    with pytest.raises(AmbiguousError):
        shared.snapshot()
    assert name(shared.snapshot()) == "snapshot 2"


@pytest.mark.parametrize("how", ["invalidate", "update"])
def test_a_snapshot_is_read_again_after_a_write_during_the_request(how: str) -> None:
    """It may have been made before the write."""
    asked = Asked()
    shared = stack(asked)

    def write(number: int) -> None:
        if number == 1:
            shared.invalidate() if how == "invalidate" else shared.update(lambda seen: seen)

    asked.on_ask = write
    assert name(shared.snapshot()) == "snapshot 2"
    assert asked.count == 2


def test_a_write_with_a_known_effect_costs_no_request() -> None:
    """So that a first `up` needs twelve requests."""
    asked = Asked()
    shared = stack(asked)
    shared.snapshot()
    shared.update(lambda _seen: view(7))
    assert name(shared.snapshot()) == "snapshot 7"
    shared.invalidate()
    assert name(shared.snapshot()) == "snapshot 2"
    assert name(shared.refresh()) == "snapshot 3"


def test_masked_variables_are_read_once_by_a_request() -> None:
    """A masked value would always be drift."""
    asked = Asked()
    asked.config = {"services": {"s": {"variables": {"A": {"value": "*****"}}}}}
    shared = stack(asked)
    assert shared.variables("s") == {"A": "read"}
    assert shared.variables("s") == {"A": "read"}
    assert asked.variables_read == 1
    shared.update_variables("s", {"B": "written"})
    assert shared.variables("s") == {"B": "written"}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"A": {"value": "a"}, "B": {"value": ""}}, {"A": "a", "B": ""}),
        ({"A": {"value": None, "isSealed": True}, "B": None}, {"A": None}),
        ({"A": {"value": "*****", "isSealed": True}}, {"A": None}),
        ({"A": {"value": "*****"}}, None),
        ({"A": "plain"}, {"A": "plain"}),
    ],
)
def test_authored_values_are_read_from_the_config(
    entries: dict[str, Any], found: dict[str, str | None] | None
) -> None:
    """A sealed value is None; masked values cannot be read here."""
    assert authored_variables(view(1, {"services": {"s": {"variables": entries}}}), "s") == found
    assert authored_variables(view(1, {"sharedVariables": entries}), None) == found


def test_values_of_variables_are_in_no_repr() -> None:
    """A repr may be in a traceback."""
    assert "the-secret" not in repr(
        view(1, {"services": {"s": {"variables": {"A": {"value": "the-secret"}}}}})
    )


def test_a_state_without_ids_is_an_error() -> None:
    with pytest.raises(MissingError):
        AccountCache(cast("RailwayApi", Asked())).environment("p", "")


def test_a_project_has_one_lock() -> None:
    """Changes of a project and of its environments exclude each other."""
    railway = AccountCache(cast("RailwayApi", Asked()))
    by_project = railway.lock("p")
    assert railway.lock("p") is by_project
    assert railway.environment("p", "e").lock is by_project
    assert railway.environment("p", "another").lock is by_project
    assert railway.lock("q") is not by_project


def deployment(id_: str, seconds: float) -> DeploymentView:
    """A deployment that began that many seconds after NOW."""
    return DeploymentView(id_, "SUCCESS", NOW + timedelta(seconds=seconds))


def test_every_write_has_another_revision() -> None:
    """So that `Deployment` changes."""
    assert revision.new(NOW, None) != revision.new(NOW, None)


@given(
    st.none()
    | st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["", "d-1"]),
    st.booleans(),
)
def test_a_revision_can_be_parsed(when: datetime | None, seen: str, source: bool) -> None:
    made = revision.new(when, deployment(seen, 0) if seen else None, source=source)
    back = revision.parse(made)
    assert back is not None
    assert (back.latest_id, back.source) == (seen, source)
    assert str(back) == made


@pytest.mark.parametrize(
    ("id_", "seconds", "adopted"),
    [("new", 1, True), ("new", 0, True), ("new", -0.001, False), ("old", 1, False)],
)
def test_only_a_deployment_that_began_after_the_write_contains_it(
    id_: str, seconds: float, adopted: bool
) -> None:
    """And not the newest one before it, whatever its time."""
    write = revision.new(NOW, deployment("old", -100))
    assert revision.began_after(deployment(id_, seconds), [write]) is adopted
    later = revision.new(NOW + timedelta(seconds=50), None)
    assert not revision.began_after(deployment(id_, seconds), [write, later])


@pytest.mark.parametrize(
    "text",
    ["", "x", "a b c", "2026 - x y", revision.new(None, None)],
    ids=("empty", "one word", "words", "no mark", "made without a time"),
)
def test_a_revision_without_a_time_is_in_no_deployment(text: str) -> None:
    """Then a deployment follows, which loses nothing."""
    assert not revision.began_after(deployment("new", 1e9), [text])


def begun(id_: str, seconds: float, commit: str, reason: str = "") -> DeploymentView:
    """A deployment that began that many seconds after NOW."""
    return DeploymentView(
        id_, "SUCCESS", NOW + timedelta(seconds=seconds), commit, stopped=False, reason=reason
    )


@pytest.mark.parametrize("source", [False, True])
@pytest.mark.parametrize(
    ("deployment", "before", "sure", "sure_of_source"),
    [
        (begun("ours", 1, "one"), [], True, True),
        (begun("ours", 1, "two"), [begun("old", -100, "one")], True, True),
        (begun("redeployed", 1, "one"), [begun("old", -100, "one")], True, False),
        (begun("marked", 1, "one", "rollback"), [], False, False),
        (begun("asked", 1, "one", "deploy"), [begun("old", -100, "one")], True, True),
        (begun("again", 9, "one", "deploy"), [begun("failed", 1, "one", "deploy")], False, False),
        (begun("manual", 1, "one", "redeploy"), [begun("old", -100, "one")], True, False),
        (begun("again", 9, "one"), [begun("failed", 1, "two"), begun("old", -100, "one")], False, False),
        (begun("again", 9, "one"), [begun("failed", 1, "one"), begun("old", -100, "one")], False, False),
        (begun("pushed", 9, "two"), [begun("failed", 1, "one"), begun("old", -100, "one")], True, True),
        (begun("image", 1, ""), [begun("old", -100, "")], True, False),
        (begun("image", 9, ""), [begun("failed", 1, ""), begun("old", -100, "")], False, False),
    ],
    ids=lambda value: value.id if isinstance(value, DeploymentView) else None,
)
def test_a_possible_redeployment_does_not_run_the_declared_commit(
    deployment: DeploymentView,
    before: list[DeploymentView],
    sure: bool,
    sure_of_source: bool,
    source: bool,
) -> None:
    """A commit that no other deployment has is the newest. Another one counts only for the first deployment
    after the writes, and not if a write changed the source."""
    old = DeploymentView("old", "SUCCESS", NOW - timedelta(seconds=100), "one")
    write = revision.new(NOW, old, source=source)
    assert revision.began_after(deployment, [write])
    assert revision.runs_declared_commit(deployment, [deployment, *before], [write]) is (
        sure_of_source if source else sure
    )
