"""Long-running operations: started by handlers, done at once or after polls and seconds, surviving a restart.

What an operation changes when it is done is data (`Effect`s), not code, so that it can be kept in the state
file. Refuses to resurrect: an effect on a resource that is gone by then is dropped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from sandbox.google.cloud import timestamp
from sandbox.google.errors import ApiError, not_found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.google.cloud import Call, Cloud, Json

Effect = tuple[str, str, str, Any]
"""("put" | "merge" | "drop", collection, id, value). "merge" needs the resource to be there still."""

TABLE = "operations"


class Operations:
    """The operations of all products."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._pending: set[str] = {key for key, kept in cloud.store.items(TABLE) if not kept["done"]}

    def start(
        self,
        parent: str,
        *,
        response: Json | None = None,
        kind: str = "google.protobuf.Empty",
        error: ApiError | None = None,
        metadata: Json | None = None,
        effects: Sequence[Effect] = (),
        resource: str = "",
        seconds: float | None = None,
        polls: int | None = None,
    ) -> Json:
        """Begin an operation and give its JSON.

        Args:
            parent: what its name begins with ("projects/p/locations/r", "" for `operations/…`).
            response: its result; None is empty.
            kind: the result's protobuf type.
            error: it fails with this; the effects happen all the same.
            metadata: its metadata, with `@type`.
            effects: what is true when it is done.
            resource: the name of the resource it works on, for `busy`.
            seconds: it takes at least so long; None is the switch.
            polls: it needs so many polls; None is the switch.
        """
        cloud, switches = self._cloud, self._cloud.switches
        number = cloud.unique("operation")[:24]
        name = f"{parent}/operations/{number}" if parent else f"operations/acat.p2-{number}"
        wait = switches.operation_seconds if seconds is None else seconds
        kept: Json = {
            "name": name,
            "metadata": metadata or {},
            "response": {"@type": f"type.googleapis.com/{kind}", **(response or {})},
            "error": None if error is None else error.as_status(),
            "effects": [list(effect) for effect in effects],
            "resource": resource,
            "polls": switches.operation_polls if polls is None else polls,
            "at": time.time() + wait if wait else 0.0,
            "done": False,
        }
        self._pending.add(name)
        cloud.store.put(TABLE, name, kept)
        self._advance(name)
        return self.show(cast("Json", cloud.store.get(TABLE, name)))

    def settle(self) -> None:
        """Finish what is due; called before every request."""
        for name in list(self._pending):
            self._advance(name)

    def busy(self, resource: str) -> bool:
        """Whether an operation on this resource is still running."""
        return any(
            cast("Json", self._cloud.store.get(TABLE, name))["resource"] == resource for name in self._pending
        )

    def get(self, name: str) -> Json:
        """Poll one.

        Raises:
            ApiError: NOT_FOUND.
        """
        kept = self._cloud.store.get(TABLE, name)
        if kept is None:
            raise not_found(name)
        if not kept["done"] and kept["polls"] > 0:
            self._cloud.store.put(TABLE, name, {**kept, "polls": kept["polls"] - 1})
            self._advance(name)
        return self.show(cast("Json", self._cloud.store.get(TABLE, name)))

    def listing(self, prefix: str) -> list[Json]:
        """All whose name begins so."""
        return [self.show(kept) for name, kept in self._cloud.store.items(TABLE) if name.startswith(prefix)]

    @staticmethod
    def show(kept: Json) -> Json:
        """The public form."""
        shown: Json = {"name": kept["name"]}
        if kept["metadata"]:
            shown["metadata"] = kept["metadata"]
        if kept["done"]:
            shown["done"] = True
            if kept["error"] is not None:
                shown["error"] = kept["error"]
            else:
                shown["response"] = kept["response"]
        return shown

    def _advance(self, name: str) -> None:
        store = self._cloud.store
        kept = cast("Json", store.get(TABLE, name))
        if kept["polls"] > 0 or (kept["at"] and time.time() < kept["at"]):
            return
        for kind, collection, key, value in kept["effects"]:
            current = store.get(collection, key)
            if kind == "put":
                store.put(collection, key, value)
            elif kind == "drop":
                store.drop(collection, key)
            elif current is not None:
                store.put(collection, key, {**current, **value})
        metadata = kept["metadata"]
        if "createTime" in metadata:
            metadata = {**metadata, "endTime": timestamp()}
        store.put(TABLE, name, {**kept, "done": True, "effects": [], "metadata": metadata})
        self._pending.discard(name)


def get_operation(call: Call) -> Json:
    """`operations.get` of every product."""
    return call.cloud.operations.get(call.name)


def list_operations(call: Call) -> Json:
    """`operations.list` of every product."""
    prefix = f"{call.name}/operations/" if call.name else "operations/"
    return {"operations": call.cloud.operations.listing(prefix)}
