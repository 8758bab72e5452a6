"""When Railway backs a volume up. Needs nothing but the volume, and no deployment.

Refuses an unknown kind. Deleting the resource ends the backups to come; those that were made stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from railway.errors import MissingError, NotFoundError
from railway.fields import Field, one_of, text_set
from railway.provider import Props, RailwayProvider, inputs_of
from railway.validation import BACKUP_KINDS


@dataclass(frozen=True, kw_only=True)
class VolumeBackupScheduleArgs:
    """Inputs of a schedule.

    Args:
        project_id: the project.
        environment_id: the environment.
        volume_id: the volume.
        kinds: any of DAILY (kept 6 days), WEEKLY (1 month), MONTHLY (3 months).
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    volume_id: pulumi.Input[str]
    kinds: Sequence[pulumi.Input[str]]


class VolumeBackupScheduleProvider(RailwayProvider):
    """Sets and reads a schedule."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        Field(name="volume_id", required=True, replace=True),
        Field(name="kinds", normal=text_set, required=True, rules=(one_of(*BACKUP_KINDS),)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Set it."""
        instance_id = self._instance_id(props)
        if instance_id is None:
            raise MissingError(
                f"the volume {props['volume_id']} is not there", fix="run `pulumi up --refresh`"
            )
        with self.environment(props).lock:
            self.railway.api.set_backup_kinds(instance_id, props["kinds"])
        return instance_id, {}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live schedule; none at all is a schedule of nothing, which is drift."""
        if self._instance_id(props) != id_:
            return None
        return {"kinds": self.railway.api.backup_kinds(id_) or None}

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Set it again."""
        del olds, changed
        with self.environment(news).lock:
            self.railway.api.set_backup_kinds(id_, news["kinds"])
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """End it."""
        with self.environment(props).lock:
            try:
                self.railway.api.set_backup_kinds(id_, [])
            except NotFoundError:
                return

    def _instance_id(self, props: Props) -> str | None:
        volume = self.environment(props).snapshot().volume(props["volume_id"])
        return None if volume is None or volume.deleted else volume.instance_id


class VolumeBackupSchedule(dynamic.Resource, module="railway", name="VolumeBackupSchedule"):
    """A volume's backup schedule; its id is that of the volume's instance."""

    kinds: pulumi.Output[Sequence[str]]

    def __init__(
        self, name: str, args: VolumeBackupScheduleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(VolumeBackupScheduleProvider(), name, inputs_of(args), opts)
