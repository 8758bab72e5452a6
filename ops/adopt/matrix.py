"""The report of an adoption: a table by kind, what changes property by property, and the same as JSON.

Before the import, the rows come from the clouds' lists. After it, those of adopted objects come from the
engine: the steps of a preview, whose secrets Pulumi has masked.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, cast

from firebase.errors import JsonObject
from ops.adopt import rights
from ops.adopt.model import MASK, UNKNOWN, Change, Row, Verdict, text
from ops.adopt.plan import DESTRUCTIVE
from ops.adopt.rights import Right
from user_errors import add_fix, printable

KINDS = {
    "gcp:cloudfunctionsv2/function:Function": "function",
    "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding": "invokers",
    "gcp:cloudscheduler/job:Job": "scheduler job",
    "gcp:cloudtasks/queue:Queue": "task queue",
    "gcp:cloudtasks/queueIamBinding:QueueIamBinding": "task enqueuers",
    "gcp:firebaserules/ruleset:Ruleset": "ruleset",
    "gcp:firestore/backupSchedule:BackupSchedule": "backup schedule",
    "gcp:firestore/database:Database": "database",
    "gcp:firestore/field:Field": "field override",
    "gcp:firestore/index:Index": "index",
    "gcp:projects/iAMMember:IAMMember": "project role",
    "gcp:projects/service:Service": "API",
    "gcp:projects/serviceIdentity:ServiceIdentity": "service agent",
    "gcp:secretmanager/secret:Secret": "secret",
    "gcp:secretmanager/secretIamBinding:SecretIamBinding": "secret readers",
    "gcp:secretmanager/secretIamMember:SecretIamMember": "secret reader",
    "gcp:secretmanager/secretVersion:SecretVersion": "secret version",
    "gcp:serviceaccount/account:Account": "service account",
    "gcp:serviceaccount/iAMMember:IAMMember": "account role",
    "gcp:serviceaccount/key:Key": "key",
    "gcp:storage/bucket:Bucket": "bucket",
    "gcp:storage/bucketObject:BucketObject": "source archive",
    "pulumi-python:dynamic/components:GeneratedToken": "token",
    "pulumi-python:dynamic/firebase:BlockingFunctions": "blocking functions",
    "pulumi-python:dynamic/firebase:PubSubTopic": "Pub/Sub topic",
    "pulumi-python:dynamic/firebase:RulesRelease": "rules release",
}
IMPORT = "import"
UNFINISHED = "it is imported, and compared when the rest is"
IMPORTED = "the next `up` imports it"
OTHER_STEP = "the next `up` does this: "
"""Begins the reason of an object that is not only updated."""
RAILWAY = "pulumi-python:dynamic/railway:"
ADOPTION = f"{RAILWAY}Adoption"
COLUMNS = {
    Verdict.SAME: "same",
    Verdict.CHANGES: "changes",
    Verdict.CREATED: "created",
    Verdict.UNDECLARED: "undeclared",
    Verdict.REFUSED: "refused",
}
VARIABLES = re.compile(r"environmentVariables(?=[.\[]|$)", re.IGNORECASE)
"""Values of environment variables are never shown: a secret may be among them."""
DERIVED = ("__provider", "effectiveLabels", "pulumiLabels")
"""The code of a dynamic provider, and what pulumi-gcp derives from `labels`."""
_PART = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[]+)')


def kind(type_: str) -> str:
    """The kind of objects of a type; "" for a type that is no object of a cloud."""
    if type_.startswith(RAILWAY) and type_ != ADOPTION:
        words = re.sub(r"(?<!^)(?=[A-Z])", " ", type_.removeprefix(RAILWAY)).lower()
        return f"railway {words}"
    return KINDS.get(type_, "")


def engine_rows(
    steps: Sequence[JsonObject], adopted: Collection[str], *, unfinished: bool = False
) -> Iterator[Row]:
    """A row for each object that is in the state, or that the program imports itself (the database).

    Args:
        steps: those of a preview. An imported object that changes has two: `import`, then `update`.
        adopted: the URNs that were imported, which no step may create, replace or delete.
        unfinished: whether there is more to import, as after an import that was killed. Before that, the
            engine may replace what was imported: a version, because its secret is not in the state.
    """
    imported = {str(step["urn"]) for step in steps if step["op"] == IMPORT}
    changed = {str(step["urn"]) for step in steps if step["op"] == "update"}
    for step in steps:
        urn, operation = str(step["urn"]), str(step["op"])
        if operation == IMPORT and urn in changed:
            continue
        type_, _, name = urn.split("::", 2)[2].partition("::")
        shown = kind(type_.rpartition("$")[2])
        if not shown or (operation == "create" and urn not in adopted):
            continue
        if urn in adopted and operation in DESTRUCTIVE and unfinished:
            yield Row(kind=shown, name=name, verdict=Verdict.SAME, urn=urn, reason=UNFINISHED)
        elif urn in adopted and operation in (*DESTRUCTIVE, "create"):
            reason = f"the next `up` would {operation} it{_because(step)}"
            yield Row(kind=shown, name=name, verdict=Verdict.REFUSED, urn=urn, reason=reason)
        elif operation in ("same", "read", "refresh", IMPORT):
            reason = IMPORTED if urn in imported else ""
            yield Row(kind=shown, name=name, verdict=Verdict.SAME, urn=urn, reason=reason)
        else:
            reason = IMPORTED if urn in imported else ""
            if operation != "update":
                reason = f"{OTHER_STEP}{operation}"
            found = tuple(step_changes(step))
            yield Row(kind=shown, name=name, verdict=Verdict.CHANGES, urn=urn, changes=found, reason=reason)


def _because(step: JsonObject) -> str:
    reasons = cast("list[str]", step.get("replaceReasons") or step.get("diffReasons") or [])
    return f", because of {', '.join(reasons)}" if reasons else ""


def step_changes(step: JsonObject) -> Iterator[Change]:
    """The properties of a step that differ, by the engine. A dynamic provider names none: by its inputs."""
    old, new = cast("JsonObject", step.get("oldState") or {}), cast("JsonObject", step.get("newState") or {})
    detailed = cast("JsonObject | None", step.get("detailedDiff"))
    if detailed is None:
        yield from _input_changes(old.get("inputs") or {}, new.get("inputs") or {}, "")
        return
    for path, difference in sorted(detailed.items()):
        if not path.startswith(DERIVED):
            before = old.get("inputs" if difference.get("inputDiff") else "outputs")
            yield _step_change(path, _at(before, path), _at(new.get("inputs"), path))


def _step_change(path: str, old: Any, new: Any) -> Change:
    hidden = VARIABLES.search(path) is not None
    one, other = (
        text(_without_variables(value), is_secret=value == MASK or (hidden and value not in (None, UNKNOWN)))
        for value in (old, new)
    )
    return Change(property=path, old=one, new=other)


def _without_variables(value: Any) -> Any:
    """A value with the mask in place of environment variables: the engine may name the block around them."""
    if not isinstance(value, dict):
        return value
    fields = cast("JsonObject", value).items()
    return {
        name: MASK if VARIABLES.search(name) and part else _without_variables(part) for name, part in fields
    }


def _input_changes(old: JsonObject, new: JsonObject, path: str) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        where = f"{path}.{name}" if path else name
        before, after = old.get(name), new.get(name)
        if before == after or where in DERIVED:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _input_changes(cast("JsonObject", before), cast("JsonObject", after), where)
        else:
            yield _step_change(where, before, after)


def _at(value: Any, path: str) -> Any:
    for match in _PART.finditer(path):
        key, index, name = match.groups()
        if isinstance(value, list) and index is not None:
            items = cast("list[Any]", value)
            value = items[int(index)] if int(index) < len(items) else None
        elif isinstance(value, dict):
            value = cast("JsonObject", value).get(str(key if key is not None else name or index))
        else:
            return None
    return value


def show(stack: str, rows: Sequence[Row], out: TextIO) -> None:
    """Print the table, then what is not the same."""
    out.write(printable("\n".join(_lines(stack, rows))) + "\n")


def _lines(stack: str, rows: Sequence[Row]) -> Iterator[str]:
    kinds = sorted({row.kind for row in rows}, key=str.lower)
    width = max(map(len, kinds), default=0)
    yield f"Adoption into the stack {stack}"
    yield f"  {'':{width}}  " + "  ".join(f"{title:>10}" for title in COLUMNS.values())
    for one in kinds:
        numbers = [sum(row.kind == one and row.verdict is verdict for row in rows) for verdict in COLUMNS]
        yield f"  {one:{width}}  " + "  ".join(f"{number or '-':>10}" for number in numbers)
    for verdict in (Verdict.CHANGES, Verdict.CREATED, Verdict.UNDECLARED, Verdict.REFUSED):
        found = [row for row in rows if row.verdict is verdict]
        if found:
            yield ""
            yield f"{verdict.value}:"
        for row in sorted(found, key=lambda row: (row.kind.lower(), row.name)):
            said = [f"  {row.kind} {row.name}" + (f": {row.reason}" if row.reason else "")]
            said += [line for change in row.changes for line in _change(change)]
            yield add_fix("\n".join(said), row.fix, "    ") if row.fix else "\n".join(said)
    same = [row for row in rows if row.verdict is Verdict.SAME and row.reason]
    if same:
        yield ""
        yield "same, with a note:"
        yield from (f"  {row.kind} {row.name}: {row.reason}" for row in same)


def _change(change: Change) -> Iterator[str]:
    if "\n" not in change.old and "\n" not in change.new:
        yield f"    {change.property}: {change.old} -> {change.new}"
        return
    yield f"    {change.property}:"
    lines = change.old.splitlines(), change.new.splitlines()
    for line in difflib.unified_diff(*lines, "live", "declared", lineterm=""):
        yield f"      {line}"


def write_report(
    path: Path,
    stack: str,
    rows: Sequence[Row],
    accounts: Sequence[Right],
    *,
    adopted: int,
    requests: int,
    unread: Sequence[str],
) -> None:
    """Write the report as JSON.

    Raises:
        OSError: the file could not be written.
    """
    document = {
        "stack": stack,
        "adopted": adopted,
        "requests": requests,
        "unread": list(unread),
        "accounts": rights.document(accounts),
        "rows": [
            {
                "kind": row.kind,
                "name": row.name,
                "verdict": row.verdict.value,
                "urn": row.urn,
                "changes": [vars(change) for change in row.changes],
                "reason": row.reason,
                "fix": row.fix,
            }
            for row in rows
        ],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
