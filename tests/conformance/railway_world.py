"""A Railway sandbox, and what the engine does with our resources on it: check, diff, create, read, update,
replace, delete.

Each engine operation gets a provider process of its own, as with the real engine, so nothing that one
`up` remembers can help the next.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from railway.backup_schedule import VolumeBackupScheduleProvider
from railway.custom_domain import CustomDomainProvider
from railway.deployment import DeploymentProvider
from railway.environment import EnvironmentProvider
from railway.project import ProjectProvider
from railway.provider import RailwayProvider
from railway.service import ServiceProvider
from railway.service_domain import ServiceDomainProvider
from railway.service_limits import ServiceLimitsProvider
from railway.service_settings import ServiceSettingsProvider
from railway.shared_variables import SharedVariablesProvider
from railway.tcp_proxy import TcpProxyProvider
from railway.variables import VariablesProvider
from railway.volume import VolumeProvider
from tests.conformance.dynamic_process import DynamicProcess, DynamicResource, Live
from tests.conformance.warm_processes import WarmProcesses

ACCOUNT_TOKEN = "sandbox-account-token"
WORKSPACE = "b7d1c0de-0000-4000-8000-000000000001"
REPO = "example/whatsapp-crm"
ADMIN_TOKEN = "admin-token-4711-never-shown"
ACCOUNT = json.dumps(
    {
        "type": "service_account",
        "project_id": "crm-sandbox",
        "client_email": "backend@crm-sandbox.iam.gserviceaccount.com",
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----",
    }
)
VARIABLES = {
    "SESSIONS_PATH": "/app/sessions",
    "FIREBASE_SERVICE_ACCOUNT_JSON": ACCOUNT,
    "ADMIN_TOKEN": ADMIN_TOKEN,
    "WHATSAPP_SYNC_FULL_HISTORY": "true",
    "WHATSAPP_BACKFILL_COUNT": "50",
    "WHATSAPP_BACKFILL_THREADS": "20",
    "LINK": "${{backend.RAILWAY_PUBLIC_DOMAIN}}/x",
}
CONFIG_KEYS = {
    "adopt_project_id": "whatsapp-crm:railwayProjectId",
    "allow_new_volume": "whatsapp-crm:allowNewVolume",
    "backup_before_deploy": "whatsapp-crm:backupBeforeDeploy",
    "domain": "whatsapp-crm:customDomain",
    "environment_name": "whatsapp-crm:railwayEnvironment",
    "log_expectations": "whatsapp-crm:logExpectations",
    "project_name": "whatsapp-crm:railwayProjectName",
    "railway_config_file": "whatsapp-crm:railwayConfigFile",
    "region": "whatsapp-crm:railwayRegion",
    "service_name": "whatsapp-crm:railwayServiceName",
    "size_gb": "whatsapp-crm:volumeSizeGb",
    "variables": "whatsapp-crm:backendVariables",
    "volume_name": "whatsapp-crm:volumeName",
    "workspace_id": "whatsapp-crm:railwayWorkspaceId",
}
"""What the program hands in for error messages."""
MANUAL_HEADERS = {"Authorization": f"Bearer {ACCOUNT_TOKEN}", "X-Sandbox-Actor": "manual"}
SECONDS = 30


class World:
    """One sandbox server, and the hands of a person on it.

    Args:
        url: its address.
        warm: where its provider processes are forked; None: they are started as the engine starts them.
    """

    def __init__(self, url: str, warm: WarmProcesses | None = None) -> None:
        self.url = url
        self.warm = warm
        self.wait_scale = "0.02"
        """The factor of every wait of its provider processes."""

    def environ(self, **extra: str) -> dict[str, str]:
        """The environment of a provider process."""
        return {
            "PATH": os.environ["PATH"],
            "PULUMI_PROJECT": "whatsapp-crm",
            "RAILWAY_API_URL": f"{self.url}/graphql/v2",
            "RAILWAY_EDGE_URL": self.url,
            "RAILWAY_API_TOKEN": ACCOUNT_TOKEN,
            "RAILWAY_WAIT_SCALE": self.wait_scale,
            **extra,
        }

    @contextmanager
    def operation(
        self, *, config: Mapping[str, str] | None = None, **extra: str
    ) -> Generator[DynamicProcess]:
        """A provider process, for one operation of the engine."""
        environ = self.environ(**extra)
        with DynamicProcess(environ, config, self.warm) as process:
            yield process
        # In every test: what the process answered and printed holds no token, and what it printed no value.
        for token in {environ["RAILWAY_API_TOKEN"], environ.get("RAILWAY_TOKEN", "")} - {""}:
            assert token not in "".join(process.answers) + process.stderr
        assert_silent(process.stderr)

    def manual(self, document: str, **variables: Any) -> dict[str, Any]:
        """An edit in the dashboard."""
        answer = requests.post(
            f"{self.url}/graphql/v2?manual=1",
            json={"query": document, "variables": variables},
            headers=MANUAL_HEADERS,
            timeout=SECONDS,
        ).json()
        assert not answer.get("errors"), answer
        return answer["data"]

    def admin(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call of the sandbox's own controls."""
        if body is None:
            return requests.get(f"{self.url}/admin/{path}", timeout=SECONDS).json()
        answer = requests.post(f"{self.url}/admin/{path}", json=dict(body), timeout=SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    def reset(self) -> None:
        """Count from zero."""
        self.admin("counters/reset", {})

    def counts(self) -> tuple[dict[str, int], int]:
        """Requests by operation, polls apart, and deployments, since the reset."""
        counters = self.admin("counters")
        operations = {name: n for name, n in counters["operations"].items() if not name.endswith("Poll")}
        return operations, counters["deployments"]

    def overlaps(self) -> int:
        """Mutations that overlapped, since the reset."""
        return self.admin("counters")["overlaps"]

    def fault(self, operation: str, kind: str, *, nth: int = 1, times: int = 1) -> None:
        """Plan a failure."""
        self.admin("faults", {"operation": operation, "nth": nth, "times": times, "kind": kind})

    def no_faults(self) -> None:
        """Forget planned failures."""
        requests.delete(f"{self.url}/admin/faults", timeout=SECONDS)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The living rows of a table of the sandbox's state."""
        rows = self.admin("state")[table]
        found = list(rows.values()) if isinstance(rows, dict) else rows
        return [row for row in found if not row.get("deleted_at")]


def assert_silent(text: str) -> None:
    """What a person can see holds no secret.

    Raises:
        AssertionError: it does.
    """
    for secret in (ACCOUNT_TOKEN, ADMIN_TOKEN, "MIIEvQIBADANBgkqhkiG9w0BAQEF"):
        assert secret not in text


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the program declares. The last five are resources of their own, and optional."""

    project_name: str = "crm"
    stack_marker: str = "crm/test"
    environment_name: str = "production"
    adopt_project_id: str | None = None
    service_name: str = "backend"
    volume_name: str = "sessions"
    mount_path: str = "/app/sessions"
    size_mb: int = 50000
    allow_delete: bool = False
    allow_new_volume: bool = False
    backup_before_deploy: bool = False
    variables: Mapping[str, str] = field(default_factory=lambda: dict(VARIABLES))
    branch: str = "main"
    healthcheck_path: str = "/health"
    repo: str = REPO
    subdomain: str | None = None
    target_port: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    log_expectations: tuple[str, ...] = ("sessions dir exists/writable: true", "Firebase initialized")
    wait_seconds: int = 600
    stable_seconds: int = 1
    health_seconds: int = 60
    rollback: bool = False
    shared: Mapping[str, str] | None = None
    backups: tuple[str, ...] | None = None
    limits: Mapping[str, float] | None = None
    custom_domain: Mapping[str, Any] | None = None
    tcp_port: int | None = None

    def but(self, **changes: Any) -> Declared:
        """The same with changes."""
        return replace(self, **changes)


ORDER: tuple[tuple[str, RailwayProvider], ...] = (
    ("project", ProjectProvider()),
    ("environment", EnvironmentProvider()),
    ("shared", SharedVariablesProvider()),
    ("service", ServiceProvider()),
    ("volume", VolumeProvider()),
    ("backups", VolumeBackupScheduleProvider()),
    ("variables", VariablesProvider()),
    ("settings", ServiceSettingsProvider()),
    ("limits", ServiceLimitsProvider()),
    ("domain", ServiceDomainProvider()),
    ("custom_domain", CustomDomainProvider()),
    ("tcp_proxy", TcpProxyProvider()),
    ("deployment", DeploymentProvider()),
)
PROVIDERS = dict(ORDER)
OPTIONAL = ("shared", "backups", "limits", "custom_domain", "tcp_proxy")
ALWAYS_DECLARED = {*PROVIDERS} - {*OPTIONAL}
DEPLOYED = ("variables", "settings", "volume", "shared", "limits", "tcp_proxy")
"""What needs a deployment when it changes."""


@dataclass
class Saved:
    """A resource in the state."""

    live: Live
    inputs: dict[str, Any]


@dataclass
class Engine:
    """What the engine does, in the order of the resource graph."""

    state: dict[str, Saved] = field(default_factory=dict[str, Saved])

    def inputs(self, key: str, declared: Declared) -> dict[str, Any] | None:
        """What the program declares for one resource, given what is there of the others; None: nothing."""
        found = self._inputs(key, declared)
        return None if found is None else found | {"config_keys": CONFIG_KEYS}

    def _inputs(self, key: str, declared: Declared) -> dict[str, Any] | None:
        if key == "project":
            return {
                "project_name": declared.project_name,
                "stack_marker": declared.stack_marker,
                "workspace_id": WORKSPACE,
                "environment_name": declared.environment_name,
                "service_name": declared.service_name,
                "adopt_project_id": declared.adopt_project_id,
                "allow_new_volume": declared.allow_new_volume,
            }
        project = {"project_id": self.state["project"].live.id}
        if key == "environment":
            return project | {
                "environment_name": declared.environment_name,
                "allow_new_volume": declared.allow_new_volume,
            }
        place = project | {"environment_id": self.state["environment"].live.id}
        if key == "shared":
            return None if declared.shared is None else place | {"variables": dict(declared.shared)}
        if key == "backups":
            volume = {"volume_id": self.state["volume"].live.id}
            return None if declared.backups is None else place | volume | {"kinds": list(declared.backups)}
        if key == "service":
            return place | {"service_name": declared.service_name}
        place |= {"service_id": self.state["service"].live.id}
        if key == "volume":
            return place | {
                "volume_name": declared.volume_name,
                "mount_path": declared.mount_path,
                "size_mb": declared.size_mb,
                "allow_delete": declared.allow_delete,
                "allow_new_volume": declared.allow_new_volume,
                "backup_before_deploy": declared.backup_before_deploy,
            }
        if key == "variables":
            return place | {"variables": dict(declared.variables)}
        if key == "settings":
            return place | {
                "has_volume": True,
                "repo": declared.repo,
                "branch": declared.branch,
                "replicas": 1,
                "healthcheck_path": declared.healthcheck_path,
                **declared.settings,
            }
        if key == "limits":
            return None if declared.limits is None else place | dict(declared.limits)
        if key == "custom_domain":
            return None if declared.custom_domain is None else place | dict(declared.custom_domain)
        if key == "tcp_proxy":
            return None if declared.tcp_port is None else place | {"application_port": declared.tcp_port}
        if key == "domain":
            return place | {"subdomain": declared.subdomain, "target_port": declared.target_port}
        return place | {
            "revisions": [self.state[name].live.outs["revision"] for name in DEPLOYED if name in self.state],
            "domain": self.state["domain"].live.outs["domain"],
            "health_path": declared.healthcheck_path,
            "log_expectations": list(declared.log_expectations),
            "wait_seconds": declared.wait_seconds,
            "stable_seconds": declared.stable_seconds,
            "health_seconds": declared.health_seconds,
            "backup_before_deploy": declared.backup_before_deploy,
            "rollback": declared.rollback,
            "running": True,
            "rolled_back": False,
        }

    def up(self, process: DynamicProcess, declared: Declared, *, only: str | None = None) -> list[str]:
        """Apply; returns "create x", "update x". State is kept up to where it failed."""
        done: list[str] = []
        for key, provider in ORDER:
            resource = process.resource(provider)
            saved = self.state.get(key)
            wanted = self.inputs(key, declared)
            if wanted is None:
                if saved is not None:
                    resource.delete(saved.live)
                    del self.state[key]
                    done.append(f"delete {key}")
                continue
            news = {name: value for name, value in wanted.items() if value is not None}
            inputs = resource.inputs(news, saved.inputs if saved else None)
            if saved is None:
                self.state[key] = Saved(resource.create(inputs), inputs)
                done.append(f"create {key}")
            else:
                found = resource.diff(saved.live, inputs)
                if found.changes and found.replaces:
                    self.replace(resource, key, saved, inputs)
                    done.append(f"replace {key}")
                elif found.changes:
                    saved.live = resource.update(saved.live, inputs)
                    done.append(f"update {key}")
                saved = self.state[key]
                saved.inputs = inputs
            if key == only:
                break
        return done

    def replace(self, resource: DynamicResource, key: str, saved: Saved, inputs: dict[str, Any]) -> None:
        """Delete, then create: what our providers ask for."""
        resource.delete(saved.live)
        del self.state[key]
        self.state[key] = Saved(resource.create(inputs), inputs)

    def refresh(self, process: DynamicProcess) -> dict[str, dict[str, tuple[Any, Any]]]:
        """Read all; returns what drifted, by resource and property, as the engine decides it."""
        drift: dict[str, dict[str, tuple[Any, Any]]] = {}
        for key, provider in ORDER:
            saved = self.state.get(key)
            if saved is None:
                continue
            resource = process.resource(provider)
            live, inputs = resource.read(saved.live)
            if not live.id:
                drift[key] = {"": (saved.live.id, None)}
                del self.state[key]
                continue
            if resource.diff(live, saved.inputs).changes:
                drift[key] = {
                    name: (saved.live.outs.get(name), live.outs.get(name))
                    for name in sorted({*saved.live.outs, *live.outs})
                    if saved.live.outs.get(name) != live.outs.get(name)
                }
            self.state[key] = Saved(live, inputs)
        return drift

    def id(self, key: str) -> str:
        """The id of a resource."""
        return self.state[key].live.id


def first_up(world: World, declared: Declared | None = None) -> Engine:
    """A stack that is up."""
    engine = Engine()
    with world.operation() as process:
        engine.up(process, declared or Declared())
    world.reset()
    return engine
