"""The revision of a write: a mark by which `Deployment` decides whether it must deploy. Pure.

A deployment contains a write if it began after it. A revision has what is needed to decide that: the earliest
time at which the write took effect, by the server's clock, and the newest deployment before it. So a
deployment that Railway started because of the write, or that was started before this process was killed, is
waited for, and an older one is not. A rollback or a redeployment is new as well, but runs an earlier commit;
Railway does not mark all of them, so `runs_declared_commit` accepts no deployment that could be one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from railway.graphql.models import DeploymentView

_UNKNOWN, _NONE, _SOURCE = "unknown", "-", " source"


@dataclass(frozen=True)
class Revision:
    """The revision of one write.

    Args:
        not_before: the earliest time at which it took effect, None if the server returned no time.
        latest_id: the id of the newest deployment before it, "" if there was none.
        mark: random, so that every write has another revision.
        source: whether it changed the source, so that an older commit does not contain it.
    """

    not_before: datetime | None
    latest_id: str
    mark: str
    source: bool = False

    def __str__(self) -> str:
        time = self.not_before.isoformat(timespec="milliseconds") if self.not_before else _UNKNOWN
        return f"{time} {self.latest_id or _NONE} {self.mark}{_SOURCE if self.source else ''}"


NOTHING_WRITTEN = str(Revision(datetime.fromtimestamp(0, UTC), "", "0"))
"""The revision of an object that already was as declared: every deployment contains it."""


def new(not_before: datetime | None, latest: DeploymentView | None, *, source: bool = False) -> str:
    """The revision of a write that just succeeded; see `Revision`.

    Args:
        not_before: the earliest time at which it took effect.
        latest: the newest deployment of the service before it.
        source: whether it changed the source.
    """
    return str(Revision(not_before, latest.id if latest else "", secrets.token_hex(4), source))


def parse(text: str) -> Revision | None:
    """Read a revision; None if the text is none."""
    source = text.endswith(_SOURCE)
    parts = text.removesuffix(_SOURCE).split(" ")
    if len(parts) != 3:
        return None
    time, latest_id, mark = parts
    try:
        not_before = None if time == _UNKNOWN else datetime.fromisoformat(time)
    except ValueError:
        return None
    return Revision(not_before, "" if latest_id == _NONE else latest_id, mark, source)


def began_after(deployment: DeploymentView, revisions: Iterable[str]) -> bool:
    """Whether a deployment certainly began after all of these writes."""
    for text in revisions:
        revision = parse(text)
        if revision is None or revision.not_before is None:
            return False
        if deployment.id == revision.latest_id or deployment.created_at < revision.not_before:
            return False
    return True


def runs_declared_commit(
    deployment: DeploymentView, newest: Sequence[DeploymentView], revisions: Sequence[str]
) -> bool:
    """Whether a deployment that began after these writes certainly runs the declared commit.

    A commit that no other deployment has is the newest one. A deployment whose commit another one has may be
    a
    redeployment: it is accepted only if no other began after the writes, and, if a write changed the source,
    only if Railway marked it as a deployment and not as a redeployment.

    Args:
        deployment: one for which `began_after` is true.
        newest: the newest deployments of the service.
        revisions: of the writes.
    """
    if deployment.rolled_back:
        return False
    others = [one for one in newest if one.id != deployment.id]
    if deployment.commit and all(one.commit != deployment.commit for one in others):
        return True
    if any(began_after(one, revisions) for one in others):
        return False
    new_source = any(write.source for write in map(parse, revisions) if write is not None)
    return not (new_source and others) or deployment.reason == "deploy"
