"""The app's checkout: everything that firebase.json names, read and validated together.

All problems are collected. Two of them are otherwise found only in production: a function whose secret is not
configured, and a source file that is loaded here but not deployed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checkout import (
    archive,
    compiled_output,
    discovery,
    firebase_json,
    index_file,
    loaded_files,
    manifest,
    params,
    runtimes,
)
from checkout.archive import Archive
from checkout.endpoints import Endpoint
from checkout.index_file import FieldSpec, IndexFile, IndexSpec
from settings.keys import NAMESPACE
from settings.load import PROGRAM_DIR
from settings.model import Settings
from settings.problems import Problem

CACHE_DIR = PROGRAM_DIR / ".cache"
# One of them is enough for the CRM's AI functions; the other need not be configured.
ALTERNATIVE_SECRETS = frozenset({"OPENAI_API_KEY", "GROQ_API_KEY"})
_SECRETS = f"{NAMESPACE}:secrets"


@dataclass(frozen=True, kw_only=True)
class RulesFile:
    """Security rules: the path in firebase.json (part of the ruleset's identity) and the text."""

    name: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Codebase:
    """One functions codebase: its functions and its source archive.

    `output_folders` are the folders in `folder` that contain compiled output.
    """

    name: str
    folder: Path
    output_folders: tuple[Path, ...]
    endpoints: tuple[Endpoint, ...]
    archive: Archive
    required_apis: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class App:
    """Everything Firebase in the checkout. `warnings` and `notes` are shown to the user."""

    rules: RulesFile | None
    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]
    codebases: tuple[Codebase, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def load(settings: Settings, cache_dir: Path = CACHE_DIR) -> tuple[App | None, list[Problem]]:
    """The app, or None and all problems. Archives and manifests are cached in `cache_dir`."""
    found, problems = firebase_json.load(settings.app_dir, settings.google.firestore_database)
    if found is None:
        return None, problems
    location = settings.google.firestore_location
    if found.location is not None and found.location != location:
        what = f'is "{location}", but firebase.json names the location "{found.location}".'
        fix = f"pulumi config set {NAMESPACE}:firestoreLocation {found.location}"
        problems.append(Problem(key=f"{NAMESPACE}:firestoreLocation", what=what, fix=fix))
    rules = _rules(found, problems)
    indexes = _indexes(found, problems)
    codebases: list[Codebase] = []
    declared: set[str] = set()
    warnings: list[str] = []
    notes: list[str] = []
    for source in found.codebases:
        codebase = _codebase(settings, source, cache_dir, declared, problems, warnings, notes)
        if codebase is not None:
            codebases.append(codebase)
    if len(codebases) == len(found.codebases):
        problems += params.unknown(settings.functions.params, declared)
    problems += _deployed_twice(codebases)
    codebases, unused = _without_unused_alternative(settings, codebases)
    problems += _unconfigured(settings, codebases)
    app = App(
        rules=rules,
        indexes=indexes.indexes,
        fields=indexes.fields,
        codebases=tuple(codebases),
        warnings=(*warnings, *_unused_secrets(settings, codebases)),
        notes=(*found.notes, *notes, *unused),
    )
    return (None if problems else app), list(dict.fromkeys(problems))


def _text(path: Path, name: str, problems: list[Problem]) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(key=name, what=f"cannot be read: {error}.", fix=f"Save {name} as UTF-8."))
        return None


def _rules(found: firebase_json.FirebaseJson, problems: list[Problem]) -> RulesFile | None:
    name = found.rules_name
    content = None if found.rules is None else _text(found.rules, name, problems)
    if content is not None and not content.strip():
        fix = f"Write the rules, or remove {name} from firebase.json."
        problems.append(Problem(key=name, what="is empty: clients could read and write nothing.", fix=fix))
    return None if content is None else RulesFile(name=name, content=content)


def _indexes(found: firebase_json.FirebaseJson, problems: list[Problem]) -> IndexFile:
    text = None if found.indexes is None else _text(found.indexes, found.indexes_name, problems)
    if text is None:
        return IndexFile(indexes=(), fields=())
    parsed, more = index_file.parse(text, found.indexes_name)
    problems += more
    return parsed


def _codebase(
    settings: Settings,
    source: firebase_json.CodebaseSource,
    cache_dir: Path,
    declared: set[str],
    problems: list[Problem],
    warnings: list[str],
    notes: list[str],
) -> Codebase | None:
    """The codebase. Adds to `declared` the names of its params, and to the problems, warnings and notes."""
    where = source.relative
    google = settings.google
    runtime, more, unknown = runtimes.choose(settings.functions.runtime, source.runtime, source.folder, where)
    problems += more
    packed, more = archive.build(source.folder, source.ignore, source.name, where, cache_dir / "archives")
    problems += more
    unbuilt, outdated = compiled_output.validate(source)
    problems += unbuilt
    if packed is None or unbuilt:
        return None
    notes += [f"{where}: {text}" for text in packed.notes]
    answer, more = discovery.discover(
        discovery.Source(
            folder=source.folder,
            app_dir=settings.app_dir,
            where=where,
            digest=packed.sha256,
            project=google.project,
            firebase_config=google.firebase_config,
            environment={
                name: params.as_text(value)
                for name, value in settings.functions.params.items()
                if isinstance(value, str | bool | int | float)
            },
            timeout=settings.functions.discovery_timeout,
        ),
        cache_dir / "discovery",
    )
    problems += more
    if answer is None:
        return None
    notes += _printed(where, "stdout", answer.stdout)
    warnings += _printed(where, "stderr", answer.stderr)
    problems += loaded_files.validate(answer.loaded, packed.files, source)
    builtin: dict[str, params.Value] = {"PROJECT_ID": google.project, "GCLOUD_PROJECT": google.project}
    if google.storage_bucket is not None:
        builtin["STORAGE_BUCKET"] = google.storage_bucket
    resolved, more = params.resolve(answer.manifest.get("params"), settings.functions.params, builtin, where)
    problems += more
    declared.update(resolved.declared)
    parsed, more = manifest.parse(
        answer.manifest,
        resolved,
        manifest.Context(
            where=where,
            project=google.project,
            region=google.region,
            runtime=runtime,
            firestore_location=google.firestore_location,
            firestore_database=google.firestore_database,
            functions_roles=google.functions_roles,
        ),
    )
    problems += more
    texts = (*unknown, *outdated, *parsed.warnings, *_warnings(source, answer, parsed))
    warnings += [f"{where}: {text}" for text in texts]
    return Codebase(
        name=source.name,
        folder=source.folder,
        output_folders=compiled_output.output_folders(source),
        endpoints=parsed.endpoints,
        archive=packed,
        required_apis=parsed.required_apis,
    )


def _warnings(
    source: firebase_json.CodebaseSource, answer: discovery.Answer, parsed: manifest.Parsed
) -> list[str]:
    deployed = {endpoint.entry_point.split(".")[0] for endpoint in parsed.endpoints}
    found = [
        f"exports.{name} is not deployed: a later `module.exports = ...` replaces it. "
        f"Move {name} into that object."
        for name in answer.lost_exports
        if name not in deployed
    ]
    found += [f"exports.{name} is undefined, so it is not deployed." for name in answer.undefined_exports]
    if source.predeploy:
        commands = "; ".join(source.predeploy)
        found.append(f"this program does not run predeploy commands. Run them before: {commands}")
    dotenv = sorted(path.name for path in source.folder.glob(".env*") if path.is_file())
    if dotenv:
        found.append(
            f"{', '.join(dotenv)} is not read or deployed. Set values in {NAMESPACE}:functionParams, "
            f"secrets in {_SECRETS}."
        )
    return found


def _printed(where: str, stream: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return ["\n    ".join((f"{where}: while it was loaded, the code wrote to {stream}:", *lines))]


def _deployed_twice(codebases: Sequence[Codebase]) -> list[Problem]:
    owners: dict[tuple[str, str], str] = {}
    problems: list[Problem] = []
    for codebase in codebases:
        for endpoint in codebase.endpoints:
            owner = owners.setdefault((endpoint.service_id, endpoint.region), codebase.name)
            if owner != codebase.name:
                name = endpoint.id
                what = f"the codebases {owner} and {codebase.name} both deploy {name} in {endpoint.region}."
                fix = f"Rename {name} in one of them."
                problems.append(Problem(key="firebase.json", what=what, fix=fix))
    return problems


def _without_unused_alternative(
    settings: Settings, codebases: list[Codebase]
) -> tuple[list[Codebase], list[str]]:
    """Remove unconfigured alternatives from the functions that use a configured one. A function that uses
    only the unconfigured one keeps it: it needs that secret."""
    configured = ALTERNATIVE_SECRETS & set(settings.secrets.values)
    absent = ALTERNATIVE_SECRETS - configured
    removed: set[str] = set()

    def without(endpoint: Endpoint) -> Endpoint:
        used = {use.secret for use in endpoint.secrets}
        if not used & configured:
            return endpoint
        removed.update(used & absent)
        return replace(endpoint, secrets=tuple(use for use in endpoint.secrets if use.secret not in absent))

    kept = [
        replace(codebase, endpoints=tuple(without(endpoint) for endpoint in codebase.endpoints))
        for codebase in codebases
    ]
    return kept, [
        f"{name} is not configured; the other AI provider's key is used." for name in sorted(removed)
    ]


def _unconfigured(settings: Settings, codebases: Sequence[Codebase]) -> list[Problem]:
    """A problem for each missing secret, and one for alternatives of which none is configured."""
    configured = {*settings.secrets.values, settings.secrets.backend_url_secret}
    missing: dict[tuple[str, ...], dict[str, None]] = {}
    for endpoint in (endpoint for codebase in codebases for endpoint in codebase.endpoints):
        names = {use.secret for use in endpoint.secrets} - configured
        either = tuple(sorted(names & ALTERNATIVE_SECRETS))
        for group in (*((name,) for name in names.difference(either)), either):
            if group:
                missing.setdefault(group, {})[endpoint.id] = None
    problems: list[Problem] = []
    for group, users in sorted(missing.items()):
        name, *others = group
        if others and any((one,) in missing for one in group):
            continue  # another function needs one of them, which is enough for these functions too
        also = f" (nor is {', '.join(others)}; one of them is enough)" if others else ""
        verb = "use" if len(users) > 1 else "uses"
        what = f"{', '.join(users)} {verb} the secret {name}, which is not configured{also}."
        fix = f"pulumi config set --secret --path '{_SECRETS}.{name}'"
        problems.append(Problem(key=_SECRETS, what=what, fix=fix))
    return problems


def _unused_secrets(settings: Settings, codebases: Sequence[Codebase]) -> list[str]:
    endpoints = (endpoint for codebase in codebases for endpoint in codebase.endpoints)
    used = {use.secret for endpoint in endpoints for use in endpoint.secrets}
    return [
        f"{_SECRETS}.{name} is configured, but no function uses it. "
        f"To remove it: pulumi config rm --path '{_SECRETS}.{name}'"
        for name in settings.secrets.names
        if name not in used
    ]
