"""The WhatsApp backend on Railway: project, environment, service, volume, variables, settings, domain,
deployment.

Runbook: "Railway service deploys from main", "exactly 1 instance", "volume 50 GB at /app/sessions,
    SESSIONS_PATH equal to it", the variables FIREBASE_SERVICE_ACCOUNT_JSON, ADMIN_TOKEN and WHATSAPP_*, and
    the log lines, which the deployment resource checks.

One setting is both the volume's mount path and SESSIONS_PATH, so the two cannot differ. Everything is written
without deploying; the deployment depends on all of it and deploys once.

The volume is protected (no operation deletes or replaces it) and retained (it stays on Railway when it is
removed from the program), because the WhatsApp sessions on it can only be created again with every customer's
phone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

import pulumi

import railway
from components._base import Component, Resources
from components.generated_token import GeneratedToken, GeneratedTokenArgs
from settings.keys import NAMESPACE
from settings.model import BackendSettings, RailwaySettings

MEGABYTES_PER_GIGABYTE = 1000  # as Railway counts (Railway docs, volumes)

CONFIG_KEYS = railway.ConfigKeys(
    adopt_project_id=f"{NAMESPACE}:railwayProjectId",
    allow_new_volume=f"{NAMESPACE}:allowNewVolume",
    domain=f"{NAMESPACE}:customDomain",
    environment_name=f"{NAMESPACE}:railwayEnvironment",
    log_expectations=f"{NAMESPACE}:logExpectations",
    project_name=f"{NAMESPACE}:railwayProjectName",
    railway_config_file=f"{NAMESPACE}:railwayConfigFile",
    region=f"{NAMESPACE}:railwayRegion",
    service_name=f"{NAMESPACE}:railwayServiceName",
    size_gb=f"{NAMESPACE}:volumeSizeGb",
    variables=f"{NAMESPACE}:backendVariables",
    volume_name=f"{NAMESPACE}:volumeName",
    workspace_id=f"{NAMESPACE}:railwayWorkspaceId",
)
"""What the fixes in Railway's error messages name."""

LOG_ADVICE = (
    "the backend may not be able to write to the volume, or its service account has no access to Firestore"
)


@dataclass(frozen=True, kw_only=True)
class BackendProjectArgs:
    """stack_marker: written to the project's description, by which this stack finds its project again."""

    railway: RailwaySettings
    stack_marker: str


class BackendProject(Component):
    """The Railway project of the backend, created or adopted.

    It is a component of its own, so that everything else can depend on it: whether a project of that name
    belongs to this stack is known only during `up`, and if it does not, nothing may have been created on
    Google by then.

    Example:
        args = BackendProjectArgs(railway=settings.railway, stack_marker="whatsapp-crm/prod")
        project = BackendProject("railway", args)
    """

    project: railway.Project

    def __init__(
        self, name: str, args: BackendProjectArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        settings = args.railway
        declared = railway.ProjectArgs(
            project_name=settings.project_name,
            workspace_id=settings.workspace_id,
            environment_name=settings.environment,
            service_name=settings.service_name,
            adopt_project_id=settings.project_id,
            allow_new_volume=settings.allow_new_volume,
            stack_marker=args.stack_marker,
            config_keys=CONFIG_KEYS,
        )
        # Kept on destroy: it has the volume, which is kept too.
        self.project = railway.Project(f"{name}-project", declared, self.child(retain_on_delete=True))
        self.register_outputs({"project_id": self.project.id})


@dataclass(frozen=True, kw_only=True)
class BackendArgs:
    """The arguments of `Backend`.

    Args:
        project: the Railway project.
        service_account_json: the backend's key, secret.
        after: what must exist before the backend runs.
    """

    railway: RailwaySettings
    backend: BackendSettings
    project: BackendProject
    service_account_json: pulumi.Input[str] = field(repr=False)
    after: Resources


class Backend(Component):
    """The backend. `url` is its public address; the ids are Railway's.

    `dns_records`: the records that the owner of the custom domain has to create; None without a custom
        domain.

    Example:
        backend = Backend("backend", BackendArgs(railway=settings.railway, project=project, ...))
        pulumi.export("backend_url", backend.url)
    """

    url: pulumi.Output[str]
    dns_records: pulumi.Output[list[dict[str, str]]] | None
    health_path: str
    project_id: pulumi.Output[str]
    service_id: pulumi.Output[str]
    volume: railway.Volume
    deployment: railway.Deployment

    def __init__(self, name: str, args: BackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings = args.railway
        project = args.project.project
        environment = railway.Environment(
            f"{name}-environment",
            railway.EnvironmentArgs(
                project_id=project.id,
                environment_name=settings.environment,
                allow_new_volume=settings.allow_new_volume,
                config_keys=CONFIG_KEYS,
            ),
            self.child(retain_on_delete=True),  # it has the volume
        )
        place = Place(project_id=project.id, environment_id=environment.id, config_keys=CONFIG_KEYS)
        service = railway.Service(
            f"{name}-service",
            railway.ServiceArgs(**place, service_name=settings.service_name),
            self.child(),
        )
        scope = Scope(**place, service_id=service.id)
        volume = railway.Volume(
            f"{name}-volume", _volume(settings, scope), self.child(protect=True, retain_on_delete=True)
        )
        values = self._values(name, args)
        # A secret as a whole: a map of secret values would show the variables that a refresh finds.
        variables = railway.Variables(
            f"{name}-variables",
            railway.VariablesArgs(**scope, variables=pulumi.Output.secret(pulumi.Output.all(**values))),
            self.child(),
        )
        instance = railway.ServiceSettings(
            f"{name}-settings", _instance(settings, scope), self.child(depends_on=[volume])
        )
        domain = railway.ServiceDomain(
            f"{name}-domain",
            railway.ServiceDomainArgs(**scope, target_port=settings.target_port),
            self.child(),
        )
        # Always declared: a resource that is removed is deleted after the deployment that must contain that.
        limits = railway.ServiceLimits(
            f"{name}-limits",
            railway.ServiceLimitsArgs(**scope, cpus=settings.cpu_limit, memory_gb=settings.memory_limit_gb),
            self.child(depends_on=[instance]),
        )
        self.deployment = railway.Deployment(
            f"{name}-deployment",
            railway.DeploymentArgs(
                **scope,
                revisions=[variables.revision, instance.revision, volume.revision, limits.revision],
                domain=domain.domain,
                health_path=settings.health_path,
                log_expectations=settings.log_expectations,
                log_advice=LOG_ADVICE,
                wait_seconds=settings.wait_seconds,
                rollback=settings.rollback_on_failure,
            ),
            self.child(depends_on=args.after),
        )
        custom = backups = None
        if settings.custom_domain is not None:
            address = railway.CustomDomainArgs(
                **scope, domain=settings.custom_domain, target_port=settings.target_port
            )
            custom = railway.CustomDomain(f"{name}-custom-domain", address, self.child())
        if settings.volume_backups:
            schedule = railway.VolumeBackupScheduleArgs(
                **place, volume_id=volume.id, kinds=list(settings.volume_backups)
            )
            backups = railway.VolumeBackupSchedule(f"{name}-backups", schedule, self.child())
        if settings.project_id is not None:
            # After the others, so that it is in the state only when the adoption is complete.
            railway.Adoption(
                f"{name}-adoption",
                railway.AdoptionArgs(
                    project_id=settings.project_id,
                    project=project.declared,
                    service=service.declared,
                    volume=volume.declared,
                    variables=railway.VariablesArgs(**scope, variables=values),
                    settings=instance.declared,
                    domain=domain.declared,
                    custom_domain=custom and custom.declared,
                    limits=limits.declared,
                    backups=backups and backups.declared,
                ),
                self.child(depends_on=[one for one in (self.deployment, custom, backups) if one is not None]),
            )
        self.url = domain.url
        self.dns_records = custom.dns_records if custom else None
        self.health_path = settings.health_path
        self.project_id = project.id
        self.service_id = service.id
        self.volume = volume
        self.register_outputs(
            {
                "url": self.url,
                "project_id": self.project_id,
                "service_id": self.service_id,
                "volume_id": volume.id,
                "deployment_id": self.deployment.deployment_id,
            }
        )

    def _values(self, name: str, args: BackendArgs) -> dict[str, pulumi.Input[str]]:
        """All variables of the backend, each by itself: some are known only during `up`."""
        backend, settings = args.backend, args.railway
        admin_token = backend.admin_token
        if admin_token is None:
            admin_token = GeneratedToken(f"{name}-admin-token", GeneratedTokenArgs(), self.child()).token
        values: dict[str, pulumi.Input[str]] = {
            **{key: pulumi.Output.secret(value) for key, value in backend.variables.items()},
            "ADMIN_TOKEN": admin_token,
            "FIREBASE_SERVICE_ACCOUNT_JSON": args.service_account_json,
            "SESSIONS_PATH": settings.mount_path,
            "WHATSAPP_BACKFILL_COUNT": str(backend.backfill_count),
            "WHATSAPP_BACKFILL_THREADS": str(backend.backfill_threads),
            "WHATSAPP_SYNC_FULL_HISTORY": "true" if backend.sync_full_history else "false",
        }
        if settings.target_port is not None:
            values["PORT"] = str(settings.target_port)
        return values


class Place(TypedDict):
    """The arguments that all resources in the environment have in common."""

    project_id: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    config_keys: railway.ConfigKeys


class Scope(Place):
    """The arguments that all resources of the backend's service have in common."""

    service_id: pulumi.Output[str]


def _volume(settings: RailwaySettings, scope: Scope) -> railway.VolumeArgs:
    return railway.VolumeArgs(
        **scope,
        volume_name=settings.volume_name,
        mount_path=settings.mount_path,
        size_mb=round(settings.volume_size_gb * MEGABYTES_PER_GIGABYTE),
        region=settings.region,
        allow_new_volume=settings.allow_new_volume,
    )


def _instance(settings: RailwaySettings, scope: Scope) -> railway.ServiceSettingsArgs:
    return railway.ServiceSettingsArgs(
        **scope,
        has_volume=True,
        repo=settings.repo,
        branch=settings.branch,
        check_suites=settings.wait_for_checks,
        replicas=settings.replicas,
        root_directory=settings.root_directory,
        region=settings.region,
        builder=settings.builder,
        build_command=settings.build_command,
        dockerfile_path=settings.dockerfile_path,
        watch_patterns=list(settings.watch_patterns) or None,
        railway_config_file=settings.railway_config_file,
        start_command=settings.start_command,
        pre_deploy_command=[settings.pre_deploy_command] if settings.pre_deploy_command else None,
        healthcheck_path=settings.health_path,
        healthcheck_timeout=settings.health_timeout,
        restart_policy_type=settings.restart_policy,
        restart_policy_max_retries=settings.restart_max_retries,
        sleep_application=settings.sleep_application,
        overlap_seconds=settings.overlap_seconds,
        draining_seconds=settings.draining_seconds,
        ipv6_egress_enabled=settings.ipv6_egress,
    )
