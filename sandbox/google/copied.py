"""The state of a Google sandbox from objects that were copied from a real project (`sandbox.copies`).

An object goes where the server keeps those that it makes itself. What a server computes from others is made
here: the enabled APIs, the source archives of functions (empty), the accounts that policies name. What was
being built or deployed when it was copied is ready: no operation of this server would end it.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, cast

from sandbox.google import iam
from sandbox.google.hooks import secrets
from sandbox.google.hooks.firestore import DEFAULT, databases
from sandbox.google.hooks.storage import BUCKETS, DATA, objects
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.google.cloud import Cloud
    from sandbox.google.store import Json

PAYLOAD = base64.b64encode(b"not-copied-by-the-rehearsal").decode()
"""The value of every version of a secret."""

_RESULTS = {"CREATING": "READY", "DEPLOYING": "ACTIVE"}
_TTL = {"CREATING": "ACTIVE"}
_VERSION = re.compile(r"projects/[^/]+/secrets/([^/]+)/versions/(\d+)")


def put(cloud: Cloud, copy: Json) -> None:
    """Store a copy in an empty cloud.

    Args:
        cloud: the cloud; it is not committed.
        copy: `project` (Resource Manager v1), `apis` (names), `objects` (each with its `product`), `policies`
            (each with `product` and `resource`), and `buckets`.
    """
    project = cast("Json", copy["project"])
    key = cast("str", project["projectId"])
    cloud.store.put("projects", key, {"createTime": timestamp(), **project})
    cloud.store.put("numbers", str(project["projectNumber"]), key)
    for service in cast("list[str]", copy["apis"]):
        cloud.store.put(f"enabled/{key}", service, {"service": service})
    for one in cast("list[Json]", copy["objects"]):
        _put_object(cloud, cast("str", one["product"]), cast("Json", one["object"]))
    if cloud.store.get(databases(key), DEFAULT) is None:
        cloud.store.put("firestore/undefaulted", key, {"deleted": timestamp()})
    for bucket in cast("list[Json]", copy["buckets"]):
        cloud.store.put(BUCKETS, cast("str", bucket["name"]), {"project": key, "bucket": bucket})
    for one in cast("list[Json]", copy["objects"]):
        if one["product"] == "cloudfunctions":
            _put_source(cloud, key, cast("Json", one["object"]))
    for one in cast("list[Json]", copy["policies"]):
        product, resource, policy = (
            one["product"],
            cloud.canonical(one["resource"]),
            cast("Json", one["policy"]),
        )
        stored = {"version": 1, "etag": iam.EMPTY_ETAG, **policy}
        if product == "cloudresourcemanager":
            product, resource = "projects", key
        cloud.store.put(iam.policy_collection(product), resource, stored)
        for email in _accounts(stored):
            _put_account(cloud, email)


def _put_object(cloud: Cloud, product: str, one: Json) -> None:
    name = cast("str", one["name"])
    parent, key = cloud.canonical(name).rsplit("/", 1)
    value = one
    if product == "secretmanager":  # its objects are named by the project's number
        _put_version(cloud, parent, name)
    else:
        value = {**one, "name": f"{parent}/{key}"}
    if product == "firebaserules" and "/releases/" in name:
        parent, _, key = cloud.canonical(name).partition("/releases/")
        parent += "/releases"
        ruleset = cloud.canonical(cast("str", one["rulesetName"]))
        value = {**one, "name": f"{parent}/{key}", "rulesetName": ruleset}
    if product == "firestore":
        value = _built(value)
    if value.get("state") in _RESULTS:
        value = {**value, "state": _RESULTS[value["state"]]}
    cloud.store.put(f"{product}/{parent}", key, value)


def _put_version(cloud: Cloud, parent: str, name: str) -> None:
    """The payload of a secret's version, and the number of the next one."""
    found = _VERSION.fullmatch(name)
    if found is None:
        return
    project, counter = parent.split("/")[1], f"versions/{parent.split('/')[1]}/{found[1]}"
    cloud.secrets.put(secrets.PAYLOADS, f"{project}/{found[1]}/{found[2]}", PAYLOAD)
    newest = max(int(found[2]), int(cloud.store.get("counters", counter) or 0))
    cloud.store.put("counters", counter, newest)


def _built(one: Json) -> Json:
    """A field override with all its indexes and its time to live in effect."""
    config = cast("Json", one.get("indexConfig") or {})
    if config.get("indexes"):
        indexes = [
            {**it, "state": _RESULTS.get(it.get("state"), it.get("state"))} for it in config["indexes"]
        ]
        one = {**one, "indexConfig": {**config, "indexes": indexes}}
    if one.get("ttlConfig"):
        state = one["ttlConfig"].get("state")
        one = {**one, "ttlConfig": {**one["ttlConfig"], "state": _TTL.get(state, state)}}
    return one


def _put_source(cloud: Cloud, project: str, function: Json) -> None:
    """An empty source archive under the name that a function has, unless it exists."""
    source = cast("Json", cast("Json", function.get("buildConfig") or {}).get("source") or {})
    stored = cast("Json", source.get("storageSource") or {})
    if not stored.get("bucket") or not stored.get("object"):
        return
    bucket, name = cast("str", stored["bucket"]), cast("str", stored["object"])
    if cloud.store.get(BUCKETS, bucket) is None:
        location = cast("str", function["name"]).split("/")[3].upper()
        made = {"kind": "storage#bucket", "id": bucket, "name": bucket, "location": location}
        cloud.store.put(BUCKETS, bucket, {"project": project, "bucket": {**made, "metageneration": "1"}})
    archive = {
        "kind": "storage#object",
        "name": name,
        "bucket": bucket,
        "generation": str(stored.get("generation") or "1"),
        "metageneration": "1",
        "contentType": "application/zip",
        "size": "0",
    }
    cloud.store.put(objects(bucket), name, archive)
    cloud.store.put(DATA, f"{bucket}/{name}", "")


def _accounts(policy: Json) -> Iterator[str]:
    """The service accounts that are members of a policy."""
    for binding in cast("list[Json]", policy.get("bindings") or []):
        for member in cast("list[str]", binding.get("members") or []):
            kind, _, email = member.partition(":")
            if kind == "serviceAccount":
                yield email


def _put_account(cloud: Cloud, email: str) -> None:
    """An account that a policy names exists: Google keeps deleted ones under another name."""
    if iam.account_exists(cloud, email):
        return
    head, _, domain = email.partition("@")
    if domain.startswith(("gcp-sa-", "gs-project-accounts.")):
        record = {"email": email, "uniqueId": str(10**20 + cloud.store.next("identities"))}
        cloud.store.put("identities", email, record)
    elif domain in ("developer.gserviceaccount.com", "cloudservices.gserviceaccount.com"):
        cloud.store.put("numbers", head.split("-")[0], "another-project")
    else:
        project = domain.removesuffix(".iam.gserviceaccount.com")
        record = {
            "name": f"projects/{project}/serviceAccounts/{email}",
            "projectId": project,
            "uniqueId": str(10**20 + cloud.store.next("sa")),
            "email": email,
        }
        cloud.store.put(f"iam/projects/{project}/serviceAccounts", email, record)
