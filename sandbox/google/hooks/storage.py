"""Cloud Storage: buckets and objects with their generations, hashes and preconditions.

ACLs, notifications and object versions are not supported: the generic handler returns 501.
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
from sandbox.google.enablement import service_disabled_error
from sandbox.google.errors import ApiError
from sandbox.google.masks import page
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

BUCKETS = "storage/buckets"
DATA = "storage/data"
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
MULTI = ("US", "EU", "ASIA")
ROOT = "https://www.googleapis.com/storage/v1/b"


def objects(bucket: str) -> str:
    """Return the store's collection of a bucket's objects."""
    return f"storage/objects/{bucket}"


def storage_error(status: str, message: str, reason: str, code: int | None = None) -> ApiError:
    """Return an error in Cloud Storage's own format."""
    return ApiError(status, message, reason=reason, code=code)


def find_bucket(cloud: Cloud, name: str) -> Json:
    """Return a stored bucket: `{project, bucket}`.

    Raises:
        ApiError: 404.
    """
    stored = cloud.store.get(BUCKETS, name)
    if stored is None:
        raise storage_error("NOT_FOUND", "The specified bucket does not exist.", "notFound")
    return stored


def find_object(cloud: Cloud, bucket: str, name: str) -> Json:
    """Return an object's metadata.

    Raises:
        ApiError: 404.
    """
    find_bucket(cloud, bucket)
    found = cloud.store.get(objects(bucket), name)
    if found is None:
        raise storage_error("NOT_FOUND", f"No such object: {bucket}/{name}", "notFound")
    return found


def check_preconditions(query: Json, current: Json | None) -> None:
    """Check the `if…Match` preconditions.

    Raises:
        ApiError: 412.
    """
    for name, field in (("Generation", "generation"), ("Metageneration", "metageneration")):
        required, excluded = query.get(f"if{name}Match"), query.get(f"if{name}NotMatch")
        now = str(current[field]) if current else "0"
        if (required is not None and str(required) != now) or (excluded is not None and str(excluded) == now):
            raise storage_error(
                "FAILED_PRECONDITION",
                "At least one of the pre-conditions you specified did not hold.",
                "conditionNotMet",
                412,
            )


def create_bucket(cloud: Cloud, project: str, requested: Json) -> Json:
    """Create a bucket and return it.

    Raises:
        ApiError: 400, 403 (API not enabled), 409.
    """
    name = cast("str", requested.get("name", ""))
    if not BUCKET_NAME.fullmatch(name):
        raise storage_error("INVALID_ARGUMENT", f"Invalid bucket name: '{name}'", "invalid")
    if cloud.switches.enforce_enablement and not cloud.enabled(project, "storage.googleapis.com"):
        raise service_disabled_error(cloud, project, "storage.googleapis.com")
    if cloud.store.get(BUCKETS, name) is not None:
        raise storage_error(
            "ALREADY_EXISTS",
            "Your previous request to create the named bucket succeeded and you already own it.",
            "conflict",
        )
    now, location = timestamp(), cast("str", requested.get("location", "US")).upper()
    access = cast("Json", requested.get("iamConfiguration", {}))
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
        **_without_empty(requested),
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


def _without_empty(requested: Json) -> Json:
    return {key: value for key, value in requested.items() if value is not None and value != {"rule": []}}


def insert_bucket(request: ApiRequest) -> Json:
    project = cast("str", request.cloud.project(request.required_query("project"))["projectId"])
    return create_bucket(request.cloud, project, request.body)


def get_bucket(request: ApiRequest) -> Json:
    stored = find_bucket(request.cloud, request.params["bucket"])
    check_preconditions(request.query, stored["bucket"])
    return stored["bucket"]


def list_buckets(request: ApiRequest) -> Json:
    project = request.cloud.project(request.required_query("project"))["projectId"]
    prefix = cast("str", request.query.get("prefix", ""))
    stored = [
        k["bucket"]
        for name, k in request.store.items(BUCKETS)
        if k["project"] == project and name.startswith(prefix)
    ]
    shown, token = page(stored, request.query, size_key="maxResults", size=1000)
    return {"kind": "storage#buckets", "items": shown, **({"nextPageToken": token} if token else {})}


def patch_bucket(request: ApiRequest) -> Json:
    """PATCH merges one level deep, null removes; PUT (`update`) replaces the writable fields."""
    name = request.params["bucket"]
    stored = find_bucket(request.cloud, name)
    bucket = cast("Json", stored["bucket"])
    check_preconditions(request.query, bucket)
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
    updated = dict(bucket)
    for key, value in request.body.items():
        if key in fixed:
            if key == "location" and str(value).upper() != bucket["location"]:
                raise storage_error("INVALID_ARGUMENT", "The bucket's location cannot be changed.", "invalid")
            continue
        if value is None or value == {"rule": []}:
            updated.pop(key, None)
        elif isinstance(value, dict) and isinstance(bucket.get(key), dict):
            merged = {**cast("Json", bucket[key]), **cast("Json", value)}
            updated[key] = {k: v for k, v in merged.items() if v is not None}
        else:
            updated[key] = value
    updated |= {"metageneration": str(int(bucket["metageneration"]) + 1), "updated": timestamp()}
    request.store.put(BUCKETS, name, {**stored, "bucket": updated})
    return updated


def delete_bucket(request: ApiRequest) -> Response:
    name = request.params["bucket"]
    check_preconditions(request.query, find_bucket(request.cloud, name)["bucket"])
    if any(True for _ in request.store.items(objects(name))):
        raise storage_error("ALREADY_EXISTS", "The bucket you tried to delete is not empty.", "conflict")
    request.store.remove(BUCKETS, name)
    iam.delete_policy(request.cloud, "storage", name)
    return Response(status_code=204)


def bucket_policy(request: ApiRequest) -> Json:
    name = request.params["bucket"]
    find_bucket(request.cloud, name)
    if request.method.verb == "setIamPolicy":
        policy = iam.write_policy(request, "storage", name, request.body)
    else:
        policy = iam.read_policy(request.cloud, "storage", name)
    return {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{name}", **policy}


def test_bucket(request: ApiRequest) -> Json:
    return {"kind": "storage#testIamPermissionsResponse", "permissions": request.query.get("permissions", [])}


def list_caches(request: ApiRequest) -> Json:
    find_bucket(request.cloud, request.params["bucket"])
    return {"kind": "storage#anywhereCaches"}


def put_object(
    cloud: Cloud, bucket: str, name: str, data: bytes, requested: Json, query: Json, base_url: str
) -> Json:
    """Store an object, replacing one of the same name.

    Args:
        requested: the metadata that the client sent.
        query: the request's query, for its preconditions.
        base_url: the server's base URL, for the object's `mediaLink`.

    Raises:
        ApiError: 404 for the bucket, 400, 412.
    """
    stored = find_bucket(cloud, bucket)
    if cloud.switches.enforce_enablement and not cloud.enabled(stored["project"], "storage.googleapis.com"):
        raise service_disabled_error(cloud, stored["project"], "storage.googleapis.com")
    if not name:
        raise storage_error("INVALID_ARGUMENT", "Required", "required")
    check_preconditions(query, cloud.store.get(objects(bucket), name))
    md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    crc = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
    for field, value, word in (("md5Hash", md5, "MD5"), ("crc32c", crc, "CRC32C")):
        if requested.get(field) and requested[field] != value:
            raise storage_error(
                "INVALID_ARGUMENT",
                f'Provided {word} hash "{requested[field]}" doesn\'t match calculated {word} hash "{value}".',
                "invalid",
            )
    generation, now = str(time.time_ns() // 1000), timestamp()
    path = quote(name, safe="")
    resource: Json = {
        "contentType": "application/octet-stream",
        **{key: value for key, value in requested.items() if value is not None},
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": f"{ROOT}/{bucket}/o/{path}",
        "mediaLink": f"{base_url}/download/storage/v1/b/{bucket}/o/{path}?alt=media",
        "name": name,
        "bucket": bucket,
        "generation": generation,
        "metageneration": "1",
        "storageClass": requested.get("storageClass", "STANDARD"),
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
    """Return an object's content.

    Raises:
        ApiError: 404.
    """
    find_object(cloud, bucket, name)
    return base64.b64decode(cast("str", cloud.store.get(DATA, f"{bucket}/{name}")))


def get_object(request: ApiRequest) -> Json | Response:
    bucket, name = request.params["bucket"], request.params["object"]
    found = find_object(request.cloud, bucket, name)
    check_preconditions(request.query, found)
    requested = request.query.get("generation")
    if requested and requested != found["generation"]:
        raise storage_error("NOT_FOUND", f"No such object: {bucket}/{name}", "notFound")
    if request.query.get("alt") == "media":
        return Response(read_object(request.cloud, bucket, name), media_type=found["contentType"])
    return found


def list_objects(request: ApiRequest) -> Json:
    bucket = request.params["bucket"]
    find_bucket(request.cloud, bucket)
    prefix = cast("str", request.query.get("prefix", ""))
    stored = sorted(
        (name, item) for name, item in request.store.items(objects(bucket)) if name.startswith(prefix)
    )
    shown, token = page([one for _, one in stored], request.query, size_key="maxResults", size=1000)
    response: Json = {"kind": "storage#objects"}
    if shown:
        response["items"] = shown
    return {**response, **({"nextPageToken": token} if token else {})}


def patch_object(request: ApiRequest) -> Json:
    bucket, name = request.params["bucket"], request.params["object"]
    found = find_object(request.cloud, bucket, name)
    check_preconditions(request.query, found)
    free = (
        "contentType",
        "metadata",
        "cacheControl",
        "contentDisposition",
        "contentEncoding",
        "contentLanguage",
    )
    requested = {key: value for key, value in request.body.items() if key in free}
    updated = {key: value for key, value in {**found, **requested}.items() if value is not None}
    updated |= {"metageneration": str(int(found["metageneration"]) + 1), "updated": timestamp()}
    request.store.put(objects(bucket), name, updated)
    if request.cloud.functions is not None:
        request.cloud.functions.stored("metadataUpdated", updated)
    return updated


def delete_object(request: ApiRequest) -> Response:
    bucket, name = request.params["bucket"], request.params["object"]
    found = find_object(request.cloud, bucket, name)
    check_preconditions(request.query, found)
    request.store.remove(objects(bucket), name)
    request.store.remove(DATA, f"{bucket}/{name}")
    if request.cloud.functions is not None:
        request.cloud.functions.stored("deleted", found)
    return Response(status_code=204)


def storage_agent(number: str) -> str:
    """Return Cloud Storage's service agent of a project."""
    return f"service-{number}@gs-project-accounts.iam.gserviceaccount.com"


def service_agent(request: ApiRequest) -> Json:
    """`projects.serviceAccount.get`, which creates the agent."""
    project = request.cloud.project(request.params["projectId"])
    email = storage_agent(cast("str", project["projectNumber"]))
    if request.store.get("identities", email) is None:
        unique = str(10**20 + request.store.next("identities"))
        request.store.put("identities", email, {"email": email, "uniqueId": unique})
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
    "storage.anywhereCaches.list": list_caches,
    "storage.objects.get": get_object,
    "storage.objects.list": list_objects,
    "storage.objects.patch": patch_object,
    "storage.objects.delete": delete_object,
    "storage.projects.serviceAccount.get": service_agent,
}
