"""A preview with the results of discovery, without Node and without a token for Railway, on the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.supervisor import PROJECT, Sandbox
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The example, deployed on a sandbox of its own."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox") / "e2e")
    running.start(attached=True)
    try:
        stack = Stack(running, tmp_path_factory.mktemp("settings"))
        stack.up()
        yield stack
    finally:
        running.stop()


def test_a_preview_of_the_results_sends_railway_nothing(deployed: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "discovered"
    command = [sys.executable, "-m", "ops", "discover", "--stack", "sandbox", "--out", str(folder)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
    node = tmp_path / "bin/node"
    node.parent.mkdir()
    node.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    node.chmod(0o755)
    path = f"{node.parent}{os.pathsep}{deployed.sandbox.variables()['PATH']}"
    done, railway, _ = deployed.counted(
        lambda: deployed.pulumi(
            "preview", "--diff", CRM_DISCOVERED=str(folder), RAILWAY_API_TOKEN="", PATH=path,
            RAILWAY_PREVIEW_WITHOUT_TOKEN="true",
        )
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "unchanged" in done.stdout
    assert railway.requests == 0
    assert not (tmp_path / "ran").exists()


def test_without_the_variable_a_missing_token_is_an_error(deployed: Stack) -> None:
    done = deployed.pulumi("preview", RAILWAY_API_TOKEN="")
    assert done.returncode != 0
    assert "RAILWAY_API_TOKEN: there is no token for Railway." in done.stdout


def test_an_up_needs_the_token(deployed: Stack) -> None:
    """Before it changes anything."""
    done, railway, google = deployed.counted(
        lambda: deployed.pulumi(
            "up", "--yes", "--skip-preview", RAILWAY_API_TOKEN="", RAILWAY_PREVIEW_WITHOUT_TOKEN="true"
        )
    )
    assert done.returncode != 0
    assert "RAILWAY_API_TOKEN: there is no token for Railway." in done.stdout
    assert (railway.requests, google.requests) == (0, 0)


def test_results_of_other_code_are_an_error(deployed: Stack, tmp_path: Path) -> None:
    done = deployed.pulumi("preview", CRM_DISCOVERED=str(tmp_path / "none"))
    assert done.returncode != 0
    assert f"CRM_DISCOVERED: {tmp_path}/none contains no discovered.json" in done.stdout
    assert "fix: .venv/bin/python -m ops discover --stack <stack> --out" in done.stdout
