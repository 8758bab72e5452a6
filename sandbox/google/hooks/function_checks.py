"""What Cloud Functions rejects: in the request (`check_request`) or at deployment (`deployment_error`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google import iam
from sandbox.google.enablement import service_disabled_error
from sandbox.google.errors import ApiError, invalid, not_found
from sandbox.google.hooks import run, secrets
from sandbox.google.hooks.firestore import find_database, set_location
from sandbox.google.hooks.storage import BUCKETS, objects, storage_agent
from sandbox.google.regions import BUCKET_REGIONS, MULTI_REGIONS, REGIONS

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest
    from sandbox.google.store import Json

FUNCTION_ID = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
MEMORY = re.compile(r"(\d+(?:\.\d+)?)(k|Ki|M|Mi|G|Gi)?")
UNITS = {"": 1, "k": 10**3, "Ki": 2**10, "M": 10**6, "Mi": 2**20, "G": 10**9, "Gi": 2**30}
RUNTIMES = {
    "nodejs18": "DECOMMISSIONED",
    "nodejs20": "DECOMMISSIONED",
    "nodejs22": "GA",
    "nodejs24": "GA",
    "python310": "DEPRECATED",
    "python311": "GA",
    "python312": "GA",
    "python313": "GA",
    "go124": "GA",
    "java21": "GA",
}
"""Runtimes and their stages (Node.js 20 was decommissioned on 2026-10-30)."""

CPUS = (
    (128, ".0833"),
    (256, ".1666"),
    (512, ".3333"),
    (1024, ".5833"),
    (2048, "1"),
    (8192, "2"),
    (16384, "4"),
)
"""The default CPU by memory (MiB, upper limit)."""

SECRET_READER_ROLES = ("roles/secretmanager.secretAccessor", "roles/secretmanager.admin", "roles/owner")
PUBLISHER_ROLES = ("roles/pubsub.publisher", "roles/pubsub.editor", "roles/pubsub.admin", "roles/owner")
REQUIRED_APIS = ("run.googleapis.com", "cloudbuild.googleapis.com", "artifactregistry.googleapis.com")
RESERVED = ("K_SERVICE", "K_REVISION", "K_CONFIGURATION", "PORT")
RESERVED_PREFIX = "X_GOOGLE_"
MAX_VARIABLE_BYTES = 32_768
MAX_VARIABLES = 1000
MAX_SERVICE_ID = 49
MAX_LABELS = 64
LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
CONNECTOR = re.compile(r"projects/[^/]+/locations/[^/]+/connectors/[a-z](?:[a-z0-9-]{0,23}[a-z0-9])?")
MEMORY_BY_CPU = ((8, 4096), (6, 4096), (4, 2048))
CPU_BY_MEMORY = ((16384, 6), (8192, 4), (4096, 2), (1024, 1), (512, 0.5))
"""Cloud Run's minimum memory (MiB) by CPU, and its minimum CPU for more memory than a limit."""

SMALL_REGIONS = ("asia-northeast3", "asia-south2", "australia-southeast2")
"""Regions with at most 4 CPUs per instance."""

FUNCTION_ANNOTATION = "cloudfunctions.googleapis.com/function-id"
"""The annotation of a Cloud Run service that names its function."""

FIRESTORE_EVENTS = "google.cloud.firestore.document.v1."
GLOBAL_EVENTS = tuple(
    f"google.firebase.{product}." for product in ("auth", "firebasealerts", "remoteconfig", "testlab")
)
"""Events that come from the location "global" (Eventarc docs, "Event types")."""


def mebibytes(memory: str) -> float:
    """Convert a memory quantity to MiB.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    match = MEMORY.fullmatch(memory)
    if match is None:
        raise invalid(
            f"Invalid value for available_memory: {memory!r}", "function.service_config.available_memory"
        )
    return float(match.group(1)) * UNITS[match.group(2) or ""] / 2**20


def default_cpu(memory: str) -> str:
    """Return the default CPU of a function with this memory."""
    size = mebibytes(memory)
    return next((cpu for limit, cpu in CPUS if size <= limit), "8")


def check_request(request: ApiRequest, name: str, requested: Json, *, new: bool) -> None:
    """Reject what Google rejects before it starts to deploy.

    Raises:
        ApiError: INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED.
    """
    key, region = name.rpartition("/")[2], name.split("/")[3]
    if region not in REGIONS:
        raise ApiError("NOT_FOUND", f"Location {region} is not found or access is unauthorized.")
    if new and not FUNCTION_ID.fullmatch(key):
        raise invalid(f"Invalid function ID {key!r}: letters, digits, - and _, at most 63.", "function_id")
    build = cast("Json", requested.get("buildConfig", {}))
    config = cast("Json", requested.get("serviceConfig", {}))
    event = cast("Json | None", requested.get("eventTrigger"))
    _check_apis(request, event)
    _check_build(request, build)
    _check_config(config, event)
    _check_labels(cast("Json", requested.get("labels", {})))
    emails = [config.get("serviceAccountEmail"), event.get("serviceAccountEmail") if event else None]
    for email in filter(None, emails):
        if not iam.account_exists(request.cloud, email):
            raise ApiError(
                "PERMISSION_DENIED",
                f"Permission 'iam.serviceaccounts.actAs' denied on service account {email} "
                "(or it may not exist).",
            )
    if event is not None:
        _check_event(request, event, region)


def _check_apis(request: ApiRequest, event: Json | None) -> None:
    if not request.cloud.switches.enforce_enablement:
        return
    for host in [*REQUIRED_APIS, *(["eventarc.googleapis.com"] if event else [])]:
        if not request.cloud.enabled(request.project, host):
            raise service_disabled_error(request.cloud, request.project, host)


def _check_build(request: ApiRequest, build: Json) -> None:
    runtime = cast("str", build.get("runtime", ""))
    stage = RUNTIMES.get(runtime)
    if stage is None:
        raise invalid(f"Runtime '{runtime}' is invalid or not supported.", "function.build_config.runtime")
    if stage == "DECOMMISSIONED":
        raise invalid(
            f"Runtime {runtime} is decommissioned and no longer allowed. Please use the latest runtime for "
            "Cloud Functions.",
            "function.build_config.runtime",
        )
    if not build.get("entryPoint"):
        raise invalid("Entry point must be given.", "function.build_config.entry_point")
    source = cast("Json", cast("Json", build.get("source", {})).get("storageSource", {}))
    if not source.get("bucket") or not source.get("object"):
        raise invalid("Function source must be a Cloud Storage object.", "function.build_config.source")
    where = f"gs://{source['bucket']}/{source['object']}"
    found = request.store.get(objects(source["bucket"]), source["object"])
    if found is None or source.get("generation", found["generation"]) != found["generation"]:
        raise invalid(
            f"Function source {where} does not exist.", "function.build_config.source.storage_source"
        )


def _check_config(config: Json, event: Json | None) -> None:
    memory = cast("str", config.get("availableMemory", "256Mi"))
    cpu = cast("str", config.get("availableCpu", default_cpu(memory)))
    path = "function.service_config."
    try:
        cores = float(cpu)
    except ValueError:
        raise invalid(f"Invalid value for available_cpu: {cpu!r}", path + "available_cpu") from None
    concurrency = config.get("maxInstanceRequestConcurrency", 1)
    if not 0 <= concurrency <= 1000:
        raise invalid("Concurrency must be between 1 and 1000.", path + "max_instance_request_concurrency")
    if concurrency > 1 and cores < 1:
        raise invalid(
            "Invalid value specified for cpu: total cpu < 1 is not supported with concurrency > 1.",
            path + "available_cpu",
        )
    timeout = config.get("timeoutSeconds", 60)
    limit = 540 if event else 3600
    if not 1 <= timeout <= limit:
        raise invalid(f"Timeout must be between 1 and {limit} seconds.", path + "timeout_seconds")
    minimum, maximum = config.get("minInstanceCount") or 0, config.get("maxInstanceCount") or 100
    if not 0 <= minimum <= maximum:
        raise invalid("minInstanceCount must not exceed maxInstanceCount.", path + "min_instance_count")
    variables = cast("Json", config.get("environmentVariables", {}))
    secret = [item["key"] for item in cast("list[Json]", config.get("secretEnvironmentVariables", []))]
    for name in variables:
        if name in RESERVED or name.startswith(RESERVED_PREFIX) or not name or "=" in name:
            raise invalid(
                f"Environment variable name {name} is reserved by the system.",
                path + "environment_variables",
            )
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > MAX_VARIABLE_BYTES:
        raise invalid(
            f"Environment variables exceed {MAX_VARIABLE_BYTES} bytes: {size}.",
            path + "environment_variables",
        )
    if len(variables) + len(secret) > MAX_VARIABLES:
        raise invalid(f"At most {MAX_VARIABLES} environment variables.", path + "environment_variables")
    connector = config.get("vpcConnector")
    if connector and not CONNECTOR.fullmatch(connector):
        raise invalid(f"Invalid VPC connector {connector!r}.", path + "vpc_connector")
    duplicates = sorted({name for name in secret if secret.count(name) > 1 or name in variables})
    if duplicates:
        raise invalid(
            f"Environment variable {duplicates[0]} is given more than once.", path + "environment_variables"
        )


def _check_labels(labels: Json) -> None:
    if len(labels) > MAX_LABELS:
        raise invalid(f"A resource can have at most {MAX_LABELS} labels.", "function.labels")
    for key, value in labels.items():
        if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
            raise invalid(f"Invalid label {key}={value}.", "function.labels")


def _check_document(document: str, *, pattern: bool) -> None:
    segments = document.strip("/").split("/")
    several = sum("**" in segment for segment in segments)
    valid = segments != [""] and (several == 1 or (several == 0 and len(segments) % 2 == 0))
    if not valid or (several and not pattern):
        raise invalid(
            f"Invalid document path {document!r}: collections and documents alternate, and at most one "
            "segment is a multi-segment wildcard.",
            "function.event_trigger.event_filters",
        )


def _check_event(request: ApiRequest, event: Json, region: str) -> None:
    kind = cast("str", event.get("eventType", ""))
    path = "function.event_trigger."
    if not kind:
        raise invalid("Event type must be given.", path + "event_type")
    where = cast("str", event.get("triggerRegion", region))
    if where not in (*REGIONS, *MULTI_REGIONS, *BUCKET_REGIONS, "global"):
        raise invalid(f"Invalid trigger region {where!r}.", path + "trigger_region")
    filters = {
        item.get("attribute"): item.get("value") for item in cast("list[Json]", event.get("eventFilters", []))
    }
    if kind.startswith(FIRESTORE_EVENTS):
        name = cast("str", filters.get("database", "(default)"))
        database = find_database(request.cloud, request.project, name)
        if database is None:
            raise not_found(f"projects/{request.project}/databases/{name}")
        if request.cloud.switches.firestore_located_by_trigger:
            database = set_location(request.cloud, request.project, name, database, where)
        if "document" not in filters:
            raise invalid("Firestore triggers need an event filter on document.", path + "event_filters")
        operators = {item.get("attribute"): item.get("operator") for item in event.get("eventFilters", [])}
        is_pattern = operators["document"] == "match-path-pattern"
        _check_document(cast("str", filters["document"]), pattern=is_pattern)
        if database["locationId"] != where:
            raise invalid(
                f"Trigger region {where} does not match database {name}'s location {database['locationId']}.",
                path + "trigger_region",
            )
    elif kind.startswith("google.cloud.storage.object.v1."):
        bucket = request.store.get(BUCKETS, cast("str", filters.get("bucket", "")))
        if bucket is None:
            raise not_found(f"bucket {filters.get('bucket')}")
        location = cast("str", bucket["bucket"]["location"]).lower()
        if location != where:
            raise invalid(
                f"Trigger region {where} does not match bucket location {location}.",
                path + "trigger_region",
            )
        _check_publisher(request)
    elif kind.startswith(GLOBAL_EVENTS) and where != "global":
        raise invalid(f"Events of type {kind} are in the location global.", path + "trigger_region")
    elif kind.startswith("google.firebase.database.") and not {"ref", "instance"} <= filters.keys():
        raise invalid("Database triggers need event filters on ref and instance.", path + "event_filters")
    elif kind.startswith("google.cloud.pubsub.") and event.get("pubsubTopic"):
        project, _, topic = request.cloud.canonical(event["pubsubTopic"]).partition("/topics/")
        if request.store.get(f"pubsub/{project}/topics", topic) is None:
            raise not_found(event["pubsubTopic"])


def _check_publisher(request: ApiRequest) -> None:
    """Reject a trigger whose events Cloud Storage may not publish (the text is Google's)."""
    number = request.cloud.number(request.project)
    policy = iam.read_policy(request.cloud, "projects", request.project)
    if not iam.grants(policy, f"serviceAccount:{storage_agent(number)}", PUBLISHER_ROLES):
        raise ApiError(
            "INVALID_ARGUMENT",
            'Validation failed for trigger: Invalid resource state for "": The Cloud Storage service account '
            "for your bucket is unable to publish to Cloud Pub/Sub topics in the specified project.\nTo use "
            "GCS CloudEvent triggers, the GCS service account requires the Pub/Sub Publisher "
            "(roles/pubsub.publisher) IAM role in the specified project.",
        )


def owning_function(service: Json | None) -> str | None:
    """Return the id of the function that a Cloud Run service belongs to; "" for none, None for no service."""
    if service is None:
        return None
    return cast("str", cast("Json", service.get("annotations", {})).get(FUNCTION_ANNOTATION, ""))


def deployment_error(request: ApiRequest, requested: Json, service: str) -> ApiError | None:
    """Return the error with which the new revision fails to start, or None.

    Args:
        service: its Cloud Run service's id. Two functions whose ids differ only in case share it.
    """
    config = cast("Json", requested.get("serviceConfig", {}))
    _, _, _, region, _, key = cast("str", requested["name"]).split("/")
    if owning_function(request.store.get(run.table(request.project, region), service)) not in (None, key):
        return ApiError(
            "ALREADY_EXISTS", f"Could not create Cloud Run service {service}. Resource already exists."
        )
    problem = _service_error(config, service, region)
    if problem:
        return ApiError(
            "INVALID_ARGUMENT", f"Could not create or update Cloud Run service {service}, {problem}"
        )
    number = request.cloud.number(request.project)
    email = config.get("serviceAccountEmail") or f"{number}-compute@developer.gserviceaccount.com"
    for index, item in enumerate(cast("list[Json]", config.get("secretEnvironmentVariables", []))):
        problem = _secret_error(request, item, email)
        if problem:
            path = f"spec.template.spec.containers[0].env[{index}].value_from.secret_key_ref.name"
            return ApiError(
                "INVALID_ARGUMENT",
                f"Could not create or update Cloud Run service {service}, {path}: {problem}",
            )
    return None


def _service_error(config: Json, service: str, region: str) -> str | None:
    """What Cloud Run rejects in the service behind a function."""
    if len(service) > MAX_SERVICE_ID or service.endswith("-"):
        return (
            "metadata.name: only lowercase, digits, and hyphens; must begin with letter, and cannot end with "
            "hyphen; must be less than 50 characters."
        )
    memory = mebibytes(config.get("availableMemory", "256Mi"))
    cpu = float(config.get("availableCpu", default_cpu(config.get("availableMemory", "256Mi"))))
    if not (0.08 <= cpu < 1 or cpu in (1, 2, 4, 6, 8)):
        return (
            f"spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu: {cpu:g}."
        )
    if cpu > 4 and region in SMALL_REGIONS:
        return f"spec.template.spec.containers.resources.limits.cpu: at most 4 CPUs in {region}."
    minimum = next((least for count, least in MEMORY_BY_CPU if cpu == count), 0)
    if memory < minimum:
        return (
            "spec.template.spec.containers.resources.limits.memory: Invalid value specified for container "
            f"memory. For {cpu:g} CPU, memory must be at least {minimum}Mi."
        )
    least = next((count for limit, count in CPU_BY_MEMORY if memory > limit), 0)
    if config.get("availableCpu") is not None and cpu < least:
        return (
            "spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu. For "
            f"{memory:g}Mi of memory, at least {least:g} CPU is needed."
        )
    return None


def _secret_error(request: ApiRequest, use: Json, email: str) -> str | None:
    project = cast("str", request.cloud.project(use.get("projectId") or request.project)["projectId"])
    secret, version = (
        cast("str", use.get("secret", "")).rpartition("/")[2],
        cast("str", use.get("version", "latest")),
    )
    name = f"projects/{request.cloud.number(project)}/secrets/{secret}"
    member = f"serviceAccount:{email}"
    policies = (
        iam.read_policy(request.cloud, "secretmanager", f"projects/{project}/secrets/{secret}"),
        iam.read_policy(request.cloud, "projects", project),
    )
    if not any(iam.grants(policy, member, SECRET_READER_ROLES) for policy in policies):
        return (
            f"Permission denied on secret: {name}/versions/{version} for Revision service account {email}. "
            "The service account used must be granted the 'Secret Manager Secret Accessor' role "
            "(roles/secretmanager.secretAccessor) at the secret, project or higher level."
        )
    found = secrets.find_version(request.cloud, project, secret, version)
    if found is None:
        return f"Secret {name}/versions/{version} was not found"
    if found["state"] != "ENABLED":
        return f"Secret {name}/versions/{version} is in {found['state']} state"
    return None
