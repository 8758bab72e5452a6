"""Long-running operations: done at once, or after a number of polls and seconds. They survive a restart.

The changes that an operation makes when it finishes are data (`Effect`), not code: they are kept in the state
file. An effect on a resource that has been deleted in the meantime is skipped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from sandbox.google.errors import ApiError, not_found
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.google.store import Json, Store
    from sandbox.google.switches import Switches

Effect = tuple[str, str, str, Any]
"""("put" | "merge" | "delete", collection, id, value). "merge" requires that the resource still exists."""

TABLE = "operations"


class Operations:
    """The operations of all products."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self._store = store
        self._switches = switches
        self._pending: set[str] = {name for name, stored in store.items(TABLE) if not stored["done"]}
        self.release_interrupted()

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
        held: bool = False,
    ) -> Json:
        """Start an operation and return its JSON form.

        Args:
            parent: prefix of its name ("projects/p/locations/r"; "" for `operations/…`).
            response: its result; None for an empty one.
            kind: the result's protobuf type.
            error: the error that it ends with; the effects are applied all the same.
            metadata: its metadata, with `@type`.
            effects: the changes that are applied when it is done.
            resource: the name of the resource it works on, for `in_progress`.
            seconds: its minimum duration; None uses the switch.
            polls: the number of polls it needs; None uses the switch.
            held: it is not done before `release`.
        """
        number = self._store.unique("operation")[:24]
        name = f"{parent}/operations/{number}" if parent else f"operations/acat.p2-{number}"
        wait = self._switches.operation_seconds if seconds is None else seconds
        stored: Json = {
            "name": name,
            "metadata": metadata or {},
            "response": {"@type": f"type.googleapis.com/{kind}", **(response or {})},
            "error": None if error is None else error.as_status(),
            "effects": [list(effect) for effect in effects],
            "resource": resource,
            "polls": self._switches.operation_polls if polls is None else polls,
            "at": time.time() + wait if wait else 0.0,
            "done": False,
            "held": held,
        }
        self._pending.add(name)
        self._store.put(TABLE, name, stored)
        self._advance(name)
        return self.to_json(cast("Json", self._store.get(TABLE, name)))

    def release(self, name: str, *, error: ApiError | None, effects: Sequence[Effect]) -> None:
        """Let an operation end that was started with `held`.

        Args:
            name: the operation.
            error: the error that it ends with.
            effects: the changes that are applied when it is done.
        """
        stored = cast("Json", self._store.get(TABLE, name))
        status = None if error is None else error.as_status()
        ended = {**stored, "held": False, "error": status, "effects": [list(effect) for effect in effects]}
        self._store.put(TABLE, name, ended)
        self._advance(name)

    def release_interrupted(self) -> None:
        """End what was held when the server was stopped: nobody would release it."""
        interrupted = ApiError("INTERNAL", "The sandbox was stopped during this operation. Please retry.")
        for name in list(self._pending):
            if cast("Json", self._store.get(TABLE, name)).get("held"):
                self.release(name, error=interrupted, effects=())

    def finish_due(self) -> None:
        """Finish every operation that is due. Called before each request."""
        for name in list(self._pending):
            self._advance(name)

    def in_progress(self, resource: str) -> bool:
        """Return whether an operation on this resource is still running."""
        return any(
            cast("Json", self._store.get(TABLE, name))["resource"] == resource for name in self._pending
        )

    def poll(self, name: str) -> Json:
        """Return an operation, and count the poll.

        Raises:
            ApiError: NOT_FOUND.
        """
        stored = self._store.get(TABLE, name)
        if stored is None:
            raise not_found(name)
        if not stored["done"] and stored["polls"] > 0:
            self._store.put(TABLE, name, {**stored, "polls": stored["polls"] - 1})
            self._advance(name)
        return self.to_json(cast("Json", self._store.get(TABLE, name)))

    def with_prefix(self, prefix: str) -> list[Json]:
        """Return all operations whose names start with a prefix."""
        return [self.to_json(stored) for name, stored in self._store.items(TABLE) if name.startswith(prefix)]

    @staticmethod
    def to_json(stored: Json) -> Json:
        """Return the form in which the APIs show a stored operation."""
        response_json: Json = {"name": stored["name"]}
        if stored["metadata"]:
            response_json["metadata"] = stored["metadata"]
        if stored["done"]:
            response_json["done"] = True
            if stored["error"] is not None:
                response_json["error"] = stored["error"]
            else:
                response_json["response"] = stored["response"]
        return response_json

    def _advance(self, name: str) -> None:
        store = self._store
        stored = cast("Json", store.get(TABLE, name))
        if stored.get("held") or stored["polls"] > 0 or (stored["at"] and time.time() < stored["at"]):
            return
        for kind, collection, key, value in stored["effects"]:
            current = store.get(collection, key)
            if kind == "put":
                store.put(collection, key, value)
            elif kind == "delete":
                store.remove(collection, key)
            elif current is not None:
                store.put(collection, key, {**current, **value})
        metadata = stored["metadata"]
        if "createTime" in metadata:
            metadata = {**metadata, "endTime": timestamp()}
        store.put(TABLE, name, {**stored, "done": True, "effects": [], "metadata": metadata})
        self._pending.discard(name)
