"""Secret Manager: secrets, numbered versions, their payloads.

Payloads are kept only in the cloud's secret store; only `access` returns them. Access to a version that is
not ENABLED, and a payload with a wrong checksum, are errors.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, cast

import google_crc32c

from sandbox.google import iam
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import list_page
from sandbox.google.masks import apply_patch, writable_fields
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
MAX_PAYLOAD = 65536
PAYLOADS = "payloads"


def table(project: str) -> str:
    """Return the store's collection of a project's secrets."""
    return f"secretmanager/projects/{project}/secrets"


def versions(project: str, secret: str) -> str:
    """Return the store's collection of a secret's versions, by number."""
    return f"{table(project)}/{secret}/versions"


def _secret(request: ApiRequest) -> tuple[str, Json]:
    key = request.name.split("/")[3]
    found = request.store.get(table(request.project), key)
    if found is None:
        number = request.cloud.number(request.project)
        raise ApiError("NOT_FOUND", f"Secret [projects/{number}/secrets/{key}] not found.")
    return key, found


def _etag(request: ApiRequest) -> str:
    return f'"16{request.store.next("etag"):012x}"'


def create(request: ApiRequest) -> Json:
    key = request.required_query("secretId")
    if not SECRET_ID.fullmatch(key):
        raise invalid(f"The provided Secret ID [{key}] does not match the expected format [[a-zA-Z_0-9]+].")
    number = request.cloud.number(request.project)
    if request.store.get(table(request.project), key) is not None:
        raise ApiError("ALREADY_EXISTS", f"Secret [projects/{number}/secrets/{key}] already exists.")
    if not request.body.get("replication"):
        raise invalid("Field [replication] is required.", "secret.replication")
    secret = {
        **writable_fields(request.api, {"$ref": "Secret"}, {}, request.body),
        "name": f"projects/{number}/secrets/{key}",
        "createTime": timestamp(),
        "etag": _etag(request),
    }
    request.store.put(table(request.project), key, secret)
    return secret


def get(request: ApiRequest) -> Json:
    return _secret(request)[1]


def list_secrets(request: ApiRequest) -> Json:
    return list_page(
        request, [secret for _, secret in request.store.items(table(request.project))], "secrets"
    )


def patch(request: ApiRequest) -> Json:
    key, old = _secret(request)
    mask = request.required_query("updateMask")
    _check_etag(request.body.get("etag"), old)
    updated = {
        **apply_patch(request.api, "Secret", old, request.body, mask),
        "name": old["name"],
        "etag": _etag(request),
    }
    request.store.put(table(request.project), key, updated)
    return updated


def delete(request: ApiRequest) -> Json:
    key, old = _secret(request)
    _check_etag(request.query.get("etag"), old)
    for number, _ in request.store.items(versions(request.project, key)):
        request.store.remove(versions(request.project, key), number)
        request.cloud.secrets.remove(PAYLOADS, f"{request.project}/{key}/{number}")
    request.store.remove(table(request.project), key)
    request.store.remove("counters", f"versions/{request.project}/{key}")
    iam.delete_policy(request.cloud, "secretmanager", request.name)
    return {}


def _check_etag(etag: object, old: Json) -> None:
    if etag and etag != old["etag"]:
        raise ApiError(
            "FAILED_PRECONDITION", f"The provided etag [{etag}] does not match the secret's [{old['etag']}]."
        )


def add_version(request: ApiRequest) -> Json:
    key, secret = _secret(request)
    payload = cast("Json", request.body.get("payload", {}))
    data = base64.b64decode(payload.get("data", ""))
    if not data:
        raise invalid("Secret Payload cannot be empty.")
    if len(data) > MAX_PAYLOAD:
        raise invalid(f"The size of the Secret Payload must be at most {MAX_PAYLOAD} bytes.")
    checksum = payload.get("dataCrc32c")
    if checksum is not None and int(checksum) != google_crc32c.value(data):
        raise invalid("The provided checksum does not match the payload.")
    number = str(request.store.next(f"versions/{request.project}/{key}"))
    version: Json = {
        "name": f"{secret['name']}/versions/{number}",
        "createTime": timestamp(),
        "state": "ENABLED",
        "replicationStatus": {"automatic": {}},
        "etag": _etag(request),
    }
    if checksum is not None:
        version["clientSpecifiedPayloadChecksum"] = True
    request.store.put(versions(request.project, key), number, version)
    request.cloud.secrets.put(PAYLOADS, f"{request.project}/{key}/{number}", base64.b64encode(data).decode())
    return version


def find_version(cloud: Cloud, project: str, secret: str, version: str) -> Json | None:
    """Return a version by number, alias or `latest` (the newest, whatever its state), or None."""
    stored = cloud.store.get(table(project), secret)
    if stored is None:
        return None
    if version == "latest":
        every = [item for _, item in cloud.store.items(versions(project, secret))]
        return every[-1] if every else None
    number = cast("Json", stored.get("versionAliases", {})).get(version, version)
    return cloud.store.get(versions(project, secret), str(number))


def _version(request: ApiRequest) -> tuple[str, Json]:
    key, secret = _secret(request)
    found = find_version(request.cloud, request.project, key, request.resource_id)
    if found is None:
        raise ApiError(
            "NOT_FOUND", f"Secret Version [{secret['name']}/versions/{request.resource_id}] not found."
        )
    return key, found


def get_version(request: ApiRequest) -> Json:
    return _version(request)[1]


def list_versions(request: ApiRequest) -> Json:
    key, _ = _secret(request)
    newest_first = [version for _, version in request.store.items(versions(request.project, key))][::-1]
    return list_page(request, newest_first, "versions")


def access(request: ApiRequest) -> Json:
    key, version = _version(request)
    if version["state"] != "ENABLED":
        raise ApiError(
            "FAILED_PRECONDITION", f"Secret Version [{version['name']}] is in {version['state']} state."
        )
    number = version["name"].rpartition("/")[2]
    data = cast("str", request.cloud.secrets.get(PAYLOADS, f"{request.project}/{key}/{number}"))
    checksum = google_crc32c.value(base64.b64decode(data))
    return {"name": version["name"], "payload": {"data": data, "dataCrc32c": str(checksum)}}


def set_state(request: ApiRequest) -> Json:
    """`:enable`, `:disable`, `:destroy`. A destroyed version remains, without its payload."""
    key, version = _version(request)
    _check_etag(request.body.get("etag"), version)
    number = version["name"].rpartition("/")[2]
    if version["state"] == "DESTROYED":
        raise ApiError("FAILED_PRECONDITION", f"Secret Version [{version['name']}] is in DESTROYED state.")
    state = {"enable": "ENABLED", "disable": "DISABLED", "destroy": "DESTROYED"}[request.method.verb]
    updated = {**version, "state": state, "etag": _etag(request)}
    if state == "DESTROYED":
        updated["destroyTime"] = timestamp()
        request.cloud.secrets.remove(PAYLOADS, f"{request.project}/{key}/{number}")
    request.store.put(versions(request.project, key), number, updated)
    return updated


_ID = "secretmanager.projects.secrets."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "get": get,
    _ID + "list": list_secrets,
    _ID + "patch": patch,
    _ID + "delete": delete,
    _ID + "addVersion": add_version,
    _ID + "versions.get": get_version,
    _ID + "versions.list": list_versions,
    _ID + "versions.access": access,
    _ID + "versions.enable": set_state,
    _ID + "versions.disable": set_state,
    _ID + "versions.destroy": set_state,
    **{_ID + verb: one for verb, one in iam.handlers(_secret, "secretmanager").items()},
}
