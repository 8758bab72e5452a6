"""The options of `python -m ops readiness`. It imports nothing slow: every command of `ops` loads it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from user_errors import add_fix, printable, shell_word

FORMS = ("json", "junit", "md", "html")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def add(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--stack", help="the stack to check")
    what.add_argument("--list", action="store_true", help="print the lines with the runbook's words")
    parser.add_argument(
        "--only", metavar="LINES", help="some lines: ids and letters of sections, such as D4,F"
    )
    parser.add_argument(
        "--report",
        action="append",
        nargs="+",
        default=[],
        type=_report,
        metavar="FORM:FILE",
        help=f"write the report as well; FORM is {', '.join(FORMS)}; several at once",
    )
    parser.add_argument(
        "--retry-until",
        type=_duration,
        default=0.0,
        metavar="TIME",
        help="wait for indexes and deployments, such as 60m",
    )
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="FILE",
        help="the JSON report with which the run is compared (default: that of the last run)",
    )


def _report(value: str) -> tuple[str, Path]:
    """Form and file of `FORM:FILE`."""
    form, _, file = value.partition(":")
    if form not in FORMS or not file:
        what = f"must be FORM:FILE with FORM one of {', '.join(FORMS)}, for example html:readiness.html"
        raise argparse.ArgumentTypeError(what)
    # Now: it is written after all checks.
    folder = Path(file).parent
    if not folder.is_dir():
        text = add_fix(f"there is no folder {folder}", f"mkdir -p {shell_word(folder)}")
        raise argparse.ArgumentTypeError(printable(text))
    return form, Path(file)


def _duration(value: str) -> float:
    """Seconds of a time such as 60m."""
    found = _DURATION.fullmatch(value)
    if found is None:
        raise argparse.ArgumentTypeError("must be a time such as 90s, 60m or 2h")
    return float(int(found[1]) * _SECONDS[found[2]])
