"""Typed calls: a method per query, with dataclasses as results, and three methods for mutations.

A test compares the variables of every call with the operation in `documents.graphql`. "Not found" counts as
deleted only for the object that the operation is about.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from typing import Any, TypeVar

from railway.clock import Clock
from railway.graphql.client import RailwayClient
from railway.graphql.documents import DOCUMENTS
from railway.graphql.errors import REPORT, MissingError, NotAuthorizedError, NotFoundError, RequestError
from railway.graphql.models import (
    BackupView,
    DeploymentView,
    EnvironmentView,
    Named,
    Node,
    ProjectView,
    Snapshot,
    TcpProxyView,
    VolumeView,
    moment,
    nodes,
)

T = TypeVar("T")

_STARTING = ("MIGRATE_VOLUMES", "PRE_DEPLOY_COMMAND", "CREATE_CONTAINER", "HEALTHCHECK")
"""The steps of a deployment after its build (DeploymentEventStep), while one with a volume is offline."""

_PAGES = 50
_PROJECT_LISTS = {
    ("project", "environments"): "environmentsAfter",
    ("project", "services"): "servicesAfter",
    ("project", "volumes"): "volumesAfter",
}
"""The lists of `ProjectParts`, each with its cursor."""


class RailwayApi:
    """Typed calls over one client. Safe to share between threads."""

    def __init__(self, client: RailwayClient) -> None:
        self.client = client

    @property
    def clock(self) -> Clock:
        """The clock of the client."""
        return self.client.clock

    @property
    def project_token(self) -> bool:
        """Whether the token is a project token, which can access only one environment."""
        return self.client.access.kind == "project"

    def _query(self, operation: str, **variables: object) -> Node:
        sent = {name: value for name, value in variables.items() if value is not None}
        return self.client.execute(DOCUMENTS[operation], sent).data

    # ---- Reading

    def snapshot(self, project_id: str, environment_id: str) -> Snapshot:
        """Everything about one environment and its project, in one request per page."""
        try:
            return self._snapshot("SnapshotRead", project_id, environment_id)
        except NotFoundError as error:
            return self._deleted_part(project_id, environment_id, error)
        except NotAuthorizedError as error:
            if "config" not in error.path:
                raise
        return self._snapshot("SnapshotReadWithoutConfig", project_id, environment_id)

    def _snapshot(self, operation: str, project_id: str, environment_id: str) -> Snapshot:
        lists = _PROJECT_LISTS | {
            ("environment", "serviceInstances"): "instancesAfter",
            ("environment", "volumeInstances"): "volumeInstancesAfter",
            ("environment", "deploymentTriggers"): "triggersAfter",
        }
        data = self._pages(operation, lists, projectId=project_id, environmentId=environment_id)
        with _reading(operation):
            return Snapshot(ProjectView.of(data["project"]), EnvironmentView.of(data["environment"]))

    def _deleted_part(self, project_id: str, environment_id: str, error: NotFoundError) -> Snapshot:
        """Find out what is deleted: one missing object makes the whole response null."""
        project = self.project(project_id)
        if project is None:
            return Snapshot(None, None)
        if any(environment.id == environment_id for environment in project.environments):
            raise error
        return Snapshot(project, None)

    def project(self, project_id: str) -> ProjectView | None:
        """A project; None if Railway reports that it is deleted."""
        try:
            data = self._pages("ProjectRead", _PROJECT_LISTS, projectId=project_id)
        except NotFoundError:
            return None
        with _reading("ProjectRead"):
            return ProjectView.of(data["project"])

    def _pages(self, operation: str, lists: Mapping[tuple[str, ...], str], **variables: object) -> Node:
        """Read all pages and join their lists; each request reads the next page of every list.

        Args:
            operation: its name.
            lists: the path of each list -> the variable of its cursor.
            variables: the other variables.
        """
        cursors: dict[str, object] = {}
        whole: Node = {}
        for _ in range(_PAGES):
            data = self._query(operation, **variables, **cursors)
            more = False
            with _reading(operation):
                for path, cursor in lists.items():
                    page = _at(data, path)
                    edges, info = page["edges"], page["pageInfo"]
                    if whole:
                        known = _at(whole, path)["edges"]
                        ids = {edge["node"]["id"] for edge in known}
                        known.extend(edge for edge in edges if edge["node"]["id"] not in ids)
                    more = more or bool(info["hasNextPage"])
                    if info["endCursor"]:
                        cursors[cursor] = info["endCursor"]
            whole = whole or data
            if not more:
                return whole
        raise MissingError(
            f"Railway request {operation}: a list has more than {_PAGES} pages, which were not all read",
            fix=REPORT,
        )

    def _list(self, operation: str, *path: str, **variables: object) -> list[Node]:
        """The nodes of all pages of the list at a path, whose cursor is `$after`."""
        return nodes(_at(self._pages(operation, {path: "after"}, **variables), path))

    def projects(self, workspace_id: str) -> list[tuple[Named, str]]:
        """The projects of a workspace, each with its description."""
        found = self._list("ProjectsFind", "projects", workspaceId=workspace_id)
        return [(Named.of(node), node["description"] or "") for node in found if not node["deletedAt"]]

    def workspaces(self) -> list[Named]:
        """The workspaces that the token can access."""
        data = self._query("TokenWorkspaces")
        return [Named.of(one) for one in data["apiToken"]["workspaces"]]

    def environments(self, project_id: str) -> list[tuple[Named, bool]]:
        """The environments of a project that the token can read, each with whether it is a fork."""
        found = self._list("EnvironmentsRead", "project", "environments", projectId=project_id)
        return [
            (Named.of(node), node["sourceEnvironment"] is not None) for node in found if not node["deletedAt"]
        ]

    def service_is_deleted(self, service_id: str) -> bool:
        """Whether Railway reports, for its id, that a service does not exist any more."""
        try:
            node = self._query("ServiceRead", id=service_id)["service"]
        except NotFoundError:
            return True
        return bool(node["deletedAt"])

    def variables(
        self, project_id: str, environment_id: str, service_id: str | None
    ) -> Mapping[str, str | None]:
        """The authored variables of a service, or with None the shared ones; None as a value: sealed."""
        data = self._query(
            "VariablesRead", projectId=project_id, environmentId=environment_id, serviceId=service_id
        )
        return {str(name): None if value is None else str(value) for name, value in data["variables"].items()}

    def rendered_variables(self, project_id: str, environment_id: str, service_id: str) -> Mapping[str, str]:
        """The variables of a service with all references resolved."""
        data = self._query(
            "RenderedVariablesRead",
            projectId=project_id,
            environmentId=environment_id,
            serviceId=service_id,
        )
        return {str(name): str(value) for name, value in data["variablesForServiceDeployment"].items()}

    def tcp_proxies(self, environment_id: str, service_id: str) -> list[TcpProxyView]:
        """The TCP proxies of a service."""
        data = self._query("TcpProxiesRead", environmentId=environment_id, serviceId=service_id)
        return [TcpProxyView.of(node) for node in data["tcpProxies"] if not node["deletedAt"]]

    def backup_kinds(self, volume_instance_id: str) -> list[str]:
        """The backup schedule of a volume."""
        data = self._query("BackupSchedulesRead", volumeInstanceId=volume_instance_id)
        return sorted({str(one["kind"]) for one in data["volumeInstanceBackupScheduleList"]})

    def backups(self, volume_instance_id: str) -> list[BackupView]:
        """The backups of a volume that exist, the newest first."""
        data = self._query("BackupsPoll", volumeInstanceId=volume_instance_id)
        with _reading("BackupsPoll"):
            found = [BackupView.of(node) for node in data["volumeInstanceBackupList"]]
        return sorted(found, key=lambda one: one.created_at, reverse=True)

    def workflow(self, workflow_id: str) -> tuple[str, str]:
        """The status of a workflow (Running, Complete, Error, NotFound) and its error, "" without one."""
        found = self._query("WorkflowPoll", workflowId=workflow_id)["workflowStatus"]
        return str(found["status"]), str(found["error"] or "")

    def limits(self, environment_id: str, service_id: str) -> Mapping[str, Any]:
        """The limits of a service; {} if it has none of its own."""
        data = self._query("LimitsRead", environmentId=environment_id, serviceId=service_id)
        return data["serviceInstanceLimitOverride"] or {}

    # ---- Polling

    def has_instance(self, project_id: str, environment_id: str, service_id: str) -> bool:
        """Whether a service has an instance in an environment."""
        ids = {"projectId": project_id, "environmentId": environment_id}
        found = self._list("InstancePoll", "environment", "serviceInstances", **ids)
        return any(node["serviceId"] == service_id and not node["deletedAt"] for node in found)

    def current_volumes(self, project_id: str, environment_id: str) -> list[VolumeView]:
        """The volumes of an environment, not from the cache."""
        ids = {"projectId": project_id, "environmentId": environment_id}
        found = self._list("VolumePoll", "environment", "volumeInstances", **ids)
        return [VolumeView.of(node) for node in found]

    def newest_deployments(
        self, project_id: str, environment_id: str, service_id: str
    ) -> list[DeploymentView]:
        """The 20 newest deployments of a service, the newest first."""
        data = self._query(
            "LatestDeploymentPoll",
            projectId=project_id,
            environmentId=environment_id,
            serviceId=service_id,
        )
        found = [DeploymentView.of(node) for node in nodes(data["deployments"])]
        return sorted(found, key=lambda one: one.created_at, reverse=True)

    def deployment(self, deployment_id: str) -> DeploymentView:
        """A deployment."""
        return DeploymentView.of(self._query("DeploymentPoll", id=deployment_id)["deployment"])

    def failed_step(self, deployment_id: str) -> tuple[str, str]:
        """The step in which a deployment failed, and Railway's reason; "" where there is none."""
        data = self._query("DeploymentEventsRead", id=deployment_id)
        events = sorted(nodes(data["deploymentEvents"]), key=lambda node: node["createdAt"])
        for event in reversed(events):
            payload = event["payload"] or {}
            if payload.get("error") or not event["completedAt"]:
                reason = payload.get("error") or payload.get("reason") or payload.get("detail") or ""
                return event["step"], reason
        return "", ""

    def seconds_to_start(self, deployment_id: str) -> float | None:
        """The seconds from the creation of a deployment's container until its last step ended.

        None if Railway does not say, such as of an old deployment.
        """
        data = self._query("DeploymentEventsRead", id=deployment_id)
        events = nodes(data["deploymentEvents"])
        begin = [moment(one["createdAt"]) for one in events if one["step"] in _STARTING]
        end = [
            moment(one["completedAt"]) for one in events if one["step"] in _STARTING and one["completedAt"]
        ]
        return (max(end) - min(begin)).total_seconds() if begin and len(begin) == len(end) else None

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
        name = "BuildLogsPoll" if build else "LogsPoll"
        return [str(line["message"]) for line in self._log(name, deployment_id, limit, phrase)]

    def log_lines(
        self, deployment_id: str, limit: int, *, phrase: str | None = None
    ) -> list[tuple[datetime, str]]:
        """The last log lines of a deployment with their times, the oldest first; see `logs`."""
        lines = self._log("LogsPoll", deployment_id, limit, phrase)
        with _reading("LogsPoll"):
            return [(moment(line["timestamp"]), str(line["message"])) for line in lines]

    def _log(self, operation: str, deployment_id: str, limit: int, phrase: str | None) -> list[Node]:
        quoted = None if phrase is None else f'"{phrase}"'
        data = self._query(operation, id=deployment_id, limit=limit, filter=quoted)
        lines = data["buildLogs" if operation == "BuildLogsPoll" else "deploymentLogs"]
        return sorted(lines, key=lambda line: line["timestamp"])

    def instance_states(self, deployment_id: str) -> list[str]:
        """The status of each instance of a deployment (DeploymentInstanceStatus): RUNNING, CRASHED, ..."""
        data = self._query("InstanceStatesRead", id=deployment_id)
        return [str(one["status"]) for one in data["deployment"]["instances"]]

    def volume_used_mb(self, volume_instance_id: str) -> float:
        """How much of a volume is used, in megabytes of Railway (1000 are a GB)."""
        data = self._query("VolumeUsageRead", id=volume_instance_id)
        return float(data["volumeInstance"]["currentSizeMB"])

    # ---- Writing

    def write(self, operation: str, **variables: object) -> datetime | None:
        """Send a mutation whose result is not needed.

        Args:
            operation: its name in `documents.graphql`.
            variables: its variables; None is sent as null.

        Returns:
            The earliest time at which it took effect, by the server's clock; None if unknown.
        """
        return self.client.execute(DOCUMENTS[operation], variables).not_before

    def write_object(
        self, operation: str, read: Callable[[Node], T], **variables: object
    ) -> tuple[T, datetime | None]:
        """Send a mutation that returns an object; see `write`.

        Args:
            operation: its name in `documents.graphql`.
            read: reads the object.
            variables: its variables.
        """
        result = self.client.execute(DOCUMENTS[operation], variables)
        (node,) = result.data.values()
        return read(node), result.not_before

    def create(
        self, operation: str, read: Callable[[Node], T], **fields: object
    ) -> tuple[T, datetime | None]:
        """Send a mutation that creates an object; see `write_object`.

        Args:
            operation: its name in `documents.graphql`.
            read: reads the object.
            fields: the fields of its `input`. Those that are None or "" are not sent: Railway responds with
                504 to an empty region, and a null has a meaning.
        """
        sent = {name: value for name, value in fields.items() if value is not None and value != ""}
        return self.write_object(operation, read, input=sent)


def _at(data: Node, path: Sequence[str]) -> Any:
    """The part of a response at a path."""
    return reduce(operator.getitem, path, data)


@contextmanager
def _reading(operation: str) -> Generator[None]:
    """Turn the errors of reading a response into one that names the operation."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(
            operation,
            f"the response does not match the schema ({type(error).__name__}: {error})",
            fix="run `pulumi up` again; if the error persists, Railway has changed its API",
        ) from None
