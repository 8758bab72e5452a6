"""Cloud Functions of the first generation: firebase-tools asks for them before every deployment.

There are none. Refuses to make one: this sandbox, like the program, knows the second generation only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.google.errors import ApiError, not_found

if TYPE_CHECKING:
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json


def listed(call: Call) -> Json:
    del call
    return {}


def absent(call: Call) -> Json:
    raise not_found(call.name)


def refuse(call: Call) -> Json:
    raise ApiError(
        "UNIMPLEMENTED", f"The sandbox has no functions of the first generation ({call.method.id})."
    )


_ID = "v1/cloudfunctions.projects.locations.functions."
HANDLERS: dict[str, Handler] = {
    _ID + "list": listed,
    _ID + "get": absent,
    _ID + "delete": absent,
    **{
        _ID + verb: refuse
        for verb in ("create", "patch", "generateUploadUrl", "getIamPolicy", "setIamPolicy", "call")
    },
}
