"""What a person can do to each resource of the program on Railway: change every field that can be changed,
and delete it. And why a field cannot be changed in the dashboard, or not so that `up` heals it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.railway_world import ORDER, REPO, Engine, World
from tests.conformance.test_railway_settings import SETTING_EDITS, edit_settings

Edit = Callable[[World, Engine], object]
FIELDS = {key: {field.name: field for field in provider.FIELDS} for key, provider in ORDER}


def _on_row(world: World, id_: str, document: str) -> None:
    world.manual(f"mutation($id: String!) {{ {document} }}", id=id_)


def _on(key: str, document: str) -> Edit:
    """A mutation of one resource by its id."""
    return lambda world, engine: _on_row(world, engine.id(key), document)


def _service_variables(variables: dict[str, str], *, replace: bool = False, shared: bool = False) -> Edit:
    """Variables of the service, or shared ones."""

    def edit(world: World, engine: Engine) -> None:
        wanted: dict[str, Any] = {
            "projectId": engine.id("project"),
            "environmentId": engine.id("environment"),
            "variables": variables,
            "replace": replace,
            "skipDeploys": True,
        }
        if not shared:
            wanted["serviceId"] = engine.id("service")
        world.manual(
            "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }", i=wanted
        )

    return edit


def _volume(world: World, engine: Engine) -> None:
    """Renamed, mounted elsewhere, and with that detached."""
    _on("volume", 'volumeUpdate(volumeId: $id, input: {name: "hand"}) { id }')(world, engine)
    world.manual(
        "mutation($id: String!, $e: String!)"
        ' { volumeInstanceUpdate(volumeId: $id, environmentId: $e, input: {mountPath: "/hand"}) }',
        id=engine.id("volume"),
        e=engine.id("environment"),
    )


def _settings(world: World, engine: Engine) -> None:
    """Every setting at once, and the trigger."""
    edit: dict[str, Any] = {}
    for name, (_, edited) in SETTING_EDITS.items():
        if f"settings.{name}" not in NOT_BY_HAND:
            edit |= edited
    edit_settings(world, engine.id("environment"), engine.id("service"), edit)
    triggers = [row for row in world.rows("triggers") if row["service_id"] == engine.id("service")]
    world.manual(
        "mutation($id: String!, $i: DeploymentTriggerUpdateInput!)"
        " { deploymentTriggerUpdate(id: $id, input: $i) { id } }",
        id=triggers[0]["id"],
        i={"repository": REPO, "branch": "main", "checkSuites": False},
    )


def _limits(**limits: float) -> Edit:
    return lambda world, engine: world.manual(
        "mutation($i: ServiceInstanceLimitsUpdateInput!) { serviceInstanceLimitsUpdate(input: $i) }",
        i={"environmentId": engine.id("environment"), "serviceId": engine.id("service"), **limits},
    )


def _domain(world: World, engine: Engine) -> None:
    world.manual(
        "mutation($i: ServiceDomainUpdateInput!) { serviceDomainUpdate(input: $i) }",
        i={
            "serviceDomainId": engine.id("domain"),
            "domain": "hand.up.railway.app",
            "environmentId": engine.id("environment"),
            "serviceId": engine.id("service"),
            "targetPort": 9999,
        },
    )


def _custom_domain(world: World, engine: Engine) -> None:
    world.manual(
        "mutation($id: String!, $e: String!)"
        " { customDomainUpdate(id: $id, environmentId: $e, targetPort: 9999) }",
        id=engine.id("custom_domain"),
        e=engine.id("environment"),
    )


def _newest(world: World, engine: Engine) -> str:
    ours = [row for row in world.rows("deployments") if row["service_id"] == engine.id("service")]
    return max(ours, key=lambda row: row["created_at"])["id"]


def _deployment(world: World, engine: Engine) -> None:
    """An earlier one run again, which then crashes."""
    ours = [row for row in world.rows("deployments") if row["service_id"] == engine.id("service")]
    first = min(ours, key=lambda row: row["created_at"])["id"]
    world.manual("mutation($id: String!) { deploymentRollback(id: $id) }", id=first)
    world.admin("clock", {"advance": 5})
    world.admin(f"deployments/{_newest(world, engine)}", {"status": "CRASHED"})


EDITS: dict[str, Edit] = {
    "project": _on("project", 'projectUpdate(id: $id, input: {name: "hand", description: "x"}) { id }'),
    "environment": _on("environment", 'environmentRename(id: $id, input: {name: "hand"}) { id }'),
    "shared": _service_variables({"SHARED": "hand", "ADDED": "by-hand"}, shared=True),
    "service": _on("service", 'serviceUpdate(id: $id, input: {name: "hand"}) { id }'),
    "volume": _volume,
    "backups": _on("backups", "volumeInstanceBackupScheduleUpdate(volumeInstanceId: $id, kinds: [DAILY])"),
    "variables": _service_variables({"WHATSAPP_BACKFILL_COUNT": "7", "ADDED": "by-hand"}),
    "settings": _settings,
    "limits": _limits(vCPUs=8, memoryGB=8),
    "domain": _domain,
    "custom_domain": _custom_domain,
    "deployment": _deployment,
}
_ID = "Railway never changes it"
_OURS = "only the program says it"
_SECRET = "secret: shows by name, in `names`"
ALONE = "not with a volume; without one: test_railway_settings"
NOT_BY_HAND: dict[str, str] = {
    "project_id": _ID,
    "environment_id": _ID,
    "service_id": _ID,
    "config_keys": "named in messages, and not on Railway",
    "project.workspace_id": "not declared to be changed: it is fixed",
    "project.environment_name": "shows at the environment",
    "project.adopt_project_id": _OURS,
    "project.service_name": "shows at the service",
    "shared.variables": _SECRET,
    "volume.size_mb": "shows, and never shrinks: test_railway_unverified_behaviour",
    "volume.region": "fixed",
    "volume.allow_delete": _OURS,
    "allow_new_volume": _OURS,
    "backup_before_deploy": _OURS,
    "backups.volume_id": _ID,
    "variables.variables": _SECRET,
    "settings.has_volume": _OURS,
    "settings.replicas": ALONE,
    "settings.region": ALONE,
    "settings.builder": ALONE,
    "settings.image": ALONE,
    "settings.railway_config_file": ALONE,
    "custom_domain.domain": "Railway renames none: another is another domain",
    "tcp_proxy.application_port": "Railway moves none: another is another proxy",
    **{
        f"deployment.{name}": _OURS
        for name in (
            "revisions",
            "domain",
            "health_path",
            "log_expectations",
            "log_advice",
            "wait_seconds",
            "stable_seconds",
            "health_seconds",
            "rollback",
        )
    },
}


def reason(key: str, name: str) -> str | None:
    """Why a field is not changed in the dashboard; None: it is."""
    if name == "service_id" and not FIELDS[key][name].replace:
        return None  # a volume moves to another service
    return NOT_BY_HAND.get(f"{key}.{name}", NOT_BY_HAND.get(name))


EXPECTED = {key: {name for name in fields if reason(key, name) is None} for key, fields in FIELDS.items()}
"""What can be changed in the dashboard, and is reset by `up`."""
CHANGEABLE = [key for key, names in EXPECTED.items() if names]


# ---- Deletions in the dashboard

DELETIONS: dict[str, Edit] = {
    "project": _on("project", "projectDelete(id: $id)"),
    "environment": _on("environment", "environmentDelete(id: $id)"),
    "shared": _service_variables({}, replace=True, shared=True),
    "service": _on("service", "serviceDelete(id: $id)"),
    "volume": _on("volume", "volumeDelete(volumeId: $id)"),
    "backups": _on("backups", "volumeInstanceBackupScheduleUpdate(volumeInstanceId: $id, kinds: [])"),
    "variables": _service_variables({}, replace=True),
    "settings": lambda world, engine: [
        _on_row(world, row["id"], "deploymentTriggerDelete(id: $id)")
        for row in world.rows("triggers")
        if row["service_id"] == engine.id("service")
    ],
    "limits": _limits(),
    "domain": _on("domain", "serviceDomainDelete(id: $id)"),
    "custom_domain": _on("custom_domain", "customDomainDelete(id: $id)"),
    "tcp_proxy": _on("tcp_proxy", "tcpProxyDelete(id: $id)"),
    "deployment": lambda world, engine: _on_row(world, _newest(world, engine), "deploymentRemove(id: $id)"),
}
OBJECTS = {"project", "environment", "service", "volume", "domain", "custom_domain", "tcp_proxy"}
"""What has an id of its own on Railway. The others are emptied, which is a change of what stays."""
WITH_THE_VOLUME = {"project", "environment", "volume"}
"""The volume goes with them, and is not replaced without a word."""
