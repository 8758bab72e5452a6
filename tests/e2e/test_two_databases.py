"""An app with two Firestore databases: each gets its rules and its indexes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.faults import ACTOR_HEADER, MANUAL
from tests.e2e.backend_only import make_app, put
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

HEADERS = {"Authorization": f"Bearer {GOOGLE_TOKEN}", ACTOR_HEADER: MANUAL}
BASE = f"projects/{GOOGLE_PROJECT}"
ARCHIVE = "my-archive"
RULES = """rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /reports/{id} { allow read: if request.auth != null; }
  }
}
"""


def indexes(direction: str) -> str:
    fields = [{"fieldPath": "year", "order": "ASCENDING"}, {"fieldPath": "total", "order": direction}]
    index = {"collectionGroup": "reports", "queryScope": "COLLECTION_GROUP", "fields": fields}
    return json.dumps({"indexes": [index]})


class Google:
    """The project on the sandbox."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.running.google_url

    def send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = requests.request(method, f"{self._url}/{path}", json=body, headers=HEADERS, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def text(self, release: str) -> str:
        found = self.send("GET", f"firebaserules/v1/{BASE}/releases/{release}")
        ruleset = self.send("GET", f"firebaserules/v1/{found['rulesetName']}")
        return str(ruleset["source"]["files"][0]["content"])

    def indexes(self, database: str) -> list[list[str]]:
        path = f"firestore/v1/{BASE}/databases/{database}/collectionGroups/-/indexes"
        found = self.send("GET", path).get("indexes", [])
        return [[f"{field['fieldPath']} {field['order']}" for field in one["fields"]] for one in found]


@pytest.fixture(scope="module")
def google(stack: Stack) -> Google:
    """The project with a second database, in another location."""
    project = Google(stack)
    project.send("POST", f"serviceusage/v1/{BASE}/services/firestore.googleapis.com:enable", {})
    body = {"locationId": "us-east1", "type": "FIRESTORE_NATIVE"}
    project.send("POST", f"firestore/v1/{BASE}/databases?databaseId={ARCHIVE}", body)
    return project


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app."""
    folder = make_app(tmp_path_factory.mktemp("app") / "crm")
    archive = {"database": ARCHIVE, "rules": "archive.rules", "indexes": "archive.indexes.json"}
    document = {"firestore": [{"database": "(default)", "rules": "firestore.rules"}, archive]}
    (folder / "firebase.json").write_text(json.dumps(document))
    (folder / "archive.rules").write_text(RULES)
    (folder / "archive.indexes.json").write_text(indexes("DESCENDING"))
    return folder


def test_each_database_gets_its_rules_and_indexes(stack: Stack, app: Path, google: Google) -> None:
    put(stack, appDir=str(app), secrets=None)
    done = stack.up()
    note = f'the database "{ARCHIVE}" gets its rules and indexes.'
    assert f"{note} Its protection and its backups are not managed." in done.stdout
    assert google.text(f"cloud.firestore/{ARCHIVE}") == RULES
    assert google.text("cloud.firestore") == (app / "firestore.rules").read_text()
    assert google.indexes(ARCHIVE) == [["year ASCENDING", "total DESCENDING", "__name__ DESCENDING"]]
    assert google.indexes("(default)") == []
    verified = stack.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"rules cloud.firestore/{ARCHIVE}" in verified.stdout
    assert f"index {ARCHIVE} reports/collection_group/year-asc/total-desc" in verified.stdout
    unchanged = stack.pulumi("preview", "--refresh", "--run-program", "--expect-no-changes")
    assert unchanged.returncode == 0, unchanged.stdout


def test_another_index_replaces_the_one_of_this_database_only(
    stack: Stack, app: Path, google: Google
) -> None:
    (app / "archive.indexes.json").write_text(indexes("ASCENDING"))
    stack.up()
    assert google.indexes(ARCHIVE) == [["year ASCENDING", "total ASCENDING", "__name__ ASCENDING"]]


def test_rules_of_the_other_database_must_prove_the_same(stack: Stack, app: Path, google: Google) -> None:
    opened = RULES.replace("match /reports/{id}", "match /{any}/{id}").replace("allow read", "allow delete")
    (app / "archive.rules").write_text(opened)
    done = stack.pulumi("preview")
    assert done.returncode != 0
    assert "archive.rules" in done.stdout
    assert google.text(f"cloud.firestore/{ARCHIVE}") == RULES
    (app / "archive.rules").write_text(RULES)


def test_a_database_that_does_not_exist_is_an_error(stack: Stack, app: Path) -> None:
    document = json.loads((app / "firebase.json").read_text())
    document["firestore"].append({"database": "missing", "rules": "archive.rules"})
    (app / "firebase.json").write_text(json.dumps(document))
    done = stack.pulumi("preview")
    assert done.returncode != 0
    assert f"firestore names the database missing, which {GOOGLE_PROJECT} does not have" in done.stdout
    assert "gcloud firestore databases create --database=missing" in done.stdout


def test_a_database_that_leaves_firebase_json_is_an_error_that_names_what_stays(
    stack: Stack, app: Path
) -> None:
    (app / "firebase.json").write_text('{"firestore": {"rules": "firestore.rules"}}')
    done = stack.pulumi("preview")
    assert done.returncode != 0
    assert f"the release cloud.firestore/{ARCHIVE} of {GOOGLE_PROJECT} stays live with" in done.stdout
