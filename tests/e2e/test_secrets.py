"""After a full lifecycle of a stack no secret is readable anywhere that it left something.

The secrets are taken from where they are meant to be (Railway's variables, Google's secrets, the tokens);
each is looked for as it is, and as JSON and base64 write it. The search is shown to find what it looks for.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox import environment, stack_state
from sandbox.supervisor import PROJECT, STACK, Sandbox
from tests.e2e.stack import DRIFT, Stack

pytestmark = pytest.mark.e2e

SECRET_VARIABLES = ("ADMIN_TOKEN", "FIREBASE_SERVICE_ACCOUNT_JSON")


class Processes:
    """The command lines of a sandbox's processes seen while it watches: of those that have its folder in
    their environment or on their command line. Every sandbox has the same tokens, so another's process may
    well hold one.

    Args:
        root: the sandbox's folder.
    """

    def __init__(self, root: Path) -> None:
        self.seen: set[bytes] = set()
        self._root = str(root).encode()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes()
                    around = (process / "environ").read_bytes()
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue  # it ended while we looked, or is another user's
                if self._root in around or self._root in line:
                    self.seen.add(line)
            time.sleep(0.02)


def written(secret: str) -> list[bytes]:
    """The ways in which a secret may stand in a file."""
    ways = {secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[1:-1]}
    ways |= {base64.b64encode(secret.encode()).decode().rstrip("=")}
    return [way.encode() for way in ways]


def files(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """All files below the folders, as they are; compressed ones unpacked.

    Other test processes write into the checkout's cache meanwhile: a file may be gone when it is read. The
    packages in `test-functions` belong to tests.
    """
    for start in folders:
        for folder, inner, names in os.walk(start):
            inner[:] = sorted(name for name in inner if name != "test-functions")
            for path in (Path(folder) / name for name in sorted(names)):
                if not path.is_file() or path.is_symlink():
                    continue
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    continue
                yield path, gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


@pytest.fixture(scope="module")
def lifecycle(sandbox: Sandbox, stack: Stack) -> Processes:
    """A full lifecycle, the processes watched."""
    with Processes(sandbox.root) as processes:
        plan = stack.settings.with_name("plan.json")
        assert stack.pulumi("preview", "--save-plan", str(plan)).returncode == 0
        stack.up()
        for drift in stack_state.example_edits(stack.running, stack_state.resources(sandbox, STACK)):
            drift.apply()
        stack.pulumi(*DRIFT)
        stack.up("--refresh", "--diff")
        stack_state.reset_counts(stack.running)
        fault = {"operation": "*", "kind": "internal_error", "nth": 1, "times": 50}
        stack_state.post_admin(stack.running.railway_url, "/admin/faults", fault)
        assert stack.pulumi("refresh", "--yes", "--skip-preview").returncode != 0
        stack_state.delete_admin(stack.running.railway_url, "/admin/faults")
        stack.pulumi("destroy", "--yes")
        stack.pulumi("stack", "export")
    return processes


@pytest.fixture(scope="module")
def secrets(sandbox: Sandbox, stack: Stack, lifecycle: Processes) -> dict[str, str]:
    """Every secret value of the stack, by a name for messages."""
    found = stack_state.resources(sandbox, STACK)
    dashboard = stack_state.dashboard(stack.running, found)
    variables = dashboard.call(
        "query Vars($p: String!, $e: String!, $s: String)"
        " { variables(projectId: $p, environmentId: $e, serviceId: $s, unrendered: true) }",
        {"p": dashboard.project_id, "e": dashboard.environment_id, "s": dashboard.service_id},
    )["variables"]
    values = {name: cast("str", variables[name]) for name in SECRET_VARIABLES}
    key = json.loads(values["FIREBASE_SERVICE_ACCOUNT_JSON"])["private_key"]
    values["the private key's second line"] = key.splitlines()[1]
    config = json.loads(stack.pulumi("config", "--json", "--show-secrets").stdout)
    stack.said.pop()  # this one was asked to show them
    configured = cast("dict[str, Any]", config["whatsapp-crm:secrets"]["objectValue"])
    values |= {name: str(value) for name, value in configured.items()}
    values["the Railway token"] = environment.RAILWAY_TOKEN
    values["the Google token"] = environment.GOOGLE_TOKEN
    assert all(len(value) > 8 for value in values.values())
    return values


def leaks(secrets: dict[str, str], content: bytes) -> list[str]:
    """The names of the secrets that stand in the content."""
    return [name for name, value in secrets.items() if any(way in content for way in written(value))]


def test_no_file_of_the_stack_holds_a_secret(sandbox: Sandbox, stack: Stack, secrets: dict[str, str]) -> None:
    folders = (sandbox.root / "engine", stack.settings.parent, PROJECT / ".cache")
    looked = 0
    for path, content in files(*folders):
        looked += 1
        assert leaks(secrets, content) == [], path
    assert looked > 5


def test_no_output_of_pulumi_contains_a_secret(stack: Stack, secrets: dict[str, str]) -> None:
    assert len(stack.said) > 6
    for said in stack.said:
        assert leaks(secrets, said.encode()) == []


def test_no_command_line_held_a_secret(lifecycle: Processes, secrets: dict[str, str]) -> None:
    # The stand-in for the language host has that name for a moment only, before it becomes a Python process.
    host = (b"pulumi-language-python", b"sandbox.engine.language_host")
    for names in ((b"pulumi\0up",), host, (b"pulumi.dynamic",)):
        assert any(name in line for name in names for line in lifecycle.seen), names
    for line in lifecycle.seen:
        assert leaks(secrets, line) == []


def test_only_processes_of_the_sandbox_are_looked_at(tmp_path: Path) -> None:
    """Whatever else runs on this machine."""
    ours, foreign = (
        [sys.executable, "-c", "import sys; sys.stdin.read()", name] for name in ("ours", "foreign")
    )
    with (
        Processes(tmp_path) as processes,
        subprocess.Popen(foreign, stdin=subprocess.PIPE),
        subprocess.Popen(ours, stdin=subprocess.PIPE, env={**os.environ, "ROOT": str(tmp_path)}) as one,
    ):
        end = time.monotonic() + 30
        while not any(line.endswith(b"ours\0") for line in processes.seen):
            assert time.monotonic() < end, "not seen"
            time.sleep(0.01)
        one.communicate()
    assert not any(line.endswith(b"foreign\0") for line in processes.seen)


def test_the_servers_log_and_their_records_hold_no_secret(
    sandbox: Sandbox, stack: Stack, secrets: dict[str, str]
) -> None:
    assert leaks(secrets, (sandbox.root / "sandbox.log").read_bytes()) == []
    running = stack.running
    for url in (running.railway_url, running.google_url):
        assert leaks(secrets, stack_state.get_admin(url, "/admin/requests").encode()) == []


def test_the_search_finds_a_secret_where_it_is_meant_to_be(sandbox: Sandbox, secrets: dict[str, str]) -> None:
    found: set[str] = set()
    for _, content in files(sandbox.root):
        found |= set(leaks(secrets, content))
    assert {"ADMIN_TOKEN", "FIREBASE_SERVICE_ACCOUNT_JSON", "GROQ_API_KEY"} <= found
