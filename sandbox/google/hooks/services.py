"""Service Usage: the enabled APIs of a project, and Google's service agents.

Every name of the form NAME.googleapis.com is accepted: there is no list of all of Google's services.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google.cloud import ALWAYS_ENABLED
from sandbox.google.errors import ApiError, invalid
from sandbox.google.masks import page

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest, Handler
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
"""firebase-tools takes the host of an overridden endpoint as the name of its service."""


def service_json(cloud: Cloud, project: str, service: str) -> Json:
    """Return a service in the API's form."""
    number = cloud.number(project)
    return {
        "name": f"projects/{number}/services/{service}",
        "parent": f"projects/{number}",
        "config": {"name": service, "title": f"{service.partition('.')[0]} API"},
        "state": "ENABLED" if cloud.enabled(project, service) else "DISABLED",
    }


def _service(request: ApiRequest) -> str:
    if not SERVICE.fullmatch(request.resource_id):
        raise ApiError(
            "PERMISSION_DENIED",
            f"Service '{request.resource_id}' not found or permission denied. (Not a NAME.googleapis.com.)",
        )
    return request.resource_id


def enable(request: ApiRequest) -> Json:
    service = _service(request)
    shown = {**service_json(request.cloud, request.project, service), "state": "ENABLED"}
    return request.cloud.operations.start(
        "",
        response={"service": shown},
        kind="google.api.serviceusage.v1.EnableServiceResponse",
        effects=[("put", f"enabled/{request.project}", service, {"service": service})],
    )


def batch_enable(request: ApiRequest) -> Json:
    requested = cast("list[str]", request.body.get("serviceIds", []))
    if not 1 <= len(requested) <= 20:
        raise invalid("A batch must have 1 to 20 services.", "service_ids")
    return request.cloud.operations.start(
        "",
        response={
            "services": [
                {**service_json(request.cloud, request.project, item), "state": "ENABLED"}
                for item in requested
            ]
        },
        kind="google.api.serviceusage.v1.BatchEnableServicesResponse",
        effects=[("put", f"enabled/{request.project}", one, {"service": one}) for one in requested],
    )


def disable(request: ApiRequest) -> Json:
    service = _service(request)
    if not request.cloud.enabled(request.project, service):
        raise ApiError(
            "FAILED_PRECONDITION", f"Service {service} is not enabled for consumer {request.project}."
        )
    return request.cloud.operations.start(
        "",
        response={"service": {**service_json(request.cloud, request.project, service), "state": "DISABLED"}},
        kind="google.api.serviceusage.v1.DisableServiceResponse",
        effects=[("delete", f"enabled/{request.project}", service, None)],
    )


def get(request: ApiRequest) -> Json:
    if request.resource_id == LOOPBACK:
        return {**service_json(request.cloud, request.project, LOOPBACK), "state": "ENABLED"}
    return service_json(request.cloud, request.project, _service(request))


def list_services(request: ApiRequest) -> Json:
    enabled = sorted(
        {*ALWAYS_ENABLED, *(key for key, _ in request.store.items(f"enabled/{request.project}"))}
    )
    names = enabled
    requested = cast("str", request.query.get("filter", ""))
    if requested == "state:DISABLED":
        names = sorted(set(AGENTS) - set(enabled))
    elif requested not in ("", "state:ENABLED"):
        raise invalid(
            f"Invalid filter {requested!r}: only state:ENABLED and state:DISABLED are supported.", "filter"
        )
    shown, token = page(
        [service_json(request.cloud, request.project, name) for name in names], request.query, size=50
    )
    return {"services": shown, **({"nextPageToken": token} if token else {})}


def batch_get(request: ApiRequest) -> Json:
    names = cast("list[str]", request.query.get("names", []))
    return {
        "services": [service_json(request.cloud, request.project, name.rpartition("/")[2]) for name in names]
    }


def generate_identity(request: ApiRequest) -> Json:
    service = _service(request)
    agent = AGENTS.get(service, f"gcp-sa-{service.partition('.')[0]}")
    email = f"service-{request.cloud.number(request.project)}@{agent}.iam.gserviceaccount.com"
    known = request.store.get("identities", email) or {
        "email": email,
        "uniqueId": str(10**20 + request.store.next("sa")),
    }
    request.store.put("identities", email, known)
    return request.cloud.operations.start(
        "", response=known, kind="google.api.serviceusage.v1beta1.ServiceIdentity"
    )


HANDLERS: dict[str, Handler] = {
    "serviceusage.services.enable": enable,
    "serviceusage.services.batchEnable": batch_enable,
    "serviceusage.services.disable": disable,
    "serviceusage.services.get": get,
    "serviceusage.services.list": list_services,
    "serviceusage.services.batchGet": batch_get,
    "serviceusage.services.generateServiceIdentity": generate_identity,
}
