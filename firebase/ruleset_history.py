"""Rulesets that this stack has released and no longer does: which they are, when the oldest are deleted.

Google keeps at most 2,500 rulesets for a project (Firebase Rules API, quotas) and deletes none by itself.
Each edit of the rules makes another one, which stays for the history in the console and for a rollback. A
ruleset has no label, so the release's resource records the ids of those that this stack has created, in its
state.

Once the project has more than 1,000, as in firebase-tools (15.34, `src/rulesDeploy.ts`: the 10 oldest), the
oldest recorded ones are deleted, 10 at most at a time. Refuses to delete what any release names, what
somebody else has created, and the newest 10 of this stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from firebase.errors import GoogleError
from firebase.rest import GoogleApi

MOST = 1000
"""Rulesets of a project up to which none is deleted."""
AT_ONCE = 10
NEWEST = 10
_GONE = 404


def was_created_for(created: str, released: str) -> bool:
    """Whether a ruleset is newer than what was released until now, so that nobody else has released it.

    One that was imported was released before, and is older than its release.

    Args:
        created: the ruleset's `createTime`.
        released: the release's `updateTime` before it was updated.
    """
    try:
        return datetime.fromisoformat(created) > datetime.fromisoformat(released)
    except ValueError:  # one of the two is not known
        return False


def prune(api: GoogleApi, project: str, ours: Sequence[str], most: int = MOST) -> list[str]:
    """Delete the oldest of our rulesets if the project has too many; returns those that are left.

    Args:
        api: the client.
        project: the project id.
        ours: the ids of the rulesets of this stack, the oldest first.
        most: how many rulesets the project may have.

    Raises:
        GoogleError: the rulesets or the releases could not be read, or one could not be deleted.
    """
    candidates = ours[:-NEWEST]
    if not candidates:
        return list(ours)
    rulesets = api.listed(
        "firebaserules", f"projects/{project}/rulesets", "rulesets", f"list the rulesets of {project}"
    )
    there = {str(one["name"]).rpartition("/")[2] for one in rulesets}
    known = [id_ for id_ in ours if id_ in there]
    excess = min(len(there) - most, AT_ONCE)
    if excess <= 0:
        return known
    # Read last: a colleague may have released one of them meanwhile. Google refuses to delete that one, too.
    releases = api.listed(
        "firebaserules", f"projects/{project}/releases", "releases", f"list the releases of {project}"
    )
    released = {str(one.get("rulesetName", "")).rpartition("/")[2] for one in releases}
    old = [id_ for id_ in candidates if id_ in there and id_ not in released][:excess]
    for id_ in old:
        try:
            api.call(
                "DELETE",
                "firebaserules",
                f"projects/{project}/rulesets/{id_}",
                operation=f"delete the old ruleset {id_} of {project}",
                repeatable=True,
            )
        except GoogleError as error:
            if error.status != _GONE:  # a repeated request may find it deleted
                raise
    return [id_ for id_ in known if id_ not in old]
