"""The variables of a process: the deployment's copy, Railway's own for deployments, and the sandbox's.

Source: docs.railway.com, variables/reference (Railway-provided and Git variables).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.local_server import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.railway import records

DEFAULT_REGION = "us-west2"


def process_variables(
    deployment: records.Deployment, port: int | None, sandbox: Mapping[str, str], defaults: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of a process.

    Args:
        deployment: its variables have their references resolved.
        port: the port of this machine that it must listen on: two deployments of one service, which run at
            the same time, cannot have the same one. None for a command that serves nothing.
        sandbox: variables that win over the service's own: the addresses of the emulators.
        defaults: variables for a service that does not set them.
    """
    own = deployment.variables
    found = {
        "HOST": HOST,  # not Railway's: who reads it is reachable from this machine only
        "NODE_ENV": "production",
        **defaults,
        **own,
        **_of_deployment(deployment),
        **sandbox,
    }
    if port is not None:
        found["PORT"] = str(port)
    return found


def _of_deployment(deployment: records.Deployment) -> dict[str, str]:
    found = {
        "RAILWAY_DEPLOYMENT_ID": deployment.id,
        "RAILWAY_SNAPSHOT_ID": f"snapshot-{deployment.id}",
        "RAILWAY_REPLICA_ID": f"{deployment.id}-0",
        "RAILWAY_REPLICA_REGION": str(deployment.settings.get("region") or DEFAULT_REGION),
    }
    if deployment.commit_hash is not None and deployment.repo is not None:
        owner, _, name = deployment.repo.partition("/")
        found |= {
            "RAILWAY_GIT_COMMIT_SHA": deployment.commit_hash,
            "RAILWAY_GIT_COMMIT_MESSAGE": f"Commit {deployment.commit_hash[:7]}",
            "RAILWAY_GIT_AUTHOR": "sandbox",
            "RAILWAY_GIT_BRANCH": deployment.branch or "",
            "RAILWAY_GIT_REPO_OWNER": owner,
            "RAILWAY_GIT_REPO_NAME": name,
        }
    return found


def seconds_of(deployment: records.Deployment, setting: str, variable: str, default: float) -> float:
    """Return a duration that is a setting of the service or one of its variables.

    Source: docs.railway.com, variables/reference (user-provided configuration variables).
    """
    value = deployment.settings.get(setting)
    if value is None:
        value = deployment.variables.get(variable)
    try:
        return default if value is None else float(value)
    except ValueError:
        return default
