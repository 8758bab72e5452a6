"""`functions.ignore` of firebase.json: the glob patterns of the Firebase CLI.

The Firebase CLI (15.34, `src/fsAsync.ts`) compares each pattern with the absolute path of each file and
folder, by minimatch 3 with the options `matchBase` and `dot`:

- A pattern without `/` is compared with the last part of the path: `*.log` matches at any depth.
- A pattern with `/` is compared with the whole path, from the root of the file system. `docs/**` and `docs/`
  therefore match nothing; `**/docs/**` does.
- Braces (`*.{pem,key}`, `{1..3}`) and extended globs (`@(a|b)`, `!(a)`) work; `*` also matches names that
  begin with a dot.
- `!pattern` matches everything that `pattern` does not match; it includes nothing again. `#pattern` is a
  comment.

`bracex` expands braces, and `checkout.name_pattern` compares a part with a name, in bounded time.
tests/unit/test_minimatch.py compares with the results of minimatch itself. They differ only in odd patterns:
an unclosed bracket after a wildcard, a range in reverse order, and `!(a)` directly before another wildcard.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import bracex

from checkout.name_pattern import NamePattern, NamePatternError

_GLOBSTAR = "**"
_MOST_ALTERNATIVES = 10_000
_LONGEST = 1_000  # characters
_MOST_STARS = 8  # in one name
# Stands for the folders above the app, which differ between machines: only `**` matches it.
_ABOVE_THE_APP = "\0"


class PatternError(ValueError):
    """A pattern that cannot be read; the text says why."""


@dataclass(frozen=True)
class Pattern:
    """One compiled pattern. `alternatives` are its brace expansions, each split at `/`."""

    text: str
    negated: bool
    alternatives: tuple[tuple[str, ...], ...]

    @property
    def has_no_effect(self) -> bool:
        """Whether it matches no absolute path: it has a `/`, but does not begin with `**`."""
        relative = (len(parts) > 1 and parts[0] != _GLOBSTAR for parts in self.alternatives)
        return not self.negated and bool(self.alternatives) and all(relative)

    def matches(self, path: Sequence[str]) -> bool:
        """Whether the pattern matches the parts of an absolute path."""
        found = any(_matches(parts, path[-1:] if len(parts) == 1 else path) for parts in self.alternatives)
        return found != self.negated


def compile_pattern(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        PatternError: it is too long, has too many or too deeply nested wildcards, or its braces expand to
            too many alternatives.
    """
    stripped = text.strip()
    if not stripped or stripped.startswith("#"):
        return Pattern(text, negated=False, alternatives=())
    if len(stripped) > _LONGEST:
        raise PatternError(f"a pattern has more than {_LONGEST} characters")
    body = stripped.lstrip("!")
    negated = (len(stripped) - len(body)) % 2 == 1
    try:
        expanded = bracex.expand(body, keep_escapes=True, limit=_MOST_ALTERNATIVES) if "{" in body else [body]
    except bracex.ExpansionLimitException:
        what = f"its braces stand for more than {_MOST_ALTERNATIVES} patterns"
        raise PatternError(what) from None
    alternatives = tuple(tuple(_part(part) for part in re.split("/+", one)) for one in expanded)
    if any(part.count("*") > _MOST_STARS for parts in alternatives for part in parts):
        raise PatternError(f"a name in a pattern has more than {_MOST_STARS} wildcards *")
    try:
        for one in {part for parts in alternatives for part in parts}:
            _compiled(one)
    except NamePatternError as error:
        raise PatternError(f'the pattern "{stripped[:60]}" {error}') from None
    return Pattern(text, negated=negated, alternatives=alternatives)


class Ignored:
    """Which files of a folder the patterns exclude.

    Args:
        patterns: as in `functions.ignore`.
        folder: the folder's path relative to firebase.json, such as `functions`.

    Example:
        Ignored(["*.{pem,key}", "test"], "functions").by("keys/prod.pem")  # the pattern "*.{pem,key}"

    Raises:
        PatternError: a pattern cannot be read.
    """

    def __init__(self, patterns: Iterable[str], folder: str) -> None:
        self._patterns = [compile_pattern(text) for text in patterns]
        self._above = (
            "",
            _ABOVE_THE_APP,
            *(part for part in PurePosixPath(folder).parts if part not in (".", "/")),
        )

    def by(self, name: str) -> str | None:
        """The first pattern that excludes the file or folder `name`, a path relative to the folder."""
        path = (*self._above, *name.split("/"))
        return next((pattern.text for pattern in self._patterns if pattern.matches(path)), None)

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The patterns that match no file of any folder."""
        return tuple(pattern.text for pattern in self._patterns if pattern.has_no_effect)


def _part(text: str) -> str:
    """A part as wcmatch reads it. minimatch treats several `*` as one, and knows no `[:alpha:]`."""
    return text if text == _GLOBSTAR else re.sub(r"\*{2,}", "*", text).replace("[:", "[\\:")


def _matches(pattern: Sequence[str], path: Sequence[str]) -> bool:
    if pattern and pattern[-1] == _GLOBSTAR:  # at the end it stands for at least one part
        return any(_matches(pattern[:-1], path[:end]) for end in range(len(path)))
    ends = {0}  # how many parts of the path are matched by the parts of the pattern so far
    for part in pattern:
        if part == _GLOBSTAR:
            ends = set(range(min(ends), len(path) + 1)) if ends else ends
        else:
            ends = {end + 1 for end in ends if end < len(path) and _part_matches(part, path[end])}
    return len(path) in ends


def _part_matches(pattern: str, name: str) -> bool:
    if pattern == "" or name in ("", _ABOVE_THE_APP):
        return pattern == name
    return _compiled(pattern).matches(name)


@functools.lru_cache(maxsize=20_000)
def _compiled(pattern: str) -> NamePattern:
    return NamePattern(pattern)
