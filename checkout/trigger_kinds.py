"""The triggers of firebase-functions: which this program deploys, and which it does not.

The only list of them: `checkout.manifest` reads it, and `checkout.trigger_reference` writes it to the docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TriggerKind:
    """One kind of trigger.

    Args:
        name: its plural, for messages.
        functions: the functions of `firebase-functions/v2` that declare it.
        longest_timeout: seconds (Cloud Functions docs, quotas); 0 if the kind is not supported.
        reason: why it is not supported.
    """

    name: str
    functions: tuple[str, ...]
    longest_timeout: int = 0
    reason: str = ""


EVENT_TIMEOUT = 540  # seconds


def _with_auth_context(*functions: str) -> tuple[str, ...]:
    return (*functions, *(f"{function}WithAuthContext" for function in functions))


FIRESTORE = TriggerKind(
    "Firestore document events",
    _with_auth_context("onDocumentCreated", "onDocumentUpdated", "onDocumentDeleted", "onDocumentWritten"),
    EVENT_TIMEOUT,
)
STORAGE_EVENTS = "google.cloud.storage.object.v1."
"""The start of the types of Cloud Storage's events."""
PUBSUB_EVENT = "google.cloud.pubsub.topic.v1.messagePublished"
# By event type of the manifest: the name in Auth's configuration.
BLOCKING_EVENTS: Mapping[str, str] = {
    f"providers/cloud.auth/eventTypes/user.{event}": event
    for event in ("beforeCreate", "beforeSignIn", "beforeSendEmail", "beforeSendSms")
}
AI_LOGIC = TriggerKind(
    "AI Logic blocking functions",
    ("beforeGenerateContent", "afterGenerateContent"),
    reason="AI Logic, which would have to call them, is not deployed",
)
GENKIT = TriggerKind("Genkit actions", ("onCallGenkit",), 3600)
CUSTOM_EVENTS = TriggerKind(
    "custom events",
    ("onCustomEventPublished",),
    reason="functions of pulumi-gcp have no Eventarc channel",
)
FIRST_GENERATION = TriggerKind(
    "functions of the 1st generation",
    (),
    reason="Google recommends the 2nd, which has the same triggers",
)
# By property of the manifest's endpoint; `eventTrigger` by event type, below.
TRIGGERS: Mapping[str, TriggerKind] = {
    "httpsTrigger": TriggerKind("HTTPS requests", ("onRequest",), 3600),
    "callableTrigger": TriggerKind("callable functions", ("onCall",), 3600),
    "eventTrigger": TriggerKind("events", (), EVENT_TIMEOUT),
    "scheduleTrigger": TriggerKind("schedules", ("onSchedule",), 1800),
    "taskQueueTrigger": TriggerKind("task queues", ("onTaskDispatched",), 1800),
    "blockingTrigger": TriggerKind(
        "Auth blocking functions",
        ("beforeUserCreated", "beforeUserSignedIn", "beforeEmailSent", "beforeSmsSent"),
        3600,
    ),
    "dataConnectGraphqlTrigger": TriggerKind(
        "Data Connect resolvers",
        ("onGraphRequest",),
        reason="they are a part of a Data Connect schema, which is not deployed",
    ),
}  # fmt: skip
# By the start of the event type.
EVENTS: Mapping[str, TriggerKind] = {
    "google.cloud.firestore.document.v1.": FIRESTORE,
    PUBSUB_EVENT: TriggerKind("Pub/Sub messages", ("onMessagePublished",), EVENT_TIMEOUT),
    STORAGE_EVENTS: TriggerKind(
        "Cloud Storage events",
        ("onObjectFinalized", "onObjectDeleted", "onObjectArchived", "onObjectMetadataUpdated"),
        EVENT_TIMEOUT,
    ),
    "google.firebase.database.": TriggerKind(
        "Realtime Database events",
        ("onValueCreated", "onValueUpdated", "onValueDeleted", "onValueWritten"),
        EVENT_TIMEOUT,
    ),
    "google.firebase.auth.": TriggerKind("Auth events", ("onUserCreated", "onUserDeleted"), EVENT_TIMEOUT),
    "google.firebase.remoteconfig.": TriggerKind(
        "Remote Config events", ("onConfigUpdated",), EVENT_TIMEOUT
    ),
    "google.firebase.testlab.": TriggerKind("Test Lab events", ("onTestMatrixCompleted",), EVENT_TIMEOUT),
    "google.firebase.firebasealerts.": TriggerKind("Firebase alerts", ("onAlertPublished",), EVENT_TIMEOUT),
    "google.firebase.dataconnect.": TriggerKind(
        "Data Connect events", ("onMutationExecuted",), EVENT_TIMEOUT
    ),
}  # fmt: skip
ALL = tuple(
    kind for kind in (*TRIGGERS.values(), *EVENTS.values(), CUSTOM_EVENTS, AI_LOGIC, GENKIT) if kind.functions
)


def kind_of_event(event: str) -> TriggerKind:
    """The kind of an event type; an event that Google does not send is a custom one.

    Example:
        kind_of_event("google.cloud.pubsub.topic.v1.messagePublished").name  # "Pub/Sub messages"
    """
    return next((kind for start, kind in EVENTS.items() if event.startswith(start)), CUSTOM_EVENTS)
