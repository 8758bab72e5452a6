"""The report of the last run of a stack, with which the next one is compared: `.readiness/STACK.json`.

Git ignores the folder. A run of some lines replaces these lines only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import quote

from ops.readiness import json_report
from ops.readiness.lines import IDS
from ops.readiness.model import Report

FOLDER = ".readiness"


def path(folder: Path, stack: str) -> Path:
    """The file of a stack.

    Args:
        folder: that of the program.
        stack: its name.
    """
    return folder / FOLDER / f"{quote(stack, safe='')}.json"


def keep(folder: Path, report: Report) -> Path:
    """Write the report of a run; returns its file.

    Raises:
        OSError: it could not be written.
    """
    file = path(folder, report.stack)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    document = json_report.document(report)
    now = cast("list[Mapping[str, object]]", document["lines"])
    ran = {str(one["id"]) for one in now}
    kept = [one for one in _lines(file) if str(one.get("id")) in IDS and str(one.get("id")) not in ran]
    document["lines"] = sorted([*now, *kept], key=lambda one: IDS.index(str(one["id"])))
    partial = file.with_suffix(".part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        json.dump(document, output, indent=2, ensure_ascii=False)
    partial.replace(file)
    return file


def _lines(file: Path) -> list[Mapping[str, object]]:
    """The lines of the file before; none if it is missing or damaged: it is replaced."""
    try:
        found = cast("Mapping[str, object]", json.loads(file.read_text(encoding="utf-8")))
        return [dict(one) for one in cast("list[Mapping[str, object]]", found["lines"])]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []
