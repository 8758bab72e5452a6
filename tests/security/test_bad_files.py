"""Files of a checkout that nobody trusts: FIFOs, devices, loops, 50 MB, bytes without meaning.

Every attack ends in a problem with the file's name and a fix, within 10 seconds. Before `settings.files`, a
FIFO as firebase.json or as the rules hung the preview, and so did a link to /dev/zero.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkout import app, archive, function_mentions, regular_expression, tsconfig
from checkout.minimatch import PatternError, compile_pattern
from settings import files, parsing
from settings.problems import MAX_SHOWN, Problem, first, render
from tests import bad_inputs
from tests.bad_inputs import JSON, SMALL_APP, SPECIAL, TOML, YAML, BadFile
from tests.bad_rows import Bad
from tests.security.stack_config import loaded
from tests.time_limit import SECONDS_OF_A_ROW, time_limit

pytestmark = pytest.mark.unit

# Every file that is configuration, with the name that messages give it.
CONFIGURATION = (
    "firebase.json", "firestore.rules", "firestore.indexes.json", "functions/package.json",
    "functions/functions.yaml", "functions/.env", "functions/.env.crm-sandbox", "railway.toml",
)  # fmt: skip
JSON_FILES = ("firebase.json", "firestore.indexes.json", "functions/package.json")


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    with time_limit(SECONDS_OF_A_ROW):
        yield


@pytest.fixture
def small_app(tmp_path: Path) -> Path:
    """An app that is read without Node, and is right."""
    for name, text in SMALL_APP.items():
        path = tmp_path / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "app"


def problems_of(folder: Path, bad: Bad | None = None) -> list[Problem]:
    """Everything that a preview reports; fails if a message could not be shown."""
    row = bad or Bad(name="", key="", fix="", config={"secrets": {}})
    with loaded(row, folder) as (settings, problems):
        found = list(problems)
        if settings is not None:
            _, more = app.load(settings, folder.parent / "cache")
            found += more
    shown = render(found)
    shown.encode()
    assert len(shown) < 20_000
    assert all(problem.fix for problem in found)
    return found


def attack(folder: Path, name: str, bad: BadFile) -> list[Problem]:
    path = folder / name
    path.unlink(missing_ok=True)
    bad.make(path)
    try:
        return problems_of(folder)
    finally:
        # pytest keeps the folders of failed tests: nothing in them may hang whoever looks at them.
        if not path.is_symlink() and path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def by_name(bad: BadFile) -> str:
    return bad.name


def test_the_small_app_is_right(small_app: Path) -> None:
    assert problems_of(small_app) == []


@pytest.mark.parametrize("bad", SPECIAL, ids=by_name)
@pytest.mark.parametrize("name", CONFIGURATION)
def test_an_attack_on_a_file_is_a_problem_with_its_name(small_app: Path, name: str, bad: BadFile) -> None:
    found = attack(small_app, name, bad)
    if name == "railway.toml" and bad.name == "a folder":
        assert found == []  # no file of that name, as if there were none
        return
    own = [problem for problem in found if problem.key == name or name in problem.what]
    # A link is refused where it is followed first: by firebase.json, or by the archive of the functions.
    others = ("leaves the", "leads to itself", "leads to nothing", "leads out of") if bad.is_link else ()
    others = ("which does not exist",) if bad.name == "a folder" else others
    assert any(what in problem.what for what in (bad.what, *others) for problem in own), found


@pytest.mark.parametrize("bad", JSON, ids=by_name)
@pytest.mark.parametrize("name", JSON_FILES)
def test_json_that_nothing_can_handle(small_app: Path, name: str, bad: BadFile) -> None:
    own = [problem for problem in attack(small_app, name, bad) if problem.key == name]
    assert own
    assert bad.what in own[0].what
    assert name in own[0].fix


@pytest.mark.parametrize("bad", YAML, ids=by_name)
def test_yaml_that_nothing_can_handle(small_app: Path, bad: BadFile) -> None:
    name = "functions/functions.yaml"
    (own,) = [problem for problem in attack(small_app, name, bad) if problem.key == name]
    assert bad.what in own.what
    assert name in own.fix


@pytest.mark.parametrize("bad", TOML, ids=by_name)
def test_toml_that_nothing_can_handle(small_app: Path, bad: BadFile) -> None:
    (own,) = [problem for problem in attack(small_app, "railway.toml", bad) if problem.key == "railway.toml"]
    assert bad.what in own.what
    assert "railway.toml" in own.fix


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("a/" * 2_500 + "b", "the path is too long"),
        ("a" * 5_000, "the path is too long"),
        ("loop", "is a link that leads to itself"),
        ("loop/firestore.rules", "is a link that leads to itself"),
        ("../" * 50 + "etc/passwd", "leaves the app's folder"),
        ("/dev/zero", "leaves the app's folder"),
        ("/proc/self/fd/0", "leaves the app's folder"),
    ],
)
@pytest.mark.parametrize("where", ["rules", "indexes", "source", "configDir"])
def test_a_path_that_leads_nowhere(small_app: Path, where: str, value: str, what: str) -> None:
    document = json.loads(SMALL_APP["firebase.json"])
    document["functions" if where in ("source", "configDir") else "firestore"][where] = value
    (small_app / "firebase.json").write_text(json.dumps(document))
    (small_app / "loop").symlink_to("loop")
    (problem,) = problems_of(small_app)
    assert problem.key == "firebase.json"
    assert what in problem.what
    assert len(str(problem)) < 1_000


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("Default", "is 'Default', which is not a codebase name."),
        ("d\u0435fault", "Its character 2 is U+0435 (CYRILLIC SMALL LETTER IE)."),
        ("default\u200b", "Its character 8 is U+200B (ZERO WIDTH SPACE)."),
        ("a b", "is not a codebase name"),
        ("a/b", "is not a codebase name"),
        ("", "is not a codebase name"),
        ("a" * 64, "is not a codebase name"),
        ("a" * 100_000, "is not a codebase name"),
    ],
)
def test_a_codebase_that_the_firebase_cli_refuses(small_app: Path, name: str, what: str) -> None:
    """Up to 63 lower-case letters, digits, - and _ (firebase-tools, validateCodebase)."""
    document = json.loads(SMALL_APP["firebase.json"])
    document["functions"]["codebase"] = name
    (small_app / "firebase.json").write_text(json.dumps(document))
    (problem,) = problems_of(small_app)
    assert problem.key == "firebase.json"
    assert what in problem.what
    assert "lower-case letters" in problem.fix


@pytest.mark.parametrize("value", ["loop", "loop/app", "a/" * 2_500, "a" * 5_000])
def test_an_app_folder_that_leads_nowhere(tmp_path: Path, value: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    bad = Bad(name="", key="", fix="", config={"appDir": str(tmp_path / value)})
    with loaded(bad) as (settings, problems):
        assert settings is None
        (problem,) = problems
    assert problem.key == "whatsapp-crm:appDir"
    assert "not a path" in problem.what
    assert problem.fix.startswith("pulumi config set whatsapp-crm:appDir")


def test_the_archive_neither_reads_nor_packs_what_is_no_file(small_app: Path) -> None:
    folder = small_app / "functions"
    os.mkfifo(folder / "fifo.js")
    bad_inputs.SPECIAL[1].make(folder / "socket.js")
    packed, problems = archive.build(folder, (), "default", "functions", small_app.parent / "out")
    assert problems == []
    assert packed is not None
    assert not {"fifo.js", "socket.js"} & set(packed.files)
    (note,) = packed.notes
    assert "fifo.js (a FIFO)" in note
    assert "socket.js (a socket)" in note


def test_the_archive_has_an_end(small_app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder has two links to the next one: 25 folders of no size, and 33 million paths."""
    folder = small_app / "functions"
    for number in range(25):
        (folder / f"d{number}").mkdir()
        for name in ("a", "b"):
            (folder / f"d{number}" / name).symlink_to(f"../d{number + 1}")
    (folder / "d25").mkdir()
    monkeypatch.setattr(archive, "MAX_ENTRIES", 1_000)
    packed, problems = archive.build(folder, (), "default", "functions", small_app.parent / "out")
    assert packed is None
    assert [problem.what for problem in problems] == ["has more than 1000 files and folders."]


def test_folders_that_are_nested_without_end(small_app: Path) -> None:
    folder = small_app / "functions"
    for _ in range(300):
        folder = folder / "d"
        folder.mkdir()
    (problem,) = problems_of(small_app)
    assert "is in more than 100 folders" in problem.what
    assert 'add "d" to "functions.ignore"' in problem.fix


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to(path.name), lambda path: path.symlink_to("/dev/zero")],
    ids=["FIFO", "link to itself", "device"],
)
def test_sources_that_are_no_files_are_left_out(
    tmp_path: Path, make: Callable[[Path], None], small_app: Path
) -> None:
    """The walks that look for the name of a function, and for TypeScript that is not compiled."""
    functions = small_app / "functions"
    make(functions / "odd.ts")
    (functions / "tsconfig.json").write_text('{"compilerOptions": {"outDir": "lib"}}')
    assert function_mentions.count(["hello"], functions) == {"hello": 1}
    assert not function_mentions.reads_variable("TOKEN", functions)
    config = tsconfig.load(functions / "tsconfig.json")
    assert config is not None
    assert config.sources() == []
    make(tmp_path / "tsconfig.json")
    assert tsconfig.load(tmp_path / "tsconfig.json") is None


def test_configurations_that_extend_each_other_without_end(tmp_path: Path) -> None:
    """Each extends the next one twice: 2^60 paths through 60 files."""
    for number in range(60):
        document = {"extends": [f"./c{number + 1}.json"] * 2}
        (tmp_path / f"c{number}.json").write_text(json.dumps(document))
    (tmp_path / "c60.json").write_text("{}")
    config = tsconfig.load(tmp_path / "c0.json")
    assert config is not None
    assert "more than 20 files" in config.unread[0].why


@pytest.mark.parametrize(
    ("code", "reads"),
    [("{" + "TOKEN " * 100_000, False), ("{" * 200_000, False), ("const { TOKEN } = process.env", True)],
    ids=["one brace", "many braces", "a real one"],
)
def test_code_that_mentions_a_variable_without_end(tmp_path: Path, code: str, reads: bool) -> None:
    (tmp_path / "index.js").write_text(code)
    assert function_mentions.reads_variable("TOKEN", tmp_path) is reads


def test_a_pattern_of_a_param_that_takes_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular_expression, "SECONDS", 1)
    assert regular_expression.matches("(a+)+$", "a" * 60 + "b") is None
    monkeypatch.undo()
    assert regular_expression.matches("^a+$", "aaa") is True
    assert regular_expression.matches("^a+$", "aab") is False
    assert regular_expression.matches("(?<name>a)", "a") is None, "a pattern of JavaScript"


@pytest.mark.parametrize("pattern", ["*a" * 20, "x" * 2_000, "{1..100000}", "{a,b}" * 20])
def test_a_pattern_that_is_tried_without_end(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


def test_patterns_of_many_folders_are_matched_in_time() -> None:
    pattern = compile_pattern("**/" + "a/**/" * 30 + "b")
    assert not pattern.matches(("", *["a"] * 100))
    assert pattern.matches(("", *["a"] * 100, "b"))


def test_env_files_with_a_million_lines_that_set_nothing(small_app: Path) -> None:
    (small_app / "functions/.env").write_text("x\n" * 900_000)
    found = problems_of(small_app)
    assert len(found) == 10
    assert found[-1].what == "line 10 is not NAME=value."


def test_a_name_that_is_not_utf8_can_be_shown() -> None:
    problem = Problem(key="functions/\udcff.ts", what="is not compiled.", fix="npm run build")
    assert str(problem).encode()


def test_what_is_printed_has_an_end() -> None:
    """50 MB of a value or a file were printed before, to the terminal and into the log of CI."""
    long = Problem(key="k" * 10_000, what="w" * 50_000_000, fix="f" * 50_000_000)
    assert len(render([long] * 10_000)) < 500_000
    assert "and 9900 more" in render([long] * 10_000)
    shown = first(["w" * 50_000_000] * (MAX_SHOWN + 5), "warnings")
    assert len("".join(shown)) < 500_000
    assert shown[-1] == "… and 5 more warnings, which are not shown."


@pytest.mark.parametrize("bad", SPECIAL, ids=by_name)
def test_the_reader_itself(tmp_path: Path, bad: BadFile) -> None:
    path = tmp_path / "file.json"
    bad.make(path)
    text, problems = files.read_text(path, "file.json")
    assert text is None
    (problem,) = problems
    assert problem.key == "file.json"
    assert bad.what in problem.what
    assert files.is_file(path) == (bad.name in ("50 MB", "not UTF-8", "half of a UTF-8 character", "UTF-16"))
    assert files.exists(path)


@pytest.mark.parametrize("name", ["a" * 5_000, "a/" * 2_500, "a\0b", "absent", "file/absent", "dangling"])
def test_a_path_without_a_file_is_absent(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("absent")
    path = tmp_path / name
    assert not files.exists(path)
    assert not files.is_file(path)
    assert not files.is_dir(path)
    text, (problem,) = files.read_text(path, "name")
    assert text is None
    assert problem.what.startswith("cannot be read")


def test_two_strings_that_look_alike_say_which_character_differs() -> None:
    assert parsing.look_alike("m\u0430in", "main") == " Its character 2 is U+0430 (CYRILLIC SMALL LETTER A)."
    assert parsing.look_alike("main\u200b", "main") == " Its character 5 is U+200B (ZERO WIDTH SPACE)."
    assert parsing.look_alike("audit", "main") == ""
    assert parsing.look_alike("main", "main") == ""
    bad = Bad(name="", key="", fix="", config={"branch": "m\u0430in"}, stack="prod")
    with loaded(bad) as (_, problems):
        (problem,) = problems
    assert problem.what == (
        'is "m\u0430in", but a production stack deploys main. '
        "Its character 2 is U+0430 (CYRILLIC SMALL LETTER A)."
    )
