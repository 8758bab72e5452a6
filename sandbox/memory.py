"""The memory of a process and of everything that it has started, from /proc (Linux)."""

from __future__ import annotations

from pathlib import Path

from sandbox.keeper import children_of

_KILOBYTE = 1024


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found, todo = list[int](), [pid]
    while todo:
        found.append(todo.pop())
        # A thread that started a process is its parent, not the main thread.
        tasks = Path(f"/proc/{found[-1]}/task")
        try:
            threads = [int(entry.name) for entry in tasks.iterdir()]
        except OSError:
            continue  # it has ended
        for thread in threads:
            todo += children_of(found[-1], thread)
    return found


def used(pid: int) -> int:
    """Return the bytes that a process and its descendants use. What several share is counted once."""
    return sum(_of(process) for process in tree(pid))


def _of(pid: int) -> int:
    """The proportional set size of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * _KILOBYTE
