"""Railway's creation throttle: one project, environment or volume of a workspace in so many seconds.

Refuses cleanly: a throttled create had no effect. The answer is HTTP 200 with an error, as reported from the
live API; `creation_throttle_seconds` sets the distance, 0 (the default) none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import errors

if TYPE_CHECKING:
    from sandbox.railway.context import Context


def throttle_message(kind: str, seconds: float) -> str:
    """Railway's words.

    Args:
        kind: "projects", "environments" or "volumes".
        seconds: the distance that is asked for.
    """
    return (
        f"You are creating {kind} too quickly. "
        f"This workspace allows 1 {kind.removesuffix('s')} per {seconds:g} seconds."
    )


def check_creation_throttle(context: Context, kind: str, workspace_id: str | None) -> None:
    """Take the workspace's slot for one creation.

    Raises:
        GraphQLError: the last one was too recent.
    """
    seconds, now = context.switches.creation_throttle_seconds, context.now
    if not seconds:
        return
    place = f"{workspace_id}/{kind}"
    if now < context.store.throttled_until.get(place, 0):
        raise errors.graphql_error(throttle_message(kind, seconds))
    context.store.throttled_until[place] = now + seconds
