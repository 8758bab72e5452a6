"""A revision: the mark that a write leaves, by which `Deployment` knows that it must deploy, and what it
may adopt. Pure.

A deployment contains a write if it began after it. Two facts tell: the earliest instant of the write by
the server's own clock (our clock may be wrong), and the deployment that was the newest before the write.
So a deployment that Railway started by itself because of our write, or that we started before we were
killed, is waited on; an older one is not. A rollback or a redeploy by a person is new as well and runs an
earlier commit; Railway does not say so of every one of them, so `sure` takes none that might be one.

Refuses to guess: a mark without a time, or one that it did not make itself, lets nothing be adopted.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from railway.graphql.models import DeploymentView

_UNKNOWN, _NOTHING, _SOURCE = "unknown", "-", " source"


@dataclass(frozen=True)
class Revision:
    """One write.

    Args:
        not_before: the earliest instant at which it can have had its effect, None if the server gave no time.
        seen: the id of the newest deployment before it, "" if there was none.
        mark: random, so that every write has another revision.
        source: whether the write chose another source, so that an older commit does not contain it.
    """

    not_before: datetime | None
    seen: str
    mark: str
    source: bool = False

    def __str__(self) -> str:
        when = self.not_before.isoformat(timespec="milliseconds") if self.not_before else _UNKNOWN
        return f"{when} {self.seen or _NOTHING} {self.mark}{_SOURCE if self.source else ''}"


def new(not_before: datetime | None, latest: DeploymentView | None, *, source: bool = False) -> str:
    """The revision of a write that has just been answered.

    Args:
        not_before: see `Revision`.
        latest: the newest deployment of the service as it was known before the write.
        source: see `Revision`.
    """
    return str(Revision(not_before, latest.id if latest else "", secrets.token_hex(4), source))


def parse(text: str) -> Revision | None:
    """Read a revision back; None if it is none of ours."""
    source = text.endswith(_SOURCE)
    parts = text.removesuffix(_SOURCE).split(" ")
    if len(parts) != 3:
        return None
    when, seen, mark = parts
    try:
        not_before = None if when == _UNKNOWN else datetime.fromisoformat(when)
    except ValueError:
        return None
    return Revision(not_before, "" if seen == _NOTHING else seen, mark, source)


def contains(deployment: DeploymentView, revisions: Iterable[str]) -> bool:
    """Whether a deployment is known to have begun after every one of these writes."""
    for text in revisions:
        revision = parse(text)
        if revision is None or revision.not_before is None:
            return False
        if deployment.id == revision.seen or deployment.created_at < revision.not_before:
            return False
    return True


def sure(deployment: DeploymentView, newest: Sequence[DeploymentView], revisions: Sequence[str]) -> bool:
    """Whether a deployment that began after these writes is known to run what they declare.

    One whose commit no other has is the newest commit, by a push or by us. A commit that another one has may
    be that one, run again by a person: it counts only if nothing else began between the writes and it, and,
    where one of the writes chose another source, if Railway says that it was deployed and not redeployed.

    Args:
        deployment: one of which `contains` says yes.
        newest: the last few deployments of the service.
        revisions: of the writes.
    """
    if deployment.rolled_back:
        return False
    others = [one for one in newest if one.id != deployment.id]
    if deployment.commit and all(one.commit != deployment.commit for one in others):
        return True
    if any(contains(one, revisions) for one in others):
        return False
    chosen = any(write.source for write in map(parse, revisions) if write is not None)
    return not (chosen and others) or deployment.reason == "deploy"
