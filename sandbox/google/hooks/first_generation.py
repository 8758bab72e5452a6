"""Cloud Functions of the first generation: firebase-tools lists them before every deployment.

There are none, and none can be created: the sandbox, like the program, supports the second generation only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.google.errors import ApiError, not_found

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json


def list_none(request: ApiRequest) -> Json:
    del request
    return {}


def get_missing(request: ApiRequest) -> Json:
    raise not_found(request.name)


def unimplemented(request: ApiRequest) -> Json:
    raise ApiError(
        "UNIMPLEMENTED",
        f"The sandbox does not support functions of the first generation ({request.method.id}).",
    )


_ID = "v1/cloudfunctions.projects.locations.functions."
HANDLERS: dict[str, Handler] = {
    _ID + "list": list_none,
    _ID + "get": get_missing,
    _ID + "delete": get_missing,
    **{
        _ID + verb: unimplemented
        for verb in ("create", "patch", "generateUploadUrl", "getIamPolicy", "setIamPolicy", "call")
    },
}
