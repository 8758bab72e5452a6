"""The records of the Railway sandbox's state: one flat dataclass per object.

Times are epoch seconds, sizes are MB. Records have no behaviour and consist of JSON values, so the state file
restores them exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


def empty() -> Json:
    """Return an empty JSON object (a typed default for record fields)."""
    return {}


@dataclass(kw_only=True)
class Workspace:
    """The owner of projects, who is billed."""

    id: str
    name: str
    created_at: float


@dataclass(kw_only=True)
class Token:
    """A token. `kind` is account, workspace or project; the ids are what it is limited to.

    `viewer`: it belongs to somebody with the role Viewer, who changes nothing and sees no variables (Railway
    docs, project members).
    """

    id: str
    token: str
    kind: str
    name: str
    created_at: float
    workspace_id: str | None = None
    project_id: str | None = None
    environment_id: str | None = None
    viewer: bool = False


@dataclass(kw_only=True)
class Repo:
    """A GitHub repository that the Railway app has access to: commit hash by branch name."""

    id: str
    branches: dict[str, str]
    default_branch: str = "main"
    is_private: bool = True


@dataclass(kw_only=True)
class Project:
    """`expired_at` is set while the project is temporary, `delete_due` while its deletion is scheduled."""

    id: str
    name: str
    created_at: float
    updated_at: float
    workspace_id: str | None
    description: str | None = None
    deleted_at: float | None = None
    expired_at: float | None = None
    delete_due: float | None = None
    is_public: bool = False
    pr_deploys: bool = False
    bot_pr_environments: bool = False
    focused_pr_environments: bool = False
    base_environment_id: str | None = None
    tracing_enabled: bool = False
    tracing_sample_rate: float | None = None


@dataclass(kw_only=True)
class Environment:
    """`extra` holds the parts of a config patch that the sandbox stores without interpreting them."""

    id: str
    project_id: str
    name: str
    created_at: float
    updated_at: float
    deleted_at: float | None = None
    is_ephemeral: bool = False
    source_environment_id: str | None = None
    extra: Json = field(default_factory=empty)


@dataclass(kw_only=True)
class Service:
    """A service across its project's environments."""

    id: str
    project_id: str
    name: str
    created_at: float
    updated_at: float
    icon: str | None = None
    deleted_at: float | None = None
    auto_instrumentation_enabled: bool = False
    tracing_enabled: bool | None = None


@dataclass(kw_only=True)
class Instance:
    """A service in one environment, with every setting of ServiceInstanceUpdateInput."""

    id: str
    service_id: str
    environment_id: str
    created_at: float
    updated_at: float
    visible_at: float
    deleted_at: float | None = None
    source_repo: str | None = None
    source_image: str | None = None
    root_directory: str | None = None
    railway_config_file: str | None = None
    dockerfile_path: str | None = None
    builder: str = "RAILPACK"
    build_command: str | None = None
    start_command: str | None = None
    pre_deploy_command: list[str] | None = None
    watch_patterns: list[str] = field(default_factory=list[str])
    healthcheck_path: str | None = None
    healthcheck_timeout: int | None = None
    restart_policy_type: str = "ON_FAILURE"
    restart_policy_max_retries: int = 10
    num_replicas: int = 1
    region: str | None = None
    sleep_application: bool | None = None
    cron_schedule: str | None = None
    overlap_seconds: int | None = None
    draining_seconds: int | None = None
    ipv6_egress_enabled: bool | None = None
    auto_instrumentation_enabled: bool = False
    tracing_enabled: bool = False
    nixpacks_plan: Any = None
    multi_region_config: Json | None = None
    registry_credentials: Json | None = None
    limit_override: Json | None = None
    auto_deploy: bool = True
    extra: Json = field(default_factory=empty)


@dataclass(kw_only=True)
class Variable:
    """A variable that a user set; `service_id` None means shared in the environment."""

    id: str
    environment_id: str
    service_id: str | None
    name: str
    value: str
    created_at: float
    updated_at: float
    is_sealed: bool = False


@dataclass(kw_only=True)
class Volume:
    """A volume across its project's environments; its content is in its instances."""

    id: str
    project_id: str
    name: str
    created_at: float
    deleted_at: float | None = None


@dataclass(kw_only=True)
class VolumeInstance:
    """A volume in one environment. `files` represents its content: text by path.

    `other_mb`: data beside them that is counted, and of which nothing is stored.
    """

    id: str
    volume_id: str
    environment_id: str
    service_id: str | None
    mount_path: str
    size_mb: int
    created_at: float
    visible_at: float
    ready_at: float
    region: str | None = None
    next_size_mb: int | None = None
    resize_due: float | None = None
    state: str | None = None
    is_pending_deletion: bool = False
    delete_due: float | None = None
    deleted_at: float | None = None
    alerts: Json = field(default_factory=empty)
    allow_online_resize: bool = True
    backup_schedules: list[Json] = field(default_factory=list[Json])
    backups: list[Json] = field(default_factory=list[Json])
    files: dict[str, str] = field(default_factory=dict[str, str])
    other_mb: float = 0


@dataclass(kw_only=True)
class Domain:
    """A service domain (`custom` False) or a custom domain."""

    id: str
    service_id: str
    environment_id: str
    project_id: str
    domain: str
    created_at: float
    updated_at: float
    active_at: float
    custom: bool = False
    target_port: int | None = None
    deleted_at: float | None = None
    dns_propagated: bool = False
    verification_token: str = ""


@dataclass(kw_only=True)
class TcpProxy:
    """A public TCP port that forwards to a service's port."""

    id: str
    service_id: str
    environment_id: str
    domain: str
    application_port: int
    proxy_port: int
    created_at: float
    updated_at: float
    active_at: float
    deleted_at: float | None = None


@dataclass(kw_only=True)
class Trigger:
    """Deploys a service when its branch changes."""

    id: str
    project_id: str
    environment_id: str
    service_id: str
    provider: str
    repository: str
    branch: str
    check_suites: bool
    visible_at: float
    root_directory: str | None = None


@dataclass(kw_only=True)
class Deployment:
    """One deployment, with the copy of variables, settings and mounts taken at its start.

    `runs`: processes decide its status (see `sandbox.railway.running`), not the clock. Then `failure` is the
    reason why it failed, `image_of` the deployment whose files it runs (a rollback), `replica_status` the
    DeploymentInstanceStatus where the status does not tell it, and `restarts` how often users restarted it.

    Otherwise `restarted_at` is when it started again. `replicas`: the DeploymentInstanceStatus of each of its
    replicas, where an admin route set them.
    """

    id: str
    project_id: str
    environment_id: str
    service_id: str
    created_at: float
    step_seconds: float
    outcome: str
    reason: str
    status: str
    status_updated_at: float
    repo: str | None
    branch: str | None
    image: str | None
    commit_hash: str | None
    variables: dict[str, str]
    settings: Json
    mounts: list[Json]
    failing_step: str | None = None
    held_since: float | None = None
    history: list[list[Any]] = field(default_factory=list[list[Any]])
    runs: bool = False
    failure: str | None = None
    image_of: str | None = None
    replica_status: str | None = None
    restarts: int = 0
    restarted_at: list[float] = field(default_factory=list[float])
    replicas: list[str] = field(default_factory=list[str])


@dataclass(kw_only=True)
class Patch:
    """A set of config changes: STAGED, or applied (COMMITTED after `applied_at`)."""

    id: str
    environment_id: str
    patch: Json
    created_at: float
    updated_at: float
    staged: bool
    message: str | None = None
    applied_at: float | None = None
    last_applied_error: str | None = None
