"""The database that the settings name, as the program looks at it before it registers anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checkout.live_database import database_problems, other_problems
from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from settings.model import GoogleSettings

pytestmark = pytest.mark.unit

SETTINGS = GoogleSettings(project="my-crm", firestore_location="eur3")
NEW = replace(SETTINGS, create_database=True)
LIVE: JsonObject = {"locationId": "eur3", "type": "FIRESTORE_NATIVE", "databaseEdition": "STANDARD"}
ABSENT = GoogleError("no such database", "none", status=404, reason="NOT_FOUND")
OFF = GoogleError("the API is off", "none", status=403, reason="SERVICE_DISABLED")


class Google(GoogleApi):
    """Has one answer, and counts how often it was asked."""

    def __init__(self, answer: JsonObject | GoogleError) -> None:
        super().__init__(environ={})
        self.answer = answer
        self.asked: list[str] = []

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        assert (method, product) == ("GET", "firestore"), "looking must change nothing"
        self.asked.append(path)
        if isinstance(self.answer, GoogleError):
            raise self.answer
        return self.answer


def problems(answer: JsonObject | GoogleError, settings: GoogleSettings, cache: Path) -> list[str]:
    """The problems as they are shown."""
    return [str(problem) for problem in database_problems(Google(answer), settings, cache)]


def test_a_database_as_the_settings_say_is_read_once(tmp_path: Path) -> None:
    google = Google(LIVE)
    assert database_problems(google, SETTINGS, tmp_path) == []
    assert database_problems(google, SETTINGS, tmp_path) == []
    assert google.asked == ["projects/my-crm/databases/(default)"]


@pytest.mark.parametrize(
    "changes",
    [
        {"project": "other-crm"},
        {"firestore_database": "other"},
        {"firestore_location": "nam5"},
        {"firestore_edition": "ENTERPRISE"},
    ],
)
def test_other_settings_are_compared_again(tmp_path: Path, changes: dict[str, str]) -> None:
    google = Google(LIVE)
    database_problems(google, SETTINGS, tmp_path)
    database_problems(google, replace(SETTINGS, **changes), tmp_path)
    assert len(google.asked) == 2


@pytest.mark.parametrize(
    ("answer", "key", "fix"),
    [
        (
            {**LIVE, "locationId": "nam5"},
            "whatsapp-crm:firestoreLocation: is eur3, but the Firestore database (default) of my-crm is",
            "fix: pulumi config set whatsapp-crm:firestoreLocation nam5",
        ),
        (
            {**LIVE, "databaseEdition": "ENTERPRISE"},
            "whatsapp-crm:firestoreEdition: is STANDARD, but",
            "fix: pulumi config set whatsapp-crm:firestoreEdition ENTERPRISE",
        ),
        (
            {**LIVE, "type": "DATASTORE_MODE"},
            "whatsapp-crm:firestoreDatabase: is (default), but",
            "--type=firestore-native",
        ),
    ],
)
@pytest.mark.parametrize("settings", [SETTINGS, NEW])
def test_a_database_of_another_kind_is_a_problem_and_not_cached(
    tmp_path: Path, settings: GoogleSettings, answer: JsonObject, key: str, fix: str
) -> None:
    for _ in range(2):
        (shown,) = problems(answer, settings, tmp_path)
        assert shown.startswith(key)
        assert fix in shown


def test_an_edition_that_google_does_not_name_is_the_standard_one(tmp_path: Path) -> None:
    old = {key: value for key, value in LIVE.items() if key != "databaseEdition"}
    assert problems(old, SETTINGS, tmp_path) == []


@pytest.mark.parametrize("answer", [ABSENT, OFF])
def test_a_missing_database_is_a_problem_unless_it_may_be_created(
    tmp_path: Path, answer: GoogleError
) -> None:
    (shown,) = problems(answer, SETTINGS, tmp_path)
    assert "the project my-crm has no such Firestore database" in shown
    assert ("API is off" in shown) == (answer is OFF)
    assert "fix: pulumi config set whatsapp-crm:createDatabase true  # creates it in eur3\n" in shown
    assert problems(answer, NEW, tmp_path) == []


def test_a_database_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    denied = GoogleError("denied", "grant the role", status=403, reason="PERMISSION_DENIED")
    for settings in (SETTINGS, NEW):
        (shown,) = problems(denied, settings, tmp_path)
        assert "the Firestore database could not be read: denied" in shown
        assert "fix: grant the role" in shown


@pytest.mark.parametrize(
    ("answer", "what", "fix"),
    [
        (ABSENT, "which my-crm does not have", "gcloud firestore databases create --database=archive"),
        (OFF, "which my-crm does not have", "gcloud firestore databases create --database=archive"),
        ({**LIVE, "type": "DATASTORE_MODE"}, "of the type DATASTORE_MODE", "Remove its entry"),
        (GoogleError("denied", "ask the owner", status=403), "could not be read: denied", "ask the owner"),
    ],
)
def test_another_database_that_gets_no_rules_is_a_problem(
    tmp_path: Path, answer: JsonObject | GoogleError, what: str, fix: str
) -> None:
    (problem,) = other_problems(Google(answer), "my-crm", "archive", tmp_path)
    assert problem.key == "firebase.json"
    assert what in problem.what
    assert fix in problem.fix


def test_another_database_is_read_once_wherever_it_is(tmp_path: Path) -> None:
    google = Google({**LIVE, "locationId": "us-east1"})
    for _ in range(2):
        assert other_problems(google, "my-crm", "archive", tmp_path) == []
    assert google.asked == ["projects/my-crm/databases/archive"]
