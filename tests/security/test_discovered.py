"""A job with credentials uses what another job found: it runs no code and takes no file out of place."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkout import app, discovered, discovery, load, node_process
from checkout.app import App
from ops import discover, pull_request_source, stack_file
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


def test_with_the_app_as_the_source_its_configuration_is_not_replaced(production: Production) -> None:
    """`source: "."` puts firebase.json and the rules into the codebase's folder."""
    for path in (production.app / "functions").iterdir():
        path.rename(production.app / path.name)
    file = production.app / "firebase.json"
    document = json.loads(file.read_text())
    document["functions"] = {"source": ".", "ignore": ["node_modules"]}
    file.write_text(json.dumps(document))
    rules = production.app / "firestore.rules"
    before = rules.read_text()
    for name, message in (
        ("firestore.rules", "has other content than the checkout for ./firestore.rules"),
        ("firebase.json", "which no archive may contain"),
        ("railway.toml", "which no archive may contain"),
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
        ".env", ".env.crm-sandbox", "lib/.env", "service-account.json", ".ssh/id_rsa", "x/.firebaserc",
        ".git/hooks/pre-commit", ".GIT/config",
    ],
)  # fmt: skip
def test_what_no_archive_packs_is_not_unpacked(production: Production, name: str) -> None:
    replace_archive(production, {name: (b"A=1", 0o644)})
    with pytest.raises(StackError, match=r"which no archive may contain.*\n  fix: do not use this archive"):
        production.unpack()
    assert not (production.app / "functions" / name).exists()


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
    assert len(str(caught.value).splitlines()) == 2


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


# --- a pull request


class PullRequest:
    """A base checkout and a pull request's repository as a tar."""

    def __init__(self, folder: Path) -> None:
        self.base = folder / "base"
        self.theirs = folder / "theirs"
        for one in (self.base, self.theirs):
            (one / "app/functions").mkdir(parents=True)
            (one / "app/firebase.json").write_text("{}")
            (one / "ops").mkdir()
            (one / "ops/code.py").write_text("")
            (one / "__main__.py").write_text("")
            self.settings(one, lambda _: None)

    def settings(self, folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
        document = {
            "config": {"whatsapp-crm:appDir": "./app", "whatsapp-crm:branch": "main", "gcp:project": "a"},
            "secretsprovider": "gcpkms://ours",
        }
        change(document)
        (folder / "Pulumi.prod.yaml").write_text(yaml.safe_dump(document))

    def take(self, *more: tarfile.TarInfo) -> str:
        output = io.StringIO()
        tar = self.base.parent / "source.tar"
        with tarfile.open(tar, "w") as archive:
            archive.add(self.theirs, ".")
            for member in more:
                archive.addfile(member)
        pull_request_source.take("prod", tar, output, self.base)
        return output.getvalue()


@pytest.fixture
def pull(tmp_path: Path) -> PullRequest:
    return PullRequest(tmp_path)


def test_the_app_and_the_settings_are_taken_and_the_program_is_not(pull: PullRequest) -> None:
    (pull.base / "app/old.js").write_text("")
    (pull.theirs / "app/functions/new.js").write_text("new")
    (pull.theirs / "app/functions/new.js").chmod(0o755)
    (pull.theirs / "ops/code.py").write_text("import os; os.environ")
    (pull.theirs / "__main__.py").write_text("attack()")
    (pull.theirs / "Pulumi.yaml").write_text("plugins: {}")
    pull.settings(pull.theirs, lambda document: document["config"].update({"whatsapp-crm:branch": "next"}))
    said = pull.take()
    assert (pull.base / "app/functions/new.js").read_text() == "new"
    assert (pull.base / "app/functions/new.js").stat().st_mode & stat.S_IXUSR
    assert not (pull.base / "app/old.js").exists()
    assert (pull.base / "ops/code.py").read_text() == ""
    assert (pull.base / "__main__.py").read_text() == ""
    assert not (pull.base / "Pulumi.yaml").exists()
    assert "whatsapp-crm:branch: next" in (pull.base / "Pulumi.prod.yaml").read_text()
    assert (
        "changes the program (Pulumi.yaml, __main__.py, ops/code.py). "
        "The preview is by the program of its base;" in said
    )


def test_an_unchanged_program_is_not_mentioned(pull: PullRequest) -> None:
    assert pull.take() == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda document: document.update(secretsprovider="gcpkms://theirs"), "secretsprovider"),
        (lambda document: document.update(encryptionsalt="v1:x"), "encryptionsalt"),
        (lambda document: document.update(environment=["theirs"]), "environment"),
        (lambda document: document["config"].update({"railway:apiUrl": "https://x"}), "railway:apiUrl"),
        (lambda document: document["config"].update({"gcp:zone": "https://x"}), "gcp:zone"),
        (lambda document: document["config"].pop("gcp:project"), "gcp:project"),
        (lambda document: document["config"].update({"whatsapp-crm:appDir": "./ops"}), "whatsapp-crm:appDir"),
    ],
)  # fmt: skip
def test_what_could_send_a_token_elsewhere_is_not_taken(
    pull: PullRequest, change: Callable[[dict[str, Any]], None], named: str
) -> None:
    pull.settings(pull.theirs, change)
    before = (pull.base / "Pulumi.prod.yaml").read_text()
    with pytest.raises(StackError, match=rf"changes {named}.*\n  fix: merge that change alone") as caught:
        pull.take()
    assert "fix: " in str(caught.value)
    assert (pull.base / "Pulumi.prod.yaml").read_text() == before


SECURE = {"secure": "v1:ciphertext"}


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"whatsapp-crm:startCommand": SECURE}, "whatsapp-crm:startCommand"),
        (
            {"whatsapp-crm:functionParams": {"A": {"B": [1, SECURE]}}},
            r"whatsapp-crm:functionParams\.A\.B\[1\]",
        ),
        ({"whatsapp-crm:functionParams": {1: {True: SECURE}}}, r"whatsapp-crm:functionParams\.1\.True"),
        ({"whatsapp-crm:secrets": {"KEY": SECURE, "B": SECURE}}, r"whatsapp-crm:secrets\.B"),
        ({"whatsapp-crm:secrets": {"KEY": {"secure": "v1:other"}}}, r"whatsapp-crm:secrets\.KEY"),
        ({"whatsapp-crm:branch": {**SECURE, "more": 1}}, "whatsapp-crm:branch"),
        ({"whatsapp-crm:a\n::error::b": SECURE}, r"whatsapp-crm:a\\n::error::b"),
    ],
)
def test_an_encrypted_value_stays_where_the_base_has_it(
    pull: PullRequest, config: dict[str, Any], named: str
) -> None:
    """Or a preview would decrypt a secret into what its comment shows."""
    common = {"whatsapp-crm:secrets": {"KEY": SECURE}}
    pull.settings(pull.base, lambda document: document["config"].update(common))
    pull.settings(pull.theirs, lambda document: document["config"].update({**common, **config}))
    with pytest.raises(StackError, match=rf"changes {named} in Pulumi.prod.yaml.*\n  fix: merge that change"):
        pull.take()


def test_an_unchanged_or_removed_encrypted_value_is_taken(pull: PullRequest) -> None:
    both = {"whatsapp-crm:secrets": {"KEY": SECURE, "OLD": SECURE}}
    kept = {"whatsapp-crm:secrets": {"KEY": SECURE}, "whatsapp-crm:startCommand": "node x"}
    pull.settings(pull.base, lambda document: document["config"].update(both))
    pull.settings(pull.theirs, lambda document: document["config"].update(kept))
    assert pull.take() == ""


@pytest.mark.parametrize(
    "app_dir", ["./ops", ".", "..", "/etc", "../base/ops", ".github", ".venv/x", "Pulumi.yaml"]
)
def test_the_apps_folder_is_none_of_the_programs(pull: PullRequest, app_dir: str) -> None:
    for folder in (pull.base, pull.theirs):
        pull.settings(folder, lambda document: document["config"].update({"whatsapp-crm:appDir": app_dir}))
    with pytest.raises(StackError, match="must be in a folder of this repository"):
        pull.take()
    assert (pull.base / "ops/code.py").is_file()


def test_links_that_leave_the_app_and_devices_are_left_out(pull: PullRequest) -> None:
    (pull.theirs / "app/functions/.env").symlink_to("/proc/self/environ")
    (pull.theirs / "app/rules").symlink_to("../Pulumi.prod.yaml")
    (pull.theirs / "app/inside").symlink_to("firebase.json")
    device, fifo, hard, up = (
        tarfile.TarInfo(f"./app/{name}") for name in ("device", "fifo", "hard", "../ops/x")
    )
    device.type, fifo.type, hard.type = tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE
    hard.linkname = "Pulumi.prod.yaml"
    said = pull.take(device, fifo, hard, up)
    left_out = said.partition("because they leave the app or are no files: ")[2]
    assert all(
        name in left_out for name in ("functions/.env", "app/rules", "app/device", "app/fifo", "app/hard")
    )
    assert (pull.base / "app/inside").read_text() == "{}"
    assert sorted(path.name for path in (pull.base / "app").iterdir()) == [
        "firebase.json",
        "functions",
        "inside",
    ]
    assert not (pull.base / "ops/x").exists()


def test_a_link_and_a_file_behind_it_do_not_leave_the_app(pull: PullRequest) -> None:
    link, file = tarfile.TarInfo("./app/out"), tarfile.TarInfo("./app/out/code.py")
    link.type, link.linkname = tarfile.SYMTYPE, "../ops"
    pull.take(link, file)
    assert (pull.base / "ops/code.py").is_file()
    assert list((pull.base / "ops").iterdir()) == [pull.base / "ops/code.py"]


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


@pytest.mark.parametrize(
    "links",
    [
        {"in/a": "../../../ops"},
        {"b/deep/root": "../..", "x": "b/deep/root/../ops"},
        {"x": "b/deep/root/../ops", "b/deep/root": "../.."},
        {"a": "b", "b": "c", "c": "../ops"},
        {"a": ".", "a/b": "../ops", "x": "a/../../ops"},
        {"functions/up": "..", "functions/up/up/x": "../ops"},
        {"/".join(["d" * 200] * 20): "x", "x": "/".join([".."] * 21) + "/ops"},
        {"x": "/proc/self/environ"},
    ],
)
def test_no_chain_of_links_leaves_the_app(pull: PullRequest, links: dict[str, str]) -> None:
    """The last ones are as in CVE-2025-4517: the filter of `tarfile` did not see where they lead."""
    pull.take(
        *(member(f"./app/{name}", tarfile.SYMTYPE, target) for name, target in links.items()),
        *(member(f"./app/{name}/code.py") for name in links),
    )
    app_dir = pull.base / "app"
    for folder, folders, files in os.walk(app_dir):
        for name in (*folders, *files):
            assert (Path(folder) / name).resolve().is_relative_to(app_dir)
    assert [path.name for path in (pull.base / "ops").iterdir()] == ["code.py"]
    assert not list(pull.base.glob(".pull-request-*"))


def test_no_file_is_extracted_by_tarfile(pull: PullRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python before 3.11.13 has filters that can be bypassed."""

    def extract(*_: object, **__: object) -> None:
        pytest.fail("tarfile extracted a member")

    monkeypatch.setattr(tarfile.TarFile, "_extract_member", extract)
    (pull.theirs / "app/x.js").write_text("x" * 3_000_000)
    pull.take()
    assert (pull.base / "app/x.js").read_text() == "x" * 3_000_000


@pytest.mark.parametrize(
    "name",
    [
        "./app/\x1b[2J\n::error::x\r\n::stop-commands::y",
        "./ops/\x1b]0;title\x07\n::error::x",
        "./ops/\u2028::error::x\u202e",
        "./app/\udcff\udcfe\n::error::x",
        "./ops/\udcff",
        "./app/" + "d/" * 3_000 + "x",
        "./app/x/../../ops/y",
    ],
)
def test_a_name_is_shown_on_one_line_and_is_no_traceback(pull: PullRequest, name: str) -> None:
    said = pull.take(member(name, tarfile.REGTYPE if "ops" in name.split("/")[1] else tarfile.FIFOTYPE))
    assert "pull request" in said
    assert len(said.splitlines()) == 1
    assert said[:-1].isprintable()
    assert len(said) < 600
    said.encode()


def test_a_file_without_end_is_not_extracted(pull: PullRequest) -> None:
    """A sparse file has any size in a tar of some bytes."""
    tar = pull.base.parent / "sparse.tar"
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(pull.theirs, ".")
        sparse = member("./app/sparse")
        sparse.pax_headers = {"GNU.sparse.size": str(10**15), "GNU.sparse.map": "0,0"}
        archive.addfile(sparse)
    output = io.StringIO()
    pull_request_source.take("prod", tar, output, pull.base)
    assert "app/sparse" in output.getvalue()
    assert not (pull.base / "app/sparse").exists()


@pytest.mark.parametrize("text", [None, "config: [", "config: 1", "\xff"])
def test_a_pull_request_without_usable_settings_is_refused(pull: PullRequest, text: str | None) -> None:
    path = pull.theirs / "Pulumi.prod.yaml"
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StackError, match="fix: "):
        pull.take()


def test_results_are_read_as_they_are_written() -> None:
    full = discovery.Discovered(
        manifest={"endpoints": {}}, undefined_exports=("a",), overwritten_exports=("b",), loaded=("c",),
        packages=("d",), stdout=("e",), stderr=("f",), not_isolated="denied",
    )  # fmt: skip
    again = discovery.from_json(json.loads(discovery.as_json(full)))
    assert again is not None
    assert again.not_isolated == ""
    assert discovery.as_json(again) == discovery.as_json(full)
