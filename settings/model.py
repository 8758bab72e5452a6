"""The settings of one stack: the whole config, read and checked before anything is sent anywhere.

`load` collects every error, each with its key and its mend. Secrets stay outputs marked secret: their
names are plain, their values are in no `repr`, message or exception.
Refuses what has broken a production before (a feature branch in production, a second instance beside a
volume, a managed variable overridden, a placeholder left in place, two tokens), because each shows only
after `up`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from settings import railway_file, railway_rules
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


@dataclass(frozen=True, kw_only=True)
class GoogleSettings:
    """Where on Google Cloud the Firebase half lives."""

    project: str
    region: str
    firestore_location: str
    firestore_database: str
    storage_bucket: str | None
    backend_roles: tuple[str, ...]
    functions_roles: tuple[str, ...]
    key_rotation: str
    index_lanes: int

    @property
    def firebase_config(self) -> dict[str, str]:
        """What the Firebase SDKs of the functions read from FIREBASE_CONFIG."""
        bucket = {} if self.storage_bucket is None else {"storageBucket": self.storage_bucket}
        return {"projectId": self.project, **bucket}


@dataclass(frozen=True, kw_only=True)
class RailwaySettings:
    """The backend's service on Railway. `volume_size_gb` counts as Railway does: 1 GB = 1000 MB.

    `project_id` set means: adopt that project. `health_timeout` and `wait_seconds` are seconds.
    """

    workspace_id: str | None
    project_id: str | None
    project_name: str
    environment: str
    service_name: str
    repo: str
    branch: str
    root_directory: str | None
    replicas: int
    region: str | None
    plan: str
    volume_name: str
    mount_path: str
    volume_size_gb: float
    volume_backups: tuple[str, ...]
    allow_new_volume: bool
    health_path: str
    health_timeout: int
    start_command: str | None
    builder: str | None
    build_command: str | None
    pre_deploy_command: str | None
    dockerfile_path: str | None
    railway_config_file: str | None
    watch_patterns: tuple[str, ...]
    wait_for_checks: bool
    restart_policy: str
    restart_max_retries: int
    overlap_seconds: int | None
    draining_seconds: int | None
    sleep_application: bool
    target_port: int | None
    custom_domain: str | None
    cpu_limit: float | None
    memory_limit_gb: float | None
    rollback_on_failure: bool
    wait_seconds: int
    log_expectations: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BackendSettings:
    """What the backend reads from its environment, besides what the program itself provides."""

    sync_full_history: bool
    backfill_count: int
    backfill_threads: int
    variables: Mapping[str, str] = field(repr=False)
    admin_token: pulumi.Output[str] | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class FunctionsSettings:
    """How the functions codebases are read. `discovery_timeout` is seconds."""

    runtime: str | None
    params: Mapping[str, object]
    discovery_timeout: int


@dataclass(frozen=True, kw_only=True)
class SecretSettings:
    """The secrets of the functions: names plain, values secret outputs that `repr` never shows."""

    values: Mapping[str, pulumi.Output[str]] = field(repr=False)
    backend_url_secret: str = "RAILWAY_WHATSAPP_URL"  # noqa: S105  (a name, not a value)

    @property
    def names(self) -> tuple[str, ...]:
        """The configured names, sorted."""
        return tuple(sorted(self.values))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a stack's config says, checked."""

    stack: str
    production: bool
    app_dir: Path
    google: GoogleSettings
    railway: RailwaySettings
    backend: BackendSettings
    functions: FunctionsSettings
    secrets: SecretSettings
    warnings: tuple[str, ...] = ()


def load(
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
