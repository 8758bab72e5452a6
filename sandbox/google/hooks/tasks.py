"""Cloud Tasks queues, with the limits that the server fills. They hold no tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google import generic

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

RATES: Json = {"maxDispatchesPerSecond": 500.0, "maxBurstSize": 100, "maxConcurrentDispatches": 1000}
RETRIES: Json = {"maxAttempts": 100, "minBackoff": "0.100s", "maxBackoff": "3600s", "maxDoublings": 16}


def _with_defaults(queue: Json) -> Json:
    return {
        **queue,
        "rateLimits": {**RATES, **cast("Json", queue.get("rateLimits", {}))},
        "retryConfig": {**RETRIES, **cast("Json", queue.get("retryConfig", {}))},
    }


def create(request: ApiRequest) -> Json:
    request.body = _with_defaults(request.body)
    return generic.create(request)


def patch(request: ApiRequest) -> Json:
    """PATCH; Cloud Tasks creates a queue that does not exist."""
    if request.store.get(*request.store_key()) is None:
        updated = {**_with_defaults(request.body), "name": request.name, "state": "RUNNING"}
    else:
        updated = _with_defaults(generic.patch(request))
    request.store.put(*request.store_key(), updated)
    return updated


def pause_or_resume(request: ApiRequest) -> Json:
    queue = {
        **generic.get_resource(request),
        "state": {"pause": "PAUSED", "resume": "RUNNING"}[request.method.verb],
    }
    request.store.put(*request.store_key(), queue)
    return queue


_ID = "cloudtasks.projects.locations.queues."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "patch": patch,
    _ID + "pause": pause_or_resume,
    _ID + "resume": pause_or_resume,
}
