"""The security rules of Cloud Storage in firebase.json (`storage`), and the buckets that they are for.

As in firebase-tools 15.34 (`src/deploy/storage`): an object is about the default bucket of the project, a
list has an object per bucket, and a deploy target stands for buckets in .firebaserc (`targets`, by project).
The default bucket is `<project>.firebasestorage.app`, in older projects `<project>.appspot.com`; Google knows
which (Cloud Storage for Firebase API, `projects.getDefaultBucket`), unless `storageBucket` names it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from checkout import rules_file
from checkout.archive import write_atomically
from checkout.firebase_json import StorageSource
from checkout.rules_file import RulesFile
from firebase.errors import GoogleError
from firebase.rest import GoogleApi
from settings import rules as setting_rules
from settings.files import FileError, exists, read_bytes
from settings.keys import NAMESPACE
from settings.model import GoogleSettings
from settings.parsing import mapping, read_json, strings
from settings.problems import Problem
from settings.reader import set_command
from user_errors import OR

FIREBASERC = ".firebaserc"
DEFAULT = ""
"""The bucket of rules that are for the project's default bucket, until it is known."""
_SERVICE = re.compile(r"\bservice\s+firebase\.storage\b")
_READS_FIRESTORE = re.compile(r"\bfirestore\.(?:get|exists)\b")
_AGENT_ROLE = "roles/firebaserules.firestoreServiceAgent"
_MISSING, _DISABLED = 404, "SERVICE_DISABLED"


@dataclass(frozen=True, kw_only=True)
class BucketRules:
    """The rules of one bucket; `bucket` is DEFAULT until the default bucket is known."""

    bucket: str
    file: RulesFile


def read(
    sources: Sequence[StorageSource], app_dir: Path, google: GoogleSettings
) -> tuple[tuple[BucketRules, ...], list[Problem]]:
    """The rules of each bucket, and what is wrong.

    Args:
        sources: the entries of firebase.json.
        app_dir: the folder of firebase.json and .firebaserc.
        google: the project, and its default bucket if `storageBucket` is set.
    """
    problems: list[Problem] = []
    found: list[BucketRules] = []
    for source in sources:
        file, more = rules_file.read(source.rules, source.rules_name)
        if file is not None and not more and not _SERVICE.search(file.content):
            what = "has no `service firebase.storage`: clients could read and write nothing."
            fix = "Write the rules in `service firebase.storage { match /b/{bucket}/o { ... } }`."
            more.append(Problem(key=source.rules_name, what=what, fix=fix))
        buckets, others = _buckets(source, app_dir, google)
        problems += [*more, *others]
        if file is not None:
            found += [BucketRules(bucket=bucket, file=file) for bucket in buckets]
    return tuple(found), [*dict.fromkeys(problems), *_twice(found)]


def _buckets(
    source: StorageSource, app_dir: Path, google: GoogleSettings
) -> tuple[Sequence[str], list[Problem]]:
    if source.target is not None:
        return _of_target(source.target, app_dir, google.project)
    if source.bucket is None:
        return [google.storage_bucket or DEFAULT], []
    if wrong := setting_rules.bucket(source.bucket):
        what = f'storage has the bucket "{source.bucket}", which {wrong}.'
        fix = 'Write the bucket\'s name without gs://, such as "my-crm.firebasestorage.app".'
        return [], [Problem(key="firebase.json", what=what, fix=fix)]
    return [source.bucket], []


def _of_target(target: str, app_dir: Path, project: str) -> tuple[Sequence[str], list[Problem]]:
    path = app_dir / FIREBASERC
    document, problems = read_json(path, FIREBASERC) if exists(path) else (None, [])
    place: object = document
    for key in ("targets", project, "storage"):
        place = (mapping(place) or {}).get(key)
    buckets = strings((mapping(place) or {}).get(target))
    if not buckets and not problems:
        what = f'storage has the target "{target}", for which {FIREBASERC} names no buckets of {project}.'
        fix = f"npx firebase-tools target:apply storage {target} <bucket> --project {project}"
        problems = [Problem(key="firebase.json", what=what, fix=f'{fix}\n{OR}write "bucket" instead')]
    return buckets or (), problems


def _twice(found: Sequence[BucketRules]) -> list[Problem]:
    buckets = [one.bucket for one in found]
    return [
        Problem(
            key="firebase.json",
            what=f"storage has two entries for the {_shown(bucket)}.",
            fix="Keep one of them: a bucket has one set of rules.",
        )
        for bucket in sorted({bucket for bucket in buckets if buckets.count(bucket) > 1})
    ]


def _shown(bucket: str) -> str:
    return f"bucket {bucket}" if bucket else "default bucket"


def with_buckets(
    api: GoogleApi, google: GoogleSettings, found: Sequence[BucketRules], cache: Path
) -> tuple[tuple[BucketRules, ...], list[Problem]]:
    """The rules with the default bucket's name, which Google is asked for once.

    Args:
        api: the client. It reads only.
        google: the project.
        found: what `read` returned.
        cache: a folder for the answer.
    """
    if not any(one.bucket == DEFAULT for one in found):
        return tuple(found), []
    name, problems = _default_bucket(api, google.project, cache)
    if problems:
        return (), problems
    named = [replace(one, bucket=one.bucket or name) for one in found]
    return tuple(named), _twice(named)


def _default_bucket(api: GoogleApi, project: str, cache: Path) -> tuple[str, list[Problem]]:
    path = f"projects/{project}/defaultBucket"
    operation = f"read the default bucket of {project}"
    given = set_command("storageBucket", f"<{project}.firebasestorage.app or {project}.appspot.com>")
    try:
        identity = f"{api.base('firebasestorage')}\n{project}"
        kept = cache / "default-bucket" / hashlib.sha256(identity.encode()).hexdigest()
        if known := _kept(kept):
            return known, []
        response = api.call("GET", "firebasestorage", path, operation=operation, repeatable=True)
    except GoogleError as error:
        what = f"the default bucket of {project} could not be read: {error.what}"
        fix = error.fix
        if error.status == _MISSING:
            what = f"storage has rules for the default bucket, but the project {project} has none."
            fix = f"create it: https://console.firebase.google.com/project/{project}/storage\n{OR}{given}"
        elif error.reason == _DISABLED:
            what = f"the default bucket of {project} is not known: the Cloud Storage for Firebase API is off."
            enable = f"gcloud services enable firebasestorage.googleapis.com --project {project}"
            fix = f"{given}\n{OR}{enable}"
        return "", [Problem(key="firebase.json", what=what, fix=fix)]
    bucket = cast("Mapping[str, object]", response.get("bucket") or {})
    name = str(bucket.get("name", "")).rpartition("/")[2]
    if not name:
        what = f"Google names no default bucket of {project}: it is being set up."
        return "", [Problem(key=f"{NAMESPACE}:storageBucket", what=what, fix=given)]
    write_atomically(kept, json.dumps(name).encode())
    return name, []


def _kept(path: Path) -> str:
    try:
        return str(json.loads(read_bytes(path)))
    except (FileError, ValueError):
        return ""


def notes(found: Sequence[BucketRules], google: GoogleSettings) -> list[str]:
    """A note for rules that read Firestore: the service that evaluates them needs a role for it.

    firebase-tools asks in a terminal whether to grant it, and grants nothing in CI (`src/rulesDeploy.ts`).
    """
    names = dict.fromkeys(one.file.name for one in found if _READS_FIRESTORE.search(one.file.content))
    return [
        f"{name} reads Firestore. The Cloud Storage for Firebase service agent needs the role {_AGENT_ROLE} "
        f"on {google.project}, which this program does not grant."
        for name in names
    ]
