"""A copy of what Railway has of a stack, for a rehearsal on the sandbox. It only reads.

The project that the adoption would find, and of its environment everything that an adoption looks at:
services with settings, limits and domains, volumes with their backups, triggers, the newest deployments. Of
variables the names are copied, not the values; of other projects and environments the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from firebase.errors import JsonObject
from railway.graphql.api import RailwayApi
from railway.graphql.credentials import Access
from railway.graphql.errors import NotAuthorizedError, NotFoundError
from railway.graphql.models import DeploymentView, InstanceView, Named, ProjectView, Snapshot, VolumeView
from railway.project import marker_text
from railway.provider import RailwayProvider
from railway.validation import is_railways
from settings.keys import NAMESPACE
from settings.model import KEYS
from settings.reader import is_placeholder, set_command
from user_errors import UserError, add_fix

NOT_COPIED = (
    "values of Railway variables: each variable has a placeholder, and a sealed one stays sealed",
    "files on volumes, the content of backups, images, logs and code",
    "objects of other Railway environments and projects (their names are copied)",
    "DNS records: a custom domain counts as verified if it is today",
)
"""What no rehearsal has of Railway."""

_NOT_SETTINGS = (
    "id",
    "serviceId",
    "serviceName",
    "deletedAt",
    "domains",
    "latestDeployment",
    "activeDeployments",
)


def read(access: Access, config: Callable[[str], object], stack_marker: str) -> tuple[JsonObject, list[str]]:
    """Copy the project of a stack.

    Args:
        access: Railway's address and the token.
        config: reads a key of the stack's config; None if it is not set.
        stack_marker: the marker of the stack, such as "whatsapp-crm/prod".

    Returns:
        The copy, and what could not be read, one line each.

    Raises:
        RailwayError: Railway could not be read.
        UserError: the config names a project that does not exist.

    Example:
        copy, denied = read(access_from(os.environ, config), config, "whatsapp-crm/prod")
    """
    base = RailwayProvider()
    base.use(access, config)
    return _Copying(base.railway.api, config, marker_text(stack_marker)).read()


class _Copying:
    def __init__(self, api: RailwayApi, config: Callable[[str], object], marker: str) -> None:
        self._api = api
        self._config = config
        self._marker = marker
        self._denied: list[str] = []

    def _setting(self, key: str) -> str:
        value = str(self._config(f"{NAMESPACE}:{key}") or "")
        return value if value and not is_placeholder(value) else str(KEYS[key].default or "")

    def read(self) -> tuple[JsonObject, list[str]]:
        workspaces = {one.id: one.name for one in self._workspaces()}
        wanted, configured = self._setting("railwayProjectId"), self._setting("railwayWorkspaceId")
        project = self._project(wanted) if wanted else None
        own = project.workspace_id if project else configured
        if not own and len(workspaces) == 1:
            own = next(iter(workspaces))
        if own:
            workspaces.setdefault(own, "workspace")
        projects = self._projects(own) if own else []
        if project is None:
            marked = [one.id for one, text in projects if self._marker in text]
            # With several, the adoption stops: their names are enough for that.
            project = self._api.project(marked[0]) if len(marked) == 1 else None
        others = [
            {"id": one.id, "name": one.name, "description": text, "workspaceId": own}
            for one, text in projects
            if project is None or one.id != project.id
        ]
        repository = self._setting("repo")
        copy: JsonObject = {
            "workspaces": workspaces,
            "projects": others,
            "repos": {repository: [self._setting("branch") or "main"]} if repository else {},
        }
        if project is not None:
            copy["project"] = _project(project)
            environment = self._environment(project)
            if environment is not None:
                copy["environment"] = self._content(project, environment)
        return copy, self._denied

    def _project(self, project_id: str) -> ProjectView:
        found = self._api.project(project_id)
        if found is None:
            what = f"the Railway project {project_id} does not exist, or the token has no access to it"
            raise UserError(add_fix(what, set_command("railwayProjectId", "<project id>")))
        return found

    def _workspaces(self) -> list[Named]:
        try:
            return [] if self._api.project_token else self._api.workspaces()
        except NotAuthorizedError:
            return []  # the workspace of the project is enough

    def _projects(self, workspace: str) -> list[tuple[Named, str]]:
        try:
            return [] if self._api.project_token else self._api.projects(workspace)
        except NotAuthorizedError:
            self._denied.append("names of the workspace's other Railway projects (no right to read)")
            return []

    def _environment(self, project: ProjectView) -> Named | None:
        """The configured environment, else the only one."""
        name = self._setting("railwayEnvironment")
        found = [one for one in project.environments if one.name == name]
        if not found and len(project.environments) == 1:
            found = list(project.environments)
        return found[0] if found else None

    def _content(self, project: ProjectView, environment: Named) -> JsonObject:
        view = self._api.snapshot(project.id, environment.id)
        if view.environment is None:
            return {"id": environment.id}
        if view.environment.config is None:
            self._denied.append(
                "the Railway environment's config: several regions and limits (no right to read)"
            )
        return {
            "id": environment.id,
            "instances": [self._instance(project.id, view, one) for one in view.environment.instances],
            "volumes": [self._volume(one) for one in view.volumes],
            "triggers": [
                {
                    "id": one.id,
                    "serviceId": one.service_id,
                    "repository": one.repository,
                    "branch": one.branch,
                    "checkSuites": one.check_suites,
                }
                for one in view.environment.triggers
            ],
            "variables": self._variables(project.id, environment.id, None),
        }

    def _instance(self, project_id: str, view: Snapshot, one: InstanceView) -> JsonObject:
        environment_id = view.environment.id if view.environment else ""
        config = view.config_of(one.service_id) or {}
        deploy: Mapping[str, Any] = config.get("deploy") or {}
        settings = {name: value for name, value in one.node.items() if name not in _NOT_SETTINGS}
        proxies = self._api.tcp_proxies(environment_id, one.service_id)
        deployments = {it.id: it for it in (*one.active, *([one.latest] if one.latest else []))}
        return {
            "id": one.node["id"],
            "serviceId": one.service_id,
            "settings": settings,
            "multiRegionConfig": deploy.get("multiRegionConfig"),
            "limits": self._limits(environment_id, one.service_id),
            "variables": self._variables(project_id, environment_id, one.service_id),
            "domains": [
                *(
                    {"id": it.id, "domain": it.domain, "targetPort": it.target_port}
                    for it in one.service_domains
                ),
                *(
                    {
                        "id": it.id,
                        "domain": it.domain,
                        "targetPort": it.target_port,
                        "custom": True,
                        "verified": it.verified,
                    }
                    for it in one.custom_domains
                ),
            ],
            "tcpProxies": [
                {
                    "id": it.id,
                    "applicationPort": it.application_port,
                    "domain": it.domain,
                    "proxyPort": it.proxy_port,
                }
                for it in proxies
            ],
            "deployments": [
                _deployment(it) for it in sorted(deployments.values(), key=lambda it: it.created_at)
            ],
        }

    def _limits(self, environment_id: str, service_id: str) -> JsonObject | None:
        try:
            return dict(self._api.limits(environment_id, service_id)) or None
        except (NotAuthorizedError, NotFoundError):
            self._denied.append(f"limits of the Railway service {service_id} (no right to read)")
            return None

    def _variables(self, project_id: str, environment_id: str, service_id: str | None) -> list[JsonObject]:
        """The names; a value is not even kept in memory."""
        try:
            found = self._api.variables(project_id, environment_id, service_id)
        except NotAuthorizedError:
            place = f"the Railway service {service_id}" if service_id else "the Railway environment"
            self._denied.append(f"names of the variables of {place} (no right to read)")
            return []
        return [
            {"name": name, "sealed": value is None} for name, value in found.items() if not is_railways(name)
        ]

    def _volume(self, one: VolumeView) -> JsonObject:
        kinds, backups = list[str](), list[JsonObject]()
        if not one.deleted:
            try:
                kinds = self._api.backup_kinds(one.instance_id)
                backups = [
                    {
                        "id": it.id,
                        "name": it.name,
                        "createdAt": it.created_at.isoformat(),
                        "expiresAt": it.expires_at.isoformat() if it.expires_at else None,
                        "usedMB": it.used_mb,
                    }
                    for it in self._api.backups(one.instance_id)
                ]
            except (NotAuthorizedError, NotFoundError):
                self._denied.append(f"backups of the Railway volume {one.label} (no right to read)")
        return {
            "id": one.instance_id,
            "volumeId": one.volume_id,
            "serviceId": one.service_id or None,
            "mountPath": one.mount_path,
            "region": one.region or None,
            "sizeMB": one.size_mb,
            "deleted": one.deleted,
            "backupKinds": kinds,
            "backups": backups,
        }


def _project(project: ProjectView) -> JsonObject:
    def named(objects: tuple[Named, ...]) -> list[JsonObject]:
        return [{"id": one.id, "name": one.name} for one in objects]

    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "workspaceId": project.workspace_id,
        "primaryEnvironmentId": project.primary_environment_id,
        "environments": named(project.environments),
        "services": named(project.services),
        "volumes": named(project.volumes),
    }


def _deployment(one: DeploymentView) -> JsonObject:
    return {
        "id": one.id,
        "status": one.status,
        "createdAt": one.created_at.isoformat(),
        "commit": one.commit,
        "reason": one.reason,
    }
