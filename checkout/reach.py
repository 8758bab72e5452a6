"""Which files of a codebase count for a function: the digest by which `updateOnlyChanged` decides.

A file counts for all functions, unless it is certain that only other functions load it:

- it is JavaScript, and was loaded while the functions were listed;
- it makes a function of another export, or only such files load it;
- neither the file that makes this function, nor a file that it loads, names it in a relative path.

So a file that is only read (a template), one that is loaded later, `package.json`, a lock file, the entry
file, what it loads apart from functions (`./config`), and what a dependency loads, count for all. All files
count for a function that the entry file itself makes, for one whose code loads files by computed names, and
for all functions if the graph is not certain (`discovery_graph.cjs`).

It is not certain that a file which does not count cannot change what a function does: Google starts each
function with all modules of the entry file, and code at their top level could change what they share
(ADR 0012).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from settings.parsing import mapping, strings

_CODE = (".js", ".cjs", ".mjs")


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The loaded files of a codebase, relative to it.

    Args:
        entry: the file that `main` names.
        files: the files that each file loads.
        roots: files that something outside of the codebase loads: the entry file, what a dependency loads.
        dynamic: files that can load any other one.
        makers: the files whose code made the function, by entry point.
    """

    entry: str
    files: Mapping[str, tuple[str, ...]]
    roots: tuple[str, ...]
    dynamic: tuple[str, ...]
    makers: Mapping[str, tuple[str, ...]]

    def reach(self, starts: Iterable[str], without: Iterable[str] = ()) -> set[str]:
        """The files that these load, directly or not, and themselves. What is in `without` is not entered."""
        seen = set(without)
        todo, found = [one for one in starts if one not in seen], set[str]()
        while todo:
            file = todo.pop()
            if file not in found:
                found.add(file)
                todo += [one for one in self.files.get(file, ()) if one not in seen]
        return found

    def makers_of(self, entry_point: str) -> set[str]:
        """The files that make a function; empty if the entry file does, or if it is not known."""
        found = set(self.makers.get(entry_point, ()))
        return set() if self.entry in found else found


def graph_from_json(found: object) -> Graph | None:
    """A graph that was written as JSON; None if it is damaged or there is none."""
    fields = mapping(found) or {}
    entry = fields.get("entry")
    files, makers = _lists(fields.get("files")), _lists(fields.get("makers"))
    roots, dynamic = strings(fields.get("roots")), strings(fields.get("dynamic"))
    if not isinstance(entry, str) or files is None or makers is None or roots is None or dynamic is None:
        return None
    return Graph(entry=entry, files=files, roots=roots, dynamic=dynamic, makers=makers)


def renamed(graph: Graph, names: Mapping[str, str]) -> Graph | None:
    """The graph with other names of files; None if a file has none."""

    def of(files: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(names[file] for file in files))

    try:
        return Graph(
            entry=names[graph.entry],
            files={names[file]: of(children) for file, children in sorted(graph.files.items())},
            roots=of(graph.roots),
            dynamic=of(graph.dynamic),
            makers={name: of(files) for name, files in sorted(graph.makers.items())},
        )
    except KeyError:
        return None


def digests(graph: Graph | None, contents: Mapping[str, str], entry_points: Iterable[str]) -> dict[str, str]:
    """For each entry point the digest of the files that count for it.

    Args:
        graph: None if it is not known: then all files count.
        contents: the packed files, each with the digest of its content.
        entry_points: as in the manifest, `clients.created`.

    Example:
        >>> digests(None, {"index.js": "1"}, ["ask"])["ask"] == digests(None, {"index.js": "1"}, ["a"])["a"]
        True
    """
    if graph is None:
        return dict.fromkeys(entry_points, _digest(contents, ()))
    names = list(entry_points)
    makers = {name: graph.makers_of(name) for name in graph.makers}
    making = set[str]().union(*makers.values())
    for_all = graph.reach(graph.roots, without=making)
    of_functions = {file for file in graph.reach(making) - for_all if file.endswith(_CODE)}
    found: dict[str, str] = {}
    for name in names:
        loaded = graph.reach(makers.get(name, ()))
        everything = not loaded or (loaded | for_all) & set(graph.dynamic)
        found[name] = _digest(contents, set() if everything else of_functions - loaded)
    return found


def _digest(contents: Mapping[str, str], without: Iterable[str]) -> str:
    left_out = set(without)
    lines = (f"{name}\0{digest}\n" for name, digest in sorted(contents.items()) if name not in left_out)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _lists(found: object) -> dict[str, tuple[str, ...]] | None:
    lists = {key: strings(value) for key, value in (mapping(found) or {}).items()}
    known = {key: value for key, value in lists.items() if value is not None}
    return known if mapping(found) is not None and len(known) == len(lists) else None
