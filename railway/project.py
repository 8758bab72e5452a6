"""The project: created, adopted, renamed, deleted.

A project belongs to the stack if its id is in the state, is declared as `adopt_project_id`, or if its
description has the stack's marker. A project that only has the declared name is not adopted: it may belong to
another owner. Neither is one with the marker of another stack, because two stacks would overwrite each
other's changes; nor one that has services but not the declared environment or service, because production
probably runs there under another name.

A project is deleted only when it is empty. One that was deleted in the dashboard is an error until
`allow_new_volume` is set, because its volumes were deleted with it and can be restored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult

from railway import other_environments
from railway.args import Props, ResourceArgs, how_to_set, how_to_unset, key_or_property, switch
from railway.deleted_volume import volume_deleted_with
from railway.fields import fields_of, optional
from railway.graphql.credentials import TokenKind
from railway.graphql.errors import MissingError, RailwayError, RefusedError, remove_from_state
from railway.graphql.models import Named, ProjectView
from railway.provider import RailwayProvider, RailwayResource, non_null
from railway.waiting import create_once
from user_errors import OR, add_fix


def _fixed_workspace(declared: Props, before: object) -> str:
    return add_fix(
        "Railway's API cannot move a project to another workspace",
        f"{how_to_set(declared, 'workspace_id', before)}\n"
        f"{OR}move the project in Railway's dashboard, then run `pulumi up --refresh --run-program`",
    )


@dataclass(frozen=True, kw_only=True)
class ProjectArgs(ResourceArgs):
    """Inputs of a project.

    Args:
        project_name: its name.
        stack_marker: written to its description, to find it again if the response to its creation was lost;
            for example "<Pulumi project>/<stack>".
        workspace_id: the workspace to create it in. None: the token must have exactly one.
        environment_name: the environment that Railway creates with it.
        service_name: a service that an adopted project must have, if it has any. None: not checked. It is not
            checked later: `Service` creates a deleted service again.
        adopt_project_id: the id of an existing project to adopt instead of creating one.
        allow_new_volume: create it again, with an empty volume, if it was deleted in the dashboard.
    """

    KEYS = (
        "adopt_project_id",
        "allow_new_volume",
        "environment_name",
        "project_name",
        "service_name",
        "workspace_id",
    )

    project_name: pulumi.Input[str]
    stack_marker: pulumi.Input[str]
    workspace_id: pulumi.Input[str] | None = optional(fixed=_fixed_workspace)
    environment_name: pulumi.Input[str] = "production"
    service_name: pulumi.Input[str] | None = None
    adopt_project_id: pulumi.Input[str] | None = None
    allow_new_volume: pulumi.Input[bool] = switch()


class ProjectProvider(RailwayProvider):
    """Provider of `Project`."""

    FIELDS = fields_of(ProjectArgs)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Adopt the project by its id, find it by its marker, or create it."""
        with self.railway.lock(""):
            adopted = props.get("adopt_project_id")
            project = self.adopted(props, adopted) if adopted else self._find_or_create(props)
            self._sync(project, props)
        return project.id, {"environment_id": _environment_id(project, props)}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live project.

        Raises:
            MissingError: it was deleted, and `allow_new_volume` is not set.
        """
        environment_id = props.get("environment_id")
        project = (
            self.railway.environment(id_, environment_id).snapshot().project
            if environment_id
            else self.railway.project(id_)
        )
        if project is None:
            if self.allows_new_volume(props):
                return None
            raise volume_deleted_with("project", props.get("project_name"), id_, props)
        marked = self.is_marked(project, props)
        live = self.declared_only(props, {"workspace_id": project.workspace_id})
        return live | {
            "project_name": project.name,
            "stack_marker": props["stack_marker"] if marked else None,
            "environment_id": _environment_id(project, props, environment_id or ""),
        }

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Update the name and the marker."""
        if set(changed) <= {"allow_new_volume", "service_name"}:
            return {}
        adopt = news.get("adopt_project_id")
        if adopt and adopt != id_:
            raise RefusedError(
                f"this stack already has the Railway project {id_}; it cannot adopt {adopt} as well",
                fix=f"{how_to_set(news, 'adopt_project_id', id_)}\n"
                f"To manage {adopt}, use another stack:\n"
                "pulumi stack init <name>",
            )
        project = self.railway.project(id_)
        if project is None:
            raise MissingError(
                f"the Railway project {id_} is deleted",
                fix="run `pulumi up --refresh --run-program`: it detects what was deleted in the dashboard",
            )
        known = str(olds.get("environment_id") or "")
        if "environment_name" in changed and known:
            # `Environment` renames it and checks this too, but other writes would come before that.
            other_environments.check_name_is_free(project, known, news)
        if {"project_name", "stack_marker"} & set(changed):
            self._sync(project, news, old_marker=str(olds.get("stack_marker") or ""))
        return {"environment_id": _environment_id(project, news, known)}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the project, if it is empty."""
        with self.railway.lock(id_):
            self.railway.invalidate(id_)
            project = self.railway.project(id_)
            if project is None:
                return
            left = [f"service {one.name}" for one in project.services]
            left += [f"volume {one.name}" for one in self._volumes(project, props)]
            if left:
                raise RefusedError(
                    f"the Railway project {project.name} ({id_}) is not empty: it has {', '.join(left)}, "
                    "which would be deleted with it",
                    fix="delete them in Railway's dashboard if they are not needed. To keep the project and "
                    f"only remove it from the state:\n{remove_from_state('project')}",
                )
            with self.railway.deletion(id_):
                self.railway.api.write("ProjectDelete", id=id_)

    def _volumes(self, project: ProjectView, props: Props) -> list[Any]:
        """The volumes that are not deleted."""
        environment_id = props.get("environment_id")
        if not project.volumes or not environment_id:
            return list(project.volumes)
        view = self.railway.environment(project.id, environment_id).snapshot()
        deleted = {one.volume_id for one in view.volumes if one.deleted}
        return [one for one in project.volumes if one.id not in deleted]

    def adopted(self, props: Props, project_id: str) -> ProjectView:
        """The project to adopt; only reads.

        Raises:
            RefusedError: it does not exist, is in another workspace than declared, belongs to another stack,
                or has services but not the declared environment or service.
        """
        project = self.railway.project(project_id)
        if project is None:
            raise RefusedError(
                f"the Railway project {project_id} does not exist",
                fix="copy the id from the project's settings on Railway:\n"
                f"{how_to_set(props, 'adopt_project_id', '<project id>')}\n"
                "To create a project instead:\n"
                f"{how_to_unset(props, 'adopt_project_id')}",
            )
        workspace = props.get("workspace_id")
        if workspace and project.workspace_id and project.workspace_id != workspace:
            raise RefusedError(
                f"the Railway project {project_id} is in the workspace {project.workspace_id}, not in "
                f"{workspace}",
                fix=f"correct {key_or_property(props, 'adopt_project_id')} or "
                f"{key_or_property(props, 'workspace_id')}",
            )
        _check_marker(project, props)
        _check_environment(project, props, self.access.kind)
        _check_service(project, props)
        return project

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate the inputs. For a project that is not in the state yet, also look for one of its name.

        So the preview reports what `create_object` rejects. Any other error is left to `create_object`.
        """
        result = super().check(_olds, news)
        props = result.inputs
        known = all(isinstance(props.get(name), str) for name in ("project_name", "stack_marker"))
        if non_null(_olds) or result.failures or props.get("adopt_project_id") or not known:
            return result
        try:
            workspace = self._workspace(props)
            projects = self.railway.api.projects(workspace)
            self.railway.store_projects(workspace, projects)
            self._check_name(workspace, projects, props)
        except RefusedError as error:
            return CheckResult(props, [CheckFailure("", str(error))])
        except RailwayError:
            pass
        return result

    def _workspace(self, props: Props) -> str:
        if self.access.kind == "project":
            raise RefusedError(
                "RAILWAY_TOKEN is a project token, which can neither find projects nor create one",
                fix="use an account or workspace token in RAILWAY_API_TOKEN\n"
                f"{OR}{how_to_set(props, 'adopt_project_id', '<project id>')}  # adopts a project",
            )
        return str(props.get("workspace_id") or self._only_workspace(props))

    def _check_name(self, workspace: str, projects: Sequence[tuple[Named, str]], props: Props) -> bool:
        """Return whether one of the projects has the stack's marker.

        Raises:
            RefusedError: none has it, and there is one of the declared name.
        """
        marker = marker_text(props["stack_marker"])
        if any(marker in description for _, description in projects):
            return True
        same_name = {
            one.id: _MARKERS.findall(text) for one, text in projects if one.name == props["project_name"]
        }
        if same_name:
            raise _name_in_use(workspace, same_name, props)
        return False

    def _find_or_create(self, props: Props) -> ProjectView:
        api = self.railway.api
        workspace = self._workspace(props)
        name, marker = props["project_name"], marker_text(props["stack_marker"])

        def find() -> ProjectView | None:
            marked = [one for one, description in api.projects(workspace) if marker in description]
            if len(marked) > 1:
                raise RefusedError(
                    f"{len(marked)} Railway projects have the marker {marker}: "
                    f"{', '.join(one.id for one in marked)}",
                    fix=f"choose one of them:\n{how_to_set(props, 'adopt_project_id', '<project id>')}",
                )
            return self.railway.project(marked[0].id) if marked else None

        stored = self.railway.take_projects(workspace)
        projects = api.projects(workspace) if stored is None else stored
        if self._check_name(workspace, projects, props):
            found = find()
            if found is not None:
                return found

        def create() -> ProjectView:
            created, _ = api.create(
                "ProjectCreate",
                ProjectView.of,
                name=name,
                workspaceId=workspace,
                description=f"Managed by Pulumi. {marker}",
                defaultEnvironmentName=props.get("environment_name") or "production",
            )
            if created is None:
                raise MissingError(
                    "Railway request ProjectCreate: the new project is already deleted",
                    fix="run `pulumi up` again",
                )
            self.railway.seed(created, _environment_id(created, props))
            return created

        return create_once(self.clock, create, find)

    def _only_workspace(self, props: Props) -> str:
        workspaces = self.railway.api.workspaces()
        if len(workspaces) == 1:
            return workspaces[0].id
        found = ", ".join(f"{one.name} ({one.id})" for one in workspaces) or "none"
        raise RefusedError(
            "the workspace for the Railway project is not declared, and the token has several or none: "
            f"{found}",
            fix=how_to_set(props, "workspace_id", "<workspace id>"),
        )

    def is_marked(self, project: ProjectView, props: Props) -> bool:
        """Whether a project has this stack's marker, or does not need it."""
        # A project token cannot write the description, and has only one project.
        return self.access.kind == "project" or marker_text(props["stack_marker"]) in project.description

    def _sync(self, project: ProjectView, props: Props, *, old_marker: str = "") -> None:
        """Update the name and the marker. `old_marker`: the stack's marker until now."""
        fields = dict[str, str]()
        if project.name != props["project_name"]:
            fields["name"] = props["project_name"]
        description = project.description
        old = marker_text(old_marker)
        if old_marker != props["stack_marker"] and old in description and self.access.kind != "project":
            # After `pulumi stack rename`, another stack of the old name must not find this project.
            description = description.replace(old, "").strip()
        if not self.is_marked(project, props):
            # Appended: the rest of the description is kept.
            description = f"{description}\n{marker_text(props['stack_marker'])}".strip()
        if description != project.description:
            fields["description"] = description
        if fields:
            with self.railway.lock(project.id):
                self.railway.api.write("ProjectUpdate", id=project.id, input=fields)
                self.railway.invalidate(project.id)


class Project(RailwayResource[ProjectArgs], module="railway", name="Project"):
    """A Railway project; the id is Railway's.

    `environment_id` is the id of the declared environment, "" if it does not exist.

    Example:
        railway.Project("shop", railway.ProjectArgs(project_name="shop", stack_marker="shop/production"))
    """

    PROVIDER = ProjectProvider
    environment_id: pulumi.Output[str]


_MARKERS = re.compile(r"\[pulumi:([^\]]+)\]")


def marker_text(stack_marker: str) -> str:
    """The marker as it is written to the description of a project."""
    # In brackets, so that the marker of "shop/prod" is not found in that of "shop/prod-2".
    return f"[pulumi:{stack_marker}]"


def _name_in_use(workspace: str, same_name: Mapping[str, Sequence[str]], props: Props) -> RefusedError:
    """The error for other projects of the declared name.

    Args:
        workspace: the workspace.
        same_name: project id -> the stacks whose markers it has.
        props: the properties of the resource.
    """
    shown = [
        f"{id_} (of the Pulumi stack {' and '.join(stacks)})" if stacks else id_
        for id_, stacks in same_name.items()
    ]
    free = [id_ for id_, stacks in same_name.items() if not stacks]
    adopt = f"to adopt it:\n{how_to_set(props, 'adopt_project_id', free[0])}\n" if free else ""
    return RefusedError(
        f"the workspace {workspace} already has a Railway project named {props['project_name']} that this "
        f"stack did not create: {', '.join(shown)}",
        fix=f"{adopt}To create another project, choose another name:\n"
        f"{how_to_set(props, 'project_name', '<name>')}",
    )


def _check_marker(project: ProjectView, props: Props) -> None:
    stacks = _MARKERS.findall(project.description)
    if not stacks or props["stack_marker"] in stacks:
        return
    raise RefusedError(
        f"the Railway project {project.name} ({project.id}) belongs to the Pulumi stack "
        f"{' and '.join(stacks)}; this stack is {props['stack_marker']}, and two stacks would overwrite "
        "each other's changes",
        fix=f"correct {key_or_property(props, 'adopt_project_id')} of this stack. If that stack no longer "
        f"exists, or was renamed to this one, remove {' and '.join(marker_text(one) for one in stacks)} "
        "from the project's description in Railway's dashboard (project, Settings, General), then run "
        "`pulumi up` again",
    )


def _check_service(project: ProjectView, props: Props) -> None:
    """Production probably runs in one of the existing services, under another name."""
    name = props.get("service_name")
    existing = [one.name for one in project.services]
    if not existing or name is None or name in existing:
        return
    which = existing[0] if len(existing) == 1 else "<name>"
    raise RefusedError(
        f"the Railway project {project.name} ({project.id}) has no service named {name} "
        f"(existing: {', '.join(existing)}). A new service would have a new and empty volume",
        fix=f"name the service to adopt:\n{how_to_set(props, 'service_name', which)}\n"
        f"To create a new one instead, create an empty service named {name} in Railway's dashboard, then "
        "run `pulumi up` again: it adopts the service.",
    )


def _check_environment(project: ProjectView, props: Props, kind: TokenKind) -> None:
    name = props.get("environment_name") or "production"
    if any(one.name == name for one in project.environments):
        return
    existing = ", ".join(one.name for one in project.environments)
    key = key_or_property(props, "environment_name")
    if kind == "project":
        # Such a token can read only its own environment, and cannot create one.
        raise RefusedError(
            f"RAILWAY_TOKEN is a project token of the environment {existing}, and cannot read an environment "
            f"{name} in the Railway project {project.name} ({project.id})",
            fix=f"use a project token of {name} (project settings on Railway, Tokens), or correct {key}\n"
            f"{OR}unset RAILWAY_TOKEN && export RAILWAY_API_TOKEN=<account or workspace token>",
        )
    if not project.services:
        return
    several = "s" if len(project.services) > 1 else ""
    services = ", ".join(f"{one.name} ({one.id})" for one in project.services)
    raise RefusedError(
        f"the Railway project has no environment {name} (existing: {existing}). A new one would be empty, "
        f"and Railway's API cannot add the service{several} {services} to it",
        fix=f"correct {key}\n"
        f"{OR}in Railway's dashboard, duplicate an environment that has the service{several}, and name the "
        f"copy {name}",
    )


def _environment_id(project: ProjectView, props: Props, known: str = "") -> str:
    # The recorded environment is kept when it has another name: `Environment` renames it.
    if any(one.id == known for one in project.environments):
        return known
    name = props.get("environment_name") or "production"
    return next((one.id for one in project.environments if one.name == name), "")
