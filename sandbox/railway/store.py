"""The Railway sandbox's state: tables of records, saved as a whole and atomically after every change.

An unreadable state file is an error: starting with an empty state instead would look as if everything had
been deleted.
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
from sandbox.railway.process_logs import ProcessLogs
from sandbox.railway.switches import Switches
from sandbox.railway.volume_contents import RecordedContents, VolumeContents

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
    """Return an id in Railway's format."""
    return str(uuid.uuid4())


def commit_hash() -> str:
    """Return a new commit hash."""
    return secrets.token_hex(20)


def iso(at: float) -> str:
    """Format epoch seconds as Railway's DateTime (UTC, milliseconds, Z)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Store:
    """All tables by id. `offset`: how many seconds the sandbox's clock is ahead of the machine's.

    `runs`, `logs` and `contents` are not part of the state: whether new deployments run as processes, what
    these wrote, and what is on the volumes.
    """

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

    def __post_init__(self) -> None:
        self.runs = False
        self.logs = ProcessLogs()
        self.contents: VolumeContents = RecordedContents()

    def now(self) -> float:
        """Return the sandbox's time, epoch seconds."""
        return time.time() + self.offset

    def as_dict(self) -> dict[str, Any]:
        """Return the whole state as JSON."""
        return asdict(self)

    def reset(self) -> None:
        """Replace the state by the initial one."""
        initial = initial_store()
        for item in fields(self):
            setattr(self, item.name, getattr(initial, item.name))

    def save(self, path: Path | None) -> None:
        """Save the state to `path` atomically: a killed process leaves the old or the new file."""
        if path is None:
            return
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        # It contains the values of all variables.
        with open(draft, "w", encoding="utf-8", opener=_owner_only) as out:
            json.dump(self.as_dict(), out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def load(path: Path | None) -> Store:
    """Return the state saved in `path`, or the initial state.

    Raises:
        ValueError: the file is not a state file of this sandbox.
    """
    if path is None or not path.exists():
        return initial_store()
    saved = json.loads(path.read_text(encoding="utf-8"))
    try:
        store = Store(
            switches=Switches(**saved.pop("switches")),
            offset=saved.pop("offset"),
            deployments_started=saved.pop("deployments_started"),
            throttled_until=saved.pop("throttled_until"),
        )
        for table, record in TABLES.items():
            setattr(store, table, {key: record(**row) for key, row in saved.pop(table).items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a state file of this Railway sandbox: {error}") from error
    return store


def initial_store() -> Store:
    """Return the initial state: one workspace on the Pro plan, its two tokens, and one GitHub repository."""
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
