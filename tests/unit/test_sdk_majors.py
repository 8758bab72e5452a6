"""Discovery with the majors 4 to 7 of firebase-functions: a codebase that uses every kind, and errors.

The manifests are compared with what firebase-tools discovers. It is not installed everywhere (`make peers`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from checkout import manifest, params
from checkout.discovery import Discovered, discover, is_too_old
from checkout.discovery_source import Source
from settings.model import GoogleSettings
from settings.parsing import mapping
from settings.problems import Problem
from tests import functions_sdk
from tests.bad_settings import ROOT

pytestmark = pytest.mark.unit

MAJORS = ("4", "5", "6", "7")
CODE = functions_sdk.MAJORS / "functions/index.js"
PEERS = ROOT / "sandbox/peers/node_modules/firebase-tools/lib"
GOOGLE = GoogleSettings(
    project="crm-sandbox",
    firestore_location="eur3",
    storage_bucket="crm-sandbox.firebasestorage.app",
    database_url="https://crm-sandbox-default-rtdb.firebaseio.com",
)
DEPLOYED = (
    "ask", "clients-archive-anything", "clients-created", "clients-exact", "named", "open", "plain", "shut",
    "tick",
)  # fmt: skip
OF_FIRST_GENERATION = (
    "call", "config", "document", "matrix", "message", "object", "request", "schedule", "task", "user",
    "value",
)  # fmt: skip
OTHERS = {
    "alert", "beforeCreate", "beforeSignIn", "bucket", "config", "custom", "matrix", "message", "object",
    "task", "value",
    *(f"first-{kind}" for kind in OF_FIRST_GENERATION),
}  # fmt: skip
COMPARE = """
const [lib, folder, environment, file] = process.argv.slice(1);
const { Delegate } = require(`${lib}/deploy/functions/runtimes/node`);
const { yamlToBuild } = require(`${lib}/deploy/functions/runtimes/discovery`);
const region = require(`${lib}/api`).functionsDefaultRegion();
const delegate = new Delegate("crm-sandbox", folder, folder, "nodejs22");
delegate.discoverBuild({}, JSON.parse(environment)).then((theirs) => {
  const manifest = JSON.parse(require("fs").readFileSync(file, "utf8"));
  const ours = yamlToBuild(manifest, "crm-sandbox", region, "nodejs22");
  require("fs").writeFileSync(`${file}.builds`, JSON.stringify({ theirs, ours }));
  process.exit(0);
});
"""


class Codebase:
    """A functions folder in a temporary app, with one major of the SDK linked into it."""

    def __init__(self, root: Path, major: str) -> None:
        self.app = root / "app"
        self.folder = self.app / "functions"
        self.folder.mkdir(parents=True)
        self.cache = root / "cache"
        self.packages(major)
        (self.folder / "package.json").write_text(json.dumps({"main": "index.js", "type": "commonjs"}))

    def packages(self, major: str) -> None:
        """Give it node_modules of links: npm would install 70 MB for each test."""
        modules = self.folder / "node_modules"
        (modules / ".bin").mkdir(parents=True)
        for name, package in functions_sdk.of_major(major).items():
            (modules / name).symlink_to(package)
        command = modules / ".bin/firebase-functions"
        command.symlink_to("../firebase-functions/lib/bin/firebase-functions.js")
        command.chmod(0o755)

    def ask(self, code: str) -> tuple[Discovered | None, list[Problem]]:
        (self.folder / "index.js").write_text(code)
        source = Source(
            folder=self.folder,
            app_dir=self.app,
            where="functions",
            digest=str(hash(code)),
            google=GOOGLE,
            environment={},
            timeout=120,
        )
        return discover(source, self.cache)

    def answer(self, code: str) -> Discovered:
        found, problems = self.ask(code)
        assert problems == []
        assert found is not None
        return found

    def refusal(self, code: str) -> Problem:
        found, (problem,) = self.ask(code)
        assert found is None
        return problem


@pytest.fixture(params=MAJORS)
def codebase(tmp_path: Path, request: pytest.FixtureRequest) -> Codebase:
    return Codebase(tmp_path, request.param)


def test_every_kind_of_each_major_is_in_the_manifest(codebase: Codebase) -> None:
    found = codebase.answer(CODE.read_text())
    endpoints = mapping(found.manifest["endpoints"]) or {}
    assert set(endpoints) == {*DEPLOYED, *OTHERS, "hidden"}
    assert (mapping(endpoints["clients-created"]) or {})["entryPoint"] == "clients.created"
    assert found.loaded == ("index.js",)
    assert found.stdout == ()  # the SDK says at which port it serves
    names = {str((mapping(one) or {})["name"]) for one in _items(found.manifest["params"])}
    assert names == {"KEY", "LEAST", "ZONE"}
    assert codebase.answer(CODE.read_text()) == found  # from the cache


def test_the_supported_kinds_of_each_major_are_read(codebase: Codebase) -> None:
    found = codebase.answer(CODE.read_text())
    endpoints = {
        name: one for name, one in (mapping(found.manifest["endpoints"]) or {}).items() if name in DEPLOYED
    }
    resolved, problems = params.resolve(found.manifest["params"], params.Sources(), "functions")
    assert problems == []
    context = manifest.Context(where="functions", google=GOOGLE, runtime="nodejs22")
    read, problems = manifest.parse({"specVersion": "v1alpha1", "endpoints": endpoints}, resolved, context)
    assert problems == []
    assert [(one.id, one.region, one.min_instances, one.memory) for one in read.endpoints] == [
        ("ask", "europe-west1", 0, "256Mi"),
        ("ask", "us-east1", 0, "256Mi"),
        *(
            (name, "europe-west1", 1 if name == "open" else 0, "1024Mi" if name == "shut" else "256Mi")
            for name in DEPLOYED[1:]
        ),
    ]


@pytest.mark.skipif(
    not PEERS.is_dir() and not os.environ.get("CI"), reason="firebase-tools is not installed (make peers)"
)
@pytest.mark.parametrize("major", MAJORS)
def test_firebase_tools_discovers_the_same(tmp_path: Path, major: str) -> None:
    codebase = Codebase(tmp_path, major)
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(codebase.answer(CODE.read_text()).manifest))
    environment = {"FIREBASE_CONFIG": json.dumps(GOOGLE.firebase_config), "GCLOUD_PROJECT": GOOGLE.project}
    subprocess.run(
        ["node", "-e", COMPARE, "--", str(PEERS), str(codebase.folder), json.dumps(environment), str(file)],
        check=True,
        timeout=120,
        env={**os.environ, "FUNCTIONS_DISCOVERY_TIMEOUT": "100"},
        capture_output=True,
    )
    builds = mapping(json.loads(Path(f"{file}.builds").read_text())) or {}
    assert (
        len(mapping((mapping(builds["theirs"]) or {})["endpoints"]) or {}) == len(DEPLOYED) + len(OTHERS) + 1
    )
    assert builds["ours"] == builds["theirs"]


def test_an_error_of_the_code_has_its_place_and_message(codebase: Codebase) -> None:
    problem = codebase.refusal('console.log("connecting");\nthrow new Error("no configuration");')
    assert problem.what == (
        "the functions do not load: error at functions/index.js:2: no configuration. The code printed:\n"
        "      connecting"
    )
    assert problem.fix == "Correct functions/index.js:2."


def test_an_error_of_an_es_module_has_its_place(codebase: Codebase) -> None:
    (codebase.folder / "package.json").write_text(json.dumps({"main": "index.js", "type": "module"}))
    problem = codebase.refusal('\nthrow new TypeError("no configuration");')
    assert problem.what == "the functions do not load: error at functions/index.js:2: no configuration."
    problem = codebase.refusal("export const a = ;\n")
    assert "error at functions/index.js:1: Unexpected token" in problem.what


def test_code_that_never_ends_to_load_is_named(codebase: Codebase) -> None:
    (codebase.folder / "package.json").write_text(json.dumps({"main": "index.js", "type": "module"}))
    assert codebase.refusal("await new Promise(() => {});").what == (
        "the code waits for something that never happens: a top-level await does not end."
    )


def test_a_server_of_the_code_does_not_stand_in_the_way(codebase: Codebase) -> None:
    found = codebase.answer(
        'const { onRequest } = require("firebase-functions/v2/https");\n'
        'const server = require("http").createServer(() => {}).listen(0, "127.0.0.1");\n'
        "setInterval(() => {}, 1000);\n"
        "exports.hello = onRequest(() => {});\n"
    )
    assert list(mapping(found.manifest["endpoints"]) or {}) == ["hello"]


@pytest.mark.parametrize("version", ["1.0.0", "2.3.1", "3.19.0", "3.24.1"])
def test_older_majors_are_refused_by_name(tmp_path: Path, version: str) -> None:
    codebase = Codebase(tmp_path, "4")
    shutil.rmtree(codebase.folder / "node_modules")
    package = codebase.folder / "node_modules/firebase-functions"
    (package / "lib/bin").mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"version": version}))
    if version == "3.24.1":  # the first with a command was 3.20
        (package / "lib/bin/firebase-functions.js").write_text("")
    problem = codebase.refusal("")
    assert problem.what == (
        f"firebase-functions {version} is too old: this program reads the functions of versions 4 to 7."
    )
    assert problem.fix == f"cd {codebase.folder} && npm install firebase-functions@7 firebase-admin@13"


def test_a_version_that_is_no_number_is_not_too_old() -> None:
    assert [is_too_old(one) for one in ("3.24.1", "4.0.0", "10.1", "unknown", "", "²")] == [
        True,
        *[False] * 5,
    ]


def _items(value: object) -> list[object]:
    assert isinstance(value, list)
    return value  # pyright: ignore[reportUnknownVariableType]
