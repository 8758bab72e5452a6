"""The first start of a new revision, and the trigger of its events: what ends a deployment of a function.

As on Google, a deployment fails if the container does not start and listen; the revision before it goes on
serving. The texts of the errors are Google's, with the end of the log.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

import httpx

from sandbox.google.errors import ApiError
from sandbox.google.running import events, revisions
from sandbox.google.running.instance import InstanceError
from sandbox.google.running.sources import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.google.cloud import Cloud
    from sandbox.google.operations import Effect
    from sandbox.google.running.instances import Instances
    from sandbox.google.running.sources import Sources
    from sandbox.google.store import Json

LOG_LINES = 15
FOREIGN_FRAME = re.compile(r"\s+at .*(?:\(|\s)(?:node:|\S*functions-framework)")


class Deployments:
    """Deploys revisions.

    Args:
        cloud: the state.
        sources: unpacks the archives.
        instances: starts the processes.
        emulator: returns `host:port` of the Firestore emulator.
    """

    def __init__(
        self, cloud: Cloud, sources: Sources, instances: Instances, emulator: Callable[[], str]
    ) -> None:
        self._cloud = cloud
        self._sources = sources
        self._instances = instances
        self._emulator = emulator
        self._registered = set[tuple[str, str]]()

    async def deploy(self, operation: str, function: Json, service: Json, effects: Sequence[Effect]) -> None:
        key = cast("str", function["name"]).rpartition("/")[2]
        where = f"cloudfunctions/{cast('str', function['name']).rpartition('/')[0]}"
        error: ApiError | None = None
        finished = list(effects)
        try:
            entry = revisions.source_entry(function, "")
            data = revisions.archive_of(self._cloud, revisions.revision_of(service, key, entry))
            digest = await asyncio.to_thread(self._sources.unpack, data)
            entry = revisions.source_entry(function, digest)
            revision = revisions.revision_of(service, key, entry)
            finished.append(("put", revisions.SOURCES, service["name"], entry))
            await self.register(function)
            await self._instances.replace(revision)
        except SourceError as failure:
            error = ApiError("INVALID_ARGUMENT", f"Build failed with status: FAILURE. {failure}")
        except InstanceError as failure:
            error = ApiError("INVALID_ARGUMENT", _not_started(service, str(failure)))
        except ApiError as failure:
            error = failure
        if error is not None:
            message = {"severity": "ERROR", "type": "CloudRunServiceNotFound", "message": error.message}
            finished = [("merge", where, key, {"state": "FAILED", "stateMessages": [message]})]
        self._cloud.operations.release(operation, error=error, effects=finished)
        self._cloud.commit()

    async def register(self, function: Json) -> None:
        """Have the emulator send a function's events; once for each trigger, it has no way to remove one."""
        trigger = events.trigger_of(function)
        if trigger is None or (trigger.project, trigger.key) in self._registered:
            return
        host = self._emulator()
        url = f"http://{host}/emulator/v1/projects/{trigger.project}/eventarcTrigger"
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.post(
                url, params={"eventarcTriggerId": trigger.key}, json=trigger.registration()
            )
        if answer.status_code != 200:
            raise ApiError("UNAVAILABLE", f"The Firestore emulator refused a trigger: {answer.text}")
        self._registered.add((trigger.project, trigger.key))


def _not_started(service: Json, tail: str) -> str:
    """Return Cloud Run's error for a container that does not listen, with the end of its log."""
    revision = cast("str", service["latestReadyRevision"]).rpartition("/")[2]
    name = cast("str", service["name"]).rpartition("/")[2]
    lines = [line for line in tail.splitlines() if line.strip() and not FOREIGN_FRAME.match(line)]
    shown = "\n".join(lines[-LOG_LINES:])
    return (
        f"Could not create or update Cloud Run service {name}, Container Healthcheck failed. Revision "
        f"'{revision}' is not ready and cannot serve traffic. The user-provided container failed to start "
        "and listen on the port defined provided by the PORT=8080 environment variable within the allocated "
        f"timeout. Logs for this revision might contain more information.\n{shown}"
    )
