"""Handlers that work for the resources of every product: create, get, list, patch, delete, IAM policies.

Every other method gets 501 with its name: a request that the sandbox does not understand never succeeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google import iam
from sandbox.google.errors import ApiError, already_exists, invalid, not_found
from sandbox.google.masks import apply_patch, output_only, page, writable_fields
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.discovery import Schema
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json


def returns_operation(request: ApiRequest) -> bool:
    """Return whether the method's response is a long-running operation."""
    return (request.method.response or "").endswith("Operation")


def operation_parent(request: ApiRequest) -> str:
    """Return the prefix of an operation's name: the resource's location, database or project."""
    parts = request.name.split("/")
    return "/".join(parts[:4] if len(parts) > 3 and parts[2] in ("locations", "databases") else parts[:2])


def collection_name(request: ApiRequest) -> str:
    """Return the last literal segment of a create or list path: "functions", "secrets", …"""
    return request.method.path.rpartition("/")[2].partition(":")[0]


def get_resource(request: ApiRequest) -> Json:
    """Return the resource that the path names.

    Raises:
        ApiError: NOT_FOUND.
    """
    found = request.store.get(*request.store_key())
    if found is None:
        raise not_found(request.name)
    return found


def new_id(request: ApiRequest) -> str:
    """Return the id of a resource to create: a query parameter such as `functionId`, or from body.name.

    Raises:
        ApiError: INVALID_ARGUMENT if there is neither, or the body's name is not below the parent.
    """
    for name, value in request.query.items():
        if name.endswith("Id") and name in request.method.query:
            return cast("str", value)
    name = cast("str", request.body.get("name", ""))
    parent = f"{request.name}/{collection_name(request)}/"
    if not request.cloud.canonical(name).startswith(parent) if name else True:
        raise invalid(f"The resource's name must be of the form {parent}ID, not {name!r}", "name")
    return request.cloud.canonical(name).removeprefix(parent)


def create(request: ApiRequest) -> Json:
    """Create a resource below its parent; fails if the name exists."""
    schema = cast("str", request.method.request)
    key = new_id(request)
    table = request.collection(request.name, collection_name(request))
    name = f"{request.name}/{collection_name(request)}/{key}"
    if request.store.get(table, key) is not None:
        raise already_exists(name)
    resource = {
        **writable_fields(request.api, {"$ref": schema}, {}, request.body),
        "name": name,
        **computed_fields(request, schema),
    }
    request.store.put(table, key, resource)
    return as_response(request, resource)


def computed_fields(request: ApiRequest, schema: str) -> Json:
    """Return the output-only fields that all products fill: times, uid, etag, state."""
    known = cast("dict[str, Schema]", request.api.schemas[schema].get("properties", {}))
    filled: Json = {}
    for name in ("createTime", "updateTime"):
        if name in known:
            filled[name] = timestamp()
    if "uid" in known and output_only(known["uid"]):
        filled["uid"] = request.cloud.unique(request.name)[:32]
    if "etag" in known:
        filled["etag"] = f'"{request.cloud.unique("etag")[:14]}"'
    states = cast("list[str]", known.get("state", {}).get("enum", []))
    for state in ("ACTIVE", "ENABLED", "RUNNING", "READY"):
        if state in states:
            return {**filled, "state": state}
    return filled


def as_response(request: ApiRequest, resource: Json) -> Json:
    """Return the resource, or an operation with it as its result, depending on the method."""
    if not returns_operation(request):
        return resource
    metadata = {
        "createTime": timestamp(),
        "target": resource.get("name", request.name),
        "verb": request.method.verb,
    }
    return request.cloud.operations.start(
        operation_parent(request),
        response=resource,
        kind=request.method.request or "google.protobuf.Empty",
        metadata=metadata,
    )


def list_page(request: ApiRequest, items: list[Json], key: str) -> Json:
    """Return one page of a list: `{key: […], nextPageToken}`, both left out if empty."""
    shown, token = page(items, request.query)
    response: Json = {key: shown} if shown else {}
    if token:
        response["nextPageToken"] = token
    return response


def list_resources(request: ApiRequest) -> Json:
    """`list`: a parent segment `-` means all parents."""
    what = collection_name(request)
    table = request.collection(request.name, what)
    if "/-" not in table:
        return list_page(request, [item for _, item in request.store.items(table)], what)
    requested = table.split("/")
    items: list[Json] = []
    for name in request.store.collections(f"{request.api.product.api}/"):
        parts = name.split("/")
        if len(parts) == len(requested) and all(b in ("-", a) for a, b in zip(parts, requested, strict=True)):
            items.extend(item for _, item in request.store.items(name))
    return list_page(request, items, what)


def patch(request: ApiRequest) -> Json:
    """PATCH with a mask, or with the fields that the body contains.

    Raises:
        ApiError: NOT_FOUND; ABORTED for an outdated etag.
    """
    old = get_resource(request)
    schema = cast("str", request.method.request)
    check_etag(request, old)
    updated = apply_patch(
        request.api, schema, old, request.body, cast("str | None", request.query.get("updateMask"))
    )
    renewed = {
        name: value
        for name, value in computed_fields(request, schema).items()
        if name in ("updateTime", "etag")
    }
    updated = {**updated, "name": old["name"], **renewed}
    request.store.put(*request.store_key(), updated)
    return as_response(request, updated)


def check_etag(request: ApiRequest, old: Json) -> None:
    """Reject a write with an etag that is not the resource's current one.

    Raises:
        ApiError: ABORTED.
    """
    etag = request.body.get("etag") or request.query.get("etag")
    if etag and "etag" in old and etag != old["etag"]:
        raise ApiError("ABORTED", f"The etag {etag} does not match the current one of {request.name}.")


def delete(request: ApiRequest) -> Json:
    """DELETE the resource and its IAM policy."""
    old = get_resource(request)
    check_etag(request, old)
    request.store.remove(*request.store_key())
    iam.delete_policy(request.cloud, request.api.product.api, request.name)
    return as_response(request, {})


def get_operation(request: ApiRequest) -> Json:
    """`operations.get` of every product."""
    return request.cloud.operations.poll(request.name)


def list_operations(request: ApiRequest) -> Json:
    """`operations.list` of every product."""
    prefix = f"{request.name}/operations/" if request.name else "operations/"
    return {"operations": request.cloud.operations.with_prefix(prefix)}


def generic_handler(request: ApiRequest) -> Handler:
    """Return the handler of a method without a hook.

    Raises:
        ApiError: UNIMPLEMENTED.
    """
    verb, method = request.method.verb, request.method.id
    if method.endswith("operations.get"):
        return get_operation
    if method.endswith("operations.list"):
        return list_operations
    policies = iam.handlers(get_resource, request.api.product.api)
    if verb in policies:
        return policies[verb]
    if request.api.product.api != "storage" and verb in VERBS:
        return VERBS[verb]
    raise ApiError("UNIMPLEMENTED", f"The sandbox does not implement {method}.")


VERBS: dict[str, Handler] = {
    "create": create,
    "get": get_resource,
    "list": list_resources,
    "patch": patch,
    "delete": delete,
}
