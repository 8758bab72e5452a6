"""A first declaration, and one in which every field of every resource differs: an `up` that changes
everything.

A field is in the tables of the providers; one that neither differs here nor is named in `STAYS`, with a
reason, fails the tests.
"""

from __future__ import annotations

from tests.conformance.railway_world import VARIABLES, Declared

FIRST = Declared(
    target_port=8080,
    settings={
        "root_directory": "backend",
        "builder": "NIXPACKS",
        "start_command": "node index.js",
        "watch_patterns": ["a/**"],
    },
    shared={"SHARED": "shared-one"},
    backups=("DAILY",),
    limits={"cpus": 2, "memory_gb": 4},
    custom_domain={"domain": "crm.example.com", "target_port": 8080},
    tcp_port=5432,
)

_VARIABLES = dict(VARIABLES) | {"SESSIONS_PATH": "/app/sessions2", "ADMIN_TOKEN": "another-admin-token"}
del _VARIABLES["LINK"]

CHANGED = Declared(
    project_name="crm-two",
    stack_marker="crm/renamed",
    environment_name="live",
    service_name="backend-two",
    volume_name="sessions-two",
    mount_path="/app/sessions2",
    size_mb=60000,
    allow_delete=True,
    allow_new_volume=True,
    backup_before_deploy=True,
    variables=_VARIABLES,
    repo="example/other",
    branch="staging",
    healthcheck_path="/ready",
    subdomain="crm-backend",
    target_port=8081,
    log_expectations=("Firebase initialized",),
    wait_seconds=700,
    stable_seconds=2,
    health_seconds=50,
    rollback=True,
    settings={
        "check_suites": True,
        "root_directory": "server",
        "build_command": "npm run build",
        "dockerfile_path": "Dockerfile",
        "watch_patterns": ["a/**", "b/**"],
        "start_command": "node server.js",
        "pre_deploy_command": ["npm run migrate"],
        "healthcheck_timeout": 100,
        "restart_policy_type": "ALWAYS",
        "restart_policy_max_retries": 3,
        "cron_schedule": "0 * * * *",
        "sleep_application": True,
        "overlap_seconds": 5,
        "draining_seconds": 6,
        "region": "us-west2",
        "ipv6_egress_enabled": True,
    },
    shared={"SHARED": "shared-two", "MORE": "more-one"},
    backups=("WEEKLY", "MONTHLY"),
    limits={"cpus": 1.5, "memory_gb": 3},
    custom_domain={"domain": "crm.example.com", "target_port": 8081},
    tcp_port=5433,
)
"""`builder` is no longer declared: reset."""

_ID = "another one makes another object, or is refused"
STAYS: dict[str, str] = {
    "project_id": _ID,
    "environment_id": _ID,
    "service_id": _ID,
    "config_keys": "named in messages: test_railway_config_keys",
    "deployment.log_advice": "part of a message: test_railway_config_keys",
    "project.workspace_id": "a change is refused",
    "project.adopt_project_id": "names an existing project; the adoption has tests of its own",
    "volume.region": "a change is refused",
    "variables.names": "derived from the variables",
    "shared.names": "derived from the variables",
    "backups.volume_id": _ID,
    "custom_domain.domain": "another one makes another object: test_railway_dashboard_edits",
    "settings.has_volume": "the volume stays",
    "settings.replicas": "a service with a volume has exactly one",
    "settings.railway_config_file": "Railway refuses it for new services",
    "settings.image": "instead of a repository",
    "deployment.revisions": "made by the writes before it",
    "deployment.domain": "follows from the domain's name",
    "deployment.running": "always declared true",
    "deployment.rolled_back": "always declared false",
}
