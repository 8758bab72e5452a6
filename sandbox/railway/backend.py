"""The simulated backend: its health and startup logs, derived from the deployment's copy of the variables.

It reads what the real backend reads (SESSIONS_PATH compared with the attached volume,
FIREBASE_SERVICE_ACCOUNT_JSON) and cannot be set to healthy, so a wrong value has its real consequence.

`Backend` is the interface behind which a real process can respond instead.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, cast

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from sandbox.railway import records
    from sandbox.railway.store import Store
    from sandbox.railway.switches import Switches

DEFAULT_HEALTH_PATH = "/health"
SESSIONS_VARIABLE = "SESSIONS_PATH"
FIREBASE_VARIABLE = "FIREBASE_SERVICE_ACCOUNT_JSON"
FIREBASE_FIELDS = ("project_id", "client_email", "private_key")


class Backend(Protocol):
    """Responds to requests that reach a running deployment through one of its domains."""

    async def respond(self, deployment: records.Deployment, request: Request) -> Response:
        """Return the running deployment's response."""
        ...


class SimulatedBackend:
    """A backend without a process: it serves the health check only.

    Args:
        store: its switches are read at each request, for `backend_routes`.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def respond(self, deployment: records.Deployment, request: Request) -> Response:
        status, body = respond(deployment, self.store.switches, request.url.path)
        return JSONResponse(body, status)


def sessions_writable(deployment: records.Deployment) -> bool:
    """Return whether SESSIONS_PATH is the mount path of the attached volume."""
    path = deployment.variables.get(SESSIONS_VARIABLE)
    return path is not None and any(mount["mountPath"] == path for mount in deployment.mounts)


def firebase_error(variables: Mapping[str, str]) -> str | None:
    """Return why the Firebase Admin SDK would reject the service account, or None."""
    text = variables.get(FIREBASE_VARIABLE)
    if not text:
        return f"{FIREBASE_VARIABLE} is not set"
    try:
        account: Any = json.loads(text)
    except ValueError:
        return f"{FIREBASE_VARIABLE} is not valid JSON"
    if not isinstance(account, dict):
        return f"{FIREBASE_VARIABLE} is not an object"
    fields = cast("dict[str, Any]", account)
    if fields.get("type") != "service_account":
        return f"{FIREBASE_VARIABLE} is not of type service_account"
    absent = [name for name in FIREBASE_FIELDS if not isinstance(fields.get(name), str) or not fields[name]]
    return f"{FIREBASE_VARIABLE} lacks {', '.join(absent)}" if absent else None


def health_path(deployment: records.Deployment) -> str:
    """Return the path of this deployment's health check."""
    return deployment.settings.get("healthcheckPath") or DEFAULT_HEALTH_PATH


def respond(deployment: records.Deployment, switches: Switches, path: str) -> tuple[int, dict[str, Any]]:
    """Return status and JSON body of the backend's response to a GET."""
    routes = switches.backend_routes or [health_path(deployment)]
    if path not in routes:
        return 404, {"error": "not found", "path": path}
    if not switches.backend_is_crm:
        return 200, {"ok": True}
    sessions, firebase = sessions_writable(deployment), firebase_error(deployment.variables) is None
    healthy = sessions and firebase
    return (200 if healthy else 503), {
        "ok": healthy,
        "sessions": sessions,
        "firebase": firebase,
        "commit": deployment.commit_hash,
    }


def startup_logs(deployment: records.Deployment, switches: Switches) -> list[tuple[str, str]]:
    """Return (severity, message) of the startup logs. They contain no value of a variable."""
    path = deployment.variables.get(SESSIONS_VARIABLE)
    lines = [("info", f"Mounting volume on: {mount['mountPath']}") for mount in deployment.mounts]
    lines.append(("info", "Starting Container"))
    if not switches.backend_is_crm:
        return lines
    lines.append(("info", f"sessions path: {path or '(SESSIONS_PATH is not set)'}"))
    if sessions_writable(deployment):
        lines.append(("info", "sessions dir exists/writable: true"))
    else:
        lines.append(("error", "sessions dir exists/writable: false"))
    problem = firebase_error(deployment.variables)
    lines.append(
        ("info", "Firebase initialized") if problem is None else ("error", f"Firebase failed: {problem}")
    )
    lines.append(("info", f"Server running on port {deployment.variables.get('PORT', '8080')}"))
    return lines
