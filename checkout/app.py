"""The app's checkout: everything that firebase.json names, read and validated together.

All problems are collected. Two of them are otherwise found only in production: a function whose secret is not
configured, and a source file that is loaded here but not deployed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from checkout import (
    archive,
    auth_blocking,
    compiled_output,
    cpu_quota,
    dependencies,
    discovered,
    discovery,
    env_files,
    firebase_json,
    firestore_files,
    function_accounts,
    function_mentions,
    function_variables,
    isolation,
    loaded_files,
    manifest,
    never_delete,
    params,
    predeploy,
    reach,
    runtimes,
    secret_use,
    storage_rules,
    unmanaged,
)
from checkout.archive import Archive
from checkout.discovered import Results
from checkout.discovery import Discovered
from checkout.endpoints import Endpoint, Unmanaged
from checkout.firestore_files import OtherDatabase
from checkout.index_file import FieldSpec, IndexSpec
from checkout.never_delete import protection
from checkout.rules_file import RulesFile
from checkout.storage_rules import BucketRules
from settings.keys import NAMESPACE
from settings.load import PROGRAM_DIR
from settings.model import BACKEND_URL_VARIABLE, GoogleSettings, SecretSettings, Settings
from settings.problems import Problem
from settings.reader import set_command
from settings.variables import common_variables
from user_errors import OR, add_fix

CACHE_DIR = PROGRAM_DIR / ".cache"

# Calls that read FIREBASE_CONFIG, and what code mentions that brings its own value.
_DATABASE, _OWN_DATABASE = re.compile(r"\bgetDatabase\(\s*\)|\.database\(\s*\)"), re.compile("databaseURL")
_BUCKET, _OWN_BUCKET = re.compile(r"\.bucket\(\s*\)"), re.compile("storageBucket")


@dataclass(frozen=True, kw_only=True)
class Codebase:
    """One functions codebase: its functions and its source archive.

    `output_folders` are the folders in `folder` that contain compiled output. `sources` has, for each entry
    point, the digest of the files that count for it; it is empty unless `updateOnlyChanged` is set.
    """

    name: str
    folder: Path
    output_folders: tuple[Path, ...]
    endpoints: tuple[Endpoint, ...]
    archive: Archive
    required_apis: tuple[str, ...]
    unmanaged: tuple[Unmanaged, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class App:
    """Everything Firebase in the checkout. `warnings` and `notes` are shown to the user.

    `backend_secret` is the secret that holds the backend's address, None if no secret does. `storage_agent`
    is the account that publishes Cloud Storage's events, None if no function receives them. `storage` has the
    rules of Cloud Storage's buckets, `databases` the other databases of firebase.json.
    """

    rules: RulesFile | None
    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]
    codebases: tuple[Codebase, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    backend_secret: str | None = BACKEND_URL_VARIABLE
    storage_agent: str | None = None
    storage: tuple[BucketRules, ...] = ()
    databases: tuple[OtherDatabase, ...] = ()


@dataclass
class _Found:
    """What the codebases have in common: their params, and everything that is reported."""

    problems: list[Problem]
    warnings: list[str]
    notes: list[str]
    declared: dict[str, set[str]] = field(default_factory=dict)  # names of params, by codebase
    json_secrets: dict[str, str] = field(default_factory=dict)
    env_files: dict[str, _EnvFiles] = field(default_factory=dict)  # by codebase
    configuration: tuple[Path, ...] = ()  # see `checkout.predeploy`, as the next
    after_preview: bool = False


@dataclass(frozen=True)
class _EnvFiles:
    """The .env files of a codebase, their folder in messages, and by what their variables are overridden."""

    files: env_files.EnvFiles
    where: str
    overriding: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A codebase whose code was loaded: its runtime, its archive and its .env files.

    `notes` say which predeploy commands were run.
    """

    source: firebase_json.CodebaseSource
    runtime: str
    archive: Archive
    files: env_files.EnvFiles
    discovered: Discovered
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def load(
    settings: Settings,
    cache_dir: Path = CACHE_DIR,
    results: Path | None = None,
    *,
    after_preview: bool = False,
) -> tuple[App | None, list[Problem]]:
    """The app, or None and all problems.

    Args:
        settings: the settings of the stack.
        cache_dir: where archives and manifests are kept.
        results: the folder that `python -m ops discover` wrote; no code of the checkout is run then.
        after_preview: whether this is the update of a `pulumi up`, which has begun with a preview.
    """
    found, problems = firebase_json.load(
        settings.app_dir, settings.google.firestore_database, settings.google.project
    )
    if found is None:
        return None, problems
    location = settings.google.firestore_location
    if found.location is not None and found.location != location:
        what = f'is "{location}", but firebase.json names the location "{found.location}".'
        fix = set_command("firestoreLocation", found.location)
        problems.append(Problem(key=f"{NAMESPACE}:firestoreLocation", what=what, fix=fix))
    protected = protection(settings.google)
    problems += never_delete.useless_exceptions(protected)
    rules = firestore_files.rules(found, protected, problems)
    indexes = firestore_files.indexes(found, problems)
    databases = firestore_files.others(found, protected, problems)
    storage, more = storage_rules.read(found.storage, settings.app_dir, settings.google)
    problems += more
    seen = _Found(problems, list(found.warnings), list(found.notes))
    seen.configuration, seen.after_preview = predeploy.configuration(found), after_preview
    kept: Results | None = None
    if results is not None and found.codebases:
        kept, more = discovered.load(PROGRAM_DIR / results, str(results))
        problems += more
        if kept is None:
            return None, problems
    loaded = [_codebase(settings, source, cache_dir, kept, seen) for source in found.codebases]
    codebases = [codebase for codebase in loaded if codebase is not None]
    functions, secrets = settings.functions, settings.secrets
    codebases, more = _without_alternatives(secrets, codebases)
    seen.warnings += more
    backend_secret, codebases = _backend_address(secrets, codebases, seen)
    for codebase in codebases:
        seen.notes += _env_file_notes(codebase, seen.env_files[codebase.name], secrets.backend_url_variable)
    endpoints = [endpoint for codebase in codebases for endpoint in codebase.endpoints]
    left = [one for codebase in codebases for one in codebase.unmanaged]
    seen.notes += unmanaged.notes(left)
    seen.warnings += unmanaged.lost_secrets(left, {*secrets.names, backend_secret or ""}, endpoints)
    if len(codebases) == len(loaded):
        seen.warnings += unmanaged.unused(functions.unmanaged, left, endpoints)
        declared = set[str]().union(*seen.declared.values())
        problems += params.unknown(functions.params, declared)
        problems += function_variables.config_problems(functions, endpoints, declared)
    where = {source.name: source.relative for source in found.codebases}
    for codebase in codebases:
        problems += function_variables.limit_problems(
            codebase.endpoints, settings.google, where[codebase.name]
        )
        problems += function_accounts.problems(codebase.endpoints, settings.google, where[codebase.name])
    codebases = [
        replace(one, endpoints=function_accounts.with_kept(one.endpoints, settings.google))
        for one in codebases
    ]
    endpoints = [endpoint for codebase in codebases for endpoint in codebase.endpoints]
    problems += _deployed_twice(codebases)
    problems += auth_blocking.duplicates(endpoints)
    problems += secret_use.unconfigured(secrets, endpoints)
    problems += secret_use.not_json(secrets, seen.json_secrets)
    app = App(
        rules=rules,
        storage=storage,
        databases=databases,
        indexes=indexes.indexes,
        fields=indexes.fields,
        codebases=tuple(codebases),
        backend_secret=backend_secret,
        warnings=(
            *dict.fromkeys(seen.warnings),
            *secret_use.unused(secrets, endpoints),
            *function_accounts.unused(endpoints, settings.google),
            *function_accounts.kept_warnings(endpoints, settings.google),
            *_without_default(settings.google, codebases),
            *cpu_quota.warnings(endpoints, functions.cpu_quota),
        ),
        notes=(
            *seen.notes,
            *function_variables.config_notes(functions),
            *storage_rules.notes(storage, settings.google),
        ),
    )
    return (None if problems else app), list(dict.fromkeys(problems))


def _without_alternatives(
    secrets: SecretSettings, codebases: list[Codebase]
) -> tuple[list[Codebase], list[str]]:
    kept: list[Codebase] = []
    warnings: list[str] = []
    for codebase in codebases:
        endpoints, more = secret_use.without_alternatives(secrets, codebase.endpoints)
        kept.append(replace(codebase, endpoints=endpoints))
        warnings += more
    return kept, warnings


def _backend_address(
    secrets: SecretSettings, codebases: list[Codebase], seen: _Found
) -> tuple[str | None, list[Codebase]]:
    """The secret that holds the backend's address, and the codebases with the plain variable that does.

    It is a secret if a function binds it. It is a plain variable of the codebases that declare it as a param,
    and of all functions if nothing else reads it and the config sets `backendUrlVariable`. Otherwise it is a
    secret that no function reads, which is a warning.
    """
    name = secrets.backend_url_variable
    endpoints = [endpoint for codebase in codebases for endpoint in codebase.endpoints]
    bound = name in secret_use.used_secrets(endpoints)
    declaring = {codebase for codebase, names in seen.declared.items() if name in names}
    everywhere = not bound and not declaring and secrets.named_backend_url is not None
    plain = [codebase.name for codebase in codebases if everywhere or codebase.name in declaring]
    if plain and endpoints:
        seen.notes.append(f"{name} is set to the backend's address in the functions of {', '.join(plain)}.")
        codebases = [
            replace(codebase, endpoints=tuple(_with_address(one, name) for one in codebase.endpoints))
            if codebase.name in plain
            else codebase
            for codebase in codebases
        ]
    elif endpoints and not bound:
        fix = f"{set_command('backendUrlVariable', '<name>')}  # the variable that the code reads"
        if any(_reads(codebase, name) for codebase in codebases):
            fix = f"{set_command('backendUrlVariable', name)}  # a plain variable of all functions"
        seen.warnings.append(
            add_fix(
                f"no function binds the secret {name}, which the program sets to the backend's address.",
                f'bind it in the code (secrets: ["{name}"])\n{OR}{fix}',
                "    ",
            )
        )
    if bound:
        seen.notes += _unbound_notes(codebases, name)
    return (None if plain and not bound else name), codebases


def _unbound_notes(codebases: Sequence[Codebase], name: str) -> Iterator[str]:
    """A note for each codebase that reads the secret `name` and has functions that do not bind it."""
    for codebase in codebases:
        without = [one.id for one in codebase.endpoints if not _has_address(one, name)]
        if without and _reads(codebase, name):
            ids = ", ".join(dict.fromkeys(without))
            yield (
                f"the code reads process.env.{name}, which is a secret: functions that do not bind it do "
                f"not get it ({ids}). Bind it in each function that reads it."
            )


def _without_default(google: GoogleSettings, codebases: Sequence[Codebase]) -> Iterator[str]:
    """A warning for each call that fails at run time because FIREBASE_CONFIG lacks an optional key."""
    defaults = (
        ("databaseUrl", google.database_url, _DATABASE, _OWN_DATABASE),
        ("storageBucket", google.storage_bucket, _BUCKET, _OWN_BUCKET),
    )
    for key, calls, own in [(key, calls, own) for key, value, calls, own in defaults if value is None]:
        for codebase in codebases:
            where = codebase.folder, codebase.output_folders
            uses = codebase.endpoints and function_mentions.mentions(calls, *where)
            if uses and not function_mentions.mentions(own, *where):
                what = (
                    f"the code of {codebase.name} uses the default of {key}, which is not set: the call "
                    "fails at run time."
                )
                yield add_fix(what, set_command(key, "<value>"), "    ")


def _with_address(endpoint: Endpoint, name: str) -> Endpoint:
    """The endpoint with the backend's address as a plain variable, unless it binds a secret of that name."""
    if _has_address(endpoint, name):
        return endpoint
    environment = {key: value for key, value in endpoint.environment.items() if key != name}
    return replace(endpoint, backend_variable=name, environment=environment)


def _has_address(endpoint: Endpoint, name: str) -> bool:
    return endpoint.backend_variable == name or any(use.key == name for use in endpoint.secrets)


def _reads(codebase: Codebase, name: str) -> bool:
    return function_mentions.reads_variable(name, codebase.folder, codebase.output_folders)


def _env_file_notes(codebase: Codebase, env: _EnvFiles, backend_url: str) -> list[str]:
    overriding = {**function_variables.SET_BY_THE_PROGRAM, **env.overriding}
    replaced = [endpoint.id for endpoint in codebase.endpoints if _has_address(endpoint, backend_url)]
    if replaced:
        some = len(replaced) < len(codebase.endpoints)
        where = f" in {', '.join(dict.fromkeys(replaced))}" if some else ""
        overriding[backend_url] = f"the backend's address{where}"
    return function_variables.env_file_notes(env.files, env.where, overriding)


def load_code(
    settings: Settings, cache_dir: Path = CACHE_DIR, *, isolate: bool = True
) -> tuple[list[Loaded], list[Problem], list[str]]:
    """Every codebase, loaded; the problems; the warnings. `isolate`: see `checkout.discovery_source`."""
    found, problems = firebase_json.load(settings.app_dir, settings.google.firestore_database)
    if found is None:
        return [], problems, []
    seen = _Found(problems, [], [], configuration=predeploy.configuration(found))
    loaded = [
        _load_code(settings, source, cache_dir, None, seen, isolate=isolate) for source in found.codebases
    ]
    return [one for one in loaded if one is not None], list(dict.fromkeys(problems)), seen.warnings


def _load_code(
    settings: Settings,
    source: firebase_json.CodebaseSource,
    cache_dir: Path,
    kept: Results | None,
    seen: _Found,
    *,
    isolate: bool = True,
) -> Loaded | None:
    """Pack the codebase and find what it contains: in `kept` if that is given. Adds to `seen`."""
    where = source.relative
    google, problems = settings.google, seen.problems
    runtime, more, unknown = runtimes.choose(settings.functions.runtime, source.runtime, source.folder, where)
    problems += more
    hooks = kept is None and settings.functions.run_predeploy and bool(source.predeploy)
    ran = _predeploy(settings, source, cache_dir, seen, isolate=isolate) if hooks else predeploy.Outcome()
    problems += ran.problems
    if ran.problems:
        return None
    packed, more = archive.build(source.folder, source.ignore, source.name, where, cache_dir / "archives")
    problems += more
    # Kept results belong to the built code: what built it has been validated, and is not installed here.
    unbuilt, outdated = compiled_output.validate(source) if kept is None else ([], [])
    if kept is None and source.predeploy and not settings.functions.run_predeploy:
        unbuilt = [predeploy.may_run(problem) for problem in unbuilt]
        if not os.environ.get("CI"):  # there, a step before this one compiles
            outdated = [*outdated, predeploy.not_run(source, is_current=not outdated)]
    problems += unbuilt
    if packed is None or unbuilt:
        return None
    seen.notes += [f"{where}: {text}" for text in packed.notes]
    excluded = loaded_files.required(packed.files, source)
    problems += excluded
    if excluded:
        return None
    files, more = env_files.load(source.config_dir, settings.app_dir, google.project, source.config_relative)
    problems += more
    if kept is None:
        found, more = discovery.discover(
            discovery.Source(
                folder=source.folder,
                app_dir=settings.app_dir,
                where=where,
                digest=packed.sha256,
                google=google,
                environment=function_variables.loading_environment(settings, files),
                timeout=settings.functions.discovery_timeout,
                isolate=isolate,
            ),
            cache_dir / "discovery",
        )
    else:
        found, more = kept.of(source.name, where, packed.sha256, google.project)
    problems += more
    if found is None:
        return None
    if found.not_isolated:
        seen.warnings.append(f"{where}: {isolation.warning(found.not_isolated)}")
    lost = loaded_files.validate(found.loaded, packed.files, source)
    if not lost and kept is None:
        lost = dependencies.validate(found.packages, packed.files, source)
    problems += lost
    return Loaded(
        source=source,
        runtime=runtime,
        archive=packed,
        files=files,
        discovered=found,
        warnings=(*unknown, *outdated),
        notes=ran.notes,
    )


def _predeploy(
    settings: Settings,
    source: firebase_json.CodebaseSource,
    cache_dir: Path,
    seen: _Found,
    *,
    isolate: bool,
) -> predeploy.Outcome:
    """Run the predeploy commands. Adds to `seen`."""
    codebase = predeploy.Codebase(
        source=source,
        app_dir=settings.app_dir,
        project=settings.google.project,
        timeout=settings.functions.predeploy_timeout,
        configuration=seen.configuration,
        isolate=isolate,
    )
    ran = predeploy.run(codebase, cache_dir, after_preview=seen.after_preview)
    seen.notes += ran.notes
    if ran.not_isolated:
        seen.warnings.append(f"{source.relative}: {isolation.warning(ran.not_isolated)}")
    return ran


def _codebase(
    settings: Settings,
    source: firebase_json.CodebaseSource,
    cache_dir: Path,
    kept: Results | None,
    seen: _Found,
) -> Codebase | None:
    """The codebase. Adds what it found to `seen`."""
    loaded = _load_code(settings, source, cache_dir, kept, seen)
    if loaded is None:
        return None
    where = source.relative
    google, problems = settings.google, seen.problems
    packed, files, found = loaded.archive, loaded.files, loaded.discovered
    backend_url = settings.secrets.backend_url_variable
    seen.notes += _printed(where, "stdout", found.stdout)
    seen.warnings += _printed(where, "stderr", found.stderr)
    sources = params.Sources(
        configured=settings.functions.params,
        builtin=_builtin_params(google),
        files=files,
        provided=(backend_url,),
    )
    resolved, more = params.resolve(found.manifest.get("params"), sources, where)
    problems += more
    seen.notes += function_variables.param_notes(settings.functions, resolved.declared, where)
    seen.declared[source.name] = set(resolved.declared)
    seen.json_secrets |= dict.fromkeys(resolved.json_secrets, where)
    parsed, more = manifest.parse(
        found.manifest,
        resolved,
        manifest.Context(
            where=where,
            google=google,
            runtime=loaded.runtime,
            prefix=source.prefix,
            service_account=source.service_account,
            variables=files.values,
            sources=files.sources,
            configured=settings.functions.variables,
            backend_url=backend_url,
            unmanaged=settings.functions.unmanaged,
        ),
    )
    problems += more
    texts = (*loaded.warnings, *parsed.warnings, *_warnings(source, found, parsed))
    seen.warnings += [f"{where}: {text}" for text in texts]
    seen.warnings += function_variables.env_file_warnings(files, set(resolved.secrets))
    overriding = {
        **dict.fromkeys(
            set(settings.functions.params) & set(resolved.declared), f"{NAMESPACE}:functionParams"
        ),
        **dict.fromkeys(
            common_variables(settings.functions.variables), f"{NAMESPACE}:{function_variables.KEY}"
        ),
    }
    seen.env_files[source.name] = _EnvFiles(files, source.config_relative, overriding)
    return Codebase(
        name=source.name,
        folder=source.folder,
        output_folders=compiled_output.output_folders(source),
        endpoints=parsed.endpoints,
        archive=packed,
        required_apis=parsed.required_apis,
        unmanaged=parsed.unmanaged,
        sources=(
            reach.digests(found.graph, packed.contents, {one.entry_point for one in parsed.endpoints})
            if settings.functions.update_only_changed
            else {}
        ),
    )


def _builtin_params(google: GoogleSettings) -> dict[str, params.Value]:
    found: dict[str, params.Value | None] = {
        "PROJECT_ID": google.project,
        "GCLOUD_PROJECT": google.project,
        "STORAGE_BUCKET": google.storage_bucket,
        "DATABASE_URL": google.database_url,
    }
    return {name: value for name, value in found.items() if value is not None}


def _warnings(source: firebase_json.CodebaseSource, result: Discovered, parsed: manifest.Parsed) -> list[str]:
    deployed = {endpoint.entry_point.split(".")[0] for endpoint in parsed.endpoints}
    found = [
        f"exports.{name} is not deployed: a later `module.exports = ...` replaces it. "
        f"Move {name} into that object."
        for name in result.overwritten_exports
        if name not in deployed
    ]
    found += [f"exports.{name} is undefined, so it is not deployed." for name in result.undefined_exports]
    if source.postdeploy:
        commands = "; ".join(source.postdeploy)
        found.append(f"this program does not run postdeploy commands. Run them afterwards: {commands}")
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
