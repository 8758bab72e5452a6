"""Read and check the whole config of a stack before anything is sent anywhere.

`load_settings` collects every error, each with its key and its fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pulumi

from settings import credential_rules, railway_file, railway_rules, readiness_rules, rules, text_rules
from settings.files import FileError, resolve
from settings.model import KEYS, Settings
from settings.problems import Problem
from settings.reader import PROGRAM_DIR, ConfigReader

# Keys without which the app cannot be read, or would be blamed for an error in the settings.
_READS_THE_APP = {
    "appDir", "googleProject", "firestoreDatabase", "firestoreLocation", "storageBucket", "functionsRuntime",
    "functionParams", "functionVariables", "functionsRoles", "discoveryTimeout", "secrets",
    "unmanagedFunctions", "runPredeploy", "predeployTimeout", "firestoreRulesTests",
    "firestoreRulesTestsTimeout",
    "alternativeSecrets", "backendUrlVariable", "databaseUrl", "neverDelete", "allowClientDeletes",
    "allowedServiceAccounts", "functionServiceAccounts",
}  # fmt: skip
PRODUCTION_STACKS = ("prod", "production")


def load_settings(
    config: pulumi.Config, stack: str, environ: Mapping[str, str]
) -> tuple[Settings | None, list[Problem]]:
    """The settings of a stack, and everything that is wrong with them.

    Args:
        config: the stack's config.
        stack: the stack's name.
        environ: the process's environment, where tokens and endpoints are; nothing of it is kept.

    Returns:
        The settings, None when the app cannot be read with them. With problems they are fit for one thing
        only: reading the app, so that its problems are reported in the same run.
    """
    read = ConfigReader(config, KEYS)
    _railway_file(read)
    settings = read.section(Settings, stack=stack)
    production = settings.production or stack.rpartition("/")[2] in PRODUCTION_STACKS
    google, railway, secrets = settings.google, settings.railway, settings.secrets
    rules.check_app_dir(read, settings.app_dir)
    rules.check_acceptance_names(read, settings.acceptance_names)
    rules.check_project(read, google.project, stack)
    railway_rules.check_branch(read, railway.branch, production=production)
    railway_rules.check_replicas(read, railway.replicas)
    railway_rules.check_volume_size(read, railway.volume_size_gb, railway.plan)
    railway_rules.check_limits(read, railway.cpu_limit, railway.memory_limit_gb, railway.plan)
    railway_rules.warn_mount_path(read, railway.mount_path)
    railway_rules.check_backend_variables(read, settings.backend.variables)
    permissions = {
        "allowNewVolume": railway.allow_new_volume,
        "allowFunctionDeletion": settings.functions.allow_function_deletion,
        "allowRulesRemoval": google.allow_rules_removal,
        "createDatabase": google.create_database,
    }
    rules.warn_permissions(read, permissions)
    rules.check_backups(read, google.firestore_backups)
    rules.check_flutter_names(read, settings.flutter_names)
    rules.check_never_delete(read, google.never_delete, google.allow_client_deletes)
    rules.check_function_accounts(read, google.function_accounts)
    rules.check_secret_names(read, secrets.names, secrets.backend_url_variable)
    rules.check_function_params(read, settings.functions.params, secrets.backend_url_variable)
    rules.check_unmanaged_functions(read, settings.functions.unmanaged)
    readiness_rules.check_waivers(read, settings.readiness_waivers)
    rules.check_function_variables(read, settings.functions.variables, secrets.backend_url_variable)
    credential_rules.check_tokens(
        read, environ, project_id=railway.project_id, workspace_id=railway.workspace_id
    )
    credential_rules.check_addresses(read, environ)
    credential_rules.check_google(read, environ, google.project)
    credential_rules.check_numbers(read, environ)
    read.unknown_keys()
    usable = not read.invalid & _READS_THE_APP
    found = replace(
        settings,
        production=production,
        google=replace(google, database_url=google.database_url and google.database_url.rstrip("/")),
        secrets=replace(secrets, not_json=tuple(sorted(read.not_json))),
        warnings=tuple(read.warnings),
    )
    return (found if usable else None), read.problems


def _railway_file(read: ConfigReader) -> None:
    """Make the values of a railway.toml in the checkout the defaults of the keys."""

    def explicit(name: str) -> str | None:
        value = None if read.is_secret(name) else read.explicit(name)
        return value if isinstance(value, str) else None

    app_dir = explicit("appDir")
    if app_dir is None:
        return
    try:
        folder = resolve(PROGRAM_DIR / app_dir)
    except FileError:
        return  # reported as a problem of appDir
    given = explicit("railwayConfigFile")
    path = railway_file.find(folder, given=given, root_directory=explicit("rootDirectory"))
    if path is None:
        if given is not None and text_rules.inside_repository(given) is None:
            read.warn("railwayConfigFile", *railway_file.absent(given, folder))
        return
    environment = explicit("railwayEnvironment") or str(KEYS["railwayEnvironment"].default)
    found = railway_file.load(path, folder, environment, named=given is not None)
    read.problems.extend(found.problems)
    read.warnings.extend(found.warnings)
    for name, value in found.values.items():
        own = read.explicit(name)
        if own is None:
            read.set_file_default(name, value)
        elif not read.is_secret(name) and not railway_file.equals(own, value):
            read.problems.append(railway_file.conflict(found, name, read.shown(name, own)))
