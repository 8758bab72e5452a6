"""One resource of each type that the gcp plugin supports; `small:v` changes what can be changed."""

import pulumi
import pulumi_gcp as gcp

PROJECT, REGION = "crm-sandbox", "us-central1"
config = pulumi.Config()
v = config.get("v") or "1"

apis = [
    gcp.projects.Service(f"api-{name}", service=f"{name}.googleapis.com", disable_on_destroy=False)
    for name in (
        "artifactregistry",
        "cloudbuild",
        "cloudfunctions",
        "cloudresourcemanager",
        "cloudscheduler",
        "cloudtasks",
        "eventarc",
        "firebaserules",
        "firestore",
        "iam",
        "pubsub",
        "run",
        "secretmanager",
        "storage",
    )
]
after = pulumi.ResourceOptions(depends_on=apis)

agent = gcp.projects.ServiceIdentity("agent", service="eventarc.googleapis.com", opts=after)
backend = gcp.serviceaccount.Account(
    "backend", account_id="crm-backend", display_name=f"Backend v{v}", opts=after
)
runtime = gcp.serviceaccount.Account("runtime", account_id="crm-fn", opts=after)
key = gcp.serviceaccount.Key("key", service_account_id=backend.name)
signer = gcp.serviceaccount.IAMMember(
    "signer",
    service_account_id=backend.name,
    role="roles/iam.serviceAccountTokenCreator",
    member=backend.member,
)
member = gcp.projects.IAMMember("member", project=PROJECT, role="roles/datastore.user", member=backend.member)

database = gcp.firestore.Database(
    "database",
    name="crm-second",
    location_id="nam5",
    type="FIRESTORE_NATIVE",
    point_in_time_recovery_enablement=(
        "POINT_IN_TIME_RECOVERY_DISABLED" if v == "1" else "POINT_IN_TIME_RECOVERY_ENABLED"
    ),
    deletion_policy="DELETE",
    opts=after,
)
daily = gcp.firestore.BackupSchedule(
    "daily", database=database.name, retention=f"{86400 * int(v)}s", daily_recurrence={}
)
weekly = gcp.firestore.BackupSchedule(
    "weekly",
    database=database.name,
    retention=f"{604800 * int(v)}s",
    weekly_recurrence={"day": "SUNDAY"},
    opts=pulumi.ResourceOptions(depends_on=[daily]),
)

index = gcp.firestore.Index(
    "index",
    collection="threads",
    fields=[
        {"field_path": "accountId", "order": "ASCENDING"},
        {"field_path": "lastMessageAt", "order": "DESCENDING"},
    ],
    opts=after,
)
field = gcp.firestore.Field(
    "field",
    collection="messages",
    field="tsClient",
    index_config={"indexes": [{"order": "ASCENDING", "query_scope": "COLLECTION_GROUP"}]},
    opts=after,
)
ruleset = gcp.firebaserules.Ruleset(
    "ruleset",
    source={
        "files": [
            {
                "name": "firestore.rules",
                "content": f"rules_version = '2';\nservice cloud.firestore {{ }} // v{v}",
            }
        ]
    },
    opts=after,
)

secret = gcp.secretmanager.Secret(
    "secret", secret_id="GROQ_API_KEY", replication={"auto": {}}, labels={"v": v}, opts=after
)
version = gcp.secretmanager.SecretVersion(
    "version", secret=secret.id, secret_data=pulumi.Output.secret(f"hush-hush-{v}")
)
reader = gcp.secretmanager.SecretIamMember(
    "reader",
    secret_id=secret.secret_id,
    role="roles/secretmanager.secretAccessor",
    member=runtime.member,
)
shared = gcp.secretmanager.Secret("shared", secret_id="ADMIN_EMAILS", replication={"auto": {}}, opts=after)
readers = gcp.secretmanager.SecretIamBinding(
    "readers",
    secret_id=shared.secret_id,
    role="roles/secretmanager.secretAccessor",
    members=[runtime.member, backend.member] if v == "1" else [],
)

bucket = gcp.storage.Bucket(
    "bucket",
    name=f"{PROJECT}-crm-functions",
    location=REGION,
    uniform_bucket_level_access=True,
    opts=after,
)
source = gcp.storage.BucketObject(
    "source", bucket=bucket.name, name=f"src-{v}.zip", source=pulumi.FileAsset("source.zip")
)
functions_source = gcp.cloudfunctionsv2.FunctionBuildConfigSourceArgs(
    storage_source=gcp.cloudfunctionsv2.FunctionBuildConfigSourceStorageSourceArgs(
        # Without it, the plugin sends the generation of the previous object with the name of the new one.
        bucket=bucket.name,
        object=source.name,
        generation=source.generation,
    )
)

send = gcp.cloudfunctionsv2.Function(
    "send",
    name="whatsappProxySend",
    location=REGION,
    labels={"deployment-tool": "pulumi"},
    build_config=gcp.cloudfunctionsv2.FunctionBuildConfigArgs(
        runtime="nodejs22", entry_point="whatsappProxySend", source=functions_source
    ),
    service_config={
        "available_memory": "256Mi",
        "available_cpu": "1",
        "timeout_seconds": 60,
        "max_instance_count": 10,
        "max_instance_request_concurrency": 80,
        "service_account_email": runtime.email,
        "environment_variables": {"A": v, "LOG_EXECUTION_ID": "true"},
        "secret_environment_variables": [
            {"key": "GROQ_API_KEY", "project_id": PROJECT, "secret": secret.secret_id, "version": "1"}
        ],
    },
    opts=pulumi.ResourceOptions(depends_on=[version, reader, *apis]),
)
stats = gcp.cloudfunctionsv2.Function(
    "stats",
    name="aggregateClientStats",
    location=REGION,
    build_config=gcp.cloudfunctionsv2.FunctionBuildConfigArgs(
        runtime="nodejs22", entry_point="aggregateClientStats", source=functions_source
    ),
    service_config={"available_memory": "256Mi"},
    event_trigger={
        "event_type": "google.cloud.firestore.document.v1.written",
        "trigger_region": "nam5",
        "retry_policy": "RETRY_POLICY_DO_NOT_RETRY",
        "service_account_email": runtime.email,
        "event_filters": [
            {"attribute": "database", "value": "(default)"},
            {
                "attribute": "document",
                "operator": "match-path-pattern",
                "value": "evenimente/{eventId}",
            },
        ],
    },
    opts=pulumi.ResourceOptions(depends_on=[agent, *apis]),
)
everyone = gcp.cloudrunv2.ServiceIamMember(
    "everyone",
    location=REGION,
    name="whatsappproxysend",
    role="roles/run.invoker",
    member="allUsers",
    opts=pulumi.ResourceOptions(depends_on=[send]),
)
invokers = gcp.cloudrunv2.ServiceIamBinding(
    "invokers",
    location=REGION,
    name="aggregateclientstats",
    role="roles/run.invoker",
    members=[runtime.member],
    opts=pulumi.ResourceOptions(depends_on=[stats]),
)
nobody = gcp.cloudrunv2.ServiceIamBinding(
    "nobody",
    location=REGION,
    name="aggregateclientstats",
    role="roles/run.developer",
    members=[],
    opts=pulumi.ResourceOptions(depends_on=[invokers]),
)

job = gcp.cloudscheduler.Job(
    "job",
    name="firebase-schedule-processFollowUps-us-central1",
    region=REGION,
    schedule="every 1 hours",
    time_zone="Europe/Bucharest",
    attempt_deadline=f"18{v}s",
    http_target={
        "uri": "https://us-central1-crm-sandbox.cloudfunctions.net/processFollowUps",
        "http_method": "POST",
        "oidc_token": {"service_account_email": runtime.email},
    },
    # Without it, the plugin shows what the server fills in as a change in every preview.
    retry_config={
        "retry_count": 3,
        "max_retry_duration": "0s",
        "min_backoff_duration": "5s",
        "max_backoff_duration": "3600s",
        "max_doublings": 5,
    },
    opts=after,
)
topic = gcp.pubsub.Topic("topic", name="topic1", labels={"v": v}, opts=after)
queue = gcp.cloudtasks.Queue(
    "queue",
    name="queue1",
    location=REGION,
    rate_limits={"max_concurrent_dispatches": 10 + int(v)},
    opts=after,
)

pulumi.export("url", send.url)
pulumi.export("key", key.private_key)
