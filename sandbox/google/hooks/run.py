"""Cloud Run services: one state, in the v2 and the v1 (Knative) form.

A function's service is created and deleted by its function. Services cannot be written in the v1 form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google import generic, iam
from sandbox.google.errors import ApiError
from sandbox.google.regions import run_host
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

SERVICE = "GoogleCloudRunV2Service"


def table(project: str, region: str) -> str:
    """Return the store's collection of a region's services."""
    return f"run/projects/{project}/locations/{region}/services"


def with_computed_fields(cloud: Cloud, requested: Json, old: Json | None) -> Json:
    """Return a service with the fields that Cloud Run computes.

    Args:
        requested: the service's writable fields and its full `name`.
        old: the service before the change, or None.
    """
    _, project, _, region, _, name = cast("str", requested["name"]).split("/")
    number = cloud.number(project)
    generation = int(old["generation"]) + 1 if old else 1
    revision = f"projects/{project}/locations/{region}/services/{name}/revisions/{name}-{generation:05d}-sbx"
    uri = f"https://{run_host(name, number, region)}"
    ready = {"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": timestamp()}
    target = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}
    return {
        "ingress": "INGRESS_TRAFFIC_ALL",
        "launchStage": "GA",
        "traffic": [target],
        **requested,
        "uid": old["uid"] if old else cloud.unique(name)[:32],
        "generation": str(generation),
        "observedGeneration": str(generation),
        "createTime": old["createTime"] if old else timestamp(),
        "updateTime": timestamp(),
        "creator": "owner@example.com",
        "lastModifier": "owner@example.com",
        "terminalCondition": ready,
        "conditions": [{"type": "RoutesReady", "state": "CONDITION_SUCCEEDED"}],
        "latestReadyRevision": revision,
        "latestCreatedRevision": revision,
        "trafficStatuses": [target],
        "uri": uri,
        "urls": [f"https://{name}-{number}.{region}.run.app", uri],
        "etag": f'"{cloud.unique("etag")[:20]}"',
    }


def create(request: ApiRequest) -> Json:
    key = request.required_query("serviceId")
    where = table(request.project, request.location)
    name = f"{request.name}/services/{key}"
    if request.store.get(where, key) is not None:
        raise ApiError("ALREADY_EXISTS", f"Resource '{key}' already exists.")
    service = with_computed_fields(request.cloud, {**request.body, "name": name}, None)
    request.store.put(where, key, service)
    return _operation(request, service)


def patch(request: ApiRequest) -> Json:
    old = generic.get_resource(request)
    generic.patch(request)
    service = with_computed_fields(request.cloud, generic.get_resource(request), old)
    request.store.put(*request.store_key(), service)
    return _operation(request, service)


def _operation(request: ApiRequest, service: Json) -> Json:
    return request.cloud.operations.start(
        generic.operation_parent(request),
        response=service,
        kind="google.cloud.run.v2.Service",
        metadata={"@type": "type.googleapis.com/google.cloud.run.v2.Service", **service},
        resource=service["name"],
    )


def knative(cloud: Cloud, service: Json) -> Json:
    """Return a service in the v1 form."""
    _, project, _, region, _, name = cast("str", service["name"]).split("/")
    number = cloud.number(project)
    template = cast("Json", service.get("template", {}))
    container = cast("list[Json]", template.get("containers", [{}]))[0]
    scaling = cast("Json", template.get("scaling", {}))
    annotations = {
        f"autoscaling.knative.dev/{k.removesuffix('InstanceCount')}Scale": str(v) for k, v in scaling.items()
    }
    ingress = cast("str", service["ingress"]).removeprefix("INGRESS_TRAFFIC_").lower().replace("_", "-")
    revision = cast("str", service["latestReadyRevision"]).rpartition("/")[2]
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": service["updateTime"]}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": number,
            "selfLink": f"/apis/serving.knative.dev/v1/namespaces/{number}/services/{name}",
            "uid": service["uid"],
            "resourceVersion": service["etag"].strip('"'),
            "generation": int(service["generation"]),
            "creationTimestamp": service["createTime"],
            "labels": {**cast("Json", service.get("labels", {})), "cloud.googleapis.com/location": region},
            "annotations": {"run.googleapis.com/ingress": ingress},
        },
        "spec": {
            "template": {
                "metadata": {"annotations": annotations},
                "spec": {
                    "containerConcurrency": template.get("maxInstanceRequestConcurrency", 80),
                    "timeoutSeconds": int(cast("str", template.get("timeout", "300s"))[:-1]),
                    "serviceAccountName": template.get("serviceAccount", ""),
                    "containers": [container],
                },
            },
            "traffic": [{"percent": 100, "latestRevision": True}],
        },
        "status": {
            "observedGeneration": int(service["generation"]),
            "conditions": [condition],
            "latestReadyRevisionName": revision,
            "latestCreatedRevisionName": revision,
            "traffic": [{"percent": 100, "latestRevision": True, "revisionName": revision}],
            "url": service["uri"],
            "address": {"url": service["uri"]},
        },
    }


def get_v1(request: ApiRequest) -> Json:
    return knative(request.cloud, generic.get_resource(request))


def list_v1(request: ApiRequest) -> Json:
    services = cast("list[Json]", generic.list_resources(request).get("services", []))
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "ServiceList",
        "metadata": {},
        "items": [knative(request.cloud, service) for service in services],
    }


def delete_v1(request: ApiRequest) -> Json:
    generic.get_resource(request)
    request.store.remove(*request.store_key())
    iam.delete_policy(request.cloud, "run", request.name)
    return {"status": "Success"}


def unimplemented_v1(request: ApiRequest) -> Json:
    raise ApiError(
        "UNIMPLEMENTED",
        f"The sandbox supports writes of Cloud Run services in the v2 form only ({request.method.id}).",
    )


_ID = "run.projects.locations.services."
HANDLERS: dict[str, Handler] = {
    f"v1/{_ID}get": get_v1,
    f"v1/{_ID}list": list_v1,
    f"v1/{_ID}delete": delete_v1,
    f"v1/{_ID}create": unimplemented_v1,
    f"v1/{_ID}replaceService": unimplemented_v1,
    f"v2/{_ID}create": create,
    f"v2/{_ID}patch": patch,
}
