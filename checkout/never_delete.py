"""Collections whose documents no client may delete: what the text of the rules proves.

Runbook: "rules active with never delete on clients/messages/threads".

Attempts against an emulator can refute this and never prove it. So the text itself is checked: every `allow`
that grants delete (`delete` or `write`) on a match that can overlap a protected document must have a
condition that is constantly false. Rules add up, so one open block anywhere counts. A condition that would
keep deletes out is not followed: what is not provably closed is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from checkout.rules_parser import Allow, Pattern, RulesSyntaxError, Wildcard, parse
from settings.problems import Problem

FIRESTORE = "cloud.firestore"
GRANTS_DELETE = ("delete", "write")
ANY_DEPTH = "**"


@dataclass(frozen=True, kw_only=True)
class OpenDelete:
    """An `allow` that is not provably closed to deletes.

    Args:
        allow: the statement.
        collections: the protected collections that its match can overlap, as configured.
    """

    allow: Allow
    collections: tuple[str, ...]


def protected_pattern(collection: str) -> Pattern:
    """The documents of a collection: `threads`, `threads/{id}/notes`, or `**/messages` for any depth."""
    segments: list[str | Wildcard] = ["databases", Wildcard.ONE, "documents"]
    for part in collection.strip("/").split("/"):
        if part == ANY_DEPTH:
            segments.append(Wildcard.MANY)
        elif part.startswith("{") or part == "*":
            segments.append(Wildcard.ONE)
        else:
            segments.append(part)
    return (*segments, Wildcard.ONE)


def open_deletes(text: str, collections: Iterable[str]) -> tuple[OpenDelete, ...]:
    """Each `allow` of a rules file that may let a client delete a protected document.

    Args:
        text: the rules.
        collections: the protected collections; see `protected_pattern`.

    Raises:
        RulesSyntaxError: the text cannot be read with certainty.
    """
    patterns = {collection: protected_pattern(collection) for collection in collections}
    found: list[OpenDelete] = []
    for allow in parse(text):
        if allow.service != FIRESTORE or allow.never or not {*GRANTS_DELETE} & {*allow.methods}:
            continue
        overlapping = tuple(name for name, pattern in patterns.items() if overlap(allow.pattern, pattern))
        if overlapping:
            found.append(OpenDelete(allow=allow, collections=overlapping))
    return tuple(found)


def problems(name: str, text: str, collections: Iterable[str]) -> list[Problem]:
    """The problems of a rules file. `name` is the file, as in messages."""
    try:
        found = open_deletes(text, collections)
    except RulesSyntaxError as error:
        return [
            Problem(
                key=name,
                what=f"it cannot be proven that no client may delete protected documents: line {error.line} "
                f"has {error.what}.",
                fix=f"Write line {error.line} of {name} in the plain form of the rules language "
                "(match, allow, function).",
            )
        ]
    return [_problem(name, one) for one in found]


def _problem(name: str, found: OpenDelete) -> Problem:
    allow = found.allow
    granted = next(method for method in GRANTS_DELETE if method in allow.methods)
    condition = "no condition" if allow.condition is None else f"the condition {_short(allow.condition)}"
    if granted == "write":
        others = [method for method in allow.methods if method != "write"]
        fix = f"allow {', '.join([*others, 'create', 'update'])}"
        fix = f"Split write, which includes delete: `{fix}` with the same condition"
    else:
        rest = [method for method in allow.methods if method != "delete"]
        fix = f"Take delete out: `allow {', '.join(rest)}`" if rest else "Write `allow delete: if false`"
    return Problem(
        key=f"{name}:{allow.line}",
        what=f"allow {', '.join(allow.methods)} on match {allow.match} grants delete with {condition}, and "
        f"this match can be a document of {', '.join(found.collections)}, which no client may delete "
        "(neverDelete).",
        fix=f"{fix}, in {name}, line {allow.line}.",
    )


def _short(condition: str) -> str:
    line = " ".join(condition.split())
    return line if len(line) <= 80 else f"{line[:77]}..."


def overlap(one: Pattern, other: Pattern) -> bool:
    """Whether some document's path matches both patterns.

    A recursive wildcard counts as zero or more segments, as in rules version 2; version 1, where it is one or
    more, matches less. A document's path has an even number of segments below `documents`.
    """

    @cache
    def meets(at: int, to: int, odd: bool, below: int) -> bool:
        if at == len(one) and to == len(other):
            return not odd
        step = min(below + 1, 3)
        # The first three segments are /databases/<id>/documents; those below count for the parity.
        turned = odd if below < 3 else not odd
        first = one[at] if at < len(one) else None
        second = other[to] if to < len(other) else None
        if first is Wildcard.MANY and meets(at + 1, to, odd, below):
            return True
        if second is Wildcard.MANY and meets(at, to + 1, odd, below):
            return True
        if first is None or second is None:
            return False
        if isinstance(first, str) and isinstance(second, str) and first != second:
            return False
        after_first = {at, at + 1} if first is Wildcard.MANY else {at + 1}
        after_second = {to, to + 1} if second is Wildcard.MANY else {to + 1}
        return any(meets(a, b, turned, step) for a in after_first for b in after_second)

    return meets(0, 0, False, 0)
