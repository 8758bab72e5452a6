"""IAM policies: get, set with etags, test; and which member has which role, where a product checks it.

As at Google, an outdated etag (409 ABORTED), members that do not exist and roles that the resource does not
support are errors. Callers are not checked: every token has all permissions.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, cast

from sandbox.google.errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest
    from sandbox.google.store import Json

EMPTY_ETAG = "ACAB"
BASIC_ROLES = ("roles/owner", "roles/editor", "roles/viewer")
ROLE = re.compile(r"roles/[A-Za-z0-9_.]+|(projects|organizations)/[^/]+/roles/[A-Za-z0-9_.]+")
MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(deleted:)?(user|serviceAccount|group):[^\s]+@[^\s]+|domain:[^\s]+"
    r"|(principal|principalSet)://.+|project(Owner|Editor|Viewer):.+"
)
SUPPORTED_ROLES: dict[str, tuple[str, ...]] = {
    "secretmanager": ("roles/secretmanager.",),
    "run": ("roles/run.",),
    "cloudfunctions": ("roles/cloudfunctions.",),
    "cloudtasks": ("roles/cloudtasks.",),
    "pubsub": ("roles/pubsub.",),
}
"""Prefixes of the predefined roles that a product's policies support besides the basic ones. (Cloud Run's
`run.invoker` is an error on a function: it belongs on the function's Cloud Run service.)
"""


def policy_collection(api: str) -> str:
    """Return the store's collection of a product's policies."""
    return f"policy/{api}"


def read_policy(cloud: Cloud, api: str, resource: str) -> Json:
    """Return a resource's policy; an empty one if none was set."""
    stored = cloud.store.get(policy_collection(api), resource)
    return dict(stored) if stored else {"version": 1, "etag": EMPTY_ETAG}


def write_policy(request: ApiRequest, api: str, resource: str, policy: Json) -> Json:
    """Replace a policy.

    Raises:
        ApiError: ABORTED for an etag that is not the current one; INVALID_ARGUMENT for an invalid role or
            member.
    """
    cloud = request.cloud
    current = read_policy(cloud, api, resource)
    etag = policy.get("etag")
    if etag and etag != current["etag"]:
        raise ApiError(
            "ABORTED",
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential "
            "backoff.",
        )
    merged: dict[tuple[str, str], Json] = {}
    for binding in cast("list[Json]", policy.get("bindings", [])):
        role = cast("str", binding.get("role", ""))
        members = cast("list[str]", binding.get("members", []))
        _check_role(api, role)
        for member in members:
            _check_member(cloud, member)
        key = (role, repr(binding.get("condition")))
        known = merged.setdefault(key, {**binding, "members": []})
        known["members"].extend(member for member in members if member not in known["members"])
    bindings = [binding for binding in merged.values() if binding["members"]]
    serial = cloud.store.next("etag")
    updated: Json = {
        "version": 3 if any("condition" in binding for binding in bindings) else 1,
        "etag": base64.b64encode(b"\x07" + serial.to_bytes(7, "big")).decode(),
    }
    if bindings:
        updated["bindings"] = bindings
    if policy.get("auditConfigs"):
        updated["auditConfigs"] = policy["auditConfigs"]
    cloud.store.put(policy_collection(api), resource, updated)
    return updated


def delete_policy(cloud: Cloud, api: str, resource: str) -> None:
    """Delete the policy of a deleted resource."""
    cloud.store.remove(policy_collection(api), resource)


def mark_deleted(cloud: Cloud, email: str, unique_id: str) -> None:
    """Rename a deleted account in all policies to `deleted:serviceAccount:EMAIL?uid=ID`: it has no rights."""
    old, new = f"serviceAccount:{email}", f"deleted:serviceAccount:{email}?uid={unique_id}"
    for name in cloud.store.collections("policy/"):
        for resource, policy in cloud.store.items(name):
            bindings = cast("list[Json]", policy.get("bindings", []))
            if any(old in binding["members"] for binding in bindings):
                changed = [
                    {
                        **binding,
                        "members": [new if member == old else member for member in binding["members"]],
                    }
                    for binding in bindings
                ]
                cloud.store.put(name, resource, {**policy, "bindings": changed})


def grants(policy: Json, member: str, roles: tuple[str, ...]) -> bool:
    """Return whether a policy grants a member one of the roles."""
    return any(
        binding["role"] in roles and member in binding["members"]
        for binding in cast("list[Json]", policy.get("bindings", []))
    )


def account_exists(cloud: Cloud, email: str) -> bool:
    """Return whether a service account exists; accounts of other domains are assumed to."""
    head, _, domain = email.partition("@")
    if domain.startswith("gs-project-accounts."):
        return cloud.store.get("identities", email) is not None
    if domain.endswith(".iam.gserviceaccount.com") and not domain.startswith("gcp-sa-"):
        project = domain.removesuffix(".iam.gserviceaccount.com")
        return cloud.store.get(f"iam/projects/{project}/serviceAccounts", email) is not None
    if domain.startswith("gcp-sa-"):
        return cloud.store.get("identities", email) is not None
    if domain in ("developer.gserviceaccount.com", "cloudservices.gserviceaccount.com"):
        return cloud.store.get("numbers", head.split("-")[0]) is not None
    return True


def _check_role(api: str, role: str) -> None:
    if not ROLE.fullmatch(role):
        raise invalid(f'Role name must be in the format "roles/ROLE", not {role!r}', "policy.bindings.role")
    supported = SUPPORTED_ROLES.get(api)
    if supported and role.startswith("roles/") and role not in BASIC_ROLES and not role.startswith(supported):
        raise invalid(f"Role {role} is not supported for this resource.")


def _check_member(cloud: Cloud, member: str) -> None:
    if not MEMBER.fullmatch(member):
        raise invalid(
            f"The member {member} is of an unknown type. Please set a valid type prefix for the member."
        )
    kind, _, email = member.partition(":")
    if kind == "serviceAccount" and not account_exists(cloud, email):
        raise invalid(f"Service account {email} does not exist.")


def handlers(ensure: Callable[[ApiRequest], object], api: str) -> dict[str, Callable[[ApiRequest], Json]]:
    """Return the three IAM methods for resources of a product.

    Args:
        ensure: raises if the resource that the request names does not exist.
        api: the product that the policies belong to.
    """

    def get_policy(request: ApiRequest) -> Json:
        ensure(request)
        return read_policy(request.cloud, api, request.name)

    def set_policy(request: ApiRequest) -> Json:
        ensure(request)
        # In older methods the body is the policy itself.
        policy = cast("Json", request.body.get("policy", {}) if "policy" in request.body else request.body)
        return write_policy(request, api, request.name, policy)

    def test(request: ApiRequest) -> Json:
        permissions = request.body.get("permissions") or request.query.get("permissions") or []
        return {"permissions": permissions}

    return {"getIamPolicy": get_policy, "setIamPolicy": set_policy, "testIamPermissions": test}
