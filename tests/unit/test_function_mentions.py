"""Counting the lines of the source that mention a function."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout.function_mentions import count, reads_variable

pytestmark = pytest.mark.unit


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_lines_with_the_whole_name_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "index.ts", "export const ask = onCall(ask2);\nexports.ask = ask;\nexports.task = 1;\n")
    write(tmp_path, "src/deep/b.mjs", "export { ask };\nconst created = 1;\n")
    assert count(["ask", "clients-created", "other"], tmp_path) == {
        "ask": 3,
        "clients-created": 1,
        "other": 0,
    }


@pytest.mark.parametrize("line", ["// exports.ask = 1;", "  /* exports.ask */", " * ask"])
def test_comments_are_not_counted(tmp_path: Path, line: str) -> None:
    write(tmp_path, "index.js", line)
    assert count(["ask"], tmp_path) == {"ask": 0}


@pytest.mark.parametrize(
    "name",
    [
        "lib/index.js",
        "lib/deep/a.js",
        "node_modules/x/a.js",
        ".cache/a.js",
        "src/a.js",
        "src/a.d.ts",
        "a.json",
    ],
)
def test_compiled_output_and_dependencies_are_not_counted(tmp_path: Path, name: str) -> None:
    """`src/a.js` stands next to the TypeScript that it was compiled from."""
    write(tmp_path, "src/a.ts", "")
    write(tmp_path, name, "exports.ask = 1;")
    assert count(["ask"], tmp_path, [tmp_path / "lib"]) == {"ask": 0}


def test_a_folder_or_file_that_cannot_be_read_has_no_mentions(tmp_path: Path) -> None:
    (tmp_path / "link.js").symlink_to("missing.js")
    (tmp_path / "latin.js").write_bytes(b"// caf\xe9\nexports.ask = 1;")
    assert count(["ask"], tmp_path) == {"ask": 1}
    assert count(["ask"], tmp_path / "missing") == {"ask": 0}


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("process.env.API_URL", True),
        ("process.env?.API_URL", True),
        ('process.env["API_URL"]', True),
        ("process.env?.[ 'API_URL' ]", True),
        ("const { PORT, API_URL = '' } = process.env;", True),
        ("const {\n  API_URL,\n} = process.env;", True),
        ("process.env.API_URL_2", False),
        ("process.env.MY_API_URL", False),
        ("// process.env.API_URL", False),
        ("const { API_URL } = settings;", False),
        ("API_URL", False),
    ],
)
def test_a_variable_that_the_code_reads(code: str, reads: bool, tmp_path: Path) -> None:
    write(tmp_path, "other.js", "exports.other = 1;\n")
    write(tmp_path, "index.js", f"{code}\n")
    assert reads_variable("API_URL", tmp_path) is reads


def test_compiled_output_and_dependencies_read_no_variable(tmp_path: Path) -> None:
    write(tmp_path, "node_modules/a/index.js", "process.env.API_URL;\n")
    assert not reads_variable("API_URL", tmp_path)
    write(tmp_path, "lib/index.js", "process.env.API_URL;\n")
    assert reads_variable("API_URL", tmp_path)
    assert not reads_variable("API_URL", tmp_path, [tmp_path / "lib"])
