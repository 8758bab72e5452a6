"""The app's own tests of its rules stop an `up` before its first change, and run once in an `up`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.supervisor import PROJECT, STACK
from tests.e2e.backend_only import make_app, put
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

COMMAND = "node rules-tests/test.js"
TEST = """
const root = `http://${process.env.FIRESTORE_EMULATOR_HOST}/v1/projects/crm-sandbox/databases/(default)`;
const headers = { "content-type": "application/json" };
fetch(`${root}/documents/%s/a`, { method: "PATCH", headers, body: "{}" }).then(({ status }) => {
  console.log(`a stranger's write: ${status}`);
  process.exit(status === 403 ? 0 : 1);
});
"""
OPEN = "match /databases/{database}/documents {\n    match /board/{id} { allow create: if true; }"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with rules and a test of them."""
    folder = make_app(tmp_path_factory.mktemp("app") / "crm")
    (folder / "rules-tests").mkdir()
    (folder / "rules-tests" / "test.js").write_text(TEST % "board")
    return folder


def test_an_up_runs_them_once_and_the_preview_says_so(stack: Stack, app: Path) -> None:
    put(stack, appDir=str(app), secrets=None, firestoreRulesTests=COMMAND)
    done = stack.pulumi("up", "--yes")
    assert done.returncode == 0, done.stdout
    assert f"firestore.rules: ran `{COMMAND}` on the Firestore emulator: passed" in done.stdout
    assert "a stranger's write: 403" in done.stdout
    assert f"firestore.rules: the preview has run `{COMMAND}`: passed." in done.stdout


def test_a_failure_stops_the_up_before_its_first_change(stack: Stack, app: Path) -> None:
    rules = app / "firestore.rules"
    good = rules.read_text()
    rules.write_text(good.replace("match /databases/{database}/documents {", OPEN, 1))
    assert rules.read_text() != good
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done, _, google = stack.counted(lambda command=command: stack.pulumi(*command))
        assert done.returncode != 0
        assert (
            f"`{COMMAND}`, the tests of firestore.rules, failed with exit code 1. It printed:" in done.stdout
        )
        assert "a stranger's write: 200" in done.stdout
        assert "Nothing was changed on Railway or Google." in done.stdout
        assert not [one for one in google.operations if one.startswith(("PATCH", "DELETE"))], (
            google.operations
        )
        assert not [one for one in google.operations if ".create" in one], google.operations
    rules.write_text(good)


def test_where_no_code_of_the_app_runs_a_run_of_discover_counts(
    stack: Stack, app: Path, tmp_path: Path
) -> None:
    out = tmp_path / "discovered"
    missing = stack.pulumi("preview", CRM_DISCOVERED=str(out))
    assert missing.returncode != 0
    assert "has no passed run of" in missing.stdout
    project = tmp_path / "project"
    project.mkdir()
    (project / stack.settings.name).write_text(stack.settings.read_text())
    script = (
        "import sys; from pathlib import Path; from ops import discover; "
        f"discover.discover({STACK!r}, Path({str(out)!r}), sys.stdout, Path({str(project)!r}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"ran `{COMMAND}` on the Firestore emulator: passed" in ran.stdout
    unchanged = stack.pulumi("preview", "--expect-no-changes", CRM_DISCOVERED=str(out))
    assert unchanged.returncode == 0, unchanged.stdout
    assert f"`ops discover` has run `{COMMAND}`: passed" in unchanged.stdout
