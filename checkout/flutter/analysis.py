"""An app that was read and run, as the checks of single lines need it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeVar

from checkout.flutter import interpreter
from checkout.flutter import syntax as s
from checkout.flutter.firestore_values import ANYWHERE
from checkout.flutter.log import Log, Seen, Write
from checkout.flutter.program import Function, Program
from checkout.flutter.results import Finding, Names, Project
from checkout.flutter.sources import PUBSPEC, Sources
from checkout.flutter.values import HOLE

_CALLED_BY_FLUTTER = ("main", "build", "initState", "dispose", "createState", "didChangeDependencies", "call")
_T = TypeVar("_T", bound=Seen)


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What the checks look at.

    Args:
        sources: the files.
        log: what the app does, of the roots that count.
        unread: why not everything was seen: files that were not read or not parsed.
        names, project: see `check_app`.
        pieces: every text of the app, in whatever code: (file, line, text).
        mentions: (file, line) of every name that is used, by the name.
    """

    sources: Sources
    log: Log
    unread: Sequence[str]
    names: Names
    project: Project
    program: Program
    pieces: Sequence[tuple[str, int, str]]
    mentions: dict[str, list[tuple[str, int]]]
    reached: frozenset[Function]

    def runs(self, seen: Seen) -> bool:
        """Whether what was seen can happen as it was seen: with parameters of which nothing is known.

        It cannot if nothing names the function, or if it is called, but on objects of other classes.
        """
        function = seen.root[0]
        if function.decl.kind not in ("function", "get"):
            return True
        if function in self.reached:
            return False
        decl = function.decl
        return decl.name in self.mentions or decl.overrides or decl.name in _CALLED_BY_FLUTTER

    @property
    def entry(self) -> tuple[str, int]:
        """Where a finding stands that is about the whole app."""
        return PUBSPEC, 1


def analyse(sources: Sources, names: Names, project: Project) -> Analysis:
    """Run the app."""
    program = Program(sources)
    machine = interpreter.run(program)
    left_out = machine.left_out

    def kept(found: Iterable[_T]) -> list[_T]:
        return [one for one in found if one.root not in left_out]

    log = machine.log
    pieces: list[tuple[str, int, str]] = []
    mentions: dict[str, list[tuple[str, int]]] = {}
    for file, unit in sources.units.items():
        for node in walk(unit):
            if isinstance(node, s.Text):
                text = "".join(piece if isinstance(piece, str) else HOLE for piece in node.pieces)
                pieces.append((file, node.line, text))
            elif isinstance(node, s.Name):
                mentions.setdefault(node.id, []).append((file, node.line))
            elif isinstance(node, s.Get):
                mentions.setdefault(node.name, []).append((file, node.line))
    kept_log = Log(
        writes=kept(log.writes),
        asked=kept(log.asked),
        functions=kept(log.functions),
        requests=kept(log.requests),
        called=kept(log.called),
        said=log.said,
        keys=log.keys,
        options=log.options,
    )
    found = Analysis(
        sources=sources,
        log=kept_log,
        unread=(*sources.unread, *(f"{reason}." for reason in machine.gave_up)),
        names=names,
        project=project,
        program=program,
        pieces=pieces,
        mentions=mentions,
        reached=frozenset(one for called in machine.reached.values() for one, _ in called),
    )
    kept_log.writes = _by_callers(found, kept_log.writes)
    kept_log.asked = _by_callers(found, kept_log.asked)
    return found


def _by_callers(app: Analysis, seen: list[_T]) -> list[_T]:
    """Without what only happens with an unknown caller, where known callers do the same."""
    known = {(one.file, one.line) for one in seen if one.root[0] not in app.reached}
    return [one for one in seen if (one.file, one.line) not in known or one.root[0] not in app.reached]


def blamed(write: Write, others: Iterable[Write], differs: Callable[[Write], bool]) -> tuple[str, int]:
    """Where to correct a write: at the call of a helper if the same helper is right for other callers.

    Args:
        write: the one that is wrong.
        others: all writes.
        differs: whether another one is not wrong in the same way.
    """
    chain = _chain(write)
    rest = [one for one in others if (one.file, one.line) == chain[0] and differs(one)]
    level = 0
    while (
        level + 1 < len(chain)
        and chain[level + 1][0]
        and any(_chain(one)[: level + 1] == chain[: level + 1] for one in rest)
    ):
        level += 1
    return chain[level]


def _chain(write: Write) -> list[tuple[str, int]]:
    """The write, and the calls that led to it, the outermost last."""
    return [(write.file, write.line), *reversed(write.sites)]


def through(write: Write, place: tuple[str, int]) -> str:
    """Completes a message about a write that is blamed on a call of the helper that makes it."""
    if place == (write.file, write.line):
        return ""
    return f" through {write.within[-1].label}() ({write.file}:{write.line})"


def walk(node: object) -> Iterator[object]:
    """A node of the syntax and all below it."""
    waiting: list[object] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (tuple, list)):
            waiting += one
        elif is_dataclass(one):
            yield one
            waiting += [getattr(one, part.name) for part in fields(one)]


def distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, in the order of files and lines."""
    return tuple(sorted(set(findings)))


def in_collection(path: tuple[str, ...] | None, wanted: str) -> bool | None:
    """Whether a document is in a collection or below it; None if that is not known.

    Args:
        path: of the document; a segment can hold HOLE, and the first can be ANYWHERE.
        wanted: a collection: its id, or a path such as `threads/{id}/messages`.
    """
    if path is None:
        return None
    parts = wanted.split("/")
    answers = [_matches(path, at, parts) for at in range(len(path))]
    if any(answer is True for answer in answers):
        return True
    return None if any(answer is None for answer in answers) else False


def _matches(path: tuple[str, ...], end: int, parts: Sequence[str]) -> bool | None:
    """Whether the collection that the path names at this place is the wanted one."""
    from_top = path[0] != ANYWHERE
    if from_top and end % 2:
        return False  # the id of a document
    if not from_top and (len(path) - 1 - end) % 2 == 0:
        return False
    found: bool | None = True
    for back, part in enumerate(reversed(parts)):
        at = end - back
        if at < 0 or path[at] == ANYWHERE:
            return None if part.startswith("{") or not from_top else False
        if part.startswith("{"):
            continue
        answer = _could_be(path[at], part)
        if answer is False:
            return False
        found = found if answer else None
    return found


def _could_be(text: str, wanted: str) -> bool | None:
    """Whether a text with holes is this one."""
    if HOLE not in text:
        return text == wanted
    pieces = text.split(HOLE)
    if not wanted.startswith(pieces[0]) or not wanted.endswith(pieces[-1]):
        return False
    return None


def shown_path(path: tuple[str, ...] | None) -> str:
    """A path as messages show it: `threads/…/messages/…`."""
    if path is None:
        return "a document whose path is not known"
    return "/".join("…" if part in (HOLE, ANYWHERE) else part.replace(HOLE, "…") for part in path)
