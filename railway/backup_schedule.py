"""The backup schedule of a volume. It requires no deployment; deleting it keeps the existing backups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from railway.args import EnvironmentScopeArgs, Props, inputs_of
from railway.fields import Field, text_set
from railway.graphql.errors import MissingError, NotFoundError
from railway.provider import ENVIRONMENT_SCOPE, RailwayProvider
from railway.validation import BACKUP_KINDS, one_of


@dataclass(frozen=True, kw_only=True)
class VolumeBackupScheduleArgs(EnvironmentScopeArgs):
    """Inputs of a backup schedule.

    Args:
        volume_id: the volume.
        kinds: DAILY (kept for 6 days), WEEKLY (1 month), MONTHLY (3 months), or several of them.
    """

    volume_id: pulumi.Input[str]
    kinds: Sequence[pulumi.Input[str]]


class VolumeBackupScheduleProvider(RailwayProvider):
    """Provider of `VolumeBackupSchedule`."""

    FIELDS = (
        *ENVIRONMENT_SCOPE,
        Field(name="volume_id", required=True, replace=True),
        Field(name="kinds", normal=text_set, required=True, rules=(one_of(*BACKUP_KINDS),)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Write the schedule."""
        instance_id = self._instance_id(props)
        if instance_id is None:
            raise MissingError(
                f"the volume {props['volume_id']} does not exist", fix="run `pulumi up --refresh`"
            )
        with self.environment(props).lock:
            self.railway.api.set_backup_kinds(instance_id, props["kinds"])
        return instance_id, {}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live schedule; an empty one is drift."""
        if self._instance_id(props) != id_:
            return None
        return {"kinds": self.railway.api.backup_kinds(id_) or None}

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Write the schedule."""
        del olds, changed
        with self.environment(news).lock:
            self.railway.api.set_backup_kinds(id_, news["kinds"])
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Write an empty schedule."""
        with self.environment(props).lock:
            try:
                self.railway.api.set_backup_kinds(id_, [])
            except NotFoundError:
                return

    def _instance_id(self, props: Props) -> str | None:
        volume = self.environment(props).snapshot().volume(props["volume_id"])
        return None if volume is None or volume.deleted else volume.instance_id


class VolumeBackupSchedule(dynamic.Resource, module="railway", name="VolumeBackupSchedule"):
    """A volume's backup schedule; the id is that of the volume in its environment.

    Example:
        args = railway.VolumeBackupScheduleArgs(**ids, volume_id=volume.id, kinds=["DAILY"])
        railway.VolumeBackupSchedule("data", args)
    """

    def __init__(
        self, name: str, args: VolumeBackupScheduleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(VolumeBackupScheduleProvider(), name, inputs_of(args), opts)
