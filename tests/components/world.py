"""A small stack as data: settings and an app with one function per trigger kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi

from checkout.app import App, Codebase, RulesFile
from checkout.archive import Archive
from checkout.endpoints import (
    CallableTrigger,
    Endpoint,
    EventTrigger,
    HttpsTrigger,
    ScheduleTrigger,
    SecretUse,
)
from checkout.index_file import FieldIndex, FieldSpec, IndexField, IndexSpec
from settings.model import (
    BackendSettings,
    FunctionsSettings,
    GoogleSettings,
    RailwaySettings,
    SecretSettings,
    Settings,
)

PROJECT = "crm-test"
REGION = "us-central1"
GROQ = "value-of-the-groq-key"
ADMINS = "value-of-the-admin-emails"

GOOGLE = GoogleSettings(
    project=PROJECT,
    region=REGION,
    firestore_location="nam5",
    firestore_database="(default)",
    storage_bucket=None,
    backend_roles=("roles/datastore.user",),
    functions_roles=("roles/datastore.user",),
    key_rotation="1",
    index_lanes=2,
)
RAILWAY = RailwaySettings(
    workspace_id=None,
    project_id=None,
    project_name="whatsapp-crm",
    environment="production",
    service_name="backend",
    repo="example/whatsapp-crm",
    branch="main",
    root_directory="backend",
    replicas=1,
    region=None,
    plan="pro",
    volume_name="sessions",
    mount_path="/data/sessions",
    volume_size_gb=50,
    volume_backups=(),
    allow_new_volume=False,
    health_path="/health",
    health_timeout=300,
    start_command=None,
    builder=None,
    build_command=None,
    pre_deploy_command=None,
    dockerfile_path=None,
    railway_config_file=None,
    watch_patterns=(),
    wait_for_checks=False,
    restart_policy="ON_FAILURE",
    restart_max_retries=10,
    overlap_seconds=None,
    draining_seconds=None,
    sleep_application=False,
    target_port=8080,
    custom_domain=None,
    cpu_limit=None,
    memory_limit_gb=None,
    rollback_on_failure=False,
    wait_seconds=1200,
    log_expectations=("Firebase initialized",),
)
BACKEND = BackendSettings(
    sync_full_history=True,
    backfill_count=100,
    backfill_threads=50,
    variables={"LOG_LEVEL": "info"},
    admin_token=None,
)


def settings(**changes: Any) -> Settings:
    """The settings with changes. New ones for each run, because an Output belongs to one run."""
    given = Settings(
        stack="test",
        production=False,
        app_dir=Path("examples/crm"),
        google=GOOGLE,
        railway=RAILWAY,
        backend=BACKEND,
        functions=FunctionsSettings(runtime=None, params={}, discovery_timeout=60),
        secrets=SecretSettings(
            values={
                "GROQ_API_KEY": pulumi.Output.secret(GROQ),
                "ADMIN_EMAILS": pulumi.Output.secret(ADMINS),
            }
        ),
    )
    return replace(given, **changes)


def endpoint(name: str, trigger: Any, *secrets: str, **changes: Any) -> Endpoint:
    """A function."""
    given = Endpoint(
        id=name,
        entry_point=name,
        region=REGION,
        runtime="nodejs22",
        memory="256Mi",
        cpu="1",
        concurrency=80,
        timeout_seconds=60,
        min_instances=0,
        max_instances=10,
        ingress="ALLOW_ALL",
        vpc_connector=None,
        vpc_egress=None,
        labels={},
        environment={},
        secrets=tuple(SecretUse(key=secret, secret=secret) for secret in secrets),
        service_account=None,
        trigger=trigger,
    )
    return replace(given, **changes)


PUBLIC = endpoint("whatsappProxySend", HttpsTrigger(invoker=None), "RAILWAY_WHATSAPP_URL")
PRIVATE = endpoint("exportClients", HttpsTrigger(invoker=("private",)), "ADMIN_EMAILS")
CALLABLE = endpoint("askAboutClient", CallableTrigger(), "GROQ_API_KEY")
EVENT = endpoint(
    "aggregateClientStats",
    EventTrigger(
        event_type="google.cloud.firestore.document.v1.written",
        filters={"namespace": "(default)", "database": "(default)"},
        path_patterns={"document": "evenimente/{eventId}"},
        region="nam5",
        retry=True,
    ),
)
SCHEDULE = endpoint(
    "process_followUps",
    ScheduleTrigger(
        schedule="every 1 hours",
        time_zone="Europe/Bucharest",
        attempt_deadline_seconds=180,
        retry_count=2,
        max_retry_seconds=None,
        min_backoff_seconds=None,
        max_backoff_seconds=None,
        max_doublings=None,
    ),
)
ENDPOINTS = (PUBLIC, PRIVATE, CALLABLE, EVENT, SCHEDULE)


def index(collection: str, *fields: str) -> IndexSpec:
    """A composite index with ascending fields."""
    return IndexSpec(
        collection=collection,
        query_scope="COLLECTION",
        api_scope=None,
        density=None,
        fields=tuple(IndexField(path=path, order="ASCENDING") for path in fields),
        key="-".join((collection, *fields)),
    )


INDEXES = (
    index("threads", "accountId", "lastMessageAt"),
    index("threads", "accountId", "isArchived"),
    index("evenimente", "clientPhone", "date"),
    index("clients", "tags", "displayName"),
    index("messages", "threadId", "tsClient"),
)
FIELD = FieldSpec(
    collection="messages",
    field="tsClient",
    indexes=(FieldIndex(query_scope="COLLECTION_GROUP", order="ASCENDING"),),
    ttl=None,
    key="messages-tsClient",
)


def app(**changes: Any) -> App:
    """The app with changes."""
    given = App(
        rules=RulesFile(name="firestore.rules", content="rules_version = '2';"),
        indexes=INDEXES,
        fields=(FIELD,),
        codebases=(codebase(*ENDPOINTS),),
        warnings=(),
        notes=(),
    )
    return replace(given, **changes)


def codebase(*endpoints: Endpoint, content: str = "0f0f") -> Codebase:
    """A codebase of these functions, with an archive of this content."""
    return Codebase(
        name="default",
        endpoints=endpoints,
        archive=Archive(path=Path(__file__), sha256=content, object_name=f"default-{content}.zip", files=()),
        required_apis=(),
    )
