"""The fixtures of the other layers; a machine with something to find, and whether it isolates code."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from checkout import node_process
from checkout.isolation import View
from checkout.node_process import Command, Finished
from tests import functions_sdk
from tests.components.conftest import run
from tests.conformance.conftest import google, google_environ, google_process
from tests.e2e.conftest import sandbox, stack
from tests.security import hostile_codebase
from tests.security.hostile_codebase import SECRET, Codebase

__all__ = [
    "codebase",
    "denied",
    "fresh",
    "google",
    "google_environ",
    "google_process",
    "home",
    "isolates",
    "run",
    "sandbox",
    "stack",
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with credentials in it."""
    home = tmp_path / "home"
    for name in (".config/gcloud/application_default_credentials.json", ".npmrc", "notes.txt"):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"refresh_token": "{SECRET}"}}')
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def codebase(home: Path) -> Codebase:
    return Codebase(home, functions_sdk.installed())


@pytest.fixture
def isolates(tmp_path: Path) -> None:
    """Skips the test where the kernel grants no user namespaces, but not in CI."""
    finished = hostile_codebase.run(tmp_path, "true")
    if finished.not_isolated and not os.environ.get("CI"):
        pytest.skip(f"this machine cannot isolate: {finished.not_isolated}")


@pytest.fixture
def fresh() -> Iterator[None]:
    """What this process learned about the system is forgotten before and after the test."""
    for kept in (node_process._namespaces_denied, node_process._bubblewrap_denied):
        kept.cache_clear()
    yield
    for kept in (node_process._namespaces_denied, node_process._bubblewrap_denied):
        kept.cache_clear()


@pytest.fixture
def denied(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    """A kernel that grants no user namespaces: the call fails as it does there."""
    launch = node_process._launch

    def deny(
        command: Command, view: View, *, isolate: bool, reason: str = "", wrapper: Sequence[str] = ()
    ) -> Finished:
        if isolate:
            return Finished(code=None, stdout="", stderr="", not_isolated="unshare: Operation not permitted")
        return launch(command, view, isolate=False, reason=reason, wrapper=wrapper)

    monkeypatch.setattr(node_process, "_launch", deny)
