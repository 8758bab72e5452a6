"""The settings of a service instance: which values Railway accepts, and what null, "" and a missing key mean.

Rejects what Railway rejects: zero replicas, several replicas with a volume or a cron schedule, an unknown
region, a config file for a new service. Sources: ServiceInstanceUpdateInput in Railway's schema; Railway
docs, volumes/reference, scaling, cron-jobs, config-as-code.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from sandbox.railway import errors, records
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.railway.context import Context
    from sandbox.railway.store import Store

REGIONS = {
    "us-west2": ("US West", "USA", "California"),
    "us-east4-eqdc4a": ("US East", "USA", "Virginia"),
    "europe-west4-drams3a": ("EU West", "Netherlands", "Amsterdam"),
    "asia-southeast1-eqsg3a": ("Southeast Asia", "Singapore", "Singapore"),
}
MAX_REPLICAS = {"free": 1, "trial": 2, "hobby": 6, "pro": 42}
DEFAULTS = {
    item.name: item.default_factory() if callable(item.default_factory) else item.default
    for item in fields(records.Instance)
    if item.name not in ("id", "service_id", "environment_id", "created_at", "updated_at", "visible_at")
}


def new_instance(store: Store, service_id: str, environment_id: str) -> records.Instance:
    """Create an instance of a service, which becomes visible after the delay."""
    now = store.now()
    instance = records.Instance(
        id=new_id(),
        service_id=service_id,
        environment_id=environment_id,
        created_at=now,
        updated_at=now,
        visible_at=now + store.switches.instance_delay_seconds,
    )
    store.instances[instance.id] = instance
    return instance


def parse_update(context: Context, input_: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ServiceInstanceUpdateInput (snake_case keys) changes, by attribute of an instance.

    null changes nothing, "" resets to the default; an input without numReplicas sets it to 1, as reported
    from the live API.
    """
    changes: dict[str, Any] = {"num_replicas": 1}
    for name, value in input_.items():
        if value is None or name in context.switches.settings_ignored:
            continue
        if name == "registry_credentials" and not any(value.values()):
            changes[name] = None
        elif name == "source":
            for kind in ("repo", "image"):
                if value.get(kind):
                    changes |= {"source_repo": None, "source_image": None, f"source_{kind}": value[kind]}
        elif value == "":
            changes[name] = DEFAULTS[name]
        elif name == "multi_region_config":
            changes |= parse_regions(value)
        else:
            changes[name] = value
    if changes.get("railway_config_file") and not context.switches.railway_config_file_allowed:
        raise errors.bad_input("Config files are not supported for new services")
    return changes


def parse_regions(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return multiRegionConfig as attributes: the map itself, its first region, and the total of replicas."""
    regions = {region: dict(entry) for region, entry in config.items() if entry is not None}
    counts = [int(entry.get("numReplicas", 1)) for entry in regions.values()]
    if any(count < 1 for count in counts):
        raise errors.bad_input("numReplicas must be at least 1")
    return {
        "multi_region_config": regions or None,
        "region": next(iter(regions), None),
        "num_replicas": sum(counts) or 1,
    }


def check_changes(store: Store, instance: records.Instance, changes: Mapping[str, Any]) -> records.Instance:
    """Return the changed instance without saving it.

    Raises:
        GraphQLError: Railway would reject it.
    """
    requested = replace(instance, **changes)
    if requested.num_replicas < 1:
        raise errors.bad_input("numReplicas must be at least 1")
    limit = MAX_REPLICAS[store.switches.plan]
    if requested.num_replicas > limit:
        raise errors.bad_input(f"The {store.switches.plan} plan allows at most {limit} replicas")
    if requested.num_replicas > 1 and requested.cron_schedule:
        raise errors.bad_input("Cron services cannot have more than one replica")
    if requested.num_replicas > 1 and attached_volume(store, instance.service_id, instance.environment_id):
        raise errors.bad_input("Services with a volume cannot have more than one replica")
    for region in (requested.region, *(requested.multi_region_config or {})):
        check_region(region)
    return requested


def check_region(region: str | None) -> None:
    """Reject a region that Railway does not have.

    Raises:
        GraphQLError: unknown region.
    """
    if region is not None and region not in REGIONS:
        raise errors.bad_input(f"Invalid region {region}")


def apply(store: Store, instance: records.Instance, changes: Mapping[str, Any]) -> bool:
    """Apply changes to an instance; return whether anything changed."""
    different = any(getattr(instance, name) != value for name, value in changes.items())
    if different:
        for name, value in changes.items():
            setattr(instance, name, value)
        instance.updated_at = store.now()
    return different


def attached_volume(store: Store, service_id: str, environment_id: str) -> records.VolumeInstance | None:
    """Return the volume attached to a service in an environment."""
    for row in store.volume_instances.values():
        if (
            (row.service_id, row.environment_id) == (service_id, environment_id)
            and not row.is_pending_deletion
            and row.deleted_at is None
        ):
            return row
    return None
