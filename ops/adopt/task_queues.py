"""Task queues in an adoption: each is adopted with the tasks that wait in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ops.adopt import google_state
from ops.adopt.google_bindings import binding
from ops.adopt.google_rows import Match, again, changed, created, refused
from ops.adopt.live import Live
from ops.adopt.model import Declared, Found

DISABLED, PAUSED = "DISABLED", "PAUSED"


def queue(one: Declared, live: Live) -> Match:
    """The queue that is declared.

    Args:
        one: the declaration.
        live: the project.

    Raises:
        GoogleError: the queues could not be read.
    """
    region, name = str(one.inputs["location"]), str(one.inputs["name"])
    found = live.queues(region).get(name)
    if found is None:
        return created("task queue", one, name), None
    if found.get("state") == DISABLED:
        # The Firebase CLI disables the queue of a function that it deletes.
        reason = "it is disabled: its tasks are not sent"
        enable = f"gcloud tasks queues resume {name} --location {region} --project {live.project}"
        return refused("task queue", one, name, reason, again(one, enable))
    changes = [
        change
        for block in ("rateLimits", "retryConfig")
        for change in google_state.queue_changes(block, found, one.inputs)
    ]
    row = changed("task queue", one, name, changes)
    if found.get("state") == PAUSED:
        row = replace(row, reason="it is paused: its tasks wait, also after the `up`")
    return row, Found(urn=one.urn, id=f"projects/{live.project}/locations/{region}/queues/{name}")


def enqueuers(declared: Sequence[Declared], live: Live) -> Iterator[Match]:
    """Who may add tasks, of each queue.

    Args:
        declared: the bindings.
        live: the project.

    Raises:
        GoogleError: the queues or a policy could not be read.
    """
    paths: dict[str, str] = {}
    existing: list[str] = []
    for one in declared:
        region, name = str(one.inputs["location"]), str(one.inputs["name"])
        paths[one.urn] = f"projects/{live.project}/locations/{region}/queues/{name}"
        if name in live.queues(region):
            existing.append(paths[one.urn])
    policies = live.queue_roles(existing)
    for one in declared:
        yield binding("task enqueuers", one, str(one.inputs["name"]), paths[one.urn], policies)
