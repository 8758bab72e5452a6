"""The WhatsApp backend on Railway: project, environment, service, volume, variables, settings, domain,
deployment.

Runbook: "Railway service deploys from main", "exactly 1 instance", "volume 50 GB at /app/sessions,
SESSIONS_PATH equal to it", the variables FIREBASE_SERVICE_ACCOUNT_JSON, ADMIN_TOKEN and WHATSAPP_*, and
the log lines to look for, which the deployment resource does.

One setting is both the volume's mount path and SESSIONS_PATH, so the two cannot differ. Everything is written
with deploys held back; the deployment depends on all of it and deploys once.

It refuses to lose the volume: it is protected (nothing deletes or replaces it) and retained (what is
removed from the program stays on Railway), because the WhatsApp sessions on it cannot be made again
without every customer's phone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

import pulumi

import railway
from components._base import Component, Resources
from components.generated_token import GeneratedToken, GeneratedTokenArgs
from settings.model import BackendSettings, RailwaySettings

MEGABYTES_PER_GIGABYTE = 1000  # as Railway counts (Railway docs, volumes)


@dataclass(frozen=True, kw_only=True)
class BackendProjectArgs:
    """stack_marker: written into the project's description; how this stack knows its own project again."""

    railway: RailwaySettings
    stack_marker: str


class BackendProject(Component):
    """The Railway project of the backend, made or taken over.

    It stands by itself, so that everything else can wait for it: whether a project of that name is ours is
    known only in the `up`, and where it is not, nothing may have been made on Google by then.
    """

    declared: railway.ProjectArgs
    project: railway.Project

    def __init__(
        self, name: str, args: BackendProjectArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        settings = args.railway
        self.declared = railway.ProjectArgs(
            project_name=settings.project_name,
            workspace_id=settings.workspace_id,
            environment_name=settings.environment,
            service_name=settings.service_name,
            adopt_project_id=settings.project_id,
            allow_new_volume=settings.allow_new_volume,
            stack_marker=args.stack_marker,
        )
        self.project = railway.Project(f"{name}-project", self.declared, self.child())
        self.register_outputs({"project_id": self.project.id})


@dataclass(frozen=True, kw_only=True)
class BackendArgs:
    """service_account_json: the backend's key, secret. after: what must be there before the backend runs."""

    railway: RailwaySettings
    backend: BackendSettings
    home: BackendProject
    service_account_json: pulumi.Input[str] = field(repr=False)
    after: Resources


class Backend(Component):
    """The backend. `url` is its public address; the ids are Railway's.

    `dns_records`: what the owner of the custom domain has to make; None without one.
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
        project = args.home.project
        environment = railway.Environment(
            f"{name}-environment",
            railway.EnvironmentArgs(
                project_id=project.id,
                environment_name=settings.environment,
                allow_new_volume=settings.allow_new_volume,
            ),
            self.child(),
        )
        declared_service = railway.ServiceArgs(
            project_id=project.id,
            environment_id=environment.id,
            service_name=settings.service_name,
        )
        service = railway.Service(f"{name}-service", declared_service, self.child())
        place = Place(project.id, environment.id, service.id)
        declared_volume = _volume(settings, place)
        volume = railway.Volume(
            f"{name}-volume", declared_volume, self.child(protect=True, retain_on_delete=True)
        )
        values = self._values(name, args)
        # Secret as a whole: a map that is secret by value leaks the new keys that a refresh finds.
        variables = railway.Variables(
            f"{name}-variables",
            railway.VariablesArgs(**place.ids(), variables=pulumi.Output.secret(pulumi.Output.all(**values))),
            self.child(),
        )
        declared_settings = _instance(settings, place)
        instance = railway.ServiceSettings(
            f"{name}-settings", declared_settings, self.child(depends_on=[volume])
        )
        declared_domain = railway.ServiceDomainArgs(**place.ids(), target_port=settings.target_port)
        domain = railway.ServiceDomain(f"{name}-domain", declared_domain, self.child())
        # Always there: what is taken out of the program is deleted after the deployment that must contain it.
        declared_limits = _limits(settings, place)
        limits = railway.ServiceLimits(f"{name}-limits", declared_limits, self.child(depends_on=[instance]))
        self.deployment = railway.Deployment(
            f"{name}-deployment",
            railway.DeploymentArgs(
                **place.ids(),
                revisions=[variables.revision, instance.revision, volume.revision, limits.revision],
                domain=domain.domain,
                health_path=settings.health_path,
                log_expectations=settings.log_expectations,
                wait_seconds=settings.wait_seconds,
                rollback=settings.rollback_on_failure,
            ),
            self.child(depends_on=[volume, variables, instance, domain, limits, *args.after]),
        )
        self.dns_records = None
        beside: list[pulumi.Resource] = []
        declared_custom = _custom_domain(settings, place)
        if declared_custom is not None:
            custom = railway.CustomDomain(f"{name}-custom-domain", declared_custom, self.child())
            self.dns_records = custom.dns_records
            beside.append(custom)
        declared_backups = _backups(settings, place, volume)
        if declared_backups is not None:
            beside.append(railway.VolumeBackupSchedule(f"{name}-backups", declared_backups, self.child()))
        if settings.project_id is not None:
            # Last, so that it is in the state only when the adoption is complete.
            railway.Adoption(
                f"{name}-adoption",
                railway.AdoptionArgs(
                    project_id=settings.project_id,
                    project=args.home.declared,
                    service=declared_service,
                    volume=declared_volume,
                    variables=railway.VariablesArgs(**place.ids(), variables=values),
                    settings=declared_settings,
                    domain=declared_domain,
                    custom_domain=declared_custom,
                    limits=declared_limits,
                    backups=declared_backups,
                ),
                self.child(depends_on=[self.deployment, *beside]),
            )
        self.url = domain.url
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
        """All of the backend's variables, each by itself: some are known only after `up`."""
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


class Ids(TypedDict):
    """The ids of a service's place, as arguments."""

    project_id: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    service_id: pulumi.Output[str]


@dataclass(frozen=True)
class Place:
    """Where the backend's service is."""

    project_id: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    service_id: pulumi.Output[str]

    def ids(self) -> Ids:
        """The three as arguments."""
        return Ids(project_id=self.project_id, environment_id=self.environment_id, service_id=self.service_id)


def _volume(settings: RailwaySettings, place: Place) -> railway.VolumeArgs:
    return railway.VolumeArgs(
        **place.ids(),
        volume_name=settings.volume_name,
        mount_path=settings.mount_path,
        size_mb=round(settings.volume_size_gb * MEGABYTES_PER_GIGABYTE),
        region=settings.region,
        allow_new_volume=settings.allow_new_volume,
    )


def _limits(settings: RailwaySettings, place: Place) -> railway.ServiceLimitsArgs:
    return railway.ServiceLimitsArgs(
        **place.ids(), cpus=settings.cpu_limit, memory_gb=settings.memory_limit_gb
    )


def _custom_domain(settings: RailwaySettings, place: Place) -> railway.CustomDomainArgs | None:
    if settings.custom_domain is None:
        return None
    return railway.CustomDomainArgs(
        **place.ids(), domain=settings.custom_domain, target_port=settings.target_port
    )


def _backups(
    settings: RailwaySettings, place: Place, volume: railway.Volume
) -> railway.VolumeBackupScheduleArgs | None:
    if not settings.volume_backups:
        return None
    return railway.VolumeBackupScheduleArgs(
        project_id=place.project_id,
        environment_id=place.environment_id,
        volume_id=volume.id,
        kinds=list(settings.volume_backups),
    )


def _instance(settings: RailwaySettings, place: Place) -> railway.ServiceSettingsArgs:
    return railway.ServiceSettingsArgs(
        **place.ids(),
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
