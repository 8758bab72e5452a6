"""IAM service accounts. A deleted account can be undeleted by its unique id, as on Google; its email is
free again.

Refuses to sign anything: `signBlob` and `signJwt` are not served.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google import iam
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import listing
from sandbox.google.masks import update

if TYPE_CHECKING:
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json

ACCOUNT_ID = re.compile(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])")


def table(project: str) -> str:
    """The store's collection of a project's accounts, by email."""
    return f"iam/projects/{project}/serviceAccounts"


def find(call: Call, name: str = "") -> Json:
    """The account that a name means: by email or unique id, `projects/-` for any project.

    Raises:
        ApiError: NOT_FOUND.
    """
    _, project, _, key = (name or call.name).split("/")[:4]
    for kept_in in [table(project)] if project != "-" else call.store.collections("iam/projects/"):
        if not kept_in.endswith("/serviceAccounts"):
            continue
        account = call.store.get(kept_in, key)
        if account is not None:
            return account
        for _, one in call.store.items(kept_in):
            if one["uniqueId"] == key:
                return one
    raise ApiError("NOT_FOUND", f"Unknown service account: {key}")


def _etag(call: Call) -> str:
    return f"MDEwMjE5MjA{call.store.next('etag'):05d}"


def create(call: Call) -> Json:
    account_id = cast("str", call.body.get("accountId", ""))
    if not ACCOUNT_ID.fullmatch(account_id):
        raise invalid(
            f'Account ID "{account_id}" must be 6 to 30 characters: lower-case letters, digits, hyphens.',
            "account_id",
        )
    email = f"{account_id}@{call.project}.iam.gserviceaccount.com"
    if call.store.get(table(call.project), email) is not None:
        name = f"projects/{call.project}/serviceAccounts/{email}"
        raise ApiError(
            "ALREADY_EXISTS",
            f"Service account {account_id} already exists within project projects/{call.project}.",
            details=[{"@type": "type.googleapis.com/google.rpc.ResourceInfo", "resourceName": name}],
        )
    wish = cast("Json", call.body.get("serviceAccount", {}))
    unique = str(10**20 + call.store.next("sa"))
    account = {
        "name": f"projects/{call.project}/serviceAccounts/{email}",
        "projectId": call.project,
        "uniqueId": unique,
        "email": email,
        "oauth2ClientId": unique,
        "etag": _etag(call),
        **{key: wish[key] for key in ("displayName", "description") if wish.get(key)},
    }
    call.store.put(table(call.project), email, account)
    return account


def get(call: Call) -> Json:
    return find(call)


def listed(call: Call) -> Json:
    return listing(call, [account for _, account in call.store.items(table(call.project))], "accounts")


def patch(call: Call) -> Json:
    """PATCH with the mask in the body, in snake_case or camelCase."""
    old = find(call)
    wish = cast("Json", call.body.get("serviceAccount", {}))
    if wish.get("etag") and wish["etag"] != old["etag"]:
        raise ApiError(
            "ABORTED",
            "There were concurrent changes to this service account. Please read it again and retry.",
        )
    fresh = update(call.api, "ServiceAccount", old, wish, cast("str | None", call.body.get("updateMask")))
    fresh = {**fresh, "name": old["name"], "etag": _etag(call)}
    call.store.put(table(old["projectId"]), old["email"], fresh)
    return fresh


def delete(call: Call) -> Json:
    account = find(call)
    project, email = account["projectId"], account["email"]
    call.store.put("deletedServiceAccounts", account["uniqueId"], account)
    call.store.drop(table(project), email)
    for key, _ in call.store.items(f"iam/{account['name']}/keys"):
        call.store.drop(f"iam/{account['name']}/keys", key)
    iam.forget(call.cloud, "iam", account["name"])
    iam.mark_deleted(call.cloud, email, account["uniqueId"])
    return {}


def undelete(call: Call) -> Json:
    account = call.store.get("deletedServiceAccounts", call.short)
    if account is None:
        raise ApiError("NOT_FOUND", f"Unknown service account: {call.short}")
    if call.store.get(table(account["projectId"]), account["email"]) is not None:
        raise ApiError("FAILED_PRECONDITION", f"Service account {account['email']} exists again.")
    call.store.drop("deletedServiceAccounts", call.short)
    call.store.put(table(account["projectId"]), account["email"], account)
    return {"restoredAccount": account}


def switch(call: Call) -> Json:
    account = find(call)
    fresh = {key: value for key, value in account.items() if key != "disabled"}
    if call.method.verb == "disable":
        fresh["disabled"] = True
    call.store.put(table(account["projectId"]), account["email"], fresh)
    return {}


_ID = "iam.projects.serviceAccounts."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "get": get,
    _ID + "list": listed,
    _ID + "patch": patch,
    _ID + "delete": delete,
    _ID + "undelete": undelete,
    _ID + "enable": switch,
    _ID + "disable": switch,
    **{_ID + verb: one for verb, one in iam.handlers(find, "iam").items()},
}
