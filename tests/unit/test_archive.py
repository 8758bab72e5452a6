"""The source archive: deterministic bytes, and no file that must not be deployed."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.archive import Archive, build, packed_files

pytestmark = pytest.mark.unit

# The archive of two known files. Another hash is another archive for every stack.
KNOWN = {"index.js": "exports.a = 1;\n", "src/b.js": "exports.b = 2;\n"}
KNOWN_SHA256 = "867a3476447e4ef02bc2ea0225e2aee9092f69d29004a2d540918befd7535020"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def pack(folder: Path, out: Path, ignore: Sequence[str] = ()) -> Archive:
    archive, problems = build(folder, ignore, "default", "functions", out)
    assert problems == []
    assert archive is not None
    return archive


def names(folder: Path, ignore: Sequence[str] = ()) -> tuple[str, ...]:
    found, problems = packed_files(folder, ignore, "functions")
    assert problems == []
    return found


def test_the_bytes_of_known_content_do_not_change(tmp_path: Path) -> None:
    archive = pack(write(tmp_path / "a", KNOWN), tmp_path / "out")
    assert archive.sha256 == KNOWN_SHA256
    assert archive.sha256 == hashlib.sha256(archive.path.read_bytes()).hexdigest()
    assert archive.object_name == f"functions/default-{KNOWN_SHA256}.zip"
    with zipfile.ZipFile(archive.path) as opened:
        assert {info.filename: opened.read(info).decode() for info in opened.infolist()} == KNOWN
        assert {info.external_attr >> 16 for info in opened.infolist()} == {0o100644}
        assert {info.date_time for info in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_umask_times_and_order_have_no_effect(tmp_path: Path) -> None:
    first = pack(write(tmp_path / "a", KNOWN), tmp_path / "out-a")
    before = os.umask(0o077)
    try:
        other = write(tmp_path / "b", dict(reversed(KNOWN.items())))
        (other / "index.js").chmod(0o755)
        os.utime(other / "src/b.js", (1, 1))
        second = pack(other, tmp_path / "out-b")
    finally:
        os.umask(before)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.object_name == second.object_name


@given(
    st.dictionaries(
        st.text(alphabet="abcé", min_size=1, max_size=3),
        st.text(alphabet="ab", max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_names_are_equal_only_for_equal_content(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, str]
) -> None:
    root = tmp_path_factory.mktemp("archive")
    original = pack(write(root / "a", files), root / "out")
    assert pack(write(root / "b", files), root / "out") == original
    changed = {**files, next(iter(files)): files[next(iter(files))] + "!"}
    assert pack(write(root / "c", changed), root / "out").sha256 != original.sha256


@pytest.mark.parametrize(
    "name",
    [
        "node_modules/x/index.js", "src/node_modules/x.js", ".git/HEAD", ".env", ".env.crm-sandbox",
        "src/.env",
        ".secret.local", ".runtimeconfig.json",
        "firebase-debug.log", "firebase-debug.1.log", "npm-debug.log",
        "README.md", "docs/a.js", "test/a.js", "tests/a.js", "src/__tests__/a.js", "src/a.test.js",
        "src/a.spec.ts", "coverage/a.js", ".eslintrc.js", ".gitignore", ".github/x.yml",
    ],
)  # fmt: skip
def test_a_file_that_is_not_packed_has_no_effect(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, {"index.js": "1"})
    before = pack(folder, tmp_path.parent / f"{tmp_path.name}-out")
    write(folder, {name: "TOKEN=abc"})
    assert names(folder) == ("index.js",)
    assert pack(folder, tmp_path.parent / f"{tmp_path.name}-out") == before


@pytest.mark.parametrize(
    "name",
    ["index.js", "package.json", "package-lock.json", ".npmrc", "lib/index.js", "src/test/fixture.js",
     "templates/mail.html", "environment.js", "src/docs/a.js", "latest.js"],
)  # fmt: skip
def test_a_source_file_is_packed(tmp_path: Path, name: str) -> None:
    assert name in names(write(tmp_path, {"index.js": "1", name: "1"}))


def test_firebase_json_can_exclude_files_and_include_docs_but_no_secrets(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {"index.js": "1", "a.local": "1", "src/deep/a.local": "1", "templates/mail.md": "1", ".env": "S=1"},
    )
    assert names(folder, ["*.local", "!templates/*.md", "!.env"]) == ("index.js", "templates/mail.md")


def test_an_empty_archive_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "1"})
    archive, problems = build(tmp_path, [], "default", "functions", tmp_path / "out")
    assert archive is None
    assert "no file that is deployed" in problems[0].what


def test_a_link_to_a_file_inside_is_packed_as_its_content(tmp_path: Path) -> None:
    folder = write(tmp_path, {"index.js": "1"})
    (folder / "again.js").symlink_to("index.js")
    assert names(folder) == ("again.js", "index.js")


@pytest.mark.parametrize("target", ["../secret.txt", "missing.js", "src"])
def test_a_link_to_nothing_or_outside_is_a_problem(tmp_path: Path, target: str) -> None:
    folder = write(tmp_path / "functions", {"index.js": "1", "src/a.js": "1"})
    (tmp_path / "secret.txt").write_text("s", encoding="utf-8")
    (folder / "link").symlink_to(target)
    _, problems = packed_files(folder, [], "functions")
    assert [problem.key for problem in problems] == ["functions/link"]


def test_linked_dependencies_are_not_followed(tmp_path: Path) -> None:
    folder = write(tmp_path / "functions", {"index.js": "1"})
    (tmp_path / "modules").mkdir()
    (folder / "node_modules").symlink_to(tmp_path / "modules")
    assert names(folder) == ("index.js",)
