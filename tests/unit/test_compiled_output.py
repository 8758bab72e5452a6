"""Whether compiled output is missing or out of date, with files as the TypeScript compiler writes them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checkout import tsconfig
from checkout.compiled_output import output_folders, validate
from checkout.firebase_json import CodebaseSource
from settings.problems import Problem

pytestmark = pytest.mark.unit

HOUR = 3600.0
NOW = 1_700_000_000.0


class Code:
    """A compiled codebase: `write` gives every file the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = CodebaseSource(
            name="default",
            folder=folder,
            relative="functions",
            runtime=None,
            ignore=(),
            predeploy=(),
            postdeploy=(),
            config_dir=folder,
            config_relative="functions",
            prefix="",
            service_account=None,
        )
        self.package({"build": "tsc"}, main="lib/index.js")
        self.config(rootDir="src", outDir="lib")
        for name in ("src/index.ts", "src/deep/wa.ts", "lib/index.js", "lib/deep/wa.js"):
            self.write(name)

    def write(self, name: str, text: str = "", time: float = NOW) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (time, time))
        return path

    def package(self, scripts: Mapping[str, str], main: str = "lib/index.js") -> None:
        self.write("package.json", json.dumps({"main": main, "scripts": scripts}))

    def config(self, include: tuple[str, ...] = ("src",), **options: object) -> None:
        self.write("tsconfig.json", json.dumps({"compilerOptions": options, "include": include}))

    def problem(self) -> Problem:
        (problem,), warnings = validate(self.source)
        assert warnings == []
        return problem

    def warning(self) -> str:
        problems, (warning,) = validate(self.source)
        assert problems == []
        return warning

    def is_good(self) -> bool:
        return validate(self.source) == ([], [])


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Code:
    monkeypatch.delenv("CI", raising=False)
    return Code(tmp_path / "functions")


def test_output_of_the_same_time_is_good(code: Code) -> None:
    """As after a clone or from an archive."""
    assert code.is_good()
    code.write("src/index.ts", time=NOW + 2)
    assert code.is_good()


def test_a_missing_file_is_a_problem_with_the_command(code: Code) -> None:
    (code.folder / "lib/deep/wa.js").unlink()
    assert code.problem().what == "src/deep/wa.ts (lib/deep/wa.js does not exist) is not compiled."
    assert code.problem().fix == f"cd {code.folder} && npm run build"


def test_only_the_first_missing_files_are_named(code: Code) -> None:
    for number in range(5):
        code.write(f"src/{number}.ts")
    assert code.problem().what.startswith("src/0.ts (lib/0.js does not exist), src/1.ts")
    assert code.problem().what.endswith(" and 2 more are not compiled.")


@pytest.mark.parametrize(
    "name", ["src/a.test.ts", "src/__tests__/a.ts", "src/z.d.ts", "other/a.ts", "src/.cache/a.ts"]
)
def test_a_source_that_is_not_needed_may_be_missing(code: Code, name: str) -> None:
    code.write(name, time=NOW + HOUR)
    assert code.is_good()


def test_output_that_is_not_deployed_may_be_missing(code: Code) -> None:
    code.write("src/tools/seed.ts")
    assert "src/tools/seed.ts" in code.problem().what
    code.source = replace(code.source, ignore=("node_modules", "tools"))
    assert code.is_good()


@pytest.mark.parametrize(
    ("scripts", "predeploy"),
    [
        ({"build": "npm run clean && npm run compile", "clean": "rm -rf lib", "compile": "tsc -p ."}, ()),
        ({"build": "node_modules/.bin/tsc --project tsconfig.json"}, ()),
        ({"compile": "tsc", "lint": "eslint ."}, ('npm --prefix "$RESOURCE_DIR" run compile',)),
        ({"compile": "tsc"}, ()),
        ({}, ("npx tsc -p functions",)),
        ({}, ()),
    ],
)
def test_the_compiler_is_found(code: Code, scripts: dict[str, str], predeploy: tuple[str, ...]) -> None:
    code.package(scripts)
    code.source = replace(code.source, predeploy=predeploy)
    (code.folder / "lib/deep/wa.js").unlink()
    assert "src/deep/wa.ts" in code.problem().what


@pytest.mark.parametrize(
    "build",
    ["esbuild src/index.ts --outdir=lib", "tsc --noEmit && tsup", "vue-tsc && rollup -c", "./build.sh"],
)
def test_a_bundler_writes_other_files(code: Code, build: str) -> None:
    code.package({"build": build, "typecheck": "tsc"})
    (code.folder / "lib/deep/wa.js").unlink()
    assert code.is_good()
    code.write("src/deep/wa.ts", time=NOW + HOUR)
    assert code.warning().startswith("src/deep/wa.ts is newer than the compiled output (lib/index.js).")


@pytest.mark.parametrize(
    "options", [{"noEmit": True}, {"emitDeclarationOnly": True}, {"outFile": "lib/all.js"}]
)
def test_a_configuration_that_writes_no_file_for_each_source(code: Code, options: dict[str, Any]) -> None:
    code.config(rootDir="src", outDir="lib", **options)
    (code.folder / "lib/deep/wa.js").unlink()
    assert code.is_good()


def test_code_without_a_compiler_is_not_validated(code: Code) -> None:
    code.package({"test": "node --test"}, main="index.js")
    code.config(include=("types.ts",), checkJs=True, noEmit=True)
    code.write("types.ts", time=NOW + HOUR)
    code.write("index.js")
    assert code.is_good()
    (code.folder / "tsconfig.json").unlink()
    assert code.is_good()
    assert output_folders(code.source) == ()


def test_code_that_node_reads_as_it_is_is_not_validated(code: Code) -> None:
    code.package({"build": "tsc"}, main="src/index.ts")
    (code.folder / "lib/deep/wa.js").unlink()
    assert code.is_good()


def test_older_output_is_a_problem(code: Code) -> None:
    code.write("src/deep/wa.ts", time=NOW + 10)
    what = "src/deep/wa.ts is newer than the compiled output (lib/index.js)."
    assert code.problem().what == what
    assert code.problem().fix == f"cd {code.folder} && npm run build"


def test_one_new_output_is_a_build(code: Code) -> None:
    """The compiler may leave files that it need not change."""
    code.write("src/deep/wa.ts", time=NOW + HOUR)
    code.write("lib/index.js", time=NOW + HOUR)
    assert code.is_good()


def test_older_output_is_a_warning_in_ci(code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    code.write("src/deep/wa.ts", time=NOW + HOUR)
    assert code.warning().endswith(f"fix: cd {code.folder} && npm run build")


def test_older_output_that_git_tracks_is_a_warning(code: Code) -> None:
    """A clone gives files the time at which it wrote them."""
    code.write("src/deep/wa.ts", time=NOW + HOUR)
    for command in (["init", "-q"], ["add", "lib"]):
        subprocess.run(["git", *command], cwd=code.folder, check=True)
    assert "src/deep/wa.ts is newer" in code.warning()


@pytest.mark.parametrize("program", [True, False])
def test_the_compiler_knows_the_content(code: Code, program: bool) -> None:
    """TypeScript 4 and 5 write it in other places. An incremental build leaves old files in place."""
    names = ("src/index.ts", "src/deep/wa.ts")
    code.config(rootDir="src", outDir="lib", incremental=True)
    digests = [hashlib.sha256((code.folder / name).read_bytes()).hexdigest() for name in names]
    content = {
        "fileNames": ["../x/lib.d.ts", *(f"./{name}" for name in names)],
        "fileInfos": ["0" * 64, digests[0], {"version": digests[1], "impliedFormat": 1}],
    }
    code.write("tsconfig.tsbuildinfo", json.dumps({"program": content} if program else content))
    code.write("src/deep/wa.ts", time=NOW + HOUR)
    assert code.is_good()
    code.write("src/deep/wa.ts", "export const changed = 1;", time=NOW - HOUR)
    assert code.problem().what == "src/deep/wa.ts has changed since it was compiled."


@pytest.mark.parametrize(
    "content",
    ["{", json.dumps({"fileNames": ["./src/index.ts"], "fileInfos": ["0" * 32]}),
     json.dumps({"fileNames": [], "fileInfos": [], "affectedFilesPendingEmit": [1]})],
)  # fmt: skip
def test_a_build_record_that_cannot_be_compared_is_a_warning(code: Code, content: str) -> None:
    """TypeScript 7 uses a hash that Python does not have."""
    code.write("lib/tsconfig.tsbuildinfo", content)
    code.write("src/deep/wa.ts", time=NOW + HOUR)
    assert "src/deep/wa.ts is newer" in code.warning()


def test_comments_trailing_commas_and_extends_are_read(code: Code) -> None:
    base = (
        '\ufeff{ "compilerOptions": { /* a */ "rootDir": "./src", "noEmit": true, }, "include": ["nothing"] }'
    )
    code.write("node_modules/@tsconfig/node22/tsconfig.json", '{"compilerOptions": {"outDir": "wrong"}}')
    code.write("base/common.json", base.replace("./src", "../src"))
    code.write(
        "tsconfig.json",
        '{ // "x",\n "extends": ["@tsconfig/node22/tsconfig.json", "./base/common"],\n'
        '"compilerOptions": {"outDir": "${configDir}/lib", "noEmit": false,}, "include": ["src/**/*",], }',
    )
    found = tsconfig.load(code.folder / "tsconfig.json")
    assert found is not None
    assert (found.out_dir, found.emits) == (code.folder / "lib", True)
    assert [path.name for path in found.sources()] == ["index.ts", "wa.ts"]
    assert code.is_good()


@pytest.mark.parametrize(
    ("extends", "why", "fix"),
    [
        ("@x/base/tsconfig.json", "does not exist", "cd {} && npm install"),
        ("../base.json", "does not exist", 'Correct "extends" in tsconfig.json.'),
        ("./broken.json", "is not valid JSON", 'Correct "extends" in tsconfig.json.'),
        ("./tsconfig.json", "extends this file", 'Correct "extends" in tsconfig.json.'),
    ],
)
def test_a_configuration_without_the_one_it_extends_is_validated(
    code: Code, extends: str, why: str, fix: str
) -> None:
    """The compiler reports the error and uses the other options."""
    code.write("broken.json", "{")
    options = {"rootDir": "src", "outDir": "lib"}
    code.write(
        "tsconfig.json", json.dumps({"extends": extends, "compilerOptions": options, "include": ["src"]})
    )
    what = f'"extends" of tsconfig.json: {extends} {why}. The compiled output is validated without it.'
    assert code.warning() == f"{what}\n    fix: {fix.format(code.folder)}"
    (code.folder / "lib/deep/wa.js").unlink()
    (problem,), _ = validate(code.source)
    assert problem.what == "src/deep/wa.ts (lib/deep/wa.js does not exist) is not compiled."


def test_without_the_output_folder_only_the_entry_file_is_looked_at(code: Code) -> None:
    """The file that cannot be read may name the folder."""
    code.write("tsconfig.json", '{"extends": "../base.json", "include": ["src"]}')
    assert '"extends" of tsconfig.json' in code.warning()
    code.write("src/index.ts", time=NOW + HOUR)
    problems, (older, unread) = validate(code.source)
    assert problems == []
    assert older.startswith("src/index.ts is newer than the compiled output (lib/index.js).")
    assert "../base.json does not exist" in unread


def test_a_configuration_that_is_not_valid_json_is_a_warning(code: Code) -> None:
    code.write("tsconfig.json", "{")
    assert code.warning() == (
        "tsconfig.json is not valid JSON: the compiled output is not validated.\n"
        "    fix: Correct tsconfig.json."
    )


PROJECT = {"compilerOptions": {"composite": True, "rootDir": ".", "outDir": "../lib"}}


@pytest.mark.parametrize(
    ("build", "root", "project"),
    [
        ("tsc -b", {"files": [], "references": [{"path": "./src"}]}, "src/tsconfig.json"),
        ("tsc --build --verbose", {"references": [{"path": "src/tsconfig.json"}]}, "src/tsconfig.json"),
        ("tsc -b src", {"files": []}, "src/tsconfig.json"),
        ("tsc --build 'src/tsconfig.build.json'", None, "src/tsconfig.build.json"),
        ("tsc", {"files": [], "references": [{"path": "./src"}]}, "src/tsconfig.json"),
        ("tsc -p src", {"files": []}, "src/tsconfig.json"),
    ],
)
def test_projects_and_references_are_validated(
    code: Code, build: str, root: dict[str, object] | None, project: str
) -> None:
    code.package({"build": build})
    (code.folder / "tsconfig.json").unlink()
    if root is not None:
        code.write("tsconfig.json", json.dumps(root))
    code.write(project, json.dumps(PROJECT))
    assert code.is_good()
    assert code.folder / "lib" in output_folders(code.source)
    code.write("src/deep/wa.ts", time=NOW + HOUR)
    assert code.problem().what.startswith("src/deep/wa.ts is newer")
    (code.folder / "lib/deep/wa.js").unlink()
    assert code.problem().what == "src/deep/wa.ts (lib/deep/wa.js does not exist) is not compiled."


def test_each_project_has_its_own_output(code: Code) -> None:
    code.package({"build": "tsc -b"})
    code.config(rootDir="src", outDir="lib")
    config = json.loads((code.folder / "tsconfig.json").read_text())
    config["references"] = [{"path": "./shared"}, {"path": "../outside"}, {"path": "./nowhere"}]
    code.write("tsconfig.json", json.dumps(config))
    shared = {"references": [{"path": ".."}], "compilerOptions": {"rootDir": "src", "outDir": "dist"}}
    code.write("shared/tsconfig.json", json.dumps(shared))
    code.write("shared/src/greet.ts")
    code.write("../outside/tsconfig.json", json.dumps({"compilerOptions": {"outDir": "dist"}}))
    code.write("../outside/a.ts")
    (problem,), (warning,) = validate(code.source)
    assert problem.what == "shared/src/greet.ts (shared/dist/greet.js does not exist) is not compiled."
    assert warning.startswith('"references" of tsconfig.json: nowhere does not exist.')
    assert code.folder / "shared/dist" in output_folders(code.source)


def test_a_reference_that_tsc_does_not_build_may_be_unbuilt(code: Code) -> None:
    code.write("tools/tsconfig.json", json.dumps({"compilerOptions": {"outDir": "dist"}}))
    code.write("tools/seed.ts")
    config = json.loads((code.folder / "tsconfig.json").read_text())
    code.write("tsconfig.json", json.dumps({**config, "references": [{"path": "./tools"}]}))
    assert code.is_good()
    code.package({"build": "tsc -b"})
    assert "tools/seed.ts" in code.problem().what


# What tsc 5.9 and 7.0 write for `config`; both were run.
FILES = (
    "src/index.ts", "src/deep/b.mts", "src/c.cts", "src/d.tsx", "src/z.d.ts", "src/__tests__/t.ts",
    "src/x.test.ts", "test/t.ts", "tools/gen.ts", "root.ts", "src/.hidden/h.ts", "src/plain.js",
)  # fmt: skip
WRITTEN: tuple[tuple[dict[str, object], set[str]], ...] = (
    (
        {"compilerOptions": {"outDir": "lib", "rootDir": "src"}, "include": ["src"]},
        {"lib/index.js", "lib/deep/b.mjs", "lib/c.cjs", "lib/d.js", "lib/__tests__/t.js", "lib/x.test.js"},
    ),
    (
        {"compilerOptions": {"outDir": "lib"}, "exclude": ["test", "src/deep", "tools/", "**/*.test.ts"]},
        {"lib/src/index.js", "lib/src/c.cjs", "lib/src/d.js", "lib/src/__tests__/t.js", "lib/root.js"},
    ),
    ({"compilerOptions": {"outDir": "lib", "rootDir": "src"}, "files": ["src/index.ts"]}, {"lib/index.js"}),
    ({"compilerOptions": {}, "include": ["src/d*", "too?s/**/*"]}, {"src/d.js", "tools/gen.js"}),
    (
        {"compilerOptions": {"outDir": "lib", "rootDir": "src", "allowJs": True}, "include": ["src/p*"]},
        {"lib/plain.js"},
    ),
    (
        {"compilerOptions": {"outDir": "lib", "rootDir": "src", "jsx": "preserve"}, "include": ["src/d.tsx"]},
        {"lib/d.jsx"},
    ),
)


@pytest.mark.parametrize(("config", "written"), WRITTEN)
def test_the_outputs_are_those_of_the_compiler(
    tmp_path: Path, config: dict[str, object], written: set[str]
) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("export {};")
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    found = tsconfig.load(tmp_path / "tsconfig.json")
    assert found is not None
    sources = found.sources()
    outputs = {found.outputs_of(source, sources)[0].relative_to(tmp_path).as_posix() for source in sources}
    assert outputs == written


def test_without_a_root_folder_the_output_may_be_in_two_places(code: Code) -> None:
    """TypeScript 5 begins at the common folder of the sources, 7 at the folder of the configuration."""
    code.config(outDir="lib")
    assert code.is_good()
    for name in ("index", "deep/wa"):
        (code.folder / f"lib/{name}.js").unlink()
        code.write(f"lib/src/{name}.js")
    assert code.is_good()
    (code.folder / "lib/src/index.js").unlink()
    assert "src/index.ts (lib/index.js does not exist)" in code.problem().what


def test_output_folders_are_known(code: Code) -> None:
    assert output_folders(code.source) == (code.folder / "lib", code.folder / "lib")
