"""Firestore triggers: each write of a document becomes an event for the functions that it matches.

The emulator itself delivers each committed write to the address that it is started with
(`--functions_emulator`), with the document before and after it, once for each registered trigger: the
protocol of firebase-tools (15.34, `FunctionsEmulator.addFirestoreTrigger`). What differs from Eventarc is
corrected here: the data is base64 text, `source` names "projects" twice, the location and the account are
made up, and writes that change nothing are delivered, of which Firestore sends no event (Firestore docs,
"Extend with Cloud Functions", "Limitations").

An event is delivered with the identity token of the trigger's account. With RETRY_POLICY_RETRY it is
repeated for a day, at 10 to 600 seconds (Eventarc docs, "Retry events"), else sent once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sandbox.google.errors import ApiError
from sandbox.google.running import revisions, tokens
from sandbox.google.running.backoff import Backoff, repeat
from sandbox.google.running.edge import Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.google.cloud import Cloud
    from sandbox.google.running.edge import Edge, Headers
    from sandbox.google.running.revisions import Revision
    from sandbox.google.store import Json

ONCE = Backoff(attempts=1, duration=None, least=1, most=1, doublings=0)
FOR_A_DAY = Backoff(attempts=None, duration=86_400, least=10, most=600, doublings=6)
RETRIES = "RETRY_POLICY_RETRY"
SCHEMA = "https://github.com/googleapis/google-cloudevents/blob/main/proto/google/events/cloud/firestore/v1/data.proto"
_BEFORE, _AFTER = 2, 1  # fields of google.events.cloud.firestore.v1.DocumentEventData


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """What the emulator registers: an event type and the documents."""

    project: str
    event_type: str
    database: str
    document: str
    is_pattern: bool

    @property
    def key(self) -> str:
        """Its id at the emulator, the same for all functions with this trigger."""
        text = json.dumps([self.event_type, self.database, self.document, self.is_pattern])
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def registration(self) -> Json:
        """Return the body with which the emulator registers it."""
        kind = "PATH_PATTERN" if self.is_pattern else "EXACT"
        return {
            "eventType": self.event_type,
            "database": self.database,
            "namespace": "(default)",
            "document": {"value": self.document.strip("/"), "matchType": kind},
        }


def trigger_of(function: Json) -> Trigger | None:
    """Return the Firestore trigger of a function; None for none."""
    event = cast("Json", function.get("eventTrigger") or {})
    kind = cast("str", event.get("eventType", ""))
    if not kind.startswith(revisions.FIRESTORE_EVENTS):
        return None
    filters = {item["attribute"]: item for item in cast("list[Json]", event.get("eventFilters", []))}
    document = filters["document"]
    return Trigger(
        project=cast("str", function["name"]).split("/")[1],
        event_type=kind,
        database=filters.get("database", {}).get("value", "(default)"),
        document=document["value"],
        is_pattern=document.get("operator") == "match-path-pattern",
    )


def targets(cloud: Cloud, project: str, key: str) -> Iterator[tuple[Json, Revision]]:
    """Yield the functions with a trigger, each with the revision that serves."""
    for function in revisions.functions(cloud):
        trigger = trigger_of(function)
        if trigger is None or trigger.project != project or trigger.key != key:
            continue
        service = cast("str", function["serviceConfig"]["service"]).split("/")
        revision = revisions.serving(cloud, project, service[3], service[5])
        if revision is not None:
            yield function, revision


def changes_nothing(data: bytes) -> bool:
    """Return whether a write left the document as it was."""
    before, after = _field(data, _BEFORE), _field(data, _AFTER)
    if before is None or after is None:
        return False
    # Loading it takes 0.2 s of CPU, which a sandbox that runs nothing does without.
    from google.cloud.firestore_v1.types import Document

    one, other = (Document.deserialize(part) for part in (before, after))
    return bool(one.name) and one.name == other.name and one.fields == other.fields


def _field(data: bytes, number: int) -> bytes | None:
    """Return the last occurrence of a length-delimited field of a protobuf message; None if it has none."""
    at, found = 0, None
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 != 2:
            raise ValueError(f"field {tag >> 3} of the event has wire type {tag & 7}")
        size, at = _varint(data, at)
        if tag >> 3 == number:
            found = data[at : at + size]
        at += size
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def event_headers(given: Mapping[str, str], function: Json) -> dict[str, str]:
    """Return the headers of the event as Eventarc sends them.

    Args:
        given: the emulator's, in lower case.
        function: gets the event; its trigger has the location.
    """
    kept = {name: value for name, value in given.items() if name.startswith("ce-")}
    project, event = given["ce-project"], cast("Json", function["eventTrigger"])
    kept["ce-source"] = f"//firestore.googleapis.com/projects/{project}/databases/{given['ce-database']}"
    kept["ce-location"] = event["triggerRegion"]
    kept["ce-dataschema"] = SCHEMA
    # The emulator does not know who wrote: it says "unknown", and makes an account up.
    kept.pop("ce-authid", None)
    return {**kept, "content-type": "application/protobuf", "user-agent": "APIs-Google"}


class Delivery:
    """Delivers events to functions.

    Args:
        cloud: functions, triggers and accounts.
        edge: passes the requests on.
    """

    def __init__(self, cloud: Cloud, edge: Edge) -> None:
        self._cloud = cloud
        self._edge = edge

    async def deliver(self, function: Json, headers: Mapping[str, str], body: bytes) -> None:
        """Deliver an event to a function, and repeat it if its trigger says so."""
        name = cast("str", function["name"])
        policy = FOR_A_DAY if function["eventTrigger"].get("retryPolicy") == RETRIES else ONCE

        async def attempt(_: int) -> bool:
            return await self._send(name, headers, body)

        await repeat(policy, attempt, self._cloud.switches.run_wait_scale)

    async def _send(self, name: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Send it once, to the revision that serves now; return whether the function has processed it."""
        parent, _, key = name.rpartition("/")
        function = cast("Json | None", self._cloud.store.get(f"cloudfunctions/{parent}", key))
        if function is None or "eventTrigger" not in function:
            return True  # it was deleted: so were its trigger and what is to be delivered
        service = cast("str", function["serviceConfig"]["service"]).split("/")
        revision = revisions.serving(self._cloud, service[1], service[3], service[5])
        if revision is None:
            return True
        uri = cast("str", function["serviceConfig"]["uri"])
        of_firestore = headers["ce-type"].startswith(revisions.FIRESTORE_EVENTS)
        sent = event_headers(headers, function) if of_firestore else headers
        lines: Headers = [(k.encode(), v.encode()) for k, v in sent.items()]
        lines += bearer(self._cloud, function["eventTrigger"].get("serviceAccountEmail", ""), uri)
        lines += [(b"host", uri.partition("//")[2].encode()), (b"content-length", str(len(body)).encode())]
        call = Call(method="POST", path="/", url=uri, headers=lines, body=body, internal=True)
        reply = await self._edge.call(revision, call)
        return reply.status < 300


def bearer(cloud: Cloud, email: str, audience: str) -> Headers:
    """Return the Authorization header of an account; none for an account that does not exist."""
    try:
        token = tokens.issue(cloud, email, audience)
    except ApiError:
        return []
    return [(b"authorization", f"Bearer {token}".encode())]


def decoded(body: bytes) -> bytes:
    """Return the data of an event that the emulator sent as base64 text."""
    return base64.b64decode(body)
