"""Railway's creation throttle: one project, environment or volume per workspace in a number of seconds.

A throttled creation has no effect. The response is HTTP 200 with an error, as reported from the live API.
`creation_throttle_seconds` sets the interval; 0 (the default) turns it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import errors

if TYPE_CHECKING:
    from sandbox.railway.context import Context


def throttle_message(kind: str, seconds: float) -> str:
    """Return Railway's error text.

    Args:
        kind: "projects", "environments" or "volumes".
        seconds: the minimum interval.
    """
    return (
        f"You are creating {kind} too quickly. "
        f"This workspace allows 1 {kind.removesuffix('s')} per {seconds:g} seconds."
    )


def check_creation_throttle(context: Context, kind: str, workspace_id: str | None) -> None:
    """Register one creation in the workspace.

    Raises:
        GraphQLError: the previous one was too recent.
    """
    seconds, now = context.switches.creation_throttle_seconds, context.now
    if not seconds:
        return
    throttle_key = f"{workspace_id}/{kind}"
    if now < context.store.throttled_until.get(throttle_key, 0):
        raise errors.graphql_error(throttle_message(kind, seconds))
    context.store.throttled_until[throttle_key] = now + seconds
