"""A preview takes data of a pull request: its app and its settings, no code, no link and no secret."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import pull_request_source
from ops.stack import StackError

pytestmark = pytest.mark.unit


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
