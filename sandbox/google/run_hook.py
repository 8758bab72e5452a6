"""What the APIs ask of the functions, where these run: `sandbox.google.running.runner`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.google.operations import Effect
    from sandbox.google.store import Json


class RunHook(Protocol):
    """Runs the deployed functions."""

    def deploy(self, operation: str, function: Json, service: Json, effects: Sequence[Effect]) -> None:
        """Start a new revision, then finish the operation of its deployment: as Google, by its first start.

        Args:
            operation: the operation, which was started with `held`.
            function: the function with its new source.
            service: its service with the new revision.
            effects: the changes that the operation makes if the revision starts.
        """
        ...

    def run_job(self, name: str, at: str) -> None:
        """Run a job of Cloud Scheduler."""
        ...

    def publish(self, topic: str, message: Json) -> None:
        """Send a message to the functions on a topic."""
        ...

    def stored(self, kind: str, stored: Json) -> None:
        """Send an event about an object of a bucket: finalized, deleted or metadataUpdated."""
        ...

    def run_task(self, name: str) -> None:
        """Send a task of Cloud Tasks now."""
        ...

    def entries(self) -> list[Json]:
        """Return the entries of the functions' logs, the oldest first."""
        ...
