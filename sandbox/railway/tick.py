"""State changes that depend on time only, applied before every request: nothing runs in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import deploys, volume_rules

if TYPE_CHECKING:
    from sandbox.railway.store import Store


def apply_due_changes(store: Store) -> None:
    """Apply what is due: deployment statuses, pending volume deletions, expired temporary projects."""
    deploys.advance(store)
    volume_rules.delete_expired(store)
    now = store.now()
    for project in store.projects.values():
        if project.expired_at is not None and project.expired_at <= now:
            project.deleted_at = project.deleted_at or project.expired_at
