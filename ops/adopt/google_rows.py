"""Rows of the report about Google's objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ops.adopt.model import Change, Declared, Found, Row, Verdict, text
from user_errors import shell_word

REPEATED = "creating it again changes nothing"
Match = tuple[Row, Found | None]
"""A row, and the entry for the import file if the object is imported."""


def again(one: Declared, before: str) -> str:
    """A fix that ends in this command: an `up` would create what is not imported yet."""
    return f"{before}\n.venv/bin/python -m ops adopt --stack {shell_word(one.stack)}"


def plain_changes(
    names: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = ""
) -> Iterator[Change]:
    """The properties that are declared and differ."""
    for name in names:
        old, new = before.get(name), after.get(name)
        if new is not None and old != new:
            yield Change(property=f"{prefix}{name}", old=text(old), new=text(new))


def repeated(kind: str, one: Declared, name: str) -> Match:
    """An object that Google lets a program create twice without effect."""
    return created(kind, one, name, f"if it exists, {REPEATED}"), None


def created(kind: str, one: Declared, name: str, reason: str = "") -> Row:
    """An object that does not exist."""
    return Row(kind=kind, name=name, verdict=Verdict.CREATED, urn=one.urn, reason=reason)


def refused(kind: str, one: Declared, name: str, reason: str, fix: str) -> Match:
    """An object that exists and cannot be adopted. `fix` is that of a `Row`."""
    row = Row(kind=kind, name=name, verdict=Verdict.REFUSED, urn=one.urn, reason=reason, fix=fix)
    return row, None


def same(kind: str, one: Declared, name: str, reason: str = "") -> Row:
    """An object that is as declared."""
    return Row(kind=kind, name=name, verdict=Verdict.SAME, urn=one.urn, reason=reason)


def changed(kind: str, one: Declared, name: str, changes: Sequence[Change]) -> Row:
    """An object that exists; without changes, it is the same."""
    verdict = Verdict.CHANGES if changes else Verdict.SAME
    return Row(kind=kind, name=name, verdict=verdict, urn=one.urn, changes=tuple(changes))


def extra(kind: str, name: str, reason: str = "") -> Row:
    """An object that exists and is not declared."""
    return Row(kind=kind, name=name, verdict=Verdict.UNDECLARED, reason=reason)
