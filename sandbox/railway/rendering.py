"""Variables of a service: user variables, Railway's own, and `${{ }}` references resolved.

A reference that leads back to itself is left unresolved. Source: Railway docs, variables/reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.railway import records
    from sandbox.railway.store import Store

REFERENCE = re.compile(r"\$\{\{\s*(?:(\"[^\"]+\"|[\w -]+)\.)?(\w+)\s*\}\}")


def user_variables(store: Store, environment_id: str, service_id: str | None) -> list[records.Variable]:
    """Return the variables that users set for a service, or the environment's shared ones (None)."""
    return [
        row
        for row in store.variables.values()
        if row.environment_id == environment_id and row.service_id == service_id
    ]


def railway_variables(store: Store, service_id: str, environment_id: str) -> dict[str, str]:
    """Return the RAILWAY_* variables of a service."""
    service, environment = store.services[service_id], store.environments[environment_id]
    project = store.projects[environment.project_id]
    found = {
        "RAILWAY_PROJECT_ID": project.id,
        "RAILWAY_PROJECT_NAME": project.name,
        "RAILWAY_ENVIRONMENT": environment.name,
        "RAILWAY_ENVIRONMENT_ID": environment.id,
        "RAILWAY_ENVIRONMENT_NAME": environment.name,
        "RAILWAY_SERVICE_ID": service.id,
        "RAILWAY_SERVICE_NAME": service.name,
        "RAILWAY_PRIVATE_DOMAIN": f"{host_label(service.name)}.railway.internal",
    }
    instance_key = (service_id, environment_id)
    for domain in store.domains.values():
        if (domain.service_id, domain.environment_id) == instance_key and domain.deleted_at is None:
            found.setdefault("RAILWAY_PUBLIC_DOMAIN", domain.domain)
    for row in store.volume_instances.values():
        if (row.service_id, row.environment_id) == instance_key and not row.is_pending_deletion:
            found["RAILWAY_VOLUME_NAME"] = store.volumes[row.volume_id].name
            found["RAILWAY_VOLUME_MOUNT_PATH"] = row.mount_path
    return found


def resolved_variables(store: Store, service_id: str, environment_id: str) -> dict[str, str]:
    """Return what a deployment sees: all references resolved, sealed values included."""
    names = [row.name for row in user_variables(store, environment_id, service_id)]
    values = {
        **railway_variables(store, service_id, environment_id),
        **{name: _resolve(store, environment_id, service_id, name, ()) for name in names},
    }
    return {name: value for name, value in values.items() if value is not None}


def _resolve(
    store: Store,
    environment_id: str,
    service_id: str | None,
    name: str,
    path: tuple[tuple[str | None, str], ...],
) -> str | None:
    current = (service_id, name)
    own = [row.value for row in user_variables(store, environment_id, service_id) if row.name == name]
    if not own:
        given = railway_variables(store, service_id, environment_id) if service_id else {}
        return given.get(name)

    def replace(match: re.Match[str]) -> str:
        owner = (match[1] or "").strip().strip('"')
        if owner == "shared":
            target: str | None = None
        elif owner:
            project = store.environments[environment_id].project_id
            found = [
                row.id
                for row in store.services.values()
                if row.name == owner and row.project_id == project and row.deleted_at is None
            ]
            if not found:
                return ""
            target = found[0]
        else:
            target = service_id
        if (target, match[2]) in (*path, current):
            return match[0]
        return _resolve(store, environment_id, target, match[2], (*path, current)) or ""

    return REFERENCE.sub(replace, own[0])


def references(value: str) -> list[str]:
    """Return the references in a variable's value in Railway's form ("service.NAME")."""
    return [f"{(m[1] or '').strip()}.{m[2]}".lstrip(".") for m in REFERENCE.finditer(value)]


def host_label(text: str) -> str:
    """Return a name in the form of a DNS label."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "service"
