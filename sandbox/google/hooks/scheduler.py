"""Cloud Scheduler: jobs that are ENABLED or PAUSED. They run on demand only, and where functions run."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, cast

from sandbox.google import generic, iam
from sandbox.google.errors import ApiError, invalid
from sandbox.google.hooks.schedules import is_schedule
from sandbox.google.masks import apply_patch
from sandbox.google.regions import REGIONS
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

MAX_RETRIES = 5
DURATIONS = ("maxRetryDuration", "minBackoffDuration", "maxBackoffDuration")
MAX_DESCRIPTION = 500
DEFAULT_RETRY: Json = {
    "maxRetryDuration": "0s",
    "minBackoffDuration": "5s",
    "maxBackoffDuration": "3600s",
    "maxDoublings": 5,
}


def _check(request: ApiRequest, job: Json) -> None:
    schedule = cast("str", job.get("schedule", ""))
    if not is_schedule(schedule):
        raise invalid(f"Schedule or time zone is invalid: {schedule!r}", "job.schedule")
    zone = cast("str", job.get("timeZone", "UTC"))
    if zone != "utc" and zone not in zoneinfo.available_timezones():
        raise invalid(f"Schedule or time zone is invalid: {zone!r}", "job.time_zone")
    targets = [target for target in ("httpTarget", "pubsubTarget", "appEngineHttpTarget") if job.get(target)]
    if len(targets) != 1:
        raise invalid("Job must have exactly one target.", "job.target")
    target = cast("Json", job.get("httpTarget", {}))
    for kind in ("oidcToken", "oauthToken"):
        email = cast("Json", target.get(kind, {})).get("serviceAccountEmail")
        if email and not iam.account_exists(request.cloud, email):
            raise ApiError(
                "PERMISSION_DENIED",
                f'The principal lacks IAM permission "iam.serviceAccounts.actAs" for the resource '
                f'"{email}" (or the resource may not exist).',
            )
    deadline = job.get("attemptDeadline")
    if deadline and targets == ["httpTarget"] and not 15 <= float(deadline[:-1]) <= 1800:
        raise invalid("Attempt deadline must be between 15 seconds and 30 minutes.", "job.attempt_deadline")
    if len(cast("str", job.get("description", ""))) > MAX_DESCRIPTION:
        raise invalid(f"Description must not exceed {MAX_DESCRIPTION} characters.", "job.description")
    _check_retry({**DEFAULT_RETRY, **cast("Json", job.get("retryConfig", {}))})


def _check_retry(retry: Json) -> None:
    path = "job.retry_config."
    if not 0 <= retry.get("retryCount", 0) <= MAX_RETRIES:
        raise invalid(f"Retry count must be between 0 and {MAX_RETRIES}.", path + "retry_count")
    if retry["maxDoublings"] < 0:
        raise invalid("Max doublings must not be negative.", path + "max_doublings")
    seconds = {name: float(cast("str", retry[name])[:-1]) for name in DURATIONS}
    for name, value in seconds.items():
        if value < 0:
            raise invalid(f"{name} must not be negative.", path + name)
    if seconds["minBackoffDuration"] > seconds["maxBackoffDuration"]:
        raise invalid("Min backoff must not exceed max backoff.", path + "min_backoff_duration")


def create(request: ApiRequest) -> Json:
    if request.location not in REGIONS:
        raise ApiError("NOT_FOUND", f"Location '{request.location}' is not a valid location.")
    _check(request, request.body)
    request.body = {
        "timeZone": "UTC",
        "retryConfig": DEFAULT_RETRY,
        "attemptDeadline": "180s",
        **request.body,
    }
    job = {**generic.create(request), "userUpdateTime": timestamp(), "state": "ENABLED"}
    request.store.put(request.collection(request.name, "jobs"), job["name"].rpartition("/")[2], job)
    return job


def patch(request: ApiRequest) -> Json:
    """PATCH what the mask names, or the fields in the body; the job's state is unchanged."""
    old = generic.get_resource(request)
    updated = apply_patch(
        request.api, "Job", old, request.body, cast("str | None", request.query.get("updateMask"))
    )
    _check(request, updated)
    updated = {**updated, "name": old["name"], "userUpdateTime": timestamp()}
    request.store.put(*request.store_key(), updated)
    return updated


def pause_or_resume(request: ApiRequest) -> Json:
    """`:pause` and `:resume`; resuming an enabled job changes nothing."""
    job = {
        **generic.get_resource(request),
        "state": {"pause": "PAUSED", "resume": "ENABLED"}[request.method.verb],
    }
    request.store.put(*request.store_key(), job)
    return job


def run(request: ApiRequest) -> Json:
    """`:run`: the response comes before the attempt; a paused job runs too."""
    job = generic.get_resource(request)
    running = request.cloud.functions
    if running is None or "httpTarget" not in job:
        raise ApiError("UNIMPLEMENTED", "The sandbox does not run jobs.")
    now = timestamp()
    job = {**job, "scheduleTime": now}
    request.store.put(*request.store_key(), job)
    running.run_job(request.name, now)
    return job


_ID = "cloudscheduler.projects.locations.jobs."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "patch": patch,
    _ID + "pause": pause_or_resume,
    _ID + "resume": pause_or_resume,
    _ID + "run": run,
}
