"""Identity Platform: the configuration of Auth, of which the blocking functions are a part.

Each project has one (`switches.identity_platform`: upgraded to Identity Platform, or not). The error of a
project that is not upgraded is the one that public reports quote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google.errors import invalid
from sandbox.google.masks import apply_patch
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

CONFIGS = "identitytoolkit/configs"
SCHEMA = "GoogleCloudIdentitytoolkitAdminV2Config"
EVENTS = ("beforeCreate", "beforeSignIn", "beforeSendEmail", "beforeSendSms")


def get(request: ApiRequest) -> Json:
    """`projects.getConfig`."""
    upgraded = request.cloud.switches.identity_platform
    subtype = "IDENTITY_PLATFORM" if upgraded else "FIREBASE_AUTH"
    number = request.cloud.number(request.project)
    stored = request.store.get(CONFIGS, request.project) or {
        "name": f"projects/{number}/config",
        "signIn": {"email": {"enabled": True, "passwordRequired": True}, "allowDuplicateEmails": False},
        "authorizedDomains": ["localhost", f"{request.project}.firebaseapp.com"],
    }
    return {**stored, "subtype": subtype}


def patch(request: ApiRequest) -> Json:
    """`projects.updateConfig`: the fields of the mask, each as a whole."""
    old = get(request)
    if "blockingFunctions" in request.body and not request.cloud.switches.identity_platform:
        raise invalid("OPERATION_NOT_ALLOWED : Blocking Functions may only be configured for GCIP projects.")
    mask = cast("str | None", request.query.get("updateMask"))
    updated = apply_patch(request.api, SCHEMA, old, request.body, mask)
    blocking = cast("Json", updated.get("blockingFunctions") or {})
    triggers = cast("dict[str, Json]", blocking.get("triggers") or {})
    for event, trigger in triggers.items():
        if event not in EVENTS:
            raise invalid(f"INVALID_BLOCKING_FUNCTION : Unknown event {event}.", "blocking_functions")
        if not str(trigger.get("functionUri", "")).startswith("https://"):
            raise invalid("INVALID_BLOCKING_FUNCTION : A trigger needs an https URI.", "blocking_functions")
        trigger.setdefault("updateTime", timestamp())
    request.store.put(CONFIGS, request.project, updated)
    return updated


HANDLERS: dict[str, Handler] = {
    "identitytoolkit.projects.getConfig": get,
    "identitytoolkit.projects.updateConfig": patch,
}
