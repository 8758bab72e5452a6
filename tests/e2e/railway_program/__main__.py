"""The Railway part of the program alone, for the tests that kill the engine; CHANGED=1 declares every
resource differently."""

import os

import pulumi

import railway

CHANGED = os.environ.get("CHANGED") == "1"
PATH = "/app/sessions2" if CHANGED else "/app/sessions"
ENVIRONMENT = "live" if CHANGED else "production"

project = railway.Project(
    "project",
    railway.ProjectArgs(
        project_name="crm-two" if CHANGED else "crm",
        stack_marker="railway-only/kill",
        workspace_id="b7d1c0de-0000-4000-8000-000000000001",
        environment_name=ENVIRONMENT,
    ),
)
environment = railway.Environment(
    "environment",
    railway.EnvironmentArgs(project_id=project.id, environment_name=ENVIRONMENT),
)
service = railway.Service(
    "service",
    railway.ServiceArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_name="backend-two" if CHANGED else "backend",
    ),
)
volume = railway.Volume(
    "volume",
    railway.VolumeArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=service.id,
        volume_name="sessions-two" if CHANGED else "sessions",
        mount_path=PATH,
        size_mb=60000 if CHANGED else 50000,
    ),
    pulumi.ResourceOptions(protect=True, retain_on_delete=True),
)
variables = railway.Variables(
    "variables",
    railway.VariablesArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=service.id,
        variables=pulumi.Output.secret(
            {
                "SESSIONS_PATH": PATH,
                "FIREBASE_SERVICE_ACCOUNT_JSON": os.environ["ACCOUNT"],
                "ADMIN_TOKEN": "another-4711-token" if CHANGED else "admin-token-4711-never-shown",
            }
        ),
    ),
)
settings = railway.ServiceSettings(
    "settings",
    railway.ServiceSettingsArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=service.id,
        has_volume=True,
        repo="example/whatsapp-crm",
        branch="staging" if CHANGED else "main",
        start_command="node server.js" if CHANGED else "node index.js",
        healthcheck_path="/health",
    ),
    pulumi.ResourceOptions(depends_on=[volume]),
)
domain = railway.ServiceDomain(
    "domain",
    railway.ServiceDomainArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=service.id,
        target_port=8081 if CHANGED else 8080,
    ),
)
shared = railway.SharedVariables(
    "shared",
    railway.SharedVariablesArgs(
        project_id=project.id,
        environment_id=environment.id,
        variables=pulumi.Output.secret({"SHARED": "shared-two" if CHANGED else "shared-one"}),
    ),
)
backups = railway.VolumeBackupSchedule(
    "backups",
    railway.VolumeBackupScheduleArgs(
        project_id=project.id,
        environment_id=environment.id,
        volume_id=volume.id,
        kinds=["WEEKLY"] if CHANGED else ["DAILY"],
    ),
)
limits = railway.ServiceLimits(
    "limits",
    railway.ServiceLimitsArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=service.id,
        cpus=1.5 if CHANGED else 2,
        memory_gb=3 if CHANGED else 4,
    ),
    pulumi.ResourceOptions(depends_on=[settings]),
)
custom_domain = railway.CustomDomain(
    "custom_domain",
    railway.CustomDomainArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=service.id,
        domain="crm.example.com",
        target_port=8081 if CHANGED else 8080,
    ),
)
tcp_proxy = railway.TcpProxy(
    "tcp_proxy",
    railway.TcpProxyArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=service.id,
        application_port=5433 if CHANGED else 5432,
    ),
)
deployment = railway.Deployment(
    "deployment",
    railway.DeploymentArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=service.id,
        revisions=[
            variables.revision,
            settings.revision,
            volume.revision,
            shared.revision,
            limits.revision,
            tcp_proxy.revision,
        ],
        domain=domain.domain,
    ),
    pulumi.ResourceOptions(depends_on=[volume, variables, settings, domain, shared, limits, tcp_proxy]),
)
pulumi.export("volume", volume.id)
