"""What the program declares, from `pulumi preview`: JSON, the import file, and the plan file.

The JSON of a preview masks secrets, also with `--show-secrets`; the plan file has them in plain text then.
Both files are in a folder that only this user can read. The plan file is deleted as soon as it is read: the
command may wait for an answer afterwards, and a kill leaves what the folder has (`ops.adopt.run_folder`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from firebase.errors import JsonObject
from ops import stack
from ops.adopt.model import SECRET, SIGNATURE, Declared, Found
from railway.adoption import REPORT

DESTRUCTIVE = ("delete", "replace", "create-replacement", "delete-replaced", "discard", "discard-replaced")
"""Operations of a preview that end an object (`StepOp` of the engine)."""


class PreviewError(stack.StackError):
    """The preview failed; the message has what Pulumi printed."""

    def __init__(self, name: str, output: str) -> None:
        super().__init__(
            f"`pulumi preview` of the stack {name} failed:\n{output.strip()}",
            f"pulumi preview -s {name}  # correct what it reports, until it succeeds\n"
            "Then run the command again.",
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A preview.

    Args:
        declared: every resource that the program declares, in the order of the program.
        steps: the steps as Pulumi prints them, secrets masked.
        import_file: the file that `pulumi preview --import-file` wrote.
    """

    declared: Sequence[Declared]
    steps: Sequence[JsonObject]
    import_file: JsonObject


def read(name: str, folder: Path) -> Plan:
    """Run a preview of the stack.

    Args:
        name: the stack.
        folder: a private folder for the files, which contain secrets.

    Raises:
        PreviewError: the program or a check failed.
        StackError: there is no Pulumi CLI.
    """
    imports, planned = folder / "import.json", folder / "plan.json"
    options = ("--json", "--show-sames", "--show-secrets")
    files = ("--import-file", str(imports), "--save-plan", str(planned))
    # The report of `railway.adoption` is this command's own.
    try:
        done = stack.pulumi("preview", "--stack", name, *options, *files, **{REPORT: "false"})
        if done.returncode != 0:
            raise PreviewError(name, _diagnostics(done.stdout) or done.stderr)
        plan = cast("JsonObject", json.loads(planned.read_text()))
    finally:
        planned.unlink(missing_ok=True)
    digest = _first_document(done.stdout)
    steps = cast("list[JsonObject]", digest.get("steps") or [])
    return Plan(
        declared=list(declarations(steps, cast("JsonObject", plan.get("resourcePlans") or {}))),
        steps=steps,
        import_file=cast("JsonObject", json.loads(imports.read_text())),
    )


def declarations(steps: Iterable[JsonObject], plans: Mapping[str, Any]) -> Iterable[Declared]:
    """The resources of a preview.

    Args:
        steps: the steps of its JSON.
        plans: the resources of its plan file, by URN.
    """
    for step in steps:
        state = cast("JsonObject", step.get("newState") or {})
        if not state or step.get("op") in ("delete", "delete-replaced", "read-discard"):
            continue
        urn = str(step["urn"])
        raw = cast("JsonObject", state.get("inputs") or {})
        goal = cast("JsonObject", (plans.get(urn) or {}).get("goal") or {})
        changed = cast("JsonObject", goal.get("inputDiff") or {})
        if step.get("op") == "create":
            # Diffs of the engine lack internal properties such as `__provider` (`IsInternalPropertyKey`).
            internal = {name: value for name, value in raw.items() if name.startswith("__")}
            raw = {**internal, **(changed.get("adds") or raw)}
        else:
            # Only a creation has all its inputs in the plan: of others, it has the changes.
            raw = {**raw, **(changed.get("adds") or {}), **(changed.get("updates") or {})}
        yield Declared(
            urn=urn,
            type=str(state["type"]),
            name=urn.rpartition("::")[2],
            inputs=cast("JsonObject", revealed(raw)),
            parent=str(state.get("parent") or ""),
            provider=str(state.get("provider") or ""),
            op=str(step["op"]),
            raw=raw,
        )


def revealed(value: Any) -> Any:
    """A value of a plan file with secrets as their plain values."""
    if isinstance(value, list):
        return [revealed(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("JsonObject", value)
    if fields.get(SIGNATURE) == SECRET:
        return revealed(json.loads(str(fields["plaintext"]))) if "plaintext" in fields else None
    return {name: revealed(item) for name, item in fields.items()}


def import_file(plan: Plan, found: Sequence[Found]) -> JsonObject:
    """The file for `pulumi import --file`: the found objects, and the parents and providers they need.

    Args:
        plan: the preview.
        found: what exists.
    """
    by_urn = {one.urn: one for one in found}
    providers = {one.urn: one.provider.rpartition("::")[0] for one in plan.declared}
    needed = {*by_urn, *(providers[urn] for urn in by_urn), *ancestors(plan, found)}
    entries = cast("list[JsonObject]", plan.import_file.get("resources") or [])
    urns = {_type_and_name(one.urn): one.urn for one in plan.declared}
    kept: list[JsonObject] = []
    for entry in entries:
        urn = urns.get((str(entry["type"]), str(entry.get("logicalName") or entry["name"])), "")
        if urn not in needed:
            continue
        one = by_urn.get(urn)
        kept.append(entry if one is None else {**entry, **_content(one)})
    return {**plan.import_file, "resources": kept}


def ancestors(plan: Plan, found: Sequence[Found]) -> set[str]:
    """The URNs of the parents of found objects, up to the stack."""
    parents = {one.urn: one.parent for one in plan.declared}
    above: set[str] = set()
    for one in found:
        urn = one.urn
        while urn := parents.get(urn, ""):
            above.add(urn)
    return above


def _content(one: Found) -> JsonObject:
    given = {"inputs": one.inputs, "outputs": one.outputs}
    return {"id": one.id, **{key: value for key, value in given.items() if value is not None}}


def _type_and_name(urn: str) -> tuple[str, str]:
    types, _, name = urn.split("::", 2)[2].partition("::")
    return types.rpartition("$")[2], name


def _first_document(output: str) -> JsonObject:
    """The JSON at the beginning of an output that may end in other lines."""
    return cast("JsonObject", json.JSONDecoder().raw_decode(output.lstrip())[0])


def _diagnostics(output: str) -> str:
    """The messages in the output of `pulumi preview --json`; "" if there are none."""
    try:
        digest = _first_document(output)
    except ValueError:
        return output
    messages = cast("list[JsonObject]", digest.get("diagnostics") or [])
    return "\n".join(str(one.get("message", "")).rstrip() for one in messages)
