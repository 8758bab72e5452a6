"""What the real gcp plugin sends and what it records in the state, for `programs/all_types.py`.

Recorded from pulumi-gcp 9.35 (on Terraform's google-beta 7.45) with the local Google server. The recording is
the reference: if the stand-in differs from it, the stand-in is wrong. One kind of request was added from a
recording of the plugin on google-beta 8: it reads the payload of a secret version (`:access`).

- `recorded_calls.json`: for each type and phase, the requests as [method and path, body, repetitions].
- `recorded_state.json`: each resource after its creation and after a refresh that is saved, and those of the
  types `IMPORTED` as another stack imports them by their ids.

Values that a server chose, such as ids and times, are `ANY` in both.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from tests.sandbox.google.client import (
    ACCOUNTS,
    BACKEND,
    BUCKET,
    DATABASE,
    FUNCTIONS,
    NUMBER,
    PROJECT,
    REGION,
    RULES,
    SECRETS,
    SERVICES,
)

PHASES = ("create", "refresh", "update", "destroy")

_INDEXES = f"{re.escape(DATABASE)}/collectionGroups"
_SECOND = f"/firestore/v1/projects/{PROJECT}/databases/crm-second"
_SECRET = f"{SECRETS}/GROQ_API_KEY"
_SHARED = f"{SECRETS}/ADMIN_EMAILS"
_LOCATION = f"projects/{PROJECT}/locations/{REGION}"
_ACCOUNT = f"{ACCOUNTS}/{BACKEND}"
_APIS = f"/serviceusage/v1/projects/{PROJECT}/services"

PATHS = {
    "gcp:cloudfunctionsv2/function:Function": FUNCTIONS,
    "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding": f"{SERVICES}/aggregateclientstats:",
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": f"{SERVICES}/whatsappproxysend:",
    "gcp:cloudscheduler/job:Job": f"/cloudscheduler/v1/{_LOCATION}/jobs",
    "gcp:cloudtasks/queue:Queue": f"/cloudtasks/v2/{_LOCATION}/queues",
    "gcp:firebaserules/ruleset:Ruleset": f"{RULES}/rulesets",
    "gcp:firestore/backupSchedule:BackupSchedule": f"{_SECOND}/backupSchedules",
    "gcp:firestore/database:Database": (
        rf"/firestore/v1/projects/{PROJECT}/databases\?|{_SECOND}(\?|/operations/)"
    ),
    "gcp:firestore/field:Field": f"{_INDEXES}/messages/fields",
    "gcp:firestore/index:Index": f"{_INDEXES}/threads/indexes",
    "gcp:projects/iAMMember:IAMMember": f"/crm/v1/projects/{PROJECT}:",
    "gcp:projects/service:Service": rf"{_APIS}[?:]|{_APIS}/\S+:enable|/crm/v1/projects/{PROJECT}\?",
    "gcp:projects/serviceIdentity:ServiceIdentity": rf"{_APIS}/\S+:generateServiceIdentity",
    "gcp:pubsub/topic:Topic": f"/pubsub/v1/projects/{PROJECT}/topics/topic1",
    "gcp:secretmanager/secret:Secret": rf"{SECRETS}(\?\S*secretId=GROQ_API_KEY|/GROQ_API_KEY\?)",
    "gcp:secretmanager/secretIamBinding:SecretIamBinding": f"{_SHARED}:(get|set)IamPolicy",
    "gcp:secretmanager/secretIamMember:SecretIamMember": f"{_SECRET}:(get|set)IamPolicy",
    "gcp:secretmanager/secretVersion:SecretVersion": (
        rf"{_SECRET}:addVersion|/secretmanager/v1/projects/{NUMBER}/secrets/GROQ_API_KEY/versions"
    ),
    "gcp:serviceaccount/account:Account": rf"{ACCOUNTS}\?|{_ACCOUNT}\?",
    "gcp:serviceaccount/iAMMember:IAMMember": f"{_ACCOUNT}:(get|set)IamPolicy",
    "gcp:serviceaccount/key:Key": f"{_ACCOUNT}/keys",
    "gcp:storage/bucket:Bucket": rf"/storage/v1/b(\?|/{BUCKET}(\?|/anywhereCaches|/o\?))",
    "gcp:storage/bucketObject:BucketObject": rf"/upload/storage/v1/b/{BUCKET}|/storage/v1/b/{BUCKET}/o/",
}
"""A pattern for each type, which matches the paths of its requests and those of no other type."""

FROM_SOURCE = frozenset({"gcp:cloudtasks/queueIamBinding:QueueIamBinding"})
"""The types whose requests are not recorded, but read in the source of Terraform's provider
(`test_from_source.py`)."""

IMPORTED = frozenset(
    {
        "gcp:cloudfunctionsv2/function:Function",
        "gcp:cloudscheduler/job:Job",
        "gcp:firestore/backupSchedule:BackupSchedule",
        "gcp:firestore/database:Database",
        "gcp:firestore/field:Field",
        "gcp:firestore/index:Index",
        "gcp:secretmanager/secret:Secret",
        "gcp:serviceaccount/account:Account",
        "gcp:storage/bucket:Bucket",
    }
)
"""The types whose import is recorded."""

BATCHED = "gcp:projects/service:Service"
"""Its requests are gathered, so that their number depends on the time at which they come."""

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_PRIVATE = "__pulumi_raw_state_delta"  # the real plugin's own part, which it does not need
_CHOSEN = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|(?!e2bfb730-)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|CICAg\w+"
    r"|MDEwMjE5MjA0\d+|(?<=/keys/)\w+|127\.0\.0\.1:\d+|^BwA\w+=$|^(ewog|LS0t)\S+$|(?<=-)0000\d\d$|^10000000000000000\d+$"
)

Resource = dict[str, Any]
Calls = dict[str, dict[str, list[list[Any]]]]


@dataclass(frozen=True)
class Sent:
    """One request: method and path with query, and its JSON body."""

    line: str
    body: dict[str, Any] | None = None


def recorded_calls() -> Calls:
    """Return the recorded requests by type and phase."""
    return cast("Calls", json.loads(Path(__file__).with_name("recorded_calls.json").read_text("utf-8")))


def recorded_state() -> dict[str, dict[str, Resource]]:
    """Return the recorded resources by name, for `create`, `refresh` and `import`."""
    text = Path(__file__).with_name("recorded_state.json").read_text("utf-8")
    return cast("dict[str, dict[str, Resource]]", json.loads(text))


def sent(entry: dict[str, Any]) -> Sent:
    """Return a request from the log of the Google server."""
    return Sent(f"{entry['method']} {_plain(str(entry['path']))}", _plain(entry.get("body")))


def calls(type_: str, requests: list[Sent]) -> list[list[Any]]:
    """Return the requests of a type as they are recorded: [method and path, body, repetitions].

    The program has two functions, which the engine handles side by side: those of one come after the other's.
    """
    pattern = PATHS[type_]
    own = [
        (request.line, request.body)
        for request in requests
        if re.match(pattern, request.line.partition(" ")[2])
        and (request.body or {}).get("accountId") != "crm-fn"
    ]
    own.sort(key=lambda call: "aggregateClientStats" in call[0])
    return [[line, body, len(list(same))] for (line, body), same in groupby(own)]


def readable(resources: list[Resource]) -> dict[str, Resource]:
    """Return the Google resources of a `pulumi stack export --show-secrets`, by name; one of the APIs."""
    found: dict[str, Resource] = {}
    for resource in resources:
        name = str(resource["urn"]).rpartition("::")[2]
        if not str(resource["type"]).startswith("gcp:") or (
            name.startswith("api-") and name != "api-firestore"
        ):
            continue
        parts = ("additionalSecretOutputs", "id", "inputs", "outputs", "type")
        found[name] = {part: _plain(resource[part]) for part in parts if part in resource}
    return found


def _plain(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if _SIGNATURE in fields:
            return (
                {"secret": _plain(json.loads(fields["plaintext"]))}
                if "plaintext" in fields
                else {"asset": ""}
            )
        return {name: _plain(item, name) for name, item in fields.items() if name != _PRIVATE}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if key == "generation" or (key == "etag" and isinstance(value, str)):
        return "ANY"
    return _CHOSEN.sub("ANY", value) if isinstance(value, str) else value
