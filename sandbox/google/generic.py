"""What every resource of every product can do without a hook: create, get, list, patch, delete, policies.

Refuses everything else with 501 and the method's name: a call that the sandbox does not understand must be
seen, never be answered with a success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google import iam
from sandbox.google.errors import ApiError, already_exists, invalid, not_found
from sandbox.google.masks import output_only, overlay, page, update
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.discovery import Schema
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json


def returns_operation(call: Call) -> bool:
    """Whether the method answers with a long-running operation."""
    return (call.method.response or "").endswith("Operation")


def operation_parent(call: Call) -> str:
    """What the name of an operation on this resource begins with: its location, database or project."""
    parts = call.name.split("/")
    return "/".join(parts[:4] if len(parts) > 3 and parts[2] in ("locations", "databases") else parts[:2])


def collection(call: Call) -> str:
    """The last literal segment of a create or list path: "functions", "secrets", …"""
    return call.method.path.rpartition("/")[2].partition(":")[0]


def get(call: Call) -> Json:
    """The resource that the path names.

    Raises:
        ApiError: NOT_FOUND.
    """
    found = call.store.get(*call.where())
    if found is None:
        raise not_found(call.name)
    return found


def new_id(call: Call) -> str:
    """The id of a resource to create: a query parameter such as `functionId`, or the last segment of
    body.name.

    Raises:
        ApiError: INVALID_ARGUMENT when there is neither, or the body's name is not below the parent.
    """
    for name, value in call.query.items():
        if name.endswith("Id") and name in call.method.query:
            return cast("str", value)
    name = cast("str", call.body.get("name", ""))
    parent = f"{call.name}/{collection(call)}/"
    if not call.cloud.canonical(name).startswith(parent) if name else True:
        raise invalid(f"The resource's name must be of the form {parent}ID, not {name!r}", "name")
    return call.cloud.canonical(name).removeprefix(parent)


def create(call: Call) -> Json:
    """Create a resource below its parent; a second one of the same name is refused."""
    schema = cast("str", call.method.request)
    key = new_id(call)
    table = call.table(call.name, collection(call))
    name = f"{call.name}/{collection(call)}/{key}"
    if call.store.get(table, key) is not None:
        raise already_exists(name)
    resource = {**overlay(call.api, {"$ref": schema}, {}, call.body), "name": name, **stamps(call, schema)}
    call.store.put(table, key, resource)
    return finished(call, resource)


def stamps(call: Call, schema: str) -> Json:
    """The output-only fields that every product fills: times, uid, etag, state."""
    known = cast("dict[str, Schema]", call.api.schemas[schema].get("properties", {}))
    filled: Json = {}
    for name in ("createTime", "updateTime"):
        if name in known:
            filled[name] = timestamp()
    if "uid" in known and output_only(known["uid"]):
        filled["uid"] = call.cloud.unique(call.name)[:32]
    if "etag" in known:
        filled["etag"] = f'"{call.cloud.unique("etag")[:14]}"'
    states = cast("list[str]", known.get("state", {}).get("enum", []))
    for state in ("ACTIVE", "ENABLED", "RUNNING", "READY"):
        if state in states:
            return {**filled, "state": state}
    return filled


def finished(call: Call, resource: Json) -> Json:
    """The resource, or an operation that holds it, as the method answers."""
    if not returns_operation(call):
        return resource
    metadata = {
        "createTime": timestamp(),
        "target": resource.get("name", call.name),
        "verb": call.method.verb,
    }
    return call.cloud.operations.start(
        operation_parent(call),
        response=resource,
        kind=call.method.request or "google.protobuf.Empty",
        metadata=metadata,
    )


def listing(call: Call, items: list[Json], key: str) -> Json:
    """One page of a listing: `{key: […], nextPageToken}`, both left out when empty."""
    shown, token = page(items, call.query)
    answer: Json = {key: shown} if shown else {}
    if token:
        answer["nextPageToken"] = token
    return answer


def listed(call: Call) -> Json:
    """`list`: a parent segment `-` stands for all."""
    what = collection(call)
    table = call.table(call.name, what)
    if "/-" not in table:
        return listing(call, [item for _, item in call.store.items(table)], what)
    wanted = table.split("/")
    items: list[Json] = []
    for name in call.store.collections(f"{call.api.product.api}/"):
        parts = name.split("/")
        if len(parts) == len(wanted) and all(b in ("-", a) for a, b in zip(parts, wanted, strict=True)):
            items.extend(item for _, item in call.store.items(name))
    return listing(call, items, what)


def patch(call: Call) -> Json:
    """PATCH with a mask, or with the fields that the body has.

    Raises:
        ApiError: NOT_FOUND; FAILED_PRECONDITION for a stale etag.
    """
    old = get(call)
    schema = cast("str", call.method.request)
    check_etag(call, old)
    fresh = update(call.api, schema, old, call.body, cast("str | None", call.query.get("updateMask")))
    renewed = {name: value for name, value in stamps(call, schema).items() if name in ("updateTime", "etag")}
    fresh = {**fresh, "name": old["name"], **renewed}
    call.store.put(*call.where(), fresh)
    return finished(call, fresh)


def check_etag(call: Call, old: Json) -> None:
    """Refuse a write that carries another etag than the resource has.

    Raises:
        ApiError: ABORTED.
    """
    etag = call.body.get("etag") or call.query.get("etag")
    if etag and "etag" in old and etag != old["etag"]:
        raise ApiError("ABORTED", f"The etag {etag} does not match the current one of {call.name}.")


def delete(call: Call) -> Json:
    """DELETE; with the resource goes its policy."""
    old = get(call)
    check_etag(call, old)
    call.store.drop(*call.where())
    iam.forget(call.cloud, call.api.product.api, call.name)
    return finished(call, {})


def get_operation(call: Call) -> Json:
    """`operations.get` of every product."""
    return call.cloud.operations.poll(call.name)


def list_operations(call: Call) -> Json:
    """`operations.list` of every product."""
    prefix = f"{call.name}/operations/" if call.name else "operations/"
    return {"operations": call.cloud.operations.with_prefix(prefix)}


def handler(call: Call) -> Handler:
    """The handler for a method without a hook.

    Raises:
        ApiError: UNIMPLEMENTED.
    """
    verb, method = call.method.verb, call.method.id
    if method.endswith("operations.get"):
        return get_operation
    if method.endswith("operations.list"):
        return list_operations
    policies = iam.handlers(get, call.api.product.api)
    if verb in policies:
        return policies[verb]
    if call.api.product.api != "storage" and verb in VERBS:
        return VERBS[verb]
    raise ApiError("UNIMPLEMENTED", f"The sandbox does not implement {method}.")


VERBS: dict[str, Handler] = {"create": create, "get": get, "list": listed, "patch": patch, "delete": delete}
