"""When Railway backs the volume up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class VolumeBackupScheduleArgs:
    """Inputs."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    volume_id: pulumi.Input[str]
    kinds: Sequence[pulumi.Input[str]]


class VolumeBackupScheduleProvider(RailwayProvider):
    """CRUD of VolumeBackupSchedule."""


class VolumeBackupSchedule(dynamic.Resource, module="railway", name="VolumeBackupSchedule"):
    """When Railway backs the volume up."""

    volume_instance_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: VolumeBackupScheduleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(VolumeBackupScheduleProvider(), name, inputs_of(args, "volume_instance_id"), opts)
