"""The settings of a stack, checked: what the rest of the program reads.

Secrets stay outputs marked secret: their names are plain, their values are in no
`repr`, message or exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi


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
