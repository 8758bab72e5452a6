"""Runs the checks: a line that cannot be read does not stop the others; what time changes is waited for."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from firebase.errors import GoogleError
from firebase.polling import poll
from ops.github import GitHubError
from ops.readiness import waivers
from ops.readiness.context import Context
from ops.readiness.findings import failed, passed, unknown
from ops.readiness.lines import ALL_READY, IDS
from ops.readiness.model import Finding, Line, Outcome, Verdict, Waiver
from ops.stack import StackError
from railway.graphql.errors import RailwayError
from user_errors import UserError

REPORT_SECONDS = 60.0
"""How often the wait says what it waits for, if nothing changes."""


def checked(line: Line, context: Context) -> Finding:
    """What the check of a line finds. A cloud that cannot be read is "cannot tell", for this line only."""
    try:
        return line.check(context)
    except (GoogleError, RailwayError, GitHubError) as error:
        return unknown(error.what, error.fix or "run the command again")
    except (UserError, StackError) as error:
        what, _, fix = str(error).partition("\n  fix: ")
        return unknown(what, fix or "run the command again")
    except Exception as error:  # noqa: BLE001 - the other lines must still be checked; this one never passes
        # Without the exception's text, which may hold a value.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        what = f"a response that the check does not expect ({type(error).__name__} at {where})"
        return unknown(what, "open an issue with this line of the report")


def run(
    lines: Sequence[Line],
    context: Callable[[], Context],
    *,
    retry_seconds: float = 0.0,
    say: Callable[[str], object],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Finding]:
    """What each line's check finds, by id.

    Args:
        lines: the lines.
        context: makes the context of a round.
        retry_seconds: how long to wait for lines that time alone can change. Each round checks the lines
            again that did not pass.
        say: prints a line of progress.
        sleep, clock: seconds; for tests.
    """
    found: dict[str, Finding] = {}
    started = clock()
    said, said_at = "", -REPORT_SECONDS

    def attempt() -> bool | None:
        nonlocal said, said_at
        round_ = context()
        for line in lines:
            if line.id not in found or found[line.id].verdict is not Verdict.PASS:
                found[line.id] = checked(line, round_)
        waiting = [line for line in lines if found[line.id].waiting]
        if not waiting or retry_seconds <= 0:
            return True
        elapsed = clock() - started
        text = "; ".join(f"{one.id} {found[one.id].found.partition(chr(10))[0]}" for one in waiting)
        if text != said or elapsed - said_at >= REPORT_SECONDS:
            say(f"readiness: waiting, {_minutes(elapsed)} of {_minutes(retry_seconds)}: {text}")
            said, said_at = text, elapsed
        return None

    poll(attempt, seconds=retry_seconds, sleep=sleep, clock=clock)
    return found


def outcomes(
    lines: Sequence[Line],
    found: Mapping[str, Finding],
    given: Mapping[str, Waiver],
    *,
    stack: str,
    today: date,
) -> list[Outcome]:
    """The lines with their verdicts: waivers applied, failures that only follow from others marked.

    Args:
        lines: the lines that ran.
        found: what their checks found.
        given: the stack's waivers.
        stack: its name, for commands.
        today: the date by which a waiver has expired or not.
    """
    result: dict[str, Outcome] = {}
    for line in lines:
        waiver = given.get(line.id)
        remove = waivers.remove_command(line.id, stack)
        finding, verdict = waivers.apply(found[line.id], waiver, today, remove)
        result[line.id] = Outcome(line=line, finding=finding, verdict=verdict, waiver=waiver)
    for one in list(result.values()):
        result[one.line.id] = _following(one, result)
    if ALL_READY in result:
        others = [one for one in result.values() if one.line.id != ALL_READY]
        result[ALL_READY] = _all_ready(result[ALL_READY].line, others, given, stack)
    return list(result.values())


def _following(one: Outcome, result: Mapping[str, Outcome]) -> Outcome:
    """The outcome with the failed lines from which it follows. With a waived reason, it is waived too."""
    if one.verdict.ready or one.verdict is Verdict.PERSON:
        return one
    reasons = [id_ for id_ in one.finding.follows if id_ in result and _broken(result[id_])]
    if not reasons:
        return one
    waived = [result[id_] for id_ in reasons if result[id_].verdict is Verdict.WAIVED]
    if len(waived) == len(reasons):
        return Outcome(
            line=one.line, finding=one.finding, verdict=Verdict.WAIVED, waiver=waived[0].waiver,
            follows=tuple(reasons),
        )  # fmt: skip
    return Outcome(
        line=one.line, finding=one.finding, verdict=one.verdict, waiver=one.waiver, follows=tuple(reasons)
    )


def _broken(one: Outcome) -> bool:
    return one.finding.verdict is Verdict.FAIL


def _all_ready(line: Line, others: Sequence[Outcome], given: Mapping[str, Waiver], stack: str) -> Outcome:
    wrong = waivers.unknown(given, IDS, ALL_READY)
    left = tuple(one.line.id for one in others if not one.verdict.ready)
    waived = [one.line.id for one in others if one.verdict is Verdict.WAIVED]
    follows: tuple[str, ...] = ()
    if wrong:
        finding = failed(
            f"{waivers.KEY} names {', '.join(wrong)}, which no waiver can be for",
            "\n".join(waivers.remove_command(one, stack) for one in wrong),
        )
    elif left:
        follows = left
        finding = failed(f"{len(left)} lines are not ready: {', '.join(left)}", "correct the lines above")
    elif len(others) < len(IDS) - 1:
        finding = unknown("the other lines were not checked in this run", "run the command without --only")
    else:
        with_waivers = f", {len(waived)} of them by a waiver: {', '.join(waived)}" if waived else ""
        finding = passed(f"all {len(others)} lines above are ready{with_waivers}")
    return Outcome(line=line, finding=finding, verdict=finding.verdict, follows=follows)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
