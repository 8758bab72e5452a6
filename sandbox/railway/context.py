"""One GraphQL request's view of the world: who calls, and what of the state that caller may touch.

Refuses everything that a token of its kind cannot do at Railway (account: all; workspace: its projects, no
`me`; project: one environment, no `projectCreate`, no top-level `service`): "Not Authorized", the same for
a foreign thing as for a dead token. Source: Railway docs, integrations/api and public-api; token kinds as
the CLI uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from sandbox.railway import problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.railway import records as r
    from sandbox.railway.store import Store
    from sandbox.railway.switches import Switches


class HasDeletion(Protocol):
    """A record that is marked, not removed, when it is deleted."""

    deleted_at: float | None


Deletable = TypeVar("Deletable", bound=HasDeletion)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls. `kind` is account, workspace, project, nobody, or bad_project (an unknown project token)."""

    kind: str
    token_id: str = ""
    name: str = ""
    workspace_id: str | None = None
    project_id: str | None = None
    environment_id: str | None = None


def identify(store: Store, headers: Mapping[str, str]) -> Caller:
    """The caller by its headers: `Authorization: Bearer` or `Project-Access-Token`."""
    project_token = headers.get("project-access-token")
    if project_token is not None:
        found = [t for t in store.tokens.values() if t.kind == "project" and t.token == project_token]
        absent = Caller(kind="bad_project")
    else:
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        known = scheme.lower() == "bearer"
        found = [t for t in store.tokens.values() if known and t.kind != "project" and t.token == secret]
        absent = Caller(kind="nobody")
    if not found:
        return absent
    token = found[0]
    return Caller(
        kind=token.kind,
        token_id=token.id,
        name=token.name,
        workspace_id=token.workspace_id,
        project_id=token.project_id,
        environment_id=token.environment_id,
    )


@dataclass(kw_only=True)
class Call:
    """The context of every resolver.

    `overlapped` holds the environments in which another mutation was in flight at the same time.
    """

    store: Store
    caller: Caller
    overlapped: bool = False

    @property
    def switches(self) -> Switches:
        """The world's switches."""
        return self.store.switches

    @property
    def now(self) -> float:
        """The world's time, epoch seconds."""
        return self.store.now()

    def known(self) -> None:
        """Refuse a caller without a valid token.

        Raises:
            GraphQLError: nobody is calling.
        """
        if self.caller.kind == "bad_project":
            raise problems.refusal("Project Token not found")
        if self.caller.kind == "nobody":
            raise problems.not_authorized()

    def wide(self) -> None:
        """Refuse a project token: the operation reaches beyond one environment.

        Raises:
            GraphQLError: the caller has a project token, or none.
        """
        self.known()
        if self.caller.kind == "project":
            raise problems.not_authorized()

    def missing(self, kind: str) -> Exception:
        """The answer for an id nobody knows, as the switch has it."""
        if self.switches.missing_answer == "not_authorized":
            return problems.not_authorized()
        return problems.not_found(kind)

    def may_see_workspace(self, workspace_id: str | None) -> bool:
        """Whether the caller's token reaches a workspace's projects."""
        caller = self.caller
        return caller.kind == "account" or (
            caller.kind == "workspace" and caller.workspace_id == workspace_id
        )

    def project(self, key: str, *, even_deleted: bool = False) -> r.Project:
        """A project that the caller may touch."""
        self.known()
        found = self.store.projects.get(key)
        if found is None:
            raise self.missing("Project")
        if self.caller.kind == "project":
            if self.caller.project_id != key:
                raise problems.not_authorized()
        elif not self.may_see_workspace(found.workspace_id):
            raise problems.not_authorized()
        if found.deleted_at is not None and not even_deleted:
            raise self.missing("Project")
        return found

    def environment(self, key: str, *, even_deleted: bool = False) -> r.Environment:
        """An environment that the caller may touch."""
        self.known()
        found = self.store.environments.get(key)
        if found is None:
            raise self.missing("Environment")
        if self.caller.kind == "project" and self.caller.environment_id != key:
            raise problems.not_authorized()
        self.project(found.project_id, even_deleted=even_deleted)
        if found.deleted_at is not None and not even_deleted:
            raise self.missing("Environment")
        return found

    def service(self, key: str) -> r.Service:
        """A service that the caller may touch."""
        self.known()
        found = self.store.services.get(key)
        if found is None:
            raise self.missing("Service")
        self.project(found.project_id)
        if found.deleted_at is not None:
            raise self.missing("Service")
        return found

    def instance(self, service_id: str, environment_id: str) -> r.Instance:
        """A service's instance in an environment, once it can be seen.

        Raises:
            GraphQLError: "ServiceInstance not found" until it has landed.
        """
        self.environment(environment_id)
        self.service(service_id)
        for found in self.store.instances.values():
            if (
                (found.service_id, found.environment_id) == (service_id, environment_id)
                and found.deleted_at is None
                and found.visible_at <= self.now
            ):
                return found
        raise problems.not_found("ServiceInstance")

    def instances_of(self, service_id: str) -> list[r.Instance]:
        """All live instances of a service, seen or not yet."""
        return [
            found
            for found in self.store.instances.values()
            if found.service_id == service_id and found.deleted_at is None
        ]

    def volume(self, key: str) -> r.Volume:
        """A volume that the caller may touch; a volume pending deletion is still there."""
        self.known()
        found = self.store.volumes.get(key)
        if found is None or found.deleted_at is not None:
            raise self.missing("Volume")
        self.project(found.project_id)
        return found

    def volume_instance(self, key: str) -> r.VolumeInstance:
        """A volume in one environment that the caller may touch."""
        self.known()
        found = self.store.volume_instances.get(key)
        if found is None or found.visible_at > self.now or self.store.volumes[found.volume_id].deleted_at:
            raise self.missing("VolumeInstance")
        self.environment(found.environment_id)
        return found

    def deployment(self, key: str) -> r.Deployment:
        """A deployment that the caller may touch."""
        self.known()
        found = self.store.deployments.get(key)
        if found is None:
            raise self.missing("Deployment")
        self.environment(found.environment_id)
        return found

    def trigger(self, key: str) -> r.Trigger:
        """A deployment trigger that the caller may touch."""
        self.known()
        found = self.store.triggers.get(key)
        if found is None:
            raise self.missing("DeploymentTrigger")
        self.environment(found.environment_id)
        return found

    def domain(self, key: str, *, custom: bool) -> r.Domain:
        """A live domain that the caller may touch."""
        self.known()
        found = self.store.domains.get(key)
        if found is None or found.custom != custom or found.deleted_at is not None:
            raise self.missing("CustomDomain" if custom else "ServiceDomain")
        self.environment(found.environment_id)
        return found

    def listed(self, rows: Iterable[Deletable]) -> list[Deletable]:
        """Rows as lists show them: deleted ones only where the switch says so."""
        return [row for row in rows if row.deleted_at is None or self.switches.deleted_listed]
