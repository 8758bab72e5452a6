"""Run one local command as pulumi-command does: environment, output, and error texts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SHELL = ("/bin/sh", "-c")


class CommandError(Exception):
    """The command did not start or did not end with 0. The message is pulumi-command's."""


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """The command: everything but the output of its last run."""

    text: str
    interpreter: Sequence[str] = _SHELL
    stdin: str = ""
    directory: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    add_previous_output: bool = True
    log_stdout: bool = True
    log_stderr: bool = True


@dataclass(frozen=True, kw_only=True)
class Output:
    """The output of a command, without the final newline."""

    stdout: str = ""
    stderr: str = ""


def run(line: CommandLine, previous: Output, on_line: Callable[[str], None]) -> Output:
    """Run a command to its end.

    Args:
        line: the command.
        previous: the last run's output, passed as PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR.
        on_line: called with each line that is to be logged.

    Raises:
        CommandError: it did not start or did not end with 0.
    """
    environment = {**os.environ, **line.environment}
    if line.add_previous_output:
        for name, text in (("STDOUT", previous.stdout), ("STDERR", previous.stderr)):
            if text:
                environment[f"PULUMI_COMMAND_{name}"] = text
    try:
        process = subprocess.Popen(
            [*(line.interpreter or _SHELL), line.text],
            cwd=line.directory,
            env=environment,
            stdin=subprocess.PIPE if line.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise CommandError(_failure(_not_started(line, error), line.text, "")) from error
    with process:
        code, output, both = _communicate(process, line, on_line)
    if code != 0:
        raise CommandError(_failure(_status(code), line.text, both))
    return output


def _communicate(
    process: subprocess.Popen[bytes], line: CommandLine, on_line: Callable[[str], None]
) -> tuple[int, Output, str]:
    """Write stdin and read the output; return exit code, output, and both streams in the order of arrival."""
    stdout, stderr, both = bytearray(), bytearray(), bytearray()
    lock = threading.Lock()

    def drain(stream: IO[bytes] | None, into: bytearray, *, logged: bool) -> None:
        for part in stream or ():
            with lock:
                into += part
                both.extend(part)
            if logged:
                on_line(part.decode("utf-8", "replace").rstrip("\n"))

    readers = [
        threading.Thread(target=drain, args=(process.stdout, stdout), kwargs={"logged": line.log_stdout}),
        threading.Thread(target=drain, args=(process.stderr, stderr), kwargs={"logged": line.log_stderr}),
    ]
    for reader in readers:
        reader.start()
    if process.stdin is not None:
        # A command may end without reading all of its input; both write and flush can then fail.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(line.stdin.encode())
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    for reader in readers:
        reader.join()
    code = process.wait()
    return code, Output(stdout=_text(stdout), stderr=_text(stderr)), both.decode("utf-8", "replace")


def _text(data: bytearray) -> str:
    return data.decode("utf-8", "replace").removesuffix("\n")


def _status(code: int) -> str:
    if code < 0:
        return f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    return f"exit status {code}"


def _not_started(line: CommandLine, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    if line.directory is not None and str(error.filename) == line.directory:
        return f"chdir {line.directory}: {reason}"
    program = line.interpreter[0] if line.interpreter else _SHELL[0]
    if "/" not in program and isinstance(error, FileNotFoundError):
        return f'exec: "{program}": executable file not found in $PATH'
    return f"fork/exec {program}: {reason}"


def _failure(status: str, text: str, output: str) -> str:
    return f"{status}: running {json.dumps(text, ensure_ascii=False)}:\n{output}"
