"""What a resource type is to the stand-in plugin: its rules for a diff, and the calls it makes.

Paths are the SDK's wire names joined with dots; a list's index and a map's key do not appear
(`buildConfig.source.storageSource.object`, `fields.order`).

Refuses nothing by itself: `check.py` refuses inputs, each type's own module refuses what it cannot send.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from sandbox.engine.gcp import sdk_types
from sandbox.engine.gcp.errors import GcpError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.engine.gcp.rest import Rest

State: TypeAlias = dict[str, Any]

DELETION_POLICIES = ("DELETE", "PREVENT", "ABANDON")
ATTRIBUTION_LABEL = "goog-pulumi-provisioned"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The provider's configuration: where to, for whom, and what every resource gets."""

    project: str = ""
    region: str = ""
    billing_project: str = ""
    attribution_label: bool = True


@dataclass(frozen=True, kw_only=True)
class OperationContext:
    """One operation on one resource.

    `timeout` is in seconds, 0 where the program sets none. `tell` shows a passing line beside the resource.
    """

    rest: Rest
    settings: Settings
    timeout: float
    log: Callable[[str], None]

    def wait_seconds(self, default_minutes: float) -> float:
        """Return how long an operation may take: the program's time-out, or the type's own."""
        return self.timeout or default_minutes * 60


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between state and program. `path` is shown; `pattern` is the path without indexes."""

    path: str
    pattern: str
    kind: str  # ADD, DELETE or UPDATE
    replace: bool = False

    @property
    def top(self) -> str:
        """The property of the resource that it is in."""
        return self.pattern.partition(".")[0]


class ResourceType(ABC):
    """A resource type. Subclasses are the tables; their class attributes are Terraform's schema of the
    type.

    Attributes:
        pulumi_type: the Pulumi type token.
        supported: the inputs that are carried; others of the SDK are refused. Empty: all.
        replace: patterns whose change makes a new object; `*` for all inputs.
        keep: patterns exempt from `replace` (only of use with `*`).
        defaults: what an unset pattern means.
        computed: patterns that the server fills when they are unset.
        unsent: the computed patterns that an update does not send back.
        local: inputs that are never sent as such and cannot be read back.
        unordered: patterns of lists whose order means nothing.
        autoname: the input that is generated when unset; its greatest length in `autoname_length`.
        deletion_policies: what `deletionPolicy` may say.
    """

    pulumi_type: ClassVar[str]
    supported: ClassVar[frozenset[str]] = frozenset()
    replace: ClassVar[frozenset[str]] = frozenset()
    keep: ClassVar[frozenset[str]] = frozenset()
    defaults: ClassVar[Mapping[str, Any]] = {}
    computed: ClassVar[frozenset[str]] = frozenset()
    unsent: ClassVar[frozenset[str]] = frozenset()
    local: ClassVar[frozenset[str]] = frozenset({"deletionPolicy"})
    unordered: ClassVar[frozenset[str]] = frozenset()
    autoname: ClassVar[str] = ""
    autoname_length: ClassVar[int] = 255
    deletion_policies: ClassVar[tuple[str, ...]] = DELETION_POLICIES

    @property
    def sdk(self) -> sdk_types.SdkResource:
        """The SDK's types of this resource."""
        return sdk_types.resource(self.pulumi_type)

    @property
    def label(self) -> str:
        """The type's short name, for messages."""
        return self.pulumi_type.rpartition(":")[2]

    def replaces(self, pattern: str) -> bool:
        """Return whether a change at a pattern makes a new object."""
        parts = pattern.split(".")
        prefixes = {".".join(parts[: count + 1]) for count in range(len(parts))}
        if "*" in self.replace:
            return not prefixes & self.keep
        return bool(prefixes & self.replace)

    def normalize(self, pattern: str, value: Any) -> Any:
        """Return the form of a value in which equal means equal to the server."""
        return value

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """Return whether two values that differ are still the same to Terraform's provider."""
        return False

    def failures(self, inputs: State) -> list[tuple[str, str]]:
        """Return what is wrong with inputs of the right types: pairs of property and reason."""
        return []

    def generated_name(self, base: str) -> str:
        """Return a name for an object whose program gives none."""
        return f"{base[: self.autoname_length - 8]}-{secrets.token_hex(4)[:7]}"

    def preview_outputs(self, inputs: State, settings: Settings) -> State:
        """Return the outputs that are known before the object is made."""
        return {}

    def extra_changes(self, state: State, inputs: State) -> list[Change]:
        """Return differences that no single property shows."""
        return []

    @abstractmethod
    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Make the object; return its id and outputs.

        Args:
            call: how to reach the server.
            inputs: the program's inputs with defaults, project and region filled in.
        """

    @abstractmethod
    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Return the object's id and outputs as they are now; None when it is gone.

        `state` is what was known before: empty when the object is imported.
        """

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:  # pragma: no cover - only types with something to update get here
        """Change the object; return its outputs. Unset `inputs` hold the server's own values."""
        message = f"{self.label} cannot be updated in place ({', '.join(change.path for change in changes)})"
        raise GcpError(message)

    @abstractmethod
    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the object. One that is gone already is not an error."""


def labels_to_send(inputs: State, settings: Settings) -> dict[str, str]:
    """Return the labels that are sent: the program's and Pulumi's mark."""
    own = cast("dict[str, str]", inputs.get("labels") or {})
    mark = {ATTRIBUTION_LABEL: "true"} if settings.attribution_label else {}
    return {**mark, **own}


def label_outputs(inputs: State, found: Mapping[str, str], settings: Settings) -> State:
    """Return the three label outputs: the declared ones as found, Pulumi's, and all there are.

    A label that the program does not declare is not its business (Terraform's `labels` are
    non-authoritative).
    """
    declared = cast("dict[str, str]", inputs.get("labels") or {})
    mark = {ATTRIBUTION_LABEL: "true"} if settings.attribution_label else {}
    ours = {**mark, **declared}
    return {
        "labels": {key: found[key] for key in declared if key in found},
        "pulumiLabels": {key: found[key] for key in ours if key in found},
        "effectiveLabels": dict(found),
    }
