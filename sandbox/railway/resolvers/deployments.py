"""Deployments: all ways to start one, status, cancellation, events and logs.

Without a commit, Railway deploys the commit that is already associated, not the branch's newest. Source:
Railway's schema; Railway docs, integrations/api/manage-services.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.railway import deployment_logs as written
from sandbox.railway import deploys, errors, records
from sandbox.railway.connections import page

if TYPE_CHECKING:
    from sandbox.railway.context import Context

DEFAULT_LOGS = 100
MOST_LOGS = 5_000


def deployment(_: None, context: Context, id: str) -> records.Deployment:
    return context.deployment(id)


def deployments(_: None, context: Context, input: dict[str, Any], **paging: Any) -> dict[str, Any]:
    """Return deployments, newest first."""
    context.require_token()
    if input.get("project_id"):
        context.project(input["project_id"])
    if input.get("environment_id"):
        context.environment(input["environment_id"])
    elif not input.get("project_id") or context.caller.kind == "project":
        raise errors.not_authorized()
    status: dict[str, Any] = input.get("status") or {}
    rows = [
        row
        for row in context.store.deployments.values()
        if all(
            not input.get(name) or getattr(row, name) == input[name]
            for name in ("project_id", "environment_id", "service_id")
        )
        and (not status.get("in") or row.status in status["in"])
        and (not status.get("not_in") or row.status not in status["not_in"])
    ]
    return page(rows[::-1], context.switches.page_limit, **paging)


def deploy(
    _: None,
    context: Context,
    service_id: str,
    environment_id: str,
    commit_sha: str | None = None,
    latest_commit: bool | None = None,
) -> bool:
    """Deploy; with latestCommit the branch's newest commit. The response does not name the deployment."""
    instance = context.instance(service_id, environment_id)
    before = deploys.latest(context.store, instance)
    previous_commit = before.commit_hash if before and not latest_commit else None
    deploys.start(context.store, instance, "deploy", commit=commit_sha or previous_commit)
    return True


def deploy_v2(
    _: None, context: Context, service_id: str, environment_id: str, commit_sha: str | None = None
) -> str:
    """Deploy the given commit, else the one already associated, not the branch's newest."""
    instance = context.instance(service_id, environment_id)
    before = deploys.latest(context.store, instance)
    if before is None and instance.source_repo and context.switches.deploy_v2_never_deployed == "not_found":
        raise errors.not_found("Deployment")
    previous_commit = before.commit_hash if before else None
    return deploys.start(context.store, instance, "deploy", commit=commit_sha or previous_commit).id


def redeploy(_: None, context: Context, service_id: str, environment_id: str) -> bool:
    """Deploy the same commit with the current variables and settings."""
    instance = context.instance(service_id, environment_id)
    before = deploys.latest(context.store, instance)
    if before is None:
        raise errors.not_found("Deployment")
    deploys.start(context.store, instance, "redeploy", commit=before.commit_hash)
    return True


def triggers_deploy(_: None, context: Context, input: dict[str, Any]) -> bool:
    """Deploy the branch that the service's trigger follows."""
    context.project(input["project_id"])
    instance = context.instance(input["service_id"], input["environment_id"])
    if deploys.trigger_of(context.store, instance) is None:
        raise errors.not_found("DeploymentTrigger")
    deploys.start(context.store, instance, "deploy")
    return True


def deployment_redeploy(
    _: None, context: Context, id: str, use_previous_image_tag: bool | None = None
) -> records.Deployment:
    """Deploy the same commit again, which Railway rejects while the deployment is being built."""
    del use_previous_image_tag
    found = context.deployment(id)
    if found.status in ("QUEUED", "INITIALIZING", "BUILDING"):
        raise errors.graphql_error(
            "Cannot redeploy yet, please wait for the original deployment to finish building"
        )
    instance = context.instance(found.service_id, found.environment_id)
    return deploys.start(context.store, instance, "redeploy", commit=found.commit_hash)


def rollback(_: None, context: Context, id: str) -> bool:
    """Deploy image and variables of an earlier deployment.

    Source: Railway docs, deployments/deployment-actions.
    """
    found = context.deployment(id)
    if not can_rollback(found, context):
        raise errors.bad_input("Deployment cannot be rolled back to")
    instance = context.instance(found.service_id, found.environment_id)
    deploys.start(context.store, instance, "rollback", commit=found.commit_hash, copy_from=found)
    return True


def restart(_: None, context: Context, id: str) -> bool:
    """Restart the running process, without a new deployment."""
    found = context.deployment(id)
    if found.status not in (*deploys.RUNNING, "CRASHED"):
        raise errors.bad_input("Only a running deployment can be restarted")
    found.restarts += 1
    if not found.runs:
        found.restarted_at.append(context.now)
    if found.status == "CRASHED":
        found.outcome = "success"
        deploys.set_status(found, "SUCCESS", context.now)
    return True


def cancel(_: None, context: Context, id: str) -> bool:
    found = context.deployment(id)
    if found.status not in deploys.IN_FLIGHT:
        raise errors.bad_input("Deployment cannot be cancelled")
    deploys.set_status(found, "REMOVED", context.now)
    return True


def remove(_: None, context: Context, id: str) -> bool:
    found = context.deployment(id)
    if found.status != "REMOVED":
        deploys.set_status(found, "REMOVED", context.now)
    return True


def approve(_: None, context: Context, id: str) -> bool:
    found = context.deployment(id)
    if found.status != "NEEDS_APPROVAL":
        raise errors.bad_input("Deployment does not need approval")
    deploys.approve(found, context.now)
    return True


def events(_: None, context: Context, id: str, **paging: Any) -> dict[str, Any]:
    rows = written.events(context.deployment(id))
    return page(rows, context.switches.page_limit, key=lambda row: row["id"], **paging)


def deployment_logs(_: None, context: Context, deployment_id: str, **options: Any) -> list[dict[str, Any]]:
    found = context.deployment(deployment_id)
    return select_logs(written.deployment_logs(context.store, found), **options)


def build_logs(_: None, context: Context, deployment_id: str, **options: Any) -> list[dict[str, Any]]:
    return select_logs(written.build_logs(context.store, context.deployment(deployment_id)), **options)


def select_logs(
    rows: list[dict[str, Any]],
    limit: int | None = None,
    filter: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
) -> list[dict[str, Any]]:
    """Return the last matching rows; Railway returns one more than the limit.

    Raises:
        GraphQLError: the limit is above 5000.
    """
    count = DEFAULT_LOGS if limit is None else limit
    if not 1 <= count <= MOST_LOGS:
        raise errors.bad_input(f"limit must be between 1 and {MOST_LOGS}")
    first, last = parse_datetime(start_date), parse_datetime(end_date)
    fitting = [
        row
        for row in rows
        if (not filter or filter.strip('"') in row["message"])
        and (first is None or row["at"] >= first)
        and (last is None or row["at"] <= last)
    ]
    return fitting[-(count + 1) :]


def parse_datetime(text: str | None) -> float | None:
    """Parse a DateTime into epoch seconds.

    Raises:
        GraphQLError: it is not a DateTime.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise errors.bad_input(f"Invalid DateTime {text!r}") from error


def meta(source: records.Deployment, context: Context) -> dict[str, Any]:
    """Return what Railway records about a deployment's origin."""
    regions = source.settings.get("multiRegionConfig") or {
        source.settings.get("region") or "us-west2": {"numReplicas": source.settings.get("numReplicas") or 1}
    }
    known = {
        "repo": source.repo,
        "branch": source.branch,
        "image": source.image,
        "commitHash": source.commit_hash,
        "commitMessage": f"Commit {source.commit_hash[:7]}" if source.commit_hash else None,
        "rootDirectory": source.settings.get("rootDirectory"),
    }
    return {
        **{name: value for name, value in known.items() if value is not None},
        "reason": context.switches.rollback_reason if source.reason == "rollback" else source.reason,
        "serviceManifest": {
            "build": {
                name: source.settings.get(name) for name in ("builder", "buildCommand", "dockerfilePath")
            },
            "deploy": {
                "startCommand": source.settings.get("startCommand"),
                "healthcheckPath": source.settings.get("healthcheckPath"),
                "healthcheckTimeout": source.settings.get("healthcheckTimeout"),
                "numReplicas": source.settings.get("numReplicas"),
                "multiRegionConfig": regions,
                "restartPolicyType": source.settings.get("restartPolicyType"),
                "restartPolicyMaxRetries": source.settings.get("restartPolicyMaxRetries"),
            },
        },
        "volumeMounts": [mount["mountPath"] for mount in source.mounts],
    }


def stopped(source: records.Deployment, _: Context) -> bool:
    return source.status in ("FAILED", "CRASHED", "REMOVED", "SKIPPED")


def can_redeploy(source: records.Deployment, _: Context) -> bool:
    return source.status in ("SUCCESS", "SLEEPING", "FAILED", "CRASHED", "REMOVED")


def can_rollback(source: records.Deployment, _: Context) -> bool:
    return source.status == "REMOVED" and any(status == "SUCCESS" for status, _at in source.history)


def snapshot_id(source: records.Deployment, _: Context) -> str:
    return f"snapshot-{source.id}"


def lacks_domain(source: records.Deployment, context: Context) -> bool:
    return public_host(source, context) is None


def public_host(source: records.Deployment, context: Context) -> str | None:
    """Return the first domain of the deployment's service."""
    for row in context.store.domains.values():
        if (row.service_id, row.environment_id, row.deleted_at) == (
            source.service_id,
            source.environment_id,
            None,
        ):
            return row.domain
    return None


def instances(source: records.Deployment, _: Context) -> list[dict[str, Any]]:
    return deploys.replicas(source)


def of_service(source: records.Deployment, context: Context) -> records.Service:
    return context.service(source.service_id)


def of_environment(source: records.Deployment, context: Context) -> records.Environment:
    return context.environment(source.environment_id)


def updated(source: records.Deployment, _: Context) -> float:
    return source.status_updated_at


FIELDS = {
    "Query.deployment": deployment,
    "Query.deployments": deployments,
    "Query.deploymentEvents": events,
    "Query.deploymentLogs": deployment_logs,
    "Query.buildLogs": build_logs,
    "Mutation.serviceInstanceDeploy": deploy,
    "Mutation.serviceInstanceDeployV2": deploy_v2,
    "Mutation.serviceInstanceRedeploy": redeploy,
    "Mutation.environmentTriggersDeploy": triggers_deploy,
    "Mutation.deploymentRedeploy": deployment_redeploy,
    "Mutation.deploymentRestart": restart,
    "Mutation.deploymentCancel": cancel,
    "Mutation.deploymentStop": remove,
    "Mutation.deploymentRemove": remove,
    "Mutation.deploymentRollback": rollback,
    "Mutation.deploymentApprove": approve,
    "Deployment.meta": meta,
    "Deployment.deploymentStopped": stopped,
    "Deployment.canRedeploy": can_redeploy,
    "Deployment.canRollback": can_rollback,
    "Deployment.snapshotId": snapshot_id,
    "Deployment.suggestAddServiceDomain": lacks_domain,
    "Deployment.url": public_host,
    "Deployment.staticUrl": public_host,
    "Deployment.instances": instances,
    "Deployment.service": of_service,
    "Deployment.environment": of_environment,
    "Deployment.updatedAt": updated,
}
