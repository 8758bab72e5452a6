"""The SDK functions that this plugin supports: a project's number, and a secret version."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

from sandbox.engine.gcp.errors import GcpError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.engine.gcp.model import Settings, State
    from sandbox.engine.gcp.rest import Json, Rest


def get_project(rest: Rest, settings: Settings, arguments: State) -> State:
    """Return a project's id and number (`organizations.get_project`)."""
    project = str(arguments.get("projectId") or settings.project)
    if not project:
        message = "projectId is missing. fix: pass it, or set gcp:project"
        raise GcpError(message)
    found = rest.get("cloudresourcemanager", f"projects/{project}")
    return {
        "id": f"projects/{project}",
        "projectId": found.get("projectId"),
        "number": str(found.get("projectNumber")),
        "name": found.get("name") or "",
        "labels": found.get("labels") or {},
        "effectiveLabels": found.get("labels") or {},
        "pulumiLabels": {},
        "autoCreateNetwork": True,
        "billingAccount": "",
        "deletionPolicy": "PREVENT",
        "folderId": "",
        "orgId": "",
        "tags": {},
    }


def get_secret_version(rest: Rest, settings: Settings, arguments: State) -> State:
    """Return a version's number and, unless `fetchSecretData` is false, its payload."""
    secret = str(arguments["secret"])
    project = str(arguments.get("project") or settings.project)
    if "/" not in secret:
        secret = f"projects/{project}/secrets/{secret}"
    version = str(arguments.get("version") or "latest")
    found = rest.get("secretmanager", f"{secret}/versions/{version}")
    name = str(found["name"])
    payload = ""
    if arguments.get("fetchSecretData") is not False:
        response = rest.get("secretmanager", f"{name}:access")
        data = base64.b64decode(str(cast("Json", response["payload"])["data"]))
        payload = base64.b64encode(data).decode() if arguments.get("isSecretDataBase64") else data.decode()
    return {
        "id": name,
        "name": name,
        "secret": str(arguments["secret"]),
        "project": project,
        "version": name.rpartition("/")[2],
        "enabled": found.get("state") == "ENABLED",
        "createTime": found.get("createTime") or "",
        "destroyTime": found.get("destroyTime") or "",
        "fetchSecretData": arguments.get("fetchSecretData"),
        "isSecretDataBase64": arguments.get("isSecretDataBase64"),
        "secretData": payload,
    }


INVOKES: dict[str, Callable[[Rest, Settings, State], State]] = {
    "gcp:organizations/getProject:getProject": get_project,
    "gcp:secretmanager/getSecretVersion:getSecretVersion": get_secret_version,
}
SECRET_RESULTS = {"secretData"}
