"""Discovery with the real SDK: manifests, the errors of code that does not load, and the cache."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from checkout import node_process
from checkout.discovery import Discovered, discover, overwritten_exports
from checkout.discovery_source import Source
from checkout.isolation import View
from settings.model import GoogleSettings
from settings.parsing import mapping
from settings.problems import Problem

pytestmark = pytest.mark.unit

PACKAGE = {
    "main": "index.js",
    "engines": {"node": "22"},
    "dependencies": {"firebase-functions": "7.4.0", "firebase-admin": "13.10.0"},
}
HELLO = "require('firebase-functions/https').onRequest(() => {})"
EVERY_KIND = """
const { onRequest, onCall } = require("firebase-functions/https");
const { onSchedule } = require("firebase-functions/scheduler");
const firestore = require("firebase-functions/firestore");
const { defineInt, defineSecret } = require("firebase-functions/params");
const key = defineSecret("KEY");
const least = defineInt("LEAST", { default: 1 });
const done = async () => {};
exports.open = onRequest({ invoker: "public", minInstances: least, secrets: [key] }, done);
exports.shut = onRequest({ invoker: "private" }, done);
exports.named = onRequest({ invoker: ["caller@"] }, done);
exports.ask = onCall({ memory: "1GiB", region: ["europe-west1", "us-east1"] }, done);
exports.clients = {
  created: firestore.onDocumentCreated("clients/{phone}", done),
  exact: firestore.onDocumentUpdated("config/crm", done),
};
exports.gone = firestore.onDocumentDeletedWithAuthContext("clients/{phone}", done);
exports.tick = onSchedule({ schedule: "every 5 minutes", timeZone: "Europe/Bucharest", retryCount: 2 }, done);
"""


class Codebase:
    """A functions folder in a temporary app, with the SDK linked into it unless `node_modules` is None."""

    def __init__(self, root: Path, node_modules: Path | None) -> None:
        self.app = root / "app"
        self.folder = self.app / "functions"
        self.folder.mkdir(parents=True)
        self.cache = root / "cache"
        self.write("package.json", json.dumps(PACKAGE))
        if node_modules is not None:
            (self.folder / "node_modules").symlink_to(node_modules)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def ask(
        self,
        code: str | None = None,
        digest: str = "1",
        environment: Mapping[str, str] | None = None,
        timeout: int = 60,
        bucket: str = "",
    ) -> tuple[Discovered | None, list[Problem]]:
        if code is not None:
            self.write("index.js", code)
        source = Source(
            folder=self.folder,
            app_dir=self.app,
            where="functions",
            digest=digest,
            google=GoogleSettings(
                project="crm-sandbox", firestore_location="eur3", storage_bucket=bucket or None
            ),
            environment=environment or {},
            timeout=timeout,
        )
        return discover(source, self.cache)

    def answer(self, code: str) -> Discovered:
        answer, problems = self.ask(code)
        assert problems == []
        assert answer is not None
        return answer

    def refusal(self, code: str | None = None, timeout: int = 60) -> Problem:
        answer, problems = self.ask(code, timeout=timeout)
        assert answer is None
        (problem,) = problems
        assert problem.key.startswith("functions")
        assert str(self.cache) not in problem.what
        return problem


@pytest.fixture
def codebase(tmp_path: Path, node_modules: Path) -> Codebase:
    return Codebase(tmp_path, node_modules)


@pytest.fixture
def bare(tmp_path: Path) -> Codebase:
    return Codebase(tmp_path, None)


def test_every_supported_trigger_is_in_the_manifest(codebase: Codebase) -> None:
    answer = codebase.answer(EVERY_KIND)
    endpoints = mapping(answer.manifest["endpoints"]) or {}
    assert sorted(endpoints) == [
        "ask", "clients-created", "clients-exact", "gone", "named", "open", "shut", "tick",
    ]  # fmt: skip
    assert (mapping(endpoints["clients-created"]) or {})["entryPoint"] == "clients.created"
    assert answer.loaded == ("index.js",)
    assert (answer.overwritten_exports, answer.undefined_exports) == ((), ())


def test_es_modules_are_read(codebase: Codebase) -> None:
    codebase.write("package.json", json.dumps({**PACKAGE, "type": "module"}))
    answer = codebase.answer(
        'import { onRequest } from "firebase-functions/https";\nexport const hello = onRequest(() => {});\n'
    )
    assert list(mapping(answer.manifest["endpoints"]) or {}) == ["hello"]


def test_functions_yaml_is_the_manifest_and_nothing_is_run(bare: Codebase) -> None:
    bare.write("functions.yaml", "specVersion: v1alpha1\nendpoints: {a: {httpsTrigger: {}}}\n")
    answer = bare.answer("throw new Error('run');")
    assert answer.manifest == {"specVersion": "v1alpha1", "endpoints": {"a": {"httpsTrigger": {}}}}


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not valid YAML"), ("- a", "does not contain a manifest")]
)
def test_an_invalid_functions_yaml_is_a_problem(bare: Codebase, text: str, message: str) -> None:
    bare.write("functions.yaml", text)
    problem = bare.refusal()
    assert problem.key == "functions/functions.yaml"
    assert message in problem.what


def test_missing_dependencies_are_a_problem(bare: Codebase) -> None:
    assert bare.refusal("").fix == f"cd {bare.folder} && npm install"
    bare.write("package-lock.json", "{}")
    problem = bare.refusal("")
    assert "dependencies of the functions are not installed" in problem.what
    assert problem.fix == f"cd {bare.folder} && npm ci"


def test_the_sdk_may_be_installed_in_a_folder_above(bare: Codebase, node_modules: Path) -> None:
    (bare.app / "node_modules").symlink_to(node_modules)
    assert bare.answer("exports.x = require('firebase-functions/https').onRequest(() => {});")


def test_a_codebase_without_the_sdk_is_a_problem(bare: Codebase) -> None:
    bare.write("package.json", '{"main": "index.js"}')
    problem = bare.refusal("")
    assert "does not depend on firebase-functions" in problem.what
    assert "npm install firebase-functions firebase-admin" in problem.fix


def test_missing_compiled_output_is_a_problem(codebase: Codebase) -> None:
    codebase.write(
        "package.json", json.dumps({**PACKAGE, "main": "lib/index.js", "scripts": {"build": "tsc"}})
    )
    problem = codebase.refusal()
    assert "lib/index.js, which does not exist" in problem.what
    assert problem.fix == f"cd {codebase.folder} && npm run build"


def test_a_folder_without_package_json_and_python_are_problems(bare: Codebase) -> None:
    (bare.folder / "package.json").unlink()
    assert "has no package.json" in bare.refusal().what
    bare.write("requirements.txt", "firebase-functions\n")
    assert "functions in Python" in bare.refusal().what


def test_an_invalid_package_json_is_a_problem(codebase: Codebase) -> None:
    codebase.write("package.json", '{"main": }')
    problem = codebase.refusal("")
    assert problem.key == "functions/package.json"
    assert "line 1, column 10" in problem.what


def test_a_syntax_error_has_its_file_and_line(codebase: Codebase) -> None:
    codebase.write("src/broken.js", "const a = 1;\nconst b = ;\n")
    problem = codebase.refusal('require("./src/broken");\n')
    assert "do not load: error at functions/src/broken.js:2: Unexpected token ';'" in problem.what
    assert problem.fix == "Correct functions/src/broken.js:2."


def test_a_syntax_error_in_an_es_module_has_its_file_and_line(codebase: Codebase) -> None:
    codebase.write("package.json", json.dumps({**PACKAGE, "type": "module"}))
    problem = codebase.refusal("export const a = ;\n")
    assert "functions/index.js:1" in problem.what


def test_the_message_of_a_module_that_throws_is_shown(codebase: Codebase) -> None:
    problem = codebase.refusal('\n\nthrow new Error("AI_PROVIDER must be one of: groq, openai");\n')
    assert (
        "do not load: error at functions/index.js:3: AI_PROVIDER must be one of: groq, openai" in problem.what
    )


WAIT = "await new Promise(() => {});"
ENDS = {
    'console.log("config loaded");\nprocess.exit(0);': (
        "the code at functions/index.js:2 ended the process (exit code 0) while it was loaded. The code "
        "printed:\n"
        "      config loaded"
    ),
    "process.exit(3);": (
        "the code at functions/index.js:1 ended the process (exit code 3) while it was loaded."
    ),
    f"process.exitCode = 4;\nsetImmediate(() => process.exit());\n{WAIT}": (
        "the code at functions/index.js:2 ended the process (exit code 4) while it was loaded."
    ),
    'process.kill(process.pid, "SIGTERM"); for (;;) {}': (
        "SIGTERM ended Node while the functions were loaded."
    ),
    'process.kill(process.pid, "SIGKILL"); for (;;) {}': (
        "SIGKILL ended Node while the functions were loaded. The system sends it when memory runs out."
    ),
    'console.error("JavaScript heap out of memory"); process.abort();': (
        "Node ran out of memory while the functions were loaded. The code printed:\n"
        "      JavaScript heap out of memory"
    ),
    f'Promise.reject(new Error("no database"));\n{WAIT}': (
        "a promise that was rejected at functions/index.js:1 was not handled while the functions "
        "were loaded: no database."
    ),
    f'Promise.reject("a string");\n{WAIT}': (
        "a promise that was rejected was not handled while the functions were loaded: a string."
    ),
    f'console.error("starting");\nsetImmediate(() => {{ throw new Error("late"); }});\n{WAIT}': (
        "an error thrown at functions/index.js:2 was not caught while the functions were loaded: late. "
        "The code printed:\n      starting"
    ),
    WAIT: "the code waits for something that never happens: a top-level await does not end.",
}  # fmt: skip


@pytest.mark.parametrize("code", ENDS)
def test_each_way_to_end_has_its_own_message(codebase: Codebase, code: str) -> None:
    codebase.write("package.json", json.dumps({**PACKAGE, "type": "module"}))
    assert codebase.refusal(code).what == ENDS[code]


def test_commonjs_that_ends_the_process_is_named(codebase: Codebase) -> None:
    """Even when a dependency ends it."""
    codebase.write("src/config.js", "\nprocess.exit(0);")
    assert "the code at functions/src/config.js:2 ended the process (exit code 0)" in (
        codebase.refusal('require("./src/config");').what
    )


def test_a_process_that_the_code_leaves_behind_does_not_delay_discovery(codebase: Codebase) -> None:
    code = f"require('child_process').spawn('sleep', ['3000'], {{ stdio: 'inherit' }});exports.x = {HELLO};"
    started = time.monotonic()
    codebase.answer(code)
    assert time.monotonic() - started < 600


def test_what_the_code_prints_is_in_the_answer(codebase: Codebase) -> None:
    code = (
        "for (let i = 1; i < 8; i++) console.log(`line ${i}`);\n"
        "console.warn('run npm run build: no compiled output');\n"
        "console.warn('x'.repeat(300));\n"
        "process.emitWarning('of this machine');\n"
        f"exports.x = {HELLO};"
    )
    answer = codebase.answer(code)
    assert answer.stdout == ("(2 lines before)", "line 3", "line 4", "line 5", "line 6", "line 7")
    assert answer.stderr == ("run npm run build: no compiled output", "x" * 200 + "…")
    assert codebase.answer(code) == answer  # from the cache


def test_a_flood_of_output_is_bounded(codebase: Codebase) -> None:
    problem = codebase.refusal("for (;;) console.log('again and again');", timeout=2)
    assert "did not load within 2 seconds" in problem.what
    assert len(problem.what) < 1000


def test_the_error_of_the_sdk_is_not_repeated_as_output(codebase: Codebase) -> None:
    problem = codebase.refusal('console.log("connecting");\nthrow new Error("no configuration");')
    assert problem.what == (
        "the functions do not load: error at functions/index.js:2: no configuration. The code printed:\n  "
        "    connecting"
    )


def test_a_missing_module_is_installed_or_shown(codebase: Codebase) -> None:
    codebase.write("package.json", json.dumps({**PACKAGE, "dependencies": {"@a/declared": "1"}}))
    assert "npm ci" in codebase.refusal('require("@a/declared/sub");').fix
    assert "npm install undeclared" in codebase.refusal('require("undeclared");').fix
    problem = codebase.refusal('require("./src/missing");')
    assert "Cannot find module './src/missing'" in problem.what


@pytest.mark.parametrize("options", ["--bogus", "--require ./missing.js"])
def test_a_variable_that_keeps_node_from_starting_is_named(codebase: Codebase, options: str) -> None:
    _, problems = codebase.ask("exports.a = 1;\n", environment={"NODE_OPTIONS": options})
    (problem,) = problems
    assert problem.what.startswith("Node did not start with the functions' variable NODE_OPTIONS: ")
    assert options.rpartition(" ")[2] in problem.what
    assert "pulumi config rm --path 'whatsapp-crm:functionVariables.NODE_OPTIONS'" in problem.fix


def test_a_module_that_does_not_end_is_stopped(codebase: Codebase) -> None:
    # Node needs some seconds to start on a busy machine, which a loop would keep busy.
    wait = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);"
    problem = codebase.refusal(f'console.log("dialling"); {wait}', timeout=8)
    assert "did not load within 8 seconds" in problem.what
    assert "dialling" in problem.what
    assert problem.fix.endswith("pulumi config set whatsapp-crm:discoveryTimeout 16")


def test_a_timer_does_not_delay_discovery(codebase: Codebase) -> None:
    codebase.answer(
        "setInterval(() => {}, 1000); exports.x = require('firebase-functions/https').onRequest(() => {});"
    )


def test_the_environment_contains_no_token(codebase: Codebase, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "RAILWAY_API_TOKEN",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_CONFIG",
    ):
        monkeypatch.setenv(name, "not-for-user-code")
    code = (
        "const labels = { seen: JSON.stringify(process.env) };"
        "exports.x = require('firebase-functions/https').onRequest({ labels }, () => {});"
    )
    answer, problems = codebase.ask(code, environment={"AI_PROVIDER": "groq"})
    assert problems == []
    assert answer is not None
    endpoint = mapping((mapping(answer.manifest["endpoints"]) or {})["x"]) or {}
    environment: dict[str, str] = json.loads(str((mapping(endpoint["labels"]) or {})["seen"]))
    assert "not-for-user-code" not in environment.values()
    assert environment["AI_PROVIDER"] == "groq"
    assert environment["GCLOUD_PROJECT"] == "crm-sandbox"
    assert json.loads(environment["FIREBASE_CONFIG"]) == {"projectId": "crm-sandbox"}
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["HOME"] != os.environ["HOME"]


@pytest.mark.parametrize(
    "code",
    [
        "exports.x = require('firebase-functions/storage').onObjectFinalized(() => {});",
        "const admin = require('firebase-admin'); admin.initializeApp(); admin.storage().bucket();",
    ],
)
def test_code_that_uses_the_bucket_needs_the_setting(codebase: Codebase, code: str) -> None:
    problem = codebase.refusal(code)
    assert (
        problem.what
        == "the code at functions/index.js:1 uses the app's storage bucket, which is not configured."
    )
    assert problem.fix == "pulumi config set whatsapp-crm:storageBucket <my-crm.firebasestorage.app>"
    answer, problems = codebase.ask(code, bucket="crm.firebasestorage.app")
    assert (answer is None, problems) == (False, [])


class TestCache:
    CODE = "exports.x = require('firebase-functions/https').onRequest(() => {});"

    @pytest.fixture(autouse=True)
    def runs(self, monkeypatch: pytest.MonkeyPatch) -> list[node_process.Command]:
        """The commands that were run."""
        commands: list[node_process.Command] = []
        run = node_process.run

        def counted(command: node_process.Command, view: Callable[[], View]) -> node_process.Finished:
            commands.append(command)
            return run(command, view)

        monkeypatch.setattr(node_process, "run", counted)
        return commands

    def test_equal_sources_are_loaded_once(
        self, codebase: Codebase, runs: list[node_process.Command]
    ) -> None:
        first = codebase.answer(self.CODE)
        assert codebase.answer(self.CODE) == first
        assert len(runs) == 1

    def test_changed_sources_params_or_packages_are_loaded_again(
        self, codebase: Codebase, runs: list[node_process.Command]
    ) -> None:
        codebase.answer(self.CODE)
        codebase.ask(digest="2")
        codebase.ask(environment={"AI_PROVIDER": "openai"})
        codebase.write("package-lock.json", "{}")
        codebase.ask()
        assert len(runs) == 4
        codebase.ask()
        assert len(runs) == 4

    def test_a_failure_is_not_cached(self, codebase: Codebase, runs: list[node_process.Command]) -> None:
        codebase.refusal("throw new Error('x');")
        codebase.refusal()
        assert len(runs) == 2

    @pytest.mark.parametrize("damage", ["", "{", "[]", '{"manifest": 1}'])
    def test_a_damaged_cache_file_is_replaced(
        self, codebase: Codebase, damage: str, runs: list[node_process.Command]
    ) -> None:
        first = codebase.answer(self.CODE)
        (kept,) = codebase.cache.iterdir()
        kept.write_text(damage, encoding="utf-8")
        assert codebase.answer(self.CODE) == first
        assert len(runs) == 2


@pytest.mark.parametrize(
    ("code", "lost", "undefined"),
    [
        (f"exports.a = {HELLO};\nexports.b = {HELLO};\nmodule.exports = {{ b: {HELLO} }};", ("a",), ()),
        (f"exports.a = {HELLO};\nmodule.exports = {{ ...module.exports, b: {HELLO} }};", (), ()),
        (f"module.exports = {{ b: {HELLO} }};\nmodule.exports.a = {HELLO};", (), ()),
        (f"module.exports = {{ b: {HELLO} }};\nexports.a = 1;", (), ()),
        (f"exports.b = {HELLO};\nexports.helper = () => 1;", (), ()),
        (f"exports.b = {HELLO};\nexports.a = require('./other').missing;", (), ("a",)),
        (f"/*\nexports.old = 1;\n*/\n// exports.older = 1;\nmodule.exports = {{ b: {HELLO} }};", (), ()),
        (f"exports.a = exports.b = void 0;\nexports.a = {HELLO};\nexports.b = {HELLO};", (), ()),
    ],
)
def test_overwritten_and_undefined_exports_are_found(
    codebase: Codebase, code: str, lost: tuple[str, ...], undefined: tuple[str, ...]
) -> None:
    codebase.write("other.js", "exports.present = 1;")
    answer = codebase.answer(code)
    assert (answer.overwritten_exports, answer.undefined_exports) == (lost, undefined)


def test_only_exports_before_the_last_module_exports_can_be_overwritten() -> None:
    text = "exports.a = 1;\nexports.b == 2;\n  module.exports.c = 3;\nmodule.exports = {};\nexports.d = 4;\n"
    assert overwritten_exports(text) == ("a", "c")
    assert overwritten_exports("exports.a = 1;\nif (module.exports === x) {}") == ()


def test_loaded_files_are_listed(codebase: Codebase) -> None:
    codebase.write("src/a.js", "")
    (codebase.app / "shared.js").write_text("", encoding="utf-8")
    answer = codebase.answer('require("./src/a"); require("../shared"); require("firebase-functions");')
    assert answer.loaded == ("../shared.js", "index.js", "src/a.js")


def test_files_that_es_modules_load_are_listed(codebase: Codebase) -> None:
    codebase.write("package.json", json.dumps({**PACKAGE, "type": "module"}))
    for name in ("static.js", "again.js", "dynamic.mjs", "deep/below.js"):
        codebase.write(f"docs/{name}", "export {};")
    codebase.write("docs/static.js", 'import "./deep/below.js"; export * from "./again.js";')
    codebase.write("docs/common.cjs", 'require("./below.cjs");')
    codebase.write("docs/below.cjs", "")
    (codebase.app / "shared.mjs").write_text("export const a = 1;", encoding="utf-8")
    answer = codebase.answer(
        'export * from "./docs/static.js";\nimport "./docs/common.cjs";\nimport "firebase-functions/https";\n'
        'import "node:fs";\nexport { a } from "../shared.mjs";\nawait import("./docs/dynamic.mjs");\n'
    )
    assert answer.loaded == (
        "../shared.mjs", "docs/again.js", "docs/below.cjs", "docs/common.cjs", "docs/deep/below.js",
        "docs/dynamic.mjs", "docs/static.js", "index.js",
    )  # fmt: skip


def test_es_modules_that_commonjs_loads_are_listed(codebase: Codebase) -> None:
    codebase.write("docs/late.mjs", 'import "./below.mjs"; export const late = 1;')
    codebase.write("docs/below.mjs", "")
    answer = codebase.answer(f'exports.x = {HELLO};\nexports.late = require("./docs/late.mjs").late;')
    assert {"docs/late.mjs", "index.js"} <= set(answer.loaded)


@pytest.mark.parametrize("kind", ["module", "commonjs"])
def test_linked_packages_of_a_workspace_are_listed_and_installed_ones_are_not(
    bare: Codebase, node_modules: Path, kind: str
) -> None:
    """npm, pnpm and yarn link the packages of a workspace; Node resolves the link."""
    package = bare.app / "packages/shared"
    package.mkdir(parents=True)
    (package / "package.json").write_text(
        json.dumps({"name": "@crm/shared", "type": kind, "main": "main.js"})
    )
    (package / "main.js").write_text("")
    for name in ("firebase-functions", "firebase-admin"):
        bare.write("node_modules/x", "")
        (bare.folder / "node_modules" / name).symlink_to(node_modules / name)
    (bare.folder / "node_modules/@crm").mkdir()
    (bare.folder / "node_modules/@crm/shared").symlink_to("../../../packages/shared")
    bare.write("package.json", json.dumps({**PACKAGE, "type": kind}))
    code = 'import "@crm/shared";' if kind == "module" else 'require("@crm/shared");'
    assert bare.answer(code).loaded == ("../packages/shared/main.js", "index.js")
