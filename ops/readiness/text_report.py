"""The report as text for a terminal or a log, and as Markdown for a page of GitHub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ops.readiness.lines import SECTIONS
from ops.readiness.model import Outcome, Report, Verdict, Waiver
from user_errors import add_fix, printable

ORDER = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PERSON, Verdict.WAIVED, Verdict.PASS)
"""What has to be looked at comes first."""

_WIDTH = max(len(one.value) for one in Verdict)


def title(report: Report) -> str:
    """The heading of a report."""
    return f"Readiness of {report.stack} ({report.project})"


def origin(report: Report) -> str:
    """When the checks ran, and by which commit of the program."""
    commit = f", by commit {report.commit}" if report.commit else ""
    return f"checked {report.finished:%Y-%m-%d %H:%M} UTC{commit}"


def decided(waiver: Waiver) -> str:
    """A waiver in words."""
    return f"waived until {waiver.expires} by {waiver.person}: {waiver.reason}"


def change(one: Outcome) -> str:
    """How the verdict differs from the one before; "" if it does not."""
    return f"was {one.before.value}" if one.before is not None and one.changed else ""


def lines(report: Report) -> Iterator[str]:
    """The text, line by line: what is ready first, so that a terminal ends with what is not."""
    yield title(report)
    yield f"  {origin(report)}"
    for letter, name in SECTIONS.items():
        of_section = [one for one in report.outcomes if one.line.section == letter and one.verdict.ready]
        if of_section:
            yield name
        for one in of_section:
            yield from _short(one)
    left = [one for one in report.outcomes if not one.verdict.ready]
    if left:
        yield "Not ready"
    for one in left:
        yield from _long(one)
    yield printable(report.summary)


def _short(one: Outcome) -> Iterator[str]:
    first, *rest = printable(one.finding.found).split("\n")
    note = f"  ({change(one)})" if one.changed else ""
    yield f"  {one.verdict.value:{_WIDTH}}  {one.line.id}  {first}{note}"
    indent = " " * (_WIDTH + 8)
    if one.verdict is Verdict.WAIVED and one.waiver:
        yield f"{indent}{printable(decided(one.waiver))}"
    yield from (f"{indent}{line}" for line in rest)


def _long(one: Outcome) -> Iterator[str]:
    indent = " " * (_WIDTH + 8)
    notes = [change(one), f"follows {', '.join(one.follows)}" if one.follows else ""]
    note = "".join(f"  ({text})" for text in notes if text)
    yield f"  {one.verdict.value:{_WIDTH}}  {one.line.id}  {one.line.words}{note}"
    found = "\n".join(f"{indent}{line}" for line in printable(one.finding.found).split("\n"))
    yield add_fix(found, printable(one.finding.fix), indent) if one.finding.fix else found


def markdown(report: Report) -> str:
    """Markdown: a table of all lines, what has to be looked at first, and each evidence folded."""
    parts = [f"# {_escaped(title(report))}", "", f"**{_escaped(report.summary)}**", ""]
    parts += [
        f"{_escaped(origin(report))}.",
        "",
        "| | line | the runbook's words | found |",
        "|---|---|---|---|",
    ]
    parts += [_row(one) for one in ordered(report)]
    for one in ordered(report):
        if not one.verdict.ready:
            parts += [
                "",
                f"## {one.line.id}: {_escaped(one.line.words)}",
                "",
                _escaped(one.finding.found),
                "",
            ]
            parts += ["```", printable(one.finding.fix).replace("```", "'''"), "```"]
    parts += ["", "## Evidence", ""]
    for one in report.outcomes:
        for part in one.finding.evidence:
            when = f"{part.at:%Y-%m-%d %H:%M:%S} UTC"
            parts.append(f"- {one.line.id}, {when}: {_escaped(part.asked)}: {_escaped(part.answer)}")
    return "\n".join(parts) + "\n"


def ordered(report: Report) -> Sequence[Outcome]:
    """The lines of a report, failures first."""
    return sorted(report.outcomes, key=lambda one: ORDER.index(one.verdict))


def _row(one: Outcome) -> str:
    notes = [change(one), f"follows {', '.join(one.follows)}" if one.follows else ""]
    if one.verdict is Verdict.WAIVED and one.waiver:
        notes.append(decided(one.waiver))
    verdict = one.verdict.value if one.verdict.ready else f"**{one.verdict.value}**"
    note = "; ".join(note for note in notes if note)
    found = _escaped(one.finding.found) + (f" ({_escaped(note)})" if note else "")
    return f"| {verdict} | {one.line.id} | {_escaped(one.line.words)} | {found} |"


def _escaped(text: str) -> str:
    """Text in which GitHub renders nothing, and notifies nobody."""
    shown = printable(text).replace("\n", " ")
    for sign in "\\`*_{}[]<>|#":
        shown = shown.replace(sign, f"\\{sign}")
    return shown.replace("@", "@\u200c")
