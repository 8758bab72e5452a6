"""What a line of the runbook is, what its check finds, and what the report says about it.

A line is ready only if its check passed or a waiver of the stack's config covers it. A check that could not
read a cloud is "cannot tell", which is never ready.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What is known about a line; the text is the one in reports."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "cannot tell"
    PERSON = "needs a person"
    WAIVED = "waived"

    @property
    def ready(self) -> bool:
        """Whether the line does not stand in the way."""
        return self in (Verdict.PASS, Verdict.WAIVED)


class Severity(Enum):
    """What a broken line means for production."""

    CRITICAL = "critical"  # data can be lost, or nobody can work
    HIGH = "high"  # a part does not work, or somebody has rights that they must not have
    MEDIUM = "medium"  # it works today, and may not tomorrow


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One question to a cloud or a file.

    Args:
        asked: what was asked, as a person would repeat it.
        answer: what came back. Never a secret value.
        at: when.
    """

    asked: str
    answer: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the check of a line found.

    Args:
        verdict: every one but WAIVED.
        found: one sentence or a few short lines.
        fix: lines, each a command or a remark (`user_errors.add_fix`); "" if the line passed.
        evidence: what was asked and answered.
        follows: ids of lines whose failure is the reason for this one, if they are not ready in the same run.
        waiting: whether time alone can change it: an index is being built, a deployment runs.
    """

    verdict: Verdict
    found: str
    fix: str = ""
    evidence: tuple[Evidence, ...] = ()
    follows: tuple[str, ...] = ()
    waiting: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the runbook.

    Args:
        id: its section's letter and a number. Ids are in reports and waivers: they never change.
        words: the runbook's.
        severity: what it means if it is broken.
        check: looks at what is live; it gets an `ops.readiness.context.Context`, which imports this module.
    """

    id: str
    words: str
    severity: Severity
    check: Callable[[Any], Finding]

    @property
    def section(self) -> str:
        """The letter of its section."""
        return self.id[0]


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """The decision of a person to go to production without a line.

    Args:
        reason, person: why, and who decided.
        expires: the last day on which it holds.
    """

    reason: str
    person: str
    expires: date


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A line in a report.

    Args:
        line: the line.
        finding: what its check found.
        verdict: that of the finding, or WAIVED.
        waiver: its waiver, whether it was needed or not.
        follows: the lines of this run from which the failure follows; the line is not named as a reason.
        before: the verdict in the report before, None if it was not in it.
    """

    line: Line
    finding: Finding
    verdict: Verdict
    waiver: Waiver | None = None
    follows: tuple[str, ...] = ()
    before: Verdict | None = None

    @property
    def changed(self) -> bool:
        """Whether the verdict differs from the one before."""
        return self.before is not None and self.before is not self.verdict


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run.

    Args:
        stack, project: the stack, and its Google project.
        commit: of the program that checked, with "+changes" if its files differ from it; "" if unknown.
        started, finished: when.
        outcomes: one for each line that ran, in the runbook's order.
        total: how many lines the runbook has.
        previous: when the report before was made, None without one.
    """

    stack: str
    project: str
    commit: str
    started: datetime
    finished: datetime
    outcomes: Sequence[Outcome]
    total: int
    previous: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether all lines ran."""
        return len(self.outcomes) == self.total

    @property
    def ready(self) -> bool:
        """Whether no line that ran stands in the way."""
        return all(one.verdict.ready for one in self.outcomes)

    @property
    def reasons(self) -> list[str]:
        """The ids that stand in the way, without those that only follow from another."""
        return [one.line.id for one in self.outcomes if not one.verdict.ready and not one.follows]

    @property
    def followers(self) -> list[str]:
        """The ids that are not ready because of another line."""
        return [one.line.id for one in self.outcomes if not one.verdict.ready and one.follows]

    @property
    def decided(self) -> int:
        """How many lines a check decided: it passed or failed, waived or not."""
        known = (Verdict.PASS, Verdict.FAIL)
        return sum(one.finding.verdict in known for one in self.outcomes)

    def count(self, verdict: Verdict) -> int:
        """How many lines have a verdict."""
        return sum(one.verdict is verdict for one in self.outcomes)

    @property
    def summary(self) -> str:
        """The last line: how much of the runbook was checked, and whether production is ready."""
        rest = {
            "could not be checked": sum(one.finding.verdict is Verdict.UNKNOWN for one in self.outcomes),
            "need a person": sum(one.finding.verdict is Verdict.PERSON for one in self.outcomes),
        }
        more = "".join(f", {count} {what}" for what, count in rest.items() if count)
        return f"{self.decided} of the runbook's {self.total} lines were checked{more}: {self.conclusion}"

    @property
    def conclusion(self) -> str:
        """Ready or not."""
        if self.ready:
            return "ready for 30 accounts" if self.complete else "these lines are ready"
        verb = "follows" if len(self.followers) == 1 else "follow"
        after = f" ({', '.join(self.followers)} {verb})" if self.followers else ""
        return f"not ready: {', '.join(self.reasons)}{after}"
