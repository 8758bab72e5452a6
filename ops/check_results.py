"""The results of the checks of an ops command: one line per check, and a fix for each check that failed.

A table on a terminal, text elsewhere (a CI log, the output of a Pulumi command). Successful checks are
listed too: otherwise a report of no checks would look like a report without failures.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from user_errors import add_fix, printable


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check: what was checked, what was found, and the fix if it failed."""

    thing: str
    found: str
    fix: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the check failed."""
        return self.fix is not None


def show(title: str, lines: Sequence[CheckResult], out: TextIO | None = None) -> None:
    """Print the lines to `out` (default: stdout), failures last."""
    target = sys.stdout if out is None else out
    ordered = sorted(map(_printable, lines), key=lambda line: line.failed)
    if target.isatty():
        _table(title, ordered, target)
    else:
        _text(title, ordered, target)


def _printable(line: CheckResult) -> CheckResult:
    """Without control characters: what was found is often a message of one of the clouds."""
    fix = None if line.fix is None else printable(line.fix)
    return CheckResult(thing=printable(line.thing), found=printable(line.found), fix=fix)


def _text(title: str, lines: Sequence[CheckResult], out: TextIO) -> None:
    out.write(f"{title}\n")
    width = max((len(line.thing) for line in lines), default=0)
    for line in lines:
        shown = f"  {'FAIL' if line.failed else 'ok  '}  {line.thing:{width}}  {line.found}"
        out.write(f"{shown if line.fix is None else add_fix(shown, line.fix, ' ' * 8)}\n")
    failures = sum(line.failed for line in lines)
    out.write(f"{len(lines)} checked, {failures} failed\n")


def _table(title: str, lines: Sequence[CheckResult], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "thing", "found", "fix", title=title)
    for line in lines:
        mark = Text("FAIL", style="bold red") if line.failed else Text("ok", style="green")
        table.add_row(mark, Text(line.thing), Text(line.found), Text(line.fix or ""))
    Console(file=out).print(table)
