"""Names, paths and expressions of a codebase that ended in a traceback, or made a preview hang."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from checkout import compiled_output, dependencies
from checkout.firebase_json import CodebaseSource
from checkout.params import ExpressionError, Params, Sources, resolve
from tests.time_limit import cpu_limit

pytestmark = pytest.mark.unit

LONG = "n" * 300


def source_of(folder: Path) -> CodebaseSource:
    return CodebaseSource(
        name="default", folder=folder, relative="functions", runtime=None, ignore=(), predeploy=(),
        postdeploy=(), config_dir=folder, config_relative="functions", prefix="", service_account=None,
    )  # fmt: skip


def write(folder: Path, name: str, content: object) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("name", [LONG, "a/" * 3000, "loop"], ids=("name", "path", "link"))
@pytest.mark.parametrize(
    ("build", "options"),
    [("tsc", {"outDir": "NAME"}), ("tsc", {"outDir": "lib", "rootDir": "NAME"}), ("tsc -p NAME", {}),
     ("tsc -b NAME", {}), ("tsc --outDir NAME", {}), ("tsc", {"tsBuildInfoFile": "NAME", "outDir": "lib"})],
)  # fmt: skip
def test_a_path_that_cannot_exist_is_one_that_does_not(
    tmp_path: Path, build: str, options: dict[str, str], name: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    write(tmp_path, "src/index.ts", "")
    build = build.replace("NAME", name)
    write(tmp_path, "package.json", {"main": f"{name}/index.js", "scripts": {"build": build}})
    options = {key: value.replace("NAME", name) for key, value in options.items()}
    write(tmp_path, "tsconfig.json", {"compilerOptions": options, "references": [{"path": name}]})
    problems, warnings = compiled_output.validate(source_of(tmp_path))
    assert problems or warnings or build.startswith(("tsc -b", "tsc -p"))
    compiled_output.output_folders(source_of(tmp_path))


def test_a_dependency_with_a_long_name_is_not_installed(tmp_path: Path) -> None:
    write(tmp_path, "package.json", {"dependencies": {LONG: "1", "firebase-functions": "1"}})
    (problem,) = dependencies.validate(["x"], (), source_of(tmp_path))
    assert "the functions load x" in problem.what


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("true ? " * 5_000 + "1", "has more than 100 of ?"),
        ("true ? 1 : " * 5_000 + "1", "has more than 100 of ?"),
        ("[" * 100_000 + "]", "which is not a value"),
    ],
)
def test_a_nested_expression_is_a_problem(expression: str, what: str) -> None:
    with pytest.raises(ExpressionError, match=r"is not a value|has more") as error:
        Params().resolve(f"{{{{ {expression} }}}}")
    assert what in str(error.value)
    assert len(str(error.value)) < 600
    declared = [{"name": "A", "type": "string", "default": f"{{{{ {expression} }}}}"}]
    _, (problem,) = resolve(declared, Sources(), "functions")
    assert problem.what.startswith("the default of the param A: ")


@pytest.mark.parametrize("text", ["{{ " * 300_000, "{{ params." * 100_000, "{{" * 500_000 + " }}"])
def test_an_expression_without_an_end_takes_no_time(text: str) -> None:
    with cpu_limit(2), suppress(ExpressionError):
        assert Params().resolve(text) == text
