"""Google's Firestore emulator: find it, run it, load rules into it, stop it.

It is looked for in a path that the user sets, in every installation of the Google Cloud CLI, and in the cache
of firebase-tools. It is not downloaded (60 MB, under Google's terms). It listens on loopback only, because it
treats everyone who sends "Bearer owner" as the owner.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from sandbox import java_options
from user_errors import OR, add_fix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

LOOPBACK = "127.0.0.1"
OVERRIDE = "FIRESTORE_EMULATOR_PATH"
START_SECONDS = 240.0  # for one that hangs; on a busy machine Java alone needs a minute
STOP_SECONDS = 10.0
REQUEST_SECONDS = 30.0
PORT_ATTEMPTS = 3

_COMPONENT = Path("platform", "cloud-firestore-emulator", "cloud_firestore_emulator")
_CACHED_JAR = re.compile(r"cloud-firestore-emulator-v(\d+)\.(\d+)\.(\d+)\.jar")
# The folders of the Google Cloud CLI by installer: Debian, RPM, archives, Homebrew (both architectures, both
# names of the cask), snap.
_SYSTEM_ROOTS = (
    "/usr/lib/google-cloud-sdk",
    "/usr/lib64/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/opt/google-cloud-cli",
    "/opt/homebrew/share/google-cloud-sdk",
    "/opt/homebrew/Caskroom/google-cloud-sdk/latest/google-cloud-sdk",
    "/opt/homebrew/Caskroom/gcloud-cli/latest/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
    "/usr/local/Caskroom/google-cloud-sdk/latest/google-cloud-sdk",
    "/usr/local/Caskroom/gcloud-cli/latest/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "/snap/google-cloud-sdk/current",
)
_INSTALL_FIX = (
    "gcloud components install cloud-firestore-emulator\n"
    f"{OR}apt-get install google-cloud-cli-firestore-emulator\n"
    f"{OR}npx firebase-tools setup:emulators:firestore\n"
    f"{OR}export {OVERRIDE}=<its script, jar or folder>"
)
# If the emulator's script is killed, its Java process stays; so both run in their own process group, which
# ends when our end of stdin is closed. That also happens if this process is killed.
_GROUP = 'exec 3<&0; (read -r _ <&3; kill 0) & "$@" 3<&- </dev/null & wait $!'
_RULES_ERROR_LINE = re.compile(r"L(\d+):(\d+) (.*)")


class FirestoreError(Exception):
    """The emulator is missing, does not start or does not respond; the message has the reason and the fix."""


@dataclass(frozen=True, kw_only=True)
class RulesIssue:
    """One issue of the rules compiler. Line and column start at 1; 0 means the whole file."""

    severity: str  # ERROR or WARNING
    file: str
    line: int
    column: int
    description: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.description}"


class RulesError(FirestoreError):
    """The rules do not compile; the ones loaded before stay in effect."""

    def __init__(self, issues: Sequence[RulesIssue]) -> None:
        super().__init__("\n".join(str(issue) for issue in issues))
        self.issues = tuple(issues)


def candidates(environ: Mapping[str, str], system_roots: Sequence[str] = _SYSTEM_ROOTS) -> Iterator[Path]:
    """Yield all paths at which the emulator may be, the most specific first; they need not exist.

    Args:
        environ: CLOUDSDK_ROOT, PATH (for gcloud's own folder), HOME, FIREBASE_EMULATORS_PATH are read.
        system_roots: folders in which installers put the Google Cloud CLI.
    """
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    roots = [Path(environ[name]) for name in ("CLOUDSDK_ROOT", "CLOUDSDK_ROOT_DIR") if environ.get(name)]
    gcloud = shutil.which("gcloud", path=environ.get("PATH"))
    if gcloud:
        roots.append(Path(gcloud).resolve().parent.parent)
    roots += [home / "google-cloud-sdk", home / ".local" / "google-cloud-sdk"]
    roots += [Path(root) for root in system_roots]
    for root in roots:
        yield root / _COMPONENT
    cache = Path(environ.get("FIREBASE_EMULATORS_PATH") or home / ".cache" / "firebase" / "emulators")
    yield from _cached_jars(cache)


def _cached_jars(folder: Path) -> list[Path]:
    """Return the jars that firebase-tools downloaded, newest version first."""
    found: list[tuple[tuple[int, ...], Path]] = []
    for path in folder.glob("cloud-firestore-emulator-v*.jar"):
        match = _CACHED_JAR.fullmatch(path.name)
        if match:
            found.append((tuple(int(part) for part in match.groups()), path))
    return [path for _, path in sorted(found, reverse=True)]


def find_emulator(environ: Mapping[str, str], system_roots: Sequence[str] = _SYSTEM_ROOTS) -> Path:
    """Return the emulator's script or jar.

    Raises:
        FirestoreError: FIRESTORE_EMULATOR_PATH has no emulator, or the emulator is not installed.
    """
    override = environ.get(OVERRIDE)
    if override:
        path = Path(override).expanduser()
        inside = [path / _COMPONENT.name, path / _COMPONENT, *_cached_jars(path)] if path.is_dir() else [path]
        for candidate in inside:
            # The jar of the Google Cloud CLI, unlike that of firebase-tools, is started by its script only.
            script = candidate.with_name(_COMPONENT.name)
            if candidate.is_file():
                return script if script.is_file() else candidate
        raise FirestoreError(
            add_fix(f"{OVERRIDE} is {override}, where there is no Firestore emulator.", _INSTALL_FIX, "")
        )
    for candidate in candidates(environ, system_roots):
        if candidate.is_file():
            return candidate
    raise FirestoreError(add_fix("Google's Firestore emulator is not installed.", _INSTALL_FIX, ""))


def find_java(environ: Mapping[str, str]) -> str:
    """Return the Java that runs the emulator: $JAVA, as in its script, then JAVA_HOME, then PATH.

    Raises:
        FirestoreError: there is no Java.
    """
    for candidate in (
        environ.get("JAVA"),
        environ.get("JAVA_HOME") and f"{environ['JAVA_HOME']}/bin/java",
        "java",
    ):
        found = candidate and shutil.which(candidate, path=environ.get("PATH"))
        if found:
            return found
    fix = (
        "install Java 17 or later, such as by:\n"
        "apt-get install default-jre-headless\n"
        f"{OR}brew install openjdk\n"
        f"{OR}export JAVA_HOME=<folder of Java>"
    )
    raise FirestoreError(add_fix("the Firestore emulator needs Java, which is not on PATH.", fix, ""))


def start_command(emulator: Path, java: str, port: int, options: Sequence[str] = ()) -> list[str]:
    """Return the command that starts the emulator on a loopback port."""
    listen = [f"--host={LOOPBACK}", f"--port={port}", *options]
    if emulator.suffix == ".jar":
        # As in firebase-tools: the emulator's messages exist in English only.
        return [java, "-Duser.language=en", "-jar", str(emulator), *listen]
    return [str(emulator), "start", *listen]


class FirestoreEmulator:
    """The emulator as a context manager: `with FirestoreEmulator() as emulator: emulator.host`.

    Args:
        options: further options of the emulator, such as `--import-data=FILE`.
    """

    def __init__(self, *, options: Sequence[str] = ()) -> None:
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._host = ""

    @property
    def host(self) -> str:
        """`host:port`, the value for FIRESTORE_EMULATOR_HOST.

        Raises:
            FirestoreError: it is not running.
        """
        if not self._host:
            raise FirestoreError("the Firestore emulator is not running")
        return self._host

    @property
    def url(self) -> str:
        """The base URL of its REST API, without a trailing slash."""
        return f"http://{self.host}"

    def start(self) -> FirestoreEmulator:
        """Start it and wait until it responds.

        Raises:
            FirestoreError: Java or the emulator is missing, or it does not start; with the end of its output.
        """
        if self._host:
            raise FirestoreError(f"the Firestore emulator is already running at {self._host}")
        java = find_java(os.environ)
        emulator = find_emulator(os.environ)
        for attempt in range(1, PORT_ATTEMPTS + 1):
            port = _free_port()
            environ = {**os.environ, "JAVA": java, **java_options.variables(os.environ, java, emulator)}
            output = self._run(start_command(emulator, java, port, self._options), environ, port)
            if output is None:
                return self
            # Another process may have taken the free port in the meantime.
            if attempt == PORT_ATTEMPTS or "Address already in use" not in output:
                raise FirestoreError(
                    f"the Firestore emulator ({emulator}) did not start on port {port}:\n{output}\n"
                    "fix: correct what its output reports; it needs Java 17 or later"
                )
        raise AssertionError  # the last attempt returns or raises

    def _run(self, command: list[str], environ: dict[str, str], port: int) -> str | None:
        """Start the command in its own process group; return None if it responds, else its last output."""
        with tempfile.TemporaryFile() as out:
            self._process = subprocess.Popen(
                ["sh", "-c", _GROUP, "firestore-emulator", *command],
                env=environ,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            host = f"{LOOPBACK}:{port}"
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline and self._process.poll() is None:
                # If another server uses the port, that one responds, and the emulator has ended.
                if _responds(host) and self._process.poll() is None:
                    self._host = host
                    return None
                time.sleep(0.1)
            self.stop()
            out.seek(0)
            return _output_tail(out.read().decode(errors="replace"))

    def stop(self) -> None:
        """End the emulator and all processes of its group."""
        process, self._process = self._process, None
        if process is None:
            return
        host, self._host = self._host, ""
        _signal_group(process.pid, signal.SIGTERM)
        process.wait()
        deadline = time.monotonic() + STOP_SECONDS
        # The group's last process is Java, not a child of ours: its port shows when it has ended.
        while host and _is_listening(host):
            if time.monotonic() > deadline:
                _signal_group(process.pid, signal.SIGKILL)
                break
            time.sleep(0.02)
        if process.stdin:
            process.stdin.close()

    def __enter__(self) -> FirestoreEmulator:
        return self if self._host else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def load_rules(self, project: str, text: str, *, name: str = "firestore.rules") -> list[RulesIssue]:
        """Compile rules and put them into effect for a project.

        To compile without changing anything, use a project name that is not used otherwise.

        Args:
            project: the Google project's id.
            text: the rules.
            name: the file's name, for the issues.

        Returns:
            The compiler's warnings.

        Raises:
            RulesError: they do not compile.
            FirestoreError: an unexpected response of the emulator.
        """
        body = {"rules": {"files": [{"name": name, "content": text}]}}
        response = self._request("PUT", f"/emulator/v1/projects/{project}:securityRules", body)
        if response.status_code == 200:
            return [_issue(raw, name) for raw in response.json().get("issues", [])]
        if response.status_code == 400:
            message = str(response.json()["error"]["message"])
            found = [_RULES_ERROR_LINE.fullmatch(line) for line in message.splitlines()]
            issues = [
                RulesIssue(severity="ERROR", file=name, line=int(m[1]), column=int(m[2]), description=m[3])
                for m in found
                if m
            ]
            if issues:
                raise RulesError(issues)
        raise FirestoreError(
            f"the Firestore emulator returned {response.status_code} for rules: {response.text[:500]}"
        )

    def _request(self, method: str, path: str, body: object = None) -> requests.Response:
        try:
            return requests.request(method, self.url + path, json=body, timeout=REQUEST_SECONDS)
        except requests.RequestException as error:
            raise FirestoreError(
                f"the Firestore emulator at {self.host} does not respond: {error}"
            ) from error


def _issue(raw: Mapping[str, object], name: str) -> RulesIssue:
    position = raw.get("sourcePosition")
    where: Mapping[str, object] = position if isinstance(position, dict) else {}
    return RulesIssue(
        severity=str(raw.get("severity", "WARNING")),
        file=str(where.get("fileName", name)),
        line=int(str(where.get("line", 0))),
        column=int(str(where.get("column", 0))),
        description=str(raw.get("description", "")),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _responds(host: str) -> bool:
    try:
        return requests.get(f"http://{host}", timeout=2).text.strip() == "Ok"
    except requests.RequestException:
        return False


def _is_listening(host: str) -> bool:
    address, port = host.rsplit(":", 1)
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, int(port))) == 0


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # it has ended already


def _output_tail(text: str) -> str:
    """Return the last lines of the output, without those of a Java stack trace."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("\tat ", "\t..."))]
    return "\n".join(lines[-12:]) or "(no output)"
