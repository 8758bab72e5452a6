"""Rules of Cloud Storage in firebase.json: which buckets they are for, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checkout import firebase_json, storage_rules
from checkout.storage_rules import BucketRules
from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from settings.model import GoogleSettings
from settings.problems import Problem

pytestmark = pytest.mark.unit

RULES = """rules_version = '2';
service firebase.storage {
  match /b/{bucket}/o { match /{path=**} { allow read: if request.auth != null; } }
}
"""
DEFAULT = "my-crm.firebasestorage.app"


class Project(GoogleApi):
    """A project with a default bucket, or an error."""

    def __init__(self, answer: JsonObject | GoogleError) -> None:
        super().__init__(environ={})
        self.answer = answer
        self.asked: list[str] = []

    def call(self, method: str, product: str, path: str, **_rest: Any) -> JsonObject:
        self.asked.append(f"{method} {product} {path}")
        if isinstance(self.answer, GoogleError):
            raise self.answer
        return self.answer


class App:
    """An app with rules for Cloud Storage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "storage.rules").write_text(RULES)
        (folder / "other.rules").write_text(RULES.replace("null", "false"))

    def read(
        self, storage: object, bucket: str | None = None
    ) -> tuple[tuple[BucketRules, ...], list[Problem]]:
        (self.folder / "firebase.json").write_text(json.dumps({"storage": storage}))
        found, problems = firebase_json.load(self.folder, "(default)", "my-crm")
        assert found is not None
        if problems:
            return (), problems
        google = GoogleSettings(project="my-crm", firestore_location="eur3", storage_bucket=bucket)
        return storage_rules.read(found.storage, self.folder, google)

    def buckets(self, storage: object, bucket: str | None = None) -> dict[str, str]:
        """Bucket -> file."""
        found, problems = self.read(storage, bucket)
        assert problems == []
        return {one.bucket: one.file.name for one in found}

    def problem(self, storage: object) -> Problem:
        (problem,) = self.read(storage)[1]
        return problem


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


def test_an_object_is_for_the_default_bucket(app: App) -> None:
    assert app.buckets({"rules": "storage.rules"}) == {storage_rules.DEFAULT: "storage.rules"}
    assert app.buckets({"rules": "storage.rules"}, "crm-files") == {"crm-files": "storage.rules"}


def test_a_list_has_an_entry_for_each_bucket(app: App) -> None:
    storage = [
        {"bucket": "crm-files", "rules": "storage.rules"},
        {"bucket": "crm-archive", "rules": "other.rules"},
    ]
    assert app.buckets(storage) == {"crm-files": "storage.rules", "crm-archive": "other.rules"}


@pytest.mark.parametrize("as_list", [False, True])
def test_a_target_stands_for_the_buckets_of_the_project(app: App, *, as_list: bool) -> None:
    targets = {
        "my-crm": {"storage": {"main": ["crm-files", "crm-archive"]}},
        "other": {"storage": {"main": ["x"]}},
    }
    (app.folder / ".firebaserc").write_text(json.dumps({"targets": targets}))
    entry = {"rules": "storage.rules", "target": "main"}
    found = app.buckets([entry] if as_list else entry)
    assert found == {"crm-files": "storage.rules", "crm-archive": "storage.rules"}


@pytest.mark.parametrize(
    ("storage", "what", "fix"),
    [
        (1, "storage must be an object", 'Write "storage"'),
        ([1], "storage must be an object", 'Write "storage"'),
        ([], "storage must be an object", 'Write "storage"'),
        ({}, "storage names no rules", 'Write "rules": "storage.rules" in storage.'),
        ({"rules": "missing.rules"}, "the file missing.rules, which does not exist", "Create missing.rules"),
        ({"rules": "/etc/hostname"}, "leaves the app's folder", "Move it into"),
        ([{"rules": "storage.rules"}], 'storage[0] has neither "bucket" nor "target"', 'Write "bucket"'),
        ({"rules": "storage.rules", "bucket": "b"}, "which the Firebase CLI ignores", "Write a list"),
        ([{"rules": "storage.rules", "bucket": "gs://b"}], 'the bucket "gs://b", which', "without gs://"),
        (
            {"rules": "storage.rules", "target": "main"},
            'the target "main", for which .firebaserc names no buckets of my-crm',
            "npx firebase-tools target:apply storage main <bucket> --project my-crm",
        ),
        (
            [{"rules": "storage.rules", "bucket": "one"}, {"rules": "other.rules", "bucket": "one"}],
            "two entries for the bucket one",
            "Keep one of them",
        ),
    ],
)
def test_what_cannot_be_released_is_a_problem(app: App, storage: object, what: str, fix: str) -> None:
    problem = app.problem(storage)
    assert what in problem.what
    assert problem.fix.startswith(fix) or fix in problem.fix


@pytest.mark.parametrize("text", ["", "rules_version = '2';\nservice cloud.firestore { }"])
def test_a_file_without_rules_of_storage_is_a_problem(app: App, text: str) -> None:
    """Google accepts it, and then no client can read or write the bucket."""
    (app.folder / "storage.rules").write_text(text)
    problem = app.problem({"rules": "storage.rules"})
    assert problem.key == "storage.rules"
    assert "clients could read and write nothing" in problem.what


def test_google_is_asked_once_for_the_default_bucket(app: App, tmp_path: Path) -> None:
    for form in (DEFAULT, "my-crm.appspot.com"):
        api = Project({"bucket": {"name": f"projects/my-crm/buckets/{form}"}})
        found, _ = app.read({"rules": "storage.rules"})
        google = GoogleSettings(project="my-crm", firestore_location="eur3")
        for _ in range(2):
            named, problems = storage_rules.with_buckets(api, google, found, tmp_path / form)
            assert problems == []
            assert [one.bucket for one in named] == [form]
        assert api.asked == ["GET firebasestorage projects/my-crm/defaultBucket"]


def test_a_named_bucket_needs_no_request(app: App, tmp_path: Path) -> None:
    api = Project({})
    found, _ = app.read({"rules": "storage.rules"}, "crm-files")
    google = GoogleSettings(project="my-crm", firestore_location="eur3")
    assert storage_rules.with_buckets(api, google, found, tmp_path) == (found, [])
    assert api.asked == []


@pytest.mark.parametrize(
    ("answer", "what", "fix"),
    [
        (
            GoogleError("no bucket", "x", status=404, reason="NOT_FOUND"),
            "the project my-crm has none",
            "https://console.firebase.google.com/project/my-crm/storage",
        ),
        (
            GoogleError("off", "x", status=403, reason="SERVICE_DISABLED"),
            "the Cloud Storage for Firebase API is off",
            "gcloud services enable firebasestorage.googleapis.com --project my-crm",
        ),
        (GoogleError("denied", "ask the owner", status=403), "could not be read: denied", "ask the owner"),
        ({}, "it is being set up", "pulumi config set whatsapp-crm:storageBucket"),
    ],
)
def test_an_unknown_default_bucket_is_a_problem(
    app: App, tmp_path: Path, answer: JsonObject | GoogleError, what: str, fix: str
) -> None:
    found, _ = app.read({"rules": "storage.rules"})
    google = GoogleSettings(project="my-crm", firestore_location="eur3")
    named, (problem,) = storage_rules.with_buckets(Project(answer), google, found, tmp_path)
    assert named == ()
    assert what in problem.what
    assert fix in problem.fix


def test_rules_that_read_firestore_are_a_note(app: App) -> None:
    (app.folder / "storage.rules").write_text(RULES.replace("request.auth != null", "firestore.exists(/x)"))
    found, _ = app.read({"rules": "storage.rules"})
    google = GoogleSettings(project="my-crm", firestore_location="eur3")
    (note,) = storage_rules.notes(found, google)
    assert "storage.rules reads Firestore" in note
    assert "roles/firebaserules.firestoreServiceAgent on my-crm" in note
    (app.folder / "storage.rules").write_text(RULES)
    assert storage_rules.notes(app.read({"rules": "storage.rules"})[0], google) == []
