"""The project: made, adopted, renamed, deleted.

Which project is ours is said by its id in the state, by `adopt_project_id`, or by the stack's marker in
its description. Refuses to take a project of the same name that has neither: it may be somebody else's,
or the production that nobody has told us about. Refuses to adopt a project that has another stack's mark:
both would rename it, and switch its branch, at every `up`; and one that has services, and not the declared
environment: a new one would be without them. Refuses to delete a project that still has
services or volumes in it. Refuses to call one that was deleted by hand "gone", because its volume went with
it, and can be restored with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from railway.deleted_volume import lost_with, may_start_empty
from railway.environment import refuse_taken_name
from railway.errors import MissingError, NotFoundError, RefusedError
from railway.fields import Field, boolean, flag
from railway.graphql.credentials import TokenKind
from railway.graphql.models import ProjectView
from railway.provider import Props, RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class ProjectArgs:
    """Inputs of a project.

    Args:
        project_name: its name.
        stack_marker: written into its description, so that one whose creation got lost is found again.
        workspace_id: the workspace it is made in; None: the token must belong to exactly one.
        environment_name: the environment that Railway makes with it.
        service_name: the service that an adopted project must have, if it has any; None: any.
        adopt_project_id: the id of an existing project to take over instead of making one.
        allow_new_volume: make it again when it was deleted by hand, with an empty volume.
    """

    project_name: pulumi.Input[str]
    stack_marker: pulumi.Input[str]
    workspace_id: pulumi.Input[str] | None = None
    environment_name: pulumi.Input[str] = "production"
    service_name: pulumi.Input[str] | None = None
    adopt_project_id: pulumi.Input[str] | None = None
    allow_new_volume: pulumi.Input[bool] = False


class ProjectProvider(RailwayProvider):
    """Finds, makes, adopts, renames and deletes a project."""

    FIELDS = (
        Field(name="project_name", required=True),
        Field(name="stack_marker", required=True),
        Field(name="workspace_id", fixed="a project is moved to another workspace in Railway's dashboard"),
        Field(name="environment_name", default="production"),
        # Looked at when a project is adopted, and only then: `Service` makes again what a hand deletes later.
        Field(name="service_name"),
        Field(name="adopt_project_id"),
        Field(name="allow_new_volume", normal=flag, default=False, rules=(boolean,)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Adopt by id, find by marker, or make."""
        with self.railway.lock(""):
            wanted = props.get("adopt_project_id")
            project = self.adopted(props, wanted) if wanted else self._found_or_made(props)
            self._sync(project, props)
        return project.id, {"environment_id": _environment_id(project, props)}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live project; one that was deleted by hand is an error, not a blank: its volume went with
        it."""
        environment_id = props.get("environment_id")
        project = (
            self.railway.environment(id_, environment_id).snapshot().project
            if environment_id
            else self.railway.project(id_)
        )
        if project is None:
            if may_start_empty(props, self.access):
                return None
            adopted = bool(props.get("adopt_project_id"))
            raise lost_with("project", props.get("project_name"), id_, adopted=adopted)
        marked = self.is_marked(project, props)
        live = self.declared_only(props, {"workspace_id": project.workspace_id})
        return live | {
            "project_name": project.name,
            "stack_marker": props["stack_marker"] if marked else None,
            "environment_id": _environment_id(project, props, environment_id or ""),
        }

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Rename it, or mark it again."""
        if set(changed) <= {"allow_new_volume", "service_name"}:
            return {}
        adopt = news.get("adopt_project_id")
        if adopt and adopt != id_:
            raise RefusedError(
                f"this stack already has the Railway project {id_}; it cannot adopt {adopt} as well",
                fix=f"pulumi config set whatsapp-crm:railwayProjectId {id_}. For {adopt}, use another "
                "stack (pulumi stack init <name>)",
            )
        project = self._living(id_)
        known = str(olds.get("environment_id") or "")
        if "environment_name" in changed and known:
            # `Environment` renames it, and would refuse too; but much else may be changed by then.
            refuse_taken_name(project, known, news["environment_name"])
        if {"project_name", "stack_marker"} & set(changed):
            self._sync(project, news, before=str(olds.get("stack_marker") or ""))
        return {"environment_id": _environment_id(project, news, known)}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete it, if it is empty."""
        with self.railway.lock(id_):
            self.railway.invalidate(id_)
            project = self.railway.project(id_)
            if project is None:
                return
            left = [f"service {one.name}" for one in project.services]
            left += [f"volume {one.name}" for one in self._volumes_left(project, props)]
            if left:
                raise RefusedError(
                    f"the Railway project {project.name} ({id_}) still has {', '.join(left)}; deleting it "
                    "would delete them too",
                    fix="look in Railway's dashboard whether anybody needs them. To keep the project, "
                    "and only forget it: pulumi state delete <urn>",
                )
            try:
                self.railway.api.delete_project(id_)
            except NotFoundError:
                return
            finally:
                self.railway.invalidate(id_)

    def _volumes_left(self, project: ProjectView, props: Props) -> list[Any]:
        environment_id = props.get("environment_id")
        if not project.volumes or not environment_id:
            return list(project.volumes)
        view = self.railway.environment(project.id, environment_id).snapshot()
        leaving = (
            {one.volume_id for one in view.environment.volumes if one.deleted} if view.environment else set()
        )
        return [one for one in project.volumes if one.id not in leaving]

    def _living(self, project_id: str) -> ProjectView:
        project = self.railway.project(project_id)
        if project is None:
            raise MissingError(
                f"the Railway project {project_id} is deleted",
                fix="run `pulumi up --refresh`: it notices what was deleted by hand",
            )
        return project

    def adopted(self, props: Props, project_id: str) -> ProjectView:
        """The project that is to be taken over; reads only.

        Raises:
            RefusedError: there is none, it is in another workspace than the declared one, another stack's,
                without the declared environment, or without the declared service beside others.
        """
        project = self.railway.project(project_id)
        if project is None:
            raise RefusedError(
                f"there is no Railway project {project_id}",
                fix="copy the id from the project's settings: pulumi config set "
                "whatsapp-crm:railwayProjectId <id>; to have a new project made: pulumi config rm "
                "whatsapp-crm:railwayProjectId",
            )
        workspace = props.get("workspace_id")
        if workspace and project.workspace_id and project.workspace_id != workspace:
            raise RefusedError(
                f"the Railway project {project_id} belongs to workspace {project.workspace_id}, not to "
                f"{workspace}",
                fix="correct whatsapp-crm:railwayProjectId or whatsapp-crm:railwayWorkspaceId",
            )
        _refuse_another_stacks(project, props["stack_marker"])
        _refuse_no_environment(project, props, self.access.kind)
        _refuse_no_service(project, props.get("service_name"))
        return project

    def _found_or_made(self, props: Props) -> ProjectView:
        api = self.railway.api
        if self.access.kind == "project":
            raise RefusedError(
                "RAILWAY_TOKEN is a project token, and no project token may look for projects or make one",
                fix="use an account or workspace token in RAILWAY_API_TOKEN, or name the project: "
                "pulumi config set whatsapp-crm:railwayProjectId <id>",
            )
        workspace = props.get("workspace_id") or self._only_workspace()
        name, mark = props["project_name"], mark_of(props["stack_marker"])

        def find() -> ProjectView | None:
            ours = [one for one, description in api.projects(workspace) if mark in description]
            if len(ours) > 1:
                raise RefusedError(
                    f"{len(ours)} Railway projects carry the mark {mark}: "
                    f"{', '.join(one.id for one in ours)}",
                    fix="say which one: pulumi config set whatsapp-crm:railwayProjectId <id>",
                )
            return self.railway.project(ours[0].id) if ours else None

        projects = api.projects(workspace)
        if any(mark in description for _, description in projects):
            found = find()
            if found is not None:
                return found
        foreign = {one.id: _MARKS.findall(description) for one, description in projects if one.name == name}
        if foreign:
            raise _foreign(workspace, name, foreign)

        def make() -> ProjectView:
            made = api.create_project(
                name=name,
                workspaceId=workspace,
                description=f"Managed by Pulumi. {mark}",
                defaultEnvironmentName=props.get("environment_name") or "production",
            )
            self.railway.seed(made, _environment_id(made, props))
            return made

        return self.create_once(make, find)

    def _only_workspace(self) -> str:
        workspaces = self.railway.api.workspaces()
        if len(workspaces) == 1:
            return workspaces[0].id
        seen = ", ".join(f"{one.name} ({one.id})" for one in workspaces) or "none"
        raise RefusedError(
            f"in which workspace should the project be? The token sees: {seen}",
            fix="pulumi config set whatsapp-crm:railwayWorkspaceId <id>",
        )

    def is_marked(self, project: ProjectView, props: Props) -> bool:
        """Whether a project has this stack's mark, or need not have it."""
        # A project token may not write the description, and knows its one project without it.
        return self.access.kind == "project" or mark_of(props["stack_marker"]) in project.description

    def _sync(self, project: ProjectView, props: Props, *, before: str = "") -> None:
        """Bring name and mark to what is declared. `before`: the mark of this stack until now."""
        fields = dict[str, str]()
        if project.name != props["project_name"]:
            fields["name"] = props["project_name"]
        description = project.description
        old = mark_of(before)
        if before != props["stack_marker"] and old in description and self.access.kind != "project":
            # `pulumi stack rename`: the next stack of the old name must not take this project for its own.
            description = description.replace(old, "").strip()
        if not self.is_marked(project, props):
            # Appended: what a person wrote there stays.
            description = f"{description}\n{mark_of(props['stack_marker'])}".strip()
        if description != project.description:
            fields["description"] = description
        if fields:
            with self.railway.lock(project.id):
                self.railway.api.update_project(project.id, **fields)
                self.railway.invalidate(project.id)


class Project(dynamic.Resource, module="railway", name="Project"):
    """A Railway project; its id is Railway's. `environment_id` is "" while the environment is not there."""

    project_name: pulumi.Output[str]
    environment_id: pulumi.Output[str]

    def __init__(self, name: str, args: ProjectArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(ProjectProvider(), name, inputs_of(args, "environment_id"), opts)


_MARKS = re.compile(r"\[pulumi:([^\]]+)\]")


def _foreign(workspace: str, name: str, foreign: Mapping[str, Sequence[str]]) -> RefusedError:
    """Projects of the declared name that are not ours, each with the stacks whose marks it has."""
    shown = [
        f"{id_} (of the Pulumi stack {' and '.join(marks)})" if marks else id_
        for id_, marks in foreign.items()
    ]
    free = [id_ for id_, marks in foreign.items() if not marks]
    take = f"to take it over: pulumi config set whatsapp-crm:railwayProjectId {free[0]}; " if free else ""
    return RefusedError(
        f"workspace {workspace} already has a Railway project named {name} that this stack did not make: "
        f"{', '.join(shown)}",
        fix=f"{take}to make another, choose another name: pulumi config set "
        "whatsapp-crm:railwayProjectName <name>",
    )


def _refuse_another_stacks(project: ProjectView, stack_marker: str) -> None:
    marks = _MARKS.findall(project.description)
    if not marks or stack_marker in marks:
        return
    others = " and ".join(marks)
    raise RefusedError(
        f"the Railway project {project.name} ({project.id}) belongs to the Pulumi stack {others}; this stack "
        f"is {stack_marker}, and two stacks would undo each other's work",
        fix="correct whatsapp-crm:railwayProjectId of this stack. If that stack is gone, or was "
        f"renamed to this one: take {' and '.join(mark_of(one) for one in marks)} out of the project's "
        "description in Railway's dashboard (project, Settings, General), then run `pulumi up` again",
    )


def _refuse_no_service(project: ProjectView, name: str | None) -> None:
    """The running backend is likely one of those that are there, under another name."""
    there = [one.name for one in project.services]
    if not there or name is None or name in there:
        return
    which = there[0] if len(there) == 1 else "<name>"
    raise RefusedError(
        f"the Railway project {project.name} ({project.id}) has no service named {name}, but "
        f"{', '.join(there)}. A new one would run beside, with a new and empty volume",
        fix="say which of them is the backend: pulumi config set "
        f"whatsapp-crm:railwayServiceName {which}. If none of them is: make an empty service named {name} in "
        "Railway's dashboard, then run `pulumi up` again: it is taken over",
    )


def _refuse_no_environment(project: ProjectView, props: Props, kind: TokenKind) -> None:
    name = props.get("environment_name") or "production"
    if any(one.name == name for one in project.environments):
        return
    there = ", ".join(one.name for one in project.environments)
    if kind == "project":
        # It sees its own environment only, and may make none.
        raise RefusedError(
            f"RAILWAY_TOKEN is a project token of the environment {there}, and sees no environment {name} in "
            f"the Railway project {project.name} ({project.id})",
            fix=f"take a project token of {name} (project settings on Railway, Tokens); or correct "
            "whatsapp-crm:railwayEnvironment; or unset RAILWAY_TOKEN, and set RAILWAY_API_TOKEN to an "
            "account token or to a token of the project's workspace",
        )
    if not project.services:
        return
    several = "s" if len(project.services) > 1 else ""
    services = ", ".join(f"{one.name} ({one.id})" for one in project.services)
    raise RefusedError(
        f"the Railway project has no environment {name}, but {there}. A new one would be empty, and "
        f"Railway's API cannot put the service{several} {services} there",
        fix="correct whatsapp-crm:railwayEnvironment; or duplicate an environment that has the "
        f"service{several} in Railway's dashboard, under the name {name}",
    )


def mark_of(stack_marker: str) -> str:
    """What this stack writes into its project's description."""
    # In brackets, so that the mark of "crm/prod" is not found in that of "crm/prod-2".
    return f"[pulumi:{stack_marker}]"


def _environment_id(project: ProjectView, props: Props, known: str = "") -> str:
    # One that was ours stays so under another name: `Environment` renames it, or a person did.
    if any(one.id == known for one in project.environments):
        return known
    name = props.get("environment_name") or "production"
    return next((one.id for one in project.environments if one.name == name), "")
