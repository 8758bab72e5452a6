"""The requests of the real gcp plugin (9.x, on the Terraform provider 7.45) for each type.

Recorded with a local server. Repeated reads (the real plugin's precaution against slow replicas) are listed
once. `ANY` is a value that the server chose; ids that a server chooses are `*` in paths. An empty list: no
requests.

The recording is the reference: if our plugin differs from it, our plugin is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PROJECT, NUMBER = "crm-sandbox", "100000000001"


class _Any:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "ANY"


ANY: Any = _Any()


@dataclass(frozen=True)
class Sent:
    """One request: method and path with query, and its JSON body."""

    line: str
    body: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The requests of one type. `paths` is a pattern that matches its paths and those of no other type."""

    paths: str
    create: tuple[Sent, ...]
    refresh: tuple[Sent, ...] = ()
    update: tuple[Sent, ...] = ()
    destroy: tuple[Sent, ...] = ()
    in_order: bool = True


def _policy(
    product: str, path: str, binding: dict[str, Any] | None, *, mask: bool = False
) -> tuple[Sent, ...]:
    """Return the three requests of a policy change."""
    if product == "crm":
        read = Sent(f"POST {path}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
    else:
        query = "?options.requestedPolicyVersion=3" if product == "secretmanager" else ""
        read = Sent(f"GET {path}:getIamPolicy{query}")
    policy: dict[str, Any] = {"etag": ANY, "version": 3, **({"bindings": [binding]} if binding else {})}
    body = {"policy": policy, **({"updateMask": "bindings,etag,auditConfigs"} if mask else {})}
    return (read, Sent(f"POST {path}:setIamPolicy", body), read)


_SA = f"/iam/v1/projects/{PROJECT}/serviceAccounts"
_BACKEND = f"{_SA}/crm-backend@{PROJECT}.iam.gserviceaccount.com"
_FN = f"serviceAccount:crm-fn@{PROJECT}.iam.gserviceaccount.com"
_DOCUMENTS = f"/firestore/v1/projects/{PROJECT}/databases/(default)/collectionGroups"
_RULES = f"/firebaserules/v1/projects/{PROJECT}/rulesets"
_SECRET = f"/secretmanager/v1/projects/{PROJECT}/secrets/GROQ_API_KEY"
_VERSION = f"/secretmanager/v1/projects/{NUMBER}/secrets/GROQ_API_KEY/versions"
_FUNCTIONS = f"/cloudfunctions/v2beta/projects/{PROJECT}/locations/us-central1/functions"
_RUN = f"/run/v2/projects/{PROJECT}/locations/us-central1/services"
_JOBS = f"/cloudscheduler/v1/projects/{PROJECT}/locations/us-central1/jobs"
_JOB = "firebase-schedule-processFollowUps-us-central1"
_TOPIC = f"/pubsub/v1/projects/{PROJECT}/topics/topic1"
_QUEUES = f"/cloudtasks/v2/projects/{PROJECT}/locations/us-central1/queues"
_BUCKET = f"/storage/v1/b/{PROJECT}-crm-functions"
_UPLOAD = f"/upload/storage/v1/b/{PROJECT}-crm-functions/o"
_SERVICES = f"/serviceusage/v1/projects/{PROJECT}/services"
_ENABLED = Sent(f"GET {_SERVICES}?fields=services/name,nextPageToken&filter=state:ENABLED&pageSize=200")
_CRM = f"/crm/v1/projects/{PROJECT}"
_INDEX_FIELDS = [
    {"fieldPath": "accountId", "order": "ASCENDING"},
    {"fieldPath": "lastMessageAt", "order": "DESCENDING"},
]
_MARK = {"goog-pulumi-provisioned": "true"}


def _ruleset(v: str) -> dict[str, Any]:
    content = f"rules_version = '2';\nservice cloud.firestore {{ }} // v{v}"
    return {"source": {"files": [{"content": content, "name": "firestore.rules"}]}}


def _secret(v: str) -> dict[str, Any]:
    return {"labels": {**_MARK, "v": v}, "replication": {"automatic": {}}}


def _build(entry_point: str, v: str, *, update: bool = False) -> dict[str, Any]:
    chosen = {"build": ANY, "dockerRepository": ANY, "serviceAccount": ANY} if update else {}
    return {
        "automaticUpdatePolicy": ANY if update else None,
        "onDeployUpdatePolicy": None,
        "entryPoint": entry_point,
        "runtime": "nodejs22",
        "source": {"storageSource": {"bucket": f"{PROJECT}-crm-functions", "object": f"src-{v}.zip"}},
        **chosen,
    }


def _send(v: str, *, update: bool = False) -> dict[str, Any]:
    service: dict[str, Any] = {
        "allTrafficOnLatestRevision": True,
        "availableCpu": "1",
        "availableMemory": "256Mi",
        "environmentVariables": {"A": v, "LOG_EXECUTION_ID": "true"},
        "ingressSettings": "ALLOW_ALL",
        "maxInstanceCount": 10,
        "maxInstanceRequestConcurrency": 80,
        "secretEnvironmentVariables": [
            {"key": "GROQ_API_KEY", "projectId": PROJECT, "secret": "GROQ_API_KEY", "version": "1"}
        ],
        "serviceAccountEmail": _FN.removeprefix("serviceAccount:"),
        "timeoutSeconds": 60,
    }
    if update:
        service |= {"service": ANY, "uri": ANY}
    name = {} if update else {"name": f"projects/{PROJECT}/locations/us-central1/functions/whatsappProxySend"}
    return {
        **name,
        "buildConfig": _build("whatsappProxySend", v, update=update),
        "labels": {"deployment-tool": "pulumi", **_MARK},
        "serviceConfig": service,
    }


_STATS = {
    "buildConfig": _build("aggregateClientStats", "1"),
    "eventTrigger": {
        "eventFilters": [
            {"attribute": "database", "value": "(default)"},
            {"attribute": "document", "operator": "match-path-pattern", "value": "evenimente/{eventId}"},
        ],
        "eventType": "google.cloud.firestore.document.v1.written",
        "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
        "serviceAccountEmail": _FN.removeprefix("serviceAccount:"),
        "triggerRegion": "nam5",
    },
    "labels": _MARK,
    "name": f"projects/{PROJECT}/locations/us-central1/functions/aggregateClientStats",
    "serviceConfig": {
        "allTrafficOnLatestRevision": True,
        "availableMemory": "256Mi",
        "ingressSettings": "ALLOW_ALL",
    },
}


def _job(v: str, *, update: bool = False) -> dict[str, Any]:
    return {
        "attemptDeadline": f"18{v}s",
        "httpTarget": {
            "httpMethod": "POST",
            "oidcToken": {"serviceAccountEmail": _FN.removeprefix("serviceAccount:")},
            "uri": f"https://us-central1-{PROJECT}.cloudfunctions.net/processFollowUps",
        },
        "schedule": "every 1 hours",
        "timeZone": "Europe/Bucharest",
        **({} if update else {"name": f"projects/{PROJECT}/locations/us-central1/jobs/{_JOB}"}),
    }


RECORDED = {
    "gcp:projects/service:Service": Recorded(
        # All services of the program share the list request; only the kinds of requests are compared.
        in_order=False,
        paths=rf"{_SERVICES}(\?|/firestore\.googleapis\.com:)|{_CRM}$",
        create=(_ENABLED, Sent(f"POST {_SERVICES}/firestore.googleapis.com:enable"), Sent(f"GET {_CRM}")),
        refresh=(Sent(f"GET {_CRM}"), _ENABLED),
    ),
    "gcp:projects/serviceIdentity:ServiceIdentity": Recorded(
        paths=rf"{_SERVICES}/eventarc\.googleapis\.com:generate",
        create=(Sent(f"POST {_SERVICES}/eventarc.googleapis.com:generateServiceIdentity"),),
    ),
    "gcp:serviceaccount/account:Account": Recorded(
        paths=rf"{_SA}$|{_BACKEND}$",
        create=(
            Sent(
                f"POST {_SA}", {"accountId": "crm-backend", "serviceAccount": {"displayName": "Backend v1"}}
            ),
            Sent(f"GET {_BACKEND}"),
        ),
        refresh=(Sent(f"GET {_BACKEND}"),),
        update=(
            Sent(f"GET {_BACKEND}"),
            Sent(
                f"PATCH {_BACKEND}",
                {
                    "serviceAccount": {"displayName": "Backend v2", "etag": ANY},
                    "updateMask": "display_name",
                },
            ),
            Sent(f"GET {_BACKEND}"),
        ),
        destroy=(Sent(f"DELETE {_BACKEND}"),),
    ),
    "gcp:serviceaccount/key:Key": Recorded(
        paths=f"{_BACKEND}/keys",
        create=(
            Sent(
                f"POST {_BACKEND}/keys",
                {"keyAlgorithm": "KEY_ALG_RSA_2048", "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE"},
            ),
            Sent(f"GET {_BACKEND}/keys/*?publicKeyType=TYPE_X509_PEM_FILE"),
        ),
        refresh=(Sent(f"GET {_BACKEND}/keys/*?publicKeyType=TYPE_X509_PEM_FILE"),),
        destroy=(Sent(f"DELETE {_BACKEND}/keys/*"),),
    ),
    "gcp:projects/iAMMember:IAMMember": Recorded(
        paths=f"{_CRM}:",
        create=_policy(
            "crm",
            _CRM,
            {
                "members": [f"serviceAccount:crm-backend@{PROJECT}.iam.gserviceaccount.com"],
                "role": "roles/datastore.user",
            },
            mask=True,
        ),
        refresh=(Sent(f"POST {_CRM}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}}),),
        destroy=_policy("crm", _CRM, None, mask=True),
    ),
    "gcp:firestore/index:Index": Recorded(
        paths=rf"{_DOCUMENTS}/threads/indexes".replace("(", r"\(").replace(")", r"\)"),
        create=(
            Sent(
                f"POST {_DOCUMENTS}/threads/indexes",
                {"apiScope": "ANY_API", "fields": _INDEX_FIELDS, "queryScope": "COLLECTION"},
            ),
            Sent(f"GET {_DOCUMENTS}/threads/indexes/*"),
        ),
        refresh=(Sent(f"GET {_DOCUMENTS}/threads/indexes/*"),),
        destroy=(Sent(f"DELETE {_DOCUMENTS}/threads/indexes/*"),),
    ),
    "gcp:firestore/field:Field": Recorded(
        paths=rf"{_DOCUMENTS}/messages/fields".replace("(", r"\(").replace(")", r"\)"),
        create=(
            Sent(
                f"PATCH {_DOCUMENTS}/messages/fields/tsClient",
                {
                    "indexConfig": {
                        "indexes": [{"fields": [{"order": "ASCENDING"}], "queryScope": "COLLECTION_GROUP"}]
                    },
                    "ttlConfig": None,
                },
            ),
            Sent(f"GET {_DOCUMENTS}/messages/fields/tsClient"),
        ),
        refresh=(Sent(f"GET {_DOCUMENTS}/messages/fields/tsClient"),),
        destroy=(Sent(f"PATCH {_DOCUMENTS}/messages/fields/tsClient?updateMask=indexConfig,ttlConfig", {}),),
    ),
    "gcp:firebaserules/ruleset:Ruleset": Recorded(
        paths=_RULES,
        create=(Sent(f"POST {_RULES}", _ruleset("1")), Sent(f"GET {_RULES}/*")),
        refresh=(Sent(f"GET {_RULES}/*"),),
        # The first GET reads the new ruleset, the second the old one before it is deleted.
        update=(
            Sent(f"POST {_RULES}", _ruleset("2")),
            Sent(f"GET {_RULES}/*"),
            Sent(f"DELETE {_RULES}/*"),
        ),
        destroy=(Sent(f"GET {_RULES}/*"), Sent(f"DELETE {_RULES}/*")),
    ),
    "gcp:secretmanager/secret:Secret": Recorded(
        paths=rf"/secretmanager/v1/projects/{PROJECT}/secrets(\?|/GROQ_API_KEY(\?|$))",
        create=(
            Sent(f"POST /secretmanager/v1/projects/{PROJECT}/secrets?secretId=GROQ_API_KEY", _secret("1")),
            Sent(f"GET {_SECRET}"),
        ),
        refresh=(Sent(f"GET {_SECRET}"),),
        update=(Sent(f"PATCH {_SECRET}?updateMask=labels", _secret("2")), Sent(f"GET {_SECRET}")),
        destroy=(Sent(f"DELETE {_SECRET}"),),
    ),
    "gcp:secretmanager/secretVersion:SecretVersion": Recorded(
        paths=r".*/GROQ_API_KEY(:addVersion|/versions)",
        create=(
            Sent(f"POST {_SECRET}:addVersion", {"payload": {"data": ANY}}),
            Sent(f"POST {_VERSION}/1:enable"),
            Sent(f"GET {_VERSION}/1"),
        ),
        refresh=(Sent(f"GET {_VERSION}/1"),),
        update=(
            Sent(f"POST {_SECRET}:addVersion", {"payload": {"data": ANY}}),
            Sent(f"POST {_VERSION}/2:enable"),
            Sent(f"GET {_VERSION}/2"),
            Sent(f"POST {_VERSION}/1:destroy"),
        ),
        destroy=(Sent(f"POST {_VERSION}/2:destroy"),),
    ),
    "gcp:secretmanager/secretIamMember:SecretIamMember": Recorded(
        paths=f"{_SECRET}:(get|set)IamPolicy",
        create=_policy(
            "secretmanager", _SECRET, {"members": [_FN], "role": "roles/secretmanager.secretAccessor"}
        ),
        refresh=_policy("secretmanager", _SECRET, None)[:1],
        destroy=_policy("secretmanager", _SECRET, None),
    ),
    "gcp:storage/bucket:Bucket": Recorded(
        paths=rf"/storage/v1/b(\?|/{PROJECT}-crm-functions($|/anywhereCaches|/o\?))",
        create=(
            Sent(
                f"POST /storage/v1/b?project={PROJECT}",
                {
                    "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
                    "labels": _MARK,
                    "lifecycle": {"rule": []},
                    "location": "US-CENTRAL1",
                    "name": f"{PROJECT}-crm-functions",
                    "storageClass": "STANDARD",
                },
            ),
            Sent(f"GET {_BUCKET}"),
        ),
        refresh=(Sent(f"GET {_BUCKET}"),),
        destroy=(
            Sent(f"GET {_BUCKET}/anywhereCaches/"),
            Sent(f"GET {_BUCKET}/o?versions=true"),
            Sent(f"DELETE {_BUCKET}"),
        ),
    ),
    "gcp:storage/bucketObject:BucketObject": Recorded(
        paths=rf"{_UPLOAD}|{_BUCKET}/o/",
        create=(
            Sent(f"POST {_UPLOAD}?name=src-1.zip&uploadType=multipart"),
            Sent(f"GET {_BUCKET}/o/src-1.zip"),
        ),
        refresh=(Sent(f"GET {_BUCKET}/o/src-1.zip"),),
        update=(
            Sent(f"DELETE {_BUCKET}/o/src-1.zip"),
            Sent(f"POST {_UPLOAD}?name=src-2.zip&uploadType=multipart"),
            Sent(f"GET {_BUCKET}/o/src-2.zip"),
        ),
        destroy=(Sent(f"DELETE {_BUCKET}/o/src-2.zip"),),
    ),
    "gcp:cloudfunctionsv2/function:Function": Recorded(
        paths=rf"{_FUNCTIONS}(\?functionId=|/)whatsappProxySend",
        create=(
            Sent(f"POST {_FUNCTIONS}?functionId=whatsappProxySend", _send("1")),
            Sent(f"GET {_FUNCTIONS}/whatsappProxySend"),
        ),
        refresh=(Sent(f"GET {_FUNCTIONS}/whatsappProxySend"),),
        update=(
            Sent(
                f"PATCH {_FUNCTIONS}/whatsappProxySend?updateMask=buildConfig,serviceConfig",
                _send("2", update=True),
            ),
            Sent(f"GET {_FUNCTIONS}/whatsappProxySend"),
        ),
        destroy=(Sent(f"DELETE {_FUNCTIONS}/whatsappProxySend"),),
    ),
    "gcp:cloudfunctionsv2/function:Function with a trigger": Recorded(
        paths=rf"{_FUNCTIONS}(\?functionId=|/)aggregateClientStats",
        create=(
            Sent(f"POST {_FUNCTIONS}?functionId=aggregateClientStats", _STATS),
            Sent(f"GET {_FUNCTIONS}/aggregateClientStats"),
        ),
        refresh=(Sent(f"GET {_FUNCTIONS}/aggregateClientStats"),),
        # Not recorded, because this function did not change; the format is the other function's.
        update=(
            Sent(f"PATCH {_FUNCTIONS}/aggregateClientStats?updateMask=buildConfig", ANY),
            Sent(f"GET {_FUNCTIONS}/aggregateClientStats"),
        ),
        destroy=(Sent(f"DELETE {_FUNCTIONS}/aggregateClientStats"),),
    ),
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": Recorded(
        paths=f"{_RUN}/whatsappproxysend:",
        create=_policy(
            "run", f"{_RUN}/whatsappproxysend", {"members": ["allUsers"], "role": "roles/run.invoker"}
        ),
        refresh=_policy("run", f"{_RUN}/whatsappproxysend", None)[:1],
        destroy=_policy("run", f"{_RUN}/whatsappproxysend", None),
    ),
    "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding": Recorded(
        paths=f"{_RUN}/aggregateclientstats:",
        create=_policy(
            "run", f"{_RUN}/aggregateclientstats", {"members": [_FN], "role": "roles/run.invoker"}
        ),
        refresh=_policy("run", f"{_RUN}/aggregateclientstats", None)[:1],
        destroy=_policy("run", f"{_RUN}/aggregateclientstats", None),
    ),
    "gcp:cloudscheduler/job:Job": Recorded(
        paths=_JOBS,
        create=(
            Sent(f"POST {_JOBS}", _job("1")),
            Sent(f"POST {_JOBS}/{_JOB}:resume"),
            Sent(f"GET {_JOBS}/{_JOB}"),
        ),
        refresh=(Sent(f"GET {_JOBS}/{_JOB}"),),
        update=(Sent(f"PATCH {_JOBS}/{_JOB}", _job("2", update=True)), Sent(f"GET {_JOBS}/{_JOB}")),
        destroy=(Sent(f"DELETE {_JOBS}/{_JOB}"),),
    ),
    "gcp:pubsub/topic:Topic": Recorded(
        paths=_TOPIC,
        create=(Sent(f"PUT {_TOPIC}", {"labels": {**_MARK, "v": "1"}}), Sent(f"GET {_TOPIC}")),
        refresh=(Sent(f"GET {_TOPIC}"),),
        update=(
            Sent(f"PATCH {_TOPIC}?updateMask=labels", {"topic": {"labels": {**_MARK, "v": "2"}}}),
            Sent(f"GET {_TOPIC}"),
        ),
        destroy=(Sent(f"DELETE {_TOPIC}"),),
    ),
    "gcp:cloudtasks/queue:Queue": Recorded(
        paths=_QUEUES,
        create=(
            Sent(
                f"POST {_QUEUES}",
                {
                    "name": f"projects/{PROJECT}/locations/us-central1/queues/queue1",
                    "rateLimits": {"maxConcurrentDispatches": 11},
                },
            ),
            Sent(f"GET {_QUEUES}/queue1"),
        ),
        refresh=(Sent(f"GET {_QUEUES}/queue1"),),
        update=(
            Sent(
                f"PATCH {_QUEUES}/queue1?updateMask=rateLimits",
                {"rateLimits": {"maxConcurrentDispatches": 12}},
            ),
            Sent(f"GET {_QUEUES}/queue1"),
        ),
        destroy=(Sent(f"DELETE {_QUEUES}/queue1"),),
    ),
}
