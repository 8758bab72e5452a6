"""Endpoints without a discovery document: Cloud Storage uploads and downloads, signed URLs.

Batch requests and downloads by signed URL are not supported.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.google import discovery
from sandbox.google.hooks.storage import find_object, objects, put_object, read_object, storage_error
from sandbox.google.masks import select_fields
from sandbox.google.validation import check_body

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from sandbox.google.cloud import Cloud
    from sandbox.google.store import Json

UPLOAD = re.compile(r"(?:resumable/)?upload/storage/v1/b/([^/]+)/o")
DOWNLOAD = re.compile(r"download/storage/v1/b/([^/]+)/o/([^/]+)")
SIGNED = "signed-uploads"
RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(kw_only=True)
class RawRequest:
    """A request to an endpoint without a discovery document."""

    cloud: Cloud
    http: str
    path: str
    query: dict[str, str]
    headers: Headers
    body: bytes
    base_url: str


@dataclass(frozen=True, kw_only=True)
class RawEndpoint:
    """An endpoint without a discovery document: operation name, whether it requires a token, handler."""

    operation: str
    needs_token: bool
    handle: Callable[[RawRequest], Awaitable[Response]]


@dataclass
class _Session:
    bucket: str
    name: str
    metadata: Json
    query: Json
    data: bytearray = field(default_factory=bytearray)


_sessions: dict[str, _Session] = {}
"""Resumable uploads in progress. They do not survive a restart: clients start again."""


def first_query(raw: str) -> dict[str, str]:
    """Return a query string's parameters, the first value of each."""
    return {name: values[0] for name, values in parse_qs(raw, keep_blank_values=True).items()}


async def upload(request: RawRequest) -> Response:
    """`objects.insert` with content: uploadType media, multipart or resumable."""
    match = UPLOAD.fullmatch(request.path.rstrip("/"))
    if match is None:
        return HTMLResponse("<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n", 404)
    kind = request.query.get("uploadType", "")
    if "upload_id" in request.query:
        return _resume(request)
    bucket, name = unquote(match.group(1)), request.query.get("name", "")
    if kind == "media":
        requested: Json = {"contentType": request.headers.get("content-type", "application/octet-stream")}
        return _store(request, bucket, name, request.body, requested)
    if kind == "multipart":
        requested, data = _parts(request.body, request.headers.get("content-type", ""))
        return _store(request, bucket, name or requested.get("name", ""), data, requested)
    if kind == "resumable":
        requested = _metadata(request.body or b"{}")
        requested.setdefault(
            "contentType", request.headers.get("x-upload-content-type", "application/octet-stream")
        )
        key = uuid.uuid4().hex
        _sessions[key] = _Session(bucket, name or requested.get("name", ""), requested, dict(request.query))
        where = f"{request.base_url}/{request.path}?uploadType=resumable&upload_id={key}"
        return Response(status_code=200, headers={"Location": where, "X-GUploader-UploadID": key})
    raise storage_error("INVALID_ARGUMENT", f"Invalid upload type: {kind!r}", "invalid")


def _resume(request: RawRequest) -> Response:
    session = _sessions.get(request.query["upload_id"])
    if session is None:
        raise storage_error("NOT_FOUND", "No such upload.", "notFound")
    match = RANGE.fullmatch(request.headers.get("content-range", ""))
    if match and match.group(1) is not None and int(match.group(1)) != len(session.data):
        raise storage_error("INVALID_ARGUMENT", "The range does not begin where the upload ended.", "invalid")
    session.data.extend(request.body)
    total = match.group(3) if match else str(len(session.data))
    if total == "*" or int(total) != len(session.data):
        headers = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
        return Response(status_code=308, headers=headers)
    del _sessions[request.query["upload_id"]]
    return _store(request, session.bucket, session.name, bytes(session.data), session.metadata, session.query)


def _store(
    request: RawRequest, bucket: str, name: str, data: bytes, requested: Json, query: Json | None = None
) -> Response:
    checks = query or dict(request.query)
    replaced = request.cloud.store.get(objects(bucket), name)
    resource = put_object(request.cloud, bucket, name, data, requested, checks, request.base_url)
    if request.cloud.functions is not None:
        if replaced is not None:  # as at Google, where a new generation deletes the one before
            request.cloud.functions.stored("deleted", replaced)
        request.cloud.functions.stored("finalized", resource)
    fields = (query or request.query).get("fields", "")
    return JSONResponse(select_fields(resource, fields) if fields else resource)


def _metadata(raw: bytes) -> Json:
    api = discovery.load("storage", "v1")
    insert = next(method for method in api.methods["POST"] if method.id == "storage.objects.insert")
    try:
        body: Any = json.loads(raw)
    except ValueError:
        raise storage_error(
            "INVALID_ARGUMENT", "Metadata part is too malformed to parse.", "parseError"
        ) from None
    return check_body(api, insert, body)


def _parts(body: bytes, content_type: str) -> tuple[Json, bytes]:
    """Return the metadata and content of a multipart/related body."""
    match = re.search(r"boundary=\"?([^\";]+)\"?", content_type)
    if not content_type.startswith("multipart/related") or match is None:
        raise storage_error(
            "INVALID_ARGUMENT", "Multipart upload needs a multipart/related body.", "badRequest"
        )
    pieces = (b"\r\n" + body).split(b"\r\n--" + match.group(1).encode())
    if len(pieces) != 4 or not pieces[3].startswith(b"--"):
        raise storage_error("INVALID_ARGUMENT", "Multipart upload must have exactly two parts.", "badRequest")
    (_, metadata), (headers, data) = (_split(piece) for piece in pieces[1:3])
    requested = _metadata(metadata)
    kind = re.search(rb"(?im)^content-type:\s*(.+?)\s*$", headers)
    if kind:
        requested.setdefault("contentType", kind.group(1).decode())
    return requested, data


def _split(piece: bytes) -> tuple[bytes, bytes]:
    head, gap, rest = piece.partition(b"\r\n\r\n")
    if not gap:
        raise storage_error("INVALID_ARGUMENT", "A part of the multipart upload has no body.", "badRequest")
    return head, rest


async def download(request: RawRequest) -> Response:
    """Return an object's content at its `mediaLink`, or a range of it."""
    match = DOWNLOAD.fullmatch(request.path)
    if match is None or request.http != "GET":
        return HTMLResponse("<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n", 404)
    bucket, name = unquote(match.group(1)), unquote(match.group(2))
    found, data = find_object(request.cloud, bucket, name), read_object(request.cloud, bucket, name)
    headers = {"X-Goog-Hash": f"crc32c={found['crc32c']},md5={found['md5Hash']}"}
    requested = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if requested is None:
        return Response(data, media_type=found["contentType"], headers=headers)
    start, end = int(requested.group(1)), min(int(requested.group(2) or len(data)), len(data) - 1)
    if start >= len(data):
        raise storage_error(
            "OUT_OF_RANGE", "Request range not satisfiable", "requestedRangeNotSatisfiable", 416
        )
    headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return Response(data[start : end + 1], 206, media_type=found["contentType"], headers=headers)


async def signed_upload(request: RawRequest) -> Response:
    """PUT to a URL of `functions.generateUploadUrl`: the URL itself is the permission."""
    _, bucket, name = (unquote(part) for part in request.path.split("/", 2))
    if request.http != "PUT" or request.cloud.store.get("uploads", f"{bucket}/{name}") is None:
        raise storage_error(
            "PERMISSION_DENIED", "The signature of this upload address is not valid.", "forbidden"
        )
    requested: Json = {"contentType": request.headers.get("content-type", "application/zip")}
    put_object(request.cloud, bucket, name, request.body, requested, {}, request.base_url)
    return Response(status_code=200)


async def extensions(request: RawRequest) -> Response:
    """Firebase Extensions, which firebase-tools lists. No public document describes them; there are none."""
    if request.http == "GET" and request.path.endswith("/instances"):
        return JSONResponse({})
    raise storage_error("UNIMPLEMENTED", "The sandbox has no Firebase Extensions.", "notImplemented")


ENDPOINTS: dict[str, RawEndpoint] = {
    "firebaseextensions": RawEndpoint(operation="firebaseextensions", needs_token=True, handle=extensions),
    "upload": RawEndpoint(operation="storage.objects.insert", needs_token=True, handle=upload),
    "download": RawEndpoint(operation="storage.objects.get", needs_token=True, handle=download),
    "resumable": RawEndpoint(operation="storage.objects.insert", needs_token=True, handle=upload),
    SIGNED: RawEndpoint(operation="storage.signedUpload", needs_token=False, handle=signed_upload),
}
