"""A run on the sandbox sends nothing to the network: a refusing proxy counts what leaves the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.supervisor import STACK, Sandbox
from tests.counting_proxy import CountingProxy

pytestmark = pytest.mark.e2e


def test_no_call_leaves_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with CountingProxy() as outside:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, outside.url)
        sandbox = Sandbox(tmp_path / "offline")
        sandbox.start(attached=True)
        try:
            sandbox.ensure_stack(STACK)
            done = sandbox.pulumi("preview", "--stack", STACK, "--non-interactive", "--color", "never")
        finally:
            sandbox.stop()
    assert done.returncode == 0, done.stdout
    assert "failed to get regions list" not in done.stdout
    assert outside.asked == []
