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
ARCHIVE_MD5 = "md5-of-the-archive"
REGION = "us-central1"
GROQ = "value-of-the-groq-key"
ADMINS = "value-of-the-admin-emails"

# What is not named here has the default of its config key.
GOOGLE = GoogleSettings(project=PROJECT, region=REGION, firestore_location="nam5")
RAILWAY = RailwaySettings(
    repo="example/whatsapp-crm",
    root_directory="backend",
    mount_path="/data/sessions",
    target_port=8080,
    log_expectations=("Firebase initialized",),
)
BACKEND = BackendSettings(variables={"LOG_LEVEL": "info"})


def settings(**changes: Any) -> Settings:
    """The settings with changes. New ones for each run, because an Output belongs to one run."""
    given = Settings(
        stack="test",
        production=False,
        app_dir=Path("examples/crm"),
        google=GOOGLE,
        railway=RAILWAY,
        backend=BACKEND,
        functions=FunctionsSettings(),
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
        folder=Path("examples/crm/functions"),
        output_folders=(Path("examples/crm/functions/lib"),),
        endpoints=endpoints,
        archive=Archive(
            path=Path(__file__),
            sha256=content,
            md5=ARCHIVE_MD5,
            object_name=f"default-{content}.zip",
            files=(),
        ),
        required_apis=(),
    )
