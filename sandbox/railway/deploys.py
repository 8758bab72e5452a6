"""Deployments: how one starts, what it copies, and how its status changes with time.

Nothing runs in the background: every request first applies what is due (`advance`), so the state depends on
the clock only. The exception is a deployment that `runs`: its processes decide, see
`sandbox.railway.running`. Sources: DeploymentStatus and DeploymentEventStep in Railway's schema; Railway
docs, deployments/reference and deployments/healthchecks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import backend, errors, records
from sandbox.railway.rendering import resolved_variables
from sandbox.railway.store import commit_hash, new_id

if TYPE_CHECKING:
    from sandbox.railway.store import Store

IN_FLIGHT = ("QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING", "NEEDS_APPROVAL", "WAITING")
RUNNING = ("SUCCESS", "SLEEPING")
HELD = {"needs_approval": "NEEDS_APPROVAL", "waiting": "WAITING"}
COPIED_SETTINGS = {
    "builder": "builder", "buildCommand": "build_command", "dockerfilePath": "dockerfile_path",
    "rootDirectory": "root_directory", "watchPatterns": "watch_patterns", "startCommand": "start_command",
    "preDeployCommand": "pre_deploy_command", "healthcheckPath": "healthcheck_path",
    "healthcheckTimeout": "healthcheck_timeout", "numReplicas": "num_replicas", "region": "region",
    "restartPolicyType": "restart_policy_type", "restartPolicyMaxRetries": "restart_policy_max_retries",
    "sleepApplication": "sleep_application", "cronSchedule": "cron_schedule",
    "overlapSeconds": "overlap_seconds", "drainingSeconds": "draining_seconds",
    "multiRegionConfig": "multi_region_config", "limitOverride": "limit_override",
}  # fmt: skip


def list_deployments(store: Store, service_id: str, environment_id: str) -> list[records.Deployment]:
    """Return all deployments of a service in an environment, newest first."""
    found = [
        row
        for row in store.deployments.values()
        if (row.service_id, row.environment_id) == (service_id, environment_id)
    ]
    return found[::-1]


def latest(store: Store, instance: records.Instance) -> records.Deployment | None:
    """Return the newest deployment of an instance."""
    found = list_deployments(store, instance.service_id, instance.environment_id)
    return found[0] if found else None


def active(store: Store, service_id: str, environment_id: str) -> list[records.Deployment]:
    """Return the running deployments of a service in an environment."""
    return [row for row in list_deployments(store, service_id, environment_id) if row.status in RUNNING]


def trigger_of(store: Store, instance: records.Instance) -> records.Trigger | None:
    """Return the deployment trigger of an instance, whether visible yet or not."""
    instance_key = (instance.service_id, instance.environment_id)
    found = [row for row in store.triggers.values() if (row.service_id, row.environment_id) == instance_key]
    return found[0] if found else None


def find_repo(store: Store, full_name: str) -> records.Repo | None:
    """Return a repository. Unless `strict_repos` is set, any owner/name exists, with a branch main."""
    owner, slash, name = full_name.partition("/")
    if full_name not in store.repos and not store.switches.strict_repos and owner and slash and name:
        store.repos[full_name] = records.Repo(id=full_name, branches={"main": commit_hash()})
    return store.repos.get(full_name)


def source_head(store: Store, instance: records.Instance) -> tuple[str | None, str | None, str | None]:
    """Return (repository, branch, newest commit) of an instance; no commit if the branch does not exist."""
    trigger = trigger_of(store, instance)
    source = trigger.repository if trigger else instance.source_repo
    if source is None:
        return None, None, None
    found = find_repo(store, source)
    if found is None:
        return source, trigger.branch if trigger else None, None
    branch = trigger.branch if trigger else found.default_branch
    return source, branch, found.branches.get(branch)


def start(
    store: Store,
    instance: records.Instance,
    reason: str,
    *,
    commit: str | None = None,
    copy_from: records.Deployment | None = None,
    outcome: str | None = None,
) -> records.Deployment:
    """Start a deployment and count it.

    Args:
        store: the state.
        instance: the instance to deploy.
        reason: "deploy", "redeploy", "rollback" or "push".
        commit: the commit, or None for the branch's newest.
        copy_from: an earlier deployment whose variables, settings and image are used (rollback).
        outcome: the outcome, or None for the one that the switches set.

    Raises:
        GraphQLError: the instance has no source.
    """
    source, branch, newest = source_head(store, instance)
    if source is None and instance.source_image is None:
        raise errors.bad_input("Service has no source to deploy")
    now = store.now()
    if outcome is None:
        outcomes = store.switches.deploy_outcomes_next
        outcome = outcomes.pop(0) if outcomes else store.switches.deploy_outcome
    if store.switches.newer_removes_in_flight:
        for older in list_deployments(store, instance.service_id, instance.environment_id):
            if older.status in IN_FLIGHT:
                set_status(older, "REMOVED", now)
    status = HELD.get(outcome, "QUEUED")
    deployment = records.Deployment(
        id=new_id(),
        project_id=store.environments[instance.environment_id].project_id,
        environment_id=instance.environment_id,
        service_id=instance.service_id,
        created_at=now,
        step_seconds=store.switches.deploy_step_seconds,
        outcome=outcome,
        reason=reason,
        status=status,
        status_updated_at=now,
        repo=source,
        branch=branch,
        image=None if source else instance.source_image,
        commit_hash=(commit or newest) if source else None,
        variables=copy_from.variables
        if copy_from
        else resolved_variables(store, instance.service_id, instance.environment_id),
        settings=copy_from.settings if copy_from else copied_settings(instance),
        mounts=mounts(store, instance),
        history=[[status, now]],
        runs=store.runs and outcome in ("success", *HELD),
        image_of=copy_from.id if copy_from else None,
    )
    deployment.failing_step = failing_step(store, deployment)
    deployment.runs = deployment.runs and deployment.failing_step is None
    store.deployments[deployment.id] = deployment
    store.deployments_started += 1
    return deployment


def redeploy_after_change(store: Store, instance: records.Instance) -> records.Deployment | None:
    """Deploy again after a change of variables or config, as Railway does, if there is anything to deploy."""
    source, _, _ = source_head(store, instance)
    before = latest(store, instance)
    if source is None and instance.source_image is None:
        return None
    if before is None and not store.switches.variable_deploys_never_deployed:
        return None
    return start(store, instance, "redeploy", commit=before.commit_hash if before else None)


def copied_settings(instance: records.Instance) -> records.Json:
    """Return the settings that a deployment copies when it starts, under Railway's names."""
    return {name: getattr(instance, attribute) for name, attribute in COPIED_SETTINGS.items()}


def mounts(store: Store, instance: records.Instance) -> list[records.Json]:
    """Return the volumes mounted into an instance."""
    return [
        {"volumeInstanceId": row.id, "volumeId": row.volume_id, "mountPath": row.mount_path}
        for row in store.volume_instances.values()
        if (row.service_id, row.environment_id) == (instance.service_id, instance.environment_id)
        and not row.is_pending_deletion
        and row.deleted_at is None
    ]


def set_status(deployment: records.Deployment, status: str, at: float) -> None:
    """Set the status of a deployment."""
    deployment.status = status
    deployment.status_updated_at = at
    deployment.history.append([status, at])


def failing_step(store: Store, deployment: records.Deployment) -> str | None:
    """Return the DeploymentEventStep at which this deployment fails, given what it copied and the switch."""
    if deployment.image is None and deployment.commit_hash is None:
        return "SNAPSHOT_CODE"
    if deployment.runs:
        return None
    if deployment.outcome == "failed_build":
        return "BUILD_IMAGE"
    gated = deployment.settings.get("healthcheckPath") and health_status(store, deployment) != 200
    return "HEALTHCHECK" if gated or deployment.outcome == "failed_healthcheck" else None


def health_status(store: Store, deployment: records.Deployment) -> int:
    """Return the HTTP status of a deployment's health check."""
    status, _ = backend.respond(deployment, store.switches, backend.health_path(deployment))
    return status


def schedule(deployment: records.Deployment) -> list[tuple[int, str]]:
    """Return (steps after the start, status) for the statuses that a deployment will reach."""
    walk = [(1, "INITIALIZING"), (2, "BUILDING"), (3, "DEPLOYING")]
    failing = deployment.failing_step
    if deployment.outcome in HELD:
        return []
    if deployment.outcome == "skipped":
        return [(1, "SKIPPED")]
    if deployment.outcome == "never_ends":
        return walk
    if failing in ("SNAPSHOT_CODE", "BUILD_IMAGE"):
        return [*walk[:2], (3, "FAILED")]
    if failing == "HEALTHCHECK":
        return [*walk, (4, "FAILED")]
    if deployment.outcome == "removed":
        return [*walk, (4, "REMOVED")]
    ends: dict[str, list[tuple[int, str]]] = {"crashed": [(5, "CRASHED")], "sleeping": [(5, "SLEEPING")]}
    return [*walk, (4, "SUCCESS"), *ends.get(deployment.outcome, [])]


def advance(store: Store) -> bool:
    """Apply every status change that is due; return whether there was one."""
    now, moved = store.now(), False
    for deployment in list(store.deployments.values()):
        if deployment.runs:
            continue
        removed = deployment.status_updated_at + deployment.step_seconds
        if deployment.status == "REMOVING" and removed <= now:
            set_status(deployment, "REMOVED", removed)
            moved = True
        if deployment.status not in (*IN_FLIGHT, *RUNNING):
            continue
        reached = {status for status, _ in deployment.history}
        started = deployment.held_since or deployment.created_at
        for steps, status in schedule(deployment):
            due = started + steps * deployment.step_seconds
            if status in reached or due > now:
                continue
            set_status(deployment, status, due)
            moved = True
            if status == "SUCCESS":
                remove_older(store, deployment, due)
    return moved


def remove_older(store: Store, newer: records.Deployment, at: float) -> None:
    """Set the running deployments that a newer one replaces to REMOVING."""
    for older in list_deployments(store, newer.service_id, newer.environment_id):
        earlier = older.id != newer.id and older.created_at <= newer.created_at
        if earlier and older.status in (*RUNNING, "CRASHED"):
            set_status(older, "REMOVING", at)


def approve(deployment: records.Deployment, at: float) -> None:
    """Continue a deployment that waits for approval."""
    deployment.outcome = "success"
    deployment.held_since = at
    set_status(deployment, "QUEUED", at)


def replicas(deployment: records.Deployment) -> list[dict[str, Any]]:
    """Return the deployment's replicas and their DeploymentInstanceStatus."""
    by_status = {
        "SUCCESS": "RUNNING", "SLEEPING": "STOPPED", "CRASHED": "CRASHED", "FAILED": "EXITED",
        "REMOVED": "REMOVED", "REMOVING": "REMOVING", "SKIPPED": "SKIPPED", "DEPLOYING": "INITIALIZING",
    }  # fmt: skip
    state = deployment.replica_status or by_status.get(deployment.status)
    count = max(1, int(deployment.settings.get("numReplicas") or 1))
    states = deployment.replicas or ([state] * count if state else [])
    return [{"id": f"{deployment.id}-{i}", "status": state} for i, state in enumerate(states)]
