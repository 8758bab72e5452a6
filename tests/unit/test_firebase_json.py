"""firebase.json: both forms of each section, other targets, and invalid values and paths."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checkout.firebase_json import FirebaseJson, load

pytestmark = pytest.mark.unit

FIRESTORE = {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "firestore.rules").write_text("rules_version = '2';", encoding="utf-8")
    (tmp_path / "firestore.indexes.json").write_text("{}", encoding="utf-8")
    (tmp_path / "functions").mkdir()
    (tmp_path / "jobs").mkdir()
    return tmp_path


def read(app: Path, document: object, database: str = "(default)") -> tuple[FirebaseJson | None, list[str]]:
    text = document if isinstance(document, str) else json.dumps(document)
    (app / "firebase.json").write_text(text, encoding="utf-8")
    found, problems = load(app, database)
    assert all(problem.fix for problem in problems)
    return found, [problem.what for problem in problems]


def good(app: Path, document: object, database: str = "(default)") -> FirebaseJson:
    found, problems = read(app, document, database)
    assert problems == []
    assert found is not None
    return found


def test_one_database_and_one_codebase(app: Path) -> None:
    found = good(app, {"firestore": FIRESTORE, "functions": {"source": "functions"}})
    assert (found.rules, found.rules_name) == (app / "firestore.rules", "firestore.rules")
    assert found.indexes == app / "firestore.indexes.json"
    (codebase,) = found.codebases
    assert (codebase.name, codebase.folder, codebase.relative) == ("default", app / "functions", "functions")
    assert codebase.runtime is None


def test_comments_are_allowed(app: Path) -> None:
    good(app, '{ // the database\n "firestore": {"rules": "firestore.rules"} /* end */ }')


def test_several_databases(app: Path) -> None:
    document = {"firestore": [FIRESTORE, {"database": "archive", "rules": "firestore.rules"}]}
    found = good(app, document)
    managed = "gets its rules and indexes. Its protection and its backups are not managed."
    assert found.indexes is not None
    assert found.notes == (f'firebase.json: the database "archive" {managed}',)
    (archive,) = found.databases
    assert (archive.database, archive.rules_name, archive.indexes) == ("archive", "firestore.rules", None)
    other = good(app, document, "archive")
    assert other.indexes is None
    assert other.notes == (f'firebase.json: the database "(default)" {managed}',)
    (default,) = other.databases
    assert default.indexes is not None


def test_a_database_without_an_entry_is_a_problem(app: Path) -> None:
    _, problems = read(app, {"firestore": {"database": "archive", **FIRESTORE}})
    assert problems == ['firestore has no entry for the database "(default)", only for archive.']


def test_several_codebases(app: Path) -> None:
    document = {
        "functions": [
            {"source": "functions", "codebase": "default", "runtime": "nodejs22", "ignore": ["*.local"]},
            {"source": "jobs/", "codebase": "jobs", "predeploy": "npm run build"},
        ]
    }
    first, second = good(app, document).codebases
    assert (first.runtime, first.ignore) == ("nodejs22", ("*.local",))
    assert (second.name, second.relative, second.predeploy) == ("jobs", "jobs", ("npm run build",))


def test_targets_that_are_not_deployed_are_notes(app: Path) -> None:
    found = good(app, {"firestore": FIRESTORE, "hosting": {}, "run": {}, "emulators": {}, "$schema": "x"})
    deploy = "npx firebase-tools deploy --only"
    with_it = "is not deployed by this program. Deploy it with:"
    experiment = "FIREBASE_CLI_EXPERIMENTS=directcloudrun"
    assert found.notes == (
        f'firebase.json: "hosting" {with_it} {deploy} hosting --project <project>',
        f'firebase.json: "run" {with_it} {experiment} {deploy} run --project <project>',
    )


def test_the_location_is_read(app: Path) -> None:
    assert good(app, {"firestore": {**FIRESTORE, "location": "eur3"}}).location == "eur3"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("[]", "one JSON object"),
        ('{"firestore": 1,}', "line 1, column 17"),
        ("{}", "has neither firestore nor functions nor storage"),
        ({"firestore": 1}, "firestore must be an object"),
        ({"firestore": "rules"}, "which is not a JSON file in"),
        ({"firestore": "missing.json"}, "which is not a JSON file in"),
        ({"firestore": [{"target": "main", "rules": "firestore.rules"}]}, "does not read deploy targets"),
        ({"firestore": [1]}, "firestore must be an object"),
        ({"firestore": [{}, {}]}, 'two entries for the database "(default)"'),
        ({"firestore": [{}, {"database": {"a": 1}}]}, "which is not the id of one"),
        ({"firestore": [{}, {"database": "A_b"}]}, "has the database 'A_b', which is not the id of one"),
        ({"firestore": [{}, {"database": "other", "rules": "no"}]}, "the file no, which does not exist"),
        ({"firestore": {"rules": 1}}, "firestore.rules must be a path"),
        ({"firestore": {"rules": "missing.rules"}}, "the file missing.rules, which does not exist"),
        ({"firestore": {"rules": "/etc/hostname"}}, "leaves the app's folder"),
        ({"firestore": {"rules": "functions/../../x"}}, "leaves the app's folder"),
        ({"firestore": {"rules": "functions"}}, "the file functions, which does not exist"),
        ({"functions": 1}, "functions[0] must be an object"),
        ({"functions": "functions"}, "which is not a JSON file in"),
        ({"functions": {"source": "../elsewhere"}}, "leaves the app's folder"),
        ({"functions": {"source": "nowhere"}}, "the folder nowhere, which does not exist"),
        ({"functions": {"source": "functions", "codebase": "my jobs"}}, "is not a codebase name"),
        ({"functions": {"source": "functions", "runtime": 22}}, "functions.runtime must be a string"),
        ({"functions": {"source": "functions", "ignore": 1}}, "functions.ignore must be a list of strings"),
        ({"functions": {"source": "functions", "codebase": "Jobs"}}, "is not a codebase name"),
        ({"functions": {"source": "functions", "codebase": "j" * 64}}, "is not a codebase name"),
        ({"functions": {"source": "functions", "codebase": ""}}, "is not a codebase name"),
        ({"functions": {"source": "functions", "prefix": "V1"}}, "is not a valid prefix for function names"),
        (
            {"functions": {"source": "functions", "prefix": "p" * 31}},
            "is not a valid prefix for function names",
        ),
        ({"functions": {"source": "functions", "prefix": 1}}, "functions.prefix must be a string"),
        ({"functions": {"source": "functions", "configDir": "../x"}}, "leaves the app's folder"),
        ({"functions": {"source": "functions", "serviceAccount": ""}}, "serviceAccount must be a string"),
        (
            {"functions": {"remoteSource": {"repository": "x", "ref": "main"}}},
            "packs the code in the checkout",
        ),
        ({"functions": {"sorce": "functions"}}, "is not a known property"),
        (
            {"functions": [{"source": "functions"}, {"source": "jobs"}]},
            'there are two codebases "default"',
        ),
        ({"function": {}, "firestore": {}}, '"function" is not a known section'),
        ({"firestor": {}, "functions": {"source": "functions"}}, '"firestor" is not a known section'),
    ],
)
def test_each_mistake_is_one_problem(app: Path, document: object, message: str) -> None:
    _, problems = read(app, document)
    assert len(problems) == 1, problems
    assert message in problems[0]


def test_a_link_that_leaves_the_app_is_a_problem(app: Path) -> None:
    (app / "linked.rules").symlink_to("/etc/hostname")
    _, problems = read(app, {"firestore": {"rules": "linked.rules"}})
    assert len(problems) == 1
    assert "leaves the app's folder" in problems[0]


def test_a_file_that_is_not_utf_8_is_a_problem(app: Path) -> None:
    (app / "firebase.json").write_bytes(b"\xff\xfe{")
    found, problems = load(app, "(default)")
    assert found is None
    assert "cannot be read" in problems[0].what
