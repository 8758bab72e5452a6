"""The Firestore database of the settings, looked at before any resource is registered.

The database holds the data and is imported, never created or replaced, unless `createDatabase` is set. Its
location and edition cannot change, and a database in Datastore mode has no security rules, so settings that
say something else are a problem. A database that is as the settings say is not read again: the result is
cached.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from firebase.errors import GoogleError
from firebase.rest import GoogleApi
from settings.keys import NAMESPACE
from settings.model import GoogleSettings
from settings.problems import Problem
from settings.reader import set_command
from user_errors import OR

NATIVE = "FIRESTORE_NATIVE"
STANDARD = "STANDARD"
ABSENT = 404
DISABLED = "SERVICE_DISABLED"


def database_problems(api: GoogleApi, google: GoogleSettings, cache: Path) -> list[Problem]:
    """What keeps the program from using the database; empty if it is what the settings say.

    Args:
        api: the client. It reads only.
        google: the settings.
        cache: a folder for the databases that were as the settings say.
    """
    name = f"projects/{google.project}/databases/{google.firestore_database}"
    try:
        identity = (api.base("firestore"), name, google.firestore_location, google.firestore_edition)
        verified = cache / "database" / hashlib.sha256("\n".join(identity).encode()).hexdigest()
        if verified.exists():
            return []
        live = api.call("GET", "firestore", name, operation=f"read the database {name}", repeatable=True)
    except GoogleError as error:
        if error.status == ABSENT or error.reason == DISABLED:
            return [] if google.create_database else [_missing(google, disabled=error.reason == DISABLED)]
        what = f"the Firestore database could not be read: {error.what}"
        return [Problem(key=f"{NAMESPACE}:firestoreDatabase", what=what, fix=error.fix)]
    problems = _differences(google, {key: str(value) for key, value in live.items()})
    if not problems:
        verified.parent.mkdir(parents=True, exist_ok=True)
        verified.touch()
    return problems


def other_problems(api: GoogleApi, project: str, database: str, cache: Path) -> list[Problem]:
    """What keeps another database of firebase.json from getting its rules and indexes.

    Args:
        api: the client. It reads only.
        project: the project.
        database: the id of the database.
        cache: a folder for the databases that were found.
    """
    name = f"projects/{project}/databases/{database}"
    try:
        identity = (api.base("firestore"), name, NATIVE)
        verified = cache / "database" / hashlib.sha256("\n".join(identity).encode()).hexdigest()
        if verified.exists():
            return []
        live = api.call("GET", "firestore", name, operation=f"read the database {name}", repeatable=True)
    except GoogleError as error:
        what, fix = f"the database {database} could not be read: {error.what}", error.fix
        if error.status == ABSENT or error.reason == DISABLED:
            what = f"firestore names the database {database}, which {project} does not have."
            fix = (
                f"gcloud firestore databases create --database={database} --location=<location> "
                f"--project={project}"
            )
        return [Problem(key="firebase.json", what=what, fix=fix)]
    if live.get("type") == NATIVE:
        verified.parent.mkdir(parents=True, exist_ok=True)
        verified.touch()
        return []
    what = f"the database {database} is of the type {live.get('type')}, which has no security rules."
    return [Problem(key="firebase.json", what=what, fix="Remove its entry from firestore.")]


def _differences(google: GoogleSettings, live: dict[str, str]) -> list[Problem]:
    shown = f"the Firestore database {google.firestore_database} of {google.project}"
    problems: list[Problem] = []
    location = live.get("locationId", "")
    if location != google.firestore_location:
        what = f"is {google.firestore_location}, but {shown} is in {location}. A database cannot be moved."
        fix = set_command("firestoreLocation", location)
        problems.append(Problem(key=f"{NAMESPACE}:firestoreLocation", what=what, fix=fix))
    edition = live.get("databaseEdition") or STANDARD
    if edition != google.firestore_edition:
        what = f"is {google.firestore_edition}, but {shown} has the edition {edition}, which cannot change."
        fix = set_command("firestoreEdition", edition)
        problems.append(Problem(key=f"{NAMESPACE}:firestoreEdition", what=what, fix=fix))
    if live.get("type") != NATIVE:
        what = (
            f"is {google.firestore_database}, but {shown} is of the type {live.get('type')}. Security rules "
            "and Firestore triggers need a database in Native mode."
        )
        fix = (
            f"{set_command('firestoreDatabase', '<a database in Native mode>')}\n"
            f"{OR}gcloud firestore databases update --database='{google.firestore_database}' "
            f"--project={google.project} --type=firestore-native  # while it is empty"
        )
        problems.append(Problem(key=f"{NAMESPACE}:firestoreDatabase", what=what, fix=fix))
    return problems


def _missing(google: GoogleSettings, *, disabled: bool) -> Problem:
    reason = " Its Firestore API is off." if disabled else ""
    command = set_command("createDatabase", "true")
    return Problem(
        key=f"{NAMESPACE}:firestoreDatabase",
        what=(
            f"is {google.firestore_database}, but the project {google.project} has no such Firestore "
            f"database.{reason} It is not created by itself, because the project or the name may be wrong."
        ),
        fix=(
            f"{command}  # creates it in {google.firestore_location}\n"
            f"{OR}{set_command('firestoreDatabase', '<id of an existing one>')}"
        ),
    )
