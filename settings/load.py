"""Read and check the whole config of a stack before anything is sent anywhere.

`load_settings` collects every error, each with its key and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pulumi

from settings import railway_file, railway_rules
from settings.model import (
    BackendSettings,
    FunctionsSettings,
    GoogleSettings,
    RailwaySettings,
    SecretSettings,
    Settings,
)
from settings.problems import Problem
from settings.reader import ConfigReader
from settings.rules import Rules

# Relative appDir values start here, in the folder of Pulumi.yaml, wherever the program was started from.
PROGRAM_DIR = Path(__file__).resolve().parent.parent


# Keys without which the app cannot be read, or would be blamed for what the settings have wrong.
_READS_THE_APP = {
    "appDir", "googleProject", "firestoreDatabase", "firestoreLocation", "storageBucket", "functionsRuntime",
    "functionParams", "functionsRoles", "discoveryTimeout", "secrets",
}  # fmt: skip


PRODUCTION_STACKS = ("prod", "production")


def load_settings(
    config: pulumi.Config, stack: str, environ: Mapping[str, str]
) -> tuple[Settings | None, list[Problem]]:
    """The settings of `stack`, and everything that is wrong with them.

    The settings are None when the app cannot be read with them. With problems they are fit for one thing
    only: reading the app, so that its problems are reported in the same run.
    `environ` is the process's environment: tokens and endpoints are looked for there, and never kept.
    """
    read = ConfigReader(config)
    production = read.boolean("production") or stack.rpartition("/")[2] in PRODUCTION_STACKS
    app_dir_text = read.text("appDir")
    app_dir = (PROGRAM_DIR / app_dir_text).resolve()
    warnings = _railway_file(read, app_dir) if app_dir_text else ()
    railway = _railway(read)
    settings = Settings(
        stack=stack,
        production=production,
        app_dir=app_dir,
        google=_google(read),
        railway=railway,
        backend=_backend(read),
        functions=FunctionsSettings(
            runtime=read.optional_text("functionsRuntime"),
            params=read.object("functionParams"),
            discovery_timeout=read.integer("discoveryTimeout", 1, 600, " seconds"),
        ),
        secrets=SecretSettings(values=_secrets(read)),
        warnings=(*warnings, *railway_rules.warnings(railway)),
    )
    rules = Rules(read, environ)
    rules.app_dir(app_dir_text, settings.app_dir)
    rules.google(settings.google, stack)
    rules.railway(settings.railway, production=production)
    rules.backend_variables(settings.backend.variables)
    rules.secret_names(settings.secrets.names, settings.secrets.backend_url_secret)
    rules.tokens(settings.railway)
    rules.credentials(settings.google)
    read.unknown_keys()
    return (None if read.bad & _READS_THE_APP else settings), read.problems


def _railway_file(read: ConfigReader, app_dir: Path) -> tuple[str, ...]:
    """Offer what a Railway config file in the checkout says as defaults; returns what to warn of."""

    def text(name: str) -> str | None:
        stated = read.stated(name)
        return stated if isinstance(stated, str) else None

    given = text("railwayConfigFile")
    path = railway_file.find(app_dir, given=given, root_directory=text("rootDirectory"))
    if path is None:
        if given is None:
            return ()
        return (railway_file.absent(given, app_dir),)
    environment = text("railwayEnvironment") or "production"
    found = railway_file.load(path, app_dir, environment, named=given is not None)
    read.problems.extend(found.problems)
    for name, value in found.values.items():
        stated = read.stated(name)
        if stated is None:
            read.offer(name, value)
        elif not railway_file.same(stated, value):
            read.problems.append(railway_file.conflict(found, name, read.shown(name, stated)))
    return tuple(found.warnings)


def _google(read: ConfigReader) -> GoogleSettings:
    return GoogleSettings(
        project=read.text("googleProject"),
        region=read.text("region"),
        firestore_location=read.text("firestoreLocation"),
        firestore_database=read.text("firestoreDatabase"),
        storage_bucket=read.optional_text("storageBucket"),
        backend_roles=read.texts("backendRoles"),
        functions_roles=read.texts("functionsRoles"),
        key_rotation=read.text("serviceAccountKeyRotation"),
        index_lanes=read.integer("indexLanes", 1, 20),
    )


def _railway(read: ConfigReader) -> RailwaySettings:
    return RailwaySettings(
        workspace_id=read.optional_text("railwayWorkspaceId"),
        project_id=read.optional_text("railwayProjectId"),
        project_name=read.text("railwayProjectName"),
        environment=read.text("railwayEnvironment"),
        service_name=read.text("railwayServiceName"),
        repo=read.text("repo"),
        branch=read.text("branch"),
        root_directory=read.optional_text("rootDirectory"),
        replicas=read.integer("replicas", 0, 50),
        region=read.optional_text("railwayRegion"),
        plan=read.text("railwayPlan"),
        volume_name=read.text("volumeName"),
        mount_path=read.text("volumeMountPath"),
        volume_size_gb=read.number("volumeSizeGb"),
        volume_backups=tuple(kind.upper() for kind in read.texts("volumeBackups")),
        allow_new_volume=read.boolean("allowNewVolume"),
        health_path=read.text("healthPath"),
        health_timeout=read.integer("healthTimeout", 1, 3600, " seconds"),
        start_command=read.optional_text("startCommand"),
        builder=read.optional_text("builder"),
        build_command=read.optional_text("buildCommand"),
        pre_deploy_command=read.optional_text("preDeployCommand"),
        dockerfile_path=read.optional_text("dockerfilePath"),
        railway_config_file=read.optional_text("railwayConfigFile"),
        watch_patterns=read.texts("watchPatterns"),
        wait_for_checks=read.boolean("waitForChecks"),
        restart_policy=read.text("restartPolicy"),
        restart_max_retries=read.integer("restartMaxRetries", 0, 100),
        overlap_seconds=read.optional_integer("overlapSeconds", 0, 3600, " seconds"),
        draining_seconds=read.optional_integer("drainingSeconds", 0, 3600, " seconds"),
        sleep_application=read.boolean("sleepApplication"),
        target_port=read.optional_integer("targetPort", 1, 65535),
        custom_domain=read.optional_text("customDomain"),
        cpu_limit=read.optional_number("cpuLimit", "2"),
        memory_limit_gb=read.optional_number("memoryLimitGb", "4"),
        rollback_on_failure=read.boolean("rollbackOnFailure"),
        wait_seconds=read.integer("waitSeconds", 30, 7200, " seconds"),
        log_expectations=read.texts("logExpectations"),
    )


def _backend(read: ConfigReader) -> BackendSettings:
    return BackendSettings(
        sync_full_history=read.boolean("syncFullHistory"),
        backfill_count=read.integer("backfillCount", 0, 100_000),
        backfill_threads=read.integer("backfillThreads", 0, 100_000),
        variables=read.plain_texts("backendVariables"),
        admin_token=read.secret_text("adminToken", minimum=16),
    )


def _secrets(read: ConfigReader) -> dict[str, pulumi.Output[str]]:
    return read.secret_texts("secrets")
