"""Run one command, and end it with everything that it has started when the process that wanted it ends.

A script of its own, without imports of this project: `python -I -S keeper.py PIPE wrapped|plain COMMAND...`.

PIPE is the reading end of a pipe whose other end only the wanting process holds. The kernel closes that end
however that process ends, also by SIGKILL; then the command and all its descendants get SIGKILL. As their
subreaper, the keeper finds those that have left the command's session too (Linux; elsewhere only its process
group is ended).

SIGTERM is passed on. With "wrapped", COMMAND is bubblewrap, and its child gets the signal: bubblewrap itself
would end at once and take the child with it. The exit code is the command's, or 128 plus the signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_SIGNAL = 128
_NOT_STARTED = 127


def main(pipe: int, *, is_wrapped: bool, line: list[str]) -> int:
    """Run the command; return its exit code."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    command = os.fork()
    if command == 0:
        _become(line)
    while True:
        ready, _, _ = select.select([pipe, woken], [], [])
        if pipe in ready:
            _end_all(command)
            return _SIGNAL + signal.SIGKILL
        for number in os.read(woken, 512):
            if number == signal.SIGTERM:
                _terminate(command, is_wrapped=is_wrapped)
        code = _reap(command)
        if code is not None:
            _end_all(command)
            return code


def _become(line: list[str]) -> None:
    """Replace this process by the command, in a session of its own."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        os.execvp(line[0], line)  # noqa: S606 - the command is this script's argument
    except OSError as error:
        os.write(2, f"{line[0]}: {error.strerror}\n".encode())
        os._exit(_NOT_STARTED)


def _prctl(option: int, value: int) -> None:
    """Set a property of this process, on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _reap(command: int) -> int | None:
    """Collect the processes that have ended; return the command's exit code once it is among them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == command:
                code = os.waitstatus_to_exitcode(status)
    return code if code is None or code >= 0 else _SIGNAL - code


def _terminate(command: int, *, is_wrapped: bool) -> None:
    for pid in (children_of(command) if is_wrapped else []) or [command]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def children_of(pid: int, thread: int | None = None) -> list[int]:
    """The processes that a thread (by default the main one) of a process started.

    None where the system does not list them.
    """
    try:
        listed = os.open(f"/proc/{pid}/task/{thread or pid}/children", os.O_RDONLY)
    except OSError:
        return []
    with os.fdopen(listed) as file:
        return [int(child) for child in file.read().split()]


def _end_all(command: int) -> None:
    """End the command's process group and every descendant. The orphans of an ended one become ours."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(command, signal.SIGKILL)
    while children := children_of(os.getpid()):
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), is_wrapped=sys.argv[2] == "wrapped", line=sys.argv[3:]))
