"""Rows of the report about the members of a role, all of which the program declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from firebase.errors import JsonObject
from ops.adopt.google_rows import Match, changed, created
from ops.adopt.google_state import as_declared
from ops.adopt.model import UNKNOWN, Change, Declared, Found, text


def binding(
    kind: str,
    one: Declared,
    shown: str,
    path: str,
    policies: Mapping[str, dict[str, list[str]] | None],
) -> Match:
    """A binding: the first `up` removes the members that are not declared."""
    role = str(one.inputs["role"])
    if path not in policies:
        return created(kind, one, shown), None
    roles = policies[path]
    if roles is None:
        reason = "its members may not be read; the `up` removes those that are not declared"
        return created(kind, one, shown, reason), None
    if role not in roles:
        return created(kind, one, shown, "nobody has the role"), None
    members = roles[role]
    wanted = one.inputs.get("members")
    changes: list[Change] = []
    if not isinstance(wanted, list):
        changes.append(Change(property="members", old=text(members), new=text(UNKNOWN)))
    else:
        declared = set(cast("list[str]", wanted))
        changes += [
            Change(property="members", old=text(member), new="removed")
            for member in members
            if member not in declared
        ]
        changes += [
            Change(property="members", old="null", new=text(member))
            for member in sorted(declared - set(members))
        ]
    parent = "name" if "name" in one.inputs else "secretId"  # recorded as the whole name
    found = as_declared(one, f"{path}/{role}", members=members, **{parent: path})
    inputs = {**cast("JsonObject", found.inputs), "members": members}
    return changed(kind, one, shown, changes), Found(
        urn=one.urn, id=found.id, inputs=inputs, outputs=found.outputs
    )
