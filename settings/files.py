"""The one place that opens files of the checkout: regular files of a bounded size, as UTF-8.

A checkout is not trusted: a file in it can be a FIFO or a device, on which a read waits or never ends, a link
to itself, or larger than the memory. tests/unit/test_layout.py checks that no other module opens files.
This module imports only the standard library and `settings.problems`: dynamic providers load it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from settings.problems import Problem

MAX_BYTES = 2_000_000
"""The largest configuration file; a lock file of 1,000 packages has half of that."""
MAX_SOURCE_BYTES = 100_000_000
"""The largest source file: the source of all functions of a codebase can have no more (Google's quotas)."""
_CHUNK = 1 << 20
MAX_FOLDERS_DEEP = 100
MAX_ENTRIES = 1_000_000
"""Files and folders below one folder."""
_MOST_NAMES, _LONGEST_NAME = 10, 200

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class FileError(Exception):
    """A file or path cannot be read.

    Args:
        what: completes a sentence that begins with the file's name, without the full stop.
        fix: completes "fix:"; it names the path.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def problem(self, file: str) -> Problem:
        """The problem of the file, which messages call `file`."""
        return Problem(key=file, what=f"{self.what}.", fix=self.fix)


def read_bytes(path: Path, *, limit: int = MAX_BYTES, follow: bool = True) -> bytes:
    """The content of a regular file.

    Args:
        path: the file.
        limit: the largest size, in bytes.
        follow: whether the path may be a link. Not for files that code of the checkout wrote: this process
            may read what that code may not.

    Raises:
        FileError: it does not exist, is not a regular file, is larger, or cannot be read.
    """
    try:
        _check_kind(path, path.stat(follow_symlinks=follow).st_mode)
        # Without O_NONBLOCK, opening a FIFO waits for a writer: the file can have been replaced since.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
        flags |= 0 if follow else getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _check_kind(path, status.st_mode)
            if status.st_size > limit:
                raise _too_large(path, limit)
            content = _up_to(file, limit + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if len(content) > limit:
        raise _too_large(path, limit)
    return content


def _up_to(file: BinaryIO, most: int) -> bytes:
    """The content, at most so many bytes. `read(most)` would allocate all of them first."""
    parts: list[bytes] = []
    left = most
    while left and (part := file.read(min(left, _CHUNK))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def text_of(path: Path, *, limit: int = MAX_SOURCE_BYTES) -> str:
    """The text of a source file; bytes that are not UTF-8 become U+FFFD.

    Raises:
        FileError: see `read_bytes`.
    """
    return read_bytes(path, limit=limit).decode(encoding="utf-8", errors="replace")


def read_text(path: Path, file: str) -> tuple[str | None, list[Problem]]:
    """The text of a configuration file, or the problem that it cannot be read.

    Args:
        path: the file.
        file: its name in messages.
    """
    try:
        return read_bytes(path).decode(), []
    except UnicodeDecodeError as error:
        fix = f"Save {_shown(path)} as UTF-8."
        return None, [Problem(key=file, what=f"cannot be read: {error}.", fix=fix)]
    except FileError as error:
        return None, [error.problem(file)]


def resolve(path: Path) -> Path:
    """The path with all links resolved; what it names need not exist.

    Raises:
        FileError: a link leads to itself, or the path is too long or holds U+0000.
    """
    try:
        resolved = path.resolve()
        resolved.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(path, error) from None
    return resolved


def leaves(path: Path, folder: Path) -> bool:
    """Whether the path, with all links resolved, is outside of the folder. False if it cannot be resolved."""
    try:
        return not resolve(path).is_relative_to(resolve(folder))
    except FileError:
        return False


def shown_name(name: str) -> str:
    """A name of a file as messages may show it: on one line, without what a terminal or a CI runner executes.

    Example:
        >>> shown_name("a\\n::error::b\\x1b[2J")
        'a\\\\n::error::b\\\\x1b[2J'
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


def shown_names(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """The first names on one line, and how many more there are.

    Example:
        >>> shown_names(["a.js", "b.js", "c.js"], most=2)
        'a.js, b.js and 1 more'
    """
    shown = ", ".join(shown_name(name[:_LONGEST_NAME]) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def exists(path: Path) -> bool:
    """Whether there is something to read or report. A link to itself exists, a link to nothing does not."""
    try:
        path.stat()
    except OSError as error:
        return error.errno not in _ABSENT
    except ValueError:  # U+0000
        return False
    return True


def is_file(path: Path) -> bool:
    """Whether the path leads to a regular file. False for what cannot be a path."""
    return stat.S_ISREG(_mode(path))


def is_dir(path: Path) -> bool:
    """Whether the path leads to a folder. False for what cannot be a path."""
    return stat.S_ISDIR(_mode(path))


def kind(mode: int) -> str:
    """What a path with this `st_mode` is, with its article; "" for a regular file."""
    return next((noun for matches, noun in _KINDS if matches(mode)), "")


def walk(root: Path, enter: Callable[[Path], bool]) -> Iterator[Path]:
    """The regular files below `root`, sorted in each folder. Links to folders are not followed.

    `enter` chooses the folders. What cannot be listed is left out, and so are folders in more than
    MAX_FOLDERS_DEEP others, and what follows the first MAX_ENTRIES entries: `checkout.archive` reports both.
    """
    left = [(root, 0)]
    count = 0
    while left:
        folder, depth = left.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError:
            continue
        count += len(found)
        if count > MAX_ENTRIES:
            return
        below: list[tuple[Path, int]] = []
        for entry in found:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_FOLDERS_DEEP and enter(path):
                    below.append((path, depth + 1))
            elif is_file(path):
                yield path
        left += reversed(below)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _check_kind(path: Path, mode: int) -> None:
    if noun := kind(mode):
        raise FileError(f"is {noun}, not a file", f"Replace {_shown(path)} by a regular file, or remove it.")


def _too_large(path: Path, limit: int) -> FileError:
    size = f"{limit / 1_000_000:g} MB"
    return FileError(f"has more than {size}, the limit for this file", f"Shorten {_shown(path)}.")


def _unreadable(path: Path, error: OSError | ValueError | RuntimeError) -> FileError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ELOOP or isinstance(error, RuntimeError):
        return FileError("is a link that leads to itself", f"Replace {_shown(path)} by a regular file.")
    if number == errno.ENAMETOOLONG:
        return FileError("cannot be read: the path is too long", f"Shorten the path {_shown(path)}.")
    if isinstance(error, ValueError):
        return FileError("cannot be read: the path holds U+0000", f"Correct the path {_shown(path)}.")
    fix = f"Check that {_shown(path)} is a file that you can read."
    return FileError(f"cannot be read: {error.strerror}", fix)


def _shown(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"{text[:200]}…"
