"""The requests recorded from the real gcp plugin, type by type, and what it relies on in the responses.

`$name` in a path or body stands for a value from an earlier response; `keep` names the values to keep by
their path in the response; `sees` is what the response must contain (a subset, at any depth).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.google.client import BACKEND, BUCKET, NUMBER, PROJECT, REGION, RUNTIME

PHASES = ("create", "refresh", "update", "destroy")
P = f"projects/{PROJECT}"
LABELS = {"goog-pulumi-provisioned": "true"}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One recorded request."""

    phase: str
    http: str
    path: str
    body: Any = None
    times: int = 1
    status: int = 200
    sees: dict[str, Any] = field(default_factory=dict[str, Any])
    keep: dict[str, str] = field(default_factory=dict[str, str])
    upload: bytes | None = None


def call(phase: str, request: str, body: Any = None, **rest: Any) -> Call:
    """Return a call from "METHOD path"."""
    http, _, path = request.partition(" ")
    return Call(phase=phase, http=http, path=path, body=body, **rest)


SERVICE_LIST = (
    f"GET /serviceusage/v1/{P}/services?fields=services/name,nextPageToken&filter=state:ENABLED&pageSize=200"
)
SERVICE = [
    call("create", SERVICE_LIST),
    call(
        "create",
        f"POST /serviceusage/v1/{P}/services/identitytoolkit.googleapis.com:enable",
        sees={"done": True, "response": {"service": {"state": "ENABLED"}}},
    ),
    call("create", SERVICE_LIST),
    call("create", f"GET /crm/v1/{P}", sees={"projectId": PROJECT, "projectNumber": NUMBER}),
    call("create", SERVICE_LIST),
    call("refresh", f"GET /crm/v1/{P}", sees={"lifecycleState": "ACTIVE"}),
    call("refresh", SERVICE_LIST),
]

ACCOUNT_PATH = f"/iam/v1/{P}/serviceAccounts/{BACKEND}"
KEY_BODY = {"keyAlgorithm": "KEY_ALG_RSA_2048", "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE"}
KEY_GET = f"GET {ACCOUNT_PATH}/keys/$key?publicKeyType=TYPE_X509_PEM_FILE"
ACCOUNT = [
    call(
        "create",
        f"POST /iam/v1/{P}/serviceAccounts",
        {"accountId": "crm-backend", "serviceAccount": {"displayName": "Backend v1"}},
        sees={"email": BACKEND, "name": f"{P}/serviceAccounts/{BACKEND}", "displayName": "Backend v1"},
    ),
    call("create", f"GET {ACCOUNT_PATH}", times=3, sees={"projectId": PROJECT}),
    call("create", f"POST {ACCOUNT_PATH}/keys", KEY_BODY, keep={"key": "name/-1"}, sees=KEY_BODY),
    call("create", KEY_GET, times=2, sees={"keyType": "USER_MANAGED"}),
    call("refresh", KEY_GET, sees={"keyAlgorithm": "KEY_ALG_RSA_2048"}),
    call("refresh", f"GET {ACCOUNT_PATH}", keep={"etag": "etag"}),
    call("update", f"GET {ACCOUNT_PATH}"),
    call(
        "update",
        f"PATCH {ACCOUNT_PATH}",
        {"serviceAccount": {"displayName": "Backend v2", "etag": "$etag"}, "updateMask": "display_name"},
        sees={"displayName": "Backend v2"},
    ),
    call("update", f"GET {ACCOUNT_PATH}", times=3, sees={"displayName": "Backend v2", "email": BACKEND}),
    call("destroy", f"DELETE {ACCOUNT_PATH}/keys/$key"),
    call("destroy", f"DELETE {ACCOUNT_PATH}"),
]

PROJECT_POLICY = {"options": {"requestedPolicyVersion": 3}}
MEMBER = {"members": [f"serviceAccount:{RUNTIME}"], "role": "roles/datastore.user"}
GET_PROJECT_POLICY = f"POST /crm/v1/{P}:getIamPolicy"
SET_PROJECT_POLICY = f"POST /crm/v1/{P}:setIamPolicy"
IAM_MASK = "bindings,etag,auditConfigs"
PROJECT_MEMBER = [
    call("create", GET_PROJECT_POLICY, PROJECT_POLICY, keep={"etag": "etag"}),
    call(
        "create",
        SET_PROJECT_POLICY,
        {"policy": {"bindings": [MEMBER], "etag": "$etag", "version": 3}, "updateMask": IAM_MASK},
        sees={"bindings": [MEMBER]},
    ),
    call("create", GET_PROJECT_POLICY, PROJECT_POLICY, times=4, sees={"bindings": [MEMBER]}),
    call("refresh", GET_PROJECT_POLICY, PROJECT_POLICY, sees={"bindings": [MEMBER]}),
    call("destroy", GET_PROJECT_POLICY, PROJECT_POLICY, keep={"etag": "etag"}),
    call("destroy", SET_PROJECT_POLICY, {"policy": {"etag": "$etag", "version": 3}, "updateMask": IAM_MASK}),
    call("destroy", GET_PROJECT_POLICY, PROJECT_POLICY, times=4),
]

GROUPS = f"/firestore/v1/{P}/databases/(default)/collectionGroups"
INDEX_BODY = {
    "apiScope": "ANY_API",
    "fields": [
        {"fieldPath": "accountId", "order": "ASCENDING"},
        {"fieldPath": "lastMessageAt", "order": "DESCENDING"},
    ],
    "queryScope": "COLLECTION",
}
INDEX_SEEN = {
    **INDEX_BODY,
    "fields": [*INDEX_BODY["fields"], {"fieldPath": "__name__", "order": "DESCENDING"}],
}
INDEX = [
    call(
        "create",
        f"POST {GROUPS}/threads/indexes",
        INDEX_BODY,
        keep={"index": "metadata.index/-1", "op": "name"},
    ),
    call("create", f"GET {GROUPS}/threads/indexes/$index", sees=INDEX_SEEN),
    call("create", "GET /firestore/v1/$op", sees={"response": {**INDEX_SEEN, "state": "READY"}}),
    call("refresh", f"GET {GROUPS}/threads/indexes/$index", sees={**INDEX_SEEN, "state": "READY"}),
    call("destroy", f"DELETE {GROUPS}/threads/indexes/$index"),
    call("destroy", f"GET {GROUPS}/threads/indexes/$index", status=404),
]

FIELD_PATH = f"{GROUPS}/messages/fields/tsClient"
FIELD_CONFIG = {"indexes": [{"fields": [{"order": "ASCENDING"}], "queryScope": "COLLECTION_GROUP"}]}
FIELD = [
    call("create", f"PATCH {FIELD_PATH}", {"indexConfig": FIELD_CONFIG, "ttlConfig": None}),
    call("create", f"GET {FIELD_PATH}", sees={"indexConfig": FIELD_CONFIG}),
    call("refresh", f"GET {FIELD_PATH}", sees={"indexConfig": FIELD_CONFIG}),
    call("destroy", f"PATCH {FIELD_PATH}?updateMask=indexConfig,ttlConfig"),
    call("destroy", f"GET {FIELD_PATH}", sees={"indexConfig": {"usesAncestorConfig": True}}),
]

RULESETS = f"/firebaserules/v1/{P}/rulesets"


def _rules(word: str) -> dict[str, Any]:
    content = f"service cloud.firestore {{ match /{word}/{{id}} {{ allow read: if true; }} }}"
    return {"source": {"files": [{"content": content, "name": "firestore.rules"}]}}


RULESET = [
    call("create", f"POST {RULESETS}", _rules("v1"), keep={"first": "name/-1"}, sees=_rules("v1")),
    call("create", f"GET {RULESETS}/$first", times=3, sees=_rules("v1")),
    call("refresh", f"GET {RULESETS}/$first", sees=_rules("v1")),
    call("update", f"POST {RULESETS}", _rules("v2"), keep={"second": "name/-1"}),
    call("update", f"GET {RULESETS}/$second", times=3, sees=_rules("v2")),
    call("update", f"GET {RULESETS}/$first"),
    call("update", f"DELETE {RULESETS}/$first"),
    call("destroy", f"GET {RULESETS}/$second"),
    call("destroy", f"DELETE {RULESETS}/$second"),
    call("destroy", f"GET {RULESETS}/$second", status=404),
]

SECRET = f"/secretmanager/v1/{P}/secrets/GROQ_API_KEY"
VERSION = f"/secretmanager/v1/projects/{NUMBER}/secrets/GROQ_API_KEY/versions"
SECRET_NAME = f"projects/{NUMBER}/secrets/GROQ_API_KEY"
ACCESSOR = {"members": [f"serviceAccount:{RUNTIME}"], "role": "roles/secretmanager.secretAccessor"}
GET_SECRET_POLICY = f"GET {SECRET}:getIamPolicy?options.requestedPolicyVersion=3"
SET_SECRET_POLICY = f"POST {SECRET}:setIamPolicy"


def _secret(version: str) -> dict[str, Any]:
    return {"labels": {**LABELS, "v": version}, "replication": {"automatic": {}}}


SECRETS = [
    call(
        "create",
        f"POST /secretmanager/v1/{P}/secrets?secretId=GROQ_API_KEY",
        _secret("1"),
        sees={"name": SECRET_NAME, **_secret("1")},
    ),
    call("create", f"GET {SECRET}", sees=_secret("1")),
    call(
        "create",
        f"POST {SECRET}:addVersion",
        {"payload": {"data": "aHVzaDE="}},
        sees={"name": f"{SECRET_NAME}/versions/1", "state": "ENABLED"},
    ),
    call("create", GET_SECRET_POLICY, keep={"etag": "etag"}),
    call(
        "create",
        SET_SECRET_POLICY,
        {"policy": {"bindings": [ACCESSOR], "etag": "$etag", "version": 3}},
        sees={"bindings": [ACCESSOR]},
    ),
    call("create", f"POST {VERSION}/1:enable", sees={"state": "ENABLED"}),
    call("create", f"GET {VERSION}/1", sees={"name": f"{SECRET_NAME}/versions/1", "state": "ENABLED"}),
    call("create", GET_SECRET_POLICY, times=4, sees={"bindings": [ACCESSOR]}),
    call("refresh", f"GET {SECRET}", sees=_secret("1")),
    call("refresh", GET_SECRET_POLICY, sees={"bindings": [ACCESSOR]}),
    call("refresh", f"GET {VERSION}/1", sees={"state": "ENABLED"}),
    call("update", f"PATCH {SECRET}?updateMask=labels", _secret("2"), sees=_secret("2")),
    call("update", f"GET {SECRET}", sees=_secret("2")),
    call(
        "update",
        f"POST {SECRET}:addVersion",
        {"payload": {"data": "aHVzaDI="}},
        sees={"name": f"{SECRET_NAME}/versions/2"},
    ),
    call("update", f"POST {VERSION}/2:enable"),
    call("update", f"GET {VERSION}/2", sees={"state": "ENABLED"}),
    call("update", f"POST {VERSION}/1:destroy", sees={"state": "DESTROYED"}),
    call("destroy", f"POST {VERSION}/2:destroy", sees={"state": "DESTROYED"}),
    call("destroy", GET_SECRET_POLICY, keep={"etag": "etag"}),
    call("destroy", SET_SECRET_POLICY, {"policy": {"etag": "$etag", "version": 3}}),
    call("destroy", GET_SECRET_POLICY, times=4),
    call("destroy", f"DELETE {SECRET}"),
    call("destroy", f"GET {SECRET}", status=404),
]

OWN_BUCKET = f"{PROJECT}-own"
BUCKET_PATH = f"/storage/v1/b/{OWN_BUCKET}"
BUCKET_BODY = {
    "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
    "labels": LABELS,
    "lifecycle": {"rule": list[Any]()},
    "location": "US-CENTRAL1",
    "name": OWN_BUCKET,
    "storageClass": "STANDARD",
}
BUCKET_SEEN = {key: value for key, value in BUCKET_BODY.items() if key != "lifecycle"}
UPLOAD = f"POST /upload/storage/v1/b/{OWN_BUCKET}/o"
STORAGE = [
    call("create", f"POST /storage/v1/b?project={PROJECT}", BUCKET_BODY, sees=BUCKET_SEEN),
    call("create", f"GET {BUCKET_PATH}", times=2, sees=BUCKET_SEEN),
    call(
        "create",
        f"{UPLOAD}?name=src-1.zip&uploadType=multipart",
        {"bucket": OWN_BUCKET},
        upload=b"one",
        sees={"name": "src-1.zip", "size": "3", "md5Hash": "+XxdKZQb+xsv2rCHSQargg=="},
    ),
    call("create", f"GET {BUCKET_PATH}/o/src-1.zip", sees={"bucket": OWN_BUCKET, "storageClass": "STANDARD"}),
    call("refresh", f"GET {BUCKET_PATH}/o/src-1.zip", sees={"name": "src-1.zip"}),
    call("refresh", f"GET {BUCKET_PATH}", sees=BUCKET_SEEN),
    call("update", f"DELETE {BUCKET_PATH}/o/src-1.zip", status=204),
    call("update", f"{UPLOAD}?name=src-2.zip&uploadType=multipart", {"bucket": OWN_BUCKET}, upload=b"two"),
    call("update", f"GET {BUCKET_PATH}/o/src-2.zip", sees={"name": "src-2.zip"}),
    call("destroy", f"DELETE {BUCKET_PATH}/o/src-2.zip", status=204),
    call("destroy", f"GET {BUCKET_PATH}/anywhereCaches/"),
    call("destroy", f"GET {BUCKET_PATH}/o?versions=true", sees={"kind": "storage#objects"}),
    call("destroy", f"DELETE {BUCKET_PATH}", status=204),
    call("destroy", f"GET {BUCKET_PATH}", status=404),
]

LOCATION = f"{P}/locations/{REGION}"
FUNCTIONS = f"/cloudfunctions/v2beta/{LOCATION}/functions"
SEND = f"{FUNCTIONS}/whatsappProxySend"
RUN = f"/run/v2/{LOCATION}/services/whatsappproxysend"
OPEN = {"members": ["allUsers"], "role": "roles/run.invoker"}
FUNCTION_LABELS = {"deployment-tool": "pulumi", **LABELS}


def _build(entry: str, source: str) -> dict[str, Any]:
    return {
        "automaticUpdatePolicy": None,
        "entryPoint": entry,
        "onDeployUpdatePolicy": None,
        "runtime": "nodejs22",
        "source": {"storageSource": {"bucket": BUCKET, "object": source}},
    }


def _config(value: str) -> dict[str, Any]:
    return {
        "allTrafficOnLatestRevision": True,
        "availableCpu": "1",
        "availableMemory": "256Mi",
        "environmentVariables": {"A": value, "LOG_EXECUTION_ID": "true"},
        "ingressSettings": "ALLOW_ALL",
        "maxInstanceCount": 10,
        "maxInstanceRequestConcurrency": 80,
        "secretEnvironmentVariables": [
            {"key": "GROQ_API_KEY", "projectId": PROJECT, "secret": "GROQ_API_KEY", "version": "1"}
        ],
        "serviceAccountEmail": RUNTIME,
        "timeoutSeconds": 60,
    }


SEND_NAME = f"{LOCATION}/functions/whatsappProxySend"
SEND_SEEN = {
    "name": SEND_NAME,
    "state": "ACTIVE",
    "environment": "GEN_2",
    "url": f"https://{REGION}-{PROJECT}.cloudfunctions.net/whatsappProxySend",
    "labels": FUNCTION_LABELS,
}
FUNCTION = [
    call(
        "create",
        f"POST {FUNCTIONS}?functionId=whatsappProxySend",
        {
            "buildConfig": _build("whatsappProxySend", "src-1.zip"),
            "labels": FUNCTION_LABELS,
            "name": SEND_NAME,
            "serviceConfig": _config("1"),
        },
        sees={"done": True, "response": {"name": SEND_NAME, "state": "ACTIVE"}},
    ),
    call(
        "create",
        f"GET {SEND}",
        keep={
            "build": "buildConfig.build",
            "repository": "buildConfig.dockerRepository",
            "builder": "buildConfig.serviceAccount",
            "uri": "serviceConfig.uri",
        },
        sees={**SEND_SEEN, "serviceConfig": _config("1")},
    ),
    call("create", f"GET {RUN}:getIamPolicy", keep={"etag": "etag"}),
    call(
        "create",
        f"POST {RUN}:setIamPolicy",
        {"policy": {"bindings": [OPEN], "etag": "$etag", "version": 3}},
        sees={"bindings": [OPEN]},
    ),
    call("create", f"GET {RUN}:getIamPolicy", times=4, sees={"bindings": [OPEN]}),
    call("refresh", f"GET {SEND}", sees={**SEND_SEEN, "serviceConfig": _config("1")}),
    call("refresh", f"GET {RUN}:getIamPolicy", sees={"bindings": [OPEN]}),
    call(
        "update",
        f"PATCH {SEND}?updateMask=buildConfig,serviceConfig",
        {
            "buildConfig": {
                **_build("whatsappProxySend", "src-2.zip"),
                "build": "$build",
                "dockerRepository": "$repository",
                "serviceAccount": "$builder",
            },
            "labels": FUNCTION_LABELS,
            "serviceConfig": {
                **_config("2"),
                "service": f"{LOCATION}/services/whatsappproxysend",
                "uri": "$uri",
            },
        },
        sees={"done": True},
    ),
    call(
        "update",
        f"GET {SEND}",
        sees={
            **SEND_SEEN,
            "serviceConfig": {
                **_config("2"),
                "uri": "$uri",
                "service": f"{LOCATION}/services/whatsappproxysend",
            },
            "buildConfig": {
                # Google returns the name of its own copy; the recorder returned the name that was sent.
                "source": {"storageSource": {"object": "whatsappProxySend/function-source.zip"}},
                "serviceAccount": "$builder",
            },
        },
    ),
    call("destroy", f"GET {RUN}:getIamPolicy", keep={"etag": "etag"}),
    call("destroy", f"POST {RUN}:setIamPolicy", {"policy": {"etag": "$etag", "version": 3}}),
    call("destroy", f"GET {RUN}:getIamPolicy", times=4),
    call("destroy", f"DELETE {SEND}", sees={"done": True}),
    call("destroy", f"GET {SEND}", status=404),
    call("destroy", f"GET {RUN}:getIamPolicy", status=404),
]

STATS_NAME = f"{LOCATION}/functions/aggregateClientStats"
TRIGGER = {
    "eventFilters": [
        {"attribute": "database", "value": "(default)"},
        {"attribute": "document", "operator": "match-path-pattern", "value": "evenimente/{eventId}"},
    ],
    "eventType": "google.cloud.firestore.document.v1.written",
    "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
    "serviceAccountEmail": RUNTIME,
    "triggerRegion": "nam5",
}
EVENT_FUNCTION = [
    call(
        "create",
        f"POST {FUNCTIONS}?functionId=aggregateClientStats",
        {
            "buildConfig": _build("aggregateClientStats", "src-1.zip"),
            "eventTrigger": TRIGGER,
            "labels": LABELS,
            "name": STATS_NAME,
            "serviceConfig": {
                "allTrafficOnLatestRevision": True,
                "availableMemory": "256Mi",
                "ingressSettings": "ALLOW_ALL",
            },
        },
    ),
    call(
        "create",
        f"GET {FUNCTIONS}/aggregateClientStats",
        keep={"trigger": "eventTrigger.trigger"},
        sees={"name": STATS_NAME, "state": "ACTIVE", "eventTrigger": TRIGGER},
    ),
    call("refresh", f"GET {FUNCTIONS}/aggregateClientStats", sees={"eventTrigger": TRIGGER}),
    call("refresh", "GET /eventarc/v1/$trigger", sees={"destination": {"cloudFunction": STATS_NAME}}),
    call("destroy", f"DELETE {FUNCTIONS}/aggregateClientStats"),
    call("destroy", "GET /eventarc/v1/$trigger", status=404),
]

JOB_NAME = f"{LOCATION}/jobs/firebase-schedule-processFollowUps-{REGION}"
JOB_PATH = f"/cloudscheduler/v1/{JOB_NAME}"


def _job(deadline: str) -> dict[str, Any]:
    return {
        "attemptDeadline": deadline,
        "httpTarget": {
            "httpMethod": "POST",
            "oidcToken": {"serviceAccountEmail": RUNTIME},
            "uri": f"https://{REGION}-{PROJECT}.cloudfunctions.net/processFollowUps",
        },
        "schedule": "every 1 hours",
        "timeZone": "Europe/Bucharest",
    }


JOB = [
    call(
        "create",
        f"POST /cloudscheduler/v1/{LOCATION}/jobs",
        {**_job("181s"), "name": JOB_NAME},
        sees={**_job("181s"), "name": JOB_NAME, "state": "ENABLED"},
    ),
    call("create", f"POST {JOB_PATH}:resume", sees={"state": "ENABLED"}),
    call("create", f"GET {JOB_PATH}", sees=_job("181s")),
    call("refresh", f"GET {JOB_PATH}", sees={**_job("181s"), "state": "ENABLED"}),
    call("update", f"PATCH {JOB_PATH}", _job("182s"), sees={"attemptDeadline": "182s", "name": JOB_NAME}),
    call("update", f"GET {JOB_PATH}", sees=_job("182s")),
    call("destroy", f"DELETE {JOB_PATH}"),
    call("destroy", f"GET {JOB_PATH}", status=404),
]

TOPIC_PATH = f"/pubsub/v1/{P}/topics/topic1"
TOPIC = [
    call(
        "create", f"PUT {TOPIC_PATH}", {"labels": {**LABELS, "v": "1"}}, sees={"name": f"{P}/topics/topic1"}
    ),
    call("create", f"GET {TOPIC_PATH}", times=2, sees={"labels": {"v": "1"}}),
    call("refresh", f"GET {TOPIC_PATH}", sees={"labels": {**LABELS, "v": "1"}}),
    call(
        "update",
        f"PATCH {TOPIC_PATH}?updateMask=labels",
        {"topic": {"labels": {**LABELS, "v": "2"}}},
        sees={"labels": {**LABELS, "v": "2"}},
    ),
    call("update", f"GET {TOPIC_PATH}", sees={"labels": {"v": "2"}}),
    call("destroy", f"DELETE {TOPIC_PATH}"),
    call("destroy", f"GET {TOPIC_PATH}", status=404),
]

QUEUE_NAME = f"{LOCATION}/queues/queue1"
QUEUE_PATH = f"/cloudtasks/v2/{QUEUE_NAME}"
QUEUE = [
    call(
        "create",
        f"POST /cloudtasks/v2/{LOCATION}/queues",
        {"name": QUEUE_NAME, "rateLimits": {"maxConcurrentDispatches": 11}},
        sees={"name": QUEUE_NAME, "state": "RUNNING", "rateLimits": {"maxConcurrentDispatches": 11}},
    ),
    call("create", f"GET {QUEUE_PATH}", sees={"rateLimits": {"maxConcurrentDispatches": 11}}),
    call("refresh", f"GET {QUEUE_PATH}", sees={"retryConfig": {"maxAttempts": 100}}),
    call(
        "update",
        f"PATCH {QUEUE_PATH}?updateMask=rateLimits",
        {"rateLimits": {"maxConcurrentDispatches": 12}},
        sees={"rateLimits": {"maxConcurrentDispatches": 12}},
    ),
    call("update", f"GET {QUEUE_PATH}", sees={"rateLimits": {"maxConcurrentDispatches": 12}}),
    call("destroy", f"DELETE {QUEUE_PATH}"),
    call("destroy", f"GET {QUEUE_PATH}", status=404),
]

IDENTITY = [
    call(
        "create",
        f"POST /serviceusage/v1/{P}/services/eventarc.googleapis.com:generateServiceIdentity",
        sees={
            "done": True,
            "response": {"email": f"service-{NUMBER}@gcp-sa-eventarc.iam.gserviceaccount.com"},
        },
    ),
]

SERVICE_2 = f"/run/v2/{LOCATION}/services/svc2"
INVOKER = {"members": [f"serviceAccount:{RUNTIME}"], "role": "roles/run.invoker"}
BINDING = [
    call("create", f"GET {SERVICE_2}:getIamPolicy", keep={"etag": "etag"}),
    call(
        "create",
        f"POST {SERVICE_2}:setIamPolicy",
        {"policy": {"bindings": [INVOKER], "etag": "$etag", "version": 3}},
    ),
    call("create", f"GET {SERVICE_2}:getIamPolicy", times=4, sees={"bindings": [INVOKER]}),
    call("refresh", f"GET {SERVICE_2}:getIamPolicy", sees={"bindings": [INVOKER]}),
    call("destroy", f"GET {SERVICE_2}:getIamPolicy", keep={"etag": "etag"}),
    call("destroy", f"POST {SERVICE_2}:setIamPolicy", {"policy": {"etag": "$etag", "version": 3}}),
    call("destroy", f"GET {SERVICE_2}:getIamPolicy", times=4),
]

SECRET_BINDING = [
    call("create", GET_SECRET_POLICY, keep={"etag": "etag"}),
    call(
        "create",
        SET_SECRET_POLICY,
        {"policy": {"bindings": [ACCESSOR], "etag": "$etag", "version": 3}},
    ),
    call("create", GET_SECRET_POLICY, times=4, sees={"bindings": [ACCESSOR]}),
    call("refresh", GET_SECRET_POLICY, sees={"bindings": [ACCESSOR]}),
    call("update", GET_SECRET_POLICY, keep={"etag": "etag"}),
    call("update", SET_SECRET_POLICY, {"policy": {"etag": "$etag", "version": 3}}),
    call("update", GET_SECRET_POLICY, times=4, sees={"bindings": None}),
    call("destroy", GET_SECRET_POLICY, keep={"etag": "etag"}),
    call("destroy", SET_SECRET_POLICY, {"policy": {"etag": "$etag", "version": 3}}),
    call("destroy", GET_SECRET_POLICY, times=4),
]

TYPES: dict[str, list[Call]] = {
    "projects.Service": SERVICE,
    "serviceaccount.Account, serviceaccount.Key": ACCOUNT,
    "projects.IAMMember": PROJECT_MEMBER,
    "firestore.Index": INDEX,
    "firestore.Field": FIELD,
    "firebaserules.Ruleset": RULESET,
    "secretmanager.Secret, SecretVersion, SecretIamMember": SECRETS,
    "storage.Bucket, storage.BucketObject": STORAGE,
    "cloudfunctionsv2.Function (https), cloudrunv2.ServiceIamMember": FUNCTION,
    "cloudfunctionsv2.Function (Firestore event)": EVENT_FUNCTION,
    "cloudscheduler.Job": JOB,
    "pubsub.Topic": TOPIC,
    "cloudtasks.Queue": QUEUE,
    "projects.ServiceIdentity": IDENTITY,
    "cloudrunv2.ServiceIamBinding": BINDING,
    "secretmanager.SecretIamBinding": SECRET_BINDING,
}
"""By the type that the plugin was recorded with."""
