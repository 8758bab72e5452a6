"""A Google project for the tests of `ops adopt`: answers from paths; everything but reading is an error."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from firebase.errors import GoogleError, JsonObject
from ops.adopt import google
from ops.adopt.live import CountedApi, Live
from ops.adopt.model import Declared, Looked, Row

BASE = "projects/crm"
REGION = "europe-west1"
FUNCTIONS = f"{BASE}/locations/-/functions"
INDEXES = f"{BASE}/databases/(default)/collectionGroups/-/indexes"
FIELDS = f"{BASE}/databases/(default)/collectionGroups/-/fields"
JOBS = f"{BASE}/locations/{REGION}/jobs"
QUEUES = f"{BASE}/locations/{REGION}/queues"
TOPICS = f"{BASE}/topics"
SECRETS = f"{BASE}/secrets"
ACCOUNTS = f"{BASE}/serviceAccounts"
APIS = f"{BASE}/services"
RELEASE = f"{BASE}/releases/cloud.firestore"
OFF = GoogleError("off", "none", status=403, reason="SERVICE_DISABLED")
DENIED = GoogleError("denied", "none", status=403, reason="PERMISSION_DENIED")


class Project(CountedApi):
    """Has the objects at some paths.

    Args:
        answers: path -> response; absent ones are 404.
    """

    def __init__(self, answers: Mapping[str, JsonObject | GoogleError]) -> None:
        super().__init__(environ={})
        self.answers = dict(answers)
        self.called: list[str] = []

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        assert method == "GET" or path.endswith(":getIamPolicy"), "looking must change nothing"
        self.requests += 1
        self.called.append(path)
        answer = self.answers.get(path, GoogleError("no", "none", status=404, reason="NOT_FOUND"))
        if isinstance(answer, GoogleError):
            raise answer
        return answer


def urn(type_: str, name: str) -> str:
    """The URN of a resource below a component."""
    return f"urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Part${type_}::{name}"


def declared(type_: str, name: str, inputs: Mapping[str, Any], op: str = "create") -> Declared:
    """A resource in a preview."""
    found = dict(inputs)
    return Declared(
        urn=urn(type_, name),
        type=type_,
        name=name,
        inputs=found,
        parent="urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Part::part",
        provider="urn:pulumi:prod::whatsapp-crm::pulumi:providers:gcp::google::id",
        op=op,
        raw=found,
    )


def look(answers: Mapping[str, JsonObject | GoogleError], *wanted: Declared) -> Looked:
    """What a project with these objects has of the declared ones."""
    return google.look(wanted, Live(Project(answers), "crm"))


def row(looked: Looked, one: Declared) -> Row:
    """The row of a declared object."""
    (found,) = (row for row in looked.rows if row.urn == one.urn)
    return found


def payload(name: str, value: str) -> JsonObject:
    """The response that has a secret's value."""
    return {"name": name, "payload": {"data": base64.b64encode(value.encode()).decode()}}


def named(paths: Sequence[str]) -> list[JsonObject]:
    """Objects that have a name only."""
    return [{"name": path} for path in paths]
