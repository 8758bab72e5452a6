"""How an ops command says what it found: one line per thing, and for each failure what to do.

A table on a terminal, plain lines elsewhere (a CI log, the output of a Pulumi command). It refuses to hide a
line: what was checked and was fine is said too, because a report that only knows failures cannot be told
from one that checked nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, kw_only=True)
class Line:
    """One checked thing. `found` is what is so; `mend` is what to do, set exactly when it is not as it
    should be."""

    thing: str
    found: str
    fix: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it is not as it should be."""
        return self.fix is not None


def show(title: str, lines: Sequence[Line], out: TextIO | None = None) -> None:
    """Print the lines, failures last so that they are what is seen."""
    target = sys.stdout if out is None else out
    ordered = sorted(lines, key=lambda line: line.failed)
    if target.isatty():
        _table(title, ordered, target)
    else:
        _plain(title, ordered, target)


def _plain(title: str, lines: Sequence[Line], out: TextIO) -> None:
    out.write(f"{title}\n")
    width = max((len(line.thing) for line in lines), default=0)
    for line in lines:
        out.write(f"  {'FAIL' if line.failed else 'ok  '}  {line.thing:{width}}  {line.found}\n")
        if line.fix is not None:
            out.write(f"        fix: {line.fix}\n")
    failures = sum(line.failed for line in lines)
    out.write(f"{len(lines)} checked, {failures} failed\n")


def _table(title: str, lines: Sequence[Line], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title)
    for column in ("", "thing", "found", "fix"):
        table.add_column(column)
    for line in lines:
        mark = Text("FAIL", style="bold red") if line.failed else Text("ok", style="green")
        table.add_row(mark, Text(line.thing), Text(line.found), Text(line.fix or ""))
    Console(file=out).print(table)
