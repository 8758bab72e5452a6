"""The real engine on a Railway that allows few requests: what a person at the terminal reads, in real
seconds."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conformance.railway_world import assert_silent
from tests.e2e.engine_kills import PROGRAM, STACK, EngineWorld

pytestmark = pytest.mark.e2e

UP = ("up", "--yes", "--skip-preview", "--stack", STACK)
THREADS = 4
"""Requests that may be on their way when the last one is taken (the SDK's server has so many threads)."""


class Terminal(EngineWorld):
    """The engine as a person runs it: durations are those of production, and an `up` may fail."""

    def __enter__(self) -> Terminal:
        super().__enter__()
        self._environ["RAILWAY_WAIT_SCALE"] = "1"
        return self

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI; all it says is in `stdout`."""
        done = subprocess.run(
            self._command(*arguments),
            cwd=PROGRAM,
            env=self._environment(changed=False),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
        assert_silent(done.stdout)
        return done

    def assert_one_of_each(self) -> None:
        """What is live is what is declared, once, after one deployment.

        Raises:
            AssertionError: it is not.
        """
        once = {"projects": 1, "services": 1, "volumes": 1, "deployments": 1}
        assert {table: len(self.world.rows(table)) for table in once} == once
        self.run("preview", "--refresh", "--run-program", "--expect-no-changes", "--stack", STACK)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """An empty stack on an empty Railway."""
    with Terminal(tmp_path / "world") as made:
        made.run("stack", "init", STACK)
        yield made


def test_an_up_without_requests_left_says_until_when_and_the_next_one_goes_on(terminal: Terminal) -> None:
    """It does not hang, and does not ask on until Railway refuses."""
    terminal.world.admin("switches", {"hourly_budget": 12})
    begun = datetime.now(UTC)
    failed = terminal.attempt(*UP)
    ended = datetime.now(UTC)
    assert failed.returncode != 0
    assert ended - begun < timedelta(seconds=60)
    assert re.search("[01] of this token's 12 requests of the hour are left; Railway gives", failed.stdout)
    told = re.search(
        r"Railway \w+: this token's requests of the hour are used up; Railway gives new "
        r"ones in [^,]+, at (.+) UTC\n +fix: run `pulumi up` again after \1 UTC; what is done stays done\n",
        failed.stdout,
    )
    assert told is not None, failed.stdout
    hour = {begun + timedelta(hours=1, seconds=second) for second in range(int((ended - begun).seconds) + 4)}
    assert told[1].split()[-1] in {moment.strftime("%H:%M:%S") for moment in hour}
    assert terminal.requests() <= 12 + THREADS - 1
    terminal.world.admin("switches", {"hourly_budget": 10_000})
    done = terminal.attempt(*UP)
    assert done.returncode == 0, done.stdout
    terminal.assert_one_of_each()


def test_waits_for_the_next_second_and_the_next_window_are_said_and_the_up_is_done(
    terminal: Terminal,
) -> None:
    """How long and why; the first only once."""
    window = 20
    switches = {"per_second_budget": 3, "hourly_budget": 15, "budget_window_seconds": window}
    terminal.world.admin("switches", switches)
    begun = time.monotonic()
    done = terminal.attempt(*UP)
    assert done.returncode == 0, done.stdout
    said = done.stdout.partition("\nDiagnostics:\n")[2]
    assert said.count("too many requests in a short time") == 1, said
    waits = re.findall(
        r"no request of this token is left for now; waiting (\d+) s, until \d\d:\d\d:\d\d UTC", said
    )
    assert waits, said
    assert all(5 <= int(seconds) <= window + 2 for seconds in waits), waits
    assert time.monotonic() - begun >= max(int(seconds) for seconds in waits) - 2
    terminal.world.admin("switches", {"per_second_budget": 0, "hourly_budget": 10_000})
    terminal.assert_one_of_each()
