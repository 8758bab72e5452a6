"""The backup of a volume that is made before its data could be lost: before a deployment, a move, a resize.

Railway makes a backup with every call, also with the name of another one, and the response may be lost. So
the name follows from what the backup precedes, it is looked for before and after the call, and after a call
whose result is unknown no other one is sent: the next `up` of the same day, which looks for the same name,
continues. One `up` makes one backup of a volume.

Source: Railway's schema (volumeInstanceBackupCreate returns the id of a workflow, which may be null); Railway
docs, volumes/backups. Unverified: a backup is listed once its workflow has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from railway.args import Props, config_key, how_to_set, how_to_unset
from railway.clock import format_duration, log_progress
from railway.graphql.errors import (
    AmbiguousError,
    BackupError,
    RejectedError,
    RequestError,
    ServerFaultError,
    WaitTimeoutError,
)
from railway.waiting import wait_for
from user_errors import OR

if TYPE_CHECKING:
    from railway.graphql.models import BackupView, VolumeView
    from railway.snapshot import EnvironmentCache

PREFIX = "before-deploy-"
LOOK_SECONDS = 60.0
"""For how long a backup is looked for after a call whose result is unknown."""
WAIT_SECONDS = 1800.0
"""How long Railway may take to make a backup ("a few seconds to a few minutes", Railway docs)."""


def back_up(cache: EnvironmentCache, volume: VolumeView, props: Props, *precedes: str) -> str:
    """Make a backup of a mounted volume, unless this `up` or one before has made it; wait for it.

    Args:
        cache: the environment, whose lock the caller holds.
        volume: the volume.
        props: the declared properties, for the config keys in messages.
        precedes: what follows the backup; the same values give the same backup.

    Returns:
        The name of the backup.

    Raises:
        BackupError: Railway rejected it or failed, or its result is unknown.
        RequestError: the backups could not be read.
    """
    if volume.volume_id in cache.backups:
        return cache.backups[volume.volume_id]
    name = name_of(volume.volume_id, precedes, datetime.now(UTC).date())
    began = cache.api.clock.now()
    found = _find(cache, volume, name)
    if found is None:
        found = _make(cache, volume, name, props)
        duration = format_duration(cache.api.clock.now() - began)
        log_progress(f"backup {name} of the volume {volume.name} is complete after {duration}")
    else:
        log_progress(f"backup {name} of the volume {volume.name} exists already")
    cache.backups[volume.volume_id] = name
    return name


def name_of(volume_id: str, precedes: Sequence[str], day: date) -> str:
    """The name of a backup.

    Args:
        volume_id: the volume.
        precedes: what follows the backup.
        day: the day in UTC. If an `up` ended between its backup and the deployment, the `up` of a later day
            makes another backup: the data has changed since.
    """
    text = "\n".join((volume_id, day.isoformat(), *precedes))
    return f"{PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _find(cache: EnvironmentCache, volume: VolumeView, name: str) -> BackupView | None:
    return next((one for one in cache.api.backups(volume.instance_id) if one.name == name), None)


def _make(cache: EnvironmentCache, volume: VolumeView, name: str, props: Props) -> BackupView:
    log_progress(f"backing up the volume {volume.name} as {name}")
    seconds, workflow = WAIT_SECONDS, ""
    try:
        workflow, _ = cache.api.write_object(
            "BackupCreate",
            lambda node: str(node["workflowId"] or ""),
            volumeInstanceId=volume.instance_id,
            name=name,
        )
    except RejectedError as error:
        raise _failed(volume, f"Railway rejected it: {error.traced_reason}", props) from None
    except (AmbiguousError, ServerFaultError) as error:
        seconds, lost = LOOK_SECONDS, error
    else:
        lost = None

    def find() -> BackupView | None:
        status, reason = cache.api.workflow(workflow) if workflow else ("", "")
        if status == "Error":
            raise _failed(volume, f"Railway reports: {reason or 'no reason given'}", props)
        return None if status == "Running" else _find(cache, volume, name)

    try:
        return wait_for(cache.api.clock, f"the backup {name}", find, seconds=seconds, every=4.0)
    except WaitTimeoutError:
        raise _unknown(volume, name, seconds, lost) from None


def _failed(volume: VolumeView, reason: str, props: Props) -> BackupError:
    grow = (
        how_to_set(props, "size_gb", "<more GB>") if config_key(props, "size_gb") else "set size_mb to more"
    )
    return BackupError(
        f"the Railway volume {volume.label} was not backed up, so nothing was deployed, and the volume was "
        f"not changed. {reason}",
        fix="delete old backups in Railway's dashboard (the service, Backups), then run `pulumi up` again\n"
        f"{OR}{grow}  # if its data is more than half of its size\n"
        f"{OR}{how_to_unset(props, 'backup_before_deploy')}  # to go on without a backup",
    )


def _unknown(volume: VolumeView, name: str, seconds: float, lost: RequestError | None) -> BackupError:
    cause = f"the response to its creation was lost ({lost.traced_reason}), and " if lost else ""
    return BackupError(
        f"the backup {name} of the Railway volume {volume.label} is not known to exist: {cause}it did "
        f"not appear within {format_duration(seconds)}. Nothing was deployed, and the volume was not changed",
        fix="run `pulumi up` again: it looks for this backup before it makes one. If it does not appear, "
        "look at the backups in Railway's dashboard (the service, Backups)",
    )
