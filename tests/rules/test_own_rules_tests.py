"""The app's own tests of its rules: what they get, what a failure says, and when they run again."""

from __future__ import annotations

import json
import os
import socket
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from checkout import rules_tests
from checkout.rules_tests import Outcome, OwnTests
from settings.model import GoogleSettings
from settings.problems import Problem

pytestmark = pytest.mark.rules

RULES = """rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /open/{id} { allow read, write: if true; }
  }
}
"""
TEST_JS = """
const host = process.env.FIRESTORE_EMULATOR_HOST;
const root = `http://${host}/v1/projects/${process.env.GCLOUD_PROJECT}/databases/(default)/documents`;
const write = async (path) => {
  const headers = { "content-type": "application/json" };
  return (await fetch(`${root}/${path}`, { method: "PATCH", headers, body: "{}" })).status;
};
(async () => {
  for (const [path, expected] of [["open/a", 200], ["closed/a", 403]]) {
    const status = await write(path);
    if (status !== expected) {
      console.log(`${path}: expected ${expected}, got ${status}`);
      process.exit(1);
    }
  }
  console.log("2 rules tested");
})();
"""


class App:
    """An app with rules and a test of them in Node."""

    def __init__(self, root: Path) -> None:
        self.folder, self.cache = root / "app", root / "cache"
        (self.folder / "rules-tests").mkdir(parents=True)
        (self.folder / "firebase.json").write_text('{"firestore": {"rules": "firestore.rules"}}')
        (self.folder / "firestore.rules").write_text(RULES)
        (self.folder / "rules-tests" / "test.js").write_text(TEST_JS)

    def tests(self, command: str = "node rules-tests/test.js", seconds: int = 120) -> OwnTests:
        google = GoogleSettings(
            project="crm-sandbox",
            firestore_location="eur3",
            firestore_rules_tests=command,
            firestore_rules_tests_timeout=seconds,
        )
        text = (self.folder / "firestore.rules").read_text()
        return OwnTests(google=google, app_dir=self.folder, rules="firestore.rules", text=text)

    def run(self, command: str = "node rules-tests/test.js", seconds: int = 120) -> Outcome:
        return rules_tests.run(self.tests(command, seconds), self.cache, after_preview=False)

    def passes(self, command: str) -> str:
        outcome = self.run(command)
        assert outcome.problems == (), outcome.problems
        (note,) = outcome.notes
        return note

    def problem(self, command: str, seconds: int = 120) -> Problem:
        (problem,) = self.run(command, seconds).problems
        return problem


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path.resolve())


@pytest.fixture
def quick_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in place of the emulator, which needs seconds to start, for what is not about rules."""
    script = tmp_path / "sdk" / "cloud_firestore_emulator"
    script.parent.mkdir()
    serve = f"exec {os.path.realpath(sys.executable)} -m http.server --bind 127.0.0.1"
    script.write_text(
        f'#!/bin/sh\nfor one; do case $one in --port=*) port=${{one#--port=}};; esac; done\n{serve} "$port"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("FIRESTORE_EMULATOR_PATH", str(script))


def test_they_run_with_the_rules_of_the_checkout_on_the_emulator(app: App) -> None:
    assert app.passes("node rules-tests/test.js") == (
        "firestore.rules: ran `node rules-tests/test.js` on the Firestore emulator: passed\n"
        "    2 rules tested"
    )


def test_rules_that_let_more_in_are_a_problem_with_what_the_tests_printed(app: App) -> None:
    (app.folder / "firestore.rules").write_text(RULES.replace("/open/{id}", "/{any}/{id}"))
    problem = app.problem("node rules-tests/test.js")
    assert problem.key == "firestore.rules"
    assert problem.what == (
        "`node rules-tests/test.js`, the tests of firestore.rules, failed with exit code 1. It printed:\n"
        "      closed/a: expected 403, got 200"
    )
    by_hand = (
        "npx firebase-tools emulators:exec --only firestore --project crm-sandbox 'node rules-tests/test.js'"
    )
    assert f"cd {app.folder} && {by_hand}" in problem.fix
    assert "pulumi config rm whatsapp-crm:firestoreRulesTests" in problem.fix


@pytest.mark.usefixtures("quick_emulator")
def test_the_command_gets_the_variables_of_the_firebase_cli_and_no_others(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAILWAY_API_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "GOOGLE_OAUTH_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "x")
    (app.folder / "firebase.json").write_text('{"emulators": {"firestore": {"port": 8686}}}')
    problem = app.problem("env; exit 1")
    variables = dict(line.strip().split("=", 1) for line in problem.what.splitlines()[1:] if "=" in line)
    assert variables["FIRESTORE_EMULATOR_HOST"] == "127.0.0.1:8686"
    assert variables["FIREBASE_FIRESTORE_EMULATOR_ADDRESS"] == "127.0.0.1:8686"
    assert variables["GCLOUD_PROJECT"] == "crm-sandbox"
    assert json.loads(variables["FIREBASE_CONFIG"])["projectId"] == "crm-sandbox"
    assert not {"RAILWAY_API_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "GOOGLE_OAUTH_ACCESS_TOKEN"} & {*variables}


@pytest.mark.usefixtures("quick_emulator")
def test_the_command_reaches_no_other_server_and_changes_nothing_of_the_checkout(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"""
        fetch("http://127.0.0.1:{port}").then(() => console.log("connected"), () => console.log("no server"));
        try {{ require("fs").writeFileSync("new.txt", ""); }} catch (error) {{ console.log(error.code); }}
        """
        (app.folder / "attack.js").write_text(textwrap.dedent(script))
        outcome = app.run("node attack.js")
    assert outcome.not_isolated == "", "this machine does not isolate"
    (note,) = outcome.notes
    assert "no server" in note
    assert "EROFS" in note
    assert not (app.folder / "new.txt").exists()


@pytest.mark.usefixtures("quick_emulator")
def test_tests_that_do_not_end_are_ended_and_the_fix_is_more_time(app: App) -> None:
    problem = app.problem("echo begun; sleep 600", seconds=8)
    assert "did not end: with the start of the emulator it may take 8 seconds. It printed:" in problem.what
    assert problem.what.endswith("begun")
    assert problem.fix.startswith("pulumi config set whatsapp-crm:firestoreRulesTestsTimeout 16\n")


@pytest.mark.parametrize(
    ("variable", "value", "reason", "fix"),
    [
        (
            "FIRESTORE_EMULATOR_PATH",
            "/nowhere",
            "where there is no",
            "gcloud components install",
        ),
        ("PATH", "/nowhere", "needs Java, which is not on PATH", "apt-get install default-jre-headless"),
    ],
)
def test_without_the_emulator_or_java_the_fix_installs_it(
    app: App, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str, fix: str
) -> None:
    for name in ("JAVA", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    problem = app.problem("true")
    assert problem.key == "whatsapp-crm:firestoreRulesTests"
    assert reason in problem.what
    assert fix in problem.fix
    assert problem.fix.endswith("or:  pulumi config rm whatsapp-crm:firestoreRulesTests")


def test_an_emulator_that_does_not_start_is_not_blamed_on_the_tests(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "sdk" / "cloud_firestore_emulator"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho UnsupportedClassVersionError; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("FIRESTORE_EMULATOR_PATH", str(broken))
    problem = app.problem("touch ran")
    assert "did not start, so `touch ran` did not run" in problem.what
    assert problem.what.endswith("UnsupportedClassVersionError")
    assert "-version  # the emulator needs 17 or later" in problem.fix


@pytest.mark.usefixtures("quick_emulator")
def test_the_update_of_an_up_runs_them_again_only_if_something_has_changed(app: App) -> None:
    script = app.folder / "rules-tests" / "test.sh"
    script.write_text("true\n")
    tests = app.tests("sh rules-tests/test.sh")
    app.passes(tests.command)
    update = rules_tests.run(tests, app.cache, after_preview=True)
    assert update.notes == ("firestore.rules: the preview has run `sh rules-tests/test.sh`: passed.",)
    script.write_text("echo changed; exit 1\n")
    (problem,) = rules_tests.run(tests, app.cache, after_preview=True).problems
    assert problem.what.endswith("changed")


@pytest.mark.usefixtures("quick_emulator")
def test_a_failed_run_is_not_remembered_as_passed(app: App) -> None:
    app.problem("exit 1")
    (problem,) = rules_tests.run(app.tests("exit 1"), app.cache, after_preview=True).problems
    assert "failed with exit code 1" in problem.what


def test_another_machine_takes_the_run_of_discover_for_the_same_rules_only(app: App) -> None:
    folder, tests = app.cache / "discovered", app.tests()
    folder.mkdir(parents=True)
    (missing,) = rules_tests.check_record(folder, "discovered", tests).problems
    assert "discovered has no passed run of `node rules-tests/test.js`" in missing.what
    assert missing.fix == ".venv/bin/python -m ops discover --stack <stack> --out discovered"
    rules_tests.write_record(folder, tests)
    assert rules_tests.check_record(folder, "discovered", tests).problems == ()
    for other in (replace(tests, text=f"{RULES}// other"), app.tests("npm test")):
        assert rules_tests.check_record(folder, "discovered", other).problems
    rules_tests.remove_record(folder)
    os.symlink("/etc/passwd", folder / rules_tests.RECORD)  # noqa: PTH211
    assert rules_tests.check_record(folder, "discovered", tests).problems
