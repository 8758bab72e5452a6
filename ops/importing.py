"""Import into a stack what exists on Google, is declared by the program and is missing in the state.

Google rejects such an object with the error 409 when `pulumi up` creates it. It exists because another tool
created it, or because an `up` ended (was killed, got an error page) after Google had created it and before
Pulumi recorded it. Only the state changes: nothing is created, changed or deleted on Google.

Types whose creation can be repeated are not imported: enabled APIs, IAM members, service agents, field
overrides, archives, rulesets. Nor are keys and secret versions, whose creation makes another one:
`python -m ops verify` names what is left of these.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from checkout.index_file import parse
from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from ops import stack

INDEX_KEYS = ("queryScope", "fields", "apiScope", "density")
ABSENT = 404
DISABLED = "SERVICE_DISABLED"


@dataclass(frozen=True)
class Kind:
    """A type of objects that have one name.

    Args:
        product: a key of `firebase.rest.PRODUCTS`.
        identifier: a template of the Pulumi id; its variables are inputs of the resource.
        path: a template of the object's path in the API; the id if empty.
    """

    product: str
    identifier: str
    path: str = ""


KINDS: Mapping[str, Kind] = {
    "gcp:cloudfunctionsv2/function:Function": Kind(
        "cloudfunctions", "projects/{project}/locations/{location}/functions/{name}"
    ),
    "gcp:cloudscheduler/job:Job": Kind("cloudscheduler", "projects/{project}/locations/{region}/jobs/{name}"),
    "gcp:secretmanager/secret:Secret": Kind("secretmanager", "projects/{project}/secrets/{secretId}"),
    "gcp:serviceaccount/account:Account": Kind(
        "iam", "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com"
    ),
    "gcp:storage/bucket:Bucket": Kind("storage", "{name}", "b/{name}"),
}
INDEX = "gcp:firestore/index:Index"
"""An index is named by Google: it is found by its shape."""


@dataclass(frozen=True, kw_only=True)
class Existing:
    """An object that the program declares and Google has: its URN in the stack and its Pulumi id."""

    urn: str
    id: str


def find(api: GoogleApi, planned: Iterable[JsonObject]) -> list[Existing]:
    """The objects that Google has, among those that a preview creates.

    Args:
        api: the client.
        planned: the new state of each resource that a preview creates (`newState` of `pulumi preview
            --json`).

    Raises:
        GoogleError: Google could not be read.
    """
    found: list[Existing] = []
    indexes: dict[tuple[str, str], dict[str, str]] = {}
    for resource in planned:
        kind = KINDS.get(str(resource.get("type")))
        inputs = cast("JsonObject", resource.get("inputs") or {})
        urn = str(resource["urn"])
        if kind is not None:
            identifier = kind.identifier.format_map(inputs)
            if _exists(api, kind.product, kind.path.format_map(inputs) or identifier):
                found.append(Existing(urn=urn, id=identifier))
        elif resource.get("type") == INDEX:
            place = str(inputs["project"]), str(inputs["database"])
            if place not in indexes:
                indexes[place] = _indexes(api, *place)
            # The resource is named by the key (`components.indexes`).
            key = _type_and_name(urn)[1].partition("-")[2]
            if key in indexes[place]:
                found.append(Existing(urn=urn, id=indexes[place][key]))
    return found


def import_file(plan: JsonObject, existing: Sequence[Existing]) -> JsonObject:
    """The file for `pulumi import --file`: the found objects, and what they need as parents and provider.

    Args:
        plan: the file that `pulumi preview --import-file` wrote.
        existing: what was found.
    """
    ids = {_type_and_name(one.urn): one.id for one in existing}
    kept: list[JsonObject] = []
    for resource in cast("list[JsonObject]", plan.get("resources") or []):
        type_ = str(resource["type"])
        named = type_, str(resource.get("logicalName") or resource["name"])
        if resource.get("component") or type_ == "pulumi:providers:gcp":
            kept.append(resource)
        elif named in ids:
            kept.append({**resource, "id": ids[named]})
    return {**plan, "resources": kept}


def run(name: str, api: GoogleApi, say: Callable[[str], object]) -> int:
    """Import into a stack what exists; then drop the notes of interrupted creations from its state.

    Args:
        name: the stack.
        api: the client.
        say: prints a line.

    Returns:
        0, or Pulumi's exit code if it failed; its output has been printed.

    Raises:
        StackError: there is no Pulumi CLI, or no such stack.
        GoogleError: Google could not be read.
    """
    interrupted = stack.pending_creations(name)
    with tempfile.TemporaryDirectory(prefix="import-") as folder:
        plan_file = Path(folder) / "plan.json"
        done = stack.pulumi("preview", "--stack", name, "--json", "--import-file", str(plan_file))
        if done.returncode != 0:
            say(_diagnostics(done.stdout) or done.stderr)
            return done.returncode
        steps = cast("list[JsonObject]", json.loads(done.stdout).get("steps") or [])
        planned = [cast("JsonObject", step["newState"]) for step in steps if step.get("op") == "create"]
        existing = find(api, planned)
        for one in existing:
            say(f"exists on Google: {one.id}")
        if existing:
            plan = import_file(json.loads(plan_file.read_text()), existing)
            plan_file.write_text(json.dumps(plan))
            options = ("--file", str(plan_file), "--generate-code=false", "--protect=false")
            done = stack.pulumi("import", "--stack", name, *options, "--yes", "--skip-preview")
            if done.returncode != 0:
                say(done.stdout + done.stderr)
                return done.returncode
    if interrupted:
        # Only the note is dropped: the target keeps Pulumi from reading every other resource.
        options = ("--clear-pending-creates", "--target", stack.root_urn(name), "--yes", "--skip-preview")
        done = stack.pulumi("refresh", "--stack", name, *options)
        if done.returncode != 0:
            say(done.stdout + done.stderr)
            return done.returncode
        say(f"removed from the state: {len(interrupted)} creations that were interrupted")
    say(f"imported: {len(existing)}. Next: pulumi preview -s {name}")
    return 0


def _exists(api: GoogleApi, product: str, path: str) -> bool:
    try:
        api.call("GET", product, path, operation=f"look for {path}", repeatable=True)
    except GoogleError as error:
        if error.status == ABSENT or error.reason == DISABLED:
            return False
        raise
    return True


def _indexes(api: GoogleApi, project: str, database: str) -> dict[str, str]:
    """The full name of each composite index of a database, by its canonical key."""
    path = f"projects/{project}/databases/{database}/collectionGroups/-/indexes"
    try:
        listed = list(api.listed("firestore", path, "indexes", "list the Firestore indexes"))
    except GoogleError as error:
        if error.status == ABSENT or error.reason == DISABLED:
            return {}
        raise
    found: dict[str, str] = {}
    for live in listed:
        entry = {key: live[key] for key in INDEX_KEYS if key in live}
        entry["collectionGroup"] = str(live["name"]).split("/")[5]
        parsed, _ = parse(json.dumps({"indexes": [entry]}), "the live index")
        found |= {spec.key: str(live["name"]) for spec in parsed.indexes}
    return found


def _type_and_name(urn: str) -> tuple[str, str]:
    types, _, name = urn.split("::", 2)[2].partition("::")
    return types.rpartition("$")[2], name


def _diagnostics(output: str) -> str:
    """The messages in the output of `pulumi preview --json`; "" if there are none."""
    try:
        digest = cast("JsonObject", json.loads(output))
    except ValueError:
        return output
    messages = cast("list[JsonObject]", digest.get("diagnostics") or [])
    return "\n".join(str(one.get("message", "")).rstrip() for one in messages)
