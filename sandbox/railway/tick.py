"""Everything that happens by itself as time passes: called before every request, so nothing runs behind it.

Refuses to look at the caller: what is due is due for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import deploys, volume_rules

if TYPE_CHECKING:
    from sandbox.railway.store import Store


def apply_due_changes(store: Store) -> None:
    """Bring the world to the present: deployments, volumes pending deletion, temporary projects."""
    deploys.advance(store)
    volume_rules.delete_expired(store)
    now = store.now()
    for project in store.projects.values():
        if project.expired_at is not None and project.expired_at <= now:
            project.deleted_at = project.deleted_at or project.expired_at
