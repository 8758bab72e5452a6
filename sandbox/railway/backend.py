"""What the deployed backend would do: its health and its log lines, derived from the deployment's own copy.

Refuses to be told that it is healthy: it reads what the real backend reads (SESSIONS_PATH against the
attached volume, FIREBASE_SERVICE_ACCOUNT_JSON), so a program that writes the wrong thing sees the wrong
thing.

`Backend` is the seam behind which a real process may later answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, cast

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from sandbox.railway import records as r
    from sandbox.railway.store import Store
    from sandbox.railway.switches import Switches

DEFAULT_HEALTH_PATH = "/health"
SESSIONS_VARIABLE = "SESSIONS_PATH"
FIREBASE_VARIABLE = "FIREBASE_SERVICE_ACCOUNT_JSON"
FIREBASE_FIELDS = ("project_id", "client_email", "private_key")


class Backend(Protocol):
    """Answers requests that reached a running deployment through one of its domains."""

    async def answer(self, deployment: r.Deployment, request: Request) -> Response:
        """The running deployment's response."""
        ...


class Simulated:
    """The backend without a process: only its health check has an answer.

    Args:
        store: its switches are read at each request, for `backend_routes`.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def answer(self, deployment: r.Deployment, request: Request) -> Response:
        status, body = respond(deployment, self.store.switches, request.url.path)
        return JSONResponse(body, status)


def sessions_writable(deployment: r.Deployment) -> bool:
    """Whether the backend keeps its sessions on the volume that is mounted into it."""
    path = deployment.variables.get(SESSIONS_VARIABLE)
    return path is not None and any(mount["mountPath"] == path for mount in deployment.mounts)


def firebase_problem(variables: Mapping[str, str]) -> str | None:
    """Why the Firebase Admin SDK would not take the service account, or None."""
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


def health_path(deployment: r.Deployment) -> str:
    """Where this deployment's health is asked for."""
    return deployment.settings.get("healthcheckPath") or DEFAULT_HEALTH_PATH


def respond(deployment: r.Deployment, switches: Switches, path: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON body of the backend's answer to a GET."""
    routes = switches.backend_routes or [health_path(deployment)]
    if path not in routes:
        return 404, {"error": "not found", "path": path}
    if not switches.backend_is_crm:
        return 200, {"ok": True}
    sessions, firebase = sessions_writable(deployment), firebase_problem(deployment.variables) is None
    healthy = sessions and firebase
    return (200 if healthy else 503), {
        "ok": healthy,
        "sessions": sessions,
        "firebase": firebase,
        "commit": deployment.commit_hash,
    }


def start_lines(deployment: r.Deployment, switches: Switches) -> list[tuple[str, str]]:
    """(severity, message) of what the backend logs when it starts. No variable's value is among them."""
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
    problem = firebase_problem(deployment.variables)
    lines.append(
        ("info", "Firebase initialized") if problem is None else ("error", f"Firebase failed: {problem}")
    )
    lines.append(("info", f"Server running on port {deployment.variables.get('PORT', '8080')}"))
    return lines
