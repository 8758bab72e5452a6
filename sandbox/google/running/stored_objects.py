"""Cloud Storage events of running functions: what happens to an object becomes an event for its functions.

The event is the one that Eventarc sends (Eventarc docs, "Cloud Storage: receive direct events"); its body is
the object (`StorageObjectData`). Buckets here have no versions, so nothing is archived.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, cast

from sandbox.google.running import revisions
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.google.cloud import Cloud
    from sandbox.google.store import Json

EVENTS = "google.cloud.storage.object.v1."


def targets(cloud: Cloud, kind: str, bucket: str) -> Iterator[Json]:
    """Yield the functions that get the events of a kind ("finalized") of a bucket."""
    for function in revisions.functions(cloud):
        trigger = cast("Json", function.get("eventTrigger") or {})
        filters = {one["attribute"]: one["value"] for one in trigger.get("eventFilters") or []}
        if trigger.get("eventType") == EVENTS + kind and filters.get("bucket") == bucket:
            yield function


def event(kind: str, stored: Json) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an event about an object."""
    headers = {
        "ce-bucket": stored["bucket"],
        "ce-id": str(uuid.uuid4()),
        "ce-source": f"//storage.googleapis.com/projects/_/buckets/{stored['bucket']}",
        "ce-specversion": "1.0",
        "ce-subject": f"objects/{stored['name']}",
        "ce-time": timestamp(),
        "ce-type": EVENTS + kind,
        "content-type": "application/json",
        "user-agent": "APIs-Google",
    }
    return headers, json.dumps(stored).encode()
