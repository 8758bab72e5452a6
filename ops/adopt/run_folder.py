"""The private folder of a running `ops adopt`, for files with secrets: one run of a stack at a time.

A run that is killed (SIGKILL, SIGTERM) leaves its files. They are in a folder beside the program that git
ignores and that only this user can read, and the next run of the stack begins with an empty one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ops import stack
from ops.adopt import record


def path(name: str) -> Path:
    """The folder of a stack. No record of another stack has its name: those end in `.json`."""
    return record.path(name).with_suffix(".run")


@contextmanager
def hold(name: str) -> Generator[Path]:
    """The empty folder, locked until the end of the block, which deletes what it contains.

    The folder itself stays, as the lock is on it: a second run must not lock a new one beside a deleted one.
    The kernel releases the lock of a process that ends, however it ends.

    Raises:
        StackError: another run for this stack is under way.
        OSError: the folder could not be created.
    """
    folder = path(name)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    # Not inherited: Pulumi, which has a lock of its own, may live longer than a killed command.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise stack.StackError(
                f"another `python -m ops adopt` of the stack {name} is under way on this machine",
                "answer its question in the other terminal, or wait until it has ended. "
                "Then run the command again.",
            ) from None
        folder.chmod(0o700)
        _empty(folder)
        try:
            yield folder
        finally:
            _empty(folder)
    finally:
        os.close(descriptor)


def _empty(folder: Path) -> None:
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()
