"""Cloud Tasks queues, with the limits that the server fills, and where functions run their tasks.

Only where functions run (`sandbox up --run`) are tasks sent; see `sandbox.google.running.queues`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google import generic, iam
from sandbox.google.errors import ApiError, already_exists, invalid
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

RATES: Json = {"maxDispatchesPerSecond": 500.0, "maxBurstSize": 100, "maxConcurrentDispatches": 1000}
USED = "running/tasks"
DELETED = "cloudtasks/deleted"
QUEUE_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
RETRIES: Json = {"maxAttempts": 100, "minBackoff": "0.100s", "maxBackoff": "3600s", "maxDoublings": 16}


def _with_defaults(queue: Json) -> Json:
    return {
        **queue,
        "rateLimits": {**RATES, **cast("Json", queue.get("rateLimits", {}))},
        "retryConfig": {**RETRIES, **cast("Json", queue.get("retryConfig", {}))},
    }


def create(request: ApiRequest) -> Json:
    """`queues.create`. The name of a deleted queue is not free again for days (the text is Google's)."""
    key = generic.new_id(request)
    if not QUEUE_ID.fullmatch(key):
        raise invalid(f'Queue ID "{key}" can contain only letters, numbers, or hyphens.', "queue.name")
    if request.store.get(DELETED, f"{request.name}/queues/{key}") is not None:
        raise ApiError(
            "FAILED_PRECONDITION",
            "The queue cannot be created because a queue with this name existed too recently.",
        )
    request.body = _with_defaults(request.body)
    return generic.create(request)


def delete(request: ApiRequest) -> Json:
    found = generic.delete(request)
    request.store.put(DELETED, request.name, timestamp())
    return found


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


def create_task(request: ApiRequest) -> Json:
    """`tasks.create` for an HTTP target. The name of a task is not free again within an hour of its end."""
    running = request.cloud.functions
    if running is None:
        return generic.create(request)
    queue_parent, _, queue = request.name.rpartition("/")
    if request.store.get(f"cloudtasks/{queue_parent}", queue) is None:
        raise ApiError("NOT_FOUND", "Queue does not exist.")
    task = cast("Json", request.body.get("task", {}))
    target = cast("Json", task.get("httpRequest", {}))
    if not cast("str", target.get("url", "")).startswith(("https://", "http://")):
        raise invalid("HttpRequest.url is required, and must be an address.", "task.http_request.url")
    oidc = cast("Json", target.get("oidcToken") or {})
    if oidc and not iam.account_exists(request.cloud, oidc.get("serviceAccountEmail", "")):
        raise ApiError(
            "PERMISSION_DENIED",
            'The principal (user or service account) lacks IAM permission "iam.serviceAccounts.actAs" for '
            f'the resource "{oidc.get("serviceAccountEmail")}" (or the resource may not exist).',
        )
    parent = f"{request.name}/tasks"
    key = cast("str", task.get("name", "")).removeprefix(f"{parent}/") or str(request.store.next("tasks"))
    if not TASK_ID.fullmatch(key):
        raise invalid(f"Task name must be {parent}/TASK_ID with letters, digits, - and _.", "task.name")
    if request.store.get(USED, f"{parent}/{key}") is not None:
        raise already_exists(f"{parent}/{key}")
    now = timestamp()
    created = {
        "scheduleTime": now,
        "dispatchDeadline": "600s",
        **task,
        "httpRequest": {"httpMethod": "POST", **target},
        "name": f"{parent}/{key}",
        "createTime": now,
        "view": "BASIC",
    }
    request.store.put(f"cloudtasks/{parent}", key, created)
    request.store.put(USED, f"{parent}/{key}", now)
    return created


def run_task(request: ApiRequest) -> Json:
    """`tasks.run`: now, even if its queue is paused."""
    task = generic.get_resource(request)
    running = request.cloud.functions
    if running is None:
        raise ApiError("UNIMPLEMENTED", "The sandbox runs tasks only where it runs functions: up --run.")
    running.run_task(request.name)
    return task


def purge(request: ApiRequest) -> Json:
    """`queues.purge`: delete all tasks."""
    queue = generic.get_resource(request)
    for key, _ in request.store.items(f"cloudtasks/{request.name}/tasks"):
        request.store.remove(f"cloudtasks/{request.name}/tasks", key)
    return {**queue, "purgeTime": timestamp()}


_ID = "cloudtasks.projects.locations.queues."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "patch": patch,
    _ID + "delete": delete,
    _ID + "pause": pause_or_resume,
    _ID + "resume": pause_or_resume,
    _ID + "purge": purge,
    _ID + "tasks.create": create_task,
    _ID + "tasks.run": run_task,
}
