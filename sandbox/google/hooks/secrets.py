"""Secret Manager: secrets, numbered versions, their payloads.

Payloads are kept in the cloud's secret store only, and leave it through `access`. Refuses to access a
version that is not ENABLED, and a payload whose checksum is wrong.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, cast

import google_crc32c

from sandbox.google import iam
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import listing
from sandbox.google.masks import overlay, update
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json

SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
MAX_PAYLOAD = 65536
PAYLOADS = "payloads"


def table(project: str) -> str:
    """The store's collection of a project's secrets."""
    return f"secretmanager/projects/{project}/secrets"


def versions(project: str, secret: str) -> str:
    """The store's collection of a secret's versions, by number."""
    return f"{table(project)}/{secret}/versions"


def _secret(call: Call) -> tuple[str, Json]:
    key = call.name.split("/")[3]
    found = call.store.get(table(call.project), key)
    if found is None:
        number = call.cloud.number(call.project)
        raise ApiError("NOT_FOUND", f"Secret [projects/{number}/secrets/{key}] not found.")
    return key, found


def _etag(call: Call) -> str:
    return f'"16{call.store.next("etag"):012x}"'


def create(call: Call) -> Json:
    key = call.need("secretId")
    if not SECRET_ID.fullmatch(key):
        raise invalid(f"The provided Secret ID [{key}] does not match the expected format [[a-zA-Z_0-9]+].")
    number = call.cloud.number(call.project)
    if call.store.get(table(call.project), key) is not None:
        raise ApiError("ALREADY_EXISTS", f"Secret [projects/{number}/secrets/{key}] already exists.")
    if not call.body.get("replication"):
        raise invalid("Field [replication] is required.", "secret.replication")
    secret = {
        **overlay(call.api, {"$ref": "Secret"}, {}, call.body),
        "name": f"projects/{number}/secrets/{key}",
        "createTime": timestamp(),
        "etag": _etag(call),
    }
    call.store.put(table(call.project), key, secret)
    return secret


def get(call: Call) -> Json:
    return _secret(call)[1]


def listed(call: Call) -> Json:
    return listing(call, [secret for _, secret in call.store.items(table(call.project))], "secrets")


def patch(call: Call) -> Json:
    key, old = _secret(call)
    mask = call.need("updateMask")
    _same_etag(call.body.get("etag"), old)
    fresh = {**update(call.api, "Secret", old, call.body, mask), "name": old["name"], "etag": _etag(call)}
    call.store.put(table(call.project), key, fresh)
    return fresh


def delete(call: Call) -> Json:
    key, old = _secret(call)
    _same_etag(call.query.get("etag"), old)
    for number, _ in call.store.items(versions(call.project, key)):
        call.store.drop(versions(call.project, key), number)
        call.cloud.secrets.drop(PAYLOADS, f"{call.project}/{key}/{number}")
    call.store.drop(table(call.project), key)
    call.store.drop("counters", f"versions/{call.project}/{key}")
    iam.forget(call.cloud, "secretmanager", call.name)
    return {}


def _same_etag(etag: object, old: Json) -> None:
    if etag and etag != old["etag"]:
        raise ApiError(
            "FAILED_PRECONDITION", f"The provided etag [{etag}] does not match the secret's [{old['etag']}]."
        )


def add_version(call: Call) -> Json:
    key, secret = _secret(call)
    payload = cast("Json", call.body.get("payload", {}))
    data = base64.b64decode(payload.get("data", ""))
    if not data:
        raise invalid("Secret Payload cannot be empty.")
    if len(data) > MAX_PAYLOAD:
        raise invalid(f"The size of the Secret Payload must be at most {MAX_PAYLOAD} bytes.")
    checksum = payload.get("dataCrc32c")
    if checksum is not None and int(checksum) != google_crc32c.value(data):
        raise invalid("The provided checksum does not match the payload.")
    number = str(call.store.next(f"versions/{call.project}/{key}"))
    version: Json = {
        "name": f"{secret['name']}/versions/{number}",
        "createTime": timestamp(),
        "state": "ENABLED",
        "replicationStatus": {"automatic": {}},
        "etag": _etag(call),
    }
    if checksum is not None:
        version["clientSpecifiedPayloadChecksum"] = True
    call.store.put(versions(call.project, key), number, version)
    call.cloud.secrets.put(PAYLOADS, f"{call.project}/{key}/{number}", base64.b64encode(data).decode())
    return version


def find_version(cloud: Cloud, project: str, secret: str, version: str) -> Json | None:
    """A version by number, alias or `latest` (the newest, whatever its state); None if there is none."""
    kept = cloud.store.get(table(project), secret)
    if kept is None:
        return None
    if version == "latest":
        every = [one for _, one in cloud.store.items(versions(project, secret))]
        return every[-1] if every else None
    number = cast("Json", kept.get("versionAliases", {})).get(version, version)
    return cloud.store.get(versions(project, secret), str(number))


def _version(call: Call) -> tuple[str, Json]:
    key, secret = _secret(call)
    found = find_version(call.cloud, call.project, key, call.short)
    if found is None:
        raise ApiError("NOT_FOUND", f"Secret Version [{secret['name']}/versions/{call.short}] not found.")
    return key, found


def get_version(call: Call) -> Json:
    return _version(call)[1]


def list_versions(call: Call) -> Json:
    key, _ = _secret(call)
    newest_first = [version for _, version in call.store.items(versions(call.project, key))][::-1]
    return listing(call, newest_first, "versions")


def access(call: Call) -> Json:
    key, version = _version(call)
    if version["state"] != "ENABLED":
        raise ApiError(
            "FAILED_PRECONDITION", f"Secret Version [{version['name']}] is in {version['state']} state."
        )
    number = version["name"].rpartition("/")[2]
    data = cast("str", call.cloud.secrets.get(PAYLOADS, f"{call.project}/{key}/{number}"))
    checksum = google_crc32c.value(base64.b64decode(data))
    return {"name": version["name"], "payload": {"data": data, "dataCrc32c": str(checksum)}}


def set_state(call: Call) -> Json:
    """`:enable`, `:disable`, `:destroy`. A destroyed version stays, without its payload, for good."""
    key, version = _version(call)
    _same_etag(call.body.get("etag"), version)
    number = version["name"].rpartition("/")[2]
    if version["state"] == "DESTROYED":
        raise ApiError("FAILED_PRECONDITION", f"Secret Version [{version['name']}] is in DESTROYED state.")
    state = {"enable": "ENABLED", "disable": "DISABLED", "destroy": "DESTROYED"}[call.method.verb]
    fresh = {**version, "state": state, "etag": _etag(call)}
    if state == "DESTROYED":
        fresh["destroyTime"] = timestamp()
        call.cloud.secrets.drop(PAYLOADS, f"{call.project}/{key}/{number}")
    call.store.put(versions(call.project, key), number, fresh)
    return fresh


_ID = "secretmanager.projects.secrets."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "get": get,
    _ID + "list": listed,
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
