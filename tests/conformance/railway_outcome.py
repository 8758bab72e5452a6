"""Whether what is live is what is declared, read from the sandbox's own tables and not through our
providers."""

from __future__ import annotations

from typing import Any

from railway.settings_table import SETTINGS
from tests.conformance.railway_world import Declared, Engine, World

_ROWS = {
    "project": "projects",
    "environment": "environments",
    "service": "services",
    "volume": "volumes",
    "domain": "domains",
    "custom_domain": "domains",
    "tcp_proxy": "tcp_proxies",
}


def one_of_each(world: World, engine: Engine, others: set[str]) -> str:
    """Exactly one of everything, as in the state; returns the volume's id.

    Args:
        world: the sandbox.
        engine: the state.
        others: ids of what is not ours.

    Raises:
        AssertionError: there are more, or fewer, or others.
    """
    for key, table in _ROWS.items():
        rows = [row for row in world.rows(table) if row["id"] not in others]
        if table == "domains":
            rows = [row for row in rows if row["custom"] is (key == "custom_domain")]
        if key not in engine.state:
            assert not rows, f"{table} that nobody declared: {rows}"
            continue
        assert len(rows) == 1, f"{len(rows)} {table}: {rows}"
        assert engine.id(key) == rows[0]["id"], f"the state has another {key}"
    for table in ("instances", "volume_instances", "triggers"):
        rows = [row for row in world.rows(table) if row["id"] not in others]
        assert len(rows) == 1, f"{len(rows)} {table}: {rows}"
        for row in rows:
            names = [backup["name"] for backup in row.get("backups", ())]
            assert len(names) == len(set(names)), f"one backup was made twice: {names}"
    return engine.id("volume")


def matches(world: World, engine: Engine, wanted: Declared) -> None:
    """Every declared value is live.

    Raises:
        AssertionError: one is not.
    """
    state = world.admin("state")
    ours = {key: state[table][engine.id(key)] for key, table in _ROWS.items() if key in engine.state}
    service, volume = engine.id("service"), engine.id("volume")
    instance = _row(state["instances"], service_id=service)
    mount = _row(state["volume_instances"], volume_id=volume)
    trigger = _row(state["triggers"], service_id=service)
    live: dict[str, Any] = {
        "project_name": ours["project"]["name"],
        "marked": f"[pulumi:{wanted.stack_marker}]" in ours["project"]["description"],
        "environment_name": ours["environment"]["name"],
        "service_name": ours["service"]["name"],
        "volume_name": ours["volume"]["name"],
        "mount": (mount["service_id"], mount["mount_path"], mount["size_mb"]),
        "source": (instance["source_repo"], trigger["repository"], trigger["branch"]),
        "check_suites": trigger["check_suites"],
        "target_port": ours["domain"]["target_port"],
        "variables": {
            row["name"]: row["value"] for row in state["variables"].values() if row["service_id"] == service
        },
    }
    declared: dict[str, Any] = {
        "project_name": wanted.project_name,
        "marked": True,
        "environment_name": wanted.environment_name,
        "service_name": wanted.service_name,
        "volume_name": wanted.volume_name,
        "mount": (service, wanted.mount_path, wanted.size_mb),
        "source": (wanted.repo, wanted.repo, wanted.branch),
        "check_suites": bool(wanted.settings.get("check_suites")),
        "target_port": wanted.target_port,
        "variables": dict(wanted.variables),
    }
    settings = dict(wanted.settings) | {"healthcheck_path": wanted.healthcheck_path, "replicas": 1}
    for setting in SETTINGS:
        column = "num_replicas" if setting.name == "replicas" else setting.name
        value = setting.normal(instance[column])
        expected = setting.normal(settings.get(setting.name))
        if expected is None and setting.name == "builder":
            expected = "RAILPACK"
        nothing = {None, setting.default if not isinstance(setting.default, dict | list) else None}
        if expected is None and (isinstance(value, dict | list) is False and value in nothing):
            continue
        live[setting.name], declared[setting.name] = value, expected
    if wanted.subdomain is not None:
        live["subdomain"] = ours["domain"]["domain"].partition(".")[0]
        declared["subdomain"] = wanted.subdomain
    _match_optional(state, engine, wanted, live, declared)
    wrong = {name: (live[name], declared[name]) for name in live if live[name] != declared[name]}
    assert not wrong, f"live and declared differ: {sorted(wrong)} {wrong if 'variables' not in wrong else ''}"
    newest = max(
        (row for row in state["deployments"].values() if row["service_id"] == service),
        key=lambda row: row["created_at"],
    )
    assert newest["status"] in ("SUCCESS", "SLEEPING"), newest["status"]
    assert newest["variables"].keys() >= dict(wanted.variables).keys()
    assert newest["branch"] == wanted.branch


def _match_optional(
    state: dict[str, Any], engine: Engine, wanted: Declared, live: dict[str, Any], declared: dict[str, Any]
) -> None:
    """What is live, and what is declared, of the resources that nobody has to declare."""
    environment = engine.id("environment")
    live["shared"] = {
        row["name"]: row["value"]
        for row in state["variables"].values()
        if row["service_id"] is None and row["environment_id"] == environment
    }
    declared["shared"] = dict(wanted.shared or {})
    mount = _row(state["volume_instances"], volume_id=engine.id("volume"))
    live["backups"] = sorted(one["kind"] for one in mount["backup_schedules"])
    declared["backups"] = sorted(wanted.backups or ())
    override = _row(state["instances"], service_id=engine.id("service"))["limit_override"] or {}
    live["limits"] = override.get("containers") or {}
    limits = wanted.limits or {}
    declared["limits"] = {"cpu": limits["cpus"], "memoryBytes": limits["memory_gb"] * 1e9} if limits else {}
    if wanted.custom_domain is not None:
        row = state["domains"][engine.id("custom_domain")]
        live["custom_domain"] = {"domain": row["domain"], "target_port": row["target_port"]}
        declared["custom_domain"] = dict(wanted.custom_domain)
    if wanted.tcp_port is not None:
        live["tcp_port"] = state["tcp_proxies"][engine.id("tcp_proxy")]["application_port"]
        declared["tcp_port"] = wanted.tcp_port


def _row(table: dict[str, dict[str, Any]], **where: str) -> dict[str, Any]:
    found = [
        row
        for row in table.values()
        if not row.get("deleted_at") and all(row[name] == value for name, value in where.items())
    ]
    assert len(found) == 1, found
    return found[0]
