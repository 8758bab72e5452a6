"""An environment of the project. Inside the declared project the declared name is the object.

Refuses to delete the environment that Railway made with the project: it goes with the project. Refuses to
delete one that still has services or volumes in it. Refuses to rename it to what another is named: Railway
lets two have one name, and nobody could tell which of them is ours. Refuses to call one that was deleted by
hand "gone": its volume went with it, and can be restored with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from railway.deleted_volume import lost_with, may_start_empty
from railway.errors import MissingError, NotFoundError, RefusedError
from railway.fields import Field, boolean, flag
from railway.graphql.models import Named, ProjectView
from railway.provider import Props, RailwayProvider, inputs_of
from railway.validation import name_length


@dataclass(frozen=True, kw_only=True)
class EnvironmentArgs:
    """Inputs of an environment.

    Args:
        project_id: the project.
        environment_name: its name, 32 characters at most.
        allow_new_volume: make it again when it was deleted by hand, with an empty volume.
    """

    project_id: pulumi.Input[str]
    environment_name: pulumi.Input[str] = "production"
    allow_new_volume: pulumi.Input[bool] = False


class EnvironmentProvider(RailwayProvider):
    """Finds, makes, renames and deletes an environment."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_name", required=True, rules=(name_length,)),
        Field(name="allow_new_volume", normal=flag, default=False, rules=(boolean,)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find by name, or make."""
        project_id, name = props["project_id"], props["environment_name"]
        with self.railway.lock(project_id):

            def find() -> Named | None:
                project = self.railway.project(project_id)
                if project is None:
                    raise MissingError(
                        f"the Railway project {project_id} is deleted", fix="run `pulumi up --refresh`"
                    )
                return next((one for one in project.environments if one.name == name), None)

            def look_again() -> Named | None:
                self.railway.invalidate(project_id)
                return find()

            found = find()
            if found is None:
                found = self.create_once(
                    lambda: self.railway.api.create_environment(project_id, name), look_again
                )
                self.railway.invalidate(project_id)
        return found.id, {}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live environment; one that was deleted by hand is an error, not a blank: its volume went with
        it."""
        environment = self.railway.environment(props["project_id"], id_).snapshot().environment
        if environment is not None:
            return {"environment_name": environment.name}
        if may_start_empty(props, self.access):
            return None
        raise lost_with("environment", props.get("environment_name"), id_)

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Rename it."""
        del olds
        if "environment_name" in changed:
            with self.railway.lock(news["project_id"]):
                project = self.railway.project(news["project_id"])
                if project is not None:
                    refuse_taken_name(project, id_, news["environment_name"])
                self.railway.api.rename_environment(id_, news["environment_name"])
                self.railway.invalidate(news["project_id"])
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete it, if it is empty and not the project's own."""
        project_id = props["project_id"]
        with self.railway.lock(project_id):
            view = self.railway.environment(project_id, id_).refresh()
            if view.project is None or view.environment is None or view.project.primary_environment_id == id_:
                return
            volumes = [one for one in view.environment.volumes if not one.deleted]
            if view.environment.instances or volumes:
                raise RefusedError(
                    f"the Railway environment {view.environment.name} still has "
                    f"{len(view.environment.instances)} services and {len(volumes)} volumes in it",
                    fix="look in Railway's dashboard whether anybody needs them. To keep it, and "
                    "only forget it: pulumi state delete <urn>",
                )
            try:
                self.railway.api.delete_environment(id_)
            except NotFoundError:
                return
            finally:
                self.railway.invalidate(project_id)


class Environment(dynamic.Resource, module="railway", name="Environment"):
    """A Railway environment; its id is Railway's."""

    project_id: pulumi.Output[str]
    environment_name: pulumi.Output[str]

    def __init__(self, name: str, args: EnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(EnvironmentProvider(), name, inputs_of(args), opts)


def refuse_taken_name(project: ProjectView, environment_id: str, name: str) -> None:
    """Refuse to give an environment the name of another.

    Raises:
        RefusedError: another has it.
    """
    taken = next((one for one in project.environments if one.name == name and one.id != environment_id), None)
    if taken is None:
        return
    ours = next((one.name for one in project.environments if one.id == environment_id), environment_id)
    raise RefusedError(
        f"this stack's Railway environment is {ours} ({environment_id}); it cannot be named {name}, because "
        f"another environment of the project ({taken.id}) has that name",
        fix=f"pulumi config set whatsapp-crm:railwayEnvironment {ours}. A stack stays with its "
        f"environment: for {name}, use another stack (pulumi stack init <name>)",
    )
