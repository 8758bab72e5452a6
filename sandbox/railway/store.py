"""The Railway sandbox's state: tables of records, written whole and atomically after every change.

Refuses to start from a state file that it cannot read: an empty world in place of a broken one would look
as if everything had been deleted.
"""

from __future__ import annotations

import json
import os
import secrets
import time
import uuid
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.railway import records
from sandbox.railway.switches import Switches

WORKSPACE_ID = "b7d1c0de-0000-4000-8000-000000000001"
REPO = "example/whatsapp-crm"

TABLES: dict[str, type[Any]] = {
    "workspaces": records.Workspace,
    "tokens": records.Token,
    "repos": records.Repo,
    "projects": records.Project,
    "environments": records.Environment,
    "services": records.Service,
    "instances": records.Instance,
    "variables": records.Variable,
    "volumes": records.Volume,
    "volume_instances": records.VolumeInstance,
    "domains": records.Domain,
    "tcp_proxies": records.TcpProxy,
    "triggers": records.Trigger,
    "deployments": records.Deployment,
    "patches": records.Patch,
}


def new_id() -> str:
    """An id as Railway makes them."""
    return str(uuid.uuid4())


def commit_hash() -> str:
    """A commit hash that nobody has used."""
    return secrets.token_hex(20)


def iso(at: float) -> str:
    """Epoch seconds as Railway's DateTime (UTC, milliseconds, Z)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Store:
    """All tables by id. `offset` is how far the sandbox's clock runs ahead of the machine's, in seconds."""

    workspaces: dict[str, records.Workspace] = field(default_factory=dict[str, records.Workspace])
    tokens: dict[str, records.Token] = field(default_factory=dict[str, records.Token])
    repos: dict[str, records.Repo] = field(default_factory=dict[str, records.Repo])
    projects: dict[str, records.Project] = field(default_factory=dict[str, records.Project])
    environments: dict[str, records.Environment] = field(default_factory=dict[str, records.Environment])
    services: dict[str, records.Service] = field(default_factory=dict[str, records.Service])
    instances: dict[str, records.Instance] = field(default_factory=dict[str, records.Instance])
    variables: dict[str, records.Variable] = field(default_factory=dict[str, records.Variable])
    volumes: dict[str, records.Volume] = field(default_factory=dict[str, records.Volume])
    volume_instances: dict[str, records.VolumeInstance] = field(
        default_factory=dict[str, records.VolumeInstance]
    )
    domains: dict[str, records.Domain] = field(default_factory=dict[str, records.Domain])
    tcp_proxies: dict[str, records.TcpProxy] = field(default_factory=dict[str, records.TcpProxy])
    triggers: dict[str, records.Trigger] = field(default_factory=dict[str, records.Trigger])
    deployments: dict[str, records.Deployment] = field(default_factory=dict[str, records.Deployment])
    patches: dict[str, records.Patch] = field(default_factory=dict[str, records.Patch])
    switches: Switches = field(default_factory=Switches)
    offset: float = 0
    deployments_started: int = 0
    throttled_until: dict[str, float] = field(default_factory=dict[str, float])

    def now(self) -> float:
        """The sandbox's time."""
        return time.time() + self.offset

    def as_dict(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return asdict(self)

    def reset(self) -> None:
        """Become a new world."""
        fresh = initial_store()
        for item in fields(self):
            setattr(self, item.name, getattr(fresh, item.name))

    def save(self, path: Path | None) -> None:
        """Write the state to `path`, so that a kill leaves the old or the new file, never half of one."""
        if path is None:
            return
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with draft.open("w", encoding="utf-8") as out:
            json.dump(self.as_dict(), out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)


def load(path: Path | None) -> Store:
    """The state kept in `path`, or a new world.

    Raises:
        ValueError: the file is not a state of this sandbox.
    """
    if path is None or not path.exists():
        return initial_store()
    kept = json.loads(path.read_text(encoding="utf-8"))
    try:
        store = Store(
            switches=Switches(**kept.pop("switches")),
            offset=kept.pop("offset"),
            deployments_started=kept.pop("deployments_started"),
            throttled_until=kept.pop("throttled_until"),
        )
        for table, record in TABLES.items():
            setattr(store, table, {key: record(**row) for key, row in kept.pop(table).items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a state file of this Railway sandbox: {error}") from error
    return store


def initial_store() -> Store:
    """A Railway with one workspace on the Pro plan, its two tokens, and one GitHub repository."""
    store = Store()
    now = store.now()
    store.workspaces[WORKSPACE_ID] = records.Workspace(id=WORKSPACE_ID, name="Sandbox", created_at=now)
    for kind, workspace_id in (("account", None), ("workspace", WORKSPACE_ID)):
        token = records.Token(
            id=new_id(),
            token=f"sandbox-{kind}-token",
            kind=kind,
            name=kind,
            created_at=now,
            workspace_id=workspace_id,
        )
        store.tokens[token.id] = token
    branches = {name: commit_hash() for name in ("main", "audit-whatsapp-30", "staging")}
    store.repos[REPO] = records.Repo(id=REPO, branches=branches)
    return store
