"""The backend on Railway: the protected volume, the variables, and the resources that settings add."""

from __future__ import annotations

from dataclasses import fields, replace

import pulumi
import pytest

from components.backend import CONFIG_KEYS
from settings.keys import NAMESPACE
from settings.model import KEYS
from tests.components import world
from tests.components.conftest import Run
from tests.components.engine import GENERATED

pytestmark = pytest.mark.components


def test_the_volume_is_protected_and_retained(run: Run) -> None:
    request = run().one("backend-volume").request
    assert request.protect
    assert request.retainOnDelete


@pytest.mark.parametrize("name", ["railway-project", "backend-environment"])
def test_what_the_volume_is_in_is_kept_so_that_destroy_ends_without_an_error(run: Run, name: str) -> None:
    request = run().one(name).request
    assert (request.retainOnDelete, request.protect) == (True, False)


def test_the_guard_depends_on_everything_so_that_destroy_deletes_it_first(run: Run) -> None:
    """Pulumi stops at a protected resource only after it has deleted what depends on it."""
    engine = run()
    guard = engine.one("guard-destroy")
    assert guard.inputs["stack_path"] == "acme/whatsapp-crm/test"
    assert guard.inputs["volume_id"] == "id-of-backend-volume"
    assert guard.inputs["volume_urn"] == engine.one("backend-volume").urn
    assert guard.inputs["database_urn"] == engine.one("database-firestore").urn
    real = {
        resource.name
        for resource in engine.registered
        if resource.request.custom and not resource.kind.startswith("pulumi:")
    }
    assert real - engine.waits_for(guard) == {"guard-destroy"}


def test_only_the_volume_and_the_database_are_protected(run: Run) -> None:
    """Other protected resources would only make the destruction of a trial stack harder."""
    protected = {r.name for r in run().registered if r.request.protect}
    assert protected == {"backend-volume", "database-firestore"}


def test_a_backup_before_each_deployment_is_declared_for_the_volume_and_the_deployment(run: Run) -> None:
    railway = replace(world.RAILWAY, backup_before_deploy=True)
    engine = run(settings=lambda: world.settings(railway=railway))
    for name in ("backend-volume", "backend-deployment"):
        resource = engine.one(name)
        assert resource.inputs["backup_before_deploy"] is True
        keys = resource.inputs["config_keys"]
        assert keys["backup_before_deploy"] == "whatsapp-crm:backupBeforeDeploy"
        assert run().one(name).inputs["backup_before_deploy"] is False


@pytest.mark.parametrize("path", ["/app/sessions", "/data/elsewhere"])
def test_the_mount_path_is_also_sessions_path(run: Run, path: str) -> None:
    railway = replace(world.RAILWAY, mount_path=path)
    engine = run(settings=lambda: world.settings(railway=railway))
    assert engine.one("backend-volume").inputs["mount_path"] == path
    assert engine.one("backend-variables").inputs["variables"]["SESSIONS_PATH"] == path


@pytest.mark.parametrize(("gigabytes", "megabytes"), [(50, 50000), (0.5, 500), (1.25, 1250)])
def test_a_gigabyte_is_1000_megabytes(run: Run, gigabytes: float, megabytes: int) -> None:
    railway = replace(world.RAILWAY, volume_size_gb=gigabytes)
    engine = run(settings=lambda: world.settings(railway=railway))
    assert engine.one("backend-volume").inputs["size_mb"] == megabytes


def test_all_variables_are_one_secret(run: Run) -> None:
    """With a secret per value, the keys that a refresh finds are not secret."""
    variables = run().one("backend-variables")
    assert variables.secret == {"variables"}
    assert set(variables.inputs["variables"]) == {
        "ADMIN_TOKEN",
        "FIREBASE_SERVICE_ACCOUNT_JSON",
        "LOG_LEVEL",
        "PORT",
        "SESSIONS_PATH",
        "WHATSAPP_BACKFILL_COUNT",
        "WHATSAPP_BACKFILL_THREADS",
        "WHATSAPP_SYNC_FULL_HISTORY",
    }


@pytest.mark.parametrize(("full", "expected"), [(True, "true"), (False, "false")])
def test_the_whatsapp_settings_are_variables(run: Run, full: bool, expected: str) -> None:
    backend = replace(world.BACKEND, sync_full_history=full, backfill_count=7, backfill_threads=3)
    variables = run(settings=lambda: world.settings(backend=backend)).one("backend-variables")
    given = variables.inputs["variables"]
    assert given["WHATSAPP_SYNC_FULL_HISTORY"] == expected
    assert (given["WHATSAPP_BACKFILL_COUNT"], given["WHATSAPP_BACKFILL_THREADS"]) == ("7", "3")


def test_an_admin_token_is_generated_if_none_is_configured(run: Run) -> None:
    engine = run()
    assert engine.one("backend-variables").inputs["variables"]["ADMIN_TOKEN"] == GENERATED
    assert "token" in engine.one("backend-admin-token").request.additionalSecretOutputs


def test_a_configured_admin_token_is_used(run: Run) -> None:
    def with_token() -> pulumi.Output[str]:
        return pulumi.Output.secret("given")

    engine = run(settings=lambda: world.settings(backend=replace(world.BACKEND, admin_token=with_token())))
    assert engine.one("backend-variables").inputs["variables"]["ADMIN_TOKEN"] == "given"
    assert engine.of("components:GeneratedToken") == []


def test_extra_variables_cannot_replace_the_programs_variables(run: Run) -> None:
    backend = replace(world.BACKEND, variables={"SESSIONS_PATH": "/tmp", "EXTRA": "1"})
    engine = run(settings=lambda: world.settings(backend=backend))
    given = engine.one("backend-variables").inputs["variables"]
    assert (given["SESSIONS_PATH"], given["EXTRA"]) == (world.RAILWAY.mount_path, "1")


def test_without_a_target_port_the_port_is_not_sent(run: Run) -> None:
    railway = replace(world.RAILWAY, target_port=None)
    engine = run(settings=lambda: world.settings(railway=railway))
    assert "PORT" not in engine.one("backend-variables").inputs["variables"]
    assert "target_port" not in engine.one("backend-domain").inputs


def test_the_service_deploys_the_declared_branch_in_one_deployment(run: Run) -> None:
    engine = run()
    settings = engine.one("backend-settings").inputs
    assert (settings["repo"], settings["branch"]) == ("example/whatsapp-crm", "main")
    assert (settings["replicas"], settings["has_volume"]) == (1, True)
    assert engine.one("backend-deployment").inputs["revisions"] == [
        "variables-1",
        "settings-1",
        "volume-1",
        "limits-1",
    ]


@pytest.mark.parametrize("ipv6", [False, True])
def test_outgoing_ipv6_is_as_declared(run: Run, ipv6: bool) -> None:
    railway = replace(world.RAILWAY, ipv6_egress=ipv6)
    engine = run(settings=lambda: world.settings(railway=railway))
    assert engine.one("backend-settings").inputs["ipv6_egress_enabled"] is ipv6


def test_the_project_has_the_marker_of_the_stack(run: Run) -> None:
    assert run().one("railway-project").inputs["stack_marker"] == "whatsapp-crm/test"


def test_an_adopted_project_is_named_by_its_id(run: Run) -> None:
    railway = replace(world.RAILWAY, project_id="0b1c")
    engine = run(settings=lambda: world.settings(railway=railway))
    assert engine.one("railway-project").inputs["adopt_project_id"] == "0b1c"


def test_optional_resources_are_not_declared_by_default(run: Run) -> None:
    """Custom domain, backup schedule, adoption."""
    kinds = {resource.kind.rpartition(":")[2] for resource in run().registered}
    assert not kinds & {"CustomDomain", "VolumeBackupSchedule", "Adoption"}


def test_a_custom_domain_has_its_dns_records_as_outputs(run: Run) -> None:
    railway = replace(world.RAILWAY, custom_domain="crm.example.com")
    domain = run(settings=lambda: world.settings(railway=railway)).one("backend-custom-domain")
    assert (domain.inputs["domain"], domain.inputs["target_port"]) == ("crm.example.com", 8080)


@pytest.mark.parametrize(
    ("cpus", "memory", "declared"),
    [
        (2.0, None, {"cpus": 2.0}),
        (None, 1.5, {"memory_gb": 1.5}),
        (4.0, 8.0, {"cpus": 4.0, "memory_gb": 8.0}),
        (None, None, {}),
    ],
)
def test_the_deployment_depends_on_the_limits(
    run: Run, cpus: float | None, memory: float | None, declared: dict[str, float]
) -> None:
    """Without limits too: a deletion of the resource would happen after the deployment."""
    railway = replace(world.RAILWAY, cpu_limit=cpus, memory_limit_gb=memory)
    engine = run(settings=lambda: world.settings(railway=railway))
    limits = engine.one("backend-limits")
    assert {name: limits.inputs[name] for name in ("cpus", "memory_gb") if name in limits.inputs} == declared
    deployment = engine.one("backend-deployment")
    assert len(deployment.inputs["revisions"]) == 4
    assert "backend-limits" in engine.waits_for(deployment)


def test_the_backup_schedule_has_the_configured_kinds(run: Run) -> None:
    railway = replace(world.RAILWAY, volume_backups=("DAILY", "WEEKLY"))
    schedule = run(settings=lambda: world.settings(railway=railway)).one("backend-backups")
    assert schedule.inputs["volume_id"] == "id-of-backend-volume"
    assert schedule.inputs["kinds"] == ["DAILY", "WEEKLY"]


@pytest.mark.parametrize("enabled", [True, False])
def test_rollback_and_allow_new_volume_are_passed_on(run: Run, enabled: bool) -> None:
    railway = replace(world.RAILWAY, rollback_on_failure=enabled, allow_new_volume=enabled)
    engine = run(settings=lambda: world.settings(railway=railway))
    assert engine.one("backend-deployment").inputs["rollback"] is enabled
    for name in ("backend-volume", "backend-environment", "railway-project"):
        assert engine.one(name).inputs["allow_new_volume"] is enabled


def test_error_messages_name_existing_config_keys(run: Run) -> None:
    """Each resource gets the keys that its messages name."""
    handed = {field.name: getattr(CONFIG_KEYS, field.name) for field in fields(CONFIG_KEYS)}
    assert None not in handed.values()
    assert {key.removeprefix(f"{NAMESPACE}:") for key in handed.values()} <= set(KEYS)
    volume = run().one("backend-volume").inputs["config_keys"]
    named = ("allow_new_volume", "backup_before_deploy", "region", "size_gb", "volume_name")
    assert volume == {name: handed[name] for name in named}


def test_the_adoption_is_last_and_has_all_declared_inputs(run: Run) -> None:
    """Its presence in the state means that the adoption is complete."""
    railway = replace(world.RAILWAY, project_id="0b1c")
    engine = run(settings=lambda: world.settings(railway=railway))
    adoption = engine.one("backend-adoption")
    assert "backend-deployment" in engine.waits_for(adoption)
    assert adoption.inputs["project_id"] == "0b1c"
    assert engine.one("railway-project").inputs["service_name"] == world.RAILWAY.service_name
    declared = adoption.inputs["declared"]
    assert declared["settings"]["branch"] == "main"
    assert declared["volume"]["size_mb"] == 50000
    assert set(declared["variables"]["variables"]) == set(engine.one("backend-variables").inputs["variables"])
    assert "declared" in adoption.secret
