"""Predeploy commands: what they get, when they run, and what a preview says of them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from checkout import app, discovered
from checkout.app import App
from sandbox import firebase_tools
from settings.load import load_settings
from settings.model import Settings
from settings.problems import Problem
from tests import bad_settings
from tests.bad_settings import Bad
from tests.predeploy_codebase import HookedCodebase

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]
HOOKS_JS = firebase_tools.COMMAND.parents[1] / "firebase-tools" / "lib" / "deploy" / "lifecycleHooks.js"


@pytest.fixture
def hooked(tmp_path: Path) -> HookedCodebase:
    return HookedCodebase(tmp_path)


def test_commands_run_in_order_with_the_variables_of_the_firebase_cli(hooked: HookedCodebase) -> None:
    said = hooked.good(
        'echo "$GCLOUD_PROJECT|$PROJECT_DIR|$RESOURCE_DIR|$(pwd)" > "$RESOURCE_DIR/seen.txt"',
        "cat functions/seen.txt && echo second",
    )
    assert hooked.text("seen.txt") == f"crm-sandbox|{hooked.app}|{hooked.folder}|{hooked.app}\n"
    first, second = said.split("functions: ran the predeploy command ")[1:]
    assert first.startswith('`echo "$GCLOUD_PROJECT')
    assert second.endswith("    second")


def test_a_command_has_none_of_this_programs_variables(
    hooked: HookedCodebase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "RAILWAY_API_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "NODE_OPTIONS",
    ):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("NODE_ENV", "production")
    monkeypatch.delenv("CI", raising=False)
    hooked.good("env > functions/seen.txt")
    names = {line.partition("=")[0] for line in hooked.text("seen.txt").splitlines()}
    assert {"NODE_ENV", "PATH", "HOME", "TMPDIR", "GCLOUD_PROJECT", "PROJECT_DIR", "RESOURCE_DIR"} <= names
    of_the_shell = {"LANG", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}
    assert names - {*of_the_shell, "NODE_ENV", "PATH", "HOME", "TMPDIR"} == {
        "GCLOUD_PROJECT", "PROJECT_DIR", "RESOURCE_DIR", "NO_COLOR", "NO_UPDATE_NOTIFIER",
        "NPM_CONFIG_UPDATE_NOTIFIER",
    }  # fmt: skip


COMMANDS = (
    "echo $RESOURCE_DIR",
    'echo "$RESOURCE_DIR" "$GCLOUD_PROJECT"',
    "echo '$PROJECT_DIR'",
    "echo \"a  b\" 'c' d",
    "test -d functions && echo $PROJECT_DIR/functions || echo none",
    "echo one && echo two; echo three",
    "pwd",
    "exit 3",
    "false",
    "kill -9 $$",
)


@pytest.mark.skipif(not HOOKS_JS.is_file(), reason="firebase-tools is not installed (make peers)")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_does_what_it_does_in_the_firebase_cli(hooked: HookedCodebase, command: str) -> None:
    script = f"""
    const {{ lifecycleHooks }} = require({json.dumps(str(HOOKS_JS))});
    const config = {{ source: "functions", predeploy: [{json.dumps(command)}, "echo next"] }};
    const projectDir = {json.dumps(str(hooked.app))};
    const options = {{ projectId: "crm-sandbox", project: "crm-sandbox", projectRoot: projectDir, config: {{
      projectDir, get: () => config, path: (one) => require("path").join(projectDir, one),
    }} }};
    lifecycleHooks("functions", "predeploy")({{}}, options).catch(() => process.exit(9));
    """
    theirs = subprocess.run(
        ["node", "-e", script], cwd=hooked.app, capture_output=True, text=True, check=False, timeout=60
    )
    outcome = hooked.run(command, "echo next")
    assert theirs.returncode == (9 if outcome.problems else 0), theirs.stderr
    text = "\n".join([*outcome.notes, *(problem.what for problem in outcome.problems)])
    printed = [line.strip() for line in text.splitlines() if "predeploy command" not in line]
    assert printed == theirs.stdout.split("\n")[:-1]


def test_a_command_that_fails_is_a_problem_with_its_output_and_ends_the_run(hooked: HookedCodebase) -> None:
    problem = hooked.problem("echo to stdout; echo to stderr >&2; exit 3", "touch functions/second")
    assert problem.key == "functions"
    assert problem.what == (
        "the predeploy command `echo to stdout; echo to stderr >&2; exit 3` failed with exit code 3. "
        "It printed:\n      to stdout\n      to stderr"
    )
    assert not (hooked.folder / "second").exists()


def test_the_fix_of_a_failed_command_runs_it(hooked: HookedCodebase) -> None:
    command = 'test -e "$RESOURCE_DIR/ready" && echo \'it is\' "$GCLOUD_PROJECT"'
    line, then = hooked.problem(command).fix.split("\n", 1)
    (hooked.folder / "ready").touch()
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "it is crm-sandbox\n"
    assert "pulumi config set whatsapp-crm:runPredeploy false" in then


def test_only_the_last_lines_of_a_long_output_are_shown(hooked: HookedCodebase) -> None:
    assert "(95 lines before)\n    96\n" in hooked.good("seq 100")
    what = hooked.problem("seq 100; exit 1").what
    assert "(80 lines before)\n      81\n" in what
    assert what.endswith("100")


def test_all_commands_together_have_one_time_limit(hooked: HookedCodebase) -> None:
    before = time.monotonic()
    problem = hooked.problem("sleep 2", "echo begun; sleep 30", timeout=4)
    assert time.monotonic() - before < 8
    assert (
        "`echo begun; sleep 30` did not end: all commands together may take 4 seconds. It printed:"
        in problem.what
    )
    assert problem.what.endswith("begun")
    assert problem.fix.startswith("pulumi config set whatsapp-crm:predeployTimeout 8\n")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-program", "a program was not found, or cannot be seen by isolated commands"),
        ("kill -TERM $$", "was ended by SIGTERM"),
        ("echo x > new.txt", "It could change only functions, without node_modules."),
        ("cat functions/.npmrc", "/functions/.npmrc, which may hold credentials."),
        ("echo connect ECONNREFUSED; exit 1", "It had no network."),
    ],
)
def test_a_failure_says_what_isolation_has_to_do_with_it(
    hooked: HookedCodebase, command: str, reason: str
) -> None:
    (hooked.folder / ".npmrc").write_text("//registry.npmjs.org/:_authToken=x")
    outcome = hooked.run(command)
    if outcome.not_isolated and reason.startswith(("It had", "It could", "/functions")):
        pytest.skip(outcome.not_isolated)
    assert reason in outcome.problems[0].what


def test_the_update_of_an_up_does_not_run_them_again(hooked: HookedCodebase) -> None:
    """Unless something has changed since its preview."""
    count = "echo run >> functions/runs.log; cp functions/index.js functions/built.js"
    for _ in range(2):
        hooked.good(count)
    update = hooked.run(count, after_preview=True)
    assert update.notes == ("functions: the preview has run the predeploy commands.",)
    assert hooked.text("runs.log") == "run\n" * 2
    (hooked.folder / "index.js").write_text("exports.b = 2;")
    assert "ran the predeploy command" in hooked.run(count, after_preview=True).notes[0]
    assert hooked.text("built.js") == "exports.b = 2;"


def test_an_update_without_a_preview_runs_them(hooked: HookedCodebase) -> None:
    outcome = hooked.run("touch functions/built.js", after_preview=True)
    assert "ran the predeploy command" in outcome.notes[0]
    assert (hooked.folder / "built.js").exists()


def test_after_a_failure_the_update_runs_them_again(hooked: HookedCodebase) -> None:
    hooked.problem("exit 1")
    (problem,) = hooked.run("exit 1", after_preview=True).problems
    assert "exit code 1" in problem.what


class Project:
    """An app with one codebase, which its predeploy command compiles."""

    BUILD = "mkdir -p functions/lib && cd functions && cp src/index.ts lib/index.js && echo run >> a.log"

    def __init__(self, root: Path, node_modules: Path, stack: Stack) -> None:
        self.root, self.cache, self.out = root / "app", root / "cache", root / "found"
        self._stack = stack
        self.functions = self.root / "functions"
        (self.functions / "src").mkdir(parents=True)
        (self.functions / "node_modules").symlink_to(node_modules)
        functions = {"source": "functions", "predeploy": self.BUILD, "ignore": ["node_modules", "*.log"]}
        package = {
            "main": "lib/index.js",
            "engines": {"node": "22"},
            "scripts": {"build": "tsc"},
            "dependencies": {"firebase-functions": "7.4.0"},
        }
        files: dict[str, Any] = {
            "firebase.json": {"functions": functions},
            "functions/package.json": package,
            "functions/tsconfig.json": {
                "compilerOptions": {"outDir": "lib", "rootDir": "src"},
                "include": ["src"],
            },
        }
        for name, content in files.items():
            (self.root / name).write_text(json.dumps(content))
        self.code("hello")

    def code(self, function: str) -> None:
        text = f'exports.{function} = require("firebase-functions/https").onRequest(() => {{}});\n'
        (self.functions / "src/index.ts").write_text(text)

    def settings(self, *, run: bool) -> Settings:
        config = {"secrets": {}, "runPredeploy": str(run).lower()}
        values, secret = bad_settings.stack_config(Bad(name="", key="", fix="", config=config), self.root)
        found, problems = load_settings(self._stack(values, secret), "sandbox", bad_settings.ENVIRON)
        assert found is not None, problems
        return found

    def load(
        self, *, run: bool, results: Path | None = None, after_preview: bool = False
    ) -> tuple[App | None, list[Problem]]:
        return app.load(self.settings(run=run), self.cache, results, after_preview=after_preview)

    def good(self, *, run: bool, after_preview: bool = False) -> App:
        loaded, problems = self.load(run=run, after_preview=after_preview)
        assert loaded is not None, problems
        return loaded

    def runs(self) -> int:
        log = self.functions / "a.log"
        return log.read_text().count("run") if log.exists() else 0


@pytest.fixture
def project(tmp_path: Path, node_modules: Path, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("CI", raising=False)
    return Project(tmp_path, node_modules, stack)


def test_what_they_compile_is_packed_and_loaded(project: Project) -> None:
    found = project.good(run=True)
    assert [one.id for one in found.codebases[0].endpoints] == ["hello"]
    assert "lib/index.js" in found.codebases[0].archive.files
    assert any(note.startswith("functions: ran the predeploy command `mkdir -p") for note in found.notes)
    assert project.runs() == 1
    project.code("other")
    again = project.good(run=True)
    assert [one.id for one in again.codebases[0].endpoints] == ["other"]
    assert project.runs() == 2
    project.good(run=True, after_preview=True)
    assert project.runs() == 2


def test_by_default_they_do_not_run_and_what_is_not_compiled_is_a_problem(project: Project) -> None:
    loaded, (problem,) = project.load(run=False)
    assert (loaded, project.runs()) == (None, 0)
    assert "lib/index.js does not exist) is not compiled." in problem.what
    command, other = problem.fix.split("\nor:  ")
    assert command == f"cd {shlex.quote(str(project.functions))} && npm run build"
    assert other == "pulumi config set whatsapp-crm:runPredeploy true"


def test_by_default_the_preview_says_that_they_did_not_run_and_what_is_older(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["/bin/sh", "-c", project.BUILD], cwd=project.root, check=True)
    warned = "\n".join(project.good(run=False).warnings)
    assert "functions: its predeploy commands were not run: mkdir -p functions/lib" in warned
    assert "The compiled output is not older than its sources." in warned
    assert "fix: run them before the preview\n    or:  pulumi config set " in warned
    assert "whatsapp-crm:runPredeploy true" in warned
    late = (project.functions / "lib/index.js").stat().st_mtime + 60
    os.utime(project.functions / "src/index.ts", (late, late))
    _, (problem,) = project.load(run=False)
    assert problem.what == "src/index.ts is newer than the compiled output (lib/index.js)."
    assert "pulumi config set whatsapp-crm:runPredeploy true" in problem.fix
    monkeypatch.setenv("CI", "true")
    in_ci = "\n".join(project.good(run=False).warnings)
    assert "src/index.ts is newer than the compiled output (lib/index.js)." in in_ci
    assert "were not run" not in in_ci
    assert project.runs() == 1


def test_a_failed_command_stops_the_preview_before_anything_is_loaded(project: Project) -> None:
    (project.functions / "src/index.ts").unlink()
    loaded, (problem,) = project.load(run=True)
    assert loaded is None
    assert "cp: cannot stat 'src/index.ts'" in problem.what


def test_where_results_are_used_no_command_runs(project: Project) -> None:
    """The machine that found them has run the commands, and has no credentials."""
    loaded, problems, _ = app.load_code(project.settings(run=True), project.cache)
    assert problems == []
    assert project.runs() == 1
    assert "ran the predeploy command" in loaded[0].notes[0]
    result = discovered.Result(
        codebase="default",
        project="crm-sandbox",
        sha256=loaded[0].archive.sha256,
        discovered=loaded[0].discovered,
    )
    discovered.write(project.out, [(result, loaded[0].archive.path)])
    found, problems = project.load(run=True, results=project.out)
    assert problems == []
    assert found is not None
    assert project.runs() == 1
