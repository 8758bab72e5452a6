"""A job with credentials uses what another job found: it runs no code and takes no file out of place."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkout import app, discovered, discovery, load, node_process
from checkout.app import App
from ops import discover, stack_file
from ops.stack import StackError
from settings.problems import Problem
from tests import bad_settings, functions_sdk

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


class Production:
    """A project folder with a stack's file, and an app in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = bad_settings.copy_app(folder / "app", functions_sdk.installed())
        self.out = folder / "discovered"
        self.write(lambda _: None)

    def write(self, change: Callable[[dict[str, Any]], None]) -> str:
        """The stack's file, with a change of its document."""
        document = yaml.safe_load((ROOT / "Pulumi.sandbox.yaml").read_text())
        document["config"]["whatsapp-crm:appDir"] = str(self.app)
        change(document)
        text = yaml.safe_dump(document)
        (self.folder / "Pulumi.sandbox.yaml").write_text(text)
        return text

    def discover(self) -> str:
        output = io.StringIO()
        discover.discover("sandbox", self.out, output, self.folder)
        return output.getvalue()

    def unpack(self) -> str:
        output = io.StringIO()
        discover.unpack("sandbox", self.out, output, self.folder)
        return output.getvalue()

    def load(self, results: Path | None = None) -> tuple[App | None, list[Problem]]:
        settings, problems = stack_file.load("sandbox", self.folder)
        assert settings is not None, problems
        return app.load(settings, self.folder / "cache", self.out if results is None else results)


@pytest.fixture
def production(tmp_path: Path) -> Production:
    return Production(tmp_path)


@pytest.fixture
def runs_nothing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes each start of a process an error."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a process was started")

    def arm() -> None:
        monkeypatch.setattr(node_process, "run", refuse)
        monkeypatch.setattr(subprocess, "Popen", refuse)
        monkeypatch.setattr(os, "posix_spawn", refuse)

    return arm


def test_the_results_replace_the_run(production: Production, runs_nothing: Callable[[], None]) -> None:
    assert "functions: archive " in production.discover()
    (production.app / "functions/node_modules").unlink()  # as in a job that installs nothing
    runs_nothing()
    loaded, problems = production.load()
    assert problems == []
    assert loaded is not None
    (codebase,) = loaded.codebases
    assert len(codebase.endpoints) > 3


def test_no_secret_is_in_the_results(production: Production) -> None:
    production.discover()
    text = (production.out / discovered.FILE).read_text()
    assert stack_file.PLACEHOLDER not in text
    assert "secure" not in text


def test_another_archive_is_refused(production: Production, runs_nothing: Callable[[], None]) -> None:
    production.discover()
    index = production.app / "functions/index.js"
    packed = index.read_text()
    index.write_text(packed + "\n// changed\n")
    runs_nothing()
    loaded, (problem,) = production.load()
    assert loaded is None
    assert problem.key == "CRM_DISCOVERED"
    assert "are not those that were loaded" in problem.what
    assert f"python -m ops unpack {production.out}" in problem.fix
    assert "python -m ops discover" in problem.fix
    with pytest.raises(StackError, match=r"for functions/index\.js"):
        production.unpack()
    index.write_text(packed)
    production.unpack()
    assert production.load()[1] == []


def test_results_of_another_codebase_or_project_are_refused(production: Production) -> None:
    production.discover()
    file = production.out / discovered.FILE
    document = json.loads(file.read_text())
    (entry,) = document["results"].values()
    for name, value, message in (
        ("project", "other", "is the result for the project other, not for crm-sandbox"),
        ("codebase", "other", "has no result for the functions in functions (codebase default)"),
    ):
        kept = entry[name]
        entry[name] = value
        file.write_text(json.dumps(document))
        _, problems = production.load()
        assert message in problems[0].what
        entry[name] = kept


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        '{"format": "0", "results": {}}',
        '{"format": "1", "results": {"x": {}}}',
        "[" * 100_000,
    ],
)
def test_missing_or_damaged_results_are_a_problem(production: Production, text: str | None) -> None:
    production.out.mkdir()
    if text is not None:
        (production.out / discovered.FILE).write_text(text)
    loaded, (problem,) = production.load()
    assert loaded is None
    assert problem.key == "CRM_DISCOVERED"
    assert f"python -m ops discover --stack <stack> --out {production.out}" in problem.fix


def test_the_variable_selects_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def load_app(*_: object, **options: object) -> tuple[None, list[Problem]]:
        seen.append(options.get("results"))
        return None, [Problem(key="x", what="x", fix="x")]

    monkeypatch.setattr(load, "load_app", load_app)
    monkeypatch.setattr(load, "load_settings", lambda *_: (object(), []))
    monkeypatch.setattr(load.pulumi, "Config", lambda: None)
    monkeypatch.setattr(load.pulumi, "get_stack", lambda: "prod")
    for value in ("", "found"):
        monkeypatch.setenv("CRM_DISCOVERED", value)
        with pytest.raises(load.pulumi.RunError):
            load.load()
    assert seen == [None, Path("found")]


def test_discover_needs_no_token_and_no_pulumi(tmp_path: Path) -> None:
    """The command, in an environment with a PATH for Node and nothing else."""
    folder = Path(shutil.which("node") or pytest.fail("Node is not installed")).parent
    done = subprocess.run(
        [sys.executable, "-m", "ops", "discover", "--stack", "a/sandbox", "--out", str(tmp_path / "out")],
        cwd=ROOT, env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results, problems = discovered.load(tmp_path / "out", "out")
    assert results is not None, problems
    (result,) = results.results
    assert sha256((tmp_path / "out" / result.archive).read_bytes()).hexdigest() == result.sha256


def test_problems_of_the_app_end_the_command(production: Production) -> None:
    (production.app / "functions/index.js").write_text("throw new Error('no');")
    with pytest.raises(StackError, match=r"do not load: error at functions/index\.js:1: no"):
        production.discover()
    assert not production.out.exists()


# --- unpack


def replace_archive(production: Production, entries: Mapping[str, tuple[bytes, int]]) -> None:
    """Results of a hostile machine: an archive with these entries, under its own digest."""
    production.discover()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, (content, mode) in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    file = production.out / discovered.FILE
    document = json.loads(file.read_text())
    (entry,) = document["results"].values()
    digest = sha256(buffer.getvalue()).hexdigest()
    file.write_text(json.dumps({**document, "results": {digest: entry}}))
    (production.out / f"{digest}.zip").write_bytes(buffer.getvalue())


@pytest.mark.parametrize(
    "name",
    ["../../taken", "/tmp/taken", "a/../../../taken", "linked/taken", "folder/", "a/" * 3_000 + "x"],
)
def test_no_file_is_written_outside_of_the_codebase(production: Production, name: str) -> None:
    elsewhere = production.folder / "elsewhere"
    elsewhere.mkdir()
    replace_archive(production, {name: (b"x", 0o644)})
    (production.app / "functions/linked").symlink_to(elsewhere)
    with pytest.raises(StackError, match="would be written elsewhere"):
        production.unpack()
    assert list(elsewhere.iterdir()) == []
    assert not (production.folder / "taken").exists()


def test_a_link_in_the_archive_becomes_a_file(production: Production) -> None:
    replace_archive(production, {"lib/data.json": (b"/proc/self/environ", stat.S_IFLNK | 0o777)})
    production.unpack()
    written = production.app / "functions/lib/data.json"
    assert not written.is_symlink()
    assert written.read_bytes() == b"/proc/self/environ"


@pytest.mark.parametrize("content", ["before", None])
def test_a_file_never_follows_or_replaces_a_link_of_the_checkout(
    production: Production, content: str | None
) -> None:
    target = production.folder / "target"
    if content is not None:
        target.write_text(content)
    replace_archive(production, {"index.js": (b"new", 0o644)})
    index = production.app / "functions/index.js"
    index.unlink()
    index.symlink_to(target)
    with pytest.raises(StackError, match=r"for functions/index\.js"):
        production.unpack()
    assert index.is_symlink()
    assert (target.read_text() if target.exists() else None) == content


def test_no_reviewed_file_is_replaced_and_none_is_added_before_all_are_checked(
    production: Production,
) -> None:
    rules = production.app / "functions/firestore.rules"
    rules.write_text("reviewed")
    entries = {"a.js": b"x", "firestore.rules": b"open", "package.json": b"{}"}
    replace_archive(production, {name: (content, 0o755) for name, content in entries.items()})
    package = (production.app / "functions/package.json").read_text()
    with pytest.raises(
        StackError, match=r"for functions/firestore\.rules, functions/package\.json\. "
    ) as caught:
        production.unpack()
    for fix in ("git rm -r --cached", ".gitignore", "commit the new build", "python -m ops discover"):
        assert fix in str(caught.value)
    assert rules.read_text() == "reviewed"
    assert (production.app / "functions/package.json").read_text() == package
    assert not (production.app / "functions/a.js").exists()


def move_functions_to_the_root(production: Production) -> tuple[Path, dict[str, object]]:
    """`source: "."`; returns firebase.json and its content."""
    for path in (production.app / "functions").iterdir():
        path.rename(production.app / path.name)
    (production.app / "functions").rmdir()
    file = production.app / "firebase.json"
    document = json.loads(file.read_text())
    document["functions"] = {"source": ".", "ignore": ["node_modules"]}
    file.write_text(json.dumps(document))
    return file, document


@pytest.mark.parametrize("built", ["lib/index.js", "lib/firebase.json", "x/.firebaserc", "x/railway.toml/y"])
def test_an_app_that_is_its_own_functions_folder_is_unpacked(production: Production, built: str) -> None:
    """Its archive has firebase.json, .firebaserc and railway.json of the checkout, as the CLI packs them."""
    move_functions_to_the_root(production)
    (production.app / ".firebaserc").write_text('{"projects": {"prod": "crm-sandbox"}}')
    (production.app / "railway.json").write_text("{}")
    path = production.app / built
    path.parent.mkdir(parents=True)
    path.write_text("built")
    production.discover()
    (archive,) = production.out.glob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        assert {"firebase.json", ".firebaserc", "railway.json", built} <= {*packed.namelist()}
    shutil.rmtree(production.app / built.partition("/")[0])
    production.unpack()
    assert path.read_text() == "built"
    assert production.load()[1] == []


def test_with_the_app_as_the_source_its_configuration_is_not_replaced(production: Production) -> None:
    """`source: "."` puts firebase.json and the rules into the codebase's folder."""
    file, document = move_functions_to_the_root(production)
    rules = production.app / "firestore.rules"
    before = rules.read_text()
    for name, message in (
        ("firestore.rules", "has other content than the checkout for ./firestore.rules"),
        ("firebase.json", "has other content than the checkout for ./firebase.json"),
        (".firebaserc", "This program reads its settings from it\n  fix: commit the file"),
        ("railway.toml", "This program reads its settings from it\n  fix: commit the file"),
        ("Backend/railway.json", "This program reads its settings from it\n  fix: commit the file"),
    ):
        replace_archive(production, {name: (b"open", 0o644)})
        with pytest.raises(StackError, match=message):
            production.unpack()
    assert rules.read_text() == before
    assert json.loads(file.read_text()) == document
    assert not (production.app / "railway.toml").exists()


def test_the_folder_of_the_program_is_no_codebase(production: Production) -> None:
    inner = production.app / "functions/program"
    inner.mkdir()
    shutil.copy(production.folder / "Pulumi.sandbox.yaml", inner)
    production.discover()
    with pytest.raises(StackError, match="contains this program"):
        discover.unpack("sandbox", production.out, io.StringIO(), inner)


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".env.crm-sandbox", "lib/.env", "service-account.json", ".ssh/id_rsa",
        ".git/hooks/pre-commit", ".GIT/config",
    ],
)  # fmt: skip
def test_what_no_archive_packs_is_not_unpacked(production: Production, name: str) -> None:
    replace_archive(production, {name: (b"A=1", 0o644)})
    with pytest.raises(StackError, match=r"which no archive may contain.*\n  fix: delete this archive"):
        production.unpack()
    assert not (production.app / "functions" / name).exists()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a.js": b"x", "b/c.js": b"y"}, r"for functions/b/c\.js"),
        ({"a.js": b"x", "new": b"y", "new/c.js": b"z"}, "and a file that would be its folder"),
        ({"a.js": b"x", "d/" + "n" * 300: b"y"}, "File name too long"),
    ],
)
def test_no_file_is_added_if_one_cannot_be(
    production: Production, entries: dict[str, bytes], message: str
) -> None:
    replace_archive(production, {name: (content, 0o644) for name, content in entries.items()})
    (production.app / "functions/b").write_text("a file")
    with pytest.raises(StackError, match=message):
        production.unpack()
    assert not (production.app / "functions/a.js").exists()


@pytest.mark.parametrize("links", [{"shared": "shared_src"}, {"shared": "lib"}, {"main.js": "lib/built.js"}])
def test_links_to_what_the_codebase_contains_are_unpacked(
    production: Production, links: dict[str, str]
) -> None:
    """The archive has the content under both names."""
    functions = production.app / "functions"
    for folder in ("shared_src", "lib"):
        (functions / folder).mkdir()
        (functions / folder / "built.js").write_text(f"// {folder}")
    for name, target in links.items():
        (functions / name).symlink_to(target)
    production.discover()
    shutil.rmtree(functions / "lib")
    production.unpack()
    assert (functions / "lib/built.js").read_text() == "// lib"
    assert all((functions / name).is_symlink() for name in links)
    assert production.load()[1] == []


@pytest.mark.parametrize("name", ["link/hooks/x", "link/config"])
def test_a_link_to_a_folder_that_is_never_packed_is_not_followed(production: Production, name: str) -> None:
    (production.app / "functions/.git").mkdir()
    replace_archive(production, {name: (b"x", 0o644)})
    (production.app / "functions/link").symlink_to(".git")
    with pytest.raises(StackError, match="which no archive may contain"):
        production.unpack()
    assert list((production.app / "functions/.git").iterdir()) == []


def test_a_file_through_a_link_has_the_content_of_the_checkout(production: Production) -> None:
    shared = production.app / "functions/shared_src/a.js"
    shared.parent.mkdir()
    shared.write_text("reviewed")
    (production.app / "functions/shared").symlink_to("shared_src")
    replace_archive(production, {"shared/a.js": (b"other", 0o644)})
    with pytest.raises(StackError, match=r"for functions/shared/a\.js"):
        production.unpack()
    replace_archive(production, {"shared/b.js": (b"1", 0o644), "shared_src/b.js": (b"2", 0o644)})
    with pytest.raises(StackError, match=r"for functions/shared_src/b\.js"):
        production.unpack()
    assert shared.read_text() == "reviewed"


@pytest.mark.parametrize("committed", [False, True])
def test_built_output_is_added_or_is_the_committed_one(production: Production, *, committed: bool) -> None:
    built = production.app / "functions/lib/built.js"
    built.parent.mkdir()
    built.write_text("module.exports = {};\n")
    production.discover()
    if not committed:
        shutil.rmtree(built.parent)
    modules = production.app / "functions/node_modules"
    assert modules.is_symlink()
    production.unpack()
    production.unpack()  # an identical file stays
    assert built.read_text() == "module.exports = {};\n"
    assert modules.is_symlink()
    assert production.load()[1] == []


def stored(name: str = "a.js", **fields: int) -> bytes:
    """A zip with one entry, and with other numbers in its headers."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x" * 100)
    data = bytearray(buffer.getvalue())
    central = data.index(b"PK\x01\x02")
    for field, value in fields.items():
        local, at = {"flags": (6, 8), "method": (8, 10)}[field]
        for place in (local, central + at):
            data[place : place + 2] = value.to_bytes(2, "little")
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        stored(flags=1), stored(method=99), stored(method=8), stored(method=12), stored(method=14),
        stored()[:60], stored() + stored()[-22:-2], b"", b"PK\x05\x06" + b"\xff" * 18,
        stored("\u00fc").replace("\u00fc".encode(), b"\xff\xfe"), stored("x" * 300),
    ],
    ids=["encrypted", "unknown", "deflate", "bzip2", "lzma", "cut", "two", "empty", "end", "name", "long"],
)  # fmt: skip
def test_a_damaged_or_odd_archive_is_an_error_with_a_fix(production: Production, data: bytes) -> None:
    production.discover()
    file = production.out / discovered.FILE
    document = json.loads(file.read_text())
    (entry,) = document["results"].values()
    digest = sha256(data).hexdigest()
    file.write_text(json.dumps({**document, "results": {digest: entry}}))
    (production.out / f"{digest}.zip").write_bytes(data)
    with pytest.raises(StackError, match="fix: "):
        production.unpack()


@pytest.mark.parametrize("name", ["../\x1b[2J\n::error::x", "../\u2028::stop-commands::x"])
def test_a_name_in_an_error_stays_on_one_line(production: Production, name: str) -> None:
    replace_archive(production, {name: (b"x", 0o644)})
    with pytest.raises(StackError, match="would be written elsewhere") as caught:
        production.unpack()
    # What is wrong, the fix, and its command.
    assert len(str(caught.value).splitlines()) == 3


def test_an_archive_that_is_not_the_one_of_its_result_is_refused(production: Production) -> None:
    production.discover()
    (archive,) = production.out.glob("*.zip")
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(StackError, match="has not the SHA-256"):
        production.unpack()
    archive.unlink()
    with pytest.raises(StackError, match="cannot be read"):
        production.unpack()


def test_executable_files_keep_their_mode(production: Production) -> None:
    script = production.app / "functions/run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    production.discover()
    script.unlink()
    production.unpack()
    assert script.stat().st_mode & stat.S_IXUSR
    assert production.load()[1] == []


def test_results_are_read_as_they_are_written() -> None:
    full = discovery.Discovered(
        manifest={"endpoints": {}}, undefined_exports=("a",), overwritten_exports=("b",), loaded=("c",),
        packages=("d",), stdout=("e",), stderr=("f",), not_isolated="denied",
    )  # fmt: skip
    again = discovery.from_json(json.loads(discovery.as_json(full)))
    assert again is not None
    assert again.not_isolated == ""
    assert discovery.as_json(again) == discovery.as_json(full)
