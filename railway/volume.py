"""The volume of a service."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class VolumeArgs:
    """Inputs of a volume."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]

    volume_name: pulumi.Input[str]
    mount_path: pulumi.Input[str]
    size_mb: pulumi.Input[int]
    region: pulumi.Input[str] | None = None
    allow_delete: pulumi.Input[bool] = False
    allow_new_volume: pulumi.Input[bool] = False


class VolumeProvider(RailwayProvider):
    """CRUD of Volume."""


class Volume(dynamic.Resource, module="railway", name="Volume"):
    """The volume of a service."""

    volume_instance_id: pulumi.Output[str]
    revision: pulumi.Output[str]

    def __init__(self, name: str, args: VolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(VolumeProvider(), name, inputs_of(args, "volume_instance_id", "revision"), opts)
