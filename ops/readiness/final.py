"""The runbook's final checklist and its risks.

A line fails for a reason of its own, or because an earlier line does: it then `follows` that line, and the
report names the earlier one as the reason.
"""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from firebase.index_builds import BROKEN, MISSING, READY
from ops.readiness.after_deployment import healthy
from ops.readiness.context import Context
from ops.readiness.findings import counted, failed, passed, some, unknown
from ops.readiness.firebase import secret_state
from ops.readiness.model import Finding
from ops.readiness.railway import VARIABLES

CREATING = "CREATING"
STARTED = "Firebase initialized"
MOST_STARTS = 3
RECENT = timedelta(hours=24)
"""A backend that started more often than MOST_STARTS in this time is in a crash loop, or near one."""

_BAD_INSTANCES = ("CRASHED", "RESTARTING", "EXITED")


def no_build(context: Context) -> Finding:
    """G1: no index is being built, declared or not: queries that need it fail meanwhile."""
    declared = {key: state for key, state in context.indexes.items() if state not in READY}
    building = sorted(key for key, state in declared.items() if state not in {MISSING, *BROKEN})
    known = {*context.spec.indexes.values()}
    others = sorted(
        str(one["name"])
        for one in context.all_indexes
        if one.get("state") == CREATING and str(one["name"]) not in known
    )
    total = len({*known, *(str(one["name"]) for one in context.all_indexes)})
    shown = some([*building, *others], ", ")
    seen = context.seen(
        f"Firestore: which of {counted(total, 'index', 'indexes')} are being built?", shown or "none"
    )
    fix = f"wait until Firestore has built them:\n{context.again('--retry-until 60m')}"
    if others:
        return failed(f"being built, and not declared: {some(others, ', ')}", fix, seen, waiting=True)
    if building:
        return failed(f"being built: {shown}", fix, seen, follows=("B2",), waiting=True)
    return passed("no index is being built", seen)


def no_second_instance(context: Context) -> Finding:
    """G2: nothing else runs the backend: no second deployment, no second service of the same repository."""
    repository, own = context.declared.service.get("repo"), context.declared.service_id
    environment = context.snapshot.environment
    running: list[str] = []
    for instance in environment.instances if environment else ():
        source = cast("dict[str, object]", instance.node.get("source") or {})
        if instance.service_id != own and source.get("repo") != repository:
            continue
        service = context.snapshot.service(instance.service_id)
        running += [
            f"{service.name if service else instance.service_id}: {one.id}"
            for one in instance.active
            if one.successful
        ]
    seen = context.seen(
        f"Railway: running deployments of {repository} in this environment", "; ".join(running) or "none"
    )
    if len(running) > 1:
        fix = "In Railway's dashboard, remove the deployments or the service that has no volume."
        return failed(f"{len(running)} deployments run: {some(running)}", fix, seen)
    current = context.running
    if current is None:
        return failed("no deployment runs", context.up, seen, follows=("C5",))
    alive = context.instances(current.id).count("RUNNING")
    if alive > 1:
        return failed(f"{alive} instances run", context.refresh, seen, follows=("A3",))
    return passed(f"one deployment runs: {some(running) or current.id}", seen)


def no_secret_missing(context: Context) -> Finding:
    """G3: each secret that a live function reads is enabled; the backend's secret variables are set."""
    states: dict[tuple[str, str], str] = {}
    users: dict[tuple[str, str], list[str]] = {}
    for function, _, secret, version in context.secrets_read():
        users.setdefault((secret, version), []).append(function)
    for secret, version in users:
        states[secret, version] = secret_state(context, secret, version)
    bad = sorted(one for one, state in states.items() if state != "ENABLED")
    unset = [name for name in VARIABLES[:2] if context.variables.get(name, "") == ""]
    seen = context.seen(
        f"Secret Manager: {counted(len(states), 'version')} that live functions read; "
        f"Railway: {', '.join(VARIABLES[:2])}",
        some([*(f"{s} {v}: {states[s, v] or 'missing'}" for s, v in bad), *unset], ", ") or "none is missing",
    )
    if not bad and not unset:
        return passed(
            f"{counted(len(states), 'secret')} of functions and {len(VARIABLES[:2])} of the backend", seen
        )
    shown = [f"{s} version {v} ({', '.join(users[s, v])})" for s, v in bad]
    declared = all(context.spec.secrets.get(secret) == version for secret, version in bad)
    follows = [*(["B6"] if bad else []), *(["C4"] if unset else [])]
    return failed(
        f"missing: {some([*shown, *unset], ', ')}", context.refresh, seen, follows=follows if declared else ()
    )


def backend_stable(context: Context) -> Finding:
    """G4: the backend is healthy, and is not restarted again and again."""
    current = context.running
    if current is None:
        return failed("no deployment runs", context.up, follows=("C5",))
    states = context.instances(current.id)
    texts = [one for one in context.declared.log_lines if "firebase" in one.lower()] or [STARTED]
    since = context.now() - RECENT
    times = context.times_logged(current.id, texts[0])
    starts = [at for at in times if at >= since]
    hours = RECENT.total_seconds() / 3600
    seen = [
        context.seen(f"Railway: the instances of {current.id}", ", ".join(states) or "none"),
        context.seen(
            f'Railway: how often it logged "{texts[0]}" in {hours:.0f} hours, which is once a start',
            len(starts),
        ),
    ]
    bad = [state for state in states if state in _BAD_INSTANCES]
    fix = f"railway logs {current.id}  # why it ended"
    if bad:
        return failed(f"an instance is {', '.join(bad)}", fix, *seen)
    if len(starts) > MOST_STARTS:
        return failed(f"it started {len(starts)} times in {hours:.0f} hours", fix, *seen)
    health = healthy(context)
    if health.fix:
        return failed(health.found, health.fix, *seen, *health.evidence, follows=("D3",))
    if not times:
        return unknown(
            f'"{texts[0]}" is not in its log, so its starts cannot be counted', fix, *seen, follows=("D2",)
        )
    return passed(f"it answers, and started {counted(len(starts), 'time')} in {hours:.0f} hours", *seen)


def ready(context: Context) -> Finding:
    """G5: replaced by `ops.readiness.run`, which knows the other lines."""
    del context
    return unknown("no other line was checked", "run the command without --only")
