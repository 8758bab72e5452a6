"""The order in which the TTL fields of a database change: `firebase.ttl_handover.TtlHandover`.

Firestore allows one TTL field per collection group, and rejects a second one until the first is disabled
(Firestore docs, "TTL policies"; firebase-tools disables first, too). Pulumi deletes removed resources at the
end of an `up`, after everything new was created, so without this resource the new TTL could never be created.
The fields with a TTL depend on it.

The class path `firebase.ttl_handover.TtlHandoverProvider` is in the state of every stack: renaming the module
or the class breaks refresh of existing stacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from firebase.errors import JsonObject
from firebase.polling import poll
from firebase.rest import GoogleApi, shared_api
from user_errors import Provider, UserError, add_fix

FIELDS = ("project", "database", "fields")
WAIT_SECONDS = 1200.0


@dataclass(frozen=True, kw_only=True)
class TtlHandoverArgs:
    """The declared time to live.

    Args:
        project: the project id.
        database: the database id.
        fields: the TTL field of each collection group that has one.
    """

    project: str
    database: str
    fields: Mapping[str, str]


class TtlNotDisabledError(UserError):
    """Firestore did not finish disabling a TTL in time."""

    def __init__(self, collection: str, field: str) -> None:
        what = (
            f"Firestore has not disabled the TTL of {collection}.{field} within {WAIT_SECONDS / 60:.0f} "
            "minutes. A collection has at most one TTL field, so the new one was not created."
        )
        super().__init__(add_fix(what, "run `pulumi up` again; it waits for this again"))


def disable(
    api: GoogleApi,
    place: Mapping[str, str],
    collection: str,
    field: str,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Disable the TTL of one field, leave its indexes as they are, and wait until it is done.

    Args:
        api: the client.
        place: `project` and `database`.
        collection: the collection group.
        field: the field's path.
        sleep: how to wait; seconds.
        clock: a monotonic clock; seconds.

    Raises:
        GoogleError: Firestore rejected the request.
        TtlNotDisabledError: it was not done in time.
    """
    database = f"projects/{place['project']}/databases/{place['database']}"
    name = f"{database}/collectionGroups/{collection}/fields/{field}"
    operation = f"disable the TTL of {collection}.{field}"
    disabling: JsonObject = api.call(
        "PATCH",
        "firestore",
        name,
        operation=operation,
        params={"updateMask": "ttlConfig"},
        body={"name": name},
        repeatable=True,
    )
    name = str(disabling["name"])

    def attempt() -> bool | None:
        nonlocal disabling
        if disabling.get("done"):
            return True
        disabling = api.call("GET", "firestore", name, operation=operation, repeatable=True)
        return True if disabling.get("done") else None

    if poll(attempt, seconds=WAIT_SECONDS, sleep=sleep, clock=clock) is None:
        raise TtlNotDisabledError(collection, field)


class TtlHandoverProvider(Provider):
    """Disables a collection's former TTL in update."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another database is another resource; another field is an update."""
        changed = [key for key in FIELDS if olds.get(key) != news.get(key)]
        replaces = [key for key in ("project", "database") if key in changed]
        return dynamic.DiffResult(changes=bool(changed), replaces=replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Disable nothing: a TTL that this stack did not declare is not managed."""
        return dynamic.CreateResult(
            f"projects/{props['project']}/databases/{props['database']}/ttl", _outputs(props)
        )

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return the declared fields. Each field's own resource detects whether it has its TTL."""
        return dynamic.ReadResult(id_, _outputs(props), _outputs(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Disable the former TTL of each collection that has another one now.

        Raises:
            GoogleError: Firestore rejected a request.
            TtlNotDisabledError: it was not done in time.
        """
        before: Mapping[str, str] = olds.get("fields") or {}
        after: Mapping[str, str] = news.get("fields") or {}
        for collection, field in sorted(before.items()):
            if after.get(collection, field) != field:
                disable(shared_api(), news, collection, field)
        return dynamic.UpdateResult(_outputs(news))


def _outputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key: props.get(key) for key in FIELDS}


class TtlHandover(dynamic.Resource, module="firebase", name="TtlHandover"):
    """The order in which a database's TTL fields change: the old one ends before the new one begins.

    Example:
        declared = TtlHandoverArgs(project="p", database="(default)", fields={"sessions": "expireAt"})
        TtlHandover("ttl", declared)
    """

    def __init__(self, name: str, args: TtlHandoverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TtlHandoverProvider(), name, {key: getattr(args, key) for key in FIELDS}, opts)
