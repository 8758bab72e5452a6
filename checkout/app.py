"""The app checkout as a whole: what its firebase.json points at, read and checked together.

Rules, indexes and functions are read where firebase.json says; every problem of all of them is reported
at once.
Refuses a function whose secret is not configured, and a source file that runs here but would not be
deployed: both are found in production otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from checkout import archive, discovery, firebase_json, index_file, manifest, params, runtimes
from checkout.archive import Archive
from checkout.endpoints import (
    CallableTrigger,
    Endpoint,
    EventTrigger,
    HttpsTrigger,
    ScheduleTrigger,
    SecretUse,
)
from checkout.index_file import FieldIndex, FieldSpec, IndexField, IndexSpec
from settings.keys import NAMESPACE
from settings.load import PROGRAM_DIR
from settings.model import Settings
from settings.problems import Problem

__all__ = [
    "App",
    "Archive",
    "CallableTrigger",
    "Codebase",
    "Endpoint",
    "EventTrigger",
    "FieldIndex",
    "FieldSpec",
    "HttpsTrigger",
    "IndexField",
    "IndexSpec",
    "RulesFile",
    "ScheduleTrigger",
    "SecretUse",
    "load",
]

CACHE_DIR = PROGRAM_DIR / ".cache"
# Either is enough for the CRM's AI functions: the one that is not configured is not bound.
ALTERNATIVE_SECRETS = frozenset({"OPENAI_API_KEY", "GROQ_API_KEY"})


@dataclass(frozen=True, kw_only=True)
class RulesFile:
    """Security rules: the name in firebase.json (part of the ruleset's identity) and the text."""

    name: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Codebase:
    """One functions codebase: what it deploys and the archive it deploys from."""

    name: str
    endpoints: tuple[Endpoint, ...]
    archive: Archive
    required_apis: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class App:
    """Everything Firebase in the checkout. `warnings` and `notes` are for the person; they stop nothing.

    `warnings` holds those of the codebases too.
    """

    rules: RulesFile | None
    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]
    codebases: tuple[Codebase, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def load(settings: Settings, cache_dir: Path = CACHE_DIR) -> tuple[App | None, list[Problem]]:
    """The app, or None and everything that is wrong with it. Archives and answers are kept in
    `cache_dir`.
    """
    found, problems = firebase_json.load(settings.app_dir, settings.google.firestore_database)
    if found is None:
        return None, problems
    location = settings.google.firestore_location
    if found.location is not None and found.location != location:
        problems.append(
            Problem(
                key=f"{NAMESPACE}:firestoreLocation",
                what=f'is "{location}", but firebase.json says that the database is in "{found.location}".',
                fix=f"pulumi config set {NAMESPACE}:firestoreLocation {found.location}",
            )
        )
    rules = _rules(found, problems)
    indexes = _indexes(found, problems)
    codebases: list[Codebase] = []
    declared: set[str] = set()
    for source in found.codebases:
        codebase, names, more = _codebase(settings, source, cache_dir)
        problems += more
        declared |= names
        if codebase is not None:
            codebases.append(codebase)
    if len(codebases) == len(found.codebases):
        problems += params.unknown(settings.functions.params, declared)
    problems += _twice(codebases)
    codebases, notes = _without_unused_alternative(settings, codebases)
    problems += _unconfigured(settings, codebases)
    warnings = [warning for codebase in codebases for warning in codebase.warnings]
    warnings += _unused(settings, codebases)
    app = App(
        rules=rules,
        indexes=indexes.indexes,
        fields=indexes.fields,
        codebases=tuple(codebases),
        warnings=tuple(warnings),
        notes=(*found.notes, *notes),
    )
    return (None if problems else app), problems


def _text(path: Path, name: str, problems: list[Problem]) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            Problem(key=name, what=f"cannot be read: {error}.", fix=f"Make {name} a text in UTF-8.")
        )
        return None


def _rules(found: firebase_json.FirebaseJson, problems: list[Problem]) -> RulesFile | None:
    if found.rules is None:
        return None
    content = _text(found.rules, found.rules_name, problems)
    if content is not None and not content.strip():
        problems.append(
            Problem(
                key=found.rules_name,
                what="is empty: nobody could read or write anything.",
                fix=f"Write the rules, or take {found.rules_name} out of firebase.json.",
            )
        )
    return None if content is None else RulesFile(name=found.rules_name, content=content)


def _indexes(found: firebase_json.FirebaseJson, problems: list[Problem]) -> index_file.IndexFile:
    text = None if found.indexes is None else _text(found.indexes, found.indexes_name, problems)
    if text is None:
        return index_file.IndexFile(indexes=(), fields=())
    parsed, more = index_file.parse(text, found.indexes_name)
    problems += more
    return parsed


def _codebase(
    settings: Settings, source: firebase_json.CodebaseSource, cache_dir: Path
) -> tuple[Codebase | None, set[str], list[Problem]]:
    """The codebase, the names of the params it declares, and its problems."""
    where = source.relative
    runtime, problems, unknown = runtimes.choose(
        settings.functions.runtime, source.runtime, source.folder, where
    )
    packed, more = archive.build(source.folder, source.ignore, source.name, where, cache_dir / "archives")
    problems += more
    if packed is None:
        return None, set(), problems
    answer, more = discovery.discover(
        discovery.Source(
            folder=source.folder,
            app_dir=settings.app_dir,
            where=where,
            digest=packed.sha256,
            project=settings.google.project,
            firebase_config=settings.google.firebase_config,
            environment=_param_texts(settings),
            timeout=settings.functions.discovery_timeout,
        ),
        cache_dir / "discovery",
    )
    problems += more
    if answer is None:
        return None, set(), problems
    names, _ = archive.packed_files(source.folder, source.ignore, where)
    problems += _not_packed(answer.loaded, names, where)
    project = settings.google.project
    bucket = settings.google.storage_bucket
    resolved, more = params.resolve(
        answer.manifest.get("params"),
        settings.functions.params,
        {
            "PROJECT_ID": project,
            "GCLOUD_PROJECT": project,
            **({} if bucket is None else {"STORAGE_BUCKET": bucket}),
        },
        where,
    )
    problems += more
    parsed, more = manifest.parse(
        answer.manifest,
        resolved,
        manifest.Context(
            where=where,
            project=project,
            region=settings.google.region,
            runtime=runtime,
            firestore_location=settings.google.firestore_location,
            firestore_database=settings.google.firestore_database,
            functions_roles=settings.google.functions_roles,
        ),
    )
    problems += more
    codebase = Codebase(
        name=source.name,
        endpoints=parsed.endpoints,
        archive=packed,
        required_apis=parsed.required_apis,
        warnings=tuple(
            f"{where}: {text}" for text in (*unknown, *parsed.warnings, *_warnings(source, answer, parsed))
        ),
    )
    return codebase, set(resolved.declared), problems


def _param_texts(settings: Settings) -> dict[str, str]:
    return {
        name: params.as_text(value)
        for name, value in settings.functions.params.items()
        if isinstance(value, str | bool | int | float)
    }


def _warnings(
    source: firebase_json.CodebaseSource, answer: discovery.Answer, parsed: manifest.Parsed
) -> list[str]:
    found: list[str] = []
    deployed = {endpoint.entry_point.split(".")[0] for endpoint in parsed.endpoints}
    found += [
        f"exports.{name} is lost: a later `module.exports = ...` replaces it, so it is not deployed. "
        f"Put {name} into that object."
        for name in answer.lost_exports
        if name not in deployed
    ]
    found += [f"exports.{name} is undefined, so it is not deployed." for name in answer.undefined_exports]
    if source.predeploy:
        found.append(
            f"its predeploy commands are not run here; run them before: {'; '.join(source.predeploy)}"
        )
    dotenv = sorted(path.name for path in source.folder.glob(".env*") if path.is_file())
    if dotenv:
        found.append(
            f"{', '.join(dotenv)} is neither read nor deployed. Values belong into "
            f"{NAMESPACE}:functionParams, secrets into {NAMESPACE}:secrets."
        )
    return found


def _not_packed(loaded: Iterable[str], packed: Sequence[str], where: str) -> list[Problem]:
    """Files that ran while the functions were loaded, but are not in the archive."""
    known = set(packed)
    problems: list[Problem] = []
    for name in loaded:
        if name in known:
            continue
        if name.startswith(".."):
            fix = f"Move it into {where}, or make it a published package: only {where} is deployed."
        else:
            fix = f'Add "!{name}" to "functions.ignore" in firebase.json.'
        place = str(PurePosixPath(where) / name)
        problems.append(
            Problem(key=place, what="the functions load this file, but it is not deployed.", fix=fix)
        )
    return problems


def _twice(codebases: Sequence[Codebase]) -> list[Problem]:
    owners: dict[tuple[str, str], str] = {}
    problems: list[Problem] = []
    for codebase in codebases:
        for endpoint in codebase.endpoints:
            owner = owners.setdefault((endpoint.service_id, endpoint.region), codebase.name)
            if owner != codebase.name:
                problems.append(
                    Problem(
                        key="firebase.json",
                        what=f"the codebases {owner} and {codebase.name} both deploy {endpoint.id} "
                        f"in {endpoint.region}.",
                        fix=f"Rename {endpoint.id} in one of them.",
                    )
                )
    return problems


def _users(codebases: Iterable[Codebase]) -> dict[str, list[str]]:
    """Which functions use each secret."""
    users: dict[str, list[str]] = {}
    for codebase in codebases:
        for endpoint in codebase.endpoints:
            for use in endpoint.secrets:
                names = users.setdefault(use.secret, [])
                if endpoint.id not in names:
                    names.append(endpoint.id)
    return users


def _without_unused_alternative(
    settings: Settings, codebases: list[Codebase]
) -> tuple[list[Codebase], list[str]]:
    """Drop the binding of an alternative that is not configured from the functions that bind another one
    that is. A function that binds nothing else needs that very secret, and keeps it.
    """
    configured = ALTERNATIVE_SECRETS & set(settings.secrets.values)
    absent = ALTERNATIVE_SECRETS - configured
    dropped: set[str] = set()

    def without(endpoint: Endpoint) -> Endpoint:
        bound = {use.secret for use in endpoint.secrets}
        if not bound & configured:
            return endpoint
        dropped.update(bound & absent)
        return replace(endpoint, secrets=tuple(use for use in endpoint.secrets if use.secret not in absent))

    kept = [
        replace(codebase, endpoints=tuple(without(endpoint) for endpoint in codebase.endpoints))
        for codebase in codebases
    ]
    return kept, [
        f"{name} is not configured; the other AI provider's key is used." for name in sorted(dropped)
    ]


def _unconfigured(settings: Settings, codebases: Sequence[Codebase]) -> list[Problem]:
    """A problem for each secret that is missing, and one for alternatives of which any will do."""
    configured = {*settings.secrets.values, settings.secrets.backend_url_secret}
    missing: dict[tuple[str, ...], list[str]] = {}
    for codebase in codebases:
        for endpoint in codebase.endpoints:
            names = {use.secret for use in endpoint.secrets} - configured
            either = sorted(names & ALTERNATIVE_SECRETS)
            groups = [(name,) for name in sorted(names.difference(either))]
            groups += [tuple(either)] if either else []
            for group in groups:
                users = missing.setdefault(group, [])
                if endpoint.id not in users:
                    users.append(endpoint.id)
    problems: list[Problem] = []
    for group, users in sorted(missing.items()):
        name, *others = group
        if others and any((one,) in missing for one in group):
            continue  # another function needs one of them, which is then enough for these
        also = f" (nor is {', '.join(others)}; one of them is enough)" if others else ""
        problems.append(
            Problem(
                key=f"{NAMESPACE}:secrets",
                what=f"{', '.join(users)} {'use' if len(users) > 1 else 'uses'} the secret {name}, "
                f"which is not configured{also}.",
                fix=f"pulumi config set --secret --path '{NAMESPACE}:secrets.{name}'",
            )
        )
    return problems


def _unused(settings: Settings, codebases: Sequence[Codebase]) -> list[str]:
    users = _users(codebases)
    return [
        f"{NAMESPACE}:secrets.{name} is configured, but no function uses it. "
        f"Remove it: pulumi config rm --path '{NAMESPACE}:secrets.{name}'"
        for name in settings.secrets.names
        if name not in users
    ]
