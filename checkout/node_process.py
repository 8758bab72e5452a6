"""Run a command that loads code of the checkout: isolated, with a time limit and bounded output."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import marshal
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from checkout import isolation, programs, temporary_folder
from checkout.isolation import IsolationError, View

LAUNCHER = Path(__file__).with_name("isolated_process.py")
KEPT = 524_288  # bytes at the start and at the end of each stream
_SHOWN_LINES = 5
_SHOWN_LENGTH = 200
_END_SECONDS = 4  # of the launcher, after the time limit: it needs 2 at most
_TRIAL_SECONDS = 30
_HELD_SECONDS = 0.5  # a stream that a process which cannot be ended keeps open
_SIGNAL = 128  # a program that ends by a signal gives this plus its number (bubblewrap, shells)
_LEFT_OUT = re.compile(r"\(only [\d,]+ bytes are kept: [\d,]+ more are left out\)")
# Lines of Node itself: stack frames, its version, warnings.
_OF_NODE = re.compile(r"\s+at |Node\.js v|\(node:\d+\)|\(Use `node ")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended. `code` is None after a time-out, negative after a signal.

    `was_abandoned`: the process that started it was ended, so `code` is None too.
    `not_isolated` is the reason why it could not be isolated, "" if it was. `hidden` are the paths that it
    could not read because they may hold credentials.
    """

    code: int | None
    stdout: str
    stderr: str
    not_isolated: str = ""
    hidden: tuple[str, ...] = ()
    was_abandoned: bool = False

    @property
    def output(self) -> str:
        """Both streams."""
        return f"{self.stdout}\n{self.stderr}"


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command and its place: `results` is the folder that it may write, `root` an empty folder.

    No program of `checkout` is used to isolate it. `isolate` is false if the user asked for that.
    """

    line: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    timeout: float
    results: Path
    root: Path
    checkout: Path
    isolate: bool = True


def run(command: Command, view: Callable[[], View]) -> Finished:
    """Run a command for at most `timeout` seconds, isolated if the system can do that.

    It is tried with namespaces, then with bubblewrap, which some systems allow what they deny to other
    programs (the AppArmor profiles of Ubuntu). What cannot isolate starts nothing. Whether the system can
    isolate is decided by a command that has nothing of the app: no path, no variable.

    Args:
        command: the command.
        view: what it may see. Called only where the system isolates: there can be too much to hide.

    Raises:
        IsolationError: the system can isolate, but not this command. It was not run.
    """
    if not command.isolate:
        return _launch(command, View(), isolate=False, reason=isolation.NOT_WANTED)
    if sys.platform != "linux":
        return _launch(command, View(), isolate=False, reason="only Linux has namespaces")
    denied = _namespaces_denied()
    if not denied:
        finished = _launch(command, view(), isolate=True)
        if finished.not_isolated:
            raise IsolationError(finished.not_isolated)
        return finished
    reason = f"this system denies user namespaces: {denied}"
    program = programs.find("bwrap", programs.search_path(os.environ, command.checkout), command.checkout)
    if program is None:
        return _launch(command, View(), isolate=False, reason=f"{reason}, and bubblewrap is not installed")
    if failed := _bubblewrap_denied(program):
        return _launch(command, View(), isolate=False, reason=f"{reason}, and bubblewrap failed: {failed}")
    seen = view()
    wrapper = isolation.bubblewrap(program, seen, command.results, command.folder, command.environment)
    finished = _launch(command, seen, isolate=False, wrapper=wrapper)
    if finished.code == 1 and finished.stderr.startswith("bwrap: "):
        raise IsolationError(cut(finished.stderr.splitlines()[0], _SHOWN_LENGTH))
    return finished


@functools.cache
def _namespaces_denied() -> str:
    """Why this system denies namespaces to any command; "" if it grants them."""
    with _neutral() as command:
        return _launch(command, isolation.of_system([]), isolate=True).not_isolated


@functools.cache
def _bubblewrap_denied(program: str) -> str:
    """Why bubblewrap fails with any command; "" if it works."""
    with _neutral() as command:
        view = isolation.of_system([Path(program).resolve()])
        wrapper = isolation.bubblewrap(program, view, command.results, command.folder, {})
        finished = _launch(
            dataclasses.replace(command, line=[os.path.realpath(program), "--version"]),
            view,
            isolate=False,
            wrapper=wrapper,
        )
    if finished.code == 0:
        return ""
    return cut(finished.stderr.strip(), _SHOWN_LENGTH) or f"exit code {finished.code}"


@contextlib.contextmanager
def _neutral() -> Generator[Command]:
    """A command that has nothing of the app."""
    with temporary_folder.create("discovery-") as folders:
        yield Command(
            line=["/bin/true"],  # isolated even where it does not exist: that is reported before it starts
            folder=Path("/"),
            environment={},
            timeout=_TRIAL_SECONDS,
            results=folders.results,
            root=folders.root,
            checkout=folders.root,
        )


def _launch(
    command: Command, view: View, *, isolate: bool, reason: str = "", wrapper: Sequence[str] = ()
) -> Finished:
    request = {
        "command": [*wrapper, *command.line],
        "folder": os.fspath(command.folder),
        "environment": {} if wrapper else dict(command.environment),
        "timeout": command.timeout,
        "isolate": isolate,
        "root": os.fspath(command.root),
        "writable": os.fspath(command.results),
        "links": view.links,
        "visible": list(view.visible),
        "changeable": list(view.changeable),
        "fixed": list(view.fixed),
        "empty": list(view.hidden.empty),
        "denied": list(view.hidden.denied),
    }
    status, for_launcher = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(for_launcher)],
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(for_launcher,),
            start_new_session=True,
        )
    finally:
        os.close(for_launcher)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    streams = [_Stream(process.stdout), _Stream(process.stderr), _Stream(os.fdopen(status, "rb"))]
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(marshal.dumps(request))
        is_late = False
        try:
            process.wait(command.timeout + _END_SECONDS)
        except subprocess.TimeoutExpired:
            is_late = True
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the group has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    until = time.monotonic() + _HELD_SECONDS
    stdout, stderr, reported = (stream.text(until) for stream in streams)
    report = dict(line.split(" ", 1) for line in reported.splitlines())
    if "reason" in report:
        return Finished(code=None, stdout="", stderr="", not_isolated=report["reason"])
    code = int(report["code"]) if report.get("code") else None
    if wrapper and code is not None and code > _SIGNAL and code - _SIGNAL in tuple(signal.Signals):
        code = _SIGNAL - code
    hidden = () if reason else (*view.hidden.empty, *view.hidden.denied)
    return Finished(
        code=code,
        stdout=stdout,
        stderr=stderr,
        not_isolated=reason,
        hidden=hidden,
        was_abandoned="code" not in report and not is_late,
    )


def signal_name(number: int) -> str:
    """`SIGTERM`, or `signal 40`: real-time signals have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def shown(text: str, most: int = _SHOWN_LINES) -> tuple[str, ...]:
    """The last lines of an output, without those of Node itself."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and not _OF_NODE.match(line)]
    left_out = len(lines) - most
    bound = next((line for line in lines if _LEFT_OUT.fullmatch(line)), None)
    first = [bound or f"({left_out} lines before)"] if left_out > 0 else []
    kept = (cut(line, _SHOWN_LENGTH) for line in lines[-most:])
    return (*first, *kept)


def cut(text: str, length: int) -> str:
    """The first `length` characters."""
    return text if len(text) <= length else f"{text[:length]}…"


class _Stream:
    """Reads a stream to its end in a thread; keeps the first and the last bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._start = bytearray()
        self._end = bytearray()
        self._left_out = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            while chunk := os.read(self._stream.fileno(), 65_536):
                room = KEPT - len(self._start)
                self._start += chunk[:room]
                self._end += chunk[room:]
                if len(self._end) > 2 * KEPT:
                    self._left_out += len(self._end) - KEPT
                    del self._end[:-KEPT]

    def text(self, until: float) -> str:
        """What was read. A process that cannot be ended may keep the stream open: not longer than `until`."""
        self._thread.join(max(0.0, until - time.monotonic()))
        start, end = bytes(self._start), bytes(self._end)
        left_out = self._left_out + max(0, len(end) - KEPT)
        if not left_out:
            return (start + end).decode(errors="replace")
        gap = f"\n(only {2 * KEPT:,} bytes are kept: {left_out:,} more are left out)\n"
        return start.decode(errors="replace") + gap + end[-KEPT:].decode(errors="replace")
