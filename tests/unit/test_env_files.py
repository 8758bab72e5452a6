"""The .env files of a codebase: the Firebase CLI's syntax, the files that count, and reserved names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.env_files import EnvFiles, load, parse

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1", {"A": "1"}),
        ("A = 1 # one", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("# A=1\n\n  # B\nC=3", {"C": "3"}),
        ("A=1\r\nB=2\rC=3", {"A": "1", "B": "2", "C": "3"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=", {"A": ""}),
        ("A=a b  c ", {"A": "a b  c"}),
        ("A=1=2", {"A": "1=2"}),
        ("A=foo#bar", {"A": "foo"}),
        ("A='a#b' # c", {"A": "a#b"}),
        ('A="a#b"', {"A": "a#b"}),
        ('A="a\\tb\\\\\\"c\\""', {"A": 'a\tb\\"c"'}),
        ('A="line\\nnext"', {"A": "line\nnext"}),
        ("A='line\\nnext'", {"A": "line\\nnext"}),
        ('A="line\nnext"\nB=2', {"A": "line\nnext", "B": "2"}),
        ("A='one\ntwo\nthree'\nB=2", {"A": "one\ntwo\nthree", "B": "2"}),
        ("A='it\\'s'", {"A": "it\\'s"}),
        ("A=''", {"A": ""}),
        ('A="open', {"A": '"open'}),
        ('A="a" b', {"A": '"a" b'}),
        ('A="a"b"', {"A": 'a"b'}),
        ("A=${B}", {"A": "${B}"}),
        ("A=+40722000000", {"A": "+40722000000"}),
        ("A=007", {"A": "007"}),
        ('A="a\r\nb\r\nc"\r\nB=1\r\n', {"A": "a\nb\r\nc", "B": "1"}),
        ("A='x' # c\r\nB=\"y\"\r\n", {"A": "x", "B": "y"}),
    ],
)
def test_the_syntax_of_the_firebase_cli(text: str, values: dict[str, str]) -> None:
    assert parse(text) == (values, [])


@pytest.mark.parametrize(
    ("text", "lines"), [("A: 1", [1]), ("A=1\n\nB", [3]), ("=1", [1]), ("A='x\ny'\nB c=1", [3]), ("{}", [1])]
)
def test_any_other_line_is_reported_with_its_number(text: str, lines: list[int]) -> None:
    assert parse(text)[1] == lines


@given(st.text(alphabet="AB=\"'# \n\\nx\t\r", max_size=20))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    values, bad = parse(text)
    assert all(name.isidentifier() for name in values)
    assert bad == sorted(set(bad))


def read(root: Path, **files: str) -> tuple[EnvFiles, list[str]]:
    """The files' names are written with `_` for `.`."""
    functions = root / "functions"
    functions.mkdir()
    for name, text in files.items():
        target = root if name == "_firebaserc" else functions
        (target / name.replace("_", ".")).write_text(text, encoding="utf-8")
    found, problems = load(functions, root, "crm-prod", "functions")
    assert all(problem.fix for problem in problems)
    return found, [f"{problem.key}: {problem.what}" for problem in problems]


RC = json.dumps({"projects": {"prod": "crm-prod", "live": "crm-prod", "staging": "crm-staging"}})


def test_the_file_of_the_project_overrides_the_common_one(tmp_path: Path) -> None:
    found, problems = read(
        tmp_path, **{"_env": "A=1\nB=2", "_env_crm-prod": "B=3", "_env_crm-staging": "A=9"}
    )
    assert problems == []
    assert found.values == {"A": "1", "B": "3"}
    assert found.sources == {"A": "functions/.env", "B": "functions/.env.crm-prod"}


def test_the_file_of_an_alias_is_the_projects(tmp_path: Path) -> None:
    found, problems = read(tmp_path, _firebaserc=RC, _env_prod="A=1", _env_staging="A=2")
    assert (found.values, problems) == ({"A": "1"}, [])


def test_files_of_the_project_and_of_an_alias_are_a_problem(tmp_path: Path) -> None:
    files = {"_env_prod": "A=1", "_env_crm-prod": "A=2", "_firebaserc": RC}
    _, problems = read(tmp_path, **files)
    assert problems == [
        "functions: .env.crm-prod and .env.prod belong to the project crm-prod; only one of them can be read."
    ]


def test_files_that_the_cli_does_not_read_are_left_alone(tmp_path: Path) -> None:
    found, problems = read(tmp_path, _env_example="A=1", _env_backup="A: 2", _env_sample="x")
    assert (found, problems) == (EnvFiles(), [])


def test_the_file_of_the_emulators_is_marked_and_not_read(tmp_path: Path) -> None:
    found, problems = read(tmp_path, _env_local="A=1")
    assert (found, problems) == (EnvFiles(for_emulators=True), [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("FIREBASE_X=1", "FIREBASE_X is reserved"),
        ("X_GOOGLE_A=1", "X_GOOGLE_A is reserved"),
        ("EXT_A=1", "EXT_A is reserved"),
        ("KIT_A=1", "KIT_A is reserved"),
        ("PORT=1", "PORT is reserved"),
        ("K_SERVICE=1", "K_SERVICE is reserved"),
        ("GCLOUD_PROJECT=1", "GCLOUD_PROJECT is reserved"),
        ("FUNCTION_TARGET=1", "FUNCTION_TARGET is reserved"),
        ("greeting=1", '"greeting" is not a name that the Firebase CLI accepts'),
        ("A.B=1", '"A.B" is not a name that the Firebase CLI accepts'),
        ("FIREBASE_SECRET_REF_KEY=k:1", "FIREBASE_SECRET_REF_KEY binds a secret"),
        ("A 1", "line 1 is not NAME=value"),
    ],
)
def test_a_name_that_is_not_possible_is_a_problem(tmp_path: Path, line: str, message: str) -> None:
    _, problems = read(tmp_path, _env=line)
    assert len(problems) == 1
    assert problems[0].startswith(f"functions/.env: {message}")


@pytest.mark.parametrize(
    "name", ["EXT_SELECTED_EVENTS", "EXT_MIGRATED_SYSTEM_X", "GOOGLE_MAPS_ID", "KITCHEN"]
)
def test_names_that_only_look_reserved_are_accepted(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, _env=f"{name}=1")[1] == []


def test_a_file_that_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff")
    _, problems = load(tmp_path, tmp_path, "crm-prod", "functions")
    assert "cannot be read" in problems[0].what


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1")
    assert load(tmp_path, tmp_path, "crm-prod", "functions")[0].values == {"A": "1"}


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("EXT_A", True),
        ("EXT_MIGRATED_SYSTEM_", True),
        ("EXT_MIGRATED_SYSTEM_A", False),
        ("EXT_SELECTED_EVENTS", False),
        ("EXT_SELECTED_EVENTS_A", True),
    ],
)
def test_names_of_migrated_extensions(tmp_path: Path, name: str, reserved: bool) -> None:
    (tmp_path / ".env").write_text(f"{name}=1\n", encoding="utf-8")
    _, problems = load(tmp_path, tmp_path, "crm", "functions")
    assert [problem.what for problem in problems] == [
        f"{name} is reserved: Google sets it or rejects it."
    ] * reserved
