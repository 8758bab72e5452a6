"""The real engine on a Railway that allows few requests: what a person at the terminal reads, in real
seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.engine_kills import STACK, EngineWorld

pytestmark = pytest.mark.e2e

UP = ("up", "--yes", "--skip-preview", "--stack", STACK)
THREADS = 4
"""Requests that may be on their way when the last one is taken (the SDK's server has so many threads)."""


class Terminal(EngineWorld):
    """The engine with the durations of production."""

    def __enter__(self) -> Terminal:
        super().__enter__()
        self.environ["RAILWAY_WAIT_SCALE"] = "1"
        return self

    def assert_complete(self) -> None:
        """What is live is what is declared, after one deployment of each service.

        Raises:
            AssertionError: it is not.
        """
        once = {"projects": 1, "services": 2, "volumes": 1, "deployments": 2}
        assert {table: len(self.world.rows(table)) for table in once} == once
        self.run("preview", "--refresh", "--run-program", "--expect-no-changes", "--stack", STACK)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """An empty stack on an empty Railway."""
    with Terminal(tmp_path / "world") as made:
        made.init()
        yield made


def test_an_up_without_requests_left_names_the_time_and_the_next_one_continues(terminal: Terminal) -> None:
    """It does not hang, and does not ask on until Railway refuses."""
    terminal.world.admin("switches", {"hourly_budget": 12})
    begun = datetime.now(UTC)
    failed = terminal.call(*UP)
    ended = datetime.now(UTC)
    assert failed.returncode != 0
    assert ended - begun < timedelta(minutes=10)  # of an hour
    assert re.search("[01] of this token's 12 requests per hour are left; Railway allows", failed.stdout)
    told = re.search(
        r"Railway request \w+ failed: this token has no requests left; "
        r"Railway allows new ones in [^,]+, at (.+) UTC\n"
        r" +fix: run `pulumi up` again after \1 UTC; it continues where this one stopped\n",
        failed.stdout,
    )
    assert told is not None, failed.stdout
    hour = {begun + timedelta(hours=1, seconds=second) for second in range(int((ended - begun).seconds) + 4)}
    assert told[1].split()[-1] in {moment.strftime("%H:%M:%S") for moment in hour}
    assert terminal.requests() <= 12 + THREADS - 1
    terminal.world.admin("switches", {"hourly_budget": 10_000})
    done = terminal.call(*UP)
    assert done.returncode == 0, done.stdout
    terminal.assert_complete()


def test_waits_for_the_next_second_and_the_next_window_are_logged_and_the_up_succeeds(
    terminal: Terminal,
) -> None:
    """How long and why; the short one only once. A request that another one's answer overtook is refused
    for the window and waits just as long.
    """
    window = 30
    switches = {"per_second_budget": 3, "hourly_budget": 20, "budget_window_seconds": window}
    terminal.world.admin("switches", switches)
    begun = time.monotonic()
    done = terminal.call(*UP)
    assert done.returncode == 0, done.stdout
    said = done.stdout.partition("\nDiagnostics:\n")[2]
    assert said.count("(more waits of this length are not logged)") == 1, said
    assert re.search(r"too many requests in a short time \(trace id \w+\); waiting 1 s \(more", said), said
    waits = re.findall(r"; waiting (\d+) s, until \d\d:\d\d:\d\d UTC", said)
    assert waits, said
    assert all(5 <= int(seconds) <= window + 2 for seconds in waits), waits
    assert time.monotonic() - begun >= max(int(seconds) for seconds in waits) - 2
    terminal.world.admin("switches", {"per_second_budget": 0, "hourly_budget": 10_000})
    terminal.assert_complete()
