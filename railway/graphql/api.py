"""Typed calls: one method per operation, with dataclasses as results.

"Not found" counts as deleted only for the object that the operation is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from railway.clock import Clock
from railway.graphql import documents
from railway.graphql.client import RailwayClient
from railway.graphql.documents import Document
from railway.graphql.errors import MissingError, NotAuthorizedError, NotFoundError, RequestError
from railway.graphql.models import (
    CustomDomainView,
    DeploymentView,
    EnvironmentView,
    Named,
    Node,
    ProjectView,
    ServiceDomainView,
    Snapshot,
    TcpProxyView,
    TriggerView,
    VolumeView,
    nodes,
)

_PAGES = 50


class RailwayApi:
    """Typed calls over one client. Safe to share between threads."""

    def __init__(self, client: RailwayClient) -> None:
        self.client = client

    @property
    def clock(self) -> Clock:
        """The clock of the client."""
        return self.client.clock

    def _ask(self, document: Document, **variables: object) -> Node:
        sent = {name: value for name, value in variables.items() if value is not None}
        return self.client.execute(document, sent).data

    def _write(self, document: Document, **variables: object) -> datetime | None:
        return self.client.execute(document, variables).not_before

    # ---- Reading

    def snapshot(self, project_id: str, environment_id: str) -> Snapshot:
        """Everything about one environment and its project, in one request per page."""
        try:
            return self._snapshot(documents.SNAPSHOT_READ, project_id, environment_id)
        except NotFoundError as error:
            return self._deleted_part(project_id, environment_id, error)
        except NotAuthorizedError as error:
            if "config" not in error.path:
                raise
        return self._snapshot(documents.SNAPSHOT_READ_WITHOUT_CONFIG, project_id, environment_id)

    def _snapshot(self, document: Document, project_id: str, environment_id: str) -> Snapshot:
        data = self._pages(
            document,
            {
                ("project", "environments"): "environmentsAfter",
                ("project", "services"): "servicesAfter",
                ("project", "volumes"): "volumesAfter",
                ("environment", "serviceInstances"): "instancesAfter",
                ("environment", "volumeInstances"): "volumeInstancesAfter",
                ("environment", "deploymentTriggers"): "triggersAfter",
            },
            projectId=project_id,
            environmentId=environment_id,
        )
        try:
            return Snapshot(ProjectView.of(data["project"]), EnvironmentView.of(data["environment"]))
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(document, error) from None

    def _deleted_part(self, project_id: str, environment_id: str, error: NotFoundError) -> Snapshot:
        """Find out what is deleted: one missing object makes the whole answer null."""
        project = self.project(project_id)
        if project is None:
            return Snapshot(None, None)
        if any(environment.id == environment_id for environment in project.environments):
            raise error
        return Snapshot(project, None)

    def project(self, project_id: str) -> ProjectView | None:
        """A project; None if Railway reports that it is deleted."""
        try:
            data = self._pages(
                documents.PROJECT_READ,
                {
                    ("project", "environments"): "environmentsAfter",
                    ("project", "services"): "servicesAfter",
                    ("project", "volumes"): "volumesAfter",
                },
                projectId=project_id,
            )
        except NotFoundError:
            return None
        try:
            return ProjectView.of(data["project"])
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(documents.PROJECT_READ, error) from None

    def _pages(
        self, document: Document, connections: Mapping[tuple[str, str], str], **variables: object
    ) -> Node:
        """Read all pages and join their lists; each request reads the next page of every list."""
        cursors: dict[str, object] = {}
        whole: dict[str, Any] = {}
        for _ in range(_PAGES):
            data = self._ask(document, **variables, **cursors)
            more = False
            for (root, name), cursor in connections.items():
                try:
                    page = data[root][name]
                    edges, info = page["edges"], page["pageInfo"]
                    ends = bool(info["hasNextPage"])
                except (KeyError, TypeError) as error:
                    raise _unreadable(document, error) from None
                if whole:
                    known = whole[root][name]["edges"]
                    ids = {edge["node"]["id"] for edge in known}
                    known.extend(edge for edge in edges if edge["node"]["id"] not in ids)
                if ends:
                    more = True
                if info["endCursor"]:
                    cursors[cursor] = info["endCursor"]
            whole = whole or dict(data)
            if not more:
                return whole
        raise MissingError(f"Railway {document.name}: more than {_PAGES} pages; the others were not read")

    def projects(self, workspace_id: str) -> list[tuple[Named, str]]:
        """The projects of a workspace, each with its description."""
        found: list[tuple[Named, str]] = []
        after: str | None = None
        for _ in range(_PAGES):
            page = self._ask(documents.PROJECTS_FIND, workspaceId=workspace_id, after=after)["projects"]
            found.extend(
                (Named(node["id"], node["name"]), node["description"] or "")
                for node in nodes(page)
                if not node["deletedAt"]
            )
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]
        raise MissingError(f"Railway ProjectsFind: more than {_PAGES} pages of projects")

    def workspaces(self) -> list[Named]:
        """The workspaces that the token can access."""
        data = self._ask(documents.TOKEN_WORKSPACES)
        return [Named(one["id"], one["name"]) for one in data["apiToken"]["workspaces"]]

    def environments(self, project_id: str) -> list[tuple[Named, bool]]:
        """The environments of a project that the token can read, each with whether it is a fork."""
        data = self._pages(
            documents.ENVIRONMENTS_READ, {("project", "environments"): "after"}, projectId=project_id
        )
        return [
            (Named(node["id"], node["name"]), node["sourceEnvironment"] is not None)
            for node in nodes(data["project"]["environments"])
            if not node["deletedAt"]
        ]

    def service_is_deleted(self, service_id: str) -> bool:
        """Whether Railway reports, for its id, that a service does not exist any more."""
        try:
            node = self._ask(documents.SERVICE_READ, id=service_id)["service"]
        except NotFoundError:
            return True
        return bool(node["deletedAt"])

    def variables(
        self, project_id: str, environment_id: str, service_id: str | None
    ) -> Mapping[str, str | None]:
        """The authored variables of a service, or with None the shared ones; None as a value: sealed."""
        data = self._ask(
            documents.VARIABLES_READ, projectId=project_id, environmentId=environment_id, serviceId=service_id
        )
        return {str(name): None if value is None else str(value) for name, value in data["variables"].items()}

    def rendered_variables(self, project_id: str, environment_id: str, service_id: str) -> Mapping[str, str]:
        """The variables of a service with all references resolved."""
        data = self._ask(
            documents.RENDERED_VARIABLES_READ,
            projectId=project_id,
            environmentId=environment_id,
            serviceId=service_id,
        )
        return {str(name): str(value) for name, value in data["variablesForServiceDeployment"].items()}

    def tcp_proxies(self, environment_id: str, service_id: str) -> list[TcpProxyView]:
        """The TCP proxies of a service."""
        data = self._ask(documents.TCP_PROXIES_READ, environmentId=environment_id, serviceId=service_id)
        return [_proxy(node) for node in data["tcpProxies"] if not node["deletedAt"]]

    def backup_kinds(self, volume_instance_id: str) -> list[str]:
        """The backup schedule of a volume."""
        data = self._ask(documents.BACKUP_SCHEDULES_READ, volumeInstanceId=volume_instance_id)
        return sorted({str(one["kind"]) for one in data["volumeInstanceBackupScheduleList"]})

    def limits(self, environment_id: str, service_id: str) -> Mapping[str, Any]:
        """The limits of a service; {} if it has none of its own."""
        data = self._ask(documents.LIMITS_READ, environmentId=environment_id, serviceId=service_id)
        return data["serviceInstanceLimitOverride"] or {}

    # ---- Polling

    def has_instance(self, project_id: str, environment_id: str, service_id: str) -> bool:
        """Whether a service has an instance in an environment."""
        data = self._pages(
            documents.INSTANCE_POLL,
            {("environment", "serviceInstances"): "after"},
            projectId=project_id,
            environmentId=environment_id,
        )
        return any(
            node["serviceId"] == service_id and not node["deletedAt"]
            for node in nodes(data["environment"]["serviceInstances"])
        )

    def current_volumes(self, project_id: str, environment_id: str) -> list[VolumeView]:
        """The volumes of an environment, not from the cache."""
        data = self._pages(
            documents.VOLUME_POLL,
            {("environment", "volumeInstances"): "after"},
            projectId=project_id,
            environmentId=environment_id,
        )
        return [VolumeView.of(node) for node in nodes(data["environment"]["volumeInstances"])]

    def newest_deployments(
        self, project_id: str, environment_id: str, service_id: str
    ) -> list[DeploymentView]:
        """The 20 newest deployments of a service, the newest first."""
        data = self._ask(
            documents.LATEST_DEPLOYMENT_POLL,
            projectId=project_id,
            environmentId=environment_id,
            serviceId=service_id,
        )
        found = [DeploymentView.of(node) for node in nodes(data["deployments"])]
        return sorted(found, key=lambda one: one.created_at, reverse=True)

    def deployment(self, deployment_id: str) -> DeploymentView:
        """A deployment."""
        return DeploymentView.of(self._ask(documents.DEPLOYMENT_POLL, id=deployment_id)["deployment"])

    def failed_step(self, deployment_id: str) -> tuple[str, str]:
        """The step in which a deployment failed, and Railway's reason; "" where there is none."""
        data = self._ask(documents.DEPLOYMENT_EVENTS_READ, id=deployment_id)
        events = sorted(nodes(data["deploymentEvents"]), key=lambda node: node["createdAt"])
        for event in reversed(events):
            payload = event["payload"] or {}
            if payload.get("error") or not event["completedAt"]:
                reason = payload.get("error") or payload.get("reason") or payload.get("detail") or ""
                return event["step"], reason
        return "", ""

    def logs(
        self, deployment_id: str, limit: int, *, build: bool = False, phrase: str | None = None
    ) -> list[str]:
        """The last log lines of a deployment or of its build.

        Args:
            deployment_id: the deployment.
            limit: the number of lines, at most 5000.
            build: the log of the build.
            phrase: only lines of the deployment with this text (Railway docs, logs: a phrase in quotes).
        """
        document = documents.BUILD_LOGS_POLL if build else documents.LOGS_POLL
        quoted = None if phrase is None else f'"{phrase}"'
        data = self._ask(document, id=deployment_id, limit=limit, filter=quoted)
        lines = data["buildLogs" if build else "deploymentLogs"]
        return [str(line["message"]) for line in sorted(lines, key=lambda line: line["timestamp"])]

    # ---- Writing

    def create_project(self, **fields: object) -> ProjectView:
        """Create a project."""
        created = ProjectView.of(
            self._ask(documents.PROJECT_CREATE, input=_without_empty(fields))["projectCreate"]
        )
        if created is None:
            raise MissingError("Railway ProjectCreate: the new project is already deleted")
        return created

    def update_project(self, project_id: str, **fields: object) -> None:
        """Update the name or the description of a project."""
        self._write(documents.PROJECT_UPDATE, id=project_id, input=_without_empty(fields))

    def delete_project(self, project_id: str) -> None:
        """Delete a project and everything in it."""
        self._write(documents.PROJECT_DELETE, id=project_id)

    def create_environment(self, project_id: str, name: str) -> Named:
        """Create an empty environment."""
        fields = {"projectId": project_id, "name": name, "skipInitialDeploys": True}
        node = self._ask(documents.ENVIRONMENT_CREATE, input=fields)["environmentCreate"]
        return Named(node["id"], node["name"])

    def rename_environment(self, environment_id: str, name: str) -> None:
        """Rename an environment."""
        self._write(documents.ENVIRONMENT_RENAME, id=environment_id, input={"name": name})

    def delete_environment(self, environment_id: str) -> None:
        """Delete an environment and everything in it."""
        self._write(documents.ENVIRONMENT_DELETE, id=environment_id)

    def create_service(self, project_id: str, environment_id: str, name: str) -> Named:
        """Create a service without a source, so that nothing is deployed."""
        fields = {"projectId": project_id, "environmentId": environment_id, "name": name}
        node = self._ask(documents.SERVICE_CREATE, input=fields)["serviceCreate"]
        return Named(node["id"], node["name"])

    def rename_service(self, service_id: str, name: str) -> None:
        """Rename a service."""
        self._write(documents.SERVICE_UPDATE, id=service_id, input={"name": name})

    def delete_service(self, service_id: str, environment_id: str) -> None:
        """Delete a service."""
        self._write(documents.SERVICE_DELETE, id=service_id, environmentId=environment_id)

    def update_instance(
        self, service_id: str, environment_id: str, fields: Mapping[str, object]
    ) -> datetime | None:
        """Update the settings of a service; deploys nothing."""
        return self._write(
            documents.INSTANCE_UPDATE, serviceId=service_id, environmentId=environment_id, input=dict(fields)
        )

    def update_limits(self, service_id: str, environment_id: str, **fields: object) -> datetime | None:
        """Update CPU and memory limits."""
        return self._write(
            documents.LIMITS_UPDATE,
            input={"serviceId": service_id, "environmentId": environment_id, **fields},
        )

    def create_trigger(self, **fields: object) -> tuple[TriggerView, datetime | None]:
        """Create a deployment trigger."""
        sent = {"input": {"provider": "github", **_without_empty(fields)}}
        answer = self.client.execute(documents.TRIGGER_CREATE, sent)
        return TriggerView.of(answer.data["deploymentTriggerCreate"]), answer.not_before

    def update_trigger(self, trigger_id: str, **fields: object) -> tuple[TriggerView, datetime | None]:
        """Update repository, branch, root directory ("": none), or whether to wait for checks."""
        answer = self.client.execute(documents.TRIGGER_UPDATE, {"id": trigger_id, "input": fields})
        return TriggerView.of(answer.data["deploymentTriggerUpdate"]), answer.not_before

    def delete_trigger(self, trigger_id: str) -> None:
        """Delete a deployment trigger."""
        self._write(documents.TRIGGER_DELETE, id=trigger_id)

    def create_volume(self, **fields: object) -> tuple[str, datetime | None]:
        """Create a volume; Railway chooses its name and its size."""
        answer = self.client.execute(documents.VOLUME_CREATE, {"input": _without_empty(fields)})
        return answer.data["volumeCreate"]["id"], answer.not_before

    def rename_volume(self, volume_id: str, name: str) -> None:
        """Rename a volume."""
        self._write(documents.VOLUME_RENAME, volumeId=volume_id, input={"name": name})

    def mount_volume(
        self, volume_id: str, environment_id: str, service_id: str, mount_path: str
    ) -> datetime | None:
        """Attach a volume to a service, at a path."""
        return self._write(
            documents.VOLUME_MOUNT,
            volumeId=volume_id,
            environmentId=environment_id,
            # Always both: an update without the service detaches the volume.
            input={"serviceId": service_id, "mountPath": mount_path},
        )

    def delete_volume(self, volume_id: str) -> None:
        """Delete a volume; Railway keeps it restorable for 48 hours."""
        self._write(documents.VOLUME_DELETE, volumeId=volume_id)

    def patch_config(self, environment_id: str, patch: Mapping[str, object], message: str) -> datetime | None:
        """Merge a patch into the environment's config."""
        return self._write(
            documents.CONFIG_PATCH, environmentId=environment_id, patch=dict(patch), message=message
        )

    def set_backup_kinds(self, volume_instance_id: str, kinds: Sequence[str]) -> None:
        """Write the backup schedule of a volume."""
        self._write(documents.BACKUP_SCHEDULE_UPDATE, volumeInstanceId=volume_instance_id, kinds=list(kinds))

    def write_variables(
        self,
        project_id: str,
        environment_id: str,
        service_id: str | None,
        variables: Mapping[str, str],
        *,
        replace: bool,
    ) -> datetime | None:
        """Write variables of a service, or of the environment; deploys nothing.

        Args:
            project_id: the project.
            environment_id: the environment.
            service_id: the service, None for the shared ones.
            variables: name -> value.
            replace: whether all other variables are removed.
        """
        return self._write(
            documents.VARIABLES_WRITE,
            input=_without_empty(
                {
                    "projectId": project_id,
                    "environmentId": environment_id,
                    "serviceId": service_id,
                    "variables": dict(variables),
                    "replace": replace,
                    "skipDeploys": True,
                }
            ),
        )

    def create_domain(
        self, environment_id: str, service_id: str, target_port: int | None
    ) -> ServiceDomainView:
        """Create a domain generated by Railway."""
        fields = {"environmentId": environment_id, "serviceId": service_id, "targetPort": target_port}
        return ServiceDomainView.of(
            self._ask(documents.DOMAIN_CREATE, input=_without_empty(fields))["serviceDomainCreate"]
        )

    def update_domain(self, **fields: object) -> None:
        """Update the label or the port (None: no port) of a domain; `domain` is always required."""
        self._write(documents.DOMAIN_UPDATE, input=fields)

    def delete_domain(self, domain_id: str) -> None:
        """Delete a service domain."""
        self._write(documents.DOMAIN_DELETE, id=domain_id)

    def create_custom_domain(self, **fields: object) -> CustomDomainView:
        """Create a custom domain."""
        return CustomDomainView.of(
            self._ask(documents.CUSTOM_DOMAIN_CREATE, input=_without_empty(fields))["customDomainCreate"]
        )

    def update_custom_domain(self, domain_id: str, environment_id: str, target_port: int | None) -> None:
        """Update the port of a custom domain; None: no port."""
        self._write(
            documents.CUSTOM_DOMAIN_UPDATE, id=domain_id, environmentId=environment_id, targetPort=target_port
        )

    def delete_custom_domain(self, domain_id: str) -> None:
        """Delete a custom domain."""
        self._write(documents.CUSTOM_DOMAIN_DELETE, id=domain_id)

    def create_tcp_proxy(
        self, environment_id: str, service_id: str, application_port: int
    ) -> tuple[TcpProxyView, datetime | None]:
        """Create a TCP proxy."""
        fields = {
            "environmentId": environment_id,
            "serviceId": service_id,
            "applicationPort": application_port,
        }
        answer = self.client.execute(documents.TCP_PROXY_CREATE, {"input": fields})
        return _proxy(answer.data["tcpProxyCreate"]), answer.not_before

    def delete_tcp_proxy(self, proxy_id: str) -> None:
        """Delete a TCP proxy."""
        self._write(documents.TCP_PROXY_DELETE, id=proxy_id)

    def deploy_latest(self, environment_id: str, service_id: str) -> None:
        """Deploy the newest commit of the branch."""
        self._write(documents.DEPLOY_LATEST, environmentId=environment_id, serviceId=service_id)

    def deploy_known(self, environment_id: str, service_id: str) -> None:
        """Deploy the image, or the commit that Railway knows."""
        self._write(documents.DEPLOY_KNOWN, environmentId=environment_id, serviceId=service_id)

    def rollback(self, deployment_id: str) -> None:
        """Roll back to an earlier deployment."""
        self._write(documents.ROLLBACK, id=deployment_id)


def _without_empty(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that are set: Railway answers 504 to an empty region, and a null has a meaning."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def _proxy(node: Node) -> TcpProxyView:
    return TcpProxyView(node["id"], int(node["applicationPort"]), node["domain"], int(node["proxyPort"]))


def _unreadable(document: Document, error: Exception) -> RequestError:
    return RequestError(
        document.name,
        f"the answer does not match the schema ({type(error).__name__}: {error})",
        fix="run `pulumi up` again; if the error persists, Railway has changed its API",
    )
