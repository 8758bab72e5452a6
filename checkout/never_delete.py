"""Collections whose documents no client may delete: what the text of the rules proves.

Runbook: "rules active with never delete on clients/messages/threads".

Attempts against an emulator can refute this and never prove it. So the text itself is checked: every `allow`
that grants delete (`delete` or `write`) on a match that can overlap a protected document must have a
condition that is constantly false. Rules add up, so one open block anywhere counts. Conditions are not
evaluated: what is not provably closed is rejected.

`allowClientDeletes` names exceptions. An exception covers a match if it contains all documents of the match.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checkout.rules_parser import Allow, Pattern, RulesSyntaxError, Wildcard, parse
from settings.keys import NAMESPACE
from settings.model import GoogleSettings
from settings.problems import Problem
from settings.reader import remove_command

OTHER_SERVICES = ("firebase.storage",)
GRANTS_DELETE = ("delete", "write")
ANY_DEPTH = "**"
EXAMPLE_ID = "x"
_ROOT = 3  # the first three segments are /databases/<id>/documents


@dataclass(frozen=True, kw_only=True)
class Protection:
    """What no client may delete.

    Args:
        collections: the setting `neverDelete`; see `documents_of`.
        exceptions: the setting `allowClientDeletes`, collection -> reason.
    """

    collections: tuple[str, ...]
    exceptions: Mapping[str, str]


def protection(google: GoogleSettings) -> Protection:
    """What the settings protect."""
    return Protection(collections=google.never_delete, exceptions=google.allow_client_deletes)


@dataclass(frozen=True, kw_only=True)
class OpenDelete:
    """An `allow` that is not provably closed to deletes.

    Args:
        allow: the statement.
        collections: the protected collections that its match can overlap, as configured.
        example: the path of a protected document that the match covers, below `documents`.
    """

    allow: Allow
    collections: tuple[str, ...]
    example: str


def documents_of(collection: str) -> Pattern:
    """The documents of a collection: `threads`, `threads/{id}/notes`, or `**/messages` for any depth."""
    segments: list[str | Wildcard] = ["databases", Wildcard.ONE, "documents"]
    for part in collection.split("/"):
        if part == ANY_DEPTH:
            segments.append(Wildcard.MANY)
        else:
            segments.append(Wildcard.ONE if part.startswith("{") else part)
    return (*segments, Wildcard.ONE)


def open_deletes(text: str, protected: Protection) -> tuple[OpenDelete, ...]:
    """Each `allow` of a rules file that may let a client delete a protected document.

    Raises:
        RulesSyntaxError: the text cannot be read with certainty.
    """
    exceptions = [documents_of(collection) for collection in protected.exceptions]
    kept = {collection: documents_of(collection) for collection in protected.collections}
    found: list[OpenDelete] = []
    for allow in parse(text) if kept else ():
        if allow.never or not {*GRANTS_DELETE} & {*allow.methods} or allow.service in OTHER_SERVICES:
            continue
        examples = {
            collection: example
            for collection, pattern in kept.items()
            if not any(contains(exception, pattern) for exception in exceptions)
            if (example := common_document(allow.pattern, pattern)) is not None
        }
        if examples and not any(contains(exception, allow.pattern) for exception in exceptions):
            example = "/".join(next(iter(examples.values()))[_ROOT:])
            found.append(OpenDelete(allow=allow, collections=tuple(examples), example=example))
    return tuple(found)


def example_documents(text: str, protected: Protection) -> tuple[str, ...]:
    """Paths of protected documents, below `documents`: of each collection, and where a match meets it."""
    try:
        matches = [allow.pattern for allow in parse(text)]
    except RulesSyntaxError:
        matches = []
    exceptions = [documents_of(collection) for collection in protected.exceptions]
    found: set[tuple[str, ...]] = set()
    for collection in protected.collections:
        pattern = documents_of(collection)
        at = pattern.index(Wildcard.MANY) if Wildcard.MANY in pattern else 0
        deeper = (*pattern[:at], Wildcard.ONE, Wildcard.ONE, *pattern[at + 1 :]) if at else pattern
        for other in (pattern, deeper, *matches):
            path = common_document(pattern, other)
            if path is not None and not any(contains(exception, path) for exception in exceptions):
                found.add(path)
    return tuple(sorted("/".join(path[_ROOT:]) for path in found))


def problems(name: str, text: str, protected: Protection) -> list[Problem]:
    """Why the text of a rules file does not prove that protected documents are kept; empty if it does.

    Args:
        name: the file, as in messages.
        text: the rules.
        protected: what no client may delete.
    """
    try:
        return open_problems(name, text, protected)
    except RulesSyntaxError as error:
        return [_unreadable(name, error)]


def open_problems(name: str, text: str, protected: Protection) -> list[Problem]:
    """One problem for each result of `open_deletes`.

    Raises:
        RulesSyntaxError: the text cannot be read with certainty.
    """
    return [
        Problem(key=f"{name}:{one.allow.line}", what=_explain(one), fix=_fix(name, one))
        for one in open_deletes(text, protected)
    ]


def _unreadable(name: str, error: RulesSyntaxError) -> Problem:
    return Problem(
        key=f"{name}:{error.line}",
        what="it cannot be proven that no client may delete protected documents, because this line cannot be "
        f"read: {error.what}.",
        fix=f"{error.fix}, in {name}, line {error.line}.",
    )


def useless_exceptions(protected: Protection) -> list[Problem]:
    """The exceptions that no protected collection overlaps."""
    patterns = [documents_of(collection) for collection in protected.collections]
    key = "allowClientDeletes"
    return [
        Problem(
            key=f"{NAMESPACE}:{key}",
            what=f"{exception} overlaps no collection of neverDelete, so the exception has no effect.",
            fix=remove_command(key, f'["{exception}"]'),
        )
        for exception in protected.exceptions
        if all(common_document(documents_of(exception), pattern) is None for pattern in patterns)
    ]


def _explain(found: OpenDelete) -> str:
    allow = found.allow
    condition = "no condition" if allow.condition is None else f"the condition {_short(allow.condition)}"
    return (
        f"allow {', '.join(allow.methods)} on match {allow.match} grants delete with {condition}. It covers, "
        f"for example, {found.example}, but neverDelete protects {', '.join(found.collections)}."
    )


def _fix(name: str, found: OpenDelete) -> str:
    allow = found.allow
    rest = [method for method in allow.methods if method not in GRANTS_DELETE]
    if "write" in allow.methods:
        rest += [method for method in ("create", "update") if method not in rest]
        edit = f"Split write, which includes delete: `allow {', '.join(rest)}` with the same condition"
    elif rest:
        edit = f"Take delete out: `allow {', '.join(rest)}`"
    else:
        edit = "Write `allow delete: if false`"
    return f"{edit}, in {name}, line {allow.line}."


def _short(condition: str) -> str:
    line = " ".join(condition.split())
    return line if len(line) <= 80 else f"{line[:77]}..."


def common_document(one: Pattern, other: Pattern) -> tuple[str, ...] | None:
    """The path of a document that matches both patterns, None if there is none.

    A recursive wildcard counts as zero or more segments, as in rules version 2; version 1, where it is one or
    more, matches less. A document's path has an even number of segments below `documents`, so with the three
    above it has an odd number.
    """
    start = (0, 0, False)  # the position in each pattern, and whether the number of segments is odd
    paths: dict[tuple[int, int, bool], tuple[str, ...]] = {start: ()}
    waiting: deque[tuple[int, int, bool]] = deque([start])
    while waiting:  # breadth first: the path found is the shortest
        state = waiting.popleft()
        at, to, odd = state
        first = one[at] if at < len(one) else None
        second = other[to] if to < len(other) else None
        if first is None and second is None and odd:
            return paths[state]
        following: list[tuple[tuple[int, int, bool], tuple[str, ...]]] = []
        if first is Wildcard.MANY:
            following.append(((at + 1, to, odd), ()))
        if second is Wildcard.MANY:
            following.append(((at, to + 1, odd), ()))
        literals = {part for part in (first, second) if isinstance(part, str)}
        if first is not None and second is not None and len(literals) < 2:
            step = (next(iter(literals), EXAMPLE_ID),)
            following += [
                ((a, b, not odd), step)
                for a in ((at, at + 1) if first is Wildcard.MANY else (at + 1,))
                for b in ((to, to + 1) if second is Wildcard.MANY else (to + 1,))
            ]
        for state_after, step in following:
            if state_after not in paths:
                paths[state_after] = (*paths[state], *step)
                waiting.append(state_after)
    return None


def contains(outer: Pattern, inner: Pattern) -> bool:
    """Whether each path that matches `inner` also matches `outer`.

    The paths of `inner` are followed segment by segment, with every position that `outer` can then have.
    """
    literals = {part for part in (*outer, *inner) if isinstance(part, str)}
    another = "".join(literals) + EXAMPLE_ID  # no literal of either pattern
    start = (0, _past_many(outer, {0}))
    seen: set[tuple[int, frozenset[int]]] = {start}
    waiting = list(seen)
    while waiting:
        at, positions = waiting.pop()
        if at == len(inner):
            if len(outer) not in positions:
                return False
            continue
        part = inner[at]
        following: list[tuple[int, frozenset[int]]] = []
        if part is Wildcard.MANY:
            following.append((at + 1, positions))
        for segment in (part,) if isinstance(part, str) else (*literals, another):
            moved = _past_many(outer, _after(outer, positions, segment))
            following.append((at if part is Wildcard.MANY else at + 1, moved))
        waiting += [state for state in following if state not in seen]
        seen.update(following)
    return True


def _after(pattern: Pattern, positions: Iterable[int], segment: str) -> set[int]:
    found: set[int] = set()
    for at in positions:
        part = pattern[at] if at < len(pattern) else None
        if part is Wildcard.MANY:
            found.add(at)
        elif part is Wildcard.ONE or part == segment:
            found.add(at + 1)
    return found


def _past_many(pattern: Pattern, positions: set[int]) -> frozenset[int]:
    """The positions, and those behind recursive wildcards, which may match nothing."""
    found = set(positions)
    for at in range(len(pattern)):
        if at in found and pattern[at] is Wildcard.MANY:
            found.add(at + 1)
    return frozenset(found)
