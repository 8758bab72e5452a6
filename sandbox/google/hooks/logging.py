"""Cloud Logging: `entries.list` over what the running functions wrote, and the requests that they got."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google.errors import invalid
from sandbox.google.log_filter import FilterError, compile_filter
from sandbox.google.masks import page

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

ORDERS = {"": False, "timestamp": False, "timestamp asc": False, "timestamp desc": True}


def list_entries(request: ApiRequest) -> Json:
    """`entries.list`: `resourceNames`, `filter`, `orderBy`, pages."""
    names = cast("list[str]", request.body.get("resourceNames", []))
    names += [f"projects/{key}" for key in cast("list[str]", request.body.get("projectIds", []))]
    if not names:
        raise invalid("resource_names must have at least one entry.", "resource_names")
    projects = {request.cloud.canonical(name).split("/")[1] for name in names if name.startswith("projects/")}
    order = cast("str", request.body.get("orderBy", ""))
    if order not in ORDERS:
        raise invalid(f"Invalid order_by {order!r}.", "order_by")
    try:
        matches = compile_filter(cast("str", request.body.get("filter", "")))
    except FilterError as error:
        raise invalid(f"Unparseable filter: {error}", "filter") from None
    running = request.cloud.functions
    known = running.entries() if running is not None else []
    found = [
        entry for entry in known if cast("str", entry["logName"]).split("/")[1] in projects and matches(entry)
    ]
    found.sort(key=lambda entry: cast("str", entry["timestamp"]), reverse=ORDERS[order])
    shown, token = page(found, request.body, size=50)
    response: Json = {"entries": shown} if shown else {}
    return {**response, "nextPageToken": token} if token else response


HANDLERS: dict[str, Handler] = {"logging.entries.list": list_entries}
