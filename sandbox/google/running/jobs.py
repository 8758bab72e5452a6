"""Cloud Scheduler's jobs, run on demand: `jobs:run`. Nothing runs by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google.errors import RPC_CODES
from sandbox.google.running.backoff import Backoff, repeat
from sandbox.google.running.targets import NO_FUNCTION, send
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.running.edge import Edge
    from sandbox.google.store import Json

RPC_OF_STATUS = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1, 500: 13, 501: 12, 503: 14, 504: 4}
"""google.rpc.Code by HTTP status (google/rpc/code.proto)."""


def retries(job: Json) -> Backoff:
    """Return a job's retry policy; a `maxRetryDuration` of 0 is no limit, `retryCount` 0 no retry."""
    config = cast("Json", job.get("retryConfig", {}))
    duration = seconds(config.get("maxRetryDuration", "0s"))
    count = int(config.get("retryCount", 0))
    return Backoff(
        attempts=count + 1 if count or not duration else None,
        duration=duration or None,
        least=seconds(config.get("minBackoffDuration", "5s")),
        most=seconds(config.get("maxBackoffDuration", "3600s")),
        doublings=int(config.get("maxDoublings", 5)),
    )


def seconds(duration: str) -> float:
    """Return a protobuf duration in JSON ("3.5s") in seconds."""
    return float(duration.removesuffix("s"))


async def run(cloud: Cloud, edge: Edge, name: str, at: str) -> None:
    """Run a job with its retries; its `status` and `lastAttemptTime` show the outcome.

    Args:
        name: the job.
        at: the time for which it runs.
    """
    where, _, key = name.rpartition("/")
    table = f"cloudscheduler/{where}"
    job = cast("Json", cloud.store.get(table, key))
    target = cast("Json", job["httpTarget"])
    added = {
        "user-agent": "Google-Cloud-Scheduler",
        "x-cloudscheduler": "true",
        "x-cloudscheduler-jobname": key,
        "x-cloudscheduler-scheduletime": at,
    }

    async def attempt(_: int) -> bool:
        reply = await send(cloud, edge, target, target["uri"], added)
        now = cast("Json | None", cloud.store.get(table, key))
        if now is not None:
            code = RPC_OF_STATUS.get(reply.status, RPC_CODES["INTERNAL"])
            status: Json = {} if reply.status < 300 else {"code": code}
            cloud.store.put(table, key, {**now, "lastAttemptTime": timestamp(), "status": status})
            cloud.commit()
        return reply.status < 300 or (reply.status == NO_FUNCTION and now is None)

    await repeat(retries(job), attempt, cloud.switches.run_wait_scale)
