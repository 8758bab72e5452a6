"""Functions codebases as real projects have them: what is packed, found or reported for each."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pytest

from checkout import app
from checkout.app import App
from settings.load import load_settings
from settings.problems import Problem
from tests import bad_settings
from tests.bad_settings import Bad

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]
HELLO = 'const { onRequest } = require("firebase-functions/https");\nexports.hello = onRequest(() => {});\n'
HELLO_MODULE = (
    'import { onRequest } from "firebase-functions/https";\nexport const hello = onRequest(() => {});\n'
)
PACKAGE = {"main": "index.js", "engines": {"node": "22"}, "dependencies": {"firebase-functions": "7.4.0"}}


DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "9" * 5000


class Project:
    """A small app with one codebase; `load` reads it for the sandbox stack."""

    def __init__(self, root: Path, node_modules: Path, stack: Stack) -> None:
        self.root = root / "app"
        self.cache = root / "cache"
        self.functions = self.root / "functions"
        self._stack = stack
        self.write("functions/package.json", json.dumps(PACKAGE))
        self.firebase_json()
        (self.functions / "node_modules").symlink_to(node_modules)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def firebase_json(self, **functions: object) -> None:
        self.write("firebase.json", json.dumps({"functions": {"source": "functions", **functions}}))

    def load(self) -> tuple[App | None, list[Problem]]:
        config = {"secrets": {}}
        values, secret = bad_settings.stack_config(Bad(name="", key="", fix="", config=config), self.root)
        found, problems = load_settings(self._stack(values, secret), "sandbox", bad_settings.ENVIRON)
        assert problems == []
        assert found is not None
        return app.load(found, self.cache)

    def good(self) -> App:
        loaded, problems = self.load()
        assert problems == []
        assert loaded is not None
        return loaded

    def packed(self) -> dict[str, int]:
        """The archive's files with their modes."""
        with zipfile.ZipFile(self.good().codebases[0].archive.path) as opened:
            return {info.filename: info.external_attr >> 16 & 0o777 for info in opened.infolist()}

    def problem(self) -> Problem:
        loaded, problems = self.load()
        assert loaded is None
        (problem,) = problems
        return problem


@pytest.fixture
def project(tmp_path: Path, node_modules: Path, stack: Stack) -> Project:
    return Project(tmp_path, node_modules, stack)


def test_prompts_and_templates_are_packed(project: Project) -> None:
    project.write("functions/prompts/reply.md", "Answer politely.")
    project.write("functions/docs/terms.html", "<p>")
    code = 'require("fs").readFileSync(__dirname + "/prompts/reply.md");\n'
    project.write("functions/index.js", code + HELLO)
    assert set(project.packed()) == {"docs/terms.html", "index.js", "package.json", "prompts/reply.md"}
    assert project.good().notes == ()


@pytest.mark.parametrize("module", [True, False])
def test_a_file_that_is_loaded_and_ignored_is_a_problem(project: Project, module: bool) -> None:
    project.firebase_json(ignore=["node_modules", "@(docs|fixtures)"])
    project.write(
        "functions/package.json", json.dumps({**PACKAGE, "type": "module" if module else "commonjs"})
    )
    project.write("functions/docs/google.js", HELLO_MODULE if module else HELLO)
    code = (
        'export { hello } from "./docs/google.js";' if module else 'exports.a = require("./docs/google.js");'
    )
    project.write("functions/index.js", code)
    problem = project.problem()
    assert problem.key == "functions/docs/google.js"
    assert problem.what == "the functions load it, but it is not deployed."
    assert problem.fix == 'Remove "@(docs|fixtures)" from "functions.ignore" in firebase.json.'


@pytest.mark.parametrize("module", [True, False])
def test_a_file_outside_of_the_codebase_is_a_problem(project: Project, module: bool) -> None:
    project.write("package.json", '{"name": "the-app"}')
    project.write(
        "functions/package.json", json.dumps({**PACKAGE, "type": "module" if module else "commonjs"})
    )
    project.write("shared/greet.mjs", "export const greet = () => 1;")
    project.write("shared/greet.cjs", "")
    code = (
        f'import "../shared/greet.mjs";\n{HELLO_MODULE}'
        if module
        else f'require("../shared/greet.cjs");\n{HELLO}'
    )
    project.write("functions/index.js", code)
    problem = project.problem()
    assert problem.key == f"functions/../shared/greet.{'mjs' if module else 'cjs'}"
    assert problem.fix.startswith("Move it into functions")


@pytest.mark.parametrize("module", [True, False])
def test_a_package_of_the_workspace_is_one_problem(
    project: Project, node_modules: Path, module: bool
) -> None:
    kind = "module" if module else "commonjs"
    (project.functions / "node_modules").unlink()
    for name in ("firebase-functions", "firebase-admin"):
        (project.functions / "node_modules" / name).parent.mkdir(exist_ok=True)
        (project.functions / "node_modules" / name).symlink_to(node_modules / name)
    (project.functions / "node_modules/shared").symlink_to("../../packages/shared")
    project.write(
        "packages/shared/package.json", json.dumps({"name": "shared", "type": kind, "main": "main.js"})
    )
    project.write("packages/shared/main.js", 'import "./other.js";' if module else 'require("./other");')
    project.write("packages/shared/other.js", "")
    dependencies = {**PACKAGE["dependencies"], "shared": "workspace:*"}  # type: ignore[dict-item]
    project.write(
        "functions/package.json", json.dumps({**PACKAGE, "type": kind, "dependencies": dependencies})
    )
    code = f'import "shared";\n{HELLO_MODULE}' if module else f'require("shared");\n{HELLO}'
    project.write("functions/index.js", code)
    problem = project.problem()
    assert problem.key == "functions/../packages/shared/main.js"
    assert "the package shared" in problem.what
    assert 'copy it into functions and depend on it by "file:".' in problem.fix


def with_dependencies(project: Project, kind: str = "commonjs", **sections: Mapping[str, str]) -> None:
    sdk = {"dependencies": {"firebase-functions": "7.4.0", **sections.pop("dependencies", {})}}
    project.write("functions/package.json", json.dumps({**PACKAGE, "type": kind, **sdk, **sections}))


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("workspace:*", "Google has no workspace."),
        ("file:../shared", "this path is not deployed."),
        ("link:./vendor/other", "this path is not deployed."),
        ("file:vendor/a.tgz", "this path is not deployed."),
        ("../shared", "this path is not deployed."),
    ],
)
def test_a_dependency_that_google_cannot_install_is_a_problem(
    project: Project, version: str, why: str
) -> None:
    project.write("functions/index.js", HELLO)
    with_dependencies(project, dependencies={"shared": version})
    problem = project.problem()
    assert (problem.key, problem.what) == (
        "functions/package.json", f'the dependency shared is "{version}": {why}',
    )  # fmt: skip
    assert 'copy it into functions and depend on it by "file:"' in problem.fix


def test_a_dependency_on_a_deployed_path_is_good(project: Project) -> None:
    project.write("functions/index.js", HELLO)
    project.write("functions/vendor/shared/package.json", "{}")
    project.write("functions/vendor/a.tgz", "")
    with_dependencies(
        project, dependencies={"shared": "file:./vendor/shared/", "a": "file:vendor/a.tgz", "b": "~1.2"}
    )
    assert "vendor/shared/package.json" in project.packed()


@pytest.mark.parametrize("kind", ["module", "commonjs"])
def test_a_package_that_google_does_not_install_is_a_problem(project: Project, kind: str) -> None:
    """A folder above the codebase has it on this machine."""
    project.write("node_modules/@x/shared/package.json", '{"name": "@x/shared", "main": "a.js"}')
    project.write("node_modules/@x/shared/a.js", 'require("deep");')
    project.write("node_modules/deep/package.json", "{}")
    project.write("node_modules/deep/index.js", "")
    code = f'import "@x/shared";\n{HELLO_MODULE}' if kind == "module" else f'require("@x/shared");\n{HELLO}'
    project.write("functions/index.js", code)
    for section, where in (("engines", "not in the dependencies"), ("devDependencies", "in devDependencies")):
        with_dependencies(project, kind, **{section: {"@x/shared": "1", "node": "22"}})
        problem = project.problem()
        assert problem.what == f"the functions load @x/shared, which is {where}: Google does not install it."
        assert problem.fix == f"cd {project.functions} && npm install --save-prod @x/shared"
    with_dependencies(project, kind, dependencies={"@x/shared": "1"})
    project.good()


def test_a_package_that_a_dependency_installs_may_be_loaded(project: Project) -> None:
    project.write("functions/index.js", f'require("express");\n{HELLO}')
    project.good()
    project.write("functions/package.json", json.dumps({**PACKAGE, "dependencies": {}}))
    assert {problem.fix.rpartition(" ")[2] for problem in project.load()[1]} == {
        "express", "firebase-functions",
    }  # fmt: skip


def test_a_linked_folder_that_is_packed_may_be_loaded(project: Project) -> None:
    """The archive has the file under the link's name as well."""
    project.firebase_json(ignore=["node_modules", "src"])
    project.write("functions/src/shared/a.js", "")
    (project.functions / "shared").symlink_to("src/shared")
    project.write("functions/index.js", f'require("./shared/a");\n{HELLO}')
    assert "shared/a.js" in project.packed()


def test_credentials_that_are_loaded_are_a_problem(project: Project) -> None:
    project.write("functions/serviceAccountKey.json", "{}")
    project.write("functions/index.js", f'require("./serviceAccountKey.json");\n{HELLO}')
    problem = project.problem()
    # Where the code is isolated, it cannot read the file; elsewhere it loads it.
    assert "serviceAccountKey.json" in f"{problem.key} {problem.what}"
    assert 'defineSecret("NAME"), with the value in whatsapp-crm:secrets' in problem.fix


def test_a_binary_stays_executable(project: Project) -> None:
    project.write("functions/index.js", HELLO)
    project.write("functions/bin/convert", "#!/bin/sh\n")
    (project.functions / "bin/convert").chmod(0o755)
    assert project.packed() == {"bin/convert": 0o755, "index.js": 0o644, "package.json": 0o644}


def test_code_that_ends_the_process_is_named(project: Project) -> None:
    code = 'console.log("config loaded");\nif (!process.env.REDIS_URL) { process.exit(0); }\n'
    project.write("functions/index.js", code + HELLO)
    problem = project.problem()
    assert problem.what == (
        "the code at functions/index.js:2 ended the process (exit code 0) while it was loaded. "
        "The code printed:\n      config loaded"
    )


def test_braces_and_extended_globs_are_read(project: Project) -> None:
    project.firebase_json(ignore=["node_modules", ".git", "*.{pem,key}", "@(src|fixtures)"])
    project.write("functions/index.js", HELLO)
    for name in ("a.bak", "keys/prod.key", "keys/prod.pem", "src/x.ts"):
        project.write(f"functions/{name}", "x")
    assert set(project.packed()) == {"a.bak", "index.js", "package.json"}
    assert project.good().notes == ()


@pytest.mark.parametrize("target", ["../shared", "../shared/notes.md", "nowhere", "."])
def test_the_fix_for_a_link_works(project: Project, target: str) -> None:
    project.write("shared/notes.md", "x")
    project.write("functions/index.js", HELLO)
    (project.functions / "shared-docs").symlink_to(target)
    problem = project.problem()
    assert problem.key == "functions/shared-docs"
    project.firebase_json(ignore=["node_modules", problem.fix.split('"')[1]])
    assert set(project.packed()) == {"index.js", "package.json"}


def test_a_name_in_another_encoding_is_a_problem(project: Project) -> None:
    project.write("functions/index.js", HELLO)
    Path(os.fsdecode(os.fsencode(project.functions) + b"/caf\xe9.txt")).write_bytes(b"x")
    problem = project.problem()
    assert problem.key == "functions/caf\ufffd.txt"
    assert problem.fix.startswith('Rename it, or add "caf?.txt" to ')
    str(problem).encode()
    project.firebase_json(ignore=["node_modules", "caf?.txt"])
    assert set(project.packed()) == {"index.js", "package.json"}


def test_json_files_may_begin_with_a_byte_order_mark_and_have_comments(project: Project) -> None:
    """Editors on Windows write the first; the Firebase CLI accepts both."""
    project.write("functions/index.js", HELLO)
    project.write("functions/package.json", f"\ufeff{json.dumps(PACKAGE)}")
    project.write(
        "firebase.json", '\ufeff{\n  // the app\n  "functions": { /* one */ "source": "functions" }\n}'
    )
    assert project.good().codebases[0].endpoints[0].runtime == "nodejs22"
    project.write(
        "functions/functions.yaml", "\ufeffspecVersion: v1alpha1\nendpoints: {a: {httpsTrigger: {}}}\n"
    )
    project.write("functions/package.json", f"// comment\n{json.dumps(PACKAGE)}")
    assert [endpoint.id for endpoint in project.good().codebases[0].endpoints] == ["a"]


def test_a_package_json_that_cannot_be_read_is_one_problem(project: Project) -> None:
    project.write("functions/index.js", HELLO)
    for content in (b'{"main": }', b'{"a": "caf\xe9"}', b"[]"):
        (project.functions / "package.json").write_bytes(content)
        assert project.problem().key == "functions/package.json"


def test_files_that_are_not_packed_are_reported(project: Project) -> None:
    project.firebase_json(ignore=["docs/**"])
    project.write("functions/index.js", HELLO)
    project.write("functions/keys/prod.pem", "-----BEGIN PRIVATE KEY-----")
    project.write("functions/docs/a.md", "x")
    credentials, local, pattern = project.good().notes
    assert credentials.startswith(
        "functions: not deployed, because they may contain credentials: keys/prod.pem."
    )
    assert local.startswith("functions: not deployed: node_modules.")
    assert pattern.startswith('functions: "docs/**" in "functions.ignore" matches no file')


def test_what_the_code_prints_is_shown(project: Project) -> None:
    project.write("functions/index.js", f'console.log("1 plugin");\nconsole.warn("lib is missing");\n{HELLO}')
    loaded = project.good()
    printed, other = loaded.warnings
    assert printed == "functions: while it was loaded, the code wrote to stderr:\n    lib is missing"
    assert "RAILWAY_WHATSAPP_URL" in other
    assert loaded.notes == ("functions: while it was loaded, the code wrote to stdout:\n    1 plugin",)
    assert project.good() == loaded  # from the cache


def test_code_that_was_not_compiled_is_a_problem_and_not_loaded(project: Project) -> None:
    """The JavaScript loads without its TypeScript, with fewer functions."""
    package = {**PACKAGE, "scripts": {"build": "tsc"}}
    project.write("functions/package.json", json.dumps(package))
    project.write("functions/tsconfig.json", '{"compilerOptions": {"rootDir": "src", "outDir": "dist"}}')
    project.write("functions/src/wa.ts", "export const wa = 1;")
    project.write("functions/index.js", f'try {{ exports.wa = require("./dist/wa"); }} catch {{}}\n{HELLO}')
    problem = project.problem()
    assert problem.key == "functions"
    assert problem.what == "src/wa.ts (dist/wa.js does not exist) is not compiled."
    assert problem.fix == f"cd {project.functions} && npm run build"
    project.write("functions/dist/wa.js", "exports.wa = 1;")
    assert project.good()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("firebase.json", f'{{"functions": {DEEP}}}', "nested too deeply"),
        ("firebase.json", f'{{"functions": {DIGITS}}}', "too many digits"),
        ("firebase.json", '{"functions": {"source": "functions\\u0000"}}', "contains the character U+0000"),
        ("firebase.json", '{"functions": {"source": "\\ud800"}}', "contains an unpaired surrogate (U+D800)"),
        ("firebase.json", f'{{"functions": {{"source": "{"x" * 5000}"}}}}', "which cannot be read"),
        ("functions/package.json", f'{{"main": {DEEP}}}', "nested too deeply"),
        ("functions/functions.yaml", f"endpoints: {DEEP}", "nested too deeply"),
        ("functions/functions.yaml", f"endpoints: {DIGITS}", "not valid YAML"),
        ("functions/functions.yaml", "endpoints: 2026-13-45", "not valid YAML"),
        ("functions/functions.yaml", 'endpoints: "\\ud800"', "contains an unpaired surrogate"),
        ("functions/.env", "A=x\0y", "A contains the character U+0000."),
    ],
)
def test_a_file_that_no_parser_or_system_call_takes_is_a_problem(
    project: Project, file: str, text: str, message: str
) -> None:
    project.write("functions/index.js", HELLO)
    project.write(file, text)
    loaded, problems = project.load()
    assert loaded is None
    (problem,) = [one for one in problems if message in one.what]
    assert problem.key == file
    assert problem.fix
