"""Railway's budget of requests: what is left is known, a wait is bounded and logged, and an `up` that cannot
continue names the time."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_world import Declared, Engine, World, first_up

pytestmark = pytest.mark.conformance

NEW_ONES = re.compile(r"Railway allows new ones in ((?:\d+ (?:h|min|s) ?)+), at (\d\d:\d\d:\d\d|\S+ \S+) UTC")

WATCHING = 30
"""More than a first `up` sends until the deployment has started, also where its waits ask often."""
ENDLESS = {"deploy_step_seconds": 1_000}
"""The deployment ends when the clock is moved, so that its watching uses up any budget."""


def fails(world: World, engine: Engine) -> tuple[str, str]:
    """An `up` that fails; returns the error, and what was logged meanwhile."""
    with world.operation() as process:
        text = refusal(lambda: engine.up(process, Declared(wait_seconds=3_000)))
    return text, process.stderr


def moment(told: str, now: datetime) -> datetime:
    """The moment that a message names: with the date where it is not today."""
    if " " in told:
        return datetime.fromisoformat(told).replace(tzinfo=UTC)
    return datetime.combine(now.date(), datetime.strptime(told, "%H:%M:%S").time(), UTC)  # noqa: DTZ007


def duration(told: str) -> timedelta:
    """The duration that a message names, such as "59 min 58 s"."""
    units = {"h": "hours", "min": "minutes", "s": "seconds"}
    return timedelta(**{units[unit]: int(number) for number, unit in re.findall(r"(\d+) (h|min|s)\b", told)})


@pytest.mark.parametrize(
    "budget", [7, WATCHING], ids=["before the deployment", "while the deployment is watched"]
)
def test_an_up_without_requests_left_ends_with_the_time_and_the_next_goes_on(
    railway: World, budget: int
) -> None:
    """At once, and without asking on until Railway refuses; nothing is made twice."""
    railway.admin("switches", {"hourly_budget": budget, **ENDLESS})
    engine, begun = Engine(), datetime.now(UTC)
    text, said = fails(railway, engine)
    ended = datetime.now(UTC)
    assert ended - begun < timedelta(seconds=60), "a wait for the hour takes 72 s at this scale"
    told = NEW_ONES.search(text)
    assert told is not None, text
    # To the second: rounded up, so that "after" is true; the clock of a header has whole seconds.
    new_ones = moment(told[2], ended)
    assert (
        begun + timedelta(hours=1) - timedelta(seconds=2) < new_ones < ended + timedelta(hours=1, seconds=3)
    )
    assert timedelta(hours=1) - (ended - begun) - timedelta(seconds=2) <= duration(told[1]), text
    assert duration(told[1]) <= timedelta(hours=1, minutes=1), text
    assert f"fix: run `pulumi up` again after {told[2]} UTC; it continues where this one stopped" in text
    # What is left is known: it was logged before it was used up, and no request was sent in vain.
    few = re.findall(rf"railway: (\d+) of this token's {budget} requests per hour are left", said)
    assert len(few) == 1, said
    assert int(few[0]) <= budget // 10
    assert railway.admin("counters")["requests"] == budget
    railway.admin("switches", {"hourly_budget": 10_000, "deploy_step_seconds": 0.05})
    railway.admin("clock", {"advance": 5_000})
    with railway.operation() as process:
        engine.up(process, Declared())
    assert [len(railway.rows(table)) for table in ("projects", "services", "volumes", "domains")] == [1] * 4
    assert railway.counts()[1] == 1
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_a_followed_deployment_without_requests_left_is_named(railway: World) -> None:
    """It goes on by itself: the message has its id and the time."""
    railway.admin("switches", {"hourly_budget": WATCHING, **ENDLESS})
    text, _ = fails(railway, Engine())
    (row,) = railway.rows("deployments")
    assert f"the deployment {row['id']} was started, but its status could not be followed" in text
    assert NEW_ONES.search(text)
    assert "fix: run `pulumi up` again after " in text


def test_a_wait_for_the_next_window_is_logged_with_its_end(railway: World) -> None:
    """A short one is waited for, in real seconds: the `up` is done in one go."""
    # A busy machine, too, sends 12 requests in one window.
    window = 16
    railway.admin("switches", {"hourly_budget": 12, "budget_window_seconds": window})
    engine, begun = Engine(), time.monotonic()
    with railway.operation(RAILWAY_WAIT_SCALE="1") as process:
        engine.up(process, Declared(stable_seconds=0))
    waits = re.findall(
        r"this token has no requests left; waiting (\d+) s, until (\d\d:\d\d:\d\d) UTC",
        process.stderr,
    )
    assert waits, process.stderr
    assert all(1 <= int(seconds) <= window + 2 for seconds, _ in waits), waits
    assert time.monotonic() - begun >= sum(int(seconds) - 2 for seconds, _ in waits)
    assert engine.state["deployment"].live.outs["status"] == "SUCCESS"
    assert railway.counts()[1] == 1


def test_an_exceeded_limit_per_second_is_waited_for_and_logged_once(railway: World) -> None:
    """Railway allows so many requests a second; a moment later there are new ones. It is no use to log each
    of these waits."""
    railway.admin("switches", {"per_second_budget": 1})
    engine, declared = Engine(), Declared(stable_seconds=0)
    with railway.operation(RAILWAY_WAIT_SCALE="0.2") as process:
        engine.up(process, declared, only="service")
        railway.admin("switches", {"per_second_budget": 0})  # the rest need not take a second for each
        engine.up(process, declared)
    told = re.findall(r"too many requests in a short time \(trace id \w+\); waiting 1 s", process.stderr)
    assert len(told) == 1, process.stderr
    assert engine.state["deployment"].live.outs["status"] == "SUCCESS"
    assert railway.counts()[1] == 1


def test_a_second_that_never_has_room_ends(railway: World) -> None:
    """At the deadline of the request, which is minutes; the message has a fix."""
    engine = first_up(railway)
    # As if somebody else with the same token used up every second: no request of ours is let through.
    railway.fault("SnapshotRead", "rate_429", times=10_000)
    with railway.operation(RAILWAY_WAIT_SCALE="0.01") as process:
        begun = time.monotonic()
        text = refusal(lambda: engine.refresh(process))
        assert 3 <= time.monotonic() - begun < 60
    assert "too many requests in a short time" in text
    assert "fix: wait a minute, then run `pulumi up` again" in text
