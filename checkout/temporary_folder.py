"""A temporary folder for code of the checkout, removed whatever that code leaves in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

_OWNER = 0o700


@dataclass(frozen=True)
class Folders:
    """`results` is what a command may write; `root` is empty, a place for its file system."""

    results: Path
    root: Path


@contextlib.contextmanager
def create(prefix: str) -> Generator[Folders]:
    """New folders for one command, without links in their paths. They are removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    try:
        new = Folders(folder / "results", folder / "root")
        new.results.mkdir()
        new.root.mkdir()
        yield new
    finally:
        with contextlib.suppress(OSError):
            _remove(folder)


def _remove(top: Path) -> None:
    """Remove a folder of any depth: folders move up before they are emptied, so that no path gets long.

    `shutil.rmtree` raises RecursionError, and leaves the folder, if 1,000 folders are in each other.
    """
    todo, number = [top], 0
    while todo:
        folder = todo.pop()
        folder.chmod(_OWNER)
        with os.scandir(folder) as entries:
            found = list(entries)
        for entry in found:
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            Path(entry.path).chmod(_OWNER)
            todo.append(Path(entry.path).rename(top / f".{number}"))
            number += 1
        if folder != top:
            folder.rmdir()
    top.rmdir()
