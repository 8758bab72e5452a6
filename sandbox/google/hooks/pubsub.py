"""Pub/Sub topics and subscriptions: created by PUT, patched with the mask in the body (or the query).
Refuses to carry messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google import generic
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import listing
from sandbox.google.masks import overlay, update

if TYPE_CHECKING:
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._~%+-]{2,254}")


def _kind(call: Call) -> tuple[str, str, str]:
    """(collection, schema, message field) of the resource that a method works on."""
    if ".subscriptions." in call.method.id:
        return "subscriptions", "Subscription", "subscription"
    return "topics", "Topic", "topic"


def find(call: Call) -> Json:
    found = call.store.get(*call.where())
    if found is None:
        raise ApiError("NOT_FOUND", f"Resource not found (resource={call.short}).")
    return found


def create(call: Call) -> Json:
    what, schema, _ = _kind(call)
    if not NAME.fullmatch(call.short) or call.short.startswith("goog"):
        raise invalid(
            f"Invalid resource name given (name={call.name}). Refer to "
            "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information."
        )
    if call.store.get(*call.where()) is not None:
        raise ApiError("ALREADY_EXISTS", f"Resource already exists in the project (resource={call.short}).")
    topic = call.body.get("topic")
    if (
        what == "subscriptions"
        and call.store.get(f"pubsub/projects/{call.project}/topics", str(topic).rpartition("/")[2]) is None
    ):
        raise ApiError("NOT_FOUND", f"Resource not found (resource={topic}).")
    fresh = {**overlay(call.api, {"$ref": schema}, {}, call.body), "name": call.name}
    if what == "topics":
        fresh["state"] = "ACTIVE"
    call.store.put(*call.where(), fresh)
    return fresh


def listed(call: Call) -> Json:
    what, _, _ = _kind(call)
    return listing(call, [one for _, one in call.store.items(call.table(call.name, what))], what)


def patch(call: Call) -> Json:
    _, schema, field = _kind(call)
    old = find(call)
    mask = cast("str", call.body.get("updateMask") or call.query.get("updateMask") or "")
    if not mask:
        raise invalid("The update_mask in the request is empty.", "update_mask")
    fresh = {
        **update(call.api, schema, old, cast("Json", call.body.get(field, {})), mask),
        "name": old["name"],
    }
    call.store.put(*call.where(), fresh)
    return fresh


def delete(call: Call) -> Json:
    find(call)
    return generic.delete(call)


HANDLERS: dict[str, Handler] = {
    f"pubsub.projects.{what}.{verb}": handler
    for what in ("topics", "subscriptions")
    for verb, handler in (
        ("create", create),
        ("get", find),
        ("list", listed),
        ("patch", patch),
        ("delete", delete),
    )
}
