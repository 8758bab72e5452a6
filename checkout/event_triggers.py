"""The event triggers of a manifest: what each kind of event needs of its filters, its region and its rights.

Regions are those of the Firebase CLI (15.34, `deploy/functions/services`): Firestore events come from the
location of the database, Cloud Storage events from that of the bucket (`checkout.live_buckets` reads it), and
Pub/Sub messages are received in the region of the function. Events of the Realtime Database and of Data
Connect come from where their instances are, in which the function has to be, too; all others of Firebase come
from the location "global".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from checkout.endpoints import Endpoint, EventTrigger
from checkout.function_options import Options
from checkout.trigger_kinds import PUBSUB_EVENT, STORAGE_EVENTS
from settings.model import GoogleSettings
from settings.reader import set_command

FIRESTORE_EVENT = re.compile(
    r"google\.cloud\.firestore\.document\.v1\.(?:written|created|updated|deleted)(?:\.withAuthContext)?"
)
# A segment of a path pattern (Eventarc docs, "Path patterns"): text, *, **, {name}, {name=*}, {name=**}.
_SEGMENT = re.compile(r"[^{}*]+|\*{1,2}|\{[A-Za-z_][A-Za-z0-9_]*(?:=\*{1,2})?\}|[^{}*]*\*[^{}*]*")
# Pub/Sub docs, "Guidelines to name a topic"; "goog" is reserved.
_TOPIC = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~%+-]{2,254}")
# Cloud Storage docs, "Bucket names".
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
GLOBAL = "global"
EVERYWHERE = (
    "google.firebase.auth.",
    "google.firebase.firebasealerts.",
    "google.firebase.remoteconfig.",
    "google.firebase.testlab.",
)
IN_THE_REGION = ("google.firebase.database.", "google.firebase.dataconnect.")
"""How event types begin whose triggers are in the location "global", or in the region of their function."""

Add = Callable[[str, str], None]


def bucket_of(endpoint: Endpoint) -> str | None:
    """The bucket whose events a function receives; None if it receives no events of a bucket."""
    trigger = endpoint.trigger
    if isinstance(trigger, EventTrigger) and trigger.event_type.startswith(STORAGE_EVENTS):
        return trigger.filters["bucket"]
    return None


@dataclass(frozen=True, kw_only=True)
class EventReader:
    """Reads the event trigger of one function.

    Args:
        name: the function, which begins each message.
        region: the region of the function.
        options: evaluates expressions.
        add: takes a problem and its fix.
    """

    name: str
    region: str
    google: GoogleSettings
    options: Options
    add: Add

    def read(self, body: Mapping[str, object]) -> EventTrigger | None:
        """The trigger; None after a problem that leaves nothing to deploy.

        Args:
            body: `eventTrigger` of the manifest, with an event type that is supported.
        """
        options = self.options
        event = str(options.resolved(body.get("eventType")))
        if body.get("channel"):
            self.add(
                f"{self.name}: Eventarc channels are not supported by this program.",
                f"Remove the channel of {self.name}.",
            )
        if body.get("serviceAccount") or body.get("serviceAccountEmail"):
            fix = f"Set serviceAccount on {self.name} itself."
            self.add(f"{self.name}: serviceAccount on the trigger alone is not supported.", fix)
        filters = options.strings_by_name_of(body.get("eventFilters"), "eventFilters")
        patterns = options.strings_by_name_of(body.get("eventFilterPathPatterns"), "eventFilterPathPatterns")
        region = options.resolved(body.get("region"))
        found = EventTrigger(
            event_type=event,
            filters=filters,
            path_patterns=patterns,
            region=region if isinstance(region, str) else "",
            retry=options.boolean_of(body.get("retry"), "retry") is True,
        )
        if event == PUBSUB_EVENT:
            return self._pubsub(found)
        if event.startswith(STORAGE_EVENTS):
            return self._storage(found)
        if event.startswith(IN_THE_REGION):
            return self._placed(found, self.region)
        if event.startswith(EVERYWHERE):
            return self._placed(found, GLOBAL)
        return self._firestore(found)

    def _firestore(self, found: EventTrigger) -> EventTrigger:
        location, filters = self.google.firestore_location, found.filters
        if found.region not in ("", location):
            self.add(
                f"{self.name}: the trigger is in {found.region}, but the database is in {location}.",
                f"Remove the region from the trigger of {self.name}, or: "
                f"{set_command('firestoreLocation', found.region)}",
            )
        database = filters.get("database", "(default)")
        expected = self.google.firestore_database
        if database != expected:
            what = f'{self.name}: listens to the database "{database}", but this stack has "{expected}".'
            self.add(what, set_command("firestoreDatabase", database))
        self._document(filters.get("document") or found.path_patterns.get("document") or "")
        filters = {"database": database, "namespace": "(default)", **filters}
        return replace(found, filters=filters, region=location)

    def _document(self, document: str) -> None:
        """A path of documents, with at most one multi-segment wildcard (Firestore triggers docs)."""
        segments = document.strip("/").split("/")
        odd = next((segment for segment in segments if not _SEGMENT.fullmatch(segment)), None)
        several = [segment for segment in segments if "**" in segment]
        if odd is not None and document:
            fix = "Use {name}, or {name=**} for any number of segments; names have letters, digits and _."
            self.add(f'{self.name}: "{odd}" in "{document}" is not a segment or wildcard of a path.', fix)
        elif len(several) > 1:
            what = f'{self.name}: "{document}" has {len(several)} multi-segment wildcards, but can have one.'
            self.add(what, f"Keep one of {', '.join(several)}.")
        elif not document or (not several and len(segments) % 2):
            fix = 'Name a collection, then a document, and so on: "threads/{threadId}/messages/{messageId}".'
            self.add(f'{self.name}: "{document}" is not the path of a document.', fix)

    def _placed(self, found: EventTrigger, location: str) -> EventTrigger:
        """The trigger in the only location that it can have."""
        if found.region not in ("", location):
            what = f"{self.name}: the trigger is in {found.region}, but its events come from {location}."
            self.add(what, f"Remove the region from the trigger of {self.name}.")
        return replace(found, region=location)

    def _pubsub(self, found: EventTrigger) -> EventTrigger | None:
        """The topic is in the filters; the API has a field of its own for it (`pubsubTopic`)."""
        given = found.filters.get("topic", "")
        start = f"projects/{self.google.project}/topics/"
        topic = given.removeprefix(start)
        if not _TOPIC.fullmatch(topic):
            if given.startswith("projects/") and "/topics/" in given:
                what = f"{self.name}: the topic {given} is in another project than {self.google.project}."
                self.add(what, f"Name a topic of {self.google.project} in {self.name}.")
            else:
                what = f'{self.name}: "{given}" is not the name of a Pub/Sub topic.'
                self.add(what, f'Write onMessagePublished("my-topic", …) in {self.name}: up to 255 letters.')
            return None
        filters = {key: value for key, value in found.filters.items() if key != "topic"}
        return replace(found, filters=filters, region=found.region or self.region, topic=topic)

    def _storage(self, found: EventTrigger) -> EventTrigger | None:
        """The trigger without its region, which is that of the bucket, unless the manifest names one."""
        bucket = found.filters.get("bucket", "")
        if not _BUCKET.fullmatch(bucket):
            what = f'{self.name}: "{bucket}" is not the name of a Cloud Storage bucket.'
            self.add(what, f'Write bucket: "my-bucket" in the options of {self.name}, without gs://.')
            return None
        return found
