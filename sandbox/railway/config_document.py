"""An environment as one document (EnvironmentConfig): how it is rendered, and how a patch changes it.

Unknown keys are errors, because Railway publishes a JSON schema for the document. Domains and TCP proxies in
a patch are ignored without an error, which is Railway's own behaviour. Source: environment.schema.json,
published by Railway.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, cast

from sandbox.railway import deploys, errors, records, settings
from sandbox.railway.rendering import user_variables
from sandbox.railway.volume_rules import mark_for_deletion, resize
from sandbox.railway.writes import put_trigger, put_variables, remove_service

if TYPE_CHECKING:
    from sandbox.railway.context import Context
    from sandbox.railway.store import Store

Json = dict[str, Any]
MASK = "*****"
BUILD = {
    "builder": "builder", "buildCommand": "build_command", "dockerfilePath": "dockerfile_path",
    "watchPatterns": "watch_patterns", "nixpacksPlan": "nixpacks_plan",
}  # fmt: skip
DEPLOY = {
    "startCommand": "start_command", "preDeployCommand": "pre_deploy_command",
    "healthcheckPath": "healthcheck_path", "healthcheckTimeout": "healthcheck_timeout",
    "numReplicas": "num_replicas", "multiRegionConfig": "multi_region_config", "region": "region",
    "cronSchedule": "cron_schedule", "restartPolicyType": "restart_policy_type",
    "restartPolicyMaxRetries": "restart_policy_max_retries", "sleepApplication": "sleep_application",
    "overlapSeconds": "overlap_seconds", "drainingSeconds": "draining_seconds",
    "ipv6EgressEnabled": "ipv6_egress_enabled", "limitOverride": "limit_override",
    "registryCredentials": "registry_credentials",
}  # fmt: skip
SERVICE_KEYS = {
    "source", "build", "deploy", "variables", "networking", "volumeMounts", "configFile", "isCreated",
    "isDeleted", "icon", "groupId",
}  # fmt: skip
SOURCE_KEYS = {"repo", "image", "branch", "rootDirectory", "checkSuites", "commitSha", "autoUpdates"}
VOLUME_KEYS = {"sizeMB", "region", "alerts", "allowOnlineResize", "isCreated", "isDeleted"}
MODELLED = {"services", "sharedVariables", "volumes"}
TOP_KEYS = MODELLED | {"buckets", "groups", "privateNetworkDisabled"}


def render(store: Store, environment: records.Environment, *, decrypt: bool) -> Json:
    """Render an environment's document. Variables are masked unless `decrypt`; sealed ones always are."""
    services: Json = {}
    for instance in store.instances.values():
        if instance.environment_id == environment.id and instance.deleted_at is None:
            services[instance.service_id] = _service(store, instance, decrypt=decrypt)
    volumes: Json = {}
    for row in store.volume_instances.values():
        if row.environment_id == environment.id and row.deleted_at is None and not row.is_pending_deletion:
            volumes[row.volume_id] = {
                "sizeMB": row.size_mb,
                "region": row.region,
                "alerts": row.alerts or {"80": True, "95": True, "100": True},
                "allowOnlineResize": row.allow_online_resize,
            }
    return {
        "services": services,
        "sharedVariables": _variables(store, environment.id, None, decrypt=decrypt),
        "volumes": volumes,
        **environment.extra,
    }


def _service(store: Store, instance: records.Instance, *, decrypt: bool) -> Json:
    trigger = deploys.trigger_of(store, instance)
    source = {
        "repo": instance.source_repo,
        "image": instance.source_image,
        "branch": trigger.branch if trigger else None,
        "rootDirectory": instance.root_directory,
        "checkSuites": trigger.check_suites if trigger else None,
    }
    deploy = {name: getattr(instance, attribute) for name, attribute in DEPLOY.items()}
    # Railway leaves the default restart policy out of the document.
    if instance.restart_policy_type == "ON_FAILURE" and instance.restart_policy_max_retries == 10:
        del deploy["restartPolicyType"], deploy["restartPolicyMaxRetries"]
    if deploy["registryCredentials"]:
        deploy["registryCredentials"] = {"username": MASK, "password": MASK}
    instance_key = (instance.service_id, instance.environment_id)
    domains = [
        row
        for row in store.domains.values()
        if (row.service_id, row.environment_id) == instance_key and row.deleted_at is None
    ]
    proxies = [
        row
        for row in store.tcp_proxies.values()
        if (row.service_id, row.environment_id) == instance_key and row.deleted_at is None
    ]
    mount = settings.attached_volume(store, *instance_key)
    return {
        "source": _without_empty(source),
        "build": _without_empty({name: getattr(instance, attribute) for name, attribute in BUILD.items()}),
        "deploy": _without_empty(deploy),
        "variables": _variables(store, instance.environment_id, instance.service_id, decrypt=decrypt),
        "networking": {
            "serviceDomains": {
                row.domain: _without_empty({"port": row.target_port}) for row in domains if not row.custom
            },
            "customDomains": {
                row.domain: _without_empty({"port": row.target_port}) for row in domains if row.custom
            },
            "tcpProxies": {str(row.application_port): {} for row in proxies},
        },
        "volumeMounts": {mount.volume_id: {"mountPath": mount.mount_path}} if mount else {},
        **({"configFile": instance.railway_config_file} if instance.railway_config_file else {}),
        **instance.extra,
    }


def _without_empty(values: Json) -> Json:
    return {name: value for name, value in values.items() if value is not None and value != []}


def _variables(store: Store, environment_id: str, service_id: str | None, *, decrypt: bool) -> Json:
    found: Json = {}
    for row in user_variables(store, environment_id, service_id):
        value = None if row.is_sealed else row.value if decrypt else MASK
        found[row.name] = {"value": value, **({"isSealed": True} if row.is_sealed else {})}
    return found


def etag(store: Store, environment: records.Environment) -> str:
    """Return configEtag, which changes with every edit of the document."""
    text = json.dumps(render(store, environment, decrypt=True), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def merge(base: Json, patch: Json) -> Json:
    """Merge a patch: null deletes, objects are merged, other values replace."""
    merged = dict(base)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            old = merged.get(name)
            merged[name] = merge(cast("Json", old) if isinstance(old, dict) else {}, cast("Json", value))
        else:
            merged[name] = value
    return merged


def count_values(patch: Json) -> int:
    """Return the number of values that a patch sets or deletes."""
    return sum(count_values(cast("Json", v)) if isinstance(v, dict) and v else 1 for v in patch.values())


def commit(
    context: Context, environment: records.Environment, patch: Json, *, skip_deploys: bool
) -> str | None:
    """Apply a patch and deploy the services that it changed; a patch without changes does nothing.

    Returns:
        The error of a part that Railway accepts and then fails to apply (`lastAppliedError`), or None.

    Raises:
        GraphQLError: the patch is invalid; nothing was changed.
    """
    store = context.store
    before = render(store, environment, decrypt=True)
    after = merge(before, patch)
    _validate(before, patch)
    failed: str | None = None
    plans: list[tuple[records.Instance, Json]] = []
    for service_id, requested in after["services"].items():
        if requested != before["services"].get(service_id) and not requested.get("isDeleted"):
            instance = context.instance(service_id, environment.id)
            changes = _changes(before["services"][service_id], requested)
            if len(requested.get("volumeMounts", {})) > 1:
                raise errors.bad_input("Service already has a volume attached in this environment")
            settings.check_changes(store, instance, changes)
            plans.append((instance, changes))
    sizes = [
        (row, after["volumes"][row.volume_id])
        for row in list(store.volume_instances.values())
        if row.environment_id == environment.id
        and after["volumes"].get(row.volume_id) != before["volumes"].get(row.volume_id)
    ]
    for row, requested in sizes:
        failed = resize(context, row, requested.get("sizeMB", row.size_mb), check_only=True) or failed
    changed: list[records.Instance] = []
    for instance, changes in plans:
        old, new = before["services"][instance.service_id], after["services"][instance.service_id]
        touched = settings.apply(store, instance, changes)
        touched = _write_other_parts(context, instance, old, new) or touched
        if touched:
            changed.append(instance)
    for service_id, requested in after["services"].items():
        if requested.get("isDeleted"):
            remove_service(context, service_id, environment.id)
    for row, requested in sizes:
        if requested.get("isDeleted"):
            mark_for_deletion(context, row)
            continue
        resize(context, row, requested.get("sizeMB", row.size_mb), check_only=False)
        row.alerts = requested.get("alerts", {})
        row.allow_online_resize = bool(requested.get("allowOnlineResize", True))
    if after["sharedVariables"] != before["sharedVariables"]:
        _write_variables(context, environment.id, None, before["sharedVariables"], after["sharedVariables"])
        changed = [row for row in store.instances.values() if row.environment_id == environment.id]
    environment.extra = {name: value for name, value in after.items() if name not in MODELLED}
    if not skip_deploys:
        for instance in changed:
            deploys.redeploy_after_change(store, instance)
    return failed


def _validate(before: Json, patch: Json) -> None:
    _reject_unknown_keys(patch, TOP_KEYS, "config")
    for service_id, requested in (patch.get("services") or {}).items():
        if service_id not in before["services"]:
            raise errors.not_found("Service")
        if requested is None:
            raise errors.bad_input("A service is deleted with isDeleted")
        _reject_unknown_keys(requested, SERVICE_KEYS, "service")
        _reject_unknown_keys(requested.get("source") or {}, SOURCE_KEYS, "source")
        _reject_unknown_keys(requested.get("build") or {}, set(BUILD), "build")
        _reject_unknown_keys(requested.get("deploy") or {}, {*DEPLOY, "requiredMountPath"}, "deploy")
        for mount in requested.get("volumeMounts") or {}:
            if mount not in before["volumes"]:
                raise errors.not_found("Volume")
    for volume_id, requested in (patch.get("volumes") or {}).items():
        if volume_id not in before["volumes"]:
            raise errors.not_found("Volume")
        if requested is None:
            raise errors.bad_input("A volume is deleted with isDeleted")
        _reject_unknown_keys(requested, VOLUME_KEYS, "volume")
        size = requested.get("sizeMB")
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise errors.bad_input("sizeMB must be a positive integer")


def _reject_unknown_keys(part: Json, known: set[str], where: str) -> None:
    unknown = sorted(set(part) - known)
    if unknown:
        raise errors.bad_input(f"Unrecognized key(s) in {where}: {', '.join(unknown)}")


def _changes(before: Json, after: Json) -> Json:
    """Return the instance attributes that differ between two versions of a service's document."""
    changes: Json = {}
    for part, names in (("build", BUILD), ("deploy", DEPLOY)):
        old, new = before.get(part, {}), after.get(part, {})
        for name, attribute in names.items():
            if old.get(name) != new.get(name):
                changes[attribute] = new[name] if name in new else settings.DEFAULTS[attribute]
    if "multi_region_config" in changes:
        changes |= settings.parse_regions(changes["multi_region_config"] or {})
    old, new = before.get("source", {}), after.get("source", {})
    for name, attribute in (
        ("repo", "source_repo"),
        ("image", "source_image"),
        ("rootDirectory", "root_directory"),
    ):
        if old.get(name) != new.get(name):
            changes[attribute] = new.get(name)
    if before.get("configFile") != after.get("configFile"):
        changes["railway_config_file"] = after.get("configFile")
    return changes


def _write_other_parts(context: Context, instance: records.Instance, before: Json, after: Json) -> bool:
    """Write the parts that are stored elsewhere (variables, branch, mount); return whether one changed."""
    changed = False
    if before["variables"] != after.get("variables", {}):
        _write_variables(
            context,
            instance.environment_id,
            instance.service_id,
            before["variables"],
            after.get("variables", {}),
        )
        changed = True
    old, new = before["source"], after.get("source", {})
    if (
        new.get("repo")
        and new.get("branch")
        and (old.get("branch"), old.get("repo")) != (new["branch"], new["repo"])
    ):
        put_trigger(context, instance, new["repo"], new["branch"], check_suites=bool(new.get("checkSuites")))
        changed = True
    if before["volumeMounts"] != after.get("volumeMounts", {}):
        for row in context.store.volume_instances.values():
            if row.environment_id != instance.environment_id:
                continue
            mount = after.get("volumeMounts", {}).get(row.volume_id)
            if mount:
                row.service_id, row.mount_path = instance.service_id, mount.get("mountPath", row.mount_path)
            elif row.service_id == instance.service_id:
                row.service_id = None
        changed = True
    return changed


def _write_variables(
    context: Context, environment_id: str, service_id: str | None, before: Json, after: Json
) -> None:
    values: dict[str, str | None] = {name: None for name in before if name not in after}
    for name, entry in after.items():
        if entry != before.get(name):
            values[name] = str(entry.get("value", ""))
    put_variables(context, environment_id, service_id, values)
    for row in user_variables(context.store, environment_id, service_id):
        if after[row.name].get("isSealed"):
            row.is_sealed = True
