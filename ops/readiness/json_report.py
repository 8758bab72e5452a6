"""The report as JSON, and the part of an earlier one with which a run is compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import cast

from ops.readiness.lines import SECTIONS
from ops.readiness.model import Outcome, Report, Verdict
from user_errors import UserError, add_fix, shell_word

FORMAT = 1
"""Changes with what a program that reads the report must know."""


def to_json(report: Report) -> str:
    """The report; see docs/readiness.md for its fields."""
    return json.dumps(document(report), indent=2, ensure_ascii=False) + "\n"


def document(report: Report) -> dict[str, object]:
    """The report as plain data."""
    return {
        "format": FORMAT,
        "stack": report.stack,
        "project": report.project,
        "commit": report.commit,
        "started": report.started.isoformat(timespec="seconds"),
        "finished": report.finished.isoformat(timespec="seconds"),
        "ready": report.ready,
        "complete": report.complete,
        "not_ready": report.reasons,
        "following": report.followers,
        "lines_total": report.total,
        "lines_checked": report.decided,
        "summary": report.summary,
        "lines": [_line(one, report.commit) for one in report.outcomes],
    }


def _line(one: Outcome, commit: str) -> dict[str, object]:
    waiver = one.waiver
    return {
        "id": one.line.id,
        "section": SECTIONS[one.line.section],
        "words": one.line.words,
        "severity": one.line.severity.value,
        "verdict": one.verdict.value,
        "before": one.before.value if one.before else None,
        "checked_as": one.finding.verdict.value,
        "found": one.finding.found,
        "fix": one.finding.fix,
        "follows": list(one.follows),
        "waiver": waiver
        and {"reason": waiver.reason, "person": waiver.person, "expires": waiver.expires.isoformat()},
        "evidence": [
            {
                "asked": part.asked,
                "answer": part.answer,
                "at": part.at.isoformat(timespec="seconds"),
                "commit": commit,
            }
            for part in one.finding.evidence
        ],
    }


def previous(file: Path) -> tuple[datetime, dict[str, Verdict]]:
    """When an earlier report was made, and its verdicts by id.

    Raises:
        FileNotFoundError: there is none.
        UserError: the file is not a report.
    """
    try:
        found = cast("Mapping[str, object]", json.loads(file.read_text(encoding="utf-8")))
        lines = cast("list[Mapping[str, object]]", found["lines"])
        at = datetime.fromisoformat(str(found["finished"]))
        return at, {str(one["id"]): Verdict(str(one["verdict"])) for one in lines}
    except (ValueError, KeyError, TypeError, AttributeError, IsADirectoryError):
        what = f"{file} is not a report of python -m ops readiness"
        raise UserError(add_fix(what, f"rm {shell_word(file)}")) from None
