"""What the program declares, what the clouds have, and the verdict on each object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from firebase.errors import JsonObject

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""A value that is known after the `up` only, as `pulumi preview --json` writes it (the engine's
`computedValuePlaceholder`)."""

MASK = "[secret]"
"""What stands in a message in place of a secret."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the engine's constant


class Verdict(Enum):
    """What an adoption does with an object."""

    SAME = "same"
    CHANGES = "changes in place"
    CREATED = "will be created"
    UNDECLARED = "exists and is not declared"
    REFUSED = "cannot be adopted"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A property that the next `up` changes in place.

    Args:
        property: its path, such as `serviceConfig.availableMemory`.
        old: the live value, as JSON; secrets are masked.
        new: the declared value, as JSON; secrets are masked.
    """

    property: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report.

    Args:
        kind: the table's group: "function", "index", "railway volume".
        name: the object's name.
        verdict: what happens to it.
        urn: its URN in the stack; empty if the program does not declare it.
        changes: what the next `up` changes, for CHANGES.
        reason: why, in a sentence without a full stop.
        fix: lines of `user_errors.add_fix`, for REFUSED and what would be lost; empty for none.
    """

    kind: str
    name: str
    verdict: Verdict
    urn: str = ""
    changes: tuple[Change, ...] = ()
    reason: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A resource that the program declares, from a step of a preview.

    Args:
        urn: its URN.
        type: its Pulumi type, such as `gcp:storage/bucket:Bucket`.
        name: its logical name.
        inputs: the inputs with secrets in plain text, and `UNKNOWN` for what only the `up` knows. Unless `op`
            is create, secrets that the `up` does not change are masked.
        parent: the parent's URN; empty for none.
        provider: the provider's URN and id, separated by `::`; empty for a component.
        op: the step's operation: create, same, update, replace, ...
        raw: the same inputs with secrets in the form that `secret` returns, for `Found`.
    """

    urn: str
    type: str
    name: str
    inputs: JsonObject
    parent: str
    provider: str
    op: str
    raw: JsonObject = field(default_factory=dict[str, Any])

    @property
    def stack(self) -> str:
        """The stack's name in the URN, without its organization."""
        return self.urn.partition("::")[0].rpartition(":")[2]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A declared object that exists, for the import file.

    Args:
        urn: the URN of the declaration.
        id: the Pulumi id.
        inputs: the inputs for the state, secrets in the form that `secret` returns; None: the provider reads
            them.
        outputs: the outputs for the state, in the same form; if None, the engine reads the object.
        protect: whether the resource is protected in the state.
    """

    urn: str
    id: str
    inputs: JsonObject | None = None
    outputs: JsonObject | None = None
    protect: bool = False


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a cloud has of the declared objects.

    Args:
        rows: a line for each declared object that the state lacks, and for each undeclared one.
        found: the objects that exist, for the import file.
        requests: how many requests it took.
        unread: what the token or the account may not read, and the report therefore cannot compare.
    """

    rows: Sequence[Row] = ()
    found: Sequence[Found] = ()
    requests: int = 0
    unread: Sequence[str] = ()


def secret(value: Any) -> JsonObject:
    """A secret in the form in which the engine reads it from an import file, and encrypts it in the state."""
    return {SIGNATURE: SECRET, "plaintext": json.dumps(value)}


def text(value: Any, *, is_secret: bool = False) -> str:
    """A value for a `Change`: JSON, or the mask."""
    if is_secret:
        return MASK
    return json.dumps(value, ensure_ascii=False).replace(f'"{UNKNOWN}"', "(known after the up)")
