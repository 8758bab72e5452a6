"""Cloud Scheduler: jobs that are ENABLED or PAUSED. They never run."""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING, cast

from sandbox.google import generic, iam
from sandbox.google.errors import ApiError, invalid
from sandbox.google.masks import apply_patch
from sandbox.google.regions import REGIONS
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

CRON = re.compile(r"[\d*/,\-A-Za-z]+(\s+[\d*/,\-A-Za-z]+){4}")
APP_ENGINE = re.compile(r"(every|(\d+|first|second|third|fourth|fifth|1st|2nd|3rd|\d+th)\b).*", re.IGNORECASE)
DEFAULT_RETRY = {
    "maxRetryDuration": "0s",
    "minBackoffDuration": "5s",
    "maxBackoffDuration": "3600s",
    "maxDoublings": 5,
}


def _check(request: ApiRequest, job: Json) -> None:
    schedule = cast("str", job.get("schedule", ""))
    if not CRON.fullmatch(schedule.strip()) and not APP_ENGINE.fullmatch(schedule.strip()):
        raise invalid(f"Schedule or time zone is invalid: {schedule!r}", "job.schedule")
    zone = cast("str", job.get("timeZone", "UTC"))
    if zone not in zoneinfo.available_timezones():
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
    generic.get_resource(request)
    raise ApiError("UNIMPLEMENTED", "The sandbox does not run jobs.")


_ID = "cloudscheduler.projects.locations.jobs."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "patch": patch,
    _ID + "pause": pause_or_resume,
    _ID + "resume": pause_or_resume,
    _ID + "run": run,
}
