"""What the interpreter saw the app do: writes, queries, calls of functions, addresses."""

from __future__ import annotations

from dataclasses import dataclass, field

from checkout.flutter.program import Function
from checkout.flutter.values import Guard, Query, Ref, Vals


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Where something happens.

    Args:
        file, line: the place.
        root: the function that nobody else calls, from which it was reached, with the class of its object.
        within: the functions that were called on the way there, the innermost last.
        sites: where each of them but the first was called.
    """

    file: str
    line: int
    root: tuple[Function, str]
    within: tuple[Function, ...] = ()
    sites: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Write(Seen):
    """A write of a document. `kind` is "add", "set", "merge", "update" or "delete"."""

    kind: str
    ref: Ref
    data: Vals = ()
    guard: Guard = frozenset()


@dataclass(frozen=True, kw_only=True)
class Asked(Seen):
    """A query that is sent."""

    query: Query


@dataclass(frozen=True, kw_only=True)
class FunctionUse(Seen):
    """A Cloud Function that is called, by name or by address. `literal` is where its name is written."""

    name: str
    literal: tuple[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Request(Seen):
    """A request to an address, or an address that is made. `method` is "" if it is not known."""

    address: str
    method: str = ""
    set_by_build: str = ""


@dataclass(frozen=True, kw_only=True)
class Called(Seen):
    """A call of a function of the app, or a reference to it."""

    function: Function


@dataclass(frozen=True, kw_only=True)
class Said(Seen):
    """A text that is built."""

    text: str


@dataclass
class Log:
    """Everything that was seen, each once."""

    writes: list[Write] = field(default_factory=list[Write])
    asked: list[Asked] = field(default_factory=list[Asked])
    functions: list[FunctionUse] = field(default_factory=list[FunctionUse])
    requests: list[Request] = field(default_factory=list[Request])
    called: list[Called] = field(default_factory=list[Called])
    said: list[Said] = field(default_factory=list[Said])
    keys: set[str] = field(default_factory=set[str])
    """Keys of maps that are written or read: the fields of documents are among them."""
    options: list[tuple[Seen, Vals]] = field(default_factory=list["tuple[Seen, Vals]"])
