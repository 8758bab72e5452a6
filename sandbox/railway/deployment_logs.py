"""The events and logs of a deployment, derived from its status history.

A deployment that runs as a process has the lines of that process instead. What is derived never contains the
value of a variable. Source: DeploymentEventStep and Log in Railway's schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import backend
from sandbox.railway.deploys import health_status
from sandbox.railway.process_logs import BUILD, DEPLOY
from sandbox.railway.store import iso

if TYPE_CHECKING:
    from sandbox.railway import records
    from sandbox.railway.store import Store

BUILD_STEPS = ("SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE")
ERRORS = {
    "SNAPSHOT_CODE": ("Failed to snapshot code", "branch or commit not found"),
    "BUILD_IMAGE": ("Failed to build an image", "the build command exited with code 1"),
    "HEALTHCHECK": ("Healthcheck failed", "1/1 replicas never became healthy"),
    "PRE_DEPLOY_COMMAND": ("Pre-deploy command failed", "it exited with code 1"),
    "CREATE_CONTAINER": ("Failed to create the container", "it could not be started"),
}
HEALTH_ATTEMPTS = 8


def status_times(deployment: records.Deployment) -> dict[str, float]:
    """Return the time at which each status was first reached."""
    return {row[0]: row[1] for row in reversed(deployment.history)}


def events(deployment: records.Deployment) -> list[dict[str, Any]]:
    """Return the deployment's steps so far; the failed step has the error."""
    times = status_times(deployment)
    if "BUILDING" not in times:
        return []
    steps = list(BUILD_STEPS if deployment.image is None else BUILD_STEPS[2:])
    started = dict.fromkeys(steps, times["BUILDING"])
    if "DEPLOYING" in times:
        later = ["CREATE_CONTAINER"]
        if deployment.mounts:
            later.insert(0, "MIGRATE_VOLUMES")
        if deployment.settings.get("preDeployCommand"):
            later.append("PRE_DEPLOY_COMMAND")
        if deployment.settings.get("healthcheckPath") or deployment.failing_step == "HEALTHCHECK":
            later.append("HEALTHCHECK")
        started |= dict.fromkeys(later, times["DEPLOYING"])
    end = next((times[status] for status in ("SUCCESS", "FAILED", "REMOVED") if status in times), None)
    rows: list[dict[str, Any]] = []
    for step, at in started.items():
        done = times.get("DEPLOYING") if at == times["BUILDING"] else end
        payload: dict[str, Any] = dict.fromkeys(
            ("attempt", "detail", "error", "max_attempts", "reason", "skipped")
        )
        failed = step == deployment.failing_step and "FAILED" in times
        if failed:
            done = times["FAILED"]
            payload["error"], reason = ERRORS[step]
            payload["reason"] = deployment.failure or reason
            if step == "HEALTHCHECK":
                payload["attempt"] = payload["max_attempts"] = HEALTH_ATTEMPTS
        payload["duration_ms"] = None if done is None else round((done - at) * 1000)
        rows.append(
            {
                "id": f"{deployment.id}-{step}",
                "step": step,
                "created_at": at,
                "completed_at": done,
                "payload": payload,
            }
        )
        if failed:
            break
    return rows


def log_rows(deployment: records.Deployment, at: float, texts: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return log rows for (severity, message) pairs at a time."""
    return [
        {
            "at": at,
            "timestamp": iso(at + index / 1000),
            "severity": severity,
            "message": message,
            "attributes": [{"key": "level", "value": severity}],
            "tags": {
                "deployment_id": deployment.id,
                "deployment_instance_id": f"{deployment.id}-0",
                "environment_id": deployment.environment_id,
                "project_id": deployment.project_id,
                "service_id": deployment.service_id,
                "plugin_id": None,
                "snapshot_id": None,
            },
        }
        for index, (severity, message) in enumerate(texts)
    ]


def process_rows(store: Store, deployment: records.Deployment, kind: str) -> list[dict[str, Any]]:
    """Return the lines of a deployment that runs as a process."""
    return [
        row
        for line in store.logs.lines(deployment.id, kind)
        for row in log_rows(deployment, line.at, [(line.severity, line.message)])
    ]


def build_logs(store: Store, deployment: records.Deployment) -> list[dict[str, Any]]:
    """Return the build logs, with those of the health check, which Railway shows among them."""
    if deployment.runs:
        return process_rows(store, deployment, BUILD)
    times = status_times(deployment)
    if "BUILDING" not in times:
        return []
    origin = deployment.image or f"{deployment.repo}@{deployment.commit_hash} ({deployment.branch})"
    rows = log_rows(deployment, times["BUILDING"], [("info", f"Using {origin}")])
    failing = deployment.failing_step
    if failing in ("SNAPSHOT_CODE", "BUILD_IMAGE"):
        if "FAILED" in times:
            message, reason = ERRORS[failing]
            rows += log_rows(deployment, times["FAILED"], [("error", f"{message}: {reason}")])
        return rows
    if "DEPLOYING" in times:
        rows += log_rows(deployment, times["DEPLOYING"], [("info", "Build completed")])
        path = deployment.settings.get("healthcheckPath")
        if path:
            rows += log_rows(deployment, times["DEPLOYING"], [("info", f"Starting Healthcheck at {path}")])
        if path and "SUCCESS" in times:
            rows += log_rows(deployment, times["SUCCESS"], [("info", "Healthcheck succeeded!")])
    if failing == "HEALTHCHECK" and "FAILED" in times:
        rows += log_rows(deployment, times["FAILED"], [("error", "1/1 replicas never became healthy!")])
    return rows


def deployment_logs(store: Store, deployment: records.Deployment) -> list[dict[str, Any]]:
    """Return the logs of the started backend."""
    if deployment.runs:
        return process_rows(store, deployment, DEPLOY)
    times = status_times(deployment)
    if "DEPLOYING" not in times:
        return []
    startup = backend.startup_logs(deployment, store.switches)
    rows = log_rows(deployment, times["DEPLOYING"], startup)
    path = deployment.settings.get("healthcheckPath")
    if path:
        end = times.get("SUCCESS") or times.get("FAILED")
        if end is not None:
            failed = deployment.failing_step == "HEALTHCHECK"
            status = 503 if failed else health_status(store, deployment)
            rows += log_rows(deployment, end, [("info" if status == 200 else "error", f"{path} {status}")])
    if "CRASHED" in times:
        rows += log_rows(deployment, times["CRASHED"], [("error", "Error: process exited with code 1")])
    for at in deployment.restarted_at:
        rows += log_rows(deployment, at, startup)
    return sorted(rows, key=lambda row: row["at"])
