"""What an `up` that was killed leaves in the state of a stack, and how an adoption repairs it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from firebase.errors import JsonObject
from ops import stack
from ops.adopt import engine
from ops.adopt.engine import say
from settings.parsing import mapping

KEY = "::gcp:serviceaccount/key:Key::"


def half_replaced(state: JsonObject) -> list[str]:
    """The URNs of objects that an `up` deleted and did not record the new creation of."""
    return [str(one["urn"]) for one in _resources(state) if one.get("pendingReplacement")]


def needs_repair(state: JsonObject) -> bool:
    """Whether an import needs `repair` first."""
    resources = _resources(state)
    return repaired(resources) != resources


def repaired(resources: Sequence[JsonObject]) -> list[JsonObject]:
    """The resources of a state without what makes an import of Pulumi fail or pass over them.

    - Marks of half-replaced objects: the engine reads no resource that waits for its creation, and imports
      none.
    - Marks of objects that are about to be deleted, where the new one is not recorded and other resources
      depend on it. An import moves what has the mark behind everything else, and ends with "snapshot
      integrity failure" (seen with Pulumi 3.274.1). Without the mark, the next `up` replaces the object.
    - A new object behind what depends on it, with the old one of the same URN in front: the same failure.
    """
    stays = {str(one["urn"]) for one in resources if not one.get("delete")}
    needed = {urn for one in resources if not one.get("delete") for urn in _needs(one)}
    unmarked: list[JsonObject] = []
    for one in resources:
        marks = {"pendingReplacement"}
        if one.get("delete") and str(one["urn"]) in needed - stays:
            marks.add("delete")
            stays.add(str(one["urn"]))
        unmarked.append({key: value for key, value in one.items() if key not in marks})
    return in_order(unmarked)


def in_order(resources: Sequence[JsonObject]) -> list[JsonObject]:
    """The resources of a state, each behind what it depends on; otherwise in the order that they have.

    Where one of two resources of a URN is about to be deleted, what stays needs the one that stays; what is
    about to be deleted needs the first.

    Example:
        >>> [one["urn"] for one in in_order([{"urn": "b", "dependencies": ["a"]}, {"urn": "a"}])]
        ['a', 'b']
    """
    first: dict[str, JsonObject] = {}
    stays: dict[str, JsonObject] = {}
    for one in resources:
        first.setdefault(str(one["urn"]), one)
        if not one.get("delete"):
            stays[str(one["urn"])] = one
    stays = first | stays
    ordered: list[JsonObject] = []
    begun = set[int]()

    def add(one: JsonObject) -> None:
        if id(one) in begun:
            return
        begun.add(id(one))
        of_urn = first if one.get("delete") else stays
        for urn in _needs(one):
            if urn in of_urn:
                add(of_urn[urn])
        ordered.append(one)

    for one in resources:
        add(one)
    return ordered


def _needs(resource: JsonObject) -> Iterator[str]:
    """The URNs that stand in front of a resource in a valid state (`VerifyIntegrity` of Pulumi)."""
    yield str(resource.get("parent") or "")
    yield str(resource.get("provider") or "").rpartition("::")[0]
    yield str(resource.get("deletedWith") or "")
    yield from cast("list[str]", resource.get("dependencies") or [])
    properties: Mapping[str, object] = mapping(resource.get("propertyDependencies")) or {}
    for urns in properties.values():
        yield from cast("list[str]", urns or [])


def repair(name: str, state: JsonObject, folder: Path) -> None:
    """Make the state one that an import accepts, and have it say what exists of half-replaced objects: what
    was created again, or nothing.

    A run that is killed in between leaves a resource that the next `up` replaces once more.

    Args:
        name: the stack.
        state: the state of the report (`stack.export`). The whole of it is written, so it must not have
            changed since: each write of Pulumi changes the time in the manifest.
        folder: a private folder.

    Raises:
        StackError: another run has changed the state, a Pulumi command failed, or there is no Pulumi CLI.
    """
    if stack.export(name) != state:
        raise stack.StackError(
            f"another Pulumi run has changed the state of the stack {name} since this command read it; "
            "nothing was written",
            f".venv/bin/python -m ops adopt --stack {name}  # when the other run has ended",
        )
    urns = half_replaced(state)
    document = {**state, "deployment": {**state["deployment"], "resources": repaired(_resources(state))}}
    engine.call_with_file("stack import", name, folder / "state.json", document)
    if not urns:
        return
    targets = [option for urn in urns for option in ("--target", urn)]
    engine.call("refresh", name, *targets, "--yes", "--skip-preview")
    existing = {str(one["urn"]) for one in stack.resources(name)}
    for urn in urns:
        result = (
            "was created, and is adopted" if urn in existing else "was deleted only, and is created again"
        )
        say(f"interrupted replacement of {urn.rpartition('::')[2]}: it {result}")


def forget_creations(name: str, interrupted: Sequence[str], created: Collection[str]) -> None:
    """Drop the notes of interrupted creations, once it is known of each whether its object exists.

    Args:
        name: the stack.
        interrupted: their URNs.
        created: the URNs of what the next `up` creates.

    Raises:
        StackError: the Pulumi command failed, or there is no Pulumi CLI.
    """
    if not interrupted:
        return
    for urn in interrupted:
        result = "does not exist, or is created again" if urn in created else "exists, and is adopted"
        say(f"interrupted creation of {urn.rpartition('::')[2]}: {result}")
    # Only the note is dropped: the target keeps Pulumi from reading every other resource.
    options = ("--clear-pending-creates", "--target", stack.root_urn(name), "--yes", "--skip-preview")
    engine.call("refresh", name, *options)
    if any(KEY in f"::{urn.rpartition('$')[2]}" for urn in interrupted):
        say(f"a key may have been created. To name it:\n  .venv/bin/python -m ops verify --stack {name}")


def _resources(state: JsonObject) -> list[JsonObject]:
    return cast("list[JsonObject]", state["deployment"].get("resources") or [])
