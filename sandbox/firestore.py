"""Google's Firestore emulator: run it, load rules into it, stop it.

`checkout.firestore_emulator` says where it is found. It listens on loopback only, because it treats everyone
who sends "Bearer owner" as the owner.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from checkout.firestore_emulator import (
    LOOPBACK,
    FirestoreError,
    find_emulator,
    find_java,
    start_command,
)
from sandbox import java_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

START_SECONDS = 240.0  # for one that hangs; on a busy machine Java alone needs a minute
STOP_SECONDS = 10.0
REQUEST_SECONDS = 30.0
PORT_ATTEMPTS = 3

# If the emulator's script is killed, its Java process stays; so both run in their own process group, which
# ends when our end of stdin is closed. That also happens if this process is killed.
_GROUP = 'exec 3<&0; (read -r _ <&3; kill 0) & "$@" 3<&- </dev/null & wait $!'
_RULES_ERROR_LINE = re.compile(r"L(\d+):(\d+) (.*)")


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
