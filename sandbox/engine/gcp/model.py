"""The interface of a resource type: the rules of its diff, and its requests.

Paths are the SDK's wire names joined with dots, without list indexes and map keys
(`buildConfig.source.storageSource.object`, `fields.order`).
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
    """The provider's configuration."""

    project: str = ""
    region: str = ""
    billing_project: str = ""
    attribution_label: bool = True


@dataclass(frozen=True, kw_only=True)
class OperationContext:
    """The context of an operation on a resource.

    `timeout` is in seconds, 0 if the program sets none. `log` shows an ephemeral message beside the resource.
    """

    rest: Rest
    settings: Settings
    timeout: float
    log: Callable[[str], None]

    def wait_seconds(self, default_minutes: float) -> float:
        """Return the time-out of a long-running operation: the program's, or the type's own."""
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
        """The top-level property that it is in."""
        return self.pattern.partition(".")[0]


class ResourceType(ABC):
    """A resource type. The class attributes correspond to Terraform's schema of the type.

    Attributes:
        pulumi_type: the Pulumi type token.
        supported: the inputs that are sent; others of the SDK are errors. Empty: all.
        replace: patterns whose change replaces the object; `*` for all inputs.
        keep: exceptions from `replace` (useful with `*` only).
        defaults: the value of an unset pattern.
        computed: patterns that the server fills if they are unset.
        output_only: computed patterns that a program cannot set, although the SDK has an input of the name.
        unsent: computed patterns that an update does not send back.
        local: inputs that are neither sent as such nor read back.
        unordered: patterns of lists whose order has no meaning.
        autoname: the input that is generated if unset; its maximum length is `autoname_length`.
        deletion_policies: the possible values of `deletionPolicy`.
    """

    pulumi_type: ClassVar[str]
    supported: ClassVar[frozenset[str]] = frozenset()
    replace: ClassVar[frozenset[str]] = frozenset()
    keep: ClassVar[frozenset[str]] = frozenset()
    defaults: ClassVar[Mapping[str, Any]] = {}
    computed: ClassVar[frozenset[str]] = frozenset()
    output_only: ClassVar[frozenset[str]] = frozenset()
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

    def default(self, pattern: str) -> Any:
        """Return the value of a pattern that a program leaves unset; None if there is none."""
        if pattern == "deletionPolicy":
            return DELETION_POLICIES[0]
        return self.defaults.get(pattern)

    def replaces(self, pattern: str) -> bool:
        """Return whether a change of a pattern replaces the object."""
        parts = pattern.split(".")
        prefixes = {".".join(parts[: count + 1]) for count in range(len(parts))}
        if "*" in self.replace:
            return not prefixes & self.keep
        return bool(prefixes & self.replace)

    def normalize(self, pattern: str, value: Any) -> Any:
        """Return a value in the form in which equal values are equal to the server."""
        return value

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """Return whether two values that differ are equal to Terraform's provider."""
        return False

    def failures(self, inputs: State) -> list[tuple[str, str]]:
        """Return the errors in inputs of the right types, as pairs of property and reason."""
        return []

    def generated_name(self, base: str) -> str:
        """Return a name for an object for which the program sets none."""
        return f"{base[: self.autoname_length - 8]}-{secrets.token_hex(4)[:7]}"

    def preview_outputs(self, inputs: State, settings: Settings) -> State:
        """Return the outputs that are known before the object is created."""
        return {}

    def extra_changes(self, state: State, inputs: State) -> list[Change]:
        """Return differences that no single property shows."""
        return []

    @abstractmethod
    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Create the object; return its id and outputs.

        Args:
            context: the operation's context.
            inputs: the program's inputs with defaults, project and region added.
        """

    @abstractmethod
    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Return the object's id and current outputs; None if it does not exist.

        `state` is the last known state: empty for an import.
        """

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:  # pragma: no cover - types without updatable properties do not get here
        """Change the object; return its outputs. Unset `inputs` contain the server's own values."""
        message = f"{self.label} cannot be updated in place ({', '.join(change.path for change in changes)})"
        raise GcpError(message)

    @abstractmethod
    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the object. One that does not exist is not an error."""


def labels_to_send(inputs: State, settings: Settings) -> dict[str, str]:
    """Return the labels to send: the program's and Pulumi's attribution label."""
    own = cast("dict[str, str]", inputs.get("labels") or {})
    mark = {ATTRIBUTION_LABEL: "true"} if settings.attribution_label else {}
    return {**mark, **own}


def label_outputs(inputs: State, found: Mapping[str, str], settings: Settings) -> State:
    """Return the three label outputs: the declared ones as read, Pulumi's, and all.

    Labels that the program does not declare are ignored (Terraform's `labels` are non-authoritative).

    Args:
        inputs: inputs or earlier outputs; empty for an import, which has no declared labels.
        found: the labels that were read.
        settings: the provider's configuration.
    """
    declared = cast("dict[str, str]", inputs.get("labels") or {})
    mark = {ATTRIBUTION_LABEL: "true"} if settings.attribution_label and inputs else {}
    ours = {**mark, **declared}
    return {
        "labels": {key: found[key] for key in declared if key in found},
        "pulumiLabels": {key: found[key] for key in ours if key in found},
        "effectiveLabels": dict(found),
    }
