"""Cloud Functions (2nd generation): a function, its Cloud Run service and its Eventarc trigger.

v2 and v2beta are served on one state. As at Google, these are errors: a missing source object, a service
account that does not exist, a trigger in another location than its database, a decommissioned runtime. If the
function cannot read a secret, the deployment ends in FAILED. The error texts are Google's where public
reports quote them; those for a missing source object and for a wrong trigger region are our own.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from typing import TYPE_CHECKING, cast

from sandbox.google import generic, iam
from sandbox.google.errors import ApiError, error_info
from sandbox.google.hooks import run
from sandbox.google.hooks.function_checks import (
    FUNCTION_ANNOTATION,
    RUNTIMES,
    check_request,
    default_cpu,
    deployment_error,
    owning_function,
)
from sandbox.google.hooks.storage import BUCKETS, create_bucket, find_object, put_object, read_object
from sandbox.google.masks import apply_patch, writable_fields
from sandbox.google.regions import REGIONS, run_host
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.operations import Effect
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

KIND = "google.cloud.functions.v2.Function"
DEFAULT_MEMORY, DEFAULT_INSTANCES = "256Mi", 100
INGRESS = {
    "ALLOW_ALL": "INGRESS_TRAFFIC_ALL",
    "ALLOW_INTERNAL_ONLY": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "ALLOW_INTERNAL_AND_GCLB": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
}
_writes: dict[tuple[int, str, str], deque[float]] = {}
"""Times of the last writes by (cloud, project, region), for the quota."""


def service_id(function_id: str) -> str:
    """Return the id of a function's Cloud Run service: lower case, hyphens."""
    return function_id.lower().replace("_", "-")


def _check_quota(request: ApiRequest) -> None:
    limit = request.cloud.switches.function_writes_per_minute
    if not limit:
        return
    recent = _writes.setdefault((id(request.cloud), request.project, request.location), deque())
    now = time.monotonic()
    while recent and now - recent[0] > 60:
        recent.popleft()
    if len(recent) >= limit:
        number = request.cloud.number(request.project)
        metric = "Per project mutation requests"
        raise ApiError(
            "RESOURCE_EXHAUSTED",
            f"Quota exceeded for quota metric '{metric}' and limit '{metric} per minute per region' of "
            f"service 'cloudfunctions.googleapis.com' for consumer 'project_number:{number}'.",
            details=[
                error_info(
                    "RATE_LIMIT_EXCEEDED",
                    "googleapis.com",
                    {
                        "service": "cloudfunctions.googleapis.com",
                        "consumer": f"projects/{number}",
                        "quota_limit_value": str(limit),
                        "quota_location": request.location,
                    },
                ),
                {
                    "@type": "type.googleapis.com/google.rpc.RetryInfo",
                    "retryDelay": f"{max(1, round(60 - (now - recent[0])))}s",
                },
            ],
        )
    recent.append(now)


def _check_cpu(request: ApiRequest, key: str, requested: Json) -> None:
    """Refuse what the region's CPU quota does not allow, in Google's words (firebase-tools issue 5867)."""
    quota, config = request.cloud.switches.cpu_quota, cast("Json", requested.get("serviceConfig", {}))
    cpu = float(config.get("availableCpu") or default_cpu(config.get("availableMemory", DEFAULT_MEMORY)))
    most = max(1, int(quota / cpu))
    if quota and config.get("maxInstanceCount", DEFAULT_INSTANCES) > most:
        raise ApiError(
            "INVALID_ARGUMENT",
            f"Could not create Cloud Run service {service_id(key)}. "
            "spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu. For the "
            f"specified value, maxScale may not exceed {most}.\nConsider running your workload in a region "
            "with greater capacity, decreasing your requested cpu-per-instance, or requesting an increase in "
            "quota for this region if you are seeing sustained usage near this limit, see "
            "https://cloud.google.com/run/quotas.",
        )


def _require_idle(request: ApiRequest, name: str) -> None:
    if request.cloud.operations.in_progress(name):
        raise ApiError(
            "ABORTED", f"An operation on function {name} is already in progress. Please try again later."
        )


def create(request: ApiRequest) -> Json:
    key = request.query.get("functionId") or cast("str", request.body.get("name", "")).rpartition("/")[2]
    name = f"{request.name}/functions/{key}"
    _check_quota(request)
    if request.store.get(request.collection(request.name, "functions"), key) is not None:
        raise ApiError(
            "ALREADY_EXISTS", f"Could not create Cloud Run function {key}: Resource '{name}' already exists."
        )
    body = writable_fields(request.api, {"$ref": "Function"}, {}, request.body)
    return _deploy(request, name, {**body, "name": name}, None)


def patch(request: ApiRequest) -> Json:
    """PATCH the fields of the mask, or all fields without one."""
    _check_quota(request)
    old = generic.get_resource(request)
    _require_idle(request, request.name)
    mask = cast("str | None", request.query.get("updateMask"))
    updated = apply_patch(request.api, "Function", old, request.body, mask, replace_all=True)
    _forget_generation(old, updated)
    return _deploy(request, request.name, {**updated, "name": request.name}, old)


def _forget_generation(old: Json, updated: Json) -> None:
    """Drop the generation of the old source from a new one: firebase-tools updates bucket and object only."""
    before, after = (
        cast("Json", one.get("buildConfig", {}).get("source", {}).get("storageSource", {}))
        for one in (old, updated)
    )
    moved = any(before.get(part) != after.get(part) for part in ("bucket", "object"))
    if moved and before.get("generation") == after.get("generation"):
        after.pop("generation", None)


def _deploy(request: ApiRequest, name: str, requested: Json, old: Json | None) -> Json:
    check_request(request, name, requested, new=old is None)
    _check_cpu(request, name.rpartition("/")[2], requested)
    key, region = name.rpartition("/")[2], name.split("/")[3]
    parent = name.rpartition("/functions/")[0]
    failure = deployment_error(request, requested, service_id(key))
    now = timestamp()
    function = _with_computed_fields(request, name, requested, old)
    where = request.collection(parent, "functions")
    service_at = (run.table(request.project, region), service_id(key))
    effects: list[Effect] = []
    service: Json = {}
    if failure is None:
        service = run.with_computed_fields(request.cloud, _service(function), request.store.get(*service_at))
        function["serviceConfig"] |= {"revision": service["latestReadyRevision"].rpartition("/")[2]}
        effects += [
            ("put", *service_at, service),
            ("merge", where, key, {"state": "ACTIVE", "stateMessages": []}),
        ]
        _write_trigger(request, function, old)
        _create_repository(request, parent)
    else:
        message = {"severity": "ERROR", "type": "CloudRunServiceNotFound", "message": failure.message}
        effects.append(("merge", where, key, {"state": "FAILED", "stateMessages": [message]}))
    final = {**function, "state": "ACTIVE", "updateTime": now}
    request.store.put(where, key, {**function, "state": "DEPLOYING", "updateTime": now})
    verb = "CREATE_FUNCTION" if old is None else "UPDATE_FUNCTION"
    running = request.cloud.functions if failure is None else None
    started = _operation(
        request, parent, name, verb, response=final, error=failure, effects=effects, held=running is not None
    )
    if running is not None:
        running.deploy(started["name"], final, service, effects)
    return started


def _operation(
    request: ApiRequest,
    parent: str,
    name: str,
    verb: str,
    *,
    response: Json | None = None,
    error: ApiError | None = None,
    effects: list[Effect],
    held: bool = False,
) -> Json:
    version = request.api.product.version
    metadata = {
        "@type": f"type.googleapis.com/google.cloud.functions.{version}.OperationMetadata",
        "createTime": timestamp(),
        "target": name,
        "verb": "delete" if verb.startswith("DELETE") else verb.partition("_")[0].lower(),
        "cancelRequested": False,
        "apiVersion": version,
        "operationType": verb,
    }
    kind = KIND if response is not None else "google.protobuf.Empty"
    return request.cloud.operations.start(
        parent,
        response=response,
        kind=kind,
        error=error,
        metadata=metadata,
        effects=effects,
        resource=name,
        held=held,
    )


def _copy_source(request: ApiRequest, region: str, key: str, source: Json) -> Json:
    """Copy a source into Google's own bucket; the function names this copy from then on."""
    cloud, bucket = request.cloud, f"gcf-v2-sources-{request.cloud.number(request.project)}-{region}"
    stored = find_object(cloud, source["bucket"], source["object"])
    if source["bucket"] != bucket:
        if request.store.get(BUCKETS, bucket) is None:
            create_bucket(cloud, request.project, {"name": bucket, "location": region})
        data = read_object(cloud, source["bucket"], source["object"])
        stored = put_object(cloud, bucket, f"{key}/function-source.zip", data, {}, {}, request.base_url)
    return {"bucket": bucket, "object": stored["name"], "generation": stored["generation"]}


def _with_computed_fields(request: ApiRequest, name: str, requested: Json, old: Json | None) -> Json:
    """Return a function with all fields that Google fills."""
    cloud, project = request.cloud, request.project
    _, _, _, region, _, key = name.split("/")
    number = cloud.number(project)
    default_account = f"{number}-compute@developer.gserviceaccount.com"
    build = cast("Json", requested.get("buildConfig", {}))
    source = cast("Json", cast("Json", build.get("source", {})).get("storageSource", {}))
    resolved = _copy_source(request, region, key, source)
    config = cast("Json", requested.get("serviceConfig", {}))
    memory = config.get("availableMemory", DEFAULT_MEMORY)
    function: Json = {
        **requested,
        "name": name,
        "environment": "GEN_2",
        "createTime": old["createTime"] if old else timestamp(),
        "url": f"https://{region}-{project}.cloudfunctions.net/{key}",
        "buildConfig": {
            "dockerRegistry": "ARTIFACT_REGISTRY",
            "dockerRepository": f"projects/{project}/locations/{region}/repositories/gcf-artifacts",
            "serviceAccount": f"projects/{project}/serviceAccounts/{default_account}",
            "automaticUpdatePolicy": {},
            **build,
            "build": f"projects/{number}/locations/{region}/builds/{uuid.uuid4()}",
            "source": {"storageSource": resolved},
            "sourceProvenance": {"resolvedStorageSource": resolved},
        },
        "serviceConfig": {
            "timeoutSeconds": 60,
            "maxInstanceCount": DEFAULT_INSTANCES,
            "ingressSettings": "ALLOW_ALL",
            "maxInstanceRequestConcurrency": 1,
            "allTrafficOnLatestRevision": True,
            "serviceAccountEmail": default_account,
            **config,
            "availableMemory": memory,
            "availableCpu": config.get("availableCpu", default_cpu(memory)),
            "service": f"projects/{project}/locations/{region}/services/{service_id(key)}",
            "uri": f"https://{run_host(service_id(key), number, region)}",
        },
    }
    if "eventTrigger" in requested:
        event = cast("Json", requested["eventTrigger"])
        function["eventTrigger"] = {
            "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
            "triggerRegion": region,
            "serviceAccountEmail": function["serviceConfig"]["serviceAccountEmail"],
            **event,
        }
    return function


def _write_trigger(request: ApiRequest, function: Json, old: Json | None) -> None:
    """Write the Eventarc trigger of an event function; it is replaced when its region changes."""
    if "eventTrigger" not in function:
        return
    event = cast("Json", function["eventTrigger"])
    parent = f"projects/{request.project}/locations/{event['triggerRegion']}"
    known = cast("Json", (old or {}).get("eventTrigger", {})).get("trigger", "")
    key = cast("str", function["name"]).rpartition("/")[2]
    if known and not known.startswith(parent + "/"):
        request.store.remove(f"eventarc/{known.rpartition('/')[0]}", known.rpartition("/")[2])
        known = ""
    name = known or f"{parent}/triggers/{service_id(key)}-{request.store.next('triggers'):06d}"
    event["trigger"] = name
    topic = event.get("pubsubTopic")
    if topic is None and event["eventType"].startswith("google.cloud.pubsub."):
        topic = (
            f"projects/{request.project}/topics/eventarc-{event['triggerRegion']}-{name.rpartition('/')[2]}"
        )
        event["pubsubTopic"] = topic
    trigger: Json = {
        "name": name,
        "uid": request.cloud.unique(name)[:32],
        "createTime": timestamp(),
        "updateTime": timestamp(),
        "eventFilters": [
            {"attribute": "type", "value": event["eventType"]},
            *cast("list[Json]", event.get("eventFilters", [])),
        ],
        "serviceAccount": event["serviceAccountEmail"],
        "destination": {"cloudFunction": function["name"]},
        "labels": {"goog-managed-by": "cloudfunctions"},
        **({"transport": {"pubsub": {"topic": topic}}} if topic else {}),
        "etag": f'"{request.cloud.unique("etag")[:20]}"',
    }
    request.store.put(f"eventarc/{parent}/triggers", name.rpartition("/")[2], trigger)


def _create_repository(request: ApiRequest, parent: str) -> None:
    """Create the Artifact Registry repository that the first function of a region creates."""
    where = f"artifactregistry/{parent}/repositories"
    if request.store.get(where, "gcf-artifacts") is None:
        repository = {
            "name": f"{parent}/repositories/gcf-artifacts",
            "format": "DOCKER",
            "mode": "STANDARD_REPOSITORY",
            "description": "This repository is created and used by Cloud Functions.",
            "labels": {"goog-managed-by": "cloudfunctions"},
            "createTime": timestamp(),
            "updateTime": timestamp(),
        }
        request.store.put(where, "gcf-artifacts", repository)


def _service(function: Json) -> Json:
    """Return the Cloud Run service of a function in the v2 form."""
    config, build = cast("Json", function["serviceConfig"]), cast("Json", function["buildConfig"])
    key = cast("str", function["name"]).rpartition("/")[2]
    variables = cast("dict[str, str]", config.get("environmentVariables", {}))
    secret = cast("list[Json]", config.get("secretEnvironmentVariables", []))
    env: list[Json] = [{"name": name, "value": value} for name, value in variables.items()]
    env += [
        {
            "name": item["key"],
            "valueSource": {
                "secretKeyRef": {"secret": item["secret"], "version": item.get("version", "latest")}
            },
        }
        for item in secret
    ]
    scaling = {
        name: config[name]
        for name in ("minInstanceCount", "maxInstanceCount")
        if config.get(name) is not None
    }
    return {
        "name": config["service"],
        "labels": {**cast("Json", function.get("labels", {})), "goog-managed-by": "cloudfunctions"},
        "annotations": {FUNCTION_ANNOTATION: key},
        "ingress": INGRESS.get(cast("str", config["ingressSettings"]), "INGRESS_TRAFFIC_ALL"),
        "client": "cloudfunctions",
        "template": {
            "scaling": scaling,
            "timeout": f"{config['timeoutSeconds']}s",
            "serviceAccount": config["serviceAccountEmail"],
            "maxInstanceRequestConcurrency": config["maxInstanceRequestConcurrency"],
            "containers": [
                {
                    "name": "worker",
                    "image": f"{build['dockerRepository']}/{service_id(key)}:latest",
                    "resources": {
                        "limits": {"memory": config["availableMemory"], "cpu": config["availableCpu"]}
                    },
                    "env": env,
                    "ports": [{"name": "http1", "containerPort": 8080}],
                }
            ],
        },
    }


def delete(request: ApiRequest) -> Json:
    function = generic.get_resource(request)
    _check_quota(request)
    _require_idle(request, request.name)
    parent = request.name.rpartition("/functions/")[0]
    service = f"{parent}/services/{service_id(request.resource_id)}"
    service_at = (run.table(request.project, request.location), service_id(request.resource_id))
    effects: list[Effect] = [
        ("delete", *request.store_key(), None),
        ("delete", iam.policy_collection("cloudfunctions"), request.name, None),
    ]
    if owning_function(request.store.get(*service_at)) == request.resource_id:
        effects += [("delete", *service_at, None), ("delete", iam.policy_collection("run"), service, None)]
    trigger = cast("Json", function.get("eventTrigger", {})).get("trigger")
    if trigger:
        effects.append(("delete", f"eventarc/{trigger.rpartition('/')[0]}", trigger.rpartition("/")[2], None))
    request.store.put(*request.store_key(), {**function, "state": "DELETING"})
    return _operation(request, parent, request.name, "DELETE_FUNCTION", effects=effects)


def upload_url(request: ApiRequest) -> Json:
    """`generateUploadUrl`: an object in one of Google's buckets, and a URL to PUT it to."""
    number = request.cloud.number(request.project)
    bucket = f"gcf-v2-uploads-{number}.{request.location}.cloudfunctions.appspot.com"
    if request.store.get(BUCKETS, bucket) is None:
        request.store.put(
            f"enabled/{request.project}", "storage.googleapis.com", {"service": "storage.googleapis.com"}
        )
        create_bucket(request.cloud, request.project, {"name": bucket, "location": request.location})
    key = f"{uuid.uuid4()}.zip"
    request.store.put("uploads", f"{bucket}/{key}", {"at": timestamp()})
    url = f"{request.base_url}/signed-uploads/{bucket}/{key}?GoogleAccessId=sandbox&Signature=sandbox"
    return {"uploadUrl": url, "storageSource": {"bucket": bucket, "object": key}}


def runtimes(request: ApiRequest) -> Json:
    del request
    return {
        "runtimes": [
            {"name": name, "stage": stage, "environment": "GEN_2", "displayName": name}
            for name, stage in RUNTIMES.items()
        ]
    }


def locations(request: ApiRequest) -> Json:
    return {
        "locations": [
            {"name": f"{request.name}/locations/{region}", "locationId": region} for region in REGIONS
        ]
    }


_ID = "cloudfunctions.projects.locations."
HANDLERS: dict[str, Handler] = {
    _ID + "functions.create": create,
    _ID + "functions.patch": patch,
    _ID + "functions.delete": delete,
    _ID + "functions.generateUploadUrl": upload_url,
    _ID + "runtimes.list": runtimes,
    _ID + "list": locations,
}
