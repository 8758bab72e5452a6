"""The rules of Google's settings, and what the other rules share.

A rule of a single value is a function on a `Key` of `settings.model`. A rule between settings takes the
reader and adds to its problems. Nothing here sends a request: the preview finds out whether a project exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pulumi
from pulumi.runtime.config import is_config_secret

from railway.validation import Rule
from settings import acceptance_names, flutter_names, privileged_roles
from settings.keys import NAMESPACE
from settings.parsing import document_problem, look_alike, nearest
from settings.problems import Problem
from settings.reader import ConfigReader, part_of, remove_command, set_command
from settings.variables import (
    FunctionVariables,
    common_variables,
    function_variable,
    looks_secret,
    own_variables,
)
from user_errors import OR

_PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_ROLE = re.compile(r"(?:(?:projects|organizations)/[A-Za-z0-9.-]+/)?roles/[A-Za-z0-9_.]+")
_FUNCTION_PLACE = re.compile(r"[a-z][a-z0-9-]{0,62}/[A-Za-z][A-Za-z0-9_-]{0,62}")
_OWN_ACCOUNT = re.compile(r"crm-fn(?:-[0-9a-f]{8})?@", re.IGNORECASE)  # components/identities.py
_SERVICE_ACCOUNT = re.compile(
    r"[a-z0-9][a-z0-9-]{2,62}@(?:(?:[a-z0-9.-]+\.iam|developer|appspot)\.gserviceaccount\.com)?",
    re.IGNORECASE,
)
_RETENTION = re.compile(r"([1-9][0-9]{0,2})([dw])")
_DAY, _WEEK = 86_400, 604_800  # seconds
FIRESTORE_BACKUP_KINDS = ("DAILY", "WEEKLY")
_FUNCTION = re.compile(r"(?:[a-z][a-z0-9-]{0,62}/)?[A-Za-z][A-Za-z0-9_.-]{0,199}")
_SHOWN_NAME = 80  # characters
_SEPARATOR = "|"
_PERMISSIONS = {
    "allowNewVolume": "an empty volume may replace a deleted one; all WhatsApp accounts then have to be "
    "paired again",
    "allowFunctionDeletion": "functions that the code no longer exports are deleted, however many they are",
    "createDatabase": "a Firestore database is created if the project has none of that id; a wrong "
    "project or id would not be noticed",
    "allowRulesRemoval": "security rules that firebase.json no longer names stay live, and nothing checks "
    "them",
}
"""The settings that allow something for one `pulumi up`, with what happens while they are true."""


def matching(pattern: str, what: str) -> Rule:
    """A value of a certain form; `what` completes "is not ..."."""
    compiled = re.compile(pattern)
    return lambda value: None if compiled.fullmatch(str(value)) else f"is not {what}"


location = matching(r"[a-z][a-z0-9-]*", "the name of a location (lower-case letters, digits and dashes)")
database = matching(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]", "a database id")
bucket = matching(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", "the name of a bucket")
# Firebase docs, "Get started with Realtime Database": the two domains of its instances.
database_url = matching(
    r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:firebaseio\.com|firebasedatabase\.app)/?",
    "the address of a Realtime Database (https://NAME.firebaseio.com or "
    "https://NAME.REGION.firebasedatabase.app)",
)
_collection_path = matching(
    r"(?:(?:[A-Za-z0-9_.~@()-]+|\{[A-Za-z_][A-Za-z0-9_]*\}|\*\*)/)*[A-Za-z0-9_.~@()-]+",
    "a collection (threads, threads/{id}/notes, or **/messages for any depth)",
)
key_label = matching(
    r"[A-Za-z0-9._-]{1,40}", "a label of up to 40 letters, digits, dots, dashes and underscores"
)


def collection(value: object) -> str | None:
    """The path of a collection."""
    path = str(value)
    if wrong := _collection_path(path):
        return wrong
    if "**" not in path and path.count("/") % 2:
        return "is the path of a document, not of a collection such as threads or threads/{id}/notes"
    return None


def google_project(value: object) -> str | None:
    """A project's id, not its number."""
    if str(value).isdigit():
        return "is a project number; the project id is needed"
    if _PROJECT_ID.fullmatch(str(value)):
        return None
    return "is not a Google project id (6 to 30 lower-case letters, digits and dashes)"


def google_project_fix(value: str) -> str | None:
    """The command that finds the id of a project number."""
    if not value.isdigit():
        return None
    find = f"gcloud projects describe {value} --format='value(projectId)'"
    return f'{set_command("googleProject")} "$({find})"'


def role(value: object) -> str | None:
    """An IAM role with which its holder cannot gain more rights or read all secrets."""
    if not _ROLE.fullmatch(str(value)):
        return "is not a role; a role looks like roles/datastore.user"
    return privileged_roles.reason(str(value))


def service_account(value: object) -> str | None:
    """The e-mail of a service account, or `name@` for one of the project."""
    if _SERVICE_ACCOUNT.fullmatch(str(value)):
        return None
    return "is not the e-mail of a service account (or name@ for an account of googleProject)"


def check_function_accounts(read: ConfigReader, accounts: Mapping[str, str]) -> None:
    """Each name is a region and a function, each value an account that the program does not choose itself."""
    key = "functionServiceAccounts"
    for function, email in accounts.items():
        part = f'["{function}"]'
        if not _FUNCTION_PLACE.fullmatch(function):
            what = f'"{function}" is not a region and a function, such as europe-west1/send.'
            read.add(key, what, remove_command(key, part))
        elif wrong := service_account(email):
            read.add(key, f"{function}: {email} {wrong}.", set_command(key, "<e-mail>", part))
        elif _OWN_ACCOUNT.match(email):
            what = f"{function}: {email} is an account that the program chooses, by the function's secrets."
            read.add(key, what, remove_command(key, part))


def check_acceptance_names(read: ConfigReader, names: Mapping[str, str]) -> None:
    """Each name is known, belongs to this setting, and is possible."""
    _check_names(read, "acceptanceNames", names, acceptance_names.wrong_name)


def check_flutter_names(read: ConfigReader, names: Mapping[str, str]) -> None:
    """Each name is known, and what it stands for is possible."""
    _check_names(read, "flutterNames", names, flutter_names.wrong_name)


def _check_names(
    read: ConfigReader,
    key: str,
    names: Mapping[str, str],
    wrong_name: Callable[[str, str], tuple[str, str | None] | None],
) -> None:
    for name, value in names.items():
        if wrong := wrong_name(name, value):
            what, guess = wrong
            part = part_of(name)
            fix = remove_command(key, part)
            if guess == name:
                fix = set_command(key, "<name>", part)
            elif guess is not None:
                fix += f"\n{set_command(key, '<name>', part_of(guess))}"
            elif key == "acceptanceNames" and name in acceptance_names.ALL:
                fix += f"\n{set_command('flutterNames', '<name>', part)}"
            read.add(key, what, fix)


def retention_seconds(text: str) -> int:
    """The seconds of a retention such as 7d or 14w; 0 if it is none, or more than Firestore allows."""
    found = _RETENTION.fullmatch(text)
    seconds = int(found[1]) * (_WEEK if found[2] == "w" else _DAY) if found else 0
    return seconds if seconds <= 14 * _WEEK else 0


def check_backups(read: ConfigReader, backups: Mapping[str, str]) -> None:
    """Firestore has one daily and one weekly schedule, and keeps a backup for up to 14 weeks."""
    key = "firestoreBackups"
    for kind, retention in backups.items():
        part = f".{kind}"
        if kind not in FIRESTORE_BACKUP_KINDS:
            guess = nearest(kind.upper(), FIRESTORE_BACKUP_KINDS) or FIRESTORE_BACKUP_KINDS[0]
            what = f'"{kind}" is not one of {", ".join(FIRESTORE_BACKUP_KINDS)}.'
            fix = f"{remove_command(key, part)}\n{set_command(key, '7d', f'.{guess}')}"
            read.add(key, what, fix)
        elif not retention_seconds(retention):
            what = (
                f"{kind} is {read.shown(key, retention)}, but must be how long a backup is kept: days or "
                "weeks, such as 7d or 14w, up to 14 weeks."
            )
            read.add(key, what, set_command(key, "7d", part))


def add_variable(read: ConfigReader, variable: str, what: str, fix: str) -> None:
    """Report a problem of an environment variable, or of a key of another namespace."""
    read.problems.append(Problem(key=variable, what=what, fix=fix))


def other_namespace(full: str) -> tuple[str, bool]:
    """A key of another namespace (`gcp:project`), "" when not set; and whether it is stored encrypted."""
    namespace, _, name = full.partition(":")
    return pulumi.Config(namespace).get(name) or "", is_config_secret(full)


def warn_permissions(read: ConfigReader, given: Mapping[str, bool]) -> None:
    """Warn about the settings that allow something for one `pulumi up` and are still true.

    Args:
        read: gets the warnings.
        given: key -> value, of the keys in `_PERMISSIONS`.
    """
    for key, allowed in given.items():
        if allowed:
            fix = f"{remove_command(key)}  # after this pulumi up"
            read.warn(key, f"is true: {_PERMISSIONS[key]}.", fix)


def check_never_delete(read: ConfigReader, collections: Sequence[str], exceptions: Mapping[str, str]) -> None:
    """Warn if no collection is protected; each exception must be a collection and have a reason."""
    if "neverDelete" not in read.invalid and not collections:
        read.warn(
            "neverDelete",
            "is empty: no collection is protected against deletes by clients.",
            f"{remove_command('neverDelete')}\nThe default protects clients, threads and messages.",
        )
    key = "allowClientDeletes"
    for name, reason in exceptions.items():
        part = f'["{name}"]'
        if wrong := collection(name):
            read.add(key, f'"{name}" {wrong}.', remove_command(key, part))
        elif len(reason.split()) < 2:
            command = f"{set_command(key, part=part)} '<the reason, in words>'"
            read.add(
                key,
                f"{name} needs a reason, in at least two words, why clients may delete its documents.",
                command,
            )


def check_unmanaged_functions(read: ConfigReader, functions: Mapping[str, str]) -> None:
    """Each name is the one of a function, with or without a region, and has a reason."""
    key = "unmanagedFunctions"
    for name, reason in functions.items():
        part = f'["{name}"]'
        if not _FUNCTION.fullmatch(name):
            what = f'"{name[:_SHOWN_NAME]}" is not NAME or REGION/NAME of a function.'
            read.add(key, what, remove_command(key, part))
        elif not reason.strip():
            command = f"{set_command(key, part=part)} '<the reason>'"
            read.add(key, f"{name} needs a reason why it is not managed.", command)


def check_app_dir(read: ConfigReader, folder: Path) -> None:
    """The checkout must exist before anything in it is read."""
    if "appDir" not in read.invalid and not folder.is_dir():
        read.add(
            "appDir",
            f"there is no folder {folder}.",
            set_command("appDir", "<the folder that holds firebase.json>"),
        )


def check_project(read: ConfigReader, project: str, stack: str) -> None:
    """The plugin's own setting must not name another project."""
    configured, _ = other_namespace("gcp:project")
    if configured and project and configured != project and "googleProject" not in read.invalid:
        add_variable(
            read,
            "gcp:project",
            f"is {configured}, but {NAMESPACE}:googleProject is {project}.{look_alike(configured, project)}",
            f"pulumi config rm gcp:project -s {stack}",
        )


def check_secret_names(read: ConfigReader, names: Iterable[str], backend_url: str) -> None:
    """Functions read secrets as environment variables."""
    for name in names:
        remove = remove_command("secrets", part_of(name))
        if name == backend_url:
            what = f"{name} is set by the program: it is the address that Railway gives the backend."
            read.add("secrets", what, remove)
        elif wrong := function_variable(name):
            what = f'"{name}" {wrong}; functions read a secret as an environment variable.'
            read.add("secrets", what, f"{remove}\nThen choose another name.")


def check_function_params(read: ConfigReader, params: Mapping[str, object], backend_url: str) -> None:
    """Each value is text that a variable can hold, and the param of the backend's address is not set."""
    for name, value in params.items():
        if wrong := document_problem(value):
            read.add(
                "functionParams", f"{name}: {wrong}", set_command("functionParams", "<string>", f".{name}")
            )
    if backend_url in params:
        what = f"{backend_url} is the backend's address, which the program sets."
        other = set_command("backendUrlVariable", "BACKEND_URL")
        read.add(
            "functionParams",
            what,
            f"{remove_command('functionParams', f'.{backend_url}')}\n"
            f"{OR}{other}  # another variable for the address",
        )


def alternatives(value: object) -> str | None:
    """Names of secrets, separated by |."""
    names = alternative_names(str(value))
    if len(set(names)) < 2 or any(function_variable(name) for name in names):
        return f"is not a list of two or more names of secrets, separated by {_SEPARATOR}"
    return None


def alternative_names(item: str) -> tuple[str, ...]:
    """The names in one item of `alternativeSecrets`."""
    return tuple(name.strip() for name in item.split(_SEPARATOR))


def check_function_variables(read: ConfigReader, variables: FunctionVariables, backend_url: str) -> None:
    """Variables of all functions, and of single ones. They are in the state in plain text."""
    key = "functionVariables"
    for function, own in (("", common_variables(variables)), *own_variables(variables).items()):
        for name in own:
            part = (part_of(function) if function else "") + part_of(name)
            remove = remove_command(key, part)
            if name == backend_url:
                what = f"{name} is the backend's address, which the program sets."
                read.add(
                    key,
                    what,
                    f"{remove}\n{OR}{set_command('backendUrlVariable', 'BACKEND_URL')}"
                    "  # another variable for the address",
                )
            elif wrong := function_variable(name):
                read.add(key, f'"{name}" {wrong}.', f"{remove}\nThen choose another name.")
            elif looks_secret(name):
                what = f"{name} looks like a secret, but is deployed in plain text."
                command = set_command("secrets", part=f".{name}", secret=True)
                read.warn(key, what, f"use defineSecret in the code, then run:\n{command}\n{remove}")
