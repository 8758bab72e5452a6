"""Break one behaviour of the running example: its deployed code is edited, and its processes start again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sandbox.supervisor import Running, Sandbox
from tests.sandbox.crm_parts import eventually

QUIET_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A change of one place in the deployed code.

    Args:
        file: `backend/...` or `functions/...`, as in examples/crm.
        old, new: what is there, once, and what replaces it.
        said: what the test that it breaks says.
    """

    file: str
    old: str
    new: str
    said: str

    @contextmanager
    def applied(self, sandbox: Sandbox) -> Generator[None]:
        """Run the broken code within the block, and the right one after it."""
        part, _, name = self.file.partition("/")
        sources = "railway/copies" if part == "backend" else "functions/sources"
        files = [file for file in (sandbox.root / "run" / sources).glob(f"*/{name}") if file.is_file()]
        assert files, f"{self.file} is not deployed"
        before = {file: file.read_text(encoding="utf-8") for file in files}
        for file, text in before.items():
            assert text.count(self.old) == 1, f"{file} does not have this once: {self.old}"
            _replace(file, text.replace(self.old, self.new))
        try:
            _restart(sandbox, part)
            yield
        finally:
            for file, text in before.items():
                _replace(file, text)
            _restart(sandbox, part)


def _replace(file: Path, text: str) -> None:
    """Write a new file: the old one may be a hard link."""
    draft = file.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def _programs(running: Running, part: str) -> dict[int, dict[str, Any]]:
    found = requests.get(f"http://{running.auth_host}/admin/running", timeout=30).json()["programs"]
    kind = "service" if part == "backend" else "function"
    return {one["pid"]: one for one in found if one["pid"] and one["what"].startswith(kind)}


def _restart(sandbox: Sandbox, part: str) -> None:
    """End the processes; a service is started again by its restart policy, a function by its next request."""
    running = sandbox.running()
    assert running is not None
    if part == "functions":
        # One that is killed within a transaction leaves its locks in the emulator for a minute.
        _wait_until_idle(running)
    before = _programs(running, part)
    for pid in before:
        _kill_below(pid)
    eventually(lambda: not any(map(_runs, before)), "the processes to end")
    if part == "functions":
        return

    def healthy() -> bool:
        state = requests.get(f"{running.railway_url}/admin/run", timeout=30).json()
        host = next(iter(state["addresses"]))
        answer = requests.get(f"{running.railway_url}/health", headers={"Host": host}, timeout=30)
        return answer.status_code == 200 and not set(before) & set(_programs(running, part))

    eventually(healthy, "the backend to run again")


def _wait_until_idle(running: Running) -> None:
    """Wait until no function worked for a second: what a test archives starts some, after the test."""
    quiet_since = time.monotonic()

    def quiet() -> bool:
        nonlocal quiet_since
        if any(one["state"] == "running" for one in _programs(running, "functions").values()):
            quiet_since = time.monotonic()
        return time.monotonic() - quiet_since > QUIET_SECONDS

    eventually(quiet, "the functions to be idle")


def _runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _kill_below(pid: int) -> None:
    """Kill the program that a keeper keeps: its descendants, which end the keeper."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        below = [int(child) for child in children.read_text().split()]
    except FileNotFoundError:
        return
    for child in below:
        _kill_below(child)
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue
