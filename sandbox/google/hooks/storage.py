"""Cloud Storage: buckets and objects with their generations, hashes and preconditions.

Refuses what the sandbox has no use for (ACLs, notifications, versions of objects): 501 from the generic
handler.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import google_crc32c
from starlette.responses import Response

from sandbox.google import iam
from sandbox.google.enablement import disabled
from sandbox.google.errors import ApiError
from sandbox.google.masks import page
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json

BUCKETS = "storage/buckets"
DATA = "storage/data"
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
MULTI = ("US", "EU", "ASIA")
ROOT = "https://www.googleapis.com/storage/v1/b"


def objects(bucket: str) -> str:
    """The store's collection of a bucket's objects."""
    return f"storage/objects/{bucket}"


def error(status: str, message: str, reason: str, code: int | None = None) -> ApiError:
    """An error in Cloud Storage's own shape."""
    return ApiError(status, message, reason=reason, code=code)


def find_bucket(cloud: Cloud, name: str) -> Json:
    """A bucket as stored: `{project, bucket}`.

    Raises:
        ApiError: 404.
    """
    kept = cloud.store.get(BUCKETS, name)
    if kept is None:
        raise error("NOT_FOUND", "The specified bucket does not exist.", "notFound")
    return kept


def find_object(cloud: Cloud, bucket: str, name: str) -> Json:
    """An object's metadata.

    Raises:
        ApiError: 404.
    """
    find_bucket(cloud, bucket)
    found = cloud.store.get(objects(bucket), name)
    if found is None:
        raise error("NOT_FOUND", f"No such object: {bucket}/{name}", "notFound")
    return found


def check_match(query: Json, current: Json | None) -> None:
    """The `if…Match` preconditions.

    Raises:
        ApiError: 412.
    """
    for name, field in (("Generation", "generation"), ("Metageneration", "metageneration")):
        wanted, refused = query.get(f"if{name}Match"), query.get(f"if{name}NotMatch")
        now = str(current[field]) if current else "0"
        if (wanted is not None and str(wanted) != now) or (refused is not None and str(refused) == now):
            raise error(
                "FAILED_PRECONDITION",
                "At least one of the pre-conditions you specified did not hold.",
                "conditionNotMet",
                412,
            )


def make_bucket(cloud: Cloud, project: str, wish: Json) -> Json:
    """Store a new bucket and give it.

    Raises:
        ApiError: 400, 403 (API not enabled), 409.
    """
    name = cast("str", wish.get("name", ""))
    if not BUCKET_NAME.fullmatch(name):
        raise error("INVALID_ARGUMENT", f"Invalid bucket name: '{name}'", "invalid")
    if cloud.switches.enforce_enablement and not cloud.enabled(project, "storage.googleapis.com"):
        raise disabled(cloud, project, "storage.googleapis.com")
    if cloud.store.get(BUCKETS, name) is not None:
        raise error(
            "ALREADY_EXISTS",
            "Your previous request to create the named bucket succeeded and you already own it.",
            "conflict",
        )
    now, location = timestamp(), cast("str", wish.get("location", "US")).upper()
    access = cast("Json", wish.get("iamConfiguration", {}))
    uniform = bool(cast("Json", access.get("uniformBucketLevelAccess", {})).get("enabled"))
    locked = (
        {"enabled": True, "lockedTime": timestamp(time.time() + 90 * 86400)}
        if uniform
        else {"enabled": False}
    )
    bucket: Json = {
        "kind": "storage#bucket",
        "id": name,
        "selfLink": f"{ROOT}/{name}",
        "projectNumber": cloud.number(project),
        "generation": str(time.time_ns() // 1000),
        "metageneration": "1",
        "etag": "CAE=",
        "timeCreated": now,
        "updated": now,
        "storageClass": "STANDARD",
        "softDeletePolicy": {"retentionDurationSeconds": "604800", "effectiveTime": now},
        **_without_empty(wish),
        "location": location,
        "locationType": "multi-region" if location in MULTI else "region",
        "iamConfiguration": {
            "publicAccessPrevention": access.get("publicAccessPrevention", "inherited"),
            "uniformBucketLevelAccess": locked,
            "bucketPolicyOnly": locked,
        },
    }
    cloud.store.put(BUCKETS, name, {"project": project, "bucket": bucket})
    return bucket


def _without_empty(wish: Json) -> Json:
    return {key: value for key, value in wish.items() if value is not None and value != {"rule": []}}


def insert_bucket(call: Call) -> Json:
    project = cast("str", call.cloud.project(call.need("project"))["projectId"])
    return make_bucket(call.cloud, project, call.body)


def get_bucket(call: Call) -> Json:
    kept = find_bucket(call.cloud, call.params["bucket"])
    check_match(call.query, kept["bucket"])
    return kept["bucket"]


def list_buckets(call: Call) -> Json:
    project = call.cloud.project(call.need("project"))["projectId"]
    prefix = cast("str", call.query.get("prefix", ""))
    kept = [
        k["bucket"]
        for name, k in call.store.items(BUCKETS)
        if k["project"] == project and name.startswith(prefix)
    ]
    shown, token = page(kept, call.query, size_key="maxResults", size=1000)
    return {"kind": "storage#buckets", "items": shown, **({"nextPageToken": token} if token else {})}


def patch_bucket(call: Call) -> Json:
    """PATCH merges one level deep, null removes; PUT (`update`) replaces what clients may set."""
    name = call.params["bucket"]
    kept = find_bucket(call.cloud, name)
    bucket = cast("Json", kept["bucket"])
    check_match(call.query, bucket)
    fixed = (
        "kind",
        "id",
        "name",
        "selfLink",
        "projectNumber",
        "generation",
        "timeCreated",
        "location",
        "locationType",
    )
    fresh = dict(bucket)
    for key, value in call.body.items():
        if key in fixed:
            if key == "location" and str(value).upper() != bucket["location"]:
                raise error("INVALID_ARGUMENT", "The bucket's location cannot be changed.", "invalid")
            continue
        if value is None or value == {"rule": []}:
            fresh.pop(key, None)
        elif isinstance(value, dict) and isinstance(bucket.get(key), dict):
            merged = {**cast("Json", bucket[key]), **cast("Json", value)}
            fresh[key] = {k: v for k, v in merged.items() if v is not None}
        else:
            fresh[key] = value
    fresh |= {"metageneration": str(int(bucket["metageneration"]) + 1), "updated": timestamp()}
    call.store.put(BUCKETS, name, {**kept, "bucket": fresh})
    return fresh


def delete_bucket(call: Call) -> Response:
    name = call.params["bucket"]
    check_match(call.query, find_bucket(call.cloud, name)["bucket"])
    if any(True for _ in call.store.items(objects(name))):
        raise error("ALREADY_EXISTS", "The bucket you tried to delete is not empty.", "conflict")
    call.store.drop(BUCKETS, name)
    iam.forget(call.cloud, "storage", name)
    return Response(status_code=204)


def bucket_policy(call: Call) -> Json:
    name = call.params["bucket"]
    find_bucket(call.cloud, name)
    if call.method.verb == "setIamPolicy":
        policy = iam.write(call, "storage", name, call.body)
    else:
        policy = iam.read(call.cloud, "storage", name)
    return {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{name}", **policy}


def test_bucket(call: Call) -> Json:
    return {"kind": "storage#testIamPermissionsResponse", "permissions": call.query.get("permissions", [])}


def no_caches(call: Call) -> Json:
    find_bucket(call.cloud, call.params["bucket"])
    return {"kind": "storage#anywhereCaches"}


def put_object(
    cloud: Cloud, bucket: str, name: str, data: bytes, wish: Json, query: Json, base_url: str
) -> Json:
    """Store an object, replacing one of the same name.

    Args:
        wish: the metadata that the client gave.
        query: the request's query, for its preconditions.
        base_url: the server's address, which the object's `mediaLink` begins with.

    Raises:
        ApiError: 404 for the bucket, 400, 412.
    """
    kept = find_bucket(cloud, bucket)
    if cloud.switches.enforce_enablement and not cloud.enabled(kept["project"], "storage.googleapis.com"):
        raise disabled(cloud, kept["project"], "storage.googleapis.com")
    if not name:
        raise error("INVALID_ARGUMENT", "Required", "required")
    check_match(query, cloud.store.get(objects(bucket), name))
    md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    crc = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
    for field, value, word in (("md5Hash", md5, "MD5"), ("crc32c", crc, "CRC32C")):
        if wish.get(field) and wish[field] != value:
            raise error(
                "INVALID_ARGUMENT",
                f'Provided {word} hash "{wish[field]}" doesn\'t match calculated {word} hash "{value}".',
                "invalid",
            )
    generation, now = str(time.time_ns() // 1000), timestamp()
    path = quote(name, safe="")
    resource: Json = {
        "contentType": "application/octet-stream",
        **{key: value for key, value in wish.items() if value is not None},
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": f"{ROOT}/{bucket}/o/{path}",
        "mediaLink": f"{base_url}/download/storage/v1/b/{bucket}/o/{path}?alt=media",
        "name": name,
        "bucket": bucket,
        "generation": generation,
        "metageneration": "1",
        "storageClass": wish.get("storageClass", "STANDARD"),
        "size": str(len(data)),
        "md5Hash": md5,
        "crc32c": crc,
        "etag": base64.b64encode(generation.encode()).decode(),
        "timeCreated": now,
        "updated": now,
        "timeStorageClassUpdated": now,
        "timeFinalized": now,
    }
    cloud.store.put(objects(bucket), name, resource)
    cloud.store.put(DATA, f"{bucket}/{name}", base64.b64encode(data).decode())
    return resource


def read_object(cloud: Cloud, bucket: str, name: str) -> bytes:
    """An object's content.

    Raises:
        ApiError: 404.
    """
    find_object(cloud, bucket, name)
    return base64.b64decode(cast("str", cloud.store.get(DATA, f"{bucket}/{name}")))


def get_object(call: Call) -> Json | Response:
    bucket, name = call.params["bucket"], call.params["object"]
    found = find_object(call.cloud, bucket, name)
    check_match(call.query, found)
    wanted = call.query.get("generation")
    if wanted and wanted != found["generation"]:
        raise error("NOT_FOUND", f"No such object: {bucket}/{name}", "notFound")
    if call.query.get("alt") == "media":
        return Response(read_object(call.cloud, bucket, name), media_type=found["contentType"])
    return found


def list_objects(call: Call) -> Json:
    bucket = call.params["bucket"]
    find_bucket(call.cloud, bucket)
    prefix = cast("str", call.query.get("prefix", ""))
    kept = sorted((name, one) for name, one in call.store.items(objects(bucket)) if name.startswith(prefix))
    shown, token = page([one for _, one in kept], call.query, size_key="maxResults", size=1000)
    answer: Json = {"kind": "storage#objects"}
    if shown:
        answer["items"] = shown
    return {**answer, **({"nextPageToken": token} if token else {})}


def patch_object(call: Call) -> Json:
    bucket, name = call.params["bucket"], call.params["object"]
    found = find_object(call.cloud, bucket, name)
    check_match(call.query, found)
    free = (
        "contentType",
        "metadata",
        "cacheControl",
        "contentDisposition",
        "contentEncoding",
        "contentLanguage",
    )
    wish = {key: value for key, value in call.body.items() if key in free}
    fresh = {key: value for key, value in {**found, **wish}.items() if value is not None}
    fresh |= {"metageneration": str(int(found["metageneration"]) + 1), "updated": timestamp()}
    call.store.put(objects(bucket), name, fresh)
    return fresh


def delete_object(call: Call) -> Response:
    bucket, name = call.params["bucket"], call.params["object"]
    check_match(call.query, find_object(call.cloud, bucket, name))
    call.store.drop(objects(bucket), name)
    call.store.drop(DATA, f"{bucket}/{name}")
    return Response(status_code=204)


def service_agent(call: Call) -> Json:
    project = call.cloud.project(call.params["projectId"])
    number = project["projectNumber"]
    email = f"service-{number}@gs-project-accounts.iam.gserviceaccount.com"
    return {"kind": "storage#serviceAccount", "email_address": email}


HANDLERS: dict[str, Handler] = {
    "storage.buckets.insert": insert_bucket,
    "storage.buckets.get": get_bucket,
    "storage.buckets.list": list_buckets,
    "storage.buckets.patch": patch_bucket,
    "storage.buckets.update": patch_bucket,
    "storage.buckets.delete": delete_bucket,
    "storage.buckets.getIamPolicy": bucket_policy,
    "storage.buckets.setIamPolicy": bucket_policy,
    "storage.buckets.testIamPermissions": test_bucket,
    "storage.anywhereCaches.list": no_caches,
    "storage.objects.get": get_object,
    "storage.objects.list": list_objects,
    "storage.objects.patch": patch_object,
    "storage.objects.delete": delete_object,
    "storage.projects.serviceAccount.get": service_agent,
}
