"""The source archive: deterministic bytes, and no file that must not be deployed."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.archive import Archive, build, excluded_by
from checkout.credentials import has_name, is_credential
from settings.problems import Problem

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
    """The packed files; the archive is beside the folder."""
    return pack(folder, folder.parent / "out", ignore).files


def problem(folder: Path, ignore: Sequence[str] = ()) -> Problem:
    archive, problems = build(folder, ignore, "default", "functions", folder.parent / "out")
    assert archive is None
    (found,) = problems
    return found


@pytest.fixture
def codebase(tmp_path: Path) -> Path:
    return write(tmp_path / "functions", {"index.js": "1"})


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
        (other / "index.js").chmod(0o666)
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
        "prompts/reply.md", "docs/terms.html", "README.md", "test/a.js", "src/a.test.js",
        "src/__tests__/a.js", "npm-debug.log", ".eslintrc.js", ".gitignore", ".github/x.yml", ".npmrc",
        "lib/index.js", "environment.js", "package-lock.json", "monkey.js", "src/.hidden/a",
    ],
)  # fmt: skip
def test_what_the_firebase_cli_packs_is_packed(codebase: Path, name: str) -> None:
    """Functions read prompts and templates when they run, and no pattern can know which ones."""
    write(codebase, {name: "1"})
    assert set(names(codebase)) == {"index.js", name}
    assert pack(codebase, codebase.parent / "out").notes == ()


@pytest.mark.parametrize("name", ["firebase-debug.log", "firebase-debug.1.log", ".runtimeconfig.json"])
def test_what_the_firebase_cli_never_packs_is_not_packed(codebase: Path, name: str) -> None:
    write(codebase, {name: "1", f"src/{name}": "1"})
    archive = pack(codebase, codebase.parent / "out", ["*.local"])
    assert (archive.files, archive.notes) == (("index.js",), ())


KEY = f"-----BEGIN PRIVATE KEY-----\n{'MIIEvQIB' * 8}\n-----END PRIVATE KEY-----\n"
CERTIFICATE = KEY.replace("PRIVATE KEY", "CERTIFICATE")
SERVICE_ACCOUNT = {"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nx"}
CREDENTIALS = (
    "src/.env", ".envrc", ".secret.local", "a.p12", "a.P8", "a.pfx", "a.ppk", "a.kdbx", ".env~", ".env-prod",
    "prod.env", "config/env.prod", ".pgpass", ".git-credentials", "terraform.tfstate.backup",
    "client_secret_1.json", "application_default_credentials.json",
    "crm-firebase-adminsdk-x1-0a.json", "serviceAccountKey.json", "service-account.json", "id_rsa",
    "gha-creds-1.json", ".netrc", "terraform.tfstate",
)  # fmt: skip


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials_are_never_packed_and_named(codebase: Path, name: str) -> None:
    write(codebase, {name: "TOKEN=abc"})
    for ignore in ([], ["*.bak"]):
        archive = pack(codebase, codebase.parent / "out", ignore)
        assert archive.files == ("index.js",)
        (note,) = archive.notes
        assert f"may contain credentials: {name}." in note
    assert has_name(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("crm-0123456789ab.json", json.dumps(SERVICE_ACCOUNT)),
        ("config/key", "\ufeff" + json.dumps({"google": [SERVICE_ACCOUNT]}, indent=2)),
        ("adc.json", json.dumps({"type": "authorized_user", "refresh_token": "1"})),
        ("federated.json", json.dumps({"type": "external_account", "client_secret": "1"})),
        ("Prod.PEM", KEY),
        ("keys/prod.key", "-----BEGIN RSA PRIVATE KEY-----\nx"),
        ("binary.key", "0\0\1"),
        ("chain.crt", CERTIFICATE + KEY),
        ("notes.txt", KEY.replace("PRIVATE", "EC PRIVATE")),
        ("config.json", json.dumps({"key": KEY})),
        ("keys.ts", f'const key = "-----BEGIN PRIVATE KEY-----\\n" +\n  "{"A" * 64}";'),
        ("old.txt", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"),
    ],
)
def test_credentials_are_found_by_their_content(codebase: Path, name: str, text: str) -> None:
    """The console names the key of a service account after the project."""
    write(codebase, {name: text})
    archive = pack(codebase, codebase.parent / "out")
    assert archive.files == ("index.js",)
    assert f"may contain credentials: {name}." in archive.notes[0]
    assert is_credential(codebase, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ca.pem", CERTIFICATE),
        ("jwt.key", "-----BEGIN PUBLIC KEY-----\nx"),
        ("server.crt", CERTIFICATE),
        ("i18n/de.key", "Grüße"),
        ("jwt.js", 'if (!key.startsWith("-----BEGIN PRIVATE KEY-----")) throw new Error("not a key");'),
        ("pem.js", "const pem = `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----`;"),
        ("type.json", '{"type": "service_account", "private_key_id": "1"}'),
        ("federated.json", '{"type": "external_account", "audience": "//iam"}'),
        ("broken.json", '{"type": "service_account", "private_key": '),
        ("env.js", "1"), ("env.d.ts", "1"), ("src/env/index.js", "1"),
    ],
)  # fmt: skip
def test_public_keys_and_code_about_keys_are_packed(codebase: Path, name: str, text: str) -> None:
    write(codebase, {name: text})
    archive = pack(codebase, codebase.parent / "out")
    assert (set(archive.files), archive.notes) == ({"index.js", name}, ())
    assert not is_credential(codebase, name)


@pytest.mark.parametrize("name", [".env", ".env.crm-sandbox", ".env.example"])
def test_env_files_are_never_packed_and_not_named(codebase: Path, name: str) -> None:
    """Notes of their own say which values are read from them."""
    write(codebase, {name: "TOKEN=abc"})
    archive = pack(codebase, codebase.parent / "out")
    assert (archive.files, archive.notes) == (("index.js",), ())
    assert has_name(name)


def test_credentials_that_are_ignored_are_not_named(codebase: Path) -> None:
    write(codebase, {"prod.pem": KEY, ".ssh/config": "1"})
    assert pack(codebase, codebase.parent / "out", ["*.pem", ".ssh"]).notes == ()


def test_a_link_to_credentials_is_not_packed(codebase: Path) -> None:
    write(codebase, {".env": "TOKEN=abc", ".aws/config": "1"})
    (codebase / "settings.txt").symlink_to(".env")
    (codebase / "aws.txt").symlink_to(".aws/config")
    archive = pack(codebase, codebase.parent / "out", [".env", ".aws"])
    assert archive.files == ("index.js",)
    assert "aws.txt, settings.txt" in archive.notes[0]


def test_dependencies_that_are_not_ignored_are_named(codebase: Path) -> None:
    write(codebase, {"node_modules/x/index.js": "1", ".git/HEAD": "1", ".DS_Store": "1"})
    assert pack(codebase, codebase.parent / "out").notes[0].startswith("not deployed: .DS_Store. ")
    archive = pack(codebase, codebase.parent / "out", ["*.log"])
    assert archive.files == ("index.js",)
    assert archive.notes[0].startswith("not deployed: .DS_Store, .git, node_modules. ")


def test_every_credential_is_named_and_some_installed_folders(codebase: Path) -> None:
    write(codebase, {f"{number:02}.pem": KEY for number in range(12)})
    write(codebase, {f"{number:02}/.DS_Store": "1" for number in range(12)})
    keys, local = pack(codebase, codebase.parent / "out").notes
    assert "08.pem, 09.pem, 10.pem, 11.pem. " in keys
    assert "08/.DS_Store, 09/.DS_Store and 2 more." in local


def test_functions_ignore_has_braces_and_extended_globs(codebase: Path) -> None:
    write(codebase, {"keys/prod.txt": "1", "keys/prod.csv": "1", "src/x.ts": "1", "a.bak": "1"})
    ignore = ["node_modules", ".git", "*.{txt,csv}", "@(src|fixtures)"]
    assert names(codebase, ignore) == ("a.bak", "index.js")
    assert excluded_by(ignore, "functions", "src/deep/x.ts") == "@(src|fixtures)"
    assert excluded_by(ignore, "functions", "keys/prod.csv") == "*.{txt,csv}"
    assert excluded_by(ignore, "functions", "a.bak") is None


def test_a_pattern_without_effect_is_named(codebase: Path) -> None:
    write(codebase, {"docs/a.md": "1"})
    archive = pack(codebase, codebase.parent / "out", ["docs/**"])
    assert archive.files == ("docs/a.md", "index.js")
    (note,) = archive.notes
    assert note.startswith('"docs/**" in "functions.ignore" matches no file')
    assert note.endswith('Write "**/docs/**".')


def test_a_pattern_with_an_exclamation_mark_includes_nothing_again(codebase: Path) -> None:
    write(codebase, {"a.md": "1"})
    found = problem(codebase, ["*.md", "!a.md"])
    assert "no file that is deployed" in found.what
    assert '"!name" excludes all but "name"' in found.fix


def test_a_pattern_with_too_many_alternatives_is_a_problem(codebase: Path) -> None:
    assert problem(codebase, ["{1..99999}"]).what.startswith('"functions.ignore" of functions: its braces')


def test_an_empty_archive_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "functions", {".env": "1"})
    assert "no file that is deployed" in problem(tmp_path / "functions").what


def test_the_executable_bit_is_kept(codebase: Path) -> None:
    write(codebase, {"bin/convert": "#!/bin/sh\n", "bin/other": "1"})
    (codebase / "bin/convert").chmod(0o750)
    (codebase / "bin/other").chmod(0o676)
    (codebase / "convert").symlink_to("bin/convert")
    with zipfile.ZipFile(pack(codebase, codebase.parent / "out").path) as opened:
        modes = {info.filename: oct(info.external_attr >> 16) for info in opened.infolist()}
    assert modes == {
        "bin/convert": "0o100755", "bin/other": "0o100644", "convert": "0o100755", "index.js": "0o100644",
    }  # fmt: skip


def test_links_inside_the_codebase_are_followed(codebase: Path) -> None:
    write(codebase, {"shared/a.js": "a", "shared/deep/b.js": "b"})
    (codebase / "again.js").symlink_to("index.js")
    (codebase / "lib").symlink_to("shared")
    (codebase / "absolute").symlink_to(codebase / "shared/deep")
    archive = pack(codebase, codebase.parent / "out")
    assert archive.files == (
        "absolute/b.js", "again.js", "index.js", "lib/a.js", "lib/deep/b.js", "shared/a.js",
        "shared/deep/b.js",
    )  # fmt: skip
    with zipfile.ZipFile(archive.path) as opened:
        assert opened.read("lib/deep/b.js") == b"b"


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("../secret.txt", "leaves the codebase's folder"),
        ("..", "leaves the codebase's folder"),
        ("missing.js", "leads to nothing"),
        ("link", "leads to nothing"),
        (".", "leads to a folder that contains it"),
    ],
)
def test_a_link_to_nothing_or_outside_or_above_is_a_problem(codebase: Path, target: str, what: str) -> None:
    (codebase.parent / "secret.txt").write_text("s", encoding="utf-8")
    (codebase / "link").symlink_to(target)
    found = problem(codebase)
    assert found.key == "functions/link"
    assert what in found.what
    assert found.fix.endswith('add "link" to "functions.ignore" in firebase.json.')
    assert names(codebase, ["link"]) == ("index.js",)


def test_links_between_two_folders_are_a_problem_with_the_place(codebase: Path) -> None:
    write(codebase, {"a/x.js": "1", "b/y.js": "1"})
    (codebase / "a/b").symlink_to("../b")
    (codebase / "b/a").symlink_to("../a")
    archive, problems = build(codebase, [], "default", "functions", codebase.parent / "out")
    assert archive is None
    assert [one.key for one in problems] == ["functions/a/b/a", "functions/b/a/b"]
    assert '"**/a/b/a"' in problems[0].fix


def test_linked_dependencies_are_not_followed(codebase: Path) -> None:
    (codebase.parent / "modules").mkdir()
    (codebase / "node_modules").symlink_to(codebase.parent / "modules")
    assert names(codebase) == ("index.js",)


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"a\\b.txt", b"\xff/a.js"])
def test_a_name_that_would_change_is_a_problem(codebase: Path, name: bytes) -> None:
    """Names from old archives and Windows code pages."""
    path = Path(os.fsdecode(os.fsencode(codebase) + b"/" + name))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    found = problem(codebase)
    str(found).encode()
    shown = name.split(b"/")[0].decode("utf-8", "replace")
    assert found.key == f"functions/{shown}"
    assert "not valid UTF-8" in found.what
    pattern = found.fix.split('"')[1]
    assert names(codebase, [pattern]) == ("index.js",)


@pytest.mark.parametrize(
    "name", ["a b.js", "[a]{b}.js", "a\nb", "e\u0301.js", "\U0001f600.js", "-", "!a", "#a"]
)
def test_any_other_name_is_packed_as_it_is(codebase: Path, name: str) -> None:
    write(codebase, {name: "1"})
    archive = pack(codebase, codebase.parent / "out")
    with zipfile.ZipFile(archive.path) as opened:
        assert sorted(opened.namelist()) == sorted(["index.js", name])


def test_a_file_that_cannot_be_read_is_a_problem(codebase: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(codebase, {"a.js": "1"})
    open_ = os.open

    def refuse(path: os.PathLike[str] | str, flags: int, mode: int = 0o777) -> int:
        if os.fspath(path).endswith("a.js"):
            raise PermissionError(13, "Permission denied")
        return open_(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)  # root, who runs tests in containers, may read everything
    found = problem(codebase)
    assert (found.key, found.what) == ("functions/a.js", "cannot be read: Permission denied.")


def test_a_socket_is_not_packed(codebase: Path) -> None:
    os.mkfifo(codebase / "pipe")
    assert names(codebase) == ("index.js",)


def test_a_source_beyond_the_limit_is_a_problem(codebase: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checkout.archive.MAX_BYTES", 2_000_000)
    write(codebase, {"big.bin": "x" * 2_000_001})
    assert "more than 2 MB" in problem(codebase).what


def test_a_damaged_archive_is_written_again(codebase: Path) -> None:
    archive = pack(codebase, codebase.parent / "out")
    good = archive.path.read_bytes()
    archive.path.write_bytes(bytes(len(good)))
    assert pack(codebase, codebase.parent / "out").path.read_bytes() == good
