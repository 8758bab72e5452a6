"""Rules of texts: characters that nobody sees, branches as git allows them, paths and commands.

A text with a character that cannot be seen looks right in every message, and fails later, or names something
else. A rule is a function on a `Key` of `settings.model`.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from settings.parsing import named

_INVISIBLE = ("Cc", "Cf", "Zl", "Zp", "Zs")  # control, format, line and paragraph separators, odd spaces
_MAX_BRANCH = 250  # bytes: git stores a branch as a file, and locks it as NAME.lock; names have up to 255
_MAX_PATH = 4_096  # bytes (Linux, PATH_MAX)
_MAX_FILE_NAME = 255  # bytes
# git-check-ref-format(1), rules 3, 4 and 10: space and control characters are named by `visible`.
_NOT_IN_A_BRANCH = re.compile(r"[~^:?*\[\\ ]")


def visible(value: object, but: str = "") -> str | None:
    """A text without control characters, zero-width characters and odd spaces, except those in `but`."""
    for number, char in enumerate(str(value), start=1):
        if char not in f" {but}" and unicodedata.category(char) in _INVISIBLE:
            return f"has the invisible character {named(char)} at position {number}"
    return None


def branch_name(value: object) -> str | None:
    """The name of a branch (git-check-ref-format, and the rules of `git branch`)."""
    name = str(value)
    if wrong := visible(name):
        return wrong
    odd = _NOT_IN_A_BRANCH.search(name)
    parts = name.split("/")
    if odd is not None:
        return f"is not the name of a branch: it has the character {odd[0]!r} at position {odd.start() + 1}"
    if name in ("@", "HEAD") or name.startswith("-"):
        return "is not the name of a branch: git gives it another meaning"
    if "" in parts:
        return "is not the name of a branch: it begins or ends with a slash, or has two together"
    if any(part.startswith(".") or part.endswith(".lock") for part in parts) or name.endswith("."):
        return 'is not the name of a branch: no part of it begins with a dot, or ends with ".lock" or a dot'
    if ".." in name or "@{" in name:
        return 'is not the name of a branch: it has ".." or "@{"'
    if (size := len(name.encode(errors="replace"))) > _MAX_BRANCH:
        return f"has {size} bytes; git stores a branch as a file, whose name can have {_MAX_BRANCH}"
    return None


def inside_repository(value: object) -> str | None:
    """A path in the repository."""
    path = PurePosixPath(str(value))
    if ".." in path.parts:
        return "is outside of the repository"
    if wrong := visible(value):
        return wrong
    if len(str(value).encode(errors="replace")) > _MAX_PATH:
        return f"has more than {_MAX_PATH} bytes, the longest path"
    if any(len(part.encode(errors="replace")) > _MAX_FILE_NAME for part in path.parts):
        return f"has a name of more than {_MAX_FILE_NAME} bytes, the longest name of a file"
    return None


def command(value: object) -> str | None:
    """A shell command. It may have several lines."""
    return visible(value, "\n\t")


def watch_pattern(value: object) -> str | None:
    """A pattern of paths."""
    return "is empty, and would match nothing" if not str(value).strip() else visible(value)


def log_line(value: object) -> str | None:
    """A text that is found in not every log, and in one line of it."""
    if not str(value).strip():
        return "is empty, and would be found in every log"
    return visible(value, "\t")
