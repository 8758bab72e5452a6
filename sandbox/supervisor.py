"""One sandbox: a folder with its state, and the process that serves it.

A sandbox is a folder, by default `.sandbox/default`: ports, state of both clouds, Pulumi's home and backend.
The server process holds a lock on the folder: the sandbox is running while the lock is held. A file with a
process id would outlive a crash.

State is never deleted by `stop`; a start with an empty state moves the old folder aside.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from filelock import FileLock, Timeout

from sandbox import environment
from sandbox.engine import layout, toolchain
from user_errors import add_fix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.running import RunOptions

PROJECT = Path(__file__).resolve().parent.parent
STACK = "sandbox"
APP_STACK = "local"
APP_SETTINGS_HEADER = (
    "# Your own app on the sandbox: `.venv/bin/python -m sandbox up --app DIR`. Git ignores this file.\n"
    '# The secrets are encrypted with the public passphrase "sandbox": do not put real ones here.\n'
)
SANDBOX_SETTINGS = re.compile(
    rf"^\s+whatsapp-crm:googleProject: {re.escape(environment.GOOGLE_PROJECT)}\s*$", re.MULTILINE
)
LOCATION = re.compile(r"^\s+whatsapp-crm:firestoreLocation: ([a-z0-9-]+)\s*$", re.MULTILINE)
DEFAULT_NAME = "default"
# Limits for a process that hangs: on a busy machine a start takes more than a minute. A process that fails
# ends, which is seen at once. The emulator's own limit is shorter, so that the log has its error.
START_SECONDS = 300.0
STOP_SECONDS = 60.0
# Variables of real accounts in the caller's shell must not reach the sandbox's stack.
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
    """Print progress to stderr: stdout may be evaluated by a shell."""
    print(text, file=sys.stderr)  # noqa: T201 - the build takes minutes


def command_line(*arguments: str) -> str:
    """Return a command of the sandbox as it is typed in the project's folder."""
    python = Path(sys.executable)
    shown = python.relative_to(PROJECT) if python.is_relative_to(PROJECT) else python
    return shlex.join([str(shown), "-m", "sandbox", *arguments])


class SandboxError(Exception):
    """The sandbox cannot do what was requested; the message has the reason and the fix."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """The addresses of a running sandbox."""

    pid: int
    railway_url: str
    google_url: str
    firestore_host: str
    proxy_url: str = ""  # a sandbox that was started by an earlier version has none
    auth_host: str = ""  # only with --run
    run_app: str = ""  # the folder of the app that it runs; "" without --run


class Sandbox:
    """A sandbox, identified by its folder.

    Args:
        root: the folder; created at the first start.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._attached: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The folder's name, which is the sandbox's name."""
        return self.root.name

    def make_folder(self) -> None:
        """Create the folder, which only its owner can enter: Pulumi's state in it has a public passphrase."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        for file in self.root.iterdir():  # of an earlier version
            if file.is_file() and not file.is_symlink():
                file.chmod(0o600)

    def lock(self) -> FileLock:
        """Return the lock that the server process holds."""
        return FileLock(self.root / "lock")

    @property
    def log(self) -> Path:
        """The log of the server process."""
        return self.root / "sandbox.log"

    def command(self, command: str) -> str:
        """Return a command for this sandbox, for messages: it works in the project's folder."""
        return command_line(command, *(() if self.name == DEFAULT_NAME else ("--name", self.name)))

    @property
    def running_file(self) -> Path:
        """The file in which the server process publishes its addresses."""
        return self.root / "running.json"

    def write_running_file(self, running: Running) -> None:
        """Publish the addresses; the server process calls it when it is ready."""
        draft = self.running_file.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(running)))
        draft.replace(self.running_file)

    def running(self) -> Running | None:
        """Return the addresses, or None if the sandbox is not running."""
        if not self.running_file.exists():
            return None
        try:
            with self.lock().acquire(timeout=0):
                return None
        except Timeout:
            return Running(**json.loads(self.running_file.read_text()))

    def start(self, *, attached: bool = False, run: RunOptions | None = None) -> Running:
        """Start the sandbox, unless it is running.

        Args:
            attached: end the sandbox with this process (for tests).
            run: what it runs, too; None to run nothing.

        Raises:
            SandboxError: it did not start (the message contains the end of its log), or runs something else.
        """
        running = self.running()
        if running:
            if run is not None and running.run_app != str(run.app.resolve()):
                what = f"the sandbox `{self.name}` is running, "
                what += f"with the app in {running.run_app}." if running.run_app else "without --run."
                raise SandboxError(
                    add_fix(what, f"{self.command('down')}\nThen run the same command again.", "")
                )
            return running
        self.make_folder()
        self.running_file.unlink(missing_ok=True)
        log = self.log
        command = [sys.executable, "-m", "sandbox", "serve", "--root", str(self.root)]
        with open(log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            process = subprocess.Popen(
                [*command, *(["--attached"] if attached else []), *(run.arguments() if run else [])],
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
        what = f"the sandbox `{self.name}` did not start. The end of its log {log}:\n{tail}"
        raise SandboxError(
            add_fix(what, f"correct what the log reports, then run:\n{self.command('up')}", "")
        )

    def stop(self) -> bool:
        """Stop the sandbox; its state is kept. Return whether it was running.

        Raises:
            SandboxError: the process does not end.
        """
        running = self.running()
        if running is None:
            return False
        os.kill(running.pid, signal.SIGTERM)
        try:
            with self.lock().acquire(timeout=STOP_SECONDS):
                self.running_file.unlink(missing_ok=True)
        except Timeout:
            what = f"process {running.pid} of the sandbox `{self.name}` does not end."
            raise SandboxError(add_fix(what, f"kill -9 {running.pid}", "")) from None
        if self._attached is not None and self._attached.stdin is not None:
            self._attached.stdin.close()
            self._attached.wait(STOP_SECONDS)
        return True

    def move_state_aside(self) -> Path | None:
        """Move a stopped sandbox's state to `<root>.previous`, replacing what is there.

        Return the new folder, or None if there was no state.
        """
        if not self.root.exists():
            return None
        moved = self.root.with_name(self.root.name + ".previous")
        if moved.exists():
            shutil.rmtree(moved)
        self.root.rename(moved)
        return moved

    def variables(self) -> dict[str, str]:
        """Return the environment variables with which plain `pulumi preview -s sandbox` uses this sandbox.

        Raises:
            SandboxError: the sandbox is not running.
            sandbox.engine.toolchain.ToolchainError: there is no engine and none can be built.
        """
        running = self.running()
        if running is None:
            what = f"the sandbox `{self.name}` is not running."
            raise SandboxError(add_fix(what, self.command("up"), ""))
        engine = layout.lay_out(self.root / "engine", toolchain.find_or_build(_print_progress))
        if running.auth_host:
            engine |= {"FIREBASE_AUTH_EMULATOR_HOST": running.auth_host}
        clouds = environment.endpoints(
            running.railway_url, running.google_url, running.firestore_host, running.proxy_url
        )
        # Addresses of functions are answered there, as domains of Railway at RAILWAY_EDGE_URL.
        edge = {"GOOGLE_EDGE_URL": running.google_url} if running.run_app else {}
        return {**engine, **clouds, **edge}

    def pulumi(
        self,
        *arguments: str,
        extra_environment: Mapping[str, str] | None = None,
        capture: bool = True,
        cwd: Path = PROJECT,
    ) -> subprocess.CompletedProcess[str]:
        """Run the Pulumi CLI on the sandbox.

        Args:
            arguments: the arguments of `pulumi`.
            extra_environment: additional environment variables.
            capture: return the output (with stderr) instead of printing it.
            cwd: the folder of the Pulumi program.
        """
        return subprocess.run(
            ["pulumi", *arguments],
            cwd=cwd,
            env=self._environment(extra_environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.STDOUT if capture else None,
            text=True,
            check=False,
        )

    def ops(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m ops` on the sandbox; its output (with stderr) is returned."""
        return subprocess.run(
            [sys.executable, "-m", "ops", *arguments],
            cwd=PROJECT,
            env=self._environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def start_pulumi(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the Pulumi CLI on the sandbox; its output (with stderr) is read from the process."""
        return subprocess.Popen(
            ["pulumi", *arguments],
            cwd=PROJECT,
            env=self._environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if k not in UNSET_VARIABLES}
        return {**inherited, **self.variables(), **extra}

    def ensure_stack(self, stack: str = STACK, cwd: Path = PROJECT) -> None:
        """Create the stack in the sandbox's backend, unless it exists, and select it.

        Raises:
            SandboxError: Pulumi failed.
        """
        done = self.pulumi("stack", "select", "--create", stack, "--non-interactive", cwd=cwd)
        if done.returncode != 0:
            raise SandboxError(
                f"pulumi could not create the stack `{stack}`:\n{done.stdout.rstrip()}\n"
                "fix: correct what pulumi reports, then run the same command again"
            )

    @staticmethod
    def check_app(app: Path) -> None:
        """Check that a folder contains an app.

        Raises:
            SandboxError: it has no firebase.json.
        """
        if not (app / "firebase.json").is_file():
            raise SandboxError(
                f"there is no firebase.json in {app.resolve()}.\n"
                "fix: pass the folder of your app that contains firebase.json: --app <folder>"
            )

    def ensure_app_stack(self, app: Path, project: Path = PROJECT) -> str:
        """Create and select the stack for an app of the user's; return its name.

        Its settings are in `Pulumi.<stack>.yaml`, which git ignores: a copy of the example's at first, later
        kept as the user changed them, except for `appDir`.

        Args:
            app: the app's folder.
            project: the folder of the Pulumi program.

        Raises:
            SandboxError: there is no firebase.json, the settings file is another stack's, or Pulumi failed.
        """
        self.check_app(app)
        settings = project / f"Pulumi.{APP_STACK}.yaml"
        if not settings.exists():
            example = (project / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8")
            settings.write_text(APP_SETTINGS_HEADER + example[example.index("config:") :], encoding="utf-8")
        elif not SANDBOX_SETTINGS.search(settings.read_text(encoding="utf-8")):
            raise SandboxError(
                f"{settings} exists, but its whatsapp-crm:googleProject is not the sandbox's project, "
                f"{environment.GOOGLE_PROJECT}.\nfix: rename that stack and its file, or delete the file"
            )
        self.ensure_stack(APP_STACK, cwd=project)
        set_app = ("config", "set", "whatsapp-crm:appDir", str(app.resolve()), "--stack", APP_STACK)
        done = self.pulumi(*set_app, cwd=project)
        if done.returncode != 0:
            raise SandboxError(
                f"pulumi could not set appDir in {settings}:\n{done.stdout.rstrip()}\n"
                f"fix: correct {settings}, or delete it; the command then creates it again"
            )
        self._place_database(settings)
        return APP_STACK

    def _place_database(self, settings: Path) -> None:
        """Move the running sandbox's database, unless it is in use, to where an app's settings expect it."""
        running, location = self.running(), LOCATION.search(settings.read_text(encoding="utf-8"))
        if running is not None and location is not None:
            url = f"{running.google_url}/admin/switches"
            requests.post(url, json={"firestore_location": location[1]}, timeout=30).raise_for_status()
