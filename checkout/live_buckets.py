"""The Cloud Storage buckets whose events functions receive, looked at before any resource is registered.

Where a bucket is decides where its trigger is, and only the bucket itself says it. The rules are those of the
Firebase CLI (15.34, `services/storage`): the trigger is in the bucket's location, and the function is in that
location too, or in one of its regions. A bucket in us-central1 can have functions anywhere.

Cloud Storage publishes the events as its own service agent of the project, which needs a role for it. The
agent exists once somebody has asked for it (Cloud Storage docs, "Get the project's service agent").

A codebase without such functions sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from checkout.app import App, Codebase
from checkout.endpoints import Endpoint, EventTrigger
from checkout.event_triggers import bucket_of
from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from settings.model import GoogleSettings
from settings.problems import Problem
from settings.reader import set_command
from user_errors import OR

KEY = "functions"
ABSENT = 404
DISABLED = "SERVICE_DISABLED"
ANYWHERE = "us-central1"
"""Functions in all regions can listen to a bucket here."""
# Multi-regions and predefined dual-regions of buckets (Cloud Storage docs, "Bucket locations"). The Firebase
# CLI has a table of regions that lacks the newer ones; a region's name tells its continent.
REGIONS_OF = {
    "us": ("us-",),
    "eu": ("europe-",),
    "asia": ("asia-",),
    "asia1": ("asia-northeast1", "asia-northeast2"),
    "eur4": ("europe-north1", "europe-west4"),
    "nam4": ("us-central1", "us-east1"),
}
"""By location of a bucket: how the names of its regions begin."""


@dataclass(frozen=True)
class _Bucket:
    """Where a bucket is, in lower case, and the number of its project."""

    location: str
    project_number: str


def located(api: GoogleApi, app: App, google: GoogleSettings) -> tuple[App, list[Problem]]:
    """The app, with the location of each bucket and the service agent that publishes its events.

    Args:
        api: the client. It reads only.
        app: the app of the checkout.
        google: the project.
    """
    endpoints = [one for codebase in app.codebases for one in codebase.endpoints]
    listening = [(one, bucket) for one in endpoints if (bucket := bucket_of(one)) is not None]
    if not listening:
        return app, []
    found: dict[str, _Bucket] = {}
    problems: list[Problem] = []
    agent = ""
    try:
        path = f"projects/{google.project}/serviceAccount"
        answer = api.call("GET", "storage", path, operation="read Cloud Storage's agent", repeatable=True)
        agent = str(answer["email_address"])
    except GoogleError as error:
        return app, [_unreadable(error, f"the service agent of {google.project}", google)]
    for bucket in sorted({bucket for _, bucket in listening}):
        users = ", ".join(sorted({one.id for one, name in listening if name == bucket}))
        try:
            found[bucket] = _read(api, bucket)
        except GoogleError as error:
            missing = error.status == ABSENT
            problems.append(
                _missing(bucket, users, google) if missing else _unreadable(error, bucket, google)
            )
    for endpoint, bucket in listening:
        if bucket in found:
            problems += _misplaced(endpoint, bucket, found[bucket], agent)
    codebases = tuple(replace(one, endpoints=tuple(_endpoints(one, found))) for one in app.codebases)
    return replace(app, codebases=codebases, storage_agent=agent), list(dict.fromkeys(problems))


def _read(api: GoogleApi, bucket: str) -> _Bucket:
    operation = f"read the bucket {bucket}"
    answer: JsonObject = api.call("GET", "storage", f"b/{bucket}", operation=operation, repeatable=True)
    return _Bucket(str(answer.get("location", "")).lower(), str(answer.get("projectNumber", "")))


def _endpoints(codebase: Codebase, found: dict[str, _Bucket]) -> Iterator[Endpoint]:
    for endpoint in codebase.endpoints:
        bucket = found.get(bucket_of(endpoint) or "")
        if bucket is not None and isinstance(endpoint.trigger, EventTrigger):
            yield replace(endpoint, trigger=replace(endpoint.trigger, region=bucket.location))
        else:
            yield endpoint


def _misplaced(endpoint: Endpoint, bucket: str, live: _Bucket, agent: str) -> Iterator[Problem]:
    number = agent.partition("@")[0].removeprefix("service-")
    if live.project_number and live.project_number != number:
        what = (
            f"{endpoint.id}: the bucket {bucket} is in another project (number {live.project_number}), whose "
            "events cannot be received here."
        )
        yield Problem(key=KEY, what=what, fix=f"Name a bucket of this project in {endpoint.id}.")
        return
    named = endpoint.trigger.region if isinstance(endpoint.trigger, EventTrigger) else ""
    if named not in ("", live.location):
        what = f"{endpoint.id}: the trigger is in {named}, but the bucket {bucket} is in {live.location}."
        yield Problem(key=KEY, what=what, fix=f"Remove the region from the trigger of {endpoint.id}.")
    inside = endpoint.region.startswith(REGIONS_OF.get(live.location, (live.location,)))
    if not inside and live.location != ANYWHERE:
        what = (
            f"{endpoint.id}: is in {endpoint.region}, but the bucket {bucket} is in {live.location}. A "
            "function must be where its bucket is."
        )
        region = live.location
        if live.location in REGIONS_OF:
            region = f"<a region in {live.location}>"
        yield Problem(key=KEY, what=what, fix=f'Write region: "{region}" in the options of {endpoint.id}.')


def _missing(bucket: str, users: str, google: GoogleSettings) -> Problem:
    create = f"gcloud storage buckets create gs://{bucket} --project {google.project} --location <location>"
    fix = f"Name an existing bucket in the code of {users}\n{OR}{create}"
    if bucket == google.storage_bucket:
        fix = f"{set_command('storageBucket', '<an existing bucket>')}\n{OR}{create}"
    return Problem(key=KEY, what=f"{users}: there is no Cloud Storage bucket {bucket}.", fix=fix)


def _unreadable(error: GoogleError, what: str, google: GoogleSettings) -> Problem:
    if error.reason == DISABLED:
        enable = f"gcloud services enable storage.googleapis.com --project {google.project}"
        return Problem(key=KEY, what="functions listen to buckets, but Cloud Storage is off.", fix=enable)
    return Problem(key=KEY, what=f"{what} could not be read: {error.what}", fix=error.fix)
