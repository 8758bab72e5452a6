"""The lines of the runbook's section F, what a test found, and how it ends without a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from ops.readiness.model import Evidence
from user_errors import printable

LINES = {
    "F1": "thread isolation: one client writes to two accounts, and each conversation stays its own",
    "F2": "receive: a client's message is visible to a listener within seconds",
    "F3": "send: a message sent through the proxy is sent, delivered and read",
    "F4": "extract and save: an event is found in a conversation, saved, and added to the client's sums",
    "F5": "ask: the answer about a client's spending agrees with the sums",
}
"""The ids of the tests, in their order, and what they show."""
LONGEST_ANSWER = 500


class Verdict(Enum):
    """What is known about a line; the text is the one in files."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of one test.

    Args:
        id: a key of LINES.
        verdict: the verdict.
        at: when it fell.
        by: who tested: the address of the test user.
        attempt: how many results the run has of this line, with this one.
        seconds: how long it took, with the time that a person needed.
        found: one sentence.
        fix: lines as in `user_errors.add_fix`; "" if the test passed.
        evidence: in the order of the steps.
    """

    id: str
    verdict: Verdict
    at: datetime
    by: str
    attempt: int
    seconds: float
    found: str
    fix: str = ""
    evidence: tuple[Evidence, ...] = ()


class Failed(Exception):  # noqa: N818 - a result of a test, not an error
    """The behaviour that a line names is broken.

    Args:
        found: what was seen, and what was expected.
        fix: what to do about it.
    """

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(printable(found))
        self.found = printable(found)
        self.fix = printable(fix)


class CannotTellError(Exception):
    """A test could not be carried out: a service did not answer, or nobody did what was asked.

    Args:
        found: what happened.
        fix: what to do about it.
    """

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(printable(found))
        self.found = printable(found)
        self.fix = printable(fix)


class TimedOut(Exception):  # noqa: N818 - the step decides whether it is a failure
    """What was waited for did not happen. `seconds`: how long it had."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not within {seconds:g} s")
        self.seconds = seconds


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@dataclass
class Notes:
    """The evidence of a test that is under way.

    Args:
        say: writes each entry for the person who watches.
    """

    say: Callable[[str], None] = field(default=lambda _: None)
    kept: list[Evidence] = field(default_factory=list)

    def add(self, asked: str, answer: object) -> None:
        """Keep one question and its answer."""
        text = printable(str(answer))
        shown = text if len(text) <= LONGEST_ANSWER else f"{text[:LONGEST_ANSWER]}…"
        self.kept.append(Evidence(asked=printable(asked), answer=shown, at=now()))
        self.say(f"{asked}: {shown}")
