"""An environment of a project, identified in the project by its name.

An environment is deleted only when it is empty. The one that Railway created with the project is never
deleted: it is deleted with the project. An environment that was deleted in the dashboard is an error until
`allow_new_volume` is set, because its volume was deleted with it and can be restored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pulumi

from railway import other_environments
from railway.args import Props, ResourceArgs, switch
from railway.deleted_volume import volume_deleted_with
from railway.fields import column, fields_of, optional
from railway.graphql.errors import MissingError, RefusedError, remove_from_state
from railway.graphql.models import Named
from railway.provider import RailwayProvider, RailwayResource
from railway.validation import name_length
from railway.waiting import create_once


@dataclass(frozen=True, kw_only=True)
class EnvironmentArgs(ResourceArgs):
    """Inputs of an environment.

    Args:
        project_id: the project.
        environment_name: its name, at most 32 characters.
        allow_new_volume: create it again, with an empty volume, if it was deleted in the dashboard.
    """

    KEYS = ("allow_new_volume", "environment_name")

    project_id: pulumi.Input[str] = field(metadata=column(replace=True))
    environment_name: pulumi.Input[str] = optional(
        "production", required=True, default=None, rules=(name_length,)
    )
    allow_new_volume: pulumi.Input[bool] = switch()


class EnvironmentProvider(RailwayProvider):
    """Provider of `Environment`."""

    FIELDS = fields_of(EnvironmentArgs)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the environment by its name, or create it."""
        project_id, name = props["project_id"], props["environment_name"]
        with self.railway.lock(project_id):

            def find() -> Named | None:
                project = self.railway.project(project_id)
                if project is None:
                    raise MissingError(
                        f"the Railway project {project_id} is deleted",
                        fix="run `pulumi up --refresh --run-program`",
                    )
                return next((one for one in project.environments if one.name == name), None)

            def find_again() -> Named | None:
                self.railway.invalidate(project_id)
                return find()

            found = find()
            if found is None:
                found = create_once(
                    self.clock,
                    lambda: self.railway.api.create(
                        "EnvironmentCreate",
                        Named.of,
                        projectId=project_id,
                        name=name,
                        skipInitialDeploys=True,
                    )[0],
                    find_again,
                )
                self.railway.invalidate(project_id)
        return found.id, {}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live environment.

        Raises:
            MissingError: it was deleted, and `allow_new_volume` is not set.
        """
        environment = self.railway.environment(props["project_id"], id_).snapshot().environment
        if environment is not None:
            return {"environment_name": environment.name}
        if self.allows_new_volume(props):
            return None
        raise volume_deleted_with("environment", props.get("environment_name"), id_, props)

    def update_object(self, id_: str, _olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Rename the environment."""
        if "environment_name" in changed:
            with self.railway.lock(news["project_id"]):
                project = self.railway.project(news["project_id"])
                if project is not None:
                    other_environments.check_name_is_free(project, id_, news)
                fields = {"name": news["environment_name"]}
                self.railway.api.write("EnvironmentRename", id=id_, input=fields)
                self.railway.invalidate(news["project_id"])
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the environment, if it is empty and Railway did not create it with the project."""
        project_id = props["project_id"]
        with self.railway.lock(project_id):
            view = self.railway.environment(project_id, id_).refresh()
            if view.project is None or view.environment is None or view.project.primary_environment_id == id_:
                return
            volumes = [one for one in view.environment.volumes if not one.deleted]
            if view.environment.instances or volumes:
                raise RefusedError(
                    f"the Railway environment {view.environment.name} is not empty: it has "
                    f"{len(view.environment.instances)} services and {len(volumes)} volumes",
                    fix="delete them in Railway's dashboard if they are not needed. To keep the environment "
                    f"and only remove it from the state:\n{remove_from_state('environment')}",
                )
            with self.railway.deletion(project_id):
                self.railway.api.write("EnvironmentDelete", id=id_)


class Environment(RailwayResource[EnvironmentArgs], module="railway", name="Environment"):
    """A Railway environment; the id is Railway's.

    Example:
        railway.Environment("production", railway.EnvironmentArgs(project_id=project.id))
    """

    PROVIDER = EnvironmentProvider
