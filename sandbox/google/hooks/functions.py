"""Cloud Functions (2nd generation): a function, its Cloud Run service and its Eventarc trigger.

Served as v2 and v2beta on one state. Refuses, as Google does, what cannot work: a source that is not there, a
service account that does not exist, a trigger away from its database, a decommissioned runtime; secrets
that the function cannot read make the deployment FAILED. Wording is Google's where it is known from public
reports; the words for a missing source object and for a wrong trigger region are ours.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from typing import TYPE_CHECKING, cast

from sandbox.google import generic, iam
from sandbox.google.errors import ApiError, error_info
from sandbox.google.hooks import run
from sandbox.google.hooks.function_checks import OWNER, RUNTIMES, check, cpu_of, deployment_error, owner
from sandbox.google.hooks.storage import BUCKETS, find_object, make_bucket, put_object, read_object
from sandbox.google.masks import overlay, update
from sandbox.google.regions import REGIONS, run_host
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.operations import Effect
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json

KIND = "google.cloud.functions.v2.Function"
INGRESS = {
    "ALLOW_ALL": "INGRESS_TRAFFIC_ALL",
    "ALLOW_INTERNAL_ONLY": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "ALLOW_INTERNAL_AND_GCLB": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
}
_writes: dict[tuple[int, str, str], deque[float]] = {}
"""Times of the last writes by (cloud, project, region), for the quota."""


def service_id(function_id: str) -> str:
    """The Cloud Run service of a function: lower case, hyphens."""
    return function_id.lower().replace("_", "-")


def _quota(call: Call) -> None:
    limit = call.cloud.switches.function_writes_per_minute
    if not limit:
        return
    recent = _writes.setdefault((id(call.cloud), call.project, call.location), deque())
    now = time.monotonic()
    while recent and now - recent[0] > 60:
        recent.popleft()
    if len(recent) >= limit:
        number = call.cloud.number(call.project)
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
                        "quota_location": call.location,
                    },
                ),
                {
                    "@type": "type.googleapis.com/google.rpc.RetryInfo",
                    "retryDelay": f"{max(1, round(60 - (now - recent[0])))}s",
                },
            ],
        )
    recent.append(now)


def _idle(call: Call, name: str) -> None:
    if call.cloud.operations.in_progress(name):
        raise ApiError(
            "ABORTED", f"An operation on function {name} is already in progress. Please try again later."
        )


def create(call: Call) -> Json:
    key = call.query.get("functionId") or cast("str", call.body.get("name", "")).rpartition("/")[2]
    name = f"{call.name}/functions/{key}"
    _quota(call)
    if call.store.get(call.table(call.name, "functions"), key) is not None:
        raise ApiError(
            "ALREADY_EXISTS", f"Could not create Cloud Run function {key}: Resource '{name}' already exists."
        )
    body = overlay(call.api, {"$ref": "Function"}, {}, call.body)
    return _deploy(call, name, {**body, "name": name}, None)


def patch(call: Call) -> Json:
    """PATCH: the fields of the mask, or without one all of them."""
    _quota(call)
    old = generic.get(call)
    _idle(call, call.name)
    mask = cast("str | None", call.query.get("updateMask"))
    fresh = update(call.api, "Function", old, call.body, mask, whole=True)
    return _deploy(call, call.name, {**fresh, "name": call.name}, old)


def _deploy(call: Call, name: str, wish: Json, old: Json | None) -> Json:
    check(call, name, wish, new=old is None)
    key, region = name.rpartition("/")[2], name.split("/")[3]
    parent = name.rpartition("/functions/")[0]
    failure = deployment_error(call, wish, service_id(key))
    now = timestamp()
    function = _filled(call, name, wish, old)
    where = call.table(parent, "functions")
    service_at = (run.table(call.project, region), service_id(key))
    effects: list[Effect] = []
    if failure is None:
        service = run.complete(call.cloud, _service(function), call.store.get(*service_at))
        function["serviceConfig"] |= {"revision": service["latestReadyRevision"].rpartition("/")[2]}
        effects += [
            ("put", *service_at, service),
            ("merge", where, key, {"state": "ACTIVE", "stateMessages": []}),
        ]
        _trigger(call, function, old)
        _repository(call, parent)
    else:
        message = {"severity": "ERROR", "type": "CloudRunServiceNotFound", "message": failure.message}
        effects.append(("merge", where, key, {"state": "FAILED", "stateMessages": [message]}))
    final = {**function, "state": "ACTIVE", "updateTime": now}
    call.store.put(where, key, {**function, "state": "DEPLOYING", "updateTime": now})
    verb = "CREATE_FUNCTION" if old is None else "UPDATE_FUNCTION"
    return _operation(call, parent, name, verb, response=final, error=failure, effects=effects)


def _operation(
    call: Call,
    parent: str,
    name: str,
    verb: str,
    *,
    response: Json | None = None,
    error: ApiError | None = None,
    effects: list[Effect],
) -> Json:
    version = call.api.product.version
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
    return call.cloud.operations.start(
        parent, response=response, kind=kind, error=error, metadata=metadata, effects=effects, resource=name
    )


def _copied(call: Call, region: str, key: str, source: Json) -> Json:
    """Google keeps its own copy of a source, and names that from then on."""
    cloud, bucket = call.cloud, f"gcf-v2-sources-{call.cloud.number(call.project)}-{region}"
    stored = find_object(cloud, source["bucket"], source["object"])
    if source["bucket"] != bucket:
        if call.store.get(BUCKETS, bucket) is None:
            make_bucket(cloud, call.project, {"name": bucket, "location": region})
        data = read_object(cloud, source["bucket"], source["object"])
        stored = put_object(cloud, bucket, f"{key}/function-source.zip", data, {}, {}, call.base_url)
    return {"bucket": bucket, "object": stored["name"], "generation": stored["generation"]}


def _filled(call: Call, name: str, wish: Json, old: Json | None) -> Json:
    """A function with everything that Google fills in."""
    cloud, project = call.cloud, call.project
    _, _, _, region, _, key = name.split("/")
    number = cloud.number(project)
    default_account = f"{number}-compute@developer.gserviceaccount.com"
    build = cast("Json", wish.get("buildConfig", {}))
    source = cast("Json", cast("Json", build.get("source", {})).get("storageSource", {}))
    resolved = _copied(call, region, key, source)
    config = cast("Json", wish.get("serviceConfig", {}))
    memory = config.get("availableMemory", "256Mi")
    function: Json = {
        **wish,
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
            "maxInstanceCount": 100,
            "ingressSettings": "ALLOW_ALL",
            "maxInstanceRequestConcurrency": 1,
            "allTrafficOnLatestRevision": True,
            "serviceAccountEmail": default_account,
            **config,
            "availableMemory": memory,
            "availableCpu": config.get("availableCpu", cpu_of(memory)),
            "service": f"projects/{project}/locations/{region}/services/{service_id(key)}",
            "uri": f"https://{run_host(service_id(key), number, region)}",
        },
    }
    if "eventTrigger" in wish:
        event = cast("Json", wish["eventTrigger"])
        function["eventTrigger"] = {
            "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
            "triggerRegion": region,
            "serviceAccountEmail": function["serviceConfig"]["serviceAccountEmail"],
            **event,
        }
    return function


def _trigger(call: Call, function: Json, old: Json | None) -> None:
    """The Eventarc trigger of an event function: kept while its region stays, made anew when that changes."""
    if "eventTrigger" not in function:
        return
    event = cast("Json", function["eventTrigger"])
    parent = f"projects/{call.project}/locations/{event['triggerRegion']}"
    known = cast("Json", (old or {}).get("eventTrigger", {})).get("trigger", "")
    key = cast("str", function["name"]).rpartition("/")[2]
    if known and not known.startswith(parent + "/"):
        call.store.drop(f"eventarc/{known.rpartition('/')[0]}", known.rpartition("/")[2])
        known = ""
    name = known or f"{parent}/triggers/{service_id(key)}-{call.store.next('triggers'):06d}"
    event["trigger"] = name
    topic = event.get("pubsubTopic")
    if topic is None and event["eventType"].startswith("google.cloud.pubsub."):
        topic = f"projects/{call.project}/topics/eventarc-{event['triggerRegion']}-{name.rpartition('/')[2]}"
        event["pubsubTopic"] = topic
    trigger: Json = {
        "name": name,
        "uid": call.cloud.unique(name)[:32],
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
        "etag": f'"{call.cloud.unique("etag")[:20]}"',
    }
    call.store.put(f"eventarc/{parent}/triggers", name.rpartition("/")[2], trigger)


def _repository(call: Call, parent: str) -> None:
    """The Artifact Registry repository that a region's first function makes."""
    where = f"artifactregistry/{parent}/repositories"
    if call.store.get(where, "gcf-artifacts") is None:
        repository = {
            "name": f"{parent}/repositories/gcf-artifacts",
            "format": "DOCKER",
            "mode": "STANDARD_REPOSITORY",
            "description": "This repository is created and used by Cloud Functions.",
            "labels": {"goog-managed-by": "cloudfunctions"},
            "createTime": timestamp(),
            "updateTime": timestamp(),
        }
        call.store.put(where, "gcf-artifacts", repository)


def _service(function: Json) -> Json:
    """The Cloud Run service of a function, in the v2 form."""
    config, build = cast("Json", function["serviceConfig"]), cast("Json", function["buildConfig"])
    key = cast("str", function["name"]).rpartition("/")[2]
    plain = cast("dict[str, str]", config.get("environmentVariables", {}))
    secret = cast("list[Json]", config.get("secretEnvironmentVariables", []))
    env: list[Json] = [{"name": name, "value": value} for name, value in plain.items()]
    env += [
        {
            "name": one["key"],
            "valueSource": {
                "secretKeyRef": {"secret": one["secret"], "version": one.get("version", "latest")}
            },
        }
        for one in secret
    ]
    scaling = {
        name: config[name]
        for name in ("minInstanceCount", "maxInstanceCount")
        if config.get(name) is not None
    }
    return {
        "name": config["service"],
        "labels": {**cast("Json", function.get("labels", {})), "goog-managed-by": "cloudfunctions"},
        "annotations": {OWNER: key},
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


def delete(call: Call) -> Json:
    function = generic.get(call)
    _quota(call)
    _idle(call, call.name)
    parent = call.name.rpartition("/functions/")[0]
    service = f"{parent}/services/{service_id(call.short)}"
    service_at = (run.table(call.project, call.location), service_id(call.short))
    effects: list[Effect] = [
        ("drop", *call.where(), None),
        ("drop", iam.table("cloudfunctions"), call.name, None),
    ]
    if owner(call.store.get(*service_at)) == call.short:
        effects += [("drop", *service_at, None), ("drop", iam.table("run"), service, None)]
    trigger = cast("Json", function.get("eventTrigger", {})).get("trigger")
    if trigger:
        effects.append(("drop", f"eventarc/{trigger.rpartition('/')[0]}", trigger.rpartition("/")[2], None))
    call.store.put(*call.where(), {**function, "state": "DELETING"})
    return _operation(call, parent, call.name, "DELETE_FUNCTION", effects=effects)


def upload_url(call: Call) -> Json:
    """`generateUploadUrl`: an object in a bucket of Google's own, and an address to PUT it to."""
    number = call.cloud.number(call.project)
    bucket = f"gcf-v2-uploads-{number}.{call.location}.cloudfunctions.appspot.com"
    if call.store.get(BUCKETS, bucket) is None:
        call.store.put(
            f"enabled/{call.project}", "storage.googleapis.com", {"service": "storage.googleapis.com"}
        )
        make_bucket(call.cloud, call.project, {"name": bucket, "location": call.location})
    key = f"{uuid.uuid4()}.zip"
    call.store.put("uploads", f"{bucket}/{key}", {"at": timestamp()})
    url = f"{call.base_url}/signed-uploads/{bucket}/{key}?GoogleAccessId=sandbox&Signature=sandbox"
    return {"uploadUrl": url, "storageSource": {"bucket": bucket, "object": key}}


def runtimes(call: Call) -> Json:
    del call
    return {
        "runtimes": [
            {"name": name, "stage": stage, "environment": "GEN_2", "displayName": name}
            for name, stage in RUNTIMES.items()
        ]
    }


def locations(call: Call) -> Json:
    return {
        "locations": [{"name": f"{call.name}/locations/{region}", "locationId": region} for region in REGIONS]
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
