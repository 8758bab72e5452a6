"""Cloud Tasks queues, with the limits that the server fills in. Refuses to hold tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google import generic

if TYPE_CHECKING:
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json

RATES: Json = {"maxDispatchesPerSecond": 500.0, "maxBurstSize": 100, "maxConcurrentDispatches": 1000}
RETRIES: Json = {"maxAttempts": 100, "minBackoff": "0.100s", "maxBackoff": "3600s", "maxDoublings": 16}


def _filled(queue: Json) -> Json:
    return {
        **queue,
        "rateLimits": {**RATES, **cast("Json", queue.get("rateLimits", {}))},
        "retryConfig": {**RETRIES, **cast("Json", queue.get("retryConfig", {}))},
    }


def create(call: Call) -> Json:
    call.body = _filled(call.body)
    return generic.create(call)


def patch(call: Call) -> Json:
    """PATCH; Cloud Tasks creates a queue that is not there."""
    if call.store.get(*call.where()) is None:
        fresh = {**_filled(call.body), "name": call.name, "state": "RUNNING"}
    else:
        fresh = _filled(generic.patch(call))
    call.store.put(*call.where(), fresh)
    return fresh


def turn(call: Call) -> Json:
    queue = {**generic.get(call), "state": {"pause": "PAUSED", "resume": "RUNNING"}[call.method.verb]}
    call.store.put(*call.where(), queue)
    return queue


_ID = "cloudtasks.projects.locations.queues."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "patch": patch,
    _ID + "pause": turn,
    _ID + "resume": turn,
}
