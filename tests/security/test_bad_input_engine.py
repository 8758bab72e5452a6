"""Bad input through the real engine: one clear error, no traceback, no hang, and output with an end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import stack_state
from sandbox.supervisor import Sandbox
from tests.bad_inputs import SMALL_APP
from tests.e2e.stack import Stack
from tests.time_limit import time_limit

pytestmark = pytest.mark.e2e

LONGEST_OUTPUT = 20_000  # characters; 50 MB before
SECONDS = 600.0  # of one preview, on a machine that is busy; a hang has no end


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The sandbox's stack with the small app, which is read without Node."""
    folder = tmp_path_factory.mktemp("bad-input")
    running = Sandbox(folder / "sandbox")
    running.start(attached=True)
    made = Stack(running, folder)
    for name, text in SMALL_APP.items():
        path = folder / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def small(config: dict[str, object]) -> None:
        config["whatsapp-crm:appDir"] = str(folder / "app")

    made.edit(small)
    yield made
    running.stop()


def refused(stack: Stack, key: str, fix: str, **environ: str) -> str:
    """The output of a preview that is refused with one problem, before any request to Railway."""
    stack_state.reset_counts(stack.running)
    with time_limit(SECONDS):
        done = stack.pulumi("preview", **environ)
    assert done.returncode != 0
    assert len(done.stdout) < LONGEST_OUTPUT
    assert "panic" not in done.stdout
    assert "error: 1 problem in the settings or the app" in done.stdout, done.stdout
    assert key in done.stdout
    assert fix in done.stdout
    assert stack_state.counts(stack.running.railway_url).requests == 0
    return done.stdout


SETTINGS: tuple[tuple[str, object], ...] = (
    ("cpuLimit", "9" * 5_000),
    ("cpuLimit", int("9" * 4_000)),
    ("buildCommand", "x" * 5_000_000),
    ("branch", "x " * 2_500_000),
    ("branch", "ma\0in"),
    ("branch", "ma\u200bin"),
    ("healthPath", "/health#ready"),
    ("volumeMountPath", "/proc/1"),
    ("cpuLimit", "1e300"),
    ("railwayWorkspaceId", "B7D1C0DE-1234-4ABC-8DEF-00000000000A"),
    ("backendVariables", {"A": "x" * 200_000}),
)


@pytest.mark.parametrize(
    ("key", "value"), SETTINGS, ids=[f"{key}-{n}" for n, (key, _) in enumerate(SETTINGS)]
)
def test_a_setting_is_refused_by_its_key(stack: Stack, key: str, value: object) -> None:
    before = stack.settings.read_text()

    def change(config: dict[str, object]) -> None:
        config[f"whatsapp-crm:{key}"] = value

    stack.edit(change)
    try:
        refused(stack, f"whatsapp-crm:{key}", "pulumi config set")
    finally:
        stack.settings.write_text(before)


@pytest.mark.parametrize(
    ("name", "make", "fix"),
    [
        ("firebase.json", os.mkfifo, "by a regular file"),
        ("firebase.json", lambda path: path.symlink_to("/dev/zero"), "by a regular file"),
        ("firebase.json", lambda path: path.symlink_to("firebase.json"), "by a regular file"),
        ("firestore.rules", os.mkfifo, "by a regular file"),
        ("functions/.env", os.mkfifo, "by a regular file"),
        ("firestore.indexes.json", lambda path: path.write_text('{"a":' * 3_000), "Remove levels"),
        ("firestore.rules", lambda path: path.write_text("x" * 50_000_000), "Shorten"),
    ],
    ids=["FIFO", "device", "loop", "FIFO of rules", "FIFO of variables", "nested", "50 MB"],
)
def test_a_file_is_refused_by_its_name(
    stack: Stack, name: str, make: Callable[[Path], None], fix: str
) -> None:
    path = stack.settings.parent / "app" / name
    path.unlink(missing_ok=True)
    make(path)
    try:
        refused(stack, name, fix)
    finally:
        path.unlink()
        if name in SMALL_APP:
            path.write_text(SMALL_APP[name], encoding="utf-8")


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e300"])
def test_a_number_of_the_environment_is_refused_by_its_name(stack: Stack, value: str) -> None:
    refused(stack, "RAILWAY_WAIT_SCALE", "unset RAILWAY_WAIT_SCALE", RAILWAY_WAIT_SCALE=value)
