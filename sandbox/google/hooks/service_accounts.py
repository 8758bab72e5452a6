"""IAM service accounts. A deleted account can be undeleted by its unique id; its email can be used again.

`signBlob` and `signJwt` are not served.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google import iam
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import list_page
from sandbox.google.masks import apply_patch

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

ACCOUNT_ID = re.compile(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])")


def table(project: str) -> str:
    """Return the store's collection of a project's accounts, by email."""
    return f"iam/projects/{project}/serviceAccounts"


def find(request: ApiRequest, name: str = "") -> Json:
    """Return the account of a name: by email or unique id, with `projects/-` for any project.

    Raises:
        ApiError: NOT_FOUND.
    """
    _, project, _, key = (name or request.name).split("/")[:4]
    for kept_in in [table(project)] if project != "-" else request.store.collections("iam/projects/"):
        if not kept_in.endswith("/serviceAccounts"):
            continue
        account = request.store.get(kept_in, key)
        if account is not None:
            return account
        for _, item in request.store.items(kept_in):
            if item["uniqueId"] == key:
                return item
    raise ApiError("NOT_FOUND", f"Unknown service account: {key}")


def _etag(request: ApiRequest) -> str:
    return f"MDEwMjE5MjA{request.store.next('etag'):05d}"


def create(request: ApiRequest) -> Json:
    account_id = cast("str", request.body.get("accountId", ""))
    if not ACCOUNT_ID.fullmatch(account_id):
        raise invalid(
            f'Account ID "{account_id}" must be 6 to 30 characters: lower-case letters, digits, hyphens.',
            "account_id",
        )
    email = f"{account_id}@{request.project}.iam.gserviceaccount.com"
    if request.store.get(table(request.project), email) is not None:
        name = f"projects/{request.project}/serviceAccounts/{email}"
        raise ApiError(
            "ALREADY_EXISTS",
            f"Service account {account_id} already exists within project projects/{request.project}.",
            details=[{"@type": "type.googleapis.com/google.rpc.ResourceInfo", "resourceName": name}],
        )
    requested = cast("Json", request.body.get("serviceAccount", {}))
    unique = str(10**20 + request.store.next("sa"))
    account = {
        "name": f"projects/{request.project}/serviceAccounts/{email}",
        "projectId": request.project,
        "uniqueId": unique,
        "email": email,
        "oauth2ClientId": unique,
        "etag": _etag(request),
        **{key: requested[key] for key in ("displayName", "description") if requested.get(key)},
    }
    request.store.put(table(request.project), email, account)
    return account


def get(request: ApiRequest) -> Json:
    return find(request)


def list_accounts(request: ApiRequest) -> Json:
    return list_page(
        request, [account for _, account in request.store.items(table(request.project))], "accounts"
    )


def patch(request: ApiRequest) -> Json:
    """PATCH with the mask in the body, in snake_case or camelCase."""
    old = find(request)
    requested = cast("Json", request.body.get("serviceAccount", {}))
    if requested.get("etag") and requested["etag"] != old["etag"]:
        raise ApiError(
            "ABORTED",
            "There were concurrent changes to this service account. Please read it again and retry.",
        )
    updated = apply_patch(
        request.api, "ServiceAccount", old, requested, cast("str | None", request.body.get("updateMask"))
    )
    updated = {**updated, "name": old["name"], "etag": _etag(request)}
    request.store.put(table(old["projectId"]), old["email"], updated)
    return updated


def delete(request: ApiRequest) -> Json:
    account = find(request)
    project, email = account["projectId"], account["email"]
    request.store.put("deletedServiceAccounts", account["uniqueId"], account)
    request.store.remove(table(project), email)
    for key, _ in request.store.items(f"iam/{account['name']}/keys"):
        request.store.remove(f"iam/{account['name']}/keys", key)
    iam.delete_policy(request.cloud, "iam", account["name"])
    iam.mark_deleted(request.cloud, email, account["uniqueId"])
    return {}


def undelete(request: ApiRequest) -> Json:
    account = request.store.get("deletedServiceAccounts", request.resource_id)
    if account is None:
        raise ApiError("NOT_FOUND", f"Unknown service account: {request.resource_id}")
    if request.store.get(table(account["projectId"]), account["email"]) is not None:
        raise ApiError("FAILED_PRECONDITION", f"Service account {account['email']} exists again.")
    request.store.remove("deletedServiceAccounts", request.resource_id)
    request.store.put(table(account["projectId"]), account["email"], account)
    return {"restoredAccount": account}


def set_disabled(request: ApiRequest) -> Json:
    account = find(request)
    updated = {key: value for key, value in account.items() if key != "disabled"}
    if request.method.verb == "disable":
        updated["disabled"] = True
    request.store.put(table(account["projectId"]), account["email"], updated)
    return {}


_ID = "iam.projects.serviceAccounts."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "get": get,
    _ID + "list": list_accounts,
    _ID + "patch": patch,
    _ID + "delete": delete,
    _ID + "undelete": undelete,
    _ID + "enable": set_disabled,
    _ID + "disable": set_disabled,
    **{_ID + verb: one for verb, one in iam.handlers(find, "iam").items()},
}
