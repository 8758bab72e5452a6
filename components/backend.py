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

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

import railway
from components._base import Component, Resources
from components.generated_token import GeneratedToken, GeneratedTokenArgs
from components.settings import BackendSettings, RailwaySettings

MEGABYTES_PER_GIGABYTE = 1000  # as Railway counts (Railway docs, volumes)


@dataclass(frozen=True, kw_only=True)
class BackendArgs:
    """service_account_json: the backend's key, secret. after: what must be there before the backend runs.

    stack_marker: written into the Railway project's description; how this stack knows its own project again.
    """

    railway: RailwaySettings
    backend: BackendSettings
    stack_marker: str
    service_account_json: pulumi.Input[str] = field(repr=False)
    after: Resources


class Backend(Component):
    """The backend. `url` is its public address; the ids are Railway's."""

    url: pulumi.Output[str]
    health_path: str
    project_id: pulumi.Output[str]
    service_id: pulumi.Output[str]
    volume: railway.Volume
    deployment: railway.Deployment

    def __init__(self, name: str, args: BackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings = args.railway
        project = railway.Project(
            f"{name}-project",
            railway.ProjectArgs(
                project_name=settings.project_name,
                workspace_id=settings.workspace_id,
                environment_name=settings.environment,
                adopt_project_id=settings.project_id,
                stack_marker=args.stack_marker,
            ),
            self.child(),
        )
        environment = railway.Environment(
            f"{name}-environment",
            railway.EnvironmentArgs(project_id=project.id, environment_name=settings.environment),
            self.child(),
        )
        service = railway.Service(
            f"{name}-service",
            railway.ServiceArgs(
                project_id=project.id,
                environment_id=environment.id,
                service_name=settings.service_name,
            ),
            self.child(),
        )
        volume = railway.Volume(
            f"{name}-volume",
            railway.VolumeArgs(
                project_id=project.id,
                environment_id=environment.id,
                service_id=service.id,
                volume_name=settings.volume_name,
                mount_path=settings.mount_path,
                size_mb=round(settings.volume_size_gb * MEGABYTES_PER_GIGABYTE),
                region=settings.region,
            ),
            self.child(protect=True, retain_on_delete=True),
        )
        variables = railway.Variables(
            f"{name}-variables",
            railway.VariablesArgs(
                project_id=project.id,
                environment_id=environment.id,
                service_id=service.id,
                variables=self._variables(name, args),
            ),
            self.child(),
        )
        instance = railway.ServiceSettings(
            f"{name}-settings",
            _instance(settings, project.id, environment.id, service.id),
            self.child(depends_on=[volume]),
        )
        domain = railway.ServiceDomain(
            f"{name}-domain",
            railway.ServiceDomainArgs(
                project_id=project.id,
                environment_id=environment.id,
                service_id=service.id,
                target_port=settings.target_port,
            ),
            self.child(),
        )
        self.deployment = railway.Deployment(
            f"{name}-deployment",
            railway.DeploymentArgs(
                project_id=project.id,
                environment_id=environment.id,
                service_id=service.id,
                revisions=[variables.revision, instance.revision, volume.revision],
                domain=domain.domain,
                health_path=settings.health_path,
                log_expectations=settings.log_expectations,
                wait_seconds=settings.wait_seconds,
            ),
            self.child(depends_on=[volume, variables, instance, domain, *args.after]),
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

    def _variables(self, name: str, args: BackendArgs) -> pulumi.Output[Mapping[str, str]]:
        """All of the backend's variables, secret as a whole: a map that is secret by value leaks the new keys
        that a refresh finds."""
        backend, settings = args.backend, args.railway
        admin_token = backend.admin_token
        if admin_token is None:
            admin_token = GeneratedToken(f"{name}-admin-token", GeneratedTokenArgs(), self.child()).token
        variables: dict[str, pulumi.Input[str]] = {
            **backend.variables,
            "ADMIN_TOKEN": admin_token,
            "FIREBASE_SERVICE_ACCOUNT_JSON": args.service_account_json,
            "SESSIONS_PATH": settings.mount_path,
            "WHATSAPP_BACKFILL_COUNT": str(backend.backfill_count),
            "WHATSAPP_BACKFILL_THREADS": str(backend.backfill_threads),
            "WHATSAPP_SYNC_FULL_HISTORY": "true" if backend.sync_full_history else "false",
        }
        if settings.target_port is not None:
            variables["PORT"] = str(settings.target_port)
        return pulumi.Output.secret(pulumi.Output.all(**variables))


def _instance(
    settings: RailwaySettings,
    project_id: pulumi.Output[str],
    environment_id: pulumi.Output[str],
    service_id: pulumi.Output[str],
) -> railway.ServiceSettingsArgs:
    return railway.ServiceSettingsArgs(
        project_id=project_id,
        environment_id=environment_id,
        service_id=service_id,
        has_volume=True,
        repo=settings.repo,
        branch=settings.branch,
        replicas=settings.replicas,
        root_directory=settings.root_directory,
        region=settings.region,
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
    )
