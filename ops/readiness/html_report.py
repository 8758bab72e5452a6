"""The report as one HTML file: no script, no font and no picture from elsewhere, so it works from a mail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from ops.readiness import text_report
from ops.readiness.lines import SECTIONS
from ops.readiness.model import Outcome, Report, Verdict
from user_errors import OR, lines_of, printable, without_controls

TEMPLATE = Path(__file__).with_name("report.html")

_CLASSES: Mapping[Verdict, str] = {
    Verdict.FAIL: "fail",
    Verdict.UNKNOWN: "unknown",
    Verdict.PERSON: "person",
    Verdict.WAIVED: "waived",
    Verdict.PASS: "pass",
}


def to_html(report: Report) -> str:
    """The page. Every text is escaped: logs of the backend and messages of the clouds are foreign."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    groups = [
        (verdict, [_shown(one) for one in report.outcomes if one.verdict is verdict])
        for verdict in text_report.ORDER
    ]
    return template.render(
        title=without_controls(text_report.title(report)),
        origin=text_report.origin(report),
        report=report,
        summary=without_controls(report.summary),
        groups=[(verdict.value, _CLASSES[verdict], lines) for verdict, lines in groups if lines],
        counts=[(verdict.value, _CLASSES[verdict], report.count(verdict)) for verdict in text_report.ORDER],
        changed=[_shown(one) for one in report.outcomes if one.changed],
        new=[one.line.id for one in report.outcomes if report.previous and one.before is None],
    )


def _shown(one: Outcome) -> dict[str, object]:
    """The texts of a line, as the template shows them."""
    return {
        "id": one.line.id,
        "words": one.line.words,
        "section": SECTIONS[one.line.section],
        "severity": one.line.severity.value,
        "verdict": one.verdict.value,
        "kind": _CLASSES[one.verdict],
        "found": printable(one.finding.found),
        "fix": [line.removeprefix(OR) for line in lines_of(printable(one.finding.fix)) if line.strip()],
        "follows": ", ".join(one.follows),
        "waiver": printable(text_report.decided(one.waiver))
        if one.waiver and one.verdict is Verdict.WAIVED
        else "",
        "change": text_report.change(one),
        "evidence": [
            {
                "asked": printable(part.asked),
                "answer": printable(part.answer),
                "at": f"{part.at:%Y-%m-%d %H:%M:%S} UTC",
            }
            for part in one.finding.evidence
        ],
    }
