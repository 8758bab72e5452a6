"""Every setting of a service without a volume, one by one: written, read back, changed in the dashboard,
reset, removed; and set in the dashboard where it is not declared. With a volume:
test_railway_dashboard_edits.
"""

from __future__ import annotations

from typing import Any

import pytest

from railway.service import ServiceProvider
from railway.service_settings import ServiceSettingsProvider
from railway.settings_table import SETTINGS
from tests.conformance.railway_worker import Worker
from tests.conformance.railway_world import World, first_up

pytestmark = pytest.mark.conformance


SETTING_EDITS: dict[str, tuple[Any, dict[str, Any]]] = {
    "replicas": (2, {"numReplicas": 3}),
    "root_directory": ("backend", {"rootDirectory": "other"}),
    "builder": ("NIXPACKS", {"builder": "RAILPACK"}),
    "build_command": ("npm run build", {"buildCommand": "other"}),
    "dockerfile_path": ("Dockerfile", {"dockerfilePath": "other"}),
    "watch_patterns": (["a/**", "b/**"], {"watchPatterns": ["c"]}),
    "railway_config_file": ("railway.json", {"railwayConfigFile": "other.json"}),
    "start_command": ("node server.js", {"startCommand": "other"}),
    "pre_deploy_command": (["npm run migrate"], {"preDeployCommand": ["other"]}),
    "healthcheck_path": ("/health", {"healthcheckPath": "/"}),
    "healthcheck_timeout": (100, {"healthcheckTimeout": 7}),
    "restart_policy_type": ("ALWAYS", {"restartPolicyType": "NEVER"}),
    "restart_policy_max_retries": (3, {"restartPolicyMaxRetries": 9}),
    "cron_schedule": ("0 * * * *", {"cronSchedule": "1 * * * *"}),
    "sleep_application": (True, {"sleepApplication": False}),
    "overlap_seconds": (5, {"overlapSeconds": 9}),
    "draining_seconds": (5, {"drainingSeconds": 9}),
    "region": ("us-west2", {"region": "us-east4-eqdc4a"}),
    "ipv6_egress_enabled": (True, {"ipv6EgressEnabled": False}),
    "image": ("example/crm:1", {"source": {"image": "example/crm:2"}}),
}
"""A declared value, and the edit in the dashboard that replaces it; of a service without a volume."""


def edit_settings(world: World, environment_id: str, service_id: str, edit: dict[str, Any]) -> None:
    """Change settings of a service in the dashboard."""
    world.manual(
        "mutation($e: String!, $s: String!, $i: ServiceInstanceUpdateInput!)"
        " { serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: $i) }",
        e=environment_id,
        s=service_id,
        i=edit,
    )


def test_every_setting_is_applied_read_back_drifts_and_heals(railway: World) -> None:
    """One by one: an edit that is dropped in silence is the peers' first complaint."""
    railway.admin("switches", {"railway_config_file_allowed": True})
    engine = first_up(railway)
    ids = {"project_id": engine.id("project"), "environment_id": engine.id("environment")}
    provider = ServiceSettingsProvider()
    with railway.operation() as process:
        ids["service_id"] = process.resource(ServiceProvider()).create(ids | {"service_name": "worker"}).id
        bare = ids | {"has_volume": False, "replicas": 1}
        live = process.resource(provider).create(process.resource(provider).inputs(bare))
    for name, (value, edited) in SETTING_EDITS.items():
        with railway.operation() as process:
            resource = process.resource(provider)
            news = resource.inputs(bare | {name: value})
            assert resource.diff(live, news).changes, name
            live = resource.update(live, news)
            assert not resource.diff(live, news).changes, name
        with railway.operation() as process:
            resource = process.resource(provider)
            again, _ = resource.read(live)
            assert again.outs.get(name) == live.outs[name] == value, name
            assert not resource.diff(again, news).changes, name
        edit_settings(railway, ids["environment_id"], ids["service_id"], edited)
        with railway.operation() as process:
            resource = process.resource(provider)
            drifted, _ = resource.read(live)
            assert drifted.outs.get(name) != value, name
            assert resource.diff(drifted, news).changes, name
            live = resource.update(drifted, news)
        with railway.operation() as process:
            assert process.resource(provider).read(live)[0].outs[name] == value, name
        # No longer declared: reset.
        with railway.operation() as process:
            resource = process.resource(provider)
            plain = resource.inputs(bare)
            assert resource.diff(live, plain).changes, name
            live = resource.update(live, plain)
            assert live.outs.get(name) == plain.get(name), name


UNDECLARED = {setting.name: setting for setting in SETTINGS}


@pytest.fixture
def worker(railway: World) -> Worker:
    """A service whose settings are up, with none declared."""
    railway.admin("switches", {"railway_config_file_allowed": True})
    worker = Worker(railway)
    worker.up()
    return worker


def test_an_undeclared_setting_is_drift_or_left_to_railway(worker: Worker) -> None:
    """Set in the dashboard: drift, with old and new value, which `up` resets; or no drift at all."""
    assert worker.refresh() == {}
    assert worker.refresh() == {}
    for name, setting in UNDECLARED.items():
        value, edited = SETTING_EDITS[name]
        if setting.undeclared_because:
            worker.edit(**{setting.input: value})
            assert name in worker.settings()
            assert worker.refresh() == {}, name
            assert worker.quiet(), name
            worker.edit(**{setting.input: setting.reset})
            continue
        worker.edit(**({setting.input: value} if edited[setting.input] == setting.default else edited))
        assert worker.refresh() == {name: (1 if name == "replicas" else None, worker.settings()[name])}
        assert worker.refresh() == {}, name
        assert not worker.quiet(), name
        worker.up()
        assert worker.refresh() == {}, name
        assert worker.quiet(), name
        assert worker.settings() == {}


def test_dashboard_edits_are_reset_when_the_settings_are_created(railway: World) -> None:
    """An adoption, and a state that was lost. What is Railway's own stays."""
    railway.admin("switches", {"railway_config_file_allowed": True})
    worker = Worker(railway)
    edits = {
        setting.input: SETTING_EDITS[name][0] for name, setting in UNDECLARED.items() if name != "replicas"
    }
    worker.edit(**edits)
    worker.up(start_command="node server.js")
    left_alone = {name for name, setting in UNDECLARED.items() if setting.undeclared_because}
    assert {*worker.settings()} == left_alone | {"start_command"}
    assert worker.settings()["start_command"] == "node server.js"
    assert worker.refresh() == {}
    assert worker.quiet(start_command="node server.js")


def test_every_setting_is_here() -> None:
    """A new one cannot be added without its edit in the dashboard."""
    assert {*SETTING_EDITS} == {setting.name for setting in SETTINGS} | {"image"}
