"""One sandbox: a folder with its state, and the process that serves it.

A sandbox is a folder, by default `.sandbox/default`: ports, state of both clouds, Pulumi's home and backend.
The serving process holds a lock on it while it lives; that, not a process id in a file, says whether it runs.

Refuses to delete a folder's state: `down` keeps everything, and a fresh start moves the old folder aside.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from sandbox import environment
from sandbox.engine import layout, toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).resolve().parent.parent
STACK = "sandbox"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
# Another account's variables in the caller's shell must not reach the sandbox's stack.
UNSET_VARIABLES = (
    "RAILWAY_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CREDENTIALS",
    "GOOGLE_CLOUD_KEYFILE_JSON",
    "GCLOUD_KEYFILE_JSON",
    "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_STACK",
)


def _print_progress(text: str) -> None:
    """Progress goes beside the output, which may be meant for a shell."""
    print(text, file=sys.stderr)  # noqa: T201 - a build of minutes must not be silent


class SandboxError(Exception):
    """The sandbox cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """Where a running sandbox answers."""

    pid: int
    railway_url: str
    google_url: str
    firestore_host: str


class Sandbox:
    """A sandbox by its folder.

    Args:
        root: the folder; made when the sandbox is first started.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._attached: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The folder's name, which is the sandbox's."""
        return self.root.name

    def lock(self) -> FileLock:
        """The lock that the serving process holds while it lives."""
        return FileLock(self.root / "lock")

    @property
    def running_file(self) -> Path:
        """Where the serving process says how it is reached."""
        return self.root / "running.json"

    def write_running_file(self, running: Running) -> None:
        """Write where the sandbox answers (called by the serving process once it does)."""
        draft = self.running_file.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(running)))
        draft.replace(self.running_file)

    def running(self) -> Running | None:
        """Where the sandbox answers, or None when it is not up."""
        if not self.running_file.exists():
            return None
        try:
            with self.lock().acquire(timeout=0):
                return None
        except Timeout:
            return Running(**json.loads(self.running_file.read_text()))

    def start(self, *, attached: bool = False) -> Running:
        """Start serving, unless it already does.

        Args:
            tied: end the sandbox with this process (for tests), instead of leaving it up.

        Raises:
            SandboxError: it did not start; the message holds the end of its log.
        """
        running = self.running()
        if running:
            return running
        self.root.mkdir(parents=True, exist_ok=True)
        self.running_file.unlink(missing_ok=True)
        log = self.root / "sandbox.log"
        command = [sys.executable, "-m", "sandbox", "serve", "--root", str(self.root)]
        with log.open("ab") as out:
            process = subprocess.Popen(
                command + (["--tied"] if attached else []),
                cwd=PROJECT,
                stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._attached = process if attached else None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.running_file.exists() and (running := self.running()):
                return running
            if process.poll() is not None:
                break
            time.sleep(0.05)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        if process.poll() is None:
            process.terminate()
        raise SandboxError(f"the sandbox `{self.name}` did not start; the end of {log}:\n{tail}")

    def stop(self) -> bool:
        """Stop serving; the state stays. Returns whether it ran.

        Raises:
            SandboxError: it does not end.
        """
        running = self.running()
        if running is None:
            return False
        os.kill(running.pid, signal.SIGTERM)
        try:
            with self.lock().acquire(timeout=STOP_SECONDS):
                self.running_file.unlink(missing_ok=True)
        except Timeout:
            raise SandboxError(f"process {running.pid} of the sandbox `{self.name}` does not end") from None
        if self._attached is not None and self._attached.stdin is not None:
            self._attached.stdin.close()
            self._attached.wait(STOP_SECONDS)
        return True

    def move_state_aside(self) -> Path | None:
        """Move a stopped sandbox's state to `<root>.previous`, in place of what is kept there.

        Returns where it is kept, or None when there was nothing.
        """
        if not self.root.exists():
            return None
        kept = self.root.with_name(self.root.name + ".previous")
        if kept.exists():
            shutil.rmtree(kept)
        self.root.rename(kept)
        return kept

    def variables(self) -> dict[str, str]:
        """What a shell needs so that plain `pulumi preview -s sandbox` works in the project's folder.

        Raises:
            SandboxError: the sandbox is not up.
            sandbox.engine.toolchain.ToolchainError: there is no engine and none can be built.
        """
        running = self.running()
        if running is None:
            raise SandboxError(
                f"the sandbox `{self.name}` is not up; start it: python -m sandbox up --name {self.name}"
            )
        engine = layout.lay_out(self.root / "engine", toolchain.find_or_build(_print_progress))
        clouds = environment.endpoints(running.railway_url, running.google_url, running.firestore_host)
        return {**engine, **clouds}

    def pulumi(
        self,
        *arguments: str,
        extra_environment: Mapping[str, str] | None = None,
        capture: bool = True,
        cwd: Path = PROJECT,
    ) -> subprocess.CompletedProcess[str]:
        """Run the Pulumi CLI on the sandbox.

        Args:
            arguments: what follows `pulumi`.
            extra: variables on top of the sandbox's.
            capture: keep the output (stderr joined to stdout) instead of showing it.
            cwd: the folder of the Pulumi program.
        """
        inherited = {k: v for k, v in os.environ.items() if k not in UNSET_VARIABLES}
        variables = {**inherited, **self.variables(), **(extra_environment or {})}
        return subprocess.run(
            ["pulumi", *arguments],
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.STDOUT if capture else None,
            text=True,
            check=False,
        )

    def ensure_stack(self, stack: str = STACK, cwd: Path = PROJECT) -> None:
        """Make the stack in the sandbox's backend, unless it is there.

        Raises:
            SandboxError: Pulumi refused.
        """
        done = self.pulumi("stack", "select", "--create", stack, "--non-interactive", cwd=cwd)
        if done.returncode != 0:
            raise SandboxError(f"pulumi could not make the stack `{stack}`:\n{done.stdout}")
