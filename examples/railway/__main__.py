"""A web API and its PostgreSQL database on Railway: two services, a volume, a TCP proxy, shared variables and
references from one service to the other; optionally a third service that runs on a schedule. README.md
describes how to run it."""

from __future__ import annotations

import pulumi

import railway

config = pulumi.Config()
port, database_port = config.require_int("port"), config.require_int("databasePort")

# Error messages name these keys in their fixes; without them they name the properties.
keys = railway.ConfigKeys(
    project_name="shop:projectName",
    environment_name="shop:environment",
    workspace_id="shop:workspaceId",
    domain="shop:domain",
)

project = railway.Project(
    "shop",
    railway.ProjectArgs(
        project_name=config.require("projectName"),
        stack_marker=f"{pulumi.get_project()}/{pulumi.get_stack()}",
        workspace_id=config.get("workspaceId") or None,
        environment_name=config.require("environment"),
        config_keys=keys,
    ),
)
environment = railway.Environment(
    "environment",
    railway.EnvironmentArgs(
        project_id=project.id, environment_name=config.require("environment"), config_keys=keys
    ),
)
shared = railway.SharedVariables(
    "shared",
    railway.SharedVariablesArgs(
        project_id=project.id,
        environment_id=environment.id,
        variables={"LOG_LEVEL": config.require("logLevel")},
    ),
)

# ---- The database: an image, a volume, and a public TCP port.

postgres = railway.Service(
    "postgres",
    railway.ServiceArgs(
        project_id=project.id, environment_id=environment.id, service_name=config.require("databaseName")
    ),
)
volume = railway.Volume(
    "data",
    railway.VolumeArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=postgres.id,
        volume_name=config.require("databaseName"),
        mount_path="/var/lib/postgresql/data",
        size_mb=config.require_int("volumeSizeMb"),
        allow_delete=config.require_bool("allowDelete"),
    ),
    pulumi.ResourceOptions(protect=not config.require_bool("allowDelete")),
)
backups = railway.VolumeBackupSchedule(
    "backups",
    railway.VolumeBackupScheduleArgs(
        project_id=project.id,
        environment_id=environment.id,
        volume_id=volume.id,
        kinds=config.require_object("backups"),
    ),
)
postgres_variables = railway.Variables(
    "postgres",
    railway.VariablesArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=postgres.id,
        variables={
            "LOG_LEVEL": "${{shared.LOG_LEVEL}}",
            "PGPORT": str(database_port),
            "POSTGRES_PASSWORD": config.require_secret("databasePassword"),
        },
    ),
)
postgres_settings = railway.ServiceSettings(
    "postgres",
    railway.ServiceSettingsArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=postgres.id,
        has_volume=True,
        image="postgres:17",
    ),
    pulumi.ResourceOptions(depends_on=[volume]),
)
proxy = railway.TcpProxy(
    "postgres",
    railway.TcpProxyArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=postgres.id,
        application_port=database_port,
    ),
)
postgres_deployment = railway.Deployment(
    "postgres",
    railway.DeploymentArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=postgres.id,
        revisions=[
            shared.revision,
            volume.revision,
            postgres_variables.revision,
            postgres_settings.revision,
            proxy.revision,
        ],
    ),
    pulumi.ResourceOptions(depends_on=[shared, volume, postgres_variables, postgres_settings, proxy]),
)

# ---- The API: a GitHub repository, a domain, and references to the database.

api = railway.Service(
    "api",
    railway.ServiceArgs(
        project_id=project.id, environment_id=environment.id, service_name=config.require("apiName")
    ),
)
database = "${{" + config.require("databaseName")
api_variables = railway.Variables(
    "api",
    railway.VariablesArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=api.id,
        variables={
            "DATABASE_HOST": f"{database}.RAILWAY_PRIVATE_DOMAIN}}}}",
            "DATABASE_PASSWORD": f"{database}.POSTGRES_PASSWORD}}}}",
            "DATABASE_PORT": f"{database}.PGPORT}}}}",
            "LOG_LEVEL": "${{shared.LOG_LEVEL}}",
            "PORT": str(port),
        },
    ),
    # Railway resolves a reference when it deploys; the variable must exist by then.
    pulumi.ResourceOptions(depends_on=[postgres_variables]),
)
api_settings = railway.ServiceSettings(
    "api",
    railway.ServiceSettingsArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=api.id,
        has_volume=False,
        repo=config.require("repo"),
        branch=config.require("branch"),
        healthcheck_path="/health",
    ),
)
limits = railway.ServiceLimits(
    "api",
    railway.ServiceLimitsArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=api.id,
        cpus=config.require_int("cpus"),
    ),
    pulumi.ResourceOptions(depends_on=[api_settings]),
)
domain = railway.ServiceDomain(
    "api",
    railway.ServiceDomainArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=api.id,
        target_port=port,
        subdomain=config.get("subdomain") or None,
    ),
)
api_deployment = railway.Deployment(
    "api",
    railway.DeploymentArgs(
        project_id=project.id,
        environment_id=environment.id,
        service_id=api.id,
        revisions=[shared.revision, api_variables.revision, api_settings.revision, limits.revision],
        domain=domain.domain,
        health_path="/health",
        # It connects to the database first: it may need minutes to become healthy, or crash after the start.
        health_seconds=300,
        stable_seconds=15,
    ),
    pulumi.ResourceOptions(
        depends_on=[shared, api_variables, api_settings, limits, domain, postgres_deployment]
    ),
)

# ---- Optionally a report: the image of the database's client, which runs on a schedule and ends.

if config.get("reportSchedule"):
    report = railway.Service(
        "report",
        railway.ServiceArgs(project_id=project.id, environment_id=environment.id, service_name="report"),
    )
    report_variables = railway.Variables(
        "report",
        railway.VariablesArgs(
            project_id=project.id,
            environment_id=environment.id,
            service_id=report.id,
            variables={
                "PGHOST": f"{database}.RAILWAY_PRIVATE_DOMAIN}}}}",
                "PGPASSWORD": f"{database}.POSTGRES_PASSWORD}}}}",
                "PGPORT": f"{database}.PGPORT}}}}",
                "PGUSER": "postgres",
            },
        ),
        pulumi.ResourceOptions(depends_on=[postgres_variables]),
    )
    report_settings = railway.ServiceSettings(
        "report",
        railway.ServiceSettingsArgs(
            project_id=project.id,
            environment_id=environment.id,
            service_id=report.id,
            has_volume=False,
            image="postgres:17",
            start_command="psql --command 'select count(*) from orders'",
            cron_schedule=config.require("reportSchedule"),
            restart_policy_type="NEVER",
        ),
    )
    railway.Deployment(
        "report",
        railway.DeploymentArgs(
            project_id=project.id,
            environment_id=environment.id,
            service_id=report.id,
            revisions=[report_variables.revision, report_settings.revision],
        ),
        pulumi.ResourceOptions(depends_on=[report_variables, report_settings, postgres_deployment]),
    )

if config.get("domain"):
    custom = railway.CustomDomain(
        "api",
        railway.CustomDomainArgs(
            project_id=project.id,
            environment_id=environment.id,
            service_id=api.id,
            domain=config.require("domain"),
            target_port=port,
            config_keys=keys,
        ),
    )
    pulumi.export("dns_records", custom.dns_records)

pulumi.export("url", domain.url)
pulumi.export("api_commit", api_deployment.commit)
pulumi.export("api_status", api_deployment.status)
pulumi.export("database", pulumi.Output.format("{0}:{1}", proxy.domain, proxy.proxy_port))
