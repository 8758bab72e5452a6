"""What the checks of the Flutter app are given, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checkout.index_file import IndexFile
from settings.flutter_names import Names

__all__ = ["LINES", "Finding", "LineResult", "Names", "Project"]

LINES = ("E1", "E2", "E3", "E4", "E5", "E6", "E7")


@dataclass(frozen=True, kw_only=True)
class Project:
    """What the app has to agree with.

    Args:
        project_id: the id of the Firebase project.
        indexes: the declared indexes; None if the app declares none (nothing manages them).
        index_file: its name in messages.
        rules: the text of the security rules, "" without any.
        backend_addresses: addresses or hosts of the backend that the app must not know, such as
            `https://crm.example.com` or `crm-backend-production.up.railway.app`.
        code: folders with the code of functions and backend, whose documents the app reads; a field that a
            query names may come from there.
    """

    project_id: str
    indexes: IndexFile | None = None
    index_file: str = "firestore.indexes.json"
    rules: str = ""
    backend_addresses: tuple[str, ...] = ()
    code: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One thing to correct.

    Args:
        file: relative to the Flutter app, with slashes.
        line: from 1.
        what: a full sentence.
        fix: the exact edit or command.
    """

    file: str
    line: int
    what: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class LineResult:
    """The answer to one line of the runbook.

    It passes if there is no finding and nothing is unknown.

    Args:
        id: one of `LINES`.
        findings: what to correct, in the order of files and lines.
        unknown: what could not be decided from the text: `lib/a.dart:12: …`. The line is then "cannot tell".
        checked: what was looked at, with numbers.
    """

    id: str
    findings: Sequence[Finding] = ()
    unknown: Sequence[str] = ()
    checked: str = ""
