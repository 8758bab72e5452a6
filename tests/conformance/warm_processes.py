"""Provider processes that start in a moment: `python -m pulumi.dynamic` in a fork of a process that has
loaded the SDK already.

Each is a process of its own that runs the SDK's module from its first line, with its own environment, and can
be killed as any other; only the loading of libraries, which takes longer than most cases of the fault matrix,
is done once. Refuses to load anything of ours beforehand: nothing that one operation remembers may help the
next.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PROJECT = Path(__file__).parents[2]
LIBRARIES = ("grpc", "pulumi.dynamic", "pulumi.runtime.proto.provider_pb2_grpc", "requests", "tenacity")
"""What `python -m pulumi.dynamic` and our client import."""


@dataclass(frozen=True)
class WarmProcess:
    """A started one. `stdout` ends when it has ended."""

    pid: int
    stdout: Path
    stderr: Path


class WarmProcesses:
    """Starts them; ends with the `with` block."""

    def __enter__(self) -> WarmProcesses:
        self._folder = tempfile.TemporaryDirectory(prefix="providers-")
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.warm_processes"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
        self._folder.cleanup()

    def start(self, environ: Mapping[str, str]) -> WarmProcess:
        """Start one.

        Args:
            environ: its whole environment.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._count += 1
        stdout = Path(self._folder.name) / f"{self._count}.out"
        stderr = Path(self._folder.name) / f"{self._count}.err"
        os.mkfifo(stdout)
        request = {"environ": dict(environ), "stdout": str(stdout), "stderr": str(stderr)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return WarmProcess(int(self._process.stdout.readline()), stdout, stderr)


def main() -> None:
    """Fork for every line of standard input; the child becomes the provider process."""
    for name in LIBRARIES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children leave nothing behind
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_provider(request)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become_provider(request: Mapping[str, Mapping[str, str] | str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    environ, stdout, stderr = request["environ"], request["stdout"], request["stderr"]
    assert isinstance(environ, Mapping)
    os.environ.clear()
    os.environ.update(environ)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(str(stdout), os.O_WRONLY), 1)
    os.dup2(os.open(str(stderr), os.O_WRONLY | os.O_CREAT), 2)
    # As `python -u` has them.
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
    sys.argv = ["pulumi.dynamic"]
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
