"""Pub/Sub topics and subscriptions: created by PUT, patched with the mask in the body or the query.

Messages reach the functions on their topic where functions run (`sandbox.google.running.messages`); there are
no other subscribers, and without running functions nothing can be published.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google import generic
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import list_page
from sandbox.google.masks import apply_patch, writable_fields
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._~%+-]{2,254}")


def _kind(request: ApiRequest) -> tuple[str, str, str]:
    """Return (collection, schema, message field) of the resource that a method works on."""
    if ".subscriptions." in request.method.id:
        return "subscriptions", "Subscription", "subscription"
    return "topics", "Topic", "topic"


def find(request: ApiRequest) -> Json:
    found = request.store.get(*request.store_key())
    if found is None:
        raise ApiError("NOT_FOUND", f"Resource not found (resource={request.resource_id}).")
    return found


def create(request: ApiRequest) -> Json:
    what, schema, _ = _kind(request)
    if not NAME.fullmatch(request.resource_id) or request.resource_id.startswith("goog"):
        raise invalid(
            f"Invalid resource name given (name={request.name}). Refer to "
            "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information."
        )
    if request.store.get(*request.store_key()) is not None:
        raise ApiError(
            "ALREADY_EXISTS", f"Resource already exists in the project (resource={request.resource_id})."
        )
    topic = request.body.get("topic")
    if (
        what == "subscriptions"
        and request.store.get(f"pubsub/projects/{request.project}/topics", str(topic).rpartition("/")[2])
        is None
    ):
        raise ApiError("NOT_FOUND", f"Resource not found (resource={topic}).")
    updated = {**writable_fields(request.api, {"$ref": schema}, {}, request.body), "name": request.name}
    if what == "topics":
        updated["state"] = "ACTIVE"
    request.store.put(*request.store_key(), updated)
    return updated


def list_resources(request: ApiRequest) -> Json:
    what, _, _ = _kind(request)
    return list_page(
        request, [item for _, item in request.store.items(request.collection(request.name, what))], what
    )


def patch(request: ApiRequest) -> Json:
    _, schema, field = _kind(request)
    old = find(request)
    mask = cast("str", request.body.get("updateMask") or request.query.get("updateMask") or "")
    if not mask:
        raise invalid("The update_mask in the request is empty.", "update_mask")
    updated = {
        **apply_patch(request.api, schema, old, cast("Json", request.body.get(field, {})), mask),
        "name": old["name"],
    }
    request.store.put(*request.store_key(), updated)
    return updated


def delete(request: ApiRequest) -> Json:
    find(request)
    return generic.delete(request)


def publish(request: ApiRequest) -> Json:
    """`topics.publish`: each message goes to the functions on the topic."""
    find(request)
    running = request.cloud.functions
    if running is None:
        raise ApiError(
            "UNIMPLEMENTED", "The sandbox delivers messages only where it runs functions: up --run."
        )
    messages = cast("list[Json]", request.body.get("messages") or [])
    for message in messages:
        if not message.get("data") and not message.get("attributes"):
            raise invalid("One or more messages in the publish request is empty.", "messages")
    ids: list[str] = []
    for message in messages:
        ids.append(str(10**15 + request.store.next("messages")))
        sent = {"attributes": {}, **message, "messageId": ids[-1], "publishTime": timestamp()}
        running.publish(request.name, sent)
    return {"messageIds": ids}


HANDLERS: dict[str, Handler] = {
    f"pubsub.projects.{what}.{verb}": handler
    for what in ("topics", "subscriptions")
    for verb, handler in (
        ("create", create),
        ("get", find),
        ("list", list_resources),
        ("patch", patch),
        ("delete", delete),
    )
}
HANDLERS["pubsub.projects.topics.publish"] = publish
