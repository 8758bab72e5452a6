"""Which files each function is said to come from, with the real SDK: `discovery_graph.cjs`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from checkout import discovery
from checkout.discovery import discover
from checkout.discovery_source import Source
from checkout.reach import Graph
from settings.model import GoogleSettings
from settings.parsing import mapping
from tests import functions_sdk
from tests.bad_settings import EXAMPLE_APP

pytestmark = pytest.mark.unit

HELLO = 'require("firebase-functions/v2/https").onRequest(() => {})'
GOOGLE = GoogleSettings(
    project="crm-sandbox",
    firestore_location="eur3",
    storage_bucket="crm-sandbox.firebasestorage.app",
    database_url="https://crm-sandbox-default-rtdb.firebaseio.com",
)
IMPORT = 'import { onRequest } from "firebase-functions/v2/https";\n'


class Codebase:
    """A functions folder in a temporary app."""

    def __init__(self, root: Path) -> None:
        self.app = root / "app"
        self.folder = self.app / "functions"
        self.folder.mkdir(parents=True)
        self.cache = root / "cache"

    def link(self, packages: Mapping[str, Path]) -> None:
        """Install packages, by links."""
        (self.folder / "node_modules").mkdir()
        for name, package in packages.items():
            (self.folder / "node_modules" / name).symlink_to(package)

    def graph(self, files: Mapping[str, str], kind: str = "commonjs") -> Graph | None:
        """Load a codebase of these files."""
        self.write({"package.json": json.dumps({"main": "index.js", "type": kind}), **files})
        source = Source(
            folder=self.folder,
            app_dir=self.app,
            where="functions",
            digest=sha256(json.dumps([files, kind]).encode()).hexdigest(),
            google=GOOGLE,
            environment={},
            timeout=120,
        )
        found, problems = discover(source, self.cache)
        assert problems == []
        assert found is not None
        assert discovery.from_json(json.loads(discovery.as_json(found))) == found
        return found.graph

    def write(self, files: Mapping[str, str]) -> None:
        """Write files."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.fixture
def codebase(tmp_path: Path) -> Codebase:
    made = Codebase(tmp_path)
    made.link(functions_sdk.of_major("7"))
    return made


COMMONJS = {
    "index.js": (
        'require("./setup");\nexports.a = require("./a").a;\nObject.assign(exports, require("./more"));\n'
        f"exports.own = {HELLO};\n"
    ),
    "setup.js": "",
    "a.js": f'const b = require("./b");\nexports.a = {HELLO};\nconst late = () => import("./late.js");',
    "more/index.js": 'module.exports = { group: { b: require("../b") } };',
    "b.js": f'const json = require("./texts.json");\nmodule.exports = require("./make").make({HELLO});',
    "make.js": "exports.make = (one) => one;",
    "texts.json": "{}",
    "late.js": "",
}


def test_functions_of_commonjs_come_from_the_files_that_make_them(codebase: Codebase) -> None:
    graph = codebase.graph(COMMONJS)
    assert graph is not None
    assert graph.makers == {"a": ("a.js",), "group.b": ("b.js",), "own": ("index.js",)}
    assert graph.files == {
        "index.js": ("a.js", "more/index.js", "setup.js"),
        "setup.js": (),
        "a.js": ("b.js",),  # late.js is not loaded: it counts for all
        "more/index.js": ("b.js",),
        "b.js": ("make.js", "texts.json"),
        "make.js": (),
        "texts.json": (),
    }
    assert (graph.roots, graph.dynamic) == (("index.js",), ())


def test_a_loaded_file_that_another_one_names_for_later_is_linked(codebase: Codebase) -> None:
    files = {
        "index.js": 'exports.a = require("./a");\nexports.b = require("./b");',
        "a.js": f'const late = () => require("./b.js");\nmodule.exports = {HELLO};',
        "b.js": f"module.exports = {HELLO};",
    }
    graph = codebase.graph(files)
    assert graph is not None
    assert graph.files["a.js"] == ("b.js",)


def test_functions_of_es_modules_come_from_the_files_that_make_them(codebase: Codebase) -> None:
    files = {
        "index.js": 'import "./setup.js";\nexport { a } from "./a.js";\nexport * as group from "./more.js";',
        "setup.js": "",
        "a.js": f'{IMPORT}import {{ make }} from "./make.js";\nexport const a = make(onRequest);\n',
        "make.js": "export const make = (onRequest) => onRequest(() => {});",
        "more.js": f'{IMPORT}import common from "./common.cjs";\nexport const b = onRequest(() => common);\n',
        "common.cjs": 'module.exports = require("./below.cjs");',
        "below.cjs": "",
    }
    graph = codebase.graph(files, "module")
    assert graph is not None
    assert graph.makers == {"a": ("a.js", "make.js"), "group.b": ("more.js",)}
    assert graph.files == {
        "index.js": ("a.js", "more.js", "setup.js"),
        "setup.js": (),
        "a.js": ("make.js",),
        "make.js": (),
        "more.js": ("common.cjs",),
        "common.cjs": ("below.cjs",),
        "below.cjs": (),
    }
    assert graph.roots == ("index.js",)


@pytest.mark.parametrize(
    "code",
    [
        "const load = (name) => require(name);",
        "const load = (name) => require(`./${name}`);",
        "const load = (name) => require(\n  name);",
        "const load = (name) => import(name);",
        "const load = require;",
        "use(require); function use() {}",
        'const load = require("module").createRequire(__filename);',
        'const load = () => require.main.require("./b");',
        "const load = () => eval('require');",
        "const load = new Function('return 1');",
        'const load = () => import("#b");',
    ],
)
def test_code_that_can_load_any_file_is_named(codebase: Codebase, code: str) -> None:
    files = {"index.js": 'exports.a = require("./a");', "a.js": f"{code}\nmodule.exports = {HELLO};"}
    graph = codebase.graph(files)
    assert graph is not None
    assert graph.dynamic == ("a.js",)


def test_literal_names_of_files_and_packages_are_not_computed(codebase: Codebase) -> None:
    code = (
        '// requires require, and import\nconst fs = require( "fs" );\nconst b = require(\n  "./b",\n);\n'
        "const lazy = () => import('./b.js');\nconst requireMember = (one) => one; requireMember(fs);\n"
        "if (require.main === module) fs.x();\nconst path = require.resolve('./b');\n"
        'const colour = "#fff";\n'
    )
    files = {"index.js": f"{code}exports.a = {HELLO};", "b.js": ""}
    graph = codebase.graph(files)
    assert graph is not None
    assert graph.dynamic == ()


def test_a_file_that_is_loaded_in_another_way_makes_the_graph_uncertain(codebase: Codebase) -> None:
    alias = (
        'const module_ = require("module"); const resolve = module_._resolveFilename;\n'
        "module_._resolveFilename = (name, ...rest) => resolve(name.replace(/^@/, __dirname), ...rest);\n"
    )
    files = {"index.js": f'{alias}exports.b = require("@/b");', "b.js": f"module.exports = {HELLO};"}
    assert codebase.graph(files) is None


def test_exports_that_cannot_be_read_a_second_time_make_the_graph_uncertain(codebase: Codebase) -> None:
    code = (
        f"let times = 0; const hello = {HELLO};\n"
        "Object.defineProperty(exports, 'a', { enumerable: true, get() { if (times++) throw new Error('x'); "
        "return hello; } });"
    )
    assert codebase.graph({"index.js": code}) is None


def test_a_file_that_a_dependency_loads_is_a_root(codebase: Codebase) -> None:
    codebase.write({"node_modules/loads/index.js": "module.exports = (file) => require(file);"})
    files = {
        "index.js": f'require("loads")(require.resolve("./plugin"));\nexports.a = {HELLO};',
        "plugin.js": 'require("./below");',
        "below.js": "",
    }
    graph = codebase.graph(files)
    assert graph is not None
    assert graph.roots == ("index.js", "plugin.js")
    assert graph.files["plugin.js"] == ("below.js",)


@pytest.mark.parametrize("major", ["4", "5", "6"])
def test_every_kind_of_each_major_is_followed(tmp_path: Path, major: str) -> None:
    codebase = Codebase(tmp_path)
    codebase.link(functions_sdk.of_major(major))
    kinds = (functions_sdk.MAJORS / "functions/index.js").read_text()
    graph = codebase.graph({"index.js": 'module.exports = require("./kinds");', "kinds.js": kinds})
    assert graph is not None
    assert set(graph.makers.values()) == {("kinds.js",)}
    assert len(graph.makers) == 32


def test_the_example_has_one_to_six_files_for_each_function(tmp_path: Path) -> None:
    codebase = Codebase(tmp_path)
    codebase.link(functions_sdk.of_major("7"))
    functions = EXAMPLE_APP / "functions"
    names = ("index.js", *(f"src/{file.name}" for file in functions.glob("src/*.js")))
    graph = codebase.graph({name: (functions / name).read_text() for name in names})
    assert graph is not None
    assert {len(graph.reach(graph.makers[name])) for name in graph.makers} == {1, 2, 3, 5, 6}
    assert len(mapping(dict(graph.makers)) or {}) == 9
