"""The Railway project."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class ProjectArgs:
    """Inputs of a project."""

    project_name: pulumi.Input[str]
    stack_marker: str
    workspace_id: pulumi.Input[str] | None = None
    environment_name: pulumi.Input[str] = "production"
    adopt_project_id: pulumi.Input[str] | None = None


class ProjectProvider(RailwayProvider):
    """CRUD of Project."""


class Project(dynamic.Resource, module="railway", name="Project"):
    """The Railway project."""

    environment_id: pulumi.Output[str]

    def __init__(self, name: str, args: ProjectArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(ProjectProvider(), name, inputs_of(args, "environment_id"), opts)
