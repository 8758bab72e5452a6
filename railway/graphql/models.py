"""What Railway's answers mean, as frozen values. Pure.

Refuses to invent: a key that should be there and is not raises, because an empty read must never be taken for
"nothing exists". Values of variables are kept out of every `repr`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

GOOD_STATUSES = frozenset({"SUCCESS", "SLEEPING"})
BAD_STATUSES = frozenset({"FAILED", "CRASHED", "REMOVED", "SKIPPED"})
WAITING_FOR_A_PERSON = frozenset({"NEEDS_APPROVAL", "WAITING"})

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Named:
    """An object of which only id and name matter."""

    id: str
    name: str


@dataclass(frozen=True)
class ProjectView:
    """A project and what is in it, deleted things left out."""

    id: str
    name: str
    description: str
    workspace_id: str
    environments: tuple[Named, ...]
    services: tuple[Named, ...]
    volumes: tuple[Named, ...]
    primary_environment_id: str = ""

    @staticmethod
    def of(node: Node) -> ProjectView | None:
        """Read a project; None if it is deleted."""
        if node["deletedAt"]:
            return None
        return ProjectView(
            id=node["id"],
            name=node["name"],
            description=node["description"] or "",
            workspace_id=node["workspaceId"] or "",
            environments=_named(node["environments"]),
            services=_named(node["services"]),
            volumes=_named(node["volumes"]),
            primary_environment_id=node["primaryEnvironmentId"] or "",
        )


@dataclass(frozen=True)
class DeploymentView:
    """A deployment. `reason`: why it began, as its meta says (deploy, redeploy, rollback); "": unsaid."""

    id: str
    status: str
    created_at: datetime
    commit: str = ""
    stopped: bool = False
    reason: str = ""

    @staticmethod
    def of(node: Node) -> DeploymentView:
        """Read a deployment."""
        meta = node.get("meta")
        known: Mapping[str, Any] = meta if isinstance(meta, Mapping) else {}
        return DeploymentView(
            id=node["id"],
            status=node["status"],
            created_at=moment(node["createdAt"]),
            commit=str(known.get("commitHash") or ""),
            stopped=bool(node.get("deploymentStopped")),
            reason=str(known.get("reason") or ""),
        )

    @property
    def rolled_back(self) -> bool:
        """Whether Railway says that it is an earlier one run again."""
        return self.reason == "rollback"

    @property
    def bad(self) -> bool:
        """Whether it ended badly, or ended well and then stopped."""
        return self.status in BAD_STATUSES

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in BAD_STATUSES or self.status in GOOD_STATUSES


@dataclass(frozen=True)
class ServiceDomainView:
    """A domain that Railway gave."""

    id: str
    domain: str
    suffix: str
    target_port: int | None

    @staticmethod
    def of(node: Node) -> ServiceDomainView:
        """Read a service domain."""
        return ServiceDomainView(node["id"], node["domain"], node["suffix"] or "", node["targetPort"])


@dataclass(frozen=True)
class DnsRecord:
    """A record that the owner of a domain has to make."""

    name: str
    type: str
    value: str
    status: str


@dataclass(frozen=True)
class CustomDomainView:
    """A domain of one's own."""

    id: str
    domain: str
    target_port: int | None
    verified: bool
    records: tuple[DnsRecord, ...]

    @staticmethod
    def of(node: Node) -> CustomDomainView:
        """Read a custom domain."""
        status = node["status"]
        records = [
            DnsRecord(
                name=record["fqdn"],
                type=record["recordType"].rpartition("_")[2],
                value=record["requiredValue"],
                status=record["status"].removeprefix("DNS_RECORD_STATUS_"),
            )
            for record in status["dnsRecords"]
        ]
        host, token = status.get("verificationDnsHost"), status.get("verificationToken")
        # Railway may have it among the records too, with its whole name.
        if host and token and not any(token in record.value for record in records):
            done = "PROPAGATED" if status["verified"] else "REQUIRES_UPDATE"
            records.append(DnsRecord(name=host, type="TXT", value=token, status=done))
        return CustomDomainView(
            node["id"], node["domain"], node["targetPort"], bool(status["verified"]), tuple(records)
        )


@dataclass(frozen=True)
class TcpProxyView:
    """A public TCP port."""

    id: str
    application_port: int
    domain: str
    proxy_port: int


@dataclass(frozen=True)
class InstanceView:
    """A service in one environment. `node` holds its settings under Railway's own names."""

    service_id: str
    node: Node = field(repr=False)
    latest: DeploymentView | None
    active: tuple[DeploymentView, ...]
    service_domains: tuple[ServiceDomainView, ...]
    custom_domains: tuple[CustomDomainView, ...]

    @staticmethod
    def of(node: Node) -> InstanceView:
        """Read a service instance."""
        domains = node["domains"]
        return InstanceView(
            service_id=node["serviceId"],
            node=node,
            latest=DeploymentView.of(node["latestDeployment"]) if node["latestDeployment"] else None,
            active=tuple(DeploymentView.of(part) for part in node["activeDeployments"]),
            service_domains=tuple(
                ServiceDomainView.of(part) for part in domains["serviceDomains"] if not _leaving(part)
            ),
            custom_domains=tuple(
                CustomDomainView.of(part) for part in domains["customDomains"] if not _leaving(part)
            ),
        )


@dataclass(frozen=True)
class VolumeView:
    """A volume in one environment."""

    instance_id: str
    volume_id: str
    name: str
    service_id: str
    mount_path: str
    region: str
    size_mb: int
    state: str
    deleted: bool

    @staticmethod
    def of(node: Node) -> VolumeView:
        """Read a volume instance."""
        state = node["state"] or ""
        return VolumeView(
            instance_id=node["id"],
            volume_id=node["volumeId"],
            name=node["volume"]["name"],
            service_id=node["serviceId"] or "",
            mount_path=node["mountPath"],
            region=node["region"] or "",
            size_mb=int(node["sizeMB"]),
            state=state,
            deleted=bool(node["deletedAt"])
            or bool(node["isPendingDeletion"])
            or state in {"DELETING", "DELETED"},
        )


@dataclass(frozen=True)
class TriggerView:
    """What makes a push to a branch a deployment."""

    id: str
    service_id: str
    repository: str
    branch: str
    check_suites: bool

    @staticmethod
    def of(node: Node) -> TriggerView:
        """Read a deployment trigger."""
        return TriggerView(
            node["id"], node["serviceId"] or "", node["repository"], node["branch"], node["checkSuites"]
        )


@dataclass(frozen=True)
class EnvironmentView:
    """An environment and what runs in it. `config` is None where the token may not read it."""

    id: str
    name: str
    instances: tuple[InstanceView, ...]
    volumes: tuple[VolumeView, ...]
    triggers: tuple[TriggerView, ...]
    config: Node | None = field(repr=False)

    @staticmethod
    def of(node: Node) -> EnvironmentView | None:
        """Read an environment; None if it is deleted."""
        if node["deletedAt"]:
            return None
        return EnvironmentView(
            id=node["id"],
            name=node["name"],
            instances=tuple(
                InstanceView.of(part) for part in nodes(node["serviceInstances"]) if not part["deletedAt"]
            ),
            volumes=tuple(VolumeView.of(part) for part in nodes(node["volumeInstances"])),
            triggers=tuple(TriggerView.of(part) for part in nodes(node["deploymentTriggers"])),
            config=node.get("config"),
        )


@dataclass(frozen=True)
class Snapshot:
    """All that one environment's resources need to know. None means: Railway says that it is deleted."""

    project: ProjectView | None
    environment: EnvironmentView | None

    def service(self, service_id: str) -> Named | None:
        """The service with an id, if the project has it."""
        services = self.project.services if self.project else ()
        return next((service for service in services if service.id == service_id), None)

    def instance(self, service_id: str) -> InstanceView | None:
        """The service's instance in this environment."""
        instances = self.environment.instances if self.environment else ()
        return next((instance for instance in instances if instance.service_id == service_id), None)

    def volume(self, volume_id: str) -> VolumeView | None:
        """The volume's instance in this environment, one that is being deleted included."""
        volumes = self.environment.volumes if self.environment else ()
        return next((volume for volume in volumes if volume.volume_id == volume_id), None)

    def triggers(self, service_id: str) -> tuple[TriggerView, ...]:
        """The service's triggers in this environment; Railway keeps at most one, but says so nowhere."""
        triggers = self.environment.triggers if self.environment else ()
        return tuple(
            sorted(
                (trigger for trigger in triggers if trigger.service_id == service_id), key=lambda one: one.id
            )
        )

    def config_of(self, service_id: str) -> Node | None:
        """The service's part of the environment's config, {} if it has none, None if it cannot be read."""
        if self.environment is None or self.environment.config is None:
            return None
        return (self.environment.config.get("services") or {}).get(service_id) or {}


def nodes(connection: Node) -> list[Node]:
    """The nodes of a page of a list."""
    return [edge["node"] for edge in connection["edges"]]


def moment(value: str) -> datetime:
    """A point in time as Railway writes it."""
    parsed = datetime.fromisoformat(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _named(connection: Node) -> tuple[Named, ...]:
    return tuple(Named(node["id"], node["name"]) for node in nodes(connection) if not node.get("deletedAt"))


def _leaving(domain: Node) -> bool:
    return bool(domain["deletedAt"]) or domain["syncStatus"] in {"DELETING", "DELETED"}
