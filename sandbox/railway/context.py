"""The context of a GraphQL request: the caller, and access to the objects that the caller's token may use.

Token kinds have the rights that they have at Railway (account: everything; workspace: its projects, no `me`;
project: one environment, no `projectCreate`, no top-level `service`). Everything else is "Not Authorized",
for objects of others as well as for invalid tokens. Source: Railway docs, integrations/api and public-api;
token kinds as the CLI uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from sandbox.railway import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.railway import records
    from sandbox.railway.store import Store
    from sandbox.railway.switches import Switches


class HasDeletion(Protocol):
    """A record that is marked as deleted, not removed."""

    deleted_at: float | None


Deletable = TypeVar("Deletable", bound=HasDeletion)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The caller. `kind` is account, workspace, project, anonymous, or unknown_project_token."""

    kind: str
    token_id: str = ""
    name: str = ""
    workspace_id: str | None = None
    project_id: str | None = None
    environment_id: str | None = None
    viewer: bool = False


def identify(store: Store, headers: Mapping[str, str]) -> Caller:
    """Return the caller from its headers: `Authorization: Bearer` or `Project-Access-Token`."""
    project_token = headers.get("project-access-token")
    if project_token is not None:
        found = [t for t in store.tokens.values() if t.kind == "project" and t.token == project_token]
        absent = Caller(kind="unknown_project_token")
    else:
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        known = scheme.lower() == "bearer"
        found = [t for t in store.tokens.values() if known and t.kind != "project" and t.token == secret]
        absent = Caller(kind="anonymous")
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
        viewer=token.viewer,
    )


@dataclass(kw_only=True)
class Context:
    """The context of every resolver.

    `overlapped`: another mutation of the same environment was in progress at the same time.
    """

    store: Store
    caller: Caller
    overlapped: bool = False

    @property
    def switches(self) -> Switches:
        """The sandbox's switches."""
        return self.store.switches

    @property
    def now(self) -> float:
        """The sandbox's time, epoch seconds."""
        return self.store.now()

    def require_token(self) -> None:
        """Reject a caller without a valid token.

        Raises:
            GraphQLError: the token is missing or unknown.
        """
        if self.caller.kind == "unknown_project_token":
            raise errors.graphql_error("Project Token not found")
        if self.caller.kind == "anonymous":
            raise errors.not_authorized()

    def reject_viewer(self) -> None:
        """Reject a viewer.

        Raises:
            GraphQLError: the caller is one.
        """
        if self.caller.viewer:
            raise errors.not_authorized()

    def reject_project_token(self) -> None:
        """Reject a project token: the operation is not limited to one environment.

        Raises:
            GraphQLError: the caller has a project token, or no valid token.
        """
        self.require_token()
        if self.caller.kind == "project":
            raise errors.not_authorized()

    def missing_error(self, kind: str) -> Exception:
        """Return the error for an unknown id, as the switch sets it."""
        if self.switches.missing_response == "not_authorized":
            return errors.not_authorized()
        return errors.not_found(kind)

    def can_access_workspace(self, workspace_id: str | None) -> bool:
        """Return whether the caller's token has access to a workspace's projects."""
        caller = self.caller
        return caller.kind == "account" or (
            caller.kind == "workspace" and caller.workspace_id == workspace_id
        )

    def project(self, key: str, *, include_deleted: bool = False) -> records.Project:
        """Return a project that the caller has access to."""
        self.require_token()
        found = self.store.projects.get(key)
        if found is None:
            raise self.missing_error("Project")
        if self.caller.kind == "project":
            if self.caller.project_id != key:
                raise errors.not_authorized()
        elif not self.can_access_workspace(found.workspace_id):
            raise errors.not_authorized()
        if found.deleted_at is not None and not include_deleted:
            raise self.missing_error("Project")
        return found

    def environment(self, key: str, *, include_deleted: bool = False) -> records.Environment:
        """Return an environment that the caller has access to."""
        self.require_token()
        found = self.store.environments.get(key)
        if found is None:
            raise self.missing_error("Environment")
        if self.caller.kind == "project" and self.caller.environment_id != key:
            raise errors.not_authorized()
        self.project(found.project_id, include_deleted=include_deleted)
        if found.deleted_at is not None and not include_deleted:
            raise self.missing_error("Environment")
        return found

    def service(self, key: str) -> records.Service:
        """Return a service that the caller has access to."""
        self.require_token()
        found = self.store.services.get(key)
        if found is None:
            raise self.missing_error("Service")
        self.project(found.project_id)
        if found.deleted_at is not None:
            raise self.missing_error("Service")
        return found

    def instance(self, service_id: str, environment_id: str) -> records.Instance:
        """Return a service's instance in an environment, once it is visible.

        Raises:
            GraphQLError: "ServiceInstance not found" until it is visible.
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
        raise errors.not_found("ServiceInstance")

    def instances_of(self, service_id: str) -> list[records.Instance]:
        """Return all instances of a service that are not deleted, whether visible yet or not."""
        return [
            found
            for found in self.store.instances.values()
            if found.service_id == service_id and found.deleted_at is None
        ]

    def volume(self, key: str) -> records.Volume:
        """Return a volume that the caller has access to, also while its deletion is pending."""
        self.require_token()
        found = self.store.volumes.get(key)
        if found is None or found.deleted_at is not None:
            raise self.missing_error("Volume")
        self.project(found.project_id)
        return found

    def volume_instance(self, key: str) -> records.VolumeInstance:
        """Return a volume instance that the caller has access to."""
        self.require_token()
        found = self.store.volume_instances.get(key)
        if found is None or found.visible_at > self.now or self.store.volumes[found.volume_id].deleted_at:
            raise self.missing_error("VolumeInstance")
        self.environment(found.environment_id)
        return found

    def deployment(self, key: str) -> records.Deployment:
        """Return a deployment that the caller has access to."""
        self.require_token()
        found = self.store.deployments.get(key)
        if found is None:
            raise self.missing_error("Deployment")
        self.environment(found.environment_id)
        return found

    def trigger(self, key: str) -> records.Trigger:
        """Return a deployment trigger that the caller has access to."""
        self.require_token()
        found = self.store.triggers.get(key)
        if found is None:
            raise self.missing_error("DeploymentTrigger")
        self.environment(found.environment_id)
        return found

    def domain(self, key: str, *, custom: bool) -> records.Domain:
        """Return a domain that is not deleted and that the caller has access to."""
        self.require_token()
        found = self.store.domains.get(key)
        if found is None or found.custom != custom or found.deleted_at is not None:
            raise self.missing_error("CustomDomain" if custom else "ServiceDomain")
        self.environment(found.environment_id)
        return found

    def listed(self, rows: Iterable[Deletable]) -> list[Deletable]:
        """Return the rows that lists contain: deleted ones only if `deleted_listed` is set."""
        return [row for row in rows if row.deleted_at is None or self.switches.deleted_listed]
