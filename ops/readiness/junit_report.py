"""The report as JUnit XML, which CI systems show: a test case for each line."""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from ops.readiness.lines import SECTIONS
from ops.readiness.model import Outcome, Report, Verdict
from ops.readiness.text_report import decided
from user_errors import add_fix, without_controls


def to_junit(report: Report) -> str:
    """The XML. What is not ready is a failure, or an error if it could not be checked: CI is not green."""
    suite = TestSuite("readiness")
    suite.timestamp = report.started.strftime("%Y-%m-%dT%H:%M:%S")
    suite.add_property("stack", report.stack)
    suite.add_property("commit", report.commit)
    suite.add_property("summary", report.summary)
    for one in report.outcomes:
        case = TestCase(f"{one.line.id} {one.line.words}", f"readiness.{SECTIONS[one.line.section]}", 0.0)
        case.result = _results(one)
        case.system_out = without_controls(
            "\n".join(
                [
                    one.finding.found,
                    *(f"{part.at.isoformat()} {part.asked}: {part.answer}" for part in one.finding.evidence),
                ]
            )
        )
        suite.add_testcase(case)
    suite.time = (report.finished - report.started).total_seconds()
    document = JUnitXml("readiness")
    document.add_testsuite(suite)
    text = document.tostring()
    return text.decode() if isinstance(text, bytes) else str(text)


def _results(one: Outcome) -> list[FinalResult]:
    if one.verdict is Verdict.PASS:
        return []
    if one.verdict is Verdict.WAIVED:
        return [Skipped(without_controls(decided(one.waiver) if one.waiver else one.finding.found), "waived")]
    kind = Error if one.verdict is Verdict.UNKNOWN else Failure
    found = without_controls(one.finding.found)
    result = kind(found.partition("\n")[0], one.verdict.value)
    result.text = without_controls(add_fix(found, one.finding.fix) if one.finding.fix else found)
    return [result]
