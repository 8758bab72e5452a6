"""Service Usage: which APIs a project has enabled, and Google's service agents.

Refuses nothing that names a service of the form NAME.googleapis.com: there is no list of all of Google's
services.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google.cloud import ALWAYS_ENABLED
from sandbox.google.errors import ApiError, invalid
from sandbox.google.masks import page

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json

SERVICE = re.compile(r"[a-z0-9-]+\.googleapis\.com")
AGENTS = {
    "pubsub.googleapis.com": "gcp-sa-pubsub",
    "eventarc.googleapis.com": "gcp-sa-eventarc",
    "cloudscheduler.googleapis.com": "gcp-sa-cloudscheduler",
    "cloudtasks.googleapis.com": "gcp-sa-cloudtasks",
    "secretmanager.googleapis.com": "gcp-sa-secretmanager",
    "firebaserules.googleapis.com": "gcp-sa-firebaserules",
    "firestore.googleapis.com": "gcp-sa-firestore",
    "cloudfunctions.googleapis.com": "gcf-admin-robot",
    "run.googleapis.com": "serverless-robot-prod",
    "artifactregistry.googleapis.com": "gcp-sa-artifactregistry",
    "cloudbuild.googleapis.com": "gcp-sa-cloudbuild",
    "identitytoolkit.googleapis.com": "gcp-sa-identitytoolkit",
}
"""The domain part of each product's service agent (IAM docs, service agents)."""


LOOPBACK = "127.0.0.1"
"""firebase-tools takes the host of an overridden endpoint for the name of its service."""


def show(cloud: Cloud, project: str, service: str) -> Json:
    """A service as the API shows it."""
    number = cloud.number(project)
    return {
        "name": f"projects/{number}/services/{service}",
        "parent": f"projects/{number}",
        "config": {"name": service, "title": f"{service.partition('.')[0]} API"},
        "state": "ENABLED" if cloud.enabled(project, service) else "DISABLED",
    }


def _service(call: Call) -> str:
    if not SERVICE.fullmatch(call.short):
        raise ApiError(
            "PERMISSION_DENIED",
            f"Service '{call.short}' not found or permission denied. (It is no NAME.googleapis.com.)",
        )
    return call.short


def enable(call: Call) -> Json:
    service = _service(call)
    shown = {**show(call.cloud, call.project, service), "state": "ENABLED"}
    return call.cloud.operations.start(
        "",
        response={"service": shown},
        kind="google.api.serviceusage.v1.EnableServiceResponse",
        effects=[("put", f"enabled/{call.project}", service, {"service": service})],
    )


def batch_enable(call: Call) -> Json:
    wanted = cast("list[str]", call.body.get("serviceIds", []))
    if not 1 <= len(wanted) <= 20:
        raise invalid("A batch must have 1 to 20 services.", "service_ids")
    return call.cloud.operations.start(
        "",
        response={
            "services": [{**show(call.cloud, call.project, one), "state": "ENABLED"} for one in wanted]
        },
        kind="google.api.serviceusage.v1.BatchEnableServicesResponse",
        effects=[("put", f"enabled/{call.project}", one, {"service": one}) for one in wanted],
    )


def disable(call: Call) -> Json:
    service = _service(call)
    if not call.cloud.enabled(call.project, service):
        raise ApiError(
            "FAILED_PRECONDITION", f"Service {service} is not enabled for consumer {call.project}."
        )
    return call.cloud.operations.start(
        "",
        response={"service": {**show(call.cloud, call.project, service), "state": "DISABLED"}},
        kind="google.api.serviceusage.v1.DisableServiceResponse",
        effects=[("drop", f"enabled/{call.project}", service, None)],
    )


def get(call: Call) -> Json:
    if call.short == LOOPBACK:
        return {**show(call.cloud, call.project, LOOPBACK), "state": "ENABLED"}
    return show(call.cloud, call.project, _service(call))


def listed(call: Call) -> Json:
    enabled = sorted({*ALWAYS_ENABLED, *(key for key, _ in call.store.items(f"enabled/{call.project}"))})
    names = enabled
    wanted = cast("str", call.query.get("filter", ""))
    if wanted == "state:DISABLED":
        names = sorted(set(AGENTS) - set(enabled))
    elif wanted not in ("", "state:ENABLED"):
        raise invalid(
            f"Invalid filter {wanted!r}: only state:ENABLED and state:DISABLED are supported.", "filter"
        )
    shown, token = page([show(call.cloud, call.project, name) for name in names], call.query, size=50)
    return {"services": shown, **({"nextPageToken": token} if token else {})}


def batch_get(call: Call) -> Json:
    names = cast("list[str]", call.query.get("names", []))
    return {"services": [show(call.cloud, call.project, name.rpartition("/")[2]) for name in names]}


def generate_identity(call: Call) -> Json:
    service = _service(call)
    agent = AGENTS.get(service, f"gcp-sa-{service.partition('.')[0]}")
    email = f"service-{call.cloud.number(call.project)}@{agent}.iam.gserviceaccount.com"
    known = call.store.get("identities", email) or {
        "email": email,
        "uniqueId": str(10**20 + call.store.next("sa")),
    }
    call.store.put("identities", email, known)
    return call.cloud.operations.start(
        "", response=known, kind="google.api.serviceusage.v1beta1.ServiceIdentity"
    )


HANDLERS: dict[str, Handler] = {
    "serviceusage.services.enable": enable,
    "serviceusage.services.batchEnable": batch_enable,
    "serviceusage.services.disable": disable,
    "serviceusage.services.get": get,
    "serviceusage.services.list": listed,
    "serviceusage.services.batchGet": batch_get,
    "serviceusage.services.generateServiceIdentity": generate_identity,
}
