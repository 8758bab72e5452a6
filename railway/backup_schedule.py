"""The backup schedule of a volume. It requires no deployment; deleting it keeps the existing backups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from railway.args import EnvironmentScopeArgs, Props
from railway.fields import column, fields_of, text_set
from railway.graphql.errors import MissingError
from railway.provider import RailwayProvider, RailwayResource
from railway.validation import BACKUP_KINDS, one_of


@dataclass(frozen=True, kw_only=True)
class VolumeBackupScheduleArgs(EnvironmentScopeArgs):
    """Inputs of a backup schedule.

    Args:
        volume_id: the volume.
        kinds: DAILY (kept for 6 days), WEEKLY (1 month), MONTHLY (3 months), or several of them.
    """

    volume_id: pulumi.Input[str] = field(metadata=column(replace=True))
    kinds: Sequence[pulumi.Input[str]] = field(
        metadata=column(normal=text_set, rules=(one_of(*BACKUP_KINDS),))
    )


class VolumeBackupScheduleProvider(RailwayProvider):
    """Provider of `VolumeBackupSchedule`."""

    FIELDS = fields_of(VolumeBackupScheduleArgs)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Write the schedule."""
        instance_id = self._instance_id(props)
        if instance_id is None:
            raise MissingError(
                f"the volume {props['volume_id']} does not exist",
                fix="run `pulumi up --refresh --run-program`",
            )
        self._write(instance_id, props, props["kinds"])
        return instance_id, {}

    def find_object(self, props: Props) -> str | None:
        """The volume's schedule; an empty one does not exist."""
        instance_id = self._instance_id(props)
        return instance_id if instance_id and self.railway.api.backup_kinds(instance_id) else None

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live schedule; an empty one is drift."""
        if self._instance_id(props) != id_:
            return None
        return {"kinds": self.railway.api.backup_kinds(id_) or None}

    def update_object(self, id_: str, _olds: Props, news: Props, _changed: tuple[str, ...]) -> dict[str, Any]:
        """Write the schedule."""
        self._write(id_, news, news["kinds"])
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Write an empty schedule."""
        self.environment(props).delete("BackupScheduleUpdate", volumeInstanceId=id_, kinds=[])

    def _write(self, id_: str, props: Props, kinds: Sequence[str]) -> None:
        with self.environment(props).lock:
            self.railway.api.write("BackupScheduleUpdate", volumeInstanceId=id_, kinds=list(kinds))

    def _instance_id(self, props: Props) -> str | None:
        volume = self.environment(props).snapshot().volume(props["volume_id"])
        return None if volume is None or volume.deleted else volume.instance_id


class VolumeBackupSchedule(
    RailwayResource[VolumeBackupScheduleArgs], module="railway", name="VolumeBackupSchedule"
):
    """A volume's backup schedule; the id is that of the volume in its environment.

    Example:
        args = railway.VolumeBackupScheduleArgs(**ids, volume_id=volume.id, kinds=["DAILY"])
        railway.VolumeBackupSchedule("data", args)
    """

    PROVIDER = VolumeBackupScheduleProvider
